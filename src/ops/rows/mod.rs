//! The rows of the table, by kind.

pub mod binary;
pub mod factory;
pub mod reduce;
pub mod unary;

use super::row::OpRow;

/// All files of rows, in the order of the table.
pub const FILES: &[&[OpRow]] = &[factory::ROWS, unary::ROWS, binary::ROWS, reduce::ROWS];
