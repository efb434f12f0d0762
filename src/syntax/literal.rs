//! What literals mean: numbers, and strings with their escapes.

/// What is wrong with a literal: where in its text (from, to), what, and a help.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LiteralError {
    /// The first byte, counted from the start of the text.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<&'static str>,
}

/// The value of an integer literal.
///
/// # Errors
/// If it does not fit in an `i64`, or begins with a zero in decimal.
pub fn int(text: &str) -> Result<i64, LiteralError> {
    let error = |message: String, help| LiteralError {
        start: 0,
        end: text.len(),
        message,
        help,
    };
    let digits: String = text.chars().filter(|&c| c != '_').collect();
    let (digits, radix) = match digits.get(..2) {
        Some("0x" | "0X") => (&digits[2..], 16),
        Some("0o" | "0O") => (&digits[2..], 8),
        Some("0b" | "0B") => (&digits[2..], 2),
        _ => (&digits[..], 10),
    };
    if radix == 10 && digits.starts_with('0') && digits.bytes().any(|digit| digit != b'0') {
        let help = Some("decimal integers do not begin with a zero; octal ones begin with `0o`");
        return Err(error(
            format!("`{}` begins with a zero", super::lexer::shorten(text)),
            help,
        ));
    }
    i64::from_str_radix(digits, radix).map_err(|_| {
        let message = format!("`{}` does not fit in 64 bits", super::lexer::shorten(text));
        error(message, Some("integers go up to 9223372036854775807"))
    })
}

/// The value of a float literal; one that is too large is infinite, as in Python.
pub fn float(text: &str) -> f64 {
    let digits: String = text.chars().filter(|&c| c != '_').collect();
    digits.parse().unwrap_or(f64::INFINITY)
}

/// The parts of a string literal: whether its prefix has an `r`, and where its text begins and ends.
pub fn string_parts(text: &str) -> (bool, usize, usize) {
    let quote = text
        .bytes()
        .position(|byte| matches!(byte, b'"' | b'\''))
        .unwrap_or(0);
    let raw = text[..quote].contains(['r', 'R']);
    let mark = &text[quote..];
    let triple = mark.starts_with("\"\"\"") || mark.starts_with("'''");
    let length = if triple { 3 } else { 1 };
    let start = (quote + length).min(text.len());
    // One that is never closed has been reported; it ends where its line does.
    let closed = text.len() >= start + length && text.ends_with(&mark[..length]);
    (
        raw,
        start,
        if closed {
            text.len() - length
        } else {
            text.len()
        },
    )
}

/// `text` with its escapes resolved, and its doubled braces where it is part of an f-string.
/// An unknown escape stands for itself, as in Python.
pub fn unescape(text: &str, raw: bool, braces: bool) -> (String, Vec<LiteralError>) {
    let mut out = String::with_capacity(text.len());
    let mut errors = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        if c == '\\' && !raw {
            at += escape(rest, at, &mut out, &mut errors);
        } else if c == '\r' && rest.starts_with("\r\n") {
            // In a string of several lines, a line ends with one character on every system.
            out.push('\n');
            at += 2;
        } else {
            out.push(c);
            let doubled = braces && (rest.starts_with("{{") || rest.starts_with("}}"));
            at += if doubled { 2 } else { c.len_utf8() };
        }
    }
    (out, errors)
}

/// Resolves the escape that `rest` begins with; returns its length.
fn escape(rest: &str, at: usize, out: &mut String, errors: &mut Vec<LiteralError>) -> usize {
    let Some(c) = rest[1..].chars().next() else {
        out.push('\\');
        return 1;
    };
    let simple = match c {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        'a' => '\x07',
        'b' => '\x08',
        'f' => '\x0c',
        'v' => '\x0b',
        '\\' | '\'' | '"' => c,
        '\n' => return 2,
        '\r' if rest[2..].starts_with('\n') => return 3,
        'x' => return numeric(rest, at, 2, out, errors),
        'u' => return numeric(rest, at, 4, out, errors),
        'U' => return numeric(rest, at, 8, out, errors),
        '0'..='7' => return octal(rest, out),
        _ => {
            out.push('\\');
            out.push(c);
            return 1 + c.len_utf8();
        }
    };
    out.push(simple);
    2
}

/// `\x41`, `\u0041`, `\U00000041`
fn numeric(
    rest: &str,
    at: usize,
    digits: usize,
    out: &mut String,
    errors: &mut Vec<LiteralError>,
) -> usize {
    let found = rest[2..]
        .bytes()
        .take(digits)
        .take_while(u8::is_ascii_hexdigit)
        .count();
    let code = u32::from_str_radix(&rest[2..2 + found], 16).unwrap_or(0);
    match char::from_u32(code) {
        Some(c) if found == digits => out.push(c),
        _ => errors.push(LiteralError {
            start: at,
            end: at + 2 + found,
            message: match found == digits {
                true => format!("`{}` is no character", &rest[..2 + found]),
                false => format!("`{}` wants {digits} hexadecimal digits", &rest[..2]),
            },
            help: Some("write `\\\\` for the backslash itself"),
        }),
    }
    2 + found
}

/// `\0`, `\101`
fn octal(rest: &str, out: &mut String) -> usize {
    let found = rest[1..]
        .bytes()
        .take(3)
        .take_while(|byte| matches!(byte, b'0'..=b'7'))
        .count();
    let code = u32::from_str_radix(&rest[1..1 + found], 8).unwrap_or(0);
    out.extend(char::from_u32(code));
    1 + found
}
