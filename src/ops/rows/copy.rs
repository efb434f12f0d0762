//! Copies: of a tensor as it is, of its diagonal, of each element several times.

use crate::ops::array::Array;
use crate::ops::kernels::{self, Along};
use crate::ops::kit::{
    self, Args, Grads, INTERNAL, both, formula, function, functional, grad, input_meta, int,
    int_or, ints, method, op, opt_int, t, tensor,
};
use crate::ops::layout::{self, wrap_dim};
use crate::ops::meta::{Dtype, Meta, Shape};
use crate::ops::rng::Rng;
use crate::ops::row::{
    Arg, Backward, Exception, Gradient, OpError, OpRow, Param, ResultKind, Save,
};

const SELF: Param = tensor("self");
const NONE: &[Save] = &[];

/// The rows of this file.
pub const ROWS: &[OpRow] = &[
    // The diagonal of a matrix, in new storage; of a vector, `diag` is `diag_embed` (prelude).
    op(
        "diagonal_copy",
        INTERNAL,
        &[
            SELF,
            int_or("offset", 0),
            int_or("dim1", 0),
            int_or("dim2", 1),
        ],
        diagonal_infer,
        diagonal_forward,
        NONE,
        formula(diagonal_formula),
        "DiagonalBackward0_copy",
        &["diag(matrix)"],
    ),
    OpRow {
        result: ResultKind::SelfIf(|args| Args(args).opt(0).is_some_and(Meta::is_contiguous)),
        ..op(
            "contiguous",
            method(&["contiguous"]),
            &[SELF],
            same_infer,
            copy_forward,
            NONE,
            formula(pass),
            "CloneBackward0",
            &["contiguous() (no change)"],
        )
    },
    op(
        "_unsafe_view",
        INTERNAL,
        &[SELF, ints("size")],
        |args| {
            Ok(vec![Meta::contiguous(
                Args(args).tensor(0)?.dtype,
                layout::infer_size(&Args(args).ints(1), Args(args).tensor(0)?.numel())?,
            )])
        },
        |args, _| unsafe_view(args),
        NONE,
        formula(to_input_shape),
        "UnsafeViewBackward0",
        &["reshape (copy)"],
    ),
    op(
        "one_hot",
        functional(&["one_hot"]),
        &[kit::fixed("tensor"), int_or("num_classes", -1)],
        one_hot_infer,
        one_hot_forward,
        NONE,
        Gradient::NotDifferentiable,
        "",
        &["F.one_hot"],
    ),
    // Measured: PyTorch composes it (view, unsqueeze, expand, clone, view); the result is a view of a copy that nothing
    // else can reach, so it is fresh here.
    op(
        "repeat_interleave",
        both(&["repeat_interleave"]),
        &[SELF, int("repeats"), opt_int("dim")],
        interleave_infer,
        interleave_forward,
        NONE,
        formula(interleave_formula),
        "ViewBackward0",
        &[],
    ),
    op(
        "repeat_interleave.Tensor",
        function(&["_repeat_indices"]),
        &[kit::fixed("repeats")],
        |_| kit::shape_from_values(),
        repeat_indices,
        NONE,
        Gradient::NotDifferentiable,
        "",
        &[],
    ),
];

fn diagonal_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    let view = layout::diagonal(
        args.tensor(0)?,
        args.int(1, 0),
        args.int(2, 0),
        args.int(3, 1),
    )?;
    Ok(vec![Meta::contiguous(view.dtype, view.shape)])
}
fn diagonal_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let args = Args(args);
    let array = args.tensor(0)?;
    Ok(vec![
        array
            .with_meta(layout::diagonal(
                &array.meta,
                args.int(1, 0),
                args.int(2, 0),
                args.int(3, 1),
            )?)
            .copy(),
    ])
}
fn diagonal_formula(b: &mut dyn Backward) -> Grads {
    let (grad, meta, args) = (grad(b)?, input_meta(b, 0)?, Args(b.args()));
    let numbers = [args.int(1, 0), args.int(2, 0), args.int(3, 1)].map(kit::n);
    let mut all = vec![t(grad), kit::shape(&meta.shape)];
    all.extend(numbers);
    Ok(vec![Some(kit::call(b, "diagonal_backward", all)?)])
}
fn same_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let meta = Args(args).tensor(0)?;
    Ok(vec![Meta::contiguous(meta.dtype, meta.shape.clone())])
}
fn copy_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    Ok(vec![Args(args).tensor(0)?.copy()])
}
fn pass(b: &mut dyn Backward) -> Grads {
    Ok(vec![Some(grad(b)?)])
}
fn unsafe_view(args: &[Arg<Array>]) -> Result<Vec<Array>, OpError> {
    let array = Args(args).tensor(0)?;
    Ok(vec![array.reshaped(layout::infer_size(
        &Args(args).ints(1),
        array.numel(),
    )?)])
}
fn to_input_shape(b: &mut dyn Backward) -> Grads {
    let (grad, meta) = (grad(b)?, input_meta(b, 0)?);
    Ok(vec![Some(kit::reshape(b, grad, &meta.shape)?)])
}

fn one_hot_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let (meta, count) = (Args(args).tensor(0)?, Args(args).int(1, -1));
    if meta.dtype != Dtype::I64 {
        return Err(OpError::runtime(
            "one_hot is only applicable to index tensor of type LongTensor.",
        ));
    }
    if count == -1 {
        return kit::shape_from_values();
    }
    let mut shape = layout::signed(&meta.shape);
    shape.push(count);
    Ok(vec![Meta::contiguous(
        Dtype::I64,
        layout::checked_shape(&shape)?,
    )])
}
fn one_hot_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let (array, count) = (Args(args).tensor(0)?, Args(args).int(1, -1));
    if array.dtype() != Dtype::I64 {
        return Err(OpError::runtime(
            "one_hot is only applicable to index tensor of type LongTensor.",
        ));
    }
    let classes = array.values::<i64>();
    if classes.iter().any(|&class| class < 0) {
        return Err(OpError::runtime("Class values must be non-negative."));
    }
    let highest = classes.iter().max().copied();
    let count = match (count, highest) {
        (-1, None) => {
            return Err(OpError::runtime(
                "Can not infer total number of classes from empty tensor.",
            ));
        }
        (-1, Some(highest)) => highest.saturating_add(1),
        (count, Some(highest)) if highest >= count => {
            return Err(OpError::runtime(
                "Class values must be smaller than num_classes.",
            ));
        }
        (count, _) => count,
    };
    let mut shape = layout::signed(array.shape());
    shape.push(count);
    let shape = kit::affordable(&shape)?;
    let mut hot = vec![0i64; shape.iter().product()];
    classes
        .iter()
        .enumerate()
        .for_each(|(place, &class)| hot[place * count as usize + class as usize] = 1);
    Ok(vec![Array::from_vec::<i64>(shape, hot)])
}

/// The dimension, after flattening if none is given, and the sizes that are repeated.
fn interleaved(args: Args<'_, Meta>) -> Result<(usize, Shape, usize), OpError> {
    let (meta, repeats) = (args.tensor(0)?, args.int(1, 1));
    let flat = args.opt_int(2).is_none();
    let sizes: Shape = if flat {
        Shape::from_slice(&[meta.numel()])
    } else {
        meta.shape.clone()
    };
    let dim = wrap_dim(args.int(2, 0), sizes.len())?;
    if sizes.is_empty() {
        return Err(OpError::index(
            "Dimension out of range (expected to be in range of [-1, 0], but got 1)",
        ));
    }
    let repeats =
        usize::try_from(repeats).map_err(|_| OpError::runtime("Repeats must be non-negative"))?;
    Ok((dim, sizes, repeats))
}
fn interleave_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let (dim, mut sizes, repeats) = interleaved(Args(args))?;
    if let Some(size) = sizes.get_mut(dim) {
        *size = size.saturating_mul(repeats);
    }
    layout::checked_numel(&sizes)?;
    Ok(vec![Meta::contiguous(Args(args).tensor(0)?.dtype, sizes)])
}
fn interleave_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let meta = kit::inferred(interleave_infer, args)?;
    let (dim, sizes, repeats) = interleaved(Args(&kit::metas(args)))?;
    let (from, to) = (Along::new(&sizes, dim), Along::new(&meta.shape, dim));
    let map = |place| {
        let (outer, at, inner) = to.split(place);
        Some(from.at(outer, at / repeats, inner))
    };
    Ok(vec![kernels::gather(
        Args(args).tensor(0)?,
        &meta.shape,
        map,
    )])
}
fn interleave_formula(b: &mut dyn Backward) -> Grads {
    let (grad, meta) = (grad(b)?, input_meta(b, 0)?);
    let (dim, sizes, repeats) = interleaved(Args(b.args()))?;
    let mut split = sizes;
    split.insert((dim + 1).min(split.len()), repeats);
    let grad = kit::reshape(b, grad, &split)?;
    let summed = kit::sum(b, grad, &[dim as i64 + 1], false)?;
    Ok(vec![Some(kit::reshape(b, summed, &meta.shape)?)])
}
/// For each element, its place as often as it says: what `repeat_interleave` selects by.
fn repeat_indices(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let repeats = Args(args).tensor(0)?;
    if repeats.dtype() != Dtype::I64 {
        return Err(OpError::Raises(
            Exception::NotImplementedError,
            format!(
                "\"repeat_interleave_cpu\" not implemented for '{}'",
                repeats.dtype().scalar_name()
            ),
        ));
    }
    let repeats = repeats.values::<i64>();
    if repeats.iter().any(|&count| count < 0) {
        return Err(OpError::runtime("repeats can not be negative"));
    }
    let total = repeats
        .iter()
        .fold(0i64, |sum, &count| sum.saturating_add(count));
    kit::affordable(&[total])?;
    let indices: Vec<i64> = repeats
        .iter()
        .enumerate()
        .flat_map(|(place, &count)| std::iter::repeat_n(place as i64, count as usize))
        .collect();
    Ok(vec![Array::from_vec::<i64>(&[indices.len()][..], indices)])
}
