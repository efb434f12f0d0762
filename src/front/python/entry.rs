//! Where a file is entered that nothing runs: its public functions and classes, those that nothing else in it names
//! first. The analysis calls them, and the methods of the classes, with unknown arguments, from the state at the end of
//! the file; of those that are named, what it has not followed by then (`spawn(train)`, a base of other files' classes).

use ruff_python_ast::visitor::{Visitor, walk_expr};
use ruff_python_ast::{self as py, Expr as Py, Stmt as PyStmt};
use rustc_hash::FxHashSet;

use super::translator::Translator;
use crate::source::Span;
use crate::symbol::Symbol;
use crate::syntax::ast::*;

impl Translator<'_> {
    /// The names of the file that are entered. What hides one of them is uncovered.
    pub fn entries(&mut self, body: &[PyStmt], stmts: &mut Vec<Stmt>) -> Vec<Symbol> {
        let mut entries = self.uncover(body, stmts);
        let named = names_by_statement(body);
        let is_named = |nth: usize, name: &str| {
            let mut others = named.iter().enumerate().filter(|(at, _)| *at != nth);
            others.any(|(_, names)| names.contains(name))
        };
        let mut others = Vec::new();
        for (nth, stmt) in body.iter().enumerate() {
            let name = match stmt {
                PyStmt::FunctionDef(def) if !self.is_followed(def) => continue,
                PyStmt::FunctionDef(def) if !self.has_foreign_decorator(def) => &def.name,
                PyStmt::ClassDef(def) => &def.name,
                _ => continue,
            };
            if is_named(nth, name) {
                others.push(Symbol::intern(name));
            } else if !name.starts_with('_') {
                entries.push(Symbol::intern(name));
            }
        }
        entries.append(&mut others);
        entries
    }

    /// What a decorator of another package makes of a function is not known, but the function itself is: it is kept
    /// under a name of its own. `@d def f` becomes `def f; _plain = f; f = d(f)`.
    fn uncover(&mut self, body: &[PyStmt], stmts: &mut Vec<Stmt>) -> Vec<Symbol> {
        let foreign: Vec<Symbol> = body
            .iter()
            .filter_map(|stmt| match stmt {
                PyStmt::FunctionDef(def)
                    if self.is_followed(def) && self.has_foreign_decorator(def) =>
                {
                    Some(Symbol::intern(def.name.as_str()))
                }
                _ => None,
            })
            .collect();
        let mut hidden = Vec::new();
        let mut at = 0;
        while at < stmts.len() {
            let span = stmts[at].span;
            if let StmtKind::Function(def) = &mut stmts[at].kind
                && foreign.contains(&def.name.symbol)
            {
                let name = def.name.symbol;
                let decorators = std::mem::take(&mut def.decorators);
                let plain = Symbol::intern(&format!("_plain_{name}"));
                let mut added = vec![self.assignment(plain, name, &[], span)];
                added.push(self.assignment(name, name, &decorators, span));
                stmts.splice(at + 1..at + 1, added);
                hidden.push(plain);
                at += 2;
            }
            at += 1;
        }
        hidden
    }

    fn is_followed(&self, def: &py::StmtFunctionDef) -> bool {
        self.focus.as_ref().is_none_or(|focus| focus.has(def))
    }

    fn has_foreign_decorator(&self, def: &py::StmtFunctionDef) -> bool {
        def.decorator_list.iter().any(|decorator| {
            let path = self.imported_path(super::function::called(&decorator.expression));
            path.is_some_and(|path| {
                !path.starts_with("torch.")
                    && !path.starts_with("functools.")
                    && !path.starts_with("contextlib.")
            })
        })
    }

    /// `target = outer(inner(value))` for the decorators from outer to inner.
    fn assignment(
        &mut self,
        target: Symbol,
        value: Symbol,
        decorators: &[ExprId],
        span: Span,
    ) -> Stmt {
        let mut value = self.add(ExprKind::Name(value), span);
        for &decorator in decorators.iter().rev() {
            value = self.call_of(decorator, &[value], span);
        }
        let target = self.add(ExprKind::Name(target), span);
        let targets = vec![target];
        let kind = StmtKind::Assign { targets, value };
        Stmt { kind, span }
    }
}

/// The names that each statement of the file reads.
fn names_by_statement(body: &[PyStmt]) -> Vec<FxHashSet<String>> {
    let names = |stmt: &PyStmt| {
        let mut names = Names::default();
        names.visit_stmt(stmt);
        names.0
    };
    body.iter().map(names).collect()
}

/// The names that are read, but for those of annotations: who names a type does not make one.
#[derive(Default)]
struct Names(FxHashSet<String>);

impl<'a> Visitor<'a> for Names {
    fn visit_annotation(&mut self, _: &'a Py) {}

    fn visit_expr(&mut self, expr: &'a Py) {
        if let Py::Name(name) = expr {
            self.0.insert(name.id.to_string());
        }
        walk_expr(self, expr);
    }
}
