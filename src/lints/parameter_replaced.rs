//! GL503: a parameter is replaced after the optimizer was made.

use crate::analysis::fact::FactKind;
use crate::diagnostic::Severity;
use crate::lint::Rule;
use crate::lints::Pattern;

/// The rule's metadata.
pub static RULE: Rule = Rule {
    code: "GL503",
    name: "parameter-replaced",
    summary: "a parameter is replaced after the optimizer was made",
    severity: Severity::Warning,
    documentation: include_str!("docs/GL503.md"),
    since: "0.1.0",
};

/// Which facts it reports, and how.
pub const PATTERN: Pattern = Pattern {
    rule: &RULE,
    applies: |kind| matches!(kind, FactKind::NotHeld),
    headline: "`{}` replaces a parameter that an optimizer holds; it goes on with the old one",
    label: "the optimizer does not know the new one",
    help: &[
        "replace the parameter before the optimizer is made",
        "or write the new values into the old one under `no_grad()`",
    ],
};
