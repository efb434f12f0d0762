//! Reductions.

use super::reduction::{
    all_dims, dims_at, distribute, fold, fold_f64, infer_pair, infer_reduced, reduced_dims,
    restore, select_along, select_gradient, shape_without, share_among_equal,
};
use crate::ops::array::Array;
use crate::ops::broadcast::fresh;
use crate::ops::build::{
    Arrays, Metas, SELF, both, dtype, dtype_at, flag, flag_at, input, int, ints, output, tensor_at,
};
use crate::ops::formula::Value;
use crate::ops::kernel::{map_floating, not_for_bool, not_implemented};
use crate::ops::meta::{Dtype, Meta, Shape};
use crate::ops::promote::to_float;
use crate::ops::row::{
    Arg, Backward, Default, Forms, Gradient, InPlace, OpError, OpRow, Param, ResultKind, Save, Var,
};

pub(super) const IN_OUT: &[Save] = &[input(0), output(0)];
pub(super) const KEEPDIM: Param = flag("keepdim");
pub(super) const DIMS: Param = ints("dim").or(Default::None);

/// A row of one tensor that is reduced to smaller sizes.
macro_rules! reduction {
    ($name:literal, $forms:expr, $params:expr, $infer:expr, $forward:expr, $saves:expr, $gradient:expr, $node:literal, $evidence:expr) => {
        OpRow {
            name: $name,
            forms: $forms,
            params: $params,
            result: ResultKind::Fresh,
            in_place: InPlace::No,
            infer: $infer,
            forward: Some(|args, _| $forward(args)),
            saves: $saves,
            gradient: $gradient,
            node: $node,
            node_by: None,
            fast: None,
            evidence: $evidence,
        }
    };
}
pub(super) use reduction;

/// `name(dim)` that gives values and their places.
macro_rules! selection {
    ($name:literal, $method:literal, $node:literal, $evidence:expr, $pick:expr) => {
        reduction!(
            $name,
            both(&[$method]),
            &[SELF, int("dim"), KEEPDIM],
            |args| {
                // The others are written for bools, too.
                if $method == "median" {
                    not_for_bool("median_out", tensor_at(args, 0)?.dtype)?;
                }
                infer_pair(args, $method)
            },
            |args: &[Arg<Array>]| select_along(args, $pick),
            &[output(1)],
            Gradient::Formula(|b| b.first(select_gradient)),
            $node,
            $evidence
        )
    };
}

/// Reductions.
pub const ROWS: &[OpRow] = &[
    reduction!(
        "sum",
        both(&["sum"]),
        &[SELF, dtype()],
        |args| infer_sum(args, &[], false, 1),
        |args| forward_sum(args, &[], 1),
        &[],
        Gradient::Formula(|b| b.first(spread)),
        "SumBackward0",
        &["sum"]
    ),
    reduction!(
        "sum.dim_IntList",
        both(&["sum"]),
        &[SELF, DIMS, KEEPDIM, dtype()],
        |args| infer_sum(args, dims_at(args, 1), flag_at(args, 2), 3),
        |args| forward_sum(args, dims_at(args, 1), 3),
        &[],
        Gradient::Formula(|b| b.first(spread_dims)),
        "SumBackward1",
        &["sum(dim)"]
    ),
    reduction!(
        "mean",
        both(&["mean"]),
        &[SELF, dtype()],
        |args| infer_mean(args, &[], false, 1),
        |args| forward_mean(args, &[], 1),
        &[],
        Gradient::Formula(|b| b.first(|b, grad| {
            let grad = spread(b, grad)?;
            let count = b.input_shape(0).iter().product::<usize>();
            b.div(grad, count as f64)
        })),
        "MeanBackward0",
        &["mean"]
    ),
    reduction!(
        "mean.dim",
        both(&["mean"]),
        &[SELF, DIMS, KEEPDIM, dtype()],
        |args| infer_mean(args, dims_at(args, 1), flag_at(args, 2), 3),
        |args| forward_mean(args, dims_at(args, 1), 3),
        &[],
        Gradient::Formula(|b| b.first(|b, grad| {
            let count =
                b.input_shape(0).iter().product::<usize>() / b.output_meta(0).numel().max(1);
            let grad = spread_dims(b, grad)?;
            b.div(grad, count as f64)
        })),
        "MeanBackward1",
        &["mean(dim)"]
    ),
    reduction!(
        "prod",
        both(&["prod"]),
        &[SELF, dtype()],
        |args| infer_sum(args, &[], false, 1),
        |args| forward_prod(args, &[], 1),
        IN_OUT,
        Gradient::Formula(|b| b.first(|b, grad| {
            let dims = all_dims(b.input_shape(0).len());
            prod_gradient(b, grad, &dims, false)
        })),
        "ProdBackward0",
        &["prod"]
    ),
    reduction!(
        "prod.dim_int",
        both(&["prod"]),
        &[SELF, int("dim"), KEEPDIM, dtype()],
        |args| infer_sum(args, &one_dim(args), flag_at(args, 2), 3),
        |args| forward_prod(args, &one_dim(args), 3),
        IN_OUT,
        Gradient::Formula(|b| b.first(|b, grad| {
            let (dims, keepdim) = (one_dim(b.args()), b.flag(2));
            prod_gradient(b, grad, &dims, keepdim)
        })),
        "ProdBackward1",
        &["prod(dim)"]
    ),
    reduction!(
        "max",
        both(&["max"]),
        &[SELF],
        |args| infer_extreme(args, "max"),
        |args| extreme(args, &[], greater),
        IN_OUT,
        Gradient::Formula(|b| b.first(distribute)),
        "MaxBackward1",
        &["max"]
    ),
    reduction!(
        "min",
        both(&["min"]),
        &[SELF],
        |args| infer_extreme(args, "min"),
        |args| extreme(args, &[], less),
        IN_OUT,
        Gradient::Formula(|b| b.first(distribute)),
        "MinBackward1",
        &["min"]
    ),
    selection!("max.dim", "max", "MaxBackward0", &["max(dim)"], |lane| {
        first_extreme(lane, greater)
    }),
    selection!("min.dim", "min", "MinBackward0", &["min(dim)"], |lane| {
        first_extreme(lane, less)
    }),
    reduction!(
        "amax",
        both(&["amax"]),
        &[SELF, ints("dim").or(Default::Ints(&[])), KEEPDIM],
        |args| infer_bound(args, "amax"),
        |args| extreme(args, dims_at(args, 1), greater),
        IN_OUT,
        Gradient::Formula(|b| b.first(bound_gradient)),
        "AmaxBackward0",
        &["amax", "amax(dim)"]
    ),
    reduction!(
        "amin",
        both(&["amin"]),
        &[SELF, ints("dim").or(Default::Ints(&[])), KEEPDIM],
        |args| infer_bound(args, "amin"),
        |args| extreme(args, dims_at(args, 1), less),
        IN_OUT,
        Gradient::Formula(|b| b.first(bound_gradient)),
        "AminBackward0",
        &["amin"]
    ),
    reduction!(
        "median",
        both(&["median"]),
        &[SELF],
        |args| {
            not_for_bool("median_cpu", tensor_at(args, 0)?.dtype)?;
            infer_reduced(tensor_at(args, 0)?, &[], false, tensor_at(args, 0)?.dtype)
        },
        forward_median,
        IN_OUT,
        Gradient::Formula(|b| b.first(distribute)),
        "MedianBackward0",
        &["median"]
    ),
    selection!(
        "median.dim",
        "median",
        "MedianBackward1",
        &["median(dim)"],
        middle
    ),
    reduction!(
        "logsumexp",
        both(&["logsumexp"]),
        &[SELF, ints("dim"), KEEPDIM],
        |args| infer_reduced(
            tensor_at(args, 0)?,
            dims_at(args, 1),
            flag_at(args, 2),
            to_float(tensor_at(args, 0)?.dtype)
        ),
        |args: &[Arg<Array>]| Ok(vec![fold_f64(
            tensor_at(args, 0)?,
            dims_at(args, 1),
            flag_at(args, 2),
            to_float(tensor_at(args, 0)?.dtype()),
            logsumexp
        )?]),
        IN_OUT,
        Gradient::Formula(|b| b.first(|b, grad| {
            let (dims, keepdim) = (dims_at(b.args(), 1).to_vec(), b.flag(2));
            let (x, out) = (b.input(0)?, b.output(0)?);
            let (grad, out) = (
                restore(b, grad, &dims, keepdim)?,
                restore(b, out, &dims, keepdim)?,
            );
            let difference = b.sub(x, out)?;
            let share = b.unary("exp", difference)?;
            b.mul(grad, share)
        })),
        "LogsumexpBackward0",
        &["logsumexp(dim)"]
    ),
    reduction!(
        "nansum",
        both(&["nansum"]),
        &[SELF, DIMS, KEEPDIM, dtype()],
        |args| infer_sum(args, dims_at(args, 1), flag_at(args, 2), 3),
        |args: &[Arg<Array>]| {
            let x = tensor_at(args, 0)?;
            let clean = if x.dtype().is_floating() {
                map_floating(x, |x| if x.is_nan() { 0.0 } else { x })
            } else {
                x.clone()
            };
            let mut args = args.to_vec();
            args[0] = Arg::Tensor(clean);
            forward_sum(&args, dims_at(&args, 1), 3)
        },
        &[input(0)],
        Gradient::Formula(|b| b.first(|b, grad| {
            let x = b.input(0)?;
            let nan = b.unary("isnan", x)?;
            let grad = spread_dims(b, grad)?;
            b.masked_fill(grad, nan, 0.0)
        })),
        "NansumBackward0",
        &["nansum"]
    ),
    plain(
        "all",
        both(&["all"]),
        &[SELF, DIMS, KEEPDIM],
        &["all"],
        |args| {
            infer_reduced(
                tensor_at(args, 0)?,
                dims_at(args, 1),
                flag_at(args, 2),
                Dtype::Bool,
            )
        },
        |args, _| truth(args, |lane| lane.iter().all(|&x| x)),
    ),
    plain(
        "any",
        both(&["any"]),
        &[SELF, DIMS, KEEPDIM],
        &["any"],
        |args| {
            infer_reduced(
                tensor_at(args, 0)?,
                dims_at(args, 1),
                flag_at(args, 2),
                Dtype::Bool,
            )
        },
        |args, _| truth(args, |lane| lane.iter().any(|&x| x)),
    ),
    plain(
        "argmax",
        both(&["argmax"]),
        &[SELF, int("dim").or(Default::None), KEEPDIM],
        &["argmax"],
        |args| infer_place(args, "argmax"),
        |args, _| place(args, greater),
    ),
    plain(
        "argmin",
        both(&["argmin"]),
        &[SELF, int("dim").or(Default::None), KEEPDIM],
        &["argmin"],
        |args| infer_place(args, "argmin"),
        |args, _| place(args, less),
    ),
    plain(
        "count_nonzero",
        both(&["count_nonzero"]),
        &[SELF, DIMS],
        &["count_nonzero"],
        |args| infer_reduced(tensor_at(args, 0)?, dims_at(args, 1), false, Dtype::I64),
        |args, _| {
            Ok(vec![fold::<bool, i64>(
                tensor_at(args, 0)?,
                dims_at(args, 1),
                false,
                |lane| lane.iter().filter(|&&x| x).count() as i64,
            )?])
        },
    ),
    reduction!(
        "trace",
        both(&["trace"]),
        &[SELF],
        infer_trace,
        forward_trace,
        &[],
        Gradient::Formula(|b| b.first(|b, grad| {
            let meta = b
                .input_meta(0)
                .cloned()
                .ok_or_else(|| OpError::Unsupported("trace without its input".into()))?;
            let (rows, columns) = (meta.shape[0] as i64, meta.shape[1] as i64);
            let eye = b.one(
                "eye",
                vec![
                    crate::ops::formula::int(rows),
                    crate::ops::formula::int(columns),
                    Arg::Dtype(meta.dtype),
                ],
            )?;
            let whole = b.mul(eye, grad)?;
            b.count_writes(whole, 2);
            Ok(whole)
        })),
        "TraceBackward0",
        &["trace"]
    ),
];

const fn plain(
    name: &'static str,
    forms: Forms,
    params: &'static [Param],
    evidence: &'static [&'static str],
    infer: fn(&[Arg<Meta>]) -> Metas,
    forward: fn(&[Arg<Array>], &mut crate::ops::Rng) -> Arrays,
) -> OpRow {
    OpRow {
        name,
        forms,
        params,
        result: ResultKind::Fresh,
        in_place: InPlace::No,
        infer,
        forward: Some(forward),
        saves: &[],
        gradient: Gradient::NotDifferentiable,
        node: "",
        node_by: None,
        fast: None,
        evidence,
    }
}

/// The dimension at the second argument as a list.
fn one_dim<T>(args: &[Arg<T>]) -> Vec<i64> {
    crate::ops::build::int_at(args, 1).into_iter().collect()
}

fn infer_sum(args: &[Arg<Meta>], dims: &[i64], keepdim: bool, dtype: usize) -> Metas {
    let x = tensor_at(args, 0)?;
    infer_reduced(
        x,
        dims,
        keepdim,
        dtype_at(args, dtype).unwrap_or(x.dtype.max(Dtype::I64)),
    )
}

fn forward_sum(args: &[Arg<Array>], dims: &[i64], dtype: usize) -> Arrays {
    let x = tensor_at(args, 0)?;
    let result = dtype_at(args, dtype).unwrap_or(x.dtype().max(Dtype::I64));
    let keepdim = dtype == 3 && flag_at(args, 2);
    Ok(vec![match result {
        Dtype::Bool | Dtype::I64 => fold::<i64, i64>(x, dims, keepdim, |lane| {
            lane.iter().fold(0, |sum, &x| sum.wrapping_add(x))
        })?
        .cast(result),
        _ => fold_f64(x, dims, keepdim, result, |lane| lane.iter().sum())?,
    }])
}

fn forward_prod(args: &[Arg<Array>], dims: &[i64], dtype: usize) -> Arrays {
    let x = tensor_at(args, 0)?;
    let result = dtype_at(args, dtype).unwrap_or(x.dtype().max(Dtype::I64));
    let keepdim = dtype == 3 && flag_at(args, 2);
    Ok(vec![match result {
        Dtype::Bool | Dtype::I64 => fold::<i64, i64>(x, dims, keepdim, |lane| {
            lane.iter().fold(1, |product, &x| product.wrapping_mul(x))
        })?
        .cast(result),
        _ => fold_f64(x, dims, keepdim, result, |lane| lane.iter().product())?,
    }])
}

fn infer_mean(args: &[Arg<Meta>], dims: &[i64], keepdim: bool, dtype: usize) -> Metas {
    let x = tensor_at(args, 0)?;
    let (which, result) = match dtype_at(args, dtype) {
        Some(dtype) => ("Optional", dtype),
        None => ("Input", x.dtype),
    };
    if !result.is_floating() {
        return Err(not_implemented(format!(
            "mean(): could not infer output dtype. {which} dtype must be either a floating point or complex dtype. Got: {}",
            result.scalar_name()
        )));
    }
    infer_reduced(x, dims, keepdim, result)
}

fn forward_mean(args: &[Arg<Array>], dims: &[i64], dtype: usize) -> Arrays {
    let x = tensor_at(args, 0)?;
    let keepdim = dtype == 3 && flag_at(args, 2);
    let result = dtype_at(args, dtype).unwrap_or(x.dtype());
    Ok(vec![fold_f64(x, dims, keepdim, result, |lane| {
        lane.iter().sum::<f64>() / lane.len() as f64
    })?])
}

/// The gradient, everywhere: a view, even where the sizes are the same.
fn spread(b: &mut dyn Backward, grad: Var) -> Value {
    let shape = b.input_shape(0);
    let sizes = shape.iter().map(|&size| size as i64).collect();
    b.one("expand", vec![Arg::Tensor(grad), Arg::Ints(sizes)])
}

/// The gradient along the dimensions of the second argument.
fn spread_dims(b: &mut dyn Backward, grad: Var) -> Value {
    let (dims, keepdim) = (dims_at(b.args(), 1).to_vec(), b.flag(2));
    let grad = restore(b, grad, &dims, keepdim)?;
    spread(b, grad)
}

/// The product of the others: where an element is zero, of the rest, which is zero where another one is.
fn prod_gradient(b: &mut dyn Backward, grad: Var, dims: &[i64], keepdim: bool) -> Value {
    let (x, out) = (b.input(0)?, b.output(0)?);
    let shape = b.input_shape(0);
    if shape.is_empty() {
        return Ok(grad);
    }
    let (grad, out) = (
        restore(b, grad, dims, keepdim)?,
        restore(b, out, dims, keepdim)?,
    );
    let zero = b.binary("eq", x, 0.0)?;
    let filled = b.masked_fill(x, zero, 1.0)?;
    let mut rest = filled;
    for &dim in dims {
        rest = b.one(
            "prod.dim_int",
            vec![
                Arg::Tensor(rest),
                crate::ops::formula::int(dim),
                crate::ops::formula::boolean(true),
            ],
        )?;
    }
    let zeros = b.sum_dims(zero, dims, true)?;
    let alone = b.binary("eq", zeros, 1.0)?;
    let rest = b.mul(rest, alone)?;
    let quotient = b.div(out, filled)?;
    let slope = b.select(zero, rest, quotient)?;
    b.mul(grad, slope)
}

/// Whether a new element takes the place of the best one so far; not-a-number wins for good.
type Better = fn(f64, f64) -> bool;

fn greater(new: f64, best: f64) -> bool {
    !best.is_nan() && (new > best || new.is_nan())
}

fn less(new: f64, best: f64) -> bool {
    !best.is_nan() && (new < best || new.is_nan())
}

/// The place of the first best element.
fn first_extreme(lane: &[f64], better: Better) -> usize {
    let mut best = 0;
    for (place, &value) in lane.iter().enumerate() {
        if better(value, lane[best]) {
            best = place;
        }
    }
    best
}

fn infer_extreme(args: &[Arg<Meta>], name: &str) -> Metas {
    let x = tensor_at(args, 0)?;
    if x.numel() == 0 {
        return Err(OpError::runtime(format!(
            "{name}(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with the 'dim' argument."
        )));
    }
    infer_reduced(x, &[], false, x.dtype)
}

/// The best of each lane, as it is (integers beyond 2^53 keep all digits).
fn extreme(args: &[Arg<Array>], dims: &[i64], better: Better) -> Arrays {
    let (x, keepdim) = (tensor_at(args, 0)?, flag_at(args, 2));
    if x.dtype() == Dtype::I64 {
        let high = better(1.0, 0.0);
        return Ok(vec![fold::<i64, i64>(x, dims, keepdim, |lane| {
            if high {
                lane.iter().copied().max()
            } else {
                lane.iter().copied().min()
            }
            .unwrap_or(0)
        })?]);
    }
    Ok(vec![fold_f64(x, dims, keepdim, x.dtype(), |lane| {
        lane.get(first_extreme(lane, better))
            .copied()
            .unwrap_or(0.0)
    })?])
}

fn infer_bound(args: &[Arg<Meta>], name: &str) -> Metas {
    let (x, dims) = (tensor_at(args, 0)?, dims_at(args, 1));
    if dims.is_empty() {
        infer_extreme(args, name)?;
    }
    for dim in reduced_dims(dims, x.ndim())? {
        if x.shape.get(dim) == Some(&0) {
            return Err(OpError::index(format!(
                "{name}(): Expected reduction dim {dim} to have non-zero size."
            )));
        }
    }
    infer_reduced(x, dims, flag_at(args, 2), x.dtype)
}

fn bound_gradient(b: &mut dyn Backward, grad: Var) -> Value {
    let (dims, keepdim) = (dims_at(b.args(), 1).to_vec(), b.flag(2));
    share_among_equal(b, grad, &dims, keepdim)
}

fn forward_median(args: &[Arg<Array>]) -> Arrays {
    let x = tensor_at(args, 0)?;
    Ok(vec![fold_f64(x, &[], false, x.dtype(), |lane| {
        if lane.is_empty() {
            f64::NAN
        } else {
            lane[middle(lane)]
        }
    })?])
}

/// The place of the lower middle element; not-a-number counts as the median.
fn middle(lane: &[f64]) -> usize {
    if let Some(nan) = lane.iter().position(|x| x.is_nan()) {
        return nan;
    }
    let mut places: Vec<usize> = (0..lane.len()).collect();
    places.sort_by(|&a, &b| lane[a].total_cmp(&lane[b]));
    places
        .get((lane.len().max(1) - 1) / 2)
        .copied()
        .unwrap_or(0)
}

fn logsumexp(lane: &[f64]) -> f64 {
    let max = lane
        .iter()
        .copied()
        .fold(f64::NEG_INFINITY, super::binary::maximum);
    if max.is_infinite() || max.is_nan() {
        return max;
    }
    max + lane.iter().map(|x| (x - max).exp()).sum::<f64>().ln()
}

fn truth(args: &[Arg<Array>], f: fn(&[bool]) -> bool) -> Arrays {
    Ok(vec![fold::<bool, bool>(
        tensor_at(args, 0)?,
        dims_at(args, 1),
        flag_at(args, 2),
        f,
    )?])
}

fn infer_place(args: &[Arg<Meta>], name: &str) -> Metas {
    let x = tensor_at(args, 0)?;
    if x.dtype == Dtype::Bool {
        return Err(not_implemented(format!(
            "{name}(): does not support bool input"
        )));
    }
    let dims = one_dim(args);
    if dims.is_empty() && x.numel() == 0 {
        return Err(OpError::index(format!(
            "{name}(): Expected reduction dim to be specified for input.numel() == 0."
        )));
    }
    for dim in reduced_dims(&dims, x.ndim())? {
        if x.shape.get(dim) == Some(&0) {
            return Err(OpError::index(format!(
                "{name}(): Expected reduction dim {dim} to have non-zero size."
            )));
        }
    }
    Ok(vec![fresh(
        Dtype::I64,
        shape_without(&x.shape, &dims, flag_at(args, 2))?,
    )?])
}

fn place(args: &[Arg<Array>], better: Better) -> Arrays {
    Ok(vec![fold::<f64, i64>(
        tensor_at(args, 0)?,
        &one_dim(args),
        flag_at(args, 2),
        |lane| first_extreme(lane, better) as i64,
    )?])
}

fn infer_trace(args: &[Arg<Meta>]) -> Metas {
    let x = tensor_at(args, 0)?;
    if x.ndim() != 2 {
        return Err(OpError::runtime(format!(
            "trace: expected a matrix, but got tensor with dim {}",
            x.ndim()
        )));
    }
    if x.dtype == Dtype::Bool {
        return Err(not_implemented("\"trace\" not implemented for 'Bool'"));
    }
    Ok(vec![fresh(x.dtype, Shape::new())?])
}

fn forward_trace(args: &[Arg<Array>]) -> Arrays {
    let x = tensor_at(args, 0)?;
    let steps = x.meta.shape[0].min(x.meta.shape[1]);
    let diagonal = Meta {
        shape: Shape::from_slice(&[steps]),
        strides: Shape::from_slice(&[x.meta.strides[0] + x.meta.strides[1]]),
        ..x.meta.clone()
    };
    forward_sum(&[Arg::Tensor(x.with_meta(diagonal)), Arg::None], &[], 1)
}
