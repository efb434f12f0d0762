//! Results that PyTorch's own code writes after it has made them. Where autograd looks on, nothing is seen of that; but
//! a call of inference tensors alone does not come to autograd at all: those writes are counted, and the result's
//! version is not 0.

use super::meta::Meta;
use super::row::{Arg, OpError, OpRow};

/// Operators that make a tensor of a number: the call is not one of the tensor alone.
const WRAP_NUMBERS: &[&str] = &[
    "add",
    "copysign",
    "div",
    "floor_divide",
    "fmod.Scalar",
    "mul",
    "remainder.Scalar",
    "rsub",
    "sub",
    "xlogy",
];

/// Measured: operators that, called on inference tensors alone, write their result where autograd looks on, by the name of
/// what writes. It refuses a tensor that requires grad.
const WRITES_OUT: &[(&str, &str)] = &[
    ("abs", "abs"),
    ("cummax", "cummax"),
    ("cummin", "cummin"),
    ("deg2rad", "deg2rad"),
    ("hardtanh", "hardtanh"),
    ("logsumexp", "logsumexp"),
    ("mean", "sum"),
    ("mean.dim", "sum"),
    ("median.dim", "median"),
    ("nan_to_num", "nan_to_num"),
    ("nanmedian.dim", "nanmedian"),
    ("rad2deg", "rad2deg"),
    ("relu6", "hardtanh"),
    ("renorm", "mul"),
    ("std", "sum"),
    ("var", "sum"),
];

/// What the operator says of inference tensors alone, of which one requires grad, while gradient mode is on.
pub fn refusal_of_inference(row: &OpRow) -> Option<OpError> {
    let (_, writer) = WRITES_OUT.iter().find(|(name, _)| *name == row.name)?;
    Some(OpError::runtime(format!(
        "{writer}(): functions with out=... arguments don't support automatic differentiation, but one of the arguments requires grad."
    )))
}

/// Whether a number among the arguments is a tensor of its own to PyTorch.
pub fn wraps_number<T>(row: &OpRow, args: &[Arg<T>]) -> bool {
    WRAP_NUMBERS.contains(&row.name) && matches!(args, [Arg::Tensor(_), Arg::Scalar(_), ..])
}

/// Measured, each on inference tensors outside of inference mode. Operators whose number of writes depends on the
/// arguments are left out.
const OF_INFERENCE: &[(&str, u64)] = &[
    ("_to_copy", 1),
    ("abs", 1),
    ("addmm", 1),
    ("all", 1),
    ("amax", 1),
    ("amin", 1),
    ("aminmax", 1),
    ("any", 1),
    ("argsort", 1),
    ("baddbmm", 1),
    ("bernoulli", 1),
    ("bernoulli.p", 1),
    ("binary_cross_entropy", 2),
    ("bool", 1),
    ("clone", 1),
    ("constant_pad_nd", 2),
    ("cummax", 1),
    ("cummin", 1),
    ("deg2rad", 1),
    ("diag_embed", 2),
    ("dot", 1),
    ("double", 1),
    ("float", 1),
    ("hardtanh", 1),
    ("im2col", 2),
    ("index_add", 2),
    ("index_copy", 1),
    ("index_fill", 2),
    ("kthvalue", 1),
    ("linalg_det", 1),
    ("linalg_inv", 3),
    ("linalg_matrix_exp", 2),
    ("linalg_solve", 1),
    ("logical_and", 1),
    ("logical_not", 1),
    ("logical_or", 1),
    ("logical_xor", 1),
    ("logsumexp", 1),
    ("long", 1),
    ("masked_fill", 2),
    ("masked_scatter", 2),
    ("max", 1),
    ("max.dim", 2),
    ("mean", 2),
    ("mean.dim", 2),
    ("median.dim", 1),
    ("min", 1),
    ("min.dim", 2),
    ("mse_loss", 2),
    ("multi_margin_loss", 1),
    ("multinomial", 2),
    ("mv", 1),
    ("nan_to_num", 1),
    ("nanmedian.dim", 1),
    ("nansum", 1),
    ("new_full", 1),
    ("new_ones", 1),
    ("new_zeros", 1),
    ("nonzero", 1),
    ("normal", 2),
    ("normal.Tensor_float", 1),
    ("pixel_shuffle", 1),
    ("pixel_unshuffle", 1),
    ("pow.Scalar", 1),
    ("prod", 1),
    ("prod.dim_int", 1),
    ("rad2deg", 1),
    ("relu6", 1),
    ("renorm", 1),
    ("repeat", 1),
    ("repeat_interleave", 1),
    ("scatter", 1),
    ("scatter.value", 1),
    ("scatter_add", 1),
    ("smooth_l1_loss", 2),
    ("soft_margin_loss", 1),
    ("sort", 1),
    ("sum", 1),
    ("sum.dim_IntList", 1),
    ("to", 1),
    ("type_as", 1),
    ("unique", 1),
];

/// What these write is their sum or mean.
const REDUCED: &[&str] = &["binary_cross_entropy", "mse_loss", "smooth_l1_loss"];

/// The version of the first result outside of inference mode, of tensors that were all made in it. Measured for sizes
/// of 0, 1 and more in up to four dimensions.
pub fn of_inference(row: &OpRow, args: &[Arg<Meta>], result: &Meta) -> u64 {
    let is_none = |arg: &Arg<Meta>| matches!(arg, Arg::Str(text) if &**text == "none");
    if REDUCED.contains(&row.name) && args.iter().any(is_none) {
        return 0;
    }
    let Some(Arg::Tensor(first)) = args.first() else {
        return of_row(row);
    };
    let is_one = |dim: i64| match super::broadcast::wrap_dim(dim, first.ndim()) {
        Ok(dim) => first.shape.get(dim).is_none_or(|&size| size <= 1),
        Err(_) => false,
    };
    match row.name {
        // One number of all is filled in.
        "var" | "var.dim" | "var.correction" | "std" | "std.dim" | "std.correction" => {
            u64::from(result.numel() == 1)
        }
        // What is not summed up is a copy.
        "norm" | "norm.ScalarOpt_dim" | "linalg_vector_norm" => {
            let by_dim = matches!(args.get(2), Some(Arg::Ints(_)));
            u64::from(result.numel() >= first.numel() && !(by_dim && first.ndim() == 0))
        }
        "rot90" => {
            let turns = match args.get(1) {
                Some(Arg::Scalar(turns)) => (turns.as_f64() as i64).rem_euclid(4),
                _ => 1,
            };
            let dims = match args.get(2) {
                Some(Arg::Ints(dims)) if dims.len() == 2 => [dims[0], dims[1]],
                _ => [0, 1],
            };
            match turns {
                0 => 1,
                1 => 1 + u64::from(is_one(dims[1])),
                2 => u64::from(is_one(dims[0]) && is_one(dims[1])),
                _ => 1 + u64::from(is_one(dims[0])),
            }
        }
        "flip" => match args.get(1) {
            Some(Arg::Ints(dims)) => u64::from(dims.iter().all(|&dim| is_one(dim))),
            _ => 0,
        },
        "max.dim" | "min.dim" if first.ndim() == 0 => 1,
        "cumsum" | "cumprod" | "logcumsumexp" | "topk" if first.ndim() == 0 => 1,
        "cumsum" | "cumprod" if first.numel() == 0 => 1,
        _ => of_row(row),
    }
}

fn of_row(row: &OpRow) -> u64 {
    let found = OF_INFERENCE.iter().find(|(name, _)| *name == row.name);
    found.map_or(0, |(_, version)| *version)
}
