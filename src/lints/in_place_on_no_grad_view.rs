//! GL305: an in-place write to a view that was made while gradients were off.

use crate::analysis::fact::{FactKind, Failure};
use crate::diagnostic::Severity;
use crate::lint::Rule;
use crate::lints::Pattern;

/// The rule's metadata.
pub static RULE: Rule = Rule {
    code: "GL305",
    name: "in-place-on-no-grad-view",
    summary: "an in-place write to a view that was made while gradients were off",
    severity: Severity::Error,
    documentation: include_str!("docs/GL305.md"),
    since: "0.1.0",
};

/// Which facts it reports, and how.
pub const PATTERN: Pattern = Pattern {
    rule: &RULE,
    applies: |kind| {
        matches!(
            kind,
            FactKind::Raises {
                failure: Failure::NoGradView,
                ..
            }
        )
    },
    headline: "`{}` will fail: the view was made while gradients were off",
    label: "not allowed for such a view",
    help: &["make the view and write it on the same side of `no_grad()`"],
};
