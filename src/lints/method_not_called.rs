//! GL601: a method is named but not called.

use crate::analysis::fact::FactKind;
use crate::diagnostic::Severity;
use crate::lint::Rule;
use crate::lints::Pattern;

/// The rule's metadata.
pub static RULE: Rule = Rule {
    code: "GL601",
    name: "method-not-called",
    summary: "a method is named but not called",
    severity: Severity::Warning,
    documentation: include_str!("docs/GL601.md"),
    since: "0.1.0",
};

/// Which facts it reports, and how.
pub const PATTERN: Pattern = Pattern {
    rule: &RULE,
    applies: |kind| matches!(kind, FactKind::NotCalled { .. }),
    headline: "`{}` does nothing: the method is named, but not called",
    label: "parentheses are missing",
    help: &["add the parentheses"],
};
