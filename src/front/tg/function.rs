//! Functions and lambdas.

use std::rc::Rc;

use super::function_builder::FunctionBuilder;
use super::scope::ScopeId;
use super::unit::UnitLowerer;
use crate::index::Idx;
use crate::ir::{self, *};
use crate::source::Span;
use crate::symbol::Symbol;
use crate::syntax::ast::{self, Block, ExprId, FunctionDef};

/// What a function runs.
#[derive(Clone, Copy)]
enum Body<'b> {
    /// A `fn`.
    Block(&'b Block),
    /// A lambda.
    Expr(ExprId),
}

impl UnitLowerer<'_, '_, '_> {
    /// `fn f(…) { }`
    pub fn function_def(&mut self, def: &FunctionDef, span: Span) {
        let decorators: Vec<Operand> = def
            .decorators
            .iter()
            .map(|decorator| self.expr(*decorator))
            .collect();
        let scope = self.scopes.definition(def.name);
        let header = header(def, span);
        if self.in_class() {
            self.low.attributes.define(def.name.symbol);
        }
        let direct = if decorators.is_empty() {
            self.plain_variable(def.name.symbol)
        } else {
            None
        };
        let made = self.make_function(
            scope,
            def.name.symbol,
            &def.params,
            Body::Block(&def.body),
            header,
            direct,
        );
        if def.is_left_out {
            let last = FuncId::new(self.low.program.functions.len() - 1);
            self.low.program.functions[last].is_left_out = true;
        }
        let value = self.decorate(decorators, &def.decorators, made);
        self.store_name(def.name.symbol, value, header);
    }

    /// Calls the decorators, the innermost first.
    pub fn decorate(
        &mut self,
        decorators: Vec<Operand>,
        exprs: &[ExprId],
        value: Operand,
    ) -> Operand {
        let mut value = value;
        for (callee, expr) in decorators.into_iter().zip(exprs).rev() {
            let args = Box::new([CallArg {
                kind: CallArgKind::Positional,
                value,
            }]);
            value = self.emit(
                InstrKind::Call { callee, args },
                self.module[*expr].span,
                None,
            );
        }
        value
    }

    /// `lambda …: e`
    pub fn lambda(
        &mut self,
        id: ExprId,
        params: &[ast::Param],
        body: ExprId,
        hint: Option<Reg>,
    ) -> Operand {
        let scope = self.scopes.expr(id);
        let span = self.module[id].span;
        self.make_function(
            scope,
            Symbol::intern("<lambda>"),
            params,
            Body::Expr(body),
            span,
            hint,
        )
    }

    fn make_function(
        &mut self,
        scope: ScopeId,
        name: Symbol,
        params: &[ast::Param],
        body: Body,
        span: Span,
        hint: Option<Reg>,
    ) -> Operand {
        let defaults = params
            .iter()
            .filter_map(|param| param.default)
            .map(|default| self.expr(default))
            .collect();
        let free = self.scopes[scope].free.clone();
        let captures = free
            .iter()
            .filter_map(|variable| self.function().vars.get(variable).copied())
            .collect();
        let outer = std::mem::replace(&mut self.scope, scope);
        let path = self.path_of(outer, name);
        self.begin_function(FunctionBuilder::new(scope, path, span));
        let params = self.declare_params(scope, params, span);
        let captured = free
            .iter()
            .map(|&(owner, name)| self.f().variable(owner, name, true))
            .collect();
        self.declare_locals(scope, span);
        self.function_body(body, span);
        let function = self.finish_function(name, params, captured, span);
        self.scope = outer;
        self.emit(
            InstrKind::MakeFunction {
                function,
                defaults,
                captures,
            },
            span,
            hint,
        )
    }

    fn function_body(&mut self, body: Body, span: Span) {
        let value = match body {
            Body::Block(block) => {
                self.block(block);
                Operand::Const(Const::None)
            }
            Body::Expr(value) => self.expr(value),
        };
        if !self.function().finished() {
            self.f().end(Terminator::Return(value), span);
        }
    }

    /// The name with the classes and functions around it.
    pub fn path_of(&self, around: ScopeId, name: Symbol) -> Rc<str> {
        let outer = match around == self.scopes.module() {
            true => "",
            false => &self.function().path,
        };
        let class = self
            .class_path
            .last()
            .filter(|(scope, _)| *scope == around)
            .map(|(_, path)| &**path);
        match class.unwrap_or(outer) {
            "" | "<module>" => name.as_str().into(),
            path => format!("{path}.{name}").into(),
        }
    }

    /// Registers for the parameters; those that inner functions use are put into cells.
    fn declare_params(
        &mut self,
        scope: ScopeId,
        params: &[ast::Param],
        span: Span,
    ) -> Vec<ir::Param> {
        let mut lowered = Vec::with_capacity(params.len());
        let mut cells = Vec::new();
        for param in params {
            let name = param.name.symbol;
            let is_cell = self.scopes[scope]
                .names
                .get(&name)
                .is_some_and(|binding| binding.cell);
            let reg = if is_cell {
                self.f().argument(name)
            } else {
                self.f().variable(scope, name, false)
            };
            self.f().note_set(reg);
            if is_cell {
                cells.push((name, reg));
            }
            lowered.push(ir::Param {
                name,
                kind: kind(param.kind),
                reg,
                has_default: param.default.is_some(),
            });
        }
        for (name, argument) in cells {
            let cell = self.f().variable(scope, name, true);
            self.f().push(Instr {
                dest: Some(cell),
                kind: InstrKind::MakeCell(Some(Operand::Reg(argument))),
                span,
            });
        }
        self.f().first_param = params
            .first()
            .filter(|param| param.kind == ast::ParamKind::Normal)
            .map(|param| param.name.symbol);
        lowered
    }
}

fn kind(kind: ast::ParamKind) -> ParamKind {
    match kind {
        ast::ParamKind::Normal => ParamKind::Normal,
        ast::ParamKind::KeywordOnly => ParamKind::KeywordOnly,
        ast::ParamKind::VarArgs => ParamKind::VarArgs,
        ast::ParamKind::KwArgs => ParamKind::KwArgs,
    }
}

/// From `fn` (behind the decorators) to the body.
fn header(def: &FunctionDef, span: Span) -> Span {
    let start = if def.decorators.is_empty() {
        span.start
    } else {
        def.name.span.start
    };
    Span {
        start,
        end: def.body.span.start.max(def.name.span.end),
        ..span
    }
}
