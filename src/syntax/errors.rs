//! Where the lexer, the layout and the parser put their messages: a bounded list.

use crate::diagnostic::Diagnostic;

/// How many messages one file gives. What follows is not parsed: finding out what would fit at each of a million
/// mistakes takes long and helps nobody.
pub const MAX_ERRORS: usize = 100;

/// The messages of one file.
#[derive(Default)]
pub struct Errors {
    list: Vec<Diagnostic>,
    more: bool,
}

impl Errors {
    /// Adds a message, unless there are too many.
    pub fn push(&mut self, error: Diagnostic) {
        match self.list.len() < MAX_ERRORS {
            true => self.list.push(error),
            false => self.more = true,
        }
    }

    /// Whether no more messages are taken; notes that there may be more.
    pub fn refuses(&mut self) -> bool {
        self.more |= self.list.len() == MAX_ERRORS;
        self.more
    }

    /// The messages by place; the last one says so if there were too many.
    pub fn finish(mut self) -> Vec<Diagnostic> {
        self.list
            .sort_by_key(|error| (error.primary.span.start, error.primary.span.end));
        if let (Some(last), true) = (self.list.last(), self.more) {
            let message = format!("too many errors: only the first {MAX_ERRORS} are shown");
            self.list
                .push(Diagnostic::error(last.primary.span, message));
        }
        self.list
    }
}
