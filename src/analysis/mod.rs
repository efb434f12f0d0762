//! The analysis: abstract interpretation of the intermediate representation.
//!
//! # The idea
//! A program is followed as it would run. Where it is concrete (known lists, counts, shapes, flags) the abstract state is
//! just the state PyTorch would have, without the numbers in tensors. At a branch whose condition is not known both ways
//! are followed. States that meet again and do not differ are one; up to [`exec::MAX_PATHS`] that differ stay apart; more
//! are joined ([`world::Join`]), and what they disagree in is three-valued from then on. So a small program is followed
//! path by path, and a large one still in linear time.
//!
//! # Certainty
//! A fact is *always* if no path that comes past its place ends without it (see [`certainty`]). What is joined, cut short
//! or not known can only make it *sometimes*; what is not known at all is no fact ([`fact::Lost`]).
//!
//! # Independence
//! It shares the representation and the operator table with the interpreter, and nothing else.

use std::collections::BTreeSet;
use std::collections::hash_map::Entry;
use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::index::{ChunkedVec, IndexVec};
use crate::ir::{FuncId, Program, UnitId};
use crate::ops::{Exception, OpError};
use crate::source::{Origin as TextOrigin, SourceMap, Span};
use crate::symbol::Symbol;

mod accumulate;
mod attr;
mod backward;
mod births;
mod builtins;
mod call;
mod certainty;
mod construct;
mod edges;
mod entries;
mod escape;
pub mod exec;
pub mod fact;
mod finish;
mod formula;
mod function;
mod grad_api;
mod grad_attr;
mod graph;
mod instr;
mod iterate;
mod known_names;
mod loops;
mod methods;
mod numbers;
mod op_args;
mod outside;
mod reasons;
mod record;
mod replaced;
mod saved;
mod scalars;
pub mod story;
mod summary;
mod tensor_attr;
mod types;
mod unpack;
pub mod value;
mod views;
pub mod why_none;
mod world;
mod write;

use fact::{Facts, Failure};
use graph::Node;
use story::{Origins, Source};
use value::{Exc, NodeId, Obj, ObjId, Val};
use world::World;

/// What a part of the analysis gives where the program may raise.
pub(crate) type Res<T> = Result<T, Box<Raise>>;

/// An exception on its way.
#[derive(Clone, Debug)]
pub(crate) struct Raise {
    /// The exception.
    pub exception: Val,
    /// Where it was raised, in the user's text.
    pub span: Span,
    /// Why, if no handler takes it.
    pub failure: Failure,
    /// How it came to be.
    pub story: Vec<story::Step>,
    /// Whether it is told already.
    pub told: bool,
}

/// Follows `program` and returns what there is to know.
///
/// It recurses with the program's calls: run it on a thread with [`STACK`] bytes of stack ([`crate::with_stack`]).
pub fn analyze(program: &Program, sources: &SourceMap) -> Facts {
    Analyzer::new(program, sources).run()
}

/// Bytes of stack that [`analyze`] may need: enough for [`call::MAX_DEPTH`] nested calls in a debug build.
pub const STACK: usize = 512 << 20;

/// The analysis of one program.
pub(crate) struct Analyzer<'p> {
    program: &'p Program,
    sources: &'p SourceMap,
    ids: IndexVec<ObjId, ()>,
    nodes: ChunkedVec<NodeId, Node>,
    origins: Origins,
    /// The calls that are being followed, outermost first: where, and the number of the instruction.
    calls: Vec<(Span, u32)>,
    /// What tells the calls and trips around loops that lead to the present place from others.
    way: u64,
    /// The same of the places of these calls.
    ways: Vec<u64>,
    /// Where objects were made.
    births: births::Births,
    /// The instruction that is being followed: where, and its number.
    at: (Span, u32),
    /// The arguments of in-place views, whose tensors have other sizes since: as they were.
    metas_before: FxHashMap<NodeId, Box<[crate::ops::Arg<crate::ops::Meta>]>>,
    /// What those tensors were before the first of these.
    first_meta: FxHashMap<ObjId, Rc<crate::ops::Meta>>,
    /// Of writes through views: the node behind the view afterwards.
    behind_view: FxHashMap<NodeId, NodeId>,
    /// The number of writes so far, on all paths.
    writes: u32,
    /// What was found, by number.
    found: certainty::Found,
    /// The frames of units that have run.
    units: FxHashMap<UnitId, FxHashMap<Symbol, ObjId>>,
    orders: FxHashMap<FuncId, Rc<exec::Plan>>,
    /// Instructions that may still be followed.
    fuel: u64,
    /// Trips around loops that may still be made.
    trips: u64,
    /// How many backward calls have been followed.
    backwards: u32,
    /// Those that are being followed, innermost last: their numbers, and whether they fill the gradients of all leaves.
    running: Vec<(i64, bool)>,
    /// Whether the numbers of a loop that encloses the present place have been widened.
    is_widened: bool,
    /// Which way a branch went when its condition was last known, by the number of its block's first instruction.
    last_way: FxHashMap<u32, bool>,
    /// How many loops that are being gone around enclose the present place.
    loop_depth: u32,
    /// The last state that was not followed around a loop again.
    abandoned: Option<Box<World>>,
    lost: Vec<fact::Lost>,
    /// The number of the next instruction that has none.
    next_number: u32,
    /// What is to be known at the end of every path.
    ledger: finish::Ledger,
    /// What of the file has been entered from outside, if it has come so far.
    entered: Option<entries::Entered>,
    /// The cells of names of the file that its functions bind anew.
    rebound: BTreeSet<ObjId>,
    /// What unknown code was given.
    escaped: escape::Escaped,
    /// Exceptions that were caught, for when they are raised again.
    caught: FxHashMap<ObjId, Raise>,
    /// The lists that loops of unknown length fill: how long they are is not known.
    open_lists: FxHashSet<ObjId>,
    /// How many objects had been made when the innermost loop of unknown length around the present place was entered.
    unknown_since: u32,
    /// Whether something from outside may require a gradient after all.
    outside_is_changed: bool,
}

impl<'p> Analyzer<'p> {
    fn new(program: &'p Program, sources: &'p SourceMap) -> Analyzer<'p> {
        let start = Span::new(sources.first(), 0, 0);
        let size: usize = program
            .functions
            .iter()
            .flat_map(|function| function.blocks.iter())
            .map(|block| block.instrs.len() + 1)
            .sum();
        let (trips, fuel) = loops::bounds(program, size);
        Analyzer {
            program,
            sources,
            ids: IndexVec::new(),
            nodes: ChunkedVec::new(),
            origins: Origins::new(start),
            calls: Vec::new(),
            way: 0,
            ways: Vec::new(),
            births: births::Births::default(),
            at: (start, 0),
            metas_before: FxHashMap::default(),
            first_meta: FxHashMap::default(),
            behind_view: FxHashMap::default(),
            writes: 0,
            found: certainty::Found::default(),
            units: FxHashMap::default(),
            orders: FxHashMap::default(),
            fuel,
            trips,
            backwards: 0,
            running: Vec::new(),
            is_widened: false,
            last_way: FxHashMap::default(),
            loop_depth: 0,
            abandoned: None,
            lost: Vec::new(),
            entered: None,
            rebound: BTreeSet::new(),
            escaped: escape::Escaped::default(),
            next_number: 0,
            ledger: finish::Ledger::default(),
            caught: FxHashMap::default(),
            open_lists: FxHashSet::default(),
            unknown_since: 0,
            outside_is_changed: false,
        }
    }

    fn run(mut self) -> Facts {
        let Some((main, _)) = self.program.units.iter_enumerated().next() else {
            return Facts::default();
        };
        let start = Span::new(self.sources.first(), 0, 0);
        let mut world = Box::new(World::new(start));
        // The library's units are loaded first, once for all paths; their bodies only define.
        let library: Vec<UnitId> = self.program.units.ids().skip(1).collect();
        for unit in library {
            if let Entry::Vacant(names) = self.units.entry(unit) {
                names.insert(FxHashMap::default());
                self.load_exports(&mut world, unit, start).ok();
            }
        }
        let ends = self.run_unit(world, main);
        let after = ends.iter().find(|end| end.result.is_ok());
        let after = after.map(|end| end.world.clone());
        for end in ends {
            self.end_of_path(end);
        }
        if let Some(after) = after {
            self.enter_file(&after, main);
        }
        self.into_facts()
    }

    /// A new object.
    fn alloc(&mut self, world: &mut World, obj: Obj) -> ObjId {
        let id = match (self.program.lenient, births::kind(&obj)) {
            (true, Some(kind)) => {
                let place = births::Place {
                    way: self.way,
                    instruction: self.at.1,
                    kind,
                };
                self.births.number(place, world, &mut self.ids)
            }
            _ => self.ids.push(()),
        };
        world.put(id, obj);
        id
    }

    /// A function is entered from the present instruction. Returns its number.
    fn enter_call(&mut self, span: Span) -> u32 {
        let at = self.at.1;
        self.calls.push((span, at));
        self.ways.push(self.way);
        self.way = births::further(self.way, at);
        at
    }

    /// The function is left.
    fn leave_call(&mut self, span: Span, at: u32) {
        self.calls.pop();
        self.way = self.ways.pop().unwrap_or(0);
        self.at = (span, at);
    }

    /// The innermost place in the user's own text: `span` itself, or the call that led out of it.
    fn place(&self, span: Span) -> Span {
        if self.in_user_text(span) {
            return span;
        }
        self.calls
            .iter()
            .rev()
            .map(|call| call.0)
            .find(|&call| self.in_user_text(call))
            .unwrap_or(span)
    }

    fn in_user_text(&self, span: Span) -> bool {
        self.sources.file(span.file).origin == TextOrigin::User
    }

    /// An exception of the library's, with its text.
    fn raise<T>(
        &mut self,
        world: &mut World,
        span: Span,
        failure: Failure,
        error: Exception,
        message: impl Into<Rc<str>>,
    ) -> Res<T> {
        let message = message.into();
        let args = vec![Val::Str(Some(message.clone()))];
        let exc = Exc {
            kind: error,
            class: None,
            message: Some(message),
            args,
        };
        let exception = Val::Obj(self.alloc(world, Obj::Exception(Rc::new(exc))));
        Err(Box::new(Raise {
            exception,
            span: self.place(span),
            failure,
            story: Vec::new(),
            told: false,
        }))
    }

    /// A `TypeError`, `AttributeError` or the like of Python's own.
    fn python_error<T>(
        &mut self,
        world: &mut World,
        span: Span,
        error: Exception,
        message: impl Into<Rc<str>>,
    ) -> Res<T> {
        self.raise(world, span, Failure::Other, error, message)
    }

    /// What the operator table refuses. What it does not model is no verdict, and the caller's to treat.
    fn op_error<T>(&mut self, world: &mut World, span: Span, error: OpError) -> Res<Option<T>> {
        match error {
            OpError::Raises(exception, message) => {
                self.raise(world, span, Failure::Shape, exception, message)
            }
            OpError::Unsupported(_) => {
                self.lose(span, "an operator that is not modelled for these arguments");
                Ok(None)
            }
        }
    }

    /// Notes that track was lost here.
    fn lose(&mut self, span: Span, why: &'static str) {
        let span = self.place(span);
        if self.lost.len() < MAX_LOST {
            self.lost.push(fact::Lost { span, why });
        }
    }

    fn origin(
        &mut self,
        span: Span,
        source: Source,
        inputs: impl IntoIterator<Item = story::OriginId>,
    ) -> story::OriginId {
        let span = self.place(span);
        self.origins.add(span, source, inputs.into_iter().collect())
    }
}

/// How many places where track was lost are kept.
const MAX_LOST: usize = 1_000;
