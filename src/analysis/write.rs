//! Writing in place: what forbids it (rules R5.2, R5.4), what it does to versions (R4.2) and to the graph (R5.3).

use std::borrow::Cow;
use std::rc::Rc;

use smallvec::SmallVec;

use super::fact::{FactKind, Failure};
use super::graph::{Edge, Node, NodeKind};
use super::op_args::tensors_of;
use super::record::Inferred;
use super::story::{Happened, Step};
use super::value::{Counter, Creation, GradFn, NodeId, Obj, ObjId, View, Write};
use super::world::World;
use super::{Analyzer, Res};
use crate::dataflow::Tri;
use crate::ops::inplace::ViewMade;
use crate::ops::{self, Arg, Dtype, Exception, InPlace, Meta, OpError, OpRow, ResultKind};
use crate::source::Span;

impl Analyzer<'_> {
    /// A new version counter.
    pub(super) fn new_counter(&mut self, world: &mut World) -> ObjId {
        self.alloc(
            world,
            Obj::Counter(Counter {
                low: 0,
                high: 0,
                last: 0,
                writes: None,
            }),
        )
    }

    /// An inference tensor may not be written outside of inference mode (rule R3.3).
    pub(super) fn check_inference_target(
        &mut self,
        world: &mut World,
        args: &[Arg<ObjId>],
        span: Span,
    ) -> Res<()> {
        let Some(Arg::Tensor(target)) = args.first() else {
            return Ok(());
        };
        if world
            .tensor(*target)
            .is_none_or(|tensor| tensor.counter.is_some() || tensor.is_loose)
            || world.inference.0.may()
        {
            return Ok(());
        }
        let text = "Inplace update to inference tensor outside InferenceMode is not allowed.You can make a clone to get a normal tensor before doing inplace update.See https://github.com/pytorch/rfcs/pull/17 for more details.";
        self.inference_failure(world, *target, text, span)
    }

    /// `check_inplace` (rule R5.2): before the write, while gradient mode is on.
    pub(super) fn check_in_place(
        &mut self,
        world: &mut World,
        args: &[Arg<ObjId>],
        recorded: Tri,
        span: Span,
    ) -> Res<()> {
        let Some(&Arg::Tensor(id)) = args.first() else {
            return Ok(());
        };
        let own = self.requires_grad(world, id);
        let checked = world.grad.0.and(recorded.or(own));
        let Some(tensor) = world.tensor(id).cloned() else {
            return Ok(());
        };
        if !checked.may() {
            return Ok(());
        }
        if let Some(view) = &tensor.view {
            if view.creation != Creation::Default {
                let text = self.view_text(world, id, view.creation, false);
                let failure = view.creation.failure();
                let story = self.view_story(world, id);
                return self.refuse(world, checked, failure, text, story, span);
            }
            let of_leaf = own.and(self.is_leaf(world, view.base));
            if of_leaf.may() {
                let text = "a view of a leaf Variable that requires grad is being used in an in-place operation.";
                let story = self.made_story(world, view.base);
                return self.refuse(
                    world,
                    checked.and(of_leaf),
                    Failure::ViewOfLeafInPlace,
                    text.into(),
                    story,
                    span,
                );
            }
            return Ok(());
        }
        let leaf = self.is_leaf_with_gradient(world, id);
        if leaf.may() {
            let text = "a leaf Variable that requires grad is being used in an in-place operation.";
            let story = self.made_story(world, id);
            return self.refuse(
                world,
                checked.and(leaf),
                Failure::LeafInPlace,
                text.into(),
                story,
                span,
            );
        }
        Ok(())
    }

    fn made_story(&self, world: &World, id: ObjId) -> Vec<Step> {
        self.made(world, id)
            .map(|span| Step {
                span,
                happened: Happened::Made,
            })
            .into_iter()
            .collect()
    }

    /// Raises where that is certain; where it is not, tells it and goes on.
    pub(super) fn refuse(
        &mut self,
        world: &mut World,
        certain: Tri,
        failure: Failure,
        text: String,
        story: Vec<Step>,
        span: Span,
    ) -> Res<()> {
        if certain.is_true() {
            return self
                .raise(world, span, failure, Exception::RuntimeError, text)
                .map_err(|mut raise| {
                    raise.story = story;
                    raise
                });
        }
        let hangs_on_unknown = matches!(
            failure,
            Failure::NoGraph
                | Failure::LeafInPlace
                | Failure::ViewOfLeafInPlace
                | Failure::FreedGraph
                | Failure::SavedOverwritten
        );
        if self.program.lenient && hangs_on_unknown {
            // Whether a tensor requires a gradient that is computed of something unknown is not known; and what was freed
            // or written on one of the ways that were joined need not be what is used on it.
            return Ok(());
        }
        let kind = FactKind::Raises {
            failure,
            error: Exception::RuntimeError,
            message: text,
        };
        self.uncertain_fact(world, span, kind, story);
        Ok(())
    }

    /// What `ops::inplace` says of a write.
    pub(super) fn in_place_refused<T>(
        &mut self,
        world: &mut World,
        error: OpError,
        span: Span,
    ) -> Res<Option<T>> {
        let OpError::Raises(exception, text) = error else {
            return Ok(None);
        };
        let failure = if text.starts_with("unsupported operation: more than one element") {
            Failure::ExpandedInPlace
        } else {
            Failure::Shape
        };
        self.raise(world, span, failure, exception, text)
    }

    /// PyTorch's words for a view that may not be written (`used`: that may not be used since its base was).
    pub(super) fn view_text(
        &mut self,
        world: &World,
        id: ObjId,
        creation: Creation,
        used: bool,
    ) -> String {
        let made = match creation {
            Creation::MultiOutput => ViewMade::WithOthers,
            Creation::Inference => ViewMade::InInference,
            Creation::Custom => ViewMade::ByTheProgram,
            _ => ViewMade::WithoutGrad,
        };
        let made_by = match world.tensor(id).map(|tensor| tensor.grad_fn.clone()) {
            Some(GradFn::Node(node, output)) => {
                Some((output as usize, short(self.nodes[node].name)))
            }
            _ => None,
        };
        let made_by = made_by.as_ref().map(|(output, name)| (*output, &**name));
        crate::ops::inplace::view_text(made_by, made, used)
    }

    /// The story of a view that may not be written.
    pub(super) fn view_story(&self, world: &World, id: ObjId) -> Vec<Step> {
        let mut story: Vec<Step> = self
            .made(world, id)
            .map(|span| Step {
                span,
                happened: Happened::ViewMade,
            })
            .into_iter()
            .collect();
        let write = world
            .tensor(id)
            .and_then(|tensor| world.counter(tensor.counter?)?.writes.clone());
        if let Some(write) = write {
            story.push(Step {
                span: write.span,
                happened: Happened::Overwritten(None),
            });
        }
        story
    }

    /// Of a new tensor, one write may have been counted, or not.
    pub(super) fn may_be_written(&mut self, world: &mut World, id: ObjId) {
        if let Some(counter) = world.tensor(id).and_then(|tensor| tensor.counter) {
            world.counter_mut(counter).high += 1;
        }
    }

    /// Counts a write: the version, the storage, and weakly those that the tensor may stand for.
    pub(super) fn bump(&mut self, world: &mut World, id: ObjId, span: Span) {
        self.writes += 1;
        let (number, place) = (self.writes, self.place(span));
        let Some(tensor) = world.tensor(id).cloned() else {
            return;
        };
        if let Some(counter) = tensor.counter {
            let counter = world.counter_mut(counter);
            counter.low += 1;
            counter.high += 1;
            counter.last = number;
            counter.writes = Some(Rc::new(Write {
                span: place,
                number,
                before: counter.writes.take(),
            }));
        }
        world.write_storage(tensor.storage, number, place, None);
        for &part in tensor
            .one_of
            .iter()
            .flat_map(|parts| parts.iter())
            .filter(|&&part| part != id)
        {
            let Some(part) = world.tensor(part).cloned() else {
                continue;
            };
            if let Some(counter) = part
                .counter
                .filter(|&counter| Some(counter) != tensor.counter)
            {
                let counter = world.counter_mut(counter);
                counter.high += 1;
                counter.last = number;
                counter.writes = Some(Rc::new(Write {
                    span: place,
                    number,
                    before: counter.writes.take(),
                }));
            }
        }
    }

    /// The write itself, and its place in the graph.
    pub(super) fn write_in_place(
        &mut self,
        world: &mut World,
        row: &OpRow,
        args: &[Arg<ObjId>],
        inferred: Inferred,
        node: Option<NodeId>,
        span: Span,
    ) -> Res<SmallVec<[ObjId; 1]>> {
        let Some(target) = args.first().and_then(|arg| tensors_of(arg).next()) else {
            return Ok(SmallVec::new());
        };
        self.bump(world, target, span);
        if matches!(row.in_place, InPlace::Only) && row.params.len() == 1 {
            self.note_overwritten_gradient(world, target, span);
        }
        if let (ResultKind::View, Some(metas)) = (row.result, inferred.metas) {
            world.tensor_mut(target).meta = metas.into_iter().next().map(Rc::<Meta>::new);
        }
        self.note_written_from(world, target, args);
        let gives_graph = |dtype: Dtype| ops::inplace::gives_graph(row, dtype);
        let joins = world
            .tensor(target)
            .is_some_and(|tensor| tensor.dtype.is_none_or(gives_graph));
        if let (Some(node), true) = (node, joins) {
            match row.result {
                ResultKind::View => self.turn(world, target, node),
                _ => self.rebase(world, target, node),
            }
        }
        Ok(SmallVec::from_slice(&[target]))
    }

    /// What a tensor was written from is among what it comes from.
    fn note_written_from(&mut self, world: &mut World, target: ObjId, args: &[Arg<ObjId>]) {
        let sources: SmallVec<[super::story::OriginId; 2]> = args[1..]
            .iter()
            .flat_map(tensors_of)
            .filter_map(|id| world.tensor(id))
            .map(|tensor| tensor.origin)
            .collect();
        let Some(old) = world.tensor(target).map(|tensor| tensor.origin) else {
            return;
        };
        if sources.is_empty() || sources.contains(&old) {
            return;
        }
        let of = self.origins.get(old);
        let (span, source) = (of.span, of.source);
        let inputs = [old].into_iter().chain(sources).collect();
        let source = if source == super::story::Source::Factory {
            super::story::Source::Operator
        } else {
            source
        };
        let origin = self.origins.add(span, source, inputs);
        world.tensor_mut(target).origin = origin;
    }

    /// A tensor that is seen otherwise in place. A view is written only in name: its base keeps its graph.
    fn turn(&mut self, world: &mut World, target: ObjId, node: NodeId) {
        let Some(tensor) = world.tensor(target).cloned() else {
            return;
        };
        let Some(view) = tensor.view.clone() else {
            return self.rebase(world, target, node);
        };
        let now = tensor
            .counter
            .and_then(|counter| world.counter(counter))
            .map_or(view.attr_write, |counter| counter.last);
        let grad_fn = rebased(&tensor.grad_fn, self.nodes[node].recorded, node);
        let tensor = world.tensor_mut(target);
        tensor.grad_fn = grad_fn;
        tensor.view = Some(Rc::new(View {
            attr_write: now,
            ..(*view).clone()
        }));
    }

    /// `rebase_history` (rule R5.3).
    pub(super) fn rebase(&mut self, world: &mut World, target: ObjId, node: NodeId) {
        let Some(tensor) = world.tensor(target).cloned() else {
            return;
        };
        let certain = self.nodes[node].recorded;
        match &tensor.view {
            Some(view) => {
                let Some(base) = world.tensor(view.base).cloned() else {
                    return;
                };
                let before = match &base.grad_fn {
                    GradFn::Node(node, output) => Edge::Node(*node, *output),
                    GradFn::None if base.bit.is_true() => Edge::Leaf(view.base),
                    GradFn::None => Edge::Null,
                    GradFn::OneOf(parts) => Edge::one_of(parts.iter().map(|part| {
                        part.map_or(Edge::Null, |(node, output)| Edge::Node(node, output))
                    })),
                    GradFn::Unknown(_) => Edge::Unknown,
                };
                let inner = &self.nodes[node];
                let edges = [before]
                    .into_iter()
                    .chain(inner.edges.iter().skip(1).cloned())
                    .collect();
                let (span, recorded) = (inner.span, inner.recorded);
                let slices = self.add_node(Node {
                    kind: NodeKind::CopySlices(node),
                    name: "torch::autograd::CopySlices",
                    span,
                    edges,
                    saved: Vec::new(),
                    hidden: true,
                    recorded,
                    constant_gradient: None,
                });
                let grad_fn = rebased(&base.grad_fn, certain, slices);
                world.tensor_mut(view.base).grad_fn = grad_fn;
            }
            None => {
                // The retain hook of an earlier value moves to the new one (rule R9.1); so do readers of `.grad`.
                let grad_fn = rebased(&tensor.grad_fn, certain, node);
                world.tensor_mut(target).grad_fn = grad_fn;
            }
        }
    }
}

/// The place in the graph behind a write that is recorded as certainly as that.
fn rebased(old: &GradFn, certain: Tri, node: NodeId) -> GradFn {
    if certain.is_true() {
        return GradFn::Node(node, 0);
    }
    let before = match old {
        GradFn::Node(node, output) => Some((*node, *output)),
        _ => None,
    };
    GradFn::one_of([before, Some((node, 0))])
}

/// Whether the tensor that is written shares memory with another of the arguments.
pub(super) fn check_shared(world: &World, row: &OpRow, args: &[Arg<ObjId>]) -> Result<(), OpError> {
    let Some(target) = args.first().and_then(|arg| match arg {
        Arg::Tensor(id) => world.tensor(*id),
        _ => None,
    }) else {
        return Ok(());
    };
    let others = args.iter().skip(1).flat_map(tensors_of);
    for other in others.filter_map(|id| world.tensor(id)) {
        if let (true, Some(own), Some(meta)) =
            (target.storage == other.storage, &target.meta, &other.meta)
        {
            ops::inplace::check_shared(row, own, meta)?;
        }
    }
    Ok(())
}

/// Whether the call writes a tensor over itself.
pub(super) fn writes_itself(world: &World, row: &OpRow, args: &[Arg<ObjId>]) -> bool {
    let tensors = match args {
        [Arg::Tensor(target), Arg::Tensor(other), ..] => {
            (world.tensor(*target), world.tensor(*other))
        }
        _ => return false,
    };
    match tensors {
        (Some(target), Some(other)) if target.storage == other.storage => {
            match (&target.meta, &other.meta) {
                (Some(own), Some(meta)) => ops::inplace::writes_itself(row, own, meta),
                _ => false,
            }
        }
        _ => false,
    }
}

/// A node's name as messages show it: `MulBackward0` is `Mul`, `PowBackward1` is `Pow1` (rule R6.3).
pub(super) fn short(name: &str) -> Cow<'_, str> {
    match name.rsplit_once("Backward") {
        Some((stem, "0" | "")) => Cow::Borrowed(stem),
        Some((stem, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => {
            Cow::Owned(format!("{stem}{number}"))
        }
        _ => Cow::Borrowed(name),
    }
}
