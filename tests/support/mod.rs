//! What the tests of the whole tool share.

#![allow(
    dead_code,
    missing_docs,
    reason = "each test binary uses its own part of this"
)]

pub mod against_confirm;
pub mod against_interp;
pub mod against_lint;
pub mod generate;
pub mod lines;
pub mod machines;
pub mod printed;
pub mod program_generator;
pub mod recorded;
pub mod source;
