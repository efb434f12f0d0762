//! The functions that the machine implements by hand.

use std::cell::RefCell;
use std::rc::Rc;

use super::iterate::range_len;
use super::outcome::{Bound, Ending};
use super::value::{Args, Descriptor, Dict, Iter, Mode, Value};
use super::{Machine, Res, Stop};
use crate::ir::{Builtin, Intrinsic};
use crate::ops::{Dtype, Exception, Rng};
use crate::source::Span;
use crate::symbol::Symbol;

impl Machine<'_> {
    /// Calls an intrinsic.
    #[expect(clippy::too_many_lines, reason = "one arm an intrinsic")]
    pub(super) fn intrinsic(
        &mut self,
        intrinsic: Intrinsic,
        mut args: Args,
        span: Span,
    ) -> Res<Value> {
        let first = args.positional.first().cloned();
        let value = first.clone().unwrap_or(Value::None);
        let second = args.positional.get(1).cloned();
        let name_of = |value: &Option<Value>| match value {
            Some(Value::Str(name)) => Some(Symbol::intern(name)),
            _ => None,
        };
        use Intrinsic as I;
        if intrinsic.takes_numbers()
            && let Some(held) = super::construct::plain_of(&value)
        {
            let mut args = args;
            args.positional[0] = Value::Tensor(held);
            return self.intrinsic(intrinsic, args, span);
        }
        Ok(match intrinsic {
            I::Print => self.print(&args, span)?,
            I::Len => self.len(&value, span)?,
            I::Range => self.range(&args, span)?,
            I::Enumerate => {
                let inner = self.iterator(&value, span)?;
                let start = args.get(1, "start").and_then(Value::as_int).unwrap_or(0);
                Value::Iter(Rc::new(RefCell::new(Iter::Enumerate(inner, start))))
            }
            I::Zip => {
                let mut parts = Vec::with_capacity(args.positional.len());
                for value in &args.positional {
                    parts.push(self.iterator(value, span)?);
                }
                Value::Iter(Rc::new(RefCell::new(Iter::Zip(parts))))
            }
            I::Reversed => {
                let mut values = self.elements(&value, span)?;
                values.reverse();
                Value::Iter(Rc::new(RefCell::new(Iter::Values(values.into(), 0))))
            }
            I::Iter => self.iterator(&value, span)?,
            I::Next => match (self.next(&value, span)?, second) {
                (Some(next), _) | (None, Some(next)) => next,
                (None, None) => {
                    let exc =
                        super::call::new_exception(Exception::StopIteration, None, Args::default());
                    return self.raise_value(exc, span);
                }
            },
            I::IsInstance => {
                Value::Bool(self.is_instance(&value, &second.unwrap_or(Value::None), span)?)
            }
            I::IsSubclass => match (&value, &second) {
                (Value::Class(class), Some(Value::Class(base))) => {
                    Value::Bool(Machine::derives_from(class, base))
                }
                _ => return self.unsupported("issubclass() of these", span),
            },
            I::HasAttr => match name_of(&second) {
                Some(name) => match self.quiet_attr(&value, name, span)? {
                    Ok(_) => Value::Bool(true),
                    Err(_) => Value::Bool(false),
                },
                None => return self.type_error("hasattr(): attribute name must be string", span),
            },
            I::GetAttr => match (name_of(&second), args.positional.get(2)) {
                (Some(name), Some(default)) => match self.quiet_attr(&value, name, span)? {
                    Ok(value) => value,
                    Err(_) => default.clone(),
                },
                (Some(name), None) => self.get_attr(&value, name, span)?,
                _ => return self.type_error("attribute name must be string", span),
            },
            I::SetAttr => match (name_of(&second), args.positional.get(2)) {
                (Some(name), Some(new)) => {
                    self.set_attr(&value, name, new.clone(), span)?;
                    Value::None
                }
                _ => return self.type_error("attribute name must be string", span),
            },
            I::DelAttr => match name_of(&second) {
                Some(name) => {
                    self.del_attr(&value, name, span)?;
                    Value::None
                }
                None => return self.type_error("attribute name must be string", span),
            },
            I::Callable => Value::Bool(match &value {
                Value::Func(_) | Value::Bound(_) | Value::Class(_) | Value::Wrapped(_) => true,
                Value::Builtin(builtin) => {
                    !matches!(builtin, Builtin::Float(_) | Builtin::Dtype(_))
                }
                Value::Instance(_) => self.class_member(&value, "__call__").is_some(),
                _ => false,
            }),
            I::Id => self.id(&value, span)?,
            I::Abs | I::Min | I::Max | I::Round | I::Pow | I::DivMod => {
                self.number_function(intrinsic, &args, span)?
            }
            I::Sorted => {
                let values = self.elements(&value, span)?;
                Value::list(self.sorted(values, &args, span)?)
            }
            I::Repr => Value::str(self.repr(&value, span)?),
            I::Type => self.type_of(&value, span)?,
            I::Int | I::Float | I::Bool | I::Str | I::List | I::Tuple | I::Dict | I::Set => {
                self.convert(intrinsic, first, &args, span)?
            }
            I::Slice => match second {
                None => Value::Slice(Rc::new([Value::None, value, Value::None])),
                Some(stop) => Value::Slice(Rc::new([
                    value,
                    stop,
                    args.positional.get(2).cloned().unwrap_or(Value::None),
                ])),
            },
            I::Object => Value::None,
            I::Property => Value::Descriptor(Rc::new((Descriptor::Property, value))),
            I::StaticMethod => Value::Descriptor(Rc::new((Descriptor::Static, value))),
            I::ClassMethod => Value::Descriptor(Rc::new((Descriptor::Class, value))),
            I::MathSqrt
            | I::MathExp
            | I::MathLog
            | I::MathSin
            | I::MathCos
            | I::MathTanh
            | I::MathFloor
            | I::MathCeil
            | I::MathProd
            | I::MathIsNan
            | I::MathIsInf => self.math(intrinsic, &args, span)?,
            I::DeepCopy => self.deep_copy(&value, span)?,
            I::Copy => match &value {
                Value::List(list) => Value::list(list.borrow().clone()),
                Value::Dict(dict) => Value::Dict(Rc::new(RefCell::new(dict.borrow().copy()))),
                Value::Set(set) => Value::Set(Rc::new(RefCell::new(set.borrow().copy()))),
                Value::Instance(_) | Value::Tensor(_) => {
                    return self.unsupported("copy.copy() of this", span);
                }
                _ => value,
            },
            I::Tensor => match &first {
                Some(Value::List(_) | Value::Tuple(..)) => {
                    args.keyword
                        .push((Symbol::intern("dtype"), Value::Dtype(Dtype::F32)));
                    self.tensor_from(args, span)?
                }
                _ => self.legacy_tensor(args, span)?,
            },
            I::Parameter => self.make_parameter(
                args.get(0, "data").unwrap_or(&value),
                args.get(1, "requires_grad").cloned(),
                span,
            )?,
            I::ManualSeed => match value.as_int() {
                Some(seed) => {
                    self.rng = Rng::new(seed as u64);
                    Value::None
                }
                None => return self.unsupported("this seed", span),
            },
            I::Warn => {
                let text = self.display_text(&value, span)?;
                self.warn(text, span);
                Value::None
            }
            I::IsTensor => Value::Bool(matches!(value, Value::Tensor(_))),
            I::AsTensor => match &value {
                Value::Tensor(tensor) => {
                    match args.named("dtype").and_then(super::construct::dtype_of) {
                        Some(dtype) if dtype != tensor.dtype() => self.tensor_method(
                            tensor,
                            Symbol::intern("to"),
                            Args::of([Value::Dtype(dtype)]),
                            span,
                        )?,
                        _ => value,
                    }
                }
                _ => match super::construct::plain_of(&value) {
                    Some(held) => Value::Tensor(self.data_of(&held, false, span)),
                    None => self.tensor_from(args, span)?,
                },
            },
            I::IsGradEnabled => Value::Bool(self.grad),
            I::IsInferenceModeEnabled => Value::Bool(self.inference),
            I::NoGrad | I::EnableGrad | I::InferenceMode | I::SetGradEnabled => {
                self.mode_manager(intrinsic, args.get(0, "mode").cloned(), span)?
            }
            I::Backward => self.autograd_backward(&args, span)?,
            I::Grad => self.autograd_grad(&args, span)?,
            I::Variable => self.variable(&value, args.get(1, "requires_grad").cloned(), span)?,
            I::ReshapeIsView => self.reshape_is_view(&value, second, span)?,
            I::SameObject => Value::Bool(second.is_some_and(|other| value.is(&other))),
            I::WriteKernel => match (&value, &second) {
                (Value::Tensor(buffer), Some(Value::Tensor(from))) => {
                    let array = from.array();
                    self.write_numbers(buffer, &array, span);
                    Value::None
                }
                _ => return self.unsupported("a kernel's write", span),
            },
            I::Raise => {
                let text = match &second {
                    Some(text) => self.display_text(text, span)?,
                    None => String::new(),
                };
                match &value {
                    Value::Str(name) if &**name == "Unsupported" => {
                        return self.unsupported(text, span);
                    }
                    Value::Str(name) => {
                        let kind = Exception::from_name(name).unwrap_or(Exception::RuntimeError);
                        return self.raise(kind, text, span);
                    }
                    _ => return self.unsupported("this exception", span),
                }
            }
            I::TypeName => Value::str(self.type_name(&value)),
            I::TensorType => match &value {
                Value::Tensor(tensor) => {
                    Value::str(format!("torch.{}Tensor", tensor.dtype().scalar_name()))
                }
                _ => Value::str(self.type_name(&value)),
            },
            I::NeedsGrad => self.needs_grad(&value, span)?,
            I::FunctionNode => self.function_node(&args, span)?,
            I::NodeSave => self.node_save(&value, &second.unwrap_or(Value::None), span)?,
            I::NodeSaved => self.node_saved(&value, span)?,
            I::PushSavedHooks => {
                self.saved_hooks
                    .push((value, second.unwrap_or(Value::None)));
                Value::None
            }
            I::PopSavedHooks => {
                self.saved_hooks.pop();
                Value::None
            }
            I::BackwardNumber => Value::Int(self.running.last().map_or(-1, |pass| pass.0)),
            I::IsCheckpointValid => Value::Bool(self.running.last().is_none_or(|pass| pass.1)),
            I::RngState => {
                self.rng_states.push(self.rng.clone());
                Value::Int(self.rng_states.len() as i64 - 1)
            }
            I::SetRngState => {
                let state = value.as_int().and_then(|at| usize::try_from(at).ok());
                if let Some(state) = state.and_then(|at| self.rng_states.get(at)) {
                    self.rng = state.clone();
                }
                Value::None
            }
            I::SetAnomaly => {
                let on = self.truth(&value, span)?;
                Value::Bool(std::mem::replace(&mut self.anomaly, on))
            }
            I::Outside => Value::Unknown,
            I::ObjectAttrs => match &value {
                Value::Instance(instance) => Value::Dict(Rc::clone(&instance.attrs)),
                _ => return self.unsupported("the attributes of this", span),
            },
        })
    }

    /// An attribute, where an `AttributeError` is an answer and not told.
    fn quiet_attr(&mut self, value: &Value, name: Symbol, span: Span) -> Res<Result<Value, ()>> {
        let seen = self.observations.len();
        match self.get_attr(value, name, span) {
            Ok(value) => Ok(Ok(value)),
            Err(Stop::Raise(exc)) if exc.kind == Exception::AttributeError => {
                self.observations.truncate(seen);
                Ok(Err(()))
            }
            Err(stop) => Err(stop),
        }
    }

    fn print(&mut self, args: &Args, span: Span) -> Res<Value> {
        let mut parts = Vec::with_capacity(args.positional.len());
        for value in &args.positional {
            parts.push(self.display_text(value, span)?);
        }
        let text = |value: Option<&Value>, default: &str| match value {
            Some(Value::Str(text)) => text.to_string(),
            _ => default.to_owned(),
        };
        self.output
            .push_str(&parts.join(&text(args.named("sep"), " ")));
        self.output.push_str(&text(args.named("end"), "\n"));
        if self.output.len() > self.options.max_output {
            return Err(Stop::End(Ending::Stopped(Bound::Output)));
        }
        Ok(Value::None)
    }

    fn len(&mut self, value: &Value, span: Span) -> Res<Value> {
        let len = match value {
            Value::Tuple(values, _) => values.len(),
            Value::Str(text) => text.chars().count(),
            Value::List(items) => items.borrow().len(),
            Value::Dict(dict) | Value::Set(dict) => dict.borrow().len(),
            Value::Range(start, stop, step) => {
                return Ok(Value::Int(range_len(*start, *stop, *step)));
            }
            Value::Tensor(tensor) => match tensor.meta().shape.first() {
                Some(&size) => size,
                None => return self.type_error("len() of a 0-d tensor", span),
            },
            Value::Unknown => return self.unsupported("len() of something unknown", span),
            _ => match self.class_member(value, "__len__") {
                Some(function) => return self.call(&function, Args::of([value.clone()]), span),
                None => {
                    let name = self.type_name(value);
                    return self.type_error(format!("object of type '{name}' has no len()"), span);
                }
            },
        };
        Ok(Value::Int(len as i64))
    }

    fn range(&mut self, args: &Args, span: Span) -> Res<Value> {
        let mut numbers = Vec::new();
        for value in &args.positional {
            match value {
                Value::Tensor(tensor)
                    if tensor.meta().numel() == 1 && !tensor.dtype().is_floating() =>
                {
                    numbers.push(tensor.array().item().as_f64() as i64)
                }
                _ => match value.as_int() {
                    Some(number) => numbers.push(number),
                    None => {
                        let name = self.type_name(value);
                        return self.type_error(
                            format!("'{name}' object cannot be interpreted as an integer"),
                            span,
                        );
                    }
                },
            }
        }
        match numbers.as_slice() {
            [stop] => Ok(Value::Range(0, *stop, 1)),
            [start, stop] => Ok(Value::Range(*start, *stop, 1)),
            [_, _, 0] => self.raise(
                Exception::ValueError,
                "range() arg 3 must not be zero",
                span,
            ),
            [start, stop, step] => Ok(Value::Range(*start, *stop, *step)),
            _ => self.type_error(
                format!("range expected at least 1 argument, got {}", numbers.len()),
                span,
            ),
        }
    }

    fn id(&mut self, value: &Value, span: Span) -> Res<Value> {
        let address = match value {
            Value::Tensor(tensor) => Rc::as_ptr(tensor).cast::<u8>() as usize,
            Value::List(list) => Rc::as_ptr(list).cast::<u8>() as usize,
            Value::Dict(dict) | Value::Set(dict) => Rc::as_ptr(dict).cast::<u8>() as usize,
            Value::Instance(instance) => Rc::as_ptr(instance).cast::<u8>() as usize,
            Value::Func(closure) => Rc::as_ptr(closure).cast::<u8>() as usize,
            Value::Class(class) => Rc::as_ptr(class).cast::<u8>() as usize,
            Value::None => 1,
            _ => return self.unsupported("id() of this", span),
        };
        Ok(Value::Int(address as i64))
    }

    fn convert(
        &mut self,
        to: Intrinsic,
        value: Option<Value>,
        args: &Args,
        span: Span,
    ) -> Res<Value> {
        use Intrinsic as I;
        Ok(match (to, value) {
            (I::Bool, Some(value)) => Value::Bool(self.truth(&value, span)?),
            (I::Bool, None) => Value::Bool(false),
            (I::Int, None) => Value::Int(0),
            (I::Float, None) => Value::Float(0.0),
            (I::Str, None) => Value::str(""),
            (I::Str, Some(value)) => Value::str(self.display_text(&value, span)?),
            (I::Int | I::Float, Some(Value::Tensor(tensor))) => {
                self.check_item(&tensor, span)?;
                self.warn_item(&tensor, span);
                let number = super::tensor_attr::scalar_value(tensor.array().item());
                return self.convert(to, Some(number), args, span);
            }
            (I::Int, Some(Value::Float(value))) => {
                if !value.is_finite() {
                    let (kind, text) = if value.is_nan() {
                        (Exception::ValueError, "cannot convert float NaN to integer")
                    } else {
                        (
                            Exception::OverflowError,
                            "cannot convert float infinity to integer",
                        )
                    };
                    return self.raise(kind, text, span);
                }
                self.integer(value.trunc(), span)?
            }
            (I::Int, Some(value @ (Value::Int(_) | Value::Bool(_)))) => {
                Value::Int(value.as_int().unwrap_or(0))
            }
            (I::Float, Some(value)) if value.number().is_some() => {
                Value::Float(value.number().unwrap_or(0.0))
            }
            (I::Int, Some(Value::Str(text))) => match text.trim().parse() {
                Ok(value) => Value::Int(value),
                Err(_) => {
                    return self.raise(
                        Exception::ValueError,
                        format!("invalid literal for int() with base 10: '{text}'"),
                        span,
                    );
                }
            },
            (I::Float, Some(Value::Str(text))) => match text.trim().to_lowercase().parse() {
                Ok(value) => Value::Float(value),
                Err(_) => {
                    return self.raise(
                        Exception::ValueError,
                        format!("could not convert string to float: '{text}'"),
                        span,
                    );
                }
            },
            (I::Int | I::Float, Some(value)) => {
                let name = self.type_name(&value);
                let of = if to == I::Int {
                    "int() argument must be a string, a bytes-like object or a real number"
                } else {
                    "float() argument must be a string or a real number"
                };
                return self.type_error(format!("{of}, not '{name}'"), span);
            }
            (I::Dict, value) => self.make_dict(value, args, span)?,
            (_, value) => {
                let values = match value {
                    Some(value) => self.elements(&value, span)?,
                    None => Vec::new(),
                };
                match to {
                    I::Tuple => Value::tuple(values),
                    I::Set => Value::Set(Rc::new(RefCell::new(self.distinct(values, span)?))),
                    _ => Value::list(values),
                }
            }
        })
    }

    /// `dict(…)`
    pub(super) fn make_dict(
        &mut self,
        value: Option<Value>,
        args: &Args,
        span: Span,
    ) -> Res<Value> {
        let mut dict = Dict::default();
        match value {
            Some(Value::Dict(other)) => dict = other.borrow().copy(),
            Some(value) => {
                for pair in self.elements(&value, span)? {
                    match self.elements(&pair, span)?.as_slice() {
                        [key, value] => {
                            self.check_key(key, span)?;
                            dict.insert(key.clone(), value.clone());
                        }
                        other => {
                            let text = format!(
                                "dictionary update sequence element #{} has length {}; 2 is required",
                                dict.len(),
                                other.len()
                            );
                            return self.raise(Exception::ValueError, text, span);
                        }
                    }
                }
            }
            None => {}
        }
        for (key, value) in &args.keyword {
            dict.insert(Value::str(key.as_str()), value.clone());
        }
        Ok(Value::Dict(Rc::new(RefCell::new(dict))))
    }

    fn mode_manager(
        &mut self,
        intrinsic: Intrinsic,
        value: Option<Value>,
        span: Span,
    ) -> Res<Value> {
        let callable = value.as_ref().is_some_and(|value| {
            matches!(value, Value::Func(_) | Value::Bound(_) | Value::Wrapped(_))
        });
        let on = match &value {
            Some(value) if !callable => self.truth(value, span)?,
            _ => true,
        };
        let mode = match intrinsic {
            Intrinsic::NoGrad => Mode::Grad(false),
            Intrinsic::EnableGrad => Mode::Grad(true),
            Intrinsic::InferenceMode => Mode::Inference(on),
            _ => Mode::Grad(on),
        };
        // `@no_grad` without a call decorates as well.
        if let (Some(function), true) = (value, callable) {
            return Ok(Value::Wrapped(Rc::new((mode, function))));
        }
        if intrinsic != Intrinsic::SetGradEnabled {
            return Ok(Machine::manager(mode, None));
        }
        let before = (self.grad, self.inference);
        self.enter_mode(mode);
        Ok(Machine::manager(mode, Some(before)))
    }

    fn reshape_is_view(&mut self, value: &Value, shape: Option<Value>, span: Span) -> Res<Value> {
        let (Value::Tensor(tensor), Some(shape)) = (value, shape) else {
            return self.unsupported("reshape of this", span);
        };
        let mut sizes = Vec::new();
        for size in self.elements(&shape, span)? {
            match size.as_int() {
                Some(size) => sizes.push(size),
                None => {
                    let name = self.type_name(&size);
                    return self.type_error(format!("reshape(): argument 'shape' must be tuple of ints, but found element of type {name}"), span);
                }
            }
        }
        match crate::ops::layout::reshape_plan(&tensor.meta(), &sizes) {
            Ok(plan) => Ok(Value::Bool(!matches!(
                plan,
                crate::ops::layout::Reshape::Copy(_)
            ))),
            Err(error) => self.op_error(error, span),
        }
    }

    /// Whether a value is of a class or of one of several.
    pub(super) fn is_instance(&mut self, value: &Value, class: &Value, span: Span) -> Res<bool> {
        use Intrinsic as I;
        Ok(match class {
            Value::Tuple(classes, _) => {
                for class in classes.iter() {
                    if self.is_instance(value, class, span)? {
                        return Ok(true);
                    }
                }
                false
            }
            Value::Builtin(Builtin::Intrinsic(intrinsic)) => match intrinsic {
                I::Tensor => matches!(value, Value::Tensor(_)),
                I::Parameter => matches!(value, Value::Tensor(tensor) if tensor.is_parameter.get()),
                I::Int => matches!(value, Value::Int(_) | Value::Bool(_)),
                I::Float => matches!(value, Value::Float(_)),
                I::Bool => matches!(value, Value::Bool(_)),
                I::Str => matches!(value, Value::Str(_)),
                I::Tuple => matches!(value, Value::Tuple(..)),
                I::Slice => matches!(value, Value::Slice(_)),
                I::Range => matches!(value, Value::Range(..)),
                I::List => matches!(value, Value::List(_)),
                I::Dict => matches!(value, Value::Dict(_)),
                I::Set => matches!(value, Value::Set(_)),
                I::Type => matches!(
                    value,
                    Value::Class(_) | Value::Builtin(Builtin::Exception(_))
                ),
                I::Object => true,
                _ => return self.unsupported("isinstance() of this type", span),
            },
            Value::Builtin(Builtin::Exception(kind)) => {
                matches!(value, Value::Exception(exc) if derives(exc.kind, *kind))
            }
            Value::Class(class) => {
                Machine::class_of(value).is_some_and(|own| Machine::derives_from(own, class))
            }
            _ => {
                return self.type_error(
                    "isinstance() arg 2 must be a type, a tuple of types, or a union",
                    span,
                );
            }
        })
    }

    /// `type(value)`
    pub(super) fn type_of(&mut self, value: &Value, span: Span) -> Res<Value> {
        use Intrinsic as I;
        let intrinsic = match value {
            Value::Instance(instance) => return Ok(Value::Class(Rc::clone(&instance.class))),
            Value::Exception(exc) => {
                return Ok(exc
                    .class
                    .as_ref()
                    .map_or(Value::Builtin(Builtin::Exception(exc.kind)), |class| {
                        Value::Class(Rc::clone(class))
                    }));
            }
            Value::Tensor(tensor) => {
                if tensor.is_parameter.get() {
                    I::Parameter
                } else {
                    I::Tensor
                }
            }
            Value::List(_) => I::List,
            Value::Dict(_) => I::Dict,
            Value::Set(_) => I::Set,
            Value::Int(_) => I::Int,
            Value::Float(_) => I::Float,
            Value::Bool(_) => I::Bool,
            Value::Str(_) => I::Str,
            Value::Tuple(_, false) => I::Tuple,
            Value::Range(..) => I::Range,
            Value::Slice(_) => I::Slice,
            Value::Class(_) => I::Type,
            _ => return self.unsupported("type() of this", span),
        };
        Ok(Value::Builtin(Builtin::Intrinsic(intrinsic)))
    }

    /// Python's name of a value's type.
    pub(super) fn type_name(&self, value: &Value) -> String {
        match value {
            Value::None | Value::Unbound => "NoneType".into(),
            Value::Bool(_) => "bool".into(),
            Value::Int(_) => "int".into(),
            Value::Float(_) => "float".into(),
            Value::Str(_) => "str".into(),
            Value::Ellipsis => "ellipsis".into(),
            Value::Tuple(_, false) => "tuple".into(),
            Value::Tuple(_, true) => "torch.Size".into(),
            Value::Slice(_) => "slice".into(),
            Value::Range(..) => "range".into(),
            Value::Dtype(_) => "torch.dtype".into(),
            Value::Builtin(Builtin::Op(_) | Builtin::OpInPlace(_)) => {
                "builtin_function_or_method".into()
            }
            Value::Builtin(_) | Value::Class(_) => "type".into(),
            Value::Func(_) | Value::Wrapped(_) => "function".into(),
            Value::Bound(bound) => if matches!(bound.1, super::value::Method::Func(_)) {
                "method"
            } else {
                "builtin_function_or_method"
            }
            .into(),
            Value::Super(_) => "super".into(),
            Value::GradFn(node) => node.name.into(),
            Value::Accumulate(_) => "AccumulateGrad".into(),
            Value::Tensor(tensor) => if tensor.is_parameter.get() {
                "Parameter"
            } else {
                "Tensor"
            }
            .into(),
            Value::List(_) => "list".into(),
            Value::Dict(_) => "dict".into(),
            Value::Set(_) => "set".into(),
            Value::Instance(instance) => instance.class.name.to_string(),
            Value::Exception(exc) => exc
                .class
                .as_ref()
                .map_or_else(|| exc.kind.name().into(), |class| class.name.to_string()),
            Value::Hook(_) => "RemovableHandle".into(),
            Value::Device => "torch.device".into(),
            Value::Mode(mode) => match mode.mode {
                Mode::Grad(false) => "no_grad",
                Mode::Grad(true) => "enable_grad",
                Mode::Inference(_) => "inference_mode",
            }
            .into(),
            Value::Iter(_) | Value::Cell(_) | Value::Descriptor(_) | Value::Unknown => {
                "object".into()
            }
        }
    }
}

/// Whether Python's exception type `kind` is or derives from `base`.
pub(super) fn derives(kind: Exception, base: Exception) -> bool {
    kind == base
        || base == Exception::Exception
        || matches!(
            (kind, base),
            (
                Exception::NotImplementedError
                    | Exception::RecursionError
                    | Exception::CheckpointError
                    | Exception::LinAlgError,
                Exception::RuntimeError
            ) | (Exception::UnboundLocalError, Exception::NameError)
        )
}
