//! GL204: a gradient is none since the way goes through values.

use crate::analysis::fact::{FactKind, WhyNone};
use crate::diagnostic::Severity;
use crate::lint::Rule;
use crate::lints::Pattern;

/// The rule's metadata.
pub static RULE: Rule = Rule {
    code: "GL204",
    name: "none-gradient-rebuilt",
    summary: "a gradient is none since the way goes through values",
    severity: Severity::Warning,
    documentation: include_str!("docs/GL204.md"),
    since: "0.1.0",
};

/// Which facts it reports, and how.
pub const PATTERN: Pattern = Pattern {
    rule: &RULE,
    applies: |kind| {
        matches!(
            kind,
            FactKind::GradNone {
                why: WhyNone::Rebuilt
            }
        )
    },
    headline: "`{}` is none: on the way to it a tensor is made anew from values",
    label: "none here",
    help: &[
        "use the tensor itself instead of `tensor(t)`, `.item()` or `nn.Parameter(t)`; `stack` joins scalars and keeps the graph",
    ],
};
