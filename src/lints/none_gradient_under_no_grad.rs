//! GL203: a gradient is none since the way was computed while gradients were off.

use crate::analysis::fact::{FactKind, WhyNone};
use crate::diagnostic::Severity;
use crate::lint::Rule;
use crate::lints::Pattern;

/// The rule's metadata.
pub static RULE: Rule = Rule {
    code: "GL203",
    name: "none-gradient-under-no-grad",
    summary: "a gradient is none since the way was computed while gradients were off",
    severity: Severity::Warning,
    documentation: include_str!("docs/GL203.md"),
    since: "0.1.0",
};

/// Which facts it reports, and how.
pub const PATTERN: Pattern = Pattern {
    rule: &RULE,
    applies: |kind| {
        matches!(
            kind,
            FactKind::GradNone {
                why: WhyNone::UnderNoGrad
            }
        )
    },
    headline: "`{}` is none: what leads to it was computed while gradients were off",
    label: "none here",
    help: &["move the computation out of `no_grad()` or `inference_mode()`"],
};
