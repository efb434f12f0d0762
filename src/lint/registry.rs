//! All rules, in the order of their codes.

use super::Rule;

/// The rule of this code or name, in any case.
pub fn find(rules: &'static [&'static Rule], name: &str) -> Option<&'static Rule> {
    rules.iter().copied().find(|rule| rule.code.eq_ignore_ascii_case(name) || rule.name.eq_ignore_ascii_case(name))
}
