//! How tightly each kind of expression binds: the levels of the grammar, which are Python's. The builder groups
//! operators by them; the printer puts parentheses around what binds less tightly than its place wants.

use super::ast::{BinaryOp, BoolOp};

/// `lambda`, `a if c else b`, and everything in a list.
pub const EXPR: u8 = 1;
pub const OR: u8 = 2;
pub const AND: u8 = 3;
pub const NOT: u8 = 4;
pub const COMPARE: u8 = 5;
pub const BIT_OR: u8 = 6;
pub const BIT_XOR: u8 = 7;
pub const BIT_AND: u8 = 8;
pub const SHIFT: u8 = 9;
pub const SUM: u8 = 10;
pub const PRODUCT: u8 = 11;
pub const UNARY: u8 = 12;
pub const POWER: u8 = 13;
pub const PRIMARY: u8 = 14;

/// The level of `a op b`.
pub fn of_binary(op: BinaryOp) -> u8 {
    match op {
        BinaryOp::Or => BIT_OR,
        BinaryOp::Xor => BIT_XOR,
        BinaryOp::And => BIT_AND,
        BinaryOp::Shl | BinaryOp::Shr => SHIFT,
        BinaryOp::Add | BinaryOp::Sub => SUM,
        BinaryOp::Mul | BinaryOp::Div | BinaryOp::FloorDiv | BinaryOp::Mod | BinaryOp::MatMul => {
            PRODUCT
        }
        BinaryOp::Pow => POWER,
    }
}

/// The level of `a and b`, `a or b`.
pub fn of_logical(op: BoolOp) -> u8 {
    match op {
        BoolOp::Or => OR,
        BoolOp::And => AND,
    }
}
