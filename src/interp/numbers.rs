//! Numbers: Python's arithmetic, `math`, `min`, `max`, `round`.

use std::cmp::Ordering;

use super::value::{Args, Value};
use super::{Machine, Res};
use crate::ir::Intrinsic;
use crate::operator::BinaryOp;
use crate::ops::{Exception, Raw};
use crate::source::Span;

impl Machine<'_> {
    /// `abs`, `min`, `max`, `round`, `pow`, `divmod`
    pub(super) fn number_function(
        &mut self,
        which: Intrinsic,
        args: &Args,
        span: Span,
    ) -> Res<Value> {
        use Intrinsic as I;
        let Some(first) = args.positional.first().cloned() else {
            return self.type_error(
                format!("{}() takes at least one argument (0 given)", which.name()),
                span,
            );
        };
        let second = args.positional.get(1).cloned();
        match which {
            I::Abs => self.abs(&first, span),
            I::Round => self.round(&first, second.as_ref(), span),
            I::Pow => match second {
                Some(second) if args.positional.len() == 2 => {
                    self.binary(BinaryOp::Pow, &first, &second, span)
                }
                _ => self.unsupported("pow() of three arguments", span),
            },
            I::DivMod => match second {
                Some(second) => {
                    let quotient = self.binary(BinaryOp::FloorDiv, &first, &second, span)?;
                    Ok(Value::tuple(vec![
                        quotient,
                        self.binary(BinaryOp::Mod, &first, &second, span)?,
                    ]))
                }
                None => self.type_error("divmod expected 2 arguments, got 1", span),
            },
            _ => self.extreme(which == I::Max, &first, args, span),
        }
    }

    fn abs(&mut self, value: &Value, span: Span) -> Res<Value> {
        match value {
            Value::Tensor(tensor) => self.op_named("abs", &[Raw::Tensor(tensor.clone())], span),
            Value::Float(value) => Ok(Value::Float(value.abs())),
            Value::Int(_) | Value::Bool(_) => {
                Ok(Value::Int(value.as_int().unwrap_or(0).saturating_abs()))
            }
            _ => match self.class_member(value, "__abs__") {
                Some(function) => self.call(&function, Args::of([value.clone()]), span),
                None => {
                    let name = self.type_name(value);
                    self.type_error(format!("bad operand type for abs(): '{name}'"), span)
                }
            },
        }
    }

    fn extreme(&mut self, largest: bool, first: &Value, args: &Args, span: Span) -> Res<Value> {
        let name = if largest { "max" } else { "min" };
        if let (Value::Tensor(tensor), 1) = (first, args.positional.len()) {
            return self.op_named(name, &[Raw::Tensor(tensor.clone())], span);
        }
        let values = if args.positional.len() == 1 {
            self.elements(first, span)?
        } else {
            args.positional.to_vec()
        };
        let key = args
            .named("key")
            .filter(|key| !matches!(key, Value::None))
            .cloned();
        let mut best: Option<(Value, Value)> = None;
        for value in values {
            let by = match &key {
                Some(key) => self.call(key, Args::of([value.clone()]), span)?,
                None => value.clone(),
            };
            let better = match &best {
                None => true,
                Some((_, so_far)) => {
                    let op = if largest {
                        crate::operator::CompareOp::Gt
                    } else {
                        crate::operator::CompareOp::Lt
                    };
                    let answer = self.compare(op, &by, so_far, span)?;
                    self.truth(&answer, span)?
                }
            };
            if better {
                best = Some((value, by));
            }
        }
        match (best, args.named("default")) {
            (Some((value, _)), _) => Ok(value),
            (None, Some(default)) => Ok(default.clone()),
            (None, None) => self.raise(
                Exception::ValueError,
                format!("{name}() iterable argument is empty"),
                span,
            ),
        }
    }

    fn round(&mut self, value: &Value, digits: Option<&Value>, span: Span) -> Res<Value> {
        match (value, digits) {
            (Value::Float(value), None | Some(Value::None)) => {
                if !value.is_finite() {
                    let text = if value.is_nan() {
                        "cannot convert float NaN to integer"
                    } else {
                        "cannot convert float infinity to integer"
                    };
                    let kind = if value.is_nan() {
                        Exception::ValueError
                    } else {
                        Exception::OverflowError
                    };
                    return self.raise(kind, text, span);
                }
                self.integer(value.round_ties_even(), span)
            }
            (Value::Float(value), Some(digits)) => match digits.as_int() {
                Some(digits @ 0..=300) => Ok(Value::Float(
                    format!("{value:.*}", digits as usize)
                        .parse()
                        .unwrap_or(*value),
                )),
                Some(digits @ -300..0) => {
                    let unit = 10f64.powi(-digits as i32);
                    Ok(Value::Float((value / unit).round_ties_even() * unit))
                }
                _ => Ok(Value::Float(*value)),
            },
            (Value::Int(_) | Value::Bool(_), None) => Ok(Value::Int(value.as_int().unwrap_or(0))),
            (Value::Int(value), Some(digits))
                if digits.as_int().is_some_and(|digits| digits >= 0) =>
            {
                Ok(Value::Int(*value))
            }
            (Value::Tensor(tensor), None) => {
                self.op_named("round", &[Raw::Tensor(tensor.clone())], span)
            }
            (Value::Int(_) | Value::Tensor(_), _) => self.unsupported("round() with digits", span),
            _ => {
                let name = self.type_name(value);
                self.type_error(format!("type {name} doesn't define __round__ method"), span)
            }
        }
    }

    /// A whole float as an integer.
    pub(super) fn integer(&mut self, value: f64, span: Span) -> Res<Value> {
        if value.abs() < 9.2e18 {
            Ok(Value::Int(value as i64))
        } else {
            self.unsupported("integers of more than 64 bits", span)
        }
    }

    /// `math.…`
    pub(super) fn math(&mut self, which: Intrinsic, args: &Args, span: Span) -> Res<Value> {
        use Intrinsic as I;
        let Some(first) = args.positional.first().cloned() else {
            return self.type_error(
                format!("{}() takes exactly one argument (0 given)", which.name()),
                span,
            );
        };
        if which == I::MathProd {
            let mut product = args.named("start").cloned().unwrap_or(Value::Int(1));
            for value in self.elements(&first, span)? {
                product = self.binary(BinaryOp::Mul, &product, &value, span)?;
            }
            return Ok(product);
        }
        let x = self.float_of(&first, span)?;
        let domain =
            |machine: &mut Self| machine.raise(Exception::ValueError, "math domain error", span);
        Ok(Value::Float(match which {
            I::MathFloor | I::MathCeil => {
                let whole = if which == I::MathFloor {
                    x.floor()
                } else {
                    x.ceil()
                };
                return self.integer(whole, span);
            }
            I::MathIsNan => return Ok(Value::Bool(x.is_nan())),
            I::MathIsInf => return Ok(Value::Bool(x.is_infinite())),
            I::MathSqrt if x < 0.0 => {
                return self.raise(
                    Exception::ValueError,
                    format!(
                        "expected a nonnegative input, got {}",
                        super::text::float_repr(x)
                    ),
                    span,
                );
            }
            I::MathSqrt => x.sqrt(),
            I::MathExp => {
                let result = x.exp();
                if result.is_infinite() && x.is_finite() {
                    return self.raise(Exception::OverflowError, "math range error", span);
                }
                result
            }
            I::MathLog if x <= 0.0 => {
                return self.raise(Exception::ValueError, "expected a positive input", span);
            }
            I::MathLog => match args.positional.get(1).cloned() {
                Some(base) => {
                    let base = self.float_of(&base, span)?;
                    if base <= 0.0 || base == 1.0 {
                        return domain(self);
                    }
                    x.ln() / base.ln()
                }
                None => x.ln(),
            },
            I::MathSin => x.sin(),
            I::MathCos => x.cos(),
            _ => x.tanh(),
        }))
    }

    /// A number, as `math` takes it.
    pub(super) fn float_of(&mut self, value: &Value, span: Span) -> Res<f64> {
        match value {
            Value::Tensor(tensor) => {
                self.check_item(tensor, span)?;
                self.warn_item(tensor, span);
                Ok(tensor.array().item().as_f64())
            }
            _ => match value.number() {
                Some(number) => Ok(number),
                None => {
                    let name = self.type_name(value);
                    self.type_error(format!("must be real number, not {name}"), span)
                }
            },
        }
    }

    /// The values in order; stable.
    pub(super) fn sorted(
        &mut self,
        values: Vec<Value>,
        args: &Args,
        span: Span,
    ) -> Res<Vec<Value>> {
        let key = args
            .named("key")
            .filter(|key| !matches!(key, Value::None))
            .cloned();
        let reverse = match args.named("reverse").cloned() {
            Some(reverse) => self.truth(&reverse, span)?,
            None => false,
        };
        let mut keyed = Vec::with_capacity(values.len());
        for value in values {
            let by = match &key {
                Some(key) => self.call(key, Args::of([value.clone()]), span)?,
                None => value.clone(),
            };
            keyed.push((by, value));
        }
        let mut failed = None;
        let mut less = |a: &Value, b: &Value| -> Ordering {
            if failed.is_some() {
                return Ordering::Equal;
            }
            match self.order(a, b, 0, span) {
                Ok(Some(ordering)) => ordering.unwrap_or(Ordering::Equal),
                Ok(None) => match self
                    .compare(crate::operator::CompareOp::Lt, a, b, span)
                    .and_then(|less| self.truth(&less, span))
                {
                    Ok(true) => Ordering::Less,
                    Ok(false) => Ordering::Greater,
                    Err(stop) => {
                        failed = Some(stop);
                        Ordering::Equal
                    }
                },
                Err(stop) => {
                    failed = Some(stop);
                    Ordering::Equal
                }
            }
        };
        // Merging by hand: the standard sort may panic where an order contradicts itself (NaN).
        let mut order: Vec<usize> = (0..keyed.len()).collect();
        merge_sort(&mut order, &mut |&a, &b| {
            let ordering = less(&keyed[a].0, &keyed[b].0);
            if reverse {
                ordering.reverse()
            } else {
                ordering
            }
        });
        match failed {
            Some(stop) => Err(stop),
            None => Ok(order.into_iter().map(|at| keyed[at].1.clone()).collect()),
        }
    }
}

fn merge_sort(items: &mut Vec<usize>, order: &mut impl FnMut(&usize, &usize) -> Ordering) {
    if items.len() < 2 {
        return;
    }
    let mut right = items.split_off(items.len() / 2);
    merge_sort(items, order);
    merge_sort(&mut right, order);
    let left = std::mem::take(items);
    let (mut a, mut b) = (left.into_iter().peekable(), right.into_iter().peekable());
    while let (Some(x), Some(y)) = (a.peek(), b.peek()) {
        let next = if order(y, x).is_lt() {
            b.next()
        } else {
            a.next()
        };
        items.extend(next);
    }
    items.extend(a.chain(b));
}
