//! Linear algebra on small square matrices, one or a batch of them, and distances.

use crate::ops::array::Array;
use crate::ops::kit::{
    self, Args, Grads, HIDDEN, formula, function, grad, op, saved, saved_output, t, tensor,
};
use crate::ops::meta::{Meta, Shape};
use crate::ops::rng::Rng;
use crate::ops::row::{Arg, Backward, Exception, Forms, OpError, OpRow, Param, Var};

const A: Param = tensor("A");

/// The rows of this file. PyTorch's results lie in columns; here they lie in rows.
pub const ROWS: &[OpRow] = &[
    op(
        "linalg_inv",
        Forms {
            function: &["linalg.inv", "inverse"],
            method: &["inverse"],
            functional: &[],
            attribute: &[],
        },
        &[A],
        |args| square(args, "linalg.inv"),
        inv_forward,
        &[saved_output(0)],
        formula(inv_formula),
        "LinalgInvExBackward0",
        &["linalg.inv"],
    ),
    op(
        "linalg_det",
        Forms {
            function: &["linalg.det", "det"],
            method: &["det"],
            functional: &[],
            attribute: &[],
        },
        &[A],
        det_infer,
        det_forward,
        &[saved(0), saved_output(0), HIDDEN],
        formula(det_formula),
        "LinalgDetBackward0",
        &["linalg.det"],
    ),
    op(
        "linalg_slogdet",
        Forms {
            function: &["linalg.slogdet", "slogdet"],
            method: &["slogdet"],
            functional: &[],
            attribute: &[],
        },
        &[A],
        slogdet_infer,
        slogdet_forward,
        &[saved(0), saved_output(0), HIDDEN],
        formula(slogdet_formula),
        "LinalgSlogdetBackward0",
        &["slogdet"],
    ),
    op(
        "linalg_solve",
        function(&["linalg.solve"]),
        &[A, tensor("B")],
        solve_infer,
        solve_forward,
        &[saved(0), saved_output(0), HIDDEN],
        formula(solve_formula),
        "LinalgSolveExBackward0",
        &["linalg.solve"],
    ),
    op(
        "linalg_cholesky",
        Forms {
            function: &["linalg.cholesky"],
            method: &["cholesky"],
            functional: &[],
            attribute: &[],
        },
        &[A],
        |args| square(args, "linalg.cholesky"),
        cholesky_forward,
        &[saved_output(0)],
        formula(cholesky_formula),
        "LinalgCholeskyExBackward0",
        &["linalg.cholesky"],
    ),
];

pub(super) fn check_square(meta: &Meta, name: &str) -> Result<(), OpError> {
    let [.., rows, columns] = meta.shape[..] else {
        return Err(OpError::runtime(format!(
            "{name}: The input tensor A must have at least 2 dimensions."
        )));
    };
    if rows != columns {
        return Err(OpError::runtime(format!(
            "{name}: A must be batches of square matrices, but they are {rows} by {columns} matrices"
        )));
    }
    if !meta.dtype.is_floating() {
        return Err(OpError::Raises(
            Exception::NotImplementedError,
            format!(
                "{name}: Expected a floating point or complex tensor as input. Got {}",
                meta.dtype.scalar_name()
            ),
        ));
    }
    if rows > 512 {
        return Err(OpError::Unsupported(format!(
            "{name} of a matrix of more than 512 rows"
        )));
    }
    Ok(())
}
/// What LAPACK could not do with the numbers.
fn singular(text: impl Into<String>) -> OpError {
    OpError::Raises(Exception::LinAlgError, text.into())
}
fn square(args: &[Arg<Meta>], name: &str) -> Result<Vec<Meta>, OpError> {
    let meta = Args(args).tensor(0)?;
    check_square(meta, name)?;
    Ok(vec![Meta::contiguous(meta.dtype, meta.shape.clone())])
}
/// The number of rows, and the matrices one after the other.
pub(super) fn matrices(array: &Array) -> (usize, Vec<Vec<f64>>) {
    let rows = array.shape()[array.meta.ndim() - 1];
    let values = array.values_as::<f64>();
    (
        rows,
        values
            .chunks((rows * rows).max(1))
            .map(<[f64]>::to_vec)
            .collect(),
    )
}
/// Elimination with row exchanges, of `a` (n by n) and `b` (n by m) beside it; `b` becomes the solution. The
/// determinant, or the place of a pivot that is zero.
fn eliminate(a: &mut [f64], b: &mut [f64], n: usize, m: usize) -> Result<f64, usize> {
    let mut determinant = 1.0;
    for column in 0..n {
        let mut pivot = column;
        for row in column + 1..n {
            if a[row * n + column].abs() > a[pivot * n + column].abs() {
                pivot = row;
            }
        }
        let head = a[pivot * n + column];
        if head == 0.0 {
            return Err(column + 1);
        }
        if pivot != column {
            (0..n).for_each(|at| a.swap(pivot * n + at, column * n + at));
            (0..m).for_each(|at| b.swap(pivot * m + at, column * m + at));
            determinant = -determinant;
        }
        determinant *= head;
        for row in (0..n).filter(|&row| row != column) {
            let factor = a[row * n + column] / head;
            (column..n).for_each(|at| a[row * n + at] -= factor * a[column * n + at]);
            (0..m).for_each(|at| b[row * m + at] -= factor * b[column * m + at]);
        }
        (column..n).for_each(|at| a[column * n + at] /= head);
        (0..m).for_each(|at| b[column * m + at] /= head);
    }
    Ok(determinant)
}
fn inv_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let array = Args(args).tensor(0)?;
    let (n, all) = matrices(array);
    let mut values = vec![];
    for mut matrix in all.into_iter().filter(|_| n > 0) {
        let mut inverse: Vec<f64> = (0..n * n)
            .map(|place| if place / n == place % n { 1.0 } else { 0.0 })
            .collect();
        eliminate(&mut matrix, &mut inverse, n, n).map_err(|place| {
            singular(format!(
                "linalg.inv: The diagonal element {place} is zero, the inversion could not be completed because the input matrix is singular."
            ))
        })?;
        values.extend(inverse);
    }
    Ok(vec![
        Array::from_vec::<f64>(array.meta.shape.clone(), values).cast(array.dtype()),
    ])
}
/// The product of two matrices, or of as many pairs.
pub(super) fn product(b: &mut dyn Backward, first: Var, second: Var) -> Result<Var, OpError> {
    let (left, right) = (b.meta(first).shape, b.meta(second).shape);
    let [batch @ .., rows, inner] = &left[..] else {
        return Err(OpError::Unsupported("no matrix".into()));
    };
    if batch.is_empty() {
        return kit::call(b, "mm", vec![t(first), t(second)]);
    }
    let (count, columns) = (batch.iter().product(), right[right.len() - 1]);
    let first = kit::reshape(b, first, &[count, *rows, *inner])?;
    let second = kit::reshape(b, second, &[count, *inner, columns])?;
    let result = kit::call(b, "bmm", vec![t(first), t(second)])?;
    let mut shape: Shape = batch.into();
    shape.extend([*rows, columns]);
    kit::reshape(b, result, &shape)
}
fn inv_formula(b: &mut dyn Backward) -> Grads {
    let (grad, inverse) = (grad(b)?, b.output(0)?);
    let flipped = kit::transposed(b, inverse)?;
    let part = product(b, grad, flipped)?;
    let part = product(b, flipped, part)?;
    Ok(vec![Some(kit::neg(b, part)?)])
}

fn det_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let meta = Args(args).tensor(0)?;
    check_square(meta, "linalg.det")?;
    Ok(vec![Meta::contiguous(
        meta.dtype,
        &meta.shape[..meta.ndim() - 2],
    )])
}
fn determinants(array: &Array) -> Vec<f64> {
    let (n, all) = matrices(array);
    all.into_iter()
        .map(|mut matrix| eliminate(&mut matrix, &mut [], n, 0).unwrap_or(0.0))
        .collect()
}
fn det_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let meta = kit::inferred(det_infer, args)?;
    let values = determinants(Args(args).tensor(0)?);
    if values.len() != meta.numel() {
        return Err(OpError::Unsupported(
            "a determinant of an empty matrix".into(),
        ));
    }
    Ok(vec![
        Array::from_vec::<f64>(meta.shape, values).cast(meta.dtype),
    ])
}
/// `scale * inverse(A).T`, with a number of `scale` for each matrix.
fn scaled_inverse(b: &mut dyn Backward, scale: Var) -> Result<Var, OpError> {
    let matrix = b.input(0)?;
    let inverse = kit::call(b, "linalg_inv", vec![t(matrix)]).map_err(|_| {
        OpError::Unsupported("the gradient of the determinant of a singular matrix".into())
    })?;
    let flipped = kit::transposed(b, inverse)?;
    let scale = kit::call(b, "unsqueeze", vec![t(scale), kit::n(-1)])?;
    let scale = kit::call(b, "unsqueeze", vec![t(scale), kit::n(-1)])?;
    kit::mul(b, flipped, scale)
}
fn det_formula(b: &mut dyn Backward) -> Grads {
    let (grad, result) = (grad(b)?, b.output(0)?);
    let scale = kit::mul(b, grad, result)?;
    Ok(vec![Some(scaled_inverse(b, scale)?)])
}
fn slogdet_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let meta = Args(args).tensor(0)?;
    check_square(meta, "linalg.slogdet")?;
    let result = Meta::contiguous(meta.dtype, &meta.shape[..meta.ndim() - 2]);
    Ok(vec![result.clone(), result])
}
fn slogdet_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let meta = kit::inferred(slogdet_infer, args)?;
    let values = determinants(Args(args).tensor(0)?);
    if values.len() != meta.numel() {
        return Err(OpError::Unsupported(
            "a determinant of an empty matrix".into(),
        ));
    }
    let sign = values
        .iter()
        .map(|&value| if value == 0.0 { 0.0 } else { value.signum() })
        .collect();
    let log = values.iter().map(|value| value.abs().ln()).collect();
    Ok([sign, log]
        .map(|values| Array::from_vec::<f64>(meta.shape.clone(), values).cast(meta.dtype))
        .to_vec())
}
fn slogdet_formula(b: &mut dyn Backward) -> Grads {
    // The sign of a real matrix does not change with it.
    let Some(grad) = b.grad(1) else {
        let matrix = b.input(0)?;
        return Ok(vec![Some(kit::call(b, "zeros_like", vec![t(matrix)])?)]);
    };
    Ok(vec![Some(scaled_inverse(b, grad)?)])
}

fn solve_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let (a, b) = (Args(args).tensor(0)?, Args(args).tensor(1)?);
    check_square(a, "linalg.solve")?;
    if a.dtype != b.dtype {
        return Err(OpError::runtime(format!(
            "linalg.solve: Expected A and B to have the same dtype, but found A of type {} and B of type {} instead",
            a.dtype.scalar_name(),
            b.dtype.scalar_name()
        )));
    }
    let (n, batch) = (a.shape[a.ndim() - 1], a.ndim() - 2);
    let vector = b.ndim() == 1 && batch == 0;
    let (rows, columns) = match b.shape[..] {
        [rows] => (rows, 1),
        [.., rows, columns] => (rows, columns),
        [] => return Err(OpError::Unsupported("linalg.solve for a number".into())),
    };
    if rows != n {
        return Err(OpError::runtime(format!(
            "linalg.solve: Incompatible shapes of A and B for the equation AX = B ({n}x{n} and {rows}x{columns})"
        )));
    }
    let aligned = vector || (b.ndim() == a.ndim() && b.shape[..batch] == a.shape[..batch]);
    if !aligned {
        return Err(OpError::Unsupported(
            "linalg.solve with batches that are not alike".into(),
        ));
    }
    Ok(vec![Meta::contiguous(b.dtype, b.shape.clone())])
}
fn solve_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let (a, b) = (Args(args).tensor(0)?, Args(args).tensor(1)?);
    let (n, all) = matrices(a);
    let columns = if b.meta.ndim() == 1 {
        1
    } else {
        b.shape()[b.meta.ndim() - 1]
    };
    let mut values = b.values_as::<f64>().into_owned();
    for (mut matrix, part) in all.into_iter().zip(values.chunks_mut((n * columns).max(1))) {
        eliminate(&mut matrix, part, n, columns).map_err(|_| {
            singular("torch.linalg.solve: The solver failed because the input matrix is singular.")
        })?;
    }
    Ok(vec![
        Array::from_vec::<f64>(b.meta.shape.clone(), values).cast(b.dtype()),
    ])
}
fn solve_formula(b: &mut dyn Backward) -> Grads {
    let (grad, matrix, solution) = (grad(b)?, b.input(0)?, b.output(0)?);
    let flipped = kit::transposed(b, matrix)?;
    let to_right = kit::call(b, "linalg_solve", vec![t(flipped), t(grad)])?;
    let mut to_left = None;
    if b.needs(0) {
        let (mut left, mut right) = (to_right, solution);
        if b.meta(grad).ndim() == 1 {
            left = kit::call(b, "unsqueeze", vec![t(left), kit::n(-1)])?;
            right = kit::call(b, "unsqueeze", vec![t(right), kit::n(-1)])?;
        }
        let right = kit::transposed(b, right)?;
        let part = product(b, left, right)?;
        to_left = Some(kit::neg(b, part)?);
    }
    Ok(vec![to_left, Some(to_right)])
}

fn cholesky_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let array = Args(args).tensor(0)?;
    let (n, all) = matrices(array);
    let mut values = vec![];
    for matrix in all.into_iter().filter(|_| n > 0) {
        let mut lower = vec![0.0; n * n];
        for row in 0..n {
            for column in 0..=row {
                let dot: f64 = (0..column)
                    .map(|at| lower[row * n + at] * lower[column * n + at])
                    .sum();
                let rest = matrix[row * n + column] - dot;
                if row != column {
                    lower[row * n + column] = rest / lower[column * n + column];
                } else if rest > 0.0 {
                    lower[row * n + row] = rest.sqrt();
                } else {
                    return Err(singular(format!(
                        "linalg.cholesky: The factorization could not be completed because the input is not positive-definite (the leading minor of order {} is not positive-definite).",
                        row + 1
                    )));
                }
            }
        }
        values.extend(lower);
    }
    Ok(vec![
        Array::from_vec::<f64>(array.meta.shape.clone(), values).cast(array.dtype()),
    ])
}
/// `inv(L).T @ half(L.T @ grad) @ inv(L)`, made symmetric; `half` is the lower triangle with half of the diagonal.
fn cholesky_formula(b: &mut dyn Backward) -> Grads {
    let (grad, lower) = (grad(b)?, b.output(0)?);
    let flipped = kit::transposed(b, lower)?;
    let inner = product(b, flipped, grad)?;
    let (with, without) = (
        kit::call(b, "tril", vec![t(inner)])?,
        kit::call(b, "tril", vec![t(inner), kit::n(-1)])?,
    );
    let both = kit::add(b, with, without)?;
    let half = kit::scale(b, both, 0.5)?;
    let inverse = kit::call(b, "linalg_inv", vec![t(lower)])?;
    let flipped = kit::transposed(b, inverse)?;
    let part = product(b, flipped, half)?;
    let part = product(b, part, inverse)?;
    let other = kit::transposed(b, part)?;
    let sum = kit::add(b, part, other)?;
    Ok(vec![Some(kit::scale(b, sum, 0.5)?)])
}
