//! Our own diagnostic: data only. `render` turns it into text; nothing here knows how it will be shown.

use crate::source::Span;

/// How much a diagnostic matters. The order is from least to most.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Severity {
    /// Worth knowing; never changes the exit status.
    Info,
    /// A gradient that is meant to exist will be none or wrong, or a failure on some path only.
    Warning,
    /// It will raise, or a gradient that the program goes on to use is none.
    Error,
}

/// A place with what there is to say about it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// What, in lower case and without a final stop.
    pub message: String,
}

/// A message about a text that is not a lint finding: a syntax error, an unknown name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// How much it matters.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// The place it is about, with what stands there.
    pub primary: Label,
    /// Other places that explain it.
    pub secondary: Vec<Label>,
    /// What to do, a line each.
    pub help: Vec<String>,
}

impl Diagnostic {
    /// An error at `span`.
    pub fn error(span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            message: message.into(),
            primary: Label {
                span,
                message: String::new(),
            },
            secondary: Vec::new(),
            help: Vec::new(),
        }
    }
    /// The same with a text at its place.
    pub fn with_label(mut self, message: impl Into<String>) -> Diagnostic {
        self.primary.message = message.into();
        self
    }
    /// The same with another line of help.
    pub fn with_help(mut self, help: impl Into<String>) -> Diagnostic {
        self.help.push(help.into());
        self
    }
}
