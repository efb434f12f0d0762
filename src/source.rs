//! Source texts and places in them. Offsets are bytes; lines and columns are computed only where something is shown.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use crate::index::{Idx, IndexVec};

crate::define_index! {
    /// A text in a [`SourceMap`].
    pub struct FileId = "file";
}

/// A range of bytes of one file. Used everywhere, so it is kept at twelve bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// The first byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The range `start..end` of `file`.
    pub fn new(file: FileId, start: usize, end: usize) -> Span {
        // Texts over 4 GiB are refused when they are read (`driver`), so this does not saturate.
        Span {
            file,
            start: start as u32,
            end: end as u32,
        }
    }
    /// The smallest range that holds both; `other` must be of the same file.
    pub fn to(self, other: Span) -> Span {
        Span {
            file: self.file,
            start: self.start.min(other.start),
            end: self.end.max(other.end),
        }
    }
    /// The range as `usize`s, to slice a text with.
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// Where a text comes from, which decides whether places in it may be shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// The user's own file.
    User,
    /// The library in `.tg` that is embedded in the binary: findings in it are shown at the caller's line.
    Prelude,
}

/// The files around a program, for what it imports.
pub trait Files: Sync {
    /// The text of the file of that name, `/` between its parts, if there is one in the linted tree.
    fn read(&self, name: &str) -> Option<String>;
}

/// A program that stands alone.
pub struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _: &str) -> Option<String> {
        None
    }
}

/// One text.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// The name that messages show.
    pub name: PathBuf,
    /// The text itself.
    pub text: Arc<str>,
    /// Whose text it is.
    pub origin: Origin,
    /// The offset of each line's first byte, computed when a line is first asked for: of most files none is.
    line_starts: OnceLock<Vec<u32>>,
    /// Of a notebook: where each cell begins.
    cells: Vec<u32>,
}

/// A place as people and editors count it, from one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Location {
    /// The line.
    pub line: u32,
    /// The column, in Unicode scalar values.
    pub column: u32,
    /// The column, in UTF-16 units.
    pub utf16: u32,
    /// The offset in bytes, from zero.
    pub offset: u32,
    /// In a notebook the cell, of those with code, from one; lines are counted in it.
    pub cell: Option<u32>,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(cell) = self.cell {
            write!(f, "cell {cell}:")?;
        }
        write!(f, "{}:{}", self.line, self.column)
    }
}

impl SourceFile {
    fn new(name: PathBuf, text: Arc<str>, origin: Origin) -> SourceFile {
        SourceFile {
            name,
            text,
            origin,
            line_starts: OnceLock::new(),
            cells: Vec::new(),
        }
    }

    fn line_starts(&self) -> &[u32] {
        self.line_starts.get_or_init(|| {
            let bytes = self.text.bytes().enumerate();
            let newlines = bytes.filter(|&(_, byte)| byte == b'\n');
            std::iter::once(0)
                .chain(newlines.map(|(at, _)| at as u32 + 1))
                .collect()
        })
    }

    /// The line, counted from one, that holds the byte at `offset`.
    pub fn line(&self, offset: u32) -> u32 {
        self.line_starts().partition_point(|&start| start <= offset) as u32
    }

    /// The cell of a notebook, of those with code and counted from one, that holds the byte at `offset`.
    pub fn cell(&self, offset: u32) -> Option<u32> {
        let cell = self.cells.partition_point(|&start| start <= offset) as u32;
        (cell > 0).then_some(cell)
    }

    /// A line of the text as people count it: in its cell, if it is in one.
    pub fn shown_line(&self, line: u32) -> u32 {
        let start = self.line_starts().get(line as usize - 1).copied();
        match self.cell(start.unwrap_or(u32::MAX)) {
            Some(cell) => line + 1 - self.line(self.cells[cell as usize - 1]),
            None => line,
        }
    }

    /// The bytes of a line, counted from one, with its line end.
    pub fn line_range(&self, line: u32) -> Option<std::ops::Range<usize>> {
        let nth = (line as usize).checked_sub(1)?;
        let start = *self.line_starts().get(nth)? as usize;
        let end = self
            .line_starts()
            .get(nth + 1)
            .map_or(self.text.len(), |&next| next as usize);
        Some(start..end)
    }

    /// Where the byte at `offset` is.
    pub fn location(&self, offset: u32) -> Location {
        let line = self.line(offset);
        let start = self.line_starts()[line as usize - 1] as usize;
        let before = &self.text[start..self.floor_char_boundary(offset as usize)];
        let cell = self.cell(offset);
        Location {
            line: self.shown_line(line),
            cell,
            column: before.chars().count() as u32 + 1,
            utf16: before.encode_utf16().count() as u32 + 1,
            offset,
        }
    }

    fn floor_char_boundary(&self, offset: usize) -> usize {
        let end = offset.min(self.text.len());
        (0..=end)
            .rev()
            .find(|&at| self.text.is_char_boundary(at))
            .unwrap_or(0)
    }
}

/// All texts of one run: the user's files and the prelude's.
#[derive(Clone, Debug, Default)]
pub struct SourceMap {
    files: IndexVec<FileId, SourceFile>,
}

impl SourceMap {
    /// Adds a text. A leading byte-order mark stays in it (offsets are those of the file); the lexer skips it.
    pub fn add(
        &mut self,
        name: impl Into<PathBuf>,
        text: impl Into<Arc<str>>,
        origin: Origin,
    ) -> FileId {
        self.files
            .push(SourceFile::new(name.into(), text.into(), origin))
    }
    /// Adds the code of a notebook, of which each cell begins at one of `cells`.
    pub fn add_notebook(
        &mut self,
        name: impl Into<PathBuf>,
        text: impl Into<Arc<str>>,
        cells: Vec<u32>,
    ) -> FileId {
        let file = self.add(name, text, Origin::User);
        self.files[file].cells = cells;
        file
    }
    /// Forgets all texts but the first `count`.
    pub fn truncate(&mut self, count: usize) {
        self.files.truncate(count);
    }
    /// The text's file.
    pub fn file(&self, id: FileId) -> &SourceFile {
        &self.files[id]
    }
    /// The text at `span`.
    pub fn text(&self, span: Span) -> &str {
        self.files[span.file].text.get(span.range()).unwrap_or("")
    }
    /// Whether `span` lies in a file of the user's own.
    pub fn is_user(&self, span: Span) -> bool {
        self.files[span.file].origin == Origin::User
    }
    /// The line, from one, where `span` begins.
    pub fn line(&self, span: Span) -> u32 {
        self.files[span.file].line(span.start)
    }
    /// All files, in the order they were added.
    pub fn files(&self) -> impl Iterator<Item = (FileId, &SourceFile)> {
        self.files.iter_enumerated()
    }
    /// The file that was added first: the program itself.
    pub fn first(&self) -> FileId {
        FileId::new(0)
    }
}
