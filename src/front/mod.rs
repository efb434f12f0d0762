//! The front ends: syntax trees to the intermediate representation. Each is the only user of its tree.
//!
//! # How `finally` and `with` are lowered
//! The blocks of the body name a handler. Every other way out of the body (its end, `return`, `break`, `continue`)
//! puts its number into a register and goes to the one copy of the `finally` code, which ends with branches on that
//! register. So the code is linear in the nesting.

pub mod python;
pub mod tg;
