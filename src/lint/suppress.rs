//! `# gradlint: ignore` and `# gradlint: ignore[GL103, other-rule]`, on the line of a finding or above it, and
//! `# gradlint: ignore-file`, also with rules in brackets, for the whole file. The same in both languages.

use super::Finding;
use crate::source::{SourceMap, Span};

/// A comment that silences findings.
struct Directive {
    /// Where it stands.
    span: Span,
    /// Whether it has silenced any.
    is_used: bool,
    /// The line that it speaks of; none: the whole file.
    line: Option<u32>,
    /// The codes and names; empty: all.
    rules: Vec<String>,
}

/// Takes away the findings that a comment of their file silences, and returns where comments stand that silence none. Each
/// comment is its place, its text with `#`, and whether it stands on a line of its own.
pub fn suppress<'c>(
    findings: &mut Vec<Finding>,
    comments: impl Iterator<Item = (Span, &'c str, bool)>,
    sources: &SourceMap,
) -> Vec<Span> {
    let mut directives: Vec<Directive> = comments
        .filter_map(|(span, text, own_line)| {
            directive(span, text, || sources.line(span) + u32::from(own_line))
        })
        .collect();
    findings.retain(|finding| {
        let line = sources.line(finding.span);
        let silencing = directives
            .iter_mut()
            .filter(|directive| directive.silences(finding, line));
        let silenced = silencing.map(|directive| directive.is_used = true).count();
        silenced == 0
    });
    let unused = directives.iter().filter(|directive| !directive.is_used);
    unused.map(|directive| directive.span).collect()
}

fn directive(span: Span, comment: &str, line: impl FnOnce() -> u32) -> Option<Directive> {
    let text = comment.trim_start_matches('#').trim_start();
    let text = text.strip_prefix("gradlint:")?.trim_start();
    let text = text.strip_prefix("ignore")?;
    let (line, text) = match text.strip_prefix("-file") {
        Some(text) => (None, text),
        None => (Some(line()), text),
    };
    let rules = match text.trim_start().strip_prefix('[') {
        Some(list) => list
            .split(']')
            .next()?
            .split(',')
            .map(|rule| rule.trim().to_owned())
            .collect(),
        None => Vec::new(),
    };
    Some(Directive {
        span,
        is_used: false,
        line,
        rules,
    })
}

impl Directive {
    fn silences(&self, finding: &Finding, line: u32) -> bool {
        let rule = finding.rule;
        self.span.file == finding.span.file
            && self.line.is_none_or(|at| at == line)
            && (self.rules.is_empty()
                || self
                    .rules
                    .iter()
                    .any(|name| name.eq_ignore_ascii_case(rule.code) || name == rule.name))
    }
}
