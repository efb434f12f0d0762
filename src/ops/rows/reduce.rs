use crate::ops::array::Array;
use crate::ops::broadcast::fresh;
use crate::ops::build::{SELF, both, tensor_at};
use crate::ops::meta::{Dtype, Scalar, Shape};
use crate::ops::row::{Gradient, InPlace, OpRow, ResultKind};

/// Reductions.
pub const ROWS: &[OpRow] = &[OpRow {
    name: "sum",
    forms: both(&["sum"]),
    params: &[SELF],
    result: ResultKind::Fresh,
    in_place: InPlace::No,
    infer: |args| {
        let dtype = tensor_at(args, 0)?.dtype.max(Dtype::I64);
        Ok(vec![fresh(dtype, Shape::new())?])
    },
    forward: Some(|args, _| {
        let x = tensor_at(args, 0)?;
        Ok(vec![match x.dtype() {
            Dtype::Bool | Dtype::I64 => Array::scalar(Dtype::I64, Scalar::Int(x.values_as::<i64>().iter().fold(0, |a, &b| a.wrapping_add(b)))),
            dtype => Array::scalar(dtype, Scalar::Float(x.values_as::<f64>().iter().sum())),
        }])
    }),
    saves: &[],
    gradient: Gradient::Formula(|b| {
        b.first(|b, grad| {
            let shape = b.input_shape(0);
            b.expand(grad, &shape)
        })
    }),
    node: "SumBackward0",
    node_by: None,
    evidence: &["sum"],
}];
