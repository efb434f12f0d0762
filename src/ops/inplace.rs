//! What forbids a write in place before anything is written: layout, shape, type.

use super::meta::{Meta, sizes};
use super::row::{OpError, OpRow};

/// Whether a result of `result`'s sizes and type may be written to `target`, as PyTorch's TensorIterator decides.
pub fn check_in_place(_row: &OpRow, target: &Meta, result: &Meta) -> Result<(), OpError> {
    if !can_cast(result, target) {
        return Err(OpError::runtime(format!(
            "result type {} can't be cast to the desired output type {}",
            result.dtype.scalar_name(),
            target.dtype.scalar_name()
        )));
    }
    check_overlap(target)?;
    if result.shape != target.shape {
        return Err(OpError::runtime(format!(
            "output with shape {} doesn't match the broadcast shape {}",
            sizes(&target.shape),
            sizes(&result.shape)
        )));
    }
    Ok(())
}

/// Rule R5.5: two elements of the target may not be one in memory.
pub fn check_overlap(target: &Meta) -> Result<(), OpError> {
    let overlaps = target.shape.iter().zip(&target.strides).any(|(&size, &stride)| size > 1 && stride == 0);
    if overlaps && target.numel() > 0 {
        return Err(OpError::runtime(OVERLAP));
    }
    Ok(())
}

const OVERLAP: &str = "unsupported operation: more than one element of the written-to tensor refers to a single memory location. Please clone() the tensor before performing the operation.";

fn can_cast(from: &Meta, to: &Meta) -> bool {
    use super::meta::Dtype::{Bool, F32, F64, I64};
    !matches!((from.dtype, to.dtype), (F32 | F64, Bool | I64) | (I64, Bool))
}
