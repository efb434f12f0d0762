//! Promotion of element types: tensors before 0-dimensional tensors before Python numbers, within categories.

use super::array::Array;
use super::meta::{Dtype, Meta, Scalar};
use super::row::Arg;

/// The type that `a` and `b` meet in.
pub fn join(a: Dtype, b: Dtype) -> Dtype {
    a.max(b)
}

/// The default type of a Python number.
pub fn of_scalar(scalar: Scalar) -> Dtype {
    match scalar {
        Scalar::Bool(_) => Dtype::Bool,
        Scalar::Int(_) => Dtype::I64,
        Scalar::Float(_) => Dtype::F32,
    }
}

/// 0 for bool, 1 for integers, 2 for floats.
fn category(dtype: Dtype) -> u8 {
    match dtype {
        Dtype::Bool => 0,
        Dtype::I64 => 1,
        Dtype::F32 | Dtype::F64 => 2,
    }
}

/// The type in which operands of these kinds are computed.
#[derive(Clone, Copy, Default)]
pub struct Promotion {
    dimensioned: Option<Dtype>,
    zero_dim: Option<Dtype>,
    number: Option<Dtype>,
}

impl Promotion {
    /// No operand yet.
    pub fn new() -> Promotion {
        Promotion::default()
    }
    /// With a tensor.
    pub fn tensor(mut self, meta: &Meta) -> Promotion {
        let class = if meta.ndim() == 0 {
            &mut self.zero_dim
        } else {
            &mut self.dimensioned
        };
        *class = Some(class.map_or(meta.dtype, |known| join(known, meta.dtype)));
        self
    }
    /// With a number.
    pub fn number(mut self, scalar: Scalar) -> Promotion {
        let dtype = of_scalar(scalar);
        self.number = Some(self.number.map_or(dtype, |known| join(known, dtype)));
        self
    }
    /// With whatever tensors and numbers are in `args`.
    pub fn args(self, args: &[Arg<Meta>]) -> Promotion {
        args.iter().fold(self, |promotion, arg| match arg {
            Arg::Tensor(meta) => promotion.tensor(meta),
            Arg::Scalar(scalar) => promotion.number(*scalar),
            Arg::Tensors(metas) => metas.iter().fold(promotion, Promotion::tensor),
            _ => promotion,
        })
    }
    /// As [`args`](Self::args), of arguments that have their numbers.
    pub fn arrays(self, args: &[Arg<Array>]) -> Promotion {
        args.iter().fold(self, |promotion, arg| match arg {
            Arg::Tensor(array) => promotion.tensor(&array.meta),
            Arg::Scalar(scalar) => promotion.number(*scalar),
            _ => promotion,
        })
    }
    /// The type of the result.
    pub fn result(self) -> Dtype {
        combine(combine(self.dimensioned, self.zero_dim), self.number).unwrap_or(Dtype::F32)
    }
}

/// `higher`, unless `lower` is of a higher category.
fn combine(higher: Option<Dtype>, lower: Option<Dtype>) -> Option<Dtype> {
    match (higher, lower) {
        (Some(a), Some(b)) => Some(if category(b) > category(a) {
            join(a, b)
        } else {
            a
        }),
        (a, b) => a.or(b),
    }
}

/// The type of results of operators that leave the integers (`exp`, `div`).
pub fn to_float(dtype: Dtype) -> Dtype {
    if dtype.is_floating() {
        dtype
    } else {
        Dtype::F32
    }
}
