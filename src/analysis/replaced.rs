//! Parameters that are replaced while an optimizer holds the old ones, or added to a module of which it was given all:
//! it goes on with those it has, and the new ones stay as they are, unless they are given to an optimizer later.

use super::Analyzer;
use super::escape::Others;
use super::fact::FactKind;
use super::story::{Happened, Step};
use super::value::{ObjId, Val};
use super::world::World;
use crate::source::Span;
use crate::symbol::Symbol;

/// A replacement.
#[derive(Clone, Debug)]
pub(super) struct Replaced {
    /// Where.
    span: Span,
    /// The instruction.
    at: Option<u32>,
    /// Where the optimizer that holds the old parameters was made.
    optimizer: Span,
    /// The new parameters.
    new: Vec<ObjId>,
    /// What they stand in the place of.
    instead: Instead,
}

/// What new parameters stand in the place of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Instead {
    /// Parameters that the optimizer holds.
    OfOld,
    /// Nothing: they are more.
    OfNothing,
}

impl Analyzer<'_> {
    /// An attribute of a module is set: does that replace parameters that an optimizer holds, or add to them?
    pub(super) fn note_replaced(
        &mut self,
        world: &World,
        module: &Val,
        name: Symbol,
        value: &Val,
        span: Span,
    ) {
        let new = self.parameters_in(world, value);
        let old = world
            .instance(module)
            .and_then(|module| self.registered(world, module.attrs, &Val::str(name.as_str())))
            .map_or_else(Vec::new, |old| self.parameters_in(world, &old));
        // What wraps the old ones has them still.
        let (kept, added): (Vec<ObjId>, Vec<ObjId>) =
            new.into_iter().partition(|id| old.contains(id));
        if added.is_empty() {
            return;
        }
        let all = self.parameters_of(world, module);
        let place = self.place(span);
        for (optimizer, made) in self.ledger.instances() {
            let Some(held) = self.held_by(world, &optimizer) else {
                continue;
            };
            let is_held = |id: &ObjId| held.contains(id);
            // The parts of a module that came after the optimizer are told where it is put among the others.
            let came_before = matches!((module, &optimizer), (Val::Obj(a), Val::Obj(b)) if a < b);
            let instead = if added.iter().any(is_held) {
                continue;
            } else if old.iter().any(|id| is_held(id) && !kept.contains(id)) {
                Instead::OfOld
            } else if came_before && !all.is_empty() && all.iter().all(is_held) {
                Instead::OfNothing
            } else {
                continue;
            };
            self.ledger.note_replacement(Replaced {
                span: place,
                at: self.instruction_at(place),
                optimizer: made,
                new: added.clone(),
                instead,
            });
        }
    }

    fn has_had_gradient(&self, world: &World, id: ObjId) -> bool {
        world.tensor(id).is_some_and(|tensor| {
            matches!(tensor.grad, Val::Obj(_)) || !tensor.history.left_by.is_empty()
        })
    }

    /// The parameter that a value is, or those of the module that it is.
    fn parameters_in(&self, world: &World, value: &Val) -> Vec<ObjId> {
        match world.as_tensor(value) {
            Some(id) => vec![id],
            None => self.parameters_of(world, value),
        }
    }

    /// New parameters that no optimizer holds at the end of the path either.
    pub(super) fn not_held(&mut self, world: &mut World, others: &Others) {
        let mut replacements = self.ledger.replacements();
        replacements.retain(|replaced| !replaced.new.iter().any(|&new| others.can_reach(new)));
        if replacements.is_empty() {
            return;
        }
        let held: Vec<ObjId> = self
            .ledger
            .instances()
            .iter()
            .filter_map(|(value, _)| self.held_by(world, value))
            .flatten()
            .collect();
        for Replaced {
            span,
            at,
            optimizer,
            new,
            instead,
        } in replacements
        {
            let (kind, happened) = match instead {
                Instead::OfOld => {
                    let there = new.iter().any(|id| world.tensor(*id).is_some());
                    (FactKind::NotHeld, there)
                }
                // What gets no gradient is not to be trained.
                Instead::OfNothing => {
                    let trained = new.iter().any(|&id| self.has_had_gradient(world, id));
                    (FactKind::AddedLate, trained)
                }
            };
            if happened && !new.iter().any(|id| held.contains(id)) {
                let story = vec![Step {
                    span: optimizer,
                    happened: Happened::OptimizerMade,
                }];
                let fact = self.fact(world, span, kind, story);
                self.fact_at(fact, at);
            }
        }
    }
}
