//! Logic, on truth values and on bits.

use crate::ops::array::Array;
use crate::ops::build::{Arrays, IN_PLACE, Metas, SELF, both, operand, tensor, tensor_at};
use crate::ops::kernel::{
    infer_arithmetic, infer_bool, infer_like, map, not_implemented, operand_at, zip,
};
use crate::ops::kit::metas;
use crate::ops::meta::{Dtype, Meta};
use crate::ops::promote::Promotion;
use crate::ops::row::{Arg, Forms, Gradient, OpRow, Param, ResultKind};

/// A row that is not differentiable. None of these is in ops.tsv; measured: the results never require grad.
const fn plain(
    name: &'static str,
    forms: Forms,
    params: &'static [Param],
    infer: fn(&[Arg<Meta>]) -> Metas,
    forward: fn(&[Arg<Array>], &mut crate::ops::Rng) -> Arrays,
) -> OpRow {
    OpRow {
        name,
        forms,
        params,
        result: ResultKind::Fresh,
        in_place: IN_PLACE,
        infer,
        forward: Some(forward),
        saves: &[],
        gradient: Gradient::NotDifferentiable,
        node: "",
        node_by: None,
        fast: None,
        evidence: &[],
    }
}

/// Logic on truth values and on bits.
pub const ROWS: &[OpRow] = &[
    plain(
        "logical_and",
        both(&["logical_and"]),
        TWO,
        infer_bool,
        |args, _| logical(args, |x, y| x && y),
    ),
    plain(
        "logical_or",
        both(&["logical_or"]),
        TWO,
        infer_bool,
        |args, _| logical(args, |x, y| x || y),
    ),
    plain(
        "logical_xor",
        both(&["logical_xor"]),
        TWO,
        infer_bool,
        |args, _| logical(args, |x, y| x != y),
    ),
    plain(
        "logical_not",
        both(&["logical_not"]),
        &[SELF],
        infer_bool,
        |args, _| Ok(vec![map::<bool, bool>(tensor_at(args, 0)?, |x| !x)]),
    ),
    plain(
        "bitwise_and",
        both(&["bitwise_and"]),
        OTHER,
        |args| infer_bits(args, "bitwise_and_cpu"),
        |args, _| bits(args, |x, y| x & y),
    ),
    plain(
        "bitwise_or",
        both(&["bitwise_or"]),
        OTHER,
        |args| infer_bits(args, "bitwise_or_cpu"),
        |args, _| bits(args, |x, y| x | y),
    ),
    plain(
        "bitwise_xor",
        both(&["bitwise_xor"]),
        OTHER,
        |args| infer_bits(args, "bitwise_xor_cpu"),
        |args, _| bits(args, |x, y| x ^ y),
    ),
    plain(
        "bitwise_left_shift",
        both(&["bitwise_left_shift"]),
        OTHER,
        |args| infer_bits(args, "lshift_cpu"),
        |args, _| bits(args, shift_left),
    ),
    plain(
        "bitwise_right_shift",
        both(&["bitwise_right_shift"]),
        OTHER,
        |args| infer_bits(args, "rshift_cpu"),
        |args, _| bits(args, shift_right),
    ),
    plain(
        "bitwise_not",
        both(&["bitwise_not"]),
        &[SELF],
        infer_not,
        |args, _| {
            let x = tensor_at(args, 0)?;
            Ok(vec![if x.dtype() == Dtype::Bool {
                map::<bool, bool>(x, |x| !x)
            } else {
                map::<i64, i64>(x, |x| !x)
            }])
        },
    ),
];

const TWO: &[Param] = &[SELF, tensor("other")];
const OTHER: &[Param] = &[SELF, operand("other")];

fn logical(args: &[Arg<Array>], f: fn(bool, bool) -> bool) -> Arrays {
    Ok(vec![zip::<bool, bool>(
        tensor_at(args, 0)?,
        tensor_at(args, 1)?,
        f,
    )?])
}

fn infer_bits(args: &[Arg<Meta>], kernel: &str) -> Metas {
    let result = infer_arithmetic(args)?;
    if result[0].dtype.is_floating() {
        return Err(not_implemented(format!(
            "\"{kernel}\" not implemented for '{}'",
            result[0].dtype.scalar_name()
        )));
    }
    Ok(result)
}

fn infer_not(args: &[Arg<Meta>]) -> Metas {
    let dtype = tensor_at(args, 0)?.dtype;
    if dtype.is_floating() {
        return Err(not_implemented(format!(
            "\"bitwise_not_cpu\" not implemented for '{}'",
            dtype.scalar_name()
        )));
    }
    infer_like(args)
}

fn bits(args: &[Arg<Array>], f: fn(i64, i64) -> i64) -> Arrays {
    let dtype = Promotion::new().args(&metas(args)).result();
    let (x, y) = (operand_at(args, 0, dtype)?, operand_at(args, 1, dtype)?);
    Ok(vec![zip::<i64, i64>(&x, &y, f)?.cast(dtype)])
}

fn shift_left(x: i64, by: i64) -> i64 {
    if (0..64).contains(&by) { x << by } else { 0 }
}

fn shift_right(x: i64, by: i64) -> i64 {
    if (0..64).contains(&by) {
        x >> by
    } else {
        x >> 63
    }
}
