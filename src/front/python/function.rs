//! Functions: parameters, decorators, and generators, whose call gives an iterator over all that they yield.

use std::collections::BTreeSet;

use ruff_python_ast::visitor::{Visitor, walk_expr, walk_stmt};
use ruff_python_ast::{self as py, Expr as Py, ParameterWithDefault, Stmt as PyStmt};
use ruff_text_size::Ranged;

use super::bindings::Bindings;
use super::translator::Translator;
use crate::source::Span;
use crate::symbol::Symbol;
use crate::syntax::ast::*;

/// The variable of a generator that holds what it has yielded.
pub const YIELDED: &str = "_yielded";

/// Decorators that leave a function as it is, as far as gradients are concerned.
const TRANSPARENT: &[&str] = &[
    "torch.compile",
    "torch.jit.script",
    "torch.jit.export",
    "torch.jit.ignore",
    "torch.jit.unused",
    "torch.jit.script_if_tracing",
    "torch.compiler.disable",
    "torch._dynamo.disable",
    "torch.amp.custom_fwd",
    "torch.amp.custom_bwd",
    "torch.cuda.amp.custom_fwd",
    "torch.cuda.amp.custom_bwd",
    "functools.wraps",
    "functools.cache",
    "functools.lru_cache",
    "abc.abstractmethod",
    "typing.override",
    "typing.overload",
    "typing.final",
    "typing.no_type_check",
    "typing_extensions.override",
];

impl Translator<'_> {
    /// A function.
    pub fn function(&mut self, def: &py::StmtFunctionDef) -> FunctionDef {
        if self.focus.as_ref().is_some_and(|focus| !focus.has(def)) {
            return self.left_out(def);
        }
        let decorators = self.decorators(&def.decorator_list);
        let params = self.parameters(&def.parameters);
        let mut bindings = Bindings::of(&def.body);
        bindings.parameters(&def.parameters);
        let is_generator = yields(&def.body);
        self.generators.push(is_generator);
        let header = def
            .returns
            .as_ref()
            .map_or(def.parameters.end(), |returns| returns.end());
        let mut body = self.within(bindings, |this| this.block(&def.body, header.to_u32()));
        self.generators.pop();
        if is_generator {
            self.make_generator(&mut body);
        }
        FunctionDef {
            decorators,
            name: self.name(&def.name),
            params,
            body,
            is_left_out: false,
        }
    }

    /// A function that is not followed: what it gives is not known. Of a method is kept what it sets, since other
    /// methods find it.
    fn left_out(&mut self, def: &py::StmtFunctionDef) -> FunctionDef {
        let span = self.span(&def.name);
        let params = self.parameters(&def.parameters);
        let mut set = AttributesSet::default();
        set.visit_body(&def.body);
        let mut stmts: Vec<Stmt> = Vec::new();
        if let Some(first) = params.first() {
            let object = first.name.symbol.as_str();
            for name in set.0 {
                let object = self.plain(object, span);
                let symbol = Symbol::intern(name);
                let target = self.add(ExprKind::Attribute(object, Name { symbol, span }), span);
                let (targets, value) = (vec![target], self.unknown(span));
                let kind = StmtKind::Assign { targets, value };
                stmts.push(Stmt { kind, span });
            }
        }
        let result = self.unknown(span);
        let kind = StmtKind::Return(Some(result));
        stmts.push(Stmt { kind, span });
        FunctionDef {
            decorators: Vec::new(),
            name: self.name(&def.name),
            params,
            body: Block { stmts, span },
            is_left_out: true,
        }
    }

    /// The decorators that mean something.
    pub fn decorators(&mut self, decorators: &[py::Decorator]) -> Vec<ExprId> {
        let mut kept = Vec::new();
        for decorator in decorators {
            let path = self.imported_path(called(&decorator.expression));
            match path.as_deref() {
                Some(path) if TRANSPARENT.contains(&path) => {}
                Some("functools.cached_property") => {
                    let span = self.span(decorator);
                    kept.push(self.builtin("property", span));
                }
                _ => kept.push(self.expr(&decorator.expression)),
            }
        }
        kept
    }

    /// The full path of an expression that names something imported.
    pub fn imported_path(&self, expr: &Py) -> Option<String> {
        match expr {
            Py::Name(name) => match self.meaning(name.id.as_str()) {
                super::translator::Meaning::Import(path) => Some(path.to_string()),
                super::translator::Meaning::Name => None,
            },
            Py::Attribute(attribute) => {
                let object = self.imported_path(&attribute.value)?;
                Some(format!("{object}.{}", attribute.attr))
            }
            _ => None,
        }
    }

    /// Parameters, with their defaults.
    pub fn parameters(&mut self, parameters: &py::Parameters) -> Vec<Param> {
        let mut params = Vec::new();
        for parameter in parameters.posonlyargs.iter().chain(&parameters.args) {
            params.push(self.parameter(parameter, ParamKind::Normal));
        }
        params.extend(parameters.vararg.as_ref().map(|parameter| Param {
            kind: ParamKind::VarArgs,
            name: self.name(&parameter.name),
            default: None,
        }));
        for parameter in &parameters.kwonlyargs {
            params.push(self.parameter(parameter, ParamKind::KeywordOnly));
        }
        params.extend(parameters.kwarg.as_ref().map(|parameter| Param {
            kind: ParamKind::KwArgs,
            name: self.name(&parameter.name),
            default: None,
        }));
        params
    }

    fn parameter(&mut self, parameter: &ParameterWithDefault, kind: ParamKind) -> Param {
        Param {
            kind,
            name: self.name(&parameter.parameter.name),
            default: parameter.default.as_ref().map(|default| self.expr(default)),
        }
    }

    /// `_yielded = []` before, and an iterator over it at the end.
    fn make_generator(&mut self, body: &mut Block) {
        let span = Span {
            end: body.span.start,
            ..body.span
        };
        let target = self.plain(YIELDED, span);
        let value = self.add(ExprKind::List(Vec::new()), span);
        let start = StmtKind::Assign {
            targets: vec![target],
            value,
        };
        body.stmts.insert(0, Stmt { kind: start, span });
        let result = self.generator_value(span);
        body.stmts.push(Stmt {
            kind: StmtKind::Return(Some(result)),
            span,
        });
    }

    /// What a call of a generator gives.
    pub fn generator_value(&mut self, span: Span) -> ExprId {
        let callee = self.builtin("iter", span);
        let list = self.plain(YIELDED, span);
        self.call_of(callee, &[list], span)
    }
}

/// What a decorator calls, or itself.
pub fn called(expr: &Py) -> &Py {
    match expr {
        Py::Call(call) => &call.func,
        _ => expr,
    }
}

/// Whether a function's body yields: it itself, not a function in it.
fn yields(body: &[PyStmt]) -> bool {
    let mut finder = YieldFinder { found: false };
    finder.visit_body(body);
    finder.found
}

struct YieldFinder {
    found: bool,
}

impl<'a> Visitor<'a> for YieldFinder {
    fn visit_stmt(&mut self, stmt: &'a PyStmt) {
        if !matches!(stmt, PyStmt::FunctionDef(_) | PyStmt::ClassDef(_)) {
            walk_stmt(self, stmt);
        }
    }
    fn visit_expr(&mut self, expr: &'a Py) {
        match expr {
            Py::Yield(_) | Py::YieldFrom(_) => self.found = true,
            Py::Lambda(_) => {}
            _ => walk_expr(self, expr),
        }
    }
}

/// The names of the attributes that are set.
#[derive(Default)]
struct AttributesSet<'a>(BTreeSet<&'a str>);

impl<'a> Visitor<'a> for AttributesSet<'a> {
    fn visit_annotation(&mut self, _: &'a Py) {}

    fn visit_expr(&mut self, expr: &'a Py) {
        if let Py::Attribute(attribute) = expr
            && attribute.ctx.is_store()
        {
            self.0.insert(attribute.attr.as_str());
        }
        walk_expr(self, expr);
    }
}
