//! What a tensor answers to that is no operator: its flags, its gradient, `detach`, `item`, `backward`, hooks.

use std::rc::Rc;

use super::call::Args;
use super::fact::{FactKind, Failure};
use super::story::{Happened, OriginId, Source, Step};
use super::value::{GradFn, Method, Obj, ObjId, Val};
use super::world::World;
use super::{Analyzer, Res};
use crate::dataflow::Tri;
use crate::ir::TensorAttr;
use crate::ops::{Exception, engine_ops, table};
use crate::source::Span;
use crate::symbol::Symbol;

const NON_LEAF: &str = "you can only change requires_grad flags of leaf variables.";
const NON_LEAF_FALSE: &str = "you can only change requires_grad flags of leaf variables. If you want to use a computed variable in a subgraph that doesn't require differentiation use var_no_grad = var.detach().";

impl Analyzer<'_> {
    /// `tensor.name`
    pub(super) fn tensor_attr(
        &mut self,
        world: &mut World,
        id: ObjId,
        name: Symbol,
        span: Span,
    ) -> Res<Val> {
        let text = name.as_str();
        if let Some(op) = table::attribute(text) {
            return self.op_method(world, op, false, id, Args::default(), span);
        }
        if let Some(op) = table::method(text) {
            return Ok(Val::Bound(Rc::new((Val::Obj(id), Method::Op(op, false)))));
        }
        if let Some(op) = table::in_place_method(text) {
            return Ok(Val::Bound(Rc::new((Val::Obj(id), Method::Op(op, true)))));
        }
        let Some(attr) = TensorAttr::from_name(text) else {
            if let Some(&(unit, function)) = self.program.tensor_methods.get(&name) {
                let function = self.load_unit(world, unit, function, span)?;
                return Ok(Val::Bound(Rc::new((Val::Obj(id), Method::Func(function)))));
            }
            if !crate::ops::known::is_of_tensor(text) && !self.program.lenient {
                return self.no_attribute(world, &Val::Obj(id), name, span);
            }
            // What is left exists in PyTorch and is not modelled.
            self.lose(
                span,
                "a method or attribute of tensors that is not modelled",
            );
            return Ok(Val::Unknown);
        };
        let Some(tensor) = world.tensor(id).cloned() else {
            return Ok(Val::Unknown);
        };
        Ok(match attr {
            TensorAttr::RequiresGrad => Val::Bool(self.requires_grad(world, id).known()),
            TensorAttr::IsLeaf => {
                if self.stale_view(world, id) {
                    self.edge(world, id, span)?;
                }
                Val::Bool(self.is_leaf(world, id).known())
            }
            TensorAttr::Grad => self.read_grad(world, id, span)?,
            TensorAttr::GradFn => {
                if self.stale_view(world, id) {
                    self.edge(world, id, span)?;
                }
                match world.tensor(id).map(|tensor| tensor.grad_fn.clone()) {
                    Some(GradFn::None) => Val::NONE,
                    Some(GradFn::Node(node, _)) => Val::GradFn(node),
                    _ => Val::Unknown,
                }
            }
            TensorAttr::Data => Val::Obj(self.data_of(world, id, span)),
            TensorAttr::Version => {
                match tensor.counter.and_then(|counter| world.counter(counter)) {
                    Some(counter) if counter.low == counter.high => {
                        Val::int(i64::from(counter.low))
                    }
                    Some(_) => Val::Int(None, OriginId::NOWHERE),
                    None if tensor.is_loose => Val::Int(None, OriginId::NOWHERE),
                    None => {
                        return self.inference_failure(
                            world,
                            id,
                            "Inference tensors do not track version counter.",
                            span,
                        );
                    }
                }
            }
            TensorAttr::RetainsGrad => Val::Bool(Some(tensor.retains_grad)),
            TensorAttr::Shape => self.size_of(&tensor.meta),
            TensorAttr::DtypeAttr => tensor.dtype.map_or(Val::Unknown, Val::Dtype),
            TensorAttr::Device => Val::Unknown,
            TensorAttr::NDim => Val::Int(
                tensor.meta.as_ref().map(|meta| meta.ndim() as i64),
                OriginId::NOWHERE,
            ),
            TensorAttr::Base => tensor
                .view
                .as_ref()
                .map_or(Val::NONE, |view| Val::Obj(view.base)),
            _ => Val::Bound(Rc::new((Val::Obj(id), Method::Tensor(attr)))),
        })
    }

    fn size_of(&self, meta: &Option<Rc<crate::ops::Meta>>) -> Val {
        match meta {
            Some(meta) => Val::Tuple(
                meta.shape
                    .iter()
                    .map(|&size| Val::int(size as i64))
                    .collect(),
                true,
            ),
            None => Val::Unknown,
        }
    }

    /// A new tensor on the same storage with a version counter of its own (rule R4.1).
    fn data_of(&mut self, world: &mut World, id: ObjId, span: Span) -> ObjId {
        let Some(tensor) = world.tensor(id).cloned() else {
            return id;
        };
        let origin = self.cut_origin(world, Source::Data, id, span);
        let counter = self.new_counter(world);
        let new = super::value::Tensor {
            bit: Tri::False,
            grad_fn: GradFn::None,
            grad: Val::NONE,
            counter: tensor.counter.map(|_| counter),
            is_loose: tensor.counter.is_none() && !world.inference.0.may(),
            view: None,
            retains_grad: false,
            hooks: Default::default(),
            is_parameter: false,
            origin,
            one_of: None,
            history: Default::default(),
            ..(*tensor).clone()
        };
        self.alloc(world, Obj::Tensor(Rc::new(new)))
    }

    pub(super) fn detach(&mut self, world: &mut World, id: ObjId, span: Span) -> ObjId {
        let new = self.data_of(world, id, span);
        let Some(tensor) = world.tensor(id).cloned() else {
            return new;
        };
        let origin = self.cut_origin(world, Source::Detach, id, span);
        // A result of `detach` shares the counter (rule R4.1) and is a view that is not differentiable.
        let detached = world.tensor_mut(new);
        detached.counter = tensor.counter;
        detached.origin = origin;
        new
    }

    /// `tensor.name = value`
    pub(super) fn set_tensor_attr(
        &mut self,
        world: &mut World,
        id: ObjId,
        name: Symbol,
        value: Val,
        span: Span,
    ) -> Res<()> {
        match TensorAttr::from_name(name.as_str()) {
            Some(TensorAttr::RequiresGrad) => {
                let on = self.truth(world, &value, span)?;
                self.set_requires_grad(world, id, on, true, span)
            }
            Some(TensorAttr::Grad) => self.set_grad(world, id, value, span),
            Some(TensorAttr::Data) => self.set_data(world, id, &value, span),
            _ => Ok(()),
        }
    }

    fn set_requires_grad(
        &mut self,
        world: &mut World,
        id: ObjId,
        on: Tri,
        attribute: bool,
        span: Span,
    ) -> Res<()> {
        if self.stale_view(world, id) {
            self.edge(world, id, span)?;
        }
        let Some(tensor) = world.tensor(id).cloned() else {
            return Ok(());
        };
        let leaf = self.is_leaf(world, id);
        if leaf.is_false() && (attribute || !on.may()) {
            let text = if on.may() { NON_LEAF } else { NON_LEAF_FALSE };
            let story = self
                .made(world, id)
                .map(|span| Step {
                    span,
                    happened: Happened::Computed,
                })
                .into_iter()
                .collect();
            return self
                .raise(
                    world,
                    span,
                    Failure::FlagOnNonLeaf,
                    Exception::RuntimeError,
                    text,
                )
                .map_err(|mut raise| {
                    raise.story = story;
                    raise
                });
        }
        if let Some(dtype) = tensor.dtype
            && !dtype.is_floating()
            && on.is_true()
        {
            let text = if attribute {
                "only Tensors of floating point and complex dtype can require gradients"
            } else {
                "only Tensors of floating point dtype can require gradients"
            };
            return self.raise(
                world,
                span,
                Failure::IntegerRequiresGrad,
                Exception::RuntimeError,
                text,
            );
        }
        if tensor.is_inference() && on.may() && !world.inference.0.may() {
            return self.inference_failure(world, id, "Setting requires_grad=True on inference tensor outside InferenceMode is not allowed.", span);
        }
        if leaf.may() {
            world.tensor_mut(id).bit = on;
            self.note_flag(world, id, on, span);
        }
        Ok(())
    }

    /// `tensor.data = value`: the storage is swapped, the counter stays (rule R4.2).
    fn set_data(&mut self, world: &mut World, id: ObjId, value: &Val, span: Span) -> Res<()> {
        let Some(from) = world
            .as_tensor(value)
            .and_then(|from| world.tensor(from).cloned())
        else {
            return Ok(());
        };
        let from_id = world.as_tensor(value).unwrap_or(id);
        if self.requires_grad(world, from_id).is_true() && self.in_user_text(span) {
            let story = self
                .made(world, from_id)
                .map(|span| Step {
                    span,
                    happened: Happened::Computed,
                })
                .into_iter()
                .collect();
            self.fact(world, span, FactKind::SilentCut { by: "data" }, story);
        }
        self.writes += 1;
        let number = self.writes;
        let place = self.place(span);
        let tensor = world.tensor_mut(id);
        tensor.meta.clone_from(&from.meta);
        tensor.dtype = from.dtype.or(tensor.dtype);
        tensor.is_lent = from.is_inference();
        let old = std::mem::replace(&mut tensor.storage, from.storage);
        world.write_storage(old, number, place, Some(id));
        Ok(())
    }

    /// `tensor.name(args)`
    pub(super) fn tensor_method(
        &mut self,
        world: &mut World,
        id: ObjId,
        name: Symbol,
        mut args: Args,
        span: Span,
    ) -> Res<Val> {
        let text = name.as_str();
        if let Some(op) = table::method(text) {
            return self.op_method(world, op, false, id, args, span);
        }
        if let Some(op) = table::in_place_method(text) {
            return self.op_method(world, op, true, id, args, span);
        }
        let Some(attr) = TensorAttr::from_name(text) else {
            let callee = self.tensor_attr(world, id, name, span)?;
            return self.call(world, callee, args, span);
        };
        args = args.erased();
        let this = Val::Obj(id);
        let first = args.positional.first().cloned();
        let Some(tensor) = world.tensor(id).cloned() else {
            return Ok(Val::Unknown);
        };
        let number = |value: Option<i64>| Val::Int(value, OriginId::NOWHERE);
        Ok(match attr {
            TensorAttr::Backward => self.tensor_backward(world, id, args, span)?,
            TensorAttr::Detach => Val::Obj(self.detach(world, id, span)),
            TensorAttr::DetachInPlace => self.detach_in_place(world, id, span)?,
            TensorAttr::RequiresGradInPlace => {
                let on = match args.get(0, "requires_grad").cloned() {
                    Some(value) => self.truth(world, &value, span)?,
                    None => Tri::True,
                };
                self.set_requires_grad(world, id, on, false, span)?;
                this
            }
            TensorAttr::RetainGrad => self.retain_grad(world, id, span)?,
            TensorAttr::RegisterHook => {
                self.register_hook(world, id, first.unwrap_or(Val::Unknown), span)?
            }
            TensorAttr::RegisterPostAccumulateGradHook => {
                self.register_post_hook(world, id, first.unwrap_or(Val::Unknown), span)?
            }
            TensorAttr::Item | TensorAttr::ToList => {
                if attr == TensorAttr::Item {
                    self.check_item(world, id, span)?;
                }
                let origin = self.item_origin(world, id, span);
                let scalar = attr == TensorAttr::Item
                    || tensor
                        .meta
                        .as_ref()
                        .is_some_and(|meta| meta.shape.is_empty());
                match tensor.dtype {
                    Some(dtype) if scalar && dtype.is_floating() => Val::Float(None, origin),
                    // What requires a gradient is of a floating type.
                    None if attr == TensorAttr::Item && self.requires_grad(world, id).is_true() => {
                        Val::Float(None, origin)
                    }
                    Some(crate::ops::Dtype::I64) if scalar => Val::Int(None, origin),
                    Some(crate::ops::Dtype::Bool) if scalar => Val::Bool(None),
                    _ => self.nested_numbers(world, &tensor.meta, tensor.dtype, origin),
                }
            }
            TensorAttr::Size => match (args.get(0, "dim"), &tensor.meta) {
                (None, _) => self.size_of(&tensor.meta),
                (Some(dim), Some(meta)) => match dim
                    .as_int()
                    .map(|dim| super::views::position(dim, meta.ndim()))
                {
                    Some(Some(dim)) => number(Some(meta.shape[dim] as i64)),
                    Some(None) => {
                        let ndim = meta.ndim() as i64;
                        let text = format!(
                            "Dimension out of range (expected to be in range of [{}, {}], but got {})",
                            -ndim.max(1),
                            ndim.max(1) - 1,
                            dim.as_int().unwrap_or(0)
                        );
                        return self.raise(
                            world,
                            span,
                            Failure::Shape,
                            Exception::IndexError,
                            text,
                        );
                    }
                    None => number(None),
                },
                (Some(_), None) => number(None),
            },
            TensorAttr::Stride if args.positional.len() == 1 => {
                let dim = args.positional[0].as_int();
                let stride = tensor.meta.as_ref().zip(dim).and_then(|(meta, dim)| {
                    let dim = crate::ops::broadcast::wrap_dim(dim, meta.ndim()).ok()?;
                    meta.strides.get(dim).copied()
                });
                number(stride.map(|stride| stride as i64))
            }
            TensorAttr::Stride => match &tensor.meta {
                Some(meta) => Val::tuple(
                    meta.strides
                        .iter()
                        .map(|&stride| Val::int(stride as i64))
                        .collect(),
                ),
                None => Val::Unknown,
            },
            TensorAttr::StorageOffset => {
                number(tensor.meta.as_ref().map(|meta| meta.offset as i64))
            }
            TensorAttr::Dim | TensorAttr::NDimension => {
                number(tensor.meta.as_ref().map(|meta| meta.ndim() as i64))
            }
            TensorAttr::Numel | TensorAttr::NElement => {
                number(tensor.meta.as_ref().map(|meta| meta.numel() as i64))
            }
            TensorAttr::IsContiguous => {
                Val::Bool(tensor.meta.as_ref().map(|meta| meta.is_contiguous()))
            }
            TensorAttr::IsFloatingPoint => {
                Val::Bool(tensor.dtype.map(crate::ops::Dtype::is_floating))
            }
            TensorAttr::IsInference => Val::Bool(Some(tensor.is_inference())),
            TensorAttr::DataPtr => number(Some(i64::from(tensor.storage.number()))),
            TensorAttr::NewTensor => {
                args.positional.truncate(1);
                self.tensor_from(world, args, span)?
            }
            TensorAttr::Cpu | TensorAttr::Cuda => this,
            TensorAttr::To | TensorAttr::Type => self.to(world, id, args, span)?,
            TensorAttr::RequiresGrad
            | TensorAttr::IsLeaf
            | TensorAttr::Grad
            | TensorAttr::GradFn
            | TensorAttr::Data
            | TensorAttr::Version
            | TensorAttr::RetainsGrad
            | TensorAttr::Shape
            | TensorAttr::DtypeAttr
            | TensorAttr::Device
            | TensorAttr::NDim
            | TensorAttr::Base => {
                let callee = self.tensor_attr(world, id, name, span)?;
                self.call(world, callee, args, span)?
            }
        })
    }

    fn to(&mut self, world: &mut World, id: ObjId, args: Args, span: Span) -> Res<Val> {
        let dtype = args
            .positional
            .iter()
            .chain(args.keyword.iter().map(|(_, value)| value))
            .find_map(|value| match value {
                Val::Dtype(_) => Some(value.clone()),
                Val::Obj(other) => world
                    .tensor(*other)
                    .and_then(|tensor| tensor.dtype)
                    .map(Val::Dtype),
                _ => None,
            });
        match (
            dtype,
            table::method(engine_ops::CONVERT).or_else(|| table::by_name(engine_ops::CAST)),
        ) {
            (Some(dtype), Some(op)) => {
                self.op_method(world, op, false, id, Args::of([dtype]), span)
            }
            _ => Ok(Val::Obj(id)),
        }
    }

    /// Nested lists of numbers that come from a tensor.
    fn nested_numbers(
        &mut self,
        world: &mut World,
        meta: &Option<Rc<crate::ops::Meta>>,
        dtype: Option<crate::ops::Dtype>,
        origin: OriginId,
    ) -> Val {
        let Some(meta) = meta else {
            return Val::Unknown;
        };
        if meta.numel() > MAX_NUMBERS || meta.ndim() > 4 {
            return Val::Obj(self.alloc(world, Obj::Opaque));
        }
        let leaf = match dtype {
            Some(dtype) if dtype.is_floating() => Val::Float(None, origin),
            Some(crate::ops::Dtype::Bool) => Val::Bool(None),
            _ => Val::Int(None, origin),
        };
        self.nest(world, &meta.shape, &leaf)
    }

    fn nest(&mut self, world: &mut World, shape: &[usize], leaf: &Val) -> Val {
        match shape.split_first() {
            None => leaf.clone(),
            Some((&size, rest)) => {
                let items = (0..size).map(|_| self.nest(world, rest, leaf)).collect();
                Val::Obj(self.alloc(world, Obj::List(Rc::new(items))))
            }
        }
    }

    /// The origin of what `detach()` and its kin make of a tensor.
    pub(super) fn cut_origin(
        &mut self,
        world: &World,
        source: Source,
        of: ObjId,
        span: Span,
    ) -> OriginId {
        let from = world
            .tensor(of)
            .map_or(OriginId::NOWHERE, |tensor| tensor.origin);
        let origin = self.origin(span, source, [from]);
        if self.requires_grad(world, of).is_false() {
            self.origins.set_idle(origin);
        }
        origin
    }

    /// The origin of a number that is read from a tensor.
    pub(super) fn item_origin(&mut self, world: &World, id: ObjId, span: Span) -> OriginId {
        let from = world
            .tensor(id)
            .map_or(OriginId::NOWHERE, |tensor| tensor.origin);
        if self.requires_grad(world, id).is_false() && !self.origins.get(from).of_gradient {
            return from;
        }
        self.origin(span, Source::Item, [from])
    }

    /// A tensor of several elements is no number.
    pub(super) fn check_item(&mut self, world: &mut World, id: ObjId, span: Span) -> Res<()> {
        match world
            .tensor(id)
            .and_then(|tensor| tensor.meta.as_ref())
            .map(|meta| meta.numel())
        {
            Some(numel) if numel != 1 => {
                let text = format!("a Tensor with {numel} elements cannot be converted to Scalar");
                self.raise(world, span, Failure::Shape, Exception::RuntimeError, text)
            }
            _ => Ok(()),
        }
    }

    fn detach_in_place(&mut self, world: &mut World, id: ObjId, span: Span) -> Res<Val> {
        // In inference mode autograd does not look on (rule R3.3).
        if world.inference.0.is_true() {
            return Ok(Val::Obj(id));
        }
        let Some(tensor) = world.tensor(id).cloned() else {
            return Ok(Val::Unknown);
        };
        if tensor.view.is_some() {
            let text = "Can't detach views in-place. Use detach() instead. If you are using DistributedDataParallel (DDP) for training, and gradient_as_bucket_view is set as True, gradients are views of DDP buckets, and hence detach_() cannot be called on these gradients. To fix this error, please refer to the Optimizer.zero_grad() function in torch/optim/optimizer.py as the solution.";
            let story = self
                .made(world, id)
                .map(|span| Step {
                    span,
                    happened: Happened::ViewMade,
                })
                .into_iter()
                .collect();
            return self
                .raise(
                    world,
                    span,
                    Failure::ForbiddenInPlace,
                    Exception::RuntimeError,
                    text,
                )
                .map_err(|mut raise| {
                    raise.story = story;
                    raise
                });
        }
        let origin = self.cut_origin(world, Source::Detach, id, span);
        let tensor = world.tensor_mut(id);
        tensor.grad_fn = GradFn::None;
        tensor.bit = Tri::False;
        tensor.origin = origin;
        Ok(Val::Obj(id))
    }

    pub(super) fn retain_grad(&mut self, world: &mut World, id: ObjId, span: Span) -> Res<Val> {
        let requires = self.requires_grad(world, id);
        if requires.is_false() {
            let origin = world
                .tensor(id)
                .map_or(OriginId::NOWHERE, |tensor| tensor.origin);
            let story = self.origins.why_no_graph(origin);
            return self
                .raise(
                    world,
                    span,
                    Failure::RetainWithoutGrad,
                    Exception::RuntimeError,
                    "can't retain_grad on Tensor that has requires_grad=False",
                )
                .map_err(|mut raise| {
                    raise.story = story;
                    raise
                });
        }
        if self.is_leaf(world, id).is_false() {
            self.edge(world, id, span)?;
            self.note_retained(world, id, span);
            world.tensor_mut(id).retains_grad = true;
        }
        Ok(Val::NONE)
    }

    fn check_hooked(&mut self, world: &mut World, id: ObjId, span: Span) -> Res<()> {
        if self.requires_grad(world, id).is_false() {
            let text = "cannot register a hook on a tensor that doesn't require gradient";
            return self.raise(world, span, Failure::Hook, Exception::RuntimeError, text);
        }
        Ok(())
    }

    /// A hook that runs once a leaf has its gradient.
    fn register_post_hook(
        &mut self,
        world: &mut World,
        id: ObjId,
        hook: Val,
        span: Span,
    ) -> Res<Val> {
        self.check_hooked(world, id, span)?;
        if self.stale_view(world, id) {
            self.edge(world, id, span)?;
        }
        if self.is_leaf(world, id).is_false() {
            let text = "post accumulate grad hooks cannot be registered on non-leaf tensors";
            return self.raise(world, span, Failure::Hook, Exception::RuntimeError, text);
        }
        self.writes += 1;
        let number = self.writes;
        world.tensor_mut(id).hooks.behind.push((number, hook));
        Ok(Val::Obj(self.alloc(world, Obj::HookHandle(id, number))))
    }

    fn register_hook(&mut self, world: &mut World, id: ObjId, hook: Val, span: Span) -> Res<Val> {
        self.check_hooked(world, id, span)?;
        self.edge(world, id, span)?;
        self.writes += 1;
        let number = self.writes;
        world.tensor_mut(id).hooks.before.push((number, hook));
        self.note_hook(world, id, number);
        Ok(Val::Obj(self.alloc(world, Obj::HookHandle(id, number))))
    }

    /// Notes that a value is used for what it is, and not only asked whether it is there: a gradient that is none.
    pub(super) fn used(&mut self, world: &mut World, value: &Val, span: Span) {
        match value {
            Val::None(origin) => {
                if let Source::GradRead(read) = self.origins.get(*origin).source {
                    self.use_of_none(world, read, span);
                }
            }
            Val::Tuple(values, _) => {
                for value in values.iter().take(MAX_USED) {
                    self.used(world, value, span);
                }
            }
            Val::Obj(id) => {
                let items: Vec<Val> = match world.obj(*id) {
                    Some(Obj::List(items)) => items
                        .iter()
                        .take(MAX_USED)
                        .filter(|item| matches!(item, Val::None(_)))
                        .cloned()
                        .collect(),
                    Some(Obj::Dict(dict)) => dict
                        .entries
                        .iter()
                        .take(MAX_USED)
                        .map(|(_, value)| value)
                        .filter(|item| matches!(item, Val::None(_)))
                        .cloned()
                        .collect(),
                    _ => Vec::new(),
                };
                for item in &items {
                    self.used(world, item, span);
                }
            }
            _ => {}
        }
    }

    /// The same for all arguments of a call.
    pub(super) fn used_all(&mut self, world: &mut World, args: &Args, span: Span) {
        for value in args
            .positional
            .iter()
            .chain(args.keyword.iter().map(|(_, value)| value))
        {
            self.used(world, value, span);
        }
    }
}

/// The most numbers that `tolist` lists.
const MAX_NUMBERS: usize = 1_000;
/// The most parts of a container that are looked at when it is printed.
const MAX_USED: usize = 100;
