//! GL504: parameters or modules in a plain list or dict of a module.

use crate::analysis::fact::FactKind;
use crate::diagnostic::Severity;
use crate::lint::Rule;
use crate::lints::Pattern;

/// The rule's metadata.
pub static RULE: Rule = Rule {
    code: "GL504",
    name: "parameters-not-registered",
    summary: "parameters or modules in a plain list or dict of a module",
    severity: Severity::Warning,
    documentation: include_str!("docs/GL504.md"),
    since: "0.1.0",
};

/// Which facts it reports, and how.
pub const PATTERN: Pattern = Pattern {
    rule: &RULE,
    applies: |kind| matches!(kind, FactKind::NotRegistered),
    headline: "`{}` keeps parameters where `parameters()` does not see them",
    label: "not registered",
    help: &["use `nn.ModuleList`, `nn.ModuleDict` or `nn.ParameterList`"],
};
