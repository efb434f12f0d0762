//! Comprehensions: loops in place, with variables of their own.

use super::unit::UnitLowerer;
use crate::ir::*;
use crate::source::Span;
use crate::syntax::ast::{CompClause, ExprId, ExprKind};

impl UnitLowerer<'_, '_, '_> {
    /// The list or dict that a comprehension makes.
    pub fn comprehension(&mut self, id: ExprId) -> Operand {
        let module = self.module;
        let span = module[id].span;
        let (kind, clauses, key, value) = match &module[id].kind {
            ExprKind::ListComp { element, clauses } => {
                (InstrKind::List(Box::new([])), clauses, None, *element)
            }
            ExprKind::DictComp {
                key,
                value,
                clauses,
            } => (InstrKind::Dict(Box::new([])), clauses, Some(*key), *value),
            _ => return self.emit(InstrKind::Unknown, span, None),
        };
        let Some(first) = clauses.first() else {
            return self.emit(InstrKind::Unknown, span, None);
        };
        let iterable = self.expr(first.iterable);
        let result = self.emit(kind, span, None);
        let outer = std::mem::replace(&mut self.scope, self.scopes.expr(id));
        // Each run has variables of its own: functions made in one share no cell with those of another.
        self.declare_locals(self.scope, span);
        let nexts = self.clauses(clauses, iterable, span);
        self.add(&result, key, value, span);
        self.close(&nexts, span);
        self.scope = outer;
        result
    }

    /// The loops' heads; returns where each goes on, and where when it is done.
    fn clauses(
        &mut self,
        clauses: &[CompClause],
        iterable: Operand,
        span: Span,
    ) -> Vec<(BlockId, BlockId)> {
        let mut first = Some(iterable);
        let mut nexts = Vec::with_capacity(clauses.len());
        for clause in clauses {
            let iterable = first.take().unwrap_or_else(|| self.expr(clause.iterable));
            let iterable_span = self.module[clause.iterable].span;
            let iterator = self.emit(InstrKind::Iter(iterable), iterable_span, None);
            let [head, body, done] = [(); 3].map(|()| self.f().block(span));
            self.f().goto(head, span);
            self.f().start(head);
            self.next(iterator, clause.target, body, done, iterable_span);
            for condition in &clause.conditions {
                let more = self.f().block(span);
                self.condition(*condition, more, head);
                self.f().start(more);
            }
            nexts.push((head, done));
        }
        nexts
    }

    fn add(&mut self, result: &Operand, key: Option<ExprId>, value: ExprId, span: Span) {
        let key = key.map(|key| self.expr(key));
        let value = self.expr(value);
        let result = result.clone();
        self.effect(
            match key {
                Some(key) => InstrKind::Insert {
                    dict: result,
                    key,
                    value,
                },
                None => InstrKind::Append {
                    list: result,
                    value,
                },
            },
            span,
        );
    }

    fn close(&mut self, nexts: &[(BlockId, BlockId)], span: Span) {
        for (head, done) in nexts.iter().rev() {
            self.f().goto(*head, span);
            self.f().start(*done);
        }
    }

    /// Takes the next value of an iterator into a target, and goes on in `body`.
    pub fn next(
        &mut self,
        iterator: Operand,
        target: ExprId,
        body: BlockId,
        done: BlockId,
        span: Span,
    ) {
        let module = self.module;
        let direct = match &module[target].kind {
            ExprKind::Name(name) => self.plain_variable(*name),
            _ => None,
        };
        let dest = direct.unwrap_or_else(|| self.f().temporary());
        self.f().end(
            Terminator::Next {
                iterator,
                dest,
                body,
                done,
            },
            span,
        );
        self.f().start(body);
        if direct.is_none() {
            self.assign(target, Operand::Reg(dest), module[target].span);
        }
    }
}
