//! GL309: an in-place method that PyTorch refuses for this tensor.

use crate::analysis::fact::{FactKind, Failure};
use crate::diagnostic::Severity;
use crate::lint::Rule;
use crate::lints::Pattern;

/// The rule's metadata.
pub static RULE: Rule = Rule {
    code: "GL309",
    name: "forbidden-in-place",
    summary: "an in-place method that PyTorch refuses for this tensor",
    severity: Severity::Error,
    documentation: include_str!("docs/GL309.md"),
    since: "0.1.0",
};

/// Which facts it reports, and how.
pub const PATTERN: Pattern = Pattern {
    rule: &RULE,
    applies: |kind| {
        matches!(
            kind,
            FactKind::Raises {
                failure: Failure::ForbiddenInPlace,
                ..
            }
        )
    },
    headline: "`{}` will fail: it is not allowed for this tensor",
    label: "refused here",
    help: &["use the form that is not in place"],
};
