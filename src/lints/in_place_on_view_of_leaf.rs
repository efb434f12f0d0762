//! GL303: an in-place write to a view of a leaf that requires grad.

use crate::analysis::fact::{FactKind, Failure};
use crate::diagnostic::Severity;
use crate::lint::Rule;
use crate::lints::Pattern;

/// The rule's metadata.
pub static RULE: Rule = Rule {
    code: "GL303",
    name: "in-place-on-view-of-leaf",
    summary: "an in-place write to a view of a leaf that requires grad",
    severity: Severity::Error,
    documentation: include_str!("docs/GL303.md"),
    since: "0.1.0",
};

/// Which facts it reports, and how.
pub const PATTERN: Pattern = Pattern {
    rule: &RULE,
    applies: |kind| {
        matches!(
            kind,
            FactKind::Raises {
                failure: Failure::ViewOfLeafInPlace,
                ..
            }
        )
    },
    headline: "`{}` will fail: it writes to a view of a leaf that requires a gradient",
    label: "written here",
    help: &["write under `no_grad()`, taking the view there too"],
};
