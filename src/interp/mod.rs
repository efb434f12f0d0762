//! The concrete machine: values, the tape, version counters, gradients, bounds.
//!
//! Not there yet: [`run`] says so for every program, and nothing is concluded from it (`confirmed` stays null).

pub mod outcome;

use crate::ir::Program;
use crate::source::{SourceMap, Span};
use outcome::{Ending, Outcome, RunOptions};

/// Runs a program. For now every program ends as unsupported.
pub fn run(_program: &Program, sources: &SourceMap, _options: &RunOptions) -> Outcome {
    let ending = Ending::Unsupported {
        what: "running programs: the interpreter is not available yet".into(),
        span: Span::new(sources.first(), 0, 0),
    };
    Outcome {
        ending,
        warnings: Vec::new(),
        output: String::new(),
        tensors: Vec::new(),
        observations: Vec::new(),
    }
}
