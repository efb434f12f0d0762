//! `try`: handlers, and the one copy of the `finally` code.

use super::function_builder::{Around, Cleanup, Way};
use super::unit::UnitLowerer;
use crate::ir::*;
use crate::operator::CompareOp;
use crate::source::Span;
use crate::syntax::ast::{self, Catch, Stmt, StmtKind};

/// The ways that lead into a cleanup, when its body has been lowered.
pub struct Entered {
    /// Its block and registers, and the ways out that go through it.
    pub cleanup: Cleanup,
    /// Whether the body's end is reached.
    pub normal: bool,
}

impl UnitLowerer<'_, '_, '_> {
    /// `try … catch … else … finally`
    pub fn try_stmt(&mut self, stmt: &Stmt) {
        let StmtKind::Try {
            body,
            handlers,
            otherwise,
            finally,
        } = &stmt.kind
        else {
            return;
        };
        let span = stmt.span;
        match finally {
            Some(finally) => self.finally(finally, span, |this| {
                this.try_catch(body, handlers, otherwise.as_ref(), span)
            }),
            None => self.try_catch(body, handlers, otherwise.as_ref(), span),
        }
    }

    fn finally(&mut self, finally: &ast::Block, span: Span, body: impl FnOnce(&mut Self)) {
        let raised = self.f().block(span);
        let exception = self.f().temporary();
        let Entered { cleanup, normal } = self.cleanup(
            Handler {
                block: raised,
                exception,
            },
            Some(exception),
            span,
            body,
        );
        self.f().start(raised);
        self.copy(cleanup.how, Operand::Const(Const::Int(1)), span);
        self.f().goto(cleanup.block, span);
        self.f().start(cleanup.block);
        self.block(finally);
        self.dispatch(&cleanup, normal, Some(exception), span);
    }

    /// Lowers `body` so that every way out of it but a raise leads to the cleanup's block.
    pub fn cleanup(
        &mut self,
        handler: Handler,
        unset: Option<Reg>,
        span: Span,
        body: impl FnOnce(&mut Self),
    ) -> Entered {
        let f = self.f();
        let (how, value) = (f.temporary(), f.temporary());
        let block = f.block(span);
        let outer = f.handler.replace(handler);
        let inside = f.block(span);
        f.end(Terminator::Goto(inside), span);
        let before = f.current();
        f.start(inside);
        f.around.push(Around::Cleanup(Cleanup {
            block,
            how,
            value,
            ways: Vec::new(),
        }));
        body(self);
        let normal = !self.function().finished();
        let ways = match self.f().around.pop() {
            Some(Around::Cleanup(cleanup)) => cleanup.ways,
            _ => Vec::new(),
        };
        if normal {
            // Where nothing else leads to the block, nobody asks how.
            if unset.is_some() || !ways.is_empty() {
                self.copy(how, Operand::Const(Const::Int(0)), span);
            }
            self.f().goto(block, span);
        }
        self.f().handler = outer;
        let returns = ways.contains(&Way::Return);
        for reg in unset.into_iter().chain(returns.then_some(value)) {
            self.f().push_to(
                before,
                Instr {
                    dest: Some(reg),
                    kind: InstrKind::Copy(Operand::Const(Const::None)),
                    span,
                },
            );
        }
        Entered {
            cleanup: Cleanup {
                block,
                how,
                value,
                ways,
            },
            normal,
        }
    }

    /// At the end of a cleanup, goes on as the register says; ends in the block behind it.
    pub fn dispatch(
        &mut self,
        cleanup: &Cleanup,
        normal: bool,
        exception: Option<Reg>,
        span: Span,
    ) {
        let done = self.f().block(span);
        let mut codes: Vec<i64> = if normal { vec![0] } else { Vec::new() };
        codes.extend((0..cleanup.ways.len()).map(|nth| nth as i64 + 2));
        codes.extend(exception.map(|_| 1));
        if self.function().finished() {
            codes.clear();
        }
        for (nth, &code) in codes.iter().enumerate() {
            let next = self.f().block(span);
            if nth + 1 < codes.len() {
                let here = self.f().block(span);
                let compared = InstrKind::Compare(
                    CompareOp::Eq,
                    Operand::Reg(cleanup.how),
                    Operand::Const(Const::Int(code)),
                );
                let test = self.emit(compared, span, None);
                self.branch(test, here, next, span);
                self.f().start(here);
            }
            match (code, exception) {
                (0, _) => self.f().goto(done, span),
                (1, Some(exception)) => self
                    .f()
                    .end(Terminator::Raise(Operand::Reg(exception)), span),
                _ => self.leave(
                    cleanup.ways[code as usize - 2],
                    Operand::Reg(cleanup.value),
                    span,
                ),
            }
            self.f().start(next);
        }
        self.f().start(done);
        if !normal {
            // Nothing leads here; what follows is lowered for its mistakes only.
            self.f().end(Terminator::Unreachable, span);
        }
    }

    fn try_catch(
        &mut self,
        body: &ast::Block,
        handlers: &[Catch],
        otherwise: Option<&ast::Block>,
        span: Span,
    ) {
        if handlers.is_empty() {
            self.block(body);
            otherwise.into_iter().for_each(|block| self.block(block));
            return;
        }
        let exception = self.f().temporary();
        let (caught, done) = (self.f().block(span), self.f().block(span));
        let outer = self.f().handler.replace(Handler {
            block: caught,
            exception,
        });
        let inside = self.f().block(span);
        self.f().goto(inside, span);
        self.f().start(inside);
        self.block(body);
        self.f().handler = outer;
        if !self.function().finished() {
            let behind = self.f().block(span);
            self.f().goto(behind, span);
            self.f().start(behind);
            otherwise.into_iter().for_each(|block| self.block(block));
            self.f().goto(done, span);
        }
        self.f().start(caught);
        handlers
            .iter()
            .for_each(|handler| self.catch(handler, exception, done));
        if handlers.iter().all(|handler| handler.exception.is_some()) {
            self.f()
                .end(Terminator::Raise(Operand::Reg(exception)), span);
        }
        self.f().start(done);
    }

    /// One handler; ends in the block of those that do not match.
    fn catch(&mut self, handler: &Catch, exception: Reg, done: BlockId) {
        let span = handler.span;
        let (body, next) = (self.f().block(span), self.f().block(span));
        match handler.exception {
            Some(class) => {
                let class_span = self.module[class].span;
                let class = self.expr(class);
                let matches = InstrKind::ExceptionMatches {
                    exception: Operand::Reg(exception),
                    class,
                };
                let matches = self.emit(matches, class_span, None);
                self.branch(matches, body, next, class_span);
            }
            None => self.f().goto(body, span),
        }
        self.f().start(body);
        let variable = handler.name.and_then(|name| {
            self.store_name(name.symbol, Operand::Reg(exception), name.span);
            self.variable(name.symbol)
        });
        self.f().handling.push(exception);
        self.f().around.extend(variable.map(Around::Caught));
        self.block(&handler.body);
        if let Some(variable) = variable {
            self.f().around.pop();
            if !self.function().finished() {
                self.unbind(&[variable], span);
            }
        }
        self.f().handling.pop();
        self.f().goto(done, span);
        self.f().start(next);
    }
}
