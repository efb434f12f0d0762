//! The interpreter against a record of PyTorch.

use gradlint::interp::outcome::{Ending, Outcome, TensorState};
use gradlint::source::SourceMap;

use super::machines::run_program;
use super::recorded::{Record, Tensor, close, number};
use super::source::{Differences, Source, read};

/// Where a run of the program `name` differs from its record.
pub fn differences(name: &str, record: &Record) -> Vec<String> {
    let source = read(name);
    let (outcome, sources) = run_program(name, &source.text);
    let mut differences = Differences::default();
    ending(&mut differences, &outcome, record, &source, &sources);
    if !super::printed::agree(&outcome.output, &record.stdout) {
        differences.say(format!(
            "printed\n{}instead of\n{}",
            outcome.output, record.stdout
        ));
    }
    warnings(&mut differences, &outcome, record, &source, &sources);
    for (name, expected) in &record.tensors {
        match outcome.tensors.iter().find(|(ours, _)| ours == name) {
            Some((_, state)) => tensor(&mut differences, name, state, expected),
            None => differences.say(format!("`{name}` is no tensor at the end")),
        }
    }
    differences.0
}

fn ending(
    differences: &mut Differences,
    outcome: &Outcome,
    record: &Record,
    source: &Source,
    sources: &SourceMap,
) {
    match (
        &outcome.ending,
        record
            .raised()
            .last()
            .filter(|_| record.outcome == "raised"),
    ) {
        (Ending::Finished, None) => {}
        (Ending::Raised(ours), Some(theirs)) => {
            differences.equal(
                "exception",
                (ours.error.as_str(), ours.message.as_str()),
                (&theirs.error, &theirs.text),
            );
            let line = sources.line(ours.span);
            if !source.lines.within(line, theirs.line) {
                differences.say(format!("raised on line {line} instead of {}", theirs.line));
            }
        }
        (ours, theirs) => differences.say(format!("ended as {ours:?} instead of {theirs:?}")),
    }
}

fn warnings(
    differences: &mut Differences,
    outcome: &Outcome,
    record: &Record,
    source: &Source,
    sources: &SourceMap,
) {
    let ours: Vec<(&str, u32)> = outcome
        .warnings
        .iter()
        .map(|warning| (warning.message.as_str(), sources.line(warning.span)))
        .collect();
    // Recorded is every warning; shown is each once a place, as by Python's own filter.
    let mut theirs: Vec<(&str, Option<u32>)> = Vec::new();
    for warning in &record.warnings {
        let shown = (warning.text.as_str(), warning.line);
        if !theirs.contains(&shown) {
            theirs.push(shown);
        }
    }
    // Where PyTorch puts the blame on its own files, there is no line to compare.
    let same = |(a, b): (&(&str, u32), &(&str, Option<u32>))| {
        without_place(a.0) == without_place(b.0)
            && b.1.is_none_or(|line| source.lines.within(a.1, line))
    };
    if ours.len() != theirs.len() || !ours.iter().zip(&theirs).all(same) {
        differences.say(format!("warned {ours:?} instead of {theirs:?}"));
    }
}

/// PyTorch ends a warning of its C++ part with the place in its own source.
fn without_place(text: &str) -> &str {
    text.split(" (Triggered internally").next().unwrap_or(text)
}

fn tensor(differences: &mut Differences, name: &str, ours: &TensorState, theirs: &Tensor) {
    if theirs.unreadable.is_some() {
        return;
    }
    differences.equal(
        format!("{name}.dtype"),
        ours.dtype.torch_name().trim_start_matches("torch."),
        theirs.dtype.as_str(),
    );
    differences.equal(format!("{name}.shape"), &ours.shape[..], &theirs.shape[..]);
    differences.equal(
        format!("{name}.requires_grad"),
        ours.requires_grad,
        theirs.requires_grad,
    );
    differences.equal(format!("{name}.is_leaf"), ours.leaf, theirs.leaf);
    differences.equal(format!("{name}._version"), ours.version, theirs.version);
    numbers(
        differences,
        &format!("{name}.grad"),
        ours.grad.as_deref(),
        theirs.grad.as_deref(),
    );
    if theirs.values.is_some() {
        numbers(
            differences,
            name,
            Some(&ours.values),
            theirs.values.as_deref(),
        );
    }
}

fn numbers(
    differences: &mut Differences,
    what: &str,
    ours: Option<&[gradlint::ops::Scalar]>,
    theirs: Option<&[serde_json::Value]>,
) {
    let ours: Option<Vec<f64>> =
        ours.map(|values| values.iter().map(|value| value.as_f64()).collect());
    let theirs: Option<Vec<f64>> = theirs.map(|values| values.iter().map(number).collect());
    let same = match (&ours, &theirs) {
        (None, None) => true,
        (Some(a), Some(b)) => a.len() == b.len() && a.iter().zip(b).all(|(&a, &b)| close(a, b)),
        _ => false,
    };
    if !same {
        differences.say(format!("{what}: {ours:?} instead of {theirs:?}"));
    }
}
