//! The fixed batch: programs with what PyTorch did, recorded.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;

use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::against_analysis;
use super::against_pytorch;
use super::disagreement::{Class, Disagreement};
use super::options::Options;
use super::python::Witness;
use super::subject::{Run, Subject};
use super::workers::{Program, Supply, generator};
use crate::support::program_generator::tree;
use crate::support::recorded::{Record, root};

/// What PyTorch did with a program.
pub struct Entry(Record);

impl Entry {
    pub fn compare(&self, run: &Run) -> Vec<Disagreement> {
        against_pytorch::compare(run, &self.0)
    }
}

/// The batch as it is stored: one JSON array `[label, program, record]` a line.
pub struct Batch(Vec<String>);

fn path() -> PathBuf {
    root().join("tests/differential/recorded.jsonl.gz")
}

/// The recorded batch.
pub fn read() -> Batch {
    let file = std::fs::File::open(path()).expect("the batch is recorded with --record");
    let decoded = GzDecoder::new(BufReader::new(file));
    let lines = BufReader::new(decoded).lines();
    Batch(
        lines
            .map(|line| line.expect("the batch can be read"))
            .collect(),
    )
}

impl Supply for Batch {
    fn count(&self) -> u64 {
        self.0.len() as u64
    }
    fn program(&self, nth: u64) -> Program {
        let (label, text, record): (String, String, Record) =
            serde_json::from_str(&self.0[nth as usize]).expect("the batch was written by --record");
        Program {
            label,
            tree: tree::parse(&text).expect("the batch was written by --record"),
            holds: None,
            known: Some(Entry(record)),
        }
    }
}

/// Records the batch anew: programs from `--seed` on, until there are `--count` on which all three witnesses agree. The
/// others are named: they are for the live run, which shows what is wrong with them.
pub fn record(python: &str, options: &Options) {
    let (generator, mut witness) = (generator(options), Witness::new(python));
    let file = std::fs::File::create(path()).expect("the batch can be written");
    let mut out = GzEncoder::new(file, Compression::best());
    let (mut left_out, mut recorded, mut seed) = (Vec::new(), 0, options.seed);
    while recorded < options.count {
        let tree = generator.program(seed).tree;
        match agreed(&tree, &mut witness) {
            Agreement::Refused => {}
            Agreement::No => left_out.push(seed),
            Agreement::Yes(record) => {
                let line: Value = json!([format!("seed {seed}"), tree.text(), record]);
                writeln!(out, "{line}").expect("the batch can be written");
                recorded += 1;
            }
        }
        seed += 1;
    }
    out.finish().expect("the batch can be written");
    println!(
        "{recorded} programs recorded, {} left out: {left_out:?}",
        left_out.len()
    );
}

enum Agreement {
    /// The text is no program.
    Refused,
    No,
    Yes(Box<Record>),
}

fn agreed(tree: &tree::Tree, witness: &mut Witness) -> Agreement {
    let Ok(subject) = Subject::new(tree) else {
        return Agreement::Refused;
    };
    let Some(record) = witness.ask(&subject.text) else {
        return Agreement::No;
    };
    let differs = !against_pytorch::compare(&subject.run, &record).is_empty();
    let serious = |one: &Disagreement| one.class != Class::NotWitnessed;
    let compared = against_analysis::compare(&subject);
    match differs || compared.disagreements.iter().any(serious) {
        true => Agreement::No,
        false => Agreement::Yes(Box::new(record)),
    }
}
