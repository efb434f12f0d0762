//! Where values come from, kept while the program is followed, and the stories that are told of them: each step a place
//! and what happened there, in the order in which it happens.

use smallvec::SmallVec;

use crate::index::ChunkedVec;
use crate::source::Span;
use crate::symbol::Symbol;

crate::define_index! {
    /// Where a value comes from.
    pub struct OriginId = "from";
}

impl OriginId {
    /// Of no particular origin.
    pub const NOWHERE: OriginId = OriginId(std::num::NonZeroU32::MIN);
}

/// What made a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// Nothing that is kept.
    Nowhere,
    /// A factory (`zeros`, `tensor([1.0])`, `input()`).
    Factory,
    /// An operator that recorded a node, or would have if an argument required grad.
    Operator,
    /// An operator whose result is never differentiable, by its node-less row: its name.
    NotDifferentiable(&'static str),
    /// An operator under `no_grad`: where the mode was entered.
    NoGrad(Span),
    /// An operator in inference mode: where the mode was entered.
    Inference(Span),
    /// `detach()`
    Detach,
    /// `.data`
    Data,
    /// `tensor(t)`, `t.new_tensor(…)`: new from the numbers.
    Rebuilt,
    /// `.item()`, `float(t)`, `tolist()`
    Item,
    /// `nn.Parameter(t)`
    Parameter,
    /// `autograd.Variable(t)`
    Variable,
    /// A gradient that `backward` left.
    Gradient,
    /// A gradient that `autograd.grad` gave without `create_graph`.
    GradientConstant,
    /// A gradient that `autograd.grad` gave with `create_graph`.
    GradientGraph,
    /// `None`: a gradient that was read and is not there. The tensor is in `reads`.
    GradRead(u32),
    /// `None`: what a function without a `return` gives.
    NoReturn(Symbol),
    /// `None`: what a method that works in place or by effect gives, such as `backward()`.
    Effect,
}

/// An origin.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Where.
    pub span: Span,
    /// What.
    pub source: Source,
    /// From what.
    pub inputs: SmallVec<[OriginId; 2]>,
    /// Whether it is computed from a gradient that `autograd.grad` gave without `create_graph`.
    pub of_gradient: bool,
    /// Whether it would cut a graph, but there was none to cut.
    pub is_idle: bool,
}

impl Origin {
    /// What there is to tell of it, if this is what happened there.
    pub fn steps(&self, happened: Happened) -> Vec<Step> {
        let mode = match self.source {
            Source::NoGrad(mode) | Source::Inference(mode) => Some(mode),
            _ => None,
        };
        let off = mode.map(|span| Step {
            span,
            happened: Happened::GradientsOff,
        });
        let span = self.span;
        off.into_iter().chain([Step { span, happened }]).collect()
    }
}

/// All origins of one analysis.
#[derive(Debug)]
pub struct Origins {
    all: ChunkedVec<OriginId, Origin>,
}

impl Origins {
    /// Origins with the one of nowhere, at `span`.
    pub fn new(span: Span) -> Origins {
        let mut all = ChunkedVec::new();
        all.push(Origin {
            span,
            source: Source::Nowhere,
            inputs: SmallVec::new(),
            of_gradient: false,
            is_idle: false,
        });
        Origins { all }
    }
    /// A new one.
    pub fn add(&mut self, span: Span, source: Source, inputs: SmallVec<[OriginId; 2]>) -> OriginId {
        let of_gradient = source == Source::GradientConstant
            || (matches!(source, Source::Operator)
                && inputs.iter().any(|&input| self.all[input].of_gradient));
        self.all.push(Origin {
            span,
            source,
            inputs,
            of_gradient,
            is_idle: false,
        })
    }
    /// Notes that what this one would cut had no graph.
    pub fn set_idle(&mut self, id: OriginId) {
        self.all[id].is_idle = true;
    }
    /// One of them.
    pub fn get(&self, id: OriginId) -> &Origin {
        &self.all[id]
    }

    /// Where what is computed of `from` is cut, in the order in which that happened.
    pub fn cuts_of(&self, from: OriginId) -> Vec<Step> {
        let mut reached = rustc_hash::FxHashSet::from_iter([from]);
        let mut cuts: Vec<Step> = Vec::new();
        for (id, origin) in self.all.iter_enumerated() {
            if !origin.inputs.iter().any(|input| reached.contains(input)) {
                continue;
            }
            match origin.source.cut() {
                Some(happened) => {
                    let span = origin.span;
                    if cuts.iter().all(|cut| cut.span != span) {
                        cuts.push(Step { span, happened });
                    }
                }
                None => {
                    reached.insert(id);
                }
            }
        }
        cuts
    }

    /// Why nothing that `from` was computed of requires grad: the nearest cut, else the nearest factories.
    ///
    /// Breadth first, so that the cut nearest to the loss is told; bounded by [`MAX_LOOK`]. A `detach()` of what has no
    /// graph anyway is told only if nothing else is there to be told.
    pub fn why_no_graph(&self, from: OriginId) -> Vec<Step> {
        let mut queue = std::collections::VecDeque::from([from]);
        let mut seen = rustc_hash::FxHashSet::default();
        let mut factories = Vec::new();
        let mut idle = None;
        while let Some(id) = queue.pop_front() {
            if id == OriginId::NOWHERE || !seen.insert(id) || seen.len() > MAX_LOOK {
                continue;
            }
            let origin = self.get(id);
            if let Some(happened) = origin.source.cut() {
                match origin.is_idle {
                    false => return origin.steps(happened),
                    true => idle = idle.or_else(|| origin.steps(happened).pop()),
                }
            }
            if origin.source == Source::Factory && factories.len() < MAX_FACTORIES {
                factories.push(Step {
                    span: origin.span,
                    happened: Happened::MadeWithoutGrad,
                });
            }
            queue.extend(origin.inputs.iter().copied());
        }
        if factories.is_empty() {
            factories.extend(idle);
        }
        factories.sort_by_key(|step: &Step| step.span);
        factories
    }
}

/// How many origins are looked at for one story.
const MAX_LOOK: usize = 2_000;
/// How many factories are named in one story.
const MAX_FACTORIES: usize = 3;

impl Source {
    /// What to say of a source that cuts the graph.
    fn cut(self) -> Option<Happened> {
        Some(match self {
            Source::NotDifferentiable(name) => Happened::NotDifferentiable(name),
            Source::NoGrad(_) => Happened::UnderNoGrad,
            Source::Inference(_) => Happened::UnderInference,
            Source::Detach | Source::Variable => Happened::Cut,
            Source::Data => Happened::CutByData,
            Source::Rebuilt => Happened::Rebuilt,
            Source::Item => Happened::TurnedIntoNumber,
            Source::Gradient | Source::GradientConstant => Happened::GradientIsConstant,
            _ => return None,
        })
    }
}

/// A step of a story.
#[derive(Clone, PartialEq, Debug)]
pub struct Step {
    /// Where.
    pub span: Span,
    /// What happened.
    pub happened: Happened,
}

/// What happened at a step.
#[derive(Clone, PartialEq, Debug)]
pub enum Happened {
    /// A tensor was made without `requires_grad`.
    MadeWithoutGrad,
    /// A tensor or parameter was made.
    Made,
    /// `detach()`
    Cut,
    /// `.data`
    CutByData,
    /// `tensor(t)`
    Rebuilt,
    /// `.item()`
    TurnedIntoNumber,
    /// An operator without a derivative.
    NotDifferentiable(&'static str),
    /// `no_grad` or inference mode begins.
    GradientsOff,
    /// Computed under `no_grad`.
    UnderNoGrad,
    /// Computed in inference mode.
    UnderInference,
    /// A gradient, which is no function of anything without `create_graph`.
    GradientIsConstant,
    /// Saved for backward, with what was known of its version.
    Saved(Option<u32>),
    /// Overwritten, with the version then.
    Overwritten(Option<u32>),
    /// Written where no version counter sees it.
    WrittenBehind,
    /// The graph was freed by a backward.
    Freed,
    /// Backward goes through here.
    Needed,
    /// Frozen: `requires_grad` was set to false.
    Frozen,
    /// The gradient was cleared.
    Cleared,
    /// The tensor is computed, not a leaf.
    Computed,
    /// A view was made.
    ViewMade,
    /// A backward that does not reach the tensor.
    NotReached,
    /// A backward leaves a gradient.
    LeavesGradient,
    /// A function that returns nothing.
    NoReturn,
    /// A tensor was made in inference mode.
    MadeInInference,
    /// An optimizer was made.
    OptimizerMade,
    /// An attribute was replaced.
    Replaced,
    /// `.grad` was read and is none.
    ReadNone,
    /// A backward runs what fails.
    RunByBackward,
    /// Another effect: the text.
    Other(String),
}

impl std::fmt::Display for Happened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = match self {
            Happened::MadeWithoutGrad => "made here without `requires_grad`",
            Happened::Made => "made here",
            Happened::Cut => "the graph is cut here",
            Happened::CutByData => "`.data` cuts the graph here",
            Happened::Rebuilt => "rebuilt from its values here, which cuts the graph",
            Happened::TurnedIntoNumber => "turned into a Python number here, which cuts the graph",
            Happened::NotDifferentiable(name) => {
                return write!(f, "`{name}` has no derivative, so the graph ends here");
            }
            Happened::GradientsOff => "gradients are off from here",
            Happened::UnderNoGrad => "computed here while gradients were off",
            Happened::UnderInference => "computed here in inference mode",
            Happened::GradientIsConstant => "a gradient without `create_graph=true` is a constant",
            Happened::Saved(None) => "saved for backward here",
            Happened::Saved(Some(version)) => {
                return write!(f, "saved for backward here, at version {version}");
            }
            Happened::Overwritten(None) => "overwritten here",
            Happened::Overwritten(Some(version)) => {
                return write!(f, "overwritten here, now version {version}");
            }
            Happened::WrittenBehind => "written here where the version counter does not see it",
            Happened::Freed => "the graph is freed by this backward",
            Happened::Needed => "needed here",
            Happened::Frozen => "frozen here",
            Happened::Cleared => "the gradient is cleared here",
            Happened::Computed => "computed here, so it is no leaf",
            Happened::ViewMade => "the view is made here",
            Happened::NotReached => "this backward does not reach it",
            Happened::LeavesGradient => "this backward leaves a gradient",
            Happened::NoReturn => "this function returns nothing",
            Happened::MadeInInference => "made here in inference mode",
            Happened::OptimizerMade => "the optimizer takes its parameters here",
            Happened::Replaced => "replaced here",
            Happened::ReadNone => "read here: it is none",
            Happened::RunByBackward => "run by this backward",
            Happened::Other(text) => text,
        };
        f.write_str(text)
    }
}
