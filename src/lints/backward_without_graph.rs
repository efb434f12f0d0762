//! GL101: backward on a tensor that has no graph.

use crate::analysis::fact::{FactKind, Failure};
use crate::diagnostic::Severity;
use crate::lint::Rule;
use crate::lints::Pattern;

/// The rule's metadata.
pub static RULE: Rule = Rule {
    code: "GL101",
    name: "backward-without-graph",
    summary: "backward on a tensor that has no graph",
    severity: Severity::Error,
    documentation: include_str!("docs/GL101.md"),
    since: "0.1.0",
};

/// Which facts it reports, and how.
pub const PATTERN: Pattern = Pattern {
    rule: &RULE,
    applies: |kind| {
        matches!(
            kind,
            FactKind::Raises {
                failure: Failure::NoGraph,
                ..
            }
        )
    },
    headline: "`{}` will fail: nothing that it was computed of requires a gradient",
    label: "there is no graph to go back through",
    help: &[
        "keep the way from the parameters to the loss whole: no `detach()`, `.data`, `.item()`, `tensor(t)` or `no_grad()` on it",
        "or give a tensor on the way `requires_grad=true`",
    ],
};
