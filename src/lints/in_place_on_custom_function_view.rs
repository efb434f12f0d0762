//! GL312: an in-place write to a view that a custom function gave.

use crate::analysis::fact::{FactKind, Failure};
use crate::diagnostic::Severity;
use crate::lint::Rule;
use crate::lints::Pattern;

/// The rule's metadata.
pub static RULE: Rule = Rule {
    code: "GL312",
    name: "in-place-on-custom-function-view",
    summary: "an in-place write to a view that a custom function or a module with backward hooks gave",
    severity: Severity::Error,
    documentation: include_str!("docs/GL312.md"),
    since: "0.1.0",
};

/// Which facts it reports, and how.
pub const PATTERN: Pattern = Pattern {
    rule: &RULE,
    applies: |kind| {
        matches!(
            kind,
            FactKind::Raises {
                failure: Failure::CustomView,
                ..
            }
        )
    },
    headline: "`{}` will fail: the view comes out of a custom function",
    label: "not allowed for such a view",
    help: &["write a copy, `y = y.clone()`, or write out of place: `y = y + e`"],
};
