//! Calls of operators by name, and what makes tensors from values: `tensor`, `nn.Parameter`, `Variable`, `deepcopy`.

use std::rc::Rc;

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::call::Args;
use super::fact::{FactKind, Failure};
use super::story::{Happened, OriginId, Source, Step};
use super::value::{GradFn, Obj, ObjId, Storage, Val};
use super::world::World;
use super::{Analyzer, Res};
use crate::dataflow::Tri;
use crate::ir::{Builtin, Intrinsic};
use crate::ops::{
    Arg, Dtype, Exception, Form, Gradient, InPlace, OpError, OpId, OpRow, ParamKind, Raw, Scalar,
    bind_overloaded, table,
};
use crate::source::Span;
use crate::symbol::Symbol;

/// Keywords that every factory takes and the table does not know.
const FACTORY_KEYWORDS: &[&str] = &[
    "device",
    "pin_memory",
    "layout",
    "generator",
    "memory_format",
    "non_blocking",
    "copy",
    "names",
];

impl Analyzer<'_> {
    /// `torch.f(args)`
    pub(super) fn op_function(
        &mut self,
        world: &mut World,
        op: OpId,
        in_place: bool,
        args: Args,
        span: Span,
    ) -> Res<Val> {
        self.call_op(
            world,
            op,
            if in_place {
                Form::InPlace
            } else {
                Form::Function
            },
            args,
            span,
        )
    }

    /// `tensor.f(args)`
    pub(super) fn op_method(
        &mut self,
        world: &mut World,
        op: OpId,
        in_place: bool,
        tensor: ObjId,
        args: Args,
        span: Span,
    ) -> Res<Val> {
        self.call_op(
            world,
            op,
            if in_place {
                Form::InPlace
            } else {
                Form::Method
            },
            args.with_first(Val::Obj(tensor)),
            span,
        )
    }

    fn call_op(
        &mut self,
        world: &mut World,
        op: OpId,
        form: Form,
        mut args: Args,
        span: Span,
    ) -> Res<Val> {
        let row = table::row(op);
        for name in FACTORY_KEYWORDS {
            args.take(name);
        }
        // NumPy's names, which PyTorch takes as well.
        for (theirs, ours) in [("axis", "dim"), ("keepdims", "keepdim")] {
            if let Some(value) = args.take(theirs) {
                args.keyword.push((Symbol::intern(ours), value));
            }
        }
        let requires_grad = args.take("requires_grad");
        let out = args.take("out");
        // `inplace=true` of the functional forms writes the first argument.
        let inplace = match args.named("inplace") {
            Some(value) if !row.params.iter().any(|param| param.name == "inplace") => {
                let value = value.clone();
                args.take("inplace");
                self.truth(world, &value, span)?
            }
            _ => Tri::False,
        };
        let form = if inplace.is_true() && !matches!(row.in_place, InPlace::No) {
            Form::InPlace
        } else {
            form
        };
        if data_place(row).is_some() {
            return self.tensor_of_data(world, op, args, requires_grad, span);
        }
        let has_other_unknown = self.has_other_unknown(world, &args);
        let positional: Vec<Raw<ObjId>> = args
            .positional
            .iter()
            .map(|value| self.raw(world, value, false))
            .collect();
        let keyword: Vec<(&str, Raw<ObjId>)> = args
            .keyword
            .iter()
            .map(|(name, value)| (name.as_str(), self.raw(world, value, false)))
            .collect();
        if args.open {
            return Ok(Val::Unknown);
        }
        if let Some((at, value)) = args
            .positional
            .iter()
            .enumerate()
            .find(|(_, value)| matches!(value, Val::None(_)))
            && let Some(raise) = self.none_argument(world, row, form, at, value, span)
        {
            return raise;
        }
        let bound = bind_overloaded(op, &positional, &keyword, form);
        let (op, mut bound) = match bound {
            Ok(bound) => bound,
            Err(error) => return Ok(self.op_error(world, span, error)?.unwrap_or(Val::Unknown)),
        };
        if bound.iter().any(|arg| matches!(arg, Arg::Unknown)) && !has_other_unknown {
            self.outside_operands(world, table::row(op), &mut bound, span);
        }
        if let Some(out) = out {
            return self.out_argument(world, op, bound, &out, span);
        }
        let value = self.apply(world, op, bound, form == Form::InPlace, span)?;
        if let Some(flag) = requires_grad {
            let on = self.truth(world, &flag, span)?;
            self.make_leaf(world, &value, on, span)?;
        }
        Ok(value)
    }

    /// A gradient that is none given to an operator: PyTorch's words depend on the operator, the failure does not.
    fn none_argument(
        &mut self,
        world: &mut World,
        row: &'static crate::ops::OpRow,
        form: Form,
        at: usize,
        value: &Val,
        span: Span,
    ) -> Option<Res<Val>> {
        let param = row.params.get(at)?;
        if !matches!(
            param.kind,
            ParamKind::Tensor { .. } | ParamKind::TensorOrScalar
        ) || self.none_failure(value) != Failure::NoneGradient
        {
            return None;
        }
        let own = crate::ops::engine_ops::refusal_of_none(crate::ops::bind::called(row));
        let name = crate::ops::bind::said(row, form);
        let (error, text) = if let Some((error, text)) = own {
            (error, text.to_owned())
        } else {
            let shown = if param.name == "self" {
                "input"
            } else {
                param.name
            };
            (
                Exception::TypeError,
                format!(
                    "{name}(): argument '{shown}' (position {}) must be Tensor, not NoneType",
                    at + usize::from(form == Form::Function)
                ),
            )
        };
        Some(
            self.raise(world, span, Failure::NoneGradient, error, text)
                .map_err(|raise| self.about(world, raise, value)),
        )
    }

    /// A value as an argument of an operator. In `data`, numbers that are not known stand for any.
    fn raw(&mut self, world: &mut World, value: &Val, data: bool) -> Raw<ObjId> {
        match value {
            Val::None(_) => Raw::None,
            Val::Bool(Some(value)) => Raw::Scalar(Scalar::Bool(*value)),
            Val::Int(Some(value), _) => Raw::Scalar(Scalar::Int(*value)),
            Val::Float(value, _) => Raw::Scalar(Scalar::Float(value.unwrap_or(1.0))),
            Val::Int(None, _) if data => Raw::Scalar(Scalar::Int(0)),
            Val::Bool(None) if data => Raw::Scalar(Scalar::Bool(false)),
            Val::Str(Some(text)) => Raw::Str(text.clone()),
            Val::Dtype(dtype) => Raw::Dtype(*dtype),
            Val::Builtin(Builtin::Intrinsic(Intrinsic::Float)) => Raw::Dtype(Dtype::F64),
            Val::Builtin(Builtin::Intrinsic(Intrinsic::Int)) => Raw::Dtype(Dtype::I64),
            Val::Builtin(Builtin::Intrinsic(Intrinsic::Bool)) => Raw::Dtype(Dtype::Bool),
            Val::Obj(id) if world.tensor(*id).is_some() => {
                if data {
                    self.number_of(world, *id)
                } else {
                    Raw::Tensor(*id)
                }
            }
            Val::Tuple(..) | Val::Range(_) | Val::Obj(_) => match self.elements(world, value) {
                Some(mut values) => {
                    if self.is_open_list(value) {
                        let of_tensors =
                            values.iter().any(|value| world.as_tensor(value).is_some());
                        match of_tensors && !data {
                            // It stands for the rest.
                            true => values.push(Val::Obj(self.outside_tensor(world, self.at.0))),
                            false => return Raw::Unknown,
                        }
                    }
                    if !data && values.iter().any(|value| world.as_tensor(value).is_some()) {
                        for value in &mut values {
                            *value = self.as_operand(world, value, self.at.0);
                        }
                    }
                    let raw = |value: &Val| self.raw(world, value, data);
                    Raw::List(values.iter().map(raw).collect())
                }
                None if self.is_array(world, value) => match self.plain_of(world, value) {
                    Some(held) if data => self.number_of(world, held),
                    _ => Raw::Unknown,
                },
                None => match value {
                    Val::Obj(id)
                        if matches!(
                            world.obj(*id),
                            Some(Obj::Instance(_) | Obj::Class(_) | Obj::Exception(_))
                        ) =>
                    {
                        Raw::Other("object")
                    }
                    _ => Raw::Unknown,
                },
            },
            Val::Func(_) => Raw::Other("function"),
            _ => Raw::Unknown,
        }
    }

    /// Whether a value is an array of the library.
    fn is_array(&self, world: &World, value: &Val) -> bool {
        let attrs = world.instance(value).map(|instance| instance.attrs);
        let held =
            attrs.and_then(|attrs| world.dict(attrs)?.get(&Val::str(crate::ir::builtin::PLAIN)));
        held.is_some()
    }

    /// The tensor whose numbers an array of the library holds.
    pub(super) fn plain_of(&self, world: &World, value: &Val) -> Option<ObjId> {
        let attrs = world.instance(value)?.attrs;
        let held = world
            .dict(attrs)?
            .get(&Val::str(crate::ir::builtin::PLAIN))?;
        world.as_tensor(held)
    }

    /// A tensor among the numbers of `tensor(…)`: PyTorch reads its numbers.
    fn number_of(&self, world: &World, id: ObjId) -> Raw<ObjId> {
        let Some(tensor) = world.tensor(id) else {
            return Raw::Unknown;
        };
        let one = match tensor.dtype {
            Some(Dtype::I64) => Scalar::Int(0),
            Some(Dtype::Bool) => Scalar::Bool(false),
            _ => Scalar::Float(0.0),
        };
        match &tensor.meta {
            Some(meta) if meta.shape.len() <= 1 => match meta.shape.first() {
                None => Raw::Scalar(one),
                Some(&size) => Raw::List(vec![Raw::Scalar(one); size]),
            },
            _ => Raw::Unknown,
        }
    }

    /// `tensor(data, requires_grad=…)`, `new_tensor`.
    pub(super) fn tensor_from(
        &mut self,
        world: &mut World,
        mut args: Args,
        span: Span,
    ) -> Res<Val> {
        let requires_grad = args.take("requires_grad");
        match table::function(crate::ops::engine_ops::FROM_DATA) {
            Some(op) => self.tensor_of_data(world, op, args, requires_grad, span),
            None => Ok(Val::Unknown),
        }
    }

    /// `Tensor(2, 3)` is of these sizes, and `Tensor([1, 2])` of these numbers, in the default type.
    pub(super) fn legacy_tensor(
        &mut self,
        world: &mut World,
        mut args: Args,
        span: Span,
    ) -> Res<Val> {
        let is_size = |value: &Val| matches!(value, Val::Int(..) | Val::Tuple(_, true));
        if args.positional.iter().all(is_size) && args.keyword.is_empty() && !args.open {
            if args.positional.is_empty() {
                args.positional.push(Val::int(0));
            }
            return match table::function(crate::ops::engine_ops::OF_SIZES) {
                Some(op) => self.op_function(world, op, false, args, span),
                None => Ok(Val::Unknown),
            };
        }
        if args.named("dtype").is_none() {
            args.keyword
                .push((Symbol::intern("dtype"), Val::Dtype(Dtype::F32)));
        }
        self.tensor_from(world, args, span)
    }

    fn tensor_of_data(
        &mut self,
        world: &mut World,
        op: OpId,
        args: Args,
        requires_grad: Option<Val>,
        span: Span,
    ) -> Res<Val> {
        // `x.new_tensor(data)` has the tensor before the data.
        let place = data_place(table::row(op)).unwrap_or(0);
        let like = (place > 0).then(|| args.positional.first()).flatten();
        let like = like
            .and_then(|value| world.as_tensor(value))
            .and_then(|tensor| world.tensor(tensor)?.dtype);
        let data = args.get(place, "data").cloned().unwrap_or(Val::Unknown);
        let data = self.plain_of(world, &data).map_or(data, Val::Obj);
        if self.has_larger_tensor(world, &data, 0) {
            let text = crate::ops::bind::ONE_ELEMENT;
            return self.python_error(world, span, Exception::ValueError, text);
        }
        let dtype = args.named("dtype").cloned();
        let mut sources = SmallVec::new();
        let cuts = self.origins_in(world, &data, &mut sources, 0);
        let value = if let Some(tensor) = world.as_tensor(&data) {
            let of = world.tensor(tensor).cloned();
            let (meta, own) = (
                of.as_ref().and_then(|tensor| tensor.meta.clone()),
                of.and_then(|tensor| tensor.dtype),
            );
            let dtype = match dtype.map(|value| self.raw(world, &value, false)) {
                Some(Raw::Dtype(dtype)) => Some(dtype),
                _ => like.or(own),
            };
            let meta = meta.map(|meta| {
                Rc::new(crate::ops::Meta::contiguous(
                    dtype.unwrap_or(meta.dtype),
                    meta.shape.clone(),
                ))
            });
            Val::Obj(self.new_tensor(world, meta, dtype, OriginId::NOWHERE))
        } else {
            let positional: Vec<Raw<ObjId>> = args
                .positional
                .iter()
                .enumerate()
                .map(|(at, value)| self.raw(world, value, at == place))
                .collect();
            let keyword: Vec<(&str, Raw<ObjId>)> = args
                .keyword
                .iter()
                .map(|(name, value)| {
                    (
                        name.as_str(),
                        self.raw(world, value, name.as_str() == "data"),
                    )
                })
                .collect();
            match bind_overloaded(op, &positional, &keyword, Form::Function) {
                Ok((op, bound)) => self.apply(world, op, bound, false, span)?,
                Err(error @ OpError::Unsupported(_)) => {
                    self.op_error(world, span, error)?.unwrap_or(Val::Unknown)
                }
                Err(error) => self.op_error(world, span, error)?.unwrap_or(Val::Unknown),
            }
        };
        let rebuilt = sources.iter().any(|&source| source != OriginId::NOWHERE);
        let source = if rebuilt {
            Source::Rebuilt
        } else {
            Source::Factory
        };
        let origin = self.origin(span, source, sources);
        if rebuilt && !cuts {
            self.origins.set_idle(origin);
        }
        if let Some(id) = world.as_tensor(&value) {
            world.tensor_mut(id).origin = origin;
        }
        if let Some(flag) = requires_grad {
            let on = self.truth(world, &flag, span)?;
            self.make_leaf(world, &value, on, span)?;
        }
        Ok(value)
    }

    /// Whether a tensor that is more than a number is among those in nested lists.
    fn has_larger_tensor(&self, world: &World, data: &Val, depth: usize) -> bool {
        let items: &[Val] = match data {
            Val::Tuple(items, _) => items,
            Val::Obj(id) => match world.obj(*id) {
                Some(Obj::List(items)) => items,
                Some(Obj::Tensor(tensor)) => {
                    let meta = tensor.meta.as_ref();
                    return depth > 0 && meta.is_some_and(|meta| meta.numel() != 1);
                }
                _ => return false,
            },
            _ => return false,
        };
        depth < 8 && (items.iter()).any(|item| self.has_larger_tensor(world, item, depth + 1))
    }

    /// The origins of the tensors and numbers read from tensors in nested lists, and whether any of those tensors may
    /// have a graph.
    fn origins_in(
        &mut self,
        world: &mut World,
        value: &Val,
        out: &mut SmallVec<[OriginId; 2]>,
        depth: usize,
    ) -> bool {
        if out.len() >= 8 || depth > 4 {
            return false;
        }
        let list;
        let items: &[Val] = match value {
            Val::Int(_, origin) | Val::Float(_, origin) if *origin != OriginId::NOWHERE => {
                out.push(*origin);
                return self.origins.get(*origin).source == Source::Item;
            }
            Val::Obj(id) => match world.obj(*id).cloned() {
                Some(Obj::Tensor(tensor)) => {
                    out.push(tensor.origin);
                    return self.requires_grad(world, *id).may();
                }
                Some(Obj::List(items)) => {
                    list = items;
                    &list
                }
                _ => &[],
            },
            Val::Tuple(items, _) => items,
            _ => &[],
        };
        let mut any = false;
        for item in items {
            any |= self.origins_in(world, item, out, depth + 1);
        }
        any
    }

    /// A factory's `requires_grad` (rule R1.3).
    fn make_leaf(&mut self, world: &mut World, value: &Val, on: Tri, span: Span) -> Res<()> {
        let Some(id) = world.as_tensor(value) else {
            return Ok(());
        };
        self.refuse_integer(world, id, on, span)?;
        world.tensor_mut(id).bit = on;
        self.note_leaf(world, id, span);
        Ok(())
    }

    fn refuse_integer(&mut self, world: &mut World, id: ObjId, on: Tri, span: Span) -> Res<()> {
        let dtype = world.tensor(id).and_then(|tensor| tensor.dtype);
        if on.is_true() && dtype.is_some_and(|dtype| !dtype.is_floating()) {
            let text = "Only Tensors of floating point and complex dtype can require gradients";
            return self.raise(
                world,
                span,
                Failure::IntegerRequiresGrad,
                Exception::RuntimeError,
                text,
            );
        }
        Ok(())
    }

    /// `nn.Parameter(data, requires_grad)`: a new leaf on the same storage that shares its version.
    pub(super) fn make_parameter(
        &mut self,
        world: &mut World,
        value: &Val,
        requires_grad: Option<Val>,
        span: Span,
    ) -> Res<Val> {
        let on = match requires_grad {
            Some(value) => self.truth(world, &value, span)?,
            None => Tri::True,
        };
        let Some(source) = world.as_tensor(value) else {
            return match value {
                Val::Unknown => Ok(Val::Unknown),
                _ => {
                    let name = self.type_name(world, value);
                    self.python_error(
                        world,
                        span,
                        Exception::TypeError,
                        format!("expected a Tensor to make a Parameter of, not {name}"),
                    )
                }
            };
        };
        self.refuse_integer(world, source, on, span)?;
        let new = self.fresh_leaf(world, source, Source::Parameter, on, span);
        world.tensor_mut(new).is_parameter = true;
        self.note_leaf(world, new, span);
        Ok(Val::Obj(new))
    }

    /// `autograd.Variable(x, requires_grad=false)` cuts the graph even of a computed tensor (rule R1.7).
    pub(super) fn variable(
        &mut self,
        world: &mut World,
        value: &Val,
        requires_grad: Option<Val>,
        span: Span,
    ) -> Res<Val> {
        let on = match requires_grad {
            Some(value) => self.truth(world, &value, span)?,
            None => Tri::False,
        };
        let Some(source) = world.as_tensor(value) else {
            return Ok(Val::Unknown);
        };
        self.refuse_integer(world, source, on, span)?;
        if self.requires_grad(world, source).is_true() {
            let story = self
                .made(world, source)
                .map(|span| Step {
                    span,
                    happened: Happened::Computed,
                })
                .into_iter()
                .collect();
            self.fact(world, span, FactKind::SilentCut { by: "Variable" }, story);
        }
        let new = self.fresh_leaf(world, source, Source::Variable, on, span);
        if on.may() {
            self.note_leaf(world, new, span);
        }
        Ok(Val::Obj(new))
    }

    fn fresh_leaf(
        &mut self,
        world: &mut World,
        source: ObjId,
        kind: Source,
        on: Tri,
        span: Span,
    ) -> ObjId {
        let Some(of) = world.tensor(source).cloned() else {
            return source;
        };
        // What requires no gradient is cut off from nothing.
        let origin = match kind {
            Source::Variable => self.cut_origin(world, kind, source, span),
            _ => self.origin(span, kind, [of.origin]),
        };
        // Measured: `nn.Parameter(t)` and `Variable(t)` know the version of `t`, as `t.detach()` does.
        let new = super::value::Tensor {
            bit: on,
            grad_fn: GradFn::None,
            grad: Val::NONE,
            view: None,
            retains_grad: false,
            hooks: Default::default(),
            is_parameter: false,
            origin,
            one_of: None,
            history: Default::default(),
            ..(*of).clone()
        };
        self.alloc(world, Obj::Tensor(Rc::new(new)))
    }

    /// `out=` (rule R2.7).
    fn out_argument(
        &mut self,
        world: &mut World,
        op: OpId,
        args: super::record::OpArgs,
        out: &Val,
        span: Span,
    ) -> Res<Val> {
        let Some(target) = world.as_tensor(out) else {
            return Ok(Val::Unknown);
        };
        let row = table::row(op);
        let grads = args
            .iter()
            .flat_map(super::op_args::tensors_of)
            .fold(self.requires_grad(world, target), |any, id| {
                any.or(self.requires_grad(world, id))
            });
        let certain = world.grad.0.and(grads);
        if certain.may() && !matches!(row.gradient, Gradient::NotDifferentiable) {
            let text = format!(
                "{}(): functions with out=... arguments don't support automatic differentiation, but one of the arguments requires grad.",
                crate::ops::bind::called(row)
            );
            self.refuse(world, certain, Failure::OutArgument, text, Vec::new(), span)?;
        }
        if let Val::Obj(result) = self.apply(world, op, args, false, span)?
            && let Some(result) = world.tensor(result).cloned()
        {
            world.tensor_mut(target).meta.clone_from(&result.meta);
        }
        self.bump(world, target, span);
        Ok(out.clone())
    }

    /// `copy.deepcopy(value)`
    pub(super) fn deep_copy(&mut self, world: &mut World, value: &Val, span: Span) -> Res<Val> {
        let mut done = FxHashMap::default();
        self.copy_value(world, value, &mut done, span)
    }

    fn copy_value(
        &mut self,
        world: &mut World,
        value: &Val,
        done: &mut FxHashMap<ObjId, ObjId>,
        span: Span,
    ) -> Res<Val> {
        match value {
            Val::Tuple(items, size) => {
                let items: Res<Vec<Val>> = items
                    .iter()
                    .map(|item| self.copy_value(world, item, done, span))
                    .collect();
                Ok(Val::Tuple(items?.into(), *size))
            }
            Val::Obj(id) => {
                if let Some(&copy) = done.get(id) {
                    return Ok(Val::Obj(copy));
                }
                self.copy_object(world, *id, done, span)
            }
            _ => Ok(value.clone()),
        }
    }

    fn copy_object(
        &mut self,
        world: &mut World,
        id: ObjId,
        done: &mut FxHashMap<ObjId, ObjId>,
        span: Span,
    ) -> Res<Val> {
        let Some(obj) = world.obj(id).cloned() else {
            return Ok(Val::Unknown);
        };
        match obj {
            Obj::Tensor(tensor) => {
                if self.is_leaf(world, id).is_false() {
                    let text = "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the moment.  If you were attempting to deepcopy a module, this may be because of a torch.nn.utils.weight_norm usage, see https://github.com/pytorch/pytorch/pull/103001";
                    let story = self
                        .made(world, id)
                        .map(|span| Step {
                            span,
                            happened: Happened::Computed,
                        })
                        .into_iter()
                        .collect();
                    return self
                        .raise(world, span, Failure::Other, Exception::RuntimeError, text)
                        .map_err(|mut raise| {
                            raise.story = story;
                            raise
                        });
                }
                let origin = self.origin(span, Source::Rebuilt, [tensor.origin]);
                let length = world.storage(tensor.storage).and_then(|of| of.length);
                let storage = self.alloc(world, Obj::Storage(Storage::new(length)));
                let counter = self.new_counter(world);
                let mut copy = (*tensor).clone();
                copy.origin = origin;
                copy.storage = storage;
                copy.counter = Some(counter);
                copy.view = None;
                let new = self.alloc(world, Obj::Tensor(Rc::new(copy)));
                done.insert(id, new);
                let grad = self.copy_value(world, &tensor.grad, done, span)?;
                world.tensor_mut(new).grad = grad;
                if tensor.bit.may() {
                    self.note_leaf(world, new, span);
                }
                Ok(Val::Obj(new))
            }
            Obj::List(items) => {
                let new = self.alloc(world, Obj::Opaque);
                done.insert(id, new);
                let items: Res<Vec<Val>> = items
                    .iter()
                    .map(|item| self.copy_value(world, item, done, span))
                    .collect();
                world.put(new, Obj::List(Rc::new(items?)));
                Ok(Val::Obj(new))
            }
            Obj::Dict(dict) => {
                let new = self.alloc(world, Obj::Opaque);
                done.insert(id, new);
                let mut copy = super::value::Dict {
                    entries: Vec::new(),
                    open: dict.open,
                };
                for (key, value) in &dict.entries {
                    let key = self.copy_value(world, key, done, span)?;
                    let value = self.copy_value(world, value, done, span)?;
                    copy.entries.push((key, value));
                }
                world.put(new, Obj::Dict(Rc::new(copy)));
                Ok(Val::Obj(new))
            }
            Obj::Instance(instance) => {
                let new = self.alloc(world, Obj::Opaque);
                done.insert(id, new);
                let attrs = self.copy_value(world, &Val::Obj(instance.attrs), done, span)?;
                let Val::Obj(attrs) = attrs else {
                    return Ok(Val::Unknown);
                };
                world.put(
                    new,
                    Obj::Instance(Rc::new(super::value::Instance {
                        class: instance.class,
                        attrs,
                    })),
                );
                Ok(Val::Obj(new))
            }
            Obj::Class(_) => Ok(Val::Obj(id)),
            other => {
                let new = self.alloc(world, other);
                done.insert(id, new);
                Ok(Val::Obj(new))
            }
        }
    }
}

/// Where the operator takes nested numbers, if it does.
fn data_place(row: &OpRow) -> Option<usize> {
    row.params
        .iter()
        .position(|param| param.kind == ParamKind::Data)
}
