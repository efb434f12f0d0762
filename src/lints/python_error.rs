//! GL702: something that Python or PyTorch refuses for another reason.

use crate::analysis::fact::{FactKind, Failure};
use crate::diagnostic::Severity;
use crate::lint::Rule;
use crate::lints::Pattern;

/// The rule's metadata.
pub static RULE: Rule = Rule {
    code: "GL702",
    name: "python-error",
    summary: "something that Python or PyTorch refuses for another reason",
    severity: Severity::Error,
    documentation: include_str!("docs/GL702.md"),
    since: "0.1.0",
};

/// Which facts it reports, and how.
pub const PATTERN: Pattern = Pattern {
    rule: &RULE,
    applies: |kind| {
        matches!(
            kind,
            FactKind::Raises {
                failure: Failure::Other,
                ..
            }
        )
    },
    headline: "`{}` will fail",
    label: "refused here",
    help: &[],
};
