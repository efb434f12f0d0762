//! The rules that no analysis is needed for, and how a rule is found by its code or name.

use super::Rule;
use crate::diagnostic::Severity;

/// A text that is not a program.
pub static SYNTAX_ERROR: Rule = Rule {
    code: "GL001",
    name: "syntax-error",
    summary: "the text is not a program",
    severity: Severity::Error,
    documentation: include_str!("docs/GL001.md"),
    since: "0.1.0",
};

/// A program that cannot mean anything.
pub static INVALID_PROGRAM: Rule = Rule {
    code: "GL002",
    name: "invalid-program",
    summary: "a name that nothing binds, or a statement where it has no meaning",
    severity: Severity::Error,
    documentation: include_str!("docs/GL002.md"),
    since: "0.1.0",
};

/// A comment that silences findings, where there are none.
pub static UNUSED_SUPPRESSION: Rule = Rule {
    code: "GL003",
    name: "unused-suppression",
    summary: "a comment silences findings that are not there",
    severity: Severity::Warning,
    documentation: include_str!("docs/GL003.md"),
    since: "0.1.0",
};

/// The rules of the text itself. They come before all others.
pub static TEXT_RULES: &[&Rule] = &[&SYNTAX_ERROR, &INVALID_PROGRAM, &UNUSED_SUPPRESSION];

/// Whether a rule can be switched off: a text that is no program is always told.
pub fn can_be_ignored(rule: &Rule) -> bool {
    ![SYNTAX_ERROR.code, INVALID_PROGRAM.code].contains(&rule.code)
}

/// The rule of this code or name, in any case.
pub fn find(rules: impl IntoIterator<Item = &'static Rule>, name: &str) -> Option<&'static Rule> {
    rules
        .into_iter()
        .find(|rule| rule.code.eq_ignore_ascii_case(name) || rule.name.eq_ignore_ascii_case(name))
}
