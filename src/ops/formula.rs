//! Words to write gradient formulas with. Each is one operator of the table, so that formulas differentiate again.

use smallvec::SmallVec;

use super::meta::{Dtype, Scalar, Shape};
use super::row::{Arg, Backward, OpError, Var};

/// What a formula returns: a gradient an input, none where it is undefined.
pub type Grads = Result<Vec<Option<Var>>, OpError>;
/// What a word returns.
pub type Value = Result<Var, OpError>;

/// A shape as an argument.
pub fn ints(shape: &[usize]) -> Arg<Var> {
    Arg::Ints(shape.iter().map(|&size| size as i64).collect())
}
/// An integer as an argument.
pub fn int(value: i64) -> Arg<Var> {
    Arg::Scalar(Scalar::Int(value))
}
/// A float as an argument.
pub fn float(value: f64) -> Arg<Var> {
    Arg::Scalar(Scalar::Float(value))
}
/// A bool as an argument.
pub fn boolean(value: bool) -> Arg<Var> {
    Arg::Scalar(Scalar::Bool(value))
}

/// An operand: a tensor or a number.
pub trait Operand {
    /// As an argument.
    fn arg(self) -> Arg<Var>;
}
impl Operand for Var {
    fn arg(self) -> Arg<Var> {
        Arg::Tensor(self)
    }
}
impl Operand for f64 {
    fn arg(self) -> Arg<Var> {
        float(self)
    }
}
impl Operand for Scalar {
    fn arg(self) -> Arg<Var> {
        Arg::Scalar(self)
    }
}
impl Operand for Arg<Var> {
    fn arg(self) -> Arg<Var> {
        self
    }
}

impl dyn Backward + '_ {
    /// Runs `op` and takes its first result.
    pub fn one(&mut self, op: &'static str, args: Vec<Arg<Var>>) -> Value {
        self.call(op, args)?
            .first()
            .copied()
            .ok_or_else(|| OpError::Unsupported(format!("{op} has no result")))
    }
    /// An operator with one operand.
    pub fn unary(&mut self, op: &'static str, x: Var) -> Value {
        self.one(op, vec![Arg::Tensor(x)])
    }
    /// An operator with two operands; a number on the right is taken by the overload for numbers.
    pub fn binary(&mut self, op: &'static str, x: Var, y: impl Operand) -> Value {
        self.one(op, vec![Arg::Tensor(x), y.arg()])
    }
    /// `x + y`
    pub fn add(&mut self, x: Var, y: impl Operand) -> Value {
        self.binary("add", x, y)
    }
    /// `x - y`
    pub fn sub(&mut self, x: Var, y: impl Operand) -> Value {
        self.binary("sub", x, y)
    }
    /// `number - x`
    pub fn rsub(&mut self, number: f64, x: Var) -> Value {
        self.one("rsub", vec![Arg::Tensor(x), float(number)])
    }
    /// `x * y`
    pub fn mul(&mut self, x: Var, y: impl Operand) -> Value {
        self.binary("mul", x, y)
    }
    /// `x / y`
    pub fn div(&mut self, x: Var, y: impl Operand) -> Value {
        self.binary("div", x, y)
    }
    /// `-x`
    pub fn neg(&mut self, x: Var) -> Value {
        self.unary("neg", x)
    }
    /// `x ** exponent`
    pub fn pow(&mut self, x: Var, exponent: f64) -> Value {
        self.one("pow.Tensor_Scalar", vec![Arg::Tensor(x), float(exponent)])
    }
    /// `where(condition, x, y)`
    pub fn select(&mut self, condition: Var, x: impl Operand, y: impl Operand) -> Value {
        self.one("where", vec![Arg::Tensor(condition), x.arg(), y.arg()])
    }
    /// `x` where `mask` is false, else `value`.
    pub fn masked_fill(&mut self, x: Var, mask: Var, value: f64) -> Value {
        self.one(
            "masked_fill",
            vec![Arg::Tensor(x), Arg::Tensor(mask), float(value)],
        )
    }
    /// Zeros as `x`.
    pub fn zeros_like(&mut self, x: Var) -> Value {
        self.unary("zeros_like", x)
    }
    /// Zeros of these sizes.
    pub fn zeros(&mut self, shape: &[usize], dtype: Dtype) -> Value {
        self.one("zeros", vec![ints(shape), Arg::Dtype(dtype)])
    }
    /// `x` in another type.
    pub fn cast(&mut self, x: Var, dtype: Dtype) -> Value {
        if self.meta(x).dtype == dtype {
            Ok(x)
        } else {
            self.one("_to_copy", vec![Arg::Tensor(x), Arg::Dtype(dtype)])
        }
    }
    /// Sums what was broadcast, so that the sizes are `shape` again.
    pub fn sum_to(&mut self, x: Var, shape: &[usize]) -> Value {
        let from = self.meta(x).shape;
        if from.as_slice() == shape {
            return Ok(x);
        }
        let added = from.len() - shape.len().min(from.len());
        let dims: SmallVec<[i64; 4]> = (0..from.len())
            .filter(|&dim| dim < added || (shape[dim - added] == 1 && from[dim] != 1))
            .map(|dim| dim as i64)
            .collect();
        let summed = if dims.is_empty() {
            x
        } else {
            self.sum_dims(x, dims, true)?
        };
        if added == 0 {
            Ok(summed)
        } else {
            self.view(summed, shape)
        }
    }
    /// The sum over `dims` (all, if there are none).
    pub fn sum_dims(
        &mut self,
        x: Var,
        dims: impl Into<SmallVec<[i64; 4]>>,
        keepdim: bool,
    ) -> Value {
        self.one(
            "sum.dim_IntList",
            vec![Arg::Tensor(x), Arg::Ints(dims.into()), boolean(keepdim)],
        )
    }
    /// The sum of everything, without dimensions.
    pub fn sum(&mut self, x: Var) -> Value {
        self.unary("sum", x)
    }
    /// Other sizes over the same elements; copies where it must.
    pub fn view(&mut self, x: Var, shape: &[usize]) -> Value {
        let meta = self.meta(x);
        if meta.shape.as_slice() == shape {
            return Ok(x);
        }
        let x = if meta.is_contiguous() {
            x
        } else {
            self.unary("contiguous", x)?
        };
        self.one("view", vec![Arg::Tensor(x), ints(shape)])
    }
    /// Broadcast to `shape`.
    pub fn expand(&mut self, x: Var, shape: &[usize]) -> Value {
        if self.meta(x).shape.as_slice() == shape {
            return Ok(x);
        }
        self.one("expand", vec![Arg::Tensor(x), ints(shape)])
    }
    /// A new dimension of size one at `dim`.
    pub fn unsqueeze(&mut self, x: Var, dim: usize) -> Value {
        self.one("unsqueeze", vec![Arg::Tensor(x), int(dim as i64)])
    }
    /// Two dimensions exchanged.
    pub fn transpose(&mut self, x: Var, a: i64, b: i64) -> Value {
        self.one("transpose", vec![Arg::Tensor(x), int(a), int(b)])
    }
    /// The matrix product.
    pub fn matmul(&mut self, x: Var, y: Var) -> Value {
        self.binary("matmul", x, y)
    }
    /// The sizes of the tensor argument at `position`; none for anything else.
    pub fn input_shape(&self, position: usize) -> Shape {
        self.input_meta(position)
            .map_or_else(Shape::new, |meta| meta.shape.clone())
    }
    /// The meta of the tensor argument at `position`.
    pub fn input_meta(&self, position: usize) -> Option<&super::meta::Meta> {
        if let Some(Arg::Tensor(meta)) = self.args().get(position) {
            Some(meta)
        } else {
            None
        }
    }
    /// The number at `position`, as a float; zero if there is none.
    pub fn number(&self, position: usize) -> f64 {
        if let Some(Arg::Scalar(scalar)) = self.args().get(position) {
            scalar.as_f64()
        } else {
            0.0
        }
    }
    /// The integer at `position`; zero if there is none.
    pub fn integer(&self, position: usize) -> i64 {
        if let Some(Arg::Scalar(Scalar::Int(value))) = self.args().get(position) {
            *value
        } else {
            0
        }
    }
    /// Whether the argument at `position` is `True`.
    pub fn flag(&self, position: usize) -> bool {
        matches!(
            self.args().get(position),
            Some(Arg::Scalar(Scalar::Bool(true)))
        )
    }
    /// The integers at `position`; none if `None` was given.
    pub fn int_list(&self, position: usize) -> Option<SmallVec<[i64; 4]>> {
        if let Some(Arg::Ints(ints)) = self.args().get(position) {
            Some(ints.clone())
        } else {
            None
        }
    }
    /// The gradient of the only result.
    pub fn only_grad(&mut self) -> Value {
        self.grad(0)
            .ok_or_else(|| OpError::Unsupported("an undefined gradient of the only result".into()))
    }
    /// Whether the argument at `position` is a tensor.
    pub fn is_tensor(&self, position: usize) -> bool {
        matches!(self.args().get(position), Some(Arg::Tensor(_)))
    }
    /// The argument at `position` as an operand: a tensor as it was saved, or the number.
    pub fn operand(&mut self, position: usize) -> Result<Arg<Var>, OpError> {
        match self.args().get(position) {
            Some(Arg::Tensor(_)) => Ok(Arg::Tensor(self.input(position)?)),
            Some(Arg::Scalar(scalar)) => Ok(Arg::Scalar(*scalar)),
            _ => Err(OpError::Unsupported(format!(
                "argument {position} is no operand"
            ))),
        }
    }
    /// Gradients for the differentiable arguments at `parts`' positions: what is not needed is not computed, and
    /// arguments that are no tensors get no entry. Each is summed to its argument's sizes.
    pub fn parts(&mut self, parts: &[(usize, Part)]) -> Grads {
        let grad = self.only_grad()?;
        let mut grads = Vec::with_capacity(parts.len());
        for &(position, part) in parts {
            if !self.is_tensor(position) {
                continue;
            }
            grads.push(if self.needs(position) {
                let part = part(self, grad)?;
                let shape = self.input_shape(position);
                Some(self.sum_to(part, &shape)?)
            } else {
                None
            });
        }
        Ok(grads)
    }
    /// As [`parts`](Self::parts), of the first argument alone.
    pub fn first(&mut self, part: Part) -> Grads {
        self.parts(&[(0, part)])
    }
}

/// The gradient of one argument, from that of the only result.
pub type Part = fn(&mut dyn Backward, Var) -> Value;
