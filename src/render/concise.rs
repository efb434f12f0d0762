//! One line a finding, `path:line:column: severity[code]: message`, which editors' problem matchers read.

use super::severity;
use crate::analysis::fact::Lost;
use crate::lint::Finding;
use crate::source::SourceMap;

/// The line of `finding`, with its line end.
pub fn finding(finding: &Finding, sources: &SourceMap) -> String {
    let file = sources.file(finding.span.file);
    let at = file.location(finding.span.start);
    let message = one_line(&finding.message);
    let (severity, code) = (severity(finding.severity), finding.rule.code);
    format!(
        "{}:{at}: {severity}[{code}]: {message}\n",
        file.name.display(),
    )
}

/// The line of a place where the analysis lost track, with its line end.
pub fn lost(lost: &Lost, sources: &SourceMap) -> String {
    let file = sources.file(lost.span.file);
    let at = file.location(lost.span.start);
    format!("{}:{at}: unknown: {}\n", file.name.display(), lost.why)
}

fn one_line(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}
