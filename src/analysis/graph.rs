//! The autograd graph as the analysis sees it: nodes, their edges, and what they keep.

use smallvec::SmallVec;

use super::story::OriginId;
use super::value::{NodeId, ObjId, Val};
use crate::dataflow::Tri;
use crate::ops::{Arg, OpId};
use crate::source::Span;

/// A node. What changes later (whether it was freed) is in the state.
#[derive(Debug)]
pub(super) struct Node {
    /// What it computes.
    pub kind: NodeKind,
    /// PyTorch's name: `MulBackward0`.
    pub name: &'static str,
    /// Where it was recorded.
    pub span: Span,
    /// An edge for each differentiable tensor argument.
    pub edges: SmallVec<[Edge; 2]>,
    /// What it keeps.
    pub saved: Vec<SavedTensor>,
    /// Whether it keeps something no version counter speaks of, which is gone after backward.
    pub hidden: bool,
    /// Whether it was recorded for sure (rule R2.1).
    pub recorded: Tri,
    /// An argument that is a gradient without a graph of its own, which makes it a constant here.
    pub constant_gradient: Option<OriginId>,
}

// A program of 300,000 statements has as many of these or more; `cargo bench --bench memory` is what it comes to.
#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<Node>() <= 152);

/// What a node computes.
#[derive(Debug)]
pub(super) enum NodeKind {
    /// The gradient of an operator.
    Op {
        /// The operator.
        op: OpId,
        /// The arguments, for second derivatives, without those at the end that are the row's defaults.
        args: Box<[Arg<ObjId>]>,
        /// The results.
        outputs: SmallVec<[ObjId; 1]>,
    },
    /// An in-place write through a view, seen from the base (rule R5.3). What it keeps is what the operator's own node keeps.
    CopySlices(NodeId),
    /// A view regenerated after its base was written (rule R5.4).
    AsStrided,
    /// A call of the library that was not followed.
    Summary,
    /// What the program wrote.
    Function(Box<super::function::Function>),
    /// A derivative that PyTorch does not have: the exception and its text.
    NotImplemented(crate::ops::Exception, std::borrow::Cow<'static, str>),
}

/// Where a gradient goes.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Edge {
    /// Nowhere: the argument does not require grad.
    Null,
    /// To the leaf's `.grad`.
    Leaf(ObjId),
    /// To an output of another node.
    Node(NodeId, u32),
    /// To one of these.
    OneOf(Box<SmallVec<[Edge; 2]>>),
    /// Not known.
    Unknown,
}

impl Edge {
    /// To one of these.
    pub(super) fn one_of(edges: impl IntoIterator<Item = Edge>) -> Edge {
        Edge::OneOf(Box::new(edges.into_iter().collect()))
    }
}

/// A tensor that a node keeps (rule R6.1).
#[derive(Clone, Debug)]
pub(super) struct SavedTensor {
    /// Which.
    pub tensor: ObjId,
    /// Its version counter when it was saved; none: nothing to check.
    pub counter: Option<ObjId>,
    /// The counter's state then.
    pub low: u32,
    /// The highest version it may have had.
    pub high: u32,
    /// The last write then.
    pub last: u32,
    /// The storage, and its last write then.
    pub storage: (ObjId, u32),
    /// Whether it is a result of the node itself.
    pub is_output: bool,
    /// Whether it had a `grad_fn` when it was saved.
    pub had_grad_fn: bool,
    /// What a hook made of it, and the hook that makes a tensor of that again: then no version is checked (rule R6.6).
    pub packed: Option<Box<(Val, Val)>>,
}
