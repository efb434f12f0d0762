//! Arithmetic of two operands.

use crate::ops::array::Array;
use crate::ops::build::{
    Arrays, IN_PLACE, Metas, SELF, both, f64_at, function, input, input_for, number, operand,
    output, scalar_at, tensor, tensor_at,
};
use crate::ops::formula::Value;
use crate::ops::kernel::{
    Arithmetic, fast_two, infer_arithmetic, infer_floating, not_implemented, operand_at,
};
use crate::ops::kit::metas;
use crate::ops::meta::{Dtype, Meta, Scalar};
use crate::ops::promote::{Promotion, to_float};
use crate::ops::row::{
    Arg, Backward, Exception, Fast, Gradient, InPlace, OpError, OpRow, ResultKind, Save, Var,
};

const BOTH_INPUTS: &[Save] = &[input(0), input(1)];
pub(super) const OTHER: &[crate::ops::row::Param] = &[SELF, operand("other")];
pub(super) const TWO: &[crate::ops::row::Param] = &[SELF, tensor("other")];
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
            fast: Some(Fast::Two(|x, y| fast_two(x, y, $forward))),
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
            fast: Some(crate::ops::Fast::Two(|x, y| {
                crate::ops::kernel::fast_two(x, y, $float)
            })),
            evidence: $evidence,
        }
    };
}
pub(super) use arithmetic;

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
        fast: Some(Fast::Two(|x, y| fast_two(x, y, |x, y| x + y))),
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
        fast: Some(Fast::Two(|x, y| fast_two(x, y, |x, y| x - y))),
        evidence: &["sub", "sub(x,scalar)", "sub_"],
    },
    OpRow {
        name: "rsub",
        forms: function(&["rsub"]),
        params: SUM,
        result: ResultKind::Fresh,
        in_place: InPlace::No,
        infer: infer_rsub,
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
        fast: Some(Fast::Two(|x, y| fast_two(x, y, |x, y| y - x))),
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
                (1, |b, grad| {
                    let zeros = b.zeros_like(grad)?;
                    b.count_writes(zeros, 1);
                    Ok(zeros)
                })
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

/// The operands meet the other way round, which only the words about their sizes show.
fn infer_rsub(args: &[Arg<Meta>]) -> Metas {
    if let [Arg::Tensor(x), Arg::Tensor(y), ..] = args {
        crate::ops::broadcast::broadcast(&y.shape, &x.shape)?;
    }
    infer_difference(args)
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

pub(super) fn forward_floating(args: &[Arg<Array>], f: impl Fn(f64, f64) -> f64) -> Arrays {
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

/// `grad * other / (x² + y²)`, or its negative; zero at the origin.
fn atan2_part(b: &mut dyn Backward, grad: Var, other: usize, negative: bool) -> Value {
    let (x, y) = (b.input(0)?, b.input(1)?);
    let (xx, yy) = (b.mul(x, x)?, b.mul(y, y)?);
    let square = b.add(xx, yy)?;
    let inverse = b.unary("reciprocal", square)?;
    let origin = b.binary("eq", square, 0.0)?;
    let inverse = b.masked_fill(inverse, origin, 0.0)?;
    let other = b.input(other)?;
    let other = if negative { b.neg(other)? } else { other };
    let product = b.mul(other, inverse)?;
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
    written_once(b, halved, lost)
}

/// PyTorch fills the places in place.
fn written_once(b: &mut dyn Backward, grad: Var, lost: Var) -> Value {
    let filled = b.masked_fill(grad, lost, 0.0)?;
    b.count_writes(filled, 1);
    Ok(filled)
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
    written_once(b, halved, lost)
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
