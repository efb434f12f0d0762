//! The linted tree, for what its files import from each other.

use std::path::{Path, PathBuf};

use super::collect;
use crate::source::Files;

/// Bytes of the largest file that an import is followed into.
const MAX_FILE: u64 = 512 << 10;

/// The folders that are linted, and those of the files that are.
#[derive(Debug, Default)]
pub struct Tree {
    folders: Vec<PathBuf>,
}

impl Tree {
    /// The tree that the command line names.
    pub fn of(paths: &[PathBuf]) -> Tree {
        let folder = |path: &PathBuf| match path.is_dir() {
            true => plain(path),
            false => package(plain(path).parent().unwrap_or(Path::new("")).to_owned()),
        };
        Tree {
            folders: paths.iter().map(folder).collect(),
        }
    }

    fn holds(&self, path: &Path) -> bool {
        self.folders.iter().any(|folder| path.starts_with(folder))
    }
}

impl Files for Tree {
    fn read(&self, name: &str) -> Option<String> {
        let path = Path::new(name);
        if !self.holds(path) {
            return None;
        }
        let meta = std::fs::metadata(path).ok()?;
        let is_read = meta.is_file() && meta.len() <= MAX_FILE;
        is_read.then(|| collect::read(path).ok())?
    }
}

/// As it is shown: `.` is no part of a name.
fn plain(path: &Path) -> PathBuf {
    path.strip_prefix(".").unwrap_or(path).to_owned()
}

/// The folder that holds the whole package that a folder belongs to.
fn package(mut folder: PathBuf) -> PathBuf {
    while folder.join("__init__.py").is_file() {
        if !folder.pop() {
            break;
        }
    }
    folder
}
