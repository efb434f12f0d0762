//! `match`: each pattern becomes a condition, in which `(name := value)` binds what it captures.

use ruff_python_ast::{self as py, Pattern};
use ruff_text_size::Ranged;

use super::translator::Translator;
use crate::source::Span;
use crate::symbol::Symbol;
use crate::syntax::ast::*;

impl Translator<'_> {
    /// `match subject: case …`
    pub fn match_stmt(&mut self, stmt: &py::StmtMatch, span: Span, out: &mut Vec<Stmt>) {
        let subject = self.fresh("subject");
        let subject_span = self.span(&*stmt.subject);
        let target = self.add(ExprKind::Name(subject), subject_span);
        let value = self.expr(&stmt.subject);
        out.push(Stmt {
            kind: StmtKind::Assign {
                targets: vec![target],
                value,
            },
            span: subject_span,
        });
        let mut arms = Vec::new();
        let mut otherwise = None;
        for case in &stmt.cases {
            let access = self.add(ExprKind::Name(subject), self.span(&case.pattern));
            let matches = self.pattern(&case.pattern, access);
            let guard = case.guard.as_ref().map(|guard| self.expr(guard));
            let condition = self.both(matches, guard);
            let body = self.block(&case.body, case.pattern.end().to_u32());
            match condition {
                Some(condition) => arms.push((condition, body)),
                None => {
                    otherwise = Some(body);
                    break;
                }
            }
        }
        if arms.is_empty() {
            let condition = self.add(ExprKind::Bool(true), subject_span);
            let body = otherwise.take().unwrap_or(Block {
                stmts: Vec::new(),
                span: subject_span,
            });
            arms.push((condition, body));
        }
        out.push(Stmt {
            kind: StmtKind::If { arms, otherwise },
            span,
        });
    }

    fn both(&mut self, left: Option<ExprId>, right: Option<ExprId>) -> Option<ExprId> {
        match (left, right) {
            (Some(left), Some(right)) => {
                let span = self.exprs[left].span;
                Some(self.add(ExprKind::Logical(BoolOp::And, left, right), span))
            }
            (left, right) => left.or(right),
        }
    }

    /// The condition that a value matches; none if everything does.
    fn pattern(&mut self, pattern: &Pattern, value: ExprId) -> Option<ExprId> {
        let span = self.span(pattern);
        match pattern {
            Pattern::MatchValue(pattern) => {
                let wanted = self.expr(&pattern.value);
                Some(self.compared(value, CompareOp::Eq, wanted, span))
            }
            Pattern::MatchSingleton(pattern) => {
                let wanted = match pattern.value {
                    py::Singleton::None => ExprKind::None,
                    py::Singleton::True => ExprKind::Bool(true),
                    py::Singleton::False => ExprKind::Bool(false),
                };
                let wanted = self.add(wanted, span);
                Some(self.compared(value, CompareOp::Is, wanted, span))
            }
            Pattern::MatchAs(pattern) => {
                let inner = pattern
                    .pattern
                    .as_ref()
                    .and_then(|pattern| self.pattern(pattern, value));
                let bound = pattern.name.as_ref().map(|name| self.bound(name, value));
                self.both(inner, bound)
            }
            Pattern::MatchOr(or) => {
                let mut any = None;
                for pattern in &or.patterns {
                    let one = self.pattern(pattern, value)?;
                    any = Some(match any {
                        Some(any) => self.add(ExprKind::Logical(BoolOp::Or, any, one), span),
                        None => one,
                    });
                }
                any
            }
            Pattern::MatchSequence(pattern) => Some(self.sequence(&pattern.patterns, value, span)),
            Pattern::MatchMapping(pattern) => Some(self.mapping(pattern, value, span)),
            Pattern::MatchClass(pattern) => Some(self.class_pattern(pattern, value, span)),
            Pattern::MatchStar(star) => star.name.as_ref().map(|name| self.bound(name, value)),
        }
    }

    fn compared(&mut self, left: ExprId, op: CompareOp, right: ExprId, span: Span) -> ExprId {
        self.add(ExprKind::Compare(left, vec![(op, right)]), span)
    }

    /// `(name := value) is name`, which holds.
    fn bound(&mut self, name: &py::Identifier, value: ExprId) -> ExprId {
        let name = self.name(name);
        let named = self.add(ExprKind::Named(name, value), name.span);
        let again = self.add(ExprKind::Name(name.symbol), name.span);
        self.compared(named, CompareOp::Is, again, name.span)
    }

    fn is_instance(&mut self, value: ExprId, class: ExprId, span: Span) -> ExprId {
        let callee = self.builtin("isinstance", span);
        self.call_of(callee, &[value, class], span)
    }

    fn sequence(&mut self, patterns: &[Pattern], value: ExprId, span: Span) -> ExprId {
        let types = [self.builtin("list", span), self.builtin("tuple", span)];
        let types = self.add(ExprKind::Tuple(types.to_vec()), span);
        let is_sequence = self.is_instance(value, types, span);
        let star = patterns.iter().position(Pattern::is_match_star);
        let len = self.builtin("len", span);
        let len = self.call_of(len, &[value], span);
        let wanted = (patterns.len() - usize::from(star.is_some())) as i64;
        let wanted = self.add(ExprKind::Int(wanted), span);
        let op = if star.is_some() {
            CompareOp::Ge
        } else {
            CompareOp::Eq
        };
        let fits = self.compared(len, op, wanted, span);
        let mut all = self.both(Some(is_sequence), Some(fits));
        for (nth, pattern) in patterns.iter().enumerate() {
            let at = match star {
                Some(star) if nth > star => nth as i64 - patterns.len() as i64,
                _ => nth as i64,
            };
            let index = match star {
                Some(star) if nth == star => {
                    let after = (patterns.len() - star - 1) as i64;
                    let lower = self.add(ExprKind::Int(at), span);
                    let upper = (after > 0).then(|| self.add(ExprKind::Int(-after), span));
                    self.add(
                        ExprKind::Slice {
                            lower: Some(lower),
                            upper,
                            step: None,
                        },
                        span,
                    )
                }
                _ => self.add(ExprKind::Int(at), span),
            };
            let element = self.add(ExprKind::Subscript(value, index), span);
            let matches = self.pattern(pattern, element);
            all = self.both(all, matches);
        }
        all.unwrap_or(is_sequence)
    }

    fn mapping(&mut self, pattern: &py::PatternMatchMapping, value: ExprId, span: Span) -> ExprId {
        let class = self.builtin("dict", span);
        let is_mapping = self.is_instance(value, class, span);
        let mut all = Some(is_mapping);
        for (key, pattern) in pattern.keys.iter().zip(&pattern.patterns) {
            let key = self.expr(key);
            let is_there = self.compared(key, CompareOp::In, value, span);
            all = self.both(all, Some(is_there));
            let element = self.add(ExprKind::Subscript(value, key), span);
            let matches = self.pattern(pattern, element);
            all = self.both(all, matches);
        }
        if let Some(rest) = &pattern.rest {
            let unknown = self.unknown(span);
            let bound = self.bound(rest, unknown);
            all = self.both(all, Some(bound));
        }
        all.unwrap_or(is_mapping)
    }

    fn class_pattern(
        &mut self,
        pattern: &py::PatternMatchClass,
        value: ExprId,
        span: Span,
    ) -> ExprId {
        let class = self.expr(&pattern.cls);
        let is_instance = self.is_instance(value, class, span);
        let mut all = Some(is_instance);
        for positional in &pattern.arguments.patterns {
            // `int(n)` captures the value itself; of other classes it depends on `__match_args__`.
            let part = match &*pattern.cls {
                py::Expr::Name(name) if crate::front::tg::is_python_builtin(&name.id) => value,
                _ => self.unknown(span),
            };
            let matches = self.pattern(positional, part);
            all = self.both(all, matches);
        }
        for keyword in &pattern.arguments.keywords {
            let name = Name {
                symbol: Symbol::intern(keyword.attr.as_str()),
                span: self.span(&keyword.attr),
            };
            let part = self.add(ExprKind::Attribute(value, name), span);
            let matches = self.pattern(&keyword.pattern, part);
            all = self.both(all, matches);
        }
        all.unwrap_or(is_instance)
    }
}
