//! GL106: backward through an operator whose derivative PyTorch does not have.

use crate::analysis::fact::{FactKind, Failure};
use crate::diagnostic::Severity;
use crate::lint::Rule;
use crate::lints::Pattern;

/// The rule's metadata.
pub static RULE: Rule = Rule {
    code: "GL106",
    name: "missing-derivative",
    summary: "backward through an operator whose derivative PyTorch does not have",
    severity: Severity::Error,
    documentation: include_str!("docs/GL106.md"),
    since: "0.1.0",
};

/// Which facts it reports, and how.
pub const PATTERN: Pattern = Pattern {
    rule: &RULE,
    applies: |kind| {
        matches!(
            kind,
            FactKind::Raises {
                failure: Failure::NoDerivative,
                ..
            }
        )
    },
    headline: "`{}` will fail: PyTorch has no derivative for an operator on the way",
    label: "goes back through it",
    help: &[
        "use an operator that is differentiable, or `detach()` the argument if no gradient is meant to flow",
    ],
};
