//! Decompositions of matrices: QR, eigenvectors, singular vectors; and the exponential of a matrix.
//!
//! Eigenvectors and singular vectors are determined up to their sign; LAPACK's choice of it is not followed.

use super::linalg::{check_square, matrices, product};
use crate::ops::array::Array;
use crate::ops::broadcast::fresh;
use crate::ops::kit::{
    self, Args, Grads, flag_or, formula, function, op, saved, saved_output, t, tensor, text_or,
};
use crate::ops::meta::{Meta, Shape};
use crate::ops::rng::Rng;
use crate::ops::row::{Arg, Backward, Exception, Forms, OpError, OpRow, Param, Save, Var};

const A: Param = tensor("A");
const PAIR: &[Save] = &[saved_output(0), saved_output(1)];

/// The rows of this file.
pub const ROWS: &[OpRow] = &[
    op(
        "linalg_qr",
        function(&["linalg.qr"]),
        &[A, text_or("mode", "reduced")],
        qr_infer,
        qr_forward,
        PAIR,
        formula(qr_formula),
        "LinalgQrBackward0",
        &["linalg.qr"],
    ),
    op(
        "_solve_upper",
        kit::INTERNAL,
        &[A, tensor("B")],
        upper_infer,
        upper_forward,
        &[saved(0), saved_output(0)],
        formula(upper_formula),
        "LinalgSolveTriangularBackward0",
        &[],
    ),
    op(
        "linalg_eigh",
        function(&["linalg.eigh"]),
        &[A, text_or("UPLO", "L")],
        eigh_infer,
        eigh_forward,
        PAIR,
        formula(eigh_formula),
        "LinalgEighBackward0",
        &["linalg.eigh"],
    ),
    op(
        "linalg_svd",
        function(&["linalg.svd"]),
        &[A, flag_or("full_matrices", true)],
        svd_infer,
        svd_forward,
        &[saved_output(0), saved_output(1), saved_output(2)],
        formula(svd_formula),
        "LinalgSvdBackward0",
        &["linalg.svd"],
    ),
    op(
        "linalg_matrix_exp",
        Forms {
            function: &["linalg.matrix_exp", "matrix_exp"],
            method: &["matrix_exp"],
            functional: &[],
            attribute: &[],
        },
        &[A],
        exp_infer,
        exp_forward,
        &[saved(0)],
        formula(exp_formula),
        "LinalgMatrixExpBackward0",
        &["matrix_exp"],
    ),
];

/// How many rows and columns a decomposition may have here.
const LARGEST: usize = 256;

fn unsupported<T>(what: impl Into<String>) -> Result<T, OpError> {
    Err(OpError::Unsupported(what.into()))
}
/// The sizes before the matrix, its rows and its columns.
fn sizes<'a>(meta: &'a Meta, name: &str) -> Result<(&'a [usize], usize, usize), OpError> {
    let [batch @ .., rows, columns] = &meta.shape[..] else {
        return Err(OpError::runtime(format!(
            "{name}: The input tensor A must have at least 2 dimensions."
        )));
    };
    if !meta.dtype.is_floating() {
        return Err(OpError::Raises(
            Exception::NotImplementedError,
            format!(
                "{name}: Expected a floating point or complex tensor as input. Got {}",
                meta.dtype.scalar_name()
            ),
        ));
    }
    if meta.numel() == 0 || *rows.max(columns) > LARGEST {
        return unsupported(format!("{name} of an empty matrix, or of one this large"));
    }
    Ok((batch, *rows, *columns))
}
fn with(batch: &[usize], last: &[usize]) -> Shape {
    batch.iter().chain(last).copied().collect()
}
fn array(meta: &Meta, last: &[usize], values: Vec<f64>) -> Array {
    let batch = &meta.shape[..meta.ndim() - 2];
    Array::from_vec::<f64>(with(batch, last), values).cast(meta.dtype)
}

fn qr_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let meta = Args(args).tensor(0)?;
    let (batch, rows, columns) = sizes(meta, "linalg.qr")?;
    let mode = Args(args).text(1, "reduced");
    if mode != "reduced" && !(mode == "complete" && rows == columns) {
        return unsupported(format!("linalg.qr with mode='{mode}'"));
    }
    let inner = rows.min(columns);
    Ok(vec![
        fresh(meta.dtype, with(batch, &[rows, inner]))?,
        fresh(meta.dtype, with(batch, &[inner, columns]))?,
    ])
}
/// Householder's reflections, with LAPACK's signs: each makes the first element the negative norm of its column,
/// with the sign of that element.
fn qr_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let a = Args(args).tensor(0)?;
    let (_, m, n) = sizes(&a.meta, "linalg.qr")?;
    let k = m.min(n);
    let (mut qs, mut rs) = (vec![], vec![]);
    for matrix in a.values_as::<f64>().chunks(m * n) {
        let (q, r) = householder(matrix.to_vec(), m, n);
        qs.extend((0..m).flat_map(|row| q[row * m..row * m + k].to_vec()));
        rs.extend_from_slice(&r[..k * n]);
    }
    Ok(vec![
        array(&a.meta, &[m, k], qs),
        array(&a.meta, &[k, n], rs),
    ])
}
fn householder(mut r: Vec<f64>, m: usize, n: usize) -> (Vec<f64>, Vec<f64>) {
    let mut q = identity(m);
    for column in 0..n.min(m.saturating_sub(1)) {
        let below: f64 = (column + 1..m).map(|row| r[row * n + column].powi(2)).sum();
        if below == 0.0 {
            continue;
        }
        let head = r[column * n + column];
        let norm = -(head * head + below).sqrt().copysign(head);
        let mut v: Vec<f64> = (column..m).map(|row| r[row * n + column]).collect();
        v[0] -= norm;
        let square: f64 = v.iter().map(|x| x * x).sum();
        for at in 0..n {
            let dot: f64 = v
                .iter()
                .zip(column..m)
                .map(|(x, row)| x * r[row * n + at])
                .sum();
            (column..m).for_each(|row| r[row * n + at] -= 2.0 * v[row - column] * dot / square);
        }
        for row in 0..m {
            let dot: f64 = v
                .iter()
                .zip(column..m)
                .map(|(x, at)| x * q[row * m + at])
                .sum();
            (column..m).for_each(|at| q[row * m + at] -= 2.0 * v[at - column] * dot / square);
        }
        (column + 1..m).for_each(|row| r[row * n + column] = 0.0);
    }
    (q, r)
}
fn identity(n: usize) -> Vec<f64> {
    (0..n * n)
        .map(|at| if at / n == at % n { 1.0 } else { 0.0 })
        .collect()
}
/// `X + X.T` with half of the diagonal, of the upper triangle of `x`.
fn mirrored(b: &mut dyn Backward, x: Var) -> Result<Var, OpError> {
    let with = kit::call(b, "triu", vec![t(x)])?;
    let without = kit::call(b, "triu", vec![t(x), kit::n(1)])?;
    let flipped = kit::transposed(b, without)?;
    kit::add(b, with, flipped)
}
fn qr_formula(b: &mut dyn Backward) -> Grads {
    let (q, r) = (b.output(0)?, b.output(1)?);
    let [.., m, n] = b.output_meta(0).shape[..] else {
        return unsupported("the gradient of linalg.qr");
    };
    let columns = b.output_meta(1).shape.last().copied().unwrap_or(n);
    if m < n {
        return unsupported("the gradient of linalg.qr");
    }
    let (of_q, of_r) = (b.grad(0), b.grad(1));
    if columns > n {
        return wide_qr(b, [q, r], [of_q, of_r], [n, columns]);
    }
    let whole = square_qr(b, [q, r], [of_q, of_r])?;
    Ok(vec![whole])
}
/// The gradient of `A = QR`, `R` square.
fn square_qr(
    b: &mut dyn Backward,
    [q, r]: [Var; 2],
    [of_q, of_r]: [Option<Var>; 2],
) -> Result<Option<Var>, OpError> {
    let mut inner = None;
    if let Some(grad) = of_r {
        let flipped = kit::transposed(b, r)?;
        inner = Some(product(b, grad, flipped)?);
    }
    if let Some(grad) = of_q {
        let flipped = kit::transposed(b, q)?;
        let part = product(b, flipped, grad)?;
        inner = Some(match inner {
            Some(inner) => kit::sub(b, inner, part)?,
            None => kit::neg(b, part)?,
        });
    }
    let Some(inner) = inner else {
        return Ok(None);
    };
    let inner = mirrored(b, inner)?;
    let mut part = product(b, q, inner)?;
    if let Some(grad) = of_q {
        part = kit::add(b, part, grad)?;
    }
    // part @ inverse(R).T
    let flipped = kit::transposed(b, part)?;
    let solved = kit::call(b, "_solve_upper", vec![t(r), t(flipped)])?;
    Ok(Some(kit::transposed(b, solved)?))
}
/// With more columns than rows: of `A = [X Y]`, `Q` and the square that `R` begins with are those of `X`, the rest of
/// `R` is `Q.T @ Y`.
fn wide_qr(
    b: &mut dyn Backward,
    [q, r]: [Var; 2],
    [of_q, of_r]: [Option<Var>; 2],
    [square, columns]: [usize; 2],
) -> Grads {
    let part = |b: &mut dyn Backward, of: Var, from: usize, to: usize| {
        let (from, to) = (kit::n(from as i64), kit::n(to as i64));
        kit::call(b, "slice", vec![t(of), kit::n(-1), from, to])
    };
    let (first, rest) = (part(b, r, 0, square)?, part(b, r, square, columns)?);
    let mut of_q = of_q;
    let (mut of_first, mut of_y) = (None, None);
    if let Some(grad) = of_r {
        of_first = Some(part(b, grad, 0, square)?);
        let of_rest = part(b, grad, square, columns)?;
        of_y = Some(product(b, q, of_rest)?);
        // Y is Q @ rest.
        let y = product(b, q, rest)?;
        let flipped = kit::transposed(b, of_rest)?;
        let through = product(b, y, flipped)?;
        of_q = Some(match of_q {
            Some(grad) => kit::add(b, grad, through)?,
            None => through,
        });
    }
    let Some(of_x) = square_qr(b, [q, first], [of_q, of_first])? else {
        return Ok(vec![None]);
    };
    let of_y = match of_y {
        Some(grad) => grad,
        None => {
            let meta = b.meta(rest);
            b.zeros(&meta.shape, meta.dtype)?
        }
    };
    let parts = Arg::Tensors(vec![of_x, of_y]);
    Ok(vec![Some(kit::call(b, "cat", vec![parts, kit::n(-1)])?)])
}

fn upper_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let right = Args(args).tensor(1)?;
    Ok(vec![fresh(right.dtype, right.shape.clone())?])
}
/// `X` of `R X = B`, `R` upper triangular, from the last row up. A zero on the diagonal gives what division gives.
fn upper_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let (r, right) = (Args(args).tensor(0)?, Args(args).tensor(1)?);
    let (_, n, _) = sizes(&r.meta, "linalg.solve_triangular")?;
    let columns = right.shape().last().copied().unwrap_or(1);
    let (rows, mut all) = (r.values_as::<f64>(), right.values_as::<f64>().to_vec());
    for (r, x) in rows.chunks(n * n).zip(all.chunks_mut(n * columns)) {
        for (row, column) in (0..n)
            .rev()
            .flat_map(|row| (0..columns).map(move |c| (row, c)))
        {
            let known: f64 = (row + 1..n)
                .map(|at| r[row * n + at] * x[at * columns + column])
                .sum();
            x[row * columns + column] = (x[row * columns + column] - known) / r[row * n + row];
        }
    }
    let solved = Array::from_vec(right.meta.shape.clone(), all);
    Ok(vec![solved.cast(right.dtype())])
}
fn upper_formula(_: &mut dyn Backward) -> Grads {
    Err(OpError::Unsupported(
        "the second derivative of linalg.qr".into(),
    ))
}

fn eigh_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let meta = Args(args).tensor(0)?;
    check_square(meta, "linalg.eigh")?;
    let (batch, n, _) = sizes(meta, "linalg.eigh")?;
    Ok(vec![
        fresh(meta.dtype, with(batch, &[n]))?,
        fresh(meta.dtype, with(batch, &[n, n]))?,
    ])
}
fn eigh_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let a = Args(args).tensor(0)?;
    let lower = !Args(args).text(1, "L").eq_ignore_ascii_case("u");
    let (n, all) = matrices(a);
    let (mut values, mut vectors) = (vec![], vec![]);
    for matrix in all {
        let at = |row: usize, column: usize| {
            let (high, low) = (row.max(column), row.min(column));
            if lower {
                matrix[high * n + low]
            } else {
                matrix[low * n + high]
            }
        };
        let symmetric = (0..n * n).map(|place| at(place / n, place % n)).collect();
        let (own, v) = rotate(symmetric, n);
        values.extend(own);
        vectors.extend(v);
    }
    Ok(vec![
        array(&a.meta, &[n], values),
        array(&a.meta, &[n, n], vectors),
    ])
}
/// Jacobi's rotations of a symmetric matrix, until it is diagonal: eigenvalues from the least, and eigenvectors in
/// columns, each with its last element that is not nearly zero positive.
fn rotate(mut a: Vec<f64>, n: usize) -> (Vec<f64>, Vec<f64>) {
    let mut v = identity(n);
    for _ in 0..64 {
        let off: f64 = (0..n * n)
            .filter(|at| at / n != at % n)
            .map(|at| a[at] * a[at])
            .sum();
        if off == 0.0 || off.is_nan() {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                turn(&mut a, &mut v, n, p, q);
            }
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&x, &y| a[x * n + x].total_cmp(&a[y * n + y]));
    let values = order.iter().map(|&at| a[at * n + at]).collect();
    let mut vectors = vec![0.0; n * n];
    for (to, &from) in order.iter().enumerate() {
        let last = (0..n)
            .rev()
            .map(|row| v[row * n + from])
            .find(|x| x.abs() > 1e-12);
        let sign = last.map_or(1.0, f64::signum);
        (0..n).for_each(|row| vectors[row * n + to] = sign * v[row * n + from]);
    }
    (values, vectors)
}
/// One rotation, which makes `a[p, q]` zero.
fn turn(a: &mut [f64], v: &mut [f64], n: usize, p: usize, q: usize) {
    let off = a[p * n + q];
    if off.abs() < 1e-300 {
        a[p * n + q] = 0.0;
        a[q * n + p] = 0.0;
        return;
    }
    let theta = (a[q * n + q] - a[p * n + p]) / (2.0 * off);
    let tangent = 1.0f64.copysign(theta) / (theta.abs() + theta.hypot(1.0));
    let cosine = 1.0 / tangent.hypot(1.0);
    let sine = tangent * cosine;
    for at in 0..n {
        let (x, y) = (a[at * n + p], a[at * n + q]);
        a[at * n + p] = cosine * x - sine * y;
        a[at * n + q] = sine * x + cosine * y;
    }
    for at in 0..n {
        let (x, y) = (a[p * n + at], a[q * n + at]);
        a[p * n + at] = cosine * x - sine * y;
        a[q * n + at] = sine * x + cosine * y;
        let (x, y) = (v[at * n + p], v[at * n + q]);
        v[at * n + p] = cosine * x - sine * y;
        v[at * n + q] = sine * x + cosine * y;
    }
}
/// `1 / (values[j] - values[i])`, and zero on the diagonal.
fn inverse_gaps(b: &mut dyn Backward, values: Var) -> Result<Var, OpError> {
    let row = kit::call(b, "unsqueeze", vec![t(values), kit::n(-2)])?;
    let column = kit::call(b, "unsqueeze", vec![t(values), kit::n(-1)])?;
    let gaps = kit::sub(b, row, column)?;
    let ones = kit::call(b, "ones_like", vec![t(values)])?;
    let diagonal = kit::call(b, "diag_embed", vec![t(ones)])?;
    let gaps = kit::add(b, gaps, diagonal)?;
    let inverse = kit::call(b, "reciprocal", vec![t(gaps)])?;
    kit::sub(b, inverse, diagonal)
}
/// `x - x.T`
fn skew(b: &mut dyn Backward, x: Var) -> Result<Var, OpError> {
    let flipped = kit::transposed(b, x)?;
    kit::sub(b, x, flipped)
}
fn eigh_formula(b: &mut dyn Backward) -> Grads {
    let (values, v) = (b.output(0)?, b.output(1)?);
    let flipped = kit::transposed(b, v)?;
    let mut middle = match b.grad(1) {
        Some(grad) => {
            let part = product(b, flipped, grad)?;
            let part = skew(b, part)?;
            let part = kit::scale(b, part, 0.5)?;
            let gaps = inverse_gaps(b, values)?;
            Some(kit::mul(b, part, gaps)?)
        }
        None => None,
    };
    if let Some(grad) = b.grad(0) {
        let diagonal = kit::call(b, "diag_embed", vec![t(grad)])?;
        middle = Some(match middle {
            Some(middle) => kit::add(b, middle, diagonal)?,
            None => diagonal,
        });
    }
    let Some(middle) = middle else {
        return Ok(vec![None]);
    };
    let part = product(b, v, middle)?;
    Ok(vec![Some(product(b, part, flipped)?)])
}

fn svd_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let meta = Args(args).tensor(0)?;
    let (batch, rows, columns) = sizes(meta, "linalg.svd")?;
    let inner = rows.min(columns);
    if rows != columns && Args(args).flag(1, true) {
        return unsupported("linalg.svd with all singular vectors of a matrix that is not square");
    }
    Ok(vec![
        fresh(meta.dtype, with(batch, &[rows, inner]))?,
        fresh(meta.dtype, with(batch, &[inner]))?,
        fresh(meta.dtype, with(batch, &[inner, columns]))?,
    ])
}
fn svd_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let a = Args(args).tensor(0)?;
    let (_, m, n) = sizes(&a.meta, "linalg.svd")?;
    let k = m.min(n);
    let (mut us, mut ss, mut vs) = (vec![], vec![], vec![]);
    for matrix in a.values_as::<f64>().chunks(m * n) {
        let (u, s, v) = if m >= n {
            singular(matrix.to_vec(), m, n)
        } else {
            let (v, s, u) = singular(transpose(matrix, m, n), n, m);
            (transpose(&u, k, m), s, transpose(&v, n, k))
        };
        us.extend(u);
        ss.extend(s);
        vs.extend(v);
    }
    Ok(vec![
        array(&a.meta, &[m, k], us),
        array(&a.meta, &[k], ss),
        array(&a.meta, &[k, n], vs),
    ])
}
fn transpose(a: &[f64], m: usize, n: usize) -> Vec<f64> {
    (0..m * n).map(|at| a[at % m * n + at / m]).collect()
}
/// One-sided rotations (Hestenes) of an m by n matrix, m >= n: `u` (m by n), the singular values from the greatest,
/// and `v` transposed (n by n).
fn singular(mut u: Vec<f64>, m: usize, n: usize) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
    let mut v = identity(n);
    for _ in 0..64 {
        let mut turned = false;
        for p in 0..n {
            for q in p + 1..n {
                turned |= straighten(&mut u, &mut v, [m, n], p, q);
            }
        }
        if !turned {
            break;
        }
    }
    let norms: Vec<f64> = (0..n)
        .map(|at| {
            (0..m)
                .map(|row| u[row * n + at].powi(2))
                .sum::<f64>()
                .sqrt()
        })
        .collect();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&x, &y| norms[y].total_cmp(&norms[x]));
    let (mut left, mut right) = (vec![0.0; m * n], vec![0.0; n * n]);
    for (to, &from) in order.iter().enumerate() {
        let head = (0..m)
            .map(|row| u[row * n + from])
            .find(|x| x.abs() > 1e-12);
        // LAPACK's reflections make the first element of the first vector negative.
        let sign = -head.map_or(-1.0, f64::signum);
        (0..m).for_each(|row| left[row * n + to] = sign * u[row * n + from] / norms[from]);
        (0..n).for_each(|row| right[to * n + row] = sign * v[row * n + from]);
    }
    let values = order.iter().map(|&at| norms[at]).collect();
    (left, values, right)
}
/// Makes two columns of `u` orthogonal; whether they were not.
fn straighten(u: &mut [f64], v: &mut [f64], [m, n]: [usize; 2], p: usize, q: usize) -> bool {
    let dot =
        |x: usize, y: usize| -> f64 { (0..m).map(|row| u[row * n + x] * u[row * n + y]).sum() };
    let (alpha, beta, gamma) = (dot(p, p), dot(q, q), dot(p, q));
    if gamma.is_nan() || gamma.abs() <= 1e-15 * (alpha * beta).sqrt() || gamma == 0.0 {
        return false;
    }
    let zeta = (beta - alpha) / (2.0 * gamma);
    let tangent = 1.0f64.copysign(zeta) / (zeta.abs() + zeta.hypot(1.0));
    let cosine = 1.0 / tangent.hypot(1.0);
    let sine = cosine * tangent;
    let turn = |x: &mut [f64], rows: usize| {
        for row in 0..rows {
            let (a, b) = (x[row * n + p], x[row * n + q]);
            x[row * n + p] = cosine * a - sine * b;
            x[row * n + q] = sine * a + cosine * b;
        }
    };
    turn(u, m);
    turn(v, n);
    true
}
fn svd_formula(b: &mut dyn Backward) -> Grads {
    let (u, s, v) = (b.output(0)?, b.output(1)?, b.output(2)?);
    let (of_u, of_s, of_v) = (b.grad(0), b.grad(1), b.grad(2));
    let (flipped_u, flipped_v) = (kit::transposed(b, u)?, kit::transposed(b, v)?);
    let row = kit::call(b, "unsqueeze", vec![t(s), kit::n(-2)])?;
    let column = kit::call(b, "unsqueeze", vec![t(s), kit::n(-1)])?;
    let mut middle = None;
    if let Some(grad) = of_u {
        let part = product(b, flipped_u, grad)?;
        let part = skew(b, part)?;
        middle = Some(kit::mul(b, part, row)?);
    }
    if let Some(grad) = of_v {
        let flipped = kit::transposed(b, grad)?;
        let part = product(b, v, flipped)?;
        let part = skew(b, part)?;
        let part = kit::mul(b, column, part)?;
        middle = Some(match middle {
            Some(middle) => kit::add(b, middle, part)?,
            None => part,
        });
    }
    if let Some(part) = middle {
        let squares = kit::mul(b, s, s)?;
        let gaps = inverse_gaps(b, squares)?;
        middle = Some(kit::mul(b, part, gaps)?);
    }
    if let Some(grad) = of_s {
        let diagonal = kit::call(b, "diag_embed", vec![t(grad)])?;
        middle = Some(match middle {
            Some(middle) => kit::add(b, middle, diagonal)?,
            None => diagonal,
        });
    }
    let Some(middle) = middle else {
        return Ok(vec![None]);
    };
    let part = product(b, u, middle)?;
    let mut grad = product(b, part, v)?;
    let (rows, columns, inner) = (b.meta(u).shape, b.meta(v).shape, b.meta(s).shape);
    let (m, n, k) = (
        rows[rows.len() - 2],
        columns[columns.len() - 1],
        inner[inner.len() - 1],
    );
    if let (true, Some(own)) = (m > k, of_u) {
        let scaled = kit::div(b, own, row)?;
        let inside = product(b, flipped_u, scaled)?;
        let inside = product(b, u, inside)?;
        let outside = kit::sub(b, scaled, inside)?;
        let outside = product(b, outside, v)?;
        grad = kit::add(b, grad, outside)?;
    }
    if let (true, Some(own)) = (n > k, of_v) {
        let scaled = kit::div(b, own, column)?;
        let inside = product(b, scaled, flipped_v)?;
        let inside = product(b, inside, v)?;
        let outside = kit::sub(b, scaled, inside)?;
        let outside = product(b, u, outside)?;
        grad = kit::add(b, grad, outside)?;
    }
    Ok(vec![Some(grad)])
}

fn exp_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let meta = Args(args).tensor(0)?;
    let name = "linalg.matrix_exp";
    if let [.., rows, columns] = meta.shape[..]
        && rows != columns
    {
        return Err(OpError::runtime(format!(
            "{name}: A must be batches of square matrices, but they are {rows} by {columns} matrices"
        )));
    }
    sizes(meta, name)?;
    Ok(vec![fresh(meta.dtype, meta.shape.clone())?])
}
/// Taylor's series of the matrix, halved until it is small, squared as often.
fn exp_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let a = Args(args).tensor(0)?;
    let (n, all) = matrices(a);
    let mut values = vec![];
    for matrix in all {
        let norm = matrix.iter().fold(0.0, |most: f64, x| most.max(x.abs())) * n as f64;
        if !norm.is_finite() || norm > 1e6 {
            return unsupported("matrix_exp of a matrix with elements this large");
        }
        let halvings = (norm.max(0.5) * 2.0).log2().ceil() as i32;
        let small: Vec<f64> = matrix.iter().map(|x| x / 2f64.powi(halvings)).collect();
        let (mut sum, mut term) = (identity(n), identity(n));
        for step in 1..=18 {
            term = times(&term, &small, n);
            term.iter_mut().for_each(|x| *x /= f64::from(step));
            sum.iter_mut().zip(&term).for_each(|(x, y)| *x += y);
        }
        for _ in 0..halvings {
            sum = times(&sum, &sum, n);
        }
        values.extend(sum);
    }
    Ok(vec![array(&a.meta, &[n, n], values)])
}
fn times(a: &[f64], b: &[f64], n: usize) -> Vec<f64> {
    (0..n * n)
        .map(|at| {
            (0..n)
                .map(|inner| a[at / n * n + inner] * b[inner * n + at % n])
                .sum()
        })
        .collect()
}
/// The derivative stands in the corner of the exponential of `[[A.T, grad], [0, A.T]]`.
fn exp_formula(b: &mut dyn Backward) -> Grads {
    let (grad, a) = (kit::grad(b)?, b.input(0)?);
    let flipped = kit::transposed(b, a)?;
    let zeros = kit::call(b, "zeros_like", vec![t(grad)])?;
    let join = |b: &mut dyn Backward, parts: [Var; 2], dim: i64| {
        kit::call(b, "cat", vec![Arg::Tensors(parts.to_vec()), kit::n(dim)])
    };
    let above = join(b, [flipped, grad], -1)?;
    let below = join(b, [zeros, flipped], -1)?;
    let whole = join(b, [above, below], -2)?;
    let exp = kit::call(b, "linalg_matrix_exp", vec![t(whole)])?;
    let shape = b.meta(a).shape;
    let n = shape[shape.len() - 1] as i64;
    let top = kit::call(b, "narrow", vec![t(exp), kit::n(-2), kit::n(0), kit::n(n)])?;
    Ok(vec![Some(kit::call(
        b,
        "narrow",
        vec![t(top), kit::n(-1), kit::n(n), kit::n(n)],
    )?)])
}
