//! The rows of the table, by kind.

pub mod activation;
pub mod binary;
pub mod compare;
pub mod factory;
pub mod logical;
pub mod reduce;
pub mod ternary;
pub mod unary;

use super::row::OpRow;

/// All files of rows, in the order of the table.
pub const FILES: &[&[OpRow]] = &[
    factory::ROWS,
    unary::ROWS,
    activation::ROWS,
    binary::ROWS,
    ternary::ROWS,
    compare::ROWS,
    compare::WHOLE,
    logical::ROWS,
    reduce::ROWS,
];
