//! What reductions share: which dimensions are reduced, folding of lanes, and parts of gradients.

use crate::ops::array::{Array, Element};
use crate::ops::broadcast::{fresh, wrap_dim};
use crate::ops::build::{Arrays, Metas, flag_at, int_at, ints_at, scalar_at, tensor_at};
use crate::ops::formula::{Grads, Value, boolean, int};
use crate::ops::inplace;
use crate::ops::kernel::not_implemented;
use crate::ops::meta::{Dtype, Meta, Scalar, Shape};
use crate::ops::row::{Arg, Backward, OpError, Var};
use crate::with_element;

/// The dimensions at `position`; none stands for all.
pub fn dims_at<T>(args: &[Arg<T>], position: usize) -> &[i64] {
    ints_at(args, position).unwrap_or_default()
}

/// Every dimension.
pub fn all_dims(ndim: usize) -> Vec<i64> {
    (0..ndim as i64).collect()
}

/// The dimensions that are reduced, in order: all, if none is named.
pub fn reduced_dims(dims: &[i64], ndim: usize) -> Result<Vec<usize>, OpError> {
    if dims.is_empty() {
        return Ok((0..ndim).collect());
    }
    let mut wrapped = Vec::with_capacity(dims.len());
    for &dim in dims {
        let dim = wrap_dim(dim, ndim)?;
        if wrapped.contains(&dim) {
            return Err(OpError::runtime(format!(
                "dim {dim} appears multiple times in the list of dims"
            )));
        }
        wrapped.push(dim);
    }
    // A tensor without dimensions may be reduced along its dimension 0, which it does not have.
    wrapped.retain(|&dim| dim < ndim);
    wrapped.sort_unstable();
    Ok(wrapped)
}

/// The sizes after a reduction.
pub fn shape_without(shape: &[usize], dims: &[i64], keepdim: bool) -> Result<Shape, OpError> {
    let reduced = reduced_dims(dims, shape.len())?;
    Ok((0..shape.len())
        .filter(|dim| keepdim || !reduced.contains(dim))
        .map(|dim| {
            if reduced.contains(&dim) {
                1
            } else {
                shape[dim]
            }
        })
        .collect())
}

/// One result after a reduction.
pub fn infer_reduced(x: &Meta, dims: &[i64], keepdim: bool, dtype: Dtype) -> Metas {
    Ok(vec![fresh(dtype, shape_without(&x.shape, dims, keepdim)?)?])
}

/// `f` of each lane of elements along the reduced dimensions.
pub fn fold<S: Element, T: Element>(
    x: &Array,
    dims: &[i64],
    keepdim: bool,
    f: impl Fn(&[S]) -> T,
) -> Result<Array, OpError> {
    let reduced = reduced_dims(dims, x.meta.ndim())?;
    let kept = (0..x.meta.ndim()).filter(|dim| !reduced.contains(dim));
    let order: Vec<usize> = kept.chain(reduced.iter().copied()).collect();
    let meta = Meta {
        shape: order.iter().map(|&dim| x.meta.shape[dim]).collect(),
        strides: order.iter().map(|&dim| x.meta.strides[dim]).collect(),
        ..x.meta.clone()
    };
    let lane: usize = reduced.iter().map(|&dim| x.meta.shape[dim]).product();
    let permuted = x.with_meta(meta);
    let values = permuted.values_as::<S>();
    let shape = shape_without(&x.meta.shape, dims, keepdim)?;
    let count = shape.iter().product();
    let folded = if lane == 0 {
        vec![f(&[]); count]
    } else {
        values.chunks_exact(lane).map(f).collect()
    };
    Ok(Array::from_vec(shape, folded))
}

/// As [`fold`], computed in double.
pub fn fold_f64(
    x: &Array,
    dims: &[i64],
    keepdim: bool,
    dtype: Dtype,
    f: impl Fn(&[f64]) -> f64,
) -> Result<Array, OpError> {
    with_element!(dtype, T => fold::<f64, T>(x, dims, keepdim, |lane| T::from_f64(f(lane))))
}

/// Puts reduced dimensions back, with size one.
pub fn restore(b: &mut dyn Backward, x: Var, dims: &[i64], keepdim: bool) -> Value {
    let shape = b.input_shape(0);
    if keepdim || shape.is_empty() {
        return Ok(x);
    }
    let kept = shape_without(&shape, dims, true)?;
    b.view(x, &kept)
}

/// The gradient, written in equal parts to all elements that equal the one result.
pub fn distribute(b: &mut dyn Backward, grad: Var) -> Value {
    let (x, out) = (b.input(0)?, b.output(0)?);
    // Where the result is no number, those that are none share it.
    let (nan, no_result) = (b.unary("isnan", x)?, b.unary("isnan", out)?);
    let (same, none) = (
        b.binary("eq", x, out)?,
        b.binary("logical_and", nan, no_result)?,
    );
    let equal = b.binary("logical_or", same, none)?;
    let count = b.sum_dims(equal, &[][..], false)?;
    let share = b.div(grad, count)?;
    let nothing = b.zeros(&[], b.meta(grad).dtype)?;
    let whole = b.one(
        "where",
        vec![Arg::Tensor(equal), Arg::Tensor(share), Arg::Tensor(nothing)],
    )?;
    b.count_writes(whole, 1);
    Ok(whole)
}

/// The gradient, shared among all elements that equal the result.
pub fn share_among_equal(b: &mut dyn Backward, grad: Var, dims: &[i64], keepdim: bool) -> Value {
    let (x, out) = (b.input(0)?, b.output(0)?);
    let (grad, out) = (
        restore(b, grad, dims, keepdim)?,
        restore(b, out, dims, keepdim)?,
    );
    let equal = b.binary("eq", x, out)?;
    let count = b.sum_dims(equal, dims, true)?;
    let share = b.div(grad, count)?;
    b.mul(share, equal)
}

/// Values and their places along a dimension.
pub fn infer_pair(args: &[Arg<Meta>], name: &str) -> Metas {
    let x = tensor_at(args, 0)?;
    let dim = int_at(args, 1).unwrap_or(0);
    let place = wrap_dim(dim, x.ndim())?;
    if x.shape.get(place) == Some(&0) {
        return Err(OpError::index(format!(
            "{name}(): Expected reduction dim {place} to have non-zero size."
        )));
    }
    let shape = shape_without(&x.shape, &[dim], flag_at(args, 2))?;
    Ok(vec![
        fresh(x.dtype, shape.clone())?,
        fresh(Dtype::I64, shape)?,
    ])
}

/// The elements that `pick` chooses, with their places.
pub fn select_along(args: &[Arg<Array>], pick: fn(&[f64]) -> usize) -> Arrays {
    let (x, dims, keepdim) = (
        tensor_at(args, 0)?,
        [int_at(args, 1).unwrap_or(0)],
        flag_at(args, 2),
    );
    if repeats_along(&x.meta, dims[0]) {
        return Err(OpError::Unsupported(inplace::UNDEFINED.into()));
    }
    let places = fold::<f64, i64>(x, &dims, keepdim, |lane| pick(lane) as i64)?;
    let values = fold_f64(x, &dims, keepdim, x.dtype(), |lane| lane[pick(lane)])?;
    Ok(vec![values, places])
}

/// Whether a dimension is one element seen again and again. Measured: PyTorch's medians then read memory that nobody
/// wrote.
fn repeats_along(meta: &Meta, dim: i64) -> bool {
    wrap_dim(dim, meta.ndim()).is_ok_and(|dim| {
        meta.shape.get(dim).is_some_and(|&size| size > 1) && meta.strides[dim] == 0
    })
}

/// The gradient at the chosen places.
pub fn select_gradient(b: &mut dyn Backward, grad: Var) -> Value {
    let shape = b.input_shape(0);
    if shape.is_empty() {
        return Ok(grad);
    }
    let (dim, keepdim) = (b.integer(1), b.flag(2));
    let places = b.output(1)?;
    let (grad, places) = (
        restore(b, grad, &[dim], keepdim)?,
        restore(b, places, &[dim], keepdim)?,
    );
    let dtype = b.meta(grad).dtype;
    let zeros = b.zeros(&shape, dtype)?;
    let whole = b.one(
        "scatter_add",
        vec![
            Arg::Tensor(zeros),
            int(dim),
            Arg::Tensor(places),
            Arg::Tensor(grad),
        ],
    )?;
    b.count_writes(whole, 2);
    Ok(whole)
}

/// Over what a variance is taken, and with which correction.
#[derive(Clone, Debug)]
pub struct Moments {
    dims: Vec<i64>,
    correction: f64,
    keepdim: bool,
}

impl Moments {
    /// From `(self, unbiased)`.
    pub fn flag<T>(args: &[Arg<T>]) -> Moments {
        Moments {
            dims: Vec::new(),
            correction: unbiased(args, 1),
            keepdim: false,
        }
    }
    /// From `(self, dim, unbiased, keepdim)`.
    pub fn dim<T>(args: &[Arg<T>]) -> Moments {
        Moments {
            dims: dims_at(args, 1).to_vec(),
            correction: unbiased(args, 2),
            keepdim: flag_at(args, 3),
        }
    }
    /// From `(self, dim, correction, keepdim)`.
    pub fn correction<T>(args: &[Arg<T>]) -> Moments {
        Moments {
            dims: dims_at(args, 1).to_vec(),
            correction: scalar_at(args, 2).map_or(1.0, Scalar::as_f64),
            keepdim: flag_at(args, 3),
        }
    }
}

fn unbiased<T>(args: &[Arg<T>], position: usize) -> f64 {
    if matches!(scalar_at(args, position), Some(Scalar::Bool(false))) {
        0.0
    } else {
        1.0
    }
}

/// Which of the four functions of moments it is.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// A deviation, not a variance.
    pub root: bool,
    /// With the mean as second result.
    pub with_mean: bool,
}

/// The results' metas.
pub fn infer_moments(args: &[Arg<Meta>], moments: &Moments, kind: Kind) -> Metas {
    let x = tensor_at(args, 0)?;
    if !x.dtype.is_floating() {
        let who = match (kind.with_mean, kind.root) {
            (false, _) => "std and var",
            (true, false) => "var_mean",
            (true, true) => "std_mean",
        };
        return Err(not_implemented(format!(
            "{who} only support floating point and complex dtypes"
        )));
    }
    let result = infer_reduced(x, &moments.dims, moments.keepdim, x.dtype)?;
    Ok(if kind.with_mean {
        vec![result[0].clone(), result[0].clone()]
    } else {
        result
    })
}

impl Kind {
    /// The results.
    pub fn forward(self, x: &Array, moments: &Moments) -> Arrays {
        let spread = |lane: &[f64]| {
            let variance = variance(lane, moments.correction);
            if self.root { variance.sqrt() } else { variance }
        };
        let mut results = vec![fold_f64(
            x,
            &moments.dims,
            moments.keepdim,
            x.dtype(),
            spread,
        )?];
        if self.with_mean {
            results.push(fold_f64(
                x,
                &moments.dims,
                moments.keepdim,
                x.dtype(),
                mean,
            )?);
        }
        Ok(results)
    }
}

fn mean(lane: &[f64]) -> f64 {
    lane.iter().sum::<f64>() / lane.len() as f64
}

fn variance(lane: &[f64], correction: f64) -> f64 {
    let mean = mean(lane);
    lane.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>()
        / (lane.len() as f64 - correction).max(0.0)
}

/// The gradient of all four: of the variance, or through the root, and of the mean.
pub fn variance_gradient(b: &mut dyn Backward, moments: &Moments, kind: Kind) -> Grads {
    let mut total = None;
    if let Some(grad) = b.grad(0) {
        let grad = if kind.root {
            through_root(b, grad)?
        } else {
            grad
        };
        total = Some(of_variance(b, grad, moments)?);
    }
    if kind.with_mean
        && let Some(grad) = b.grad(1)
    {
        let shape = b.input_shape(0);
        let count = shape.iter().product::<usize>() / b.output_meta(1).numel().max(1);
        let grad = restore(b, grad, &moments.dims, moments.keepdim)?;
        let grad = b.expand(grad, &shape)?;
        let grad = b.div(grad, count as f64)?;
        total = Some(match total {
            Some(total) => b.add(total, grad)?,
            None => grad,
        });
    }
    Ok(vec![total])
}

fn through_root(b: &mut dyn Backward, grad: Var) -> Value {
    let out = b.output(0)?;
    let twice = b.mul(out, 2.0)?;
    let quotient = b.div(grad, twice)?;
    let zero = b.binary("eq", out, 0.0)?;
    b.masked_fill(quotient, zero, 0.0)
}

/// `2 / (n - correction) * grad * (x - mean)`
fn of_variance(b: &mut dyn Backward, grad: Var, moments: &Moments) -> Value {
    let x = b.input(0)?;
    let count = b.input_shape(0).iter().product::<usize>() / b.output_meta(0).numel().max(1);
    let grad = restore(b, grad, &moments.dims, moments.keepdim)?;
    let mean = b.one(
        "mean.dim",
        vec![
            Arg::Tensor(x),
            Arg::Ints(moments.dims.clone().into()),
            boolean(true),
        ],
    )?;
    let centred = b.sub(x, mean)?;
    let freedom = count as f64 - moments.correction;
    if moments.dims.is_empty() && freedom <= 0.0 {
        // Measured: a constant takes the place of the tensor, which has no part in the second derivative.
        let at_mean = b.binary("eq", x, mean)?;
        let constant = b.select(at_mean, f64::NAN, f64::INFINITY)?;
        return b.mul(grad, constant);
    }
    let scaled = b.mul(grad, 2.0 / freedom)?;
    b.mul(scaled, centred)
}

/// The norm of a lane.
pub fn norm_of(lane: &[f64], order: f64) -> f64 {
    let sizes = lane.iter().map(|x| x.abs());
    if order == f64::INFINITY {
        sizes.fold(0.0, super::binary::maximum)
    } else if order == f64::NEG_INFINITY {
        sizes.fold(f64::INFINITY, super::binary::minimum)
    } else if order == 0.0 {
        lane.iter().filter(|&&x| x != 0.0).count() as f64
    } else if order == 1.0 {
        sizes.sum()
    } else if order == 2.0 {
        lane.iter().map(|x| x * x).sum::<f64>().sqrt()
    } else {
        sizes.map(|x| x.powf(order)).sum::<f64>().powf(1.0 / order)
    }
}

/// The gradient of a norm of `x`, whose value is `out`.
pub fn norm_gradient(
    b: &mut dyn Backward,
    grad: Var,
    x: Var,
    out: Var,
    order: f64,
    dims: &[i64],
    keepdim: bool,
) -> Value {
    let shape = b.meta(x).shape;
    let (grad, out) = if keepdim || shape.is_empty() {
        (grad, out)
    } else {
        let kept = shape_without(&shape, dims, true)?;
        (b.view(grad, &kept)?, b.view(out, &kept)?)
    };
    if order == 0.0 {
        return b.zeros_like(x);
    }
    if order == 2.0 {
        let ratio = b.div(x, out)?;
        let zero = b.binary("eq", out, 0.0)?;
        let ratio = b.masked_fill(ratio, zero, 0.0)?;
        return b.mul(ratio, grad);
    }
    let sign = b.unary("sgn", x)?;
    if order == 1.0 {
        return b.mul(sign, grad);
    }
    if order.is_infinite() {
        return extreme_norm_gradient(b, grad, x, out, sign, dims);
    }
    let size = b.unary("abs", x)?;
    let power = b.pow(size, order - 1.0)?;
    let mut scaled = b.mul(sign, power)?;
    if order < 1.0 {
        let zero = b.binary("eq", x, 0.0)?;
        scaled = b.masked_fill(scaled, zero, 0.0)?;
    }
    let weight = b.pow(out, order - 1.0)?;
    let scale = b.div(grad, weight)?;
    let zero = b.binary("eq", out, 0.0)?;
    let scale = b.masked_fill(scale, zero, 0.0)?;
    b.mul(scaled, scale)
}

/// The gradient goes to those of the largest (or smallest) size, in equal parts.
fn extreme_norm_gradient(
    b: &mut dyn Backward,
    grad: Var,
    x: Var,
    out: Var,
    sign: Var,
    dims: &[i64],
) -> Value {
    let size = b.unary("abs", x)?;
    let equal = b.binary("eq", size, out)?;
    let count = b.sum_dims(equal, dims, true)?;
    let share = b.div(grad, count)?;
    let signed = b.mul(sign, equal)?;
    b.mul(signed, share)
}
