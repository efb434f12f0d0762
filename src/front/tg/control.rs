//! Branches, loops, and the ways out of them.

use super::function_builder::{Around, Way};
use super::unit::UnitLowerer;
use crate::diagnostic::Diagnostic;
use crate::ir::*;
use crate::source::Span;
use crate::syntax::ast::{Block, ExprId};

impl UnitLowerer<'_, '_, '_> {
    /// `if … else if … else`
    pub fn if_stmt(&mut self, arms: &[(ExprId, Block)], otherwise: Option<&Block>, span: Span) {
        let done = self.f().block(span);
        for (condition, body) in arms {
            let (then, next) = (self.f().block(span), self.f().block(span));
            self.condition(*condition, then, next);
            self.f().start(then);
            self.block(body);
            self.f().goto(done, span);
            self.f().start(next);
        }
        otherwise.into_iter().for_each(|body| self.block(body));
        self.f().goto(done, span);
        self.f().start(done);
    }

    /// `while … else`
    pub fn while_stmt(
        &mut self,
        condition: ExprId,
        body: &Block,
        otherwise: Option<&Block>,
        span: Span,
    ) {
        let [head, inside, exhausted, done] = [(); 4].map(|()| self.f().block(span));
        self.f().goto(head, span);
        self.f().start(head);
        self.condition(condition, inside, exhausted);
        self.f().start(inside);
        self.loop_body(body, head, done, span);
        self.f().start(exhausted);
        otherwise.into_iter().for_each(|body| self.block(body));
        self.f().goto(done, span);
        self.f().start(done);
    }

    /// `for … in … else`
    pub fn for_stmt(
        &mut self,
        target: ExprId,
        iterable: ExprId,
        body: &Block,
        otherwise: Option<&Block>,
        span: Span,
    ) {
        let iterable_span = self.module[iterable].span;
        let iterator = self.f().temporary();
        let mark = self.f().mark();
        let iterable = self.expr(iterable);
        self.emit(InstrKind::Iter(iterable), iterable_span, Some(iterator));
        self.f().release(mark);
        let [head, inside, exhausted, done] = [(); 4].map(|()| self.f().block(span));
        self.f().goto(head, span);
        self.f().start(head);
        self.next(
            Operand::Reg(iterator),
            target,
            inside,
            exhausted,
            iterable_span,
        );
        self.loop_body(body, head, done, span);
        self.f().start(exhausted);
        otherwise.into_iter().for_each(|body| self.block(body));
        self.f().goto(done, span);
        self.f().start(done);
    }

    fn loop_body(&mut self, body: &Block, head: BlockId, done: BlockId, span: Span) {
        self.f().around.push(Around::Loop { done, next: head });
        self.block(body);
        self.f().around.pop();
        self.f().goto(head, span);
    }

    /// `return e`
    pub fn return_stmt(&mut self, value: Option<ExprId>, span: Span) {
        if self.function().scope == self.scopes.module() {
            self.low
                .error(Diagnostic::error(span, "`return` outside of a function"));
            return;
        }
        let value = value.map_or(Operand::Const(Const::None), |value| self.expr(value));
        self.leave(Way::Return, value, span);
    }

    /// `break`, `continue`
    pub fn leave_loop(&mut self, way: Way, span: Span) {
        if !self
            .function()
            .around
            .iter()
            .any(|around| matches!(around, Around::Loop { .. }))
        {
            let word = if way == Way::Break {
                "break"
            } else {
                "continue"
            };
            self.low.error(Diagnostic::error(
                span,
                format!("`{word}` outside of a loop"),
            ));
            return;
        }
        self.leave(way, Operand::Const(Const::None), span);
    }

    /// Goes out by way of the constructs around: to the nearest `finally` or `with`, whose end goes on from there.
    pub fn leave(&mut self, way: Way, value: Operand, span: Span) {
        let mut unbound = Vec::new();
        let f = self.f();
        for around in f.around.iter_mut().rev() {
            match around {
                Around::Caught(reg) => unbound.push(*reg),
                Around::Loop { done, next } if way != Way::Return => {
                    let target = if way == Way::Break { *done } else { *next };
                    self.unbind(&unbound, span);
                    self.f().end(Terminator::Goto(target), span);
                    return;
                }
                Around::Loop { .. } => {}
                Around::Cleanup(cleanup) => {
                    let nth = cleanup
                        .ways
                        .iter()
                        .position(|known| *known == way)
                        .unwrap_or(cleanup.ways.len());
                    if nth == cleanup.ways.len() {
                        cleanup.ways.push(way);
                    }
                    let (block, how, result) = (cleanup.block, cleanup.how, cleanup.value);
                    if way == Way::Return {
                        self.copy(result, value, span);
                    }
                    self.unbind(&unbound, span);
                    self.copy(how, Operand::Const(Const::Int(nth as i64 + 2)), span);
                    self.f().end(Terminator::Goto(block), span);
                    return;
                }
            }
        }
        self.f().end(Terminator::Return(value), span);
    }

    /// Unbinds the names of exceptions that are caught no more. As in Python, one that is not bound any more is no mistake.
    pub(super) fn unbind(&mut self, regs: &[Reg], span: Span) {
        for &reg in regs {
            let none = Operand::Const(Const::None);
            match self.function().is_cell(reg) {
                true => self.effect(
                    InstrKind::StoreCell {
                        cell: reg,
                        value: none,
                    },
                    span,
                ),
                false => self.copy(reg, none, span),
            }
            self.effect(InstrKind::Delete(reg), span);
        }
    }
}
