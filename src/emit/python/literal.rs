//! Literals as Python writes them.

use std::fmt::Write as _;

/// A string literal in double quotes.
pub(super) fn string(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + 2);
    out.push('"');
    escape(value, false, &mut out);
    out.push('"');
    out
}

/// Adds `value` as it stands between double quotes; in a format string the braces are doubled.
pub(super) fn escape(value: &str, format: bool, out: &mut String) {
    for c in value.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '{' if format => out.push_str("{{"),
            '}' if format => out.push_str("}}"),
            // Line separators of Unicode would end a line for some readers of the script.
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => {
                write!(out, "\\u{:04x}", c as u32).expect("writing to a string succeeds");
            }
            c => out.push(c),
        }
    }
}

/// A float literal that reads back as the same number.
pub(super) fn float(value: f64) -> String {
    if value.is_finite() {
        format!("{value:?}")
    } else {
        format!("float(\"{value}\")")
    }
}
