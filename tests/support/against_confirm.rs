//! What `--confirm` says of the findings, against a record of PyTorch.

use gradlint::lint::{Certainty, Finding, Prediction};

use super::recorded::Record;
use super::source::read;

/// Where confirmation fails for the program `name`: a finding that the run contradicts, or one that is certain to fail,
/// does fail, and is not confirmed.
pub fn differences(name: &str, record: &Record) -> Vec<String> {
    let source = read(name);
    let result = gradlint::with_stack(|| gradlint::lint_text_confirmed(name, &source.text));
    let raises = !record.raised().is_empty();
    result
        .findings
        .iter()
        .filter(|finding| {
            finding.confirmed == Some(false)
                || (raises && is_sure_to_raise(finding) && finding.confirmed.is_none())
        })
        .map(|finding| {
            let line = result.sources.line(finding.span);
            format!(
                "{:?} on line {line}: {} {}",
                finding.confirmed, finding.rule.code, finding.message
            )
        })
        .collect()
}

fn is_sure_to_raise(finding: &Finding) -> bool {
    finding.certainty == Certainty::Always
        && matches!(finding.prediction, Prediction::Raises { .. })
}
