//! Distances between rows, the cross product, and rows brought to a norm.

use crate::ops::array::{Array, Element};
use crate::ops::broadcast::{broadcast, fresh, wrap_dim};
use crate::ops::kernel::{not_for_bool, not_implemented, of_one_type};
use crate::ops::kernels::Along;
use crate::ops::kit::{
    self, Args, Grads, HIDDEN, IN_PLACE, INTERNAL, both, float_or, formula, function, grad,
    input_meta, int, op, opt_int, saved, saved_if, saved_output, t, tensor,
};
use crate::ops::meta::{Dtype, Meta, Scalar, Shape};
use crate::ops::rng::Rng;
use crate::ops::row::{Arg, Backward, OpError, OpRow, Param, ParamKind, Var};

const SELF: Param = tensor("self");

/// The rows of this file.
pub const ROWS: &[OpRow] = &[
    op(
        "cross",
        both(&["cross"]),
        &[SELF, tensor("other"), opt_int("dim")],
        |args| cross_infer(args, None),
        cross_forward,
        &[saved_if(0, &[1]), saved_if(1, &[0])],
        formula(cross_formula),
        "LinalgCrossBackward0",
        &["cross"],
    ),
    op(
        "linalg_cross",
        function(&["linalg.cross"]),
        &[SELF, tensor("other"), kit::keyword(kit::int_or("dim", -1))],
        |args| cross_infer(args, Some(-1)),
        cross_forward,
        &[saved_if(0, &[1]), saved_if(1, &[0])],
        formula(cross_formula),
        "LinalgCrossBackward0",
        // As `cross`, of which it is the other name.
        &[],
    ),
    op(
        "cdist",
        function(&["cdist"]),
        &[
            tensor("x1"),
            tensor("x2"),
            float_or("p", 2.0),
            kit::text_or("compute_mode", "use_mm_for_euclid_dist_if_necessary"),
        ],
        cdist_infer,
        cdist_forward,
        &[saved(0), saved(1), saved_output(0)],
        formula(cdist_formula),
        "CdistBackward0",
        &["cdist"],
    ),
    OpRow {
        in_place: IN_PLACE,
        ..op(
            "renorm",
            both(&["renorm"]),
            &[
                SELF,
                kit::param("p", ParamKind::Scalar),
                int("dim"),
                kit::param("maxnorm", ParamKind::Scalar),
            ],
            renorm_infer,
            renorm_forward,
            &[saved(0)],
            formula(renorm_formula),
            "RenormBackward0",
            &["renorm"],
        )
    },
    op(
        "_weight_norm_interface",
        function(&["_weight_norm"]),
        &[tensor("v"), tensor("g"), kit::int_or("dim", 0)],
        weight_norm_infer,
        weight_norm_forward,
        &[saved(0), saved(1), HIDDEN],
        formula(weight_norm_formula),
        "WeightNormInterfaceBackward0",
        &["nn.utils.parametrizations-like weight_norm"],
    ),
    op(
        "_trilinear",
        INTERNAL,
        &[tensor("left"), tensor("weight"), tensor("right")],
        trilinear_infer,
        trilinear_forward,
        &[
            saved_if(0, &[1, 2]),
            saved_if(1, &[0, 2]),
            saved_if(2, &[0, 1]),
        ],
        formula(trilinear_formula),
        "TrilinearBackward0",
        // `F.bilinear` of ops.tsv has a view before and behind it.
        &[],
    ),
];

/// The dimension of size three that a cross product is along.
fn cross_dim<T>(
    args: Args<'_, T>,
    shape: &[usize],
    default: Option<i64>,
) -> Result<usize, OpError> {
    match args.opt_int(2).or(default) {
        Some(dim) if shape.is_empty() => Err(OpError::index(format!(
            "Dimension specified as {dim} but tensor has no dimensions"
        ))),
        Some(dim) => wrap_dim(dim, shape.len()),
        None => shape
            .iter()
            .position(|&size| size == 3)
            .ok_or_else(|| OpError::runtime("no dimension of size 3 in input")),
    }
}
fn cross_infer(args: &[Arg<Meta>], default: Option<i64>) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    let (first, second) = (args.tensor(0)?, args.tensor(1)?);
    if first.ndim() != second.ndim() {
        return Err(OpError::runtime(
            "linalg.cross: inputs must have the same number of dimensions.",
        ));
    }
    let dim = cross_dim(args, &first.shape, default)?;
    let sizes = [first, second].map(|meta| meta.shape.get(dim).copied().unwrap_or(1));
    if sizes != [3, 3] {
        let shown = args.opt_int(2).or(default).unwrap_or(dim as i64);
        return Err(OpError::runtime(format!(
            "linalg.cross: inputs dimension {shown} must have length 3. Got {} and {}",
            sizes[0], sizes[1]
        )));
    }
    let shape = broadcast(&first.shape, &second.shape)?;
    not_for_bool("cross", first.dtype)?;
    of_one_type(first, second)?;
    Ok(vec![fresh(first.dtype, shape)?])
}
fn cross_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let args = Args(args);
    let (first, second) = (args.tensor(0)?, args.tensor(1)?);
    let shape = broadcast(first.shape(), second.shape())?;
    let dim = match args.opt_int(2) {
        Some(dim) => wrap_dim(dim, shape.len())?,
        None => cross_dim(args, first.shape(), None)?,
    };
    let (first, second) = (first.broadcast_to(&shape), second.broadcast_to(&shape));
    let lanes = Along::new(&shape, dim);
    Ok(vec![match first.dtype() {
        Dtype::I64 => crossed(&first, &second, lanes, |a: i64, b, c, d| {
            a.wrapping_mul(b).wrapping_sub(c.wrapping_mul(d))
        }),
        // Measured: the first product is not rounded.
        Dtype::F64 => crossed(&first, &second, lanes, |a: f64, b, c, d| {
            a.mul_add(b, -(c * d))
        }),
        _ => crossed(&first, &second, lanes, |a: f32, b, c, d| {
            a.mul_add(b, -(c * d))
        }),
    }])
}
fn crossed<T: Element>(
    first: &Array,
    second: &Array,
    lanes: Along,
    minor: impl Fn(T, T, T, T) -> T,
) -> Array {
    let (x, y) = (first.values::<T>(), second.values::<T>());
    let mut values = vec![T::default(); x.len()];
    for start in lanes.lines() {
        let at = |nth: usize| start + nth % 3 * lanes.inner;
        for nth in 0..3 {
            let (next, last) = (at(nth + 1), at(nth + 2));
            values[at(nth)] = minor(x[next], y[last], x[last], y[next]);
        }
    }
    Array::from_vec(first.meta.shape.clone(), values)
}
fn cross_formula(b: &mut dyn Backward) -> Grads {
    let grad = grad(b)?;
    let shape = b.meta(grad).shape;
    let own = input_meta(b, 0)?.shape;
    let dim = match Args(b.args()).opt_int(2) {
        Some(dim) => dim,
        None => cross_dim(Args(b.args()), &own, None)? as i64,
    };
    let mut grads = vec![];
    for (at, other) in [(0, 1), (1, 0)] {
        if !b.needs(at) {
            grads.push(None);
            continue;
        }
        let other = b.input(other)?;
        let other = kit::expand(b, other, &shape)?;
        let pair = if at == 0 {
            [other, grad]
        } else {
            [grad, other]
        };
        let part = kit::call(b, "cross", vec![t(pair[0]), t(pair[1]), kit::n(dim)])?;
        let meta = input_meta(b, at)?;
        grads.push(Some(kit::reduce_to(b, part, &meta.shape)?));
    }
    Ok(grads)
}

fn cdist_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    let (first, second, p) = (args.tensor(0)?, args.tensor(1)?, args.float(2, 2.0));
    for (meta, name) in [(first, "X1"), (second, "X2")] {
        if meta.ndim() < 2 {
            return Err(OpError::runtime(format!(
                "cdist only supports at least 2D tensors, {name} got: {}D",
                meta.ndim()
            )));
        }
    }
    let (n, width) = (first.ndim(), first.shape[first.ndim() - 1]);
    if width != second.shape[second.ndim() - 1] {
        return Err(OpError::runtime(format!(
            "X1 and X2 must have the same number of columns. X1: {width} X2: {}",
            second.shape[second.ndim() - 1]
        )));
    }
    for (meta, name) in [(first, "X1"), (second, "X2")] {
        if !meta.dtype.is_floating() {
            return Err(OpError::runtime(format!(
                "cdist only supports floating-point dtypes, {name} got: {}",
                meta.dtype.scalar_name()
            )));
        }
    }
    if p < 0.0 {
        return Err(OpError::runtime(
            "cdist only supports non-negative p values",
        ));
    }
    if first.dtype != second.dtype {
        return Err(OpError::runtime(format!(
            "expected scalar type {} but found {}",
            first.dtype.scalar_name(),
            second.dtype.scalar_name()
        )));
    }
    let (rows, others) = (first.shape[n - 2], second.shape[second.ndim() - 2]);
    let direct = args.text(3, "") == "donot_use_mm_for_euclid_dist";
    if p == 2.0 && !direct && rows.max(others) > 25
        || n > 2 && first.shape[..n - 2] != second.shape[..n - 2]
        || n != second.ndim()
    {
        // Beyond 25 rows PyTorch computes it of products of matrices, with another graph.
        return Err(OpError::Unsupported(
            "cdist of more than 25 rows, or of batches that differ".into(),
        ));
    }
    let mut shape = Shape::from_slice(&first.shape[..n - 2]);
    shape.extend([rows, others]);
    Ok(vec![fresh(first.dtype, shape)?])
}
/// The norm of differences: a number for each pair of rows.
fn distance(p: f64, differences: impl Iterator<Item = f64>) -> f64 {
    if p == 0.0 {
        differences.filter(|&x| x != 0.0).count() as f64
    } else if p.is_infinite() {
        differences.fold(0.0, |most, x| super::binary::maximum(most, x.abs()))
    } else if p == 2.0 {
        differences.map(|x| x * x).sum::<f64>().sqrt()
    } else {
        differences
            .map(|x| x.abs().powf(p))
            .sum::<f64>()
            .powf(1.0 / p)
    }
}
fn cdist_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let meta = kit::inferred(cdist_infer, args)?;
    let args = Args(args);
    let (first, second, p) = (args.tensor(0)?, args.tensor(1)?, args.float(2, 2.0));
    let (x, y) = (first.values_as::<f64>(), second.values_as::<f64>());
    let width = first.shape()[first.meta.ndim() - 1];
    let [.., rows, others] = meta.shape[..] else {
        return Err(OpError::Unsupported("cdist".into()));
    };
    let values = (0..meta.numel())
        .map(|place| {
            let (pair, batch) = (place % (rows * others), place / (rows * others));
            let from = (batch * rows + pair / others) * width;
            let to = (batch * others + pair % others) * width;
            let (x, y) = (&x[from..from + width], &y[to..to + width]);
            distance(p, x.iter().zip(y).map(|(x, y)| x - y))
        })
        .collect();
    Ok(vec![
        Array::from_vec::<f64>(meta.shape, values).cast(meta.dtype),
    ])
}
fn cdist_formula(b: &mut dyn Backward) -> Grads {
    let (grad, first, second, result) = (grad(b)?, b.input(0)?, b.input(1)?, b.output(0)?);
    let p = Args(b.args()).float(2, 2.0);
    let rows = kit::call(b, "unsqueeze", vec![t(first), kit::n(-2)])?;
    let others = kit::call(b, "unsqueeze", vec![t(second), kit::n(-3)])?;
    let differences = kit::sub(b, rows, others)?;
    let grad = kit::call(b, "unsqueeze", vec![t(grad), kit::n(-1)])?;
    let result = kit::call(b, "unsqueeze", vec![t(result), kit::n(-1)])?;
    let slope = slope(b, differences, result, p)?;
    let part = kit::mul(b, slope, grad)?;
    let to_first = if b.needs(0) {
        Some(kit::sum(b, part, &[-2], false)?)
    } else {
        None
    };
    let to_second = if b.needs(1) {
        let sum = kit::sum(b, part, &[-3], false)?;
        Some(kit::neg(b, sum)?)
    } else {
        None
    };
    Ok(vec![to_first, to_second])
}
/// The derivative of a norm of order `p` by each of the differences it is of; zero where the norm is.
fn slope(b: &mut dyn Backward, x: Var, norm: Var, p: f64) -> Result<Var, OpError> {
    let zero = kit::call(b, "eq", vec![t(norm), kit::n(0)])?;
    let slope = if p == 0.0 {
        kit::scale(b, x, 0.0)?
    } else if p.is_infinite() {
        let size = kit::call(b, "abs", vec![t(x)])?;
        let most = kit::call(b, "eq", vec![t(size), t(norm)])?;
        let sign = kit::call(b, "sign", vec![t(x)])?;
        kit::mul(b, sign, most)?
    } else if p == 1.0 {
        kit::call(b, "sign", vec![t(x)])?
    } else if p == 2.0 {
        kit::div(b, x, norm)?
    } else {
        let size = kit::call(b, "abs", vec![t(x)])?;
        let raised = kit::call(b, "pow.Tensor_Scalar", vec![t(size), kit::f(p - 1.0)])?;
        let below = kit::call(b, "pow.Tensor_Scalar", vec![t(norm), kit::f(p - 1.0)])?;
        let sign = kit::call(b, "sign", vec![t(x)])?;
        let above = kit::mul(b, sign, raised)?;
        kit::div(b, above, below)?
    };
    kit::call(b, "masked_fill", vec![t(slope), t(zero), kit::f(0.0)])
}

fn renorm_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    let meta = args.tensor(0)?;
    if args.float(1, 2.0) <= 0.0 {
        return Err(OpError::runtime("renorm: non-positive-norm not supported"));
    }
    if let Some(most) = args.scalar(3).filter(|most| most.as_f64() < 0.0) {
        let most = match most {
            Scalar::Float(value) => format!("{value}"),
            other => format!("{}", other.as_f64()),
        };
        return Err(OpError::runtime(format!(
            "renorm: expected maxnorm to be >= 0 but got {most}"
        )));
    }
    if meta.ndim() < 2 {
        return Err(OpError::runtime(format!(
            "renorm: input needs at least 2 dimensions, got {} dimensions",
            meta.ndim()
        )));
    }
    wrap_dim(args.int(2, 0), meta.ndim())?;
    if !meta.dtype.is_floating() {
        return Err(not_implemented(format!(
            "linalg.vector_norm: Expected a floating point or complex tensor as input. Got {}",
            meta.dtype.scalar_name()
        )));
    }
    Ok(vec![fresh(meta.dtype, meta.shape.clone())?])
}
/// The norm of order `p` of each slice along a dimension.
fn norms(array: &Array, dim: usize, p: f64) -> Vec<f64> {
    let along = Along::new(array.shape(), dim);
    let values = array.values_as::<f64>();
    (0..along.size)
        .map(|at| {
            let slice = (0..along.outer)
                .flat_map(|outer| (0..along.inner).map(move |inner| along.at(outer, at, inner)));
            distance(p, slice.map(|place| values[place]))
        })
        .collect()
}
/// Each slice along a dimension times a number of its own.
fn scaled(array: &Array, dim: usize, scale: &[f64]) -> Array {
    let along = Along::new(array.shape(), dim);
    let values = array.values_as::<f64>();
    let scaled = values
        .iter()
        .enumerate()
        .map(|(place, value)| value * scale[along.split(place).1])
        .collect();
    Array::from_vec::<f64>(array.meta.shape.clone(), scaled).cast(array.dtype())
}
fn renorm_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let args = Args(args);
    let (array, most) = (args.tensor(0)?, args.float(3, 1.0));
    let dim = wrap_dim(args.int(2, 0), array.meta.ndim())?;
    let scale: Vec<f64> = norms(array, dim, args.float(1, 2.0))
        .iter()
        .map(|&norm| {
            if norm > most {
                most / (norm + 1e-7)
            } else {
                1.0
            }
        })
        .collect();
    Ok(vec![scaled(array, dim, &scale)])
}
/// All dimensions but one.
fn others(ndim: usize, dim: usize) -> Vec<i64> {
    (0..ndim)
        .filter(|&other| other != dim)
        .map(|other| other as i64)
        .collect()
}
fn renorm_formula(b: &mut dyn Backward) -> Grads {
    let (grad, x) = (grad(b)?, b.input(0)?);
    let (p, most) = (Args(b.args()).float(1, 2.0), Args(b.args()).float(3, 1.0));
    let ndim = b.meta(x).ndim();
    let dims = others(ndim, wrap_dim(Args(b.args()).int(2, 0), ndim)?);
    let args = vec![t(x), kit::f(p), kit::list(&dims), kit::flag(true)];
    let norm = kit::call(b, "linalg_vector_norm", args)?;
    let both = kit::mul(b, x, grad)?;
    let weight = kit::sum(b, both, &dims, true)?;
    let slope = slope(b, x, norm, p)?;
    let back = kit::mul(b, slope, weight)?;
    let above = kit::call(b, "add", vec![t(norm), kit::f(1e-7)])?;
    let inverse = kit::call(b, "reciprocal", vec![t(above)])?;
    let back = kit::mul(b, inverse, back)?;
    let part = kit::sub(b, grad, back)?;
    let part = kit::mul(b, inverse, part)?;
    let part = kit::scale(b, part, most)?;
    let bound = kit::call(b, "gt", vec![t(norm), kit::f(most)])?;
    Ok(vec![Some(kit::call(
        b,
        "where",
        vec![t(bound), t(part), t(grad)],
    )?)])
}

fn weight_norm_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    let (v, g) = (args.tensor(0)?, args.tensor(1)?);
    let dim = wrap_dim(args.int(2, 0), v.ndim())?;
    let fits = g.numel() == v.shape.get(dim).copied().unwrap_or(1) && g.ndim() == v.ndim();
    if !fits || v.dtype != g.dtype || !v.dtype.is_floating() || dim != 0 {
        return Err(OpError::Unsupported("a weight norm of these sizes".into()));
    }
    Ok(vec![fresh(v.dtype, v.shape.clone())?])
}
fn weight_norm_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let (v, g) = (Args(args).tensor(0)?, Args(args).tensor(1)?);
    let g = g.values_as::<f64>();
    let scale: Vec<f64> = norms(v, 0, 2.0)
        .iter()
        .zip(g.iter())
        .map(|(norm, g)| g / norm)
        .collect();
    Ok(vec![scaled(v, 0, &scale)])
}
fn weight_norm_formula(b: &mut dyn Backward) -> Grads {
    let (grad, v, g) = (grad(b)?, b.input(0)?, b.input(1)?);
    let dims = others(b.meta(v).ndim(), 0);
    let args = vec![t(v), kit::f(2.0), kit::list(&dims), kit::flag(true)];
    let norm = kit::call(b, "linalg_vector_norm", args)?;
    let unit = kit::div(b, v, norm)?;
    let both = kit::mul(b, grad, unit)?;
    let along = kit::sum(b, both, &dims, true)?;
    let part = kit::mul(b, unit, along)?;
    let part = kit::sub(b, grad, part)?;
    let scale = kit::div(b, g, norm)?;
    Ok(vec![Some(kit::mul(b, scale, part)?), Some(along)])
}

fn trilinear_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    let (left, weight, right) = (args.tensor(0)?, args.tensor(1)?, args.tensor(2)?);
    let ([rows, n], [outs, i, j], [others, m]) =
        (&left.shape[..], &weight.shape[..], &right.shape[..])
    else {
        return Err(OpError::Unsupported("a bilinear map of these sizes".into()));
    };
    let alike = left.dtype == weight.dtype && weight.dtype == right.dtype;
    if (rows, n, m) != (others, i, j) || !alike {
        return Err(OpError::Unsupported("a bilinear map of these sizes".into()));
    }
    not_for_bool("bmm", left.dtype)?;
    Ok(vec![fresh(left.dtype, &[*rows, *outs][..])?])
}
fn trilinear_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let meta = kit::inferred(trilinear_infer, args)?;
    let args = Args(args);
    let (left, weight, right) = (args.tensor(0)?, args.tensor(1)?, args.tensor(2)?);
    let (n, m) = (weight.shape()[1], weight.shape()[2]);
    let (x, w, y) = (
        left.values_as::<f64>(),
        weight.values_as::<f64>(),
        right.values_as::<f64>(),
    );
    let value = |place: usize| {
        let (row, out) = (place / meta.shape[1], place % meta.shape[1]);
        let terms =
            (0..n * m).map(|at| x[row * n + at / m] * w[out * n * m + at] * y[row * m + at % m]);
        terms.sum()
    };
    let values = (0..meta.numel()).map(value).collect();
    Ok(vec![
        Array::from_vec::<f64>(meta.shape.clone(), values).cast(meta.dtype),
    ])
}
fn trilinear_formula(b: &mut dyn Backward) -> Grads {
    let grad = grad(b)?;
    let pair = |b: &mut dyn Backward, equation: &str, first: Var, second: Var| {
        kit::call(
            b,
            "einsum.2",
            vec![Arg::Str(equation.into()), t(first), t(second)],
        )
    };
    let mut grads = vec![None; 3];
    if b.needs(0) || b.needs(2) {
        let weight = b.input(1)?;
        let inner = pair(b, "bo,oij->bij", grad, weight)?;
        if b.needs(0) {
            let right = b.input(2)?;
            grads[0] = Some(pair(b, "bij,bj->bi", inner, right)?);
        }
        if b.needs(2) {
            let left = b.input(0)?;
            grads[2] = Some(pair(b, "bij,bi->bj", inner, left)?);
        }
    }
    if b.needs(1) {
        let (left, right) = (b.input(0)?, b.input(2)?);
        let inner = pair(b, "bo,bi->boi", grad, left)?;
        grads[1] = Some(pair(b, "boi,bj->oij", inner, right)?);
    }
    Ok(grads)
}
