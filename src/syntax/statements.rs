//! The grammar's actions for statements, and the checks of targets and parameters.

use super::ast::*;
use super::builder::{Arms, Builder, MAX_NAMES_COMPARED, Param as Written};
use crate::diagnostic::{Diagnostic, Label};
use crate::source::Span;

/// What a target is for; decides what it may be.
#[derive(Clone, Copy, PartialEq)]
enum Use {
    Bind,
    AugAssign,
    Annotate,
    Delete,
}

impl Builder<'_> {
    /// `a = b = e`
    pub fn assign(&mut self, targets: Vec<ExprId>, value: ExprId) {
        for &target in &targets {
            self.check_target(target, Use::Bind);
        }
        self.finish(StmtKind::Assign { targets, value });
    }

    /// `x: f32[2] = e`
    pub fn annotated(&mut self, target: ExprId, ty: TypeAnnotation, value: ExprId) {
        self.check_target(target, Use::Annotate);
        self.finish(StmtKind::Annotated { target, ty, value });
    }

    /// `x += e`
    pub fn aug_assign(&mut self, target: ExprId, op: BinaryOp, value: ExprId) {
        self.check_target(target, Use::AugAssign);
        self.finish(StmtKind::AugAssign { target, op, value });
    }

    /// `del x, y`
    pub fn del(&mut self, targets: Vec<ExprId>) {
        for &target in &targets {
            self.check_target(target, Use::Delete);
        }
        self.finish(StmtKind::Del(targets));
    }

    /// `if a { } else { }`
    pub fn if_(&mut self, arms: Arms, otherwise: Option<u32>) {
        let arms = arms
            .into_iter()
            .map(|(condition, block)| (condition, self.block(block)))
            .collect();
        let otherwise = self.optional(otherwise);
        self.finish(StmtKind::If { arms, otherwise });
    }

    /// `while a { }`
    pub fn while_(&mut self, condition: ExprId, body: u32, otherwise: Option<u32>) {
        let (body, otherwise) = (self.block(body), self.optional(otherwise));
        self.finish(StmtKind::While {
            condition,
            body,
            otherwise,
        });
    }

    /// `for x in e { }`
    pub fn for_(&mut self, target: ExprId, iterable: ExprId, body: u32, otherwise: Option<u32>) {
        let (body, otherwise) = (self.block(body), self.optional(otherwise));
        self.finish(StmtKind::For {
            target,
            iterable,
            body,
            otherwise,
        });
    }

    /// `with a as b { }`
    pub fn with(&mut self, items: Vec<WithItem>, body: u32) {
        let body = self.block(body);
        self.finish(StmtKind::With { items, body });
    }

    /// `try { } catch { } else { } finally { }`, which ends at `end`.
    #[expect(
        clippy::vec_box,
        reason = "lalrpop gives what is on its stack, where boxes keep things small"
    )]
    pub fn try_(
        &mut self,
        body: u32,
        handlers: Vec<Box<Catch>>,
        otherwise: Option<u32>,
        finally: Option<u32>,
        end: u32,
    ) {
        let body = self.block(body);
        if handlers.is_empty() && (finally.is_none() || otherwise.is_some()) {
            let message = match otherwise {
                Some(_) => "expected `catch` before the `else` of this `try`",
                None => "expected `catch` or `finally` behind this block",
            };
            let before = self.text.get(..end as usize).unwrap_or("");
            let last = before.chars().next_back().map_or(0, char::len_utf8);
            let span = self.span(end - last as u32, end);
            self.errors.push(Diagnostic::error(span, message));
        }
        let handlers = handlers.into_iter().map(|handler| *handler).collect();
        let (otherwise, finally) = (self.optional(otherwise), self.optional(finally));
        self.finish(StmtKind::Try {
            body,
            handlers,
            otherwise,
            finally,
        });
    }

    /// `catch e { }`: a lower-case name is what is bound, anything else is what is caught.
    pub fn catch(
        &mut self,
        start: u32,
        e: Option<ExprId>,
        name: Option<Name>,
        body: u32,
        end: u32,
    ) -> Box<Catch> {
        let (exception, name) = match (e.map(|e| &self.exprs[e]), name) {
            (
                Some(&Expr {
                    kind: ExprKind::Name(symbol),
                    span,
                }),
                None,
            ) if !symbol.as_str().starts_with(char::is_uppercase) => {
                (None, Some(Name { symbol, span }))
            }
            (_, name) => (e, name),
        };
        Box::new(Catch {
            exception,
            name,
            body: self.block(body),
            span: self.span(start, end),
        })
    }

    /// `a as b`
    pub fn with_item(&mut self, manager: ExprId, target: Option<ExprId>) -> WithItem {
        if let Some(target) = target {
            self.check_target(target, Use::Bind);
        }
        WithItem { manager, target }
    }

    /// What `for` binds.
    pub fn target_list(&mut self, target: ExprId) -> ExprId {
        self.check_target(target, Use::Bind);
        target
    }

    /// `fn f(a) { }`
    pub fn function(
        &mut self,
        decorators: Vec<ExprId>,
        name: Name,
        params: Vec<Written>,
        body: u32,
    ) {
        let (params, body) = (self.params(params), self.block(body));
        self.finish(StmtKind::Function(FunctionDef {
            decorators,
            name,
            params,
            body,
            is_left_out: false,
        }));
    }

    /// `class C(B) { }`
    pub fn class(&mut self, decorators: Vec<ExprId>, name: Name, bases: Vec<ExprId>, body: u32) {
        let body = self.block(body);
        self.finish(StmtKind::Class(ClassDef {
            decorators,
            name,
            bases,
            body,
        }));
    }

    /// `f32[32, 8]`
    pub fn type_annotation(
        &mut self,
        start: u32,
        dtype: Name,
        shape: Option<Vec<ExprId>>,
        end: u32,
    ) -> Box<TypeAnnotation> {
        Box::new(TypeAnnotation {
            dtype,
            shape,
            span: self.span(start, end),
        })
    }

    /// Checks the parameters' order and gives each its kind.
    pub fn params(&mut self, written: Vec<Written>) -> Vec<Param> {
        let mut params: Vec<Param> = Vec::with_capacity(written.len());
        let mut state = Params::default();
        for param in written {
            if let Some(param) = self.param(&mut state, param) {
                self.check_parameter_name(&params, param.name);
                params.push(param);
            }
        }
        if let (Some(star), false) = (state.bare_star, state.named_after_star) {
            self.errors.push(Diagnostic::error(
                star,
                "named parameters must follow a bare `*`",
            ));
        }
        params
    }

    fn param(&mut self, state: &mut Params, written: Written) -> Option<Param> {
        let (kind, name, default) = match written {
            Written::Plain(name, default) => {
                state.named_after_star |= state.star;
                let kind = if state.star {
                    ParamKind::KeywordOnly
                } else {
                    ParamKind::Normal
                };
                self.check_default(state, kind, name, default.is_some());
                (kind, name, default)
            }
            Written::VarArgs(name) => {
                self.check_star(state, name.span);
                (ParamKind::VarArgs, name, None)
            }
            Written::Star(start, end) => {
                let span = self.span(start, end);
                self.check_star(state, span);
                state.bare_star = Some(span);
                return None;
            }
            Written::KwArgs(name) => (ParamKind::KwArgs, name, None),
        };
        if state.closed {
            self.errors.push(Diagnostic::error(
                name.span,
                "nothing can follow a `**` parameter",
            ));
        }
        state.closed |= kind == ParamKind::KwArgs;
        Some(Param {
            kind,
            name,
            default,
        })
    }

    fn check_default(
        &mut self,
        state: &mut Params,
        kind: ParamKind,
        name: Name,
        has_default: bool,
    ) {
        if kind == ParamKind::Normal {
            if state.defaults && !has_default {
                let message = format!(
                    "`{}` needs a default, as the parameter before it has one",
                    name.symbol
                );
                self.errors.push(Diagnostic::error(name.span, message));
            }
            state.defaults |= has_default;
        }
    }

    fn check_star(&mut self, state: &mut Params, span: Span) {
        if state.star {
            self.errors.push(Diagnostic::error(
                span,
                "only one `*` parameter is possible",
            ));
        }
        state.star = true;
    }

    fn check_parameter_name(&mut self, before: &[Param], name: Name) {
        let mut compared = before.iter().take(MAX_NAMES_COMPARED);
        if let Some(first) = compared.find(|param| param.name.symbol == name.symbol) {
            let message = format!("two parameters are called `{}`", name.symbol);
            let mut error = Diagnostic::error(name.span, message);
            error.secondary.push(Label {
                span: first.name.span,
                message: "the first is here".to_owned(),
            });
            self.errors.push(error);
        }
    }

    /// Reports a target that nothing can be bound to. The depth of a tree bounds the recursion.
    fn check_target(&mut self, target: ExprId, usage: Use) {
        let Expr { kind, span } = &self.exprs[target];
        let span = *span;
        match kind {
            ExprKind::Error | ExprKind::Name(_) | ExprKind::Attribute(..) => {}
            ExprKind::Subscript(..) if usage != Use::Annotate => {}
            ExprKind::Tuple(items) | ExprKind::List(items)
                if matches!(usage, Use::Bind | Use::Delete) =>
            {
                self.check_targets(items.clone(), span, usage);
            }
            &ExprKind::Starred(inner) if usage == Use::Bind => self.check_target(inner, usage),
            kind => {
                let what = describe(kind);
                let (verb, help) = match usage {
                    Use::Bind => (
                        "assign to",
                        "a target is a name, attribute or subscript, or several of them",
                    ),
                    Use::AugAssign => ("update", "the left side is a name, attribute or subscript"),
                    Use::Annotate => ("annotate", "only a name or an attribute has a type"),
                    Use::Delete => ("delete", "a name, attribute or subscript can be deleted"),
                };
                self.errors
                    .push(Diagnostic::error(span, format!("cannot {verb} {what}")).with_help(help));
            }
        }
    }

    fn check_targets(&mut self, items: Vec<ExprId>, span: Span, usage: Use) {
        let starred = |&&item: &&ExprId| matches!(self.exprs[item].kind, ExprKind::Starred(_));
        if items.iter().filter(starred).count() > 1 {
            self.errors
                .push(Diagnostic::error(span, "only one target can be starred"));
        }
        for item in items {
            self.check_target(item, usage);
        }
    }

    fn optional(&mut self, number: Option<u32>) -> Option<Block> {
        number.map(|number| self.block(number))
    }
}

/// What has been seen of a list of parameters.
#[derive(Default)]
struct Params {
    star: bool,
    bare_star: Option<Span>,
    named_after_star: bool,
    defaults: bool,
    closed: bool,
}

/// What an expression is called in a message.
fn describe(kind: &ExprKind) -> &'static str {
    match kind {
        ExprKind::Error => "this",
        ExprKind::Name(_) => "a name",
        ExprKind::None => "`none`",
        ExprKind::Bool(true) => "`true`",
        ExprKind::Bool(false) => "`false`",
        ExprKind::Int(_) | ExprKind::Float(_) => "a number",
        ExprKind::Str(_) => "a string",
        ExprKind::FString(_) => "an f-string",
        ExprKind::Ellipsis => "`...`",
        ExprKind::Tuple(_) => "a tuple",
        ExprKind::List(_) => "a list",
        ExprKind::Dict(_) => "a dict",
        ExprKind::Set(_) => "a set",
        ExprKind::ListComp { .. } | ExprKind::DictComp { .. } => "a comprehension",
        ExprKind::Unary(..) | ExprKind::Binary(..) | ExprKind::Logical(..) => {
            "the result of an operator"
        }
        ExprKind::Compare(..) => "a comparison",
        ExprKind::Conditional { .. } => "a conditional expression",
        ExprKind::Call { .. } => "the result of a call",
        ExprKind::Attribute(..) => "an attribute",
        ExprKind::Subscript(..) => "a subscript",
        ExprKind::Slice { .. } => "a slice",
        ExprKind::Starred(_) => "something starred",
        ExprKind::Lambda { .. } => "a lambda",
        ExprKind::Named(..) => "a binding",
    }
}
