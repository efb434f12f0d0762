//! GL105: a second backward through a graph that the first one freed.

use crate::analysis::fact::{FactKind, Failure};
use crate::diagnostic::Severity;
use crate::lint::Rule;
use crate::lints::Pattern;

/// The rule's metadata.
pub static RULE: Rule = Rule {
    code: "GL105",
    name: "backward-through-freed-graph",
    summary: "a second backward through a graph that the first one freed",
    severity: Severity::Error,
    documentation: include_str!("docs/GL105.md"),
    since: "0.1.0",
};

/// Which facts it reports, and how.
pub const PATTERN: Pattern = Pattern {
    rule: &RULE,
    applies: |kind| {
        matches!(
            kind,
            FactKind::Raises {
                failure: Failure::FreedGraph,
                ..
            }
        )
    },
    headline: "`{}` will fail: a part of its graph has been freed by an earlier backward",
    label: "goes back through the freed part",
    help: &[
        "if a state is carried over iterations, cut it: `h = h.detach()`",
        "if the same values are to be differentiated twice, pass `retain_graph=true` to the first backward",
        "or compute the part that both need once more",
    ],
};
