//! The printer: a tree as text, in one style. What it prints parses to the same tree, and prints as itself.
//!
//! Comments and blank lines are no part of the tree: they are taken from where they stand in the source text.
//! A comment behind a statement stays behind it; one inside of brackets breaks them, an item a line.

use super::ast::*;
use crate::source::Span;

/// How long a line may be before its brackets are broken, an item a line.
pub const MAX_COLUMNS: usize = 100;

/// What a level of blocks or brackets is indented by.
const INDENT: &str = "    ";

/// Prints `module`, which was parsed from `source_text`. A tree that was made otherwise has no source: pass `""`.
pub fn print(module: &Module, source_text: &str) -> String {
    let mut printer = Printer {
        module,
        source: source_text,
        out: String::with_capacity(source_text.len()),
        line_start: 0,
        indent: 0,
        flat: None,
        overflow: false,
        comments: &module.comments,
    };
    printer.statements(&module.body.stmts);
    printer.own_line_comments(u32::MAX);
    printer.out
}

/// The state of a print. Its recursion is as deep as the tree, which the parser bounds.
pub(super) struct Printer<'a> {
    pub(super) module: &'a Module,
    pub(super) source: &'a str,
    pub(super) out: String,
    /// Where the current line begins in `out`.
    pub(super) line_start: usize,
    pub(super) indent: usize,
    /// Where a try to print something on one line began.
    pub(super) flat: Option<usize>,
    /// Whether that try failed.
    pub(super) overflow: bool,
    /// The comments that are not printed yet.
    pub(super) comments: &'a [Comment],
}

impl Printer<'_> {
    // Lines and comments

    pub(super) fn push(&mut self, text: &str) {
        self.out.push_str(text);
    }

    pub(super) fn newline(&mut self) {
        self.out.push('\n');
        self.line_start = self.out.len();
    }

    pub(super) fn start_line(&mut self) {
        for _ in 0..self.indent {
            self.out.push_str(INDENT);
        }
    }

    /// Whether a comment that is not printed yet stands before `end`.
    pub(super) fn comment_before(&self, end: u32) -> bool {
        self.comments
            .first()
            .is_some_and(|comment| comment.span.start < end)
    }

    /// Whether an empty line stands before the place `start` in the source.
    fn blank_line_before(&self, start: u32) -> bool {
        let before = self.source.get(..start as usize).unwrap_or("");
        let gap = &before[before
            .trim_end_matches([' ', '\t', '\r', '\n', ';', '\x0c'])
            .len()..];
        gap.bytes().filter(|&byte| byte == b'\n').count() > 1
    }

    fn begin_item(&mut self, start: u32) {
        let first = self.out.is_empty()
            || ["{\n", "(\n", "[\n"]
                .iter()
                .any(|open| self.out.ends_with(open));
        if !first && self.blank_line_before(start) {
            self.newline();
        }
        self.start_line();
    }

    /// Prints the comments that stand before `end`, each on its own line.
    pub(super) fn own_line_comments(&mut self, end: u32) {
        while let [comment, rest @ ..] = self.comments
            && comment.span.start < end
        {
            self.comments = rest;
            self.begin_item(comment.span.start);
            self.push(&comment.text);
            self.newline();
        }
    }

    /// Ends a line; a comment that stands before `end` goes behind it, further ones below.
    pub(super) fn end_line(&mut self, end: u32) {
        if self.comment_before(end) {
            self.trailing_comment();
            self.newline();
            self.own_line_comments(end);
        } else {
            self.newline();
        }
    }

    fn trailing_comment(&mut self) {
        if let [comment, rest @ ..] = self.comments {
            self.comments = rest;
            self.push("  ");
            self.push(&comment.text);
        }
    }

    /// The end of the comment that stands on the line where something ends at `end`, or else `end`.
    pub(super) fn with_trailing(&self, end: u32) -> u32 {
        let inside = self
            .comments
            .partition_point(|comment| comment.span.start < end);
        let Some(comment) = self.comments.get(inside) else {
            return end;
        };
        let between = self
            .source
            .get(end as usize..comment.span.start as usize)
            .unwrap_or("\n");
        let blank = between
            .bytes()
            .all(|byte| matches!(byte, b' ' | b'\t' | b';' | b',' | b'\x0c'));
        if blank { comment.span.end } else { end }
    }

    // Statements

    fn statements(&mut self, stmts: &[Stmt]) {
        for stmt in stmts {
            self.own_line_comments(stmt.span.start);
            self.begin_item(stmt.span.start);
            self.statement(stmt);
            self.end_line(self.with_trailing(stmt.span.end));
        }
    }

    fn block(&mut self, block: &Block) {
        let head_end = self.with_trailing(block.span.start + 1);
        if block.stmts.is_empty() && !self.comment_before(block.span.end) {
            return self.push("{ }");
        }
        self.push("{");
        self.indent += 1;
        self.end_line(head_end);
        self.statements(&block.stmts);
        self.own_line_comments(block.span.end.saturating_sub(1));
        self.indent -= 1;
        self.start_line();
        self.push("}");
    }

    fn keyword_block(&mut self, keyword: &str, block: &Option<Block>) {
        if let Some(block) = block {
            self.push(keyword);
            self.block(block);
        }
    }

    fn statement(&mut self, stmt: &Stmt) {
        match &stmt.kind {
            StmtKind::If { arms, otherwise } => self.if_statement(arms, otherwise),
            StmtKind::While {
                condition,
                body,
                otherwise,
            } => {
                self.push("while ");
                self.head(*condition, body);
                self.keyword_block(" else ", otherwise);
            }
            StmtKind::For {
                target,
                iterable,
                body,
                otherwise,
            } => {
                self.push("for ");
                self.bare(*target);
                self.push(" in ");
                self.head(*iterable, body);
                self.keyword_block(" else ", otherwise);
            }
            StmtKind::With { items, body } => self.with_statement(items, body),
            StmtKind::Try {
                body,
                handlers,
                otherwise,
                finally,
            } => {
                self.push("try ");
                self.block(body);
                for handler in handlers {
                    self.catch(handler);
                }
                self.keyword_block(" else ", otherwise);
                self.keyword_block(" finally ", finally);
            }
            StmtKind::Function(function) => self.function(function),
            StmtKind::Class(class) => self.class(class),
            kind => self.simple(kind, stmt.span),
        }
    }

    /// `condition {`
    fn head(&mut self, condition: ExprId, body: &Block) {
        self.expr(condition, 1);
        self.push(" ");
        self.block(body);
    }

    fn if_statement(&mut self, arms: &[(ExprId, Block)], otherwise: &Option<Block>) {
        for (at, (condition, body)) in arms.iter().enumerate() {
            self.push(if at == 0 { "if " } else { " else if " });
            self.head(*condition, body);
        }
        self.keyword_block(" else ", otherwise);
    }

    fn with_statement(&mut self, items: &[WithItem], body: &Block) {
        self.push("with ");
        for (at, item) in items.iter().enumerate() {
            self.push(if at == 0 { "" } else { ", " });
            self.expr(item.manager, 1);
            if let Some(target) = item.target {
                self.push(" as ");
                self.expr(target, 6);
            }
        }
        self.push(" ");
        self.block(body);
    }

    fn catch(&mut self, catch: &Catch) {
        self.push(" catch ");
        match (catch.exception, catch.name) {
            (Some(exception), name) => {
                self.expr(exception, 1);
                if let Some(name) = name {
                    self.push(" as ");
                    self.push(name.symbol.as_str());
                }
                self.push(" ");
            }
            (None, Some(name)) => {
                self.push(name.symbol.as_str());
                self.push(" ");
            }
            (None, None) => {}
        }
        self.block(&catch.body);
    }

    /// Decorators, each on its line.
    fn decorators(&mut self, decorators: &[ExprId]) {
        for &decorator in decorators {
            self.push("@");
            self.expr(decorator, 1);
            self.end_line(self.with_trailing(self.module[decorator].span.end));
            self.start_line();
        }
    }

    /// Comments between the last decorator and what it decorates, whose name stands at `name`.
    fn comments_before_name(&mut self, name: Span) {
        if self.comment_before(name.start) {
            let indented = self.indent * INDENT.len();
            self.out.truncate(self.out.len() - indented);
            self.own_line_comments(name.start);
            self.start_line();
        }
    }

    fn function(&mut self, function: &FunctionDef) {
        self.decorators(&function.decorators);
        self.comments_before_name(function.name.span);
        self.push("fn ");
        self.push(function.name.symbol.as_str());
        self.params_group(&function.params, function.body.span.start);
        self.push(" ");
        self.block(&function.body);
    }

    fn class(&mut self, class: &ClassDef) {
        self.decorators(&class.decorators);
        self.comments_before_name(class.name.span);
        self.push("class ");
        self.push(class.name.symbol.as_str());
        if !class.bases.is_empty() {
            self.group(
                "(",
                &class.bases,
                ")",
                class.body.span.start,
                |printer, &base| printer.expr(base, 1),
            );
        }
        self.push(" ");
        self.block(&class.body);
    }

    fn simple(&mut self, kind: &StmtKind, span: Span) {
        match kind {
            StmtKind::Expr(e) => self.bare(*e),
            StmtKind::Assign { targets, value } => {
                for &target in targets {
                    self.bare(target);
                    self.push(" = ");
                }
                self.bare(*value);
            }
            StmtKind::Annotated { target, ty, value } => {
                self.expr(*target, 1);
                self.push(": ");
                self.annotation(ty);
                self.push(" = ");
                self.bare(*value);
            }
            StmtKind::AugAssign { target, op, value } => {
                self.expr(*target, 1);
                self.push(" ");
                self.push(op.text());
                self.push("= ");
                self.bare(*value);
            }
            StmtKind::Return(e) => self.keyword("return", e.as_slice(), true),
            StmtKind::Raise(e) => self.keyword("raise", e.as_slice(), false),
            StmtKind::Assert { condition, message } => {
                self.keyword("assert", &[*condition], false);
                if let Some(message) = message {
                    self.push(", ");
                    self.expr(*message, 1);
                }
            }
            StmtKind::Del(targets) => self.keyword("del", targets, false),
            StmtKind::Global(names) => self.names("global ", names),
            StmtKind::Nonlocal(names) => self.names("nonlocal ", names),
            StmtKind::Break => self.push("break"),
            StmtKind::Continue => self.push("continue"),
            StmtKind::Pass => self.push("pass"),
            // A part that could not be parsed stays as it is.
            _ => self.verbatim(span),
        }
    }

    /// The source at `span`, with the comments that are in it.
    pub(super) fn verbatim(&mut self, span: Span) {
        let text = self.source.get(span.range()).unwrap_or("");
        self.push(text);
        self.note_newlines();
        let inside = self
            .comments
            .partition_point(|comment| comment.span.end <= span.end);
        self.comments = &self.comments[inside..];
    }

    /// Finds the start of the line again after text with newlines in it.
    pub(super) fn note_newlines(&mut self) {
        if let Some(newline) = self.out[self.line_start..].rfind('\n') {
            self.line_start += newline + 1;
        }
    }

    fn keyword(&mut self, keyword: &str, values: &[ExprId], bare: bool) {
        self.push(keyword);
        for (at, &value) in values.iter().enumerate() {
            self.push(if at == 0 { " " } else { ", " });
            match bare {
                true => self.bare(value),
                false => self.expr(value, 1),
            }
        }
    }

    fn names(&mut self, keyword: &str, names: &[Name]) {
        self.push(keyword);
        let names: Vec<&str> = names.iter().map(|name| name.symbol.as_str()).collect();
        self.push(&names.join(", "));
    }

    fn annotation(&mut self, ty: &TypeAnnotation) {
        self.push(ty.dtype.symbol.as_str());
        if let Some(shape) = &ty.shape {
            self.group("[", shape, "]", ty.span.end, |printer, &size| {
                printer.expr(size, 1)
            });
        }
    }
}
