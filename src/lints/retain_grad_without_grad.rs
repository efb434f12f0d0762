//! GL403: retain_grad on a tensor that requires no grad.

use crate::analysis::fact::{FactKind, Failure};
use crate::diagnostic::Severity;
use crate::lint::Rule;
use crate::lints::Pattern;

/// The rule's metadata.
pub static RULE: Rule = Rule {
    code: "GL403",
    name: "retain-grad-without-grad",
    summary: "retain_grad on a tensor that requires no grad",
    severity: Severity::Error,
    documentation: include_str!("docs/GL403.md"),
    since: "0.1.0",
};

/// Which facts it reports, and how.
pub const PATTERN: Pattern = Pattern {
    rule: &RULE,
    applies: |kind| {
        matches!(
            kind,
            FactKind::Raises {
                failure: Failure::RetainWithoutGrad,
                ..
            }
        )
    },
    headline: "`{}` will fail: the tensor does not require a gradient",
    label: "there will be none to retain",
    help: &["see to it that something it is computed of requires grad"],
};
