//! Cumulative operators.

use crate::ops::array::{Array, Element};
use crate::ops::broadcast::{fresh, wrap_dim};
use crate::ops::build::{
    Arrays, IN_PLACE, INTERNAL, Metas, SELF, both, constant, dtype, dtype_at, input, int, int_at,
    output, tensor_at,
};
use crate::ops::formula::{Value, int as int_arg};
use crate::ops::kernel::not_implemented;
use crate::ops::meta::{Dtype, Meta};
use crate::ops::row::{
    Arg, Backward, Gradient, InPlace, OpError, OpRow, Param, ResultKind, Save, Var,
};
use crate::ops::special::logaddexp;
use crate::with_element;

/// A row that runs along one dimension.
macro_rules! scan {
    ($name:literal, $forms:expr, $params:expr, $in_place:expr, $infer:expr, $forward:expr, $saves:expr, $gradient:expr, $node:literal, $evidence:expr) => {
        OpRow {
            name: $name,
            forms: $forms,
            params: $params,
            result: ResultKind::Fresh,
            in_place: $in_place,
            infer: $infer,
            forward: Some(|args, _| $forward(args)),
            saves: $saves,
            gradient: Gradient::Formula(|b| b.first($gradient)),
            node: $node,
            node_by: None,
            fast: None,
            evidence: $evidence,
        }
    };
}

const DIM: &[Param] = &[SELF, int("dim")];
const DIM_DTYPE: &[Param] = &[SELF, int("dim"), dtype()];
const IN_OUT: &[Save] = &[input(0), output(0)];
const IN_PLACES: &[Save] = &[input(0), output(1)];

/// Running sums, products and extremes.
pub const ROWS: &[OpRow] = &[
    scan!(
        "cumsum",
        both(&["cumsum"]),
        DIM_DTYPE,
        IN_PLACE,
        infer_running,
        |args| running(args, i64::wrapping_add, |x, y| x + y),
        &[],
        running_sum_back,
        "CumsumBackward0",
        &["cumsum(dim)", "cumsum_"]
    ),
    scan!(
        "cumprod",
        both(&["cumprod"]),
        DIM_DTYPE,
        IN_PLACE,
        infer_running,
        |args| running(args, i64::wrapping_mul, |x, y| x * y),
        IN_OUT,
        |b, grad| {
            let (x, dim) = (b.input(0)?, b.integer(1));
            let part = b.one(
                "cumprod_backward",
                vec![Arg::Tensor(grad), Arg::Tensor(x), int_arg(dim)],
            )?;
            b.binary("_cumprod_once", part, x)
        },
        "CumprodBackward0",
        &["cumprod(dim)"]
    ),
    OpRow {
        // The exact gradient, also where elements are zero; its own derivative is not modelled.
        gradient: Gradient::Formula(|_| {
            Err(OpError::Unsupported(
                "the second derivative of cumprod".into(),
            ))
        }),
        ..scan!(
            "cumprod_backward",
            INTERNAL,
            &[SELF, constant("input"), int("dim")],
            InPlace::No,
            |args| Ok(vec![fresh(
                tensor_at(args, 0)?.dtype,
                tensor_at(args, 1)?.shape.clone()
            )?]),
            product_back,
            &[input(1)],
            |_, grad| Ok(grad),
            "",
            &[]
        )
    },
    scan!(
        "logcumsumexp",
        both(&["logcumsumexp"]),
        DIM,
        InPlace::No,
        infer_logcumsumexp,
        |args: &[Arg<Array>]| running(&args[..2], i64::wrapping_add, logaddexp),
        IN_OUT,
        |b, grad| {
            if b.meta(grad).ndim() == 0 {
                return Ok(grad);
            }
            let (x, out) = (b.input(0)?, b.output(0)?);
            let minus = b.neg(out)?;
            let weight = b.unary("exp", minus)?;
            let weighted = b.mul(grad, weight)?;
            let sums = running_sum_back(b, weighted)?;
            let exp = b.unary("exp", x)?;
            b.mul(exp, sums)
        },
        "LogcumsumexpBackward0",
        &["logcumsumexp(dim)"]
    ),
    scan!(
        "cummax",
        both(&["cummax"]),
        DIM,
        InPlace::No,
        infer_extremes,
        |args| extremes(args, |new, best| new >= best),
        IN_PLACES,
        scatter_back,
        "CummaxBackward0",
        &["cummax(dim)"]
    ),
    // Not in ops.tsv; measured: as cummax.
    scan!(
        "cummin",
        both(&["cummin"]),
        DIM,
        InPlace::No,
        infer_extremes,
        |args| extremes(args, |new, best| new <= best),
        IN_PLACES,
        scatter_back,
        "CumminBackward0",
        &[]
    ),
];

fn infer_running(args: &[Arg<Meta>]) -> Metas {
    let x = tensor_at(args, 0)?;
    wrap_dim(int_at(args, 1).unwrap_or(0), x.ndim())?;
    Ok(vec![fresh(
        dtype_at(args, 2).unwrap_or(x.dtype.max(Dtype::I64)),
        x.shape.clone(),
    )?])
}

fn infer_logcumsumexp(args: &[Arg<Meta>]) -> Metas {
    let x = tensor_at(args, 0)?;
    if !x.dtype.is_floating() {
        return Err(not_implemented(format!(
            "\"logcumsumexp_out_cpu\" not implemented for '{}'",
            x.dtype.scalar_name()
        )));
    }
    infer_running(&args[..2])
}

fn infer_extremes(args: &[Arg<Meta>]) -> Metas {
    let x = tensor_at(args, 0)?;
    wrap_dim(int_at(args, 1).unwrap_or(0), x.ndim())?;
    Ok(vec![
        fresh(x.dtype, x.shape.clone())?,
        fresh(Dtype::I64, x.shape.clone())?,
    ])
}

/// Calls `f` with the places of each lane along `dim` of a contiguous tensor of these sizes.
fn lanes(shape: &[usize], dim: usize, mut f: impl FnMut(&mut dyn Iterator<Item = usize>)) {
    let Some(&len) = shape.get(dim) else {
        return f(&mut (0..1));
    };
    let inner: usize = shape[dim + 1..].iter().product();
    let outer: usize = shape[..dim].iter().product();
    for start in
        (0..outer).flat_map(|block| (0..inner).map(move |place| block * len * inner + place))
    {
        f(&mut (0..len).map(|step| start + step * inner));
    }
}

/// Each element combined with all before it.
fn accumulate<T: Element>(x: &Array, dim: usize, combine: impl Fn(T, T) -> T) -> Array {
    let mut values = x.values_as::<T>().into_owned();
    lanes(x.shape(), dim, |places| {
        let mut before = None;
        for place in places {
            let value = before.map_or(values[place], |before| combine(before, values[place]));
            values[place] = value;
            before = Some(value);
        }
    });
    Array::from_vec(x.meta.shape.clone(), values)
}

fn running(args: &[Arg<Array>], int: fn(i64, i64) -> i64, float: fn(f64, f64) -> f64) -> Arrays {
    let x = tensor_at(args, 0)?;
    let dim = wrap_dim(int_at(args, 1).unwrap_or(0), x.meta.ndim())?;
    let dtype = dtype_at(args, 2).unwrap_or(x.dtype().max(Dtype::I64));
    Ok(vec![if dtype.is_floating() {
        accumulate::<f64>(&x.cast(dtype), dim, float).cast(dtype)
    } else {
        accumulate::<i64>(x, dim, int).cast(dtype)
    }])
}

/// Sums from the end.
fn running_sum_back(b: &mut dyn Backward, grad: Var) -> Value {
    if b.meta(grad).ndim() == 0 {
        return Ok(grad);
    }
    let dim = b.integer(1);
    let flip = |b: &mut dyn Backward, x: Var| {
        b.one(
            "flip",
            vec![Arg::Tensor(x), Arg::Ints([dim].as_slice().into())],
        )
    };
    let flipped = flip(b, grad)?;
    let sums = b.one("cumsum", vec![Arg::Tensor(flipped), int_arg(dim)])?;
    flip(b, sums)
}

fn product_back(args: &[Arg<Array>]) -> Arrays {
    let (grad, x) = (tensor_at(args, 0)?, tensor_at(args, 1)?);
    let dim = wrap_dim(int_at(args, 2).unwrap_or(0), x.meta.ndim())?;
    let (grads, values) = (grad.values_as::<f64>(), x.values_as::<f64>());
    let mut result = vec![0.0; values.len()];
    lanes(x.shape(), dim, |places| {
        let lane: Vec<usize> = places.collect();
        let mut before = 1.0;
        for (nth, &place) in lane.iter().enumerate() {
            let mut product = before;
            result[place] += grads[place] * product;
            for &later in &lane[nth + 1..] {
                product *= values[later];
                result[place] += grads[later] * product;
                if product == 0.0 {
                    break;
                }
            }
            before *= values[place];
        }
    });
    Ok(vec![
        Array::from_vec(x.meta.shape.clone(), result).cast(grad.dtype()),
    ])
}

/// The best so far and its last place; not-a-number wins.
fn extremes(args: &[Arg<Array>], better: fn(f64, f64) -> bool) -> Arrays {
    let x = tensor_at(args, 0)?;
    let dim = wrap_dim(int_at(args, 1).unwrap_or(0), x.meta.ndim())?;
    let mut values = x.values_as::<f64>().into_owned();
    let mut chosen = vec![0i64; values.len()];
    lanes(x.shape(), dim, |places| {
        let mut best: Option<(f64, i64)> = None;
        for (nth, place) in places.enumerate() {
            let value = values[place];
            let taken = match best {
                Some((old, _)) if !(value.is_nan() || (!old.is_nan() && better(value, old))) => {
                    best
                }
                _ => Some((value, nth as i64)),
            };
            if let Some((value, nth)) = taken {
                values[place] = value;
                chosen[place] = nth;
            }
            best = taken;
        }
    });
    let values = Array::from_vec(x.meta.shape.clone(), values);
    let values = with_element!(x.dtype(), T => Array::from_vec(x.meta.shape.clone(), values.values::<f64>().iter().map(|&value| T::from_f64(value)).collect::<Vec<T>>()));
    Ok(vec![values, Array::from_vec(x.meta.shape.clone(), chosen)])
}

/// The gradient, added at the places that were chosen.
fn scatter_back(b: &mut dyn Backward, grad: Var) -> Value {
    let shape = b.input_shape(0);
    if shape.is_empty() {
        return Ok(grad);
    }
    let (places, dim, dtype) = (b.output(1)?, b.integer(1), b.meta(grad).dtype);
    let zeros = b.zeros(&shape, dtype)?;
    let sums = b.one(
        "scatter_add",
        vec![
            Arg::Tensor(zeros),
            int_arg(dim),
            Arg::Tensor(places),
            Arg::Tensor(grad),
        ],
    )?;
    b.count_writes(sums, 2);
    Ok(sums)
}
