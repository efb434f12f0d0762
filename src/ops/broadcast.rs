//! Broadcasting of sizes, and sizes that do not overflow.

use super::meta::{Dtype, Meta, Shape};
use super::row::OpError;

/// The sizes that `left` and `right` broadcast to.
pub fn broadcast(left: &[usize], right: &[usize]) -> Result<Shape, OpError> {
    if left == right || right.is_empty() {
        return Ok(Shape::from_slice(left));
    }
    if left.is_empty() {
        return Ok(Shape::from_slice(right));
    }
    let ndim = left.len().max(right.len());
    let mut result = Shape::from_elem(1, ndim);
    for dim in (0..ndim).rev() {
        let a = from_the_end(left, ndim - dim);
        let b = from_the_end(right, ndim - dim);
        if a != b && a != 1 && b != 1 {
            return Err(OpError::runtime(format!(
                "The size of tensor a ({a}) must match the size of tensor b ({b}) at non-singleton dimension {dim}"
            )));
        }
        result[dim] = if a == 1 { b } else { a };
    }
    Ok(result)
}

/// The size `place` dimensions from the end, one where there is none.
fn from_the_end(shape: &[usize], place: usize) -> usize {
    if place <= shape.len() {
        shape[shape.len() - place]
    } else {
        1
    }
}

/// The sizes that all of `shapes` broadcast to.
pub fn broadcast_all<'a>(shapes: impl IntoIterator<Item = &'a [usize]>) -> Result<Shape, OpError> {
    shapes
        .into_iter()
        .try_fold(Shape::new(), |result, shape| broadcast(&result, shape))
}

/// The layout of `meta` seen under the larger `shape` it broadcasts to: added and stretched dimensions have stride 0.
pub fn expanded(meta: &Meta, shape: &[usize]) -> Meta {
    if meta.shape.as_slice() == shape {
        return meta.clone();
    }
    let added = shape.len() - meta.ndim().min(shape.len());
    let strides = (0..shape.len())
        .map(|dim| match dim.checked_sub(added) {
            Some(own) if meta.shape[own] == shape[dim] => meta.strides[own],
            _ => 0,
        })
        .collect();
    Meta {
        dtype: meta.dtype,
        shape: shape.into(),
        strides,
        offset: meta.offset,
    }
}

/// A fresh contiguous tensor, if its size in bytes can be said at all.
pub fn fresh(dtype: Dtype, shape: impl Into<Shape>) -> Result<Meta, OpError> {
    let shape = shape.into();
    let bytes = shape.iter().try_fold(item_size(dtype), |product, &size| {
        product.checked_mul(size.max(1))
    });
    match bytes {
        Some(bytes) if bytes <= i64::MAX as usize => Ok(Meta::contiguous(dtype, shape)),
        _ => Err(OpError::runtime(format!(
            "Storage size calculation overflowed with sizes={}",
            super::meta::sizes(&shape)
        ))),
    }
}

/// Bytes of one element.
pub const fn item_size(dtype: Dtype) -> usize {
    match dtype {
        Dtype::Bool => 1,
        Dtype::F32 => 4,
        Dtype::I64 | Dtype::F64 => 8,
    }
}

/// `dim` counted from the front, in PyTorch's bounds (a tensor without dimensions counts as having one).
pub fn wrap_dim(dim: i64, ndim: usize) -> Result<usize, OpError> {
    let range = ndim.max(1) as i64;
    if dim < -range || dim >= range {
        return Err(OpError::index(format!(
            "Dimension out of range (expected to be in range of [{}, {}], but got {dim})",
            -range,
            range - 1
        )));
    }
    Ok(if dim < 0 {
        (dim + range) as usize
    } else {
        dim as usize
    })
}
