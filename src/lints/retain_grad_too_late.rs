//! GL210: retain_grad comes after the backward.

use crate::analysis::fact::{FactKind, WhyNone};
use crate::diagnostic::Severity;
use crate::lint::Rule;
use crate::lints::Pattern;

/// The rule's metadata.
pub static RULE: Rule = Rule {
    code: "GL210",
    name: "retain-grad-too-late",
    summary: "retain_grad comes after the backward",
    severity: Severity::Warning,
    documentation: include_str!("docs/GL210.md"),
    since: "0.1.0",
};

/// Which facts it reports, and how.
pub const PATTERN: Pattern = Pattern {
    rule: &RULE,
    applies: |kind| {
        matches!(
            kind,
            FactKind::GradNone {
                why: WhyNone::RetainedLate
            }
        )
    },
    headline: "`{}` is none: `retain_grad()` came after the backward",
    label: "none here",
    help: &["call `retain_grad()` before `backward()`"],
};
