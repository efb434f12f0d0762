//! Indexing: `x[…]`, `x[…] = v`, `del x[…]`.

use std::rc::Rc;

use super::methods::position;
use super::scalars::operand_of;
use super::value::{Args, Tensor, Value};
use super::{Machine, Res};
use crate::ir::python;
use crate::ops::engine_ops;
use crate::ops::indexing::{self, IndexHost, IndexStep};
use crate::ops::{
    Arg, Array, Exception, Form, IndexItem, Meta, Raw, Scalar, bind_overloaded, table,
};
use crate::source::Span;

/// What the decomposition of an index asks.
struct Host<'a, 'p> {
    machine: &'a mut Machine<'p>,
    span: Span,
}

impl IndexHost<Tensor> for Host<'_, '_> {
    fn meta(&self, tensor: &Tensor) -> Meta {
        (*tensor.meta()).clone()
    }
    fn item(&self, tensor: &Tensor) -> Option<i64> {
        match tensor.array().item() {
            Scalar::Int(value) => Some(value),
            Scalar::Bool(value) => Some(i64::from(value)),
            Scalar::Float(_) => None,
        }
    }
    fn tensor(&mut self, values: &[i64]) -> Tensor {
        self.machine.fresh(
            Array::from_vec([values.len()].as_slice(), values.to_vec()),
            self.span,
        )
    }
}

impl Machine<'_> {
    /// `object[index]`
    pub(super) fn get_item(&mut self, object: &Value, index: &Value, span: Span) -> Res<Value> {
        match object {
            Value::Tensor(tensor) => {
                let items = self.index_items(index, span)?;
                let meta = tensor.meta();
                let planned = indexing::plan(
                    &meta,
                    &items,
                    &mut Host {
                        machine: self,
                        span,
                    },
                );
                match planned {
                    Ok(steps) => self.index_steps(tensor, steps, span).map(Value::Tensor),
                    Err(error) => self.op_error(error, span),
                }
            }
            Value::Tuple(values, size) => {
                let found = self.sequence_item(values, index, "tuple", span)?;
                Ok(match found {
                    Picked::One(value) => value,
                    Picked::Many(values) => Value::Tuple(values.into(), *size),
                })
            }
            Value::List(items) => {
                if let Value::Int(at) = index
                    && let Some(at) = position(*at, items.borrow().len())
                {
                    return Ok(items.borrow()[at].clone());
                }
                let items = items.borrow().clone();
                Ok(match self.sequence_item(&items, index, "list", span)? {
                    Picked::One(value) => value,
                    Picked::Many(values) => Value::list(values),
                })
            }
            Value::Str(text) => {
                let chars: Vec<Value> = text.chars().map(|c| Value::str(c.to_string())).collect();
                Ok(match self.sequence_item(&chars, index, "string", span)? {
                    Picked::One(value) => value,
                    Picked::Many(values) => Value::str(
                        values
                            .iter()
                            .filter_map(|value| {
                                if let Value::Str(text) = value {
                                    Some(&**text)
                                } else {
                                    None
                                }
                            })
                            .collect::<String>(),
                    ),
                })
            }
            Value::Range(..) => {
                let values = self.elements(object, span)?;
                match (index.as_int(), index) {
                    (Some(at), _) => match position(at, values.len()) {
                        Some(at) => Ok(values[at].clone()),
                        None => self.raise(
                            Exception::IndexError,
                            "range object index out of range",
                            span,
                        ),
                    },
                    _ => self.unsupported("a slice of a range", span),
                }
            }
            Value::Dict(dict) => {
                self.check_key(index, span)?;
                let found = dict.borrow().get(index).cloned();
                match found {
                    Some(value) => Ok(value),
                    None => self.key_error(index, span),
                }
            }
            Value::Unknown => self.unsupported("an item of something unknown", span),
            _ => match self.class_member(object, "__getitem__") {
                Some(function) => {
                    self.call(&function, Args::of([object.clone(), index.clone()]), span)
                }
                None => {
                    let text = match object {
                        Value::Class(class) => {
                            format!("type '{}' is not subscriptable", class.name)
                        }
                        _ => format!("'{}' object is not subscriptable", self.type_name(object)),
                    };
                    self.type_error(text, span)
                }
            },
        }
    }

    fn sequence_item(
        &mut self,
        values: &[Value],
        index: &Value,
        kind: &str,
        span: Span,
    ) -> Res<Picked> {
        match index {
            Value::Int(_) | Value::Bool(_) => {
                match position(index.as_int().unwrap_or(0), values.len()) {
                    Some(at) => Ok(Picked::One(values[at].clone())),
                    None => self.raise(
                        Exception::IndexError,
                        format!("{kind} index out of range"),
                        span,
                    ),
                }
            }
            Value::Slice(parts) => {
                let places = self.slice_positions(parts, values.len(), span)?;
                Ok(Picked::Many(
                    places.into_iter().map(|at| values[at].clone()).collect(),
                ))
            }
            // A tensor of one integer is an index.
            Value::Tensor(tensor)
                if tensor.meta().numel() == 1 && !tensor.dtype().is_floating() =>
            {
                let at = tensor.array().item().as_f64() as i64;
                self.sequence_item(values, &Value::Int(at), kind, span)
            }
            _ => {
                let name = self.type_name(index);
                let text = if kind == "string" {
                    format!("string indices must be integers, not '{name}'")
                } else {
                    format!("{kind} indices must be integers or slices, not {name}")
                };
                self.type_error(text, span)
            }
        }
    }

    fn slice_positions(&mut self, parts: &[Value; 3], len: usize, span: Span) -> Res<Vec<usize>> {
        let mut numbers = [None; 3];
        for (number, part) in numbers.iter_mut().zip(parts) {
            *number =
                match part {
                    Value::None => None,
                    part => match part.as_int() {
                        Some(value) => Some(value),
                        None => return self.type_error(
                            "slice indices must be integers or None or have an __index__ method",
                            span,
                        ),
                    },
                };
        }
        match python::slice_positions(numbers, len) {
            Some(places) => Ok(places),
            None => self.raise(Exception::ValueError, "slice step cannot be zero", span),
        }
    }

    /// The items between brackets.
    fn index_items(&mut self, index: &Value, span: Span) -> Res<Vec<IndexItem<Tensor>>> {
        let items: Vec<Value> = match index {
            Value::Tuple(values, _) => values.to_vec(),
            other => vec![other.clone()],
        };
        items
            .iter()
            .map(|item| self.index_item(item, span))
            .collect()
    }

    fn index_item(&mut self, item: &Value, span: Span) -> Res<IndexItem<Tensor>> {
        Ok(match item {
            Value::None => IndexItem::None,
            Value::Ellipsis => IndexItem::Ellipsis,
            Value::Int(at) => IndexItem::Int(*at),
            Value::Bool(value) => IndexItem::Bool(*value),
            Value::Slice(parts) => {
                let mut numbers = [None; 3];
                for (number, part) in numbers.iter_mut().zip(parts.iter()) {
                    *number = match part {
                        Value::None => None,
                        Value::Tensor(tensor) if tensor.meta().numel() == 1 => Some(tensor.array().item().as_f64() as i64),
                        part => match part.as_int() {
                            Some(value) => Some(value),
                            None => return self.type_error("slice indices must be integers or None or have an __index__ method", span),
                        },
                    };
                }
                IndexItem::Slice(numbers[0], numbers[1], numbers[2])
            }
            Value::Tensor(tensor) => IndexItem::Tensor(Rc::clone(tensor)),
            Value::List(_) | Value::Range(..) => {
                let made = self.tensor_from(Args::of([item.clone()]), span)?;
                match made {
                    Value::Tensor(tensor) => IndexItem::Tensor(tensor),
                    _ => return self.unsupported("this index", span),
                }
            }
            _ => {
                let name = self.type_name(item);
                return self.raise(
                    Exception::IndexError,
                    format!("only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices (got {name})"),
                    span,
                );
            }
        })
    }

    /// Runs the steps of an index one after the other.
    fn index_steps(
        &mut self,
        tensor: &Tensor,
        steps: Vec<IndexStep<Tensor>>,
        span: Span,
    ) -> Res<Tensor> {
        let mut at = Rc::clone(tensor);
        for step in steps {
            let Some(op) = table::by_name(step.op) else {
                return self.unsupported("this index", span);
            };
            let mut args = vec![Arg::Tensor(at)];
            args.extend(step.args);
            at = self.run_one(op, args, false, span)?;
        }
        Ok(at)
    }

    /// `object[index] = value`
    pub(super) fn set_item(
        &mut self,
        object: &Value,
        index: &Value,
        value: &Value,
        span: Span,
    ) -> Res<()> {
        match object {
            Value::Tensor(tensor) => self.set_tensor_item(tensor, index, value, span),
            Value::List(items) => {
                let len = items.borrow().len();
                match (index, index.as_int()) {
                    (_, Some(at)) => match position(at, len) {
                        Some(at) => {
                            items.borrow_mut()[at] = value.clone();
                            Ok(())
                        }
                        None => self.raise(
                            Exception::IndexError,
                            "list assignment index out of range",
                            span,
                        ),
                    },
                    _ => self.unsupported("an assignment to a slice of a list", span),
                }
            }
            Value::Dict(dict) => {
                self.check_key(index, span)?;
                dict.borrow_mut().insert(index.clone(), value.clone());
                Ok(())
            }
            _ => match self.class_member(object, "__setitem__") {
                Some(function) => self
                    .call(
                        &function,
                        Args::of([object.clone(), index.clone(), value.clone()]),
                        span,
                    )
                    .map(|_| ()),
                None => {
                    let name = self.type_name(object);
                    self.type_error(
                        format!("'{name}' object does not support item assignment"),
                        span,
                    )
                }
            },
        }
    }

    fn set_tensor_item(
        &mut self,
        tensor: &Tensor,
        index: &Value,
        value: &Value,
        span: Span,
    ) -> Res<()> {
        let given = match operand_of(value) {
            Some(Raw::Tensor(value)) => Arg::Tensor(value),
            Some(Raw::Scalar(scalar)) => Arg::Scalar(scalar),
            _ => {
                let (dtype, name) = (tensor.dtype().scalar_name(), self.type_name(value));
                return self.type_error(
                    format!("can't assign a {name} to a torch.{dtype}Tensor"),
                    span,
                );
            }
        };
        let items = self.index_items(index, span)?;
        let assigned = match &given {
            Arg::Tensor(value) => indexing::AssignedValue::Tensor((*value.meta()).clone()),
            _ => indexing::AssignedValue::Number,
        };
        let meta = tensor.meta();
        let planned = indexing::plan_assignment(
            &meta,
            &items,
            &assigned,
            &mut Host {
                machine: self,
                span,
            },
        );
        let plan = match planned {
            Ok(plan) => plan,
            Err(error) => return self.op_error(error, span),
        };
        let target = self.index_steps(tensor, plan.target, span)?;
        let value = match given {
            Arg::Tensor(value) => Arg::Tensor(self.index_steps(&value, plan.value, span)?),
            given => given,
        };
        let (name, args) = match plan.write {
            indexing::Write::Nothing => return Ok(()),
            indexing::Write::Copy => (engine_ops::WRITE, vec![Arg::Tensor(target), value]),
            indexing::Write::Fill => (engine_ops::FILL, vec![Arg::Tensor(target), value]),
            indexing::Write::Put(places) => (
                engine_ops::WRITE_AT,
                vec![Arg::Tensor(target), Arg::Index(places), value],
            ),
            indexing::Write::MaskedFill(mask) => {
                let mask = self.index_steps(&mask, plan.index, span)?;
                (
                    engine_ops::FILL_MASKED,
                    vec![Arg::Tensor(target), Arg::Tensor(mask), value],
                )
            }
            indexing::Write::IndexFill(dim, at) => {
                let at = self.index_steps(&at, plan.index, span)?;
                (
                    engine_ops::FILL_AT,
                    vec![
                        Arg::Tensor(target),
                        Arg::Scalar(Scalar::Int(dim)),
                        Arg::Tensor(at),
                        value,
                    ],
                )
            }
        };
        self.write_named(name, args, span)
    }

    /// Applies the in-place row of this name to arguments in the order of its parameters.
    pub(super) fn write_named(
        &mut self,
        name: &str,
        args: Vec<Arg<Tensor>>,
        span: Span,
    ) -> Res<()> {
        let found = table::in_place_method(name)
            .or_else(|| table::by_name(name))
            .or_else(|| table::by_name(name.trim_end_matches('_')));
        let Some(op) = found else {
            return self.unsupported(format!("the operator `{name}`"), span);
        };
        let raw: Vec<Raw<Tensor>> = args.iter().filter_map(raw_of).collect();
        if raw.len() == args.len() {
            return match bind_overloaded(op, &raw, &[], Form::InPlace) {
                Ok((op, args)) => self.apply(op, args, true, span).map(|_| ()),
                Err(error) => self.op_error(error, span),
            };
        }
        let args = super::record::with_defaults(table::row(op), args);
        self.apply(op, args, true, span).map(|_| ())
    }

    /// `del object[index]`
    pub(super) fn del_item(&mut self, object: &Value, index: &Value, span: Span) -> Res<()> {
        match object {
            Value::Dict(dict) => {
                let removed = dict.borrow_mut().remove(index);
                match removed {
                    Some(_) => Ok(()),
                    None => self.key_error(index, span),
                }
            }
            Value::List(items) => {
                let len = items.borrow().len();
                match index.as_int() {
                    Some(at) => match position(at, len) {
                        Some(at) => {
                            items.borrow_mut().remove(at);
                            Ok(())
                        }
                        None => self.raise(
                            Exception::IndexError,
                            "list assignment index out of range",
                            span,
                        ),
                    },
                    None => self.unsupported("deleting a slice of a list", span),
                }
            }
            _ => match self.class_member(object, "__delitem__") {
                Some(function) => self
                    .call(&function, Args::of([object.clone(), index.clone()]), span)
                    .map(|_| ()),
                None => {
                    let name = self.type_name(object);
                    self.type_error(
                        format!("'{name}' object doesn't support item deletion"),
                        span,
                    )
                }
            },
        }
    }
}

/// What an index picks of a sequence.
enum Picked {
    One(Value),
    Many(Vec<Value>),
}

fn raw_of(arg: &Arg<Tensor>) -> Option<Raw<Tensor>> {
    Some(match arg {
        Arg::Tensor(tensor) => Raw::Tensor(Rc::clone(tensor)),
        Arg::Scalar(scalar) => Raw::Scalar(*scalar),
        Arg::None => Raw::None,
        _ => return None,
    })
}
