use crate::ops::array::Array;
use crate::ops::build::{
    Arrays, HIDDEN, IN_PLACE, Metas, SELF, both, f64_at, function, input, input_for, method,
    number, operand, output, param, scalar_at, str_at, tensor, tensor_at,
};
use crate::ops::formula::Value;
use crate::ops::kernel::{
    Arithmetic, infer_arithmetic, infer_floating, metas, not_implemented, operand_at,
};
use crate::ops::meta::{Dtype, Meta, Scalar};
use crate::ops::promote::{Promotion, to_float};
use crate::ops::row::{
    Arg, Backward, Default, Exception, Gradient, InPlace, OpError, OpRow, ParamKind, ResultKind,
    Save, Var,
};

const BOTH_INPUTS: &[Save] = &[input(0), input(1)];
const OTHER: &[crate::ops::row::Param] = &[SELF, operand("other")];
const TWO: &[crate::ops::row::Param] = &[SELF, tensor("other")];
const SUM: &[crate::ops::row::Param] =
    &[SELF, operand("other"), number("alpha").or_int(1).keyword()];

/// A row of two tensors whose result is floating.
macro_rules! floating {
    ($name:literal, $forms:expr, $node:literal, $saves:expr, $evidence:expr, $forward:expr, $parts:expr) => {
        OpRow {
            name: $name,
            forms: $forms,
            params: TWO,
            result: ResultKind::Fresh,
            in_place: IN_PLACE,
            infer: infer_floating,
            forward: Some(|args, _| forward_floating(args, $forward)),
            saves: $saves,
            gradient: Gradient::Formula(|b| b.parts($parts)),
            node: $node,
            node_by: None,
            evidence: $evidence,
        }
    };
}

/// A row of two operands whose result has the type they meet in.
macro_rules! arithmetic {
    ($name:literal, $forms:expr, $params:expr, $node:literal, $saves:expr, $evidence:expr, $int:expr, $float:expr, $parts:expr) => {
        OpRow {
            name: $name,
            forms: $forms,
            params: $params,
            result: ResultKind::Fresh,
            in_place: IN_PLACE,
            infer: infer_arithmetic,
            forward: Some(|args, _| {
                Arithmetic {
                    int: $int,
                    float: $float,
                }
                .forward(args)
            }),
            saves: $saves,
            gradient: Gradient::Formula(|b| b.parts($parts)),
            node: $node,
            node_by: None,
            evidence: $evidence,
        }
    };
}

/// Functions of two tensors, or of a tensor and a number.
pub const ROWS: &[OpRow] = &[
    OpRow {
        name: "add",
        forms: both(&["add"]),
        params: SUM,
        result: ResultKind::Fresh,
        in_place: IN_PLACE,
        infer: infer_sum,
        forward: Some(|args, _| forward_sum(args, 1.0)),
        saves: &[],
        gradient: Gradient::Formula(|b| {
            b.parts(&[(0, same), (1, |b, grad| times_alpha(b, grad, 1.0))])
        }),
        node: "AddBackward0",
        node_by: None,
        evidence: &[
            "add",
            "add(x,scalar)",
            "add(x,y,alpha=2)",
            "add broadcast (3,4)+(4)",
            "add_(tensor)",
            "add_(scalar)",
        ],
    },
    OpRow {
        name: "sub",
        forms: both(&["sub", "subtract"]),
        params: SUM,
        result: ResultKind::Fresh,
        in_place: IN_PLACE,
        infer: infer_difference,
        forward: Some(|args, _| forward_sum(args, -1.0)),
        saves: &[],
        gradient: Gradient::Formula(|b| {
            b.parts(&[(0, same), (1, |b, grad| times_alpha(b, grad, -1.0))])
        }),
        node: "SubBackward0",
        node_by: None,
        evidence: &["sub", "sub(x,scalar)", "sub_"],
    },
    OpRow {
        name: "rsub",
        forms: function(&["rsub"]),
        params: SUM,
        result: ResultKind::Fresh,
        in_place: InPlace::No,
        infer: infer_difference,
        forward: Some(|args, _| forward_rsub(args)),
        saves: &[],
        gradient: Gradient::Formula(|b| {
            b.parts(&[(0, |b, grad| times_alpha(b, grad, -1.0)), (1, same)])
        }),
        node: "RsubBackward0",
        node_by: Some(|args| {
            if matches!(args.get(1), Some(Arg::Tensor(_))) {
                "RsubBackward0"
            } else {
                "RsubBackward1"
            }
        }),
        evidence: &["rsub(scalar-x)"],
    },
    arithmetic!(
        "mul",
        both(&["mul", "multiply"]),
        OTHER,
        "MulBackward0",
        &[input_for(0, &[1]), input_for(1, &[0])],
        &[
            "mul",
            "mul(x,scalar)",
            "mul(x,x)",
            "mul broadcast (3,4)*(4)",
            "mul_",
            "mul_(scalar)"
        ],
        i64::wrapping_mul,
        |x, y| x * y,
        &[
            (0, |b, grad| times_input(b, grad, 1)),
            (1, |b, grad| times_input(b, grad, 0))
        ]
    ),
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
        evidence: &["div floor"],
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
        evidence: &["div(scalar,x)"],
    },
    OpRow {
        name: "floor_divide",
        forms: both(&["floor_divide"]),
        params: OTHER,
        result: ResultKind::Fresh,
        in_place: IN_PLACE,
        infer: infer_arithmetic,
        forward: Some(|args, _| forward_checked(args, div_floor_int, div_floor)),
        saves: &[],
        gradient: Gradient::NotImplemented(
            Exception::RuntimeError,
            "derivative for aten::floor_divide is not implemented",
        ),
        node: "torch::autograd::NotImplemented",
        node_by: None,
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
        forward: Some(|args, _| forward_checked(args, |x, y| x.wrapping_rem(y), |x, y| x % y)),
        gradient: Gradient::Formula(|b| b.first(same)),
        saves: &[],
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
        forward: Some(|args, _| forward_checked(args, |x, y| x.wrapping_rem(y), |x, y| x % y)),
        gradient: Gradient::Formula(|b| {
            b.parts(&[(0, same), (1, |b, grad| minus_quotient(b, grad, "trunc"))])
        }),
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
        forward: Some(|args, _| forward_checked(args, remainder_int, remainder)),
        gradient: Gradient::Formula(|b| b.first(same)),
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
        forward: Some(|args, _| forward_checked(args, remainder_int, remainder)),
        gradient: Gradient::Formula(|b| {
            b.parts(&[(0, same), (1, |b, grad| minus_quotient(b, grad, "floor"))])
        }),
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
            f64::powf,
            &[]
        )
    },
    arithmetic!(
        "pow",
        both(&["pow"]),
        &[SELF, tensor("exponent")],
        "PowBackward1",
        &[input(0), input(1), output(0)],
        &["pow(tensor,tensor)", "pow_(tensor)"],
        pow_int,
        f64::powf,
        &[(0, pow_self_gradient), (1, pow_exponent_gradient)]
    ),
    OpRow {
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
    floating!(
        "atan2",
        both(&["atan2", "arctan2"]),
        "Atan2Backward0",
        BOTH_INPUTS,
        &["atan2"],
        f64::atan2,
        &[
            (0, |b, grad| atan2_part(b, grad, 1, false)),
            (1, |b, grad| atan2_part(b, grad, 0, true))
        ]
    ),
    OpRow {
        in_place: InPlace::No,
        ..arithmetic!(
            "maximum",
            both(&["maximum", "max"]),
            TWO,
            "MaximumBackward0",
            BOTH_INPUTS,
            &["maximum"],
            i64::max,
            maximum,
            &[
                (0, |b, grad| shared(b, grad, "lt")),
                (1, |b, grad| shared(b, grad, "gt"))
            ]
        )
    },
    OpRow {
        in_place: InPlace::No,
        ..arithmetic!(
            "minimum",
            both(&["minimum", "min"]),
            TWO,
            "MinimumBackward0",
            BOTH_INPUTS,
            &["minimum"],
            i64::min,
            minimum,
            &[
                (0, |b, grad| shared(b, grad, "gt")),
                (1, |b, grad| shared(b, grad, "lt"))
            ]
        )
    },
    OpRow {
        in_place: InPlace::No,
        ..arithmetic!(
            "fmax",
            both(&["fmax"]),
            TWO,
            "FmaxBackward0",
            BOTH_INPUTS,
            &["fmax"],
            i64::max,
            f64::max,
            &[
                (0, |b, grad| shared_unless_nan(b, grad, "ge", true)),
                (1, |b, grad| shared_unless_nan(b, grad, "gt", false))
            ]
        )
    },
    OpRow {
        in_place: InPlace::No,
        ..arithmetic!(
            "fmin",
            both(&["fmin"]),
            TWO,
            "FminBackward0",
            BOTH_INPUTS,
            &["fmin"],
            i64::min,
            f64::min,
            &[
                (0, |b, grad| shared_unless_nan(b, grad, "le", true)),
                (1, |b, grad| shared_unless_nan(b, grad, "lt", false))
            ]
        )
    },
    OpRow {
        infer: |args| infer_hypot(args, "hypot"),
        ..floating!(
            "hypot",
            both(&["hypot"]),
            "HypotBackward0",
            &[input_for(0, &[0]), input_for(1, &[1]), output(0)],
            &["hypot"],
            f64::hypot,
            &[
                (0, |b, grad| over_result(b, grad, 0)),
                (1, |b, grad| over_result(b, grad, 1))
            ]
        )
    },
    OpRow {
        in_place: InPlace::No,
        infer: |args| infer_hypot(args, "logaddexp"),
        ..floating!(
            "logaddexp",
            both(&["logaddexp"]),
            "LogaddexpBackward0",
            BOTH_INPUTS,
            &["logaddexp"],
            crate::ops::special::logaddexp,
            &[
                (0, |b, grad| logistic_share(b, grad, 1, 0)),
                (1, |b, grad| logistic_share(b, grad, 0, 1))
            ]
        )
    },
    OpRow {
        params: OTHER,
        node_by: Some(|args| {
            if matches!(args.get(1), Some(Arg::Tensor(_))) {
                "CopysignBackward0"
            } else {
                "CopysignBackward1"
            }
        }),
        ..floating!(
            "copysign",
            both(&["copysign"]),
            "CopysignBackward0",
            &[input_for(0, &[0]), output(0)],
            &["copysign"],
            f64::copysign,
            &[
                (0, |b, grad| {
                    let (x, out) = (b.input(0)?, b.output(0)?);
                    let ratio = b.div(out, x)?;
                    let zero = b.binary("eq", x, 0.0)?;
                    let ratio = b.masked_fill(ratio, zero, 0.0)?;
                    b.mul(grad, ratio)
                }),
                (1, |b, grad| b.zeros_like(grad))
            ]
        )
    },
    OpRow {
        params: OTHER,
        node_by: Some(|args| {
            if matches!(args.get(1), Some(Arg::Tensor(_))) {
                "XlogyBackward0"
            } else {
                "XlogyBackward2"
            }
        }),
        ..floating!(
            "xlogy",
            both(&["xlogy"]),
            "XlogyBackward0",
            BOTH_INPUTS,
            &["xlogy"],
            xlogy,
            &[
                (0, |b, grad| {
                    let (x, y) = (b.input(0)?, b.operand(1)?);
                    let product = b.binary("xlogy", grad, y.clone())?;
                    let zero = b.binary("eq", x, 0.0)?;
                    let mask = match y {
                        Arg::Tensor(y) => {
                            let low = b.binary("le", y, 0.0)?;
                            b.binary("logical_and", zero, low)?
                        }
                        _ if b.number(1) > 0.0 => return Ok(product),
                        _ => zero,
                    };
                    b.masked_fill(product, mask, 0.0)
                }),
                (1, |b, grad| {
                    let (x, y) = (b.input(0)?, b.input(1)?);
                    let product = b.mul(grad, x)?;
                    b.div(product, y)
                })
            ]
        )
    },
    OpRow {
        infer: infer_heaviside,
        gradient: Gradient::NotImplemented(
            Exception::RuntimeError,
            "derivative for aten::heaviside is not implemented",
        ),
        ..arithmetic!(
            "heaviside",
            both(&["heaviside"]),
            &[SELF, tensor("values")],
            "torch::autograd::NotImplemented",
            &[],
            &["heaviside"],
            |x, values| if x == 0 { values } else { i64::from(x > 0) },
            |x, values| if x == 0.0 {
                values
            } else {
                f64::from(u8::from(x > 0.0))
            },
            &[]
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
    infer: infer_arithmetic,
    forward: Some(|args, _| forward_checked(args, div_floor_int, div_floor)),
    saves: &[],
    gradient: Gradient::NotImplemented(
        Exception::RuntimeError,
        "derivative for aten::floor_divide is not implemented",
    ),
    node: "torch::autograd::NotImplemented",
    node_by: None,
    evidence: &[],
};

/// The gradient as it comes.
pub fn same(_: &mut dyn Backward, grad: Var) -> Value {
    Ok(grad)
}

fn infer_sum(args: &[Arg<Meta>]) -> Metas {
    let result = infer_arithmetic(&args[..2])?;
    if !result[0].dtype.is_floating() && matches!(scalar_at(args, 2), Some(Scalar::Float(_))) {
        return Err(OpError::runtime(
            "For integral input tensors, argument alpha must not be a floating point number.",
        ));
    }
    Ok(result)
}

fn infer_difference(args: &[Arg<Meta>]) -> Metas {
    let is_bool = |arg: Option<&Arg<Meta>>| match arg {
        Some(Arg::Tensor(meta)) => meta.dtype == Dtype::Bool,
        Some(Arg::Scalar(scalar)) => matches!(scalar, Scalar::Bool(_)),
        _ => false,
    };
    match (is_bool(args.first()), is_bool(args.get(1))) {
        (true, true) => Err(not_implemented(
            "Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or `logical_xor()` operator instead.",
        )),
        (false, false) => infer_sum(args),
        _ => Err(not_implemented(
            "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to invert a mask, use the `~` or `logical_not()` operator instead.",
        )),
    }
}

/// `x + sign * alpha * y`
fn forward_sum(args: &[Arg<Array>], sign: f64) -> Arrays {
    let alpha = sign * alpha_at(args);
    Arithmetic {
        int: |x: i64, y: i64| x.wrapping_add(y.wrapping_mul(alpha as i64)),
        float: |x, y| x + y * alpha,
    }
    .forward(args)
}

fn forward_rsub(args: &[Arg<Array>]) -> Arrays {
    let alpha = alpha_at(args);
    Arithmetic {
        int: |x: i64, y: i64| y.wrapping_sub(x.wrapping_mul(alpha as i64)),
        float: |x, y| y - x * alpha,
    }
    .forward(args)
}

/// `alpha`, rounded to the type of computation.
fn alpha_at(args: &[Arg<Array>]) -> f64 {
    let alpha = f64_at(args, 2, 1.0);
    let single = Promotion::new().args(&metas(&args[..2])).result() == Dtype::F32;
    if single {
        f64::from(alpha as f32)
    } else {
        alpha
    }
}

fn times_alpha(b: &mut dyn Backward, grad: Var, sign: f64) -> Value {
    let alpha = scalar_at(b.args(), 2).map_or(1.0, Scalar::as_f64) * sign;
    match alpha {
        1.0 => Ok(grad),
        -1.0 => b.neg(grad),
        _ => b.mul(grad, alpha),
    }
}

fn times_input(b: &mut dyn Backward, grad: Var, position: usize) -> Value {
    let other = b.operand(position)?;
    b.mul(grad, other)
}

fn forward_floating(args: &[Arg<Array>], f: impl Fn(f64, f64) -> f64) -> Arrays {
    let dtype = to_float(Promotion::new().args(&metas(&args[..2])).result());
    let (x, y) = (operand_at(args, 0, dtype)?, operand_at(args, 1, dtype)?);
    Ok(vec![
        Arithmetic {
            int: |x, _| x,
            float: f,
        }
        .on(dtype, &x, &y)?,
    ])
}

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
        Some("floor" | "trunc") => infer_arithmetic(&args[..2]),
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

/// `grad * other / (x² + y²)`, or its negative; zero at the origin.
fn atan2_part(b: &mut dyn Backward, grad: Var, other: usize, negative: bool) -> Value {
    let (x, y) = (b.input(0)?, b.input(1)?);
    let (xx, yy) = (b.mul(x, x)?, b.mul(y, y)?);
    let square = b.add(xx, yy)?;
    let inverse = b.unary("reciprocal", square)?;
    let origin = b.binary("eq", square, 0.0)?;
    let inverse = b.masked_fill(inverse, origin, 0.0)?;
    let other = b.input(other)?;
    let product = b.mul(other, inverse)?;
    let product = if negative { b.neg(product)? } else { product };
    b.mul(grad, product)
}

/// The greater; not-a-number wins.
pub fn maximum(x: f64, y: f64) -> f64 {
    if x.is_nan() || y.is_nan() {
        f64::NAN
    } else {
        x.max(y)
    }
}

/// The smaller; not-a-number wins.
pub fn minimum(x: f64, y: f64) -> f64 {
    if x.is_nan() || y.is_nan() {
        f64::NAN
    } else {
        x.min(y)
    }
}

/// Half of the gradient where both are equal, none where `loses(x, y)`.
fn shared(b: &mut dyn Backward, grad: Var, loses: &'static str) -> Value {
    let (x, y) = (b.input(0)?, b.input(1)?);
    let halved = halved_where_equal(b, grad, x, y)?;
    let lost = b.binary(loses, x, y)?;
    b.masked_fill(halved, lost, 0.0)
}

fn halved_where_equal(b: &mut dyn Backward, grad: Var, x: Var, y: Var) -> Value {
    let equal = b.binary("eq", x, y)?;
    let half = b.div(grad, 2.0)?;
    b.select(equal, half, grad)
}

/// As [`shared`], where not-a-number on the right loses: the left has its share where `wins(x, y)`, the right elsewhere.
fn shared_unless_nan(b: &mut dyn Backward, grad: Var, wins: &'static str, left: bool) -> Value {
    let (x, y) = (b.input(0)?, b.input(1)?);
    let halved = halved_where_equal(b, grad, x, y)?;
    let won = b.binary(wins, x, y)?;
    let nan = b.unary("isnan", y)?;
    let won = b.binary("logical_or", won, nan)?;
    let lost = if left {
        b.unary("logical_not", won)?
    } else {
        won
    };
    b.masked_fill(halved, lost, 0.0)
}

fn infer_hypot(args: &[Arg<Meta>], name: &str) -> Metas {
    let result = infer_arithmetic(args)?;
    let dtype = result[0].dtype;
    if dtype.is_floating() {
        Ok(result)
    } else {
        Err(not_implemented(format!(
            "\"{name}_cpu\" not implemented for '{}'",
            dtype.scalar_name()
        )))
    }
}

/// `grad * input / result`
fn over_result(b: &mut dyn Backward, grad: Var, position: usize) -> Value {
    let (x, out) = (b.input(position)?, b.output(0)?);
    let ratio = b.div(x, out)?;
    b.mul(grad, ratio)
}

/// `grad / (1 + exp(above - below))`
fn logistic_share(b: &mut dyn Backward, grad: Var, above: usize, below: usize) -> Value {
    let (above, below) = (b.input(above)?, b.input(below)?);
    let difference = b.sub(above, below)?;
    let exp = b.unary("exp", difference)?;
    let inner = b.add(exp, 1.0)?;
    b.div(grad, inner)
}

fn xlogy(x: f64, y: f64) -> f64 {
    if y.is_nan() {
        f64::NAN
    } else if x == 0.0 {
        0.0
    } else {
        x * y.ln()
    }
}

fn infer_heaviside(args: &[Arg<Meta>]) -> Metas {
    let dtypes = (tensor_at(args, 0)?.dtype, tensor_at(args, 1)?.dtype);
    if dtypes.0 != dtypes.1 {
        return Err(OpError::runtime(
            "heaviside is not yet implemented for tensors with different dtypes.",
        ));
    }
    infer_arithmetic(args)
}
