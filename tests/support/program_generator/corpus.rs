//! The programs of `tests/oracle`, as trees.

use super::dice::Dice;
use super::tree::{self, Tree};
use crate::support::recorded::root;

/// Programs by their ids.
pub struct Corpus(Vec<(String, Tree)>);

impl Corpus {
    /// Those of `tests/oracle/programs` that can be taken to pieces, but for regression programs, which came from here.
    pub fn read() -> Corpus {
        let folder = root().join("tests/oracle/programs");
        let mut paths: Vec<_> = std::fs::read_dir(folder)
            .expect("tests/oracle/programs is there")
            .map(|entry| entry.expect("can be read").path())
            .collect();
        paths.sort();
        let read = |path: std::path::PathBuf| {
            let text = std::fs::read_to_string(&path).ok()?;
            let id = text.lines().next()?.strip_prefix("# id: ")?.to_owned();
            let is_own = id.starts_with("DIFF-");
            // What is in new memory nobody knows.
            let is_undefined = text.contains(" empty(");
            (!is_own && !is_undefined).then_some((id, tree::parse(&text)?))
        };
        Corpus(paths.into_iter().filter_map(read).collect())
    }

    /// One of them.
    pub(super) fn one(&self, dice: &mut Dice) -> (&str, &Tree) {
        let (id, tree) = dice.pick(&self.0);
        (id, tree)
    }

    /// The one at this place, counted around.
    pub(super) fn nth(&self, nth: u64) -> (&str, &Tree) {
        let (id, tree) = &self.0[(nth % self.0.len() as u64) as usize];
        (id, tree)
    }

    /// The ids.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(id, _)| id.as_str())
    }
}
