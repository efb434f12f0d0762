//! What was found, as text: for people, for line-oriented tools, and as JSON. Nothing here decides anything.

pub mod concise;
pub mod human;
pub mod json;
pub mod outcome;
pub mod rules;

use crate::diagnostic::Severity;
use crate::lint::Certainty;

/// What became of a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Status {
    /// It was analyzed.
    Ok,
    /// It is not a program.
    SyntaxError,
    /// It could not be read, and why.
    Unreadable(String),
    /// It was left out, and why.
    Skipped(String),
}

impl Status {
    /// The name of it in machine formats.
    pub fn name(&self) -> &'static str {
        match self {
            Status::Ok => "ok",
            Status::SyntaxError => "syntax-error",
            Status::Unreadable(_) => "unreadable",
            Status::Skipped(_) => "skipped",
        }
    }
    /// Why, where there is something to say.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Status::Unreadable(reason) | Status::Skipped(reason) => Some(reason),
            Status::Ok | Status::SyntaxError => None,
        }
    }
}

/// The name of a severity in every format.
pub fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "info",
    }
}

/// The name of a certainty in every format.
pub fn certainty(certainty: Certainty) -> &'static str {
    match certainty {
        Certainty::Always => "always",
        Certainty::Sometimes => "sometimes",
    }
}
