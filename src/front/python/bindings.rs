//! Which names a scope of Python binds, and which of them are imports: as much as is needed to tell `nn.Linear` of PyTorch
//! from an attribute of a variable.

use std::rc::Rc;

use ruff_python_ast::{Expr, Parameters, Stmt};
use rustc_hash::{FxHashMap, FxHashSet};

use super::imports;

/// The names of a scope.
#[derive(Debug, Default)]
pub struct Bindings {
    /// Whether it is a class: its names are not seen from the functions in it.
    pub is_class: bool,
    /// Bound by something else than an import.
    pub bound: FxHashSet<String>,
    /// Imported: the full path.
    pub imports: FxHashMap<String, Rc<str>>,
    /// Declared `global`.
    pub globals: FxHashSet<String>,
    /// Modules of which all names are imported.
    pub stars: Vec<Rc<str>>,
}

impl Bindings {
    /// Those of a file, class or function body. `package`: what relative imports begin with.
    pub fn of(body: &[Stmt]) -> Bindings {
        let mut bindings = Bindings::default();
        bindings.suite(body);
        bindings.alias_namespaces(body);
        bindings
    }

    /// Adds a function's parameters.
    pub fn parameters(&mut self, parameters: &Parameters) {
        for parameter in parameters {
            self.bind(parameter.name().as_str());
        }
    }

    /// Adds the names of a target.
    pub fn target(&mut self, target: &Expr) {
        match target {
            Expr::Name(name) => self.bind(name.id.as_str()),
            Expr::Tuple(tuple) => tuple.elts.iter().for_each(|part| self.target(part)),
            Expr::List(list) => list.elts.iter().for_each(|part| self.target(part)),
            Expr::Starred(starred) => self.target(&starred.value),
            _ => {}
        }
    }

    fn bind(&mut self, name: &str) {
        if !self.globals.contains(name) {
            self.bound.insert(name.to_owned());
        }
    }

    fn suite(&mut self, body: &[Stmt]) {
        body.iter().for_each(|stmt| self.stmt(stmt));
    }

    fn stmt(&mut self, stmt: &Stmt) {
        match stmt {
            Stmt::FunctionDef(def) => self.bind(&def.name),
            Stmt::ClassDef(def) => self.bind(&def.name),
            Stmt::Assign(assign) => assign.targets.iter().for_each(|target| self.target(target)),
            Stmt::AugAssign(assign) => self.target(&assign.target),
            Stmt::AnnAssign(assign) => self.target(&assign.target),
            Stmt::TypeAlias(alias) => self.target(&alias.name),
            Stmt::Global(global) => self
                .globals
                .extend(global.names.iter().map(|name| name.as_str().to_owned())),
            Stmt::Import(_) | Stmt::ImportFrom(_) => self.import(stmt),
            _ => self.compound(stmt),
        }
    }

    fn compound(&mut self, stmt: &Stmt) {
        match stmt {
            Stmt::For(stmt) => {
                self.target(&stmt.target);
                self.suite(&stmt.body);
                self.suite(&stmt.orelse);
            }
            Stmt::While(stmt) => {
                self.suite(&stmt.body);
                self.suite(&stmt.orelse);
            }
            Stmt::If(stmt) => {
                self.suite(&stmt.body);
                for clause in &stmt.elif_else_clauses {
                    self.suite(&clause.body);
                }
            }
            Stmt::With(stmt) => {
                for target in stmt
                    .items
                    .iter()
                    .filter_map(|item| item.optional_vars.as_deref())
                {
                    self.target(target);
                }
                self.suite(&stmt.body);
            }
            Stmt::Try(stmt) => {
                self.suite(&stmt.body);
                for handler in &stmt.handlers {
                    let ruff_python_ast::ExceptHandler::ExceptHandler(handler) = handler;
                    handler.name.iter().for_each(|name| self.bind(name));
                    self.suite(&handler.body);
                }
                self.suite(&stmt.orelse);
                self.suite(&stmt.finalbody);
            }
            Stmt::Match(stmt) => stmt.cases.iter().for_each(|case| self.suite(&case.body)),
            _ => {}
        }
    }

    fn import(&mut self, stmt: &Stmt) {
        match stmt {
            Stmt::Import(import) => {
                for alias in &import.names {
                    let (name, path) = imports::imported(alias);
                    self.imports.insert(name, path);
                }
            }
            Stmt::ImportFrom(import) => {
                let module = imports::module_of(import);
                for alias in &import.names {
                    if alias.name.as_str() == "*" {
                        self.stars.push(Rc::clone(&module));
                        continue;
                    }
                    let name = alias.asname.as_ref().unwrap_or(&alias.name);
                    let path = format!("{module}.{}", alias.name);
                    self.imports.insert(name.to_string(), path.into());
                }
            }
            _ => {}
        }
    }

    /// `nn = torch.nn` names a namespace as an import does.
    fn alias_namespaces(&mut self, body: &[Stmt]) {
        for stmt in body {
            let Stmt::Assign(assign) = stmt else { continue };
            let [Expr::Name(target)] = &assign.targets[..] else {
                continue;
            };
            if let Expr::Attribute(_) = &*assign.value
                && let Some(path) = self.path(&assign.value)
                && imports::is_namespace(&path)
            {
                self.imports.insert(target.id.to_string(), path.into());
            }
        }
    }

    fn path(&self, expr: &Expr) -> Option<String> {
        match expr {
            Expr::Name(name) => self
                .imports
                .get(name.id.as_str())
                .map(|path| path.to_string()),
            Expr::Attribute(attribute) => {
                let object = self.path(&attribute.value)?;
                Some(format!("{object}.{}", attribute.attr))
            }
            _ => None,
        }
    }
}
