//! GL304: an in-place write to one of several views of one call.

use crate::analysis::fact::{FactKind, Failure};
use crate::diagnostic::Severity;
use crate::lint::Rule;
use crate::lints::Pattern;

/// The rule's metadata.
pub static RULE: Rule = Rule {
    code: "GL304",
    name: "in-place-on-multi-output-view",
    summary: "an in-place write to one of several views of one call",
    severity: Severity::Error,
    documentation: include_str!("docs/GL304.md"),
    since: "0.1.0",
};

/// Which facts it reports, and how.
pub const PATTERN: Pattern = Pattern {
    rule: &RULE,
    applies: |kind| {
        matches!(
            kind,
            FactKind::Raises {
                failure: Failure::MultiOutputView,
                ..
            }
        )
    },
    headline: "`{}` will fail: the tensor is one of several views of one call",
    label: "not allowed for such a view",
    help: &[
        "write out of place",
        "or take the view by indexing, which gives one view a call",
    ],
};
