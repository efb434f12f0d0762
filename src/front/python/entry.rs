//! Where a library file is entered from: functions and classes that nothing in it uses.

use ruff_python_ast as py;

use super::translator::Translator;
use crate::syntax::ast::Stmt;

impl Translator<'_> {
    /// Adds calls with unknown arguments, and returns how many statements of the text come before them.
    pub fn entries(&mut self, _body: &[py::Stmt], stmts: &mut [Stmt]) -> usize {
        stmts.len()
    }
}
