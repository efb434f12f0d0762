//! GL301: a tensor that backward needs is overwritten before.

use crate::analysis::fact::{FactKind, Failure};
use crate::diagnostic::Severity;
use crate::lint::Rule;
use crate::lints::Pattern;

/// The rule's metadata.
pub static RULE: Rule = Rule {
    code: "GL301",
    name: "saved-tensor-overwritten",
    summary: "a tensor that backward needs is overwritten before",
    severity: Severity::Error,
    documentation: include_str!("docs/GL301.md"),
    since: "0.1.0",
};

/// Which facts it reports, and how.
pub const PATTERN: Pattern = Pattern {
    rule: &RULE,
    applies: |kind| {
        matches!(
            kind,
            FactKind::Raises {
                failure: Failure::SavedOverwritten,
                ..
            }
        )
    },
    headline: "`{}` will fail: a value that it needs has been overwritten",
    label: "needed here",
    help: &[
        "write out of place: `y = y + e` instead of `y += e`",
        "or do the in-place write (an optimizer's `step`, too) after the last backward that needs the old value",
    ],
};
