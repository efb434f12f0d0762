use crate::ops::broadcast::fresh;
use crate::ops::build::{Metas, dtype, dtype_at, function, ints, ints_at};
use crate::ops::kernel::{full, metas};
use crate::ops::meta::{Dtype, Meta, Scalar, Shape};
use crate::ops::row::{Arg, Gradient, InPlace, OpError, OpRow, ResultKind};

/// New tensors.
pub const ROWS: &[OpRow] = &[OpRow {
    name: "zeros",
    forms: function(&["zeros"]),
    params: &[ints("size"), dtype()],
    result: ResultKind::Fresh,
    in_place: InPlace::No,
    infer: infer_sized,
    forward: Some(|args, _| Ok(infer_sized(&metas(args))?.iter().map(|meta| full(meta, Scalar::Int(0))).collect())),
    saves: &[],
    gradient: Gradient::NotDifferentiable,
    node: "",
    node_by: None,
    evidence: &[],
}];

fn infer_sized(args: &[Arg<Meta>]) -> Metas {
    Ok(vec![fresh(dtype_at(args, 1).unwrap_or(Dtype::F32), size(ints_at(args, 0).unwrap_or_default())?)?])
}

/// Sizes as given, none of them negative.
fn size(ints: &[i64]) -> Result<Shape, OpError> {
    let shown = || ints.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    ints.iter()
        .map(|&size| {
            usize::try_from(size)
                .map_err(|_| OpError::runtime(format!("Trying to create tensor with negative dimension {size}: [{}]", shown())))
        })
        .collect()
}
