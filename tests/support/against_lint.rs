//! The linter against a record of PyTorch.

use gradlint::diagnostic::Severity;
use gradlint::lint::{Certainty, Finding, Prediction};
use gradlint::source::SourceMap;

use super::machines::lint_program;
use super::recorded::{Event, Record, predicted};
use super::source::{Differences, Source, read};

/// Where the findings about the program `name` differ from its record.
pub fn differences(name: &str, record: &Record) -> Vec<String> {
    let source = read(name);
    let (findings, sources) = lint_program(name, &source.text);
    let mut differences = Differences::default();
    not_predicted(&mut differences, &findings, record, &source, &sources);
    not_happening(
        &mut differences,
        &findings,
        record,
        &source,
        &sources,
        is_certain,
    );
    match header(&source.text, "expect") {
        Some("quiet") => not_quiet(&mut differences, &findings, record, &sources),
        Some("finding") if !findings.iter().any(is_serious) => {
            differences.say("nothing found".into())
        }
        _ => {}
    }
    if !differences.0.is_empty() {
        let shown: Vec<String> = findings
            .iter()
            .map(|finding| shown(finding, &sources))
            .collect();
        differences.say(format!("found: {shown:#?}"));
    }
    differences.0
}

/// What is said to fail in the program `name`, for certain or on some path only, and does not.
pub fn accused(name: &str, record: &Record) -> Vec<String> {
    let source = read(name);
    let (findings, sources) = lint_program(name, &source.text);
    let mut differences = Differences::default();
    let all = |_: &Finding| true;
    not_happening(&mut differences, &findings, record, &source, &sources, all);
    differences.0
}

fn is_certain(finding: &Finding) -> bool {
    finding.certainty == Certainty::Always
}

fn is_serious(finding: &Finding) -> bool {
    finding.severity >= Severity::Warning
}

/// Every exception of the run was foretold, but for the program's own, and for those that its header says depend on
/// the numbers in a tensor.
fn not_predicted(
    differences: &mut Differences,
    findings: &[Finding],
    record: &Record,
    source: &Source,
    sources: &SourceMap,
) {
    let by_numbers = header(&source.text, "raises by").is_some();
    for event in record
        .raised()
        .iter()
        .filter(|event| !is_own_raise(source, event) && !by_numbers)
    {
        if !findings.iter().any(|finding| {
            finding.severity == Severity::Error && predicts(finding, event, source, sources)
        }) {
            differences.say(format!("not predicted: {event:?}"));
        }
    }
}

/// What counts did happen, where the run came past its place.
fn not_happening(
    differences: &mut Differences,
    findings: &[Finding],
    record: &Record,
    source: &Source,
    sources: &SourceMap,
    counts: fn(&Finding) -> bool,
) {
    let raised = record.raised();
    let end = record.line.unwrap_or(u32::MAX);
    for finding in findings.iter().filter(|finding| counts(finding)) {
        let Prediction::Raises { span, .. } = finding.prediction else {
            continue;
        };
        let happens = raised
            .iter()
            .any(|event| predicts(finding, event, source, sources));
        if !happens && sources.line(span) <= end {
            differences.say(format!("does not happen: {}", shown(finding, sources)));
        }
    }
}

/// A quiet program has nothing serious, but for what PyTorch itself warns of on the same line.
fn not_quiet(
    differences: &mut Differences,
    findings: &[Finding],
    record: &Record,
    sources: &SourceMap,
) {
    let warned = |line: u32| {
        record
            .warnings
            .iter()
            .any(|warning| warning.line == Some(line))
    };
    for finding in findings
        .iter()
        .filter(|finding| is_serious(finding) && !warned(sources.line(finding.span)))
    {
        differences.say(format!("not quiet: {}", shown(finding, sources)));
    }
}

/// The program's own `raise` is no failure of autograd.
fn is_own_raise(source: &Source, event: &Event) -> bool {
    let line = source
        .text
        .lines()
        .nth(event.line as usize - 1)
        .unwrap_or("");
    line.trim_start().starts_with("raise ")
}

fn predicts(finding: &Finding, event: &Event, source: &Source, sources: &SourceMap) -> bool {
    predicted(finding, &event.error, &event.text)
        .is_some_and(|span| source.lines.within(sources.line(span), event.line))
}

/// What the program's header says after `# key: `.
fn header<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let mut lines = text.lines().take_while(|line| line.starts_with('#'));
    lines.find_map(|line| {
        line.strip_prefix("# ")?
            .strip_prefix(key)?
            .strip_prefix(": ")
    })
}

fn shown(finding: &Finding, sources: &SourceMap) -> String {
    let line = sources.line(finding.span);
    format!(
        "{line}: {:?}[{}] {:?} {} ({:?})",
        finding.severity, finding.rule.code, finding.certainty, finding.message, finding.prediction
    )
}
