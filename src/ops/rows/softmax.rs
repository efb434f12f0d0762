//! `softmax` and `log_softmax`.

use crate::ops::array::Array;
use crate::ops::kernels::Along;
use crate::ops::kit::{
    self, Args, Grads, everywhere, formula, grad, input_meta, int, keyword, op, optional,
    saved_output, t, tensor,
};
use crate::ops::layout;
use crate::ops::meta::{Dtype, Meta};
use crate::ops::rng::Rng;
use crate::ops::row::{Arg, Backward, Default, Exception, OpError, OpRow, Param, ParamKind};

const PARAMS: &[Param] = &[
    tensor("input"),
    int("dim"),
    keyword(optional("dtype", ParamKind::Dtype, Default::None)),
];

/// The rows of this file.
pub const ROWS: &[OpRow] = &[
    op(
        "softmax",
        everywhere(&["softmax"]),
        PARAMS,
        |args| infer(args, "softmax"),
        softmax_forward,
        &[saved_output(0)],
        formula(softmax_formula),
        "SoftmaxBackward0",
        &["softmax(dim)", "F.softmax"],
    ),
    op(
        "log_softmax",
        everywhere(&["log_softmax"]),
        PARAMS,
        |args| infer(args, "log_softmax"),
        log_softmax_forward,
        &[saved_output(0)],
        formula(log_softmax_formula),
        "LogSoftmaxBackward0",
        &["log_softmax(dim)", "F.log_softmax"],
    ),
];

fn infer(args: &[Arg<Meta>], name: &str) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    let meta = args.tensor(0)?;
    let dim = layout::wrap_dim(args.int(1, 0), meta.ndim())?;
    let dtype = args.dtype(2).unwrap_or(meta.dtype);
    if !dtype.is_floating() {
        let kernel = if dim + 1 >= meta.ndim() {
            "lastdim_kernel_impl"
        } else {
            "kernel_impl"
        };
        return Err(OpError::Raises(
            Exception::NotImplementedError,
            format!(
                "\"{name}_{kernel}\" not implemented for '{}'",
                dtype.scalar_name()
            ),
        ));
    }
    Ok(vec![Meta::contiguous(dtype, meta.shape.clone())])
}

/// Replaces each line along a dimension, computed in doubles.
pub fn map_lines(array: &Array, dim: usize, dtype: Dtype, map: impl Fn(&mut [f64])) -> Array {
    let along = Along::new(array.shape(), dim);
    let mut values = array.values_as::<f64>().into_owned();
    let mut line = vec![0.0; along.size];
    if !values.is_empty() {
        for start in along.lines() {
            for (at, value) in line.iter_mut().enumerate() {
                *value = values[start + at * along.inner];
            }
            map(&mut line);
            for (at, &value) in line.iter().enumerate() {
                values[start + at * along.inner] = value;
            }
        }
    }
    Array::from_vec::<f64>(array.meta.shape.clone(), values).cast(dtype)
}
fn forward(args: &[Arg<Array>], map: impl Fn(&mut [f64])) -> Result<Vec<Array>, OpError> {
    let args = Args(args);
    let array = args.tensor(0)?;
    let dtype = args.dtype(2).unwrap_or(array.dtype());
    let dim = layout::wrap_dim(args.int(1, 0), array.meta.ndim())?;
    Ok(vec![map_lines(&array.cast(dtype), dim, dtype, map)])
}
fn softmax_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    forward(args, |line| {
        let highest = line.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        line.iter_mut()
            .for_each(|value| *value = (*value - highest).exp());
        let sum: f64 = line.iter().sum();
        line.iter_mut().for_each(|value| *value /= sum);
    })
}
fn log_softmax_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    forward(args, |line| {
        let highest = line.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = line.iter().map(|value| (value - highest).exp()).sum();
        let log = sum.ln();
        line.iter_mut()
            .for_each(|value| *value = *value - highest - log);
    })
}
fn softmax_formula(b: &mut dyn Backward) -> Grads {
    let (grad, out, dim) = (grad(b)?, b.output(0)?, Args(b.args()).int(1, 0));
    let product = kit::mul(b, grad, out)?;
    let sum = kit::sum(b, product, &[dim], true)?;
    let scaled = kit::mul(b, out, sum)?;
    let part = kit::sub(b, product, scaled)?;
    as_input(b, part)
}
fn log_softmax_formula(b: &mut dyn Backward) -> Grads {
    let (grad, out, dim) = (grad(b)?, b.output(0)?, Args(b.args()).int(1, 0));
    let sum = kit::sum(b, grad, &[dim], true)?;
    let exp = kit::call(b, "exp", vec![t(out)])?;
    let scaled = kit::mul(b, exp, sum)?;
    let part = kit::sub(b, grad, scaled)?;
    as_input(b, part)
}
/// In the dtype of the argument, from which `dtype=` may have gone away.
fn as_input(b: &mut dyn Backward, part: crate::ops::row::Var) -> Grads {
    let dtype = input_meta(b, 0)?.dtype;
    Ok(vec![Some(b.cast(part, dtype)?)])
}
