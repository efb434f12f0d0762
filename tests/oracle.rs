//! The interpreter and the linter against what real PyTorch did with each program of `tests/oracle/programs` and
//! `examples`: one test per program and machine. See `tests/oracle/README.md`.

mod support;

use gradlint::diagnostic::Severity;
use gradlint::interp::outcome::{Ending, Outcome, TensorState};
use gradlint::lint::{Certainty, Finding, Prediction};
use gradlint::source::{Origin, SourceMap};
use libtest_mimic::{Arguments, Failed, Trial};

use support::lines::Lines;
use support::machines::{lint_program, run_program};
use support::recorded::{self, Event, Record, Tensor, close, matches, number};

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for (name, record) in recorded::load().programs {
        let again = (name.clone(), record.clone());
        trials.push(Trial::test(format!("interp/{name}"), move || {
            verdict(interp(&name, &record))
        }));
        trials.push(Trial::test(format!("lint/{}", again.0), move || {
            verdict(lint(&again.0, &again.1))
        }));
    }
    libtest_mimic::run(&arguments, trials).exit();
}

fn verdict(differences: Vec<String>) -> Result<(), Failed> {
    if differences.is_empty() {
        Ok(())
    } else {
        Err(differences.join("\n").into())
    }
}

/// A program read and parsed.
struct Source {
    sources: SourceMap,
    text: String,
    lines: Lines,
}

fn read(name: &str) -> Source {
    let text = std::fs::read_to_string(recorded::root().join(name))
        .expect("every recorded program is there");
    let mut sources = SourceMap::default();
    let file = sources.add(name, text.as_str(), Origin::User);
    let (module, errors) = gradlint::syntax::parse(file, &text);
    assert!(errors.is_empty(), "{name} does not parse: {errors:?}");
    let lines = Lines::of(&module, &sources);
    Source {
        sources,
        text,
        lines,
    }
}

fn interp(name: &str, record: &Record) -> Vec<String> {
    let source = read(name);
    let (outcome, sources) = run_program(name, &source.text);
    let mut differences = Differences::default();
    ending(&mut differences, &outcome, record, &source, &sources);
    if !support::printed::agree(&outcome.output, &record.stdout) {
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

#[derive(Default)]
struct Differences(Vec<String>);

impl Differences {
    fn say(&mut self, text: String) {
        self.0.push(text);
    }
    fn equal<T: PartialEq + std::fmt::Debug>(
        &mut self,
        what: impl std::fmt::Display,
        ours: T,
        theirs: T,
    ) {
        if ours != theirs {
            self.say(format!("{what}: {ours:?} instead of {theirs:?}"));
        }
    }
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
    let theirs: Vec<(&str, u32)> = record
        .warnings
        .iter()
        .map(|warning| (warning.text.as_str(), warning.line.unwrap_or(0)))
        .collect();
    let same = |(a, b): (&(&str, u32), &(&str, u32))| {
        without_place(a.0) == without_place(b.0) && source.lines.within(a.1, b.1)
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

fn lint(name: &str, record: &Record) -> Vec<String> {
    let source = read(name);
    let (findings, sources) = lint_program(name, &source.text);
    let mut differences = Differences::default();
    let raised = record.raised();
    for event in raised.iter().filter(|event| !is_own_raise(&source, event)) {
        if !findings
            .iter()
            .any(|finding| predicts(finding, event, &source, &sources))
        {
            differences.say(format!("not predicted: {event:?}"));
        }
    }
    let finished = record.outcome == "finished";
    for finding in &findings {
        let happens = raised
            .iter()
            .any(|event| predicts(finding, event, &source, &sources));
        let certain = finding.certainty == Certainty::Always
            && matches!(finding.prediction, Prediction::Raises { .. });
        if finished && certain && !happens {
            differences.say(format!("does not happen: {}", shown(finding, &sources)));
        }
    }
    let serious: Vec<&Finding> = findings
        .iter()
        .filter(|finding| finding.severity >= Severity::Warning)
        .collect();
    match expectation(&source.text) {
        Some("quiet") => serious.iter().for_each(|finding| {
            differences.say(format!("not quiet: {}", shown(finding, &sources)))
        }),
        Some("finding") if serious.is_empty() => differences.say("nothing found".into()),
        _ => {}
    }
    if !differences.0.is_empty() {
        differences.say(format!(
            "found: {:#?}",
            findings
                .iter()
                .map(|f| shown(f, &sources))
                .collect::<Vec<_>>()
        ));
    }
    differences.0
}

/// The program's own `raise` is no failure of autograd.
fn is_own_raise(source: &Source, event: &Event) -> bool {
    let line = source
        .text
        .lines()
        .nth(event.line as usize - 1)
        .unwrap_or("");
    line.trim_start().starts_with("raise ")
}

fn predicts(finding: &Finding, event: &Event, source: &Source, sources: &SourceMap) -> bool {
    let Prediction::Raises {
        error,
        torch_message,
        span,
    } = &finding.prediction
    else {
        return false;
    };
    finding.severity == Severity::Error
        && error.name() == event.error
        && matches(torch_message, &event.text)
        && source.lines.within(sources.line(*span), event.line)
}

fn expectation(text: &str) -> Option<&str> {
    text.lines()
        .find_map(|line| line.strip_prefix("# expect: "))
}

fn shown(finding: &Finding, sources: &SourceMap) -> String {
    let line = sources.line(finding.span);
    format!(
        "{line}: {:?}[{}] {:?} {} ({:?})",
        finding.severity, finding.rule.code, finding.certainty, finding.message, finding.prediction
    )
}
