//! GL406: the graph of a computed tensor is cut in silence.

use crate::analysis::fact::FactKind;
use crate::diagnostic::Severity;
use crate::lint::Rule;
use crate::lints::Pattern;

/// The rule's metadata.
pub static RULE: Rule = Rule {
    code: "GL406",
    name: "silent-cut",
    summary: "the graph of a computed tensor is cut in silence",
    severity: Severity::Warning,
    documentation: include_str!("docs/GL406.md"),
    since: "0.1.0",
};

/// Which facts it reports, and how.
pub const PATTERN: Pattern = Pattern {
    rule: &RULE,
    applies: |kind| matches!(kind, FactKind::SilentCut { .. }),
    headline: "`{}` cuts the graph of its value in silence",
    label: "what comes after has no way back",
    help: &["use the tensor itself, or `detach()` where the cut is meant"],
};
