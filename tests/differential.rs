//! Random programs judged by three witnesses: the interpreter, the analysis and real PyTorch.
//!
//! ```text
//! cargo test --release --test differential -- --seed S --count N --python P
//! ```
//!
//! runs the programs of `N` seeds from `S` on; `P` is a Python with torch 2.15. Each disagreement is printed with the
//! smallest program found that shows it, and last a line with the totals. It ends with 1 if there is a disagreement.
//! Without `--python`, a fixed batch is compared with what PyTorch did when it was recorded; see
//! `tests/differential/README.md`.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a harness says what it found"
)]

mod support;

#[path = "differential/against_analysis.rs"]
mod against_analysis;
#[path = "differential/against_pytorch.rs"]
mod against_pytorch;
#[path = "differential/batch.rs"]
mod batch;
#[path = "differential/disagreement.rs"]
mod disagreement;
#[path = "differential/options.rs"]
mod options;
#[path = "differential/python.rs"]
mod python;
#[path = "differential/report.rs"]
mod report;
#[path = "differential/shrink.rs"]
mod shrink;
#[path = "differential/subject.rs"]
mod subject;
#[path = "differential/workers.rs"]
mod workers;

use options::Options;

fn main() {
    let Some(options) = Options::from_arguments() else {
        return;
    };
    let report = match (&options.python, options.record) {
        (Some(python), true) => {
            return gradlint::with_stack(|| batch::record(python, &options));
        }
        (Some(python), false) => workers::live(python, &options),
        (None, _) => workers::recorded(&options),
    };
    report.print(&options);
    std::process::exit(i32::from(report.has_failed()));
}
