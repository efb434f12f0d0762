//! GL501: an optimizer steps and none of its parameters has a gradient.

use crate::analysis::fact::FactKind;
use crate::diagnostic::Severity;
use crate::lint::Rule;
use crate::lints::Pattern;

/// The rule's metadata.
pub static RULE: Rule = Rule {
    code: "GL501",
    name: "step-without-gradients",
    summary: "an optimizer steps and none of its parameters has a gradient",
    severity: Severity::Warning,
    documentation: include_str!("docs/GL501.md"),
    since: "0.1.0",
};

/// Which facts it reports, and how.
pub const PATTERN: Pattern = Pattern {
    rule: &RULE,
    applies: |kind| matches!(kind, FactKind::StepWithoutGrad { .. }),
    headline: "`{}` changes nothing: none of its parameters has a gradient",
    label: "every parameter is skipped",
    help: &["call `backward()` before, and `zero_grad()` before that or after `step()`"],
};
