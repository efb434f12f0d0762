//! Whether a change mends a program: it is linted and run as it was and as it would be.

use crate::interp::outcome::{Ending, Outcome, RunOptions};
use crate::lint::{Edit, Finding, Fix, Prediction};
use crate::source::{SourceMap, Span};

/// How far apart two gradients may be, relative to the greater.
const TOLERANCE: f64 = 1e-4;

/// What is found in a text; none where it is no program.
pub type Lint<'a> = dyn Fn(&str) -> Option<Vec<Finding>> + 'a;
/// What a text does when it is run; none where it is no program.
pub type Run<'a> = dyn Fn(&str, &RunOptions) -> Option<(Outcome, SourceMap)> + 'a;

/// Judges changes of one program.
pub struct Verifier<'a> {
    text: &'a str,
    /// What a text is linted as.
    lint: &'a Lint<'a>,
    /// What a text does when it is run.
    run: &'a Run<'a>,
    /// What the program does as it is.
    before: Option<Outcome>,
}

impl<'a> Verifier<'a> {
    /// For the program `text`, with a linter and an interpreter.
    pub fn new(text: &'a str, lint: &'a Lint<'a>, run: &'a Run<'a>) -> Verifier<'a> {
        Verifier {
            text,
            lint,
            run,
            before: None,
        }
    }

    /// Whether the change removes the finding, brings no other, and leaves the other gradients as they were.
    pub fn confirms(&mut self, finding: &Finding, findings: &[Finding], fix: &Fix) -> bool {
        let mended = super::apply(self.text, &fix.edits);
        let Some(after) = (self.lint)(&mended) else {
            return false;
        };
        let was_there = |new: &Finding| {
            findings.iter().any(|old| {
                old.rule.code == new.rule.code
                    && moved(old.span.start, &fix.edits) == new.span.start
            })
        };
        let place = moved(finding.span.start, &fix.edits);
        let is_it = |new: &Finding| new.rule.code == finding.rule.code && new.span.start == place;
        if after.iter().any(is_it) || !after.iter().all(was_there) {
            return false;
        }
        self.runs_as_before(finding, fix, &mended)
    }

    fn runs_as_before(&mut self, finding: &Finding, fix: &Fix, mended: &str) -> bool {
        let options = RunOptions::default();
        let Some((after, sources)) = (self.run)(mended, &options) else {
            return false;
        };
        if self.before.is_none() {
            self.before = (self.run)(self.text, &options).map(|(outcome, _)| outcome);
        }
        let Some(before) = &self.before else {
            return false;
        };
        match &after.ending {
            Ending::Finished => {}
            Ending::Raised(raised) => {
                let at = |span: Span| sources.line(span);
                let place = Span {
                    start: moved(finding.span.start, &fix.edits),
                    end: moved(finding.span.start, &fix.edits),
                    ..raised.span
                };
                // It may fail elsewhere, by another finding; here it must not, nor before.
                let raises = matches!(finding.prediction, Prediction::Raises { .. });
                if raises && at(raised.span) <= at(place) {
                    return false;
                }
            }
            Ending::Stopped(_) | Ending::Unsupported { .. } => return false,
        }
        before.ending != Ending::Finished || keeps_gradients(before, &after)
    }
}

/// Where the byte at `offset` is after the edits.
fn moved(offset: u32, edits: &[Edit]) -> u32 {
    let mut at = i64::from(offset);
    for edit in edits.iter().filter(|edit| edit.span.start < offset) {
        at += edit.text.len() as i64 - (i64::from(edit.span.end) - i64::from(edit.span.start));
    }
    u32::try_from(at).unwrap_or(0)
}

/// Whether every gradient that was there is there with the same numbers.
fn keeps_gradients(before: &Outcome, after: &Outcome) -> bool {
    before.tensors.iter().all(|(name, old)| {
        let new = after.tensors.iter().find(|(other, _)| other == name);
        match (&old.grad, new.and_then(|(_, new)| new.grad.as_ref())) {
            (None, _) => true,
            (Some(old), Some(new)) => {
                old.len() == new.len()
                    && old
                        .iter()
                        .zip(new)
                        .all(|(a, b)| is_close(a.as_f64(), b.as_f64()))
            }
            (Some(_), None) => false,
        }
    })
}

fn is_close(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= TOLERANCE * a.abs().max(b.abs())
}
