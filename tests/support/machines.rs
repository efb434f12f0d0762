//! The tool's machines, from the text of a program.

use gradlint::front;
use gradlint::interp::outcome::{Outcome, RunOptions};
use gradlint::ir::Program;
use gradlint::lint::Finding;
use gradlint::prelude::Prelude;
use gradlint::source::{Origin, SourceMap};

/// What the interpreter makes of `text`, which is free of mistakes.
pub fn run_program(name: &str, text: &str) -> (Outcome, SourceMap) {
    run_program_with(name, text, &[])
}

/// The same with these outcomes of `unknown()`.
pub fn run_program_with(name: &str, text: &str, choices: &[bool]) -> (Outcome, SourceMap) {
    let (name, text, choices) = (name.to_string(), text.to_string(), choices.to_vec());
    on_a_large_stack(move || {
        let (program, sources) = lower(&name, &text);
        let options = RunOptions {
            choices,
            ..RunOptions::default()
        };
        (gradlint::interp::run(&program, &sources, &options), sources)
    })
}

/// What the linter finds in `text`, which is free of mistakes.
pub fn lint_program(name: &str, text: &str) -> (Vec<Finding>, SourceMap) {
    let (name, text) = (name.to_string(), text.to_string());
    on_a_large_stack(move || {
        let (program, sources) = lower(&name, &text);
        let facts = gradlint::analysis::analyze(&program, &sources);
        (gradlint::lints::check(&facts, &sources), sources)
    })
}

fn lower(name: &str, text: &str) -> (Program, SourceMap) {
    let mut sources = SourceMap::default();
    let file = sources.add(name, text, Origin::User);
    let (module, mut errors) = gradlint::syntax::parse(file, text);
    let (program, more) = front::tg::lower(&mut sources, &module, Prelude::embedded());
    errors.extend(more);
    assert!(errors.is_empty(), "{name}: {errors:?}");
    (program, sources)
}

fn on_a_large_stack<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let thread = std::thread::Builder::new()
        .stack_size(gradlint::analysis::STACK)
        .spawn(work);
    thread
        .expect("a thread starts")
        .join()
        .expect("a machine never panics")
}
