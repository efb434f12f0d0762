//! GL603: a gradient takes part in a loss as a constant.

use crate::analysis::fact::FactKind;
use crate::diagnostic::Severity;
use crate::lint::Rule;
use crate::lints::Pattern;

/// The rule's metadata.
pub static RULE: Rule = Rule {
    code: "GL603",
    name: "constant-gradient",
    summary: "a gradient takes part in a loss as a constant",
    severity: Severity::Warning,
    documentation: include_str!("docs/GL603.md"),
    since: "0.1.0",
};

/// Which facts it reports, and how.
pub const PATTERN: Pattern = Pattern {
    rule: &RULE,
    applies: |kind| matches!(kind, FactKind::ConstantGradient),
    headline: "`{}` treats a gradient as a constant",
    label: "nothing flows back through it",
    help: &["pass `create_graph=true` to `autograd.grad` if the loss is meant to depend on it"],
};
