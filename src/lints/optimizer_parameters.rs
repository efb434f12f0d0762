//! GL505: an optimizer is given no parameters, or a computed tensor.

use crate::analysis::fact::{FactKind, Failure};
use crate::diagnostic::Severity;
use crate::lint::Rule;
use crate::lints::Pattern;

/// The rule's metadata.
pub static RULE: Rule = Rule {
    code: "GL505",
    name: "optimizer-parameters",
    summary: "an optimizer is given no parameters, or a computed tensor",
    severity: Severity::Error,
    documentation: include_str!("docs/GL505.md"),
    since: "0.1.0",
};

/// Which facts it reports, and how.
pub const PATTERN: Pattern = Pattern {
    rule: &RULE,
    applies: |kind| {
        matches!(
            kind,
            FactKind::Raises {
                failure: Failure::OptimizerParameters,
                ..
            }
        )
    },
    headline: "`{}` will fail: it is given nothing that it can optimize",
    label: "refused here",
    help: &["pass leaves: `model.parameters()` after the layers are registered"],
};
