//! Groups operators that the grammar gives as a flat list, `a + b * c - d`, by how tightly they bind. All of them
//! group to the left.

use super::ast::*;
use super::builder::Builder;
use super::level;

/// An operand and its range of the source, parentheses included.
pub struct Operand {
    /// Where it begins.
    pub start: u32,
    /// The operand.
    pub e: ExprId,
    /// Where it ends.
    pub end: u32,
}

/// An operator, its level, and the operand to its left, that wait for the operand to the right.
struct Waiting<Op> {
    left: Operand,
    op: Op,
    level: u8,
}

impl Builder<'_> {
    /// `a + b * c`
    pub fn binary(&mut self, first: Operand, rest: Vec<(BinaryOp, Operand)>) -> ExprId {
        self.group(first, rest, level::of_binary, ExprKind::Binary)
    }

    /// `a or b and c`
    pub fn logical(&mut self, first: Operand, rest: Vec<(BoolOp, Operand)>) -> ExprId {
        self.group(first, rest, level::of_logical, ExprKind::Logical)
    }

    /// Each operator waits until one comes that binds no tighter; there are never more waiting than levels.
    fn group<Op: Copy>(
        &mut self,
        first: Operand,
        rest: Vec<(Op, Operand)>,
        level_of: fn(Op) -> u8,
        node: fn(Op, ExprId, ExprId) -> ExprKind,
    ) -> ExprId {
        let mut waiting: Vec<Waiting<Op>> = Vec::new();
        let mut right = first;
        for (op, next) in rest {
            let level = level_of(op);
            while let Some(done) = waiting.pop_if(|before| before.level >= level) {
                right = self.join(done, right, node);
            }
            let left = std::mem::replace(&mut right, next);
            waiting.push(Waiting { left, op, level });
        }
        while let Some(done) = waiting.pop() {
            right = self.join(done, right, node);
        }
        right.e
    }

    fn join<Op>(
        &mut self,
        Waiting { left, op, .. }: Waiting<Op>,
        right: Operand,
        node: fn(Op, ExprId, ExprId) -> ExprKind,
    ) -> Operand {
        let (start, end) = (left.start, right.end);
        let e = self.expr(start, node(op, left.e, right.e), end);
        Operand { start, e, end }
    }
}
