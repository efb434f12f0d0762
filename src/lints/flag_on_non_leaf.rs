//! GL402: the requires_grad flag of a computed tensor is set.

use crate::analysis::fact::{FactKind, Failure};
use crate::diagnostic::Severity;
use crate::lint::Rule;
use crate::lints::Pattern;

/// The rule's metadata.
pub static RULE: Rule = Rule {
    code: "GL402",
    name: "flag-on-non-leaf",
    summary: "the requires_grad flag of a computed tensor is set",
    severity: Severity::Error,
    documentation: include_str!("docs/GL402.md"),
    since: "0.1.0",
};

/// Which facts it reports, and how.
pub const PATTERN: Pattern = Pattern {
    rule: &RULE,
    applies: |kind| {
        matches!(
            kind,
            FactKind::Raises {
                failure: Failure::FlagOnNonLeaf,
                ..
            }
        )
    },
    headline: "`{}` will fail: the flag of a computed tensor cannot be changed",
    label: "set here",
    help: &[
        "`detach()` it for a tensor without a graph",
        "or set the flag of the leaf",
    ],
};
