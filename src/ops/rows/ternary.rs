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
use crate::ops::kernel::{Arithmetic, infer_arithmetic, not_for_bool, not_implemented, operand_at};
use crate::ops::kit::metas;
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
        infer: infer_addcmul,
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
        gradient: Gradient::Formula(|b| b.first(clamp_self)),
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

fn infer_addcmul(args: &[Arg<Meta>]) -> Metas {
    let metas = infer_arithmetic(&args[..3])?;
    not_for_bool("addcmul_cpu_out", metas[0].dtype)?;
    Ok(metas)
}

/// What is said of two integers.
const NO_INTEGERS: &str = "Integer division with addcdiv is no longer supported, and in a future  release addcdiv will perform a true division of tensor1 and tensor2. The historic addcdiv behavior can be implemented as (input + value * torch.trunc(tensor1 / tensor2)).to(input.dtype) for integer inputs and as (input + value * tensor1 / tensor2) for float inputs. The future addcdiv behavior is just the latter implementation: (input + value * tensor1 / tensor2), for all dtypes.";

fn infer_addcdiv(args: &[Arg<Meta>]) -> Metas {
    if !tensor_at(args, 1)?.dtype.is_floating() && !tensor_at(args, 2)?.dtype.is_floating() {
        return Err(OpError::runtime(NO_INTEGERS));
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
    let dtype = Promotion::new().args(&metas(args)).result();
    let weight = operand_at(args, 2, dtype)?;
    let arithmetic = |float: fn(f64, f64) -> f64| Arithmetic {
        int: i64::wrapping_add,
        float,
    };
    let difference = arithmetic(|end, start| end - start).on(dtype, tensor_at(args, 1)?, start)?;
    let part =
        arithmetic(|difference, weight| difference * weight).on(dtype, &difference, &weight)?;
    let near = arithmetic(|start, part| start + part).on(dtype, start, &part)?;
    let rest = arithmetic(|difference, weight| difference * (1.0 - weight)).on(
        dtype,
        &difference,
        &weight,
    )?;
    let far = arithmetic(|end, rest| end - rest).on(dtype, tensor_at(args, 1)?, &rest)?;
    // From the end that is nearer: of infinite ends this is not the same.
    let weight = weight.broadcast_to(near.shape());
    let (weight, near, far) = (
        weight.values_as::<f64>(),
        near.values_as::<f64>(),
        far.values_as::<f64>(),
    );
    let picked = weight.iter().zip(near.iter().zip(far.iter()));
    let picked = picked.map(|(weight, (near, far))| match weight.abs() < 0.5 {
        true => *near,
        false => *far,
    });
    let shape = part.meta.shape.clone();
    Ok(vec![
        Array::from_vec::<f64>(shape, picked.collect()).cast(dtype),
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

/// The gradient where the input lies within the bounds, which are numbers (which not-a-number does not). Measured: on a
/// bound, nothing flows.
fn clamp_self(b: &mut dyn Backward, grad: Var) -> Value {
    let x = b.input(0)?;
    let mut grad = grad;
    for (position, inside) in [(1, "gt"), (2, "lt")] {
        if let Some(bound) = bound_at(b, position)? {
            let mask = b.one(inside, vec![Arg::Tensor(x), bound])?;
            let outside = b.zeros_like(grad)?;
            grad = b.select(mask, grad, outside)?;
        }
    }
    Ok(grad)
}

/// Whether one of several holds.
fn any_of(b: &mut dyn Backward, masks: &[Var]) -> Value {
    let (first, rest) = masks.split_first().expect("there is a mask");
    rest.iter().try_fold(*first, |any, &mask| {
        b.one("logical_or", vec![Arg::Tensor(any), Arg::Tensor(mask)])
    })
}
fn both_of(b: &mut dyn Backward, x: Var, y: Var) -> Value {
    b.one("logical_and", vec![Arg::Tensor(x), Arg::Tensor(y)])
}
fn test(b: &mut dyn Backward, name: &'static str, x: Var, y: Var) -> Value {
    b.one(name, vec![Arg::Tensor(x), Arg::Tensor(y)])
}
/// Whether neither of two is beyond the other, as far as numbers can tell.
fn not(b: &mut dyn Backward, name: &'static str, x: Var, y: Var) -> Value {
    let beyond = test(b, name, x, y)?;
    b.unary("logical_not", beyond)
}

/// The gradient: whole where `full` holds, half of it where `half` does.
fn shares(b: &mut dyn Backward, grad: Var, full: Var, half: Var) -> Value {
    let part = b.binary("mul", grad, Scalar::Float(0.5))?;
    let zero = b.zeros_like(grad)?;
    let rest = b.select(half, part, zero)?;
    let result = b.select(full, grad, rest)?;
    b.count_writes(result, 1);
    Ok(result)
}

/// A bound that is a tensor.
fn tensor_bound(b: &mut dyn Backward, position: usize) -> Result<Option<Var>, OpError> {
    Ok(match bound_at(b, position)? {
        Some(Arg::Tensor(bound)) => Some(bound),
        _ => None,
    })
}

/// Measured for all orders of an input and one or two bounds, and for not-a-number in each place.
fn clamp_gradients(b: &mut dyn Backward) -> Grads {
    b.parts(&[(0, clamp_input), (1, clamp_low), (2, clamp_high)])
}
fn clamp_input(b: &mut dyn Backward, grad: Var) -> Value {
    match (tensor_bound(b, 1)?, tensor_bound(b, 2)?) {
        (Some(low), Some(high)) => between(b, grad, low, high),
        (Some(low), None) => beside(b, grad, low, "gt"),
        (None, Some(high)) => beside(b, grad, high, "lt"),
        (None, None) => Ok(grad),
    }
}
fn clamp_low(b: &mut dyn Backward, grad: Var) -> Value {
    match (tensor_bound(b, 1)?, tensor_bound(b, 2)?) {
        (Some(low), Some(high)) => {
            let x = b.input(0)?;
            let (below, ordered) = (test(b, "lt", x, low)?, test(b, "le", low, high)?);
            let (on, apart) = (test(b, "eq", x, low)?, test(b, "lt", low, high)?);
            let (full, half) = (both_of(b, below, ordered)?, both_of(b, on, apart)?);
            shares(b, grad, full, half)
        }
        (Some(low), None) => beside(b, grad, low, "lt"),
        _ => Ok(grad),
    }
}
/// The upper bound decides where both are crossed.
fn clamp_high(b: &mut dyn Backward, grad: Var) -> Value {
    match (tensor_bound(b, 1)?, tensor_bound(b, 2)?) {
        (Some(low), Some(high)) => {
            let x = b.input(0)?;
            let (above, ordered) = (test(b, "gt", x, high)?, test(b, "le", low, high)?);
            let (on, apart) = (test(b, "eq", x, high)?, test(b, "lt", low, high)?);
            let (beyond, crossed) = (both_of(b, above, ordered)?, test(b, "gt", low, high)?);
            let (full, half) = (any_of(b, &[beyond, crossed])?, both_of(b, on, apart)?);
            shares(b, grad, full, half)
        }
        (None, Some(high)) => beside(b, grad, high, "gt"),
        _ => Ok(grad),
    }
}

/// With one bound: where both are the same, each gets half of the gradient; where one is no number, each gets all.
fn beside(b: &mut dyn Backward, grad: Var, bound: Var, compare: &'static str) -> Value {
    let x = b.input(0)?;
    let (nan, no_bound) = (b.unary("isnan", x)?, b.unary("isnan", bound)?);
    let (mask, half) = (test(b, compare, x, bound)?, test(b, "eq", x, bound)?);
    let full = any_of(b, &[mask, nan, no_bound])?;
    shares(b, grad, full, half)
}

/// Of the input between two bounds: where it meets one of them, it gets half; where it meets both, all.
fn between(b: &mut dyn Backward, grad: Var, low: Var, high: Var) -> Value {
    let x = b.input(0)?;
    let (on_low, on_high) = (test(b, "eq", x, low)?, test(b, "eq", x, high)?);
    let (more, less) = (test(b, "gt", x, low)?, test(b, "lt", x, high)?);
    let (inside, on_both) = (both_of(b, more, less)?, both_of(b, on_low, on_high)?);
    let (no_low, no_high) = (b.unary("isnan", low)?, b.unary("isnan", high)?);
    let (not_above, not_below) = (not(b, "gt", x, high)?, not(b, "lt", x, low)?);
    let (below, above) = (
        both_of(b, no_low, not_above)?,
        both_of(b, no_high, not_below)?,
    );
    let nan = b.unary("isnan", x)?;
    let full = any_of(b, &[inside, on_both, nan, below, above])?;
    let (on_one, apart) = (any_of(b, &[on_low, on_high])?, test(b, "lt", low, high)?);
    let half = both_of(b, on_one, apart)?;
    shares(b, grad, full, half)
}

/// The gradient where `x compare bound`.
fn beyond(b: &mut dyn Backward, grad: Var, compare: &'static str) -> Value {
    let x = b.input(0)?;
    let bound = scalar_at(b.args(), 1).unwrap_or(Scalar::Int(0));
    let mask = b.binary(compare, x, bound)?;
    let zero = b.zeros_like(grad)?;
    b.select(mask, grad, zero)
}
