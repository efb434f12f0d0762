//! The functions that both machines implement by hand.

use std::rc::Rc;

use super::call::Args;
use super::fact::Failure;
use super::story::{OriginId, Source};
use super::value::{Descriptor, Exc, Iterator, Method, Mode, ModeManager, Obj, Val};
use super::world::World;
use super::{Analyzer, Res};
use crate::dataflow::Tri;
use crate::ir::{Builtin, Intrinsic};
use crate::ops::{Dtype, Exception};
use crate::source::Span;

impl Analyzer<'_> {
    /// Calls a value that is no function of the language.
    pub(super) fn call_builtin_value(&mut self, world: &mut World, callee: &Val, args: Args, span: Span) -> Res<Val> {
        match callee {
            Val::Builtin(Builtin::Op(op)) => self.op_function(world, *op, false, args, span),
            Val::Builtin(Builtin::OpInPlace(op)) => self.op_function(world, *op, true, args, span),
            Val::Builtin(Builtin::Intrinsic(intrinsic)) => self.intrinsic(world, *intrinsic, args, span),
            Val::Builtin(Builtin::Exception(kind)) => Ok(self.make_exception(world, *kind, args)),
            Val::Bound(bound) => self.call_bound(world, &bound.0, &bound.1, args, span),
            Val::Unknown => {
                self.used_all(world, &args, span);
                Ok(Val::Unknown)
            }
            Val::Obj(id) => match world.obj(*id).cloned() {
                Some(Obj::Mode(mode)) => match args.positional.first() {
                    Some(function) => Ok(Val::Obj(self.alloc(world, Obj::Wrapped(Rc::new((mode.mode, function.clone())))))),
                    None => Ok(Val::Unknown),
                },
                Some(Obj::Opaque) => Ok(Val::Unknown),
                Some(Obj::Descriptor(Descriptor::Static, function)) => self.call(world, function, args, span),
                _ => self.not_callable(world, callee, span),
            },
            _ => self.not_callable(world, callee, span),
        }
    }

    fn not_callable(&mut self, world: &mut World, callee: &Val, span: Span) -> Res<Val> {
        let name = self.type_name(world, callee);
        let failure = if let Val::None(_) = callee { self.none_failure(callee) } else { Failure::Other };
        self.raise(world, span, failure, Exception::TypeError, format!("'{name}' object is not callable"))
    }

    fn make_exception(&mut self, world: &mut World, kind: Exception, args: Args) -> Val {
        let message = match args.positional.as_slice() {
            [] => Some("".into()),
            [one] => self.text_of(world, one, kind == Exception::KeyError).map(Into::into),
            _ => None,
        };
        Val::Obj(self.alloc(world, Obj::Exception(Rc::new(Exc { kind, class: None, message, args: args.positional }))))
    }

    fn intrinsic(&mut self, world: &mut World, intrinsic: Intrinsic, mut args: Args, span: Span) -> Res<Val> {
        let first = args.positional.first().cloned();
        let value = first.clone().unwrap_or(Val::Unknown);
        let second = args.positional.get(1).cloned();
        use Intrinsic as I;
        Ok(match intrinsic {
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
                    Val::Obj(id) => Val::Obj(self.alloc(world, Obj::Iterator(Rc::new(Iterator::Enumerate(id, start))))),
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
                    (Tri::False, None) => return self.python_error(world, span, Exception::StopIteration, ""),
                    (Tri::True, _) => next,
                    (Tri::Maybe, _) => Val::Unknown,
                }
            }
            I::IsInstance => Val::Bool(self.is_instance(world, &value, &second.unwrap_or(Val::Unknown)).known()),
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
                    self.set_attr(world, &value, crate::symbol::Symbol::intern(name), new.clone(), span)?;
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
                    Some(Obj::Instance(_)) => Some(self.class_member(world, &value, "__call__").is_some()),
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
            I::Abs | I::Min | I::Max | I::Round | I::Pow | I::DivMod => self.number_function(world, intrinsic, &args, span)?,
            I::Sorted => {
                let values = self.elements(world, &value);
                let sorted = match values {
                    Some(values) => self.sorted(world, values, &args, span)?,
                    None => None,
                };
                Val::Obj(self.alloc(world, sorted.map_or(Obj::Opaque, |values| Obj::List(Rc::new(values)))))
            }
            I::Repr => Val::Str(self.text_of(world, &value, true).map(Into::into)),
            I::Type => self.type_of(world, &value),
            I::Int | I::Float | I::Bool | I::Str | I::List | I::Tuple | I::Dict | I::Set => self.convert(world, intrinsic, first, &args, span)?,
            I::Slice => Val::Slice(Rc::new([value, second.unwrap_or(Val::NONE), args.positional.get(2).cloned().unwrap_or(Val::NONE)])),
            I::Object => Val::NONE,
            I::Property => Val::Obj(self.alloc(world, Obj::Descriptor(Descriptor::Property, value))),
            I::StaticMethod => Val::Obj(self.alloc(world, Obj::Descriptor(Descriptor::Static, value))),
            I::ClassMethod => Val::Obj(self.alloc(world, Obj::Descriptor(Descriptor::Class, value))),
            I::MathSqrt | I::MathExp | I::MathLog | I::MathSin | I::MathCos | I::MathTanh | I::MathFloor | I::MathCeil | I::MathProd | I::MathIsNan | I::MathIsInf => {
                self.math(world, intrinsic, &args)
            }
            I::DeepCopy => self.deep_copy(world, &value, span)?,
            I::Copy => match &value {
                Val::Obj(id) => match world.obj(*id).cloned() {
                    Some(obj @ (Obj::List(_) | Obj::Dict(_) | Obj::Set(_))) => Val::Obj(self.alloc(world, obj)),
                    _ => Val::Unknown,
                },
                _ => value,
            },
            I::Tensor => self.tensor_from(world, args, span)?,
            I::Parameter => self.make_parameter(world, &value, args.get(1, "requires_grad").cloned(), span)?,
            I::ManualSeed | I::SetDetectAnomaly | I::Warn => Val::NONE,
            I::IsTensor => Val::Bool(if matches!(value, Val::Unknown) { None } else { Some(world.as_tensor(&value).is_some()) }),
            I::AsTensor => match world.as_tensor(&value) {
                Some(_) => value,
                None => self.tensor_from(world, args, span)?,
            },
            I::IsGradEnabled => Val::Bool(world.grad.0.known()),
            I::IsInferenceModeEnabled => Val::Bool(world.inference.0.known()),
            I::NoGrad | I::EnableGrad | I::InferenceMode | I::SetGradEnabled => self.mode_manager(world, intrinsic, first, span)?,
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
                    Val::Str(Some(name)) => exception_named(name),
                    _ => Exception::RuntimeError,
                };
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
            I::TensorType => Val::Str(world.as_tensor(&value).and_then(|id| world.tensor(id)?.dtype).map(|dtype| tensor_type(dtype).into())),
            I::ObjectAttrs => world.instance(&value).map_or(Val::Unknown, |instance| Val::Obj(instance.attrs)),
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
            Exception::ValueError if text.starts_with("optimizer got an empty") || text.starts_with("can't optimize a non-leaf") => Failure::OptimizerParameters,
            Exception::TypeError if text.starts_with("cannot assign") => Failure::RefusedAssignment,
            _ => Failure::Other,
        }
    }

    fn has_attr(&mut self, world: &mut World, value: &Val, name: &str, span: Span) -> Val {
        if matches!(value, Val::Unknown) {
            return Val::Bool(None);
        }
        let before = world.clone();
        let found = self.get_attr(world, value, crate::symbol::Symbol::intern(name), span).is_ok();
        *world = before;
        Val::Bool(Some(found))
    }

    fn len(&mut self, world: &mut World, value: &Val, span: Span) -> Res<Val> {
        let len = match value {
            Val::Tuple(values, _) => Some(values.len() as i64),
            Val::Str(text) => text.as_ref().map(|text| text.chars().count() as i64),
            Val::Range(parts) => match (parts[0].as_int(), parts[1].as_int(), parts[2].as_int()) {
                (Some(start), Some(stop), Some(step)) => Some(super::iterate::range_len(start, stop, step)),
                _ => None,
            },
            Val::Obj(id) => match world.obj(*id).cloned() {
                Some(Obj::List(items) | Obj::Set(items)) => Some(items.len() as i64),
                Some(Obj::Dict(dict)) => (!dict.open).then_some(dict.entries.len() as i64),
                Some(Obj::Tensor(tensor)) => match &tensor.meta {
                    Some(meta) => match meta.shape.first() {
                        Some(&size) => Some(size as i64),
                        None => return self.python_error(world, span, Exception::TypeError, "len() of a 0-d tensor"),
                    },
                    None => None,
                },
                Some(Obj::Instance(_)) => match self.class_member(world, value, "__len__") {
                    Some(function) => return self.call(world, function, Args::of([value.clone()]), span),
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
        let failure = if let Val::None(_) = value { self.none_failure(value) } else { Failure::Other };
        self.raise(world, span, failure, Exception::TypeError, format!("object of type '{name}' has no len()"))
            .map_err(|raise| self.about(world, raise, value))
    }

    fn range(&mut self, world: &mut World, args: &Args, span: Span) -> Res<Val> {
        let parts = match args.positional.as_slice() {
            [stop] => [Val::int(0), stop.clone(), Val::int(1)],
            [start, stop] => [start.clone(), stop.clone(), Val::int(1)],
            [start, stop, step, ..] => [start.clone(), stop.clone(), step.clone()],
            [] => return self.python_error(world, span, Exception::TypeError, "range expected at least 1 argument, got 0"),
        };
        for part in &parts {
            if !matches!(part, Val::Int(..) | Val::Bool(_) | Val::Unknown) {
                let name = self.type_name(world, part);
                return self.python_error(world, span, Exception::TypeError, format!("'{name}' object cannot be interpreted as an integer"));
            }
        }
        if parts[2].as_int() == Some(0) {
            return self.python_error(world, span, Exception::ValueError, "range() arg 3 must not be zero");
        }
        Ok(Val::Range(Rc::new(parts)))
    }

    fn number_function(&mut self, world: &mut World, intrinsic: Intrinsic, args: &Args, span: Span) -> Res<Val> {
        let first = args.positional.first().cloned().unwrap_or(Val::Unknown);
        if let (Intrinsic::Abs, Some(tensor)) = (intrinsic, world.as_tensor(&first)) {
            return self.tensor_method(world, tensor, crate::symbol::Symbol::intern("abs"), Args::default(), span);
        }
        match intrinsic {
            Intrinsic::Pow => {
                let second = args.positional.get(1).cloned().unwrap_or(Val::Unknown);
                self.binary(world, crate::operator::BinaryOp::Pow, &first, &second, span)
            }
            Intrinsic::Min | Intrinsic::Max => {
                let values = if args.positional.len() == 1 { self.elements(world, &first) } else { Some(args.positional.clone()) };
                let Some(values) = values else { return Ok(Val::Unknown) };
                let less = intrinsic == Intrinsic::Min;
                let known: Option<Vec<f64>> = values.iter().map(|value| value.scalar().map(|scalar| scalar.as_f64())).collect();
                let Some(known) = known.filter(|_| args.named("key").is_none()) else {
                    let number = values.iter().all(Val::is_number);
                    return Ok(if number { Val::Float(None, OriginId::NOWHERE) } else { Val::Unknown });
                };
                let best = (0..known.len()).reduce(|best, at| if (known[at] < known[best]) == less && known[at] != known[best] { at } else { best });
                Ok(best.map_or(Val::Unknown, |at| values[at].clone()))
            }
            Intrinsic::Abs => Ok(match first {
                Val::Int(value, origin) => Val::Int(value.and_then(i64::checked_abs), origin),
                Val::Float(value, origin) => Val::Float(value.map(f64::abs), origin),
                Val::None(_) => {
                    let failure = self.none_failure(&first);
                    return self
                        .raise(world, span, failure, Exception::TypeError, "bad operand type for abs(): 'NoneType'")
                        .map_err(|raise| self.about(world, raise, &first));
                }
                _ => Val::Unknown,
            }),
            Intrinsic::Round => Ok(match (first, args.positional.get(1)) {
                (Val::Float(_, origin), Some(_)) => Val::Float(None, origin),
                (Val::Float(value, origin), None) => Val::Int(value.filter(|value| value.abs() < 1e15).map(|value| value.round_ties_even() as i64), origin),
                (value @ Val::Int(..), _) => value,
                _ => Val::Unknown,
            }),
            _ => Ok(Val::Unknown),
        }
    }

    fn math(&mut self, world: &mut World, intrinsic: Intrinsic, args: &Args) -> Val {
        use Intrinsic as I;
        let first = args.positional.first().cloned().unwrap_or(Val::Unknown);
        if intrinsic == I::MathProd {
            let values = self.elements(world, &first).unwrap_or_default();
            let product = values.iter().try_fold(1i64, |product, value| product.checked_mul(value.as_int()?));
            return Val::Int(product, OriginId::NOWHERE);
        }
        let x = first.scalar().map(|scalar| scalar.as_f64());
        let origin = first.origin();
        match intrinsic {
            I::MathFloor => Val::Int(x.map(|x| x.floor() as i64), origin),
            I::MathCeil => Val::Int(x.map(|x| x.ceil() as i64), origin),
            I::MathIsNan => Val::Bool(x.map(f64::is_nan)),
            I::MathIsInf => Val::Bool(x.map(f64::is_infinite)),
            _ => {
                let function: fn(f64) -> f64 = match intrinsic {
                    I::MathSqrt => f64::sqrt,
                    I::MathExp => f64::exp,
                    I::MathLog => f64::ln,
                    I::MathSin => f64::sin,
                    I::MathCos => f64::cos,
                    _ => f64::tanh,
                };
                let plain = args.positional.len() == 1;
                Val::Float(x.filter(|_| plain).map(function), origin)
            }
        }
    }

    fn convert(&mut self, world: &mut World, to: Intrinsic, value: Option<Val>, args: &Args, span: Span) -> Res<Val> {
        use Intrinsic as I;
        let tensor = value.as_ref().and_then(|value| world.as_tensor(value));
        if let (Some(id), I::Int | I::Float) = (tensor, to) {
            let origin = self.item_origin(world, id, span);
            self.check_item(world, id, span)?;
            return Ok(if to == I::Int { Val::Int(None, origin) } else { Val::Float(None, origin) });
        }
        Ok(match (to, value) {
            (I::Bool, Some(value)) => Val::Bool(self.truth(world, &value, span)?.known()),
            (I::Bool, None) => Val::Bool(Some(false)),
            (I::Int, None) => Val::int(0),
            (I::Float, None) => Val::float(0.0),
            (I::Str, None) => Val::str(""),
            (I::Int, Some(Val::Float(value, origin))) => Val::Int(value.filter(|value| value.abs() < 9e18).map(|value| value as i64), origin),
            (I::Int, Some(Val::Str(text))) => Val::Int(text.and_then(|text| text.trim().parse().ok()), OriginId::NOWHERE),
            (I::Int, Some(value @ Val::Int(..))) | (I::Float, Some(value @ Val::Float(..))) => value,
            (I::Int, Some(Val::Bool(value))) => Val::Int(value.map(i64::from), OriginId::NOWHERE),
            (I::Float, Some(Val::Int(value, origin))) => Val::Float(value.map(|value| value as f64), origin),
            (I::Float, Some(Val::Str(text))) => Val::Float(text.and_then(|text| text.trim().parse().ok()), OriginId::NOWHERE),
            (I::Int | I::Float, Some(value @ Val::None(_))) => {
                let name = if to == I::Int { "int() argument must be a string, a bytes-like object or a real number" } else { "float() argument must be a string or a real number" };
                let failure = self.none_failure(&value);
                return self
                    .raise(world, span, failure, Exception::TypeError, format!("{name}, not 'NoneType'"))
                    .map_err(|raise| self.about(world, raise, &value));
            }
            (I::Int, Some(_)) => Val::Int(None, OriginId::NOWHERE),
            (I::Float, Some(_)) => Val::Float(None, OriginId::NOWHERE),
            (I::Str, Some(value)) => {
                self.used(world, &value, span);
                Val::Str(self.text_of(world, &value, false).map(Into::into))
            }
            (I::Dict, value) => self.make_dict(world, value, args),
            (I::List | I::Tuple | I::Set, value) => {
                if let Some(value) = &value
                    && !matches!(value, Val::Unknown)
                {
                    // Refuses what cannot be gone through.
                    let before = world.clone();
                    self.iterator(world, value, span)?;
                    *world = before;
                }
                let values = match &value {
                    Some(value) => self.elements(world, value),
                    None => Some(Vec::new()),
                };
                match (to, values) {
                    (I::Tuple, Some(values)) => Val::tuple(values),
                    (I::Tuple, None) => Val::Unknown,
                    (I::Set, Some(values)) => Val::Obj(self.alloc(world, Obj::Set(Rc::new(super::instr::distinct(values))))),
                    (_, Some(values)) => Val::Obj(self.alloc(world, Obj::List(Rc::new(values)))),
                    (_, None) => Val::Obj(self.alloc(world, Obj::Opaque)),
                }
            }
            _ => Val::Unknown,
        })
    }

    fn make_dict(&mut self, world: &mut World, value: Option<Val>, args: &Args) -> Val {
        let mut dict = super::value::Dict::default();
        match value {
            Some(Val::Obj(id)) if world.dict(id).is_some() => dict = (**world.dict(id).expect("just seen")).clone(),
            Some(value) => match self.elements(world, &value) {
                Some(pairs) => {
                    for pair in pairs {
                        match self.elements(world, &pair).as_deref() {
                            Some([key, value]) => dict.insert(key.clone(), value.clone()),
                            _ => dict.open = true,
                        }
                    }
                }
                None => dict.open = true,
            },
            None => {}
        }
        for (key, value) in &args.keyword {
            dict.insert(Val::str(key.as_str()), value.clone());
        }
        Val::Obj(self.alloc(world, Obj::Dict(Rc::new(dict))))
    }

    fn mode_manager(&mut self, world: &mut World, intrinsic: Intrinsic, value: Option<Val>, span: Span) -> Res<Val> {
        let callable = value.as_ref().is_some_and(|value| matches!(value, Val::Func(_) | Val::Bound(_)));
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
            return Ok(Val::Obj(self.alloc(world, Obj::Wrapped(Rc::new((mode, function))))));
        }
        let mut before = None;
        if intrinsic == Intrinsic::SetGradEnabled {
            before = Some((world.grad.0, world.inference.0));
            self.enter_mode(world, mode, span);
        }
        Ok(Val::Obj(self.alloc(world, Obj::Mode(ModeManager { mode, before }))))
    }

    /// Whether a value is of a class or of one of several.
    pub(super) fn is_instance(&mut self, world: &World, value: &Val, class: &Val) -> Tri {
        if matches!(value, Val::Unknown) || matches!(class, Val::Unknown) {
            return Tri::Maybe;
        }
        use Intrinsic as I;
        match class {
            Val::Tuple(classes, _) => classes.iter().fold(Tri::False, |any, class| any.or(self.is_instance(world, value, class))),
            Val::Builtin(Builtin::Intrinsic(intrinsic)) => {
                let tensor = world.as_tensor(value).and_then(|id| world.tensor(id));
                let obj = match value {
                    Val::Obj(id) => world.obj(*id),
                    _ => None,
                };
                if let Some(Obj::Opaque) = obj {
                    return Tri::Maybe;
                }
                Tri::from(match intrinsic {
                    I::Tensor => tensor.is_some(),
                    I::Parameter => tensor.is_some_and(|tensor| tensor.is_parameter),
                    I::Int => matches!(value, Val::Int(..) | Val::Bool(_)),
                    I::Float => matches!(value, Val::Float(..)),
                    I::Bool => matches!(value, Val::Bool(_)),
                    I::Str => matches!(value, Val::Str(_)),
                    I::Tuple => matches!(value, Val::Tuple(..)),
                    I::Slice => matches!(value, Val::Slice(_)),
                    I::Range => matches!(value, Val::Range(_)),
                    I::List => matches!(obj, Some(Obj::List(_))),
                    I::Dict => matches!(obj, Some(Obj::Dict(_))),
                    I::Set => matches!(obj, Some(Obj::Set(_))),
                    I::Type => matches!(obj, Some(Obj::Class(_))) || matches!(value, Val::Builtin(Builtin::Exception(_))),
                    I::Object => true,
                    _ => false,
                })
            }
            Val::Builtin(Builtin::Exception(kind)) => match value {
                Val::Obj(id) => match world.obj(*id) {
                    Some(Obj::Exception(exc)) => Tri::from(derives(exc.kind, *kind)),
                    _ => Tri::False,
                },
                _ => Tri::False,
            },
            Val::Obj(class) => match value {
                Val::Obj(id) => match world.obj(*id) {
                    Some(Obj::Instance(instance)) => match world.obj(instance.class) {
                        Some(Obj::Class(own)) if own.mro.contains(class) => Tri::True,
                        Some(Obj::Class(own)) if own.open => Tri::Maybe,
                        _ => Tri::False,
                    },
                    Some(Obj::Exception(exc)) => match exc.class.and_then(|own| world.obj(own)) {
                        Some(Obj::Class(own)) => Tri::from(own.mro.contains(class)),
                        _ => Tri::False,
                    },
                    Some(Obj::Opaque) => Tri::Maybe,
                    _ => Tri::False,
                },
                _ => Tri::False,
            },
            _ => Tri::Maybe,
        }
    }

    /// Python's name of a value's type.
    pub(super) fn type_name(&self, world: &World, value: &Val) -> String {
        match value {
            Val::None(_) | Val::Unbound => "NoneType".into(),
            Val::Bool(_) => "bool".into(),
            Val::Int(..) => "int".into(),
            Val::Float(..) => "float".into(),
            Val::Str(_) => "str".into(),
            Val::Ellipsis => "ellipsis".into(),
            Val::Tuple(_, false) => "tuple".into(),
            Val::Tuple(_, true) => "torch.Size".into(),
            Val::Slice(_) => "slice".into(),
            Val::Range(_) => "range".into(),
            Val::Dtype(_) => "torch.dtype".into(),
            Val::Builtin(Builtin::Op(_) | Builtin::OpInPlace(_)) => "builtin_function_or_method".into(),
            Val::Builtin(_) => "type".into(),
            Val::Func(_) => "function".into(),
            Val::Bound(bound) => if matches!(bound.1, Method::Func(_)) { "method" } else { "builtin_function_or_method" }.into(),
            Val::Super(_) => "super".into(),
            Val::GradFn(node) => self.nodes[*node].name.into(),
            Val::Unknown => "object".into(),
            Val::Obj(id) => match world.obj(*id) {
                Some(Obj::Tensor(tensor)) => if tensor.is_parameter { "Parameter" } else { "Tensor" }.into(),
                Some(Obj::List(_)) => "list".into(),
                Some(Obj::Dict(_)) => "dict".into(),
                Some(Obj::Set(_)) => "set".into(),
                Some(Obj::Instance(instance)) => self.class_name(world, instance.class),
                Some(Obj::Class(_)) => "type".into(),
                Some(Obj::Exception(exc)) => exc.class.map_or_else(|| exc.kind.name().into(), |class| self.class_name(world, class)),
                Some(Obj::Wrapped(_)) => "function".into(),
                _ => "object".into(),
            },
        }
    }

    /// The name of a class.
    pub(super) fn class_name(&self, world: &World, class: super::value::ObjId) -> String {
        match world.obj(class) {
            Some(Obj::Class(class)) => class.name.to_string(),
            _ => "object".into(),
        }
    }

    /// `type(value)`
    pub(super) fn type_of(&self, world: &World, value: &Val) -> Val {
        use Intrinsic as I;
        let intrinsic = match value {
            Val::Obj(id) => match world.obj(*id) {
                Some(Obj::Instance(instance)) => return Val::Obj(instance.class),
                Some(Obj::Exception(exc)) => return exc.class.map_or(Val::Builtin(Builtin::Exception(exc.kind)), Val::Obj),
                Some(Obj::Tensor(tensor)) => if tensor.is_parameter { I::Parameter } else { I::Tensor },
                Some(Obj::List(_)) => I::List,
                Some(Obj::Dict(_)) => I::Dict,
                Some(Obj::Set(_)) => I::Set,
                _ => return Val::Unknown,
            },
            Val::Int(..) => I::Int,
            Val::Float(..) => I::Float,
            Val::Bool(_) => I::Bool,
            Val::Str(_) => I::Str,
            Val::Tuple(..) => I::Tuple,
            _ => return Val::Unknown,
        };
        Val::Builtin(Builtin::Intrinsic(intrinsic))
    }

    /// The text of a value, if it is known.
    pub(super) fn text_of(&self, world: &World, value: &Val, repr: bool) -> Option<String> {
        Some(match value {
            Val::None(_) => "None".into(),
            Val::Bool(value) => if (*value)? { "True" } else { "False" }.into(),
            Val::Int(value, _) => (*value)?.to_string(),
            Val::Str(text) => {
                let text = text.as_ref()?;
                if repr { format!("'{text}'") } else { text.to_string() }
            }
            Val::Tuple(values, _) => {
                let parts: Option<Vec<String>> = values.iter().map(|value| self.text_of(world, value, true)).collect();
                let parts = parts?;
                if parts.len() == 1 { format!("({},)", parts[0]) } else { format!("({})", parts.join(", ")) }
            }
            Val::Obj(id) => match world.obj(*id)? {
                Obj::Exception(exc) => self.exception_text(exc)?.to_string(),
                Obj::List(items) => {
                    let parts: Option<Vec<String>> = items.iter().map(|value| self.text_of(world, value, true)).collect();
                    format!("[{}]", parts?.join(", "))
                }
                _ => return None,
            },
            _ => return None,
        })
    }

    /// An input of a known type.
    pub(super) fn input(&mut self, world: &mut World, dtype: Dtype, shape: Option<Vec<Val>>, span: Span) -> Val {
        let sizes: Option<crate::ops::Shape> = shape.and_then(|shape| shape.iter().map(|size| size.as_int().and_then(|size| usize::try_from(size).ok())).collect());
        let meta = sizes.map(|shape| Rc::new(crate::ops::Meta::contiguous(dtype, shape)));
        let origin = self.origin(span, Source::Factory, []);
        Val::Obj(self.new_tensor(world, meta, Some(dtype), origin))
    }
}

/// Whether Python's exception type `kind` is or derives from `base`.
fn derives(kind: Exception, base: Exception) -> bool {
    kind == base
        || base == Exception::Exception
        || matches!(
            (kind, base),
            (Exception::NotImplementedError | Exception::RecursionError, Exception::RuntimeError) | (Exception::UnboundLocalError, Exception::NameError)
        )
}

fn exception_named(name: &str) -> Exception {
    use Exception as E;
    const ALL: &[Exception] = &[
        E::Exception, E::RuntimeError, E::NotImplementedError, E::TypeError, E::ValueError, E::IndexError, E::KeyError, E::AttributeError,
        E::NameError, E::AssertionError, E::ZeroDivisionError, E::OverflowError, E::StopIteration, E::RecursionError,
    ];
    ALL.iter().copied().find(|kind| kind.name() == name).unwrap_or(E::RuntimeError)
}

/// The name of the tensor type in PyTorch's messages.
pub(super) fn tensor_type(dtype: Dtype) -> String {
    format!("torch.{}Tensor", dtype.scalar_name())
}
