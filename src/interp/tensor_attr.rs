//! What a tensor answers to that is no operator: its flags, its gradient, `detach`, `item`, `backward`, hooks.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::outcome::Observation;
use super::record::plain;
use super::value::{Args, Dict, HookHandle, Method, Tensor, TensorImpl, Value};
use super::{Machine, Res};
use crate::ir::TensorAttr;
use crate::ops::{Dtype, Exception, Meta, Scalar, engine_ops, table};
use crate::source::Span;
use crate::symbol::Symbol;

const NON_LEAF: &str = "you can only change requires_grad flags of leaf variables.";
const NON_LEAF_FALSE: &str = "you can only change requires_grad flags of leaf variables. If you want to use a computed variable in a subgraph that doesn't require differentiation use var_no_grad = var.detach().";
const DETACH_VIEW: &str = "Can't detach views in-place. Use detach() instead. If you are using DistributedDataParallel (DDP) for training, and gradient_as_bucket_view is set as True, gradients are views of DDP buckets, and hence detach_() cannot be called on these gradients. To fix this error, please refer to the Optimizer.zero_grad() function in torch/optim/optimizer.py as the solution.";
const NOT_A_LEAF: &str = "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad attribute won't be populated during autograd.backward(). If you indeed want the .grad field to be populated for a non-leaf Tensor, use .retain_grad() on the non-leaf Tensor. If you access the non-leaf Tensor by mistake, make sure you access the leaf Tensor instead. See github.com/pytorch/pytorch/pull/30531 for more information.";

impl Machine<'_> {
    /// `tensor.name`
    pub(super) fn tensor_attr(&mut self, tensor: &Tensor, name: Symbol, span: Span) -> Res<Value> {
        let text = name.as_str();
        let this = || Value::Tensor(Rc::clone(tensor));
        if let Some(attrs) = &*tensor.attrs.borrow()
            && let Some(value) = attrs.borrow().named(text)
        {
            return Ok(value.clone());
        }
        if let Some(op) = table::attribute(text) {
            return self.op_method(op, false, &this(), Args::default(), span);
        }
        if let Some(op) = table::method(text) {
            return Ok(Value::Bound(Rc::new((this(), Method::Op(op, false)))));
        }
        if let Some(op) = table::in_place_method(text) {
            return Ok(Value::Bound(Rc::new((this(), Method::Op(op, true)))));
        }
        let Some(attr) = TensorAttr::from_name(text) else {
            if text == "__class__" {
                return self.type_of(&this(), span);
            }
            if let Some(&(unit, function)) = self.program.tensor_methods.get(&name) {
                let function = self.load_unit(unit, function, span)?;
                return Ok(Value::Bound(Rc::new((this(), Method::Func(function)))));
            }
            return self.no_attribute(&this(), name, span);
        };
        Ok(match attr {
            TensorAttr::RequiresGrad => Value::Bool(tensor.requires_grad()),
            TensorAttr::IsLeaf => {
                self.refresh_view(tensor, span)?;
                Value::Bool(tensor.grad_fn.borrow().is_none())
            }
            TensorAttr::Grad => self.read_grad(tensor, span)?,
            TensorAttr::GradFn => {
                self.refresh_view(tensor, span)?;
                match &*tensor.grad_fn.borrow() {
                    Some((node, _)) => Value::GradFn(Rc::clone(node)),
                    None => Value::None,
                }
            }
            TensorAttr::Data => Value::Tensor(self.data_of(tensor, false, span)),
            TensorAttr::Version => {
                match tensor.version().or(tensor.loose.as_ref().map(Cell::get)) {
                    Some(version) => Value::Int(version as i64),
                    None => {
                        return self
                            .runtime("Inference tensors do not track version counter.", span);
                    }
                }
            }
            TensorAttr::RetainsGrad => Value::Bool(tensor.retains.get()),
            TensorAttr::Shape => size_of(&tensor.meta()),
            TensorAttr::DtypeAttr => Value::Dtype(tensor.dtype()),
            TensorAttr::Device => Value::Device,
            TensorAttr::NDim => Value::Int(tensor.meta().ndim() as i64),
            TensorAttr::Base => tensor
                .view
                .as_ref()
                .map_or(Value::None, |view| Value::Tensor(Rc::clone(&view.base))),
            _ => Value::Bound(Rc::new((this(), Method::Tensor(attr)))),
        })
    }

    /// `tensor.grad` (rule R8.3).
    fn read_grad(&mut self, tensor: &Tensor, span: Span) -> Res<Value> {
        let grad = tensor.grad.borrow().clone();
        let place = self.place(span);
        match grad {
            Some(grad) => {
                if self.sources.is_user(span) {
                    self.observe(Observation::GradReadSome(place));
                }
                Ok(Value::Tensor(grad))
            }
            None => {
                if tensor.requires_grad()
                    && tensor.grad_fn.borrow().is_some()
                    && !tensor.retains.get()
                {
                    self.warn(NOT_A_LEAF, span);
                }
                // What the library reads is its own business: a step has observations of its own.
                if self.sources.is_user(span) {
                    let reads = self.none_reads.entry(tensor.id).or_default();
                    reads.push(self.observations.len());
                    self.observe(Observation::GradReadNone(place));
                }
                Ok(Value::None)
            }
        }
    }

    /// A new tensor on the same storage, with a version counter of its own (rule R4.1) or the same one.
    pub(super) fn data_of(&mut self, tensor: &Tensor, share: bool, span: Span) -> Tensor {
        let counter = match &tensor.counter {
            Some(counter) if share => Some(Rc::clone(counter)),
            Some(_) => Some(Rc::new(Cell::new(0))),
            None => None,
        };
        let id = self.next_id();
        let loose = (counter.is_none() && !self.inference).then(Cell::default);
        let storage = Rc::clone(&tensor.storage.borrow());
        Rc::new(TensorImpl {
            loose,
            passed_over: tensor.passed_over.clone(),
            ..plain(id, tensor.meta(), storage, counter, self.place(span))
        })
    }

    /// `tensor.name = value`
    pub(super) fn set_tensor_attr(
        &mut self,
        tensor: &Tensor,
        name: Symbol,
        value: Value,
        span: Span,
    ) -> Res<()> {
        match TensorAttr::from_name(name.as_str()) {
            Some(TensorAttr::RequiresGrad) => match value {
                Value::Bool(on) => self.set_requires_grad(tensor, on, true, span),
                _ => self.runtime("requires_grad must be a bool", span),
            },
            Some(TensorAttr::Grad) => self.set_grad(tensor, value, span),
            Some(TensorAttr::Data) => self.set_data(tensor, &value, span),
            Some(_) => self.raise(
                Exception::AttributeError,
                format!("attribute '{name}' of 'torch._C.TensorBase' objects is not writable"),
                span,
            ),
            None => {
                let attrs = Rc::clone(
                    tensor
                        .attrs
                        .borrow_mut()
                        .get_or_insert_with(|| Rc::new(RefCell::new(Dict::default()))),
                );
                attrs.borrow_mut().insert(Value::str(name.as_str()), value);
                Ok(())
            }
        }
    }

    fn set_requires_grad(
        &mut self,
        tensor: &Tensor,
        on: bool,
        attribute: bool,
        span: Span,
    ) -> Res<()> {
        self.refresh_view(tensor, span)?;
        let leaf = tensor.grad_fn.borrow().is_none();
        if !leaf && (attribute || !on) {
            return self.runtime(if on { NON_LEAF } else { NON_LEAF_FALSE }, span);
        }
        if on && !tensor.dtype().is_floating() {
            let text = if attribute {
                "only Tensors of floating point and complex dtype can require gradients"
            } else {
                "only Tensors of floating point dtype can require gradients"
            };
            return self.runtime(text, span);
        }
        if tensor.is_inference() && on && !self.inference {
            return self.runtime("Setting requires_grad=True on inference tensor outside InferenceMode is not allowed.", span);
        }
        if leaf {
            tensor.bit.set(on);
            if on {
                self.note_leaf(tensor);
            }
        }
        Ok(())
    }

    fn set_grad(&mut self, tensor: &Tensor, value: Value, span: Span) -> Res<()> {
        let grad = match value {
            Value::None => {
                *tensor.grad.borrow_mut() = None;
                tensor.left.set(false);
                return Ok(());
            }
            Value::Tensor(grad) => grad,
            other => {
                let name = self.type_name(&other);
                return self.type_error(
                    format!(
                        "assigned grad expected to be a Tensor or None but got grad of type {name}"
                    ),
                    span,
                );
            }
        };
        if Rc::ptr_eq(&grad, tensor) {
            return self.runtime("can't assign Variable as its own grad", span);
        }
        let (own, new) = (tensor.meta(), grad.meta());
        if own.dtype != new.dtype {
            let text = format!(
                "attempting to assign a gradient with dtype '{}' to a tensor with grad_dtype '{}'. The gradient must match the tensor's grad_dtype (defaults to the tensor's dtype). You can set the tensor's grad_dtype attribute with a specific dtype, or None to allow any dtype. Set grad_dtype with caution. Diverging the dtypes of a tensor and its gradient may break downstream systems that assume they match.",
                dtype_word(new.dtype),
                own.dtype.scalar_name()
            );
            return self.runtime(text, span);
        }
        if own.shape != new.shape {
            let text = format!(
                "attempting to assign a gradient of size '{}' to a tensor of size '{}'. Please ensure that the gradient and the tensor are the same size",
                new.sizes(),
                own.sizes()
            );
            return self.runtime(text, span);
        }
        *tensor.grad.borrow_mut() = Some(grad);
        self.gradient_came(tensor);
        tensor.left.set(false);
        Ok(())
    }

    /// `tensor.data = value`: the storage is swapped, the counter stays (rule R4.2).
    fn set_data(&mut self, tensor: &Tensor, value: &Value, span: Span) -> Res<()> {
        let Value::Tensor(from) = value else {
            let name = self.type_name(value);
            return self.type_error(
                format!("Variable data has to be a tensor, but got {name}"),
                span,
            );
        };
        let storage = Rc::clone(&from.storage.borrow());
        *tensor.storage.borrow_mut() = storage;
        *tensor.meta.borrow_mut() = from.meta();
        tensor.passed_over.set(from.is_inference());
        tensor.storage.borrow().written.set(Some(self.place(span)));
        Ok(())
    }

    /// `tensor.name(args)`
    pub(super) fn tensor_method(
        &mut self,
        tensor: &Tensor,
        name: Symbol,
        mut args: Args,
        span: Span,
    ) -> Res<Value> {
        let text = name.as_str();
        let this = Value::Tensor(Rc::clone(tensor));
        if tensor
            .attrs
            .borrow()
            .as_ref()
            .is_some_and(|attrs| attrs.borrow().named(text).is_some())
        {
            let callee = self.tensor_attr(tensor, name, span)?;
            return self.call(&callee, args, span);
        }
        let attr = TensorAttr::from_name(text);
        let by_hand = matches!(
            attr,
            Some(TensorAttr::To | TensorAttr::Type | TensorAttr::NewTensor)
        );
        if let (Some(op), false) = (table::method(text), by_hand) {
            return self.op_method(op, false, &this, args, span);
        }
        if let Some(op) = table::in_place_method(text) {
            return self.op_method(op, true, &this, args, span);
        }
        let Some(attr) = attr else {
            let callee = self.tensor_attr(tensor, name, span)?;
            return self.call(&callee, args, span);
        };
        let meta = tensor.meta();
        Ok(match attr {
            TensorAttr::Backward => self.tensor_backward(tensor, &args, span)?,
            TensorAttr::Detach => Value::Tensor(self.data_of(tensor, true, span)),
            // In inference mode autograd does not look on (rule R3.3).
            TensorAttr::DetachInPlace if self.inference => this,
            TensorAttr::DetachInPlace => {
                if tensor.view.is_some() {
                    return self.runtime(DETACH_VIEW, span);
                }
                *tensor.grad_fn.borrow_mut() = None;
                tensor.bit.set(false);
                this
            }
            TensorAttr::RequiresGradInPlace => {
                let on = match args.get(0, "requires_grad").cloned() {
                    Some(value) => self.truth(&value, span)?,
                    None => true,
                };
                self.set_requires_grad(tensor, on, false, span)?;
                this
            }
            TensorAttr::RetainGrad => self.retain_grad(tensor, span)?,
            TensorAttr::RegisterHook => self.register_hook(tensor, &args, span)?,
            TensorAttr::RegisterPostAccumulateGradHook => {
                if !tensor.requires_grad() {
                    return self.runtime(
                        "cannot register a hook on a tensor that doesn't require gradient",
                        span,
                    );
                }
                self.refresh_view(tensor, span)?;
                if tensor.grad_fn.borrow().is_some() {
                    return self.runtime(
                        "post accumulate grad hooks cannot be registered on non-leaf tensors",
                        span,
                    );
                }
                let Some(hook) = args.positional.first().cloned() else {
                    return self.unsupported("a hook that is not given", span);
                };
                let number = self.next_id();
                tensor.post_hooks.borrow_mut().push((number, hook));
                Value::Hook(Rc::new(HookHandle {
                    number,
                    node: None,
                    tensor: Rc::downgrade(tensor),
                }))
            }
            TensorAttr::Item => {
                self.check_item(tensor, span)?;
                scalar_value(tensor.array().item())
            }
            TensorAttr::ToList => nested(&mut tensor.array().scalars().into_iter(), &meta.shape),
            TensorAttr::Size => match args.get(0, "dim") {
                None | Some(Value::None) => size_of(&meta),
                Some(dim) => {
                    match crate::ops::broadcast::wrap_dim(dim.as_int().unwrap_or(0), meta.ndim()) {
                        Ok(dim) if dim < meta.ndim() => Value::Int(meta.shape[dim] as i64),
                        Ok(_) => {
                            return self.raise(
                                Exception::IndexError,
                                "Dimension specified as 0 but tensor has no dimensions",
                                span,
                            );
                        }
                        Err(error) => return self.op_error(error, span),
                    }
                }
            },
            TensorAttr::Stride => match args.get(0, "dim").and_then(Value::as_int) {
                None => Value::tuple(
                    meta.strides
                        .iter()
                        .map(|&stride| Value::Int(stride as i64))
                        .collect(),
                ),
                Some(dim) => match crate::ops::broadcast::wrap_dim(dim, meta.ndim()) {
                    Ok(dim) if dim < meta.ndim() => Value::Int(meta.strides[dim] as i64),
                    _ => return self.unsupported("this stride", span),
                },
            },
            TensorAttr::StorageOffset => Value::Int(meta.offset as i64),
            TensorAttr::Dim | TensorAttr::NDimension => Value::Int(meta.ndim() as i64),
            TensorAttr::Numel | TensorAttr::NElement => Value::Int(meta.numel() as i64),
            TensorAttr::IsContiguous => Value::Bool(meta.is_contiguous()),
            TensorAttr::IsFloatingPoint => Value::Bool(meta.dtype.is_floating()),
            TensorAttr::IsInference => Value::Bool(tensor.is_inference()),
            TensorAttr::DataPtr => {
                let address = Rc::as_ptr(&tensor.storage.borrow()) as usize;
                Value::Int((address + meta.offset * super::value::item_size(meta.dtype)) as i64)
            }
            TensorAttr::NewTensor => {
                if args.named("dtype").is_none() {
                    args.keyword
                        .push((Symbol::intern("dtype"), Value::Dtype(meta.dtype)));
                }
                let warned = self.warnings.len();
                let value = self.tensor_from(args, span)?;
                // The same advice in this method's own name.
                for warning in &mut self.warnings[warned..] {
                    warning.message = warning.message.replace(
                        "torch.tensor(sourceTensor)",
                        "tensor.new_tensor(sourceTensor)",
                    );
                }
                value
            }
            TensorAttr::Cpu => this,
            TensorAttr::Cuda => return self.unsupported("CUDA", span),
            TensorAttr::To | TensorAttr::Type => self.to(tensor, attr, &args, span)?,
            _ => {
                let callee = self.tensor_attr(tensor, name, span)?;
                self.call(&callee, args, span)?
            }
        })
    }

    fn to(&mut self, tensor: &Tensor, attr: TensorAttr, args: &Args, span: Span) -> Res<Value> {
        if attr == TensorAttr::Type && args.positional.is_empty() && args.keyword.is_empty() {
            return Ok(Value::str(format!(
                "torch.{}Tensor",
                tensor.dtype().scalar_name()
            )));
        }
        let mut dtype = None;
        for value in args
            .positional
            .iter()
            .chain(args.keyword.iter().map(|(_, value)| value))
        {
            match value {
                Value::Tensor(other) => dtype = Some(other.dtype()),
                Value::Str(device) if device.starts_with("cuda") => {
                    return self.unsupported("CUDA", span);
                }
                value => dtype = super::construct::dtype_of(value).or(dtype),
            }
        }
        let this = Value::Tensor(Rc::clone(tensor));
        let copy = match args.named("copy").cloned() {
            Some(copy) => self.truth(&copy, span)?,
            None => false,
        };
        match (
            dtype,
            table::method(engine_ops::CONVERT).or_else(|| table::by_name(engine_ops::CAST)),
        ) {
            (Some(dtype), Some(op)) if dtype != tensor.dtype() => {
                self.op_method(op, false, &this, Args::of([Value::Dtype(dtype)]), span)
            }
            (Some(_), None) => self.unsupported("`to`", span),
            _ if copy => {
                self.op_named("clone", &[crate::ops::Raw::Tensor(Rc::clone(tensor))], span)
            }
            _ => Ok(this),
        }
    }

    pub(super) fn retain_grad(&mut self, tensor: &Tensor, span: Span) -> Res<Value> {
        if !tensor.requires_grad() {
            return self.runtime(
                "can't retain_grad on Tensor that has requires_grad=False",
                span,
            );
        }
        // Of a leaf, and of a view that was one when it was made, nothing more is asked.
        if tensor.grad_fn.borrow().is_none() {
            return Ok(Value::None);
        }
        self.refresh_view(tensor, span)?;
        if let Some((node, output)) = &*tensor.grad_fn.borrow()
            && !tensor.retains.replace(true)
        {
            node.retaining
                .borrow_mut()
                .push((*output, Rc::downgrade(tensor)));
        }
        Ok(Value::None)
    }

    fn register_hook(&mut self, tensor: &Tensor, args: &Args, span: Span) -> Res<Value> {
        if !tensor.requires_grad() {
            return self.runtime(
                "cannot register a hook on a tensor that doesn't require gradient",
                span,
            );
        }
        let Some(hook) = args.get(0, "hook").cloned() else {
            return self.unsupported("a hook that is not given", span);
        };
        self.refresh_view(tensor, span)?;
        let number = self.next_id();
        let node = match &*tensor.grad_fn.borrow() {
            Some((node, output)) => {
                node.hooks.borrow_mut().push((number, *output, hook));
                Some(Rc::downgrade(node))
            }
            None => {
                tensor.hooks.borrow_mut().push((number, hook));
                None
            }
        };
        Ok(Value::Hook(Rc::new(HookHandle {
            number,
            node,
            tensor: Rc::downgrade(tensor),
        })))
    }

    /// A tensor of several elements is no number.
    pub(super) fn check_item(&mut self, tensor: &Tensor, span: Span) -> Res<()> {
        match tensor.meta().numel() {
            1 => Ok(()),
            numel => self.runtime(
                format!("a Tensor with {numel} elements cannot be converted to Scalar"),
                span,
            ),
        }
    }

    /// Making a number of a tensor that requires grad: once a run, PyTorch says that this is a cut, where graphs are
    /// recorded at all.
    pub(super) fn warn_item(&mut self, tensor: &Tensor, span: Span) {
        const TEXT: &str = "Converting a tensor with requires_grad=True to a scalar may lead to unexpected behavior.\nConsider using tensor.detach() first.";
        let recording = self.grad && !self.inference;
        if recording && tensor.requires_grad() && !self.once.contains(&TEXT) {
            self.once.push(TEXT);
            self.warn(TEXT, span);
        }
    }
}

/// A number of Python's.
pub(super) fn scalar_value(scalar: Scalar) -> Value {
    match scalar {
        Scalar::Bool(value) => Value::Bool(value),
        Scalar::Int(value) => Value::Int(value),
        Scalar::Float(value) => Value::Float(value),
    }
}

fn nested(numbers: &mut impl Iterator<Item = Scalar>, shape: &[usize]) -> Value {
    match shape.split_first() {
        None => numbers.next().map_or(Value::None, scalar_value),
        Some((&size, rest)) => Value::list((0..size).map(|_| nested(numbers, rest)).collect()),
    }
}

fn size_of(meta: &Meta) -> Value {
    Value::Tuple(
        meta.shape
            .iter()
            .map(|&size| Value::Int(size as i64))
            .collect(),
        true,
    )
}

fn dtype_word(dtype: Dtype) -> &'static str {
    match dtype {
        Dtype::Bool => "bool",
        Dtype::I64 => "long int",
        Dtype::F32 => "float",
        Dtype::F64 => "double",
    }
}
