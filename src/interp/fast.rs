//! The short way to an operator's numbers: elements of `f32` that lie in order.

use super::value::Tensor;
use crate::ops::{self, Arg, Array, Fast, OpRow, Shape};

/// The numbers of an operator in its common case: see [`ops::Fast`].
pub(super) fn fast(row: &OpRow, args: &[Arg<Tensor>]) -> Option<Array> {
    let kernel = row.fast?;
    let operands = match kernel {
        Fast::One(_) => 1,
        Fast::Two(_) => 2,
    };
    let is_default = |(arg, param): (&Arg<Tensor>, &ops::Param)| {
        param.default.is_some_and(|default| default.is(arg))
    };
    let others = args.get(operands..)?.iter().zip(&row.params[operands..]);
    let (Some(Arg::Tensor(first)), true) = (args.first(), others.into_iter().all(is_default))
    else {
        return None;
    };
    let meta = first.meta.borrow();
    let values = match (kernel, args.get(1)) {
        (Fast::One(kernel), _) => in_order(first, kernel)?,
        (Fast::Two(kernel), Some(Arg::Tensor(second)))
            if second.meta.borrow().shape == meta.shape =>
        {
            in_order(first, |x| in_order(second, |y| kernel(x, y)))??
        }
        (Fast::Two(kernel), Some(Arg::Tensor(second)))
            if second.dtype() == ops::Dtype::F32
                && stretches(&second.meta.borrow().shape, &meta.shape) =>
        {
            let second = second.array().broadcast_to(&meta.shape);
            let second = second.values::<f32>();
            in_order(first, |x| kernel(x, &second))?
        }
        (Fast::Two(kernel), Some(Arg::Scalar(number))) => {
            in_order(first, |x| kernel(x, &[number.as_f64() as f32]))?
        }
        _ => return None,
    };
    Some(Array::from_vec(Shape::from_slice(&meta.shape), values))
}

/// Whether `small` is broadcast to just `large`.
fn stretches(small: &[usize], large: &[usize]) -> bool {
    let pairs = small.iter().rev().zip(large.iter().rev());
    small.len() <= large.len() && pairs.into_iter().all(|(&a, &b)| a == b || a == 1)
}

/// `of` the elements of a tensor of `f32` that lie in order.
fn in_order<T>(tensor: &Tensor, of: impl FnOnce(&[f32]) -> T) -> Option<T> {
    let meta = tensor.meta.borrow();
    let storage = tensor.storage.borrow();
    let buffer = storage.buffer.borrow();
    let ops::Buffer::F32(values) = &**buffer else {
        return None;
    };
    if !meta.is_contiguous() {
        return None;
    }
    values
        .get(meta.offset..meta.offset.checked_add(meta.numel())?)
        .map(of)
}
