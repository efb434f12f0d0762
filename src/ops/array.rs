//! Numbers in memory: buffers, and strided arrays over them.

use std::borrow::Cow;
use std::rc::Rc;

use ndarray::{ArrayViewD, IxDyn, ShapeBuilder};

use super::meta::{Dtype, Meta, Scalar, Shape};

/// The elements of a storage.
#[derive(Clone, PartialEq, Debug)]
pub enum Buffer {
    /// Of `torch.bool`.
    Bool(Vec<bool>),
    /// Of `torch.int64`.
    I64(Vec<i64>),
    /// Of `torch.float32`.
    F32(Vec<f32>),
    /// Of `torch.float64`.
    F64(Vec<f64>),
}

/// Runs `$body` with `$values` bound to the vector of whichever type the buffer has.
macro_rules! each_buffer {
    ($buffer:expr, $values:ident => $body:expr) => {
        match $buffer {
            Buffer::Bool($values) => $body,
            Buffer::I64($values) => $body,
            Buffer::F32($values) => $body,
            Buffer::F64($values) => $body,
        }
    };
}

/// Runs `$body` with the type `$T` bound to the element type of `$dtype`.
#[macro_export]
macro_rules! with_element {
    ($dtype:expr, $T:ident => $body:expr) => {
        match $dtype {
            $crate::ops::Dtype::Bool => {
                type $T = bool;
                $body
            }
            $crate::ops::Dtype::I64 => {
                type $T = i64;
                $body
            }
            $crate::ops::Dtype::F32 => {
                type $T = f32;
                $body
            }
            $crate::ops::Dtype::F64 => {
                type $T = f64;
                $body
            }
        }
    };
}

impl Buffer {
    /// `len` zeros.
    pub fn zeros(dtype: Dtype, len: usize) -> Buffer {
        with_element!(dtype, T => T::wrap(vec![T::default(); len]))
    }
    /// The element type.
    pub fn dtype(&self) -> Dtype {
        match self {
            Buffer::Bool(_) => Dtype::Bool,
            Buffer::I64(_) => Dtype::I64,
            Buffer::F32(_) => Dtype::F32,
            Buffer::F64(_) => Dtype::F64,
        }
    }
    /// The number of elements.
    pub fn len(&self) -> usize {
        each_buffer!(self, values => values.len())
    }
    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A type of elements.
pub trait Element: Copy + Default + PartialEq + PartialOrd + std::fmt::Debug + 'static {
    /// Its name in the table.
    const DTYPE: Dtype;
    /// The elements of `buffer`, if they are of this type.
    fn of(buffer: &Buffer) -> Option<&[Self]>;
    /// The elements of `buffer`, to be written, if they are of this type.
    fn of_mut(buffer: &mut Buffer) -> Option<&mut Vec<Self>>;
    /// A buffer of these elements.
    fn wrap(values: Vec<Self>) -> Buffer;
    /// As C++ converts a number (floats are truncated, any number but zero is true).
    fn from_scalar(scalar: Scalar) -> Self;
    /// As Python's number.
    fn to_scalar(self) -> Scalar;
    /// As a double.
    fn to_f64(self) -> f64;
    /// From a double, rounded.
    fn from_f64(value: f64) -> Self;
}

macro_rules! element {
    ($T:ty, $variant:ident, $scalar:ident, |$from:ident| $from_scalar:expr, |$value:ident| $to_scalar:expr, |$x:ident| $to_f64:expr, |$y:ident| $from_f64:expr) => {
        impl Element for $T {
            const DTYPE: Dtype = Dtype::$variant;
            fn of(buffer: &Buffer) -> Option<&[Self]> {
                if let Buffer::$variant(values) = buffer {
                    Some(values)
                } else {
                    None
                }
            }
            fn of_mut(buffer: &mut Buffer) -> Option<&mut Vec<Self>> {
                if let Buffer::$variant(values) = buffer {
                    Some(values)
                } else {
                    None
                }
            }
            fn wrap(values: Vec<Self>) -> Buffer {
                Buffer::$variant(values)
            }
            fn from_scalar($from: Scalar) -> Self {
                $from_scalar
            }
            fn to_scalar(self) -> Scalar {
                let $value = self;
                Scalar::$scalar($to_scalar)
            }
            fn to_f64(self) -> f64 {
                let $x = self;
                $to_f64
            }
            fn from_f64($y: f64) -> Self {
                $from_f64
            }
        }
    };
}

element!(
    bool,
    Bool,
    Bool,
    |s| s.as_f64() != 0.0,
    |v| v,
    |x| f64::from(u8::from(x)),
    |y| y != 0.0
);
element!(
    i64,
    I64,
    Int,
    |s| scalar_to_i64(s),
    |v| v,
    |x| x as f64,
    |y| y as i64
);
element!(
    f32,
    F32,
    Float,
    |s| s.as_f64() as f32,
    |v| f64::from(v),
    |x| f64::from(x),
    |y| y as f32
);
element!(f64, F64, Float, |s| s.as_f64(), |v| v, |x| x, |y| y);

fn scalar_to_i64(scalar: Scalar) -> i64 {
    match scalar {
        Scalar::Bool(value) => i64::from(value),
        Scalar::Int(value) => value,
        Scalar::Float(value) => value as i64,
    }
}

/// A strided array. Strides of zero and overlaps are allowed: it is only read.
#[derive(Clone, PartialEq, Debug)]
pub struct Array {
    /// The storage.
    pub buffer: Rc<Buffer>,
    /// How the elements lie in it.
    pub meta: Meta,
}

impl Array {
    /// A contiguous array of these elements. There must be as many as `shape` says.
    pub fn from_vec<T: Element>(shape: impl Into<Shape>, values: Vec<T>) -> Array {
        let meta = Meta::contiguous(T::DTYPE, shape);
        debug_assert_eq!(meta.numel(), values.len());
        Array {
            buffer: Rc::new(T::wrap(values)),
            meta,
        }
    }
    /// A contiguous array of one value.
    pub fn full(dtype: Dtype, shape: impl Into<Shape>, value: Scalar) -> Array {
        let meta = Meta::contiguous(dtype, shape);
        let buffer = with_element!(dtype, T => T::wrap(vec![T::from_scalar(value); meta.numel()]));
        Array {
            buffer: Rc::new(buffer),
            meta,
        }
    }
    /// A tensor without dimensions.
    pub fn scalar(dtype: Dtype, value: Scalar) -> Array {
        Array::full(dtype, Shape::new(), value)
    }
    /// The sizes.
    pub fn shape(&self) -> &[usize] {
        &self.meta.shape
    }
    /// The element type.
    pub fn dtype(&self) -> Dtype {
        self.meta.dtype
    }
    /// The number of elements.
    pub fn numel(&self) -> usize {
        self.meta.numel()
    }
    /// The elements as an ndarray view.
    ///
    /// # Panics
    /// If `T` is not the array's element type, or the layout leaves the buffer; both are bugs of the caller.
    pub fn view<T: Element>(&self) -> ArrayViewD<'_, T> {
        let elements = T::of(&self.buffer).expect("view of the array's own element type");
        let start = if self.numel() == 0 {
            0
        } else {
            self.meta.offset
        };
        let shape = IxDyn(&self.meta.shape).strides(IxDyn(&self.meta.strides));
        ArrayViewD::from_shape(shape, &elements[start..]).expect("the layout lies in the buffer")
    }
    /// The elements in order, borrowed where they lie in order.
    ///
    /// # Panics
    /// As [`view`](Self::view).
    pub fn values<T: Element>(&self) -> Cow<'_, [T]> {
        let elements = T::of(&self.buffer).expect("values of the array's own element type");
        let numel = self.numel();
        if numel == 0 {
            return Cow::Borrowed(&[]);
        }
        if self.meta.is_contiguous() {
            return Cow::Borrowed(&elements[self.meta.offset..self.meta.offset + numel]);
        }
        Cow::Owned(in_order(elements, &self.meta))
    }
    /// The elements in order, converted.
    pub fn values_as<T: Element>(&self) -> Cow<'_, [T]> {
        if self.dtype() == T::DTYPE {
            return self.values::<T>();
        }
        Cow::Owned(
            with_element!(self.dtype(), S => self.values::<S>().iter().map(|&value| T::from_scalar(value.to_scalar())).collect()),
        )
    }
    /// The array itself if it has that type, else a contiguous copy of it.
    pub fn cast(&self, dtype: Dtype) -> Array {
        if dtype == self.dtype() {
            return self.clone();
        }
        with_element!(dtype, T => Array::from_vec(self.meta.shape.clone(), self.values_as::<T>().into_owned()))
    }
    /// The array itself if it is contiguous, else a contiguous copy of it.
    pub fn to_contiguous(&self) -> Array {
        if self.meta.is_contiguous() {
            return self.clone();
        }
        self.copy()
    }
    /// A contiguous copy in a buffer of its own.
    pub fn copy(&self) -> Array {
        with_element!(self.dtype(), T => Array::from_vec(self.meta.shape.clone(), self.values::<T>().into_owned()))
    }
    /// The same elements in memory as `meta`, which is without gaps, has them.
    pub fn laid_out(&self, meta: &Meta) -> Array {
        let mut buffer = Buffer::zeros(self.dtype(), self.numel());
        write_strided(&mut buffer, meta, self);
        Array {
            buffer: Rc::new(buffer),
            meta: meta.clone(),
        }
    }
    /// The same elements under other sizes and strides.
    pub fn with_meta(&self, meta: Meta) -> Array {
        Array {
            buffer: Rc::clone(&self.buffer),
            meta,
        }
    }
    /// The elements in order under other sizes (as many).
    pub fn reshaped(&self, shape: impl Into<Shape>) -> Array {
        let flat = self.to_contiguous();
        let meta = Meta {
            offset: flat.meta.offset,
            ..Meta::contiguous(flat.dtype(), shape)
        };
        flat.with_meta(meta)
    }
    /// Broadcast to `shape`, which must be possible.
    pub fn broadcast_to(&self, shape: &[usize]) -> Array {
        self.with_meta(super::broadcast::expanded(&self.meta, shape))
    }
    /// The first element, or zero if there is none.
    pub fn item(&self) -> Scalar {
        with_element!(self.dtype(), T => match T::of(&self.buffer) {
            Some(elements) if self.numel() > 0 => elements[self.meta.offset].to_scalar(),
            _ => T::default().to_scalar(),
        })
    }
    /// The elements in order, as Python's numbers.
    pub fn scalars(&self) -> Vec<Scalar> {
        with_element!(self.dtype(), T => self.values::<T>().iter().map(|value| value.to_scalar()).collect())
    }
}

/// The elements of a layout that is not in order, row by row.
fn in_order<T: Copy>(elements: &[T], meta: &Meta) -> Vec<T> {
    let mut values = Vec::with_capacity(meta.numel());
    let (rows, len, stride) = rows(meta);
    for start in Offsets::new(&rows) {
        match stride {
            0 => values.extend(std::iter::repeat_n(elements[start], len)),
            1 => values.extend_from_slice(&elements[start..start + len]),
            _ => values.extend(elements[start..].iter().step_by(stride).take(len)),
        }
    }
    values
}

/// The layout of the first elements of the rows along the last dimension, the length of each and the step in it.
fn rows(meta: &Meta) -> (Meta, usize, usize) {
    let mut rows = meta.clone();
    let (len, stride) = (rows.shape.pop(), rows.strides.pop());
    (rows, len.unwrap_or(1), stride.unwrap_or(1))
}

/// The places in the storage of the elements of a layout, in order.
pub struct Offsets<'a> {
    meta: &'a Meta,
    index: Shape,
    offset: usize,
    left: usize,
}

impl<'a> Offsets<'a> {
    /// Starts at the first element.
    pub fn new(meta: &'a Meta) -> Offsets<'a> {
        Offsets {
            meta,
            index: Shape::from_elem(0, meta.ndim()),
            offset: meta.offset,
            left: meta.numel(),
        }
    }
    fn advance(&mut self) {
        for dim in (0..self.index.len()).rev() {
            self.index[dim] += 1;
            self.offset += self.meta.strides[dim];
            if self.index[dim] < self.meta.shape[dim] {
                return;
            }
            self.offset -= self.index[dim] * self.meta.strides[dim];
            self.index[dim] = 0;
        }
    }
}

impl Iterator for Offsets<'_> {
    type Item = usize;
    fn next(&mut self) -> Option<usize> {
        if self.left == 0 {
            return None;
        }
        let offset = self.offset;
        self.left -= 1;
        self.advance();
        Some(offset)
    }
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

/// Writes `source`, broadcast and converted, through the layout `meta` of `buffer`.
pub fn write_strided(buffer: &mut Buffer, meta: &Meta, source: &Array) {
    let source = source.cast(buffer.dtype()).broadcast_to(&meta.shape);
    with_element!(buffer.dtype(), T => {
        let Some(target) = T::of_mut(buffer) else { return };
        let values = source.values::<T>();
        let overlaps = meta.shape.iter().zip(&meta.strides).any(|(&size, &stride)| size > 1 && stride == 0);
        if meta.is_contiguous() {
            if let Some(target) = target.get_mut(meta.offset..meta.offset + values.len()) {
                target.copy_from_slice(&values);
            }
        } else if overlaps {
            // Of elements that are one place in memory, those that change are written; the last one stays.
            let before = target.to_vec();
            for (offset, &value) in Offsets::new(meta).zip(values.iter()) {
                match (before.get(offset), target.get_mut(offset)) {
                    (Some(old), Some(place)) if *old != value => *place = value,
                    _ => {}
                }
            }
        } else {
            let (rows, len, stride) = rows(meta);
            for (start, row) in Offsets::new(&rows).zip(values.chunks_exact(len.max(1))) {
                let Some(rest) = target.get_mut(start..) else { return };
                let places = rest.iter_mut().step_by(stride.max(1));
                places.zip(row).for_each(|(place, &value)| *place = value);
            }
        }
    });
}
