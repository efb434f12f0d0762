//! A program under test: what the interpreter makes of it in every way, and what the analysis says.

use std::collections::BTreeSet;

use gradlint::analysis::fact::Facts;
use gradlint::interp::outcome::{Outcome, RunOptions};
use gradlint::source::SourceMap;
use gradlint::{Checked, analysis, check_text, interp};

use crate::support::program_generator::tree::Tree;

/// The most runs that try ways through a program.
const MAX_WAYS: usize = 64;

/// A program and all that the machines say of it.
pub struct Subject {
    pub text: String,
    /// The run that draws what is unknown from its own generator, as PyTorch's does.
    pub run: Run,
    /// The other ways through it.
    pub ways: Vec<Run>,
    /// Whether `run` and `ways` are all there are.
    pub is_exhaustive: bool,
    pub facts: Facts,
    pub sources: SourceMap,
}

/// One way through a program.
pub struct Run {
    pub outcome: Outcome,
    /// The lines that it came to.
    pub reached: BTreeSet<u32>,
    /// What it printed, without the marks.
    pub printed: String,
    /// The line and the column of each observation are those of the marked text: only the line is of use.
    pub lines: Lines,
}

/// The lines of places in the marked text.
#[derive(Clone)]
pub struct Lines(std::rc::Rc<SourceMap>, std::rc::Rc<str>);

impl Lines {
    pub fn of(&self, span: gradlint::source::Span) -> u32 {
        self.0.line(span)
    }

    /// The marked text.
    pub fn text(&self) -> &str {
        &self.1
    }
}

impl Subject {
    /// Runs and analyzes a program; why not, if it is refused. Needs a deep stack.
    pub fn new(tree: &Tree) -> Result<Subject, String> {
        let text = tree.text();
        let plain = checked(&text)?;
        let marked_text = tree.marked();
        let marked = checked(&marked_text)?;
        let lines = Lines(std::rc::Rc::new(marked.sources), marked_text.into());
        let execute = |choices: Vec<bool>| {
            let options = RunOptions {
                choices,
                ..RunOptions::default()
            };
            Run::new(
                interp::run(&marked.program, &lines.0, &options),
                lines.clone(),
            )
        };
        let run = execute(Vec::new());
        let (ways, is_exhaustive) = ways(&run, execute);
        let facts = analysis::analyze(&plain.program, &plain.sources);
        Ok(Subject {
            text,
            run,
            ways,
            is_exhaustive,
            facts,
            sources: plain.sources,
        })
    }

    /// All runs.
    pub fn runs(&self) -> impl Iterator<Item = &Run> {
        std::iter::once(&self.run).chain(&self.ways)
    }
}

fn checked(text: &str) -> Result<Checked, String> {
    let checked = check_text("program.tg", text);
    match checked.messages.first() {
        None => Ok(checked),
        Some((_, message)) => Err(message.message.clone()),
    }
}

/// Every way through the program but that of `run`, as far as there are few; whether these are all.
fn ways(run: &Run, execute: impl Fn(Vec<bool>) -> Run) -> (Vec<Run>, bool) {
    let mut out = Vec::new();
    if run.outcome.unknowns == 0 {
        return (out, true);
    }
    let mut open = vec![vec![false], vec![true]];
    while let Some(choices) = open.pop() {
        if out.len() >= MAX_WAYS {
            return (out, false);
        }
        let known = choices.len();
        let way = execute(choices.clone());
        match way.outcome.unknowns > known {
            true => open.extend([false, true].map(|choice| {
                let mut longer = choices.clone();
                longer.push(choice);
                longer
            })),
            false => out.push(way),
        }
    }
    (out, true)
}

impl Run {
    fn new(outcome: Outcome, lines: Lines) -> Run {
        let mark = |line: &str| -> Option<u32> { line.strip_prefix("at ")?.parse().ok() };
        let reached = outcome.output.lines().filter_map(mark).collect();
        let printed = outcome.output.lines().filter(|line| mark(line).is_none());
        Run {
            printed: printed.flat_map(|line| [line, "\n"]).collect(),
            reached,
            outcome,
            lines,
        }
    }
}
