use crate::ops::build::{IN_PLACE, SELF, both, f64_at, input_for, number, operand, scalar_at};
use crate::ops::kernel::{Arithmetic, infer_arithmetic};
use crate::ops::meta::{Meta, Scalar};
use crate::ops::build::Metas;
use crate::ops::row::{Arg, Gradient, OpRow, ResultKind};

/// Functions of two tensors, or of a tensor and a number.
pub const ROWS: &[OpRow] = &[
    OpRow {
        name: "add",
        forms: both(&["add"]),
        params: &[SELF, operand("other"), number("alpha").or_int(1).keyword()],
        result: ResultKind::Fresh,
        in_place: IN_PLACE,
        infer: infer_first_two,
        forward: Some(|args, _| {
            let alpha = f64_at(args, 2, 1.0);
            let int_alpha = if let Some(Scalar::Int(value)) = scalar_at(args, 2) { value } else { alpha as i64 };
            Arithmetic { int: |x: i64, y: i64| x.wrapping_add(y.wrapping_mul(int_alpha)), float: |x, y| x + y * alpha }.forward(args)
        }),
        saves: &[],
        gradient: Gradient::Formula(|b| {
            b.parts(&[
                (0, |_, grad| Ok(grad)),
                (1, |b, grad| {
                    let alpha = b.number(2);
                    if alpha == 1.0 { Ok(grad) } else { b.mul(grad, alpha) }
                }),
            ])
        }),
        node: "AddBackward0",
        node_by: None,
        evidence: &["add", "add(x,scalar)", "add(x,y,alpha=2)", "add broadcast (3,4)+(4)", "add_(tensor)", "add_(scalar)"],
    },
    OpRow {
        name: "mul",
        forms: both(&["mul", "multiply"]),
        params: &[SELF, operand("other")],
        result: ResultKind::Fresh,
        in_place: IN_PLACE,
        infer: infer_arithmetic,
        forward: Some(|args, _| Arithmetic { int: i64::wrapping_mul, float: |x, y| x * y }.forward(args)),
        saves: &[input_for(0, &[1]), input_for(1, &[0])],
        gradient: Gradient::Formula(|b| {
            b.parts(&[
                (0, |b, grad| {
                    let other = b.operand(1)?;
                    b.mul(grad, other)
                }),
                (1, |b, grad| {
                    let this = b.input(0)?;
                    b.mul(grad, this)
                }),
            ])
        }),
        node: "MulBackward0",
        node_by: None,
        evidence: &["mul", "mul(x,scalar)", "mul(x,x)", "mul broadcast (3,4)*(4)", "mul_", "mul_(scalar)"],
    },
];

fn infer_first_two(args: &[Arg<Meta>]) -> Metas {
    infer_arithmetic(&args[..2])
}
