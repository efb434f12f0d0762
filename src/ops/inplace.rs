//! What forbids a write in place before anything is written: layout, shape, type.

use super::meta::{Meta, Scalar, sizes};
use super::row::{Arg, OpError, OpRow, Param};

/// Whether a result of `result`'s sizes and type may be written to `target`, in the order of PyTorch's checks. The
/// first of them, [`check_overlap`], comes before the operands are broadcast: call it before `infer` too.
pub fn check_in_place(row: &OpRow, target: &Meta, result: &Meta) -> Result<(), OpError> {
    check_overlap(row, target)?;
    if result.shape != target.shape {
        return Err(OpError::runtime(format!(
            "output with shape {} doesn't match the broadcast shape {}",
            sizes(&target.shape),
            sizes(&result.shape)
        )));
    }
    if !can_cast(result, target) {
        return Err(OpError::runtime(format!(
            "result type {} can't be cast to the desired output type {}",
            result.dtype.scalar_name(),
            target.dtype.scalar_name()
        )));
    }
    Ok(())
}

/// Kernels that write one value everywhere do not mind that places coincide.
const NO_OVERLAP_CHECK: &[&str] = &["fill_", "zero_"];

/// Rule R5.5: two elements of the target may not be one in memory.
pub fn check_overlap(row: &OpRow, target: &Meta) -> Result<(), OpError> {
    let overlaps = target
        .shape
        .iter()
        .zip(&target.strides)
        .any(|(&size, &stride)| size > 1 && stride == 0);
    if overlaps && target.numel() > 0 && !NO_OVERLAP_CHECK.contains(&row.name) {
        return Err(OpError::runtime(OVERLAP));
    }
    Ok(())
}

const OVERLAP: &str = "unsupported operation: more than one element of the written-to tensor refers to a single memory location. Please clone() the tensor before performing the operation.";

fn can_cast(from: &Meta, to: &Meta) -> bool {
    use super::meta::Dtype::{Bool, F32, F64, I64};
    !matches!(
        (from.dtype, to.dtype),
        (F32 | F64, Bool | I64) | (I64, Bool)
    )
}

/// Whether the call asks for the in-place form by a parameter of that name: `F.relu(x, inplace=True)`.
pub fn requested<T>(row: &OpRow, args: &[Arg<T>]) -> bool {
    let asked = |(param, arg): (&Param, &Arg<T>)| {
        param.name == "inplace" && matches!(arg, Arg::Scalar(Scalar::Bool(true)))
    };
    row.params.iter().zip(args).any(asked)
}
