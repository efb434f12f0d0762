//! Whether two trees are the same, spans and comments aside.

use super::ast::Module;

/// Whether `a` and `b` are the same program.
pub fn same_tree(a: &Module, b: &Module) -> bool {
    let _ = (a, b);
    false
}
