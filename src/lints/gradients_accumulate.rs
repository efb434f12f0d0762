//! GL506: gradients of several iterations add up.

use crate::analysis::fact::FactKind;
use crate::diagnostic::Severity;
use crate::lint::Rule;
use crate::lints::Pattern;

/// The rule's metadata.
pub static RULE: Rule = Rule {
    code: "GL506",
    name: "gradients-accumulate",
    summary: "gradients of several iterations add up",
    severity: Severity::Warning,
    documentation: include_str!("docs/GL506.md"),
    since: "0.1.0",
};

/// Which facts it reports, and how.
pub const PATTERN: Pattern = Pattern {
    rule: &RULE,
    applies: |kind| matches!(kind, FactKind::Accumulates),
    headline: "`{}` adds to the gradients of earlier iterations: nothing clears them",
    label: "adds to what it left before",
    help: &[
        "call `zero_grad()` in each iteration; where accumulation is meant, clear after the step",
    ],
};
