//! Classes: the members are evaluated in order, then the class is made of them.

use super::scope::CLASS_CELL;
use super::unit::UnitLowerer;
use crate::ir::*;
use crate::source::Span;
use crate::symbol::Symbol;
use crate::syntax::ast::ClassDef;

impl UnitLowerer<'_, '_, '_> {
    /// `class C(Base) { }`
    pub fn class_def(&mut self, def: &ClassDef, span: Span) {
        let decorators: Vec<Operand> = def
            .decorators
            .iter()
            .map(|decorator| self.expr(*decorator))
            .collect();
        let bases: Box<[Operand]> = def.bases.iter().map(|base| self.expr(*base)).collect();
        let span = Span {
            end: def.body.span.start.max(def.name.span.end),
            ..span
        };
        let scope = self.scopes.definition(def.name);
        let path = self.path_of(self.scope, def.name.symbol);
        if self.in_class() {
            self.low.attributes.define(def.name.symbol);
        }
        let outer = std::mem::replace(&mut self.scope, scope);
        self.class_path.push((scope, path));
        let cell = self.class_cell(span);
        self.declare_locals(scope, span);
        self.block(&def.body);
        let members = self.members();
        self.class_path.pop();
        self.scope = outer;
        let class = self.emit(
            InstrKind::MakeClass {
                name: def.name.symbol,
                bases,
                members,
            },
            span,
            None,
        );
        if let Some(cell) = cell {
            self.effect(
                InstrKind::StoreCell {
                    cell,
                    value: class.clone(),
                },
                span,
            );
        }
        let value = self.decorate(decorators, &def.decorators, class);
        self.store_name(def.name.symbol, value, span);
    }

    /// The hidden variable for `super()`, if a method uses it.
    fn class_cell(&mut self, span: Span) -> Option<Reg> {
        let name = Symbol::intern(CLASS_CELL);
        let scope = self.scope;
        let used = self.scopes[scope]
            .names
            .get(&name)
            .is_some_and(|binding| binding.cell);
        used.then(|| {
            let reg = self.f().variable(scope, name, true);
            self.f().push(Instr {
                dest: Some(reg),
                kind: InstrKind::MakeCell(None),
                span,
            });
            reg
        })
    }

    fn members(&mut self) -> Box<[(Symbol, Operand)]> {
        let scope = self.scope;
        let order = self.scopes[scope].order.clone();
        let mut members = Vec::with_capacity(order.len());
        for name in order {
            self.low.attributes.define(name);
            if let Some(&reg) = self.function().vars.get(&(scope, name)) {
                members.push((name, Operand::Reg(reg)));
            }
        }
        members.into()
    }
}
