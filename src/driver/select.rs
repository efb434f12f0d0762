//! Which rules are shown: codes, beginnings of codes, names.

use crate::lint::Rule;
use crate::lint::registry::{TEXT_RULES, can_be_ignored};
use crate::lints::RULES;

/// All rules, those of the text first.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    TEXT_RULES.iter().chain(RULES).copied()
}

/// Whether a code, the beginning of one, or a name means the rule.
pub fn means(code: &str, rule: &Rule) -> bool {
    let begins = rule
        .code
        .get(..code.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(code));
    rule.name.eq_ignore_ascii_case(code) || (begins && !code.is_empty())
}

/// Whether the rule is to be shown. What is wrong with the text itself always is.
pub fn is_shown(rule: &Rule, select: &[String], ignore: &[String]) -> bool {
    let selected = select.is_empty() || select.iter().any(|code| means(code, rule));
    !can_be_ignored(rule) || (selected && !ignore.iter().any(|code| means(code, rule)))
}

/// The message about the first code that means no rule.
pub fn unknown<'c>(codes: impl IntoIterator<Item = &'c String>) -> Option<String> {
    let code = codes
        .into_iter()
        .find(|code| !all().any(|rule| means(code, rule)))?;
    Some(no_such_rule(code))
}

/// The message about a code or name that is no rule's.
pub fn no_such_rule(code: &str) -> String {
    match nearest(code) {
        Some(nearest) => format!("there is no rule `{code}`; did you mean `{nearest}`?"),
        None => format!("there is no rule `{code}`; `gradlint rules` lists them"),
    }
}

/// The longest name that is worth a suggestion.
const MAX_NAME: usize = 64;

fn nearest(name: &str) -> Option<&'static str> {
    if name.len() > MAX_NAME {
        return None;
    }
    let name = name.to_ascii_lowercase();
    let known = all().flat_map(|rule| [rule.code, rule.name]);
    let distances = known.map(|known| (distance(&name, &known.to_ascii_lowercase()), known));
    distances
        .min_by_key(|&(distance, _)| distance)
        .filter(|&(distance, known)| distance * 3 <= known.len())
        .map(|(_, known)| known)
}

/// The edit distance: insertions, deletions and replacements.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, a) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &b) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
