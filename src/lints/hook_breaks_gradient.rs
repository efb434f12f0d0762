//! GL109: a hook that PyTorch refuses.

use crate::analysis::fact::{FactKind, Failure};
use crate::diagnostic::Severity;
use crate::lint::Rule;
use crate::lints::Pattern;

/// The rule's metadata.
pub static RULE: Rule = Rule {
    code: "GL109",
    name: "hook-breaks-gradient",
    summary: "a hook that PyTorch refuses",
    severity: Severity::Error,
    documentation: include_str!("docs/GL109.md"),
    since: "0.1.0",
};

/// Which facts it reports, and how.
pub const PATTERN: Pattern = Pattern {
    rule: &RULE,
    applies: |kind| {
        matches!(
            kind,
            FactKind::Raises {
                failure: Failure::Hook,
                ..
            }
        )
    },
    headline: "`{}` will fail: a hook is not allowed here, or gives back what is no gradient",
    label: "the hook is refused",
    help: &["let the hook return none, or a tensor of the same shape and dtype"],
};
