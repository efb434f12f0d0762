//! GL701: shapes or dtypes that an operator does not take.

use crate::analysis::fact::{FactKind, Failure};
use crate::diagnostic::Severity;
use crate::lint::Rule;
use crate::lints::Pattern;

/// The rule's metadata.
pub static RULE: Rule = Rule {
    code: "GL701",
    name: "shape-or-dtype-mismatch",
    summary: "shapes or dtypes that an operator does not take",
    severity: Severity::Error,
    documentation: include_str!("docs/GL701.md"),
    since: "0.1.0",
};

/// Which facts it reports, and how.
pub const PATTERN: Pattern = Pattern {
    rule: &RULE,
    applies: |kind| {
        matches!(
            kind,
            FactKind::Raises {
                failure: Failure::Shape,
                ..
            }
        )
    },
    headline: "`{}` will fail: PyTorch refuses these arguments",
    label: "refused here",
    help: &[],
};
