//! GL108: autograd.grad for a tensor that does not require grad.

use crate::analysis::fact::{FactKind, Failure};
use crate::diagnostic::Severity;
use crate::lint::Rule;
use crate::lints::Pattern;

/// The rule's metadata.
pub static RULE: Rule = Rule {
    code: "GL108",
    name: "grad-of-ungraphed-input",
    summary: "autograd.grad for a tensor that does not require grad",
    severity: Severity::Error,
    documentation: include_str!("docs/GL108.md"),
    since: "0.1.0",
};

/// Which facts it reports, and how.
pub const PATTERN: Pattern = Pattern {
    rule: &RULE,
    applies: |kind| {
        matches!(
            kind,
            FactKind::Raises {
                failure: Failure::InputWithoutGraph,
                ..
            }
        )
    },
    headline: "`{}` will fail: a tensor that it differentiates for does not require grad",
    label: "differentiates for it",
    help: &["make it with `requires_grad=true`, before it is used"],
};
