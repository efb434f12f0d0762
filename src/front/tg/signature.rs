//! The keyword arguments that functions and classes take, as far as the text tells.

use rustc_hash::FxHashMap;

use crate::symbol::Symbol;
use crate::syntax::ast::*;

/// What a function or class takes by name.
#[derive(Clone, Debug)]
pub enum Signature {
    /// It cannot be told.
    Open,
    /// Just these.
    Keywords(Vec<Symbol>),
    /// A class without an `__init__` of its own: what the first of its bases takes that has one, by dotted name.
    Inherited(Vec<String>),
}

/// The signatures of a file's functions and classes.
pub fn of_module(module: &Module) -> FxHashMap<Symbol, Signature> {
    let mut signatures = FxHashMap::default();
    for stmt in &module.body.stmts {
        match &stmt.kind {
            StmtKind::Function(def) => {
                enter(&mut signatures, def.name.symbol, decorated(module, def))
            }
            StmtKind::Class(def) => enter(&mut signatures, def.name.symbol, of_class(module, def)),
            _ => {}
        }
    }
    signatures
}

fn enter(signatures: &mut FxHashMap<Symbol, Signature>, name: Symbol, signature: Signature) {
    signatures
        .entry(name)
        .and_modify(|known| *known = Signature::Open)
        .or_insert(signature);
}

fn decorated(module: &Module, def: &FunctionDef) -> Signature {
    let transparent = |decorator: &ExprId| {
        dotted(module, called(module, *decorator)).is_some_and(|name| is_mode(&name))
    };
    match def.decorators.iter().all(transparent) {
        true => of_params(&def.params, 0),
        false => Signature::Open,
    }
}

/// Whether a decorator of that name leaves a function's parameters as they are.
fn is_mode(name: &str) -> bool {
    matches!(
        name.trim_start_matches("torch."),
        "no_grad" | "enable_grad" | "inference_mode" | "set_grad_enabled"
    )
}

fn called(module: &Module, expr: ExprId) -> ExprId {
    match &module[expr].kind {
        ExprKind::Call { callee, .. } => *callee,
        _ => expr,
    }
}

fn of_params(params: &[Param], skip: usize) -> Signature {
    if params.iter().any(|param| param.kind == ParamKind::KwArgs) {
        return Signature::Open;
    }
    let named = params
        .iter()
        .skip(skip)
        .filter(|param| param.kind != ParamKind::VarArgs);
    Signature::Keywords(named.map(|param| param.name.symbol).collect())
}

fn of_class(module: &Module, def: &ClassDef) -> Signature {
    if !def.decorators.is_empty() {
        return Signature::Open;
    }
    let mut inits = def.body.stmts.iter().filter_map(|stmt| match &stmt.kind {
        StmtKind::Function(method) if method.name.symbol.as_str() == "__init__" => Some(method),
        _ => None,
    });
    match inits.next_back() {
        Some(init) if init.decorators.is_empty() => of_params(&init.params, 1),
        Some(_) => Signature::Open,
        None => def
            .bases
            .iter()
            .map(|base| dotted(module, *base))
            .collect::<Option<_>>()
            .map_or(Signature::Open, Signature::Inherited),
    }
}

/// `a.b.c`, if the expression is just that.
pub fn dotted(module: &Module, expr: ExprId) -> Option<String> {
    let mut parts = Vec::new();
    let mut at = expr;
    while let ExprKind::Attribute(object, name) = &module[at].kind {
        parts.push(name.symbol.as_str());
        at = *object;
    }
    let ExprKind::Name(root) = &module[at].kind else {
        return None;
    };
    parts.push(root.as_str());
    parts.reverse();
    Some(parts.join("."))
}
