//! GL107: autograd.grad for a tensor that was not used.

use crate::analysis::fact::{FactKind, Failure};
use crate::diagnostic::Severity;
use crate::lint::Rule;
use crate::lints::Pattern;

/// The rule's metadata.
pub static RULE: Rule = Rule {
    code: "GL107",
    name: "grad-of-unused-input",
    summary: "autograd.grad for a tensor that was not used",
    severity: Severity::Error,
    documentation: include_str!("docs/GL107.md"),
    since: "0.1.0",
};

/// Which facts it reports, and how.
pub const PATTERN: Pattern = Pattern {
    rule: &RULE,
    applies: |kind| {
        matches!(
            kind,
            FactKind::Raises {
                failure: Failure::UnusedInput,
                ..
            }
        )
    },
    headline: "`{}` will fail: a tensor that it differentiates for was not used",
    label: "not on the way to the output",
    help: &[
        "differentiate for the tensor that was really used (a view or a later in-place version is another)",
        "or pass `allow_unused=true` and expect none",
    ],
};
