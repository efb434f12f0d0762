//! Why a gradient is none, with the story (rule R8.3).

use rustc_hash::{FxHashMap, FxHashSet};

use super::Analyzer;
use super::fact::WhyNone;
use super::story::{Happened, OriginId, Source, Step};
use super::value::{GradFn, ObjId};
use super::world::World;
use crate::source::Span;

/// How many origins are looked at to say why a leaf was not reached.
const MAX_LOOK: usize = 10_000;

impl Analyzer<'_> {
    /// Why the gradient of a tensor is none now, with the story.
    pub(super) fn explain_none(&self, world: &World, id: ObjId) -> (WhyNone, Vec<Step>) {
        let Some(tensor) = world.tensor(id) else {
            return (WhyNone::Unknown, Vec::new());
        };
        let made = self.made(world, id);
        let at = |span: Option<Span>, happened: Happened| {
            span.map(|span| Step { span, happened })
                .into_iter()
                .collect::<Vec<_>>()
        };
        let history = &tensor.history;
        if let (true, Some(frozen)) = (
            tensor.bit.is_false() && tensor.grad_fn == GradFn::None,
            history.frozen,
        ) {
            return (WhyNone::Frozen, at(Some(frozen), Happened::Frozen));
        }
        if self.is_leaf(world, id).is_false() || matches!(tensor.grad_fn, GradFn::Node(..)) {
            return match (tensor.retains_grad, history.retained, world.backward) {
                (true, Some(retained), Some((backward, _))) if backward < retained => (
                    WhyNone::RetainedLate,
                    vec![Step {
                        span: backward,
                        happened: Happened::LeavesGradient,
                    }],
                ),
                (true, _, Some((backward, _))) => (
                    WhyNone::NotReached,
                    at(Some(backward), Happened::NotReached),
                ),
                (true, _, None) => (WhyNone::TooEarly, at(made, Happened::Made)),
                (false, ..) => (WhyNone::NonLeaf, at(made, Happened::Computed)),
            };
        }
        if self.requires_grad(world, id).is_false() {
            return self.why_not_required(tensor.origin);
        }
        if tensor.bit.is_false() {
            // A view made while gradients were off says that it requires grad, and has no place in the graph (R2.5).
            return (WhyNone::UnderNoGrad, at(made, Happened::UnderNoGrad));
        }
        if let (true, Some(cleared)) = (
            history.left_by.is_empty(),
            history.cleared.filter(|_| history.ever),
        ) {
            return (WhyNone::Cleared, at(Some(cleared), Happened::Cleared));
        }
        match world.backward {
            None => (WhyNone::TooEarly, at(made, Happened::Made)),
            Some((backward, root)) => self.why_not_reached(tensor.origin, root, backward, made),
        }
    }

    fn why_not_required(&self, from: OriginId) -> (WhyNone, Vec<Step>) {
        let origin = self.origins.get(from);
        let step = |happened: Happened| origin.steps(happened);
        match origin.source {
            Source::Detach | Source::Variable => (WhyNone::Detached, step(Happened::Cut)),
            Source::Data => (WhyNone::Detached, step(Happened::CutByData)),
            Source::Rebuilt => (WhyNone::Rebuilt, step(Happened::Rebuilt)),
            Source::NoGrad(_) => (WhyNone::UnderNoGrad, step(Happened::UnderNoGrad)),
            Source::Inference(_) => (WhyNone::UnderNoGrad, step(Happened::UnderInference)),
            Source::NotDifferentiable(name) => (
                WhyNone::NotRequired,
                step(Happened::NotDifferentiable(name)),
            ),
            Source::Nowhere => (WhyNone::NotRequired, Vec::new()),
            _ => (WhyNone::NotRequired, step(Happened::MadeWithoutGrad)),
        }
    }

    /// Why a backward from `root` did not reach a leaf: the first cut on a way from the one to the other, if there is a way.
    fn why_not_reached(
        &self,
        leaf: OriginId,
        root: OriginId,
        backward: Span,
        made: Option<Span>,
    ) -> (WhyNone, Vec<Step>) {
        let mut parents: FxHashMap<OriginId, OriginId> = FxHashMap::default();
        let mut queue = std::collections::VecDeque::from([root]);
        let mut seen = FxHashSet::from_iter([root]);
        while let Some(id) = queue.pop_front() {
            if id == leaf || seen.len() > MAX_LOOK {
                break;
            }
            for &input in &self.origins.get(id).inputs {
                if input != OriginId::NOWHERE && seen.insert(input) {
                    parents.insert(input, id);
                    queue.push_back(input);
                }
            }
        }
        let mut at = leaf;
        while let Some(&parent) = parents.get(&at) {
            let origin = self.origins.get(parent);
            let cut = match origin.source {
                Source::Detach => Some((WhyNone::Detached, Happened::Cut)),
                Source::Data => Some((WhyNone::Detached, Happened::CutByData)),
                Source::Variable => Some((WhyNone::Detached, Happened::Cut)),
                Source::Rebuilt | Source::Parameter => Some((WhyNone::Rebuilt, Happened::Rebuilt)),
                Source::Item => Some((WhyNone::Rebuilt, Happened::TurnedIntoNumber)),
                Source::NoGrad(_) => Some((WhyNone::UnderNoGrad, Happened::UnderNoGrad)),
                Source::Inference(_) => Some((WhyNone::UnderNoGrad, Happened::UnderInference)),
                Source::NotDifferentiable(name) => {
                    Some((WhyNone::Detached, Happened::NotDifferentiable(name)))
                }
                _ => None,
            };
            if let Some((why, happened)) = cut {
                return (why, origin.steps(happened));
            }
            at = parent;
        }
        let mut story: Vec<Step> = made
            .map(|span| Step {
                span,
                happened: Happened::Made,
            })
            .into_iter()
            .collect();
        story.push(Step {
            span: backward,
            happened: Happened::NotReached,
        });
        (WhyNone::NotReached, story)
    }
}
