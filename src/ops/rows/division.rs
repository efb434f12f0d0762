//! Division and what is made of it.

use super::binary::{OTHER, TWO, arithmetic, forward_floating, same};
use crate::ops::array::Array;
use crate::ops::build::{
    Arrays, HIDDEN, IN_PLACE, INTERNAL, Metas, SELF, both, function, input, input_for, method,
    number, operand, output, param, scalar_at, str_at, tensor,
};
use crate::ops::formula::Value;
use crate::ops::kernel::{
    Arithmetic, infer_arithmetic, infer_floating, not_implemented, operand_at,
};
use crate::ops::kit::metas;
use crate::ops::meta::{Dtype, Meta};
use crate::ops::promote::Promotion;
use crate::ops::row::{
    Arg, Backward, Default, Exception, Gradient, InPlace, OpError, OpRow, ParamKind, ResultKind,
    Save, Var,
};

/// Quotients, remainders and powers.
pub const ROWS: &[OpRow] = &[
    OpRow {
        name: "div",
        forms: both(&["div", "divide", "true_divide"]),
        params: OTHER,
        result: ResultKind::Fresh,
        in_place: IN_PLACE,
        infer: infer_floating,
        forward: Some(|args, _| forward_floating(args, |x, y| x / y)),
        saves: &[input_for(0, &[1]), input(1)],
        gradient: Gradient::Formula(|b| b.parts(&[(0, div_self), (1, div_other)])),
        node: "DivBackward0",
        node_by: None,
        fast: Some(crate::ops::Fast::Two(|x, y| {
            crate::ops::kernel::fast_two(x, y, |x, y| x / y)
        })),
        evidence: &[
            "div",
            "true_divide",
            "div(x,scalar)",
            "div_",
            "div_(scalar)",
        ],
    },
    OpRow {
        name: "div.Tensor_mode",
        forms: both(&["div", "divide"]),
        params: &[
            SELF,
            operand("other"),
            param("rounding_mode", ParamKind::Str)
                .or(Default::None)
                .keyword(),
        ],
        result: ResultKind::Fresh,
        in_place: IN_PLACE,
        infer: infer_div_mode,
        forward: Some(|args, _| forward_div_mode(args)),
        saves: &[input_for(0, &[1]), input(1)],
        gradient: Gradient::Formula(|b| {
            if str_at(b.args(), 2).is_some() {
                b.parts(&[
                    (0, |b, grad| b.zeros_like(grad)),
                    (1, |b, grad| b.zeros_like(grad)),
                ])
            } else {
                b.parts(&[(0, div_self), (1, div_other)])
            }
        }),
        node: "DivBackward2",
        node_by: None,
        fast: None,
        evidence: &["div floor"],
    },
    OpRow {
        // `x / number` within PyTorch's own functions, where the number is none of Python's: nothing is saved.
        name: "div.Scalar",
        forms: INTERNAL,
        params: &[SELF, number("other")],
        result: ResultKind::Fresh,
        in_place: InPlace::No,
        infer: infer_floating,
        forward: Some(|args, _| forward_floating(args, |x, y| x / y)),
        saves: &[],
        gradient: Gradient::Formula(|b| b.first(div_self)),
        node: "DivBackward1",
        node_by: None,
        // Measured: `F.cross_entropy` with probabilities.
        evidence: &[],
        fast: None,
    },
    OpRow {
        // `number / x`: PyTorch computes `x.reciprocal() * number` in two nodes, of which only the second is seen.
        name: "rdiv",
        forms: method(&["__rtruediv__", "__rdiv__"]),
        params: &[SELF, number("other")],
        result: ResultKind::Fresh,
        in_place: InPlace::No,
        infer: infer_floating,
        forward: Some(|args, _| forward_floating(args, |x, y| y / x)),
        saves: &[HIDDEN],
        gradient: Gradient::Formula(|b| {
            b.first(|b, grad| {
                let x = b.input(0)?;
                let inverse = b.unary("reciprocal", x)?;
                let square = b.mul(inverse, inverse)?;
                let number = b.number(1);
                let scaled = b.mul(grad, -number)?;
                b.mul(scaled, square)
            })
        }),
        node: "MulBackward0",
        node_by: None,
        fast: None,
        evidence: &["div(scalar,x)"],
    },
    OpRow {
        name: "floor_divide",
        forms: both(&["floor_divide"]),
        params: OTHER,
        result: ResultKind::Fresh,
        in_place: IN_PLACE,
        infer: infer_floor_divide,
        forward: Some(|args, _| forward_checked(args, div_floor_int, div_floor)),
        saves: &[],
        gradient: Gradient::NotImplemented(
            Exception::RuntimeError,
            "derivative for aten::floor_divide is not implemented",
        ),
        node: "torch::autograd::NotImplemented",
        node_by: None,
        fast: None,
        evidence: &["floor_divide (//)"],
    },
    OpRow {
        // `number // x`; not in ops.tsv, measured: as floor_divide.
        name: "floor_divide.Scalar_Tensor",
        forms: function(&["floor_divide"]),
        params: &[number("self"), tensor("other")],
        in_place: InPlace::No,
        ..FLOOR_DIVIDE_LEFT
    },
    OpRow {
        infer: infer_fmod,
        forward: Some(|args, _| forward_checked(args, |x, y| x.wrapping_rem(y), |x, y| x % y)),
        gradient: Gradient::Formula(|b| b.first(same)),
        saves: &[],
        fast: None,
        ..arithmetic!(
            "fmod.Scalar",
            both(&["fmod"]),
            &[SELF, number("other")],
            "FmodBackward0",
            &[],
            &["fmod(x,scalar)"],
            |x, _| x,
            |x, _| x,
            &[]
        )
    },
    OpRow {
        infer: infer_fmod,
        forward: Some(|args, _| forward_checked(args, |x, y| x.wrapping_rem(y), |x, y| x % y)),
        gradient: Gradient::Formula(|b| {
            b.parts(&[(0, same), (1, |b, grad| minus_quotient(b, grad, "trunc"))])
        }),
        fast: None,
        ..arithmetic!(
            "fmod.Tensor",
            both(&["fmod"]),
            TWO,
            "FmodBackward1",
            BOTH_FOR_OTHER,
            &["fmod"],
            |x, _| x,
            |x, _| x,
            &[]
        )
    },
    OpRow {
        infer: infer_remainder,
        forward: Some(|args, _| forward_checked(args, remainder_int, remainder)),
        gradient: Gradient::Formula(|b| b.first(same)),
        fast: None,
        ..arithmetic!(
            "remainder.Scalar",
            both(&["remainder"]),
            &[SELF, number("other")],
            "RemainderBackward0",
            &[],
            &["x % scalar"],
            |x, _| x,
            |x, _| x,
            &[]
        )
    },
    OpRow {
        infer: infer_remainder,
        forward: Some(|args, _| forward_checked(args, remainder_int, remainder)),
        gradient: Gradient::Formula(|b| {
            b.parts(&[(0, same), (1, |b, grad| minus_quotient(b, grad, "floor"))])
        }),
        fast: None,
        ..arithmetic!(
            "remainder",
            both(&["remainder"]),
            TWO,
            "RemainderBackward1",
            BOTH_FOR_OTHER,
            &["remainder"],
            |x, _| x,
            |x, _| x,
            &[]
        )
    },
    OpRow {
        // `number % x`; not in ops.tsv, measured: torch::autograd::NotImplemented, with this text.
        forward: Some(|args, _| forward_checked(args, remainder_int, remainder)),
        in_place: InPlace::No,
        gradient: Gradient::NotImplemented(
            Exception::RuntimeError,
            "derivative for aten::remainder is not implemented",
        ),
        fast: None,
        ..arithmetic!(
            "remainder.Scalar_Tensor",
            function(&["remainder"]),
            &[number("self"), tensor("other")],
            "torch::autograd::NotImplemented",
            &[],
            &[],
            |x, _| x,
            |x, _| x,
            &[]
        )
    },
    OpRow {
        infer: infer_pow,
        gradient: Gradient::Formula(|b| b.first(pow_gradient)),
        ..arithmetic!(
            "pow.Tensor_Scalar",
            both(&["pow"]),
            &[SELF, number("exponent")],
            "PowBackward0",
            &[input(0)],
            &[
                "square",
                "square_",
                "pow(x,2)",
                "pow(x,3)",
                "pow(x,1)",
                "pow(x,0)",
                "pow(x,0.5)",
                "pow(x,-1)",
                "pow(x,2.0)",
                "pow_(2)"
            ],
            pow_int,
            |x: f64, exponent: f64| if exponent == 0.5 {
                x.sqrt()
            } else {
                x.powf(exponent)
            },
            &[]
        )
    },
    OpRow {
        infer: infer_pow_tensor,
        ..arithmetic!(
            "pow",
            both(&["pow"]),
            &[SELF, tensor("exponent")],
            "PowBackward1",
            &[input(0), input(1), output(0)],
            &["pow(tensor,tensor)", "pow_(tensor)"],
            pow_int,
            f64::powf,
            &[(0, pow_self_gradient), (1, pow_exponent_gradient)]
        )
    },
    OpRow {
        infer: infer_pow_tensor,
        in_place: InPlace::No,
        ..arithmetic!(
            "pow.Scalar",
            function(&["pow"]),
            &[number("self"), tensor("exponent")],
            "PowBackward2",
            &[input(1), output(0)],
            &["pow(scalar,tensor)"],
            pow_int,
            f64::powf,
            &[(1, pow_exponent_gradient)]
        )
    },
];

const BOTH_FOR_OTHER: &[Save] = &[input_for(0, &[1]), input_for(1, &[1])];

const FLOOR_DIVIDE_LEFT: OpRow = OpRow {
    name: "floor_divide.Scalar_Tensor",
    forms: function(&["floor_divide"]),
    params: &[number("self"), tensor("other")],
    result: ResultKind::Fresh,
    in_place: InPlace::No,
    infer: infer_floor_divide,
    forward: Some(|args, _| forward_checked(args, div_floor_int, div_floor)),
    saves: &[],
    gradient: Gradient::NotImplemented(
        Exception::RuntimeError,
        "derivative for aten::floor_divide is not implemented",
    ),
    node: "torch::autograd::NotImplemented",
    node_by: None,
    fast: None,
    evidence: &[],
};

fn div_self(b: &mut dyn Backward, grad: Var) -> Value {
    let other = b.operand(1)?;
    b.div(grad, other)
}

fn div_other(b: &mut dyn Backward, grad: Var) -> Value {
    let (x, other) = (b.operand(0)?, b.input(1)?);
    let minus = b.neg(grad)?;
    let quotient = match x {
        Arg::Tensor(x) => b.div(x, other)?,
        number => {
            let inverse = b.unary("reciprocal", other)?;
            b.mul(inverse, number)?
        }
    };
    let quotient = b.div(quotient, other)?;
    b.mul(minus, quotient)
}

fn infer_div_mode(args: &[Arg<Meta>]) -> Metas {
    match str_at(args, 2) {
        None => infer_floating(&args[..2]),
        Some(mode @ ("floor" | "trunc")) => {
            let metas = no_bools(infer_arithmetic(&args[..2])?, &format!("div_{mode}_cpu"))?;
            not_by_zero(args, metas)
        }
        Some(other) => Err(OpError::runtime(format!(
            "div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{other}'"
        ))),
    }
}

fn forward_div_mode(args: &[Arg<Array>]) -> Arrays {
    match str_at(args, 2) {
        Some("floor") => forward_checked(&args[..2], div_floor_int, div_floor),
        Some(_) => forward_checked(&args[..2], i64::wrapping_div, |x, y| (x / y).trunc()),
        None => forward_floating(&args[..2], |x, y| x / y),
    }
}

/// Integers may not be divided by zero, which a number is known to be.
fn not_by_zero(args: &[Arg<Meta>], metas: Vec<Meta>) -> Metas {
    let is_zero = scalar_at(args, 1).is_some_and(|divisor| divisor.as_f64() == 0.0);
    let empty = crate::ops::build::tensor_at(args, 0).is_ok_and(|x| x.numel() == 0);
    if is_zero && !empty && metas.iter().all(|meta| meta.dtype == Dtype::I64) {
        return Err(OpError::runtime("ZeroDivisionError"));
    }
    Ok(metas)
}
fn infer_remainder(args: &[Arg<Meta>]) -> Metas {
    not_by_zero(args, no_bools(infer_arithmetic(args)?, "remainder_cpu")?)
}
fn infer_fmod(args: &[Arg<Meta>]) -> Metas {
    not_by_zero(args, no_bools(infer_arithmetic(args)?, "fmod_cpu")?)
}

/// Kernels that bools have none of.
fn no_bools(metas: Vec<Meta>, kernel: &str) -> Metas {
    if metas.iter().any(|meta| meta.dtype == Dtype::Bool) {
        return Err(not_implemented(format!(
            "\"{kernel}\" not implemented for 'Bool'"
        )));
    }
    Ok(metas)
}
fn infer_floor_divide(args: &[Arg<Meta>]) -> Metas {
    not_by_zero(args, no_bools(infer_arithmetic(args)?, "div_floor_cpu")?)
}
fn infer_pow_tensor(args: &[Arg<Meta>]) -> Metas {
    no_bools(infer_arithmetic(args)?, "pow")
}

/// Integers may not be divided by zero.
fn forward_checked(
    args: &[Arg<Array>],
    int: fn(i64, i64) -> i64,
    float: fn(f64, f64) -> f64,
) -> Arrays {
    let dtype = Promotion::new().args(&metas(args)).result();
    let divisor = operand_at(args, 1, dtype)?;
    if !dtype.is_floating() && divisor.values_as::<i64>().contains(&0) {
        return Err(OpError::runtime("ZeroDivisionError"));
    }
    Arithmetic { int, float }.forward(args)
}

fn div_floor_int(x: i64, y: i64) -> i64 {
    let quotient = x.wrapping_div(y);
    if x.wrapping_rem(y) != 0 && (x < 0) != (y < 0) {
        quotient - 1
    } else {
        quotient
    }
}

/// Python's `//` on floats.
fn div_floor(x: f64, y: f64) -> f64 {
    if y == 0.0 {
        return x / y;
    }
    let rest = x % y;
    let mut quotient = (x - rest) / y;
    if rest != 0.0 && (y < 0.0) != (rest < 0.0) {
        quotient -= 1.0;
    }
    if quotient == 0.0 {
        return 0f64.copysign(x / y);
    }
    let floor = quotient.floor();
    if quotient - floor > 0.5 {
        floor + 1.0
    } else {
        floor
    }
}

fn remainder_int(x: i64, y: i64) -> i64 {
    let rest = x.wrapping_rem(y);
    if rest != 0 && (rest < 0) != (y < 0) {
        rest + y
    } else {
        rest
    }
}

/// Python's `%` on floats.
fn remainder(x: f64, y: f64) -> f64 {
    let rest = x % y;
    if rest != 0.0 && (rest < 0.0) != (y < 0.0) {
        rest + y
    } else {
        rest
    }
}

/// `-grad * (x / other, rounded)`
fn minus_quotient(b: &mut dyn Backward, grad: Var, mode: &'static str) -> Value {
    let (x, other) = (b.operand(0)?, b.input(1)?);
    let x = match x {
        Arg::Tensor(x) => x,
        number => b.one("full_like", vec![Arg::Tensor(other), number])?,
    };
    let quotient = b.one(
        "div.Tensor_mode",
        vec![Arg::Tensor(x), Arg::Tensor(other), Arg::Str(mode.into())],
    )?;
    let minus = b.neg(grad)?;
    b.mul(minus, quotient)
}

fn pow_int(x: i64, exponent: i64) -> i64 {
    match u32::try_from(exponent) {
        Ok(exponent) => x.wrapping_pow(exponent),
        Err(_) if exponent > 0 => x.wrapping_pow(if exponent % 2 == 0 {
            u32::MAX - 1
        } else {
            u32::MAX
        }),
        // PyTorch's answer where the exponent is a tensor; a number is refused by `infer`.
        Err(_) => match x {
            1 => 1,
            -1 => {
                if exponent % 2 == 0 {
                    1
                } else {
                    -1
                }
            }
            _ => 0,
        },
    }
}

fn infer_pow(args: &[Arg<Meta>]) -> Metas {
    let result = infer_arithmetic(args)?;
    if !result[0].dtype.is_floating()
        && scalar_at(args, 1).is_some_and(|exponent| exponent.as_f64() < 0.0)
    {
        return Err(OpError::runtime(
            "Integers to negative integer powers are not allowed.",
        ));
    }
    Ok(result)
}

fn pow_gradient(b: &mut dyn Backward, grad: Var) -> Value {
    let exponent = b.number(1);
    if exponent == 0.0 {
        return b.zeros_like(grad);
    }
    let x = b.input(0)?;
    let power = b.pow(x, exponent - 1.0)?;
    let slope = b.mul(power, exponent)?;
    b.mul(grad, slope)
}

fn pow_self_gradient(b: &mut dyn Backward, grad: Var) -> Value {
    let (x, exponent) = (b.input(0)?, b.input(1)?);
    let less = b.sub(exponent, 1.0)?;
    let power = b.binary("pow", x, less)?;
    let slope = b.mul(exponent, power)?;
    let product = b.mul(grad, slope)?;
    let zero = b.binary("eq", exponent, 0.0)?;
    b.masked_fill(product, zero, 0.0)
}

fn pow_exponent_gradient(b: &mut dyn Backward, grad: Var) -> Value {
    let (base, exponent, out) = (b.operand(0)?, b.input(1)?, b.output(0)?);
    let positive = b.binary("ge", exponent, 0.0)?;
    match base {
        Arg::Tensor(x) => {
            let log = b.unary("log", x)?;
            let slope = b.mul(out, log)?;
            let product = b.mul(grad, slope)?;
            let zero = b.binary("eq", x, 0.0)?;
            let mask = b.binary("logical_and", zero, positive)?;
            b.masked_fill(product, mask, 0.0)
        }
        _ => {
            let base = b.number(0);
            let slope = b.mul(out, base.ln())?;
            let product = b.mul(grad, slope)?;
            if base == 0.0 {
                b.masked_fill(product, positive, 0.0)
            } else {
                Ok(product)
            }
        }
    }
}
