//! GL507: parameters are added to a module after the optimizer was made.

use crate::analysis::fact::FactKind;
use crate::diagnostic::Severity;
use crate::lint::Rule;
use crate::lints::Pattern;

/// The rule's metadata.
pub static RULE: Rule = Rule {
    code: "GL507",
    name: "parameters-added-late",
    summary: "parameters are added to a module after the optimizer was made",
    severity: Severity::Warning,
    documentation: include_str!("docs/GL507.md"),
    since: "0.1.0",
};

/// Which facts it reports, and how.
pub const PATTERN: Pattern = Pattern {
    rule: &RULE,
    applies: |kind| matches!(kind, FactKind::AddedLate),
    headline: "`{}` adds parameters that no optimizer holds; they stay as they were initialised",
    label: "the optimizer does not know these",
    help: &[
        "make the optimizer after the module is complete",
        "or give them to it with `add_param_group`",
    ],
};
