//! Statements but for the larger ones.

use super::function_builder::Way;
use super::unit::UnitLowerer;
use crate::ir::*;
use crate::ops::Exception;
use crate::source::Span;
use crate::syntax::ast::{self, ExprId, ExprKind, Stmt, StmtKind};

impl UnitLowerer<'_, '_, '_> {
    /// The statements of a block.
    pub fn block(&mut self, block: &ast::Block) {
        for stmt in &block.stmts {
            let mark = self.f().mark();
            self.stmt(stmt);
            self.f().release(mark);
        }
    }

    fn stmt(&mut self, stmt: &Stmt) {
        let span = stmt.span;
        match &stmt.kind {
            StmtKind::Expr(value) => self.discard(*value),
            StmtKind::Assign { targets, value } => self.assignment(targets, *value, span),
            StmtKind::Annotated { target, ty, value } => self.annotated(*target, ty, *value, span),
            StmtKind::AugAssign { target, op, value } => self.augmented(*target, *op, *value, span),
            StmtKind::If { arms, otherwise } => self.if_stmt(arms, otherwise.as_ref(), span),
            StmtKind::While {
                condition,
                body,
                otherwise,
            } => self.while_stmt(*condition, body, otherwise.as_ref(), span),
            StmtKind::For {
                target,
                iterable,
                body,
                otherwise,
            } => self.for_stmt(*target, *iterable, body, otherwise.as_ref(), span),
            StmtKind::With { items, body } => self.with_stmt(items, body, span),
            StmtKind::Try { .. } => self.try_stmt(stmt),
            StmtKind::Function(def) => self.function_def(def, span),
            StmtKind::Class(def) => self.class_def(def, span),
            StmtKind::Return(value) => self.return_stmt(*value, span),
            StmtKind::Raise(value) => self.raise_stmt(*value, span),
            StmtKind::Assert { condition, message } => self.assert_stmt(*condition, *message, span),
            StmtKind::Del(targets) => targets.iter().for_each(|target| self.delete(*target, span)),
            StmtKind::Break => self.leave_loop(Way::Break, span),
            StmtKind::Continue => self.leave_loop(Way::Continue, span),
            StmtKind::Global(_) | StmtKind::Nonlocal(_) => self.check_declaration(stmt),
            StmtKind::Error | StmtKind::Pass => {}
        }
    }

    fn discard(&mut self, value: ExprId) {
        let operand = self.expr(value);
        // A constant alone (a docstring) has no meaning.
        if !matches!(operand, Operand::Const(_)) {
            self.effect(InstrKind::Discard(operand), self.module[value].span);
        }
    }

    fn check_declaration(&mut self, stmt: &Stmt) {
        let StmtKind::Nonlocal(names) = &stmt.kind else {
            return;
        };
        for name in names {
            if self.variable(name.symbol).is_some() {
                continue;
            }
            let message = format!("no function around this binds `{}`", name.symbol);
            self.low
                .error(crate::diagnostic::Diagnostic::error(name.span, message));
        }
    }

    fn raise_stmt(&mut self, value: Option<ExprId>, span: Span) {
        let value = match (value, self.function().handling.last()) {
            (Some(value), _) => self.expr(value),
            (None, Some(exception)) => Operand::Reg(*exception),
            (None, None) => self.exception(
                Exception::RuntimeError,
                Operand::string("No active exception to reraise".into()),
                span,
            ),
        };
        self.f().end(Terminator::Raise(value), span);
    }

    /// An exception of one of Python's types.
    fn exception(&mut self, exception: Exception, message: Operand, span: Span) -> Operand {
        let callee = self.emit(
            InstrKind::Builtin(Builtin::Exception(exception)),
            span,
            None,
        );
        let args = Box::new([CallArg {
            kind: CallArgKind::Positional,
            value: message,
        }]);
        self.emit(InstrKind::Call { callee, args }, span, None)
    }

    fn assert_stmt(&mut self, condition: ExprId, message: Option<ExprId>, span: Span) {
        let (holds, fails) = (self.f().block(span), self.f().block(span));
        self.condition(condition, holds, fails);
        self.f().start(fails);
        let raised = match message {
            Some(message) => {
                let message = self.expr(message);
                self.exception(Exception::AssertionError, message, span)
            }
            None => self.emit(
                InstrKind::Builtin(Builtin::Exception(Exception::AssertionError)),
                span,
                None,
            ),
        };
        self.f().end(Terminator::Raise(raised), span);
        self.f().start(holds);
    }

    fn delete(&mut self, target: ExprId, span: Span) {
        let module = self.module;
        match &module[target].kind {
            ExprKind::Name(name) => {
                if let Some(reg) = self.variable(*name) {
                    self.effect(InstrKind::Delete(reg), span);
                }
            }
            ExprKind::Attribute(object, name) => {
                let object = self.expr(*object);
                self.demand(*name);
                self.effect(InstrKind::DelAttr(object, name.symbol), span);
            }
            ExprKind::Subscript(object, index) => {
                let (object, index) = (self.expr(*object), self.expr(*index));
                self.effect(InstrKind::DelItem(object, index), span);
            }
            ExprKind::Tuple(parts) | ExprKind::List(parts) => {
                parts.iter().for_each(|part| self.delete(*part, span))
            }
            _ => {}
        }
    }
}
