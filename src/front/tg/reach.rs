//! What of the prelude a program may reach: what the names in it say.

use rustc_hash::FxHashSet;

use crate::prelude::Reach;
use crate::symbol::Symbol;
use crate::syntax::ast::{Argument, Block, ExprId, ExprKind, FStringPart, Module, Name, StmtKind};

/// Python's ways to an attribute whose name is a value.
const BY_VALUE: [&str; 5] = ["getattr", "dir", "vars", "methodcaller", "attrgetter"];

/// What the names of a program reach.
pub fn of<'m>(modules: impl Iterator<Item = &'m Module> + Clone) -> Reach {
    let mut reach = Reach::nothing();
    let mut seen = FxHashSet::default();
    let mut by_value = 0;
    let mut deletes = modules.clone().any(|module| has_del(&module.body));
    let exprs = modules.flat_map(|module| module.exprs.iter().map(move |expr| (module, expr)));
    for (module, expr) in exprs {
        match &expr.kind {
            ExprKind::Name(name) | ExprKind::Attribute(_, Name { symbol: name, .. }) => {
                by_value += usize::from(is_by_value(*name));
                deletes |= name.as_str() == "delattr";
                if seen.insert(*name) {
                    reach.mention(name.as_str());
                }
            }
            ExprKind::Str(text) => reach.mention_words(text),
            ExprKind::FString(parts) => parts.iter().for_each(|part| {
                if let FStringPart::Text(text) = part {
                    reach.mention_words(text);
                }
            }),
            ExprKind::Call { callee, args } if names_its_attribute(module, *callee, args) => {
                by_value -= 1;
            }
            _ => {}
        }
    }
    if by_value > 0 {
        return Reach::everything();
    }
    if deletes {
        DELETING.iter().for_each(|name| reach.mention(name));
    }
    reach.settle();
    reach
}

/// What `del` and `delattr` call.
const DELETING: [&str; 2] = ["__delattr__", "__delitem__"];

fn has_del(block: &Block) -> bool {
    block.stmts.iter().any(|stmt| {
        let blocks = stmt.all_blocks();
        matches!(stmt.kind, StmtKind::Del(_)) || blocks.into_iter().any(has_del)
    })
}

fn is_by_value(name: Symbol) -> bool {
    BY_VALUE.contains(&name.as_str())
}

/// `getattr(x, "name")`
fn names_its_attribute(module: &Module, callee: ExprId, args: &[Argument]) -> bool {
    let is_by_value = matches!(module[callee].kind, ExprKind::Name(name) if is_by_value(name));
    let name = args.get(1).map(|arg| &module[arg.value].kind);
    is_by_value && matches!(name, Some(ExprKind::Str(_)))
}
