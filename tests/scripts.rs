//! Realistic training scripts in Python (`tests/python/scripts`), judged against what real PyTorch did with them
//! (`truth.json`, recorded by `record.py`). In half of them the line with the defect ends in `# cause`: there, or at a
//! place from which the story leads there, something must be found, and where PyTorch raises its type, text and line
//! must be predicted. About the others nothing may be said.

mod support;

use std::collections::BTreeMap;
use std::fs;

use gradlint::diagnostic::Severity;
use gradlint::lint::Finding;
use gradlint::source::Span;
use gradlint::{lint_text, with_stack};
use serde::Deserialize;
use support::recorded::{predicted, root};

/// How many scripts there are.
const SCRIPTS: usize = 85;

#[derive(Deserialize)]
struct Truth {
    outcome: String,
    #[serde(rename = "type", default)]
    error: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    line: u32,
}

fn problem(name: &str, text: &str, truth: &Truth) -> Option<String> {
    let result = with_stack(|| lint_text(name, text));
    let serious = |finding: &&Finding| finding.severity >= Severity::Warning;
    let found: Vec<&Finding> = result.findings.iter().filter(serious).collect();
    let line = |span: Span| result.sources.line(span);
    let shown: Vec<String> = found
        .iter()
        .map(|finding| {
            let code = finding.rule.code;
            format!("{code} at {}: {}", line(finding.span), finding.message)
        })
        .collect();
    let cause = text.lines().position(|line| line.ends_with("# cause"));
    let Some(cause) = cause.map(|at| at as u32 + 1) else {
        return (!found.is_empty()).then(|| format!("not quiet: {shown:?}"));
    };
    let tells = |finding: &&Finding| {
        let mut places = finding.causes.iter().map(|cause| cause.span);
        line(finding.span) == cause || places.any(|span| line(span) == cause)
    };
    let predicts = |finding: &&Finding| {
        predicted(finding, &truth.error, &truth.text).is_some_and(|span| line(span) == truth.line)
    };
    if !found.iter().any(tells) {
        return Some(format!("not found at {cause}: {shown:?}"));
    }
    let is_predicted = truth.outcome != "raises" || found.iter().any(predicts);
    (!is_predicted).then(|| format!("not predicted: {} {}: {shown:?}", truth.line, truth.text))
}

#[test]
fn the_scripts_are_judged_as_pytorch_behaves() {
    let folder = root().join("tests/python/scripts");
    let read = |name: &str| fs::read_to_string(folder.join(name)).expect("readable");
    let truths: BTreeMap<String, Truth> =
        serde_json::from_str(&read("truth.json")).expect("recorded");
    let not_yet = read("not_yet.txt");
    let not_yet: Vec<&str> = not_yet
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, _)| name)
        .collect();
    let mut wrong = Vec::new();
    for (name, truth) in &truths {
        let problem = problem(name, &read(name), truth);
        match (problem, not_yet.contains(&&**name)) {
            (Some(problem), false) => wrong.push(format!("{name}: {problem}")),
            (None, true) => wrong.push(format!("{name}: is right now")),
            _ => {}
        }
    }
    assert_eq!(truths.len(), SCRIPTS);
    assert!(wrong.is_empty(), "{wrong:#?}");
}
