//! GL102: backward on a tensor of several elements without a gradient.

use crate::analysis::fact::{FactKind, Failure};
use crate::diagnostic::Severity;
use crate::lint::Rule;
use crate::lints::Pattern;

/// The rule's metadata.
pub static RULE: Rule = Rule {
    code: "GL102",
    name: "backward-on-non-scalar",
    summary: "backward on a tensor of several elements without a gradient",
    severity: Severity::Error,
    documentation: include_str!("docs/GL102.md"),
    since: "0.1.0",
};

/// Which facts it reports, and how.
pub const PATTERN: Pattern = Pattern {
    rule: &RULE,
    applies: |kind| {
        matches!(
            kind,
            FactKind::Raises {
                failure: Failure::NonScalar,
                ..
            }
        )
    },
    headline: "`{}` will fail: the tensor has more than one element",
    label: "needs a scalar, or a gradient of the same shape",
    help: &[
        "reduce it first, with `.sum()` or `.mean()`",
        "or pass the gradient: `y.backward(ones_like(y))`",
    ],
};
