//! From Python to the language's own tree. Python is parsed by `ruff_python_parser`, which only this room names; what it
//! says is then said in the tree of `.tg` (whose statements and expressions are Python's, but for a few forms that are
//! unfolded here), with the places of the Python text. So there is one lowering for both languages, and
//! `emit --to tg` prints just what is linted and run.
//!
//! What is resolved here is what only the text of a file tells: which names are imports. They are written out
//! (`nn.Linear` under `from torch import nn` is `torch.nn.Linear`), so that a builtin is always named by its full path.
//! What has no meaning for gradients becomes [`ExprKind::Error`](crate::syntax::ast::ExprKind::Error), an unknown value.

use ruff_python_ast::token::TokenKind;
use ruff_python_ast::{Mod, ModModule};
use ruff_python_parser::{Mode, ParseOptions, Parsed};
use ruff_text_size::{Ranged, TextRange};

use crate::diagnostic::Diagnostic;
use crate::source::{FileId, NoFiles, Span};
use crate::syntax::ast::{Block, Comment, Dialect, Module};

mod bindings;
mod class;
mod entry;
mod expr;
mod focus;
mod function;
mod guard;
mod imports;
pub mod notebook;
mod pattern;
pub mod project;
mod stmt;
mod translator;

use project::Project;
use translator::Translator;

/// How many syntax errors of one file are told.
const MAX_ERRORS: usize = 100;

/// What the text of a file says.
pub struct Translated {
    /// The tree, as far as the text parses.
    pub module: Module,
    /// Its syntax errors.
    pub errors: Vec<Diagnostic>,
    /// The functions that are not followed, since nothing in them concerns gradients; the whole file: its beginning.
    pub left_out: Vec<Span>,
}

/// Whether a text has nothing to lint beside its syntax: PyTorch has no other name, and what does not name it can only
/// hand on what others made.
pub fn is_without_torch(text: &str) -> bool {
    !text.contains("torch")
}

/// Parses a text and does nothing else with it. Returns its syntax errors.
pub fn syntax_errors(file: FileId, text: &str) -> Vec<Diagnostic> {
    if guard::too_deep(text).is_some() {
        return translate(file, text, Flavor::Script).errors;
    }
    let parsed = ruff_python_parser::parse_unchecked(text, Flavor::Script.options());
    errors(file, text, &parsed)
}

/// The kinds of Python.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flavor {
    /// Python itself.
    Script,
    /// That of notebooks, with magics (`%matplotlib inline`, `!pip install torch`).
    Notebook,
}

impl Flavor {
    fn options(self) -> ParseOptions {
        ParseOptions::from(match self {
            Flavor::Script => Mode::Module,
            Flavor::Notebook => Mode::Ipython,
        })
    }
}

/// Parses and translates a text. Needs a deep stack: call it within [`with_stack`](crate::with_stack).
pub fn translate(file: FileId, text: &str, flavor: Flavor) -> Translated {
    translate_in(&Project::new(&NoFiles, ""), file, text, flavor)
}

/// The same, of the main file of a program of more files.
pub fn translate_in(project: &Project, file: FileId, text: &str, flavor: Flavor) -> Translated {
    match guard::too_deep(text) {
        Some((at, what)) => {
            let span = Span::new(file, at, (at + 1).min(text.len()));
            refused(file, text, Diagnostic::error(span, what))
        }
        None => parsed(project, file, text, flavor),
    }
}

fn refused(file: FileId, text: &str, error: Diagnostic) -> Translated {
    let module = Translator::new(file, text).module(&[], Vec::new());
    let errors = vec![error];
    let left_out = Vec::new();
    Translated {
        module,
        errors,
        left_out,
    }
}

fn parsed(project: &Project, file: FileId, text: &str, flavor: Flavor) -> Translated {
    let parsed = ruff_python_parser::parse_unchecked(text, flavor.options());
    let errors = errors(file, text, &parsed);
    let mut comments = comments(file, text, &parsed);
    let Mod::Module(ModModule { body, .. }) = parsed.into_syntax() else {
        return refused(
            file,
            text,
            Diagnostic::error(Span::new(file, 0, 0), "not a module"),
        );
    };
    let mut translator = Translator::new(file, text).within_project(project, None);
    let mut left_out = Vec::new();
    if project.is_focused() && flavor == Flavor::Script {
        comments.retain(|comment| comment.text.contains("gradlint"));
        let focus = project.focus_of(&body);
        left_out.extend(focus.left_out().iter().map(|place| span(file, *place)));
        if focus.is_nowhere() {
            let module = Translator::new(file, text).module(&[], comments);
            return Translated {
                module,
                errors,
                left_out: vec![Span::new(file, 0, 0)],
            };
        }
        translator.focus = Some(focus);
    }
    let module = translator.module(&body, comments);
    Translated {
        module,
        errors,
        left_out,
    }
}

fn errors(file: FileId, text: &str, parsed: &Parsed<Mod>) -> Vec<Diagnostic> {
    let told = parsed.errors().iter().take(MAX_ERRORS);
    told.map(|error| {
        let message = error.error.to_string();
        let mut chars = message.chars();
        let first = chars.next().map(|c| c.to_ascii_lowercase());
        let message: String = first.into_iter().chain(chars).collect();
        Diagnostic::error(span(file, clamp(error.location, text)), message)
    })
    .collect()
}

/// An error may be said to lie behind the end.
fn clamp(range: TextRange, text: &str) -> TextRange {
    let len = ruff_text_size::TextSize::of(text);
    TextRange::new(range.start().min(len), range.end().min(len))
}

fn comments(file: FileId, text: &str, parsed: &Parsed<Mod>) -> Vec<Comment> {
    let tokens = parsed.tokens().iter();
    tokens
        .filter(|token| token.kind() == TokenKind::Comment)
        .map(|token| {
            let range = token.range();
            let before = &text[..range.start().to_usize()];
            let line = before.rsplit('\n').next().unwrap_or(before);
            Comment {
                span: span(file, range),
                text: text[range].trim_end().into(),
                own_line: line.trim().is_empty(),
            }
        })
        .collect()
}

fn span(file: FileId, range: TextRange) -> Span {
    Span {
        file,
        start: range.start().to_u32(),
        end: range.end().to_u32(),
    }
}

impl Translator<'_> {
    /// The whole file.
    fn module(mut self, body: &[ruff_python_ast::Stmt], comments: Vec<Comment>) -> Module {
        self.enter_module(body);
        let span = Span::new(self.file, 0, self.text.len());
        let mut stmts = self.suite(body);
        let entries = match self.is_main() {
            true => self.entries(body, &mut stmts),
            false => Vec::new(),
        };
        Module {
            file: self.file,
            dialect: Dialect::Python,
            entries,
            body: Block { stmts, span },
            exprs: self.exprs,
            imported: self.imported,
            comments,
        }
    }
}
