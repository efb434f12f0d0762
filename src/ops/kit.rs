//! Short words for writing rows: parameters, reading arguments, and calling operators in backward formulas.

use smallvec::SmallVec;

use super::array::Array;
pub use super::build::{
    HIDDEN, IN_PLACE, INTERNAL, attribute, both, constant as fixed, everywhere, function,
    functional, input as saved, input_for as saved_if, int, ints, method, output as saved_output,
    param, tensor,
};
use super::layout::{self, Reshape};
use super::meta::{Dtype, Meta, Scalar};
use super::rng::Rng;
use super::row::{
    Arg, Backward, Default, Forms, Gradient, InPlace, IndexItem, OpError, OpRow, Param, ParamKind,
    ResultKind, Save, Var,
};

/// An optional parameter.
pub const fn optional(name: &'static str, kind: ParamKind, default: Default) -> Param {
    Param {
        name,
        kind,
        default: Some(default),
        keyword_only: false,
    }
}
/// The same, by name only.
pub const fn keyword(param: Param) -> Param {
    Param {
        keyword_only: true,
        ..param
    }
}
/// A tensor or `None` that a gradient may flow to.
pub const fn opt_tensor(name: &'static str) -> Param {
    optional(name, ParamKind::OptTensor { diff: true }, Default::None)
}
/// A tensor or `None` that no gradient flows to.
pub const fn opt_fixed(name: &'static str) -> Param {
    optional(name, ParamKind::OptTensor { diff: false }, Default::None)
}
/// An integer with a default.
pub const fn int_or(name: &'static str, default: i64) -> Param {
    optional(name, ParamKind::Int, Default::Scalar(Scalar::Int(default)))
}
/// An integer or `None`.
pub const fn opt_int(name: &'static str) -> Param {
    optional(name, ParamKind::Int, Default::None)
}
/// A number with a default.
pub const fn float_or(name: &'static str, default: f64) -> Param {
    optional(
        name,
        ParamKind::Scalar,
        Default::Scalar(Scalar::Float(default)),
    )
}
/// A list of integers with a default.
pub const fn ints_or(name: &'static str, default: &'static [i64]) -> Param {
    optional(name, ParamKind::Ints, Default::Ints(default))
}
/// A list of integers or `None`.
pub const fn opt_ints(name: &'static str) -> Param {
    optional(name, ParamKind::Ints, Default::None)
}
/// A flag with a default.
pub const fn flag_or(name: &'static str, default: bool) -> Param {
    optional(
        name,
        ParamKind::Bool,
        Default::Scalar(Scalar::Bool(default)),
    )
}
/// A string with a default.
pub const fn text_or(name: &'static str, default: &'static str) -> Param {
    optional(name, ParamKind::Str, Default::Str(default))
}

/// Sizes and dtypes of the results.
pub type Infer = fn(&[Arg<Meta>]) -> Result<Vec<Meta>, OpError>;
/// The node's name where it depends on the arguments.
pub type NodeBy = fn(&[Arg<Meta>]) -> &'static str;
/// The numbers.
pub type Kernel = fn(&[Arg<Array>], &mut Rng) -> Result<Vec<Array>, OpError>;
/// The gradients.
pub type Formula = fn(&mut dyn Backward) -> Grads;

/// A row of an operator with fresh results and no in-place form.
#[expect(clippy::too_many_arguments, reason = "one a column")]
pub const fn op(
    name: &'static str,
    forms: Forms,
    params: &'static [Param],
    infer: Infer,
    forward: Kernel,
    saves: &'static [Save],
    gradient: Gradient,
    node: &'static str,
    evidence: &'static [&'static str],
) -> OpRow {
    OpRow {
        name,
        forms,
        params,
        result: ResultKind::Fresh,
        in_place: InPlace::No,
        infer,
        forward: Some(forward),
        saves,
        gradient,
        node,
        node_by: None,
        fast: None,
        evidence,
    }
}
/// With a formula.
pub const fn formula(formula: Formula) -> Gradient {
    Gradient::Formula(formula)
}

/// The arguments without their numbers.
pub fn metas(args: &[Arg<Array>]) -> Vec<Arg<Meta>> {
    args.iter()
        .map(|arg| arg.map(&mut |array: &Array| array.meta.clone()))
        .collect()
}
/// What `infer` says of the first result.
pub fn inferred(infer: Infer, args: &[Arg<Array>]) -> Result<Meta, OpError> {
    infer(&metas(args))?
        .into_iter()
        .next()
        .ok_or_else(|| OpError::Unsupported("no result".into()))
}

/// What a shape inference answers where the shape follows from the numbers (`nonzero`, a mask as index): a machine
/// that has the numbers calls `forward` all the same and takes the shape from the array.
pub const SHAPE_FROM_VALUES: &str = "the shape depends on the values";

/// Whether an inference answered [`SHAPE_FROM_VALUES`].
pub fn follows_from_values(error: &OpError) -> bool {
    matches!(error, OpError::Unsupported(text) if text == SHAPE_FROM_VALUES)
}

/// The most elements of a result whose size only its kernel knows: a machine cannot ask beforehand what it costs.
const MOST_FROM_VALUES: usize = 1 << 27;

/// The sizes of a result that follow from values, unless they are too much.
pub fn affordable(dims: &[i64]) -> Result<super::meta::Shape, OpError> {
    let shape = layout::checked_shape(dims)?;
    if shape.iter().product::<usize>() > MOST_FROM_VALUES {
        return Err(OpError::Unsupported(
            "a result this large whose shape depends on the values".into(),
        ));
    }
    Ok(shape)
}

/// See [`SHAPE_FROM_VALUES`].
pub fn shape_from_values<T>() -> Result<T, OpError> {
    Err(OpError::Unsupported(SHAPE_FROM_VALUES.into()))
}

/// The arguments of a call, read by position. Those that are left out read as their defaults.
pub struct Args<'a, T>(pub &'a [Arg<T>]);

impl<T> Clone for Args<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Args<'_, T> {}

impl<'a, T> Args<'a, T> {
    /// The tensor at `place`.
    pub fn tensor(self, place: usize) -> Result<&'a T, OpError> {
        self.opt(place)
            .ok_or_else(|| OpError::Unsupported(format!("argument {place} is no tensor")))
    }
    /// The tensor at `place`, if there is one.
    pub fn opt(self, place: usize) -> Option<&'a T> {
        match self.0.get(place) {
            Some(Arg::Tensor(tensor)) => Some(tensor),
            _ => None,
        }
    }
    /// The list of tensors at `place`.
    pub fn tensors(self, place: usize) -> &'a [T] {
        match self.0.get(place) {
            Some(Arg::Tensors(tensors)) => tensors,
            Some(Arg::Tensor(tensor)) => std::slice::from_ref(tensor),
            _ => &[],
        }
    }
    /// The number at `place`, if there is one.
    pub fn scalar(self, place: usize) -> Option<Scalar> {
        match self.0.get(place) {
            Some(Arg::Scalar(value)) => Some(*value),
            _ => None,
        }
    }
    /// The integer at `place`, if there is one.
    pub fn opt_int(self, place: usize) -> Option<i64> {
        match self.0.get(place) {
            Some(Arg::Scalar(Scalar::Int(value))) => Some(*value),
            Some(Arg::Scalar(Scalar::Bool(value))) => Some(i64::from(*value)),
            Some(Arg::Ints(values)) if values.len() == 1 => values.first().copied(),
            _ => None,
        }
    }
    /// The integer at `place`.
    pub fn int(self, place: usize, default: i64) -> i64 {
        self.opt_int(place).unwrap_or(default)
    }
    /// The float at `place`.
    pub fn float(self, place: usize, default: f64) -> f64 {
        self.scalar(place).map_or(default, Scalar::as_f64)
    }
    /// The flag at `place`.
    pub fn flag(self, place: usize, default: bool) -> bool {
        self.scalar(place)
            .map_or(default, |value| value.as_f64() != 0.0)
    }
    /// The integers at `place`; none if the argument is absent.
    pub fn opt_ints(self, place: usize) -> Option<SmallVec<[i64; 4]>> {
        match self.0.get(place) {
            Some(Arg::Ints(values)) => Some(values.clone()),
            Some(Arg::Scalar(Scalar::Int(value))) => Some(SmallVec::from_slice(&[*value])),
            _ => None,
        }
    }
    /// The integers at `place`.
    pub fn ints(self, place: usize) -> SmallVec<[i64; 4]> {
        self.opt_ints(place).unwrap_or_default()
    }
    /// The string at `place`.
    pub fn text(self, place: usize, default: &'a str) -> &'a str {
        match self.0.get(place) {
            Some(Arg::Str(text)) => text,
            _ => default,
        }
    }
    /// The dtype at `place`.
    pub fn dtype(self, place: usize) -> Option<Dtype> {
        match self.0.get(place) {
            Some(Arg::Dtype(dtype)) => Some(*dtype),
            _ => None,
        }
    }
    /// The items between brackets at `place`.
    pub fn items(self, place: usize) -> &'a [IndexItem<T>] {
        match self.0.get(place) {
            Some(Arg::Index(items)) => items,
            _ => &[],
        }
    }
}

/// The gradients that a formula returns.
pub type Grads = Result<Vec<Option<Var>>, OpError>;

/// Runs an operator of one result.
pub fn call(b: &mut dyn Backward, op: &'static str, args: Vec<Arg<Var>>) -> Result<Var, OpError> {
    let results = b.call(op, args)?;
    results
        .first()
        .copied()
        .ok_or_else(|| OpError::Unsupported(format!("`{op}` gave no result")))
}
/// A tensor argument.
pub fn t(var: Var) -> Arg<Var> {
    Arg::Tensor(var)
}
/// An integer argument.
pub fn n(value: i64) -> Arg<Var> {
    Arg::Scalar(Scalar::Int(value))
}
/// A float argument.
pub fn f(value: f64) -> Arg<Var> {
    Arg::Scalar(Scalar::Float(value))
}
/// A flag argument.
pub fn flag(value: bool) -> Arg<Var> {
    Arg::Scalar(Scalar::Bool(value))
}
/// A list of integers.
pub fn list(values: &[i64]) -> Arg<Var> {
    Arg::Ints(SmallVec::from_slice(values))
}
/// A shape.
pub fn shape(sizes: &[usize]) -> Arg<Var> {
    Arg::Ints(layout::signed(sizes))
}
/// An argument that is no tensor, as it was given to the forward call.
pub fn same(b: &(dyn Backward + '_), place: usize) -> Arg<Var> {
    match b.args().get(place) {
        Some(Arg::Scalar(value)) => Arg::Scalar(*value),
        Some(Arg::Ints(values)) => Arg::Ints(values.clone()),
        Some(Arg::Str(text)) => Arg::Str(text.clone()),
        Some(Arg::Dtype(dtype)) => Arg::Dtype(*dtype),
        _ => Arg::None,
    }
}

/// The gradient of the only result.
pub fn grad(b: &mut dyn Backward) -> Result<Var, OpError> {
    b.grad(0)
        .ok_or_else(|| OpError::Unsupported("a formula was run without a gradient".into()))
}
/// Dtype and sizes of the tensor argument at `place`.
pub fn input_meta(b: &(dyn Backward + '_), place: usize) -> Result<Meta, OpError> {
    Args(b.args()).tensor(place).cloned()
}
/// `first * second`
pub fn mul(b: &mut dyn Backward, first: Var, second: Var) -> Result<Var, OpError> {
    call(b, "mul", vec![t(first), t(second)])
}
/// `var * value`, or just `var` for one.
pub fn scale(b: &mut dyn Backward, var: Var, value: f64) -> Result<Var, OpError> {
    if value == 1.0 {
        Ok(var)
    } else {
        call(b, "mul", vec![t(var), f(value)])
    }
}
/// `first + second`
pub fn add(b: &mut dyn Backward, first: Var, second: Var) -> Result<Var, OpError> {
    call(b, "add", vec![t(first), t(second)])
}
/// `first - second`
pub fn sub(b: &mut dyn Backward, first: Var, second: Var) -> Result<Var, OpError> {
    call(b, "sub", vec![t(first), t(second)])
}
/// `first / second`
pub fn div(b: &mut dyn Backward, first: Var, second: Var) -> Result<Var, OpError> {
    call(b, "div", vec![t(first), t(second)])
}
/// `-var`
pub fn neg(b: &mut dyn Backward, var: Var) -> Result<Var, OpError> {
    call(b, "neg", vec![t(var)])
}
/// The sum over dimensions, which stay as ones if `keep`.
pub fn sum(b: &mut dyn Backward, var: Var, dims: &[i64], keep: bool) -> Result<Var, OpError> {
    if dims.is_empty() {
        Ok(var)
    } else {
        call(b, "sum.dim_IntList", vec![t(var), list(dims), flag(keep)])
    }
}
/// The sum of all elements.
pub fn sum_all(b: &mut dyn Backward, var: Var) -> Result<Var, OpError> {
    call(b, "sum", vec![t(var)])
}
/// The last two dimensions exchanged.
pub fn transposed(b: &mut dyn Backward, var: Var) -> Result<Var, OpError> {
    call(b, "transpose", vec![t(var), n(-2), n(-1)])
}
/// `reshape`, as PyTorch resolves it.
pub fn reshape(b: &mut dyn Backward, var: Var, sizes: &[usize]) -> Result<Var, OpError> {
    match layout::reshape_plan(&b.meta(var), &layout::signed(sizes))? {
        Reshape::View(sizes) => call(b, "view", vec![t(var), shape(&sizes)]),
        Reshape::Alias(sizes) => call(b, "_reshape_alias", vec![t(var), shape(&sizes)]),
        Reshape::Copy(sizes) => {
            let copy = call(b, "clone", vec![t(var)])?;
            call(b, "_unsafe_view", vec![t(copy), shape(&sizes)])
        }
    }
}
/// The same, made by that many writes that are counted in its version.
pub fn written(b: &mut dyn Backward, var: Var, writes: u64) -> Result<Var, OpError> {
    b.count_writes(var, writes);
    Ok(var)
}
/// `expand`
pub fn expand(b: &mut dyn Backward, var: Var, sizes: &[usize]) -> Result<Var, OpError> {
    if b.meta(var).shape[..] == *sizes {
        Ok(var)
    } else {
        call(b, "expand", vec![t(var), shape(sizes)])
    }
}
/// Sums over what was expanded, back to `sizes`: PyTorch's `sum_to`.
pub fn reduce_to(b: &mut dyn Backward, var: Var, sizes: &[usize]) -> Result<Var, OpError> {
    let meta = b.meta(var);
    let lead = meta.ndim().saturating_sub(sizes.len());
    let dims: Vec<i64> = (0..meta.ndim())
        .filter(|&dim| dim < lead || (sizes[dim - lead] == 1 && meta.shape[dim] != 1))
        .map(|dim| dim as i64)
        .collect();
    let summed = sum(b, var, &dims, true)?;
    if lead == 0 {
        Ok(summed)
    } else {
        reshape(b, summed, sizes)
    }
}
/// A list of two integers.
pub fn two(first: i64, second: i64) -> SmallVec<[i64; 4]> {
    SmallVec::from_slice(&[first, second])
}
