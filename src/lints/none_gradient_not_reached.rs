//! GL207: a gradient is none since backward does not reach the tensor.

use crate::analysis::fact::{FactKind, WhyNone};
use crate::diagnostic::Severity;
use crate::lint::Rule;
use crate::lints::Pattern;

/// The rule's metadata.
pub static RULE: Rule = Rule {
    code: "GL207",
    name: "none-gradient-not-reached",
    summary: "a gradient is none since backward does not reach the tensor",
    severity: Severity::Warning,
    documentation: include_str!("docs/GL207.md"),
    since: "0.1.0",
};

/// Which facts it reports, and how.
pub const PATTERN: Pattern = Pattern {
    rule: &RULE,
    applies: |kind| {
        matches!(
            kind,
            FactKind::GradNone {
                why: WhyNone::NotReached
            }
        )
    },
    headline: "`{}` is none: backward does not reach the tensor",
    label: "none here",
    help: &["use it in what the loss is computed from"],
};
