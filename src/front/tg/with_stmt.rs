//! `with`: like a `try` whose `finally` is the manager's exit, but for a raise, which the manager may swallow.

use super::try_stmt::Entered;
use super::unit::UnitLowerer;
use crate::ir::*;
use crate::source::Span;
use crate::syntax::ast::{Block, WithItem};

impl UnitLowerer<'_, '_, '_> {
    /// `with a() as x, b() { }`
    pub fn with_stmt(&mut self, items: &[WithItem], body: &Block, span: Span) {
        let Some((item, rest)) = items.split_first() else {
            return self.block(body);
        };
        let manager_span = self.module[item.manager].span;
        let manager = self.manager(item);
        let entered = self.emit(InstrKind::Enter(manager.clone()), manager_span, None);
        let raised = self.f().block(span);
        let exception = self.f().temporary();
        let handler = Handler {
            block: raised,
            exception,
        };
        let Entered { cleanup, normal } = self.cleanup(handler, None, span, |this| {
            if let Some(target) = item.target {
                this.assign(target, entered, span);
            }
            this.with_stmt(rest, body, span);
        });
        let behind = self.f().block(span);
        self.f().start(raised);
        self.exit_raised(manager.clone(), exception, behind, manager_span);
        self.f().start(cleanup.block);
        let exit = InstrKind::Exit {
            manager,
            exception: Operand::Const(Const::None),
        };
        self.emit(exit, manager_span, None);
        self.dispatch(&cleanup, normal, None, span);
        self.f().goto(behind, span);
        self.f().start(behind);
    }

    /// The manager in a register of its own: the body may bind the variable it came from anew.
    fn manager(&mut self, item: &WithItem) -> Operand {
        let span = self.module[item.manager].span;
        match self.expr(item.manager) {
            Operand::Reg(reg) if self.function().is_temporary(reg) => Operand::Reg(reg),
            value => self.emit(InstrKind::Copy(value), span, None),
        }
    }

    fn exit_raised(&mut self, manager: Operand, exception: Reg, behind: BlockId, span: Span) {
        let exit = InstrKind::Exit {
            manager,
            exception: Operand::Reg(exception),
        };
        let swallowed = self.emit(exit, span, None);
        let again = self.f().block(span);
        self.branch(swallowed, behind, again, span);
        self.f().start(again);
        self.f()
            .end(Terminator::Raise(Operand::Reg(exception)), span);
    }
}
