//! The arguments of operators: the tensors in them, and their replacement.

use super::graph::Edge;
use super::value::ObjId;
use crate::ops::{self, Arg, OpRow, ParamKind};

/// The tensors in an argument.
pub(super) fn tensors_of(arg: &Arg<ObjId>) -> impl Iterator<Item = ObjId> + '_ {
    let (one, many, items): (Option<ObjId>, &[ObjId], &[ops::IndexItem<ObjId>]) = match arg {
        Arg::Tensor(id) => (Some(*id), &[], &[]),
        Arg::Tensors(ids) => (None, ids, &[]),
        Arg::Index(items) => (None, &[], items),
        _ => (None, &[], &[]),
    };
    one.into_iter()
        .chain(many.iter().copied())
        .chain(items.iter().filter_map(|item| match item {
            ops::IndexItem::Tensor(id) => Some(*id),
            _ => None,
        }))
}

/// The tensors that a gradient may flow to, in order; none where an argument is not known.
pub(super) fn differentiable<'a>(
    row: &'a OpRow,
    args: &'a [Arg<ObjId>],
) -> impl Iterator<Item = Option<ObjId>> + 'a {
    row.params.iter().zip(args).flat_map(|(param, arg)| {
        let flows = flows(param.kind);
        let unknown = (flows && matches!(arg, Arg::Unknown)).then_some(None);
        let known = tensors_of(arg).filter(move |_| flows).map(Some);
        unknown.into_iter().chain(known)
    })
}

fn flows(kind: ParamKind) -> bool {
    match kind {
        ParamKind::Tensor { diff } | ParamKind::OptTensor { diff } => diff,
        ParamKind::TensorOrScalar | ParamKind::Tensors => true,
        _ => false,
    }
}

/// A node's edges, argument by argument: there is one for each tensor that `differentiable` gives.
pub(super) fn edges_by_argument<'a>(
    row: &'a OpRow,
    args: &'a [Arg<ObjId>],
    edges: &'a [Edge],
) -> impl Iterator<Item = &'a [Edge]> + 'a {
    let mut rest = edges;
    row.params.iter().zip(args).map(move |(param, arg)| {
        let count = match arg {
            _ if !flows(param.kind) => 0,
            Arg::Unknown => 1,
            arg => tensors_of(arg).count(),
        };
        let (own, after) = rest.split_at(count.min(rest.len()));
        rest = after;
        own
    })
}
