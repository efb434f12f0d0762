//! Following a function's blocks: which states are where, how far loops are gone around, when states are joined.

use std::rc::Rc;

use smallvec::{SmallVec, smallvec};

use super::call::Args;
use super::fact::Failure;
use super::loops::Trip;
use super::value::{Obj, Val};
use super::world::{Join, Regs, World};
use super::{Analyzer, Raise, Res};
use crate::dataflow::{Order, Tri};
use crate::index::{Idx, IndexVec};
use crate::ir::{Block, BlockId, Const, FuncId, Function, Operand, Reg, Terminator};
use crate::source::Span;

/// The most states of one place that are kept apart.
pub const MAX_PATHS: usize = 8;

/// The most objects in which states that are kept apart may differ where there are too many of them.
const MAX_APART: usize = 1024;
/// Instructions followed in any program, beside those that its size allows.
pub const BASE_FUEL: u64 = 400_000;
/// Instructions followed for each instruction of the program.
pub const FUEL_PER_INSTRUCTION: u64 = 40;
/// A function's blocks in the order in which they are followed.
#[derive(Debug)]
pub(super) struct Plan {
    pub order: Order,
    /// Whether a register is read in another block than those that write it; only such temporaries live across blocks.
    live: Vec<bool>,
    /// The number of each block's first instruction.
    pub first_number: IndexVec<BlockId, u32>,
}

/// How a call ended on one path.
#[derive(Debug)]
pub(super) struct Completion {
    /// The state.
    pub world: Box<World>,
    /// What it returned or raised.
    pub result: Res<Val>,
}

/// A state on its way.
pub(super) struct Path {
    pub world: Box<World>,
    pub regs: Regs,
    /// The loops that it goes around, outermost first.
    pub trips: Vec<Trip>,
}

/// Where following a block's instructions stopped.
enum Stopped {
    /// At the terminator.
    AtEnd,
    /// At an instruction that raised.
    Raised(Box<Raise>),
    /// At a call of a function of the language.
    AtCall(usize, Val, Args),
    /// Nowhere in particular: there have been too many.
    OutOfFuel(Span),
}

/// Where a state is.
#[derive(Clone, Copy)]
pub(super) struct Site<'a> {
    pub block: BlockId,
    pub function: &'a Function,
    pub plan: &'a Plan,
}

/// Where states go to: other blocks, or out of the function.
#[derive(Default)]
struct Ways {
    /// The blocks with states that wait to be followed, the last in order first. There are few at a time.
    pending: Vec<(Place, Paths)>,
    out: Vec<Completion>,
}

/// A block's place in the order, and the block.
type Place = (u32, BlockId);

/// Most places have one state at a time.
type Paths = SmallVec<[Path; 1]>;

impl Ways {
    fn wait(&mut self, place: Place, path: Path) {
        let at = self.pending.partition_point(|(other, _)| *other > place);
        match self.pending.get_mut(at) {
            Some((other, paths)) if *other == place => paths.push(path),
            _ => self.pending.insert(at, (place, smallvec![path])),
        }
    }
}

impl Analyzer<'_> {
    /// Follows `function` from its entry with `regs`, on all paths.
    pub(super) fn follow(
        &mut self,
        world: Box<World>,
        func: FuncId,
        regs: Regs,
    ) -> Vec<Completion> {
        let plan = self.plan(func);
        let program = self.program;
        let function = &program.functions[func];
        let entry = BlockId::new(0);
        let mut ways = Ways::default();
        ways.wait(
            (plan.order.place[entry], entry),
            Path {
                world,
                regs,
                trips: Vec::new(),
            },
        );
        let (outer_depth, outer_widened) = (self.loop_depth, self.is_widened);
        let outer_unknown = self.unknown_since;
        let way = self.way;
        while let Some(((_, block), paths)) = ways.pending.pop() {
            for path in self.merge(paths, function, &plan) {
                self.loop_depth = outer_depth + path.trips.len() as u32;
                let trips = path.trips.iter().map(Trip::count);
                self.way = trips.fold(way, super::births::further);
                self.is_widened = outer_widened || path.trips.iter().any(Trip::is_widened);
                let unknown = path.trips.iter().filter_map(Trip::unknown_since).max();
                self.unknown_since = unknown.unwrap_or(0).max(outer_unknown);
                self.block(
                    path,
                    Site {
                        block,
                        function,
                        plan: &plan,
                    },
                    &mut ways,
                );
            }
        }
        (self.loop_depth, self.is_widened) = (outer_depth, outer_widened);
        self.unknown_since = outer_unknown;
        self.way = way;
        ways.out
    }

    fn plan(&mut self, func: FuncId) -> Rc<Plan> {
        if let Some(plan) = self.orders.get(&func) {
            return plan.clone();
        }
        let function = &self.program.functions[func];
        let mut first_number = IndexVec::new();
        for block in function.blocks.iter() {
            first_number.push(self.next_number);
            self.next_number += block.instrs.len() as u32 + 1;
        }
        let plan = Rc::new(Plan {
            order: Order::new(function),
            live: live_registers(function),
            first_number,
        });
        self.orders.insert(func, plan.clone());
        plan
    }

    /// States that do not differ are one; too many are joined.
    fn merge(&mut self, paths: Paths, function: &Function, plan: &Plan) -> Paths {
        if paths.len() == 1 {
            return paths;
        }
        let mut kept = Paths::new();
        let mut is_crowded = false;
        for path in paths {
            if let Some(twin) = kept
                .iter_mut()
                .find(|other| same(other, &path, function, plan))
            {
                self.absorb(&mut twin.world, &path.world);
            } else if kept.len() < self.max_paths() {
                kept.push(path);
            } else if let Some(last) = kept.pop() {
                is_crowded = true;
                kept.push(self.join(last, path, function, plan));
            }
        }
        if is_crowded && are_far_apart(&kept) {
            let all = kept
                .into_iter()
                .reduce(|a, b| self.join(a, b, function, plan));
            return all.into_iter().collect();
        }
        kept
    }

    fn join(&mut self, a: Path, b: Path, function: &Function, plan: &Plan) -> Path {
        let trips = if a.trips.len() >= b.trips.len() {
            a.trips
        } else {
            b.trips
        };
        let (ours, theirs) = ((a.world, a.regs), (&*b.world, &b.regs));
        let (mut world, regs) =
            Join::new(&mut self.ids).states(ours, theirs, |at| is_read(function, plan, at));
        self.unite_pasts(&mut world, &b.world);
        Path { world, regs, trips }
    }

    /// Follows one state through a block. A call may split it.
    fn block(&mut self, path: Path, site: Site, ways: &mut Ways) {
        let body = &site.function.blocks[site.block];
        let first_number = site.plan.first_number[site.block];
        let mut states: SmallVec<[(usize, Path); 1]> = smallvec![(0, path)];
        while let Some((start, mut path)) = states.pop() {
            match self.instructions(&mut path, (start, first_number), site.function, body) {
                Stopped::AtEnd => self.terminator(path, site, ways),
                Stopped::Raised(raise) => self.unwind(path, raise, site, ways),
                Stopped::OutOfFuel(span) => self.out_of_fuel(path, span, ways),
                Stopped::AtCall(at, callee, args) => {
                    let instr = &body.instrs[at];
                    self.at = (instr.span, first_number + at as u32);
                    let ends = self.call_all(path.world, callee, args, instr.span);
                    let ends = self.fewer(ends);
                    // Most calls end in one way, which then takes the registers as they are.
                    let mut callers = vec![(path.regs, path.trips); ends.len()];
                    for end in ends {
                        let Some((regs, trips)) = callers.pop() else {
                            break;
                        };
                        let mut path = Path {
                            world: end.world,
                            regs,
                            trips,
                        };
                        path.world.passed.insert(first_number + at as u32);
                        match end.result {
                            Ok(value) => {
                                self.at = (instr.span, first_number + at as u32);
                                self.note_step_of(&mut path.world, &path.regs, instr);
                                if let Some(dest) = instr.dest {
                                    path.regs.set(dest.index() as u32, value);
                                }
                                states.push((at + 1, path));
                            }
                            Err(raise) => self.unwind(path, raise, site, ways),
                        }
                    }
                }
            }
        }
    }

    /// Follows instructions up to the end of the block or to a call that may split the state.
    fn instructions(
        &mut self,
        path: &mut Path,
        (start, first_number): (usize, u32),
        function: &Function,
        body: &Block,
    ) -> Stopped {
        for (at, instr) in body.instrs.iter().enumerate().skip(start) {
            if self.fuel == 0 {
                return Stopped::OutOfFuel(instr.span);
            }
            self.fuel -= 1;
            let number = first_number + at as u32;
            self.at = (instr.span, number);
            if let Some((callee, args)) = self.call_of(&mut path.world, &path.regs, function, instr)
            {
                return Stopped::AtCall(at, callee, args);
            }
            match self.instruction(&mut path.world, &mut path.regs, function, instr) {
                Ok(value) => {
                    path.world.passed.insert(number);
                    if let (Some(dest), Some(value)) = (instr.dest, value) {
                        path.regs.set(dest.index() as u32, value);
                    }
                }
                Err(raise) => {
                    // A raise is a way to come by, too: to facts that it is not itself.
                    path.world.passed.insert(number);
                    return Stopped::Raised(raise);
                }
            }
        }
        Stopped::AtEnd
    }

    fn out_of_fuel(&mut self, mut path: Path, span: Span, ways: &mut Ways) {
        self.lose(
            span,
            "the program is followed no further: too many instructions",
        );
        path.world.cut_short();
        ways.out.push(Completion {
            world: path.world,
            result: Ok(Val::Unknown),
        });
    }

    /// Joins completions beyond the number that is kept apart.
    pub(super) fn fewer(&mut self, ends: Vec<Completion>) -> Vec<Completion> {
        let mut kept: Vec<Completion> = Vec::new();
        for end in ends {
            let twin = kept
                .iter_mut()
                .find(|other| match (&other.result, &end.result) {
                    (Ok(a), Ok(b)) => kept_apart(a, b) && other.world.same(&end.world),
                    _ => false,
                });
            if let Some(twin) = twin {
                self.absorb(&mut twin.world, &end.world);
                continue;
            }
            let last = kept.iter().rposition(|other| other.result.is_ok());
            match (last, end.result.is_ok() && kept.len() >= self.max_paths()) {
                (Some(at), true) => {
                    let other = kept.swap_remove(at);
                    kept.push(self.join_ends(other, end));
                }
                _ => kept.push(end),
            }
        }
        kept
    }

    pub(super) fn join_ends(&mut self, a: Completion, b: Completion) -> Completion {
        let (Ok(x), Ok(y)) = (a.result, b.result) else {
            unreachable!("only values are joined")
        };
        let (mut ours, mut theirs) = (Regs::default(), Regs::default());
        ours.set(0, x);
        theirs.set(0, y);
        let (mut world, regs) =
            Join::new(&mut self.ids).states((a.world, ours), (&b.world, &theirs), |_| true);
        self.unite_pasts(&mut world, &b.world);
        let value = regs.get(0).cloned().unwrap_or(Val::Unknown);
        Completion {
            world,
            result: Ok(value),
        }
    }

    /// Takes over the past of a state that is the same but for that, and its objects: those that only it has cannot be
    /// reached from here, but what never happened to them is told at the end.
    fn absorb(&self, world: &mut World, other: &World) {
        world.heap.merge(&other.heap, Obj::with_past_of);
        self.unite_pasts(world, other);
    }

    fn unwind(&mut self, path: Path, raise: Box<Raise>, site: Site, ways: &mut Ways) {
        let Some(handler) = site.function.blocks[site.block].handler else {
            ways.out.push(Completion {
                world: path.world,
                result: Err(raise),
            });
            return;
        };
        let mut path = path;
        // What led here is told even if the program catches it: a predicted exception is a fact of the place.
        // An ordinary exception that is caught is a way of control, not a mistake; one that goes on is told at the end.
        let raise = match raise.failure {
            Failure::Other => self.tell_caught(&mut path.world, raise),
            _ => self.tell(&mut path.world, raise),
        };
        self.in_flight(&raise);
        path.regs
            .set(handler.exception.index() as u32, raise.exception.clone());
        self.go(path, site, handler.block, ways);
    }

    fn terminator(&mut self, mut path: Path, site: Site, ways: &mut Ways) {
        let Site {
            block,
            function,
            plan,
        } = site;
        let body = &function.blocks[block];
        let span = body.terminator_span;
        self.at = (span, plan.first_number[block] + body.instrs.len() as u32);
        match &body.terminator {
            Terminator::Goto(target) => self.go(path, site, *target, ways),
            Terminator::Branch {
                condition,
                then,
                otherwise,
            } => {
                let value = self.operand(&path.regs, condition);
                let number = plan.first_number[block];
                match self.truth(&mut path.world, &value, span) {
                    Ok(Tri::True) => {
                        self.last_way.insert(number, true);
                        self.go(path, site, *then, ways)
                    }
                    Ok(Tri::False) => {
                        self.last_way.insert(number, false);
                        self.go(path, site, *otherwise, ways)
                    }
                    Ok(Tri::Maybe) => match self.usual_way(&path, site, (*then, *otherwise)) {
                        Some(way) => self.go(path, site, way, ways),
                        None => self.fork(path, site, (*then, *otherwise), ways),
                    },
                    Err(raise) => self.unwind(path, raise, site, ways),
                }
            }
            Terminator::Next {
                iterator,
                dest,
                body,
                done,
            } => {
                let iterator = self.operand(&path.regs, iterator);
                match self.next(&mut path.world, &iterator) {
                    Ok((value, more)) => {
                        if more.is_false() {
                            return self.go(path, site, *done, ways);
                        }
                        if more == Tri::Maybe {
                            path.world.open = true;
                            let mut stop = Path {
                                world: path.world.clone(),
                                regs: path.regs.clone(),
                                trips: path.trips.clone(),
                            };
                            self.exhaust(&mut stop.world, &iterator);
                            self.note_unknown(&mut path, site, *done);
                            self.go(stop, site, *done, ways);
                            if self.enough_trips(&path, block) {
                                return;
                            }
                        }
                        if self.is_steady_list(&path, block, &iterator) {
                            return self.go(path, site, *done, ways);
                        }
                        path.regs.set(dest.index() as u32, value);
                        self.go(path, site, *body, ways);
                    }
                    Err(raise) => self.unwind(path, raise, site, ways),
                }
            }
            Terminator::Return(value) => {
                let value = self.operand(&path.regs, value);
                ways.out.push(Completion {
                    world: path.world,
                    result: Ok(value),
                });
            }
            Terminator::Raise(value) => {
                let value = self.operand(&path.regs, value);
                let raise = self.raise_value(&mut path.world, value, span);
                self.unwind(path, raise, site, ways);
            }
            Terminator::Unreachable => {}
        }
    }

    fn fork(
        &mut self,
        path: Path,
        site: Site,
        (then, otherwise): (BlockId, BlockId),
        ways: &mut Ways,
    ) {
        let Site { block, plan, .. } = site;
        let mut path = path;
        path.world.open = true;
        let mut other = Path {
            world: path.world.clone(),
            regs: path.regs.clone(),
            trips: path.trips.clone(),
        };
        self.note_unknown(&mut path, site, otherwise);
        self.note_unknown(&mut other, site, then);
        for (path, target) in [(path, then), (other, otherwise)] {
            if !(plan.order.is_loop_head[block]
                && plan.order.loops[target].contains(&block)
                && self.enough_trips(&path, block))
            {
                self.go(path, site, target, ways);
            }
        }
    }

    /// Of a program of which much is not known, states are joined early: with the ways that its arguments open, more of them
    /// would be followed a few steps each, and none to the end.
    fn max_paths(&self) -> usize {
        match self.program.lenient {
            true if self.fuel < BASE_FUEL / 16 * 3 => MAX_PATHS / 4,
            true => MAX_PATHS / 2,
            false => MAX_PATHS,
        }
    }

    /// Sends a state along an edge, unless it would go around a loop too often.
    fn go(&mut self, mut path: Path, site: Site, to: BlockId, ways: &mut Ways) {
        let Site {
            block: from, plan, ..
        } = site;
        path.trips
            .retain(|trip| plan.order.loops[to].contains(&trip.head));
        if plan.order.is_loop_head[to] {
            if plan.order.is_back_edge(from, to) {
                if !self.another_trip(&mut path, to) {
                    self.abandoned = Some(path.world);
                    return;
                }
            } else {
                let trip = self.enter_loop(&path, to);
                path.trips.push(trip);
            }
        }
        ways.wait((plan.order.place[to], to), path);
    }

    /// The value of an operand. An unbound variable is reported by the instruction that reads it.
    pub(super) fn operand(&self, regs: &Regs, operand: &Operand) -> Val {
        match operand {
            Operand::Reg(reg) => regs
                .get(reg.index() as u32)
                .cloned()
                .unwrap_or(Val::Unbound),
            Operand::Const(constant) => match constant {
                Const::None => Val::NONE,
                Const::Bool(value) => Val::Bool(Some(*value)),
                Const::Int(value) => Val::int(*value),
                Const::Float(value) => Val::float(*value),
                Const::Str(value) => Val::Str(Some(Rc::clone(value))),
                Const::Ellipsis => Val::Ellipsis,
            },
        }
    }
}

/// Whether states have so little in common that to keep a few of many ways apart costs more with every further branch.
fn are_far_apart(paths: &[Path]) -> bool {
    match paths {
        [first, .., last] => first.world.heap.diff(&last.world.heap).len() > MAX_APART,
        _ => false,
    }
}

fn kept_apart(a: &Val, b: &Val) -> bool {
    a.same(b)
}

fn same(a: &Path, b: &Path, function: &Function, plan: &Plan) -> bool {
    a.trips == b.trips
        && a.regs.diff(&b.regs).into_iter().all(|at| {
            if !is_read(function, plan, at) {
                return true;
            }
            match (a.regs.get(at), b.regs.get(at)) {
                (Some(a), Some(b)) => a.same(b),
                (None, None) => true,
                _ => false,
            }
        })
        && a.world.same(&b.world)
}

/// Whether a register may be read again in another block.
fn is_read(function: &Function, plan: &Plan, at: u32) -> bool {
    plan.live[at as usize]
        || function
            .regs
            .get(Reg::new(at as usize))
            .is_some_and(|info| info.name.is_some())
}

/// For each register whether it is read in a block that does not write it first.
fn live_registers(function: &Function) -> Vec<bool> {
    let mut live = vec![false; function.regs.len()];
    let mut written = vec![u32::MAX; function.regs.len()];
    for (id, block) in function.blocks.iter_enumerated() {
        let mark = id.index() as u32;
        let mut read = |reg: Reg, written: &[u32]| {
            if written[reg.index()] != mark {
                live[reg.index()] = true;
            }
        };
        for instr in &block.instrs {
            instr.kind.reads(&mut |reg| read(reg, &written));
            if let Some(dest) = instr.dest {
                written[dest.index()] = mark;
            }
        }
        block.terminator.reads(&mut |reg| read(reg, &written));
    }
    live
}
