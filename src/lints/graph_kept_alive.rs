//! GL602: a tensor that carries its graph is accumulated over iterations.

use crate::analysis::fact::FactKind;
use crate::diagnostic::Severity;
use crate::lint::Rule;
use crate::lints::Pattern;

/// The rule's metadata.
pub static RULE: Rule = Rule {
    code: "GL602",
    name: "graph-kept-alive",
    summary: "a tensor that carries its graph is accumulated over iterations",
    severity: Severity::Warning,
    documentation: include_str!("docs/GL602.md"),
    since: "0.1.0",
};

/// Which facts it reports, and how.
pub const PATTERN: Pattern = Pattern {
    rule: &RULE,
    applies: |kind| matches!(kind, FactKind::GraphKept),
    headline: "`{}` keeps the graph of every iteration alive",
    label: "carries the graph along",
    help: &["add `loss.item()` or `loss.detach()`"],
};
