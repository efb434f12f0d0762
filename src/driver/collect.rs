//! Which files are meant, and how they are read: each once, as it is at that moment, and only so far.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::render::Status;

/// Bytes of the largest file that is read. Offsets are 32 bits wide, and a program of this size is none.
const MAX_FILE: u64 = 64 << 20;

/// A file to lint, or why it cannot be.
#[derive(Debug)]
pub enum Input {
    /// A file, to be read when its turn comes.
    File(PathBuf),
    /// Standard input.
    Stdin,
    /// What is left out.
    No(Status),
}

/// All files by the names that they are shown with, in order; a folder stands for the `.tg`, `.py` and `.ipynb` files below it.
pub fn inputs(paths: &[PathBuf], stdin_name: Option<&Path>) -> BTreeMap<String, Input> {
    let mut inputs = BTreeMap::new();
    for path in paths {
        if path.as_os_str() == "-" {
            let name = stdin_name.map_or("<stdin>".to_owned(), |name| name.display().to_string());
            inputs.insert(name, Input::Stdin);
        } else if path.is_dir() {
            below(path, &mut inputs);
        } else {
            inputs.insert(path.display().to_string(), Input::File(path.clone()));
        }
    }
    inputs
}

fn below(folder: &Path, inputs: &mut BTreeMap<String, Input>) {
    let before = inputs.len();
    for entry in ignore::WalkBuilder::new(folder).require_git(false).build() {
        match entry {
            Ok(entry) if is_program(&entry) => {
                let path = entry.into_path();
                // `.` itself is not part of the name.
                let shown = path
                    .strip_prefix(".")
                    .unwrap_or(&path)
                    .display()
                    .to_string();
                inputs.insert(shown, Input::File(path));
            }
            Ok(_) => {}
            Err(error) => {
                inputs.insert(
                    folder.display().to_string(),
                    Input::No(Status::Unreadable(error.to_string())),
                );
            }
        }
    }
    if inputs.len() == before {
        inputs.insert(
            folder.display().to_string(),
            Input::No(Status::Skipped(
                "a folder without `.tg`, `.py` or `.ipynb` files".to_owned(),
            )),
        );
    }
}

fn is_program(entry: &ignore::DirEntry) -> bool {
    entry.file_type().is_some_and(|kind| kind.is_file())
        && entry.path().extension().is_some_and(|extension| {
            ["tg", "py", "ipynb"]
                .iter()
                .any(|known| extension == *known)
        })
}

/// The text of a file, `-` being standard input.
pub fn read(path: &Path) -> Result<String, String> {
    if path.as_os_str() == "-" {
        return text(io::stdin().lock());
    }
    let meta = std::fs::metadata(path).map_err(|error| reason(&error))?;
    if meta.is_dir() {
        return Err("this is a folder".to_owned());
    }
    if !meta.is_file() {
        return Err("not a regular file; `-` reads standard input".to_owned());
    }
    text(File::open(path).map_err(|error| reason(&error))?)
}

/// Reads to the end, once. A file that grows meanwhile is cut off by the bound at the latest.
fn text(from: impl Read) -> Result<String, String> {
    let mut bytes = Vec::new();
    from.take(MAX_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| reason(&error))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err("larger than 64 MiB".to_owned());
    }
    if bytes.contains(&0) {
        return Err("a binary file".to_owned());
    }
    String::from_utf8(bytes)
        .map_err(|error| format!("not UTF-8 at byte {}", error.utf8_error().valid_up_to()))
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file or folder".to_owned(),
        io::ErrorKind::PermissionDenied => "no permission to read it".to_owned(),
        _ => error.to_string(),
    }
}
