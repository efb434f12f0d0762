//! GL206: a gradient is none since the tensor was frozen.

use crate::analysis::fact::{FactKind, WhyNone};
use crate::diagnostic::Severity;
use crate::lint::Rule;
use crate::lints::Pattern;

/// The rule's metadata.
pub static RULE: Rule = Rule {
    code: "GL206",
    name: "none-gradient-frozen",
    summary: "a gradient is none since the tensor was frozen",
    severity: Severity::Warning,
    documentation: include_str!("docs/GL206.md"),
    since: "0.1.0",
};

/// Which facts it reports, and how.
pub const PATTERN: Pattern = Pattern {
    rule: &RULE,
    applies: |kind| {
        matches!(
            kind,
            FactKind::GradNone {
                why: WhyNone::Frozen
            }
        )
    },
    headline: "`{}` is none: the tensor was frozen",
    label: "none here",
    help: &["do not read the gradient of a frozen tensor, or unfreeze it before the forward pass"],
};
