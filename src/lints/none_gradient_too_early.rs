//! GL208: a gradient is read before the first backward.

use crate::analysis::fact::{FactKind, WhyNone};
use crate::diagnostic::Severity;
use crate::lint::Rule;
use crate::lints::Pattern;

/// The rule's metadata.
pub static RULE: Rule = Rule {
    code: "GL208",
    name: "none-gradient-too-early",
    summary: "a gradient is read before the first backward",
    severity: Severity::Warning,
    documentation: include_str!("docs/GL208.md"),
    since: "0.1.0",
};

/// Which facts it reports, and how.
pub const PATTERN: Pattern = Pattern {
    rule: &RULE,
    applies: |kind| {
        matches!(
            kind,
            FactKind::GradNone {
                why: WhyNone::TooEarly
            }
        )
    },
    headline: "`{}` is none: no backward has filled it",
    label: "none here",
    help: &["call `backward()` on the loss first"],
};
