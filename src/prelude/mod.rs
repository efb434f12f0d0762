//! The library written in `.tg`, embedded in the binary: its pieces, and an index of what they export, both made when
//! gradlint is built. Nothing is parsed here; a front end parses the pieces that a program needs.

mod naming;
mod reach;

pub use naming::namespace;
use naming::{join, words};
pub use reach::Reach;

/// A top-level definition of a file of the library.
#[derive(Debug)]
pub struct Piece {
    /// The path of the file below `prelude/`.
    pub path: &'static str,
    /// The name that it defines.
    pub name: &'static str,
    head: &'static str,
    tail: &'static str,
    /// The numbers of the names that the head has.
    mentions: &'static [usize],
    members: &'static [Member],
}

/// A method of a class of the library.
#[derive(Debug)]
struct Member {
    /// The number of its name.
    name: usize,
    text: &'static str,
    mentions: &'static [usize],
    is_called_unnamed: bool,
}

/// What has a name: pieces, and methods by piece and place.
#[derive(Debug)]
struct Named {
    pieces: &'static [usize],
    members: &'static [(usize, usize)],
}

include!(concat!(env!("OUT_DIR"), "/prelude.rs"));

/// An exported name: where it is defined.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Export {
    /// The place of the definition in [`pieces`].
    pub piece: usize,
    /// The name.
    pub name: &'static str,
}

/// All definitions, those of a file one after the other.
pub fn pieces() -> &'static [Piece] {
    PIECES
}

/// What a dotted name without `torch.` stands for: `nn.Linear`, `F.linear`, `hstack`.
pub fn dotted(name: &str) -> Option<Export> {
    find(DOTTED, name)
}

/// A builtin of Python's that is written in `.tg`.
pub fn builtin(name: &str) -> Option<Export> {
    find(BUILTINS, name)
}

/// A tensor method that is written in `.tg`.
pub fn tensor_method(name: &str) -> Option<Export> {
    find(TENSOR, name)
}

/// What the same file defines by that name.
pub fn in_file(path: &str, name: &str) -> Option<Export> {
    let first = PIECES.partition_point(|piece| piece.path < path);
    let mut own = PIECES[first..]
        .iter()
        .take_while(|piece| piece.path == path);
    let nth = own.position(|piece| piece.name == name)?;
    Some(export(first + nth))
}

/// What a file of the namespace means by `_name`.
pub fn private(namespace: &str, name: &str) -> Option<Export> {
    dotted(&join(namespace, name))
        .or_else(|| builtin(name))
        .or_else(|| tensor_method(name))
}

/// All public dotted names and builtins, sorted.
pub fn names() -> impl Iterator<Item = &'static str> {
    let names = DOTTED.iter().chain(BUILTINS).map(|(name, _)| *name);
    names.filter(|name| !is_private(name))
}

/// The names of all tensor methods, sorted.
pub fn tensor_methods() -> impl Iterator<Item = &'static str> {
    let names = TENSOR.iter().map(|(name, _)| *name);
    names.filter(|name| !is_private(name))
}

fn find(table: &[(&str, usize)], name: &str) -> Option<Export> {
    let at = table.binary_search_by_key(&name, |(known, _)| known).ok()?;
    Some(export(table[at].1))
}

fn export(piece: usize) -> Export {
    let name = PIECES[piece].name;
    Export { piece, name }
}

fn is_private(dotted: &str) -> bool {
    let last = dotted.rsplit('.').next();
    last.is_some_and(|name| name.starts_with('_'))
}

impl Piece {
    /// Its text, without the methods that are not reached.
    pub fn text(&self, reach: &Reach) -> String {
        let members = self.members.iter();
        let reached = members.filter(|member| reach.is_reached(member));
        let texts = reached.map(|member| member.text);
        [self.head]
            .into_iter()
            .chain(texts)
            .chain([self.tail])
            .collect()
    }

    /// The names of all its methods, reached or not.
    pub fn methods(&self) -> impl Iterator<Item = &'static str> {
        self.members.iter().map(|member| NAMES[member.name])
    }
}
