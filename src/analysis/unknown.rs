//! Calls of what is not known: they may do anything to what they are given, and nothing is said on their account.

use rustc_hash::FxHashSet;

use super::Analyzer;
use super::call::Args;
use super::value::{Dict, Obj, ObjId, Val};
use super::world::World;
use crate::source::Span;
use crate::symbol::Symbol;

/// The most objects that are looked at to see what an unknown call can reach.
const MAX_REACHED: usize = 10_000;

impl Analyzer<'_> {
    /// A call of something unknown, by this name if it has one.
    pub(super) fn call_unknown(
        &mut self,
        world: &mut World,
        name: Option<Symbol>,
        args: &Args,
        span: Span,
    ) -> Val {
        if name.is_some_and(|name| name.as_str() == "backward") {
            self.lose(span, "a backward of something that is not known");
            self.may_fill_gradients(world, None);
            return Val::Unknown;
        }
        let values: Vec<Val> = args
            .positional
            .iter()
            .chain(args.keyword.iter().map(|(_, value)| value))
            .cloned()
            .collect();
        let reached = reachable(world, &values);
        if !reached.is_empty() {
            self.lose(span, "a call of something that is not known");
            self.may_fill_gradients(world, Some(&reached));
        }
        for value in &values {
            may_change(world, value);
        }
        Val::Unknown
    }

    /// Leaves that have no gradient may have got one: all of them, or those among `only`.
    pub(super) fn may_fill_gradients(&mut self, world: &mut World, only: Option<&[ObjId]>) {
        let candidates = match only {
            Some(only) => only.to_vec(),
            None => self.ledger.may_get_gradients(),
        };
        for id in candidates {
            let takes = self.requires_grad(world, id).may()
                && (self.is_leaf(world, id).may()
                    || world.tensor(id).is_some_and(|tensor| tensor.retains_grad));
            let has_none = world
                .tensor(id)
                .is_some_and(|tensor| matches!(tensor.grad, Val::None(_)));
            if takes && has_none {
                let tensor = world.tensor_mut(id);
                tensor.grad = Val::Unknown;
                tensor.history.ever = true;
                self.note_reached(id);
            }
        }
    }
}

/// The tensors that can be got at from the values.
fn reachable(world: &World, values: &[Val]) -> Vec<ObjId> {
    let mut tensors = Vec::new();
    let mut seen: FxHashSet<ObjId> = FxHashSet::default();
    let mut work: Vec<Val> = values.to_vec();
    while let Some(value) = work.pop() {
        let id = match &value {
            Val::Obj(id) => *id,
            Val::Tuple(values, _) => {
                work.extend(values.iter().cloned());
                continue;
            }
            _ => continue,
        };
        if !seen.insert(id) || seen.len() > MAX_REACHED {
            continue;
        }
        match world.obj(id) {
            Some(Obj::Tensor(_)) => tensors.push(id),
            Some(Obj::List(items) | Obj::Set(items)) => work.extend(items.iter().cloned()),
            Some(Obj::Dict(dict)) => {
                work.extend(dict.entries.iter().map(|(_, value)| value.clone()));
            }
            Some(Obj::Instance(instance)) => work.push(Val::Obj(instance.attrs)),
            _ => {}
        }
    }
    tensors.sort();
    tensors
}

/// A container that was given away may hold other things now.
fn may_change(world: &mut World, value: &Val) {
    let Val::Obj(id) = value else { return };
    match world.obj(*id) {
        Some(Obj::List(_) | Obj::Set(_)) => world.put(*id, Obj::Opaque),
        Some(Obj::Dict(_)) => {
            let open = Dict {
                entries: Vec::new(),
                open: true,
            };
            world.put(*id, Obj::Dict(std::rc::Rc::new(open)));
        }
        _ => {}
    }
}
