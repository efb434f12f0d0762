//! Expressions.

use std::rc::Rc;

use super::name::Chain;
use super::unit::UnitLowerer;
use crate::ir::*;
use crate::operator::{BinaryOp, BoolOp, CompareOp, UnaryOp};
use crate::ops::table;
use crate::source::Span;
use crate::syntax::ast::{ExprId, ExprKind, FStringPart, Name};

impl UnitLowerer<'_, '_, '_> {
    /// The value of an expression.
    pub fn expr(&mut self, id: ExprId) -> Operand {
        self.expr_to(id, None)
    }

    /// Puts the value of an expression into a register.
    pub fn expr_into(&mut self, id: ExprId, dest: Reg) {
        let value = self.expr_to(id, Some(dest));
        self.copy(dest, value, self.module[id].span);
    }

    /// The value of an expression; an instruction that makes it may put it into `hint`, as its last act.
    pub fn expr_to(&mut self, id: ExprId, hint: Option<Reg>) -> Operand {
        let module = self.module;
        let span = module[id].span;
        match &module[id].kind {
            ExprKind::Error => {
                let imported = module.imported.get(&id);
                let kind = imported.map(|&(file, name)| InstrKind::LoadUnit {
                    unit: self.low.imported[file],
                    name,
                });
                self.emit(kind.unwrap_or(InstrKind::Unknown), span, hint)
            }
            ExprKind::Name(name) => self.load_name(*name, span, hint),
            ExprKind::None => Operand::Const(Const::None),
            ExprKind::Bool(value) => Operand::Const(Const::Bool(*value)),
            ExprKind::Int(value) => Operand::Const(Const::Int(*value)),
            ExprKind::Float(value) => Operand::Const(Const::Float(*value)),
            ExprKind::Str(text) => self.text(text),
            ExprKind::Ellipsis => Operand::Const(Const::Ellipsis),
            ExprKind::Unary(op, operand) => self.unary(*op, *operand, span, hint),
            ExprKind::Binary(op, left, right) => {
                self.need_binary(*op);
                let (left, right) = (self.expr(*left), self.expr(*right));
                self.emit(InstrKind::Binary(*op, left, right), span, hint)
            }
            ExprKind::Logical(op, left, right) => self.logical(*op, *left, *right, span),
            ExprKind::Compare(first, rest) => self.comparison(*first, rest, span, hint),
            ExprKind::Conditional {
                condition,
                then,
                otherwise,
            } => self.conditional(*condition, *then, *otherwise, span, hint),
            ExprKind::Call { callee, args } => self.call(id, *callee, args, hint),
            ExprKind::Attribute(object, name) => self.attribute(id, *object, *name, hint),
            ExprKind::Subscript(object, index) => {
                let (object, index) = (self.expr(*object), self.expr(*index));
                self.emit(InstrKind::GetItem(object, index), span, hint)
            }
            ExprKind::Lambda { params, body } => self.lambda(id, params, *body, hint),
            ExprKind::Named(name, value) => {
                let value = self.expr(*value);
                self.store_name(name.symbol, value.clone(), span);
                value
            }
            ExprKind::ListComp { .. } | ExprKind::DictComp { .. } => self.comprehension(id),
            _ => self.display(id, hint),
        }
    }

    /// Tuples, lists, sets, dicts, slices, f-strings.
    fn display(&mut self, id: ExprId, hint: Option<Reg>) -> Operand {
        let module = self.module;
        let kind = match &module[id].kind {
            ExprKind::Tuple(parts) => InstrKind::Tuple(self.elements(parts)),
            ExprKind::List(parts) => InstrKind::List(self.elements(parts)),
            ExprKind::Set(parts) => InstrKind::Set(self.elements(parts)),
            ExprKind::Dict(parts) => InstrKind::Dict(self.entries(parts)),
            ExprKind::Slice { lower, upper, step } => {
                let parts = [*lower, *upper, *step]
                    .map(|part| part.map_or(Operand::Const(Const::None), |part| self.expr(part)));
                InstrKind::Slice(Box::new(parts))
            }
            ExprKind::FString(parts) => InstrKind::Format(self.format(parts)),
            // A star that stands alone has been reported by the parser.
            ExprKind::Starred(inner) => return self.expr_to(*inner, hint),
            _ => InstrKind::Unknown,
        };
        self.emit(kind, module[id].span, hint)
    }

    fn text(&mut self, text: &Rc<str>) -> Operand {
        self.low.attributes.define_text(text);
        Operand::string(Rc::clone(text))
    }

    fn elements(&mut self, parts: &[ExprId]) -> Box<[Element]> {
        let module = self.module;
        let element = |part: &ExprId| match &module[*part].kind {
            ExprKind::Starred(inner) => Element {
                star: true,
                value: self.expr(*inner),
            },
            _ => Element {
                star: false,
                value: self.expr(*part),
            },
        };
        parts.iter().map(element).collect()
    }

    fn entries(&mut self, parts: &[(Option<ExprId>, ExprId)]) -> Box<[(Option<Operand>, Operand)]> {
        parts
            .iter()
            .map(|(key, value)| (key.map(|key| self.expr(key)), self.expr(*value)))
            .collect()
    }

    fn format(&mut self, parts: &[FStringPart]) -> Box<[FormatPart]> {
        let mut lowered = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                FStringPart::Text(text) => lowered.push(FormatPart::Text(Rc::clone(text))),
                FStringPart::Value {
                    value,
                    conversion,
                    spec,
                    debug,
                } => {
                    lowered.extend(debug.iter().map(|text| FormatPart::Text(Rc::clone(text))));
                    // `{x=}` shows the `repr`, unless it says how to show the value.
                    let repr = matches!(conversion, Some('r' | 'a'))
                        || debug.is_some() && conversion.is_none() && spec.is_none();
                    lowered.push(FormatPart::Value {
                        value: self.expr(*value),
                        repr,
                        spec: spec.clone().unwrap_or_default(),
                    });
                }
            }
        }
        lowered.into()
    }

    /// A negative number is a constant.
    fn unary(&mut self, op: UnaryOp, operand: ExprId, span: Span, hint: Option<Reg>) -> Operand {
        match (op, self.expr(operand)) {
            (UnaryOp::Neg, Operand::Const(Const::Int(value))) if value != i64::MIN => {
                Operand::Const(Const::Int(-value))
            }
            (UnaryOp::Neg, Operand::Const(Const::Float(value))) => {
                Operand::Const(Const::Float(-value))
            }
            (_, operand) => {
                if let Some(name) = table::unary_operator(op) {
                    self.low.need_operator(name);
                }
                self.emit(InstrKind::Unary(op, operand), span, hint)
            }
        }
    }

    /// Loads what the prelude implements of an operator.
    pub fn need_binary(&mut self, op: BinaryOp) {
        for number_left in [false, true] {
            self.low
                .need_operator(table::binary_operator(op, number_left).0);
        }
    }

    fn need_compare(&mut self, op: CompareOp) {
        if let Some((name, _)) = table::compare_operator(op, false) {
            self.low.need_operator(name);
        }
    }

    /// `object.name`: a builtin, or an attribute.
    fn attribute(&mut self, id: ExprId, object: ExprId, name: Name, hint: Option<Reg>) -> Operand {
        let span = self.module[id].span;
        match self.chain(id) {
            Chain::Known(known) => self.builtin_value(known, span, hint),
            Chain::Mistake | Chain::Unmodelled => self.emit(InstrKind::Unknown, span, hint),
            Chain::Attributes => {
                let object = self.expr(object);
                self.demand(name);
                self.emit(InstrKind::GetAttr(object, name.symbol), span, hint)
            }
        }
    }

    /// Notes that an attribute of that name must exist.
    pub fn demand(&mut self, name: Name) {
        self.low
            .attributes
            .demand(name.symbol, name.span, self.path.is_none());
        self.low.need_tensor_method(name.symbol);
    }

    /// `a and b` as a value: `a` decides, and is the value if it decides.
    fn logical(&mut self, op: BoolOp, left: ExprId, right: ExprId, span: Span) -> Operand {
        let result = self.f().temporary();
        self.expr_into(left, result);
        let (more, done) = (self.f().block(span), self.f().block(span));
        let (then, otherwise) = if op == BoolOp::And {
            (more, done)
        } else {
            (done, more)
        };
        self.branch(
            Operand::Reg(result),
            then,
            otherwise,
            self.module[left].span,
        );
        self.f().start(more);
        self.expr_into(right, result);
        self.f().goto(done, span);
        self.f().start(done);
        Operand::Reg(result)
    }

    /// `a < b < c` as a value: each middle operand is evaluated once, and nothing behind the first that fails.
    fn comparison(
        &mut self,
        first: ExprId,
        rest: &[(CompareOp, ExprId)],
        span: Span,
        hint: Option<Reg>,
    ) -> Operand {
        let mut left = self.expr(first);
        if let [(op, right)] = rest {
            self.need_compare(*op);
            let right = self.expr(*right);
            return self.emit(InstrKind::Compare(*op, left, right), span, hint);
        }
        let result = self.f().temporary();
        let done = self.f().block(span);
        for (nth, (op, right)) in rest.iter().enumerate() {
            self.need_compare(*op);
            let right = self.expr(*right);
            self.emit(
                InstrKind::Compare(*op, left, right.clone()),
                span,
                Some(result),
            );
            left = right;
            let more = if nth + 1 < rest.len() {
                self.f().block(span)
            } else {
                done
            };
            match more == done {
                true => self.f().goto(done, span),
                false => self.branch(Operand::Reg(result), more, done, span),
            }
            self.f().start(more);
        }
        Operand::Reg(result)
    }

    fn conditional(
        &mut self,
        condition: ExprId,
        then: ExprId,
        otherwise: ExprId,
        span: Span,
        hint: Option<Reg>,
    ) -> Operand {
        let result = hint.unwrap_or_else(|| self.f().temporary());
        let blocks = [self.f().block(span), self.f().block(span)];
        let done = self.f().block(span);
        self.condition(condition, blocks[0], blocks[1]);
        for (block, value) in blocks.into_iter().zip([then, otherwise]) {
            self.f().start(block);
            self.expr_into(value, result);
            self.f().goto(done, span);
        }
        self.f().start(done);
        Operand::Reg(result)
    }

    /// Ends the block with a branch.
    pub fn branch(&mut self, condition: Operand, then: BlockId, otherwise: BlockId, span: Span) {
        self.f().end(
            Terminator::Branch {
                condition,
                then,
                otherwise,
            },
            span,
        );
    }

    /// Goes to `then` or `otherwise` by the truth of an expression, without making a bool of it.
    pub fn condition(&mut self, id: ExprId, then: BlockId, otherwise: BlockId) {
        let module = self.module;
        let span = module[id].span;
        match &module[id].kind {
            ExprKind::Unary(UnaryOp::Not, inner) => self.condition(*inner, otherwise, then),
            ExprKind::Logical(op, left, right) => {
                let more = self.f().block(span);
                match op {
                    BoolOp::And => self.condition(*left, more, otherwise),
                    BoolOp::Or => self.condition(*left, then, more),
                }
                self.f().start(more);
                self.condition(*right, then, otherwise);
            }
            _ => {
                let mark = self.f().mark();
                let value = self.expr(id);
                self.branch(value, then, otherwise, span);
                self.f().release(mark);
            }
        }
    }
}
