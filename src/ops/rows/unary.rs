//! Operators of one operand.

use std::f64::consts::{LN_2, LN_10};

use crate::ops::array::Array;
use crate::ops::build::{
    Arrays, IN_PLACE, Metas, SELF, both, everywhere, flag, input, int, number, operand_or_none,
    output, scalar_at, tensor_at,
};
use crate::ops::formula::Value;
use crate::ops::kernel::{
    forward_floating, infer_like, infer_like_floating, map, map_floating, not_implemented,
};
use crate::ops::meta::{Dtype, Meta, Scalar};
use crate::ops::row::{Arg, Backward, Default, Gradient, InPlace, OpRow, ResultKind, Var};
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
            fast: Some(crate::ops::Fast::One(|x| {
                crate::ops::kernel::fast_one(x, $forward)
            })),
            evidence: $evidence,
        }
    };
}
pub(super) use floating;

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
            fast: Some(crate::ops::Fast::One(|x| {
                crate::ops::kernel::fast_one(x, $float)
            })),
            evidence: $evidence,
        }
    };
}

pub(super) const IN: &[crate::ops::row::Save] = &[input(0)];
pub(super) const OUT: &[crate::ops::row::Save] = &[output(0)];

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
        infer: infer_round_decimals,
        forward: Some(|args, _| forward_round_decimals(args)),
        // Not in ops.tsv; measured: RoundBackward1, saves nothing.
        fast: None,
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
                b.binary("threshold_backward", grad, out)
            }
        )
    },
    OpRow {
        name: "positive",
        forms: both(&["positive"]),
        params: &[SELF],
        result: ResultKind::SelfIf(|_| true),
        in_place: InPlace::No,
        infer: |args| match tensor_at(args, 0)?.dtype {
            Dtype::Bool => Err(not_implemented(
                "The `+` operator, on a bool tensor is not supported.",
            )),
            _ => infer_like(args),
        },
        forward: None,
        saves: &[],
        gradient: Gradient::Formula(|b| b.first(|_, grad| Ok(grad))),
        node: "",
        node_by: None,
        fast: None,
        evidence: &["positive"],
    },
    OpRow {
        in_place: InPlace::No,
        infer: infer_like,
        forward: Some(|args, _| Ok(vec![tensor_at(args, 0)?.copy()])),
        fast: None,
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
        |x| unsigned_nan(x.ln()),
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
        |x| unsigned_nan(x.log2()),
        |b, grad| log_gradient(b, grad, LN_2)
    ),
    floating!(
        "log10",
        both(&["log10"]),
        "Log10Backward0",
        IN,
        &["log10"],
        |x| unsigned_nan(x.log10()),
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
        |x| unsigned_nan(x.sqrt()),
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
    OpRow {
        params: &[SELF, number("eps").or(Default::None)],
        forward: Some(|args, _| forward_logit(args)),
        fast: None,
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
        fast: None,
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

fn log_gradient(b: &mut dyn Backward, grad: Var, log: f64) -> Value {
    let x = b.input(0)?;
    let scaled = b.mul(x, log)?;
    b.div(grad, scaled)
}

fn infer_round_decimals(args: &[Arg<Meta>]) -> Metas {
    let dtype = tensor_at(args, 0)?.dtype;
    if dtype.is_floating() {
        return infer_like(args);
    }
    let kernel = match crate::ops::build::int_at(args, 1) {
        Some(0) => "round_vml_cpu",
        _ => "round_cpu",
    };
    Err(not_implemented(format!(
        "\"{kernel}\" not implemented for '{}'",
        dtype.scalar_name()
    )))
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

/// Measured: what is no number by these functions has no sign, which `copysign` shows.
fn unsigned_nan(x: f64) -> f64 {
    if x.is_nan() { x.abs() } else { x }
}

fn logit_gradient(b: &mut dyn Backward, grad: Var) -> Value {
    let x = b.input(0)?;
    let other = b.rsub(1.0, x)?;
    let product = b.mul(x, other)?;
    let slope = b.div(grad, product)?;
    let given = b.args().get(1).cloned();
    // Less than nothing is as good as not given.
    let eps = match given {
        Some(Arg::Scalar(eps)) => eps.as_f64(),
        _ => -1.0,
    };
    let (low, outside) = if eps >= 0.0 {
        (eps, 0.0)
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
