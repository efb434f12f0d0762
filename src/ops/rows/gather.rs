//! Picking and writing with an index as large as what is picked: `gather` and `scatter`.

use crate::ops::array::{Array, Offsets};
use crate::ops::kernels::{self, Sum};
use crate::ops::kit::{
    self, Args, Grads, IN_PLACE, INTERNAL, both, fixed, formula, grad, input_meta, int, ints, op,
    param, same, saved, saved_if, saved_output, t, tensor,
};
use crate::ops::layout;
use crate::ops::meta::{Dtype, Meta, Shape};
use crate::ops::rng::Rng;
use crate::ops::row::{Arg, Backward, OpError, OpRow, Param, ParamKind, Var};
use crate::with_element;

const SELF: Param = tensor("self");
const INDEX: Param = fixed("index");
const DIM: Param = int("dim");
const SCATTER: &[&str] = &["scatter"];

/// The rows of this file.
pub const ROWS: &[OpRow] = &[
    op(
        "gather",
        both(&["gather"]),
        &[SELF, DIM, INDEX],
        gather_infer,
        gather_forward,
        &[saved(0), saved(2)],
        formula(gather_formula),
        "GatherBackward0",
        &["gather"],
    ),
    op(
        "gather_backward",
        INTERNAL,
        &[tensor("grad"), ints("sizes"), DIM, INDEX],
        sized_infer,
        gather_backward,
        &[saved(3)],
        formula(gather_backward_formula),
        "GatherBackwardBackward0",
        &[],
    ),
    OpRow {
        in_place: IN_PLACE,
        ..op(
            "scatter",
            both(SCATTER),
            &[SELF, DIM, INDEX, tensor("src")],
            scatter_infer,
            scatter_forward,
            &[saved(2)],
            formula(scatter_formula),
            "ScatterBackward0",
            &["scatter", "scatter_"],
        )
    },
    OpRow {
        in_place: IN_PLACE,
        ..op(
            "scatter.value",
            both(SCATTER),
            &[SELF, DIM, INDEX, param("value", ParamKind::Scalar)],
            scatter_infer,
            scatter_forward,
            &[saved(2)],
            formula(scatter_formula),
            "ScatterBackward1",
            &[],
        )
    },
    OpRow {
        in_place: IN_PLACE,
        ..op(
            "scatter_add",
            both(&["scatter_add"]),
            &[SELF, DIM, INDEX, tensor("src")],
            scatter_infer,
            scatter_add_forward,
            &[saved_if(2, &[3])],
            formula(scatter_add_formula),
            "ScatterAddBackward0",
            &["scatter_add", "scatter_add_"],
        )
    },
    OpRow {
        in_place: IN_PLACE,
        ..op(
            "scatter_reduce",
            both(&["scatter_reduce"]),
            &[
                SELF,
                DIM,
                INDEX,
                tensor("src"),
                param("reduce", ParamKind::Str),
                kit::keyword(kit::flag_or("include_self", true)),
            ],
            scatter_reduce_infer,
            scatter_reduce_forward,
            &[saved(0), saved(2), saved(3), saved_output(0)],
            formula(scatter_reduce_formula),
            "ScatterReduceBackward0",
            &["scatter_reduce(mean)"],
        )
    },
];

fn sized_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    Ok(vec![Meta::contiguous(
        args.tensor(0)?.dtype,
        layout::checked_shape(&args.ints(1))?,
    )])
}

/// A shape, with one dimension if it has none.
fn dimensioned(shape: &[usize]) -> Shape {
    if shape.is_empty() {
        Shape::from_slice(&[1])
    } else {
        shape.into()
    }
}
/// What `gather` and `scatter` ask of an index.
fn check_index(
    name: &str,
    meta: &Meta,
    dim: i64,
    index: &Meta,
    this: &str,
) -> Result<usize, OpError> {
    let dim = layout::wrap_dim(dim, meta.ndim())?;
    if index.dtype != Dtype::I64 {
        return Err(OpError::runtime(format!(
            "{name}(): Expected dtype int32/int64 for index"
        )));
    }
    if index.numel() > 0 && dimensioned(&meta.shape).len() != dimensioned(&index.shape).len() {
        return Err(OpError::runtime(format!(
            "Index tensor must have the same number of dimensions as {this} tensor"
        )));
    }
    Ok(dim)
}
/// A dimension other than `dim` in which `index` is larger than `shape`.
fn exceeds(index: &[usize], shape: &[usize], dim: Option<usize>) -> Option<usize> {
    index
        .iter()
        .zip(shape)
        .enumerate()
        .find(|(place, (a, b))| Some(*place) != dim && a > b)
        .map(|(place, _)| place)
}
fn gather_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    let (meta, index) = (args.tensor(0)?, args.tensor(2)?);
    let dim = check_index("gather", meta, args.int(1, 0), index, "input")?;
    if let Some(place) = exceeds(&index.shape, &meta.shape, Some(dim)).filter(|_| index.numel() > 0)
    {
        return Err(OpError::runtime(format!(
            "Size does not match at dimension {place} expected index {} to be no larger than self {} apart from dimension {dim}",
            index.sizes(),
            meta.sizes()
        )));
    }
    Ok(vec![Meta::contiguous(meta.dtype, index.shape.clone())])
}
/// For each element of the index, the place that it means in a tensor of `shape`.
fn targets(shape: &[usize], dim: i64, index: &Array) -> Result<Vec<usize>, OpError> {
    let dim = layout::wrap_dim(dim, shape.len())?;
    if index.numel() == 0 {
        return Ok(vec![]);
    }
    let whole = Meta::contiguous(Dtype::I64, dimensioned(shape));
    let mut layout = Meta {
        shape: dimensioned(index.shape()),
        ..whole.clone()
    };
    layout.strides[dim] = 0;
    let (size, stride) = (whole.shape[dim] as i64, whole.strides[dim]);
    Offsets::new(&layout)
        .zip(index.values::<i64>().iter())
        .map(|(base, &at)| {
            if at < 0 || at >= size {
                return Err(OpError::runtime(format!(
                    "index {at} is out of bounds for dimension {dim} with size {size}"
                )));
            }
            Ok(base + at as usize * stride)
        })
        .collect()
}
fn gather_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let args = Args(args);
    let (array, index) = (args.tensor(0)?, args.tensor(2)?);
    let places = targets(array.shape(), args.int(1, 0), index)?;
    Ok(vec![kernels::gather(array, index.shape(), |place| {
        Some(places[place])
    })])
}
fn gather_formula(b: &mut dyn Backward) -> Grads {
    let (grad, meta, dim, index) = (grad(b)?, input_meta(b, 0)?, same(b, 1), b.input(2)?);
    let whole = kit::call(
        b,
        "gather_backward",
        vec![t(grad), kit::shape(&meta.shape), dim, t(index)],
    )?;
    Ok(vec![Some(kit::written(b, whole, 1)?)])
}
fn gather_backward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let meta = kit::inferred(sized_infer, args)?;
    let args = Args(args);
    let places = targets(&meta.shape, args.int(2, 0), args.tensor(3)?)?;
    Ok(vec![kernels::accumulate(
        args.tensor(0)?,
        &meta.shape,
        |place| Some(places[place]),
    )])
}
fn gather_backward_formula(b: &mut dyn Backward) -> Grads {
    let (grad, dim, index) = (grad(b)?, same(b, 2), b.input(3)?);
    Ok(vec![Some(kit::call(
        b,
        "gather",
        vec![t(grad), dim, t(index)],
    )?)])
}

fn scatter_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    let (meta, index) = (args.tensor(0)?, args.tensor(2)?);
    let dim = check_index("scatter", meta, args.int(1, 0), index, "self")?;
    let source = args.opt(3);
    if source.is_some_and(|source| source.dtype != meta.dtype) {
        return Err(OpError::runtime(
            "scatter(): Expected self.dtype to be equal to src.dtype",
        ));
    }
    if index.numel() > 0 && is_too_large(meta, dim, index, source)? {
        let beside = source.map_or(String::new(), |source| {
            format!(" and to be no larger size than src {}", source.sizes())
        });
        return Err(OpError::runtime(format!(
            "Expected index {} to be no larger than self {} apart from dimension {dim}{beside}",
            index.sizes(),
            meta.sizes()
        )));
    }
    Ok(vec![Meta::contiguous(meta.dtype, meta.shape.clone())])
}
/// Whether the index is larger than what it writes to or takes from, in the order of PyTorch's checks.
fn is_too_large(
    meta: &Meta,
    dim: usize,
    index: &Meta,
    source: Option<&Meta>,
) -> Result<bool, OpError> {
    let sizes = dimensioned(&index.shape);
    let mut too_large = exceeds(&sizes, &dimensioned(&meta.shape), Some(dim)).is_some();
    let Some(source) = source else {
        return Ok(too_large);
    };
    for (place, &size) in sizes.iter().enumerate() {
        if too_large {
            break;
        }
        let of_source = match source.ndim() {
            0 => 1,
            ndim => source.shape[layout::wrap_dim(place as i64, ndim)?],
        };
        too_large = size > of_source;
    }
    if dimensioned(&source.shape).len() != sizes.len() {
        return Err(OpError::runtime(
            "Index tensor must have the same number of dimensions as src tensor",
        ));
    }
    Ok(too_large)
}
/// The values at the places of the index: the corner of a larger source.
fn corner(source: &Array, index: &Array) -> Array {
    let meta = if source.meta.ndim() == index.meta.ndim() {
        Meta {
            shape: index.meta.shape.clone(),
            ..source.meta.clone()
        }
    } else {
        source.meta.clone()
    };
    source.with_meta(meta)
}
fn scattered(args: &[Arg<Array>], add: bool) -> Result<Vec<Array>, OpError> {
    let args = Args(args);
    let (array, index) = (args.tensor(0)?, args.tensor(2)?);
    let places = targets(array.shape(), args.int(1, 0), index)?;
    let source = match args.scalar(3) {
        Some(value) => Array::scalar(array.dtype(), value).broadcast_to(&[places.len()]),
        None => corner(args.tensor(3)?, index),
    };
    Ok(vec![with_element!(array.dtype(), T => {
        let mut target = array.values::<T>().into_owned();
        for (&place, &value) in places.iter().zip(source.values::<T>().iter()) {
            target[place] = if add { Sum::plus(target[place], value) } else { value };
        }
        Array::from_vec::<T>(array.meta.shape.clone(), target)
    })])
}
fn scatter_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    scattered(args, false)
}
fn scatter_add_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    scattered(args, true)
}
/// The gradient at the index. Measured: it has the index's sizes, and if those are not the source's, the machine's check
/// of gradients refuses it, as PyTorch's does.
fn source_grad(b: &mut dyn Backward, grad: Var) -> Result<Var, OpError> {
    let (dim, index) = (same(b, 1), b.input(2)?);
    kit::call(b, "gather", vec![t(grad), dim, t(index)])
}
fn scatter_formula(b: &mut dyn Backward) -> Grads {
    let (grad, dim, index) = (grad(b)?, same(b, 1), b.input(2)?);
    let mut grads = vec![None];
    if b.needs(0) {
        grads[0] = Some(kit::call(
            b,
            "scatter.value",
            vec![t(grad), dim, t(index), kit::n(0)],
        )?);
    }
    if Args(b.args()).opt(3).is_some() {
        grads.push(if b.needs(3) {
            Some(source_grad(b, grad)?)
        } else {
            None
        });
    }
    Ok(grads)
}
fn scatter_add_formula(b: &mut dyn Backward) -> Grads {
    let grad = grad(b)?;
    let source = if b.needs(3) {
        Some(source_grad(b, grad)?)
    } else {
        None
    };
    Ok(vec![Some(grad), source])
}

fn scatter_reduce_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let reduce = Args(args).text(4, "");
    if !["sum", "prod", "mean", "amax", "amin"].contains(&reduce) {
        return Err(OpError::runtime(format!(
            "reduce argument must be either sum, prod, mean, amax or amin, got {reduce}"
        )));
    }
    scatter_infer(&args[..4])
}
fn scatter_reduce_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let args = Args(args);
    let (array, index) = (args.tensor(0)?, args.tensor(2)?);
    let places = targets(array.shape(), args.int(1, 0), index)?;
    let source = corner(args.tensor(3)?, index);
    let (reduce, with_self) = (args.text(4, ""), args.flag(5, true));
    let mut target = array.values_as::<f64>().into_owned();
    let mut count = vec![if with_self { 1.0 } else { 0.0 }; target.len()];
    for (&place, &value) in places.iter().zip(source.values_as::<f64>().iter()) {
        let old = target[place];
        target[place] = match reduce {
            _ if count[place] == 0.0 => value,
            "prod" => old * value,
            "amax" => old.max(value),
            "amin" => old.min(value),
            _ => old + value,
        };
        count[place] += 1.0;
    }
    if reduce == "mean" {
        target
            .iter_mut()
            .zip(&count)
            .filter(|(_, count)| **count > 1.0)
            .for_each(|(value, count)| *value /= count);
    }
    Ok(vec![
        Array::from_vec::<f64>(array.meta.shape.clone(), target).cast(array.dtype()),
    ])
}
fn scatter_reduce_formula(b: &mut dyn Backward) -> Grads {
    if Args(b.args()).tensor(2)?.shape != Args(b.args()).tensor(3)?.shape {
        return Err(OpError::Unsupported(
            "the gradient of scatter_reduce with a source that is larger than the index".into(),
        ));
    }
    let (grad, this, dim, index, source) =
        (grad(b)?, b.input(0)?, same(b, 1), b.input(2)?, b.input(3)?);
    let (reduce, with_self) = (
        Args(b.args()).text(4, "").to_owned(),
        Args(b.args()).flag(5, true),
    );
    let gather = |b: &mut dyn Backward, var: Var| {
        kit::call(b, "gather", vec![t(var), dim.clone(), t(index)])
    };
    let (mut own, from) = match &*reduce {
        "sum" => (grad, gather(b, grad)?),
        "mean" => {
            let ones = kit::call(b, "ones_like", vec![t(source)])?;
            let start = kit::call(
                b,
                if with_self { "ones_like" } else { "zeros_like" },
                vec![t(grad)],
            )?;
            let count = kit::call(
                b,
                "scatter_add",
                vec![t(start), dim.clone(), t(index), t(ones)],
            )?;
            let empty = kit::call(b, "eq", vec![t(count), kit::n(0)])?;
            let count = kit::call(b, "masked_fill", vec![t(count), t(empty), kit::n(1)])?;
            let part = kit::div(b, grad, count)?;
            (part, gather(b, part)?)
        }
        "amax" | "amin" => {
            let result = b.output(0)?;
            let (value, dtype) = (gather(b, result)?, b.meta(grad).dtype);
            let own_best = kit::call(b, "eq", vec![t(this), t(result)])?;
            let own_best = kit::call(b, "_to_copy", vec![t(own_best), Arg::Dtype(dtype)])?;
            let best = kit::call(b, "eq", vec![t(source), t(value)])?;
            let best = kit::call(b, "_to_copy", vec![t(best), Arg::Dtype(dtype)])?;
            let count = kit::call(
                b,
                "scatter_add",
                vec![t(own_best), dim.clone(), t(index), t(best)],
            )?;
            let part = kit::div(b, grad, count)?;
            let picked = gather(b, part)?;
            (kit::mul(b, own_best, part)?, kit::mul(b, best, picked)?)
        }
        _ => {
            return Err(OpError::Unsupported(
                "the gradient of scatter_reduce with prod".into(),
            ));
        }
    };
    if !with_self {
        own = kit::call(
            b,
            "scatter.value",
            vec![t(own), dim.clone(), t(index), kit::n(0)],
        )?;
    }
    Ok(vec![Some(own), Some(from)])
}
