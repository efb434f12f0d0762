//! Kernels that move numbers about: most operators on shapes and indices are one of these with a map of places.

use super::array::{Array, Buffer, Element, Offsets, write_strided};
use super::meta::{Dtype, Meta, Shape};
use super::row::OpError;
use crate::with_element;

/// Elements that can be added (for bools: or).
pub trait Sum: Element {
    /// `self + other`
    fn plus(self, other: Self) -> Self;
}
impl Sum for bool {
    fn plus(self, other: bool) -> bool {
        self || other
    }
}
impl Sum for i64 {
    fn plus(self, other: i64) -> i64 {
        self.wrapping_add(other)
    }
}
impl Sum for f32 {
    fn plus(self, other: f32) -> f32 {
        self + other
    }
}
impl Sum for f64 {
    fn plus(self, other: f64) -> f64 {
        self + other
    }
}

/// An array whose element at each place is the source's at `map(place)`, or zero.
pub fn gather(source: &Array, shape: &[usize], map: impl Fn(usize) -> Option<usize>) -> Array {
    let numel = shape.iter().product();
    with_element!(source.dtype(), T => {
        let values = source.values::<T>();
        let picked = (0..numel).map(|place| map(place).map_or(T::default(), |from| values[from])).collect();
        Array::from_vec::<T>(shape, picked)
    })
}

/// Adds each element of the source to the zeros of `shape`, at `map(place)` if anywhere.
pub fn accumulate(source: &Array, shape: &[usize], map: impl Fn(usize) -> Option<usize>) -> Array {
    let numel = shape.iter().product();
    with_element!(source.dtype(), T => {
        let mut sums = vec![T::default(); numel];
        for (place, &value) in source.values::<T>().iter().enumerate() {
            if let Some(to) = map(place) {
                sums[to] = sums[to].plus(value);
            }
        }
        Array::from_vec::<T>(shape, sums)
    })
}

/// Adds the source to zeros of `shape` through a layout in them.
pub fn accumulate_view(source: &Array, shape: &[usize], layout: &Meta) -> Array {
    let numel = shape.iter().product();
    with_element!(source.dtype(), T => {
        let mut sums = vec![T::default(); numel];
        for (to, &value) in Offsets::new(layout).zip(source.values::<T>().iter()) {
            sums[to] = sums[to].plus(value);
        }
        Array::from_vec::<T>(shape, sums)
    })
}

/// Writes arrays one after the other along a dimension into zeros of `shape`, each at its start.
pub fn place(
    dtype: Dtype,
    shape: &[usize],
    dim: usize,
    parts: &[(&Array, usize)],
) -> Result<Array, OpError> {
    let meta = Meta::contiguous(dtype, shape);
    let mut buffer = Buffer::zeros(dtype, meta.numel());
    for &(part, start) in parts {
        let mut layout = meta.clone();
        layout.offset = start * meta.strides[dim];
        layout.shape[dim] = part.shape()[dim];
        if layout.shape != part.meta.shape || start + part.shape()[dim] > shape[dim] {
            return Err(OpError::Unsupported(
                "a part does not fit into the whole".into(),
            ));
        }
        if layout.numel() > 0 {
            write_strided(&mut buffer, &layout, part);
        }
    }
    Ok(Array {
        buffer: buffer.into(),
        meta,
    })
}

/// The coordinates of a place in a contiguous array.
pub fn unravel(mut place: usize, shape: &[usize]) -> Shape {
    let mut index: Shape = Shape::from_elem(0, shape.len());
    for dim in (0..shape.len()).rev() {
        let size = shape[dim].max(1);
        index[dim] = place % size;
        place /= size;
    }
    index
}

/// The place of coordinates in a contiguous array.
pub fn ravel(index: &[usize], shape: &[usize]) -> usize {
    index
        .iter()
        .zip(shape)
        .fold(0, |place, (&at, &size)| place * size + at)
}

/// A shape seen from one of its dimensions: how many elements lie before, at and after it.
#[derive(Clone, Copy)]
pub struct Along {
    /// The product of the sizes before.
    pub outer: usize,
    /// The size of the dimension itself.
    pub size: usize,
    /// The product of the sizes after.
    pub inner: usize,
}

impl Along {
    /// `shape` seen from `dim`; a scalar counts as one element.
    pub fn new(shape: &[usize], dim: usize) -> Along {
        if shape.is_empty() {
            return Along {
                outer: 1,
                size: 1,
                inner: 1,
            };
        }
        Along {
            outer: shape[..dim].iter().product(),
            size: shape[dim],
            inner: shape[dim + 1..].iter().product(),
        }
    }
    /// The place of an element.
    pub fn at(self, outer: usize, along: usize, inner: usize) -> usize {
        (outer * self.size + along) * self.inner + inner
    }
    /// Where a place is: before, at and after.
    pub fn split(self, place: usize) -> (usize, usize, usize) {
        let (rest, inner) = (place / self.inner, place % self.inner);
        (rest / self.size, rest % self.size, inner)
    }
    /// The starts of the lines along the dimension.
    pub fn lines(self) -> impl Iterator<Item = usize> {
        (0..self.outer)
            .flat_map(move |outer| (0..self.inner).map(move |inner| self.at(outer, 0, inner)))
    }
}
