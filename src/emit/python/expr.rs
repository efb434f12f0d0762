//! Expressions. The writer keeps what is left to write on a stack of its own, so that no expression is too deep.

use std::borrow::Cow;

use crate::source::Span;
use crate::symbol::Symbol;
use crate::syntax::ast::{
    Argument, ArgumentKind, BinaryOp, BoolOp, CompClause, ExprId, ExprKind, FStringPart, Param,
    ParamKind, UnaryOp,
};

use super::{Writer, literal};

/// How tightly an expression binds, loosest first; an operand that binds less than its place asks for is put in
/// parentheses.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// A tuple without parentheses.
    Bare,
    Lambda,
    Conditional,
    Or,
    And,
    Not,
    Compare,
    BitOr,
    BitXor,
    BitAnd,
    Shift,
    Sum,
    Product,
    Sign,
    Power,
    Postfix,
}

use Level::{Bare, Compare, Conditional, Lambda, Postfix, Power, Sign};

/// What is left to write.
enum Work {
    Text(Cow<'static, str>),
    Expr(ExprId, Level),
    /// The scope of this lambda begins.
    Enter(ExprId),
    Leave,
}

/// A sequence of work in the order of writing.
#[derive(Default)]
struct Pieces(Vec<Work>);

impl Pieces {
    fn text(&mut self, text: impl Into<Cow<'static, str>>) -> &mut Self {
        self.0.push(Work::Text(text.into()));
        self
    }
    fn expr(&mut self, id: ExprId, level: Level) -> &mut Self {
        self.0.push(Work::Expr(id, level));
        self
    }
    fn list(&mut self, ids: &[ExprId]) -> &mut Self {
        for (at, &id) in ids.iter().enumerate() {
            self.text(if at == 0 { "" } else { ", " }).expr(id, Lambda);
        }
        self
    }
}

impl Writer<'_> {
    /// `id` in a place that asks for at least `level`.
    pub(super) fn expr(&mut self, id: ExprId, level: Level) -> String {
        let mut out = String::new();
        let mut open = vec![Work::Expr(id, level)];
        self.drain(&mut open, &mut out);
        out
    }

    /// `params` as they stand between the parentheses.
    pub(super) fn params(&mut self, params: &[Param]) -> String {
        let mut pieces = Pieces::default();
        param_list(&mut pieces, params);
        let mut out = String::new();
        pieces.0.reverse();
        self.drain(&mut pieces.0, &mut out);
        out
    }

    fn drain(&mut self, open: &mut Vec<Work>, out: &mut String) {
        while let Some(work) = open.pop() {
            match work {
                Work::Text(text) => out.push_str(&text),
                Work::Enter(id) => {
                    if let ExprKind::Lambda { params, .. } = &self.module[id].kind {
                        self.scopes.enter_lambda(params);
                    }
                }
                Work::Leave => self.scopes.leave(),
                Work::Expr(id, level) => {
                    let mut pieces = Pieces::default();
                    let own = self.pieces(id, level, &mut pieces);
                    if own < level {
                        out.push('(');
                        open.push(Work::Text(")".into()));
                    }
                    open.extend(pieces.0.into_iter().rev());
                }
            }
        }
    }

    /// Takes `id` apart and says how tightly it binds.
    fn pieces(&mut self, id: ExprId, level: Level, p: &mut Pieces) -> Level {
        let module = self.module;
        match &module[id].kind {
            ExprKind::Error => p.text("None"),
            ExprKind::Name(name) => p.text(self.name(*name)),
            ExprKind::None => p.text("None"),
            ExprKind::Bool(value) => p.text(if *value { "True" } else { "False" }),
            ExprKind::Int(value) => {
                return text(
                    p,
                    value.to_string(),
                    if *value < 0 { Sign } else { Postfix },
                );
            }
            ExprKind::Float(value) => {
                return text(
                    p,
                    literal::float(*value),
                    if *value < 0.0 { Sign } else { Postfix },
                );
            }
            ExprKind::Str(value) => p.text(literal::string(value)),
            ExprKind::FString(parts) => return self.fstring(parts, p),
            ExprKind::Ellipsis => p.text("..."),
            ExprKind::Tuple(parts) => return tuple(p, parts, level),
            ExprKind::List(parts) => p.text("[").list(parts).text("]"),
            ExprKind::Set(parts) => p.text("{").list(parts).text("}"),
            ExprKind::Dict(entries) => dict(p, entries),
            ExprKind::ListComp { element, clauses } => {
                self.comprehension(p, "[", &[*element], clauses);
                p.text("]")
            }
            ExprKind::DictComp {
                key,
                value,
                clauses,
            } => {
                self.comprehension(p, "{", &[*key, *value], clauses);
                p.text("}")
            }
            ExprKind::Unary(op, operand) => return unary(p, *op, *operand),
            ExprKind::Binary(op, left, right) => return binary(p, *op, *left, *right),
            ExprKind::Logical(op, left, right) => return logical(p, *op, *left, *right),
            ExprKind::Compare(first, rest) => {
                p.expr(*first, Level::BitOr);
                for (op, right) in rest {
                    p.text(format!(" {} ", op.text()))
                        .expr(*right, Level::BitOr);
                }
                return Compare;
            }
            ExprKind::Conditional {
                condition,
                then,
                otherwise,
            } => {
                p.expr(*then, Level::Or)
                    .text(" if ")
                    .expr(*condition, Level::Or);
                p.text(" else ").expr(*otherwise, Lambda);
                return Conditional;
            }
            ExprKind::Call { callee, args } => self.call(p, *callee, args),
            ExprKind::Attribute(inner, name) => return self.attribute(p, *inner, name.symbol),
            ExprKind::Subscript(inner, index) => p
                .expr(*inner, Postfix)
                .text("[")
                .expr(*index, Bare)
                .text("]"),
            ExprKind::Slice { lower, upper, step } => slice(p, *lower, *upper, *step),
            ExprKind::Starred(inner) => return starred(p, *inner),
            ExprKind::Named(name, inner) => {
                let name = self.name(name.symbol);
                p.text(format!("({name} := "))
                    .expr(*inner, Lambda)
                    .text(")")
            }
            ExprKind::Lambda { params, body } => {
                p.text(if params.is_empty() {
                    "lambda"
                } else {
                    "lambda "
                });
                param_list(p, params);
                p.text(": ").0.push(Work::Enter(id));
                p.expr(*body, Lambda).0.push(Work::Leave);
                return Lambda;
            }
        };
        Postfix
    }

    fn name(&mut self, name: Symbol) -> String {
        if self.scopes.binds(name) {
            name.to_string()
        } else {
            self.needs.global(name)
        }
    }

    fn call<'p>(&mut self, p: &'p mut Pieces, callee: ExprId, args: &[Argument]) -> &'p mut Pieces {
        match self.module[callee].kind {
            // They go by their argument; of a list they are Python's own, and then need no helper.
            ExprKind::Name(name)
                if matches!(name.as_str(), "sum" | "any" | "all") && self.takes_list(args) =>
            {
                p.text(name.as_str())
            }
            _ => p.expr(callee, Postfix),
        };
        arguments(p, args)
    }

    fn takes_list(&self, args: &[Argument]) -> bool {
        args.first()
            .is_some_and(|first| match &self.module[first.value].kind {
                ExprKind::ListComp { .. } | ExprKind::List(_) | ExprKind::Tuple(_) => {
                    first.kind == ArgumentKind::Positional
                }
                _ => false,
            })
    }

    fn attribute(&mut self, p: &mut Pieces, inner: ExprId, name: Symbol) -> Level {
        match self.module[inner].kind {
            ExprKind::Name(root) if root.as_str() == "torch" && !self.scopes.binds(root) => {
                p.text(self.needs.prefixed(name));
            }
            // `1.real` would read as a float.
            ExprKind::Int(_) => _ = p.text("(").expr(inner, Bare).text(").").text(name.as_str()),
            _ => _ = p.expr(inner, Postfix).text(".").text(name.as_str()),
        }
        Postfix
    }

    /// The clauses' targets are bound in the whole comprehension; its first iterable, which Python evaluates outside,
    /// can only differ where it names a builtin that a target hides.
    fn comprehension(
        &mut self,
        p: &mut Pieces,
        start: &'static str,
        element: &[ExprId],
        clauses: &[CompClause],
    ) {
        self.scopes
            .enter_comprehension(self.module, clauses.iter().map(|clause| clause.target));
        p.text(start).expr(element[0], Lambda);
        if let Some(&value) = element.get(1) {
            p.text(": ").expr(value, Lambda);
        }
        for clause in clauses {
            p.text(" for ")
                .expr(clause.target, Bare)
                .text(" in ")
                .expr(clause.iterable, Level::Or);
            for &condition in &clause.conditions {
                p.text(" if ").expr(condition, Level::Or);
            }
        }
        p.0.push(Work::Leave);
    }

    /// An f-string; where Python 3.11 does not let a value stand in one, a call of `format`.
    fn fstring(&mut self, parts: &[FStringPart], p: &mut Pieces) -> Level {
        let simple = parts.iter().all(|part| match part {
            FStringPart::Text(_) => true,
            FStringPart::Value { value, .. } => self.is_plain(self.module[*value].span),
        });
        let mut text = String::from(if simple { "f\"" } else { "\"" });
        let mut values = Vec::new();
        for part in parts {
            match part {
                FStringPart::Text(part) => literal::escape(part, true, &mut text),
                FStringPart::Value {
                    value,
                    conversion,
                    spec,
                    debug,
                } => {
                    literal::escape(debug.as_deref().unwrap_or(""), true, &mut text);
                    text.push('{');
                    if simple {
                        p.text(std::mem::take(&mut text)).expr(*value, Conditional);
                    } else {
                        values.push(*value);
                    }
                    let shown = debug.is_some() && spec.is_none();
                    if let Some(conversion) = conversion.or(shown.then_some('r')) {
                        text.extend(['!', conversion]);
                    }
                    if let Some(spec) = spec {
                        text.push(':');
                        literal::escape(spec, false, &mut text);
                    }
                    text.push('}');
                }
            }
        }
        p.text(text + "\"");
        if !simple {
            p.text(".format(").list(&values).text(")");
        }
        Postfix
    }

    /// Whether the text at `span` holds nothing that Python 3.11 forbids inside of an f-string's braces.
    fn is_plain(&self, span: Span) -> bool {
        !self
            .sources
            .text(span)
            .contains(['"', '\'', '\\', '{', '}', '#', '\n'])
    }
}

fn text(p: &mut Pieces, text: String, level: Level) -> Level {
    p.text(text);
    level
}

fn tuple(p: &mut Pieces, parts: &[ExprId], level: Level) -> Level {
    let bare = level == Bare && !parts.is_empty();
    p.text(if bare { "" } else { "(" }).list(parts);
    p.text(if parts.len() == 1 { "," } else { "" })
        .text(if bare { "" } else { ")" });
    Postfix
}

fn dict<'p>(p: &'p mut Pieces, entries: &[(Option<ExprId>, ExprId)]) -> &'p mut Pieces {
    p.text("{");
    for (at, (key, value)) in entries.iter().enumerate() {
        p.text(if at == 0 { "" } else { ", " });
        match key {
            Some(key) => p.expr(*key, Lambda).text(": ").expr(*value, Lambda),
            None => p.text("**").expr(*value, Level::BitOr),
        };
    }
    p.text("}")
}

fn unary(p: &mut Pieces, op: UnaryOp, operand: ExprId) -> Level {
    let level = if op == UnaryOp::Not { Level::Not } else { Sign };
    p.text(op.text())
        .text(if op == UnaryOp::Not { " " } else { "" })
        .expr(operand, level);
    level
}

fn binary(p: &mut Pieces, op: BinaryOp, left: ExprId, right: ExprId) -> Level {
    let (own, left_level, right_level) = match op {
        BinaryOp::Or => (Level::BitOr, Level::BitOr, Level::BitXor),
        BinaryOp::Xor => (Level::BitXor, Level::BitXor, Level::BitAnd),
        BinaryOp::And => (Level::BitAnd, Level::BitAnd, Level::Shift),
        BinaryOp::Shl | BinaryOp::Shr => (Level::Shift, Level::Shift, Level::Sum),
        BinaryOp::Add | BinaryOp::Sub => (Level::Sum, Level::Sum, Level::Product),
        BinaryOp::Mul | BinaryOp::Div | BinaryOp::FloorDiv | BinaryOp::Mod | BinaryOp::MatMul => {
            (Level::Product, Level::Product, Sign)
        }
        // Right-associative, and a sign on its right needs no parentheses.
        BinaryOp::Pow => (Power, Postfix, Sign),
    };
    p.expr(left, left_level)
        .text(format!(" {} ", op.text()))
        .expr(right, right_level);
    own
}

fn logical(p: &mut Pieces, op: BoolOp, left: ExprId, right: ExprId) -> Level {
    let (own, tighter) = match op {
        BoolOp::Or => (Level::Or, Level::And),
        BoolOp::And => (Level::And, Level::Not),
    };
    p.expr(left, own)
        .text(format!(" {} ", op.text()))
        .expr(right, tighter);
    own
}

fn arguments<'p>(p: &'p mut Pieces, args: &[Argument]) -> &'p mut Pieces {
    p.text("(");
    for (at, arg) in args.iter().enumerate() {
        p.text(if at == 0 { "" } else { ", " });
        match arg.kind {
            ArgumentKind::Positional => {}
            ArgumentKind::Keyword(name) => _ = p.text(name.symbol.as_str()).text("="),
            ArgumentKind::Star => _ = p.text("*"),
            ArgumentKind::DoubleStar => _ = p.text("**"),
        }
        p.expr(arg.value, Lambda);
    }
    p.text(")")
}

fn slice(
    p: &mut Pieces,
    lower: Option<ExprId>,
    upper: Option<ExprId>,
    step: Option<ExprId>,
) -> &mut Pieces {
    if let Some(lower) = lower {
        p.expr(lower, Lambda);
    }
    p.text(":");
    if let Some(upper) = upper {
        p.expr(upper, Lambda);
    }
    if let Some(step) = step {
        p.text(":").expr(step, Lambda);
    }
    p
}

fn starred(p: &mut Pieces, inner: ExprId) -> Level {
    p.text("*").expr(inner, Level::BitOr);
    // Nothing may stand around the star, so no place asks for more.
    Postfix
}

fn param_list(p: &mut Pieces, params: &[Param]) {
    let mut named_only = false;
    for (at, param) in params.iter().enumerate() {
        p.text(if at == 0 { "" } else { ", " });
        match param.kind {
            ParamKind::KeywordOnly if !named_only => _ = p.text("*, "),
            ParamKind::VarArgs => _ = p.text("*"),
            ParamKind::KwArgs => _ = p.text("**"),
            _ => {}
        }
        named_only |= matches!(param.kind, ParamKind::KeywordOnly | ParamKind::VarArgs);
        p.text(param.name.symbol.as_str());
        if let Some(default) = param.default {
            p.text("=").expr(default, Lambda);
        }
    }
}
