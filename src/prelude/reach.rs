//! What of the library a program may reach, told by names: a method is called only by what names it. Names are taken
//! from anywhere in a text, so this reaches too much rather than too little.

use super::{Member, NAMED, NAMES, PIECES, words};

/// The definitions and methods that may be reached, as far as is known by now.
#[derive(Debug)]
pub struct Reach {
    pieces: Vec<bool>,
    names: Vec<bool>,
    is_everything: bool,
    has_grown: bool,
}

impl Reach {
    /// Nothing yet.
    pub fn nothing() -> Reach {
        Reach {
            pieces: vec![false; PIECES.len()],
            names: vec![false; NAMES.len()],
            is_everything: false,
            has_grown: false,
        }
    }

    /// All of the library: for a program that computes names.
    pub fn everything() -> Reach {
        Reach {
            is_everything: true,
            ..Reach::nothing()
        }
    }

    /// A text names these.
    pub fn mention_words(&mut self, text: &str) {
        words(text).for_each(|word| self.mention(word));
    }

    /// A text has a name.
    pub fn mention(&mut self, name: &str) {
        if let Ok(number) = NAMES.binary_search(&name) {
            self.follow(vec![number]);
        }
    }

    /// The definition is used, by a name in the text or without one.
    pub fn enter(&mut self, piece: usize) {
        let mut work = Vec::new();
        self.enter_piece(piece, &mut work);
        self.follow(work);
    }

    /// Whether a method was reached of a definition that had been entered before.
    pub fn has_grown(&self) -> bool {
        self.has_grown && !self.is_everything
    }

    /// What grows from now on comes late: see [`has_grown`](Self::has_grown).
    pub fn settle(&mut self) {
        self.has_grown = false;
    }

    pub(super) fn is_reached(&self, member: &Member) -> bool {
        self.is_everything || member.is_called_unnamed || self.names[member.name]
    }

    fn follow(&mut self, mut work: Vec<usize>) {
        while let Some(number) = work.pop() {
            if std::mem::replace(&mut self.names[number], true) {
                continue;
            }
            for &(piece, member) in NAMED[number].members {
                if self.pieces[piece] {
                    self.has_grown = true;
                    work.extend(PIECES[piece].members[member].mentions);
                }
            }
            for &piece in NAMED[number].pieces {
                self.enter_piece(piece, &mut work);
            }
        }
    }

    fn enter_piece(&mut self, nth: usize, work: &mut Vec<usize>) {
        if std::mem::replace(&mut self.pieces[nth], true) {
            return;
        }
        let piece = &PIECES[nth];
        work.extend(piece.mentions);
        let reached = piece
            .members
            .iter()
            .filter(|member| member.is_called_unnamed || self.names[member.name]);
        work.extend(reached.flat_map(|member| member.mentions));
    }
}
