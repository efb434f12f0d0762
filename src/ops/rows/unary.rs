use std::f64::consts::{FRAC_2_SQRT_PI, LN_2, LN_10, PI};

use crate::ops::array::Array;
use crate::ops::build::{
    Arrays, IN_PLACE, INTERNAL, Metas, SELF, both, everywhere, flag, input, int, number,
    operand_or_none, output, scalar_at, tensor_at,
};
use crate::ops::formula::Value;
use crate::ops::kernel::{
    forward_floating, infer_like, infer_like_floating, map, map_floating, not_implemented,
};
use crate::ops::meta::{Dtype, Meta, Scalar};
use crate::ops::row::{
    Arg, Backward, Default, Exception, Gradient, InPlace, OpError, OpRow, ResultKind, Var,
};
use crate::ops::special;

/// A row with one tensor, whose result is floating.
macro_rules! floating {
    ($name:literal, $forms:expr, $node:literal, $saves:expr, $evidence:expr, $forward:expr, $gradient:expr) => {
        OpRow {
            name: $name,
            forms: $forms,
            params: &[SELF],
            result: ResultKind::Fresh,
            in_place: IN_PLACE,
            infer: infer_like_floating,
            forward: Some(|args, _| forward_floating(args, $forward)),
            saves: $saves,
            gradient: Gradient::Formula(|b| b.first($gradient)),
            node: $node,
            node_by: None,
            evidence: $evidence,
        }
    };
}

/// A row with one tensor, whose result has its type.
macro_rules! like {
    ($name:literal, $forms:expr, $node:literal, $saves:expr, $evidence:expr, $int:expr, $float:expr, $gradient:expr) => {
        OpRow {
            name: $name,
            forms: $forms,
            params: &[SELF],
            result: ResultKind::Fresh,
            in_place: IN_PLACE,
            infer: |args| infer_no_bool(args, $name),
            forward: Some(|args, _| forward_like(args, $int, $float)),
            saves: $saves,
            gradient: Gradient::Formula(|b| b.first($gradient)),
            node: $node,
            node_by: None,
            evidence: $evidence,
        }
    };
}

const IN: &[crate::ops::row::Save] = &[input(0)];
const OUT: &[crate::ops::row::Save] = &[output(0)];

/// Functions of one tensor, element by element.
pub const ROWS: &[OpRow] = &[
    like!(
        "abs",
        both(&["abs", "absolute"]),
        "AbsBackward0",
        IN,
        &["abs", "abs_"],
        i64::wrapping_abs,
        f64::abs,
        |b, grad| {
            let x = b.input(0)?;
            let sign = b.unary("sgn", x)?;
            b.mul(grad, sign)
        }
    ),
    OpRow {
        infer: infer_neg,
        ..like!(
            "neg",
            both(&["neg", "negative"]),
            "NegBackward0",
            &[],
            &["neg", "neg_"],
            i64::wrapping_neg,
            |x: f64| -x,
            |b, grad| b.neg(grad)
        )
    },
    OpRow {
        infer: infer_like,
        ..like!(
            "sign",
            both(&["sign"]),
            "SignBackward0",
            &[],
            &["sign"],
            i64::signum,
            sign,
            zero_gradient
        )
    },
    OpRow {
        infer: infer_like,
        ..like!(
            "sgn",
            both(&["sgn"]),
            "SgnBackward0",
            &[input(0), output(0)],
            &["sgn"],
            i64::signum,
            sign,
            zero_gradient
        )
    },
    like!(
        "floor",
        both(&["floor"]),
        "FloorBackward0",
        &[],
        &["floor", "floor_"],
        |x| x,
        f64::floor,
        zero_gradient
    ),
    like!(
        "ceil",
        both(&["ceil"]),
        "CeilBackward0",
        &[],
        &["ceil"],
        |x| x,
        f64::ceil,
        zero_gradient
    ),
    like!(
        "round",
        both(&["round"]),
        "RoundBackward0",
        &[],
        &["round", "round_"],
        |x| x,
        special::round,
        zero_gradient
    ),
    OpRow {
        params: &[SELF, int("decimals").keyword()],
        infer: |args| infer_no_bool(args, "round"),
        forward: Some(|args, _| forward_round_decimals(args)),
        // Not in ops.tsv; measured: RoundBackward1, saves nothing.
        ..like!(
            "round.decimals",
            both(&["round"]),
            "RoundBackward1",
            &[],
            &[],
            |x| x,
            special::round,
            zero_gradient
        )
    },
    like!(
        "trunc",
        both(&["trunc", "fix"]),
        "TruncBackward0",
        &[],
        &["trunc"],
        |x| x,
        f64::trunc,
        zero_gradient
    ),
    OpRow {
        infer: infer_frac,
        ..like!(
            "frac",
            both(&["frac"]),
            "FracBackward0",
            &[],
            &["frac"],
            |_| 0,
            |x: f64| x - x.trunc(),
            |_, grad| Ok(grad)
        )
    },
    OpRow {
        params: &[SELF, flag("inplace")],
        ..like!(
            "relu",
            everywhere(&["relu"]),
            "ReluBackward0",
            OUT,
            &["relu", "relu_", "F.relu(inplace)"],
            |x| x.max(0),
            relu,
            |b, grad| {
                let out = b.output(0)?;
                let dead = b.binary("le", out, 0.0)?;
                b.masked_fill(grad, dead, 0.0)
            }
        )
    },
    OpRow {
        name: "positive",
        forms: both(&["positive"]),
        params: &[SELF],
        result: ResultKind::SelfIf(|_| true),
        in_place: InPlace::No,
        infer: infer_like,
        forward: None,
        saves: &[],
        gradient: Gradient::Formula(|b| b.first(|_, grad| Ok(grad))),
        node: "",
        node_by: None,
        evidence: &["positive"],
    },
    OpRow {
        in_place: InPlace::No,
        infer: infer_like,
        forward: Some(|args, _| Ok(vec![tensor_at(args, 0)?.copy()])),
        ..like!(
            "clone",
            both(&["clone"]),
            "CloneBackward0",
            &[],
            &["clone"],
            |x| x,
            |x| x,
            |_, grad| Ok(grad)
        )
    },
    floating!(
        "exp",
        both(&["exp"]),
        "ExpBackward0",
        OUT,
        &["exp", "exp_"],
        f64::exp,
        |b, grad| {
            let out = b.output(0)?;
            b.mul(grad, out)
        }
    ),
    floating!(
        "exp2",
        both(&["exp2"]),
        "Exp2Backward0",
        OUT,
        &["exp2"],
        f64::exp2,
        |b, grad| {
            let out = b.output(0)?;
            let product = b.mul(grad, out)?;
            b.mul(product, LN_2)
        }
    ),
    floating!(
        "expm1",
        both(&["expm1"]),
        "Expm1Backward0",
        OUT,
        &["expm1", "expm1_"],
        f64::exp_m1,
        |b, grad| {
            let out = b.output(0)?;
            let exp = b.add(out, 1.0)?;
            b.mul(grad, exp)
        }
    ),
    floating!(
        "log",
        both(&["log"]),
        "LogBackward0",
        IN,
        &["log", "log_"],
        f64::ln,
        |b, grad| {
            let x = b.input(0)?;
            b.div(grad, x)
        }
    ),
    floating!(
        "log2",
        both(&["log2"]),
        "Log2Backward0",
        IN,
        &["log2"],
        f64::log2,
        |b, grad| log_gradient(b, grad, LN_2)
    ),
    floating!(
        "log10",
        both(&["log10"]),
        "Log10Backward0",
        IN,
        &["log10"],
        f64::log10,
        |b, grad| log_gradient(b, grad, LN_10)
    ),
    floating!(
        "log1p",
        both(&["log1p"]),
        "Log1PBackward0",
        IN,
        &["log1p", "log1p_"],
        f64::ln_1p,
        |b, grad| {
            let x = b.input(0)?;
            let inner = b.add(x, 1.0)?;
            b.div(grad, inner)
        }
    ),
    floating!(
        "sqrt",
        both(&["sqrt"]),
        "SqrtBackward0",
        OUT,
        &["sqrt", "sqrt_"],
        f64::sqrt,
        |b, grad| {
            let out = b.output(0)?;
            let twice = b.mul(out, 2.0)?;
            b.div(grad, twice)
        }
    ),
    floating!(
        "rsqrt",
        both(&["rsqrt"]),
        "RsqrtBackward0",
        OUT,
        &["rsqrt", "rsqrt_"],
        |x| 1.0 / x.sqrt(),
        |b, grad| {
            let out = b.output(0)?;
            let cube = b.pow(out, 3.0)?;
            let half = b.mul(grad, -0.5)?;
            b.mul(half, cube)
        }
    ),
    floating!(
        "reciprocal",
        both(&["reciprocal"]),
        "ReciprocalBackward0",
        OUT,
        &["reciprocal", "reciprocal_"],
        |x| 1.0 / x,
        |b, grad| {
            let out = b.output(0)?;
            let square = b.mul(out, out)?;
            let minus = b.neg(grad)?;
            b.mul(minus, square)
        }
    ),
    floating!(
        "sin",
        both(&["sin"]),
        "SinBackward0",
        IN,
        &["sin", "sin_"],
        f64::sin,
        |b, grad| times(b, grad, "cos", false)
    ),
    floating!(
        "cos",
        both(&["cos"]),
        "CosBackward0",
        IN,
        &["cos", "cos_"],
        f64::cos,
        |b, grad| times(b, grad, "sin", true)
    ),
    floating!(
        "tan",
        both(&["tan"]),
        "TanBackward0",
        OUT,
        &["tan"],
        f64::tan,
        |b, grad| {
            let out = b.output(0)?;
            let square = b.pow(out, 2.0)?;
            let slope = b.add(square, 1.0)?;
            b.mul(grad, slope)
        }
    ),
    floating!(
        "asin",
        both(&["asin", "arcsin"]),
        "AsinBackward0",
        IN,
        &["asin"],
        f64::asin,
        |b, grad| {
            let slope = arc_slope(b, -1.0, 1.0)?;
            b.mul(grad, slope)
        }
    ),
    floating!(
        "acos",
        both(&["acos", "arccos"]),
        "AcosBackward0",
        IN,
        &["acos"],
        f64::acos,
        |b, grad| {
            let slope = arc_slope(b, -1.0, 1.0)?;
            let slope = b.neg(slope)?;
            b.mul(grad, slope)
        }
    ),
    floating!(
        "atan",
        both(&["atan", "arctan"]),
        "AtanBackward0",
        IN,
        &["atan"],
        f64::atan,
        |b, grad| {
            let inner = square_plus(b, 1.0, 1.0)?;
            b.div(grad, inner)
        }
    ),
    floating!(
        "sinh",
        both(&["sinh"]),
        "SinhBackward0",
        IN,
        &["sinh"],
        f64::sinh,
        |b, grad| times(b, grad, "cosh", false)
    ),
    floating!(
        "cosh",
        both(&["cosh"]),
        "CoshBackward0",
        IN,
        &["cosh"],
        f64::cosh,
        |b, grad| times(b, grad, "sinh", false)
    ),
    floating!(
        "tanh",
        everywhere(&["tanh"]),
        "TanhBackward0",
        OUT,
        &["tanh", "tanh_"],
        f64::tanh,
        |b, grad| {
            let out = b.output(0)?;
            let square = b.mul(out, out)?;
            let slope = b.rsub(1.0, square)?;
            b.mul(grad, slope)
        }
    ),
    OpRow {
        in_place: InPlace::No,
        ..floating!(
            "asinh",
            both(&["asinh", "arcsinh"]),
            "AsinhBackward0",
            IN,
            &["asinh"],
            f64::asinh,
            |b, grad| {
                let slope = arc_slope(b, 1.0, 1.0)?;
                b.mul(grad, slope)
            }
        )
    },
    OpRow {
        in_place: InPlace::No,
        ..floating!(
            "acosh",
            both(&["acosh", "arccosh"]),
            "AcoshBackward0",
            IN,
            &["acosh"],
            f64::acosh,
            |b, grad| {
                let slope = arc_slope(b, 1.0, -1.0)?;
                b.mul(grad, slope)
            }
        )
    },
    OpRow {
        in_place: InPlace::No,
        ..floating!(
            "atanh",
            both(&["atanh", "arctanh"]),
            "AtanhBackward0",
            IN,
            &["atanh"],
            f64::atanh,
            |b, grad| {
                let inner = square_plus(b, -1.0, 1.0)?;
                b.div(grad, inner)
            }
        )
    },
    inplace_only(
        "asinh_",
        &["asinh_", "arcsinh_"],
        |args, _| forward_floating(args, f64::asinh),
        "AsinhBackward1",
        "the derivative for 'inplace version of asinh' is not implemented.",
    ),
    inplace_only(
        "acosh_",
        &["acosh_", "arccosh_"],
        |args, _| forward_floating(args, f64::acosh),
        "AcoshBackward1",
        "the derivative for 'inplace version of acosh' is not implemented.",
    ),
    inplace_only(
        "atanh_",
        &["atanh_", "arctanh_"],
        |args, _| forward_floating(args, f64::atanh),
        "AtanhBackward1",
        "the derivative for 'inplace version of atanh' is not implemented.",
    ),
    floating!(
        "sigmoid",
        everywhere(&["sigmoid"]),
        "SigmoidBackward0",
        OUT,
        &["sigmoid", "sigmoid_"],
        special::sigmoid,
        |b, grad| {
            let out = b.output(0)?;
            let other = b.rsub(1.0, out)?;
            let slope = b.mul(other, out)?;
            b.mul(grad, slope)
        }
    ),
    floating!(
        "erf",
        both(&["erf"]),
        "ErfBackward0",
        IN,
        &["erf", "erf_"],
        special::erf,
        |b, grad| gauss(b, grad, FRAC_2_SQRT_PI)
    ),
    floating!(
        "erfc",
        both(&["erfc"]),
        "ErfcBackward0",
        IN,
        &["erfc"],
        special::erfc,
        |b, grad| gauss(b, grad, -FRAC_2_SQRT_PI)
    ),
    floating!(
        "erfinv",
        both(&["erfinv"]),
        "ErfinvBackward0",
        IN,
        &["erfinv"],
        special::erfinv,
        |b, grad| {
            let x = b.input(0)?;
            let inverse = b.unary("erfinv", x)?;
            let square = b.pow(inverse, 2.0)?;
            let exp = b.unary("exp", square)?;
            let slope = b.mul(exp, PI.sqrt() / 2.0)?;
            b.mul(slope, grad)
        }
    ),
    floating!(
        "lgamma",
        both(&["lgamma"]),
        "LgammaBackward0",
        IN,
        &["lgamma"],
        special::lgamma,
        |b, grad| times(b, grad, "digamma", false)
    ),
    floating!(
        "digamma",
        both(&["digamma"]),
        "DigammaBackward0",
        IN,
        &["digamma"],
        special::digamma,
        |b, grad| times(b, grad, "trigamma", false)
    ),
    floating!(
        "i0",
        both(&["i0"]),
        "I0Backward0",
        IN,
        &["i0"],
        |x| special::bessel_i(0, x),
        |b, grad| times(b, grad, "special_i1", false)
    ),
    // Called by the formulas of `digamma` and `i0` only, which are measured.
    helper("trigamma", |args, _| {
        forward_floating(args, special::trigamma)
    }),
    helper("special_i1", |args, _| {
        forward_floating(args, |x| special::bessel_i(1, x))
    }),
    floating!(
        "sinc",
        both(&["sinc"]),
        "SincBackward0",
        IN,
        &["sinc"],
        special::sinc,
        |b, grad| {
            let x = b.input(0)?;
            let angle = b.mul(x, PI)?;
            let (cosine, sine) = (b.unary("cos", angle)?, b.unary("sin", angle)?);
            let first = b.mul(angle, cosine)?;
            let numerator = b.sub(first, sine)?;
            let square = b.mul(x, angle)?;
            let slope = b.div(numerator, square)?;
            let zero = b.binary("eq", x, 0.0)?;
            let product = b.mul(grad, slope)?;
            b.masked_fill(product, zero, 0.0)
        }
    ),
    floating!(
        "deg2rad",
        both(&["deg2rad"]),
        "Deg2RadBackward0",
        &[],
        &["deg2rad"],
        |x| x * (PI / 180.0),
        |b, grad| b.mul(grad, PI / 180.0)
    ),
    floating!(
        "rad2deg",
        both(&["rad2deg"]),
        "Rad2DegBackward0",
        &[],
        &["rad2deg"],
        |x| x * (180.0 / PI),
        |b, grad| b.mul(grad, 180.0 / PI)
    ),
    OpRow {
        params: &[SELF, number("eps").or(Default::None)],
        forward: Some(|args, _| forward_logit(args)),
        ..floating!(
            "logit",
            both(&["logit"]),
            "LogitBackward0",
            IN,
            &["logit"],
            |x| x,
            logit_gradient
        )
    },
    OpRow {
        params: &[
            SELF,
            operand_or_none("nan"),
            operand_or_none("posinf"),
            operand_or_none("neginf"),
        ],
        infer: infer_like,
        forward: Some(|args, _| forward_nan_to_num(args)),
        ..floating!(
            "nan_to_num",
            both(&["nan_to_num"]),
            "NanToNumBackward0",
            IN,
            &["nan_to_num"],
            |x| x,
            |b, grad| {
                let x = b.input(0)?;
                let finite = b.unary("isfinite", x)?;
                b.mul(grad, finite)
            }
        )
    },
];

/// An in-place form that PyTorch cannot differentiate though it can the function. Not in ops.tsv; measured by cases.
const fn inplace_only(
    name: &'static str,
    names: &'static [&'static str],
    forward: fn(&[Arg<Array>], &mut crate::ops::Rng) -> Arrays,
    node: &'static str,
    text: &'static str,
) -> OpRow {
    OpRow {
        name,
        forms: crate::ops::build::method(names),
        params: &[SELF],
        result: ResultKind::Fresh,
        in_place: InPlace::Only,
        infer: infer_like_floating,
        forward: Some(forward),
        saves: &[],
        gradient: Gradient::NotImplemented(Exception::NotImplementedError, text),
        node,
        node_by: None,
        evidence: &[],
    }
}

/// A function that only formulas use, and whose own derivative is not modelled.
const fn helper(
    name: &'static str,
    forward: fn(&[Arg<Array>], &mut crate::ops::Rng) -> Arrays,
) -> OpRow {
    OpRow {
        name,
        forms: INTERNAL,
        params: &[SELF],
        result: ResultKind::Fresh,
        in_place: InPlace::No,
        infer: infer_like_floating,
        forward: Some(forward),
        saves: IN,
        gradient: Gradient::Formula(|_| {
            Err(OpError::Unsupported(
                "the second derivative of a special function".into(),
            ))
        }),
        node: "",
        node_by: None,
        evidence: &[],
    }
}

fn infer_no_bool(args: &[Arg<Meta>], name: &str) -> Metas {
    if tensor_at(args, 0)?.dtype != Dtype::Bool {
        return infer_like(args);
    }
    Err(not_implemented(match name {
        "abs" => "\"abs_cpu\" not implemented for 'Bool'".to_owned(),
        "relu" => "Boolean inputs not supported for relu".to_owned(),
        _ => format!("\"{name}_vml_cpu\" not implemented for 'Bool'"),
    }))
}

fn infer_neg(args: &[Arg<Meta>]) -> Metas {
    if tensor_at(args, 0)?.dtype == Dtype::Bool {
        return Err(not_implemented(
            "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert a mask, use the `~` or `logical_not()` operator instead.",
        ));
    }
    infer_like(args)
}

fn infer_frac(args: &[Arg<Meta>]) -> Metas {
    match tensor_at(args, 0)?.dtype {
        Dtype::F32 | Dtype::F64 => infer_like(args),
        dtype => Err(not_implemented(format!(
            "\"frac_cpu\" not implemented for '{}'",
            dtype.scalar_name()
        ))),
    }
}

fn forward_like(args: &[Arg<Array>], int: fn(i64) -> i64, float: fn(f64) -> f64) -> Arrays {
    let x = tensor_at(args, 0)?;
    Ok(vec![match x.dtype() {
        Dtype::Bool => map::<i64, bool>(x, |value| int(value) != 0),
        Dtype::I64 => map::<i64, i64>(x, int),
        _ => map_floating(x, float),
    }])
}

/// Zero stays zero, and not-a-number becomes zero, as in PyTorch.
fn sign(x: f64) -> f64 {
    f64::from(i8::from(x > 0.0) - i8::from(x < 0.0))
}

/// As the maximum, but not-a-number stays.
fn relu(x: f64) -> f64 {
    if x < 0.0 { 0.0 } else { x }
}

/// The gradient of a step function.
pub fn zero_gradient(b: &mut dyn Backward, grad: Var) -> Value {
    b.zeros_like(grad)
}

/// `grad * op(x)`, or the negative.
fn times(b: &mut dyn Backward, grad: Var, op: &'static str, negative: bool) -> Value {
    let x = b.input(0)?;
    let mut slope = b.unary(op, x)?;
    if negative {
        slope = b.neg(slope)?;
    }
    b.mul(grad, slope)
}

fn log_gradient(b: &mut dyn Backward, grad: Var, log: f64) -> Value {
    let x = b.input(0)?;
    let scaled = b.mul(x, log)?;
    b.div(grad, scaled)
}

/// `sign * x² + constant`
fn square_plus(b: &mut dyn Backward, sign: f64, constant: f64) -> Value {
    let x = b.input(0)?;
    let square = b.mul(x, x)?;
    let square = if sign < 0.0 { b.neg(square)? } else { square };
    b.add(square, constant)
}

fn arc_slope(b: &mut dyn Backward, sign: f64, constant: f64) -> Value {
    let inner = square_plus(b, sign, constant)?;
    b.unary("rsqrt", inner)
}

/// `grad * factor * exp(-x²)`
fn gauss(b: &mut dyn Backward, grad: Var, factor: f64) -> Value {
    let x = b.input(0)?;
    let square = b.pow(x, 2.0)?;
    let minus = b.neg(square)?;
    let exp = b.unary("exp", minus)?;
    let slope = b.mul(exp, factor)?;
    b.mul(slope, grad)
}

fn forward_round_decimals(args: &[Arg<Array>]) -> Arrays {
    let decimals = crate::ops::build::int_at(args, 1)
        .unwrap_or(0)
        .clamp(-300, 300) as i32;
    let scale = 10f64.powi(decimals.abs());
    let round = move |x: f64| {
        if decimals < 0 {
            special::round(x / scale) * scale
        } else {
            special::round(x * scale) / scale
        }
    };
    let x = tensor_at(args, 0)?;
    Ok(vec![if x.dtype().is_floating() {
        map_floating(x, round)
    } else {
        map::<i64, i64>(x, |value| round(value as f64) as i64)
    }])
}

fn forward_logit(args: &[Arg<Array>]) -> Arrays {
    let eps = scalar_at(args, 1).map(Scalar::as_f64);
    forward_floating(args, |x| {
        let x = eps.map_or(x, |eps| {
            if x < eps {
                eps
            } else if x > 1.0 - eps {
                1.0 - eps
            } else {
                x
            }
        });
        (x / (1.0 - x)).ln()
    })
}

fn logit_gradient(b: &mut dyn Backward, grad: Var) -> Value {
    let x = b.input(0)?;
    let other = b.rsub(1.0, x)?;
    let product = b.mul(x, other)?;
    let slope = b.div(grad, product)?;
    let given = b.args().get(1).cloned();
    let (low, outside) = if let Some(Arg::Scalar(eps)) = given {
        (eps.as_f64(), 0.0)
    } else {
        (0.0, f64::NAN)
    };
    let below = b.binary("lt", x, low)?;
    let above = b.binary("gt", x, 1.0 - low)?;
    let slope = b.masked_fill(slope, below, outside)?;
    b.masked_fill(slope, above, outside)
}

fn forward_nan_to_num(args: &[Arg<Array>]) -> Arrays {
    let x = tensor_at(args, 0)?;
    let most = if x.dtype() == Dtype::F64 {
        f64::MAX
    } else {
        f64::from(f32::MAX)
    };
    let given = |position, default| crate::ops::build::f64_at(args, position, default);
    let (nan, high, low) = (given(1, 0.0), given(2, most), given(3, -most));
    if !x.dtype().is_floating() {
        return Ok(vec![x.copy()]);
    }
    Ok(vec![map_floating(x, |value| match value {
        value if value.is_nan() => nan,
        f64::INFINITY => high,
        f64::NEG_INFINITY => low,
        value => value,
    })])
}
