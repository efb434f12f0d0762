//! Messages in the words of a Python user: `None` and `True`, not `none` and `true`.

use super::Finding;

/// Says a finding in Python's words.
pub fn in_python(finding: &mut Finding) {
    finding.message = words(&finding.message);
    finding.label = words(&finding.label);
    for cause in &mut finding.causes {
        cause.message = words(&cause.message);
    }
    for help in &mut finding.help {
        *help = words(help);
    }
}

/// `none` as a value (not "none of its parameters"), and `true` and `false` where they are code.
fn words(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_alphabetic()) {
        let (before, from) = rest.split_at(at);
        let end = from
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(from.len());
        let (word, after) = from.split_at(end);
        let is_code = before.ends_with(['=', '`']);
        out.push_str(before);
        out.push_str(match word {
            "none" if !after.starts_with(" of") => "None",
            "true" if is_code => "True",
            "false" if is_code => "False",
            word => word,
        });
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn code_is_pythons() {
        assert_eq!(words("`w.grad` is none"), "`w.grad` is None");
        assert_eq!(
            words("none of its 2 parameters"),
            "none of its 2 parameters"
        );
        assert_eq!(
            words("pass `retain_graph=true`"),
            "pass `retain_graph=True`"
        );
        assert_eq!(words("that is true of x_true"), "that is true of x_true");
    }
}
