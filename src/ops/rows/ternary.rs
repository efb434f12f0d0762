//! Operators of three operands, and clamping.

use super::binary::same;
use super::masked::c_name;
use crate::ops::array::Array;
use crate::ops::broadcast::broadcast;
use crate::ops::build::{
    Arrays, IN_PLACE, Metas, SELF, both, f64_at, input, input_for, number, param, scalar_at,
    tensor, tensor_at,
};
use crate::ops::formula::{Grads, Value};
use crate::ops::kernel::{Arithmetic, infer_arithmetic, metas, not_implemented, operand_at};
use crate::ops::meta::{Meta, Scalar, Shape};
use crate::ops::promote::Promotion;
use crate::ops::row::{
    Arg, Backward, Default, Gradient, OpError, OpRow, Param, ParamKind, ResultKind, Var,
};

const PRODUCT: &[Param] = &[
    SELF,
    tensor("tensor1"),
    tensor("tensor2"),
    number("value").or_int(1).keyword(),
];

/// Functions of three tensors, and bounds.
pub const ROWS: &[OpRow] = &[
    OpRow {
        name: "addcmul",
        forms: both(&["addcmul"]),
        params: PRODUCT,
        result: ResultKind::Fresh,
        in_place: IN_PLACE,
        infer: |args| infer_arithmetic(&args[..3]),
        forward: Some(|args, _| forward_product(args, |x, y| x * y)),
        saves: &[input_for(1, &[2]), input_for(2, &[1])],
        gradient: Gradient::Formula(|b| {
            b.parts(&[
                (0, same),
                (1, |b, grad| times_scaled(b, grad, 2)),
                (2, |b, grad| times_scaled(b, grad, 1)),
            ])
        }),
        node: "AddcmulBackward0",
        node_by: None,
        fast: None,
        evidence: &["addcmul", "addcmul_"],
    },
    OpRow {
        name: "addcdiv",
        forms: both(&["addcdiv"]),
        params: PRODUCT,
        result: ResultKind::Fresh,
        in_place: IN_PLACE,
        infer: infer_addcdiv,
        forward: Some(|args, _| forward_product(args, |x, y| x / y)),
        saves: &[input_for(1, &[2]), input(2)],
        gradient: Gradient::Formula(|b| {
            b.parts(&[(0, same), (1, addcdiv_numerator), (2, addcdiv_denominator)])
        }),
        node: "AddcdivBackward0",
        node_by: None,
        fast: None,
        evidence: &["addcdiv", "addcdiv_"],
    },
    OpRow {
        name: "lerp.Scalar",
        forms: both(&["lerp"]),
        params: &[SELF, tensor("end"), number("weight")],
        result: ResultKind::Fresh,
        in_place: IN_PLACE,
        infer: infer_lerp,
        forward: Some(|args, _| forward_lerp(args)),
        saves: &[],
        gradient: Gradient::Formula(|b| {
            b.parts(&[
                (0, |b, grad| {
                    let weight = b.number(2);
                    b.mul(grad, 1.0 - weight)
                }),
                (1, |b, grad| {
                    let weight = b.number(2);
                    b.mul(grad, weight)
                }),
            ])
        }),
        node: "LerpBackward0",
        node_by: None,
        fast: None,
        evidence: &["lerp(scalar)", "lerp_"],
    },
    OpRow {
        name: "lerp.Tensor",
        forms: both(&["lerp"]),
        params: &[SELF, tensor("end"), tensor("weight")],
        result: ResultKind::Fresh,
        in_place: IN_PLACE,
        infer: infer_lerp,
        forward: Some(|args, _| forward_lerp(args)),
        saves: &[input_for(0, &[2]), input_for(1, &[2]), input(2)],
        gradient: Gradient::Formula(|b| {
            b.parts(&[
                (0, |b, grad| {
                    let weight = b.input(2)?;
                    let other = b.rsub(1.0, weight)?;
                    b.mul(grad, other)
                }),
                (1, |b, grad| {
                    let weight = b.input(2)?;
                    b.mul(grad, weight)
                }),
                (2, |b, grad| {
                    let (start, end) = (b.input(0)?, b.input(1)?);
                    let difference = b.sub(end, start)?;
                    b.mul(grad, difference)
                }),
            ])
        }),
        node: "LerpBackward1",
        node_by: None,
        fast: None,
        evidence: &["lerp(tensor)"],
    },
    OpRow {
        name: "clamp",
        forms: both(&["clamp", "clip"]),
        params: &[
            SELF,
            number("min").or(Default::None),
            number("max").or(Default::None),
        ],
        result: ResultKind::Fresh,
        in_place: IN_PLACE,
        infer: infer_clamp,
        forward: Some(|args, _| forward_clamp(args)),
        saves: &[input(0)],
        gradient: Gradient::Formula(|b| b.first(|b, grad| clamp_self(b, grad, false))),
        node: "ClampBackward1",
        node_by: None,
        fast: None,
        evidence: &["clamp(min,max)", "clamp(min)", "clip", "clamp_"],
    },
    OpRow {
        name: "clamp.Tensor",
        forms: both(&["clamp", "clip"]),
        params: &[SELF, bound("min"), bound("max")],
        result: ResultKind::Fresh,
        in_place: IN_PLACE,
        infer: infer_clamp,
        forward: Some(|args, _| forward_clamp(args)),
        saves: &[input(0), input(1), input(2)],
        gradient: Gradient::Formula(clamp_gradients),
        node: "ClampBackward0",
        node_by: None,
        fast: None,
        evidence: &["clamp(tensor,tensor)"],
    },
    OpRow {
        // Not in ops.tsv; measured: ClampMinBackward0, saves the input.
        name: "clamp_min",
        forms: both(&["clamp_min"]),
        params: &[SELF, number("min")],
        result: ResultKind::Fresh,
        in_place: IN_PLACE,
        infer: infer_clamp,
        forward: Some(|args, _| forward_clamp(args)),
        saves: &[input(0)],
        gradient: Gradient::Formula(|b| b.first(|b, grad| beyond(b, grad, "gt"))),
        node: "ClampMinBackward0",
        node_by: None,
        fast: None,
        evidence: &[],
    },
    OpRow {
        // Not in ops.tsv; measured: ClampMaxBackward0, saves the input.
        name: "clamp_max",
        forms: both(&["clamp_max"]),
        params: &[SELF, number("max")],
        result: ResultKind::Fresh,
        in_place: IN_PLACE,
        infer: infer_clamp,
        forward: Some(|args, _| {
            let [x, max] = args else {
                return Err(OpError::Unsupported("clamp_max of other arguments".into()));
            };
            forward_clamp(&[x.clone(), Arg::None, max.clone()])
        }),
        saves: &[input(0)],
        gradient: Gradient::Formula(|b| b.first(|b, grad| beyond(b, grad, "lt"))),
        node: "ClampMaxBackward0",
        node_by: None,
        fast: None,
        evidence: &[],
    },
];

const fn bound(name: &'static str) -> Param {
    param(name, ParamKind::OptTensor { diff: true }).or(Default::None)
}

fn forward_product(args: &[Arg<Array>], combine: fn(f64, f64) -> f64) -> Arrays {
    let dtype = Promotion::new().args(&metas(&args[..3])).result();
    let value = f64_at(args, 3, 1.0);
    let int = |x: i64, y: i64| x.wrapping_mul(y).wrapping_mul(value as i64);
    let term = Arithmetic {
        int,
        float: |x, y| value * combine(x, y),
    }
    .on(dtype, tensor_at(args, 1)?, tensor_at(args, 2)?)?;
    Ok(vec![
        Arithmetic {
            int: i64::wrapping_add,
            float: |x, y| x + y,
        }
        .on(dtype, tensor_at(args, 0)?, &term)?,
    ])
}

/// `grad * input * value`
fn times_scaled(b: &mut dyn Backward, grad: Var, position: usize) -> Value {
    let other = b.input(position)?;
    let value = b.number(3);
    let other = if value == 1.0 {
        other
    } else {
        b.mul(other, value)?
    };
    b.mul(grad, other)
}

fn infer_addcdiv(args: &[Arg<Meta>]) -> Metas {
    if !tensor_at(args, 1)?.dtype.is_floating() && !tensor_at(args, 2)?.dtype.is_floating() {
        return Err(OpError::Unsupported("addcdiv of integers".into()));
    }
    infer_arithmetic(&args[..3])
}

fn addcdiv_numerator(b: &mut dyn Backward, grad: Var) -> Value {
    let other = b.input(2)?;
    let value = b.number(3);
    let product = if value == 1.0 {
        grad
    } else {
        b.mul(grad, value)?
    };
    b.div(product, other)
}

fn addcdiv_denominator(b: &mut dyn Backward, grad: Var) -> Value {
    let (numerator, denominator) = (b.input(1)?, b.input(2)?);
    let square = b.mul(denominator, denominator)?;
    let value = b.number(3);
    let scaled = b.mul(numerator, -value)?;
    let slope = b.div(scaled, square)?;
    b.mul(grad, slope)
}

fn infer_lerp(args: &[Arg<Meta>]) -> Metas {
    let (start, end) = (tensor_at(args, 0)?, tensor_at(args, 1)?);
    if start.dtype != end.dtype {
        return Err(OpError::runtime(format!(
            "expected dtype {} for `end` but got dtype {}",
            c_name(start.dtype),
            c_name(end.dtype)
        )));
    }
    let weight = tensor_at(args, 2).ok();
    if let Some(weight) = weight.filter(|weight| weight.ndim() > 0)
        && weight.dtype != start.dtype
    {
        return Err(OpError::runtime(format!(
            "expected dtype {} for `weight` but got dtype {}",
            c_name(start.dtype),
            c_name(weight.dtype)
        )));
    }
    if !start.dtype.is_floating() {
        return Err(not_implemented(format!(
            "\"lerp_kernel_{}\" not implemented for '{}'",
            weight.map_or("scalar", |_| "tensor"),
            start.dtype.scalar_name()
        )));
    }
    infer_arithmetic(args)
}

fn forward_lerp(args: &[Arg<Array>]) -> Arrays {
    let start = tensor_at(args, 0)?;
    let dtype = start.dtype();
    let weight = operand_at(args, 2, dtype)?;
    let arithmetic = |float: fn(f64, f64) -> f64| Arithmetic {
        int: i64::wrapping_add,
        float,
    };
    let difference = arithmetic(|end, start| end - start).on(dtype, tensor_at(args, 1)?, start)?;
    let part =
        arithmetic(|difference, weight| difference * weight).on(dtype, &difference, &weight)?;
    Ok(vec![
        arithmetic(|start, part| start + part).on(dtype, start, &part)?,
    ])
}

fn infer_clamp(args: &[Arg<Meta>]) -> Metas {
    if args[1..].iter().all(|bound| matches!(bound, Arg::None)) {
        return Err(OpError::runtime(
            "torch.clamp: At least one of 'min' or 'max' must not be None",
        ));
    }
    infer_arithmetic(args)
}

fn forward_clamp(args: &[Arg<Array>]) -> Arrays {
    let dtype = Promotion::new().args(&metas(args)).result();
    let shape = args.iter().try_fold(Shape::new(), |shape, arg| match arg {
        Arg::Tensor(array) => broadcast(&shape, array.shape()),
        _ => Ok(shape),
    })?;
    let mut result = tensor_at(args, 0)?.broadcast_to(&shape).cast(dtype);
    if !matches!(args.get(1), None | Some(Arg::None)) {
        let low = operand_at(args, 1, dtype)?;
        result = Arithmetic {
            int: i64::max,
            float: super::binary::maximum,
        }
        .on(dtype, &result, &low)?;
    }
    if !matches!(args.get(2), None | Some(Arg::None)) {
        let high = operand_at(args, 2, dtype)?;
        result = Arithmetic {
            int: i64::min,
            float: super::binary::minimum,
        }
        .on(dtype, &result, &high)?;
    }
    Ok(vec![result])
}

/// A bound as an operand, if it is given.
fn bound_at(b: &mut dyn Backward, position: usize) -> Result<Option<Arg<Var>>, OpError> {
    if matches!(b.args().get(position), None | Some(Arg::None)) {
        Ok(None)
    } else {
        b.operand(position).map(Some)
    }
}

/// The gradient where the input lies within the bounds (which not-a-number does not).
/// Measured: on a bound, nothing flows to the input where the bounds are numbers; half of the gradient where they are
/// tensors (`shared`), and the other half to the bound.
fn clamp_self(b: &mut dyn Backward, grad: Var, shared: bool) -> Value {
    let x = b.input(0)?;
    let mut grad = grad;
    for (position, inside) in [(1, "gt"), (2, "lt")] {
        if let Some(bound) = bound_at(b, position)? {
            let mask = b.one(inside, vec![Arg::Tensor(x), bound.clone()])?;
            let outside = match shared {
                true => half_on(b, grad, x, bound)?,
                false => b.zeros_like(grad)?,
            };
            grad = b.select(mask, grad, outside)?;
        }
    }
    Ok(grad)
}

/// Half of the gradient where the input lies on the bound.
fn half_on(b: &mut dyn Backward, grad: Var, x: Var, bound: Arg<Var>) -> Value {
    let on = b.one("eq", vec![Arg::Tensor(x), bound])?;
    let half = b.binary("mul", grad, Scalar::Float(0.5))?;
    let zero = b.zeros_like(grad)?;
    b.select(on, half, zero)
}

fn clamp_gradients(b: &mut dyn Backward) -> Grads {
    b.parts(&[
        (0, |b, grad| clamp_self(b, grad, true)),
        (1, |b, grad| clamp_bound(b, grad, true)),
        (2, |b, grad| clamp_bound(b, grad, false)),
    ])
}

/// The gradient of a bound where it decides: the upper one decides where both are crossed.
fn clamp_bound(b: &mut dyn Backward, grad: Var, lower: bool) -> Value {
    let x = b.input(0)?;
    let (low, high) = (bound_at(b, 1)?, bound_at(b, 2)?);
    let (bound, beyond) = match (lower, low.clone(), high.clone()) {
        (true, Some(low), _) => (low, "lt"),
        (false, _, Some(high)) => (high, "gt"),
        _ => return b.zeros_like(grad),
    };
    let mask = b.one(beyond, vec![Arg::Tensor(x), bound.clone()])?;
    let shared = half_on(b, grad, x, bound)?;
    let grad_at = b.select(mask, grad, shared)?;
    let (Some(low), Some(high)) = (low, high) else {
        return Ok(grad_at);
    };
    let crossed = b.one("lt", vec![high, low])?;
    let zero = b.zeros_like(grad)?;
    match lower {
        true => b.select(crossed, zero, grad_at),
        false => b.select(crossed, grad, grad_at),
    }
}

/// The gradient where `x compare bound`.
fn beyond(b: &mut dyn Backward, grad: Var, compare: &'static str) -> Value {
    let x = b.input(0)?;
    let bound = scalar_at(b.args(), 1).unwrap_or(Scalar::Int(0));
    let mask = b.binary(compare, x, bound)?;
    let zero = b.zeros_like(grad)?;
    b.select(mask, grad, zero)
}
