//! What a file imports from the files around it is followed: the programs of `tests/python/imports`, one a folder. Each is
//! linted from its `train.py`; a comment `#! severity[CODE]: text` says what is found on its line, in whichever file, and
//! nothing else may be. What a run of each with PyTorch 2.15 did is in `truth.json` (made by `record.py`), and what raised
//! there must be predicted, unless a comment silences it.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use gradlint::lint::Finding;
use gradlint::source::Files;
use gradlint::{LintResult, lint_text_in, with_stack};
use serde::Deserialize;
use support::recorded::{predicted, root};

/// What a run did.
#[derive(Deserialize)]
struct Truth {
    outcome: String,
    #[serde(rename = "type", default)]
    error: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    file: String,
    #[serde(default)]
    line: u32,
    /// The parameters that had no gradient at the end.
    none: Vec<String>,
}

/// The files of one program, by their paths from its folder.
struct Folder(PathBuf);

impl Files for Folder {
    fn read(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.0.join(name)).ok()
    }
}

fn programs() -> BTreeSet<PathBuf> {
    let entries = fs::read_dir(root().join("tests/python/imports")).expect("readable");
    entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_dir())
        .collect()
}

fn lint(folder: &Path) -> LintResult {
    let files = Folder(folder.to_owned());
    let text = files.read("train.py").expect("a train.py");
    with_stack(|| lint_text_in(&files, "train.py", &text))
}

/// What the comments say: file, line, `severity[CODE]`, a part of the message.
fn marks(folder: &Path, below: &str, out: &mut BTreeSet<(String, u32, String, String)>) {
    for entry in fs::read_dir(folder.join(below)).expect("readable") {
        let entry = entry.expect("an entry");
        let name = entry.file_name().into_string().expect("a plain name");
        let name = match below {
            "" => name,
            _ => format!("{below}/{name}"),
        };
        if entry.path().is_dir() {
            marks(folder, &name, out);
        } else if name.ends_with(".py") {
            let text = fs::read_to_string(entry.path()).expect("readable");
            for (number, line) in (1..).zip(text.lines()) {
                if let Some((_, mark)) = line.split_once("#! ") {
                    let (what, message) = mark.split_once(": ").expect("a mark");
                    out.insert((name.clone(), number, what.to_owned(), message.to_owned()));
                }
            }
        }
    }
}

#[test]
fn findings_are_where_the_comments_say() {
    for program in programs() {
        let mut expected = BTreeSet::new();
        marks(&program, "", &mut expected);
        let result = lint(&program);
        for finding in &result.findings {
            let file = result.sources.file(finding.span.file).name.display();
            let place = (file.to_string(), result.sources.line(finding.span));
            let severity = format!("{:?}", finding.severity).to_lowercase();
            let what = format!("{severity}[{}]", finding.rule.code);
            let mark = expected
                .iter()
                .find(|(file, line, code, text)| {
                    (file, line) == (&place.0, &place.1)
                        && *code == what
                        && (finding.message.contains(text)
                            || format!("{:?}", finding.prediction).contains(text))
                })
                .cloned();
            let mark = mark.unwrap_or_else(|| {
                panic!(
                    "{}: {place:?} {what} {}",
                    program.display(),
                    finding.message
                )
            });
            expected.remove(&mark);
        }
        assert!(
            expected.is_empty(),
            "{}: missed {expected:?}",
            program.display()
        );
    }
}

#[test]
fn what_raised_is_predicted_and_what_is_whole_is_quiet() {
    let folder = root().join("tests/python/imports");
    let text = fs::read_to_string(folder.join("truth.json")).expect("readable");
    let truths: BTreeMap<String, Truth> = serde_json::from_str(&text).expect("recorded");
    let folders: Vec<PathBuf> = truths.keys().map(|name| folder.join(name)).collect();
    assert_eq!(folders, programs().into_iter().collect::<Vec<_>>());
    for (name, truth) in &truths {
        let result = lint(&folder.join(name));
        if truth.outcome == "clean" && truth.none.is_empty() {
            assert!(result.findings.is_empty(), "{name}");
        }
        if truth.outcome != "raises" || is_silenced(&folder.join(name), truth) {
            continue;
        }
        let is_told = |finding: &Finding| {
            predicted(finding, &truth.error, &truth.text).is_some_and(|span| {
                result.sources.file(span.file).name.display().to_string() == truth.file
                    && result.sources.line(span) == truth.line
            })
        };
        assert!(result.findings.iter().any(is_told), "{name}");
    }
}

fn is_silenced(folder: &Path, truth: &Truth) -> bool {
    let text = fs::read_to_string(folder.join(&truth.file)).expect("readable");
    let line = text.lines().nth(truth.line as usize - 1);
    line.expect("a line").contains("# gradlint: ignore")
}

/// A package whose `__init__` takes all names of its parts, each of which may take them on, is looked through once a name.
#[test]
fn stars_upon_stars_are_looked_through_once() {
    struct Stars;
    impl Files for Stars {
        fn read(&self, name: &str) -> Option<String> {
            let parts = (0..24).map(|part| format!("from .part{part} import *\n"));
            match name.strip_prefix("all/")? {
                "__init__.py" => Some(parts.collect()),
                name => {
                    let number: u32 = name
                        .strip_prefix("part")?
                        .strip_suffix(".py")?
                        .parse()
                        .ok()?;
                    Some(format!(
                        "from . import *\ndef f{number}(x):\n    return x.detach()\n"
                    ))
                }
            }
        }
    }
    let text = "import torch\nfrom all import *\nw = torch.ones(2, requires_grad=True)\n\
                nothing(w)\n(f23(w) * 2).sum().backward()\n";
    let result = with_stack(|| lint_text_in(&Stars, "train.py", text));
    let codes: Vec<&str> = result
        .findings
        .iter()
        .map(|found| found.rule.code)
        .collect();
    assert_eq!(codes, ["GL101"]);
}

/// The story of a finding goes through all files.
#[test]
fn a_cut_two_files_away_is_told() {
    let result = lint(&root().join("tests/python/imports/detached"));
    let causes: Vec<String> = result.findings[0]
        .causes
        .iter()
        .map(|cause| {
            let file = result.sources.file(cause.span.file).name.display();
            format!(
                "{file}:{} {}",
                result.sources.line(cause.span),
                cause.message
            )
        })
        .collect();
    assert_eq!(causes, ["nets/util.py:2 the graph is cut here"]);
}

/// Nothing is read beside what is imported, and what is not there is unknown.
#[test]
fn a_file_alone_is_linted_without_the_others() {
    let folder = root().join("tests/python/imports/detached");
    let text = fs::read_to_string(folder.join("train.py")).expect("readable");
    let alone = with_stack(|| gradlint::lint_text("train.py", &text));
    assert!(alone.findings.is_empty());
}

/// A long chain of files, and a name that is handed round in a circle, end.
#[test]
fn long_chains_and_circles_end() {
    struct Chain;
    impl Files for Chain {
        fn read(&self, name: &str) -> Option<String> {
            let number: u32 = name.strip_prefix('m')?.strip_suffix(".py")?.parse().ok()?;
            let next = (number + 1) % 100;
            Some(format!(
                "from m{next} import *\nfrom m{next} import f as f\ndef g{number}(x):\n    return g{next}(x)\n"
            ))
        }
    }
    let text = "import torch\nfrom m0 import f, g0, nothing\nw = torch.ones(2, requires_grad=True)\n\
                f(w).sum().backward()\ng0(w).sum().backward()\nnothing(w)\n";
    let result = with_stack(|| lint_text_in(&Chain, "train.py", text));
    assert!(result.findings.is_empty());
}
