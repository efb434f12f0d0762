//! Views of one result: `infer` gives the layout in the storage of the first argument, and nothing is computed.

use crate::ops::kit::{
    self, Args, Grads, both, grad, input_meta, int, int_or, ints, list, method, n, opt_int, t,
    tensor,
};
use crate::ops::layout;
use crate::ops::meta::Meta;
use crate::ops::row::{Arg, Backward, Forms, Gradient, InPlace, OpError, OpRow, Param, ResultKind};

type Infer = fn(&[Arg<Meta>]) -> Result<Vec<Meta>, OpError>;
type Formula = fn(&mut dyn Backward) -> Grads;

/// A row whose result is a view; views compute nothing and save nothing.
#[expect(clippy::too_many_arguments, reason = "one a column")]
const fn view(
    name: &'static str,
    forms: Forms,
    params: &'static [Param],
    in_place: InPlace,
    infer: Infer,
    formula: Formula,
    node: &'static str,
    node_by: Option<kit::NodeBy>,
    evidence: &'static [&'static str],
) -> OpRow {
    OpRow {
        name,
        forms,
        params,
        result: ResultKind::View,
        in_place,
        infer,
        forward: None,
        saves: &[],
        gradient: Gradient::Formula(formula),
        node,
        node_by,
        fast: None,
        evidence,
    }
}

/// The in-place form of a view changes the layout of the tensor itself.
const fn writes(node: &'static str) -> InPlace {
    InPlace::Yes {
        saves: None,
        node: Some(node),
    }
}

const SELF: Param = tensor("self");
const NO: InPlace = InPlace::No;

/// The rows of this file.
pub const ROWS: &[OpRow] = &[
    view(
        "view",
        method(&["view"]),
        &[SELF, ints("size")],
        NO,
        view_infer,
        to_input_shape,
        "ViewBackward0",
        None,
        &["view", "reshape (contiguous)", "flatten", "unflatten"],
    ),
    // Measured: `x.t().reshape(3, 2)` is a view with this node.
    view(
        "_reshape_alias",
        kit::INTERNAL,
        &[SELF, ints("size")],
        NO,
        view_infer,
        to_input_shape,
        "ReshapeAliasBackward0",
        None,
        &[],
    ),
    view(
        "view_as",
        method(&["view_as"]),
        &[SELF, kit::fixed("other")],
        NO,
        view_as_infer,
        to_input_shape,
        "ViewBackward0",
        None,
        &["view_as"],
    ),
    view(
        "t",
        both(&["t"]),
        &[SELF],
        writes("TBackward1"),
        |args| one(layout::t(Args(args).tensor(0)?)),
        t_formula,
        "TBackward0",
        None,
        &["t", "t_"],
    ),
    view(
        "T",
        kit::attribute(&["T"]),
        &[SELF],
        NO,
        reversed_infer,
        reversed_formula,
        "PermuteBackward0",
        None,
        &[".T"],
    ),
    view(
        "mT",
        kit::attribute(&["mT"]),
        &[SELF],
        NO,
        mt_infer,
        mt_formula,
        "TransposeBackward0",
        None,
        &[".mT"],
    ),
    view(
        "H",
        kit::attribute(&["H"]),
        &[SELF],
        NO,
        h_infer,
        mt_formula,
        "TransposeBackward0",
        None,
        &[],
    ),
    view(
        "transpose",
        both(&["transpose", "swapaxes", "swapdims"]),
        &[SELF, int("dim0"), int("dim1")],
        writes("TransposeBackward1"),
        transpose_infer,
        transpose_formula,
        "TransposeBackward0",
        None,
        &["transpose", "swapaxes", "transpose_"],
    ),
    view(
        "permute",
        both(&["permute"]),
        &[SELF, ints("dims")],
        NO,
        permute_infer,
        permute_formula,
        "PermuteBackward0",
        None,
        &["permute"],
    ),
    view(
        "movedim",
        both(&["movedim", "moveaxis"]),
        &[SELF, int("source"), int("destination")],
        NO,
        movedim_infer,
        movedim_formula,
        "PermuteBackward0",
        None,
        &["movedim"],
    ),
    view(
        "movedim.intlist",
        both(&["movedim", "moveaxis"]),
        &[SELF, ints("source"), ints("destination")],
        NO,
        movedim_infer,
        movedim_formula,
        "PermuteBackward0",
        None,
        &[],
    ),
    view(
        "squeeze",
        both(&["squeeze"]),
        &[SELF],
        writes("SqueezeBackward3"),
        squeeze_infer,
        unsqueezed,
        "SqueezeBackward0",
        None,
        &["squeeze", "squeeze_"],
    ),
    view(
        "squeeze.dim",
        both(&["squeeze"]),
        &[SELF, int("dim")],
        writes("SqueezeBackward4"),
        squeeze_infer,
        unsqueezed,
        "SqueezeBackward1",
        None,
        &[],
    ),
    view(
        "squeeze.dims",
        both(&["squeeze"]),
        &[SELF, ints("dim")],
        writes("SqueezeBackward5"),
        squeeze_infer,
        unsqueezed,
        "SqueezeBackward2",
        None,
        &[],
    ),
    // `squeeze_` of one dimension, which `matmul` uses: only its node is named otherwise.
    view(
        "_squeeze_dim",
        kit::INTERNAL,
        &[SELF, int("dim")],
        writes("SqueezeBackward4"),
        squeeze_infer,
        unsqueezed,
        "SqueezeBackward1",
        None,
        &[],
    ),
    view(
        "unsqueeze",
        both(&["unsqueeze"]),
        &[SELF, int("dim")],
        writes("UnsqueezeBackward1"),
        unsqueeze_infer,
        to_input_shape,
        "UnsqueezeBackward0",
        None,
        &["unsqueeze", "unsqueeze_", "x[..., None]"],
    ),
    view(
        "expand",
        method(&["expand"]),
        &[SELF, ints("size")],
        NO,
        expand_infer,
        expand_formula,
        "ExpandBackward0",
        None,
        &["expand"],
    ),
    view(
        "expand_as",
        method(&["expand_as"]),
        &[SELF, kit::fixed("other")],
        NO,
        expand_as_infer,
        expand_formula,
        "ExpandBackward0",
        None,
        &["expand_as"],
    ),
    view(
        "broadcast_to",
        both(&["broadcast_to"]),
        &[SELF, ints("size")],
        NO,
        expand_infer,
        expand_formula,
        "ExpandBackward0",
        None,
        &["broadcast_to"],
    ),
    view(
        "select",
        both(&["select"]),
        &[SELF, int("dim"), int("index")],
        NO,
        select_infer,
        select_formula,
        "SelectBackward0",
        None,
        &["select", "x[0]"],
    ),
    view(
        "slice",
        kit::INTERNAL,
        &[
            SELF,
            int_or("dim", 0),
            opt_int("start"),
            opt_int("end"),
            int_or("step", 1),
        ],
        NO,
        slice_infer,
        slice_formula,
        "SliceBackward0",
        None,
        &["x[1:3]", "x[:]"],
    ),
    view(
        "narrow",
        both(&["narrow"]),
        &[SELF, int("dim"), int("start"), int("length")],
        NO,
        narrow_infer,
        narrow_formula,
        "SliceBackward0",
        None,
        &["narrow"],
    ),
    view(
        "diagonal",
        both(&["diagonal"]),
        &[
            SELF,
            int_or("offset", 0),
            int_or("dim1", 0),
            int_or("dim2", 1),
        ],
        NO,
        diagonal_infer,
        diagonal_formula,
        "DiagonalBackward0",
        None,
        &["diagonal"],
    ),
    view(
        "unfold",
        method(&["unfold"]),
        &[SELF, int("dimension"), int("size"), int("step")],
        NO,
        unfold_infer,
        unfold_formula,
        "UnfoldBackward0",
        None,
        &["unfold"],
    ),
    view(
        "as_strided",
        both(&["as_strided"]),
        &[
            SELF,
            ints("size"),
            ints("stride"),
            opt_int("storage_offset"),
        ],
        NO,
        as_strided_infer,
        as_strided_formula,
        "AsStridedBackward0",
        None,
        &["as_strided"],
    ),
    // Measured: `x[...]`, `x[()]` and `x[:, :]`.
    view(
        "alias",
        kit::INTERNAL,
        &[SELF],
        NO,
        |args| one(Ok(Args(args).tensor(0)?.clone())),
        pass,
        "AliasBackward0",
        None,
        &[],
    ),
];

fn one(meta: Result<Meta, OpError>) -> Result<Vec<Meta>, OpError> {
    Ok(vec![meta?])
}

/// The gradient, in the shape of the argument: where the elements and their order stay.
fn to_input_shape(b: &mut dyn Backward) -> Grads {
    let (grad, meta) = (grad(b)?, input_meta(b, 0)?);
    Ok(vec![Some(kit::reshape(b, grad, &meta.shape)?)])
}
/// The gradient itself, where nothing was squeezed.
fn unsqueezed(b: &mut dyn Backward) -> Grads {
    let (grad, meta) = (grad(b)?, input_meta(b, 0)?);
    if b.meta(grad).shape == meta.shape {
        return Ok(vec![Some(grad)]);
    }
    to_input_shape(b)
}
/// The gradient as it is.
fn pass(b: &mut dyn Backward) -> Grads {
    Ok(vec![Some(grad(b)?)])
}

fn view_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    one(layout::view(args.tensor(0)?, &args.ints(1)))
}
fn view_as_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    one(layout::view(
        args.tensor(0)?,
        &layout::signed(&args.tensor(1)?.shape),
    ))
}

fn t_formula(b: &mut dyn Backward) -> Grads {
    let grad = grad(b)?;
    Ok(vec![Some(kit::call(b, "t", vec![t(grad)])?)])
}
fn reversed_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let meta = Args(args).tensor(0)?;
    let dims: Vec<i64> = (0..meta.ndim() as i64).rev().collect();
    one(layout::permute(meta, &dims))
}
fn reversed_formula(b: &mut dyn Backward) -> Grads {
    let grad = grad(b)?;
    Ok(vec![Some(kit::call(b, "T", vec![t(grad)])?)])
}
fn h_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let ndim = Args(args).tensor(0)?.ndim();
    if ndim == 2 {
        return mt_infer(args);
    }
    let hint = match ndim {
        0 | 1 => "",
        _ => " For batches of matrices, consider using tensor.mH",
    };
    Err(OpError::runtime(format!(
        "tensor.H is only supported on matrices (2-D tensors). Got {ndim}-D tensor.{hint}"
    )))
}
fn mt_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let meta = Args(args).tensor(0)?;
    if meta.ndim() < 2 {
        return Err(OpError::runtime(format!(
            "tensor.mT is only supported on matrices or batches of matrices. Got {}-D tensor.",
            meta.ndim()
        )));
    }
    one(layout::transpose(meta, -2, -1))
}
fn mt_formula(b: &mut dyn Backward) -> Grads {
    let grad = grad(b)?;
    Ok(vec![Some(kit::transposed(b, grad)?)])
}
fn transpose_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    one(layout::transpose(
        args.tensor(0)?,
        args.int(1, 0),
        args.int(2, 0),
    ))
}
fn transpose_formula(b: &mut dyn Backward) -> Grads {
    let (grad, first, second) = (grad(b)?, kit::same(b, 1), kit::same(b, 2));
    Ok(vec![Some(kit::call(
        b,
        "transpose",
        vec![t(grad), first, second],
    )?)])
}

fn permute_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    one(layout::permute(args.tensor(0)?, &args.ints(1)))
}
/// The order that undoes `order`.
fn inverse(order: &[usize]) -> Vec<i64> {
    let mut inverse = vec![0; order.len()];
    for (place, &dim) in order.iter().enumerate() {
        inverse[dim] = place as i64;
    }
    inverse
}
fn permute_formula(b: &mut dyn Backward) -> Grads {
    let (grad, dims) = (grad(b)?, Args(b.args()).ints(1));
    let order = dims
        .iter()
        .map(|&dim| layout::wrap_dim(dim, dims.len()))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(vec![Some(kit::call(
        b,
        "permute",
        vec![t(grad), list(&inverse(&order))],
    )?)])
}
fn movedim_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    one(layout::movedim(
        args.tensor(0)?,
        &args.ints(1),
        &args.ints(2),
    ))
}
fn movedim_formula(b: &mut dyn Backward) -> Grads {
    let (grad, meta) = (grad(b)?, input_meta(b, 0)?);
    if meta.ndim() == 0 {
        return Ok(vec![Some(grad)]);
    }
    let args = Args(b.args());
    let order = layout::movedim_order(meta.ndim(), &args.ints(1), &args.ints(2))?;
    Ok(vec![Some(kit::call(
        b,
        "permute",
        vec![t(grad), list(&inverse(&order))],
    )?)])
}

fn squeeze_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    one(layout::squeeze(
        args.tensor(0)?,
        args.opt_ints(1).as_deref(),
    ))
}
fn unsqueeze_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    one(layout::unsqueeze(args.tensor(0)?, args.int(1, 0)))
}

fn expand_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    one(layout::expand(args.tensor(0)?, &args.ints(1)))
}
fn expand_as_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    one(layout::expand(
        args.tensor(0)?,
        &layout::signed(&args.tensor(1)?.shape),
    ))
}
fn expand_formula(b: &mut dyn Backward) -> Grads {
    let (grad, meta) = (grad(b)?, input_meta(b, 0)?);
    Ok(vec![Some(kit::reduce_to(b, grad, &meta.shape)?)])
}

fn select_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    one(layout::select(
        args.tensor(0)?,
        args.int(1, 0),
        args.int(2, 0),
    ))
}
/// Calls the operator that puts the gradient of a view back into its place, with the arguments of the view.
fn put_back(b: &mut dyn Backward, op: &'static str, args: Vec<Arg<crate::ops::row::Var>>) -> Grads {
    let (grad, meta) = (grad(b)?, input_meta(b, 0)?);
    let mut all = vec![t(grad), kit::shape(&meta.shape)];
    all.extend(args);
    Ok(vec![Some(kit::call(b, op, all)?)])
}
fn select_formula(b: &mut dyn Backward) -> Grads {
    let args = vec![kit::same(b, 1), kit::same(b, 2)];
    put_back(b, "select_backward", args)
}
fn slice_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    one(layout::slice(
        args.tensor(0)?,
        args.int(1, 0),
        args.opt_int(2),
        args.opt_int(3),
        args.int(4, 1),
    ))
}
fn slice_formula(b: &mut dyn Backward) -> Grads {
    let args = Args(b.args());
    let (dim, step) = (args.int(1, 0), args.int(4, 1));
    let args = vec![n(dim), kit::same(b, 2), kit::same(b, 3), n(step)];
    put_back(b, "slice_backward", args)
}
fn narrow_bounds(args: &[Arg<Meta>]) -> Result<(i64, i64), OpError> {
    let args = Args(args);
    layout::narrow_bounds(
        args.tensor(0)?,
        args.int(1, 0),
        args.int(2, 0),
        args.int(3, 0),
    )
}
fn narrow_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let (start, end) = narrow_bounds(args)?;
    one(layout::slice(
        Args(args).tensor(0)?,
        Args(args).int(1, 0),
        Some(start),
        Some(end),
        1,
    ))
}
fn narrow_formula(b: &mut dyn Backward) -> Grads {
    let ((start, end), dim) = (narrow_bounds(b.args())?, kit::same(b, 1));
    put_back(b, "slice_backward", vec![dim, n(start), n(end), n(1)])
}
fn diagonal_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    one(layout::diagonal(
        args.tensor(0)?,
        args.int(1, 0),
        args.int(2, 0),
        args.int(3, 1),
    ))
}
fn diagonal_formula(b: &mut dyn Backward) -> Grads {
    let args = Args(b.args());
    let args = vec![n(args.int(1, 0)), n(args.int(2, 0)), n(args.int(3, 1))];
    put_back(b, "diagonal_backward", args)
}
fn unfold_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    one(layout::unfold(
        args.tensor(0)?,
        args.int(1, 0),
        args.int(2, 0),
        args.int(3, 0),
    ))
}
fn unfold_formula(b: &mut dyn Backward) -> Grads {
    let args = vec![kit::same(b, 1), kit::same(b, 2), kit::same(b, 3)];
    put_back(b, "unfold_backward", args)
}
fn as_strided_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    one(layout::as_strided(
        args.tensor(0)?,
        &args.ints(1),
        &args.ints(2),
        args.opt_int(3),
    ))
}
fn as_strided_formula(b: &mut dyn Backward) -> Grads {
    let meta = input_meta(b, 0)?;
    let offset = Args(b.args()).int(3, meta.offset as i64);
    let args = vec![
        kit::shape(&meta.strides),
        n(meta.offset as i64),
        kit::same(b, 1),
        kit::same(b, 2),
        n(offset),
    ];
    let grads = put_back(b, "as_strided_backward", args)?;
    grads
        .iter()
        .flatten()
        .for_each(|&var| b.count_writes(var, 1));
    Ok(grads)
}
