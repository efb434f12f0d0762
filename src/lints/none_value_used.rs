//! GL212: a value that is none is used.

use crate::analysis::fact::{FactKind, Failure};
use crate::diagnostic::Severity;
use crate::lint::Rule;
use crate::lints::Pattern;

/// The rule's metadata.
pub static RULE: Rule = Rule {
    code: "GL212",
    name: "none-value-used",
    summary: "a value that is none is used",
    severity: Severity::Error,
    documentation: include_str!("docs/GL212.md"),
    since: "0.1.0",
};

/// Which facts it reports, and how.
pub const PATTERN: Pattern = Pattern {
    rule: &RULE,
    applies: |kind| {
        matches!(
            kind,
            FactKind::Raises {
                failure: Failure::NoneValue,
                ..
            }
        )
    },
    headline: "`{}` will fail: a value in it is none",
    label: "needs a value",
    help: &["return the value, or do not use the result of what works by effect"],
};
