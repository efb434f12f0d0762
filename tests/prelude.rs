//! The library written in `.tg` against PyTorch's own: the interpreter runs the programs of `tests/prelude/programs`,
//! one test each, and must agree with what `tests/prelude/record.py` recorded of them: output, warnings, and the
//! values, flags, versions and gradients of tensors. The linter accuses none of them of what they do not do.

mod support;

use libtest_mimic::{Arguments, Failed, Trial};

use support::recorded::{Record, Recorded, root};
use support::{against_interp, against_lint};

fn main() {
    let arguments = Arguments::from_args();
    let path = root().join("tests/prelude/recorded.json");
    let text =
        std::fs::read_to_string(&path).expect("tests/prelude/recorded.json is made by record.py");
    let recorded: Recorded =
        serde_json::from_str(&text).expect("recorded.json has the form that record.py writes");
    let mut trials = Vec::new();
    for (name, record) in recorded.programs {
        trials.push(trial("interp", &name, &record, against_interp::differences));
        trials.push(trial("lint", &name, &record, against_lint::accused));
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
