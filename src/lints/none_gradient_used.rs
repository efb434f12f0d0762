//! GL211: arithmetic with, or a method of, a gradient that is none.

use crate::analysis::fact::{FactKind, Failure};
use crate::diagnostic::Severity;
use crate::lint::Rule;
use crate::lints::Pattern;

/// The rule's metadata.
pub static RULE: Rule = Rule {
    code: "GL211",
    name: "none-gradient-used",
    summary: "arithmetic with, or a method of, a gradient that is none",
    severity: Severity::Error,
    documentation: include_str!("docs/GL211.md"),
    since: "0.1.0",
};

/// Which facts it reports, and how.
pub const PATTERN: Pattern = Pattern {
    rule: &RULE,
    applies: |kind| {
        matches!(
            kind,
            FactKind::Raises {
                failure: Failure::NoneGradient,
                ..
            }
        )
    },
    headline: "`{}` will fail: a gradient in it is none",
    label: "needs a gradient",
    help: &["see to it that the gradient is filled, or test it with `is not none` first"],
};
