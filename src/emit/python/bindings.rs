//! Which names the program binds, by Python's scoping: a name that is bound anywhere in a function is that function's
//! own, unless declared `global` or `nonlocal`. All other names are builtins.

use rustc_hash::FxHashSet;

use crate::symbol::Symbol;
use crate::syntax::ast::{Block, ExprId, ExprKind, FunctionDef, Module, Param, Stmt, StmtKind};

/// The scopes that are open where the writer stands, outermost first.
pub(super) struct Scopes {
    open: Vec<Scope>,
}

struct Scope {
    names: FxHashSet<Symbol>,
    /// The names of a class's body are seen in that body only, not in its functions.
    class: bool,
}

impl Scopes {
    pub(super) fn of_module(module: &Module) -> Scopes {
        let mut names = Names::default();
        names.block(module, &module.body);
        names.globals_of(&module.body);
        Scopes {
            open: vec![Scope {
                names: names.bound,
                class: false,
            }],
        }
    }

    /// Opens the scope of a function.
    pub(super) fn enter_function(&mut self, module: &Module, function: &FunctionDef) {
        let mut names = Names::default();
        names.block(module, &function.body);
        names
            .bound
            .extend(function.params.iter().map(|param| param.name.symbol));
        let Names {
            mut bound,
            elsewhere,
            ..
        } = names;
        bound.retain(|name| !elsewhere.contains(name));
        self.open.push(Scope {
            names: bound,
            class: false,
        });
    }

    /// Opens the scope of a class's body.
    pub(super) fn enter_class(&mut self, module: &Module, body: &Block) {
        let mut names = Names::default();
        names.block(module, body);
        self.open.push(Scope {
            names: names.bound,
            class: true,
        });
    }

    /// Opens the scope of a lambda.
    pub(super) fn enter_lambda(&mut self, params: &[Param]) {
        let names = params.iter().map(|param| param.name.symbol).collect();
        self.open.push(Scope {
            names,
            class: false,
        });
    }

    /// Opens the scope of a comprehension with these targets.
    pub(super) fn enter_comprehension(
        &mut self,
        module: &Module,
        targets: impl Iterator<Item = ExprId>,
    ) {
        let mut names = Names::default();
        for target in targets {
            names.target(module, target);
        }
        self.open.push(Scope {
            names: names.bound,
            class: false,
        });
    }

    /// Closes the innermost scope.
    pub(super) fn leave(&mut self) {
        self.open.pop();
    }

    /// Whether `name` is the program's own here.
    pub(super) fn binds(&self, name: Symbol) -> bool {
        let innermost = self.open.len() - 1;
        self.open
            .iter()
            .enumerate()
            .any(|(at, scope)| (at == innermost || !scope.class) && scope.names.contains(&name))
    }
}

/// The names bound by some statements, not looking into functions.
#[derive(Default)]
struct Names {
    bound: FxHashSet<Symbol>,
    elsewhere: FxHashSet<Symbol>,
}

impl Names {
    fn block(&mut self, module: &Module, block: &Block) {
        for stmt in &block.stmts {
            self.stmt(module, stmt);
            for inner in stmt.blocks() {
                self.block(module, inner);
            }
        }
    }

    fn stmt(&mut self, module: &Module, stmt: &Stmt) {
        match &stmt.kind {
            StmtKind::Assign { targets, .. } => targets
                .iter()
                .for_each(|&target| self.target(module, target)),
            StmtKind::Annotated { target, .. }
            | StmtKind::AugAssign { target, .. }
            | StmtKind::For { target, .. } => {
                self.target(module, *target);
            }
            StmtKind::With { items, .. } => {
                items
                    .iter()
                    .filter_map(|item| item.target)
                    .for_each(|target| self.target(module, target));
            }
            StmtKind::Try { handlers, .. } => {
                self.bound.extend(
                    handlers
                        .iter()
                        .filter_map(|handler| handler.name)
                        .map(|name| name.symbol),
                );
            }
            StmtKind::Function(function) => {
                self.bound.insert(function.name.symbol);
            }
            StmtKind::Class(class) => {
                self.bound.insert(class.name.symbol);
            }
            StmtKind::Del(targets) => targets
                .iter()
                .for_each(|&target| self.target(module, target)),
            StmtKind::Global(names) | StmtKind::Nonlocal(names) => {
                self.elsewhere.extend(names.iter().map(|name| name.symbol));
            }
            _ => {}
        }
    }

    fn target(&mut self, module: &Module, target: ExprId) {
        let mut open = vec![target];
        while let Some(id) = open.pop() {
            match &module[id].kind {
                ExprKind::Name(name) => {
                    self.bound.insert(*name);
                }
                ExprKind::Tuple(parts) | ExprKind::List(parts) => open.extend(parts),
                ExprKind::Starred(inner) => open.push(*inner),
                _ => {}
            }
        }
    }

    /// Adds what functions declare `global`: those names are the module's.
    fn globals_of(&mut self, block: &Block) {
        for stmt in &block.stmts {
            if let StmtKind::Global(names) = &stmt.kind {
                self.bound.extend(names.iter().map(|name| name.symbol));
            }
            let bodies = stmt.all_blocks();
            bodies.into_iter().for_each(|body| self.globals_of(body));
        }
    }
}
