//! The Python front end against PyTorch: the 320 programs of `tests/python/failures.json` (measured on PyTorch 2.15; a copy
//! of the project's `autograd/failures.json`), linted as they stand. Those that are not judged as they should be are listed
//! in `tests/python/not_yet.txt`, each with the reason; a program that gets better must be taken from the list.
//!
//! A program that raises must be predicted: type, text and line. The line is where PyTorch's traceback begins; where the
//! engine calls code of the program (a hook, a custom function's backward), the prediction stands in that code, as the
//! traceback's innermost line does, and its story ends at the backward that ran it. A silent mistake must be found by the
//! rule and at the line that `tests/python/findings.txt` gives, written by hand from what the program's text says of it.
//!
//! Then each is put where programs really stand (in `main`, a method, a loop, a function that nothing in the file calls),
//! and must be judged as before.

mod support;

use std::collections::BTreeMap;
use std::fs;

use gradlint::diagnostic::Severity;
use gradlint::lint::Finding;
use gradlint::source::Span;
use gradlint::{LintResult, lint_text, with_stack};
use serde::Deserialize;
use support::recorded::{predicted, root};

/// What every program begins with, on a line of its own.
const IMPORTS: &str = "import torch; from torch import nn; import torch.nn.functional as F\n";

/// How many programs there are, and how many of them at least are judged right.
const PROGRAMS: usize = 320;
const RIGHT: usize = 311;

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

/// By program: the rules that say what is wrong with it, and the line.
fn expected_findings() -> BTreeMap<String, (Vec<String>, u32)> {
    let text = fs::read_to_string(root().join("tests/python/findings.txt")).expect("readable");
    let lines = text.lines().filter_map(|line| line.split_once(": "));
    lines
        .map(|(id, expected)| {
            let (rules, line) = expected.split_once(" at ").expect("a rule at a line");
            let rules = rules.split(" or ").map(str::to_owned).collect();
            (id.to_owned(), (rules, line.parse().expect("a line")))
        })
        .collect()
}

/// What is wrong with the findings about a program that stands `before` lines below the top of its file.
fn problem(program: &Program, before: u32, result: &LintResult) -> Option<String> {
    let serious = |finding: &&Finding| finding.severity >= Severity::Warning;
    let found: Vec<&Finding> = result.findings.iter().filter(serious).collect();
    let line = |span: Span| result.sources.line(span) - before;
    match (&*program.expect, &program.result.exc) {
        ("raises", Some((error, text))) => {
            let at = program.result.line.unwrap_or(0);
            let predicted = found
                .iter()
                .any(|finding| predicts(finding, error, text, |span| line(span) == at));
            (!predicted).then(|| format!("not predicted: line {at}: {error}: {text}"))
        }
        ("finding", _) => {
            let (rules, at) = expected_findings().remove(&program.id).expect("expected");
            let is_found = found.iter().any(|finding| {
                rules.iter().any(|rule| rule == finding.rule.code) && line(finding.span) == at
            });
            (!is_found).then(|| format!("not found: {rules:?} at {at}"))
        }
        ("quiet", _) => {
            let warnings = &program.result.warnings;
            let warned = |at: u32| warnings.iter().any(|Warning(_, _, line)| *line == Some(at));
            let finding = found.iter().find(|finding| !warned(line(finding.span)))?;
            Some(format!(
                "not quiet: {}: {}",
                line(finding.span),
                finding.message
            ))
        }
        _ => None,
    }
}

/// Whether the finding predicts the exception at a place that is accepted.
fn predicts(finding: &Finding, error: &str, text: &str, accepted: impl Fn(Span) -> bool) -> bool {
    let Some(span) = predicted(finding, error, text) else {
        return false;
    };
    let run_by = finding
        .causes
        .last()
        .filter(|cause| cause.message == "run by this backward");
    accepted(span) || run_by.is_some_and(|cause| accepted(cause.span))
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
        let problem = problem(program, 1, &result);
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

/// Ways of putting a program inside something that changes nothing of what it does, with the lines that come before it
/// and its indentation.
const PLACES: [(&str, &str, u32, usize, &str); 8] = [
    ("a main function", "def main():", 2, 4, "main()"),
    (
        "a guarded main function",
        "def main():",
        2,
        4,
        "if __name__ == '__main__':\n    main()",
    ),
    (
        "a method",
        "class Runner:\n    def run(self):",
        3,
        8,
        "Runner().run()",
    ),
    ("a loop", "for _turn in range(1):", 2, 4, ""),
    (
        "an unknown condition",
        "import os\nif os.environ.get('A') != 'b':",
        3,
        4,
        "",
    ),
    ("a try", "try:", 2, 4, "finally:\n    print('end')"),
    ("a block", "with torch.enable_grad():", 2, 4, ""),
    ("a function that nothing calls", "def train():", 2, 4, ""),
];

#[test]
fn where_a_program_stands_does_not_change_how_it_is_judged() {
    let known = not_yet();
    let mut wrong = Vec::new();
    for program in programs() {
        for (place, head, before, indent, tail) in PLACES {
            let key = format!("{} in {place}", program.id);
            if known.contains_key(&program.id) {
                continue;
            }
            let code = indented(&program.code, indent);
            let text = format!("{IMPORTS}{head}\n{code}{tail}\n");
            let result = with_stack(|| lint_text("program.py", &text));
            match (problem(&program, before, &result), known.contains_key(&key)) {
                (Some(problem), false) => wrong.push(format!("{key}: {problem}")),
                (None, true) => wrong.push(format!("{key}: is right now")),
                _ => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn indented(code: &str, by: usize) -> String {
    code.lines()
        .map(|line| match line.is_empty() {
            true => "\n".to_owned(),
            false => format!("{:by$}{line}\n", ""),
        })
        .collect()
}
