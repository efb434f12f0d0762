//! GL502: a parameter that the optimizer holds never gets a gradient.

use crate::analysis::fact::FactKind;
use crate::diagnostic::Severity;
use crate::lint::Rule;
use crate::lints::Pattern;

/// The rule's metadata.
pub static RULE: Rule = Rule {
    code: "GL502",
    name: "parameter-never-reached",
    summary: "a parameter that the optimizer holds never gets a gradient",
    severity: Severity::Warning,
    documentation: include_str!("docs/GL502.md"),
    since: "0.1.0",
};

/// Which facts it reports, and how.
pub const PATTERN: Pattern = Pattern {
    rule: &RULE,
    applies: |kind| matches!(kind, FactKind::NeverReached { .. }),
    headline: "the parameters made by `{}` never get a gradient, and the optimizer passes over them",
    label: "never learns",
    help: &["use it in what the loss is computed from, or leave it out of the optimizer"],
};
