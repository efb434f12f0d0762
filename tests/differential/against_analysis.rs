//! What the analysis foretells against what the interpreter's runs see, all ways together.

use std::collections::BTreeSet;

use gradlint::analysis::fact::{Fact, FactKind, Failure};
use gradlint::interp::outcome::{Ending, Observation, Raised};
use gradlint::lint::Certainty;

use super::disagreement::{Class, Disagreement, shape_of};
use super::subject::{Run, Subject};
use crate::support::recorded::matches;

/// What was found, and how many of the facts that are said to happen sometimes were seen to.
#[derive(Default)]
pub struct Compared {
    pub disagreements: Vec<Disagreement>,
    pub sometimes: usize,
    pub witnessed: usize,
}

/// Compares the facts of the analysis with all runs.
pub fn compare(subject: &Subject) -> Compared {
    let mut compared = Compared::default();
    let said = &mut compared.disagreements;
    for run in subject.runs() {
        for observation in &run.outcome.observations {
            said.extend(missed(subject, run, observation));
        }
        let facts = subject.facts.facts.iter();
        for fact in facts.filter(|fact| fact.certainty == Certainty::Always) {
            if contradicts(subject, run, fact) {
                said.push(disagreement(subject, Class::Contradicted, fact));
            }
        }
    }
    // A run that was given up might have shown it.
    let all_followed = subject.runs().all(|run| {
        !matches!(
            run.outcome.ending,
            Ending::Stopped(_) | Ending::Unsupported { .. }
        )
    });
    if subject.is_exhaustive && all_followed {
        for fact in &subject.facts.facts {
            if fact.certainty == Certainty::Sometimes && can_be_seen(fact) {
                let seen = subject.runs().any(|run| sees(subject, run, fact));
                compared.sometimes += 1;
                compared.witnessed += usize::from(seen);
                if !seen {
                    let not = disagreement(subject, Class::NotWitnessed, fact);
                    compared.disagreements.push(not);
                }
            }
        }
    }
    let mut told = BTreeSet::new();
    compared
        .disagreements
        .retain(|one| told.insert((one.class, one.text.clone())));
    compared
}

fn disagreement(subject: &Subject, class: Class, fact: &Fact) -> Disagreement {
    let line = subject.sources.line(fact.span);
    let kind = match &fact.kind {
        FactKind::Raises {
            failure, message, ..
        } => format!("{failure:?} {}", shape_of(message)),
        other => format!("{other:?}")
            .split(['{', '('])
            .next()
            .unwrap_or("")
            .trim()
            .to_owned(),
    };
    let text = format!("{class:?}: line {line}: {:?}", fact.kind);
    Disagreement::new(class, kind, text)
}

/// What the run saw and no fact foretells.
fn missed(subject: &Subject, run: &Run, observation: &Observation) -> Option<Disagreement> {
    let facts = &subject.facts.facts;
    let foretold = |foretells: &dyn Fn(&Fact, u32) -> bool| {
        facts
            .iter()
            .any(|fact| foretells(fact, subject.sources.line(fact.span)))
    };
    match observation {
        Observation::Raised(raised) => {
            let line = run.lines.of(raised.span);
            let is_foretold = foretold(&|fact, at| at == line && foretells(fact, raised));
            let is_excused = is_own(subject, line) || is_by_numbers(&raised.message);
            (!is_foretold && !is_excused).then(|| {
                let text = format!(
                    "missed: {} on line {line}: {}",
                    raised.error, raised.message
                );
                Disagreement::new(Class::Missed, shape_of(&raised.message), text)
            })
        }
        Observation::GradReadNone(span) => {
            let line = run.lines.of(*span);
            let is_foretold = foretold(&|fact, at| {
                at == line
                    && matches!(
                        fact.kind,
                        FactKind::GradNone { .. } | FactKind::Raises { .. }
                    )
            });
            // A run that ends early does not tell whether it would have come; and who asks, wants to know.
            let is_excused = run.outcome.ending != Ending::Finished
                || asks(subject, line)
                || is_only_kept(subject, line);
            (!is_foretold && !is_excused).then(|| {
                let text = format!("missed: the gradient read on line {line} is none");
                Disagreement::new(Class::Missed, "none gradient", text)
            })
        }
        // A frozen parameter wants none.
        Observation::StepSkipped {
            span,
            none,
            all,
            frozen,
        } if none == all && *frozen == 0 => {
            let line = run.lines.of(*span);
            let is_foretold = foretold(&|fact, at| {
                at == line && matches!(fact.kind, FactKind::StepWithoutGrad { .. })
            });
            (!is_foretold).then(|| {
                let text = format!("missed: the step on line {line} finds no gradient");
                Disagreement::new(Class::Missed, "step without gradients", text)
            })
        }
        _ => None,
    }
}

/// The program's own `raise` and `assert` are no failures of autograd.
fn is_own(subject: &Subject, line: u32) -> bool {
    let text = subject.text.lines().nth(line as usize - 1).unwrap_or("");
    ["raise", "assert"]
        .iter()
        .any(|own| text.trim_start().starts_with(own))
}

/// Whether the line asks if a gradient is none.
fn asks(subject: &Subject, line: u32) -> bool {
    let text = subject.text.lines().nth(line as usize - 1).unwrap_or("");
    ["grad is none", "grad is not none", "= none"]
        .iter()
        .any(|asking| text.contains(asking))
}

/// Whether the line does nothing but give a gradient a name that nothing else in the program mentions.
fn is_only_kept(subject: &Subject, line: u32) -> bool {
    let text = subject.text.lines().nth(line as usize - 1).unwrap_or("");
    let Some((name, _)) = text.trim().split_once(" = ").filter(|(_, read)| {
        let tensor = read.strip_suffix(".grad").unwrap_or(".");
        tensor.chars().all(|c| c.is_alphanumeric() || c == '_')
    }) else {
        return false;
    };
    // At the top level, what was bound to the name before is no use of what is kept here.
    let from = if text.starts_with(' ') {
        0
    } else {
        line as usize - 1
    };
    let lines: Vec<&str> = subject.text.lines().skip(from).collect();
    let rest = lines.join("\n");
    let words = rest.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    words.filter(|word| *word == name).count() == 1
}

/// What is refused for the numbers in a tensor no analysis of shapes can foretell.
fn is_by_numbers(message: &str) -> bool {
    [
        "all elements of input should be between 0 and 1",
        "all elements of target should be between 0 and 1",
        "Expected p_in >= 0 && p_in <= 1",
        "var has negative entry/entries",
        "is out of bounds for dimension",
        "out of range",
        "The diagonal element",
        "the input matrix is singular",
        "torch.histc: range of",
        "ZeroDivisionError",
        "normal expects all elements of std",
        "Number of elements of source < number of ones in mask",
        "for gradients from `parameters` is non-finite",
    ]
    .iter()
    .any(|text| message.contains(text))
}

fn foretells(fact: &Fact, raised: &Raised) -> bool {
    matches!(&fact.kind, FactKind::Raises { error, message, .. }
        if (error.name() == raised.error || *error == raised.kind) && matches(message, &raised.message))
}

/// Whether an observation shows this kind of fact, if it happens.
fn can_be_seen(fact: &Fact) -> bool {
    match fact.kind {
        // Python's own errors are reported only where they are certain.
        FactKind::Raises { failure, .. } => !matches!(
            failure,
            Failure::Explicit | Failure::Other | Failure::Caught
        ),
        FactKind::GradNone { .. } | FactKind::StepWithoutGrad { .. } | FactKind::StaleSaved => true,
        _ => false,
    }
}

fn sees(subject: &Subject, run: &Run, fact: &Fact) -> bool {
    let line = subject.sources.line(fact.span);
    run.outcome
        .observations
        .iter()
        .any(|one| match (&fact.kind, one) {
            (FactKind::Raises { .. }, Observation::Raised(raised)) => {
                run.lines.of(raised.span) == line && foretells(fact, raised)
            }
            (
                FactKind::GradNone { .. },
                Observation::GradReadNone(span) | Observation::GradReadEarly(span),
            ) => run.lines.of(*span) == line,
            (FactKind::StepWithoutGrad { .. }, Observation::StepSkipped { span, none, .. }) => {
                *none > 0 && run.lines.of(*span) == line
            }
            (FactKind::StaleSaved, Observation::StaleSaved { span, .. }) => {
                run.lines.of(*span) == line
            }
            (FactKind::NeverReached { .. }, Observation::LeafWithoutGrad(span)) => {
                run.lines.of(*span) == line
            }
            _ => false,
        })
}

/// Whether the run came past the place of a fact that is said to happen always, without it.
fn contradicts(subject: &Subject, run: &Run, fact: &Fact) -> bool {
    let line = subject.sources.line(fact.span);
    if !run.reached.contains(&line) || sees(subject, run, fact) {
        return false;
    }
    if matches!(
        run.outcome.ending,
        Ending::Stopped(_) | Ending::Unsupported { .. }
    ) {
        return false;
    }
    // What else raised in the statement may have come before.
    let raised_here =
        run.outcome.observations.iter().any(
            |one| matches!(one, Observation::Raised(raised) if run.lines.of(raised.span) == line),
        );
    if raised_here {
        return false;
    }
    match fact.kind {
        FactKind::Raises { failure, .. } => failure != Failure::Explicit,
        FactKind::GradNone { .. } => run.outcome.observations.iter().any(
            |one| matches!(one, Observation::GradReadSome(span) if run.lines.of(*span) == line),
        ),
        FactKind::StepWithoutGrad { .. } => true,
        _ => false,
    }
}
