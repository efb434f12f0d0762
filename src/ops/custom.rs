//! What PyTorch says of custom functions (`autograd.Function`) that do not keep to the rules, and of what saved tensors
//! were overwritten: the words that both machines share.

/// What PyTorch advises where a saved tensor was overwritten.
pub const HINT: &str = "enable anomaly detection to find the operation that failed to compute its gradient, with torch.autograd.set_detect_anomaly(True, check_nan=False).";
/// The same in anomaly mode.
pub const ANOMALY_HINT: &str = "the backtrace further above shows the operation that failed to compute its gradient. The variable in question was changed in there or anywhere later. Good luck!";

/// An input that is a leaf was changed in place.
pub const LEAF: &str = "a leaf Variable that requires grad has been used in an in-place operation.";

/// The views that a custom function gives may not be written.
pub const VIEW: &str = " This view was created inside a custom Function (or because an input was returned as-is) and the autograd logic to handle view+inplace would override the custom backward associated with the custom Function, leading to incorrect gradients. This behavior is forbidden. You can fix this by cloning the output of the custom Function.";

/// `backward` gives another number of gradients than there are inputs.
pub fn wrong_count(name: &str, expected: usize, got: usize) -> String {
    format!(
        "function {name} returned an incorrect number of gradients (expected {expected}, got {got})"
    )
}

/// `backward` gives a gradient for what is no tensor.
pub fn not_a_variable(name: &str, at: usize) -> String {
    format!(
        "function {name} returned a gradient different than None at position {}, but the corresponding forward input was not a Variable",
        at + 1
    )
}

/// `backward` gives something that is no gradient.
pub fn not_a_gradient(kind: &str) -> String {
    format!("expected Variable or None (got {kind})")
}

/// `save_for_backward` of something that is no tensor.
pub fn not_saved(at: usize, kind: &str) -> String {
    format!("save_for_backward can only save variables, but argument {at} is of type {kind}")
}

/// A gradient that does not fit what it is a gradient of.
pub fn wrong_shape(name: &str, at: usize, got: &str, expected: &str) -> String {
    format!(
        "Function {name} returned an invalid gradient at index {at} - got {got} but expected shape compatible with {expected}"
    )
}

/// Whether a gradient of these sizes can be summed up to that of a tensor of sizes `to`.
pub fn reduces_to(from: &[usize], to: &[usize]) -> bool {
    from.len() >= to.len()
        && to
            .iter()
            .rev()
            .zip(from.iter().rev())
            .all(|(&to, &from)| to == from || to == 1)
}

/// The dimensions over which it is summed, all kept; those in front are dropped afterwards.
pub fn summed_dims(from: &[usize], to: &[usize]) -> Vec<i64> {
    let added = from.len() - to.len().min(from.len());
    (0..from.len())
        .filter(|&dim| dim < added || (to[dim - added] == 1 && from[dim] != 1))
        .map(|dim| dim as i64)
        .collect()
}
