//! GL306: a tensor that backward needs is detached in place before.

use crate::analysis::fact::{FactKind, Failure};
use crate::diagnostic::Severity;
use crate::lint::Rule;
use crate::lints::Pattern;

/// The rule's metadata.
pub static RULE: Rule = Rule {
    code: "GL306",
    name: "saved-tensor-detached",
    summary: "a tensor that backward needs is detached in place before",
    severity: Severity::Error,
    documentation: include_str!("docs/GL306.md"),
    since: "0.1.0",
};

/// Which facts it reports, and how.
pub const PATTERN: Pattern = Pattern {
    rule: &RULE,
    applies: |kind| {
        matches!(
            kind,
            FactKind::Raises {
                failure: Failure::SavedDetached,
                ..
            }
        )
    },
    headline: "`{}` will fail: a value that it needs was detached in place",
    label: "needed here",
    help: &["use `detach()`, which leaves the tensor as it is"],
};
