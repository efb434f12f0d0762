//! One line a finding, `path:line:column: severity[code]: message`, which editors' problem matchers read.

use super::severity;
use crate::lint::Finding;
use crate::source::SourceMap;

/// The line of `finding`, with its line end.
pub fn finding(finding: &Finding, sources: &SourceMap) -> String {
    let file = sources.file(finding.span.file);
    let at = file.location(finding.span.start);
    let message = one_line(&finding.message);
    let (severity, code) = (severity(finding.severity), finding.rule.code);
    format!(
        "{}:{}:{}: {severity}[{code}]: {message}\n",
        file.name.display(),
        at.line,
        at.column
    )
}

fn one_line(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}
