//! GL201: a gradient is none since the graph is cut on the way.

use crate::analysis::fact::{FactKind, WhyNone};
use crate::diagnostic::Severity;
use crate::lint::Rule;
use crate::lints::Pattern;

/// The rule's metadata.
pub static RULE: Rule = Rule {
    code: "GL201",
    name: "none-gradient-detached",
    summary: "a gradient is none since the graph is cut on the way",
    severity: Severity::Warning,
    documentation: include_str!("docs/GL201.md"),
    since: "0.1.0",
};

/// Which facts it reports, and how.
pub const PATTERN: Pattern = Pattern {
    rule: &RULE,
    applies: |kind| {
        matches!(
            kind,
            FactKind::GradNone {
                why: WhyNone::Detached
            }
        )
    },
    headline: "`{}` is none: the way from the loss to the tensor is cut",
    label: "none here",
    help: &["take the cut away, if the tensor is meant to learn"],
};
