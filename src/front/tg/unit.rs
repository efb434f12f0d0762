//! One file: the state while it is lowered, and its body.

use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::Lowerer;
use super::function_builder::FunctionBuilder;
use super::names::Known;
use super::scope::{ScopeId, Scopes};
use super::signature::{self, Signature};
use crate::ir::*;
use crate::source::Span;
use crate::symbol::Symbol;
use crate::syntax::ast::Module;

/// A file that is being lowered.
pub struct UnitLowerer<'l, 'a, 'm> {
    /// The program.
    pub low: &'l mut Lowerer<'a>,
    /// The file's tree.
    pub module: &'m Module,
    /// Its scopes.
    pub scopes: Scopes,
    /// The scope of the current place.
    pub scope: ScopeId,
    /// The path of a file of the prelude; none for the user's.
    pub path: Option<&'static str>,
    /// What its functions and classes take.
    pub signatures: Rc<FxHashMap<Symbol, Signature>>,
    /// Its unit.
    pub unit: UnitId,
    /// The classes around the current place, with their names.
    pub class_path: Vec<(ScopeId, Rc<str>)>,
    functions: Vec<FunctionBuilder>,
}

impl<'l, 'a, 'm> UnitLowerer<'l, 'a, 'm> {
    /// Lowers a file into its unit.
    pub fn lower(
        low: &'l mut Lowerer<'a>,
        module: &'m Module,
        unit: UnitId,
        path: Option<&'static str>,
    ) {
        let is_imported = low.imported.contains(&unit);
        let scopes = Scopes::of(module, path.is_some() || is_imported);
        let scope = scopes.module();
        let signatures = Rc::new(signature::of_module(module));
        let mut lowerer = UnitLowerer {
            low,
            module,
            scopes,
            scope,
            path,
            signatures,
            unit,
            class_path: Vec::new(),
            functions: Vec::new(),
        };
        lowerer.body();
    }

    fn body(&mut self) {
        let span = self.module.body.span;
        self.functions
            .push(FunctionBuilder::new(self.scope, "<module>".into(), span));
        self.declare_locals(self.scope, span);
        self.bind_shadowed_builtins(span);
        let module = self.module;
        self.f().reserve(module.body.stmts.len());
        self.block(&module.body);
        self.f()
            .end(Terminator::Return(Operand::Const(Const::None)), span);
        let exports = self.exports();
        let body = self.finish_function(Symbol::intern("<module>"), Vec::new(), Vec::new(), span);
        let unit = &mut self.low.program.units[self.unit];
        (unit.body, unit.exports) = (body, exports);
    }

    /// Of a file of the prelude, and of one that is imported, all that it defines; of the program its entries.
    fn exports(&mut self) -> Vec<(Symbol, Reg)> {
        let scope = self.scope;
        let names = match self.path {
            None if !self.low.imported.contains(&self.unit) => self.module.entries.clone(),
            _ => self.scopes[scope].order.clone(),
        };
        names
            .into_iter()
            .filter_map(|name| Some((name, *self.f().vars.get(&(scope, name))?)))
            .collect()
    }

    /// A builtin of Python that the program also binds is the builtin until then; what is PyTorch's is not bound there.
    fn bind_shadowed_builtins(&mut self, span: Span) {
        if self.path.is_some() {
            return;
        }
        for name in self.scopes[self.scope].order.clone() {
            if self.scopes.used_early(name)
                && super::is_python_builtin(name.as_str())
                && let Some(known @ (Known::Builtin(_) | Known::Prelude(_))) =
                    self.low.known(None, name.as_str())
            {
                let value = self.builtin_value(known, span, None);
                self.store_name(name, value, span);
            }
        }
    }

    /// Makes the registers of a scope's variables, and their cells.
    pub fn declare_locals(&mut self, scope: ScopeId, span: Span) {
        for nth in 0..self.scopes[scope].order.len() {
            let name = self.scopes[scope].order[nth];
            if self.f().vars.contains_key(&(scope, name)) {
                continue;
            }
            let is_cell = self.scopes[scope].names[&name].cell;
            let reg = self.f().variable(scope, name, is_cell);
            if is_cell {
                self.f().push(Instr {
                    dest: Some(reg),
                    kind: InstrKind::MakeCell(None),
                    span,
                });
            }
        }
    }

    /// The function that is being lowered.
    pub fn f(&mut self) -> &mut FunctionBuilder {
        self.functions
            .last_mut()
            .expect("there is a function from the start of a unit to its end")
    }
    /// The same, to look at.
    pub fn function(&self) -> &FunctionBuilder {
        self.functions
            .last()
            .expect("there is a function from the start of a unit to its end")
    }
    /// Begins an inner function.
    pub fn begin_function(&mut self, builder: FunctionBuilder) {
        self.functions.push(builder);
    }
    /// Ends the function and adds it to the program.
    pub fn finish_function(
        &mut self,
        name: Symbol,
        params: Vec<Param>,
        captures: Vec<Reg>,
        span: Span,
    ) -> FuncId {
        let builder = self.functions.pop().expect("a function has been begun");
        self.low
            .program
            .functions
            .push(builder.finish(name, self.unit, params, captures, span))
    }

    /// Adds an instruction with a result, put into `hint` or else a temporary.
    pub fn emit(&mut self, kind: InstrKind, span: Span, hint: Option<Reg>) -> Operand {
        let dest = hint.unwrap_or_else(|| self.f().temporary());
        self.f().push(Instr {
            dest: Some(dest),
            kind,
            span,
        });
        Operand::Reg(dest)
    }
    /// Adds an instruction without a result.
    pub fn effect(&mut self, kind: InstrKind, span: Span) {
        self.f().push(Instr {
            dest: None,
            kind,
            span,
        });
    }
    /// Puts a value into a register, if it is not there.
    pub fn copy(&mut self, dest: Reg, value: Operand, span: Span) {
        if value != Operand::Reg(dest) {
            self.f().push(Instr {
                dest: Some(dest),
                kind: InstrKind::Copy(value),
                span,
            });
        }
    }
}
