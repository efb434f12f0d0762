//! The concrete machine: values, the tape, version counters, gradients, bounds. It runs the program that the analysis
//! only looks at, with PyTorch's numbers; what it does not model ends the run as unsupported, never with a guess.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;

use crate::ir::{Program, UnitId};
use crate::ops::{Exception, OpError, Rng};
use crate::source::{SourceMap, Span};
use crate::symbol::Symbol;

mod attr;
mod builtins;
mod call;
mod class;
mod construct;
mod engine;
mod exec;
mod fast;
mod finish;
mod formula;
mod function;
mod grad_api;
mod indexing;
mod instr;
mod iterate;
mod methods;
mod node;
mod numbers;
pub mod outcome;
mod record;
mod saved;
mod scalars;
mod tensor_attr;
mod text;
mod value;
mod write;

use outcome::{Bound, Ending, Observation, Outcome, Raised, RunOptions, Warning};
use value::{CellRef, Exc, Tensor, TensorImpl, Value};

/// Why a computation does not go on: an exception of the program's, or the end of the run.
enum Stop {
    /// An exception on its way.
    Raise(Rc<Exc>),
    /// The run ends here.
    End(Ending),
}
type Res<T> = Result<T, Stop>;

/// A run.
struct Machine<'p> {
    program: &'p Program,
    sources: &'p SourceMap,
    options: &'p RunOptions,
    rng: Rng,
    grad: bool,
    inference: bool,
    units: FxHashMap<UnitId, FxHashMap<Symbol, CellRef>>,
    /// The calls that are open: where.
    calls: Vec<Span>,
    steps: u64,
    started: Instant,
    memory: Rc<Cell<usize>>,
    output: String,
    warnings: Vec<Warning>,
    observations: Vec<Observation>,
    /// Numbers for nodes, in order of their making.
    sequence: u64,
    /// Numbers for tensors and hooks.
    ids: u64,
    unknowns: usize,
    lcg: u64,
    /// Leaves that the program asked gradients for.
    leaves: Vec<std::rc::Weak<TensorImpl>>,
    /// The variables of the program's own unit when it ended.
    main: Option<Vec<(Symbol, Value)>>,
    /// Warnings that PyTorch gives once.
    once: Vec<&'static str>,
    /// Where gradients were read that were none: the tensor, and the observations.
    none_reads: FxHashMap<u64, Vec<usize>>,
    /// How deep backward passes are nested.
    passes: usize,
    /// What packs and unpacks the tensors that nodes save, innermost last.
    saved_hooks: Vec<(Value, Value)>,
    /// The backward passes that run, innermost last: their numbers, and whether they fill the gradients of all leaves.
    running: Vec<(i64, bool)>,
    /// How many backward passes there have been.
    backwards: i64,
    /// States of the random numbers that the library kept.
    rng_states: Vec<Rng>,
    /// Whether anomaly mode is on.
    anomaly: bool,
}

/// Runs a program. Needs a deep stack, as programs may call themselves.
pub fn run(program: &Program, sources: &SourceMap, options: &RunOptions) -> Outcome {
    let mut machine = Machine {
        program,
        sources,
        options,
        rng: Rng::new(options.seed),
        grad: true,
        inference: false,
        units: FxHashMap::default(),
        calls: Vec::new(),
        steps: 0,
        started: Instant::now(),
        memory: Rc::new(Cell::new(0)),
        output: String::new(),
        warnings: Vec::new(),
        observations: Vec::new(),
        sequence: 0,
        ids: 0,
        unknowns: 0,
        lcg: 1,
        leaves: Vec::new(),
        main: None,
        once: Vec::new(),
        none_reads: FxHashMap::default(),
        passes: 0,
        saved_hooks: Vec::new(),
        running: Vec::new(),
        backwards: 0,
        rng_states: Vec::new(),
        anomaly: false,
    };
    let ending = match machine.run_main() {
        Ok(()) => Ending::Finished,
        Err(Stop::End(ending)) => ending,
        Err(Stop::Raise(exc)) => Ending::Raised(machine.raised(&exc)),
    };
    machine.finish(ending)
}

impl Machine<'_> {
    /// The innermost place in the user's own text.
    fn place(&self, span: Span) -> Span {
        if self.sources.is_user(span) {
            return span;
        }
        self.calls
            .iter()
            .rev()
            .copied()
            .find(|&span| self.sources.is_user(span))
            .unwrap_or(span)
    }

    /// The places of the calls in the user's text, outermost first, and `span`.
    fn frames(&self, span: Span) -> Vec<Span> {
        let place = self.place(span);
        let mut frames: Vec<Span> = self
            .calls
            .iter()
            .copied()
            .filter(|&span| self.sources.is_user(span))
            .take(MAX_FRAMES)
            .collect();
        if frames.last() != Some(&place) {
            frames.push(place);
        }
        frames
    }

    fn unsupported<T>(&self, what: impl Into<String>, span: Span) -> Res<T> {
        Err(Stop::End(Ending::Unsupported {
            what: what.into(),
            span: self.place(span),
        }))
    }

    /// Raises one of Python's exceptions.
    fn raise<T>(&mut self, kind: Exception, text: impl Into<String>, span: Span) -> Res<T> {
        let text: String = text.into();
        let exc = Rc::new(Exc {
            kind,
            class: None,
            args: vec![Value::str(text)],
            attrs: Rc::default(),
            place: std::cell::RefCell::new(None),
        });
        self.throw(exc, span)
    }

    fn runtime<T>(&mut self, text: impl Into<String>, span: Span) -> Res<T> {
        self.raise(Exception::RuntimeError, text, span)
    }

    fn type_error<T>(&mut self, text: impl Into<String>, span: Span) -> Res<T> {
        self.raise(Exception::TypeError, text, span)
    }

    /// Raises an exception object; it keeps the place where it was raised first.
    fn throw<T>(&mut self, exc: Rc<Exc>, span: Span) -> Res<T> {
        if exc.place.borrow().is_none() {
            let place = (self.place(span), self.frames(span));
            *exc.place.borrow_mut() = Some(place);
            let raised = self.raised(&exc);
            // What the prelude raises to catch it again would be told as well: it is PyTorch's own business.
            if self.observations.len() < MAX_OBSERVATIONS {
                self.observations.push(Observation::Raised(raised));
            }
        }
        Err(Stop::Raise(exc))
    }

    fn raised(&self, exc: &Rc<Exc>) -> Raised {
        let (span, frames) = exc
            .place
            .borrow()
            .clone()
            .unwrap_or_else(|| (Span::new(self.sources.first(), 0, 0), Vec::new()));
        let error = exc.class.as_ref().map_or_else(
            || exc.kind.name().to_owned(),
            |class| class.name.to_string(),
        );
        Raised {
            error,
            kind: exc.kind,
            message: self.exception_text(exc),
            span,
            frames,
        }
    }

    fn op_error<T>(&mut self, error: OpError, span: Span) -> Res<T> {
        match error {
            OpError::Raises(kind, text) => self.raise(kind, text, span),
            OpError::Unsupported(what) => self.unsupported(what, span),
        }
    }

    fn warn(&mut self, text: impl Into<String>, span: Span) {
        let warning = Warning {
            message: text.into(),
            span: self.place(span),
        };
        // Python shows each warning once a line.
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    fn observe(&mut self, observation: Observation) {
        if self.observations.len() < MAX_OBSERVATIONS {
            self.observations.push(observation);
        }
    }

    /// Counts a step, and looks at the bounds now and then.
    fn step(&mut self) -> Res<()> {
        self.steps += 1;
        if self.steps > self.options.max_steps {
            return Err(Stop::End(Ending::Stopped(Bound::Steps)));
        }
        if self.steps.is_multiple_of(256) {
            self.check_bounds()
        } else {
            Ok(())
        }
    }

    fn check_bounds(&self) -> Res<()> {
        if self.started.elapsed() > Duration::from_millis(self.options.max_millis) {
            return Err(Stop::End(Ending::Stopped(Bound::Time)));
        }
        if self.memory.get() > self.options.max_memory {
            return Err(Stop::End(Ending::Stopped(Bound::Memory)));
        }
        Ok(())
    }

    /// Whether so many bytes more may be had.
    fn afford(&self, bytes: usize) -> Res<()> {
        if self.memory.get().saturating_add(bytes) > self.options.max_memory {
            return Err(Stop::End(Ending::Stopped(Bound::Memory)));
        }
        Ok(())
    }

    /// Notes that a tensor has a gradient now: earlier reads of it were only early.
    fn gradient_came(&mut self, tensor: &Tensor) {
        for read in self.none_reads.remove(&tensor.id).unwrap_or_default() {
            if let Some(Observation::GradReadNone(span)) = self.observations.get(read).cloned() {
                self.observations[read] = Observation::GradReadEarly(span);
            }
        }
    }

    fn next_id(&mut self) -> u64 {
        self.ids += 1;
        self.ids
    }

    fn note_leaf(&mut self, tensor: &Tensor) {
        self.leaves.push(Rc::downgrade(tensor));
    }
}

/// The most things seen that are told.
const MAX_OBSERVATIONS: usize = 100_000;
/// The most calls that an exception tells.
const MAX_FRAMES: usize = 100;
