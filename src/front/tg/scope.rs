//! Which scope each name of a file belongs to, as in Python: before lowering, since a name is local to a function
//! if it is bound anywhere in it, and a cell if an inner function uses it.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::index::{Idx, IndexVec};
use crate::symbol::Symbol;
use crate::syntax::ast::*;

crate::define_index! {
    /// A scope of a file.
    pub struct ScopeId = "scope";
}

/// What opens a scope.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ScopeKind {
    /// The file.
    Module,
    /// A function or lambda.
    Function,
    /// A class body; not seen from the functions in it.
    Class,
    /// A comprehension; part of the code around it.
    Comprehension,
}

/// How a name is bound in a scope.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Owner {
    /// It is a variable of this scope.
    Own,
    /// It was declared `global`.
    Global,
    /// It was declared `nonlocal`.
    Nonlocal,
}

/// A name of a scope.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// Whose variable it is.
    pub owner: Owner,
    /// Whether an inner function uses it.
    pub cell: bool,
    /// How often the text binds it.
    pub count: u32,
}

/// A scope.
#[derive(Debug)]
pub struct Scope {
    /// What opens it.
    pub kind: ScopeKind,
    /// The scope around it.
    pub parent: Option<ScopeId>,
    /// Its names.
    pub names: FxHashMap<Symbol, Binding>,
    /// Its names in the order of first binding.
    pub order: Vec<Symbol>,
    /// Of a function: the outer variables that it, or a function in it, uses.
    pub free: Vec<(ScopeId, Symbol)>,
}

/// All scopes of a file.
#[derive(Debug)]
pub struct Scopes {
    all: IndexVec<ScopeId, Scope>,
    /// Functions and classes, by where their name begins.
    definitions: FxHashMap<u32, ScopeId>,
    /// Lambdas and comprehensions.
    exprs: FxHashMap<ExprId, ScopeId>,
    /// Names of the file that are used above their first binding.
    early: FxHashSet<Symbol>,
}

impl std::ops::Index<ScopeId> for Scopes {
    type Output = Scope;
    fn index(&self, id: ScopeId) -> &Scope {
        &self.all[id]
    }
}

impl Scopes {
    /// The scopes of a file; `exported`: its top-level names are all cells.
    pub fn of(module: &Module, exported: bool) -> Scopes {
        let scopes = Scopes {
            all: IndexVec::new(),
            definitions: FxHashMap::default(),
            exprs: FxHashMap::default(),
            early: FxHashSet::default(),
        };
        let mut walk = Walk {
            module,
            scopes,
            current: ScopeId::new(0),
            references: Vec::new(),
        };
        walk.open(ScopeKind::Module, None);
        walk.block(&module.body);
        let Walk {
            mut scopes,
            references,
            ..
        } = walk;
        scopes.capture(&references);
        if exported {
            scopes.all[ScopeId::new(0)]
                .names
                .values_mut()
                .for_each(|binding| binding.cell = true);
        }
        let names = &mut scopes.all[ScopeId::new(0)].names;
        for entry in &module.entries {
            if let Some(binding) = names.get_mut(entry) {
                binding.cell = true;
            }
        }
        scopes
    }

    /// The file's own scope.
    pub fn module(&self) -> ScopeId {
        ScopeId::new(0)
    }
    /// Whether a name of the file is used above its first binding.
    pub fn used_early(&self, name: Symbol) -> bool {
        self.early.contains(&name)
    }
    /// The scope of a function or class.
    pub fn definition(&self, name: Name) -> ScopeId {
        self.definitions[&name.span.start]
    }
    /// The scope of a lambda or comprehension.
    pub fn expr(&self, id: ExprId) -> ScopeId {
        self.exprs[&id]
    }

    /// The scope whose variable `name` is when used in `scope`.
    pub fn resolve(&self, scope: ScopeId, name: Symbol) -> Option<ScopeId> {
        let (mut at, mut through_function) = (scope, false);
        loop {
            let here = &self.all[at];
            match here.names.get(&name).map(|binding| binding.owner) {
                Some(Owner::Own)
                    if here.kind != ScopeKind::Class
                        || !through_function
                        || name.as_str() == CLASS_CELL =>
                {
                    return Some(at);
                }
                Some(Owner::Global) => return Some(self.module()),
                _ => {}
            }
            through_function |= here.kind == ScopeKind::Function;
            at = here.parent?;
        }
    }

    /// The nearest scope at or around `scope` whose code is a function of its own.
    pub fn function_of(&self, scope: ScopeId) -> ScopeId {
        let mut at = scope;
        while let (ScopeKind::Class | ScopeKind::Comprehension, Some(parent)) =
            (self.all[at].kind, self.all[at].parent)
        {
            at = parent;
        }
        at
    }

    fn capture(&mut self, references: &[(ScopeId, Symbol)]) {
        let mut seen: FxHashSet<(ScopeId, Symbol)> = FxHashSet::default();
        let mut captured: FxHashSet<(ScopeId, ScopeId, Symbol)> = FxHashSet::default();
        for &(scope, name) in references {
            if seen.insert((scope, name))
                && let Some(owner) = self.resolve(scope, name)
            {
                self.capture_one(&mut captured, scope, owner, name);
            }
        }
    }

    /// Makes the variable known to all functions between its owner and its use.
    fn capture_one(
        &mut self,
        captured: &mut FxHashSet<(ScopeId, ScopeId, Symbol)>,
        scope: ScopeId,
        owner: ScopeId,
        name: Symbol,
    ) {
        let home = self.function_of(owner);
        let mut at = self.function_of(scope);
        while at != home {
            if !captured.insert((at, owner, name)) {
                return;
            }
            self.all[at].free.push((owner, name));
            let Some(parent) = self.all[at].parent else {
                return;
            };
            at = self.function_of(parent);
            if let Some(binding) = self.all[owner].names.get_mut(&name) {
                binding.cell = true;
            }
        }
    }
}

/// The hidden variable that holds the class for `super()`.
pub const CLASS_CELL: &str = "__class__";

struct Walk<'m> {
    module: &'m Module,
    scopes: Scopes,
    current: ScopeId,
    references: Vec<(ScopeId, Symbol)>,
}

impl Walk<'_> {
    fn open(&mut self, kind: ScopeKind, parent: Option<ScopeId>) -> ScopeId {
        self.scopes.all.push(Scope {
            kind,
            parent,
            names: FxHashMap::default(),
            order: Vec::new(),
            free: Vec::new(),
        })
    }

    /// Runs `walk` in a new scope, which it returns.
    fn within(&mut self, kind: ScopeKind, walk: impl FnOnce(&mut Self)) -> ScopeId {
        let outer = self.current;
        let scope = self.open(kind, Some(outer));
        self.current = scope;
        walk(self);
        self.current = outer;
        scope
    }

    fn bind(&mut self, name: Symbol) {
        let scope = self.current;
        self.bind_in(scope, name, Owner::Own);
        if self.scopes.all[scope].names[&name].owner != Owner::Own {
            self.references.push((scope, name));
        }
    }

    /// `(name := e)` binds in the function around a comprehension.
    fn bind_named(&mut self, name: Symbol) {
        let inner = self.current;
        while let (ScopeKind::Comprehension, Some(parent)) = (
            self.scopes.all[self.current].kind,
            self.scopes.all[self.current].parent,
        ) {
            self.current = parent;
        }
        self.bind(name);
        self.current = inner;
    }

    fn bind_in(&mut self, scope: ScopeId, name: Symbol, owner: Owner) {
        let scope = &mut self.scopes.all[scope];
        if let Some(binding) = scope.names.get_mut(&name) {
            binding.count += 1;
            return;
        }
        scope.names.insert(
            name,
            Binding {
                owner,
                cell: false,
                count: 1,
            },
        );
        if owner == Owner::Own {
            scope.order.push(name);
        }
    }

    fn declare(&mut self, names: &[Name], owner: Owner) {
        if self.scopes.all[self.current].kind == ScopeKind::Module {
            return;
        }
        for name in names {
            let scope = &mut self.scopes.all[self.current];
            scope.order.retain(|bound| *bound != name.symbol);
            let count = scope
                .names
                .get(&name.symbol)
                .map_or(0, |binding| binding.count);
            scope.names.insert(
                name.symbol,
                Binding {
                    owner,
                    cell: false,
                    count,
                },
            );
            if owner == Owner::Global {
                self.bind_in(ScopeId::new(0), name.symbol, Owner::Own);
            }
            self.references.push((self.current, name.symbol));
        }
    }

    fn block(&mut self, block: &Block) {
        for stmt in &block.stmts {
            self.stmt(stmt);
        }
    }
    fn blocks<'b>(&mut self, blocks: impl IntoIterator<Item = &'b Block>) {
        for block in blocks {
            self.block(block);
        }
    }

    fn stmt(&mut self, stmt: &Stmt) {
        match &stmt.kind {
            StmtKind::Expr(value) => self.expr(*value),
            StmtKind::Assign { targets, value } => {
                self.expr(*value);
                self.targets(targets);
            }
            StmtKind::Annotated { target, ty, value } => {
                self.exprs(ty.shape.iter().flatten().copied());
                self.expr(*value);
                self.target(*target);
            }
            StmtKind::AugAssign { target, value, .. } => {
                self.expr(*value);
                self.target(*target);
            }
            StmtKind::Function(def) => self.function(def),
            StmtKind::Class(def) => self.class(def),
            StmtKind::Return(value) | StmtKind::Raise(value) => self.exprs(*value),
            StmtKind::Assert { condition, message } => {
                self.exprs([*condition].into_iter().chain(*message))
            }
            StmtKind::Del(targets) => self.targets(targets),
            StmtKind::Global(names) => self.declare(names, Owner::Global),
            StmtKind::Nonlocal(names) => self.declare(names, Owner::Nonlocal),
            StmtKind::Break | StmtKind::Continue | StmtKind::Pass | StmtKind::Error => {}
            _ => self.compound(stmt),
        }
    }

    fn compound(&mut self, stmt: &Stmt) {
        match &stmt.kind {
            StmtKind::If { arms, otherwise } => {
                for (condition, block) in arms {
                    self.expr(*condition);
                    self.block(block);
                }
                self.blocks(otherwise);
            }
            StmtKind::While {
                condition,
                body,
                otherwise,
            } => {
                self.expr(*condition);
                self.blocks([body].into_iter().chain(otherwise));
            }
            StmtKind::For {
                target,
                iterable,
                body,
                otherwise,
            } => {
                self.expr(*iterable);
                self.target(*target);
                self.blocks([body].into_iter().chain(otherwise));
            }
            StmtKind::With { items, body } => {
                for item in items {
                    self.expr(item.manager);
                    item.target
                        .into_iter()
                        .for_each(|target| self.target(target));
                }
                self.block(body);
            }
            StmtKind::Try {
                body,
                handlers,
                otherwise,
                finally,
            } => {
                self.block(body);
                for handler in handlers {
                    self.exprs(handler.exception);
                    handler
                        .name
                        .into_iter()
                        .for_each(|name| self.bind(name.symbol));
                    self.block(&handler.body);
                }
                self.blocks(otherwise.iter().chain(finally));
            }
            _ => {}
        }
    }

    fn function(&mut self, def: &FunctionDef) {
        self.exprs(def.decorators.iter().copied());
        self.exprs(def.params.iter().filter_map(|param| param.default));
        self.bind(def.name.symbol);
        let scope = self.within(ScopeKind::Function, |walk| {
            def.params
                .iter()
                .for_each(|param| walk.bind(param.name.symbol));
            walk.block(&def.body);
        });
        self.scopes.definitions.insert(def.name.span.start, scope);
    }

    fn class(&mut self, def: &ClassDef) {
        self.exprs(def.decorators.iter().chain(&def.bases).copied());
        self.bind(def.name.symbol);
        let scope = self.within(ScopeKind::Class, |walk| {
            let hidden = Binding {
                owner: Owner::Own,
                cell: false,
                count: 1,
            };
            walk.scopes.all[walk.current]
                .names
                .insert(Symbol::intern(CLASS_CELL), hidden);
            walk.block(&def.body);
        });
        self.scopes.definitions.insert(def.name.span.start, scope);
    }

    fn targets(&mut self, targets: &[ExprId]) {
        targets.iter().for_each(|target| self.target(*target));
    }

    fn target(&mut self, target: ExprId) {
        let module = self.module;
        match &module[target].kind {
            ExprKind::Name(name) => self.bind(*name),
            ExprKind::Tuple(parts) | ExprKind::List(parts) => self.targets(parts),
            ExprKind::Starred(inner) => self.target(*inner),
            _ => self.expr(target),
        }
    }

    fn exprs(&mut self, exprs: impl IntoIterator<Item = ExprId>) {
        exprs.into_iter().for_each(|expr| self.expr(expr));
    }

    fn name(&mut self, name: Symbol) {
        if !self.scopes.all[ScopeId::new(0)].names.contains_key(&name) {
            self.scopes.early.insert(name);
        }
        // At the top level nothing is captured by its own use.
        if self.current.index() != 0 {
            self.references.push((self.current, name));
            if name.as_str() == "super" {
                self.references
                    .push((self.current, Symbol::intern(CLASS_CELL)));
            }
        }
    }

    fn expr(&mut self, id: ExprId) {
        let module = self.module;
        match &module[id].kind {
            ExprKind::Name(name) => self.name(*name),
            ExprKind::Tuple(parts) | ExprKind::List(parts) | ExprKind::Set(parts) => {
                self.exprs(parts.iter().copied())
            }
            ExprKind::Unary(_, a) | ExprKind::Attribute(a, _) | ExprKind::Starred(a) => {
                self.expr(*a)
            }
            ExprKind::Binary(_, a, b) | ExprKind::Logical(_, a, b) | ExprKind::Subscript(a, b) => {
                self.exprs([*a, *b])
            }
            ExprKind::Compare(first, rest) => self.exprs(
                [*first]
                    .into_iter()
                    .chain(rest.iter().map(|(_, right)| *right)),
            ),
            ExprKind::Conditional {
                condition,
                then,
                otherwise,
            } => self.exprs([*condition, *then, *otherwise]),
            ExprKind::Call { callee, args } => self.exprs(
                [*callee]
                    .into_iter()
                    .chain(args.iter().map(|arg| arg.value)),
            ),
            ExprKind::Slice { lower, upper, step } => {
                self.exprs([lower, upper, step].into_iter().flatten().copied())
            }
            ExprKind::Dict(parts) => self.exprs(
                parts
                    .iter()
                    .flat_map(|(key, value)| key.iter().chain([value]).copied()),
            ),
            ExprKind::FString(parts) => self.exprs(parts.iter().filter_map(|part| match part {
                FStringPart::Value { value, .. } => Some(*value),
                FStringPart::Text(_) => None,
            })),
            ExprKind::ListComp { element, clauses } => self.comprehension(id, clauses, &[*element]),
            ExprKind::DictComp {
                key,
                value,
                clauses,
            } => self.comprehension(id, clauses, &[*key, *value]),
            ExprKind::Lambda { params, body } => self.lambda(id, params, *body),
            ExprKind::Named(name, value) => {
                self.expr(*value);
                self.bind_named(name.symbol);
            }
            _ => {}
        }
    }

    fn lambda(&mut self, id: ExprId, params: &[Param], body: ExprId) {
        self.exprs(params.iter().filter_map(|param| param.default));
        let scope = self.within(ScopeKind::Function, |walk| {
            params.iter().for_each(|param| walk.bind(param.name.symbol));
            walk.expr(body);
        });
        self.scopes.exprs.insert(id, scope);
    }

    /// The first iterable belongs to the code around the comprehension.
    fn comprehension(&mut self, id: ExprId, clauses: &[CompClause], elements: &[ExprId]) {
        self.exprs(clauses.first().map(|clause| clause.iterable));
        let scope = self.within(ScopeKind::Comprehension, |walk| {
            for (nth, clause) in clauses.iter().enumerate() {
                if nth > 0 {
                    walk.expr(clause.iterable);
                }
                walk.target(clause.target);
                walk.exprs(clause.conditions.iter().copied());
            }
            walk.exprs(elements.iter().copied());
        });
        self.scopes.exprs.insert(id, scope);
    }
}
