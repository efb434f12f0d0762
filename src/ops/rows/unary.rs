use crate::ops::build::{IN_PLACE, SELF, both, output};
use crate::ops::kernel::{forward_floating, infer_like_floating};
use crate::ops::row::{Gradient, OpRow, ResultKind};

/// Functions of one tensor, element by element.
pub const ROWS: &[OpRow] = &[OpRow {
    name: "exp",
    forms: both(&["exp"]),
    params: &[SELF],
    result: ResultKind::Fresh,
    in_place: IN_PLACE,
    infer: infer_like_floating,
    forward: Some(|args, _| forward_floating(args, f64::exp)),
    saves: &[output(0)],
    gradient: Gradient::Formula(|b| {
        b.first(|b, grad| {
            let out = b.output(0)?;
            b.mul(grad, out)
        })
    }),
    node: "ExpBackward0",
    node_by: None,
    evidence: &["exp", "exp_"],
}];
