//! `tests/rules/**/*.tg` and `*.py`: programs with marks at the lines where the linter must find something, one test each.
//!
//! `#! error[GL101]` marks its own line, `#^! …` the line above it (marks below each other mean the same line). Behind the
//! code may stand `sometimes`, and behind a colon a part of the message. A program without marks must be quiet, and a
//! finding that is not marked fails as hard as a mark without a finding. Findings of severity `info` are marked, too.
//! The text that people see is compared with a snapshot where the first line is `# snapshot`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use gradlint::LintResult;
use gradlint::diagnostic::Severity;
use gradlint::lint::registry::TEXT_RULES;
use gradlint::lint::{Certainty, Finding};
use gradlint::lints::RULES;
use libtest_mimic::{Arguments, Failed, Trial};

fn main() {
    let arguments = Arguments::from_args();
    let files = fixtures();
    let mut trials: Vec<Trial> = files.iter().map(|path| fixture_trial(path)).collect();
    trials.extend(
        RULES
            .iter()
            .chain(TEXT_RULES)
            .flat_map(|rule| documented(rule)),
    );
    let texts: Vec<(String, String)> = files.iter().map(|path| (name(path), read(path))).collect();
    trials.push(Trial::test(
        "every_rule_fires_and_has_a_near_miss",
        move || every_rule(&texts),
    ));
    libtest_mimic::run(&arguments, trials).exit();
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rules")
}

/// All fixtures, in order.
fn fixtures() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("the folder is there") {
            let path = entry.expect("readable").path();
            match path.is_dir() {
                true => folders.push(path),
                false
                    if path
                        .extension()
                        .is_some_and(|extension| extension == "tg" || extension == "py") =>
                {
                    found.push(path)
                }
                false => {}
            }
        }
    }
    found.sort();
    found
}

fn name(path: &Path) -> String {
    path.strip_prefix(root())
        .expect("below the root")
        .display()
        .to_string()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).expect("readable")
}

fn fixture_trial(path: &Path) -> Trial {
    let path = path.to_owned();
    Trial::test(name(&path), move || fixture(&name(&path), &read(&path)))
}

fn fixture(name: &str, text: &str) -> Result<(), Failed> {
    let marks = marks(text)?;
    let result = gradlint::with_stack(|| gradlint::lint_text(name, text));
    compare(&marks, &result)?;
    if text.lines().next() == Some("# snapshot") {
        let shown: String = result
            .findings
            .iter()
            .map(|finding| human(finding, &result))
            .collect();
        insta::with_settings!({snapshot_path => "rules/snapshots", prepend_module_to_snapshot => false, omit_expression => true}, {
            insta::assert_snapshot!(name.replace('/', "-").trim_end_matches(".tg"), shown);
        });
    }
    Ok(())
}

fn human(finding: &Finding, result: &LintResult) -> String {
    gradlint::render::human::finding(finding, &result.sources, false)
}

/// What a comment says must be found.
#[derive(Debug)]
struct Mark {
    line: u32,
    severity: String,
    code: String,
    sometimes: bool,
    message: String,
}

fn marks(text: &str) -> Result<Vec<Mark>, Failed> {
    let mut marks = Vec::new();
    let mut above = 0;
    for (number, line) in (1..).zip(text.lines()) {
        let is_above = line.trim_start().starts_with("#^!");
        if !is_above {
            above = number;
        }
        let mark = if is_above {
            line.split_once("#^!")
        } else {
            line.split_once("#!")
        };
        if let Some((_, mark)) = mark {
            marks.push(
                self::mark(above, mark)
                    .ok_or_else(|| format!("line {number}: not a mark: {mark}"))?,
            );
        }
    }
    Ok(marks)
}

fn mark(line: u32, text: &str) -> Option<Mark> {
    let (head, message) = text.split_once(':').unwrap_or((text, ""));
    let (severity, rest) = head.trim().split_once('[')?;
    let (code, flags) = rest.split_once(']')?;
    let sometimes = match flags.trim() {
        "" => false,
        "sometimes" => true,
        _ => return None,
    };
    Some(Mark {
        line,
        severity: severity.into(),
        code: code.into(),
        sometimes,
        message: message.trim().into(),
    })
}

fn severity(severity: Severity) -> &'static str {
    gradlint::render::severity(severity)
}

fn compare(marks: &[Mark], result: &LintResult) -> Result<(), Failed> {
    let mut open: Vec<&Mark> = marks.iter().collect();
    let mut problems = Vec::new();
    for finding in &result.findings {
        let line = result.sources.line(finding.span);
        match open.iter().position(|mark| fits(mark, finding, line)) {
            Some(nth) => drop(open.remove(nth)),
            None => {
                let sometimes = if finding.certainty == Certainty::Sometimes {
                    " sometimes"
                } else {
                    ""
                };
                let (severity, code) = (severity(finding.severity), finding.rule.code);
                problems.push(format!(
                    "not marked, line {line}: {severity}[{code}]{sometimes}: {}",
                    finding.message
                ));
            }
        }
    }
    problems.extend(open.iter().map(|mark| format!("not found: {mark:?}")));
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems.join("\n").into())
    }
}

fn fits(mark: &Mark, finding: &Finding, line: u32) -> bool {
    mark.line == line
        && mark.code == finding.rule.code
        && mark.severity == severity(finding.severity)
        && mark.sometimes == (finding.certainty == Certainty::Sometimes)
        && finding.message.contains(&mark.message)
}

/// Every rule has a program in which it is marked, and one named after it in which nothing is.
fn every_rule(texts: &[(String, String)]) -> Result<(), Failed> {
    let mut fired = BTreeSet::new();
    let mut quiet = BTreeSet::new();
    for (name, text) in texts {
        let marks = marks(text)?;
        if let (true, Some((code, _))) = (
            marks.is_empty(),
            name.rsplit('/')
                .next()
                .and_then(|file| file.split_once("-quiet")),
        ) {
            quiet.insert(code.to_owned());
        }
        fired.extend(marks.into_iter().map(|mark| mark.code));
    }
    let lacking = |seen: &BTreeSet<String>| {
        RULES
            .iter()
            .map(|rule| rule.code)
            .filter(|&code| !seen.contains(code))
            .collect::<Vec<_>>()
    };
    match (lacking(&fired), lacking(&quiet)) {
        (silent, loud) if silent.is_empty() && loud.is_empty() => Ok(()),
        (silent, loud) => {
            Err(format!("in no fixture: {silent:?}; without a `-quiet` fixture: {loud:?}").into())
        }
    }
}

/// The examples in a rule's explanation: the bad ones show it, the good ones do not.
fn documented(rule: &'static gradlint::lint::Rule) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut rest = rule.documentation;
    while let Some((before, block)) = rest.split_once("```") {
        let Some((language, block)) = block.split_once(' ') else {
            break;
        };
        debug_assert!(
            before.ends_with('\n'),
            "a block begins on a line of its own"
        );
        let file = match language {
            "python" => "example.py",
            _ => "example.tg",
        };
        let (program, after) = block.split_once("\n```").unwrap_or((block, ""));
        let (kind, program) = program.split_once('\n').unwrap_or((program, ""));
        let (kind, program) = (kind.trim().to_owned(), program.to_owned());
        let name = format!("documentation/{}/{}-{kind}", rule.code, trials.len() + 1);
        trials.push(Trial::test(name, move || {
            example(rule.code, file, &kind, &program)
        }));
        rest = after;
    }
    let (code, count) = (rule.code, trials.len());
    trials.push(Trial::test(
        format!("documentation/{code}/examples"),
        move || match count >= 2 {
            true => Ok(()),
            false => Err(format!("{code} has {count} examples").into()),
        },
    ));
    trials
}

fn example(code: &str, file: &str, kind: &str, program: &str) -> Result<(), Failed> {
    let result = gradlint::with_stack(|| gradlint::lint_text(file, program));
    let found: Vec<String> = result
        .findings
        .iter()
        .map(|finding| format!("{}: {}", finding.rule.code, finding.message))
        .collect();
    let shows = result
        .findings
        .iter()
        .any(|finding| finding.rule.code == code);
    match (kind, shows) {
        ("bad", true) => Ok(()),
        ("good", false) if !result.is_refused => Ok(()),
        ("bad" | "good", _) => Err(format!("found: {found:#?}\n{program}").into()),
        _ => Err(format!("neither bad nor good: `{kind}`").into()),
    }
}
