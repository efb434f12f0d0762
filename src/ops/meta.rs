//! What is known of a tensor without its numbers: dtype, shape, strides, offset.

use std::fmt;

use smallvec::SmallVec;

/// Sizes, outermost first. Inline up to four dimensions.
pub type Shape = SmallVec<[usize; 4]>;

/// The element types that are modelled. The order is that of promotion within and across categories.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Dtype {
    /// `torch.bool`
    Bool,
    /// `torch.int64`
    I64,
    /// `torch.float32`
    F32,
    /// `torch.float64`
    F64,
}

impl Dtype {
    /// Whether gradients may flow through values of this type (rule R1.3).
    pub fn is_floating(self) -> bool {
        matches!(self, Dtype::F32 | Dtype::F64)
    }
    /// As `.tg` writes it: `f32`.
    pub const fn tg_name(self) -> &'static str {
        match self {
            Dtype::Bool => "bool",
            Dtype::I64 => "i64",
            Dtype::F32 => "f32",
            Dtype::F64 => "f64",
        }
    }
    /// As PyTorch prints it: `torch.float32`.
    pub const fn torch_name(self) -> &'static str {
        match self {
            Dtype::Bool => "torch.bool",
            Dtype::I64 => "torch.int64",
            Dtype::F32 => "torch.float32",
            Dtype::F64 => "torch.float64",
        }
    }
    /// As PyTorch's error texts write it: `Float`, `Double`, `Long`, `Bool`.
    pub const fn scalar_name(self) -> &'static str {
        match self {
            Dtype::Bool => "Bool",
            Dtype::I64 => "Long",
            Dtype::F32 => "Float",
            Dtype::F64 => "Double",
        }
    }
}

/// A Python number.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Scalar {
    /// `True`, `False`
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A float.
    Float(f64),
}

impl Scalar {
    /// The number as a float.
    pub fn as_f64(self) -> f64 {
        match self {
            Scalar::Bool(value) => f64::from(u8::from(value)),
            Scalar::Int(value) => value as f64,
            Scalar::Float(value) => value,
        }
    }
}

/// Dtype and layout of a tensor.
#[derive(PartialEq, Eq, Debug)]
pub struct Meta {
    /// The element type.
    pub dtype: Dtype,
    /// The sizes.
    pub shape: Shape,
    /// Elements to go for one step in each dimension; 0 where expanded. Never negative in PyTorch.
    pub strides: Shape,
    /// The first element's place in the storage, in elements.
    pub offset: usize,
}

impl Clone for Meta {
    /// The sizes are copied as they lie in memory: a clone of a `SmallVec` goes element by element.
    fn clone(&self) -> Meta {
        Meta {
            dtype: self.dtype,
            shape: Shape::from_slice(&self.shape),
            strides: Shape::from_slice(&self.strides),
            offset: self.offset,
        }
    }
}

impl Meta {
    /// A fresh contiguous tensor.
    pub fn contiguous(dtype: Dtype, shape: impl Into<Shape>) -> Meta {
        let shape = shape.into();
        Meta {
            dtype,
            strides: contiguous_strides(&shape),
            shape,
            offset: 0,
        }
    }
    /// The number of elements.
    pub fn numel(&self) -> usize {
        self.shape.iter().product()
    }
    /// The number of dimensions.
    pub fn ndim(&self) -> usize {
        self.shape.len()
    }
    /// Whether the elements lie in order without gaps, by PyTorch's rule (sizes of one do not matter).
    pub fn is_contiguous(&self) -> bool {
        let mut expected = 1;
        for (&size, &stride) in self.shape.iter().zip(&self.strides).rev() {
            if size == 0 {
                return true;
            }
            if size != 1 && stride != expected {
                return false;
            }
            expected *= size;
        }
        true
    }
    /// Whether the elements lie as those of `other`, a tensor of the same sizes, do (sizes of one do not matter).
    pub fn laid_out_as(&self, other: &Meta) -> bool {
        let strides = self.strides.iter().zip(&other.strides);
        self.shape == other.shape
            && self
                .shape
                .iter()
                .zip(strides)
                .all(|(&size, (own, others))| size == 1 || own == others)
    }
    /// The sizes as PyTorch's messages write them: `[2, 3]`.
    pub fn sizes(&self) -> String {
        sizes(&self.shape)
    }
}

impl fmt::Display for Meta {
    /// As `.tg` writes a type: `f32[2, 3]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.dtype.tg_name(), self.sizes())
    }
}

/// `[2, 3]`
pub fn sizes(shape: &[usize]) -> String {
    let parts: Vec<String> = shape.iter().map(ToString::to_string).collect();
    format!("[{}]", parts.join(", "))
}

/// Row-major strides, as PyTorch gives them to a fresh tensor (a size of zero counts as one).
pub fn contiguous_strides(shape: &[usize]) -> Shape {
    let mut strides: Shape = SmallVec::from_elem(1, shape.len());
    for dim in (1..shape.len()).rev() {
        strides[dim - 1] = strides[dim] * shape[dim].max(1);
    }
    strides
}
