//! Python's operators on values: arithmetic, comparison, truth.

use std::cmp::Ordering;

use super::outcome::{Bound, Ending};
use super::record::with_defaults;
use super::value::{Args, Tensor, Value};
use super::{Machine, Res, Stop};
use crate::ir::python::{
    ZERO_TO_A_NEGATIVE_POWER, binary_method, float_binary, integer_binary, zero_division_text,
};
use crate::operator::{BinaryOp, CompareOp, UnaryOp};
use crate::ops::{Arg, Exception, Form, ParamKind, Raw, Scalar, bind_overloaded, table};
use crate::source::Span;
use crate::symbol::Symbol;

/// How deep values that contain values are compared and shown.
pub(super) const MAX_NESTING: usize = 200;

impl Machine<'_> {
    /// `-a`, `not a`
    pub(super) fn unary(&mut self, op: UnaryOp, value: &Value, span: Span) -> Res<Value> {
        if op == UnaryOp::Not {
            return Ok(Value::Bool(!self.truth(value, span)?));
        }
        if let (Value::Tensor(tensor), Some(name)) = (value, table::unary_operator(op)) {
            if let Some(error) = table::refusal_of_unary(op, tensor.dtype()) {
                return self.op_error(error, span);
            }
            return self.op_named(name, &[Raw::Tensor(tensor.clone())], span);
        }
        Ok(match (op, value) {
            (UnaryOp::Neg, Value::Float(value)) => Value::Float(-value),
            (UnaryOp::Pos, Value::Float(value)) => Value::Float(*value),
            (_, Value::Bool(_) | Value::Int(_)) => {
                let value = value.as_int().unwrap_or(0);
                match op {
                    UnaryOp::Neg => match value.checked_neg() {
                        Some(value) => Value::Int(value),
                        None => return self.unsupported("integers of more than 64 bits", span),
                    },
                    UnaryOp::Invert => Value::Int(!value),
                    _ => Value::Int(value),
                }
            }
            _ => {
                let name = match op {
                    UnaryOp::Neg => "__neg__",
                    UnaryOp::Pos => "__pos__",
                    _ => "__invert__",
                };
                if let Some(function) = self.class_member(value, name) {
                    return self.call(&function, Args::of([value.clone()]), span);
                }
                let name = self.type_name(value);
                return self.type_error(
                    format!("bad operand type for unary {}: '{name}'", op.text()),
                    span,
                );
            }
        })
    }

    /// `a + b`
    pub(super) fn binary(&mut self, op: BinaryOp, a: &Value, b: &Value, span: Span) -> Res<Value> {
        self.binary_text(op, op.text(), a, b, span)
    }

    fn binary_text(
        &mut self,
        op: BinaryOp,
        text: &str,
        a: &Value,
        b: &Value,
        span: Span,
    ) -> Res<Value> {
        if matches!(a, Value::Tensor(_)) || matches!(b, Value::Tensor(_)) {
            return self.tensor_binary(op, text, a, b, span);
        }
        if a.number().is_some() && b.number().is_some() {
            return self.number_binary(op, text, a, b, span);
        }
        match (op, a, b) {
            (BinaryOp::Add, Value::Str(x), Value::Str(y)) => {
                self.afford(x.len() + y.len())?;
                Ok(Value::str(format!("{x}{y}")))
            }
            (BinaryOp::Mul, Value::Str(x), n) | (BinaryOp::Mul, n, Value::Str(x))
                if n.as_int().is_some() =>
            {
                let times = self.times(x.len(), n.as_int().unwrap_or(0), 1)?;
                Ok(Value::str(x.repeat(times)))
            }
            (BinaryOp::Mod, Value::Str(text), _) => self.percent_format(text, b, span),
            (BinaryOp::Add, Value::Tuple(x, size), Value::Tuple(y, _)) => {
                self.afford((x.len() + y.len()) * 16)?;
                Ok(Value::Tuple(
                    x.iter().chain(y.iter()).cloned().collect(),
                    *size,
                ))
            }
            (BinaryOp::Mul, Value::Tuple(x, size), n)
            | (BinaryOp::Mul, n, Value::Tuple(x, size))
                if n.as_int().is_some() =>
            {
                let times = self.times(x.len(), n.as_int().unwrap_or(0), 16)?;
                Ok(Value::Tuple(
                    (0..times).flat_map(|_| x.iter().cloned()).collect(),
                    *size,
                ))
            }
            (BinaryOp::Add, Value::List(x), Value::List(y)) => {
                let (x, y) = (x.borrow(), y.borrow());
                self.afford((x.len() + y.len()) * 24)?;
                Ok(Value::list(x.iter().chain(y.iter()).cloned().collect()))
            }
            (BinaryOp::Mul, Value::List(x), n) | (BinaryOp::Mul, n, Value::List(x))
                if n.as_int().is_some() =>
            {
                let x = x.borrow();
                let times = self.times(x.len(), n.as_int().unwrap_or(0), 24)?;
                Ok(Value::list(
                    (0..times).flat_map(|_| x.iter().cloned()).collect(),
                ))
            }
            (
                BinaryOp::Or | BinaryOp::And | BinaryOp::Sub | BinaryOp::Xor,
                Value::Set(_),
                Value::Set(_),
            )
            | (BinaryOp::Or, Value::Dict(_), Value::Dict(_)) => {
                self.unsupported("operators on sets and dicts", span)
            }
            (BinaryOp::Add, Value::Str(_) | Value::List(_) | Value::Tuple(..), _)
                if Machine::class_of(b).is_none() =>
            {
                let (left, right) = (self.type_name(a), self.type_name(b));
                self.type_error(
                    format!("can only concatenate {left} (not \"{right}\") to {left}"),
                    span,
                )
            }
            _ => self.dunder_binary(op, text, a, b, span),
        }
    }

    fn dunder_binary(
        &mut self,
        op: BinaryOp,
        text: &str,
        a: &Value,
        b: &Value,
        span: Span,
    ) -> Res<Value> {
        let name = binary_method(op);
        if let Some(function) = self.class_member(a, name) {
            return self.call(&function, Args::of([a.clone(), b.clone()]), span);
        }
        if let Some(function) = self.class_member(b, &name.replacen("__", "__r", 1)) {
            return self.call(&function, Args::of([b.clone(), a.clone()]), span);
        }
        self.unsupported_operands(text, a, b, span)
    }

    fn unsupported_operands<T>(&mut self, text: &str, a: &Value, b: &Value, span: Span) -> Res<T> {
        if matches!(a, Value::Unknown) || matches!(b, Value::Unknown) {
            return self.unsupported("arithmetic with something unknown", span);
        }
        let (left, right) = (self.type_name(a), self.type_name(b));
        let is_sequence =
            |value: &Value| matches!(value, Value::Str(_) | Value::List(_) | Value::Tuple(..));
        if text == "*" && (is_sequence(a) || is_sequence(b)) {
            let other = if is_sequence(a) { right } else { left };
            return self.type_error(
                format!("can't multiply sequence by non-int of type '{other}'"),
                span,
            );
        }
        let text = if text == "**" { "** or pow()" } else { text };
        self.type_error(
            format!("unsupported operand type(s) for {text}: '{left}' and '{right}'"),
            span,
        )
    }

    /// How often a sequence is repeated, if there is room for it.
    fn times(&self, len: usize, n: i64, size: usize) -> Res<usize> {
        let times = usize::try_from(n.max(0)).unwrap_or(usize::MAX);
        match times.checked_mul(len).and_then(|len| len.checked_mul(size)) {
            Some(bytes) => self
                .afford(bytes)
                .map(|()| if len == 0 { 0 } else { times }),
            None => Err(Stop::End(Ending::Stopped(Bound::Memory))),
        }
    }

    fn number_binary(
        &mut self,
        op: BinaryOp,
        text: &str,
        a: &Value,
        b: &Value,
        span: Span,
    ) -> Res<Value> {
        let (x, y) = (a.number().unwrap_or(0.0), b.number().unwrap_or(0.0));
        if let (Some(i), Some(j)) = (a.as_int(), b.as_int())
            && op != BinaryOp::Div
            && !(op == BinaryOp::Pow && j < 0)
        {
            if j == 0 && matches!(op, BinaryOp::FloorDiv | BinaryOp::Mod) {
                let text = zero_division_text(op, true);
                return self.raise(Exception::ZeroDivisionError, text, span);
            }
            if op == BinaryOp::MatMul {
                return self.unsupported_operands(text, a, b, span);
            }
            if let (Value::Bool(p), Value::Bool(q)) = (a, b) {
                match op {
                    BinaryOp::And => return Ok(Value::Bool(p & q)),
                    BinaryOp::Or => return Ok(Value::Bool(p | q)),
                    BinaryOp::Xor => return Ok(Value::Bool(p ^ q)),
                    _ => {}
                }
            }
            return match integer_binary(op, i, j) {
                Some(value) => Ok(Value::Int(value)),
                None => self.unsupported("integers of more than 64 bits", span),
            };
        }
        if y == 0.0 && matches!(op, BinaryOp::Div | BinaryOp::FloorDiv | BinaryOp::Mod) {
            let text = zero_division_text(op, a.as_int().is_some() && b.as_int().is_some());
            return self.raise(Exception::ZeroDivisionError, text, span);
        }
        Ok(Value::Float(match op {
            BinaryOp::Pow if x == 0.0 && y < 0.0 => {
                return self.raise(Exception::ZeroDivisionError, ZERO_TO_A_NEGATIVE_POWER, span);
            }
            BinaryOp::Pow if x < 0.0 && y.fract() != 0.0 => {
                return self.unsupported("complex numbers", span);
            }
            BinaryOp::Pow => {
                let result = x.powf(y);
                if result.is_infinite() && x.is_finite() && y.is_finite() {
                    return self.raise(
                        Exception::OverflowError,
                        "(34, 'Numerical result out of range')",
                        span,
                    );
                }
                result
            }
            _ => match float_binary(op, x, y) {
                Some(value) => value,
                None => return self.unsupported_operands(text, a, b, span),
            },
        }))
    }

    fn tensor_binary(
        &mut self,
        op: BinaryOp,
        text: &str,
        a: &Value,
        b: &Value,
        span: Span,
    ) -> Res<Value> {
        let (Some(x), Some(y)) = (operand_of(a), operand_of(b)) else {
            return self.dunder_binary(op, text, a, b, span);
        };
        if let (Raw::Tensor(left), Raw::Tensor(right)) = (&x, &y)
            && let Some(name) = table::product_operator(op, left.meta().ndim(), right.meta().ndim())
        {
            return self.op_named(name, &[x, y], span);
        }
        let (name, swap) = table::binary_operator(op, matches!(x, Raw::Scalar(_)));
        let program = self.program;
        if let Some(&(unit, function)) = program.operators.get(&Symbol::intern(name)) {
            let function = self.load_unit(unit, function, span)?;
            return self.call(&function, Args::of([a.clone(), b.clone()]), span);
        }
        let positional = if swap { [y, x] } else { [x, y] };
        self.op_named(name, &positional, span)
    }

    /// Calls the operator of this name with bound or loose arguments.
    pub(super) fn op_named(
        &mut self,
        name: &str,
        positional: &[Raw<Tensor>],
        span: Span,
    ) -> Res<Value> {
        let Some(op) = table::by_name(name) else {
            return self.unsupported(format!("the operator `{name}`"), span);
        };
        // Two tensors where two tensors may stand: nothing to choose.
        if let ([Raw::Tensor(x), Raw::Tensor(y)], [first, second, ..]) =
            (positional, table::row(op).params)
            && matches!(first.kind, ParamKind::Tensor { .. })
            && matches!(
                second.kind,
                ParamKind::Tensor { .. } | ParamKind::TensorOrScalar
            )
        {
            let args = vec![Arg::Tensor(x.clone()), Arg::Tensor(y.clone())];
            return self.apply(op, with_defaults(table::row(op), args), false, span);
        }
        match bind_overloaded(op, positional, &[], Form::Function) {
            Ok((op, args)) => self.apply(op, args, false, span),
            Err(error) => self.op_error(error, span),
        }
    }

    /// `a += b`
    pub(super) fn in_place_operator(
        &mut self,
        op: BinaryOp,
        a: &Value,
        b: &Value,
        span: Span,
    ) -> Res<Value> {
        match (a, op) {
            (Value::Tensor(tensor), _) => {
                let (name, _) = table::binary_operator(op, false);
                let row = table::by_name(name);
                let in_place =
                    row.filter(|&row| !matches!(table::row(row).in_place, crate::ops::InPlace::No));
                let (Some(row), Some(y)) = (in_place, operand_of(b)) else {
                    return self.binary_text(op, &format!("{}=", op.text()), a, b, span);
                };
                match bind_overloaded(row, &[Raw::Tensor(tensor.clone()), y], &[], Form::InPlace) {
                    Ok((row, args)) => self.apply(row, args, true, span),
                    Err(error) => self.op_error(error, span),
                }
            }
            (Value::List(items), BinaryOp::Add) => {
                let more = self.elements(b, span)?;
                items.borrow_mut().extend(more);
                Ok(a.clone())
            }
            _ => {
                let name = binary_method(op).replacen("__", "__i", 1);
                if let Some(function) = self.class_member(a, &name) {
                    return self.call(&function, Args::of([a.clone(), b.clone()]), span);
                }
                self.binary_text(op, &format!("{}=", op.text()), a, b, span)
            }
        }
    }

    /// One comparison.
    pub(super) fn compare(
        &mut self,
        op: CompareOp,
        a: &Value,
        b: &Value,
        span: Span,
    ) -> Res<Value> {
        match op {
            CompareOp::Is => return Ok(Value::Bool(a.is(b))),
            CompareOp::IsNot => return Ok(Value::Bool(!a.is(b))),
            CompareOp::In => return Ok(Value::Bool(self.contains(b, a, span)?)),
            CompareOp::NotIn => return Ok(Value::Bool(!self.contains(b, a, span)?)),
            _ => {}
        }
        if matches!(a, Value::Unknown) || matches!(b, Value::Unknown) {
            return Ok(Value::Unknown);
        }
        if matches!(a, Value::Tensor(_)) || matches!(b, Value::Tensor(_)) {
            let (Some(x), Some(y)) = (operand_of(a), operand_of(b)) else {
                return match op {
                    CompareOp::Eq | CompareOp::Ne => Ok(Value::Bool(op == CompareOp::Ne)),
                    _ => self.not_ordered(op, a, b, span),
                };
            };
            let Some((name, swap)) = table::compare_operator(op, matches!(x, Raw::Scalar(_)))
            else {
                return self.unsupported("this comparison", span);
            };
            let positional = if swap { [y, x] } else { [x, y] };
            return self.op_named(name, &positional, span);
        }
        match op {
            CompareOp::Eq => return self.equal(a, b, span).map(Value::Bool),
            CompareOp::Ne => return self.equal(a, b, span).map(|same| Value::Bool(!same)),
            _ => {}
        }
        match self.order(a, b, 0, span)? {
            Some(ordering) => Ok(Value::Bool(match op {
                CompareOp::Lt => ordering == Some(Ordering::Less),
                CompareOp::Le => matches!(ordering, Some(Ordering::Less | Ordering::Equal)),
                CompareOp::Gt => ordering == Some(Ordering::Greater),
                _ => matches!(ordering, Some(Ordering::Greater | Ordering::Equal)),
            })),
            None => {
                let name = match op {
                    CompareOp::Lt => "__lt__",
                    CompareOp::Le => "__le__",
                    CompareOp::Gt => "__gt__",
                    _ => "__ge__",
                };
                match self.class_member(a, name) {
                    Some(function) => self.call(&function, Args::of([a.clone(), b.clone()]), span),
                    None => self.not_ordered(op, a, b, span),
                }
            }
        }
    }

    fn not_ordered<T>(&mut self, op: CompareOp, a: &Value, b: &Value, span: Span) -> Res<T> {
        let (left, right) = (self.type_name(a), self.type_name(b));
        self.type_error(
            format!(
                "'{}' not supported between instances of '{left}' and '{right}'",
                op.text()
            ),
            span,
        )
    }

    /// How two values are ordered; none where Python refuses, and none within for NaN.
    #[expect(clippy::option_option, reason = "refused, unordered, ordered")]
    pub(super) fn order(
        &mut self,
        a: &Value,
        b: &Value,
        depth: usize,
        span: Span,
    ) -> Res<Option<Option<Ordering>>> {
        if let (Some(x), Some(y)) = (a.as_int(), b.as_int()) {
            return Ok(Some(Some(x.cmp(&y))));
        }
        if let (Some(x), Some(y)) = (a.number(), b.number()) {
            return Ok(Some(x.partial_cmp(&y)));
        }
        let (x, y): (Vec<Value>, Vec<Value>) = match (a, b) {
            (Value::Str(x), Value::Str(y)) => return Ok(Some(Some(x.cmp(y)))),
            (Value::Tuple(x, _), Value::Tuple(y, _)) => (x.to_vec(), y.to_vec()),
            (Value::List(x), Value::List(y)) => (x.borrow().clone(), y.borrow().clone()),
            _ => return Ok(None),
        };
        if depth > MAX_NESTING {
            return self.raise(
                Exception::RecursionError,
                "maximum recursion depth exceeded in comparison",
                span,
            );
        }
        for (a, b) in x.iter().zip(&y) {
            if !self.equal(a, b, span)? {
                return self.order(a, b, depth + 1, span);
            }
        }
        Ok(Some(Some(x.len().cmp(&y.len()))))
    }

    /// `a == b`, of values that are no tensors.
    pub(super) fn equal(&mut self, a: &Value, b: &Value, span: Span) -> Res<bool> {
        self.equal_at(a, b, 0, span)
    }

    fn equal_at(&mut self, a: &Value, b: &Value, depth: usize, span: Span) -> Res<bool> {
        if let (Some(x), Some(y)) = (a.number(), b.number()) {
            return Ok(x == y);
        }
        if depth > MAX_NESTING {
            return self.raise(
                Exception::RecursionError,
                "maximum recursion depth exceeded in comparison",
                span,
            );
        }
        let (x, y): (Vec<Value>, Vec<Value>) = match (a, b) {
            (Value::Tuple(x, _), Value::Tuple(y, _)) => (x.to_vec(), y.to_vec()),
            (Value::List(x), Value::List(y)) => (x.borrow().clone(), y.borrow().clone()),
            (Value::Dict(x), Value::Dict(y)) | (Value::Set(x), Value::Set(y)) => {
                let (x, y) = (x.borrow().entries.clone(), y.borrow().copy());
                if x.len() != y.len() {
                    return Ok(false);
                }
                for (key, value) in &x {
                    match y.get(key) {
                        Some(other) if self.same_or_equal(value, other, depth + 1, span)? => {}
                        _ => return Ok(false),
                    }
                }
                return Ok(true);
            }
            (Value::Range(a0, a1, a2), Value::Range(b0, b1, b2)) => {
                return Ok((a0, a1, a2) == (b0, b1, b2));
            }
            (Value::Tensor(_), _) | (_, Value::Tensor(_)) => {
                let value = self.compare(CompareOp::Eq, a, b, span)?;
                return self.truth(&value, span);
            }
            _ => {
                if let Some(function) = self.class_member(a, "__eq__") {
                    let value = self.call(&function, Args::of([a.clone(), b.clone()]), span)?;
                    return self.truth(&value, span);
                }
                return Ok(a.is(b));
            }
        };
        if x.len() != y.len() {
            return Ok(false);
        }
        for (a, b) in x.iter().zip(&y) {
            if !self.same_or_equal(a, b, depth + 1, span)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn same_or_equal(&mut self, a: &Value, b: &Value, depth: usize, span: Span) -> Res<bool> {
        let same_object = a.is(b) && a.number().is_none();
        Ok(same_object || self.equal_at(a, b, depth, span)?)
    }

    /// Whether a value counts as true.
    pub(super) fn truth(&mut self, value: &Value, span: Span) -> Res<bool> {
        Ok(match value {
            Value::None => false,
            Value::Bool(_) | Value::Int(_) | Value::Float(_) => value.number() != Some(0.0),
            Value::Str(text) => !text.is_empty(),
            Value::Tuple(values, _) => !values.is_empty(),
            Value::List(items) => !items.borrow().is_empty(),
            Value::Dict(dict) | Value::Set(dict) => dict.borrow().len() != 0,
            Value::Range(start, stop, step) => super::iterate::range_len(*start, *stop, *step) > 0,
            Value::Unknown => self.choose(),
            Value::Tensor(tensor) => match tensor.meta().numel() {
                1 => tensor.array().item().as_f64() != 0.0,
                0 => {
                    return self
                        .runtime("Boolean value of Tensor with no values is ambiguous", span);
                }
                _ => {
                    return self.runtime(
                        "Boolean value of Tensor with more than one value is ambiguous",
                        span,
                    );
                }
            },
            Value::Instance(_) => {
                let by = self
                    .class_member(value, "__bool__")
                    .or_else(|| self.class_member(value, "__len__"));
                match by {
                    Some(function) => {
                        let answer = self.call(&function, Args::of([value.clone()]), span)?;
                        answer.number().is_some_and(|answer| answer != 0.0)
                    }
                    None => true,
                }
            }
            _ => true,
        })
    }

    /// The next outcome of `unknown()`: those that were asked for, then the bits of a generator of its own.
    fn choose(&mut self) -> bool {
        let nth = self.unknowns;
        self.unknowns += 1;
        if let Some(&choice) = self.options.choices.get(nth) {
            return choice;
        }
        self.lcg = self
            .lcg
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.lcg >> 63 == 1
    }
}

/// What stands for a value in an operator that has a tensor on the other side.
pub(super) fn operand_of(value: &Value) -> Option<Raw<Tensor>> {
    match value {
        Value::Tensor(tensor) => Some(Raw::Tensor(tensor.clone())),
        Value::Bool(value) => Some(Raw::Scalar(Scalar::Bool(*value))),
        Value::Int(value) => Some(Raw::Scalar(Scalar::Int(*value))),
        Value::Float(value) => Some(Raw::Scalar(Scalar::Float(*value))),
        _ => None,
    }
}
