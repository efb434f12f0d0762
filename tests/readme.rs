//! The README shows what the tool does: its commands are run and compared, its tables are made from the tool's own.
//!
//! `GRADLINT_REWRITE=1 cargo test --test readme` writes what is now the case into the README.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use gradlint::lint::registry::TEXT_RULES;
use gradlint::lints::RULES;
use gradlint::ops::row::{Gradient, InPlace, OpRow, ResultKind, Saved};
use gradlint::ops::table;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

fn readme() -> String {
    std::fs::read_to_string(root().join("README.md")).expect("there is a README")
}

/// Compares, or rewrites.
#[test]
fn the_readme_is_true() {
    let old = readme();
    let mut new = with_outputs(&old);
    for (name, table) in [
        ("rules", rules()),
        ("operators", operators()),
        ("not modelled", not_modelled()),
    ] {
        new = with_table(&new, name, &table);
    }
    if std::env::var_os("GRADLINT_REWRITE").is_some() {
        std::fs::write(root().join("README.md"), &new).expect("written");
        return;
    }
    for (nth, (old, new)) in old.lines().zip(new.lines()).enumerate() {
        assert_eq!(
            old,
            new,
            "README.md:{}; GRADLINT_REWRITE=1 rewrites it",
            nth + 1
        );
    }
    assert_eq!(
        old.lines().count(),
        new.lines().count(),
        "README.md; GRADLINT_REWRITE=1 rewrites it"
    );
}

/// The text with what the commands in its `console` blocks print now, on standard output.
fn with_outputs(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, block)) = rest.split_once("```console\n") {
        let (block, after) = block.split_once("```\n").expect("the block ends");
        let commands: String = block
            .lines()
            .filter(|line| line.starts_with("$ "))
            .map(|line| format!("{line}\n{}", printed(line)))
            .collect();
        let _ = write!(out, "{before}```console\n{commands}```\n");
        rest = after;
    }
    out + rest
}

/// What a line of the form `$ gradlint ARGS` or `$ cargo run --release -- ARGS` prints; nothing for other commands.
fn printed(line: &str) -> String {
    let command = line
        .trim_start_matches("$ ")
        .split('#')
        .next()
        .expect("a first part")
        .trim();
    let Some(args) = command
        .strip_prefix("gradlint ")
        .or(command.strip_prefix("cargo run --release -- "))
    else {
        return String::new();
    };
    let output = Command::new(env!("CARGO_BIN_EXE_gradlint"))
        .args(args.split_whitespace())
        .current_dir(root())
        .output()
        .expect("it runs");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let lines: Vec<&str> = text.trim_end().lines().map(str::trim_end).collect();
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// The text with `table` between the marks of that name.
fn with_table(text: &str, name: &str, table: &str) -> String {
    let (start, end) = (
        format!("<!-- {name} -->\n"),
        format!("<!-- end of {name} -->\n"),
    );
    let (before, rest) = text
        .split_once(&start)
        .unwrap_or_else(|| panic!("no {start}"));
    let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("no {end}"));
    format!("{before}{start}{table}{end}{after}")
}

fn rules() -> String {
    let mut table = "| code | name | severity | what |\n| --- | --- | --- | --- |\n".to_owned();
    for rule in TEXT_RULES.iter().chain(RULES) {
        let severity = gradlint::render::severity(rule.severity);
        let _ = writeln!(
            table,
            "| {} | {} | {severity} | {} |",
            rule.code,
            rule.name,
            rule.summary.replace('|', "\\|")
        );
    }
    table
}

fn operators() -> String {
    let rows: Vec<&OpRow> = table::all().map(|(_, row)| row).collect();
    let mut rows_by_name = rows.clone();
    rows_by_name.sort_by_key(|row| row.name);
    let count = |test: fn(&OpRow) -> bool| rows.iter().filter(|row| test(row)).count();
    let mut text = format!(
        "{} operators; {} with an in-place form, {} that give views, {} with a derivative.\n\n<details><summary>All of them</summary>\n\n",
        rows.len(),
        count(|row| !matches!(row.in_place, InPlace::No)),
        count(|row| matches!(row.result, ResultKind::View | ResultKind::MultiView)),
        count(|row| matches!(row.gradient, Gradient::Formula(_))),
    );
    text += "| operator | result | in place | saved for backward | derivative |\n| --- | --- | --- | --- | --- |\n";
    for row in rows_by_name {
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {} | {} |",
            row.name,
            result(row),
            in_place(row),
            saves(row),
            gradient(row)
        );
    }
    text + "\n</details>\n"
}

fn result(row: &OpRow) -> &'static str {
    match row.result {
        ResultKind::Fresh => "new",
        ResultKind::View => "view",
        ResultKind::MultiView => "views",
        ResultKind::SelfIf(_) => "itself or new",
    }
}

fn in_place(row: &OpRow) -> &'static str {
    match row.in_place {
        InPlace::No => "no",
        InPlace::Yes { .. } => "yes",
        InPlace::Only => "only",
    }
}

fn saves(row: &OpRow) -> String {
    let name = |saved: &Saved| match saved {
        Saved::Input(nth) => row
            .params
            .get(*nth)
            .map_or("an input", |param| param.name)
            .to_owned(),
        Saved::Output(_) => "the result".to_owned(),
        Saved::Hidden => "hidden".to_owned(),
    };
    row.saves
        .iter()
        .map(|save| name(&save.what))
        .collect::<Vec<_>>()
        .join(", ")
}

fn gradient(row: &OpRow) -> &'static str {
    match row.gradient {
        Gradient::Formula(_) => "yes",
        Gradient::NotDifferentiable => "no",
        Gradient::NotImplemented(..) => "raises",
    }
}

/// The rows of ops.tsv that are neither a row of the table nor a composite that `tests/composites.rs` runs, and why.
const NOT_MODELLED: &[(&str, &str)] = &[
    ("int()", "32-bit integers"),
    ("half()", "16-bit floats"),
    ("real (complex)", "complex numbers"),
    ("view_as_real", "complex numbers"),
    ("complex", "complex numbers"),
    ("fft.fft", "complex numbers"),
    ("fft.rfft", "complex numbers"),
];

fn not_modelled() -> String {
    let mut list = String::new();
    for (name, why) in NOT_MODELLED {
        let _ = writeln!(list, "- `{name}`: {why}");
    }
    list
}

/// Every measured operator is modelled, or the README says that it is not.
#[test]
fn what_is_not_modelled_is_listed() {
    let read = |name: &str| {
        std::fs::read_to_string(root().join("tests/ops").join(name)).expect("readable")
    };
    let composites: Vec<serde_json::Value> =
        serde_json::from_str(&read("composites.json")).expect("JSON");
    let mut modelled: Vec<&str> = composites
        .iter()
        .filter_map(|composite| composite["evidence"].as_str())
        .collect();
    modelled.extend(table::all().flat_map(|(_, row)| row.evidence));
    let tsv = read("ops.tsv");
    let rows = tsv.lines().filter(|line| !line.starts_with('#')).skip(1);
    let missing: Vec<&str> = rows
        .filter_map(|line| line.split('\t').next())
        .filter(|name| !modelled.contains(name))
        .collect();
    let listed: Vec<&str> = NOT_MODELLED.iter().map(|(name, _)| *name).collect();
    assert_eq!(missing, listed);
}

/// What the README says a test holds, a test holds.
#[test]
fn the_tests_that_the_readme_names_exist() {
    let text = readme();
    let mut named = 0;
    for part in text.split("`tests/").skip(1) {
        let reference = part.split('`').next().expect("a first part");
        let (path, test) = reference.split_once("::").unwrap_or((reference, ""));
        let file = root().join("tests").join(path);
        assert!(file.exists(), "there is no tests/{path}");
        if !test.is_empty() {
            let source = std::fs::read_to_string(&file).expect("readable");
            assert!(
                source.contains(&format!("fn {test}(")),
                "there is no {reference}"
            );
            named += 1;
        }
    }
    assert!(named > 5, "{named} tests are named");
}
