//! GL405: a misspelt flag sets an attribute that nothing reads.

use crate::analysis::fact::FactKind;
use crate::diagnostic::Severity;
use crate::lint::Rule;
use crate::lints::Pattern;

/// The rule's metadata.
pub static RULE: Rule = Rule {
    code: "GL405",
    name: "misspelt-flag",
    summary: "a misspelt flag sets an attribute that nothing reads",
    severity: Severity::Warning,
    documentation: include_str!("docs/GL405.md"),
    since: "0.1.0",
};

/// Which facts it reports, and how.
pub const PATTERN: Pattern = Pattern {
    rule: &RULE,
    applies: |kind| matches!(kind, FactKind::MisspeltFlag { .. }),
    headline: "`{}` has no effect: this sets an attribute that nothing reads",
    label: "nothing reads it",
    help: &["for a tensor: `requires_grad`; for a module: `requires_grad_(…)`"],
};
