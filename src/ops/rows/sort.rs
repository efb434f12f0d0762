//! Sorting, and the largest elements.

use std::cmp::Ordering;

use crate::ops::array::Array;
use crate::ops::kernel::{not_for_bool, not_implemented};
use crate::ops::kernels::{self, Along};
use crate::ops::kit::{
    self, Args, Grads, both, fixed, flag_or, formula, grad, input_meta, int, int_or, keyword, op,
    saved_output, t, tensor,
};
use crate::ops::layout::wrap_dim;
use crate::ops::meta::{Dtype, Meta};
use crate::ops::rng::Rng;
use crate::ops::row::{Arg, Backward, Exception, Gradient, OpError, OpRow, Param};

const SELF: Param = tensor("self");
const DIM: Param = int_or("dim", -1);

/// The rows of this file.
pub const ROWS: &[OpRow] = &[
    op(
        "sort",
        both(&["sort"]),
        &[
            SELF,
            DIM,
            flag_or("descending", false),
            keyword(flag_or("stable", false)),
        ],
        |args| sort_infer(args, true),
        |args, _| sorted(args, true),
        &[saved_output(1)],
        formula(|b| to_places(b, 1, -1)),
        "SortBackward0",
        &["sort"],
    ),
    op(
        "argsort",
        both(&["argsort"]),
        &[
            fixed("self"),
            DIM,
            flag_or("descending", false),
            keyword(flag_or("stable", false)),
        ],
        |args| sort_infer(args, false),
        |args, _| sorted(args, false),
        &[],
        Gradient::NotDifferentiable,
        "",
        &["argsort"],
    ),
    op(
        "topk",
        both(&["topk"]),
        &[
            SELF,
            int("k"),
            DIM,
            flag_or("largest", true),
            flag_or("sorted", true),
        ],
        topk_infer,
        topk_forward,
        &[saved_output(1)],
        formula(|b| to_places(b, 2, -1)),
        "TopkBackward0",
        &["topk"],
    ),
    op(
        "kthvalue",
        both(&["kthvalue"]),
        &[SELF, int("k"), DIM, flag_or("keepdim", false)],
        kth_infer,
        kth_forward,
        &[saved_output(1)],
        formula(kth_formula),
        "KthvalueBackward0",
        &["kthvalue"],
    ),
    op(
        "unique",
        both(&["unique"]),
        &[
            SELF,
            flag_or("sorted", true),
            flag_or("return_inverse", false),
            flag_or("return_counts", false),
        ],
        |_| kit::shape_from_values(),
        unique_forward,
        &[],
        Gradient::NotImplemented(
            Exception::NotImplementedError,
            "the derivative for '_unique2' is not implemented.",
        ),
        "Unique2Backward0",
        &["unique"],
    ),
];

/// NaN counts as larger than everything.
fn order(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b)
        .unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}
/// The places of each line along `dim`, sorted; ties keep their order.
fn ranked(array: &Array, dim: usize, descending: bool) -> Vec<Vec<usize>> {
    let along = Along::new(array.shape(), dim);
    if array.numel() == 0 {
        return vec![];
    }
    if array.dtype() == Dtype::I64 {
        let values = array.values::<i64>();
        return ranked_by(along, descending, |a, b| values[a].cmp(&values[b]));
    }
    let values = array.values_as::<f64>();
    ranked_by(along, descending, |a, b| order(values[a], values[b]))
}
fn ranked_by(
    along: Along,
    descending: bool,
    compare: impl Fn(usize, usize) -> Ordering,
) -> Vec<Vec<usize>> {
    along
        .lines()
        .map(|start| {
            let mut places: Vec<usize> = (0..along.size).collect();
            let at = |place: usize| start + place * along.inner;
            places.sort_by(|&a, &b| {
                let order = compare(at(a), at(b));
                if descending { order.reverse() } else { order }
            });
            places
        })
        .collect()
}
/// The values and the indices of the `kept` places of each line.
fn picked(
    array: &Array,
    dim: usize,
    lines: &[Vec<usize>],
    kept: std::ops::Range<usize>,
) -> (Array, Array) {
    let from = Along::new(array.shape(), dim);
    let to = Along {
        size: kept.len(),
        ..from
    };
    let mut shape = array.meta.shape.clone();
    if let Some(size) = shape.get_mut(dim) {
        *size = kept.len();
    }
    let line = |place: usize| {
        let (outer, at, inner) = to.split(place);
        (
            lines[outer * from.inner + inner][kept.start + at],
            outer,
            inner,
        )
    };
    let values = kernels::gather(array, &shape, |place| {
        let (at, outer, inner) = line(place);
        Some(from.at(outer, at, inner))
    });
    let indices = (0..values.numel())
        .map(|place| line(place).0 as i64)
        .collect();
    (values, Array::from_vec::<i64>(shape, indices))
}

fn sort_infer(args: &[Arg<Meta>], values: bool) -> Result<Vec<Meta>, OpError> {
    let meta = Args(args).tensor(0)?;
    wrap_dim(Args(args).int(1, -1), meta.ndim())?;
    let indices = Meta::contiguous(Dtype::I64, meta.shape.clone());
    Ok(if values {
        vec![Meta::contiguous(meta.dtype, meta.shape.clone()), indices]
    } else {
        vec![indices]
    })
}
fn sorted(args: &[Arg<Array>], values: bool) -> Result<Vec<Array>, OpError> {
    let args = Args(args);
    let array = args.tensor(0)?;
    let dim = wrap_dim(args.int(1, -1), array.meta.ndim())?;
    let lines = ranked(array, dim, args.flag(2, false));
    let (sorted, indices) = picked(array, dim, &lines, 0..Along::new(array.shape(), dim).size);
    Ok(if values {
        vec![sorted, indices]
    } else {
        vec![indices]
    })
}
/// The gradient goes to where the values came from. `place` is that of the dimension among the arguments.
fn to_places(b: &mut dyn Backward, place: usize, default: i64) -> Grads {
    let (grad, meta, dim, indices) = (
        grad(b)?,
        input_meta(b, 0)?,
        Args(b.args()).int(place, default),
        b.output(1)?,
    );
    let args = vec![t(grad), kit::shape(&meta.shape), kit::n(dim), t(indices)];
    let whole = kit::call(b, "gather_backward", args)?;
    Ok(vec![Some(kit::written(b, whole, 2)?)])
}

fn topk_count(args: Args<'_, Meta>) -> Result<(usize, usize), OpError> {
    let meta = args.tensor(0)?;
    let dim = wrap_dim(args.int(2, -1), meta.ndim())?;
    let size = Along::new(&meta.shape, dim).size;
    let count = usize::try_from(args.int(1, 0))
        .ok()
        .filter(|&count| count <= size);
    let count = count.ok_or_else(|| OpError::runtime("selected index k out of range"))?;
    // Measured: of a number, there is one, even for k=0.
    Ok((dim, if meta.ndim() == 0 { 1 } else { count }))
}
fn topk_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let meta = Args(args).tensor(0)?;
    let (dim, count) = topk_count(Args(args))?;
    if meta.dtype == Dtype::Bool {
        return Err(not_implemented("topk does not support bool dtypes on CPU"));
    }
    let mut shape = meta.shape.clone();
    if let Some(size) = shape.get_mut(dim) {
        *size = count;
    }
    Ok(vec![
        Meta::contiguous(meta.dtype, shape.clone()),
        Meta::contiguous(Dtype::I64, shape),
    ])
}
fn topk_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let (dim, count) = topk_count(Args(&kit::metas(args)))?;
    let args = Args(args);
    let array = args.tensor(0)?;
    let (values, indices) = picked(
        array,
        dim,
        &ranked(array, dim, args.flag(3, true)),
        0..count,
    );
    Ok(vec![values, indices])
}

fn kth_place(args: Args<'_, Meta>) -> Result<(usize, usize), OpError> {
    let meta = args.tensor(0)?;
    let dim = wrap_dim(args.int(2, -1), meta.ndim())?;
    let size = Along::new(&meta.shape, dim).size;
    let place = usize::try_from(args.int(1, 0).saturating_sub(1))
        .ok()
        .filter(|&place| place < size);
    place.map(|place| (dim, place)).ok_or_else(|| {
        OpError::runtime(format!(
            "kthvalue(): selected number k out of range for dimension {dim}"
        ))
    })
}
fn kth_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let meta = Args(args).tensor(0)?;
    let (dim, _) = kth_place(Args(args))?;
    not_for_bool("kthvalue_cpu", meta.dtype)?;
    let mut shape = meta.shape.clone();
    if Args(args).flag(3, false) {
        shape
            .iter_mut()
            .skip(dim)
            .take(1)
            .for_each(|size| *size = 1);
    } else if dim < shape.len() {
        shape.remove(dim);
    }
    Ok(vec![
        Meta::contiguous(meta.dtype, shape.clone()),
        Meta::contiguous(Dtype::I64, shape),
    ])
}
fn kth_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let metas = kit::metas(args);
    let ((dim, place), shape) = (kth_place(Args(&metas))?, kth_infer(&metas)?.remove(0).shape);
    let array = Args(args).tensor(0)?;
    let (values, indices) = picked(array, dim, &ranked(array, dim, false), place..place + 1);
    Ok(vec![
        values.reshaped(shape.clone()),
        indices.reshaped(shape),
    ])
}
fn kth_formula(b: &mut dyn Backward) -> Grads {
    if Args(b.args()).flag(3, false) {
        return to_places(b, 2, -1);
    }
    let (mut grad, meta, dim, mut indices) = (
        grad(b)?,
        input_meta(b, 0)?,
        Args(b.args()).int(2, -1),
        b.output(1)?,
    );
    if meta.ndim() > 0 {
        grad = kit::call(b, "unsqueeze", vec![t(grad), kit::n(dim)])?;
        indices = kit::call(b, "unsqueeze", vec![t(indices), kit::n(dim)])?;
    }
    let args = vec![t(grad), kit::shape(&meta.shape), kit::n(dim), t(indices)];
    let whole = kit::call(b, "gather_backward", args)?;
    Ok(vec![Some(kit::written(b, whole, 2)?)])
}

fn unique_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let args = Args(args);
    let array = args.tensor(0)?;
    let flat = array.reshaped(&[array.numel()][..]);
    let places = ranked(&flat, 0, false)
        .into_iter()
        .next()
        .unwrap_or_default();
    let values = flat.values_as::<f64>();
    let (mut firsts, mut counts, mut inverse) = (vec![], vec![], vec![0i64; places.len()]);
    for &place in &places {
        let new = firsts
            .last()
            .is_none_or(|&first: &usize| values[first] != values[place]);
        if new {
            firsts.push(place);
            counts.push(0i64);
        }
        if let Some(count) = counts.last_mut() {
            *count += 1;
        }
        inverse[place] = firsts.len() as i64 - 1;
    }
    let mut results = vec![kernels::gather(&flat, &[firsts.len()], |place| {
        Some(firsts[place])
    })];
    if args.flag(2, false) {
        results.push(Array::from_vec::<i64>(array.meta.shape.clone(), inverse));
    }
    if args.flag(3, false) {
        results.push(Array::from_vec::<i64>(&[counts.len()][..], counts));
    }
    Ok(results)
}
