//! Results that PyTorch's own code writes after it has made them. Where autograd looks on, nothing is seen of that; but
//! in two places those writes are counted, and the result's version is not 0: in a backward that is composed of
//! operators, and in a call of inference tensors alone, which does not come to autograd at all.

use super::row::OpRow;

/// Parts of gradient formulas that PyTorch composes of zeros and a write.
const IN_BACKWARD: &[(&str, u64)] = &[
    ("as_strided_backward", 1),
    ("take_backward", 1),
    ("_masked_place", 1),
];

/// The version of a result within a backward.
pub fn in_backward(row: &OpRow) -> u64 {
    of(IN_BACKWARD, row)
}

/// Measured, each on inference tensors outside of inference mode. Operators whose number of writes depends on the
/// arguments are left out.
const OF_INFERENCE: &[(&str, u64)] = &[
    ("_to_copy", 1),
    ("abs", 1),
    ("addmm", 1),
    ("all", 1),
    ("amax", 1),
    ("amin", 1),
    ("aminmax", 1),
    ("any", 1),
    ("baddbmm", 1),
    ("clone", 1),
    ("cummax", 1),
    ("cummin", 1),
    ("deg2rad", 1),
    ("diag_embed", 2),
    ("flip", 1),
    ("hardtanh", 1),
    ("kthvalue", 1),
    ("logical_and", 1),
    ("logical_not", 1),
    ("logical_or", 1),
    ("logical_xor", 1),
    ("logsumexp", 1),
    ("masked_fill", 2),
    ("masked_scatter", 2),
    ("mean", 2),
    ("median.dim", 1),
    ("mv", 1),
    ("nan_to_num", 1),
    ("prod", 1),
    ("rad2deg", 1),
    ("repeat", 1),
    ("sort", 1),
    ("std", 1),
    ("sum", 1),
    ("topk", 1),
    ("var", 1),
];

/// The version of a result outside of inference mode, of tensors that were all made in it.
pub fn of_inference(row: &OpRow) -> u64 {
    of(OF_INFERENCE, row)
}

fn of(table: &[(&str, u64)], row: &OpRow) -> u64 {
    let found = table.iter().find(|(name, _)| *name == row.name);
    found.map_or(0, |(_, version)| *version)
}
