//! `gradlint`: finds, before a PyTorch training script runs, the gradients that it will never get.
//!
//! ```text
//!  .tg ─ syntax (logos, lalrpop) ─ front/tg ────┐                       ┌─ analysis ─ facts ─ lints ─┐
//!                                               ├─ ir (petgraph CFG) ───┤                            ├─ confirm ─ render ─ driver ─ main
//!  .py ─ ruff_python_parser ────── front/python ┘        │              └─ interp ── outcome ────────┘
//!                                                   ops + prelude
//! ```
//!
//! The rooms, in the order in which they may use each other (downward only):

// What everything stands on.
pub mod diagnostic;
pub mod index;
pub mod operator;
pub mod source;
pub mod symbol;

// The operator table, and the library written in the language itself.
pub mod ops;
pub mod prelude;

// Text, tree, representation.
pub mod syntax;

pub mod ir;

pub mod front;

pub mod emit;

// The two machines. They meet only in `ir` and `ops`.
pub mod dataflow;

pub mod analysis;

pub mod interp;

// Findings.
pub mod lint;

pub mod lints;
