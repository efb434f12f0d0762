//! How the elements of a fresh result lie in memory: in order, unless the operator goes through its operands element by
//! element. Then the result lies as they do (PyTorch's `TensorIterator`), and so does a copy of a tensor.

use super::meta::{Meta, Shape};
use super::row::{Arg, OpRow};

/// Operators that go through their operands in the order in which these lie. Measured on transposed, gapped and
/// expanded operands, each against the rule below; of all others the results lie in order.
const BY_ELEMENT: &[&str] = &[
    "_to_copy",
    "abs",
    "acos",
    "acosh",
    "add",
    "addcdiv",
    "addcmul",
    "argsort",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "bitwise_and",
    "bitwise_left_shift",
    "bitwise_not",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
    "bool",
    "ceil",
    "celu",
    "clamp",
    "clamp.Tensor",
    "clamp_max",
    "clamp_min",
    "clone",
    "copysign",
    "cos",
    "cosh",
    "deg2rad",
    "digamma",
    "div",
    "div.Scalar",
    "div.Tensor_mode",
    "double",
    "elu",
    "empty_like",
    "eq",
    "erf",
    "erfc",
    "erfinv",
    "exp",
    "exp2",
    "expm1",
    "flip",
    "float",
    "floor",
    "floor_divide",
    "floor_divide.Scalar_Tensor",
    "fmax",
    "fmin",
    "fmod.Scalar",
    "fmod.Tensor",
    "frac",
    "full_like",
    "ge",
    "gelu",
    "gt",
    "hardshrink",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "heaviside",
    "huber_loss",
    "hypot",
    "i0",
    "isclose",
    "isfinite",
    "isinf",
    "isnan",
    "le",
    "leaky_relu",
    "lerp.Scalar",
    "lerp.Tensor",
    "lgamma",
    "log",
    "log10",
    "log1p",
    "log2",
    "logaddexp",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "logit",
    "long",
    "lt",
    "maximum",
    "minimum",
    "mish",
    "mse_loss",
    "mul",
    "nan_to_num",
    "ne",
    "neg",
    "ones_like",
    "pow",
    "pow.Tensor_Scalar",
    "rad2deg",
    "rand_like",
    "randint_like",
    "randn_like",
    "rdiv",
    "reciprocal",
    "relu",
    "relu6",
    "remainder",
    "remainder.Scalar",
    "remainder.Scalar_Tensor",
    "round",
    "round.decimals",
    "rsqrt",
    "rsub",
    "selu",
    "sgn",
    "sigmoid",
    "sign",
    "silu",
    "sin",
    "sinc",
    "sinh",
    "smooth_l1_loss",
    "soft_margin_loss",
    "softplus",
    "softshrink",
    "sort",
    "special_i1",
    "sqrt",
    "square",
    "sub",
    "tan",
    "tanh",
    "threshold",
    "threshold_backward",
    "to",
    "trigamma",
    "trunc",
    "type_as",
    "where",
    "where.condition",
    "where.method",
    "xlogy",
    "zeros_like",
];

/// The operands of these are taken from the last to the first.
const FROM_THE_LAST: &[&str] = &["rsub", "threshold_backward"];

/// These copy their first operand as it lies, whatever the others are.
const COPY_FIRST: &[&str] = &["index_fill", "index_put", "prelu"];

/// What LAPACK computes has its columns in order: the results of each that are matrices.
const BY_COLUMN: &[(&str, &[usize])] = &[
    ("linalg_inv", &[0]),
    ("linalg_qr", &[0, 1]),
    ("linalg_cholesky", &[0]),
    ("linalg_eigh", &[1]),
    ("linalg_svd", &[0, 2]),
];

/// Lays the results out as PyTorch does, where that is not in order.
pub fn lay_out(row: &OpRow, args: &[Arg<Meta>], results: &mut [Meta]) {
    let Some(first) = args.iter().find_map(tensor) else {
        return;
    };
    if let Some((_, matrices)) = BY_COLUMN.iter().find(|(name, _)| *name == row.name) {
        for &matrix in *matrices {
            results.get_mut(matrix).into_iter().for_each(by_column);
        }
        return;
    }
    if row.name == "linalg_solve" {
        let vector = tensor_of(args, 1).is_none_or(|other| other.ndim() < first.ndim());
        results.iter_mut().filter(|_| !vector).for_each(by_column);
        return;
    }
    if row.name == "rot90" {
        return rotated(first, args, results);
    }
    let is_in_order = args.iter().filter_map(tensor).all(Meta::is_contiguous);
    if is_in_order {
        return;
    }
    if COPY_FIRST.contains(&row.name) {
        return follow(&[first], results);
    }
    if BY_ELEMENT.contains(&row.name) {
        let mut operands: Vec<&Meta> = args.iter().filter_map(tensor).collect();
        if row.name == "where.method" {
            // The condition is the first operand, and the second argument.
            operands.swap(0, 1);
        }
        if FROM_THE_LAST.contains(&row.name) {
            operands.reverse();
        }
        follow(&operands, results);
    }
}

fn follow(operands: &[&Meta], results: &mut [Meta]) {
    for result in results {
        // A loss that is summed up has no dimensions.
        if operands
            .iter()
            .all(|operand| operand.ndim() <= result.ndim())
        {
            result.strides = strides(&result.shape, operands);
        }
    }
}

/// The last two dimensions of a result without gaps, exchanged in memory.
fn by_column(result: &mut Meta) {
    if let [.., rows, columns] = result.shape[..] {
        let at = result.ndim() - 2;
        result.strides[at] = 1;
        result.strides[at + 1] = rows.max(1);
        let mut step = (rows * columns).max(1);
        for dim in (0..at).rev() {
            result.strides[dim] = step;
            step *= result.shape[dim].max(1);
        }
    }
}

/// A quarter turn is a flipped copy, seen with two dimensions exchanged.
fn rotated(first: &Meta, args: &[Arg<Meta>], results: &mut [Meta]) {
    let turns = match args.get(1) {
        Some(Arg::Scalar(turns)) => (turns.as_f64() as i64).rem_euclid(4),
        _ => 1,
    };
    let dims = match args.get(2) {
        Some(Arg::Ints(dims)) if dims.len() == 2 => [dims[0], dims[1]],
        _ => [0, 1],
    };
    let (Some(result), Ok(a), Ok(b)) = (
        results.first_mut(),
        super::broadcast::wrap_dim(dims[0], first.ndim()),
        super::broadcast::wrap_dim(dims[1], first.ndim()),
    ) else {
        return;
    };
    if turns == 0 {
        return;
    }
    let mut copy = strides(&first.shape, &[first]);
    if turns != 2 {
        copy.swap(a, b);
    }
    result.strides = copy;
}

/// Whether the operator draws its numbers in the order of memory, wherever these stand in the tensor.
pub fn draws_in_memory_order(row: &OpRow) -> bool {
    matches!(row.name, "rand_like" | "randn_like" | "randint_like")
}

fn tensor_of(args: &[Arg<Meta>], place: usize) -> Option<&Meta> {
    args.get(place).and_then(tensor)
}

fn tensor(arg: &Arg<Meta>) -> Option<&Meta> {
    match arg {
        Arg::Tensor(meta) => Some(meta),
        _ => None,
    }
}

/// The strides of a result of sizes `shape`, without gaps.
fn strides(shape: &[usize], operands: &[&Meta]) -> Shape {
    if operands.iter().all(|operand| operand.is_contiguous()) {
        return super::meta::contiguous_strides(shape);
    }
    if let Some(same) = same_strides(shape, operands) {
        return same;
    }
    let steps: Vec<Shape> = operands
        .iter()
        .map(|operand| steps(shape, operand))
        .collect();
    // From the innermost dimension to the outermost.
    let mut order: Vec<usize> = (0..shape.len()).rev().collect();
    for next in 1..order.len() {
        let mut at = next;
        for before in (0..next).rev() {
            match compare(shape, &steps, order[before], order[at]) {
                Swap::Yes => {
                    order.swap(before, at);
                    at = before;
                }
                Swap::No => break,
                Swap::Open => {}
            }
        }
    }
    let mut strides = Shape::from_elem(0, shape.len());
    let mut step = 1;
    for dim in order {
        strides[dim] = step;
        step *= shape[dim].max(1);
    }
    strides
}

/// Operands of the result's sizes that lie alike, without gaps, are followed as they are.
fn same_strides(shape: &[usize], operands: &[&Meta]) -> Option<Shape> {
    let first = operands.first()?;
    let alike = |operand: &&Meta| {
        operand.shape.as_slice() == shape && operand.strides == first.strides && is_dense(operand)
    };
    operands.iter().all(alike).then(|| first.strides.clone())
}

/// The operand's strides under the result's sizes: none where it is stretched.
fn steps(shape: &[usize], operand: &Meta) -> Shape {
    let added = shape.len() - operand.ndim();
    let step = |dim: usize| match dim.checked_sub(added) {
        Some(own) if operand.shape[own] != 1 || shape[dim] == 1 => operand.strides[own],
        _ => 0,
    };
    (0..shape.len()).map(step).collect()
}

enum Swap {
    Yes,
    No,
    Open,
}

/// Whether dimension `inner` should lie outside of `outer`, by the first operand that can tell.
fn compare(shape: &[usize], steps: &[Shape], inner: usize, outer: usize) -> Swap {
    for step in steps {
        let (a, b) = (step[inner], step[outer]);
        if a == 0 || b == 0 {
            continue;
        }
        if a < b {
            return Swap::No;
        }
        if a > b || shape[inner] > shape[outer] {
            return Swap::Yes;
        }
    }
    Swap::Open
}

/// Whether the elements fill a piece of memory, each its own place, in whatever order.
pub fn is_dense(meta: &Meta) -> bool {
    let mut dims: Vec<(usize, usize)> = (meta.shape.iter().copied())
        .zip(meta.strides.iter().copied())
        .filter(|&(size, _)| size > 1)
        .collect();
    dims.sort_by_key(|&(_, stride)| stride);
    let mut expected = 1;
    dims.into_iter().all(|(size, stride)| {
        let fits = stride == expected;
        expected *= size;
        fits
    })
}
