//! Products of matrices and vectors. `matmul` and `linear` are composites, in the prelude.

use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2, Ix2, LinalgScalar};

use super::masked::c_name;
use crate::ops::array::{Array, Element};
use crate::ops::kernel::{not_for_bool, of_one_type};
use crate::ops::kit::{
    self, Args, Grads, IN_PLACE, both, float_or, formula, grad, input_meta, keyword, op, saved_if,
    t, tensor,
};
use crate::ops::layout;
use crate::ops::meta::{Dtype, Meta, Scalar, Shape};
use crate::ops::rng::Rng;
use crate::ops::row::{Arg, Backward, OpError, OpRow, Param, Save, Var};

const SELF: Param = tensor("self");
const BETA: Param = keyword(float_or("beta", 1.0));
const ALPHA: Param = keyword(float_or("alpha", 1.0));
/// Each factor is saved for the other.
const FACTORS: &[Save] = &[saved_if(0, &[1]), saved_if(1, &[0])];
const ADDED: &[Save] = &[saved_if(1, &[2]), saved_if(2, &[1])];

/// The rows of this file.
pub const ROWS: &[OpRow] = &[
    op(
        "mm",
        both(&["mm"]),
        &[SELF, tensor("mat2")],
        mm_infer,
        mm_forward,
        FACTORS,
        formula(mm_formula),
        "MmBackward0",
        &["mm", "matmul 2d@2d"],
    ),
    op(
        "bmm",
        both(&["bmm"]),
        &[SELF, tensor("mat2")],
        bmm_infer,
        bmm_forward,
        FACTORS,
        formula(mm_formula),
        "BmmBackward0",
        &["bmm"],
    ),
    op(
        "mv",
        both(&["mv"]),
        &[SELF, tensor("vec")],
        mv_infer,
        mv_forward,
        FACTORS,
        formula(mv_formula),
        "MvBackward0",
        &["mv", "matmul 2d@1d"],
    ),
    op(
        "dot",
        both(&["dot"]),
        &[SELF, tensor("tensor")],
        dot_infer,
        dot_forward,
        FACTORS,
        formula(dot_formula),
        "DotBackward0",
        &["dot"],
    ),
    OpRow {
        in_place: IN_PLACE,
        ..op(
            "addmm",
            both(&["addmm"]),
            &[SELF, tensor("mat1"), tensor("mat2"), BETA, ALPHA],
            addmm_infer,
            addmm_forward,
            ADDED,
            formula(addmm_formula),
            "AddmmBackward0",
            &["addmm", "addmm_"],
        )
    },
    OpRow {
        in_place: IN_PLACE,
        ..op(
            "addmv",
            both(&["addmv"]),
            &[SELF, tensor("mat"), tensor("vec"), BETA, ALPHA],
            addmv_infer,
            addmv_forward,
            ADDED,
            formula(addmv_formula),
            "AddmvBackward0",
            &["addmv"],
        )
    },
    OpRow {
        in_place: IN_PLACE,
        ..op(
            "baddbmm",
            both(&["baddbmm"]),
            &[SELF, tensor("batch1"), tensor("batch2"), BETA, ALPHA],
            baddbmm_infer,
            baddbmm_forward,
            ADDED,
            formula(addmm_formula),
            "BaddbmmBackward0",
            &["baddbmm"],
        )
    },
];

fn check_same_dtype(first: &Meta, second: &Meta) -> Result<(), OpError> {
    if first.dtype == second.dtype {
        return Ok(());
    }
    Err(OpError::runtime(format!(
        "expected m1 and m2 to have the same dtype, but got: {} != {}",
        c_name(first.dtype),
        c_name(second.dtype)
    )))
}
fn check_matrices(
    name: &str,
    names: [&str; 2],
    first: &Meta,
    second: &Meta,
) -> Result<Shape, OpError> {
    for (meta, argument) in [first, second].into_iter().zip(names) {
        if meta.ndim() != 2 {
            return Err(OpError::runtime(format!(
                "{name}: {argument} must be a matrix, got {}-D tensor",
                meta.ndim()
            )));
        }
    }
    if first.shape[1] != second.shape[0] {
        return Err(OpError::runtime(format!(
            "{name}: mat1 and mat2 shapes cannot be multiplied ({}x{} and {}x{})",
            first.shape[0], first.shape[1], second.shape[0], second.shape[1]
        )));
    }
    let shape = Shape::from_slice(&[first.shape[0], second.shape[1]]);
    layout::checked_numel(&shape)?;
    Ok(shape)
}
fn mm_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let (first, second) = (Args(args).tensor(0)?, Args(args).tensor(1)?);
    let shape = check_matrices("mm", ["self", "mat2"], first, second)?;
    check_same_dtype(first, second)?;
    not_for_bool("addmm_impl_cpu_", first.dtype)?;
    Ok(vec![Meta::contiguous(first.dtype, shape)])
}

/// A matrix of an array: its last two dimensions at a batch.
fn matrix<T: Element>(array: &Array, batch: usize) -> Result<ArrayView2<'_, T>, OpError> {
    let wrong = |_| OpError::Unsupported("a matrix without two dimensions".into());
    let view = array.view::<T>();
    let view = if array.meta.ndim() == 3 {
        view.index_axis_move(ndarray::Axis(0), batch)
    } else {
        view
    };
    view.into_dimensionality::<Ix2>().map_err(wrong)
}
/// The products, each written where it belongs.
fn products<T: Element + LinalgScalar>(
    first: &Array,
    second: &Array,
    shape: Shape,
) -> Result<Array, OpError> {
    let [.., rows, columns] = shape[..] else {
        return Err(OpError::Unsupported("a product without rows".into()));
    };
    let mut values = vec![T::zero(); shape.iter().product()];
    for (batch, values) in values.chunks_exact_mut(rows * columns).enumerate() {
        let mut result = ArrayViewMut2::from_shape((rows, columns), values)
            .map_err(|_| OpError::Unsupported("a product of these sizes".into()))?;
        let (first, second) = (matrix::<T>(first, batch)?, matrix::<T>(second, batch)?);
        general_mat_mul(T::one(), &first, &second, T::zero(), &mut result);
    }
    Ok(Array::from_vec::<T>(shape, values))
}
/// The product of two matrices, or of as many pairs of matrices as the first sizes say.
pub fn multiply(first: &Array, second: &Array, shape: Shape) -> Result<Array, OpError> {
    if first.numel() == 0 || second.numel() == 0 {
        return Ok(Array::full(first.dtype(), shape, Scalar::Int(0)));
    }
    match first.dtype() {
        Dtype::F32 => products::<f32>(first, second, shape),
        Dtype::F64 => products::<f64>(first, second, shape),
        Dtype::I64 => wrapping_products(first, second, shape),
        Dtype::Bool => Err(OpError::Unsupported("a product of bools".into())),
    }
}
/// Integers wrap around.
fn wrapping_products(first: &Array, second: &Array, shape: Shape) -> Result<Array, OpError> {
    let [.., rows, inner] = first.shape()[..] else {
        return Err(OpError::Unsupported("no matrix".into()));
    };
    let columns = shape.last().copied().unwrap_or(1);
    let (a, b) = (first.values::<i64>(), second.values::<i64>());
    let mut values = vec![0i64; shape.iter().product()];
    for (place, value) in values.iter_mut().enumerate() {
        let (batch, row, column) = (
            place / (rows * columns),
            place / columns % rows,
            place % columns,
        );
        for at in 0..inner {
            let left = a[(batch * rows + row) * inner + at];
            *value =
                value.wrapping_add(left.wrapping_mul(b[(batch * inner + at) * columns + column]));
        }
    }
    Ok(Array::from_vec::<i64>(shape, values))
}
fn mm_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let meta = kit::inferred(mm_infer, args)?;
    Ok(vec![multiply(
        Args(args).tensor(0)?,
        Args(args).tensor(1)?,
        meta.shape,
    )?])
}
/// Whether a factor lies by columns: its gradient is then laid out so too.
fn by_columns(b: &dyn Backward, place: usize) -> Result<bool, OpError> {
    let meta = input_meta(b, place)?;
    Ok(meta.ndim() == 2 && meta.strides[0] == 1 && meta.strides[1] == meta.shape[0])
}
/// The transposed product, as a view of the product of the transposed factors.
fn turned(b: &mut dyn Backward, second: Var, first: Var) -> Result<Var, OpError> {
    let part = kit::call(b, "mm", vec![t(second), t(first)])?;
    kit::transposed(b, part)
}
/// `grad @ second.T` and `first.T @ grad`; `op` is `mm` or `bmm`.
fn factors(b: &mut dyn Backward, places: [usize; 2], alpha: f64) -> Grads {
    let grad = grad(b)?;
    let op = if b.meta(grad).ndim() == 3 {
        "bmm"
    } else {
        "mm"
    };
    let mut grads = vec![None, None];
    if b.needs(places[0]) {
        let second = b.input(places[1])?;
        let part = if by_columns(b, places[0])? {
            let grad = kit::transposed(b, grad)?;
            turned(b, second, grad)?
        } else {
            let second = kit::transposed(b, second)?;
            kit::call(b, op, vec![t(grad), t(second)])?
        };
        grads[0] = Some(kit::scale(b, part, alpha)?);
    }
    if b.needs(places[1]) {
        let first = b.input(places[0])?;
        let part = if by_columns(b, places[1])? {
            let grad = kit::transposed(b, grad)?;
            turned(b, grad, first)?
        } else {
            let first = kit::transposed(b, first)?;
            kit::call(b, op, vec![t(first), t(grad)])?
        };
        grads[1] = Some(kit::scale(b, part, alpha)?);
    }
    Ok(grads)
}
fn mm_formula(b: &mut dyn Backward) -> Grads {
    factors(b, [0, 1], 1.0)
}

fn check_batches(first: &Meta, second: &Meta) -> Result<Shape, OpError> {
    for (meta, name) in [(first, "batch1"), (second, "batch2")] {
        if meta.ndim() != 3 {
            return Err(OpError::runtime(format!("{name} must be a 3D tensor")));
        }
    }
    if second.shape[0] != first.shape[0] || second.shape[1] != first.shape[2] {
        return Err(OpError::runtime(format!(
            "Expected size for first two dimensions of batch2 tensor to be: [{}, {}] but got: [{}, {}].",
            first.shape[0], first.shape[2], second.shape[0], second.shape[1]
        )));
    }
    let shape = Shape::from_slice(&[first.shape[0], first.shape[1], second.shape[2]]);
    layout::checked_numel(&shape)?;
    Ok(shape)
}
fn bmm_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let (first, second) = (Args(args).tensor(0)?, Args(args).tensor(1)?);
    let shape = check_batches(first, second)?;
    not_for_bool("bmm", first.dtype)?;
    of_one_type(first, second)?;
    Ok(vec![Meta::contiguous(first.dtype, shape)])
}
fn bmm_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let meta = kit::inferred(bmm_infer, args)?;
    Ok(vec![multiply(
        Args(args).tensor(0)?,
        Args(args).tensor(1)?,
        meta.shape,
    )?])
}

/// A size that a tensor is asked for does not exist: for the tensors of a product, before anything else is looked at.
fn no_such_dim(meta: &Meta, dim: usize) -> OpError {
    let ndim = meta.ndim() as i64;
    OpError::index(match ndim {
        0 => format!("Dimension specified as {dim} but tensor has no dimensions"),
        _ => format!(
            "Dimension out of range (expected to be in range of [-{ndim}, {}], but got {dim})",
            ndim - 1
        ),
    })
}

/// `input` is what is added to: its number of dimensions and its size, which the messages name.
fn check_matrix_vector(added: Option<&Meta>, matrix: &Meta, vector: &Meta) -> Result<(), OpError> {
    let added_ndim = added.map_or(1, Meta::ndim);
    if added.is_none() && matrix.ndim() == 0 {
        return Err(no_such_dim(matrix, 0));
    }
    if matrix.ndim() != 2 || vector.ndim() != 1 || added_ndim > 1 {
        return Err(OpError::runtime(format!(
            "vector + matrix @ vector expected, got {added_ndim}, {}, {}",
            matrix.ndim(),
            vector.ndim()
        )));
    }
    let rows = matrix.shape[0];
    let length = added.map_or(rows, Meta::numel);
    if matrix.shape[1] != vector.shape[0] || (length != rows && length != 1) {
        return Err(OpError::runtime(format!(
            "size mismatch, got input ({length}), mat ({rows}x{}), vec ({})",
            matrix.shape[1], vector.shape[0]
        )));
    }
    let first = added.map_or(vector.dtype, |meta| meta.dtype);
    if matrix.dtype != vector.dtype || first != matrix.dtype {
        return Err(OpError::runtime(format!(
            "addmv input tensors must have the same dtype, but got {}, {}, and {}",
            first.scalar_name(),
            matrix.dtype.scalar_name(),
            vector.dtype.scalar_name()
        )));
    }
    not_for_bool("addmv_impl_cpu", matrix.dtype)
}
fn mv_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let (matrix, vector) = (Args(args).tensor(0)?, Args(args).tensor(1)?);
    check_matrix_vector(None, matrix, vector)?;
    Ok(vec![Meta::contiguous(matrix.dtype, &matrix.shape[..1])])
}
/// A vector as a column.
fn column(vector: &Array) -> Array {
    let mut meta = vector.meta.clone();
    meta.shape.push(1);
    meta.strides.push(1);
    vector.with_meta(meta)
}
fn mv_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let (matrix, vector) = (Args(args).tensor(0)?, Args(args).tensor(1)?);
    let rows = matrix.shape()[0];
    Ok(vec![
        multiply(matrix, &column(vector), Shape::from_slice(&[rows, 1]))?.reshaped(&[rows][..]),
    ])
}
/// The product of a vector as a column and a vector as a row.
fn outer(b: &mut dyn Backward, first: Var, second: Var) -> Result<Var, OpError> {
    let column = kit::call(b, "unsqueeze", vec![t(first), kit::n(1)])?;
    kit::mul(b, column, second)
}
fn matrix_vector_grads(b: &mut dyn Backward, places: [usize; 2], alpha: f64) -> Grads {
    let grad = grad(b)?;
    let mut grads = vec![None, None];
    if b.needs(places[0]) {
        let vector = b.input(places[1])?;
        let part = outer(b, grad, vector)?;
        grads[0] = Some(kit::scale(b, part, alpha)?);
    }
    if b.needs(places[1]) {
        let matrix = b.input(places[0])?;
        let matrix = kit::call(b, "t", vec![t(matrix)])?;
        let part = kit::call(b, "mv", vec![t(matrix), t(grad)])?;
        grads[1] = Some(kit::scale(b, part, alpha)?);
    }
    Ok(grads)
}
fn mv_formula(b: &mut dyn Backward) -> Grads {
    matrix_vector_grads(b, [0, 1], 1.0)
}

fn dot_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let (first, second) = (Args(args).tensor(0)?, Args(args).tensor(1)?);
    if first.ndim() != 1 || second.ndim() != 1 {
        return Err(OpError::runtime(format!(
            "1D tensors expected, but got {}D and {}D tensors",
            first.ndim(),
            second.ndim()
        )));
    }
    if first.dtype != second.dtype {
        return Err(OpError::runtime(format!(
            "dot : expected both vectors to have same dtype, but found {} and {}",
            first.dtype.scalar_name(),
            second.dtype.scalar_name()
        )));
    }
    if first.shape != second.shape {
        let (a, b) = (first.numel(), second.numel());
        return Err(OpError::runtime(format!(
            "inconsistent tensor size, expected tensor [{a}] and src [{b}] to have the same number of elements, but got {a} and {b} elements respectively"
        )));
    }
    not_for_bool("dot", first.dtype)?;
    Ok(vec![Meta::contiguous(first.dtype, Shape::new())])
}
fn dot_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let (first, second) = (Args(args).tensor(0)?, Args(args).tensor(1)?);
    let row = first.reshaped(&[1, first.numel()][..]);
    Ok(vec![
        multiply(&row, &column(second), Shape::from_slice(&[1, 1]))?.reshaped(Shape::new()),
    ])
}
fn dot_formula(b: &mut dyn Backward) -> Grads {
    let grad = grad(b)?;
    let mut grads = vec![];
    for (place, other) in [(0, 1), (1, 0)] {
        grads.push(if b.needs(place) {
            let other = b.input(other)?;
            Some(kit::mul(b, grad, other)?)
        } else {
            None
        });
    }
    Ok(grads)
}

/// What is added must expand to the product.
fn check_added(added: &Meta, product: Shape) -> Result<Vec<Meta>, OpError> {
    layout::expand(added, &layout::signed(&product))?;
    Ok(vec![Meta::contiguous(added.dtype, product)])
}
fn check_added_dtype(added: &Meta, second: &Meta) -> Result<(), OpError> {
    if added.dtype == second.dtype {
        return Ok(());
    }
    Err(OpError::runtime(format!(
        "self and mat2 must have the same dtype, but got {} and {}",
        added.dtype.scalar_name(),
        second.dtype.scalar_name()
    )))
}
fn check_factor_dtypes(first: &Meta, second: &Meta) -> Result<(), OpError> {
    if first.dtype == second.dtype {
        return Ok(());
    }
    Err(OpError::runtime(format!(
        "mat1 and mat2 must have the same dtype, but got {} and {}",
        first.dtype.scalar_name(),
        second.dtype.scalar_name()
    )))
}
fn addmm_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    let (added, first, second) = (args.tensor(0)?, args.tensor(1)?, args.tensor(2)?);
    check_added_dtype(added, second)?;
    check_factor_dtypes(first, second)?;
    let shape = check_matrices("addmm", ["self", "mat2"], first, second)?;
    layout::expand(added, &layout::signed(&shape))?;
    not_for_bool("addmm_impl_cpu_", first.dtype)?;
    check_added(added, shape)
}
/// `beta * added + alpha * product`
fn combined(args: Args<'_, Array>, product: &Array) -> Result<Vec<Array>, OpError> {
    let (beta, alpha) = (args.float(3, 1.0), args.float(4, 1.0));
    let added = args.tensor(0)?.broadcast_to(product.shape());
    let shape = product.meta.shape.clone();
    Ok(vec![match product.dtype() {
        Dtype::F32 => {
            let (beta, alpha) = (beta as f32, alpha as f32);
            let pairs = added.values::<f32>();
            Array::from_vec::<f32>(
                shape,
                pairs
                    .iter()
                    .zip(product.values::<f32>().iter())
                    .map(|(a, p)| sum(*a, *p, beta, alpha))
                    .collect(),
            )
        }
        Dtype::F64 => {
            let pairs = added.values::<f64>();
            Array::from_vec::<f64>(
                shape,
                pairs
                    .iter()
                    .zip(product.values::<f64>().iter())
                    .map(|(a, p)| sum(*a, *p, beta, alpha))
                    .collect(),
            )
        }
        _ => {
            let pairs = added.values_as::<i64>();
            let sum = |a: i64, p: i64| {
                a.wrapping_mul(beta as i64)
                    .wrapping_add(p.wrapping_mul(alpha as i64))
            };
            Array::from_vec::<i64>(
                shape,
                pairs
                    .iter()
                    .zip(product.values_as::<i64>().iter())
                    .map(|(a, p)| sum(*a, *p))
                    .collect(),
            )
        }
    }])
}
/// With a beta of zero, what is added is not looked at: its NaN does not count.
fn sum<T: LinalgScalar + PartialEq>(added: T, product: T, beta: T, alpha: T) -> T {
    if beta == T::zero() {
        product * alpha
    } else {
        added * beta + product * alpha
    }
}
fn addmm_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let meta = kit::inferred(addmm_infer, args)?;
    let args = Args(args);
    combined(
        args,
        &multiply(args.tensor(1)?, args.tensor(2)?, meta.shape)?,
    )
}
fn added_grad(b: &mut dyn Backward) -> Result<Option<Var>, OpError> {
    if !b.needs(0) {
        return Ok(None);
    }
    let (grad, meta, beta) = (grad(b)?, input_meta(b, 0)?, Args(b.args()).float(3, 1.0));
    let own = kit::scale(b, grad, beta)?;
    Ok(Some(kit::reduce_to(b, own, &meta.shape)?))
}
fn addmm_formula(b: &mut dyn Backward) -> Grads {
    let (own, alpha) = (added_grad(b)?, Args(b.args()).float(4, 1.0));
    let mut grads = vec![own];
    grads.extend(factors(b, [1, 2], alpha)?);
    Ok(grads)
}
fn addmv_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    let (added, matrix) = (args.tensor(0)?, args.tensor(1)?);
    check_matrix_vector(Some(added), matrix, args.tensor(2)?)?;
    Ok(vec![Meta::contiguous(added.dtype, &matrix.shape[..1])])
}
fn addmv_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let args = Args(args);
    let (matrix, vector) = (args.tensor(1)?, args.tensor(2)?);
    let rows = matrix.shape()[0];
    let product =
        multiply(matrix, &column(vector), Shape::from_slice(&[rows, 1]))?.reshaped(&[rows][..]);
    combined(args, &product)
}
fn addmv_formula(b: &mut dyn Backward) -> Grads {
    let (own, alpha) = (added_grad(b)?, Args(b.args()).float(4, 1.0));
    let mut grads = vec![own];
    grads.extend(matrix_vector_grads(b, [1, 2], alpha)?);
    Ok(grads)
}
fn baddbmm_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    let (added, first, second) = (args.tensor(0)?, args.tensor(1)?, args.tensor(2)?);
    let size = |meta: &Meta, dim: usize| match meta.shape.get(dim) {
        Some(&size) => Ok(size as i64),
        None => Err(no_such_dim(meta, dim)),
    };
    let product = [size(first, 0)?, size(first, 1)?, size(second, 2)?];
    layout::expand(added, &product)?;
    let shape = check_batches(first, second)?;
    let same = added.dtype == first.dtype && first.dtype == second.dtype;
    if !same && added.dtype == first.dtype {
        return Err(OpError::runtime(format!(
            "expected scalar type {} but found {}",
            first.dtype.scalar_name(),
            second.dtype.scalar_name()
        )));
    }
    if !same {
        return Err(OpError::runtime(format!(
            "Input dtypes must be the same, got: input {}, batch1: {}, batch2: {}",
            c_name(added.dtype),
            c_name(first.dtype),
            c_name(second.dtype)
        )));
    }
    not_for_bool("baddbmm", first.dtype)?;
    check_added(added, shape)
}
fn baddbmm_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let meta = kit::inferred(baddbmm_infer, args)?;
    let args = Args(args);
    combined(
        args,
        &multiply(args.tensor(1)?, args.tensor(2)?, meta.shape)?,
    )
}
