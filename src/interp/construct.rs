//! Calls of operators by name, and what makes tensors from values: `tensor`, `nn.Parameter`, `Variable`, `deepcopy`.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::record::{plain, tensors_of};
use super::value::{Args, Dict, Instance, Storage, Tensor, Value};
use super::{Machine, Res};
use crate::ir::{Builtin, Intrinsic};
use crate::ops::{
    Arg, Array, Dtype, Form, Gradient, InPlace, OpId, ParamKind, Raw, Scalar, bind_overloaded,
    table,
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
    "names",
];
const ONLY_FLOATS: &str = "Only Tensors of floating point and complex dtype can require gradients";
const DEEPCOPY: &str = "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the moment.  If you were attempting to deepcopy a module, this may be because of a torch.nn.utils.weight_norm usage, see https://github.com/pytorch/pytorch/pull/103001";
const COPY_CONSTRUCT: &str = "To copy construct from a tensor, it is recommended to use sourceTensor.detach().clone() or sourceTensor.detach().clone().requires_grad_(True), rather than torch.tensor(sourceTensor).";

impl Machine<'_> {
    /// `torch.f(args)`
    pub(super) fn op_function(
        &mut self,
        op: OpId,
        in_place: bool,
        args: Args,
        span: Span,
    ) -> Res<Value> {
        self.call_op(
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
        op: OpId,
        in_place: bool,
        tensor: &Value,
        args: Args,
        span: Span,
    ) -> Res<Value> {
        self.call_op(
            op,
            if in_place {
                Form::InPlace
            } else {
                Form::Method
            },
            args.with_first(tensor.clone()),
            span,
        )
    }

    fn call_op(&mut self, op: OpId, form: Form, mut args: Args, span: Span) -> Res<Value> {
        let row = table::row(op);
        for name in FACTORY_KEYWORDS {
            if let Some(Value::Str(device)) = args.take(name)
                && device.starts_with("cuda")
            {
                return self.unsupported("CUDA", span);
            }
        }
        let requires_grad = args.take("requires_grad");
        let out = args.take("out").filter(|out| !matches!(out, Value::None));
        let is_param = |name: &str| row.params.iter().any(|param| param.name == name);
        let inplace = match args.named("inplace").cloned() {
            Some(value) if !is_param("inplace") => {
                args.take("inplace");
                self.truth(&value, span)?
            }
            _ => false,
        };
        let form = if inplace && !matches!(row.in_place, InPlace::No) {
            Form::InPlace
        } else {
            form
        };
        if let (Form::Function, Some(Value::None)) = (form, args.positional.first())
            && let Some((error, text)) =
                crate::ops::engine_ops::refusal_of_none(crate::ops::bind::called(row))
        {
            return self.raise(error, text, span);
        }
        let value = if row.params.iter().any(|param| param.kind == ParamKind::Data) {
            self.make_from_data(op, &args, span)?
        } else {
            let mut positional = Vec::with_capacity(args.positional.len());
            for value in &args.positional {
                positional.push(self.raw(value, false, 0, span)?);
            }
            let mut keyword = Vec::with_capacity(args.keyword.len());
            for (name, value) in &args.keyword {
                keyword.push((name.as_str(), self.raw(value, false, 0, span)?));
            }
            let (op, bound) = match bind_overloaded(op, &positional, &keyword, form) {
                Ok(bound) => bound,
                Err(error) => return self.op_error(error, span),
            };
            if let Some(out) = out {
                return self.out_argument(op, bound, &out, span);
            }
            self.apply(op, bound, form == Form::InPlace, span)?
        };
        self.flag_result(&value, requires_grad, span)?;
        Ok(value)
    }

    /// A factory's `requires_grad` (rule R1.3).
    fn flag_result(&mut self, value: &Value, flag: Option<Value>, span: Span) -> Res<()> {
        let (Value::Tensor(tensor), Some(flag)) = (value, flag) else {
            return Ok(());
        };
        if self.truth(&flag, span)? {
            if !tensor.dtype().is_floating() {
                return self.runtime(ONLY_FLOATS, span);
            }
            tensor.bit.set(true);
            self.note_leaf(tensor);
        }
        Ok(())
    }

    /// A value as an argument of an operator. In `data`, tensors stand for their numbers.
    fn raw(&mut self, value: &Value, data: bool, depth: usize, span: Span) -> Res<Raw<Tensor>> {
        if let Some(dtype) = dtype_of(value) {
            return Ok(Raw::Dtype(dtype));
        }
        Ok(match value {
            Value::None => Raw::None,
            Value::Bool(value) => Raw::Scalar(Scalar::Bool(*value)),
            Value::Int(value) => Raw::Scalar(Scalar::Int(*value)),
            Value::Float(value) => Raw::Scalar(Scalar::Float(*value)),
            Value::Str(text) => Raw::Str(Rc::clone(text)),
            Value::Tensor(tensor) if data => {
                let meta = tensor.meta();
                if meta.numel() != 1 && depth > 0 {
                    return self.raise(
                        crate::ops::Exception::ValueError,
                        crate::ops::bind::ONE_ELEMENT,
                        span,
                    );
                }
                if meta.numel() != 1 && meta.ndim() > 1 {
                    return self.unsupported("tensors among the numbers of tensor()", span);
                }
                let numbers = tensor.array().scalars();
                match meta.ndim() {
                    0 => {
                        self.warn_item(tensor, span);
                        Raw::Scalar(numbers[0])
                    }
                    _ => Raw::List(numbers.into_iter().map(Raw::Scalar).collect()),
                }
            }
            Value::Tensor(tensor) => Raw::Tensor(Rc::clone(tensor)),
            Value::Instance(_) if plain_of(value).is_some() => match plain_of(value) {
                Some(held) if data => {
                    return self.raw(&Value::Tensor(held), data, depth, span);
                }
                _ => return self.unsupported("a NumPy array as an argument of PyTorch's", span),
            },
            Value::Tuple(..) | Value::List(_) | Value::Range(..) => {
                if depth > 200 {
                    return self.unsupported("lists nested this deep", span);
                }
                let mut items = Vec::new();
                for value in self.elements(value, span)? {
                    items.push(self.raw(&value, data, depth + 1, span)?);
                }
                Raw::List(items)
            }
            Value::Unknown => return self.unsupported("an operator on something unknown", span),
            Value::Func(_) => Raw::Other("function"),
            Value::Dict(_) => Raw::Other("dict"),
            Value::Set(_) => Raw::Other("set"),
            Value::Bound(_) => Raw::Other("method"),
            Value::Slice(_) => Raw::Other("slice"),
            Value::Class(_) => Raw::Other("type"),
            _ => {
                let name = self.type_name(value);
                Raw::Other(Symbol::intern(&name).as_str())
            }
        })
    }

    /// `tensor(data, requires_grad=…)`, `new_tensor`.
    pub(super) fn tensor_from(&mut self, args: Args, span: Span) -> Res<Value> {
        match table::function(crate::ops::engine_ops::FROM_DATA) {
            Some(op) => self.call_op(op, Form::Function, args, span),
            None => self.unsupported("`tensor`", span),
        }
    }

    /// `Tensor(2, 3)`: of these sizes.
    pub(super) fn legacy_tensor(&mut self, mut args: Args, span: Span) -> Res<Value> {
        let is_size = |value: &Value| matches!(value, Value::Int(_) | Value::Tuple(_, true));
        if !args.positional.iter().all(is_size) || !args.keyword.is_empty() {
            return self.unsupported("Tensor() of this", span);
        }
        if args.positional.is_empty() {
            args.positional.push(Value::Int(0));
        }
        match table::function(crate::ops::engine_ops::OF_SIZES) {
            Some(op) => self.call_op(op, Form::Function, args, span),
            None => self.unsupported("`Tensor`", span),
        }
    }

    fn make_from_data(&mut self, op: OpId, args: &Args, span: Span) -> Res<Value> {
        let held = args.get(0, "data").and_then(plain_of);
        let given = args.get(0, "data").and_then(Value::as_tensor);
        if let Some(tensor) = given.or(held.as_ref()) {
            if held.is_none() {
                self.warn(COPY_CONSTRUCT, span);
            }
            let dtype = args
                .named("dtype")
                .and_then(dtype_of)
                .unwrap_or_else(|| tensor.dtype());
            let array = tensor.array().copy().cast(dtype);
            return Ok(Value::Tensor(self.fresh(array, span)));
        }
        let mut positional = Vec::new();
        for value in &args.positional {
            positional.push(self.raw(value, true, 0, span)?);
        }
        let mut keyword = Vec::new();
        for (name, value) in &args.keyword {
            keyword.push((
                name.as_str(),
                self.raw(value, name.as_str() == "data", 0, span)?,
            ));
        }
        match bind_overloaded(op, &positional, &keyword, Form::Function) {
            Ok((op, bound)) => self.apply(op, bound, false, span),
            Err(error) => self.op_error(error, span),
        }
    }

    /// `nn.Parameter(data, requires_grad)`: a new leaf on the same storage with a counter of its own (rule R4.1).
    pub(super) fn make_parameter(
        &mut self,
        value: &Value,
        requires_grad: Option<Value>,
        span: Span,
    ) -> Res<Value> {
        let on = match requires_grad {
            Some(value) => self.truth(&value, span)?,
            None => true,
        };
        let Value::Tensor(source) = value else {
            let name = self.type_name(value);
            return self.unsupported(format!("a Parameter of {name}"), span);
        };
        let new = self.fresh_leaf(source, on, span)?;
        new.is_parameter.set(true);
        Ok(Value::Tensor(new))
    }

    /// `autograd.Variable(x, requires_grad=false)` cuts the graph even of a computed tensor (rule R1.7).
    pub(super) fn variable(
        &mut self,
        value: &Value,
        requires_grad: Option<Value>,
        span: Span,
    ) -> Res<Value> {
        let on = match requires_grad {
            Some(value) => self.truth(&value, span)?,
            None => false,
        };
        match value {
            Value::Tensor(source) => self.fresh_leaf(source, on, span).map(Value::Tensor),
            _ => self.unsupported("Variable of something that is no tensor", span),
        }
    }

    fn fresh_leaf(&mut self, source: &Tensor, on: bool, span: Span) -> Res<Tensor> {
        if on && !source.dtype().is_floating() {
            return self.runtime(ONLY_FLOATS, span);
        }
        // Measured: `nn.Parameter(t)` and `Variable(t)` know the version of `t`, as `t.detach()` does.
        let new = self.data_of(source, true, span);
        new.bit.set(on);
        if on {
            self.note_leaf(&new);
        }
        Ok(new)
    }

    /// `out=` (rule R2.7).
    fn out_argument(
        &mut self,
        op: OpId,
        args: Vec<Arg<Tensor>>,
        out: &Value,
        span: Span,
    ) -> Res<Value> {
        let Value::Tensor(target) = out else {
            return self.unsupported("this `out`", span);
        };
        let row = table::row(op);
        let grads = target.requires_grad()
            || args
                .iter()
                .flat_map(tensors_of)
                .any(|tensor| tensor.requires_grad());
        if self.grad && grads && !matches!(row.gradient, Gradient::NotDifferentiable) {
            let text = format!(
                "{}(): functions with out=... arguments don't support automatic differentiation, but one of the arguments requires grad.",
                crate::ops::bind::called(row)
            );
            return self.runtime(text, span);
        }
        let result = self.run_one(op, args, false, span)?;
        if result.meta().shape != target.meta().shape {
            return self.unsupported("`out` of another shape", span);
        }
        let array = result.array();
        self.write_numbers(target, &array, span);
        self.bump(target, true, span);
        Ok(out.clone())
    }

    /// Data from outside, drawn as PyTorch would (see the language's conventions).
    pub(super) fn input(&mut self, dtype: Dtype, shape: &[Value], span: Span) -> Res<Value> {
        let mut sizes = Vec::new();
        for size in shape {
            match size.as_int() {
                Some(size) => sizes.push(Value::Int(size)),
                None => return self.unsupported("input of unknown shape", span),
            }
        }
        let shape = Value::tuple(sizes);
        let dtype_arg = (Symbol::intern("dtype"), Value::Dtype(dtype));
        let (name, args) = match dtype {
            Dtype::F32 | Dtype::F64 => (
                "randn",
                Args {
                    positional: [shape].into_iter().collect(),
                    keyword: vec![dtype_arg],
                },
            ),
            Dtype::I64 => ("randint", Args::of([Value::Int(0), Value::Int(2), shape])),
            Dtype::Bool => ("rand", Args::of([shape])),
        };
        let Some(op) = table::function(name) else {
            return self.unsupported(format!("`{name}`"), span);
        };
        let value = self.op_function(op, false, args, span)?;
        if dtype == Dtype::Bool {
            return self.compare(
                crate::operator::CompareOp::Lt,
                &value,
                &Value::Float(0.5),
                span,
            );
        }
        Ok(value)
    }

    /// `copy.deepcopy(value)`
    pub(super) fn deep_copy(&mut self, value: &Value, span: Span) -> Res<Value> {
        let mut done = FxHashMap::default();
        self.copy_value(value, &mut done, 0, span)
    }

    fn copy_value(
        &mut self,
        value: &Value,
        done: &mut FxHashMap<usize, Value>,
        depth: usize,
        span: Span,
    ) -> Res<Value> {
        let key = match value {
            Value::List(list) => Rc::as_ptr(list).cast::<u8>() as usize,
            Value::Dict(dict) | Value::Set(dict) => Rc::as_ptr(dict).cast::<u8>() as usize,
            Value::Instance(instance) => Rc::as_ptr(instance).cast::<u8>() as usize,
            Value::Tensor(tensor) => Rc::as_ptr(tensor).cast::<u8>() as usize,
            Value::Tuple(..) => 0,
            _ => return Ok(value.clone()),
        };
        if let Some(copy) = done.get(&key) {
            return Ok(copy.clone());
        }
        if depth > 500 {
            return self.unsupported("a deep copy this deep", span);
        }
        match value {
            Value::Tuple(items, size) => {
                let mut out = Vec::with_capacity(items.len());
                for item in items.iter() {
                    out.push(self.copy_value(item, done, depth + 1, span)?);
                }
                Ok(Value::Tuple(out.into(), *size))
            }
            Value::List(list) => {
                let new = Rc::new(RefCell::new(Vec::new()));
                done.insert(key, Value::List(Rc::clone(&new)));
                for item in list.borrow().clone() {
                    let item = self.copy_value(&item, done, depth + 1, span)?;
                    new.borrow_mut().push(item);
                }
                Ok(Value::List(new))
            }
            Value::Dict(dict) => {
                let new = Rc::new(RefCell::new(Dict::default()));
                done.insert(key, Value::Dict(Rc::clone(&new)));
                let entries = dict.borrow().entries.clone();
                for (name, item) in entries {
                    let item = self.copy_value(&item, done, depth + 1, span)?;
                    new.borrow_mut().insert(name, item);
                }
                Ok(Value::Dict(new))
            }
            Value::Instance(instance) => {
                let new = Rc::new(Instance {
                    class: Rc::clone(&instance.class),
                    attrs: Rc::default(),
                });
                done.insert(key, Value::Instance(Rc::clone(&new)));
                let entries = instance.attrs.borrow().entries.clone();
                for (name, item) in entries {
                    let item = self.copy_value(&item, done, depth + 1, span)?;
                    new.attrs.borrow_mut().insert(name, item);
                }
                Ok(Value::Instance(new))
            }
            Value::Tensor(tensor) => {
                if tensor.grad_fn.borrow().is_some() {
                    return self.runtime(DEEPCOPY, span);
                }
                let new = self.copy_tensor(tensor, span);
                done.insert(key, Value::Tensor(Rc::clone(&new)));
                if let Some(grad) = tensor.grad.borrow().clone()
                    && let Value::Tensor(grad) =
                        self.copy_value(&Value::Tensor(grad), done, depth + 1, span)?
                {
                    *new.grad.borrow_mut() = Some(grad);
                }
                Ok(Value::Tensor(new))
            }
            _ => Ok(value.clone()),
        }
    }

    fn copy_tensor(&mut self, tensor: &Tensor, span: Span) -> Tensor {
        let array: Array = tensor.array().copy();
        let storage = Rc::new(Storage::new(array.buffer, &self.memory));
        let id = self.next_id();
        let new = plain(
            id,
            Rc::new(array.meta),
            storage,
            // A parameter is cloned; a plain tensor is set to a copied storage, which counts as a write.
            Some(Rc::new(Cell::new(u64::from(!tensor.is_parameter.get())))),
            self.place(span),
        );
        new.bit.set(tensor.bit.get());
        new.is_parameter.set(tensor.is_parameter.get());
        let new = Rc::new(new);
        if new.bit.get() {
            self.note_leaf(&new);
        }
        new
    }
}

/// The element type that a value stands for as an argument.
pub(super) fn dtype_of(value: &Value) -> Option<Dtype> {
    match value {
        Value::Dtype(dtype) => Some(*dtype),
        Value::Builtin(Builtin::Intrinsic(Intrinsic::Float)) => Some(Dtype::F64),
        Value::Builtin(Builtin::Intrinsic(Intrinsic::Int)) => Some(Dtype::I64),
        Value::Builtin(Builtin::Intrinsic(Intrinsic::Bool)) => Some(Dtype::Bool),
        _ => None,
    }
}

/// The tensor whose numbers an array of the library holds.
pub(super) fn plain_of(value: &Value) -> Option<Tensor> {
    let Value::Instance(instance) = value else {
        return None;
    };
    let attrs = instance.attrs.borrow();
    attrs.named(crate::ir::builtin::PLAIN)?.as_tensor().cloned()
}
