//! GL404: an assignment to a gradient or parameter that PyTorch refuses.

use crate::analysis::fact::{FactKind, Failure};
use crate::diagnostic::Severity;
use crate::lint::Rule;
use crate::lints::Pattern;

/// The rule's metadata.
pub static RULE: Rule = Rule {
    code: "GL404",
    name: "refused-assignment",
    summary: "an assignment to a gradient or parameter that PyTorch refuses",
    severity: Severity::Error,
    documentation: include_str!("docs/GL404.md"),
    since: "0.1.0",
};

/// Which facts it reports, and how.
pub const PATTERN: Pattern = Pattern {
    rule: &RULE,
    applies: |kind| {
        matches!(
            kind,
            FactKind::Raises {
                failure: Failure::RefusedAssignment,
                ..
            }
        )
    },
    headline: "`{}` will fail: this cannot be assigned here",
    label: "refused here",
    help: &["assign a value of the same kind and shape; a parameter takes an `nn.Parameter`"],
};
