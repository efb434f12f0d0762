//! What the analysis found out, read-only: the rules turn facts into findings.

use super::story::Step;
use crate::lint::Certainty;
use crate::ops::Exception;
use crate::source::Span;

/// All facts of a program.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The facts, in the order of their places.
    pub facts: Vec<Fact>,
    /// Where the analysis lost track, so that silence can be told from a clean bill.
    pub lost: Vec<Lost>,
    /// Every read of a gradient that was none or may have been, in the order of places. Most are no mistake: a program
    /// may ask whether a gradient is there, or see it come later.
    pub none_reads: Vec<Span>,
}

/// A place where the analysis lost track of something.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lost {
    /// Where.
    pub span: Span,
    /// Why.
    pub why: &'static str,
}

/// A fact.
#[derive(Clone, Debug)]
pub struct Fact {
    /// What.
    pub kind: FactKind,
    /// Where it shows: the innermost place in the user's own text.
    pub span: Span,
    /// On which runs.
    pub certainty: Certainty,
    /// How it came to be, in order; without `span` itself.
    pub story: Vec<Step>,
}

/// The kinds of facts.
#[derive(Clone, PartialEq, Debug)]
pub enum FactKind {
    /// It raises here.
    Raises {
        /// Why.
        failure: Failure,
        /// The exception's type.
        error: Exception,
        /// Its text, with `…` where a part is not known.
        message: String,
    },
    /// `.grad` is none where it is read and used.
    GradNone {
        /// Why.
        why: WhyNone,
    },
    /// An optimizer's step finds no gradient at all, or never one for some parameters.
    StepWithoutGrad {
        /// Why, for the first of them.
        why: WhyNone,
        /// Whether all of its parameters are without.
        all: bool,
        /// Where the first of them was made.
        parameter: Span,
    },
    /// A parameter that an optimizer holds never gets a gradient in the whole program.
    NeverReached {
        /// Why.
        why: WhyNone,
    },
    /// A parameter gets gradients, and no optimizer holds it, although one holds its siblings, or held what it replaced.
    NotHeld,
    /// Parameters were added to a module after an optimizer was given all that it had; they get gradients, and no
    /// optimizer holds them.
    AddedLate,
    /// A backward used a saved tensor that had been changed behind the version counter.
    StaleSaved,
    /// Gradients of several iterations add up since nothing clears them.
    Accumulates,
    /// A method was named and not called.
    NotCalled {
        /// Its name.
        method: &'static str,
    },
    /// A tensor that carries its graph is accumulated over iterations.
    GraphKept,
    /// A gradient that is a constant takes part in a loss.
    ConstantGradient,
    /// `.data` or `Variable` of a tensor with a graph cuts it, in silence.
    SilentCut {
        /// `data` or `Variable`.
        by: &'static str,
    },
    /// What a module's `forward` gives has no graph, so that none of its parameters can get a gradient.
    OutputWithoutGraph,
    /// Parameters or modules in a plain list or dict, where `parameters()` does not see them.
    NotRegistered,
    /// A misspelt flag, such as `require_grad`, sets an attribute that nothing reads.
    MisspeltFlag {
        /// The attribute.
        name: String,
        /// What was meant.
        meant: &'static str,
    },
}

/// Why an operation raises.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Failure {
    /// Backward on something without a graph.
    NoGraph,
    /// Backward on a tensor of several elements without a gradient.
    NonScalar,
    /// Backward with a gradient of the wrong shape.
    GradientShape,
    /// Backward on a Python number or `None`.
    NotATensor,
    /// A second time through a freed graph.
    FreedGraph,
    /// A saved tensor was overwritten.
    SavedOverwritten,
    /// A saved tensor was detached in place.
    SavedDetached,
    /// In place on a leaf.
    LeafInPlace,
    /// In place on a view of a leaf.
    ViewOfLeafInPlace,
    /// In place on one of several views, or its use after its base was written.
    MultiOutputView,
    /// In place on a view made without gradients, or its use after its base was written.
    NoGradView,
    /// In place on an expanded tensor.
    ExpandedInPlace,
    /// An inference tensor where it cannot be used.
    InferenceTensor,
    /// `requires_grad` on integers.
    IntegerRequiresGrad,
    /// The flag of a computed tensor.
    FlagOnNonLeaf,
    /// `retain_grad` on a tensor without gradients.
    RetainWithoutGrad,
    /// `autograd.grad` for an unused input.
    UnusedInput,
    /// `autograd.grad` for an input outside of any graph.
    InputWithoutGraph,
    /// Arithmetic with, or a method of, a gradient that is none.
    NoneGradient,
    /// The same with another `None`.
    NoneValue,
    /// A derivative that PyTorch does not implement.
    NoDerivative,
    /// A hook that gives back something else.
    Hook,
    /// A custom function whose backward is missing, or gives what is refused.
    CustomFunction,
    /// In place on a view that a custom function gave.
    CustomView,
    /// `detach_()` on a view, `resize_` and the like.
    ForbiddenInPlace,
    /// An assignment to `.grad` or to a parameter that is refused.
    RefusedAssignment,
    /// An optimizer without parameters, or with a computed tensor.
    OptimizerParameters,
    /// `out=` with a tensor that requires grad.
    OutArgument,
    /// Shapes or dtypes that do not fit.
    Shape,
    /// `raise` or `assert` in the program itself: no finding.
    Explicit,
    /// Anything else that Python or PyTorch refuses.
    Other,
    /// The same, where the program catches it: a way of control, and no finding.
    Caught,
}

impl Failure {
    /// Whether PyTorch refuses for what was done to graphs and gradients. All else may be due to what a caller passes or
    /// has set before, where only a part of the program is seen.
    pub fn is_of_autograd(self) -> bool {
        !matches!(
            self,
            Failure::NotATensor
                | Failure::NoneValue
                | Failure::Shape
                | Failure::RefusedAssignment
                | Failure::OptimizerParameters
                | Failure::OutArgument
                | Failure::Explicit
                | Failure::Other
                | Failure::Caught
        )
    }
}

/// Why a gradient is none.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum WhyNone {
    /// No backward has run yet.
    TooEarly,
    /// It was cleared and not filled again.
    Cleared,
    /// The tensor never required grad.
    NotRequired,
    /// The tensor is computed, and does not retain its gradient.
    NonLeaf,
    /// `retain_grad` came after backward.
    RetainedLate,
    /// It was frozen.
    Frozen,
    /// What was differentiated was cut off from it: `detach`.
    Detached,
    /// The same by `no_grad` or inference mode.
    UnderNoGrad,
    /// The same by numbers: `tensor(t)`, `.item()`, `nn.Parameter(t)`.
    Rebuilt,
    /// Backward does not reach it.
    NotReached,
    /// Not known which.
    Unknown,
}
