//! The concrete machine: values, the tape, version counters, gradients, bounds.

pub mod outcome;
