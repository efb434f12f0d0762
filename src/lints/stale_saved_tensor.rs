//! GL310: a saved value is changed behind the version counter.

use crate::analysis::fact::FactKind;
use crate::diagnostic::Severity;
use crate::lint::Rule;
use crate::lints::Pattern;

/// The rule's metadata.
pub static RULE: Rule = Rule {
    code: "GL310",
    name: "stale-saved-tensor",
    summary: "a saved value is changed behind the version counter",
    severity: Severity::Warning,
    documentation: include_str!("docs/GL310.md"),
    since: "0.1.0",
};

/// Which facts it reports, and how.
pub const PATTERN: Pattern = Pattern {
    rule: &RULE,
    applies: |kind| matches!(kind, FactKind::StaleSaved),
    headline: "`{}` computes a wrong gradient: a value that it needs was changed where PyTorch does not see it",
    label: "uses the changed value",
    help: &["write under `no_grad()` instead of through `.data`, so that PyTorch can tell"],
};
