//! The library written in `.tg` against PyTorch's own: the interpreter runs the programs of `tests/prelude/programs`,
//! one test each, and must agree with what `tests/prelude/record.py` recorded of them: output, warnings, and the
//! values, flags, versions and gradients of tensors.

mod support;

use libtest_mimic::{Arguments, Failed, Trial};

use support::against_interp::differences;
use support::recorded::{Recorded, root};

fn main() {
    let arguments = Arguments::from_args();
    let path = root().join("tests/prelude/recorded.json");
    let text =
        std::fs::read_to_string(&path).expect("tests/prelude/recorded.json is made by record.py");
    let recorded: Recorded =
        serde_json::from_str(&text).expect("recorded.json has the form that record.py writes");
    let trials = recorded
        .programs
        .into_iter()
        .map(|(name, record)| {
            Trial::test(name.clone(), move || match differences(&name, &record) {
                found if found.is_empty() => Ok(()),
                found => Err(Failed::from(found.join("\n"))),
            })
        })
        .collect();
    libtest_mimic::run(&arguments, trials).exit();
}
