//! GL202: a gradient is none since the tensor never required one.

use crate::analysis::fact::{FactKind, WhyNone};
use crate::diagnostic::Severity;
use crate::lint::Rule;
use crate::lints::Pattern;

/// The rule's metadata.
pub static RULE: Rule = Rule {
    code: "GL202",
    name: "none-gradient-not-required",
    summary: "a gradient is none since the tensor never required one",
    severity: Severity::Warning,
    documentation: include_str!("docs/GL202.md"),
    since: "0.1.0",
};

/// Which facts it reports, and how.
pub const PATTERN: Pattern = Pattern {
    rule: &RULE,
    applies: |kind| {
        matches!(
            kind,
            FactKind::GradNone {
                why: WhyNone::NotRequired
            }
        )
    },
    headline: "`{}` is none: the tensor does not require a gradient",
    label: "none here",
    help: &["make it with `requires_grad=true`, or make it an `nn.Parameter`"],
};
