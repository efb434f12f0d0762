//! Exponentials, logarithms, trigonometry and special functions.

use std::f64::consts::{FRAC_2_SQRT_PI, PI};

use super::unary::{IN, OUT, floating};
use crate::ops::array::Array;
use crate::ops::build::{Arrays, IN_PLACE, INTERNAL, SELF, both, everywhere, tensor_at};
use crate::ops::formula::Value;
use crate::ops::kernel::{forward_floating, infer_like_floating, map};
use crate::ops::meta::Dtype;
use crate::ops::row::{
    Arg, Backward, Exception, Gradient, InPlace, OpError, OpRow, ResultKind, Var,
};
use crate::ops::special;

/// Functions of angles, and special functions.
pub const ROWS: &[OpRow] = &[
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
    OpRow {
        forward: Some(|args, _| in_single(args, i0_single, |x| special::bessel_i(0, x))),
        fast: Some(crate::ops::Fast::One(|x| {
            x.iter().map(|&x| i0_single(x)).collect()
        })),
        ..floating!(
            "i0",
            both(&["i0"]),
            "I0Backward0",
            IN,
            &["i0"],
            |x| special::bessel_i(0, x),
            |b, grad| times(b, grad, "special_i1", false)
        )
    },
    // Called by the formulas of `digamma` and `i0` only, which are measured.
    helper("trigamma", |args, _| {
        forward_floating(args, special::trigamma)
    }),
    helper("special_i1", |args, _| {
        forward_floating(args, |x| special::bessel_i(1, x))
    }),
    OpRow {
        forward: Some(|args, _| in_single(args, sinc_single, special::sinc)),
        fast: Some(crate::ops::Fast::One(|x| {
            x.iter().map(|&x| sinc_single(x)).collect()
        })),
        ..floating!(
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
        )
    },
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
        fast: None,
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
        fast: None,
        evidence: &[],
    }
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

/// The kernel for floats, of which one of `f32` is computed as such.
fn in_single(args: &[Arg<Array>], single: fn(f32) -> f32, double: fn(f64) -> f64) -> Arrays {
    let x = tensor_at(args, 0)?;
    Ok(vec![match x.dtype() {
        Dtype::F64 => map::<f64, f64>(x, double),
        _ => map::<f32, f32>(x, single),
    }])
}

/// Measured: PyTorch's series in single precision stays below one where it is one.
fn i0_single(x: f32) -> f32 {
    match x {
        0.0 => 1.0 - f32::EPSILON / 2.0,
        x => special::bessel_i(0, f64::from(x)) as f32,
    }
}

/// Rounding of the angle shows where the sine is zero.
fn sinc_single(x: f32) -> f32 {
    let angle = std::f32::consts::PI * x;
    match x {
        0.0 => 1.0,
        _ => angle.sin() / angle,
    }
}
