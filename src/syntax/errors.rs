//! Where the lexer, the layout and the parser put their messages: a bounded list.

use crate::diagnostic::Diagnostic;

/// How many messages one file gives; the rest are counted.
pub const MAX_ERRORS: usize = 100;

/// The messages of one file.
#[derive(Default)]
pub struct Errors {
    list: Vec<Diagnostic>,
    more: usize,
}

impl Errors {
    /// Adds a message, or counts it where there are too many.
    pub fn push(&mut self, error: Diagnostic) {
        match self.list.len() < MAX_ERRORS {
            true => self.list.push(error),
            false => self.more += 1,
        }
    }

    /// The messages by place, and how many more there were.
    pub fn finish(mut self) -> Vec<Diagnostic> {
        self.list.sort_by_key(|error| (error.primary.span.start, error.primary.span.end));
        if let (Some(last), true) = (self.list.last(), self.more > 0) {
            let plural = if self.more == 1 { "" } else { "s" };
            let message = format!("and {} more error{plural}", self.more);
            self.list.push(Diagnostic::error(last.primary.span, message));
        }
        self.list
    }
}
