//! What a run ends in, and what was seen on the way. Read by `confirm` and `render`; nothing here depends on the machine.

use crate::ops::{Dtype, Exception, Scalar, Shape};
use crate::source::Span;

/// How a run ended.
#[derive(Clone, PartialEq, Debug)]
pub enum Ending {
    /// It came to its end.
    Finished,
    /// It raised, and nothing caught it.
    Raised(Raised),
    /// It came to one of its bounds.
    Stopped(Bound),
    /// It needed something that is not modelled: never a verdict.
    Unsupported {
        /// What.
        what: String,
        /// Where, in the user's text.
        span: Span,
    },
}

/// The bounds of a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bound {
    /// Instructions executed.
    Steps,
    /// Wall-clock time.
    Time,
    /// Bytes of tensors and containers alive.
    Memory,
    /// Bytes printed.
    Output,
}

/// An exception that left the program, or was observed.
#[derive(Clone, PartialEq, Debug)]
pub struct Raised {
    /// The name of its type: one of Python's, or of a class of the program.
    pub error: String,
    /// Python's type it is or derives from.
    pub kind: Exception,
    /// Its text, `str(e)`.
    pub message: String,
    /// Where: the innermost place in the user's own text.
    pub span: Span,
    /// The calls that led there, outermost first, in the user's own text; ends with `span`.
    pub frames: Vec<Span>,
}

/// A warning that PyTorch gives.
#[derive(Clone, PartialEq, Debug)]
pub struct Warning {
    /// Its text.
    pub message: String,
    /// The innermost place in the user's own text.
    pub span: Span,
}

/// The state of a tensor when the run ended.
#[derive(Clone, PartialEq, Debug)]
pub struct TensorState {
    /// The element type.
    pub dtype: Dtype,
    /// The sizes.
    pub shape: Shape,
    /// How far its elements lie apart.
    pub strides: Shape,
    /// `requires_grad`
    pub requires_grad: bool,
    /// `is_leaf`
    pub leaf: bool,
    /// `_version`; none for an inference tensor.
    pub version: Option<u64>,
    /// The elements, in order.
    pub values: Vec<Scalar>,
    /// The gradient's elements (it has the tensor's shape); none if there is no gradient.
    pub grad: Option<Vec<Scalar>>,
}

/// Something seen during the run that a finding may have predicted. Places are in the user's own text.
#[derive(Clone, PartialEq, Debug)]
pub enum Observation {
    /// An exception was raised here, caught or not.
    Raised(Raised),
    /// `.grad` was read here and was none.
    GradReadNone(Span),
    /// The same, and the tensor had one later: it was only read early.
    GradReadEarly(Span),
    /// `.grad` was read here and was a tensor.
    GradReadSome(Span),
    /// An optimizer's `step` here passed over this many of its parameters since their gradient was none.
    StepSkipped {
        /// The call of `step`.
        span: Span,
        /// How many had no gradient.
        none: usize,
        /// How many there are.
        all: usize,
        /// How many of those without a gradient do not ask for one.
        frozen: usize,
    },
    /// A backward here used a saved tensor whose storage had been written, or swapped, behind the version counter.
    StaleSaved {
        /// The call of `backward`.
        span: Span,
        /// Where the storage was written.
        written: Span,
    },
    /// A backward here added to a gradient that an earlier backward had left (not one that asked for it by `retain_graph`).
    Accumulated(Span),
    /// A parameter or other leaf that requires grad had no gradient when the run ended; where it was made.
    LeafWithoutGrad(Span),
    /// A bound method was made here and dropped without a call.
    MethodNotCalled(Span),
}

/// All that a run tells.
#[derive(Clone, PartialEq, Debug)]
pub struct Outcome {
    /// How it ended.
    pub ending: Ending,
    /// The warnings, in order.
    pub warnings: Vec<Warning>,
    /// What `print` wrote.
    pub output: String,
    /// Each top-level name that is bound to a tensor, in the order of first binding.
    pub tensors: Vec<(String, TensorState)>,
    /// What was seen, in order.
    pub observations: Vec<Observation>,
    /// How often `unknown()` was asked which way to go.
    pub unknowns: usize,
}

/// The bounds and inputs of a run.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Instructions.
    pub max_steps: u64,
    /// Milliseconds.
    pub max_millis: u64,
    /// Bytes.
    pub max_memory: usize,
    /// Bytes of output.
    pub max_output: usize,
    /// The seed of PyTorch's generator before the first `manual_seed`; 0 as the oracle has it.
    pub seed: u64,
    /// The outcomes of `unknown()` used as conditions, in order; when they are used up, drawn from a generator of its own.
    pub choices: Vec<bool>,
}

impl Default for RunOptions {
    /// Ten million instructions, ten seconds, one GiB, one MiB of output; the oracle's seed.
    fn default() -> RunOptions {
        RunOptions {
            max_steps: 10_000_000,
            max_millis: 10_000,
            max_memory: 1 << 30,
            max_output: 1 << 20,
            seed: 0,
            choices: Vec::new(),
        }
    }
}
