//! GL307: an in-place write to an expanded tensor.

use crate::analysis::fact::{FactKind, Failure};
use crate::diagnostic::Severity;
use crate::lint::Rule;
use crate::lints::Pattern;

/// The rule's metadata.
pub static RULE: Rule = Rule {
    code: "GL307",
    name: "in-place-on-expanded",
    summary: "an in-place write to an expanded tensor",
    severity: Severity::Error,
    documentation: include_str!("docs/GL307.md"),
    since: "0.1.0",
};

/// Which facts it reports, and how.
pub const PATTERN: Pattern = Pattern {
    rule: &RULE,
    applies: |kind| {
        matches!(
            kind,
            FactKind::Raises {
                failure: Failure::ExpandedInPlace,
                ..
            }
        )
    },
    headline: "`{}` will fail: several elements of the tensor are one place in memory",
    label: "written here",
    help: &["`clone()` it first"],
};
