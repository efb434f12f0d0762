//! The rows of ops.tsv that PyTorch makes of several operators, and gradlint of a prelude function or in its machine:
//! results, gradients, what may be overwritten before backward, and the second backward, each by a run of a program.
//!
//! `ops/composites.py` has the programs and ran them under PyTorch 2.15.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use gradlint::interp::outcome::{Ending, RunOptions};
use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ops")
}

/// The records, and the columns of ops.tsv of each.
fn records() -> Vec<(Value, Vec<String>)> {
    let text = fs::read_to_string(folder().join("composites.json")).expect("it is there");
    let records: Vec<Value> = serde_json::from_str(&text).expect("JSON");
    let tsv = fs::read_to_string(folder().join("ops.tsv")).expect("it is there");
    let rows: BTreeMap<&str, Vec<String>> = tsv
        .lines()
        .map(|line| line.split('\t').map(str::to_owned).collect::<Vec<_>>())
        .zip(tsv.lines())
        .map(|(columns, line)| (line.split('\t').next().unwrap_or(""), columns))
        .collect();
    records
        .into_iter()
        .map(|record| {
            let evidence = text_of(&record, "evidence");
            let columns = rows.get(evidence.as_str()).cloned();
            (
                record,
                columns.unwrap_or_else(|| panic!("{evidence} is no row of ops.tsv")),
            )
        })
        .collect()
}

fn text_of(record: &Value, key: &str) -> String {
    record[key].as_str().unwrap_or_default().to_owned()
}

/// What a program prints; `Err` is how else it ended.
fn run(text: &str) -> Result<String, String> {
    let (outcome, _) = gradlint::run_text("a.tg", text, &RunOptions::default())
        .map_err(|_| "it is no program".to_owned())?;
    match outcome.ending {
        Ending::Finished => Ok(outcome.output),
        other => Err(format!("{other:?}")),
    }
}

/// Checks all records, and fails with everything that was found.
fn all(check: impl Fn(&Value, &[String]) -> Result<(), String>) {
    let failures: Vec<String> = records()
        .iter()
        .filter_map(|(record, columns)| {
            let why = check(record, columns).err()?;
            Some(format!(
                "{}: {}: {why}",
                text_of(record, "evidence"),
                text_of(record, "code")
            ))
        })
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn results_and_gradients_are_those_of_pytorch() {
    all(|record, _| {
        let ours = run(&text_of(record, "program"))?;
        let theirs = text_of(record, "printed");
        let lines: Vec<_> = ours.lines().zip(theirs.lines()).collect();
        if ours.lines().count() != theirs.lines().count() {
            return Err(format!("{ours}PyTorch: {theirs}"));
        }
        for (ours, theirs) in lines {
            let (x, y) = (numbers(ours), numbers(theirs));
            let close = |(x, y): (&f64, &f64)| (x - y).abs() <= 1e-5 + 1e-4 * y.abs();
            if x.len() != y.len() || !x.iter().zip(&y).all(close) {
                return Err(format!("{ours}, PyTorch: {theirs}"));
            }
        }
        Ok(())
    });
}

fn numbers(line: &str) -> Vec<f64> {
    line.split(|c: char| "[], ".contains(c))
        .filter(|part| !part.is_empty())
        .map(|part| part.parse().unwrap_or(f64::NAN))
        .collect()
}

/// The program up to the results: those of the inputs at `needing` require grad, the input or result `bumped` is written.
fn begun(record: &Value, needing: &str, bumped: Option<&str>) -> String {
    let mut lines = vec!["manual_seed(1)".to_owned()];
    for (k, tensor) in record["tensors"]
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
    {
        let grad = needing.split('+').any(|name| name == format!("in{k}"));
        let grad = if grad { ", requires_grad=true" } else { "" };
        lines.push(format!("leaf{k} = tensor({}{grad})", tensor["values"]));
        lines.push(format!("in{k} = leaf{k}.clone()"));
    }
    lines.push(text_of(record, "code"));
    let outs = if text_of(record, "code").contains("out1") {
        2
    } else {
        1
    };
    if let Some(name) = bumped {
        lines.push(format!("with no_grad() {{ {name}.add_(0) }}"));
    }
    let list = |name: &str| {
        (0..outs)
            .map(|k| format!("{name}{k}"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    lines.push(format!(
        "outs = [out for out in [{}] if out.requires_grad]",
        list("out")
    ));
    lines.push("weights = [ones_like(out) for out in outs]".to_owned());
    lines.join("\n") + "\n"
}

const BACKWARD: &str =
    "try { autograd.backward(outs, weights); print(\"ok\") } catch e { print(str(e)) }\n";
const MODIFIED: &str = "modified by an inplace operation";
const TWICE: &str = "backward through the graph a second time";

/// `{in0}:in0+out0 {in1}:-`, by what is in the braces.
fn subsets(column: &str) -> Vec<(String, String)> {
    column
        .split(' ')
        .filter_map(|part| {
            let (name, value) = part.strip_prefix('{')?.split_once("}:")?;
            Some((name.to_owned(), value.to_owned()))
        })
        .collect()
}

#[test]
fn what_is_saved_is_as_measured() {
    all(|record, columns| {
        let inputs: usize = columns[2].parse().unwrap_or(0);
        let outputs: usize = columns[3].parse().unwrap_or(0);
        let in_place = columns[9].contains("is in0");
        for (needing, saved) in subsets(&columns[4]) {
            if saved == "no-grad-out" {
                let text = begun(record, &needing, None) + "print(out0.requires_grad)\n";
                if run(&text)? != "False\n" {
                    return Err("its result requires grad".into());
                }
                continue;
            }
            let names = (0..inputs)
                .map(|k| format!("in{k}"))
                .chain((0..outputs).map(|k| format!("out{k}")));
            for name in names.filter(|name| !(in_place && name == "in0")) {
                let text = begun(record, &needing, Some(&name)) + BACKWARD;
                let seen = match run(&text) {
                    Ok(text) => text.contains(MODIFIED),
                    // What may not be written at all is not overwritten.
                    Err(why) if why.contains("unsupported operation") => false,
                    Err(why) => return Err(why),
                };
                let measured = saved.split('+').any(|other| other == name);
                if seen != measured {
                    return Err(format!(
                        "{{{needing}}}: {name} is saved: {seen}, measured: {saved}"
                    ));
                }
            }
        }
        Ok(())
    });
}

#[test]
fn the_second_backward_is_as_measured() {
    all(|record, columns| {
        for (needing, measured) in subsets(&columns[5]) {
            if measured == "n/a" {
                continue;
            }
            let text = begun(record, &needing, None) + BACKWARD + BACKWARD;
            let printed = run(&text)?;
            let second = printed.lines().nth(1).unwrap_or_default();
            let raises = second.contains(TWICE);
            if raises != (measured == "RAISES") || (!raises && second != "ok") {
                return Err(format!("{{{needing}}}: {second}, measured: {measured}"));
            }
        }
        Ok(())
    });
}
