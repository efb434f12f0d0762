//! GL103: backward with a gradient of another shape than the tensor.

use crate::analysis::fact::{FactKind, Failure};
use crate::diagnostic::Severity;
use crate::lint::Rule;
use crate::lints::Pattern;

/// The rule's metadata.
pub static RULE: Rule = Rule {
    code: "GL103",
    name: "gradient-shape-mismatch",
    summary: "backward with a gradient of another shape than the tensor",
    severity: Severity::Error,
    documentation: include_str!("docs/GL103.md"),
    since: "0.1.0",
};

/// Which facts it reports, and how.
pub const PATTERN: Pattern = Pattern {
    rule: &RULE,
    applies: |kind| {
        matches!(
            kind,
            FactKind::Raises {
                failure: Failure::GradientShape,
                ..
            }
        )
    },
    headline: "`{}` will fail: the gradient has another shape than the tensor",
    label: "the shapes must be equal; nothing is broadcast here",
    help: &["give a gradient of just the shape of the tensor"],
};
