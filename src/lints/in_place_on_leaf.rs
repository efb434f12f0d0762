//! GL302: an in-place write to a leaf that requires grad.

use crate::analysis::fact::{FactKind, Failure};
use crate::diagnostic::Severity;
use crate::lint::Rule;
use crate::lints::Pattern;

/// The rule's metadata.
pub static RULE: Rule = Rule {
    code: "GL302",
    name: "in-place-on-leaf",
    summary: "an in-place write to a leaf that requires grad",
    severity: Severity::Error,
    documentation: include_str!("docs/GL302.md"),
    since: "0.1.0",
};

/// Which facts it reports, and how.
pub const PATTERN: Pattern = Pattern {
    rule: &RULE,
    applies: |kind| {
        matches!(
            kind,
            FactKind::Raises {
                failure: Failure::LeafInPlace,
                ..
            }
        )
    },
    headline: "`{}` will fail: it writes in place to a leaf that requires a gradient",
    label: "written here",
    help: &["write under `no_grad()`", "or compute a new tensor"],
};
