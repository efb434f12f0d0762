//! The parts of a program at a place.

use crate::source::Span;
use crate::syntax::ast::{Block, ExprId, ExprKind, Module};

/// The innermost statement that holds `span`, with the block that it stands in and its number there.
pub(super) fn statement(module: &Module, span: Span) -> Option<(&Block, usize)> {
    let mut block = &module.body;
    let mut found = None;
    loop {
        let at = block.stmts.iter().position(|stmt| holds(stmt.span, span))?;
        found = Some((block, at)).or(found);
        let inner = block.stmts[at]
            .all_blocks()
            .into_iter()
            .find(|inner| inner.stmts.iter().any(|stmt| holds(stmt.span, span)));
        match inner {
            Some(inner) => block = inner,
            None => return found,
        }
    }
}

/// The expressions of exactly this place, outermost first.
pub(super) fn expressions(module: &Module, span: Span) -> impl Iterator<Item = ExprId> + '_ {
    module
        .exprs
        .iter_enumerated()
        .filter(move |(_, expr)| expr.span == span)
        .map(|(id, _)| id)
}

/// The calls within `span`, with the callee.
pub(super) fn calls(module: &Module, span: Span) -> impl Iterator<Item = (ExprId, ExprId)> + '_ {
    module
        .exprs
        .iter_enumerated()
        .filter(move |(_, expr)| holds(span, expr.span))
        .filter_map(|(id, expr)| match expr.kind {
            ExprKind::Call { callee, .. } => Some((id, callee)),
            _ => None,
        })
}

/// Whether an expression is a name, or attributes of one: what can be named twice without doing something twice.
pub(super) fn is_plain(module: &Module, expr: ExprId) -> bool {
    match module[expr].kind {
        ExprKind::Name(_) => true,
        ExprKind::Attribute(object, _) => is_plain(module, object),
        _ => false,
    }
}

pub(super) fn holds(outer: Span, inner: Span) -> bool {
    outer.file == inner.file && outer.start <= inner.start && inner.end <= outer.end
}
