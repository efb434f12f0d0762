//! Parameters that are replaced while an optimizer holds the old ones: it goes on with those, and the new ones stay as
//! they are, unless they are given to an optimizer later.

use super::Analyzer;
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
}

impl Analyzer<'_> {
    /// An attribute of a module is set: does that replace parameters that an optimizer holds?
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
            .and_then(|module| self.registered(world, module.attrs, &Val::str(name.as_str())));
        let Some(old) = old else { return };
        let old = self.parameters_in(world, &old);
        if new.is_empty() || old.iter().any(|id| new.contains(id)) {
            return;
        }
        for (optimizer, made) in self.ledger.instances() {
            let Some(held) = self.held_by(world, &optimizer) else {
                continue;
            };
            if old.iter().any(|id| held.contains(id)) && !new.iter().any(|id| held.contains(id)) {
                let place = self.place(span);
                let replaced = Replaced {
                    span: place,
                    at: self.instruction_at(place),
                    optimizer: made,
                    new: new.clone(),
                };
                self.ledger.note_replacement(replaced);
            }
        }
    }

    /// The parameter that a value is, or those of the module that it is.
    fn parameters_in(&self, world: &World, value: &Val) -> Vec<ObjId> {
        match world.as_tensor(value) {
            Some(id) => vec![id],
            None => self.parameters_of(world, value),
        }
    }

    /// New parameters that no optimizer holds at the end of the path either.
    pub(super) fn not_held(&mut self, world: &mut World) {
        let replacements = self.ledger.replacements();
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
        } in replacements
        {
            let happened = new.iter().any(|id| world.tensor(*id).is_some());
            if happened && !new.iter().any(|id| held.contains(id)) {
                let story = vec![Step {
                    span: optimizer,
                    happened: Happened::OptimizerMade,
                }];
                let fact = self.fact(world, span, FactKind::NotHeld, story);
                self.fact_at(fact, at);
            }
        }
    }
}
