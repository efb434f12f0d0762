//! Python's operators on what is no tensor, and the dispatch of those that meet one.

use super::call::Args;
use super::value::{Obj, Val};
use super::world::World;
use super::{Analyzer, Res};
use crate::dataflow::Tri;
use crate::ir::python::{
    ZERO_TO_A_NEGATIVE_POWER, binary_method, float_binary, integer_binary, unary_method,
    zero_division_text,
};
use crate::operator::{BinaryOp, CompareOp, UnaryOp};
use crate::ops::{Arg, Exception, Form, Raw, Scalar, bind_overloaded, table};
use crate::source::Span;
use crate::symbol::Symbol;

impl Analyzer<'_> {
    /// `-a`, `not a`
    pub(super) fn unary(
        &mut self,
        world: &mut World,
        op: UnaryOp,
        value: &Val,
        span: Span,
    ) -> Res<Val> {
        if op == UnaryOp::Not {
            return Ok(Val::Bool((!self.truth(world, value, span)?).known()));
        }
        if let Val::Outside = value {
            return Ok(self.outside());
        }
        if let Some(tensor) = world.as_tensor(value) {
            let Some(row) = table::unary_operator(op).and_then(table::by_name) else {
                return Ok(Val::Unknown);
            };
            let dtype = world.tensor(tensor).and_then(|tensor| tensor.dtype);
            if let Some(error) = dtype.and_then(|dtype| table::refusal_of_unary(op, dtype)) {
                self.op_error::<()>(world, span, error)?;
            }
            return self.apply(world, row, vec![Arg::Tensor(tensor)], false, span);
        }
        match (op, value) {
            (UnaryOp::Neg, Val::Int(value, origin)) => {
                Ok(Val::Int(value.and_then(i64::checked_neg), *origin))
            }
            (UnaryOp::Neg, Val::Float(value, origin)) => {
                Ok(Val::Float(value.map(|value| -value), *origin))
            }
            (UnaryOp::Neg, Val::Bool(value)) => Ok(Val::Int(
                value.map(|value| -i64::from(value)),
                super::story::OriginId::NOWHERE,
            )),
            (UnaryOp::Pos, Val::Int(..) | Val::Float(..)) => Ok(value.clone()),
            (UnaryOp::Pos, Val::Bool(value)) => Ok(Val::Int(
                value.map(i64::from),
                super::story::OriginId::NOWHERE,
            )),
            (UnaryOp::Invert, Val::Int(value, origin)) => {
                Ok(Val::Int(value.map(|value| !value), *origin))
            }
            (_, Val::Unknown) => Ok(Val::Unknown),
            (_, Val::Obj(_)) => match self.class_member(world, value, unary_method(op)) {
                Some(method) => self.dunder(world, value, method, &[], span),
                None => Ok(Val::Unknown),
            },
            _ => {
                let name = self.type_name(world, value);
                let text = format!("bad operand type for unary {}: '{name}'", op.text());
                self.refuse_value(world, value, text, span)
            }
        }
    }

    /// `a + b`
    pub(super) fn binary(
        &mut self,
        world: &mut World,
        op: BinaryOp,
        a: &Val,
        b: &Val,
        span: Span,
    ) -> Res<Val> {
        if is_any_outside(a, b) {
            return match self.operands(world, (a, b), span) {
                Some((a, b)) => self.binary(world, op, &a, &b, span),
                None => Ok(self.outside()),
            };
        }
        if op == BinaryOp::Add {
            self.note_kept_graph(world, [a, b], span);
        }
        match (world.as_tensor(a), world.as_tensor(b)) {
            (None, None) => self.scalar_binary(world, op, op.text(), a, b, span),
            (left, right) => {
                let operand = |value: &Val, tensor: Option<super::value::ObjId>| match tensor {
                    Some(id) => Some(Raw::Tensor(id)),
                    None => operand_of(value),
                };
                let (Some(x), Some(y)) = (operand(a, left), operand(b, right)) else {
                    let has_operators = |value: &Val| world.instance(value).is_some();
                    if has_operators(a) || has_operators(b) {
                        return self.scalar_binary(world, op, op.text(), a, b, span);
                    }
                    return self.unsupported_operands(world, op.text(), a, b, span);
                };
                self.tensor_binary(world, op, x, y, span)
            }
        }
    }

    fn tensor_binary(
        &mut self,
        world: &mut World,
        op: BinaryOp,
        x: Raw<super::value::ObjId>,
        y: Raw<super::value::ObjId>,
        span: Span,
    ) -> Res<Val> {
        let number_left = matches!(x, Raw::Scalar(_));
        let (name, swap) = table::binary_operator(op, number_left);
        let prelude = self.program.operators.get(&Symbol::intern(name)).copied();
        if let Some((unit, symbol)) = prelude {
            let function = self.load_unit(world, unit, symbol, span)?;
            let value = |raw: Raw<super::value::ObjId>| match raw {
                Raw::Tensor(id) => Val::Obj(id),
                Raw::Scalar(scalar) => Val::from_scalar(scalar),
                _ => Val::Unknown,
            };
            return self.call(world, function, Args::of([value(x), value(y)]), span);
        }
        let Some(row) = table::by_name(name) else {
            self.lose(span, "an operator that is not modelled");
            return Ok(Val::Unknown);
        };
        let positional = if swap { [y, x] } else { [x, y] };
        match bind_overloaded(row, &positional, &[], Form::Function) {
            Ok((row, args)) => self.apply(world, row, args, false, span),
            Err(error) => Ok(self.op_error(world, span, error)?.unwrap_or(Val::Unknown)),
        }
    }

    /// `a += b`
    pub(super) fn in_place_operator(
        &mut self,
        world: &mut World,
        op: BinaryOp,
        a: &Val,
        b: &Val,
        span: Span,
    ) -> Res<Val> {
        if is_any_outside(a, b) && !matches!(b, Val::Outside) {
            return self.binary(world, op, a, b, span);
        }
        let b = &match world.as_tensor(a) {
            Some(_) => self.as_operand(world, b, span),
            None => b.clone(),
        };
        if let Some(tensor) = world.as_tensor(a) {
            if op == BinaryOp::Add {
                self.note_kept_graph(world, [a, b], span);
            }
            let (name, _) = table::binary_operator(op, false);
            let y = match world.as_tensor(b) {
                Some(other) => Some(Raw::Tensor(other)),
                None => operand_of(b),
            };
            let Some(y) = y else {
                if world.instance(b).is_some() {
                    return self.binary(world, op, a, b, span);
                }
                return self.unsupported_operands(world, &format!("{}=", op.text()), a, b, span);
            };
            let Some(row) = table::by_name(name) else {
                return self.binary(world, op, a, b, span);
            };
            let can = table::overloads(row)
                .iter()
                .any(|&row| !matches!(table::row(row).in_place, crate::ops::InPlace::No));
            if !can {
                return self.binary(world, op, a, b, span);
            }
            return match bind_overloaded(row, &[Raw::Tensor(tensor), y], &[], Form::InPlace) {
                Ok((row, args)) => self.apply(world, row, args, true, span),
                Err(error) => Ok(self
                    .op_error(world, span, error)?
                    .unwrap_or_else(|| a.clone())),
            };
        }
        if let (BinaryOp::Add, Val::Obj(id)) = (op, a)
            && world.list(*id).is_some()
        {
            self.note_filled(*id);
            match self.elements(world, b) {
                Some(more) => world.list_mut(*id).expect("just seen").extend(more),
                None => world.put(*id, Obj::Opaque),
            }
            return Ok(a.clone());
        }
        if world.as_tensor(b).is_some() {
            if let Val::None(_) = a {
                return self.unsupported_operands(world, &format!("{}=", op.text()), a, b, span);
            }
            return self.binary(world, op, a, b, span);
        }
        let text = format!("{}=", op.text());
        let name = binary_method(op).replacen("__", "__i", 1);
        if let Some(function) = self.class_member(world, a, &name) {
            let args = Args::of([a.clone(), b.clone()]);
            return self.call(world, function, args, span);
        }
        self.scalar_binary(world, op, &text, a, b, span)
    }

    fn scalar_binary(
        &mut self,
        world: &mut World,
        op: BinaryOp,
        text: &str,
        a: &Val,
        b: &Val,
        span: Span,
    ) -> Res<Val> {
        if matches!(a, Val::Unknown) || matches!(b, Val::Unknown) {
            return Ok(Val::Unknown);
        }
        if a.is_number() && b.is_number() {
            return self.number_binary(world, op, a, b, span);
        }
        match (op, a, b) {
            (BinaryOp::Add, Val::Str(x), Val::Str(y)) => Ok(Val::Str(
                x.as_ref()
                    .zip(y.as_ref())
                    .map(|(x, y)| format!("{x}{y}").into()),
            )),
            (BinaryOp::Mod, Val::Str(_), _) => Ok(Val::Str(None)),
            (BinaryOp::Mul, Val::Str(_), other) | (BinaryOp::Mul, other, Val::Str(_))
                if other.is_number() =>
            {
                Ok(Val::Str(None))
            }
            (BinaryOp::Mul, Val::Str(_), Val::Str(_)) => {
                let text = "can't multiply sequence by non-int of type 'str'";
                self.python_error(world, span, Exception::TypeError, text)
            }
            (BinaryOp::Add, Val::Tuple(x, _), Val::Tuple(y, _)) => {
                Ok(Val::tuple(x.iter().chain(y.iter()).cloned().collect()))
            }
            (BinaryOp::Mul, Val::Tuple(x, _), n) | (BinaryOp::Mul, n, Val::Tuple(x, _))
                if n.is_number() =>
            {
                match n.as_int() {
                    Some(n) if (n.max(0) as usize).saturating_mul(x.len()) <= MAX_REPEATED => Ok(
                        Val::tuple((0..n.max(0)).flat_map(|_| x.iter().cloned()).collect()),
                    ),
                    _ => Ok(Val::Unknown),
                }
            }
            (_, Val::Obj(x), _) if world.list(*x).is_some() => {
                self.list_binary(world, op, a, b, span)
            }
            (BinaryOp::Mul, _, Val::Obj(y)) if world.list(*y).is_some() => {
                self.list_binary(world, op, b, a, span)
            }
            _ => {
                let name = binary_method(op);
                if let Some(method) = self.class_member(world, a, name) {
                    return self.dunder(world, a, method, std::slice::from_ref(b), span);
                }
                if let Some(method) = self.class_member(world, b, &name.replacen("__", "__r", 1)) {
                    return self.dunder(world, b, method, std::slice::from_ref(a), span);
                }
                let opaque = |value: &Val| matches!(value, Val::Obj(id) if matches!(world.obj(*id), Some(Obj::Opaque)));
                if opaque(a) || opaque(b) {
                    return Ok(Val::Unknown);
                }
                self.unsupported_operands(world, text, a, b, span)
            }
        }
    }

    fn list_binary(
        &mut self,
        world: &mut World,
        op: BinaryOp,
        list: &Val,
        other: &Val,
        span: Span,
    ) -> Res<Val> {
        let Some(items) = self.elements(world, list) else {
            return Ok(Val::Unknown);
        };
        let values = match (op, other) {
            (BinaryOp::Add, Val::Obj(id)) if world.list(*id).is_some() => items
                .into_iter()
                .chain(world.list(*id).expect("just seen").iter().cloned())
                .collect(),
            (BinaryOp::Mul, number) if number.is_number() => match number.as_int() {
                Some(n) if (n.max(0) as usize).saturating_mul(items.len()) <= MAX_REPEATED => {
                    (0..n.max(0)).flat_map(|_| items.iter().cloned()).collect()
                }
                _ => return Ok(Val::Obj(self.alloc(world, Obj::Opaque))),
            },
            (BinaryOp::Add, Val::Obj(id)) if matches!(world.obj(*id), Some(Obj::Opaque)) => {
                return Ok(Val::Obj(self.alloc(world, Obj::Opaque)));
            }
            _ => {
                if op == BinaryOp::Add {
                    let name = self.type_name(world, other);
                    return self.python_error(
                        world,
                        span,
                        Exception::TypeError,
                        format!("can only concatenate list (not \"{name}\") to list"),
                    );
                }
                return self.unsupported_operands(world, op.text(), list, other, span);
            }
        };
        Ok(Val::Obj(
            self.alloc(world, Obj::List(std::rc::Rc::new(values))),
        ))
    }

    fn number_binary(
        &mut self,
        world: &mut World,
        op: BinaryOp,
        a: &Val,
        b: &Val,
        span: Span,
    ) -> Res<Val> {
        let origin = if a.origin() == super::story::OriginId::NOWHERE {
            b.origin()
        } else {
            a.origin()
        };
        let integers = !matches!(a, Val::Float(..)) && !matches!(b, Val::Float(..));
        if let Some(text) = zero_division(op, a, b, integers) {
            // It may be the length of what a loop over unknown things fills.
            if self.is_vague_way(world) {
                return Ok(Val::Float(None, origin));
            }
            return self.python_error(world, span, Exception::ZeroDivisionError, text);
        }
        if integers && op != BinaryOp::Div {
            let negative_power = op == BinaryOp::Pow && b.as_int().is_some_and(|value| value < 0);
            if !negative_power {
                let value = a
                    .as_int()
                    .zip(b.as_int())
                    .and_then(|(a, b)| integer_binary(op, a, b));
                let both_bools = matches!((a, b), (Val::Bool(_), Val::Bool(_)))
                    && matches!(op, BinaryOp::And | BinaryOp::Or | BinaryOp::Xor);
                return Ok(if both_bools {
                    Val::Bool(value.map(|value| value != 0))
                } else {
                    Val::Int(value, origin)
                });
            }
        }
        let value = a
            .scalar()
            .zip(b.scalar())
            .and_then(|(a, b)| float_binary(op, a.as_f64(), b.as_f64()));
        Ok(Val::Float(value, origin))
    }

    fn unsupported_operands(
        &mut self,
        world: &mut World,
        text: &str,
        a: &Val,
        b: &Val,
        span: Span,
    ) -> Res<Val> {
        if !self.has_only_known_operators(world, a) || !self.has_only_known_operators(world, b) {
            return Ok(Val::Unknown);
        }
        let names = (self.type_name(world, a), self.type_name(world, b));
        let subject = if matches!(b, Val::None(_)) { b } else { a };
        let text = match text {
            "**" => "** or pow()",
            "**=" => "**=",
            other => other,
        };
        let message = format!(
            "unsupported operand type(s) for {text}: '{}' and '{}'",
            names.0, names.1
        );
        self.refuse_value(world, subject, message, span)
    }

    /// Whether all operators of a value are modelled. In Python types have some (`int | None`, `list[int]`), sets have, and
    /// any class may.
    pub(super) fn has_only_known_operators(&self, world: &World, value: &Val) -> bool {
        if !self.program.lenient {
            return true;
        }
        match value {
            Val::None(_) | Val::Bool(_) | Val::Int(..) | Val::Float(..) => true,
            Val::Str(_) | Val::Tuple(..) => true,
            Val::Obj(id) => matches!(world.obj(*id), Some(Obj::Tensor(_) | Obj::List(_))),
            _ => false,
        }
    }

    /// Calls the method that a class has for an operator.
    fn dunder(
        &mut self,
        world: &mut World,
        value: &Val,
        method: Val,
        others: &[Val],
        span: Span,
    ) -> Res<Val> {
        let args = Args::of(others.to_vec()).with_first(value.clone());
        self.call(world, method, args, span)
    }

    /// One comparison.
    pub(super) fn compare(
        &mut self,
        world: &mut World,
        op: CompareOp,
        a: &Val,
        b: &Val,
        span: Span,
    ) -> Res<Val> {
        match op {
            CompareOp::Is => return Ok(Val::Bool(identical(a, b))),
            CompareOp::IsNot => return Ok(Val::Bool(identical(a, b).map(|same| !same))),
            CompareOp::In => return Ok(Val::Bool(self.contains(world, b, a))),
            CompareOp::NotIn => {
                return Ok(Val::Bool(self.contains(world, b, a).map(|is_in| !is_in)));
            }
            _ => {}
        }
        if is_any_outside(a, b) {
            return match self.operands(world, (a, b), span) {
                Some((a, b)) => self.compare(world, op, &a, &b, span),
                None => Ok(self.outside()),
            };
        }
        let (left, right) = (world.as_tensor(a), world.as_tensor(b));
        if left.is_some() || right.is_some() {
            let raw = |value: &Val, tensor: Option<super::value::ObjId>| {
                tensor.map_or_else(|| operand_of(value), |id| Some(Raw::Tensor(id)))
            };
            let (Some(x), Some(y)) = (raw(a, left), raw(b, right)) else {
                return Ok(Val::Bool(Some(op == CompareOp::Ne)));
            };
            let Some((name, swap)) = table::compare_operator(op, matches!(x, Raw::Scalar(_)))
            else {
                return Ok(Val::Unknown);
            };
            let Some(row) = table::by_name(name) else {
                return Ok(Val::Unknown);
            };
            let positional = if swap { [y, x] } else { [x, y] };
            return match bind_overloaded(row, &positional, &[], Form::Function) {
                Ok((row, args)) => self.apply(world, row, args, false, span),
                Err(error) => Ok(self.op_error(world, span, error)?.unwrap_or(Val::Unknown)),
            };
        }
        if matches!(a, Val::Unknown) || matches!(b, Val::Unknown) {
            // A tensor compares to a tensor.
            return Ok(Val::Unknown);
        }
        match (op, self.equal(world, a, b)) {
            (CompareOp::Eq, known) => return Ok(Val::Bool(known)),
            (CompareOp::Ne, known) => return Ok(Val::Bool(known.map(|same| !same))),
            _ => {}
        }
        if let (Some(x), Some(y)) = (a.scalar(), b.scalar()) {
            return Ok(Val::Bool(Some(ordered(
                op,
                x.as_f64().partial_cmp(&y.as_f64()),
            ))));
        }
        match (a, b) {
            (Val::Str(Some(x)), Val::Str(Some(y))) => {
                Ok(Val::Bool(Some(ordered(op, Some(x.cmp(y))))))
            }
            (Val::None(_), other) | (other, Val::None(_))
                if other.is_number() || matches!(other, Val::None(_) | Val::Str(_)) =>
            {
                let names = (self.type_name(world, a), self.type_name(world, b));
                let subject = if matches!(a, Val::None(_)) { a } else { b };
                let text = format!(
                    "'{}' not supported between instances of '{}' and '{}'",
                    op.text(),
                    names.0,
                    names.1
                );
                self.refuse_value(world, subject, text, span)
            }
            _ => Ok(Val::Bool(None)),
        }
    }

    /// Whether two values are equal, if that is known.
    pub(super) fn equal(&mut self, world: &World, a: &Val, b: &Val) -> Option<bool> {
        if let (Some(x), Some(y)) = (a.scalar(), b.scalar()) {
            return Some(x.as_f64() == y.as_f64());
        }
        if matches!(a, Val::Unknown)
            || matches!(b, Val::Unknown)
            || is_any_outside(a, b)
            || (a.is_number() && b.is_number())
        {
            return None;
        }
        match (a, b) {
            (Val::Str(x), Val::Str(y)) => x.as_ref().zip(y.as_ref()).map(|(x, y)| x == y),
            (Val::Tuple(x, _), Val::Tuple(y, _)) => self.all_equal(world, x, y),
            (Val::Obj(x), Val::Obj(y)) => {
                if x == y {
                    return Some(true);
                }
                self.all_equal(world, world.list(*x)?, world.list(*y)?)
            }
            _ => Some(a.same(b)),
        }
    }

    /// Whether two sequences are equal, element by element.
    fn all_equal(&mut self, world: &World, a: &[Val], b: &[Val]) -> Option<bool> {
        if a.len() != b.len() {
            return Some(false);
        }
        let mut known = true;
        for (a, b) in a.iter().zip(b) {
            match self.equal(world, a, b) {
                Some(true) => {}
                Some(false) => return Some(false),
                None => known = false,
            }
        }
        known.then_some(true)
    }

    /// Whether a value counts as true.
    pub(super) fn truth(&mut self, world: &mut World, value: &Val, span: Span) -> Res<Tri> {
        Ok(match value {
            Val::None(_) => Tri::False,
            Val::Bool(value) => value.map_or(Tri::Maybe, Tri::from),
            Val::Int(value, _) => value.map_or(Tri::Maybe, |value| Tri::from(value != 0)),
            Val::Float(value, _) => value.map_or(Tri::Maybe, |value| Tri::from(value != 0.0)),
            Val::Str(value) => value
                .as_ref()
                .map_or(Tri::Maybe, |value| Tri::from(!value.is_empty())),
            Val::Tuple(values, _) => Tri::from(!values.is_empty()),
            Val::Unknown | Val::Outside => Tri::Maybe,
            Val::Obj(id) => match world.obj(*id).cloned() {
                Some(Obj::Tensor(tensor)) => {
                    if let Some(meta) = &tensor.meta
                        && meta.numel() > 1
                    {
                        let text = "Boolean value of Tensor with more than one value is ambiguous";
                        return self.raise(
                            world,
                            span,
                            super::fact::Failure::Shape,
                            Exception::RuntimeError,
                            text,
                        );
                    }
                    if let Some(0) = tensor.meta.as_ref().map(|meta| meta.numel()) {
                        let text = "Boolean value of Tensor with no values is ambiguous";
                        return self.raise(
                            world,
                            span,
                            super::fact::Failure::Shape,
                            Exception::RuntimeError,
                            text,
                        );
                    }
                    Tri::Maybe
                }
                Some(Obj::List(items) | Obj::Set(items)) => Tri::from(!items.is_empty()),
                Some(Obj::Dict(dict)) if !dict.open => Tri::from(!dict.entries.is_empty()),
                Some(Obj::Dict(_) | Obj::Opaque) => Tri::Maybe,
                Some(Obj::Instance(_)) => {
                    let by = self
                        .class_member(world, value, "__bool__")
                        .or_else(|| self.class_member(world, value, "__len__"));
                    match by {
                        Some(function) => {
                            let answer =
                                self.call(world, function, Args::of([value.clone()]), span)?;
                            answer
                                .scalar()
                                .map_or(Tri::Maybe, |scalar| Tri::from(scalar.as_f64() != 0.0))
                        }
                        None => Tri::True,
                    }
                }
                _ => Tri::True,
            },
            _ => Tri::True,
        })
    }
}

/// The most elements of a repeated list or tuple that is followed.
const MAX_REPEATED: usize = 10_000;

/// What stands for a value that is no tensor beside one in an operator. A number that is not known is one all the same.
pub(super) fn operand_of<T>(value: &Val) -> Option<Raw<T>> {
    match value {
        Val::Unknown | Val::Outside => Some(Raw::Unknown),
        Val::Bool(value) => Some(Raw::Scalar(Scalar::Bool(value.unwrap_or(true)))),
        Val::Int(value, _) => Some(Raw::Scalar(Scalar::Int(value.unwrap_or(1)))),
        Val::Float(value, _) => Some(Raw::Scalar(Scalar::Float(value.unwrap_or(1.0)))),
        _ => None,
    }
}

/// Whether one of two operands is from outside.
fn is_any_outside(a: &Val, b: &Val) -> bool {
    matches!(a, Val::Outside) || matches!(b, Val::Outside)
}

fn identical(a: &Val, b: &Val) -> Option<bool> {
    match (a, b) {
        (Val::Unknown | Val::Outside, _) | (_, Val::Unknown | Val::Outside) => None,
        (Val::Bool(a), Val::Bool(b)) => a.zip(*b).map(|(a, b)| a == b),
        _ if a.is_number() && b.is_number() => None,
        _ => Some(a.same(b)),
    }
}

fn ordered(op: CompareOp, ordering: Option<std::cmp::Ordering>) -> bool {
    let Some(ordering) = ordering else {
        return false;
    };
    match op {
        CompareOp::Lt => ordering.is_lt(),
        CompareOp::Le => ordering.is_le(),
        CompareOp::Gt => ordering.is_gt(),
        _ => ordering.is_ge(),
    }
}

/// What the `ZeroDivisionError` of `a op b` says, if there is one for sure.
fn zero_division(op: BinaryOp, a: &Val, b: &Val, integers: bool) -> Option<&'static str> {
    let number = |value: &Val| value.scalar().map(|value| value.as_f64());
    match op {
        BinaryOp::Div | BinaryOp::FloorDiv | BinaryOp::Mod => {
            (number(b)? == 0.0).then(|| zero_division_text(op, integers))
        }
        BinaryOp::Pow => {
            (number(a)? == 0.0 && number(b)? < 0.0).then_some(ZERO_TO_A_NEGATIVE_POWER)
        }
        _ => None,
    }
}
