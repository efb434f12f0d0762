//! A program of the repository, and what a comparison says of it.

use gradlint::source::{Origin, SourceMap};

use super::lines::Lines;
use super::recorded;

/// A program's text with the lines of its statements.
pub struct Source {
    pub text: String,
    pub lines: Lines,
}

/// The program at `name`, a path from the root of the repository.
pub fn read(name: &str) -> Source {
    let text = std::fs::read_to_string(recorded::root().join(name))
        .expect("every recorded program is there");
    let mut sources = SourceMap::default();
    let file = sources.add(name, text.as_str(), Origin::User);
    let (module, errors) = gradlint::syntax::parse(file, &text);
    assert!(errors.is_empty(), "{name} does not parse: {errors:?}");
    let lines = Lines::of(&module, &sources);
    Source { text, lines }
}

/// What does not agree, a line each.
#[derive(Default)]
pub struct Differences(pub Vec<String>);

impl Differences {
    pub fn say(&mut self, text: String) {
        self.0.push(text);
    }

    pub fn equal<T: PartialEq + std::fmt::Debug>(
        &mut self,
        what: impl std::fmt::Display,
        ours: T,
        theirs: T,
    ) {
        if ours != theirs {
            self.say(format!("{what}: {ours:?} instead of {theirs:?}"));
        }
    }
}
