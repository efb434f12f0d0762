//! GL308: an inference tensor where autograd needs a normal one.

use crate::analysis::fact::{FactKind, Failure};
use crate::diagnostic::Severity;
use crate::lint::Rule;
use crate::lints::Pattern;

/// The rule's metadata.
pub static RULE: Rule = Rule {
    code: "GL308",
    name: "inference-tensor-used",
    summary: "an inference tensor where autograd needs a normal one",
    severity: Severity::Error,
    documentation: include_str!("docs/GL308.md"),
    since: "0.1.0",
};

/// Which facts it reports, and how.
pub const PATTERN: Pattern = Pattern {
    rule: &RULE,
    applies: |kind| {
        matches!(
            kind,
            FactKind::Raises {
                failure: Failure::InferenceTensor,
                ..
            }
        )
    },
    headline: "`{}` will fail: a tensor in it was made in inference mode",
    label: "not allowed for an inference tensor",
    help: &["use `no_grad()` instead of `inference_mode()`, or `clone()` it outside"],
};
