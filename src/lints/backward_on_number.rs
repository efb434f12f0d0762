//! GL104: backward on a Python number or none.

use crate::analysis::fact::{FactKind, Failure};
use crate::diagnostic::Severity;
use crate::lint::Rule;
use crate::lints::Pattern;

/// The rule's metadata.
pub static RULE: Rule = Rule {
    code: "GL104",
    name: "backward-on-number",
    summary: "backward on a Python number or none",
    severity: Severity::Error,
    documentation: include_str!("docs/GL104.md"),
    since: "0.1.0",
};

/// Which facts it reports, and how.
pub const PATTERN: Pattern = Pattern {
    rule: &RULE,
    applies: |kind| {
        matches!(
            kind,
            FactKind::Raises {
                failure: Failure::NotATensor,
                ..
            }
        )
    },
    headline: "`{}` will fail: this is no tensor",
    label: "a number has no graph",
    help: &["call `backward` on the tensor, and take `.item()` only for printing"],
};
