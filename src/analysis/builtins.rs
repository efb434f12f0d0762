//! The functions that both machines implement by hand.

use std::rc::Rc;

use super::call::Args;
use super::fact::Failure;
use super::story::{OriginId, Source};
use super::value::{Descriptor, Exc, Iterator, Mode, ModeManager, Obj, Val};
use super::world::World;
use super::{Analyzer, Res};
use crate::dataflow::Tri;
use crate::ir::{Builtin, Intrinsic};
use crate::ops::{Dtype, Exception};
use crate::source::Span;

impl Analyzer<'_> {
    /// Calls a value that is no function of the language.
    pub(super) fn call_builtin_value(
        &mut self,
        world: &mut World,
        callee: &Val,
        args: Args,
        span: Span,
    ) -> Res<Val> {
        let is_partly_unknown = self.is_partly_unknown(world, &args);
        let result = self.call_known_builtin(world, callee, args, span);
        Self::pardon(is_partly_unknown, result)
    }

    fn call_known_builtin(
        &mut self,
        world: &mut World,
        callee: &Val,
        args: Args,
        span: Span,
    ) -> Res<Val> {
        match callee {
            Val::Builtin(Builtin::Op(op)) => self.op_function(world, *op, false, args, span),
            Val::Builtin(Builtin::OpInPlace(op)) => self.op_function(world, *op, true, args, span),
            Val::Builtin(Builtin::Intrinsic(intrinsic)) => {
                self.intrinsic_of_any(world, *intrinsic, args, span)
            }
            Val::Builtin(Builtin::Exception(kind)) => Ok(self.make_exception(world, *kind, args)),
            Val::Bound(bound) => self.call_bound(world, &bound.0, &bound.1, args, span),
            Val::Unknown => {
                self.unknown_call(world, None, &args, span);
                Ok(Val::Unknown)
            }
            Val::Outside => self.outside_call(world, None, args, span),
            Val::Obj(id) => match world.obj(*id).cloned() {
                Some(Obj::Mode(mode)) => match args.positional.first() {
                    Some(function) => Ok(Val::Obj(
                        self.alloc(world, Obj::Wrapped(Rc::new((mode.mode, function.clone())))),
                    )),
                    None => Ok(Val::Unknown),
                },
                Some(Obj::Opaque) => {
                    self.unknown_call(world, None, &args, span);
                    Ok(Val::Unknown)
                }
                Some(Obj::Descriptor(Descriptor::Static, function)) => {
                    self.call(world, function, args, span)
                }
                _ => self.not_callable(world, callee, span),
            },
            _ => self.not_callable(world, callee, span),
        }
    }

    fn not_callable(&mut self, world: &mut World, callee: &Val, span: Span) -> Res<Val> {
        let name = self.type_name(world, callee);
        self.refuse_value(
            world,
            callee,
            format!("'{name}' object is not callable"),
            span,
        )
    }

    fn make_exception(&mut self, world: &mut World, kind: Exception, args: Args) -> Val {
        let message = match args.positional.as_slice() {
            [] => Some("".into()),
            [one] => self
                .text_of(world, one, kind == Exception::KeyError)
                .map(Into::into),
            _ => None,
        };
        Val::Obj(self.alloc(
            world,
            Obj::Exception(Rc::new(Exc {
                kind,
                class: None,
                message,
                args: args.positional,
            })),
        ))
    }

    /// An intrinsic's arguments may be from outside: then what it gives is, unless it is known.
    fn intrinsic_of_any(
        &mut self,
        world: &mut World,
        intrinsic: Intrinsic,
        mut args: Args,
        span: Span,
    ) -> Res<Val> {
        use Intrinsic as I;
        if intrinsic == I::Outside {
            let holds = args.values().any(|value| self.holds_gradient(world, value));
            return Ok(if holds { Val::Unknown } else { self.outside() });
        }
        let is_outside = self.are_outside(&args);
        if let (I::Parameter | I::Variable, Some(first)) = (intrinsic, args.positional.first_mut())
        {
            *first = self.as_operand(world, &first.clone(), span);
        }
        let holds_it = matches!(intrinsic, I::List | I::Tuple | I::Set | I::Dict | I::Sorted);
        if is_outside && (holds_it || intrinsic == I::Reversed) {
            return Ok(self.outside());
        }
        let goes_through = matches!(intrinsic, I::Enumerate | I::Zip | I::Iter | I::Next);
        let args = if goes_through { args } else { args.erased() };
        let result = self.intrinsic(world, intrinsic, args, span)?;
        Ok(match result {
            Val::Unknown if is_outside => self.outside(),
            result => result,
        })
    }

    fn intrinsic(
        &mut self,
        world: &mut World,
        intrinsic: Intrinsic,
        mut args: Args,
        span: Span,
    ) -> Res<Val> {
        let first = args.positional.first().cloned();
        let value = first.clone().unwrap_or(Val::Unknown);
        let second = args.positional.get(1).cloned();
        use Intrinsic as I;
        if intrinsic.takes_numbers() && self.plain_of(world, &value).is_some() {
            return Ok(Val::Unknown);
        }
        Ok(match intrinsic {
            I::Outside => Val::Unknown,
            I::Print => {
                self.used_all(world, &args, span);
                Val::NONE
            }
            I::Len => self.len(world, &value, span)?,
            I::Range => self.range(world, &args, span)?,
            I::Enumerate => {
                let inner = self.iterator(world, &value, span)?;
                let start = args.get(1, "start").map_or(Some(0), Val::as_int);
                match inner {
                    Val::Obj(id) => Val::Obj(self.alloc(
                        world,
                        Obj::Iterator(Rc::new(Iterator::Enumerate(id, start))),
                    )),
                    _ => Val::Unknown,
                }
            }
            I::Zip => {
                let mut parts = Vec::with_capacity(args.positional.len());
                for value in &args.positional {
                    if let Val::Obj(id) = self.iterator(world, value, span)? {
                        parts.push(id);
                    }
                }
                Val::Obj(self.alloc(world, Obj::Iterator(Rc::new(Iterator::Zip(parts)))))
            }
            I::Reversed => match self.elements(world, &value) {
                Some(mut values) => {
                    values.reverse();
                    Val::Obj(self.alloc(world, Obj::List(Rc::new(values))))
                }
                None => Val::Obj(self.alloc(world, Obj::Opaque)),
            },
            I::Iter => self.iterator(world, &value, span)?,
            I::Next => {
                let (next, more) = self.next(world, &value)?;
                match (more, second) {
                    (Tri::False, Some(default)) => default,
                    (Tri::False, None) => {
                        return self.python_error(world, span, Exception::StopIteration, "");
                    }
                    (Tri::True, _) => next,
                    (Tri::Maybe, _) => Val::Unknown,
                }
            }
            I::IsInstance => Val::Bool(
                self.is_instance(world, &value, &second.unwrap_or(Val::Unknown))
                    .known(),
            ),
            I::IsSubclass => Val::Bool(None),
            I::HasAttr => match second {
                Some(Val::Str(Some(name))) => self.has_attr(world, &value, &name, span),
                _ => Val::Bool(None),
            },
            I::GetAttr => match (&second, args.positional.get(2)) {
                (Some(Val::Str(Some(name))), default) => {
                    let name = crate::symbol::Symbol::intern(name);
                    match (self.get_attr(world, &value, name, span), default) {
                        (Ok(value), _) => value,
                        (Err(_), Some(default)) => default.clone(),
                        (Err(raise), None) => return Err(raise),
                    }
                }
                _ => Val::Unknown,
            },
            I::SetAttr => {
                if let (Some(Val::Str(Some(name))), Some(new)) = (&second, args.positional.get(2)) {
                    self.set_attr(
                        world,
                        &value,
                        crate::symbol::Symbol::intern(name),
                        new.clone(),
                        span,
                    )?;
                } else if let Some(instance) = world.instance(&value)
                    && let Some(attrs) = world.dict_mut(instance.attrs)
                {
                    attrs.open = true;
                }
                Val::NONE
            }
            I::DelAttr => {
                if let Some(Val::Str(Some(name))) = &second {
                    self.del_attr(world, &value, crate::symbol::Symbol::intern(name), span)?;
                }
                Val::NONE
            }
            I::Callable => Val::Bool(match &value {
                Val::Func(_) | Val::Bound(_) | Val::Builtin(_) => Some(true),
                Val::Obj(id) => match world.obj(*id) {
                    Some(Obj::Class(_) | Obj::Wrapped(_)) => Some(true),
                    Some(Obj::Instance(_)) => {
                        Some(self.class_member(world, &value, "__call__").is_some())
                    }
                    Some(Obj::Opaque) => None,
                    _ => Some(false),
                },
                Val::Unknown => None,
                _ => Some(false),
            }),
            I::Id => match value {
                Val::Obj(id) => Val::int(i64::from(id.number())),
                _ => Val::Int(None, OriginId::NOWHERE),
            },
            I::Abs | I::Min | I::Max | I::Round | I::Pow | I::DivMod => {
                self.number_function(world, intrinsic, &args, span)?
            }
            I::Sorted => {
                let values = self.elements(world, &value);
                let sorted = match values {
                    Some(values) => self.sorted(world, values, &args, span)?,
                    None => None,
                };
                Val::Obj(self.alloc(
                    world,
                    sorted.map_or(Obj::Opaque, |values| Obj::List(Rc::new(values))),
                ))
            }
            I::Repr => Val::Str(self.text_of(world, &value, true).map(Into::into)),
            I::Type => self.type_of(world, &value),
            I::Int | I::Float | I::Bool | I::Str | I::List | I::Tuple | I::Dict | I::Set => {
                self.convert(world, intrinsic, first, &args, span)?
            }
            I::Slice => Val::Slice(Rc::new([
                value,
                second.unwrap_or(Val::NONE),
                args.positional.get(2).cloned().unwrap_or(Val::NONE),
            ])),
            I::Object => Val::NONE,
            I::Property => {
                Val::Obj(self.alloc(world, Obj::Descriptor(Descriptor::Property, value)))
            }
            I::StaticMethod => {
                Val::Obj(self.alloc(world, Obj::Descriptor(Descriptor::Static, value)))
            }
            I::ClassMethod => {
                Val::Obj(self.alloc(world, Obj::Descriptor(Descriptor::Class, value)))
            }
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
            | I::MathIsInf => self.math(world, intrinsic, &args),
            I::DeepCopy => self.deep_copy(world, &value, span)?,
            I::Copy => match &value {
                Val::Obj(id) => match world.obj(*id).cloned() {
                    Some(obj @ (Obj::List(_) | Obj::Dict(_) | Obj::Set(_))) => {
                        Val::Obj(self.alloc(world, obj))
                    }
                    _ => Val::Unknown,
                },
                _ => value,
            },
            I::Tensor => self.legacy_tensor(world, args, span)?,
            I::Parameter => {
                self.make_parameter(world, &value, args.get(1, "requires_grad").cloned(), span)?
            }
            I::ManualSeed | I::Warn => Val::NONE,
            I::IsTensor => Val::Bool(if matches!(value, Val::Unknown) {
                None
            } else {
                Some(world.as_tensor(&value).is_some())
            }),
            I::AsTensor => match (world.as_tensor(&value), self.plain_of(world, &value)) {
                (Some(_), _) => value,
                // The same storage, with a version counter of its own.
                (None, Some(held)) => {
                    let data = crate::symbol::Symbol::intern(crate::ir::TensorAttr::Data.name());
                    self.get_attr(world, &Val::Obj(held), data, span)?
                }
                (None, None) => self.tensor_from(world, args, span)?,
            },
            I::IsGradEnabled => Val::Bool(world.grad.0.known()),
            I::IsInferenceModeEnabled => Val::Bool(world.inference.0.known()),
            I::NoGrad | I::EnableGrad | I::InferenceMode | I::SetGradEnabled => {
                self.mode_manager(world, intrinsic, first, span)?
            }
            I::Backward => self.autograd_backward(world, args, span)?,
            I::Grad => self.autograd_grad(world, args, span)?,
            I::Variable => self.variable(world, &value, args.take("requires_grad"), span)?,
            I::ReshapeIsView => {
                let shape = second.and_then(|shape| self.elements(world, &shape));
                self.reshape_is_view(world, &value, shape)
            }
            I::SameObject => Val::Bool(second.and_then(|other| match (&value, &other) {
                (Val::Unknown, _) | (_, Val::Unknown) => None,
                (a, b) => Some(a.same(b)),
            })),
            I::WriteKernel => {
                // The kernel writes the numbers and bumps nothing (rule R4.4).
                Val::NONE
            }
            // What the library does not model is no verdict.
            I::Raise if matches!(&value, Val::Str(Some(name)) if &**name == "Unsupported") => {
                self.lose(span, "a part of PyTorch that is not modelled");
                Val::Unknown
            }
            I::Raise => {
                let kind = match &value {
                    Val::Str(Some(name)) => Exception::from_name(name),
                    _ => None,
                };
                let kind = kind.unwrap_or(Exception::RuntimeError);
                let text = match second {
                    Some(Val::Str(Some(text))) => text,
                    _ => "…".into(),
                };
                let subject = args.positional.get(2).cloned().unwrap_or(Val::NONE);
                let mut raise = match self.raise::<Val>(world, span, Failure::Other, kind, text) {
                    Err(raise) => raise,
                    Ok(value) => return Ok(value),
                };
                raise.failure = self.library_failure(world, &raise.exception);
                return Err(self.about(world, raise, &subject));
            }
            I::TypeName => Val::str(self.type_name(world, &value)),
            I::TensorType => Val::Str(
                world
                    .as_tensor(&value)
                    .and_then(|id| world.tensor(id)?.dtype)
                    .map(|dtype| super::types::tensor_type(dtype).into()),
            ),
            I::NeedsGrad => self.needs_grad(world, &value),
            I::FunctionNode => self.function_node(world, &args, span)?,
            I::NodeSave => self.node_save(world, &value, &second.unwrap_or(Val::Unknown), span)?,
            I::NodeSaved => self.node_saved(world, &value, span)?,
            I::PushSavedHooks => {
                let hooks = Rc::make_mut(&mut world.saved_hooks);
                hooks.push((value, second.unwrap_or(Val::Unknown)));
                Val::NONE
            }
            I::PopSavedHooks => {
                Rc::make_mut(&mut world.saved_hooks).pop();
                Val::NONE
            }
            I::BackwardNumber => Val::int(self.running.last().map_or(-1, |pass| pass.0)),
            I::IsCheckpointValid => Val::Bool(Some(self.running.last().is_none_or(|pass| pass.1))),
            // The numbers themselves are not followed.
            I::RngState => Val::int(0),
            I::SetRngState => Val::NONE,
            I::SetAnomaly => {
                let on = self.truth(world, &value, span)?;
                Val::Bool(std::mem::replace(&mut world.anomaly, on).known())
            }
            I::ObjectAttrs => world
                .instance(&value)
                .map_or(Val::Unknown, |instance| Val::Obj(instance.attrs)),
        })
    }

    /// Which failure an exception of the library's is, by what it is about.
    pub(super) fn library_failure(&self, world: &World, exception: &Val) -> Failure {
        let exc = match exception {
            Val::Obj(id) => match world.obj(*id) {
                Some(Obj::Exception(exc)) => exc,
                _ => return Failure::Other,
            },
            _ => return Failure::Other,
        };
        let text = exc.message.as_deref().unwrap_or_default();
        match exc.kind {
            Exception::ValueError
                if text.starts_with("optimizer got an empty")
                    || text.starts_with("can't optimize a non-leaf") =>
            {
                Failure::OptimizerParameters
            }
            Exception::TypeError if text.starts_with("cannot assign") => Failure::RefusedAssignment,
            Exception::NotImplementedError if text.ends_with("with backward mode AD.") => {
                Failure::CustomFunction
            }
            Exception::RuntimeError if text.starts_with("trying to differentiate twice") => {
                Failure::NoDerivative
            }
            // What finds no gradient among those that it is to change.
            Exception::RuntimeError if text.contains(".empty() to be true") => {
                Failure::NoneGradient
            }
            _ => Failure::Other,
        }
    }

    fn has_attr(&mut self, world: &mut World, value: &Val, name: &str, span: Span) -> Val {
        if matches!(value, Val::Unknown) {
            return Val::Bool(None);
        }
        let before = world.clone();
        let found = self.get_attr(world, value, crate::symbol::Symbol::intern(name), span);
        *world = before;
        Val::Bool(match found {
            // It may be there or not.
            Ok(Val::Unknown) => None,
            found => Some(found.is_ok()),
        })
    }

    fn len(&mut self, world: &mut World, value: &Val, span: Span) -> Res<Val> {
        let len = match value {
            Val::Tuple(values, _) => Some(values.len() as i64),
            Val::Str(text) => text.as_ref().map(|text| text.chars().count() as i64),
            Val::Range(parts) => match (parts[0].as_int(), parts[1].as_int(), parts[2].as_int()) {
                (Some(start), Some(stop), Some(step)) => {
                    Some(super::iterate::range_len(start, stop, step))
                }
                _ => None,
            },
            Val::Obj(id) => match world.obj(*id).cloned() {
                Some(Obj::List(_)) if self.is_open_list(value) => None,
                Some(Obj::List(items) | Obj::Set(items)) => Some(items.len() as i64),
                Some(Obj::Dict(dict)) => (!dict.open).then_some(dict.entries.len() as i64),
                Some(Obj::Tensor(tensor)) => match &tensor.meta {
                    Some(meta) => match meta.shape.first() {
                        Some(&size) => Some(size as i64),
                        None => {
                            return self.python_error(
                                world,
                                span,
                                Exception::TypeError,
                                "len() of a 0-d tensor",
                            );
                        }
                    },
                    None => None,
                },
                Some(Obj::Instance(_)) => match self.class_member(world, value, "__len__") {
                    Some(function) => {
                        return self.call(world, function, Args::of([value.clone()]), span);
                    }
                    None => return self.no_len(world, value, span),
                },
                Some(Obj::Opaque) => None,
                _ => return self.no_len(world, value, span),
            },
            Val::Unknown => None,
            _ => return self.no_len(world, value, span),
        };
        Ok(Val::Int(len, OriginId::NOWHERE))
    }

    fn no_len(&mut self, world: &mut World, value: &Val, span: Span) -> Res<Val> {
        let name = self.type_name(world, value);
        self.refuse_value(
            world,
            value,
            format!("object of type '{name}' has no len()"),
            span,
        )
    }

    fn range(&mut self, world: &mut World, args: &Args, span: Span) -> Res<Val> {
        let parts = match args.positional.as_slice() {
            [stop] => [Val::int(0), stop.clone(), Val::int(1)],
            [start, stop] => [start.clone(), stop.clone(), Val::int(1)],
            [start, stop, step, ..] => [start.clone(), stop.clone(), step.clone()],
            [] => {
                return self.python_error(
                    world,
                    span,
                    Exception::TypeError,
                    "range expected at least 1 argument, got 0",
                );
            }
        };
        for part in &parts {
            if !matches!(part, Val::Int(..) | Val::Bool(_) | Val::Unknown) {
                let name = self.type_name(world, part);
                return self.python_error(
                    world,
                    span,
                    Exception::TypeError,
                    format!("'{name}' object cannot be interpreted as an integer"),
                );
            }
        }
        if parts[2].as_int() == Some(0) {
            return self.python_error(
                world,
                span,
                Exception::ValueError,
                "range() arg 3 must not be zero",
            );
        }
        Ok(Val::Range(Rc::new(parts)))
    }

    fn mode_manager(
        &mut self,
        world: &mut World,
        intrinsic: Intrinsic,
        value: Option<Val>,
        span: Span,
    ) -> Res<Val> {
        let callable = value.as_ref().is_some_and(|value| match value {
            Val::Func(_) | Val::Bound(_) => true,
            Val::Obj(id) => matches!(world.obj(*id), Some(Obj::Wrapped(_))),
            _ => false,
        });
        let on = match &value {
            Some(value) if !callable => self.truth(world, value, span)?,
            _ => Tri::True,
        };
        let mode = match intrinsic {
            Intrinsic::NoGrad => Mode::Grad(Tri::False),
            Intrinsic::EnableGrad => Mode::Grad(Tri::True),
            Intrinsic::InferenceMode => Mode::Inference(on),
            _ => Mode::Grad(on),
        };
        // `@no_grad` without a call decorates as well.
        if let (Some(function), true) = (value, callable) {
            return Ok(Val::Obj(
                self.alloc(world, Obj::Wrapped(Rc::new((mode, function)))),
            ));
        }
        let mut before = None;
        if intrinsic == Intrinsic::SetGradEnabled {
            before = Some((world.grad.0, world.inference.0));
            self.enter_mode(world, mode, span);
        }
        Ok(Val::Obj(
            self.alloc(world, Obj::Mode(ModeManager { mode, before })),
        ))
    }

    /// An input of a known type.
    pub(super) fn input(
        &mut self,
        world: &mut World,
        dtype: Dtype,
        shape: Option<Vec<Val>>,
        span: Span,
    ) -> Val {
        let sizes: Option<crate::ops::Shape> = shape.and_then(|shape| {
            shape
                .iter()
                .map(|size| size.as_int().and_then(|size| usize::try_from(size).ok()))
                .collect()
        });
        let meta = sizes.map(|shape| Rc::new(crate::ops::Meta::contiguous(dtype, shape)));
        let origin = self.origin(span, Source::Factory, []);
        Val::Obj(self.new_tensor(world, meta, Some(dtype), origin))
    }
}
