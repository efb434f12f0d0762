//! The printer's half for expressions: parentheses by precedence, and brackets that are broken where a line is long.

use super::ast::*;
use super::level;
use super::literal;
use super::print::{MAX_COLUMNS, Printer};
use super::same::same_expr;
use crate::source::Span;

fn level_of(kind: &ExprKind) -> u8 {
    match kind {
        ExprKind::Lambda { .. }
        | ExprKind::Conditional { .. }
        | ExprKind::Starred(_)
        | ExprKind::Slice { .. } => level::EXPR,
        ExprKind::Logical(op, ..) => level::of_logical(*op),
        ExprKind::Unary(UnaryOp::Not, _) => level::NOT,
        ExprKind::Compare(..) => level::COMPARE,
        ExprKind::Binary(op, ..) => level::of_binary(*op),
        ExprKind::Unary(..) => level::UNARY,
        // No literal is negative; a tree that was not parsed may have one.
        ExprKind::Int(value) if *value < 0 => level::UNARY,
        ExprKind::Float(value) if value.is_sign_negative() => level::UNARY,
        _ => level::PRIMARY,
    }
}

impl Printer<'_> {
    /// An expression where a tuple needs no parentheses.
    pub(super) fn bare(&mut self, id: ExprId) {
        match &self.module[id].kind {
            ExprKind::Tuple(items)
                if items.len() > 1
                    && !self.comment_before(self.module[id].span.end)
                    && self.try_flat(|printer| printer.items(items)) => {}
            _ => self.expr(id, level::EXPR),
        }
    }

    fn items(&mut self, items: &[ExprId]) {
        for (at, &item) in items.iter().enumerate() {
            self.push(if at == 0 { "" } else { ", " });
            self.expr(item, level::EXPR);
        }
    }

    /// An expression in a place that wants at least `min`.
    pub(super) fn expr(&mut self, id: ExprId, min: u8) {
        if self.flat.is_some() {
            if !self.is_overflow() {
                self.parenthesized(id, min);
            }
            return;
        }
        let end = self.module[id].span.end;
        if self.comment_before(end) || !self.try_flat(|printer| printer.parenthesized(id, min)) {
            self.parenthesized(id, min);
        }
    }

    /// Runs `print` with everything on one line; undoes it if the line gets too long.
    fn try_flat(&mut self, print: impl FnOnce(&mut Self)) -> bool {
        if self.flat.is_some() {
            print(self);
            return true;
        }
        let (mark, line_start) = (self.out.len(), self.line_start);
        self.flat = Some(mark);
        self.overflow = false;
        print(self);
        let fits = !self.is_overflow();
        self.flat = None;
        if !fits {
            self.out.truncate(mark);
            self.line_start = line_start;
        }
        fits
    }

    /// Whether the try has failed. A place for the ` {` or `,` that may follow is kept.
    fn is_overflow(&mut self) -> bool {
        const FOLLOWS: usize = 2;
        const MAX_BYTES: usize = 4 * MAX_COLUMNS;
        if !self.overflow {
            let line = &self.out[self.line_start..];
            let columns = if line.len() > MAX_BYTES {
                MAX_BYTES
            } else {
                line.chars().count()
            };
            self.overflow = line.len() + FOLLOWS > MAX_COLUMNS && columns + FOLLOWS > MAX_COLUMNS;
        }
        self.overflow
    }

    fn parenthesized(&mut self, id: ExprId, min: u8) {
        let module = self.module;
        let Expr { kind, span } = &module[id];
        match level_of(kind) < min {
            true => {
                self.push("(");
                self.kind(id, kind, *span);
                self.push(")");
            }
            false => self.kind(id, kind, *span),
        }
    }

    fn kind(&mut self, id: ExprId, kind: &ExprKind, span: Span) {
        match kind {
            ExprKind::Error => self.verbatim(span),
            ExprKind::Name(symbol) => self.push(symbol.as_str()),
            ExprKind::None => self.push("none"),
            ExprKind::Bool(value) => self.push(if *value { "true" } else { "false" }),
            ExprKind::Ellipsis => self.push("..."),
            ExprKind::Int(_) | ExprKind::Float(_) | ExprKind::Str(_) | ExprKind::FString(_) => {
                self.literal(id, kind, span);
            }
            ExprKind::Tuple(items) if items.len() == 1 => {
                self.push("(");
                self.expr(items[0], level::EXPR);
                self.push(",)");
            }
            ExprKind::Tuple(items) => self.expr_group("(", items, ")", span),
            ExprKind::List(items) => self.expr_group("[", items, "]", span),
            ExprKind::Set(items) => self.expr_group("{", items, "}", span),
            ExprKind::Dict(entries) => self.group("{", entries, "}", span.end, |printer, entry| {
                printer.entry(entry)
            }),
            ExprKind::ListComp { element, clauses } => {
                self.comprehension("[", "]", span, clauses, |printer| {
                    printer.expr(*element, level::EXPR)
                });
            }
            ExprKind::DictComp {
                key,
                value,
                clauses,
            } => {
                self.comprehension("{", "}", span, clauses, |printer| {
                    printer.entry(&(Some(*key), *value))
                });
            }
            _ => self.operation(kind, span),
        }
    }

    fn operation(&mut self, kind: &ExprKind, span: Span) {
        match kind {
            ExprKind::Unary(op, x) => {
                self.push(op.text());
                self.push(if *op == UnaryOp::Not { " " } else { "" });
                self.expr(*x, level_of(kind));
            }
            &ExprKind::Binary(BinaryOp::Pow, x, y) => {
                self.infix(x, level::PRIMARY, "**", y, level::UNARY)
            }
            &ExprKind::Binary(op, x, y) => {
                let level = level::of_binary(op);
                self.infix(x, level, op.text(), y, level + 1);
            }
            &ExprKind::Logical(op, x, y) => {
                let level = level_of(kind);
                self.infix(x, level, op.text(), y, level + 1);
            }
            ExprKind::Compare(first, rest) => {
                self.expr(*first, level::BIT_OR);
                for (op, right) in rest {
                    self.spaced(op.text());
                    self.expr(*right, level::BIT_OR);
                }
            }
            &ExprKind::Conditional {
                condition,
                then,
                otherwise,
            } => {
                self.infix(then, level::OR, "if", condition, level::OR);
                self.push(" else ");
                self.expr(otherwise, level::EXPR);
            }
            ExprKind::Call { callee, args } => self.call(*callee, args, span),
            ExprKind::Attribute(x, name) => self.attribute(*x, name),
            &ExprKind::Subscript(x, index) => self.subscript(x, index),
            &ExprKind::Slice { lower, upper, step } => self.slice(lower, upper, step),
            ExprKind::Named(name, x) => {
                self.push("(");
                self.push(name.symbol.as_str());
                self.push(" := ");
                self.expr(*x, level::EXPR);
                self.push(")");
            }
            ExprKind::Starred(x) => {
                self.push("*");
                self.expr(*x, level::BIT_OR);
            }
            ExprKind::Lambda { params, body } => {
                self.push(if params.is_empty() {
                    "lambda"
                } else {
                    "lambda "
                });
                self.params(params);
                self.push(": ");
                self.expr(*body, level::EXPR);
            }
            _ => self.verbatim(span),
        }
    }

    fn spaced(&mut self, op: &str) {
        self.push(" ");
        self.push(op);
        self.push(" ");
    }

    fn infix(&mut self, x: ExprId, left: u8, op: &str, y: ExprId, right: u8) {
        self.expr(x, left);
        self.spaced(op);
        self.expr(y, right);
    }

    fn attribute(&mut self, x: ExprId, name: &Name) {
        // `1.x` would begin with a float.
        let number = matches!(self.module[x].kind, ExprKind::Int(_) | ExprKind::Float(_));
        self.expr(
            x,
            if number {
                level::PRIMARY + 1
            } else {
                level::PRIMARY
            },
        );
        self.push(".");
        self.push(name.symbol.as_str());
    }

    fn subscript(&mut self, x: ExprId, index: ExprId) {
        self.expr(x, level::PRIMARY);
        self.push("[");
        match &self.module[index].kind {
            ExprKind::Tuple(items) if !items.is_empty() => {
                self.items(items);
                self.push(if items.len() == 1 { "," } else { "" });
            }
            _ => self.expr(index, level::EXPR),
        }
        self.push("]");
    }

    fn slice(&mut self, lower: Option<ExprId>, upper: Option<ExprId>, step: Option<ExprId>) {
        self.part_of_slice(lower);
        self.push(":");
        self.part_of_slice(upper);
        if step.is_some() {
            self.push(":");
            self.part_of_slice(step);
        }
    }

    fn part_of_slice(&mut self, part: Option<ExprId>) {
        if let Some(part) = part {
            self.expr(part, level::EXPR);
        }
    }

    // Brackets

    /// `open`, the items with commas, `close`: on one line if it fits and holds no comment, else an item a line.
    /// `end` is where the closing bracket is in the source, or just behind it.
    pub(super) fn group<T: Item>(
        &mut self,
        open: &str,
        items: &[T],
        close: &str,
        end: u32,
        mut item: impl FnMut(&mut Self, &T),
    ) {
        let mut flat = |printer: &mut Self| {
            printer.push(open);
            for (at, value) in items.iter().enumerate() {
                printer.push(if at == 0 { "" } else { ", " });
                item(printer, value);
                if printer.is_overflow() {
                    return;
                }
            }
            printer.push(close);
        };
        if self.flat.is_some() || items.is_empty() {
            return flat(self);
        }
        if self.comment_before(end) || !self.try_flat(flat) {
            self.broken(open, items, close, end, item);
        }
    }

    fn broken<T: Item>(
        &mut self,
        open: &str,
        items: &[T],
        close: &str,
        end: u32,
        mut item: impl FnMut(&mut Self, &T),
    ) {
        self.push(open);
        self.newline();
        self.indent += 1;
        for value in items {
            let span = value.span(self.module);
            self.own_line_comments(span.start);
            self.start_line();
            item(self, value);
            self.push(",");
            self.end_line(self.with_trailing(span.end));
        }
        self.own_line_comments(end.saturating_sub(1));
        self.indent -= 1;
        self.start_line();
        self.push(close);
    }

    fn expr_group(&mut self, open: &str, items: &[ExprId], close: &str, span: Span) {
        self.group(open, items, close, span.end, |printer, &item| {
            printer.expr(item, level::EXPR)
        });
    }

    fn entry(&mut self, &(key, value): &(Option<ExprId>, ExprId)) {
        match key {
            Some(key) => {
                self.expr(key, level::EXPR);
                self.push(": ");
                self.expr(value, level::EXPR);
            }
            None => {
                self.push("**");
                self.expr(value, level::BIT_OR);
            }
        }
    }

    fn call(&mut self, callee: ExprId, args: &[Argument], span: Span) {
        self.expr(callee, level::PRIMARY);
        if let [
            Argument {
                kind: ArgumentKind::Positional,
                value,
            },
        ] = args
            && let Expr {
                kind: ExprKind::ListComp { element, clauses },
                span,
            } = &self.module[*value]
            && !self.is_bracketed(*span, *element)
        {
            return self.comprehension("(", ")", *span, clauses, |printer| {
                printer.expr(*element, level::EXPR)
            });
        }
        self.group("(", args, ")", span.end, |printer, argument| {
            printer.argument(argument)
        });
    }

    /// Whether a comprehension has brackets of its own in the source.
    fn is_bracketed(&self, span: Span, element: ExprId) -> bool {
        let bracket = self.source.as_bytes().get(span.start as usize) == Some(&b'[');
        bracket && self.module[element].span.start > span.start
    }

    fn argument(&mut self, argument: &Argument) {
        match argument.kind {
            ArgumentKind::Positional => {}
            ArgumentKind::Keyword(name) => {
                self.push(name.symbol.as_str());
                self.push("=");
            }
            ArgumentKind::Star => self.push("*"),
            ArgumentKind::DoubleStar => self.push("**"),
        }
        self.expr(argument.value, level::EXPR);
    }

    fn comprehension(
        &mut self,
        open: &str,
        close: &str,
        span: Span,
        clauses: &[CompClause],
        mut element: impl FnMut(&mut Self),
    ) {
        let mut print = |printer: &mut Self| {
            let broken = printer.flat.is_none();
            printer.push(open);
            printer.indent += usize::from(broken);
            printer.clause_start(broken, "");
            element(printer);
            for clause in clauses {
                printer.clause_start(broken, " ");
                printer.clause(clause, broken);
            }
            printer.indent -= usize::from(broken);
            printer.clause_start(broken, "");
            printer.push(close);
        };
        if self.flat.is_some() || self.comment_before(span.end) || !self.try_flat(&mut print) {
            print(self);
        }
    }

    fn clause_start(&mut self, broken: bool, otherwise: &str) {
        match broken {
            true => {
                self.newline();
                self.start_line();
            }
            false => self.push(otherwise),
        }
    }

    fn clause(&mut self, clause: &CompClause, broken: bool) {
        self.push("for ");
        match &self.module[clause.target].kind {
            ExprKind::Tuple(items) if items.len() > 1 => self.items(items),
            _ => self.expr(clause.target, level::BIT_OR),
        }
        self.push(" in ");
        self.expr(clause.iterable, level::OR);
        for &condition in &clause.conditions {
            self.clause_start(broken, " ");
            self.push("if ");
            self.expr(condition, level::OR);
        }
    }

    // Parameters

    /// The parameters of a `fn` in their parentheses; `end` is behind them in the source.
    pub(super) fn params_group(&mut self, params: &[Param], end: u32) {
        let star = bare_star(params);
        let mut items: Vec<ParamItem> = params
            .iter()
            .map(|param| ParamItem { param, star: false })
            .collect();
        if let Some(star) = star {
            items.insert(
                star,
                ParamItem {
                    param: &params[star],
                    star: true,
                },
            );
        }
        self.group("(", &items, ")", end, |printer, item| match item.star {
            true => printer.push("*"),
            false => printer.param(item.param),
        });
    }

    fn params(&mut self, params: &[Param]) {
        let star = bare_star(params);
        for (at, param) in params.iter().enumerate() {
            self.push(if at == 0 { "" } else { ", " });
            self.push(if star == Some(at) { "*, " } else { "" });
            self.param(param);
        }
    }

    fn param(&mut self, param: &Param) {
        self.push(match param.kind {
            ParamKind::Normal | ParamKind::KeywordOnly => "",
            ParamKind::VarArgs => "*",
            ParamKind::KwArgs => "**",
        });
        self.push(param.name.symbol.as_str());
        if let Some(default) = param.default {
            self.push("=");
            self.expr(default, level::EXPR);
        }
    }

    // Literals

    /// A literal as it is written in the source, or in the usual way if it is not from there.
    fn literal(&mut self, id: ExprId, kind: &ExprKind, span: Span) {
        if self.is_in_source(id, kind, span) {
            self.push(&self.source[span.range()]);
            self.note_newlines();
            return;
        }
        match kind {
            ExprKind::Int(value) => self.push(&value.to_string()),
            ExprKind::Float(value) => self.push(&float_text(*value)),
            ExprKind::Str(text) => {
                let text = format!("\"{}\"", escape(text, false));
                self.push(&text);
            }
            ExprKind::FString(parts) => self.fstring(parts),
            _ => {}
        }
    }

    /// Whether the source at `span` is this literal, on one line or in triple quotes.
    fn is_in_source(&self, id: ExprId, kind: &ExprKind, span: Span) -> bool {
        let Some(text) = self
            .source
            .get(span.range())
            .filter(|text| !text.is_empty())
        else {
            return false;
        };
        match kind {
            ExprKind::Int(value) => {
                text.bytes().all(is_number) && literal::int(text).as_ref() == Ok(value)
            }
            ExprKind::Float(value) => {
                text.bytes().all(is_number) && literal::float(text).to_bits() == value.to_bits()
            }
            _ => {
                let several_lines = text.contains('\n');
                let (_, start, end) = literal::string_parts(text);
                let quotes = text.get(start.saturating_sub(3)..start).unwrap_or("");
                let one_literal = matches!(quotes, "\"\"\"" | "'''")
                    && !text
                        .get(start..end)
                        .is_some_and(|inside| inside.contains(quotes));
                (!several_lines || one_literal) && self.parses_to(id, text, span)
            }
        }
    }

    fn parses_to(&self, id: ExprId, text: &str, span: Span) -> bool {
        let (module, errors) = super::parse(span.file, text);
        match module.body.stmts.as_slice() {
            [
                Stmt {
                    kind: StmtKind::Expr(parsed),
                    ..
                },
            ] if errors.is_empty() && module.comments.is_empty() => {
                same_expr(self.module, id, &module, *parsed)
            }
            _ => false,
        }
    }

    fn fstring(&mut self, parts: &[FStringPart]) {
        self.push("f\"");
        for part in parts {
            match part {
                FStringPart::Text(text) => self.push(&escape(text, true)),
                FStringPart::Value {
                    value,
                    conversion,
                    spec,
                    debug,
                } => {
                    self.push("{");
                    match debug {
                        Some(debug) => self.push(debug),
                        None => self.fstring_value(*value),
                    }
                    if let Some(conversion) = conversion {
                        self.push("!");
                        self.push(conversion.encode_utf8(&mut [0; 4]));
                    }
                    if let Some(spec) = spec {
                        self.push(":");
                        self.push(spec);
                    }
                    self.push("}");
                }
            }
        }
        self.push("\"");
    }

    /// A value of an f-string, on one line whatever its length.
    fn fstring_value(&mut self, value: ExprId) {
        let start = self.out.len();
        let outer = self.flat.replace(start);
        let overflow = std::mem::replace(&mut self.overflow, false);
        let line_start = std::mem::replace(&mut self.line_start, start);
        self.parenthesized(value, level::OR);
        self.line_start = line_start;
        self.flat = outer;
        self.overflow = overflow;
        // `{{` would be the character.
        if self.out[start..].starts_with('{') {
            self.out.insert(start, ' ');
        }
    }
}

/// What stands between the commas of a group.
pub(super) trait Item {
    /// Where it stands in the source.
    fn span(&self, module: &Module) -> Span;
}

impl Item for ExprId {
    fn span(&self, module: &Module) -> Span {
        module[*self].span
    }
}

impl Item for Argument {
    fn span(&self, module: &Module) -> Span {
        let value = module[self.value].span;
        match self.kind {
            ArgumentKind::Keyword(name) => name.span.to(value),
            _ => value,
        }
    }
}

impl Item for (Option<ExprId>, ExprId) {
    fn span(&self, module: &Module) -> Span {
        module[self.0.unwrap_or(self.1)]
            .span
            .to(module[self.1].span)
    }
}

/// A parameter, or the `*` before it.
pub(super) struct ParamItem<'a> {
    param: &'a Param,
    star: bool,
}

impl Item for ParamItem<'_> {
    fn span(&self, module: &Module) -> Span {
        let name = self.param.name.span;
        match self.param.default {
            _ if self.star => Span {
                end: name.start,
                ..name
            },
            Some(default) => name.to(module[default].span),
            None => name,
        }
    }
}

fn is_number(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'+' | b'-')
}

/// Before which parameter a `*` must stand alone: the first by name only, unless a `*args` says so.
fn bare_star(params: &[Param]) -> Option<usize> {
    let args = params.iter().any(|param| param.kind == ParamKind::VarArgs);
    params
        .iter()
        .position(|param| param.kind == ParamKind::KeywordOnly)
        .filter(|_| !args)
}

/// A float as Python writes it, so that it stays a float.
fn float_text(value: f64) -> String {
    match value.is_infinite() {
        // There is no literal for infinity but one that is too large.
        true if value > 0.0 => "1e999".to_owned(),
        true => "-1e999".to_owned(),
        false => format!("{value:?}"),
    }
}

/// `text` between double quotes, with braces doubled for an f-string.
fn escape(text: &str, braces: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '{' | '}' if braces => out.extend([c, c]),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out
}
