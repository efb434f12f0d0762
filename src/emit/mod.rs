//! Other forms of a program, written from its syntax tree.

pub mod python;
