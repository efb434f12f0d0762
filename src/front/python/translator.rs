//! The state of a translation: the expressions made so far, and the scopes around the current place.

use std::rc::Rc;

use ruff_python_ast::{Identifier, Stmt};
use ruff_text_size::Ranged;
use rustc_hash::FxHashMap;

use super::bindings::Bindings;
use super::focus::Focus;
use super::project::{Imported, Project};
use crate::index::IndexVec;
use crate::source::{FileId, Span};
use crate::symbol::Symbol;
use crate::syntax::ast::*;

/// What a name of the text stands for.
pub enum Meaning {
    /// Something imported, by its full path.
    Import(Rc<str>),
    /// A variable of the program, or a builtin.
    Name,
}

/// A translation of one file.
pub struct Translator<'t> {
    /// The file.
    pub file: FileId,
    /// Its text.
    pub text: &'t str,
    /// The expressions made so far.
    pub exprs: IndexVec<ExprId, Expr>,
    /// The scopes around the current place, the file's own first.
    pub scopes: Vec<Bindings>,
    /// Of the functions around the current place: whether it is a generator.
    pub generators: Vec<bool>,
    /// The expressions that are names of other files.
    pub imported: FxHashMap<ExprId, (usize, Symbol)>,
    /// The files around it, and its number among them if it is not the main one.
    project: Option<(&'t Project<'t>, Option<usize>)>,
    /// The fields of the dataclasses so far.
    pub dataclasses: FxHashMap<Symbol, Rc<[super::class::Field]>>,
    /// What of it is followed; none: all.
    pub focus: Option<Focus>,
    fresh: u32,
}

impl<'t> Translator<'t> {
    /// One that has translated nothing yet.
    pub fn new(file: FileId, text: &'t str) -> Translator<'t> {
        Translator {
            file,
            text,
            exprs: IndexVec::new(),
            scopes: Vec::new(),
            generators: Vec::new(),
            imported: FxHashMap::default(),
            project: None,
            dataclasses: FxHashMap::default(),
            focus: None,
            fresh: 0,
        }
    }

    /// The same, one of a program of more files.
    pub fn within_project(
        mut self,
        project: &'t Project<'t>,
        number: Option<usize>,
    ) -> Translator<'t> {
        self.project = Some((project, number));
        self
    }

    /// Whether the file is the one that the program begins in.
    pub fn is_main(&self) -> bool {
        self.project.is_none_or(|(_, number)| number.is_none())
    }

    /// What an import of another file of the tree means.
    pub fn resolve(&self, path: &str) -> Option<Imported> {
        let (project, number) = self.project?;
        project.resolve(number, path)
    }

    /// Begins with the file's own scope.
    pub fn enter_module(&mut self, body: &[Stmt]) {
        self.scopes.push(Bindings::of(body));
    }

    /// Translates within a scope.
    pub fn within<T>(&mut self, scope: Bindings, work: impl FnOnce(&mut Self) -> T) -> T {
        self.scopes.push(scope);
        let done = work(self);
        self.scopes.pop();
        done
    }

    /// What a name means here.
    pub fn meaning(&self, name: &str) -> Meaning {
        let last = self.scopes.len() - 1;
        let mut at = last;
        loop {
            let scope = &self.scopes[at];
            if at == last || !scope.is_class {
                if at > 0 && scope.globals.contains(name) {
                    at = 0;
                    continue;
                }
                if let Some(path) = scope.imports.get(name) {
                    return Meaning::Import(Rc::clone(path));
                }
                if scope.bound.contains(name) {
                    return Meaning::Name;
                }
            }
            match at {
                0 => return Meaning::Name,
                _ => at -= 1,
            }
        }
    }

    /// The modules of which all names are imported here.
    pub fn stars(&self) -> impl Iterator<Item = &Rc<str>> {
        self.scopes.iter().rev().flat_map(|scope| &scope.stars)
    }

    /// Whether the file binds the name in a scope seen from here.
    pub fn is_bound(&self, name: &str) -> bool {
        self.scopes
            .iter()
            .any(|scope| scope.bound.contains(name) || scope.imports.contains_key(name))
    }

    /// The place of a node.
    pub fn span(&self, node: impl Ranged) -> Span {
        super::span(self.file, node.range())
    }
    /// A name where it stands.
    pub fn name(&self, name: &Identifier) -> Name {
        Name {
            symbol: Symbol::intern(name.as_str()),
            span: self.span(name),
        }
    }

    /// Adds an expression.
    pub fn add(&mut self, kind: ExprKind, span: Span) -> ExprId {
        self.exprs.push(Expr { kind, span })
    }
    /// An unknown value.
    pub fn unknown(&mut self, span: Span) -> ExprId {
        self.add(ExprKind::Error, span)
    }
    /// A name of ours or of Python's.
    pub fn plain(&mut self, name: &str, span: Span) -> ExprId {
        self.add(ExprKind::Name(Symbol::intern(name)), span)
    }
    /// `a.b.c`, all of it at one place.
    pub fn path(&mut self, path: &str, span: Span) -> ExprId {
        let mut parts = path.split('.');
        let mut expr = self.plain(parts.next().unwrap_or(path), span);
        for part in parts {
            let name = Name {
                symbol: Symbol::intern(part),
                span,
            };
            expr = self.add(ExprKind::Attribute(expr, name), span);
        }
        expr
    }
    /// One of Python's builtins, whatever the program binds.
    pub fn builtin(&mut self, name: &str, span: Span) -> ExprId {
        self.path(&format!("builtins.{name}"), span)
    }
    /// `callee(args)`
    pub fn call_of(&mut self, callee: ExprId, args: &[ExprId], span: Span) -> ExprId {
        let args = args
            .iter()
            .map(|&value| Argument {
                kind: ArgumentKind::Positional,
                value,
            })
            .collect();
        self.add(ExprKind::Call { callee, args }, span)
    }
    /// `object.name(args)`
    pub fn method_of(&mut self, object: ExprId, name: &str, args: &[ExprId], span: Span) -> ExprId {
        let symbol = Symbol::intern(name);
        let callee = self.add(ExprKind::Attribute(object, Name { symbol, span }), span);
        self.call_of(callee, args, span)
    }

    /// A variable's name that the text does not have.
    pub fn fresh(&mut self, stem: &str) -> Symbol {
        loop {
            self.fresh += 1;
            let name = format!("_{stem}_{}", self.fresh);
            if !self.text.contains(&name) {
                return Symbol::intern(&name);
            }
        }
    }
}
