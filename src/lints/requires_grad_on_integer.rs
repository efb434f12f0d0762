//! GL401: requires_grad on integers or bools.

use crate::analysis::fact::{FactKind, Failure};
use crate::diagnostic::Severity;
use crate::lint::Rule;
use crate::lints::Pattern;

/// The rule's metadata.
pub static RULE: Rule = Rule {
    code: "GL401",
    name: "requires-grad-on-integer",
    summary: "requires_grad on integers or bools",
    severity: Severity::Error,
    documentation: include_str!("docs/GL401.md"),
    since: "0.1.0",
};

/// Which facts it reports, and how.
pub const PATTERN: Pattern = Pattern {
    rule: &RULE,
    applies: |kind| {
        matches!(
            kind,
            FactKind::Raises {
                failure: Failure::IntegerRequiresGrad,
                ..
            }
        )
    },
    headline: "`{}` will fail: only floating point tensors can require gradients",
    label: "not a floating point tensor",
    help: &["make it a float tensor: `1.0` instead of `1`, or `.float()`"],
};
