//! The printer.

use super::ast::Module;

/// Prints `module`.
pub fn print(module: &Module, source_text: &str) -> String {
    let _ = module;
    source_text.to_owned()
}
