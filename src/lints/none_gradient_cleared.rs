//! GL209: a gradient is read after it was cleared.

use crate::analysis::fact::{FactKind, WhyNone};
use crate::diagnostic::Severity;
use crate::lint::Rule;
use crate::lints::Pattern;

/// The rule's metadata.
pub static RULE: Rule = Rule {
    code: "GL209",
    name: "none-gradient-cleared",
    summary: "a gradient is read after it was cleared",
    severity: Severity::Warning,
    documentation: include_str!("docs/GL209.md"),
    since: "0.1.0",
};

/// Which facts it reports, and how.
pub const PATTERN: Pattern = Pattern {
    rule: &RULE,
    applies: |kind| {
        matches!(
            kind,
            FactKind::GradNone {
                why: WhyNone::Cleared
            }
        )
    },
    headline: "`{}` is none: it has been cleared and not filled again",
    label: "none here",
    help: &["read it between `backward()` and `zero_grad()`"],
};
