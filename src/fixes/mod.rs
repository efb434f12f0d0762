//! Changes that mend a program: what to try at the places that a finding names, and whether it helps.
//!
//! A change is offered only if the interpreter and the linter confirm it: the mended program no longer shows the finding
//! and shows no new one, and gradients that the program had keep their values.

mod candidate;
mod site;
mod verify;

use crate::lint::{Applicability, Edit, Finding};
use crate::source::{SourceMap, Span};
use crate::syntax::ast::Module;

pub use verify::Verifier;

/// The most changes that are tried for one finding.
const MAX_TRIED: usize = 6;

/// Gives each finding the first of its changes that `verifier` confirms.
pub fn attach(
    findings: &mut [Finding],
    module: &Module,
    sources: &SourceMap,
    verifier: &mut Verifier,
) {
    let before: Vec<Finding> = findings.to_vec();
    for finding in findings.iter_mut() {
        let candidates = candidate::candidates(finding, module, sources);
        finding.fix = candidates
            .into_iter()
            // Another file of the program is mended when its turn comes.
            .filter(|fix| {
                let first = sources.first();
                fix.edits.iter().all(|edit| edit.span.file == first)
            })
            .take(MAX_TRIED)
            .find(|fix| verifier.confirms(finding, &before, fix));
    }
}

/// The text with the edits made. They are in order and do not overlap.
pub fn apply(text: &str, edits: &[Edit]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for edit in edits {
        let range = edit.span.range();
        out.push_str(text.get(at..range.start).unwrap_or(""));
        out.push_str(&edit.text);
        at = range.end;
    }
    out.push_str(text.get(at..).unwrap_or(""));
    out
}

/// The edits of the fixes that may be made together: each finding's, unless it overlaps one before it.
pub fn combined(findings: &[Finding], unsafe_too: bool) -> Vec<Edit> {
    let mut edits: Vec<Edit> = Vec::new();
    for fix in findings.iter().filter_map(|finding| finding.fix.as_ref()) {
        let allowed = unsafe_too || fix.applicability == Applicability::Safe;
        let free = fix.edits.iter().all(|edit| {
            edits
                .iter()
                .all(|other| *other == *edit || !touches(other.span, edit.span))
        });
        if allowed && free {
            edits.extend(fix.edits.iter().cloned());
        }
    }
    edits.sort_by_key(|edit| edit.span);
    edits.dedup();
    edits
}

fn touches(a: Span, b: Span) -> bool {
    a.file == b.file && a.start <= b.end && b.start <= a.end
}
