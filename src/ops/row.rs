//! What a row of the operator table is made of.

use std::convert::Infallible;
use std::fmt;
use std::rc::Rc;

use smallvec::SmallVec;

use super::array::Array;
use super::meta::{Dtype, Meta, Scalar};
use super::rng::Rng;

crate::define_index! {
    /// A row of the table.
    pub struct OpId = "op";
    /// A tensor of whichever machine runs a backward formula: a handle that only that machine can read.
    pub struct Var = "v";
}

/// Python's exception types, as far as PyTorch raises them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are Python's")]
pub enum Exception {
    Exception,
    RuntimeError,
    NotImplementedError,
    TypeError,
    ValueError,
    IndexError,
    KeyError,
    AttributeError,
    NameError,
    UnboundLocalError,
    AssertionError,
    ZeroDivisionError,
    OverflowError,
    StopIteration,
    RecursionError,
    /// Of `torch.utils.checkpoint`.
    CheckpointError,
    /// `torch.linalg.LinAlgError`, a RuntimeError.
    LinAlgError,
}

impl Exception {
    /// All of them.
    pub const ALL: &[Exception] = &[
        Exception::Exception,
        Exception::RuntimeError,
        Exception::NotImplementedError,
        Exception::TypeError,
        Exception::ValueError,
        Exception::IndexError,
        Exception::KeyError,
        Exception::AttributeError,
        Exception::NameError,
        Exception::UnboundLocalError,
        Exception::AssertionError,
        Exception::ZeroDivisionError,
        Exception::OverflowError,
        Exception::StopIteration,
        Exception::RecursionError,
        Exception::CheckpointError,
        Exception::LinAlgError,
    ];

    /// The one that Python calls so.
    pub fn from_name(name: &str) -> Option<Exception> {
        let mut all = Exception::ALL.iter().copied();
        all.find(|kind| kind.name() == name)
    }

    /// Python's name of it.
    pub const fn name(self) -> &'static str {
        match self {
            Exception::Exception => "Exception",
            Exception::RuntimeError => "RuntimeError",
            Exception::NotImplementedError => "NotImplementedError",
            Exception::TypeError => "TypeError",
            Exception::ValueError => "ValueError",
            Exception::IndexError => "IndexError",
            Exception::KeyError => "KeyError",
            Exception::AttributeError => "AttributeError",
            Exception::NameError => "NameError",
            Exception::UnboundLocalError => "UnboundLocalError",
            Exception::AssertionError => "AssertionError",
            Exception::ZeroDivisionError => "ZeroDivisionError",
            Exception::OverflowError => "OverflowError",
            Exception::StopIteration => "StopIteration",
            Exception::RecursionError => "RecursionError",
            Exception::CheckpointError => "CheckpointError",
            Exception::LinAlgError => "_LinAlgError",
        }
    }
}

/// What an operator refuses: PyTorch's exception with its text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OpError {
    /// PyTorch raises this, in these words.
    Raises(Exception, String),
    /// PyTorch may well do it, but the table does not model it: never a verdict.
    Unsupported(String),
}

impl OpError {
    /// A `RuntimeError`.
    pub fn runtime(message: impl Into<String>) -> OpError {
        OpError::Raises(Exception::RuntimeError, message.into())
    }
    /// An `IndexError`.
    pub fn index(message: impl Into<String>) -> OpError {
        OpError::Raises(Exception::IndexError, message.into())
    }
    /// A `TypeError`.
    pub fn type_error(message: impl Into<String>) -> OpError {
        OpError::Raises(Exception::TypeError, message.into())
    }
    /// A `ValueError`.
    pub fn value(message: impl Into<String>) -> OpError {
        OpError::Raises(Exception::ValueError, message.into())
    }
}

/// An argument as a machine hands it over, before it is bound to a parameter.
#[derive(Clone, PartialEq, Debug)]
pub enum Raw<T> {
    /// `None`
    None,
    /// A tensor.
    Tensor(T),
    /// A number or bool.
    Scalar(Scalar),
    /// A string.
    Str(Rc<str>),
    /// A dtype.
    Dtype(Dtype),
    /// A list, tuple or `Size`.
    List(Vec<Raw<T>>),
    /// A value the analysis does not know. Binds to anything.
    Unknown,
    /// Something no operator takes, by the name of its Python type.
    Other(&'static str),
}

/// An argument bound to its parameter.
#[derive(Clone, PartialEq, Debug)]
pub enum Arg<T> {
    /// Absent, or `None`.
    None,
    /// A tensor.
    Tensor(T),
    /// A list of tensors.
    Tensors(Vec<T>),
    /// A number or a bool.
    Scalar(Scalar),
    /// A shape, a list of dimensions.
    Ints(SmallVec<[i64; 4]>),
    /// A string, as in `reduction="mean"`.
    Str(Rc<str>),
    /// A dtype.
    Dtype(Dtype),
    /// The items between the brackets of `x[…]`.
    Index(Vec<IndexItem<T>>),
    /// Nested numbers, for `tensor([[1, 2], [3, 4]])`.
    Data(Rc<Nested>),
    /// Known to the analysis to be there, but not which. `infer` and `forward` are never called with one.
    Unknown,
}

/// Nested lists of numbers.
#[derive(Clone, PartialEq, Debug)]
pub struct Nested {
    /// The numbers, row by row.
    pub flat: Vec<Scalar>,
    /// The lengths of the lists, from the outermost on.
    pub shape: super::meta::Shape,
    /// The dtype that holds them all.
    pub dtype: Dtype,
}

impl<T> Arg<T> {
    /// The argument with its tensors replaced.
    pub fn map<U>(&self, of: &mut impl FnMut(&T) -> U) -> Arg<U> {
        let Ok(arg) = self.try_map(&mut |tensor| Ok::<U, Infallible>(of(tensor)));
        arg
    }

    /// The argument with its tensors replaced, or the first error.
    pub fn try_map<U, E>(&self, of: &mut impl FnMut(&T) -> Result<U, E>) -> Result<Arg<U>, E> {
        Ok(match self {
            Arg::None => Arg::None,
            Arg::Tensor(tensor) => Arg::Tensor(of(tensor)?),
            Arg::Tensors(tensors) => {
                Arg::Tensors(tensors.iter().map(of).collect::<Result<_, _>>()?)
            }
            Arg::Scalar(scalar) => Arg::Scalar(*scalar),
            Arg::Ints(ints) => Arg::Ints(ints.clone()),
            Arg::Str(text) => Arg::Str(Rc::clone(text)),
            Arg::Dtype(dtype) => Arg::Dtype(*dtype),
            Arg::Index(items) => Arg::Index(
                items
                    .iter()
                    .map(|item| item.try_map(of))
                    .collect::<Result<_, _>>()?,
            ),
            Arg::Data(nested) => Arg::Data(Rc::clone(nested)),
            Arg::Unknown => Arg::Unknown,
        })
    }
}

/// An item between the brackets of `x[…]`.
#[derive(Clone, PartialEq, Debug)]
pub enum IndexItem<T> {
    /// `None`: a new dimension; in an [`Arg::Index`] of the `index` row, a dimension that is taken whole.
    None,
    /// `...`
    Ellipsis,
    /// An integer.
    Int(i64),
    /// `True`, `False`
    Bool(bool),
    /// `a:b:c`
    Slice(Option<i64>, Option<i64>, Option<i64>),
    /// A tensor of integers or a mask.
    Tensor(T),
    /// Not known to the analysis.
    Unknown,
}

impl<T> IndexItem<T> {
    fn try_map<U, E>(&self, of: &mut impl FnMut(&T) -> Result<U, E>) -> Result<IndexItem<U>, E> {
        Ok(match self {
            IndexItem::None => IndexItem::None,
            IndexItem::Ellipsis => IndexItem::Ellipsis,
            IndexItem::Int(at) => IndexItem::Int(*at),
            IndexItem::Bool(value) => IndexItem::Bool(*value),
            IndexItem::Slice(start, stop, step) => IndexItem::Slice(*start, *stop, *step),
            IndexItem::Tensor(tensor) => IndexItem::Tensor(of(tensor)?),
            IndexItem::Unknown => IndexItem::Unknown,
        })
    }
}

/// What a parameter takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ParamKind {
    /// A tensor. `diff`: a gradient may flow to it.
    Tensor {
        /// Whether a gradient may flow to it (index and mask parameters: no).
        diff: bool,
    },
    /// A tensor or `None`.
    OptTensor {
        /// Whether a gradient may flow to it.
        diff: bool,
    },
    /// A tensor or a number (`other` of `mul`): a number stays [`Arg::Scalar`].
    TensorOrScalar,
    /// A list of tensors, all of which may get a gradient.
    Tensors,
    /// A number or bool.
    Scalar,
    /// An integer.
    Int,
    /// `True` or `False`.
    Bool,
    /// A list of integers; a single integer is a list of one, and where the parameter is the last positional
    /// one of a method, loose integers are gathered (`x.view(2, 3)`).
    Ints,
    /// A string.
    Str,
    /// A dtype.
    Dtype,
    /// The items between brackets.
    Index,
    /// Numbers nested in lists, for `tensor(…)`.
    Data,
}

/// A parameter of an operator.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Param {
    /// PyTorch's name, for keywords and messages.
    pub name: &'static str,
    /// What it takes.
    pub kind: ParamKind,
    /// What it is where it is not given; none: it must be given.
    pub default: Option<Default>,
    /// Whether it can be given by name only.
    pub keyword_only: bool,
}

/// A parameter's default.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Default {
    /// `None`
    None,
    /// A number or bool.
    Scalar(Scalar),
    /// A string.
    Str(&'static str),
    /// A list of integers.
    Ints(&'static [i64]),
}

impl Default {
    /// The argument that stands for an absent one.
    pub fn arg<T>(self) -> Arg<T> {
        match self {
            Default::None => Arg::None,
            Default::Scalar(scalar) => Arg::Scalar(scalar),
            Default::Str(text) => Arg::Str(text.into()),
            Default::Ints(ints) => Arg::Ints(ints.into()),
        }
    }

    /// Whether the argument is the one that stands for an absent one.
    pub fn is<T>(self, arg: &Arg<T>) -> bool {
        match (self, arg) {
            (Default::None, Arg::None) => true,
            (Default::Scalar(default), Arg::Scalar(scalar)) => default == *scalar,
            (Default::Str(default), Arg::Str(text)) => *default == **text,
            (Default::Ints(default), Arg::Ints(ints)) => default == ints.as_slice(),
            _ => false,
        }
    }
}

/// The ways an operator can be written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Forms {
    /// The names of the function in `torch.`: `["mul", "multiply"]`. A dotted one is `linalg.norm`.
    pub function: &'static [&'static str],
    /// The names of the tensor method.
    pub method: &'static [&'static str],
    /// The names of the function in `torch.nn.functional`.
    pub functional: &'static [&'static str],
    /// The names of the tensor attribute: `x.T`.
    pub attribute: &'static [&'static str],
}

/// The in-place form: `x.add_(y)`, `x += y`.
#[derive(Clone, Copy, Debug)]
pub enum InPlace {
    /// There is none.
    No,
    /// It computes the same and writes it to the first argument. Methods are the row's method names with `_`.
    ///
    /// Where `saves` is none, what the form saves follows from the row: the first input is saved as a clone from
    /// before the write (a hidden save, rule R2.2), all else as in the row.
    Yes {
        /// What it saves, where that is not what follows from the row (`leaky_relu_` saves its result).
        saves: Option<&'static [Save]>,
        /// The backward node's name, where it is another (`LeakyReluBackward1`).
        node: Option<&'static str>,
    },
    /// The operator exists in this form only (`copy_`, `normal_`), the row's method names are with `_`.
    Only,
}

/// What the result is to the first argument.
#[derive(Clone, Copy, Debug)]
pub enum ResultKind {
    /// New storage.
    Fresh,
    /// A view; `infer` gives its layout in the storage of the first argument.
    View,
    /// Several views of one call, which may not be written in place (rule R5.1).
    MultiView,
    /// The argument itself where the function says so (`x.float()` on f32), else new storage.
    SelfIf(fn(&[Arg<Meta>]) -> bool),
}

/// A tensor that a backward node keeps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Saved {
    /// The argument at this position; all tensors of a list or between brackets. A number there is saved as a wrapped number:
    /// no version to check, but gone after backward (rule R2.4).
    Input(usize),
    /// The result at this position.
    Output(usize),
    /// Something no user code can reach: a second backward fails, a version never does. The formula of a row with
    /// one may ask for every input and output: it gets the values as they were at the call.
    Hidden,
}

/// When it is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum When {
    /// Whenever the node is made.
    Always,
    /// Only if one of the arguments at these positions requires grad (rule R2.3).
    Needs(&'static [usize]),
}

/// One thing that the backward node keeps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Save {
    /// What.
    pub what: Saved,
    /// When.
    pub when: When,
}

/// A kernel, element by element, for the common case: operands of `f32`, of one shape, in order; all other arguments as
/// their defaults.
#[derive(Clone, Copy, Debug)]
pub enum Fast {
    /// Of one operand.
    One(fn(&[f32]) -> Vec<f32>),
    /// Of two, the second with as many elements or with one, which stands for a number.
    Two(fn(&[f32], &[f32]) -> Vec<f32>),
}

/// Shapes and dtypes of the results, by the arguments.
pub type Infer = fn(&[Arg<Meta>]) -> Result<Vec<Meta>, OpError>;
/// The numbers of the results, by the arguments.
pub type Kernel = fn(&[Arg<Array>], &mut Rng) -> Result<Vec<Array>, OpError>;
/// The gradients of the differentiable tensor arguments.
pub type Formula = fn(&mut dyn Backward) -> Result<Vec<Option<Var>>, OpError>;
/// The node's name, by the arguments.
pub type NodeBy = fn(&[Arg<Meta>]) -> &'static str;

/// What backward does at the operator's node.
#[derive(Clone, Copy)]
pub enum Gradient {
    /// The formula. It returns one entry a differentiable tensor argument, in the order of the arguments (a list
    /// counts once for each of its tensors); none is an undefined gradient.
    Formula(Formula),
    /// The result never requires grad (comparisons, `argmax`, `zeros_like`).
    NotDifferentiable,
    /// The result requires grad, and backward raises (rule R2.7, R10.2): the exception and its whole text.
    NotImplemented(Exception, &'static str),
}

impl fmt::Debug for Gradient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Gradient::Formula(_) => "Formula",
            Gradient::NotDifferentiable => "NotDifferentiable",
            Gradient::NotImplemented(..) => "NotImplemented",
        })
    }
}

/// One operator. There are no default columns: a row that lacks one does not compile.
#[derive(Clone, Copy, Debug)]
pub struct OpRow {
    /// ATen's name, unique in the table: `mul`, `sum`, `index_put`.
    pub name: &'static str,
    /// How it can be written.
    pub forms: Forms,
    /// Its parameters. Of an operator with an in-place form, the first is the tensor that is written.
    pub params: &'static [Param],
    /// What the result is to the first argument.
    pub result: ResultKind,
    /// Whether and how it can be written in place.
    pub in_place: InPlace,
    /// Shapes and dtypes of the results, or PyTorch's refusal.
    pub infer: Infer,
    /// The numbers: contiguous arrays of just the metas that `infer` gave. None for views.
    pub forward: Option<Kernel>,
    /// What the node keeps for backward.
    pub saves: &'static [Save],
    /// What backward does.
    pub gradient: Gradient,
    /// The node's name: `MulBackward0`.
    pub node: &'static str,
    /// The node's name where it depends on the arguments (`SumBackward0`, `SumBackward1`).
    pub node_by: Option<NodeBy>,
    /// The numbers of `f32` operands of one shape that lie in order: what `forward` gives, without its detours.
    pub fast: Option<Fast>,
    /// Rows of `ops.tsv` that this row is checked against; empty only with a comment that says what was measured instead.
    pub evidence: &'static [&'static str],
}

impl OpRow {
    /// What stands for the parameters from number `given` on where no argument does.
    pub fn defaults<T>(&self, given: usize) -> impl Iterator<Item = Arg<T>> + use<'_, T> {
        let absent = self.params.get(given..).unwrap_or_default();
        absent
            .iter()
            .map(|param| param.default.map_or(Arg::None, Default::arg))
    }

    /// The arguments without those at the end that say what [`defaults`](Self::defaults) says again.
    pub fn without_defaults<'a, T>(&self, args: &'a [Arg<T>]) -> &'a [Arg<T>] {
        let says_more = |(arg, param): (&Arg<T>, &Param)| match param.default {
            Some(default) => !default.is(arg),
            None => !matches!(arg, Arg::None),
        };
        if args.len() > self.params.len() {
            return args;
        }
        let last = args.iter().zip(self.params).rposition(says_more);
        &args[..last.map_or(0, |last| last + 1)]
    }
}

/// What a backward formula may ask and do. Formulas are written with operators of the table, so that they
/// differentiate again (`create_graph`), and so that either machine can run them.
pub trait Backward {
    /// The gradient of the result at `output`; none if undefined. Formulas of one output may rely on it.
    fn grad(&mut self, output: usize) -> Option<Var>;
    /// Dtype and sizes of the result at `output`.
    fn output_meta(&self, output: usize) -> Meta;
    /// The number of results.
    fn outputs(&self) -> usize;
    /// The argument at `position` as it was saved. Only what the row saves may be asked for.
    fn input(&mut self, position: usize) -> Result<Var, OpError>;
    /// The tensors of the list at `position`, or of the items between brackets there, as they were saved.
    fn inputs(&mut self, position: usize) -> Result<Vec<Var>, OpError>;
    /// The result at `output` as it was saved.
    fn output(&mut self, output: usize) -> Result<Var, OpError>;
    /// The arguments of the call: tensors as their metas (which are always kept), the rest as given.
    fn args(&self) -> &[Arg<Meta>];
    /// Whether the tensor argument at `position` (any of a list) requires grad. A formula should not compute what is not needed.
    fn needs(&self, position: usize) -> bool;
    /// Dtype and layout of a tensor.
    fn meta(&self, var: Var) -> Meta;
    /// Whether the gradients themselves are recorded (`create_graph`): PyTorch then writes less in place.
    fn is_recorded(&self) -> bool;
    /// Says that PyTorch makes `var` by that many writes where autograd looks on: they are counted in its version.
    fn count_writes(&mut self, var: Var, writes: u64);
    /// Runs the operator named `op` on bound arguments (trailing ones that have defaults may be left out).
    fn call(
        &mut self,
        op: &'static str,
        args: Vec<Arg<Var>>,
    ) -> Result<SmallVec<[Var; 2]>, OpError>;
}
