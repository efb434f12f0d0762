//! `gradlint run FILE`.

use serde_json::Value;

use super::options::{PlainFormat, RunArgs};
use super::tree::Tree;
use super::{FAILED, FOUND, OK, Streams, collect, display_name, messages};
use crate::Checked;
use crate::interp::outcome::{Ending, Outcome, RunOptions};
use crate::render::outcome as render;

/// Runs the program that the options name.
pub fn run(args: &RunArgs, streams: &mut Streams) -> u8 {
    let name = display_name(&args.file);
    let text = match collect::read(&args.file) {
        Ok(text) => text,
        Err(reason) => {
            streams.complain(&format!("{name}: {reason}"));
            return FAILED;
        }
    };
    let tree = Tree::of(std::slice::from_ref(&args.file));
    let checked = crate::check_text_in(&tree, &name, &text);
    if !checked.messages.is_empty() {
        messages(&checked.refuse().0, streams);
        return FAILED;
    }
    match args.all_paths {
        false => one(&name, &checked, args, streams),
        true => all(&name, &checked, args, streams),
    }
}

fn options(args: &RunArgs) -> RunOptions {
    let defaults = RunOptions::default();
    RunOptions {
        max_steps: args.max_steps.unwrap_or(defaults.max_steps),
        max_millis: args
            .max_seconds
            .map_or(defaults.max_millis, |seconds| seconds * 1_000),
        max_memory: args
            .max_memory
            .map_or(defaults.max_memory, |mib| mib as usize * (1 << 20)),
        seed: args.seed.unwrap_or(defaults.seed),
        ..defaults
    }
}

fn one(name: &str, checked: &Checked, args: &RunArgs, streams: &mut Streams) -> u8 {
    let outcome = crate::interp::run(&checked.program, &checked.sources, &options(args));
    match args.format {
        PlainFormat::Json => streams.print(&text(&render::json(name, &outcome, &checked.sources))),
        PlainFormat::Human => show(&outcome, checked, streams),
    }
    status(&outcome)
}

/// The runs that differ, each with the outcomes of `unknown()` that lead to it first.
fn all(name: &str, checked: &Checked, args: &RunArgs, streams: &mut Streams) -> u8 {
    let mut seen: Vec<(Vec<bool>, Outcome)> = Vec::new();
    let choices =
        crate::confirm::choices().take(if crate::confirm::uses_unknown(&checked.program) {
            usize::MAX
        } else {
            1
        });
    for choices in choices {
        let options = RunOptions {
            choices: choices.clone(),
            ..options(args)
        };
        let outcome = crate::interp::run(&checked.program, &checked.sources, &options);
        if !seen.iter().any(|(_, other)| *other == outcome) {
            seen.push((choices, outcome));
        }
    }
    match args.format {
        PlainFormat::Json => streams.print(&text(&paths(name, &seen, checked))),
        PlainFormat::Human => seen.iter().for_each(|(choices, outcome)| {
            streams.out.flush().ok();
            streams.say(&format!("with unknown() {}:\n", shown(choices)));
            show(outcome, checked, streams);
        }),
    }
    seen.iter()
        .map(|(_, outcome)| status(outcome))
        .max()
        .unwrap_or(OK)
}

fn paths(name: &str, seen: &[(Vec<bool>, Outcome)], checked: &Checked) -> Value {
    let path = |(choices, outcome): &(Vec<bool>, Outcome)| {
        let mut object = render::json(name, outcome, &checked.sources);
        object["choices"] = choices.as_slice().into();
        object
    };
    seen.iter().map(path).collect()
}

fn shown(choices: &[bool]) -> String {
    choices
        .iter()
        .map(bool::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

fn text(value: &Value) -> String {
    format!("{value:#}\n")
}

fn show(outcome: &Outcome, checked: &Checked, streams: &mut Streams) {
    streams.print(&outcome.output);
    streams.out.flush().ok();
    streams.say(&render::human(outcome, &checked.sources));
}

fn status(outcome: &Outcome) -> u8 {
    match outcome.ending {
        Ending::Finished => OK,
        Ending::Raised(_) => FOUND,
        Ending::Stopped(_) | Ending::Unsupported { .. } => FAILED,
    }
}
