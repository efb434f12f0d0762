//! The operators that the machines themselves use, by what they use them for: a machine names no operator.

use super::Exception;
use super::row::OpRow;

/// The sum of two gradients.
pub const SUM: &str = "add";
/// The sum over some dimensions, which stay.
pub const SUM_OVER: &str = "sum.dim_IntList";
/// A copy with a graph.
pub const COPY: &str = "clone";
/// The name of the node of an operator without a derivative, where it is no node of its own.
pub const REFUSAL: &str = "torch::autograd::NotImplemented";
/// The same in order of its elements.
pub const IN_ORDER: &str = "contiguous";
/// In another type.
pub const CAST: &str = "_to_copy";
/// A view of a storage by sizes, strides and offset: how a view's place in its base is told again.
pub const VIEW: &str = "as_strided";
/// Writes a tensor's values over another's.
pub const WRITE: &str = "copy_";
/// Writes zeros.
pub const CLEAR: &str = "zero_";
/// The node behind such a view.
pub const VIEW_NODE: &str = "AsStridedBackward0";
/// The same elements in other sizes.
pub const RESHAPE: &str = "view";

/// Writes one number everywhere.
pub const FILL: &str = "fill_";
/// Writes at places that tensors of numbers give.
pub const WRITE_AT: &str = "index_put";
/// Writes one number where a mask says so.
pub const FILL_MASKED: &str = "masked_fill";
/// Writes one number at places along a dimension.
pub const FILL_AT: &str = "index_fill";
/// The rows of a tensor, as iteration gives them.
pub const ROWS: &str = "unbind";
/// One of the rows.
pub const ROW: &str = "select";
/// The elements at places that tensors of numbers give.
pub const READ_AT: &str = "index";
/// A tensor of numbers that a program lists.
pub const FROM_DATA: &str = "tensor";
/// A tensor of sizes that a program lists, of any numbers.
pub const OF_SIZES: &str = "empty";
/// In another type or form, as programs write it.
pub const CONVERT: &str = "to";

/// Operators whose result is Python's `True` or `False`, not a tensor.
const PYTHON_BOOLS: &[&str] = &["equal", "allclose", "is_same_size"];

/// Whether the operator gives Python's `True` or `False`, not a tensor.
pub fn gives_a_python_bool(row: &OpRow) -> bool {
    PYTHON_BOOLS.contains(&row.name)
}

/// What PyTorch says where the operator is called as a function with `None` in place of its tensor, if that is not what
/// it says of others: those that are written in Python look at the tensor first.
pub fn refusal_of_none(called: &str) -> Option<(Exception, &'static str)> {
    (called == "norm").then_some((
        Exception::AttributeError,
        "'NoneType' object has no attribute 'layout'",
    ))
}
