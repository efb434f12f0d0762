//! The tool's machines, from the text of a program.

use gradlint::LintResult;
use gradlint::interp::outcome::{Outcome, RunOptions};
use gradlint::lint::Finding;
use gradlint::source::SourceMap;

/// What the interpreter makes of `text`, which is free of mistakes.
pub fn run_program(name: &str, text: &str) -> (Outcome, SourceMap) {
    run_program_with(name, text, &[])
}

/// The same with these outcomes of `unknown()`.
pub fn run_program_with(name: &str, text: &str, choices: &[bool]) -> (Outcome, SourceMap) {
    let options = RunOptions {
        max_steps: 10_000_000,
        max_millis: 60_000,
        max_memory: 1 << 30,
        max_output: 1 << 20,
        seed: 0,
        choices: choices.to_vec(),
    };
    let run = gradlint::with_stack(|| gradlint::run_text(name, text, &options));
    run.unwrap_or_else(|refused| panic!("{name} is no program: {:?}", refused.findings))
}

/// What the linter finds in `text`, which is free of mistakes.
pub fn lint_program(name: &str, text: &str) -> (Vec<Finding>, SourceMap) {
    let result = lint_whole(name, text);
    (result.findings, result.sources)
}

/// All that the linter says of `text`, which is free of mistakes.
pub fn lint_whole(name: &str, text: &str) -> LintResult {
    let result = gradlint::with_stack(|| gradlint::lint_text(name, text));
    assert!(
        !result.is_refused,
        "{name} is no program: {:?}",
        result.findings
    );
    result
}
