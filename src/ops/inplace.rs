//! What forbids a write in place before anything is written: layout, shape, type.

use std::borrow::Cow;

use super::engine_ops;
use super::meta::{Dtype, Meta, Scalar, sizes};
use super::row::{Arg, Gradient, OpError, OpRow, Param, ParamKind, ResultKind};
use super::rows::masked::c_name;
pub use super::rows::masked::left_behind;
use super::strides::is_dense;

/// How a view was made that may not be written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ViewMade {
    /// With others, by one call.
    WithOthers,
    /// While gradient mode was off.
    WithoutGrad,
    /// In inference mode.
    InInference,
    /// By a function whose backward the program writes.
    ByTheProgram,
}

/// PyTorch's words for a view that may not be written (`used`: that may not be used since its base was). `made_by` is
/// the output and the name of the node behind it, if there is one.
pub fn view_text(made_by: Option<(usize, &str)>, made: ViewMade, used: bool) -> String {
    let happens = if used {
        "its base or another view of its base has been modified inplace"
    } else {
        "is being modified inplace"
    };
    let (mode, now, block) = match made {
        ViewMade::InInference => ("inference mode", "in normal mode", "inference_mode"),
        _ => ("no_grad mode", "with grad mode enabled", "no_grad"),
    };
    let head = match made_by {
        Some((output, node)) if matches!(made, ViewMade::WithOthers | ViewMade::ByTheProgram) => {
            format!("Output {output} of {node} is a view and {happens}.")
        }
        Some((output, node)) => format!(
            "Output {output} of {node} is a view of a view which was created in {mode} and {happens} {now}."
        ),
        None => format!("A view was created in {mode} and {happens} {now}."),
    };
    let rest = match made {
        ViewMade::ByTheProgram => super::custom::VIEW.trim_start().to_owned(),
        ViewMade::WithOthers => {
            "This view is the output of a function that returns multiple views. Such functions do not allow the output views to be modified inplace. You should replace the inplace operation by an out-of-place one.".to_owned()
        }
        _ => format!(
            "Given that this use case is ambiguous and error-prone, it is forbidden. You can clarify your code by moving both the view and the inplace either both inside the {block} block (if you don't want the inplace to be tracked) or both outside (if you want the inplace to be tracked)."
        ),
    };
    format!("{head} {rest}")
}

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
    if IN_ITS_TYPE.contains(&row.name) && result.dtype != target.dtype {
        return Err(OpError::runtime(format!(
            "Bad in-place call: input tensor dtype {} and output tensor dtype {} should match",
            c_name(target.dtype),
            c_name(result.dtype)
        )));
    }
    if !can_cast(result, target) {
        let wanted = match BY_NUMBER.contains(&row.name) {
            true => c_name(target.dtype),
            false => target.dtype.scalar_name(),
        };
        return Err(OpError::runtime(format!(
            "result type {} can't be cast to the desired output type {wanted}",
            result.dtype.scalar_name(),
        )));
    }
    Ok(())
}

/// Measured: these say the type by the name that C++ has for it.
const BY_NUMBER: &[&str] = &["clamp", "clamp_max", "clamp_min"];

/// Measured: these take no other type than the target's.
const IN_ITS_TYPE: &[&str] = &["cumprod", "cumsum"];

/// Measured: kernels that do not mind that places coincide.
const NO_OVERLAP_CHECK: &[&str] = &[
    "fill_",
    "fill_.Tensor",
    "zero_",
    "index_fill",
    "masked_fill",
    "index_put",
    "fill_diagonal_",
    "triu",
    "tril",
    "addmv",
    "baddbmm",
    "threshold",
];

/// Whether the call writes a tensor over itself, of which PyTorch says nothing: `other` is of the same storage.
pub fn writes_itself(row: &OpRow, target: &Meta, other: &Meta) -> bool {
    row.name == super::engine_ops::WRITE && target == other
}

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

/// Their in-place forms write numbers and leave the graph alone: no check, no node.
const UNTRACKED: &[&str] = &["logical_and", "logical_or", "logical_xor", "logical_not"];

/// Whether the in-place form of the operator is none to autograd.
pub fn is_untracked(row: &OpRow) -> bool {
    UNTRACKED.contains(&row.name)
}

/// Whether a write that is recorded gives its target a place in the graph. Measured: even integers get one, of all
/// writes but copies.
pub fn gives_graph(row: &OpRow, target: Dtype) -> bool {
    target.is_floating() || row.name != engine_ops::WRITE
}

/// These write places that an index names, and may not read what they write.
const INDEXED: &[&str] = &[
    "scatter",
    "scatter_add",
    "scatter_reduce",
    "index_add",
    "index_copy",
    "index_reduce",
];

/// Of these, the ones that look for that before they look at the sizes.
const SHARED_FIRST: &[&str] = &["index_copy"];

/// Whether the call asks what its tensors share before it asks whether they fit.
pub fn shares_first(row: &OpRow) -> bool {
    SHARED_FIRST.contains(&row.name)
}

/// Kernels that do not look for shared places: one reads while it writes, the other has read its number before.
const UNSHARED: &[&str] = &["masked_scatter", "index_fill"];

/// Whether the target shares places in memory with another tensor of the call (of the same storage) in a way that
/// PyTorch refuses: in part, or, where an index names the places, at all.
pub fn check_shared(row: &OpRow, target: &Meta, other: &Meta) -> Result<(), OpError> {
    let refused = match shared(target, other) {
        _ if UNSHARED.contains(&row.name) => false,
        _ if INDEXED.contains(&row.name) && target == other => true,
        Shared::Nothing => false,
        Shared::Part => true,
        Shared::All => INDEXED.contains(&row.name),
    };
    if refused {
        return Err(OpError::runtime(SHARED));
    }
    Ok(())
}

/// What PyTorch gives where it reads what it is writing: it depends on how its kernels go through memory.
pub const UNDEFINED: &str = "a write that reads what it writes";

/// Operators that read an operand more than once for an element that they write.
const READ_AGAIN: &[&str] = &["addmm", "addmv", "baddbmm", "masked_scatter"];

/// Whether the numbers that a write gives are undefined, since `other`, of the same storage, is read on the way.
pub fn reads_what_it_writes(row: &OpRow, target: &Meta, other: &Meta) -> bool {
    if READ_AGAIN.contains(&row.name) {
        let alike = matches!(shared(target, other), Shared::All);
        return alike || UNSHARED.contains(&row.name) && has_common_place(target, other);
    }
    // As far as PyTorch does not look.
    let is_unseen = !(is_dense(target) && is_dense(other));
    let alike = target.shape == other.shape
        && target.strides == other.strides
        && target.offset == other.offset;
    is_unseen && !alike && target.numel() > 1 && has_common_place(target, other)
}

/// How many elements are looked at one by one.
const MAX_COMPARED: usize = 1 << 16;

/// Whether two tensors of one storage have an element in common.
fn has_common_place(a: &Meta, b: &Meta) -> bool {
    if a.numel().max(b.numel()) > MAX_COMPARED {
        return false;
    }
    let mut places = super::layout::places(a);
    places.sort_unstable();
    let common = |place: &usize| places.binary_search(place).is_ok();
    super::layout::places(b).iter().any(common)
}

/// Whether places of the target coincide in a way that PyTorch does not look for, as those of windows do.
pub fn overlaps_itself(row: &OpRow, target: &Meta) -> bool {
    let mut dims: Vec<(usize, usize)> = (target.strides.iter().copied())
        .zip(target.shape.iter().copied())
        .filter(|&(_, size)| size > 1)
        .collect();
    dims.sort_unstable();
    let mut reach = 0;
    let coincides = dims.into_iter().any(|(stride, size)| {
        let within = stride <= reach;
        reach += stride * (size - 1);
        within
    });
    coincides && target.numel() > 0 && !NO_OVERLAP_CHECK.contains(&row.name)
}

const SHARED: &str = "unsupported operation: some elements of the input tensor and the written-to tensor refer to a single memory location. Please clone() the tensor before performing the operation.";

enum Shared {
    Nothing,
    Part,
    All,
}

/// As far as PyTorch looks: tensors with gaps are taken to share nothing.
fn shared(a: &Meta, b: &Meta) -> Shared {
    if a.numel() == 0 || b.numel() == 0 || !is_dense(a) || !is_dense(b) {
        return Shared::Nothing;
    }
    let size = a.numel();
    match (
        a.offset == b.offset && size == b.numel(),
        a.strides == b.strides,
    ) {
        (true, true) => Shared::All,
        (true, false) => Shared::Part,
        _ if a.offset < b.offset + b.numel() && b.offset < a.offset + size => Shared::Part,
        _ => Shared::Nothing,
    }
}

/// What an operator without a derivative says when backward comes to it.
pub fn not_implemented_text(text: &'static str, in_place: bool) -> Cow<'static, str> {
    match (in_place, text.split_once(" is not implemented")) {
        (true, Some((what, rest))) if what.starts_with("derivative for aten::") => {
            Cow::Owned(format!("{what}_ is not implemented{rest}"))
        }
        _ => Cow::Borrowed(text),
    }
}

/// What autograd says where an operator with a derivative is asked for a type that no gradient can flow to
/// (`x.sum(dtype=int64)`). A conversion is none of these: it leaves autograd.
pub fn check_asked_type<T>(row: &OpRow, args: &[Arg<T>]) -> Result<(), OpError> {
    let asked = args.iter().find_map(|arg| match arg {
        Arg::Dtype(dtype) if !dtype.is_floating() => Some(dtype),
        _ => None,
    });
    match (row.gradient, row.result, asked) {
        (Gradient::Formula(_), ResultKind::Fresh, Some(dtype)) => Err(OpError::runtime(format!(
            "Autograd not support dtype: {}",
            dtype.scalar_name()
        ))),
        _ => Ok(()),
    }
}

/// Operators that ask whether a tensor that no gradient can flow to requires one, each by the name that they say; others
/// take it as it is.
const ASKING: &[(&str, &str)] = &[
    ("soft_margin_loss", "soft_margin_loss"),
    ("multi_margin_loss", "multi_margin_loss"),
    ("binary_cross_entropy", "binary_cross_entropy"),
    (
        "binary_cross_entropy_with_logits",
        "binary_cross_entropy_with_logits",
    ),
    ("native_batch_norm", "native_batch_norm"),
    ("nll_loss", "nll_loss_forward"),
];

/// Parameters that are for integers, of which it is not asked.
const NOT_ASKED: &[(&str, &str)] = &[("nll_loss", "target")];

/// The refusal of a tensor that requires grad where no gradient can flow to it; `requires` tells it of an argument.
/// Call it only while gradient mode is on.
pub fn check_constant<T>(
    row: &OpRow,
    args: &[Arg<T>],
    mut requires: impl FnMut(&T) -> bool,
) -> Result<(), OpError> {
    let asking = ASKING.iter().find(|(name, _)| *name == row.name);
    let (Some((_, said)), Gradient::Formula(_)) = (asking, row.gradient) else {
        return Ok(());
    };
    for (param, arg) in row.params.iter().zip(args) {
        let constant = matches!(
            param.kind,
            ParamKind::Tensor { diff: false } | ParamKind::OptTensor { diff: false }
        );
        if let (true, Arg::Tensor(tensor)) = (constant, arg)
            && !NOT_ASKED.contains(&(row.name, param.name))
            && requires(tensor)
        {
            return Err(OpError::runtime(format!(
                "The function '{}' is not differentiable with respect to argument '{}'. This input cannot have requires_grad True.",
                said, param.name
            )));
        }
    }
    Ok(())
}
