//! GL110: a custom function whose backward gives what autograd does not take.

use crate::analysis::fact::{FactKind, Failure};
use crate::diagnostic::Severity;
use crate::lint::Rule;
use crate::lints::Pattern;

/// The rule's metadata.
pub static RULE: Rule = Rule {
    code: "GL110",
    name: "custom-function-gradient",
    summary: "a custom function whose backward is missing or gives what PyTorch refuses",
    severity: Severity::Error,
    documentation: include_str!("docs/GL110.md"),
    since: "0.1.0",
};

/// Which facts it reports, and how.
pub const PATTERN: Pattern = Pattern {
    rule: &RULE,
    applies: |kind| {
        matches!(
            kind,
            FactKind::Raises {
                failure: Failure::CustomFunction,
                ..
            }
        )
    },
    headline: "`{}` will fail: PyTorch refuses what the custom function does",
    label: "refused here",
    help: &[
        "`backward` gives one gradient for each argument of `forward`: of the argument's shape, or none for what is no tensor",
    ],
};
