//! The interpreter and the linter against what real PyTorch did with each program of `tests/oracle/programs` and
//! `examples`: one test per program and machine, and one for whether a run
//! confirms what the linter says. See `tests/oracle/README.md`.

mod support;

use libtest_mimic::{Arguments, Failed, Trial};
use support::recorded::Record;
use support::{against_confirm, against_interp, against_lint, recorded};

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for (name, record) in recorded::load().programs {
        trials.push(trial("interp", &name, &record, against_interp::differences));
        trials.push(trial("lint", &name, &record, against_lint::differences));
        let confirm = against_confirm::differences;
        trials.push(trial("confirm", &name, &record, confirm));
    }
    libtest_mimic::run(&arguments, trials).exit();
}

fn trial(
    machine: &str,
    name: &str,
    record: &Record,
    differences: fn(&str, &Record) -> Vec<String>,
) -> Trial {
    let (name, record) = (name.to_string(), record.clone());
    Trial::test(format!("{machine}/{name}"), move || {
        match differences(&name, &record) {
            found if found.is_empty() => Ok(()),
            found => Err(Failed::from(found.join("\n"))),
        }
    })
}
