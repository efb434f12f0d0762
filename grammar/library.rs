//! The index of the library as Rust source, written when gradlint is built. Part of the build script.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

#[path = "../src/prelude/naming.rs"]
mod naming;
#[path = "outline.rs"]
mod outline;

use naming::{join, namespace, words};
use outline::{Outline, outline};

/// The tables of `src/prelude/mod.rs` for the files below `folder`.
pub fn index(folder: &Path) -> String {
    let mut texts = BTreeMap::new();
    read(folder, folder, &mut texts);
    let pieces: Vec<(&str, Outline)> = texts
        .iter()
        .flat_map(|(path, text)| outline(text).into_iter().map(move |piece| (&**path, piece)))
        .collect();
    Index::of(&pieces).print(&pieces)
}

fn read(root: &Path, folder: &Path, texts: &mut BTreeMap<String, String>) {
    let entries = std::fs::read_dir(folder).expect("the folder of the library can be read");
    for entry in entries {
        let path = entry.expect("a file of the library can be read").path();
        if path.is_dir() {
            read(root, &path, texts);
        } else if path.extension().is_some_and(|extension| extension == "tg") {
            let below = path.strip_prefix(root).expect("the file is in the folder");
            let name = below.to_string_lossy().replace('\\', "/");
            let text = std::fs::read_to_string(&path).expect("a file of the library is text");
            texts.insert(name, text);
        }
    }
}

/// The names of pieces and methods, by number, and what has them.
#[derive(Default)]
struct Index<'t> {
    names: BTreeMap<&'t str, usize>,
    pieces_named: BTreeMap<usize, Vec<usize>>,
    members_named: BTreeMap<usize, Vec<(usize, usize)>>,
    dotted: BTreeMap<String, usize>,
    builtins: BTreeMap<&'t str, usize>,
    tensor: BTreeMap<&'t str, usize>,
}

impl<'t> Index<'t> {
    fn of(pieces: &[(&'t str, Outline<'t>)]) -> Index<'t> {
        let mut index = Index::default();
        let names: BTreeSet<&str> = pieces
            .iter()
            .flat_map(|(_, piece)| {
                let members = piece.members.iter().map(|member| member.name);
                members.chain([piece.name])
            })
            .collect();
        index.names = names.into_iter().zip(0..).collect();
        for (nth, (path, piece)) in pieces.iter().enumerate() {
            index.enter(nth, path, piece);
        }
        index
    }

    fn enter(&mut self, nth: usize, path: &str, piece: &Outline<'t>) {
        let name = piece.name;
        match path {
            "builtins.tg" => self.builtins.entry(name).or_insert(nth),
            _ if path.starts_with("tensor/") => self.tensor.entry(name).or_insert(nth),
            _ => {
                let dotted = join(namespace(path), name);
                self.dotted.entry(dotted).or_insert(nth)
            }
        };
        let named = self.pieces_named.entry(self.names[name]);
        named.or_default().push(nth);
        for (member, of) in piece.members.iter().zip(0..) {
            let named = self.members_named.entry(self.names[member.name]);
            named.or_default().push((nth, of));
        }
    }

    /// The numbers of the names that a text has.
    fn mentions(&self, text: &str) -> Vec<usize> {
        let parts = outline::naming_parts(text).into_iter();
        let found: BTreeSet<usize> = parts
            .flat_map(words)
            .filter_map(|word| self.names.get(word).copied())
            .collect();
        found.into_iter().collect()
    }

    fn print(&self, pieces: &[(&str, Outline)]) -> String {
        let mut out = String::from("static PIECES: &[Piece] = &[\n");
        for (path, piece) in pieces {
            self.print_piece(&mut out, path, piece);
        }
        out.push_str("];\n");
        let names: Vec<&str> = self.names.keys().copied().collect();
        let by_name = |nth: &usize| {
            let pieces = self.pieces_named.get(nth).cloned().unwrap_or_default();
            let members = self.members_named.get(nth).cloned().unwrap_or_default();
            (pieces, members)
        };
        let named: Vec<_> = self.names.values().map(by_name).collect();
        writeln!(out, "static NAMES: &[&str] = &{names:?};").ok();
        out.push_str("static NAMED: &[Named] = &[\n");
        for (pieces, members) in named {
            writeln!(
                out,
                "Named {{ pieces: &{pieces:?}, members: &{members:?} }},"
            )
            .ok();
        }
        out.push_str("];\n");
        let tables: [(&str, Vec<(&str, usize)>); 3] = [
            ("DOTTED", pairs(&self.dotted)),
            ("BUILTINS", pairs(&self.builtins)),
            ("TENSOR", pairs(&self.tensor)),
        ];
        for (name, table) in tables {
            writeln!(out, "static {name}: &[(&str, usize)] = &{table:?};").ok();
        }
        out
    }

    fn print_piece(&self, out: &mut String, path: &str, piece: &Outline) {
        let Outline {
            name, head, tail, ..
        } = piece;
        let mentions = self.mentions(head);
        writeln!(
            out,
            "Piece {{ path: {path:?}, name: {name:?}, head: {head:?}, tail: {tail:?}, mentions: &{mentions:?}, members: &["
        )
        .ok();
        for member in &piece.members {
            let (name, text) = (self.names[member.name], member.text);
            let mentions = self.mentions(text);
            let is_kept = outline::is_called_unnamed(member.name);
            writeln!(
                out,
                "Member {{ name: {name}, text: {text:?}, mentions: &{mentions:?}, is_called_unnamed: {is_kept} }},"
            )
            .ok();
        }
        out.push_str("] },\n");
    }
}

fn pairs<K: AsRef<str>>(table: &BTreeMap<K, usize>) -> Vec<(&str, usize)> {
    let entries = table.iter();
    entries
        .map(|(name, piece)| (name.as_ref(), *piece))
        .collect()
}
