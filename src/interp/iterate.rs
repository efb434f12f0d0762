//! Going through things: iterators, unpacking, membership.

use std::cell::RefCell;
use std::rc::Rc;

use super::value::{Args, Dict, Iter, Tensor, Value};
use super::{Machine, Res, Stop};
use crate::ops::{Exception, Raw, Scalar, engine_ops};
use crate::source::Span;

impl Machine<'_> {
    /// All values that iteration gives.
    pub(super) fn elements(&mut self, value: &Value, span: Span) -> Res<Vec<Value>> {
        match value {
            Value::Tuple(values, _) => return Ok(values.to_vec()),
            Value::List(items) => return Ok(items.borrow().clone()),
            Value::Dict(dict) | Value::Set(dict) => {
                return Ok(dict
                    .borrow()
                    .entries
                    .iter()
                    .map(|(key, _)| key.clone())
                    .collect());
            }
            Value::Tensor(tensor) => return self.unbind(tensor, span),
            _ => {}
        }
        if let Value::Range(start, stop, step) = value {
            self.afford(
                usize::try_from(range_len(*start, *stop, *step))
                    .unwrap_or(usize::MAX)
                    .saturating_mul(24),
            )?;
        }
        let iterator = self.iterator(value, span)?;
        let mut out = Vec::new();
        while let Some(value) = self.next(&iterator, span)? {
            self.step()?;
            out.push(value);
        }
        Ok(out)
    }

    /// The parts of a tensor along its first dimension, as iteration gives them.
    pub(super) fn unbind(&mut self, tensor: &Tensor, span: Span) -> Res<Vec<Value>> {
        if tensor.meta().ndim() == 0 {
            return self.type_error("iteration over a 0-d tensor", span);
        }
        match self.op_named(
            engine_ops::ROWS,
            &[Raw::Tensor(tensor.clone()), Raw::Scalar(Scalar::Int(0))],
            span,
        )? {
            Value::Tuple(values, _) => Ok(values.to_vec()),
            value => Ok(vec![value]),
        }
    }

    /// `iter(value)`
    pub(super) fn iterator(&mut self, value: &Value, span: Span) -> Res<Value> {
        let iterator = match value {
            Value::Tuple(values, _) => Iter::Values(Rc::clone(values), 0),
            Value::Range(start, stop, step) => Iter::Range(*start, *stop, *step),
            Value::Str(text) => {
                Iter::Values(text.chars().map(|c| Value::str(c.to_string())).collect(), 0)
            }
            Value::List(items) => Iter::List(Rc::clone(items), 0),
            Value::Dict(dict) | Value::Set(dict) => Iter::Values(
                dict.borrow()
                    .entries
                    .iter()
                    .map(|(key, _)| key.clone())
                    .collect(),
                0,
            ),
            Value::Iter(_) => return Ok(value.clone()),
            Value::Tensor(tensor) => Iter::Values(self.unbind(tensor, span)?.into(), 0),
            Value::Unknown => return self.unsupported("going through something unknown", span),
            Value::Instance(_) => {
                if let Some(function) = self.class_member(value, "__iter__") {
                    let iterable = self.call(&function, Args::of([value.clone()]), span)?;
                    return if let Value::Instance(_) = iterable {
                        Ok(iterable)
                    } else {
                        self.iterator(&iterable, span)
                    };
                }
                return self.not_iterable(value, span);
            }
            _ => return self.not_iterable(value, span),
        };
        Ok(Value::Iter(Rc::new(RefCell::new(iterator))))
    }

    fn not_iterable(&mut self, value: &Value, span: Span) -> Res<Value> {
        let name = self.type_name(value);
        self.type_error(format!("'{name}' object is not iterable"), span)
    }

    /// The next value of an iterator; none at its end.
    pub(super) fn next(&mut self, iterator: &Value, span: Span) -> Res<Option<Value>> {
        let state = match iterator {
            Value::Iter(state) => state,
            Value::Instance(_) => return self.next_of_instance(iterator, span),
            _ => {
                let name = self.type_name(iterator);
                return self.type_error(format!("'{name}' object is not an iterator"), span);
            }
        };
        let taken = std::mem::replace(&mut *state.borrow_mut(), Iter::Done);
        let (next, value) = match taken {
            Iter::Done => (Iter::Done, None),
            Iter::Values(values, at) => match values.get(at).cloned() {
                Some(value) => (Iter::Values(values, at + 1), Some(value)),
                None => (Iter::Done, None),
            },
            Iter::List(list, at) => {
                let value = list.borrow().get(at).cloned();
                match value {
                    Some(value) => (Iter::List(list, at + 1), Some(value)),
                    None => (Iter::Done, None),
                }
            }
            Iter::Range(next, stop, step)
                if (step > 0 && next < stop) || (step < 0 && next > stop) =>
            {
                (
                    Iter::Range(next.saturating_add(step), stop, step),
                    Some(Value::Int(next)),
                )
            }
            Iter::Range(..) => (Iter::Done, None),
            Iter::Enumerate(inner, count) => match self.next(&inner, span)? {
                Some(value) => (
                    Iter::Enumerate(inner, count + 1),
                    Some(Value::tuple(vec![Value::Int(count), value])),
                ),
                None => (Iter::Done, None),
            },
            Iter::Zip(inner) => {
                let mut values = Vec::with_capacity(inner.len());
                for part in &inner {
                    match self.next(part, span)? {
                        Some(value) => values.push(value),
                        None => return Ok(None),
                    }
                }
                if inner.is_empty() {
                    (Iter::Done, None)
                } else {
                    (Iter::Zip(inner), Some(Value::tuple(values)))
                }
            }
        };
        *state.borrow_mut() = next;
        Ok(value)
    }

    fn next_of_instance(&mut self, iterator: &Value, span: Span) -> Res<Option<Value>> {
        let Some(function) = self.class_member(iterator, "__next__") else {
            let name = self.type_name(iterator);
            return self.type_error(format!("'{name}' object is not an iterator"), span);
        };
        match self.call(&function, Args::of([iterator.clone()]), span) {
            Ok(value) => Ok(Some(value)),
            Err(Stop::Raise(exc)) if exc.kind == Exception::StopIteration => Ok(None),
            Err(stop) => Err(stop),
        }
    }

    /// `a, *b, c = value`
    pub(super) fn unpack(
        &mut self,
        value: &Value,
        (before, star, after): (usize, bool, usize),
        span: Span,
    ) -> Res<Value> {
        let wanted = before + after;
        if matches!(value, Value::None | Value::Func(_)) || value.number().is_some() {
            let name = self.type_name(value);
            return self.type_error(format!("cannot unpack non-iterable {name} object"), span);
        }
        let values = self.elements(value, span)?;
        if values.len() < wanted {
            let at_least = if star { "at least " } else { "" };
            let text = format!(
                "not enough values to unpack (expected {at_least}{wanted}, got {})",
                values.len()
            );
            return self.raise(Exception::ValueError, text, span);
        }
        if !star {
            if values.len() > wanted {
                let got = match value {
                    Value::Tuple(..) | Value::List(_) | Value::Dict(_) => {
                        format!(", got {}", values.len())
                    }
                    _ => String::new(),
                };
                return self.raise(
                    Exception::ValueError,
                    format!("too many values to unpack (expected {wanted}{got})"),
                    span,
                );
            }
            return Ok(Value::tuple(values));
        }
        let end = values.len() - after;
        let rest = Value::list(values[before..end].to_vec());
        Ok(Value::tuple(
            values[..before]
                .iter()
                .cloned()
                .chain([rest])
                .chain(values[end..].iter().cloned())
                .collect(),
        ))
    }

    /// Whether `item in container`.
    pub(super) fn contains(&mut self, container: &Value, item: &Value, span: Span) -> Res<bool> {
        match (container, item) {
            (Value::Str(whole), Value::Str(part)) => return Ok(whole.contains(&**part)),
            (Value::Str(_), _) => {
                let name = self.type_name(item);
                return self.type_error(
                    format!("'in <string>' requires string as left operand, not {name}"),
                    span,
                );
            }
            (Value::Range(start, stop, step), item) if item.as_int().is_some() => {
                let item = item.as_int().unwrap_or(0);
                let inside = if *step > 0 {
                    item >= *start && item < *stop
                } else {
                    item <= *start && item > *stop
                };
                return Ok(inside && item.wrapping_sub(*start) % *step == 0);
            }
            (Value::Dict(dict) | Value::Set(dict), _) => {
                self.check_key(item, span)?;
                return Ok(dict.borrow().get(item).is_some());
            }
            (Value::Tensor(_), _) => return self.unsupported("`in` a tensor", span),
            _ => {}
        }
        if let Some(function) = self.class_member(container, "__contains__") {
            let answer = self.call(&function, Args::of([container.clone(), item.clone()]), span)?;
            return self.truth(&answer, span);
        }
        if let Value::None | Value::Bool(_) | Value::Int(_) | Value::Float(_) = container {
            let name = self.type_name(container);
            return self.type_error(
                format!("argument of type '{name}' is not a container or iterable"),
                span,
            );
        }
        for value in self.elements(container, span)? {
            if value.is(item) || self.equal(&value, item, span)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The values without repetitions, as a set keeps them.
    pub(super) fn distinct(&mut self, values: Vec<Value>, span: Span) -> Res<Dict> {
        let mut set = Dict::default();
        for value in values {
            self.check_key(&value, span)?;
            if set.get(&value).is_none() {
                set.insert(value, Value::None);
            }
        }
        Ok(set)
    }
}

/// The number of values of a range.
pub(super) fn range_len(start: i64, stop: i64, step: i64) -> i64 {
    let distance = if step > 0 {
        stop.saturating_sub(start)
    } else {
        start.saturating_sub(stop)
    };
    if distance <= 0 {
        0
    } else {
        (distance - 1) / step.saturating_abs().max(1) + 1
    }
}
