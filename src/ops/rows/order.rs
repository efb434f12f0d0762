//! Counts and order: histograms, places in a sorted row, both extremes, the median of what is a number.

use super::reduce::reduction;
use super::reduction::{
    distribute, fold_f64, infer_pair, infer_reduced, restore, select_along, select_gradient,
};
use crate::ops::array::Array;
use crate::ops::broadcast::{fresh, wrap_dim};
use crate::ops::build::{
    Arrays, Metas, SELF, both, constant, f64_at, flag, flag_at, function, input, int, int_at,
    number, operand, output, tensor_at,
};
use crate::ops::kernel::{not_for_bool, not_implemented};
use crate::ops::meta::{Dtype, Meta};
use crate::ops::row::{
    Arg, Backward, Default, Gradient, InPlace, OpError, OpRow, Param, ParamKind, ResultKind, Var,
};

const KEEPDIM: Param = flag("keepdim");
const OPT_DIM: Param = crate::ops::build::param("dim", ParamKind::Int)
    .or(Default::None)
    .keyword();
const WEIGHTS: Param =
    crate::ops::build::param("weights", ParamKind::OptTensor { diff: false }).or(Default::None);
const SIDES: [Param; 2] = [flag("out_int32").keyword(), flag("right").keyword()];

/// The rows of this file.
pub const ROWS: &[OpRow] = &[
    reduction!(
        "histc",
        both(&["histc"]),
        &[
            SELF,
            int("bins").or_int(100),
            number("min").or_int(0),
            number("max").or_int(0)
        ],
        infer_histc,
        forward_histc,
        &[],
        Gradient::NotDifferentiable,
        "",
        &["bincount-like histc"]
    ),
    // Not in ops.tsv; measured: the size follows from the values, a bool or float input is refused.
    reduction!(
        "bincount",
        both(&["bincount"]),
        &[constant("self"), WEIGHTS, int("minlength").or_int(0)],
        infer_bincount,
        forward_bincount,
        &[],
        Gradient::NotDifferentiable,
        "",
        &[]
    ),
    // Not in ops.tsv; measured.
    reduction!(
        "searchsorted",
        function(&["searchsorted"]),
        &[
            constant("sorted_sequence"),
            operand("input"),
            SIDES[0],
            SIDES[1]
        ],
        |args| infer_places(args, 1),
        |args| forward_places(args, 0, 1),
        &[],
        Gradient::NotDifferentiable,
        "",
        &[]
    ),
    reduction!(
        "bucketize",
        function(&["bucketize"]),
        &[operand("input"), constant("boundaries"), SIDES[0], SIDES[1]],
        |args| infer_places(args, 0),
        |args| forward_places(args, 1, 0),
        &[],
        Gradient::NotDifferentiable,
        "",
        &[]
    ),
    // Not in ops.tsv; measured: both gradients are shared among all elements that equal the extreme.
    reduction!(
        "aminmax",
        both(&["aminmax"]),
        &[SELF, OPT_DIM, KEEPDIM.keyword()],
        infer_aminmax,
        forward_aminmax,
        &[input(0), output(1), output(0)],
        Gradient::Formula(aminmax_gradient),
        "AminmaxBackward0",
        &[]
    ),
    reduction!(
        "nanmedian",
        both(&["nanmedian"]),
        &[SELF],
        |args| {
            not_for_bool("median_cpu", tensor_at(args, 0)?.dtype)?;
            infer_reduced(tensor_at(args, 0)?, &[], false, tensor_at(args, 0)?.dtype)
        },
        forward_nanmedian,
        &[input(0), output(0)],
        Gradient::Formula(|b| b.first(distribute)),
        "NanmedianBackward0",
        &[]
    ),
    reduction!(
        "nanmedian.dim",
        both(&["nanmedian"]),
        &[SELF, int("dim"), KEEPDIM],
        |args| {
            not_for_bool("median_out", tensor_at(args, 0)?.dtype)?;
            infer_pair(args, "nanmedian")
        },
        |args: &[Arg<Array>]| select_along(args, middle_number),
        &[output(1)],
        Gradient::Formula(|b| b.first(select_gradient)),
        "NanmedianBackward1",
        &[]
    ),
];

/// A number as C's `%g` writes it.
fn six_digits(number: f64) -> String {
    let rounded = format!("{number:.5e}");
    let (digits, exponent) = rounded.split_once('e').unwrap_or((&rounded, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        let places = usize::try_from(5 - exponent).unwrap_or(0);
        let plain = format!("{number:.places$}");
        return match plain.contains('.') {
            true => plain.trim_end_matches('0').trim_end_matches('.').to_owned(),
            false => plain,
        };
    }
    let digits = digits.trim_end_matches('0').trim_end_matches('.');
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

fn infer_histc(args: &[Arg<Meta>]) -> Metas {
    let x = tensor_at(args, 0)?;
    let bins = int_at(args, 1).unwrap_or(100);
    if bins <= 0 {
        return Err(OpError::runtime(format!(
            "torch.histogram(): bins must be > 0, but got {bins} for dimension 0"
        )));
    }
    if !x.dtype.is_floating() {
        return Err(not_implemented(format!(
            "\"histogram_cpu\" not implemented for '{}'",
            x.dtype.scalar_name()
        )));
    }
    if f64_at(args, 3, 0.0) < f64_at(args, 2, 0.0) {
        return Err(OpError::runtime("torch.histc: max must be larger than min"));
    }
    Ok(vec![fresh(x.dtype, &[bins as usize][..])?])
}
fn forward_histc(args: &[Arg<Array>]) -> Arrays {
    let x = tensor_at(args, 0)?;
    let bins = int_at(args, 1).unwrap_or(100) as usize;
    let values = x.values_as::<f64>();
    let (mut low, mut high) = (f64_at(args, 2, 0.0), f64_at(args, 3, 0.0));
    if low == high && !values.is_empty() {
        // Measured: the search begins at the largest finite numbers.
        let largest = match x.dtype() {
            Dtype::F32 => f64::from(f32::MAX),
            _ => f64::MAX,
        };
        low = values.iter().copied().fold(largest, super::binary::minimum);
        high = values
            .iter()
            .copied()
            .fold(-largest, super::binary::maximum);
    }
    if !low.is_finite() || !high.is_finite() {
        // Measured: not-a-number has the sign that it has in a tensor of one, and else a minus.
        let minus = values.len() > 1 || values.iter().any(|value| value.is_sign_negative());
        let told = |edge: f64| match (edge.is_nan(), edge.is_infinite()) {
            (true, _) => if minus { "-nan" } else { "nan" }.to_owned(),
            (_, true) => if edge < 0.0 { "-inf" } else { "inf" }.to_owned(),
            _ => six_digits(edge),
        };
        return Err(OpError::runtime(format!(
            "torch.histc: range of [{}, {}] is not finite",
            told(low),
            told(high)
        )));
    }
    if low == high {
        (low, high) = (low - 1.0, high + 1.0);
    }
    let mut counts = vec![0.0f64; bins];
    for value in values
        .iter()
        .filter(|&&value| value >= low && value <= high)
    {
        let bin = match x.dtype() {
            Dtype::F32 => {
                let (value, low, high) = (*value as f32, low as f32, high as f32);
                ((value - low) * bins as f32 / (high - low)) as usize
            }
            _ => ((value - low) * bins as f64 / (high - low)) as usize,
        };
        counts[bin.min(bins - 1)] += 1.0;
    }
    Ok(vec![Array::from_vec(&[bins][..], counts).cast(x.dtype())])
}

fn infer_bincount(args: &[Arg<Meta>]) -> Metas {
    let x = tensor_at(args, 0)?;
    if int_at(args, 2).unwrap_or(0) < 0 {
        return Err(OpError::runtime("minlength should be >= 0"));
    }
    if x.dtype != Dtype::I64 {
        return Err(not_implemented(format!(
            "\"bincount_cpu\" not implemented for '{}'",
            x.dtype.scalar_name()
        )));
    }
    if x.ndim() != 1 {
        return Err(OpError::runtime(
            "bincount only supports 1-d non-negative integral inputs.",
        ));
    }
    if tensor_at(args, 1).is_ok_and(|weights| weights.shape != x.shape) {
        return Err(OpError::runtime(
            "weights should be 1-d and have the same length as input",
        ));
    }
    crate::ops::kit::shape_from_values()
}
/// How long a count may be.
const MOST_BINS: usize = 1 << 24;
fn forward_bincount(args: &[Arg<Array>]) -> Arrays {
    let x = tensor_at(args, 0)?;
    let places = x.values::<i64>();
    if places.iter().any(|&place| place < 0) {
        return Err(OpError::runtime(
            "bincount only supports 1-d non-negative integral inputs.",
        ));
    }
    let most = places.iter().max().map_or(0, |&most| most as usize + 1);
    let len = most.max(int_at(args, 2).unwrap_or(0) as usize);
    if len > MOST_BINS {
        return Err(OpError::Unsupported("bincount with this many bins".into()));
    }
    let Ok(weights) = tensor_at(args, 1) else {
        let mut counts = vec![0i64; len];
        places.iter().for_each(|&place| counts[place as usize] += 1);
        return Ok(vec![Array::from_vec(&[len][..], counts)]);
    };
    let mut sums = vec![0.0f64; len];
    for (&place, weight) in places.iter().zip(weights.values_as::<f64>().iter()) {
        sums[place as usize] += weight;
    }
    let sums = Array::from_vec(&[len][..], sums);
    Ok(vec![if weights.dtype() == Dtype::F32 {
        sums.cast(Dtype::F32)
    } else {
        sums
    }])
}

/// Whether the sizes fit: one row for all, or one for each row of what is sought.
fn check_searched(sorted: &Meta, sought: &[usize], is_bucketize: bool) -> Result<(), OpError> {
    if sorted.ndim() == 1 {
        return Ok(());
    }
    if is_bucketize {
        return Err(OpError::runtime(format!(
            "boundaries tensor must be 1 dimension, but got dim({})",
            sorted.ndim()
        )));
    }
    if sought.is_empty() {
        return Err(OpError::runtime(format!(
            "torch.searchsorted(): input value can be a scalar only when boundaries tensor dimension is 1, but we got boundaries tensor dim({}) and input value's dim(0) numel(1)",
            sorted.ndim()
        )));
    }
    let ndim = sorted.ndim();
    if sought.len() != ndim || ndim == 0 || sought[..ndim - 1] != sorted.shape[..ndim - 1] {
        return Err(OpError::runtime(format!(
            "torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 dimensions of boundaries tensor and input value tensor must match, but we got boundaries tensor {} and input value tensor {}",
            sorted.sizes(),
            crate::ops::meta::sizes(sought)
        )));
    }
    Ok(())
}

fn infer_places(args: &[Arg<Meta>], sought: usize) -> Metas {
    let sorted = tensor_at(args, 1 - sought)?;
    let shape =
        tensor_at(args, sought).map_or_else(|_| crate::ops::Shape::new(), |x| x.shape.clone());
    check_searched(sorted, &shape, sought == 0)?;
    // Against numbers, bools are numbers.
    if tensor_at(args, sought).is_ok_and(|sought| sought.dtype == Dtype::Bool) {
        not_for_bool("searchsorted_out_cpu", sorted.dtype)?;
    }
    if flag_at(args, 2) {
        return Err(OpError::Unsupported("a search for int32".into()));
    }
    Ok(vec![fresh(Dtype::I64, shape)?])
}
fn forward_places(args: &[Arg<Array>], sorted: usize, sought: usize) -> Arrays {
    let (sorted, right) = (tensor_at(args, sorted)?, flag_at(args, 3));
    let sought = crate::ops::kernel::operand_at(args, sought, Dtype::F64)?;
    let width = sorted.shape().last().copied().unwrap_or(1);
    // One row for all, or one for each row of what is sought.
    let per_row = match sorted.meta.ndim() {
        1 => sought.numel(),
        _ => sought.shape().last().copied().unwrap_or(1),
    };
    let (rows, values) = (sorted.values_as::<f64>(), sought.values_as::<f64>());
    let place = |(at, &x): (usize, &f64)| {
        let start = at / per_row.max(1) * width;
        let row = rows.get(start..start + width).unwrap_or(&[]);
        // Step by step as PyTorch looks: what is not sorted, or no number, is found where it finds it.
        let (mut low, mut high) = (0, row.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let is_past = if right {
                row[middle] > x
            } else {
                row[middle] >= x
            };
            (low, high) = if is_past {
                (low, middle)
            } else {
                (middle + 1, high)
            };
        }
        low as i64
    };
    let places = values.iter().enumerate().map(place).collect();
    Ok(vec![Array::from_vec::<i64>(
        sought.meta.shape.clone(),
        places,
    )])
}

fn extreme_dims<T>(args: &[Arg<T>]) -> Vec<i64> {
    int_at(args, 1).into_iter().collect()
}
fn infer_aminmax(args: &[Arg<Meta>]) -> Metas {
    let (x, dims) = (tensor_at(args, 0)?, extreme_dims(args));
    if let Some(&dim) = dims.first() {
        wrap_dim(dim, x.ndim())?;
    }
    if x.numel() == 0 {
        return Err(OpError::runtime(
            "aminmax(): cannot compute aminmax over an empty dimension as the operation has no identity.",
        ));
    }
    let one = infer_reduced(x, &dims, flag_at(args, 2), x.dtype)?;
    Ok([one.clone(), one].concat())
}
fn forward_aminmax(args: &[Arg<Array>]) -> Arrays {
    let (x, dims, keepdim) = (tensor_at(args, 0)?, extreme_dims(args), flag_at(args, 2));
    let best = |start: f64, better: fn(f64, f64) -> f64| {
        fold_f64(x, &dims, keepdim, x.dtype(), |lane| {
            lane.iter().copied().fold(start, better)
        })
    };
    Ok(vec![
        best(f64::INFINITY, super::binary::minimum)?,
        best(f64::NEG_INFINITY, super::binary::maximum)?,
    ])
}
fn aminmax_gradient(b: &mut dyn Backward) -> crate::ops::formula::Grads {
    let (x, dims, keepdim) = (b.input(0)?, extreme_dims(b.args()), b.flag(2));
    // Both are looked at, the largest first, whichever has a gradient.
    let (most, least) = (b.output(1)?, b.output(0)?);
    let mut total: Option<Var> = None;
    for (at, out) in [least, most].into_iter().enumerate() {
        let Some(grad) = b.grad(at) else { continue };
        let (grad, out) = (
            restore(b, grad, &dims, keepdim)?,
            restore(b, out, &dims, keepdim)?,
        );
        let equal = b.binary("eq", x, out)?;
        let count = b.sum_dims(equal, dims.clone(), true)?;
        let share = b.div(grad, count)?;
        let part = b.mul(share, equal)?;
        total = Some(match total {
            Some(total) => b.add(total, part)?,
            None => part,
        });
    }
    Ok(vec![total])
}

/// The place of the lower middle of those that are numbers.
fn middle_number(lane: &[f64]) -> usize {
    let mut places: Vec<usize> = (0..lane.len()).filter(|&at| !lane[at].is_nan()).collect();
    places.sort_by(|&a, &b| lane[a].total_cmp(&lane[b]));
    places
        .get((places.len().max(1) - 1) / 2)
        .copied()
        .unwrap_or(0)
}
fn forward_nanmedian(args: &[Arg<Array>]) -> Arrays {
    let x = tensor_at(args, 0)?;
    Ok(vec![fold_f64(x, &[], false, x.dtype(), |lane| {
        lane.get(middle_number(lane)).copied().unwrap_or(f64::NAN)
    })?])
}
