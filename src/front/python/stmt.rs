//! Statements.

use ruff_python_ast::{self as py, ExceptHandler, Expr as Py, Stmt as PyStmt};
use ruff_text_size::Ranged;

use super::expr::binary_op;
use super::translator::Translator;
use crate::source::Span;
use crate::syntax::ast::*;

impl Translator<'_> {
    /// The statements of a block.
    pub fn suite(&mut self, body: &[PyStmt]) -> Vec<Stmt> {
        let mut out = Vec::with_capacity(body.len());
        for stmt in body {
            self.stmt(stmt, &mut out);
        }
        out
    }

    /// A block; `header_end`: where the line that heads it ends.
    pub fn block(&mut self, body: &[PyStmt], header_end: u32) -> Block {
        let stmts = self.suite(body);
        let end = body.last().map_or(header_end, |last| self.span(last).end);
        let span = Span {
            file: self.file,
            start: header_end.min(end),
            end,
        };
        Block { stmts, span }
    }

    fn optional_block(&mut self, body: &[PyStmt]) -> Option<Block> {
        let first = body.first()?;
        let start = self.span(first).start;
        Some(self.block(body, start))
    }

    fn stmt(&mut self, stmt: &PyStmt, out: &mut Vec<Stmt>) {
        let span = self.span(stmt);
        let kind = match stmt {
            PyStmt::Expr(stmt) => StmtKind::Expr(self.expr(&stmt.value)),
            PyStmt::Assign(assign) => {
                let value = self.expr(&assign.value);
                StmtKind::Assign {
                    targets: self.targets(&assign.targets),
                    value,
                }
            }
            PyStmt::AugAssign(assign) => StmtKind::AugAssign {
                target: self.target(&assign.target),
                op: binary_op(assign.op),
                value: self.expr(&assign.value),
            },
            PyStmt::AnnAssign(assign) => match &assign.value {
                Some(value) => {
                    let value = self.expr(value);
                    StmtKind::Assign {
                        targets: vec![self.target(&assign.target)],
                        value,
                    }
                }
                None => StmtKind::Pass,
            },
            PyStmt::TypeAlias(alias) => StmtKind::Assign {
                targets: vec![self.target(&alias.name)],
                value: self.unknown(span),
            },
            PyStmt::Return(stmt) => return self.return_stmt(stmt, span, out),
            PyStmt::Raise(stmt) => StmtKind::Raise(stmt.exc.as_ref().map(|value| self.expr(value))),
            PyStmt::Assert(stmt) => StmtKind::Assert {
                condition: self.expr(&stmt.test),
                message: stmt.msg.as_ref().map(|message| self.expr(message)),
            },
            PyStmt::Delete(stmt) => StmtKind::Del(self.targets(&stmt.targets)),
            PyStmt::Global(stmt) => {
                StmtKind::Global(stmt.names.iter().map(|name| self.name(name)).collect())
            }
            PyStmt::Nonlocal(stmt) => {
                StmtKind::Nonlocal(stmt.names.iter().map(|name| self.name(name)).collect())
            }
            PyStmt::Break(_) => StmtKind::Break,
            PyStmt::Continue(_) => StmtKind::Continue,
            // What an import binds is written out where it is used.
            PyStmt::Import(_) | PyStmt::ImportFrom(_) => return,
            PyStmt::Pass(_) | PyStmt::IpyEscapeCommand(_) => StmtKind::Pass,
            PyStmt::Match(stmt) => return self.match_stmt(stmt, span, out),
            _ => self.compound(stmt),
        };
        out.push(Stmt { kind, span });
    }

    fn compound(&mut self, stmt: &PyStmt) -> StmtKind {
        match stmt {
            PyStmt::FunctionDef(def) => StmtKind::Function(self.function(def)),
            PyStmt::ClassDef(def) => StmtKind::Class(self.class(def)),
            PyStmt::If(stmt) => self.if_stmt(stmt),
            PyStmt::While(stmt) => StmtKind::While {
                condition: self.expr(&stmt.test),
                body: self.block(&stmt.body, stmt.test.end().to_u32()),
                otherwise: self.optional_block(&stmt.orelse),
            },
            PyStmt::For(stmt) => {
                let iterable = self.expr(&stmt.iter);
                StmtKind::For {
                    target: self.target(&stmt.target),
                    iterable,
                    body: self.block(&stmt.body, stmt.iter.end().to_u32()),
                    otherwise: self.optional_block(&stmt.orelse),
                }
            }
            PyStmt::With(stmt) => {
                let items = stmt.items.iter().map(|item| self.with_item(item)).collect();
                let header = stmt.items.last().map_or(stmt.start(), |item| item.end());
                StmtKind::With {
                    items,
                    body: self.block(&stmt.body, header.to_u32()),
                }
            }
            PyStmt::Try(stmt) => self.try_stmt(stmt),
            _ => StmtKind::Pass,
        }
    }

    fn if_stmt(&mut self, stmt: &py::StmtIf) -> StmtKind {
        let condition = self.expr(&stmt.test);
        let mut arms = vec![(condition, self.block(&stmt.body, stmt.test.end().to_u32()))];
        let mut otherwise = None;
        for clause in &stmt.elif_else_clauses {
            match &clause.test {
                Some(test) => {
                    let condition = self.expr(test);
                    arms.push((condition, self.block(&clause.body, test.end().to_u32())));
                }
                None => otherwise = Some(self.block(&clause.body, clause.start().to_u32())),
            }
        }
        StmtKind::If { arms, otherwise }
    }

    fn with_item(&mut self, item: &py::WithItem) -> WithItem {
        WithItem {
            manager: self.expr(&item.context_expr),
            target: item
                .optional_vars
                .as_ref()
                .map(|target| self.target(target)),
        }
    }

    fn try_stmt(&mut self, stmt: &py::StmtTry) -> StmtKind {
        let body = self.block(&stmt.body, stmt.start().to_u32());
        let handlers: Vec<Catch> = stmt
            .handlers
            .iter()
            .map(|ExceptHandler::ExceptHandler(handler)| Catch {
                exception: handler.type_.as_ref().map(|class| self.expr(class)),
                name: handler.name.as_ref().map(|name| self.name(name)),
                body: self.block(&handler.body, handler.start().to_u32()),
                span: self.span(handler),
            })
            .collect();
        let otherwise = self.optional_block(&stmt.orelse);
        let mut finally = self.optional_block(&stmt.finalbody);
        if handlers.is_empty() && finally.is_none() {
            // A `try` without either is a syntax error, which has been told.
            finally = Some(Block {
                stmts: Vec::new(),
                span: body.span,
            });
        }
        StmtKind::Try {
            body,
            handlers,
            otherwise,
            finally,
        }
    }

    /// In a generator, `return` ends the list of what was yielded.
    fn return_stmt(&mut self, stmt: &py::StmtReturn, span: Span, out: &mut Vec<Stmt>) {
        let value = stmt.value.as_deref().map(|value: &Py| self.expr(value));
        let value = match self.generators.last() {
            Some(true) => {
                if let Some(value) = value {
                    out.push(Stmt {
                        kind: StmtKind::Expr(value),
                        span,
                    });
                }
                Some(self.generator_value(span))
            }
            _ => value,
        };
        out.push(Stmt {
            kind: StmtKind::Return(value),
            span,
        });
    }
}
