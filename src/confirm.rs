//! Joins findings with what runs of the program saw: confirmed, contradicted, or nothing to be said.
//!
//! A finding is *confirmed* if one run saw what it predicts. It is *contradicted* if it is said to happen always and a run
//! that went past its place saw that it did not. A place within a branch or a function may not have been reached, so only
//! a place that every run passes can contradict; and a run that was stopped or met something unsupported says nothing
//! about what it did not see.

use crate::interp::outcome::{Ending, Observation, Outcome, RunOptions};
use crate::ir::{InstrKind, Program};
use crate::lint::{Certainty, Finding, Prediction};
use crate::ops::Exception;
use crate::source::{SourceMap, Span};

/// How many outcomes of `unknown()` are tried both ways.
const MAX_CHOICES: u32 = 4;

/// Milliseconds that one of the runs may take.
const MAX_MILLIS: u64 = 5_000;

/// Runs the program and notes in each finding what was seen. `straight`: the statements that every run comes to, in order.
pub fn confirm(
    findings: &mut [Finding],
    program: &Program,
    sources: &SourceMap,
    straight: &[Span],
) {
    if findings.is_empty() {
        return;
    }
    let mut outcomes = vec![run(program, sources, Vec::new())];
    judge(findings, &outcomes, sources, straight);
    if is_open(findings) && uses_unknown(program) {
        outcomes.extend(choices().map(|choices| run(program, sources, choices)));
        judge(findings, &outcomes, sources, straight);
    }
}

fn is_open(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.confirmed.is_none())
}

fn run(program: &Program, sources: &SourceMap, choices: Vec<bool>) -> Outcome {
    let options = RunOptions {
        max_millis: MAX_MILLIS,
        choices,
        ..RunOptions::default()
    };
    crate::interp::run(program, sources, &options)
}

/// All outcomes of the first few `unknown()`.
pub fn choices() -> impl Iterator<Item = Vec<bool>> {
    (0..1_u32 << MAX_CHOICES).map(|bits| (0..MAX_CHOICES).map(|nth| bits >> nth & 1 == 1).collect())
}

/// Whether the program asks `unknown()`.
pub fn uses_unknown(program: &Program) -> bool {
    let blocks = program
        .functions
        .iter()
        .flat_map(|function| function.blocks.iter());
    blocks
        .flat_map(|block| &block.instrs)
        .any(|instr| matches!(instr.kind, InstrKind::Unknown))
}

fn judge(findings: &mut [Finding], outcomes: &[Outcome], sources: &SourceMap, straight: &[Span]) {
    for finding in findings {
        let seen = outcomes
            .iter()
            .any(|outcome| is_seen(finding, outcome, sources));
        let contradicted = || {
            outcomes
                .iter()
                .any(|outcome| is_contradicted(finding, outcome, straight))
        };
        finding.confirmed = match seen {
            true => Some(true),
            false => contradicted().then_some(false),
        };
    }
}

fn is_seen(finding: &Finding, outcome: &Outcome, sources: &SourceMap) -> bool {
    outcome
        .observations
        .iter()
        .any(|observation| shows(&finding.prediction, finding.span, observation, sources))
}

/// Whether the observation is what was predicted.
fn shows(
    prediction: &Prediction,
    place: Span,
    observation: &Observation,
    sources: &SourceMap,
) -> bool {
    match (prediction, observation) {
        (
            Prediction::Raises {
                error,
                torch_message,
                span,
            },
            Observation::Raised(raised),
        ) => {
            same_line(*span, raised.span, sources)
                && is_a(&raised.error, raised.kind, *error)
                && matches(torch_message, &raised.message)
        }
        (
            Prediction::NoneGrad { span, .. },
            Observation::GradReadNone(at)
            | Observation::GradReadEarly(at)
            | Observation::LeafWithoutGrad(at),
        ) => overlap(*span, *at),
        (Prediction::NoneGrad { span, .. }, Observation::StepSkipped { span: at, none, .. }) => {
            *none > 0 && overlap(*span, *at)
        }
        (
            Prediction::WrongGrad { span, .. },
            Observation::StaleSaved { span: at, .. } | Observation::Accumulated(at),
        ) => overlap(*span, *at),
        (Prediction::None, Observation::MethodNotCalled(at)) => overlap(place, *at),
        _ => false,
    }
}

/// Whether the run went past the place of a finding that is said to happen always, without it. Only what every run that
/// gets so far would have shown counts.
fn is_contradicted(finding: &Finding, outcome: &Outcome, straight: &[Span]) -> bool {
    let span = match &finding.prediction {
        Prediction::Raises { span, .. } | Prediction::NoneGrad { span, .. } => *span,
        // A wrong gradient can be wrong in a way that no observation is made of.
        Prediction::WrongGrad { .. } | Prediction::None => return false,
    };
    finding.certainty == Certainty::Always && is_passed(span, outcome, straight)
}

/// Whether the run came past the statement that holds `span`.
fn is_passed(span: Span, outcome: &Outcome, straight: &[Span]) -> bool {
    let Some(statement) = straight.iter().find(|statement| {
        statement.file == span.file && statement.range().contains(&(span.start as usize))
    }) else {
        return false;
    };
    match &outcome.ending {
        Ending::Finished => true,
        Ending::Raised(raised) => {
            let top = raised.frames.first().copied().unwrap_or(raised.span);
            top.file == statement.file && statement.end <= top.start
        }
        Ending::Stopped(_) | Ending::Unsupported { .. } => false,
    }
}

fn is_a(name: &str, kind: Exception, expected: Exception) -> bool {
    kind == expected || name == expected.name()
}

fn same_line(a: Span, b: Span, sources: &SourceMap) -> bool {
    overlap(a, b) || (a.file == b.file && sources.line(a) == sources.line(b))
}

fn overlap(a: Span, b: Span) -> bool {
    a.file == b.file && a.start < b.end && b.start < a.end
}

/// Whether `text` is `pattern` with something in place of each `…`.
pub fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('…');
    let first = parts.next().unwrap_or("");
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn what_cannot_be_known_matches_anything() {
        assert!(matches(
            "size [20, 8], version …; expected …",
            "size [20, 8], version 2; expected 1"
        ));
        assert!(matches("exactly", "exactly"));
        assert!(!matches("exactly", "exactly so"));
        assert!(!matches("a … c", "a b d"));
        assert!(!matches("ab…ba", "aba"), "the parts do not overlap");
    }
}
