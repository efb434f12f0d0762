//! How far loops are gone around: the first trips as they are, then one with the numbers that change taken as unknown.
//!
//! Many failures show only in the second or third trip: what one leaves behind, the next stumbles over. What happens every
//! tenth time shows only when the count is no longer known. So a loop of unknown length is peeled a few times and then
//! widened; a loop of known length is gone around as it would be, until it trains (runs a backward) and its trips bring
//! nothing new, or until it has cost too much.

use std::rc::Rc;

use super::Analyzer;
use super::exec::{BASE_FUEL, FUEL_PER_INSTRUCTION, Path, Site};
use super::value::{Iterator, Obj, Val};
use super::world::{Regs, World};
use crate::dataflow::{PersistentSet, PersistentVec};
use crate::ir::{BlockId, Function, Terminator};

/// Trips around the program's own loops that are followed before each is widened at once. The library's loops go over
/// parameters, and are gone around as often as there are some.
pub const MAX_TRIPS: u64 = 20_000;
/// Trips around a loop whose count is not known, by the number of loops around it. The first trip shows what a later
/// one needs, the second fails, and the third shows what needs two trips to go wrong (an optimizer's step in between).
const UNKNOWN_TRIPS: [u32; 4] = [3, 2, 1, 1];
/// The least number of trips around a loop whose count is known.
const PEELED: u32 = 4;
/// Trips that bring nothing new before a training loop is taken to go on like that.
const QUIET: u32 = 2;
/// Instructions in a loop of known count that does not train before it is widened all the same.
const LOOP_FUEL: u64 = 20_000;
/// Trips around a loop that has been widened and still does not end: an endless one.
const WIDENED_TRIPS: u32 = 4;

/// The part of the trips and instructions that a program has of which much is not known: there most are like those before.
const LENIENT_PART: u64 = 4;

/// The most instructions that are followed of a program of which much is not known, however many files it imports.
const MAX_FUEL: u64 = 400_000;

/// Trips and instructions that may be followed in a program of `size` instructions.
pub(super) fn bounds(program: &crate::ir::Program, size: usize) -> (u64, u64) {
    let part = if program.lenient { LENIENT_PART } else { 1 };
    let fuel = (BASE_FUEL + FUEL_PER_INSTRUCTION * size as u64) / part;
    let most = if program.lenient { MAX_FUEL } else { u64::MAX };
    (MAX_TRIPS / part, fuel.min(most))
}

/// How a state has gone around one loop.
#[derive(Clone)]
pub(super) struct Trip {
    /// The loop.
    pub head: BlockId,
    /// How often.
    count: u32,
    /// On how many of the trips its end was not known.
    unknown: u32,
    /// How many trips in a row have brought nothing new.
    quiet: u32,
    /// The trip after which its numbers were widened.
    widened_at: Option<u32>,
    /// How many objects had been made when it was entered.
    born: u32,
    /// The fuel and the backward calls when it was entered.
    entered: (u64, u32),
    /// The state when it last came to the head.
    before: Rc<Before>,
}

struct Before {
    heap: PersistentVec<Obj>,
    passed: PersistentSet,
    found: PersistentSet,
    regs: Regs,
}

impl Before {
    fn of(world: &World, regs: &Regs) -> Rc<Before> {
        Rc::new(Before {
            heap: world.heap.clone(),
            passed: world.passed.clone(),
            found: world.found.clone(),
            regs: regs.clone(),
        })
    }
}

impl Trip {
    /// How often the loop has been gone around.
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// How many objects had been made when it was entered, if it is of unknown length.
    pub(super) fn unknown_since(&self) -> Option<u32> {
        (self.unknown > 0).then_some(self.born)
    }

    /// Whether its numbers have been widened.
    pub(super) fn is_widened(&self) -> bool {
        self.widened_at.is_some()
    }
}

impl PartialEq for Trip {
    fn eq(&self, other: &Trip) -> bool {
        (self.head, self.count, self.unknown, self.widened_at)
            == (other.head, other.count, other.unknown, other.widened_at)
    }
}

impl Analyzer<'_> {
    /// A loop is entered.
    pub(super) fn enter_loop(&self, path: &Path, head: BlockId) -> Trip {
        Trip {
            head,
            count: 0,
            unknown: 0,
            quiet: 0,
            widened_at: None,
            born: self.births.count(),
            entered: (self.fuel, self.backwards),
            before: Before::of(&path.world, &path.regs),
        }
    }

    /// Whether a loop of unknown length has been gone around often enough: its head need only be left.
    pub(super) fn enough_trips(&self, path: &Path, head: BlockId) -> bool {
        position(path, head).is_some_and(|at| path.trips[at].unknown > self.allowed_trips(path, at))
    }

    /// How often the loop at this place of the path's loops may be gone around if its length is not known.
    fn allowed_trips(&self, path: &Path, at: usize) -> u32 {
        let depth = (self.loop_depth as usize).saturating_sub(path.trips.len()) + at;
        if self.trips == 0 {
            1
        } else {
            UNKNOWN_TRIPS[depth.min(UNKNOWN_TRIPS.len() - 1)]
        }
    }

    /// Notes for each loop that `exit` leaves that its end was not known on this trip. An exception is no end: what comes
    /// after the loop is still to be seen.
    pub(super) fn note_unknown(&self, path: &mut Path, site: Site, exit: BlockId) {
        let Site {
            block,
            plan,
            function,
        } = site;
        if raises(function, exit) {
            return;
        }
        for &head in &plan.order.loops[block] {
            if !plan.order.loops[exit].contains(&head)
                && let Some(trip) = path.trips.iter_mut().find(|trip| trip.head == head)
            {
                trip.unknown += 1;
            }
        }
    }

    /// Counts a trip, and widens where that is due; false if the state need not be followed around once more.
    pub(super) fn another_trip(&mut self, path: &mut Path, head: BlockId) -> bool {
        if self.in_user_text(self.at.0) {
            self.trips = self.trips.saturating_sub(1);
        }
        let Some(at) = position(path, head) else {
            return true;
        };
        let allowed = self.allowed_trips(path, at);
        let trip = &mut path.trips[at];
        trip.count += 1;
        let news = path.world.passed.exceeds(&trip.before.passed)
            || path.world.found.exceeds(&trip.before.found);
        trip.quiet = if news { 0 } else { trip.quiet + 1 };
        let (count, unknown, widened_at) = (trip.count, trip.unknown, trip.widened_at);
        if unknown > allowed || widened_at.is_some_and(|at| count > at + WIDENED_TRIPS) {
            return false;
        }
        if widened_at.is_none() {
            if unknown > 0 && unknown == allowed {
                self.widen(path, at);
            } else if unknown == 0 && self.goes_on_like_that(path, at) {
                self.widen(path, at);
                path.trips[at].unknown = allowed - 1;
            }
        }
        // The library's loops mostly go over a few parameters. They are not widened yet, and what shares nothing with a
        // kept state need not be copied.
        let is_short = unknown == 0 && count + 1 < PEELED && !self.in_user_text(self.at.0);
        if !is_short {
            path.trips[at].before = Before::of(&path.world, &path.regs);
        }
        true
    }

    /// Whether more trips around a loop of known count would show nothing more, or cost too much. In the latter case
    /// what is found later is not certain, and nothing is said to be missing.
    fn goes_on_like_that(&self, path: &mut Path, at: usize) -> bool {
        let trip = &path.trips[at];
        let (fuel, backwards) = trip.entered;
        if trip.count < PEELED && self.trips > 0 {
            return false;
        }
        if self.backwards > backwards && trip.quiet >= QUIET {
            return true;
        }
        let dear = fuel - self.fuel > LOOP_FUEL || self.trips == 0;
        if dear {
            path.world.cut_short();
        }
        dear
    }

    /// Whether a loop over a list has been gone around once more since it was widened: then it is left as if the list
    /// ended here.
    pub(super) fn is_steady_list(&self, path: &Path, head: BlockId, iterator: &Val) -> bool {
        let trip = position(path, head).map(|at| &path.trips[at]);
        trip.is_some_and(|trip| trip.widened_at.is_some_and(|at| trip.count > at))
            && is_listed(&path.world, iterator)
    }

    /// Takes the numbers that have changed since the last trip for unknown.
    fn widen(&mut self, path: &mut Path, at: usize) {
        path.world.open = true;
        let before = Rc::clone(&path.trips[at].before);
        for at in path.regs.clone().diff(&before.regs) {
            if let (Some(now), Some(then)) = (path.regs.get(at), before.regs.get(at))
                && let Some(wide) = widened(now, then)
            {
                path.regs.set(at, wide);
            }
        }
        for at in path.world.heap.clone().diff(&before.heap) {
            if let (Some(now), Some(then)) = (path.world.heap.get(at), before.heap.get(at))
                && let Some(wide) = widened_object(now, then)
            {
                path.world.heap.set(at, wide);
            }
        }
        let trip = &mut path.trips[at];
        trip.widened_at = Some(trip.count);
    }

    /// Where only a widened number makes a condition unknown, and both ways have been gone: the way that it went last.
    /// A way that has not been gone, or that leaves a loop, is worth a look.
    pub(super) fn usual_way(
        &self,
        path: &Path,
        site: Site,
        (then, otherwise): (BlockId, BlockId),
    ) -> Option<BlockId> {
        if !self.is_widened {
            return None;
        }
        let Site {
            block,
            function,
            plan,
        } = site;
        let (usual, other) = match self.last_way.get(&plan.first_number[block])? {
            true => (then, otherwise),
            false => (otherwise, then),
        };
        let leaves = |to: BlockId| {
            let inside = &plan.order.loops[to];
            plan.order.loops[block]
                .iter()
                .any(|head| !inside.contains(head))
        };
        let is_new = !function.blocks[other].instrs.is_empty()
            && !path.world.passed.contains(plan.first_number[other]);
        (!is_new && !leaves(then) && !leaves(otherwise)).then_some(usual)
    }
}

fn position(path: &Path, head: BlockId) -> Option<usize> {
    path.trips.iter().position(|trip| trip.head == head)
}

/// Whether the values of an iterator stand one by one in a list.
fn is_listed(world: &World, iterator: &Val) -> bool {
    let Val::Obj(id) = iterator else { return false };
    let Some(Obj::Iterator(state)) = world.obj(*id) else {
        return false;
    };
    match &**state {
        Iterator::Values(..) | Iterator::List(..) => true,
        Iterator::Enumerate(inner, _) => is_listed(world, &Val::Obj(*inner)),
        Iterator::Zip(inner) => inner.iter().any(|&part| is_listed(world, &Val::Obj(part))),
        _ => false,
    }
}

/// The number or text that a value has become if it is not the one it was; none where there is nothing to widen.
fn widened(now: &Val, then: &Val) -> Option<Val> {
    match (now, then) {
        _ if now.same(then) => None,
        (Val::Int(Some(_), origin), Val::Int(..)) => Some(Val::Int(None, *origin)),
        (Val::Float(Some(_), origin), Val::Float(..)) => Some(Val::Float(None, *origin)),
        (Val::Bool(Some(_)), Val::Bool(_)) => Some(Val::Bool(None)),
        (Val::Str(Some(_)), Val::Str(_)) => Some(Val::Str(None)),
        _ => None,
    }
}

fn widened_object(now: &Obj, then: &Obj) -> Option<Obj> {
    match (now, then) {
        (Obj::Cell(now), Obj::Cell(then)) => widened(now, then).map(Obj::Cell),
        (Obj::Dict(now), Obj::Dict(then)) => {
            let mut wide = (**now).clone();
            let mut any = false;
            for (key, value) in &mut wide.entries {
                if let Some(new) = then.get(key).and_then(|then| widened(value, then)) {
                    *value = new;
                    any = true;
                }
            }
            any.then(|| Obj::Dict(Rc::new(wide)))
        }
        (Obj::Iterator(now), Obj::Iterator(_)) => {
            widened_iterator(now).map(|wide| Obj::Iterator(Rc::new(wide)))
        }
        _ => None,
    }
}

fn widened_iterator(now: &Iterator) -> Option<Iterator> {
    match now {
        Iterator::Range(..) => Some(Iterator::UnknownRange),
        Iterator::Enumerate(inner, Some(_)) => Some(Iterator::Enumerate(*inner, None)),
        _ => None,
    }
}

/// Whether the block, or the one that it leads to, ends in a `raise`.
fn raises(function: &Function, block: BlockId) -> bool {
    let mut at = block;
    for _ in 0..MAX_STEPS_TO_RAISE {
        match function.blocks[at].terminator {
            Terminator::Raise(_) => return function.blocks[at].handler.is_none(),
            Terminator::Goto(next) => at = next,
            _ => return false,
        }
    }
    false
}

/// How many blocks are looked at to see whether they end in a `raise`.
const MAX_STEPS_TO_RAISE: u32 = 4;
