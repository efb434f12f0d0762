//! What else is to be told of a parameter that learns nothing: where what is computed of it leaves the graph, and where it was frozen.

use rustc_hash::FxHashSet;

use super::Analyzer;
use super::story::{Happened, OriginId, Step};
use super::world::World;
use crate::dataflow::Tri;

/// How many cuts are told of one parameter.
const MAX_CUTS: usize = 3;

impl Analyzer<'_> {
    /// The story of a parameter that is never reached, with the other places at which what is computed of it is cut.
    pub(super) fn with_cuts(&self, leaf: OriginId, mut story: Vec<Step>) -> Vec<Step> {
        let is_known = |step: &Step| {
            let is_cut = !matches!(step.happened, Happened::Made | Happened::NotReached);
            is_cut
                && !matches!(
                    step.happened,
                    Happened::Cut | Happened::NotDifferentiable(_)
                )
        };
        if story.iter().any(is_known) {
            return story;
        }
        for cut in self.origins.cuts_of(leaf) {
            if story.len() >= MAX_CUTS {
                break;
            }
            if story.iter().all(|step| step.span != cut.span) {
                story.push(cut);
            }
        }
        story.sort_by_key(|step| step.span);
        story
    }

    /// A story of tensors that require no gradient, those told as frozen that were.
    pub(super) fn with_freezes(&self, world: &World, story: Vec<Step>) -> Vec<Step> {
        let mut seen = FxHashSet::default();
        let mut out = Vec::new();
        for step in story {
            let step = match step.happened {
                Happened::MadeWithoutGrad => self.frozen(world, &step).unwrap_or(step),
                _ => step,
            };
            if seen.insert(step.span) {
                out.push(step);
            }
        }
        // What was frozen is why; that inputs require nothing is as it should be.
        if out.iter().any(|step| step.happened == Happened::Frozen) {
            out.retain(|step| step.happened != Happened::MadeWithoutGrad);
        }
        out
    }

    /// Where what was made at a place was frozen.
    fn frozen(&self, world: &World, step: &Step) -> Option<Step> {
        self.ledger.may_get_gradients().into_iter().find_map(|id| {
            let tensor = world.tensor(id)?;
            let span = tensor.history.frozen?;
            let is_it = self.origins.get(tensor.origin).span == step.span;
            (is_it && self.requires_grad(world, id) == Tri::False).then_some(Step {
                span,
                happened: Happened::Frozen,
            })
        })
    }
}
