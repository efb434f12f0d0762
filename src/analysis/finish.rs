//! What is known only later: gradients that were read too early and came after all, parameters that never get one,
//! flags and optimizers; and what is weighed at the end of every path.

use rustc_hash::{FxHashMap, FxHashSet};

use super::escape::Others;
use super::exec::Completion;
use super::fact::{FactKind, Facts, WhyNone};
use super::replaced::Replaced;
use super::story::{Happened, OriginId, Source, Step};
use super::value::{GradFn, NodeId, ObjId, Tensor, Val};
use super::world::World;
use super::{Analyzer, Raise};
use crate::dataflow::{PersistentSet, Tri};
use crate::lint::Certainty;
use crate::source::Span;

/// What is kept beside the states, for all paths.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    reads: Vec<Read>,
    /// Reads of a gradient that may have been none.
    undecided: Vec<Span>,
    instances: Vec<(Val, Span)>,
    /// Plain containers of parameters on modules: where they were put there, by which instruction, and what they held.
    unregistered: Vec<(Span, Option<u32>, Vec<Val>)>,
    leaves: Vec<ObjId>,
    retaining: Vec<ObjId>,
    hooks: Vec<Hook>,
    ends: Vec<End>,
    /// Leaves whose gradient was cleared on some path.
    cleared: FxHashSet<ObjId>,
    /// Whether something cleared the gradients of leaves that are not known.
    cleared_unknown: bool,
    /// Tensors that got a gradient on some path.
    reached: FxHashSet<ObjId>,
    /// Facts that say of a leaf that something never happens, which another path may refute.
    absences: Vec<Absence>,
    replaced: Vec<Replaced>,
}

/// A fact that holds only if on no path a leaf was cleared, or reached.
#[derive(Debug)]
struct Absence {
    fact: u32,
    /// The tensors of which it happened to none.
    leaves: Vec<ObjId>,
    of: AbsentEvent,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum AbsentEvent {
    Clearing,
    Gradient,
    /// A gradient, at some other step: then only a certain fact is told.
    OtherGradient,
}

/// A read of a gradient that was none.
#[derive(Debug)]
struct Read {
    tensor: ObjId,
    span: Span,
    why: WhyNone,
    story: Vec<Step>,
    /// The instruction that read it.
    at: Option<u32>,
}

/// A hook of a tensor: its number and the node that it stays on.
#[derive(Debug)]
struct Hook {
    number: u32,
    tensor: ObjId,
    node: Option<(NodeId, u32)>,
}

/// What a path that has ended passed and found.
#[derive(Debug)]
struct End {
    passed: PersistentSet,
    found: PersistentSet,
}

impl Ledger {
    /// Why the gradient of that read was none.
    pub(super) fn why_none(&self, read: u32) -> Vec<Step> {
        self.reads
            .get(read as usize)
            .map(|read| read.story.clone())
            .unwrap_or_default()
    }
    /// Gradients were cleared, and it is not known of which leaves.
    pub(super) fn note_unknown_clearing(&mut self) {
        self.cleared_unknown = true;
    }
    /// An instance of a class was made.
    pub(super) fn note_instance(&mut self, value: &Val, span: Span) {
        self.instances.push((value.clone(), span));
    }
    /// A plain container of parameters or modules was put on a module.
    pub(super) fn note_unregistered(&mut self, span: Span, at: Option<u32>, items: Vec<Val>) {
        self.unregistered.push((span, at, items));
    }
    /// Parameters were replaced.
    pub(super) fn note_replacement(&mut self, replaced: Replaced) {
        self.replaced.push(replaced);
    }
    /// All replacements so far.
    pub(super) fn replacements(&self) -> Vec<Replaced> {
        self.replaced.clone()
    }
    /// The instances that were made, with where.
    pub(super) fn instances(&self) -> Vec<(Val, Span)> {
        self.instances.clone()
    }
    /// Whether any tensor has a hook.
    pub(super) fn has_hooks(&self) -> bool {
        !self.hooks.is_empty()
    }
    /// The tensors with a hook on that node, with the output.
    pub(super) fn watched(&self, node: NodeId) -> Vec<(ObjId, u32)> {
        let mut out: Vec<(ObjId, u32)> = self
            .hooks
            .iter()
            .filter_map(|hook| {
                hook.node
                    .filter(|(of, _)| *of == node)
                    .map(|(_, output)| (hook.tensor, output))
            })
            .collect();
        out.dedup();
        out
    }
    /// The node that a hook stays on.
    pub(super) fn hook_node(&self, number: u32) -> Option<NodeId> {
        self.hooks
            .iter()
            .find(|hook| hook.number == number)
            .and_then(|hook| hook.node)
            .map(|(node, _)| node)
    }
    /// The tensors that may get a gradient.
    pub(super) fn may_get_gradients(&self) -> Vec<ObjId> {
        let mut all = [self.leaves.as_slice(), self.retaining.as_slice()].concat();
        all.sort();
        all.dedup();
        all
    }
    /// The tensors that may retain their gradient.
    pub(super) fn retaining(&self) -> Vec<ObjId> {
        self.retaining.clone()
    }
}

impl Analyzer<'_> {
    /// Notes a read of `.grad` that gives none, and returns the origin of the `None`.
    pub(super) fn ledger_read(&mut self, world: &World, id: ObjId, span: Span) -> OriginId {
        if !self.in_user_text(span) && self.calls.is_empty() {
            return OriginId::NOWHERE;
        }
        let (why, story) = self.explain_none(world, id);
        let number = self.ledger.reads.len() as u32;
        let place = self.place(span);
        let at = self.instruction_at(place);
        self.ledger.reads.push(Read {
            tensor: id,
            span: place,
            why,
            story,
            at,
        });
        // Reads within the library (an optimizer's step) are not the program's.
        if !self.in_user_text(span) {
            return OriginId::NOWHERE;
        }
        self.origin(span, Source::GradRead(number), [])
    }

    /// Notes a read of `.grad` that may give none.
    pub(super) fn ledger_undecided(&mut self, span: Span) {
        let place = self.place(span);
        self.ledger.undecided.push(place);
    }

    /// A gradient that is none was used as a value. Whether that is worth telling is known at the end of the path.
    pub(super) fn use_of_none(&mut self, world: &mut World, read: u32, _span: Span) {
        world.used_reads.insert(read);
    }

    /// Takes over the past of another state, of which all else is the same or has been joined.
    pub(super) fn unite_pasts(&self, world: &mut World, other: &World) {
        // That a read gave none is no longer certain if the other has come by it, too.
        let doubted = |a: &World, b: &World| {
            let mut only = a.used_reads.beyond(&b.used_reads);
            only.retain(|&read| {
                let at = self.ledger.reads[read as usize].at;
                at.is_none_or(|at| b.passed.contains(at))
            });
            only
        };
        for read in [doubted(world, other), doubted(other, world)].concat() {
            world.doubted_reads.insert(read);
        }
        world.unite_past(other);
    }

    /// A leaf that requires grad was made.
    pub(super) fn note_leaf(&mut self, _world: &World, id: ObjId, _span: Span) {
        self.ledger.leaves.push(id);
    }

    /// The flag of a leaf was changed.
    pub(super) fn note_flag(&mut self, world: &mut World, id: ObjId, on: Tri, span: Span) {
        let place = self.place(span);
        world.tensor_mut(id).history.frozen = on.is_false().then_some(place);
        if on.may() {
            self.note_leaf(world, id, span);
        }
    }

    /// A gradient was set to none.
    pub(super) fn note_cleared(&mut self, world: &mut World, id: ObjId, span: Span) {
        let place = self.place(span);
        for part in parts(world, id) {
            self.ledger.cleared.insert(part);
            let Some(tensor) = world.tensor(part) else {
                continue;
            };
            // Of several that it may be, only one is cleared.
            let may_stay = part != id && !matches!(tensor.grad, Val::None(_));
            let tensor = world.tensor_mut(part);
            if may_stay {
                tensor.grad = Val::Unknown;
            }
            tensor.history.left_by.clear();
            tensor.history.cleared = Some(place);
            tensor.history.accumulated = None;
        }
    }

    /// A tensor is overwritten by something that does not depend on what it was: if it is a gradient, that clears it.
    pub(super) fn note_overwritten_gradient(
        &mut self,
        world: &mut World,
        target: ObjId,
        span: Span,
    ) {
        let origin = world
            .tensor(target)
            .map_or(OriginId::NOWHERE, |tensor| tensor.origin);
        if self.origins.get(origin).source != Source::Gradient {
            return;
        }
        let is_its_gradient = |leaf: &ObjId| {
            world
                .tensor(*leaf)
                .is_some_and(|leaf| matches!(leaf.grad, Val::Obj(grad) if grad == target))
        };
        let owner = self.ledger.leaves.iter().copied().find(is_its_gradient);
        if let Some(owner) = owner {
            self.note_cleared(world, owner, span);
        }
    }

    /// A sum takes in a tensor whose graph has been freed by a backward: the sum keeps that graph alive.
    pub(super) fn note_kept_graph(&mut self, world: &mut World, operands: [&Val; 2], span: Span) {
        if self.loop_depth == 0 || !self.in_user_text(span) || !world.grad.0.is_true() {
            return;
        }
        let node = |value: &Val| match world.tensor(world.as_tensor(value)?)?.grad_fn {
            GradFn::Node(node, _) => Some(node),
            _ => None,
        };
        let nodes = operands.map(node);
        // Two losses of one trip may be added up to be shown: then neither is a sum of this place, or without a graph.
        let place = self.place(span);
        let is_other = |node: &Option<NodeId>| match node {
            Some(node) => self.nodes[*node].span != place,
            None => false,
        };
        if self.program.lenient && nodes.iter().all(is_other) {
            return;
        }
        let freed = nodes.iter().flatten().find_map(|node| {
            let release = world.released.get(node.number());
            release
                .filter(|release| release.freed.is_true())
                .map(|release| release.by)
        });
        if let Some(by) = freed {
            self.fact(
                world,
                span,
                FactKind::GraphKept,
                vec![Step {
                    span: by,
                    happened: Happened::Other("backward is done with this graph here".into()),
                }],
            );
        }
    }

    /// A tensor gets a gradient.
    pub(super) fn note_reached(&mut self, id: ObjId) {
        self.ledger.reached.insert(id);
    }

    /// A gradient was assigned: what was left before is gone, and the program looks after it.
    pub(super) fn note_gradient(&mut self, world: &mut World, id: ObjId, span: Span) {
        self.note_cleared(world, id, span);
        self.note_reached(id);
        world.tensor_mut(id).history.ever = true;
    }

    /// `retain_grad` was called.
    pub(super) fn note_retained(&mut self, world: &mut World, id: ObjId, span: Span) {
        let place = self.place(span);
        world.tensor_mut(id).history.retained = Some(place);
        self.ledger.retaining.push(id);
    }

    /// A hook was registered.
    pub(super) fn note_hook(&mut self, world: &World, id: ObjId, number: u32) {
        let node = match world.tensor(id).map(|tensor| &tensor.grad_fn) {
            Some(GradFn::Node(node, output)) => Some((*node, *output)),
            _ => None,
        };
        self.ledger.hooks.push(Hook {
            number,
            tensor: id,
            node,
        });
    }

    /// The parameters that an optimizer holds, if the value is one.
    pub(super) fn held_by(&self, world: &World, value: &Val) -> Option<Vec<ObjId>> {
        let instance = world.instance(value)?;
        let groups = match world.dict(instance.attrs)?.get(&Val::str("param_groups")) {
            Some(Val::Obj(id)) => world.list(*id)?.clone(),
            _ => return None,
        };
        let mut held = Vec::new();
        for group in groups.iter() {
            let Val::Obj(group) = group else { continue };
            let Some(Val::Obj(params)) = world.dict(*group)?.get(&Val::str("params")) else {
                continue;
            };
            held.extend(
                world
                    .list(*params)?
                    .iter()
                    .filter_map(|value| world.as_tensor(value)),
            );
        }
        Some(held)
    }

    /// An optimizer's `step` is called: does it find any gradient?
    pub(super) fn note_step(
        &mut self,
        world: &mut World,
        object: &Val,
        is_complete: bool,
        span: Span,
    ) {
        let (Val::Obj(id), Some(held)) = (object, self.held_by(world, object)) else {
            return;
        };
        let place = self.place(span);
        if world.stepped.get(id.number()).is_none() {
            world.stepped.set(id.number(), place);
        }
        if !is_complete || held.is_empty() {
            return;
        }
        let none: Vec<ObjId> = held
            .iter()
            .copied()
            .filter(|&param| {
                world
                    .tensor(param)
                    .is_some_and(|tensor| matches!(tensor.grad, Val::None(_)))
            })
            .collect();
        if none.len() < held.len() {
            return;
        }
        let (why, story) = self.explain_none(world, none[0]);
        let is_cut_short = self.program.lenient && world.approximate;
        if why == WhyNone::Frozen || why == WhyNone::NotRequired || is_cut_short {
            return;
        }
        let parameter = self.made(world, none[0]).unwrap_or(place);
        let all = true;
        let kind = FactKind::StepWithoutGrad {
            why,
            all,
            parameter,
        };
        let fact = self.fact(world, span, kind, story);
        // The first trips of a loop may well leave an optimizer nothing to do.
        let leaves = none.iter().flat_map(|&id| parts(world, id)).collect();
        self.ledger.absences.push(Absence {
            fact,
            leaves,
            of: AbsentEvent::OtherGradient,
        });
    }

    /// Completes a path: what is known only now, then what it passed and found is kept for weighing.
    pub(super) fn end_of_path(&mut self, end: Completion) {
        self.complete(end, &Others::default());
    }

    /// The same for a path of which only a part is in the file: what it does not do to what others can reach, they may
    /// do. `before`: the state in which it began.
    pub(super) fn end_of_entry(&mut self, end: Completion, before: &World) {
        let others = self.others(before, &end);
        self.complete(end, &others);
    }

    fn complete(&mut self, end: Completion, others: &Others) {
        let mut world = end.world;
        let finished = end.result.is_ok();
        if let Err(raise) = end.result {
            self.tell_at_its_place(&mut world, raise);
        }
        self.unfulfilled_reads(&mut world, others);
        // Where loops were cut short in a program of which much is not known, what did not happen may still happen.
        let is_cut_short = world.truncated || (self.program.lenient && world.approximate);
        if finished && !is_cut_short {
            self.accumulated(&mut world, others);
            self.never_reached(&mut world, others);
        }
        if finished {
            self.not_registered(&mut world);
            self.not_held(&mut world, others);
        }
        self.note_end(world);
    }

    /// Tells what ended a path. Other paths may end without having come by.
    fn tell_at_its_place(&mut self, world: &mut World, raise: Box<Raise>) {
        if let Some(&instruction) = self.instructions_at(raise.span).first() {
            self.at = (raise.span, instruction);
        }
        self.tell(world, raise);
    }

    fn note_end(&mut self, world: Box<World>) {
        self.ledger.ends.push(End {
            passed: world.passed,
            found: world.found,
        });
    }

    /// Reads of a gradient that was none. What a backward had passed by and another fills later was only read early, as
    /// in the training of two networks in turn; before the first backward, and after `zero_grad`, none is what is read.
    fn unfulfilled_reads(&mut self, world: &mut World, others: &Others) {
        let used: Vec<u32> = world.used_reads.iter().collect();
        for number in used {
            let Read {
                tensor,
                span,
                why,
                story,
                at,
            } = &self.ledger.reads[number as usize];
            let (tensor, span, why, story, at) = (*tensor, *span, *why, story.clone(), *at);
            let came = world.tensor(tensor).is_some_and(|tensor| {
                matches!(tensor.grad, Val::Obj(_) | Val::Unknown)
                    || !tensor.history.left_by.is_empty()
            });
            let is_early =
                came && !matches!(why, WhyNone::NonLeaf | WhyNone::TooEarly | WhyNone::Cleared);
            if is_early || others.can_reach(tensor) {
                continue;
            }
            let kind = FactKind::GradNone { why };
            let fact = match world.doubted_reads.contains(number) {
                false => self.fact(world, span, kind, story),
                true => self.uncertain_fact(world, span, kind, story),
            };
            self.fact_at(fact, at);
        }
    }

    /// Gradients that added up over iterations and that nothing ever cleared.
    fn accumulated(&mut self, world: &mut World, others: &Others) {
        let mut leaves = distinct(&self.ledger.leaves);
        leaves.retain(|&leaf| !others.can_reach(leaf));
        for leaf in leaves {
            let Some(tensor) = world.tensor(leaf).cloned() else {
                continue;
            };
            if let (Some((backward, certainty)), None, true) = (
                tensor.history.accumulated,
                tensor.history.cleared,
                tensor.history.used,
            ) {
                let story = self
                    .made(world, leaf)
                    .map(|span| Step {
                        span,
                        happened: Happened::Made,
                    })
                    .into_iter()
                    .collect();
                let fact = match certainty {
                    Certainty::Always => Self::fact,
                    Certainty::Sometimes => Self::uncertain_fact,
                }(self, world, backward, FactKind::Accumulates, story);
                self.ledger.absences.push(Absence {
                    fact,
                    leaves: vec![leaf],
                    of: AbsentEvent::Clearing,
                });
            }
        }
    }

    /// Parameters that an optimizer holds and stepped over, and that never had a gradient.
    fn never_reached(&mut self, world: &mut World, others: &Others) {
        let stepped: Vec<(u32, Span)> = world
            .stepped
            .entries()
            .into_iter()
            .map(|(at, span)| (at, *span))
            .collect();
        for (number, _) in stepped {
            let optimizer = Val::Obj(object_of(number));
            let Some(held) = self.held_by(world, &optimizer) else {
                continue;
            };
            let is_passed_by = |&param: &ObjId| {
                let mut each = parts(world, param).into_iter();
                each.all(|id| world.tensor(id).is_none_or(|part| !part.history.ever))
            };
            if held.iter().all(is_passed_by) {
                // The step itself is told.
                continue;
            }
            for param in held.into_iter().filter(|&held| !others.can_reach(held)) {
                let Some(tensor) = world.tensor(param).cloned() else {
                    continue;
                };
                if !tensor.bit.is_true() || may_have_had_gradient(world, param) {
                    continue;
                }
                let (why, story) = self.explain_none(world, param);
                let Some(made) = self.made(world, param) else {
                    continue;
                };
                let story = self.with_cuts(tensor.origin, story);
                let story = story.into_iter().filter(|step| step.span != made).collect();
                let kind = FactKind::NeverReached { why };
                let fact = self.fact_about(world, made, kind, story, Some(made));
                self.ledger.absences.push(Absence {
                    fact,
                    leaves: parts(world, param),
                    of: AbsentEvent::Gradient,
                });
            }
        }
    }

    /// Containers of parameters that nothing registers and no optimizer holds.
    fn not_registered(&mut self, world: &mut World) {
        let instances: Vec<Val> = self
            .ledger
            .instances
            .iter()
            .map(|(value, _)| value.clone())
            .collect();
        let pending = self.ledger.unregistered.clone();
        if pending.is_empty() {
            return;
        }
        let mut known: FxHashSet<ObjId> = FxHashSet::default();
        for value in &instances {
            if let Some(held) = self.held_by(world, value) {
                known.extend(held);
            }
        }
        for (span, at, items) in pending {
            let (mut own, inside) = self.parameters_within(world, items.clone());
            own.extend(items.iter().filter_map(|item| world.as_tensor(item)));
            own.retain(|id| {
                let requires = world.tensor(*id).is_some_and(|tensor| tensor.bit.is_true());
                requires && !known.contains(id)
            });
            if own.is_empty() {
                continue;
            }
            let is_other = |value: &&Val| !matches!(value, Val::Obj(id) if inside.contains(id));
            let others = instances.iter().filter(is_other).cloned().collect();
            let registered = FxHashSet::from_iter(self.parameters_within(world, others).0);
            if own.iter().any(|id| !registered.contains(id)) {
                let fact = self.fact(world, span, FactKind::NotRegistered, Vec::new());
                self.fact_at(fact, at);
            }
        }
    }

    /// Drops what was said never to happen to a leaf, and happens on another path.
    fn drop_refuted(&mut self) {
        let mut holds: FxHashMap<u32, bool> = FxHashMap::default();
        for absence in std::mem::take(&mut self.ledger.absences) {
            let events = match absence.of {
                AbsentEvent::Clearing => &self.ledger.cleared,
                AbsentEvent::Gradient | AbsentEvent::OtherGradient => &self.ledger.reached,
            };
            let is_vague = absence.of == AbsentEvent::Clearing && self.ledger.cleared_unknown;
            let happens = is_vague || absence.leaves.iter().any(|leaf| events.contains(leaf));
            if absence.of == AbsentEvent::OtherGradient {
                self.doubt_facts(|fact| fact == absence.fact && happens);
                continue;
            }
            *holds.entry(absence.fact).or_default() |= !happens;
        }
        self.drop_facts(|fact| holds.get(&fact) == Some(&false));
    }

    /// All facts, weighed against all paths.
    pub(super) fn into_facts(mut self) -> Facts {
        self.drop_refuted();
        let ends = std::mem::take(&mut self.ledger.ends);
        for end in &ends {
            self.weigh(&end.passed, &end.found);
        }
        let mut lost = std::mem::take(&mut self.lost);
        lost.sort_by_key(|lost| (lost.span, lost.why));
        lost.dedup();
        let mut none_reads = std::mem::take(&mut self.ledger.undecided);
        none_reads.extend(self.ledger.reads.iter().map(|read| read.span));
        none_reads.sort();
        none_reads.dedup();
        Facts {
            facts: self.weighed(),
            lost,
            none_reads,
        }
    }
}

/// The tensors that a tensor may be: itself alone, if it is not one of several.
fn parts(world: &World, id: ObjId) -> Vec<ObjId> {
    let one_of = world.tensor(id).and_then(|tensor| tensor.one_of.as_ref());
    let others = one_of.into_iter().flat_map(|all| all.iter().copied());
    std::iter::once(id).chain(others).collect()
}

fn may_have_had_gradient(world: &World, id: ObjId) -> bool {
    parts(world, id).into_iter().any(|part| {
        let had = |tensor: &Tensor| tensor.history.ever || !matches!(tensor.grad, Val::None(_));
        world.tensor(part).is_some_and(|tensor| had(tensor))
    })
}

fn distinct(ids: &[ObjId]) -> Vec<ObjId> {
    let mut out = ids.to_vec();
    out.sort();
    out.dedup();
    out
}

/// The object with this number.
pub(super) fn object_of(number: u32) -> ObjId {
    crate::index::Idx::new(number as usize)
}
