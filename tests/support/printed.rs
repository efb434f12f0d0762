//! Comparing what two machines printed: the words must be the same, the numbers close.

use super::recorded::close;

/// Whether two outputs agree: exactly, or word for word with numbers within 1e-4. Blanks are not compared, since the
/// width of a printed column depends on its digits; addresses of objects are not either.
pub fn agree(ours: &str, theirs: &str) -> bool {
    let (ours, theirs) = (without_addresses(ours), without_addresses(theirs));
    let (ours, theirs) = (tokens(&ours), tokens(&theirs));
    ours.len() == theirs.len() && ours.iter().zip(&theirs).all(|(a, b)| same(a, b))
}

fn same(a: &str, b: &str) -> bool {
    a == b
        || matches!((a.parse::<f64>(), b.parse::<f64>()), (Ok(a), Ok(b)) if close(a, b) || next_to_each_other(a, b))
}

/// Tensors are printed to four places: what is close can be rounded to neighbours there.
fn next_to_each_other(a: f64, b: f64) -> bool {
    ((a - b) * 1e4).round().abs() <= 1.0
}

/// Numbers, words, and single other characters.
fn tokens(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match number_length(rest) {
            0 if first.is_alphabetic() => rest
                .find(|c: char| !c.is_alphanumeric())
                .unwrap_or(rest.len()),
            0 => first.len_utf8(),
            length => length,
        };
        out.push(&rest[..length]);
        rest = rest[length..].trim_start();
    }
    out
}

/// How much of the start of `text` is a number: `-1`, `0.5`, `1.`, `2e-05`.
fn number_length(text: &str) -> usize {
    let digits = |at: usize| text[at..].bytes().take_while(u8::is_ascii_digit).count();
    let sign = usize::from(text.starts_with(['-', '+']));
    let whole = digits(sign);
    if whole == 0 {
        return 0;
    }
    let mut end = sign + whole;
    if text[end..].starts_with('.') {
        end += 1 + digits(end + 1);
    }
    if text[end..].starts_with(['e', 'E']) {
        let sign = usize::from(text[end + 1..].starts_with(['-', '+']));
        let exponent = digits(end + 1 + sign);
        end += if exponent == 0 {
            0
        } else {
            1 + sign + exponent
        };
    }
    end
}

fn without_addresses(text: &str) -> String {
    let mut parts = text.split("0x");
    let mut out = parts.next().unwrap_or("").to_string();
    for part in parts {
        out.push_str("0x");
        out.push_str(part.trim_start_matches(|c: char| c.is_ascii_hexdigit() || c == '…'));
    }
    out
}
