//! The operators that the machines themselves use, by what they use them for: a machine names no operator.

use super::row::OpRow;

/// The sum of two gradients.
pub const SUM: &str = "add";
/// A copy with a graph.
pub const COPY: &str = "clone";
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

/// Operators whose result is Python's `True` or `False`, not a tensor.
const PYTHON_BOOLS: &[&str] = &["equal", "allclose", "is_same_size"];

/// Whether the operator gives Python's `True` or `False`, not a tensor.
pub fn gives_a_python_bool(row: &OpRow) -> bool {
    PYTHON_BOOLS.contains(&row.name)
}
