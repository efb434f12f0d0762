//! GL205: the gradient of a computed tensor is not kept.

use crate::analysis::fact::{FactKind, WhyNone};
use crate::diagnostic::Severity;
use crate::lint::Rule;
use crate::lints::Pattern;

/// The rule's metadata.
pub static RULE: Rule = Rule {
    code: "GL205",
    name: "none-gradient-non-leaf",
    summary: "the gradient of a computed tensor is not kept",
    severity: Severity::Warning,
    documentation: include_str!("docs/GL205.md"),
    since: "0.1.0",
};

/// Which facts it reports, and how.
pub const PATTERN: Pattern = Pattern {
    rule: &RULE,
    applies: |kind| {
        matches!(
            kind,
            FactKind::GradNone {
                why: WhyNone::NonLeaf
            }
        )
    },
    headline: "`{}` is none: the tensor is computed, and only leaves keep their gradient",
    label: "none here",
    help: &[
        "call `retain_grad()` on it before backward",
        "or read the gradient of the leaf it is computed from",
    ],
};
