//! Comparisons.

use crate::ops::array::Array;
use crate::ops::broadcast::fresh;
use crate::ops::build::{
    Arrays, IN_PLACE, Metas, SELF, both, f64_at, flag, flag_at, number, operand, tensor, tensor_at,
};
use crate::ops::kernel::{infer_bool, map, operand_at, zip};
use crate::ops::kit::metas;
use crate::ops::meta::{Dtype, Meta, Scalar, Shape};
use crate::ops::promote::Promotion;
use crate::ops::row::{Arg, Backward, Forms, Gradient, InPlace, OpError, OpRow, ResultKind, Var};

/// A comparison of two operands.
macro_rules! comparison {
    ($name:literal, $forms:expr, $nodes:expr, $evidence:expr, |$x:ident, $y:ident| $compare:expr) => {
        OpRow {
            name: $name,
            forms: $forms,
            params: &[SELF, operand("other")],
            result: ResultKind::Fresh,
            in_place: IN_PLACE,
            infer: infer_bool,
            forward: Some(|args, _| {
                let dtype = Promotion::new().args(&metas(args)).result();
                let (x, y) = (operand_at(args, 0, dtype)?, operand_at(args, 1, dtype)?);
                Ok(vec![match dtype {
                    Dtype::Bool | Dtype::I64 => zip::<i64, bool>(&x, &y, |$x, $y| $compare),
                    Dtype::F32 => zip::<f32, bool>(&x, &y, |$x, $y| $compare),
                    Dtype::F64 => zip::<f64, bool>(&x, &y, |$x, $y| $compare),
                }?])
            }),
            saves: &[],
            // The result is of no floating type, unless it is written in place.
            gradient: Gradient::Formula(|b| {
                b.parts(&[(0, |b, grad| b.zeros_like(grad)), (1, |b, _| zeros_of(b))])
            }),
            node: $nodes.0,
            node_by: Some(|args| match args.get(1) {
                Some(Arg::Tensor(_)) => $nodes.1,
                _ => $nodes.0,
            }),
            fast: None,
            evidence: $evidence,
        }
    };
}

/// Comparisons and tests of elements.
pub const ROWS: &[OpRow] = &[
    comparison!(
        "eq",
        both(&["eq"]),
        ("EqBackward0", "EqBackward1"),
        &["eq"],
        |x, y| x == y
    ),
    comparison!(
        "ne",
        both(&["ne", "not_equal"]),
        ("NeBackward0", "NeBackward1"),
        &["ne"],
        |x, y| x != y
    ),
    comparison!(
        "lt",
        both(&["lt", "less"]),
        ("LtBackward0", "LtBackward1"),
        &["lt"],
        |x, y| x < y
    ),
    comparison!(
        "le",
        both(&["le", "less_equal"]),
        ("LeBackward0", "LeBackward1"),
        &["le"],
        |x, y| x <= y
    ),
    comparison!(
        "gt",
        both(&["gt", "greater"]),
        ("GtBackward0", "GtBackward1"),
        &["gt"],
        |x, y| x > y
    ),
    comparison!(
        "ge",
        both(&["ge", "greater_equal"]),
        ("GeBackward0", "GeBackward1"),
        &["ge"],
        |x, y| x >= y
    ),
    test("isnan", &["isnan"], both(&["isnan"]), |args, _| {
        test_elements(args, f64::is_nan)
    }),
    test("isinf", &["isinf"], both(&["isinf"]), |args, _| {
        test_elements(args, f64::is_infinite)
    }),
    test("isfinite", &["isfinite"], both(&["isfinite"]), |args, _| {
        test_elements(args, f64::is_finite)
    }),
    OpRow {
        // Not in ops.tsv; measured: not differentiable.
        name: "isclose",
        forms: both(&["isclose"]),
        params: &[
            SELF,
            tensor("other"),
            number("rtol").or_float(1e-5),
            number("atol").or_float(1e-8),
            flag("equal_nan"),
        ],
        infer: infer_same_dtype,
        forward: Some(|args, _| Ok(vec![close(args)?])),
        ..test("isclose", &[], both(&["isclose"]), |args, _| {
            test_elements(args, f64::is_nan)
        })
    },
];

/// No gradient flows to what is compared with.
fn zeros_of(b: &mut dyn Backward) -> Result<Var, OpError> {
    let meta = match b.args().get(1) {
        Some(Arg::Tensor(meta)) => meta.clone(),
        _ => b.output_meta(0),
    };
    let size = meta.shape.iter().map(|&size| size as i64).collect();
    b.one("zeros", vec![Arg::Ints(size), Arg::Dtype(meta.dtype)])
}

const fn test(
    name: &'static str,
    evidence: &'static [&'static str],
    forms: Forms,
    forward: fn(&[Arg<Array>], &mut crate::ops::Rng) -> Arrays,
) -> OpRow {
    OpRow {
        name,
        forms,
        params: &[SELF],
        result: ResultKind::Fresh,
        in_place: InPlace::No,
        infer: infer_bool,
        forward: Some(forward),
        saves: &[],
        gradient: Gradient::NotDifferentiable,
        node: "",
        node_by: None,
        fast: None,
        evidence,
    }
}

fn test_elements(args: &[Arg<Array>], f: fn(f64) -> bool) -> Arrays {
    Ok(vec![map::<f64, bool>(tensor_at(args, 0)?, f)])
}

fn infer_same_dtype(args: &[Arg<Meta>]) -> Metas {
    let (x, y) = (tensor_at(args, 0)?.dtype, tensor_at(args, 1)?.dtype);
    if x != y {
        return Err(OpError::runtime(format!(
            "{} did not match {}",
            x.scalar_name(),
            y.scalar_name()
        )));
    }
    infer_bool(&args[..2])
}

/// `|x - y| <= atol + rtol * |y|`
fn close(args: &[Arg<Array>]) -> Result<Array, OpError> {
    let (rtol, atol, equal_nan) = (
        f64_at(args, 2, 1e-5),
        f64_at(args, 3, 1e-8),
        flag_at(args, 4),
    );
    zip::<f64, bool>(tensor_at(args, 0)?, tensor_at(args, 1)?, |x, y| {
        x == y
            || (equal_nan && x.is_nan() && y.is_nan())
            || (y.is_finite() && (x - y).abs() <= atol + rtol * y.abs())
    })
}

/// Whether two tensors agree, as tensors without dimensions: `equal` and `allclose` give a Python bool, which the machines
/// take from the result (`item`).
pub const WHOLE: &[OpRow] = &[
    OpRow {
        // Not in ops.tsv; measured: gives a Python bool.
        name: "equal",
        forms: both(&["equal"]),
        params: &[SELF, tensor("other")],
        infer: |_| Ok(vec![fresh(Dtype::Bool, Shape::new())?]),
        forward: Some(|args, _| {
            let (x, y) = (tensor_at(args, 0)?, tensor_at(args, 1)?);
            let equal = x.shape() == y.shape()
                && zip::<f64, bool>(x, y, |x, y| x == y)?
                    .scalars()
                    .iter()
                    .all(|&same| same == Scalar::Bool(true));
            Ok(vec![Array::scalar(Dtype::Bool, Scalar::Bool(equal))])
        }),
        ..test("equal", &[], both(&["equal"]), |args, _| {
            test_elements(args, f64::is_nan)
        })
    },
    OpRow {
        // Not in ops.tsv; measured: gives a Python bool.
        name: "allclose",
        forms: both(&["allclose"]),
        params: &[
            SELF,
            tensor("other"),
            number("rtol").or_float(1e-5),
            number("atol").or_float(1e-8),
            flag("equal_nan"),
        ],
        infer: |args| {
            infer_same_dtype(args)?;
            Ok(vec![fresh(Dtype::Bool, Shape::new())?])
        },
        forward: Some(|args, _| {
            let all = close(args)?
                .scalars()
                .iter()
                .all(|&close| close == Scalar::Bool(true));
            Ok(vec![Array::scalar(Dtype::Bool, Scalar::Bool(all))])
        }),
        ..test("allclose", &[], both(&["allclose"]), |args, _| {
            test_elements(args, f64::is_nan)
        })
    },
];
