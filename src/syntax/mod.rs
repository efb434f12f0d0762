//! Text to tree and back: tokens (`logos`), the grammar (`grammar/`, `lalrpop`), the tree, the printer.
//! [`parse`] returns a tree and messages and never fails.

pub mod ast;
mod builder;
mod errors;
mod expected;
mod grouping;
mod layout;
mod level;
mod lexer;
mod literal;
mod parser;
mod print;
mod print_expr;
mod same;
mod statements;
pub mod token;
mod visit;

pub use builder::MAX_EXPR_DEPTH;
pub use errors::MAX_ERRORS;
pub use layout::MAX_NESTING;
pub use parser::parse;
pub use print::print;
pub use same::same_tree;

/// The generated parser.
#[allow(missing_docs, clippy::all, clippy::pedantic, unused)]
mod grammar {
    lalrpop_util::lalrpop_mod!(tg, "/tg.rs");
    pub use tg::StatementParser;
}
