//! The invariants of the architecture that can be read off the source: which room uses which, who prints, how long files are.

use std::path::{Path, PathBuf};

/// Lines of the longest file.
const MAX_LINES: usize = 800;

/// The rooms in the order in which they may use each other: each only those before it. `lint` and its rules are one.
const ORDER: &[&str] = &[
    "index",
    "source",
    "symbol",
    "diagnostic",
    "operator",
    "ops",
    "prelude",
    "syntax",
    "ir",
    "front",
    "emit",
    "dataflow",
    "analysis",
    "interp",
    "lint",
    "lints",
    "confirm",
    "fixes",
    "render",
    "driver",
    "main",
];

/// A source file: its path below `src`, and its text without comments.
struct File {
    name: String,
    text: String,
    code: String,
}

impl File {
    fn room(&self) -> &str {
        self.name.split(['/', '.']).next().expect("a first part")
    }

    /// The rooms it names as `crate::room`, `gradlint::room`, or within `crate::{…}`.
    fn uses(&self) -> Vec<String> {
        let mut rooms = Vec::new();
        for (at, _) in self
            .code
            .match_indices("crate::")
            .chain(self.code.match_indices("gradlint::"))
        {
            let path = self.code[at..].split_once("::").expect("found").1;
            match path.strip_prefix('{') {
                Some(group) => rooms.extend(heads(group)),
                None => rooms.push(head(path)),
            }
        }
        rooms.retain(|room| ORDER.contains(&room.as_str()));
        rooms
    }
}

fn head(path: &str) -> String {
    path.chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

/// The first names of the parts of a `{…}`.
fn heads(group: &str) -> Vec<String> {
    let mut depth = 0;
    let mut parts = vec![String::new()];
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => parts.push(String::new()),
            c => parts.last_mut().expect("one").push(c),
        }
    }
    parts.iter().map(|part| head(part.trim())).collect()
}

fn files() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    let mut folders: Vec<PathBuf> = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("readable") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).expect("readable");
                let name = path
                    .strip_prefix(&root)
                    .expect("below")
                    .display()
                    .to_string();
                let code = text
                    .lines()
                    .filter(|line| !line.trim_start().starts_with("//"))
                    .fold(String::new(), |code, line| code + line + "\n");
                files.push(File { name, text, code });
            }
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    files
}

/// The files of which `problem` says something, with that.
fn check(problem: impl Fn(&File) -> Option<String>) {
    let found: Vec<String> = files()
        .iter()
        .filter_map(|file| problem(file).map(|text| format!("{}: {text}", file.name)))
        .collect();
    assert!(found.is_empty(), "{found:#?}");
}

fn never(file: &File, forbidden: &[&str]) -> Option<String> {
    let used = file
        .uses()
        .into_iter()
        .find(|room| forbidden.contains(&room.as_str()))?;
    Some(format!("uses `{used}`"))
}

#[test]
fn the_two_machines_do_not_know_each_other() {
    check(|file| match file.room() {
        "interp" => never(
            file,
            &[
                "analysis", "dataflow", "lint", "lints", "syntax", "front", "confirm",
            ],
        ),
        "analysis" | "dataflow" => never(file, &["interp", "syntax", "front", "lints", "confirm"]),
        _ => None,
    });
}

#[test]
fn rules_see_no_syntax_and_name_no_operator() {
    check(|file| match file.room() {
        "lints" => never(
            file,
            &["syntax", "front", "interp", "ir", "emit", "ops", "operator"],
        ),
        _ => None,
    });
}

#[test]
fn rooms_use_only_those_below_them() {
    let place = |room: &str| ORDER.iter().position(|other| *other == room);
    check(|file| {
        // The analysis speaks of certainty in the words that findings use; they are types alone.
        let allowed = |used: &str| used == "lint" && file.room() == "analysis";
        let own = place(file.room())?;
        let used = file
            .uses()
            .into_iter()
            .find(|used| place(used) > Some(own) && !allowed(used))?;
        Some(format!("uses `{used}`, which is above it"))
    });
}

#[test]
fn every_room_has_its_place() {
    check(|file| {
        (!ORDER.contains(&file.room()) && file.room() != "lib")
            .then(|| "stands in no place of the order".to_owned())
    });
}

#[test]
fn only_the_outer_rooms_do_input_and_output() {
    let words = [
        "std::fs",
        "std::io",
        "std::env",
        "std::process",
        "println!",
        "print!(",
        "eprintln!",
        "stdout(",
        "stderr(",
        "stdin(",
    ];
    check(|file| {
        if ["driver", "main", "render"].contains(&file.room()) {
            return None;
        }
        let word = words.iter().find(|word| file.code.contains(**word))?;
        Some(format!("has `{word}`"))
    });
}

#[test]
fn nothing_that_is_shown_depends_on_time() {
    check(|file| {
        let may = ["interp", "driver"].contains(&file.room());
        (!may && (file.code.contains("Instant::now") || file.code.contains("SystemTime")))
            .then(|| "reads the clock".to_owned())
    });
}

#[test]
fn files_are_short() {
    check(|file| {
        let lines = file.text.lines().count();
        (lines > MAX_LINES).then(|| format!("{lines} lines"))
    });
}

#[test]
fn files_say_what_they_are_for() {
    check(|file| (!file.text.starts_with("//!")).then(|| "does not begin with `//!`".to_owned()));
}

#[test]
fn nothing_is_unsafe() {
    let manifest =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"))
            .expect("readable");
    assert!(manifest.contains("unsafe_code = \"forbid\""));
    assert!(
        manifest.contains("iter_over_hash_type = \"warn\""),
        "no output may depend on hash order"
    );
}

#[test]
fn no_machine_and_no_rule_names_an_operator() {
    const ASK: &[&str] = &[
        "by_name(\"",
        "table::method(\"",
        "in_place_method(\"",
        "table::function(\"",
        "table::functional(\"",
        "run_named(\"",
    ];
    const ROOMS: &[&str] = &["interp", "analysis", "lint", "lints", "confirm", "fixes"];
    check(|file| {
        if !ROOMS.contains(&file.room()) {
            return None;
        }
        let code: String = file.code.split_whitespace().collect();
        let ask = ASK.iter().find(|ask| code.contains(**ask))?;
        Some(format!("names an operator by `{ask}`"))
    });
}
