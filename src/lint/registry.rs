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

/// The rules of the text itself. They come before all others and cannot be switched off.
pub static TEXT_RULES: &[&Rule] = &[&SYNTAX_ERROR, &INVALID_PROGRAM];

/// The rule of this code or name, in any case.
pub fn find(rules: impl IntoIterator<Item = &'static Rule>, name: &str) -> Option<&'static Rule> {
    rules
        .into_iter()
        .find(|rule| rule.code.eq_ignore_ascii_case(name) || rule.name.eq_ignore_ascii_case(name))
}
