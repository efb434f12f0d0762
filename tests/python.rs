//! The Python front end against PyTorch: the 320 programs of `tests/python/failures.json` (measured on PyTorch 2.15; a copy
//! of the project's `autograd/failures.json`), linted as they stand. Those that are not judged as they should be are listed
//! in `tests/python/not_yet.txt`, each with the reason; a program that gets better must be taken from the list.

mod support;

use std::collections::BTreeMap;
use std::fs;

use gradlint::diagnostic::Severity;
use gradlint::lint::{Finding, Prediction};
use gradlint::{LintResult, lint_text, with_stack};
use serde::Deserialize;
use support::recorded::{matches, root};

/// What every program begins with, on a line of its own.
const IMPORTS: &str = "import torch; from torch import nn; import torch.nn.functional as F\n";

/// How many programs there are, and how many of them at least are judged right.
const PROGRAMS: usize = 320;
const RIGHT: usize = 285;

#[derive(Deserialize)]
struct Program {
    id: String,
    expect: String,
    code: String,
    result: Outcome,
}

#[derive(Deserialize)]
struct Outcome {
    warnings: Vec<Warning>,
    exc: Option<(String, String)>,
    line: Option<u32>,
}

/// Its type, its text, and where PyTorch gave it.
#[derive(Deserialize)]
struct Warning(
    #[expect(dead_code)] String,
    #[expect(dead_code)] String,
    Option<u32>,
);

fn programs() -> Vec<Program> {
    let text = fs::read_to_string(root().join("tests/python/failures.json")).expect("readable");
    serde_json::from_str(&text).expect("programs")
}

fn not_yet() -> BTreeMap<String, String> {
    let text = fs::read_to_string(root().join("tests/python/not_yet.txt")).expect("readable");
    text.lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(id, reason)| (id.to_owned(), reason.to_owned()))
        .collect()
}

/// What is wrong with the findings about a program.
fn problem(program: &Program, result: &LintResult) -> Option<String> {
    let serious = |finding: &&Finding| finding.severity >= Severity::Warning;
    let found: Vec<&Finding> = result.findings.iter().filter(serious).collect();
    let line = |finding: &Finding| result.sources.line(finding.span) - 1;
    match (&*program.expect, &program.result.exc) {
        ("raises", Some((error, text))) => {
            let at = program.result.line.unwrap_or(0);
            let predicted = found.iter().any(|finding| {
                predicts(finding, error, text)
                    && matches!(&finding.prediction, Prediction::Raises { span, .. }
                        if within(program, at, result.sources.line(*span) - 1))
            });
            (!predicted).then(|| format!("not predicted: line {at}: {error}: {text}"))
        }
        ("finding", _) if found.is_empty() => Some("nothing found".to_owned()),
        ("quiet", _) => {
            let warnings = &program.result.warnings;
            let warned = |at: u32| warnings.iter().any(|Warning(_, _, line)| *line == Some(at));
            let finding = found.iter().find(|finding| !warned(line(finding)))?;
            Some(format!("not quiet: {}: {}", line(finding), finding.message))
        }
        _ => None,
    }
}

fn predicts(finding: &Finding, error: &str, text: &str) -> bool {
    matches!(&finding.prediction, Prediction::Raises { error: kind, torch_message, .. }
        if kind.name() == error && matches(torch_message, text))
}

/// Whether a line is within the statement that begins at `start`: what follows is indented deeper, or closes a bracket.
fn within(program: &Program, start: u32, line: u32) -> bool {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let lines: Vec<&str> = program.code.lines().collect();
    let Some(first) = lines.get(start as usize - 1) else {
        return false;
    };
    line == start
        || (line > start
            && lines[start as usize..line as usize].iter().all(|line| {
                indent(line) > indent(first) || line.trim_start().starts_with([')', ']', '}'])
            }))
}

#[test]
fn the_programs_are_judged_as_pytorch_behaves() {
    let programs = programs();
    let known = not_yet();
    let mut wrong = Vec::new();
    let mut changed = Vec::new();
    for program in &programs {
        let text = format!("{IMPORTS}{}\n", program.code);
        let result = with_stack(|| lint_text("program.py", &text));
        let problem = problem(program, &result);
        wrong.extend(problem.as_ref().map(|_| &program.id));
        match (problem, known.contains_key(&program.id)) {
            (Some(problem), false) => changed.push(format!("{}: {problem}", program.id)),
            (None, true) => changed.push(format!("{}: is right now", program.id)),
            _ => {}
        }
    }
    assert_eq!(programs.len(), PROGRAMS);
    assert!(changed.is_empty(), "{changed:#?}");
    assert!(programs.len() - wrong.len() >= RIGHT, "{}", wrong.len());
}
