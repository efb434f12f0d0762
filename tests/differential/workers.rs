//! Runs many programs, on as many threads as there are processors.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::against_analysis;
use super::against_pytorch;
use super::batch::{self, Entry};
use super::disagreement::{Class, Disagreement, shape_of};
use super::options::Options;
use super::python::Witness;
use super::report::Report;
use super::shrink::shrink;
use super::subject::Subject;
use crate::support::program_generator::Generator;
use crate::support::program_generator::corpus::Corpus;
use crate::support::program_generator::single::Singles;
use crate::support::program_generator::tree::{self, Tree};

/// Where programs come from: a label and a program for each number, and what PyTorch is known to have done.
pub trait Supply: Sync {
    fn count(&self) -> u64;
    fn program(&self, nth: u64) -> Program;
}

/// A program with what is known of it.
pub struct Program {
    pub label: String,
    pub tree: Tree,
    pub holds: Option<String>,
    pub known: Option<Entry>,
}

/// Programs of fresh seeds, against a living PyTorch.
pub fn live(python: &str, options: &Options) -> Report {
    if !options.programs.is_empty() {
        return run(&Files(&options.programs), Some(python), options);
    }
    if options.single_operators {
        return live_on(&Singles::all(options.operator.as_deref()), python, options);
    }
    let supply = Seeds {
        generator: generator(options),
        first: options.seed,
        count: options.count,
    };
    live_on(&supply, python, options)
}

fn live_on(supply: &dyn Supply, python: &str, options: &Options) -> Report {
    if options.show {
        for nth in 0..supply.count() {
            println!("{}", supply.program(nth).tree.text());
        }
        return Report::default();
    }
    run(supply, Some(python), options)
}

/// The generator of random programs.
pub fn generator(options: &Options) -> Generator {
    Generator {
        corpus: Corpus::read(),
        size: options.size,
    }
}

/// The fixed batch, against the record of it.
pub fn recorded(options: &Options) -> Report {
    run(&batch::read(), None, options)
}

struct Seeds {
    generator: Generator,
    first: u64,
    count: u64,
}

impl Supply for Seeds {
    fn count(&self) -> u64 {
        self.count
    }
    fn program(&self, nth: u64) -> Program {
        let seed = self.first + nth;
        let generated = self.generator.program(seed);
        Program {
            label: format!("seed {seed}"),
            tree: generated.tree,
            holds: generated.holds,
            known: None,
        }
    }
}

impl Supply for Singles {
    fn count(&self) -> u64 {
        Singles::count(self)
    }
    fn program(&self, nth: u64) -> Program {
        let (label, tree) = self.nth(nth);
        Program {
            label: label.to_owned(),
            tree: tree.clone(),
            holds: None,
            known: None,
        }
    }
}

struct Files<'a>(&'a [std::path::PathBuf]);

impl Supply for Files<'_> {
    fn count(&self) -> u64 {
        self.0.len() as u64
    }
    fn program(&self, nth: u64) -> Program {
        let path = &self.0[nth as usize];
        let text = std::fs::read_to_string(path).expect("the program can be read");
        Program {
            label: path.display().to_string(),
            tree: tree::parse(&text).expect("the program is written in the usual way"),
            holds: None,
            known: None,
        }
    }
}

fn run(supply: &dyn Supply, python: Option<&str>, options: &Options) -> Report {
    let (next, total) = (AtomicU64::new(0), Mutex::new(Report::default()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let report = gradlint::with_stack(|| {
                    let mut worker = Worker {
                        witness: python.map(Witness::new),
                        report: Report::default(),
                        options,
                    };
                    while let nth = next.fetch_add(1, Ordering::Relaxed)
                        && nth < supply.count()
                    {
                        worker.judge(supply.program(nth));
                    }
                    worker.report
                });
                total.lock().expect("no thread panics").merge(report);
            });
        }
    });
    total.into_inner().expect("no thread panics")
}

struct Worker<'a> {
    witness: Option<Witness>,
    report: Report,
    options: &'a Options,
}

impl Worker<'_> {
    fn judge(&mut self, program: Program) {
        let subject = match Subject::new(&program.tree) {
            Ok(subject) => subject,
            Err(why) => {
                // The generator makes well-formed programs: one that is refused is not one that agrees.
                *self
                    .report
                    .kinds
                    .entry(format!("refused: {why}"))
                    .or_default() += 1;
                let kind = format!("refused {}", shape_of(&why));
                let refused = Disagreement::new(Class::PyTorch, kind, why);
                self.report.programs += 1;
                self.report.disagrees();
                self.report.note(&refused, &program.label);
                return;
            }
        };
        self.report.count(&subject);
        if let Some(id) = program.holds {
            *self.report.holds.entry(id).or_default() += 1;
        }
        let mut found = match &program.known {
            Some(known) => known.compare(&subject.run),
            None => self.against_pytorch(&subject),
        };
        if !found.is_empty() {
            self.report.disagrees();
        }
        let compared = against_analysis::compare(&subject);
        self.report.analysis(&compared);
        found.extend(compared.disagreements);
        let is_shrunk = program.known.is_none();
        for one in &found {
            let nth = self.report.note(one, &program.label);
            // Of the fixed batch, what no run shows is no failure.
            let is_noise = !is_shrunk && one.class == Class::NotWitnessed;
            if nth <= self.options.shown && !is_noise {
                self.show(&program.tree, one, &program.label, is_shrunk);
            }
        }
    }

    fn against_pytorch(&mut self, subject: &Subject) -> Vec<Disagreement> {
        let Some(witness) = &mut self.witness else {
            return Vec::new();
        };
        match witness.ask(&subject.text) {
            Some(mut record) => {
                if !self.options.strides {
                    for tensor in record.tensors.values_mut() {
                        tensor.strides = None;
                    }
                }
                against_pytorch::compare(&subject.run, &record)
            }
            None => vec![Disagreement::new(
                Class::PyTorch,
                "no answer",
                "PyTorch did not answer",
            )],
        }
    }

    /// All that is said against a program.
    fn all(&mut self, tree: &Tree) -> Vec<Disagreement> {
        let Ok(subject) = Subject::new(tree) else {
            return Vec::new();
        };
        let mut found = self.against_pytorch(&subject);
        found.extend(against_analysis::compare(&subject).disagreements);
        found
    }

    fn show(&mut self, tree: &Tree, one: &Disagreement, label: &str, is_shrunk: bool) {
        let mut least = (tree.clone(), one.text.clone());
        if is_shrunk {
            least.0 = shrink(tree, |smaller| {
                self.all(smaller).iter().any(|other| other.is_like(one))
            });
            let said = self
                .all(&least.0)
                .into_iter()
                .find(|other| other.is_like(one));
            least.1 = said.map_or(least.1, |said| said.text);
        }
        println!(
            "---- {label}: {:?}, {}\n{}{}\n",
            one.class,
            one.kind,
            numbered(&least.0.text()),
            least.1
        );
    }
}

fn numbered(text: &str) -> String {
    let lines = text.lines().enumerate();
    lines
        .map(|(at, line)| format!("{:>3} {line}\n", at + 1))
        .collect()
}
