//! Kernels that many rows share: element by element, with one operand or two.

use super::array::{Array, Element};
use super::broadcast::{broadcast, fresh};
use super::build::{Arrays, Metas, tensor_at};
use super::meta::{Dtype, Meta, Scalar};
use super::promote::{Promotion, to_float};
use super::row::{Arg, Exception, OpError};
use crate::with_element;

/// The sizes that the tensors among `args` broadcast to.
pub fn broadcast_args(args: &[Arg<Meta>]) -> Result<super::meta::Shape, OpError> {
    args.iter()
        .try_fold(super::meta::Shape::new(), |shape, arg| match arg {
            Arg::Tensor(meta) => broadcast(&shape, &meta.shape),
            _ => Ok(shape),
        })
}
/// One result of the sizes and the type that the arguments meet in.
pub fn infer_arithmetic(args: &[Arg<Meta>]) -> Metas {
    Ok(vec![fresh(
        Promotion::new().args(args).result(),
        broadcast_args(args)?,
    )?])
}
/// As [`infer_arithmetic`], but floating.
pub fn infer_floating(args: &[Arg<Meta>]) -> Metas {
    Ok(vec![fresh(
        to_float(Promotion::new().args(args).result()),
        broadcast_args(args)?,
    )?])
}
/// One result like the first argument.
pub fn infer_like(args: &[Arg<Meta>]) -> Metas {
    let meta = tensor_at(args, 0)?;
    Ok(vec![fresh(meta.dtype, meta.shape.clone())?])
}
/// One floating result of the first argument's sizes.
pub fn infer_like_floating(args: &[Arg<Meta>]) -> Metas {
    let meta = tensor_at(args, 0)?;
    Ok(vec![fresh(to_float(meta.dtype), meta.shape.clone())?])
}
/// One bool result of the sizes that the arguments broadcast to.
pub fn infer_bool(args: &[Arg<Meta>]) -> Metas {
    Ok(vec![fresh(Dtype::Bool, broadcast_args(args)?)?])
}

/// A `NotImplementedError`.
pub fn not_implemented(text: impl Into<String>) -> OpError {
    OpError::Raises(Exception::NotImplementedError, text.into())
}

/// What a kernel says of a type that it is not written for.
pub fn refused_by(kernel: &str, dtype: Dtype) -> OpError {
    not_implemented(format!(
        "\"{kernel}\" not implemented for '{}'",
        dtype.scalar_name()
    ))
}

/// A kernel that is written for all numbers refuses bools.
pub fn not_for_bool(kernel: &str, dtype: Dtype) -> Result<(), OpError> {
    match dtype {
        Dtype::Bool => Err(refused_by(kernel, dtype)),
        _ => Ok(()),
    }
}

/// A kernel that is written for floating numbers refuses all else.
pub fn floating_only(kernel: &str, dtype: Dtype) -> Result<(), OpError> {
    match dtype.is_floating() {
        true => Ok(()),
        false => Err(refused_by(kernel, dtype)),
    }
}

/// What a kernel says that takes its operands one after the other as what the first is.
pub fn of_one_type(first: &Meta, second: &Meta) -> Result<(), OpError> {
    if first.dtype == second.dtype {
        return Ok(());
    }
    Err(OpError::runtime(format!(
        "expected scalar type {} but found {}",
        first.dtype.scalar_name(),
        second.dtype.scalar_name()
    )))
}

/// `f` of each element of `x`.
pub fn map<S: Element, T: Element>(x: &Array, f: impl Fn(S) -> T) -> Array {
    Array::from_vec(
        x.meta.shape.clone(),
        x.values_as::<S>().iter().map(|&value| f(value)).collect(),
    )
}

/// `f` of each element of a float or of what becomes one. `f32` is computed in double and rounded once.
pub fn map_floating(x: &Array, f: impl Fn(f64) -> f64) -> Array {
    match x.dtype() {
        Dtype::F64 => map::<f64, f64>(x, f),
        _ => map::<f32, f32>(x, |value| f(f64::from(value)) as f32),
    }
}

/// The [`Fast`](super::row::Fast) kernel of one operand.
pub fn fast_one(x: &[f32], f: impl Fn(f64) -> f64) -> Vec<f32> {
    x.iter().map(|&x| f(f64::from(x)) as f32).collect()
}
/// The [`Fast`](super::row::Fast) kernel of two operands.
pub fn fast_two(x: &[f32], y: &[f32], f: impl Fn(f64, f64) -> f64) -> Vec<f32> {
    let single = |x: f32, y: f32| f(f64::from(x), f64::from(y)) as f32;
    match *y {
        [y] if x.len() != 1 => x.iter().map(|&x| single(x, y)).collect(),
        _ => x.iter().zip(y).map(|(&x, &y)| single(x, y)).collect(),
    }
}

/// The forward of a row with one operand.
pub fn forward_floating(args: &[Arg<Array>], f: impl Fn(f64) -> f64) -> Arrays {
    Ok(vec![map_floating(tensor_at(args, 0)?, f)])
}

/// `f` of each pair of elements, broadcast. Operands of that type in order and of like sizes go straight through.
pub fn zip<S: Element, T: Element>(
    x: &Array,
    y: &Array,
    f: impl Fn(S, S) -> T,
) -> Result<Array, OpError> {
    if x.shape() == y.shape() {
        return Ok(pairwise(&x.meta.shape, x, y, f));
    }
    let shape = broadcast(x.shape(), y.shape())?;
    if y.numel() == 1 && x.shape() == shape.as_slice() {
        let right = S::from_scalar(y.item());
        return Ok(map(x, |left| f(left, right)));
    }
    if x.numel() == 1 && y.shape() == shape.as_slice() {
        let left = S::from_scalar(x.item());
        return Ok(map(y, |right| f(left, right)));
    }
    let (x, y) = (x.broadcast_to(&shape), y.broadcast_to(&shape));
    Ok(pairwise(&shape, &x, &y, f))
}

/// `f` of each pair of elements of two arrays of one shape.
fn pairwise<S: Element, T: Element>(
    shape: &[usize],
    x: &Array,
    y: &Array,
    f: impl Fn(S, S) -> T,
) -> Array {
    let (left, right) = (x.values_as::<S>(), y.values_as::<S>());
    let pairs = left.iter().zip(right.iter());
    Array::from_vec(shape, pairs.map(|(&a, &b)| f(a, b)).collect())
}

/// The operand at `position`, a number as a tensor without dimensions of type `dtype`.
pub fn operand_at(args: &[Arg<Array>], position: usize, dtype: Dtype) -> Result<Array, OpError> {
    match args.get(position) {
        Some(Arg::Tensor(array)) => Ok(array.clone()),
        Some(Arg::Scalar(scalar)) => Ok(Array::scalar(dtype, *scalar)),
        _ => Err(OpError::Unsupported(format!(
            "argument {position} is no operand"
        ))),
    }
}

/// What two operands are computed with, by the type they meet in. Bools are computed as integers.
pub struct Arithmetic<I, F> {
    /// On integers.
    pub int: I,
    /// On floats; `f32` is computed in double and rounded once.
    pub float: F,
}

impl<I: Fn(i64, i64) -> i64, F: Fn(f64, f64) -> f64> Arithmetic<I, F> {
    /// Of the first two arguments.
    pub fn forward(&self, args: &[Arg<Array>]) -> Arrays {
        let dtype = Promotion::new().arrays(&args[..2]).result();
        if let [Arg::Tensor(x), Arg::Tensor(y), ..] = args {
            return Ok(vec![self.on(dtype, x, y)?]);
        }
        let (x, y) = (operand_at(args, 0, dtype)?, operand_at(args, 1, dtype)?);
        Ok(vec![self.on(dtype, &x, &y)?])
    }
    /// Of two arrays, in `dtype`.
    pub fn on(&self, dtype: Dtype, x: &Array, y: &Array) -> Result<Array, OpError> {
        match dtype {
            Dtype::F64 => zip::<f64, f64>(x, y, &self.float),
            Dtype::F32 => {
                zip::<f32, f32>(x, y, |a, b| (self.float)(f64::from(a), f64::from(b)) as f32)
            }
            Dtype::I64 => zip::<i64, i64>(x, y, &self.int),
            Dtype::Bool => Ok(zip::<i64, i64>(x, y, &self.int)?.cast(Dtype::Bool)),
        }
    }
}

/// One value at each place.
pub fn full(meta: &Meta, value: Scalar) -> Array {
    Array::full(meta.dtype, meta.shape.clone(), value)
}

/// Elements drawn or computed one after the other.
pub fn generate(meta: &Meta, mut next: impl FnMut() -> f64) -> Array {
    with_element!(meta.dtype, T => Array::from_vec(meta.shape.clone(), (0..meta.numel()).map(|_| T::from_f64(next())).collect::<Vec<T>>()))
}

/// What activations say of bools and integers, by their kernels.
const KERNELS: &[(&str, &str)] = &[
    ("celu", "elu_cpu"),
    ("elu", "elu_cpu"),
    ("gelu", "GeluKernelImpl"),
    ("hardshrink", "hardshrink_cpu"),
    ("hardsigmoid", "hardsigmoid_cpu"),
    ("hardswish", "hardswish_cpu"),
    ("leaky_relu", "leaky_relu_cpu"),
    ("logsigmoid", "log_sigmoid_cpu"),
    ("mish", "mish_cpu"),
    ("selu", "elu_cpu"),
    ("silu", "silu_cpu"),
    ("softplus", "softplus_cpu"),
    ("softshrink", "softshrink_check"),
];

/// Measured: what an activation says of a tensor that is not floating.
pub fn refusal_of_type(name: &str, dtype: Dtype) -> OpError {
    let kernel = KERNELS.iter().find(|(row, _)| *row == name);
    match (kernel, name, dtype) {
        (Some((_, kernel)), ..) => refused_by(kernel, dtype),
        (None, "threshold", Dtype::Bool) => refused_by("threshold_cpu", dtype),
        (None, "hardtanh" | "relu6", Dtype::Bool) => {
            not_implemented("Bool inputs not supported for hardtanh")
        }
        _ => OpError::Unsupported(format!("{name} of a tensor that is not floating")),
    }
}
