//! GL311: `out=` with a tensor that requires grad.

use crate::analysis::fact::{FactKind, Failure};
use crate::diagnostic::Severity;
use crate::lint::Rule;
use crate::lints::Pattern;

/// The rule's metadata.
pub static RULE: Rule = Rule {
    code: "GL311",
    name: "out-with-grad",
    summary: "`out=` with a tensor that requires grad",
    severity: Severity::Error,
    documentation: include_str!("docs/GL311.md"),
    since: "0.1.0",
};

/// Which facts it reports, and how.
pub const PATTERN: Pattern = Pattern {
    rule: &RULE,
    applies: |kind| {
        matches!(
            kind,
            FactKind::Raises {
                failure: Failure::OutArgument,
                ..
            }
        )
    },
    headline: "`{}` will fail: `out=` does not support gradients",
    label: "refused here",
    help: &["assign the result instead of passing `out=`"],
};
