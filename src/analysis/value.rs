//! Abstract values and objects. Where the program is concrete they are just the values; where it is not, they say what
//! is not known. What is mutable lives in the heap of a [`World`](super::world::World) and is named by an [`ObjId`].

use std::rc::Rc;

use smallvec::SmallVec;

use super::story::OriginId;
use crate::dataflow::Tri;
use crate::index::Idx;
use crate::ir::{Builtin, FuncId, TensorAttr};
use crate::lint::Certainty;
use crate::ops::{Dtype, Exception, Meta, Scalar};
use crate::source::Span;
use crate::symbol::Symbol;

crate::define_index! {
    /// An object. Numbers are never used twice in one analysis, so that objects of joined states do not collide.
    pub struct ObjId = "o";
    /// A node of the autograd graph, of any state.
    pub struct NodeId = "n";
}

/// An abstract value.
#[derive(Clone, Debug)]
pub enum Val {
    /// An unbound variable.
    Unbound,
    /// `None`, with what it comes from.
    None(OriginId),
    /// A bool.
    Bool(Option<bool>),
    /// An integer, with the tensor it was read from, if it was.
    Int(Option<i64>, OriginId),
    /// A float.
    Float(Option<f64>, OriginId),
    /// A string.
    Str(Option<Rc<str>>),
    /// `...`
    Ellipsis,
    /// A tuple; `true`: a `torch.Size`.
    Tuple(Rc<[Val]>, bool),
    /// `slice(a, b, c)`
    Slice(Rc<[Val; 3]>),
    /// `range(start, stop, step)`
    Range(Rc<[Val; 3]>),
    /// A dtype.
    Dtype(Dtype),
    /// A builtin.
    Builtin(Builtin),
    /// A function.
    Func(Rc<Closure>),
    /// A method bound to its object.
    Bound(Rc<(Val, Method)>),
    /// The result of `super()`: the class whose successors are searched, and the object.
    Super(Rc<(ObjId, Val)>),
    /// The `grad_fn` of a tensor.
    GradFn(NodeId),
    /// Something on the heap.
    Obj(ObjId),
    /// Nothing is known but that it comes from outside: no tensor in it requires a gradient (see [`outside`](super::outside)).
    Outside,
    /// Nothing is known.
    Unknown,
}

/// What a bound method is.
#[derive(Clone, Debug)]
pub enum Method {
    /// A function with the object as its first argument.
    Func(Val),
    /// An operator row's method, or its in-place form.
    Op(crate::ops::OpId, bool),
    /// A tensor's own.
    Tensor(TensorAttr),
    /// A method of a value that is no tensor (`list.append`), by name.
    Value(Symbol),
}

/// A function with what it captured.
#[derive(Debug)]
pub struct Closure {
    /// Its code.
    pub function: FuncId,
    /// The defaults of those parameters that have one.
    pub defaults: Box<[Val]>,
    /// The captured cells.
    pub captures: Box<[ObjId]>,
}

impl Val {
    /// `None` of no particular origin.
    pub const NONE: Val = Val::None(OriginId::NOWHERE);

    /// An integer that is known.
    pub fn int(value: i64) -> Val {
        Val::Int(Some(value), OriginId::NOWHERE)
    }
    /// A float that is known.
    pub fn float(value: f64) -> Val {
        Val::Float(Some(value), OriginId::NOWHERE)
    }
    /// A string that is known.
    pub fn str(value: impl Into<Rc<str>>) -> Val {
        Val::Str(Some(value.into()))
    }
    /// A tuple.
    pub fn tuple(values: Vec<Val>) -> Val {
        Val::Tuple(values.into(), false)
    }
    /// The number, where the value is one and it is known.
    pub fn scalar(&self) -> Option<Scalar> {
        match *self {
            Val::Bool(Some(value)) => Some(Scalar::Bool(value)),
            Val::Int(Some(value), _) => Some(Scalar::Int(value)),
            Val::Float(Some(value), _) => Some(Scalar::Float(value)),
            _ => None,
        }
    }
    /// The value of a number.
    pub fn from_scalar(scalar: Scalar) -> Val {
        match scalar {
            Scalar::Bool(value) => Val::Bool(Some(value)),
            Scalar::Int(value) => Val::int(value),
            Scalar::Float(value) => Val::float(value),
        }
    }
    /// Whether the value is a number or bool, known or not.
    pub fn is_number(&self) -> bool {
        matches!(self, Val::Bool(_) | Val::Int(..) | Val::Float(..))
    }
    /// The integer, where it is known.
    pub fn as_int(&self) -> Option<i64> {
        match *self {
            Val::Int(value, _) => value,
            Val::Bool(value) => value.map(i64::from),
            _ => None,
        }
    }
    /// Where the value comes from, as far as that is kept.
    pub fn origin(&self) -> OriginId {
        match *self {
            Val::None(origin) | Val::Int(_, origin) | Val::Float(_, origin) => origin,
            _ => OriginId::NOWHERE,
        }
    }
    /// Whether both are the same value for sure. Origins do not count.
    pub fn same(&self, other: &Val) -> bool {
        match (self, other) {
            (Val::Unbound, Val::Unbound)
            | (Val::None(_), Val::None(_))
            | (Val::Ellipsis, Val::Ellipsis)
            | (Val::Outside, Val::Outside)
            | (Val::Unknown, Val::Unknown) => true,
            (Val::Bool(a), Val::Bool(b)) => a == b,
            (Val::Int(a, _), Val::Int(b, _)) => a == b,
            (Val::Float(a, _), Val::Float(b, _)) => a.map(f64::to_bits) == b.map(f64::to_bits),
            (Val::Str(a), Val::Str(b)) => a == b,
            (Val::Tuple(a, _), Val::Tuple(b, _)) => {
                Rc::ptr_eq(a, b)
                    || (a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| a.same(b)))
            }
            (Val::Slice(a), Val::Slice(b)) | (Val::Range(a), Val::Range(b)) => {
                a.iter().zip(b.iter()).all(|(a, b)| a.same(b))
            }
            (Val::Dtype(a), Val::Dtype(b)) => a == b,
            (Val::Builtin(a), Val::Builtin(b)) => a == b,
            (Val::Func(a), Val::Func(b)) => {
                Rc::ptr_eq(a, b)
                    || (a.function == b.function
                        && a.captures == b.captures
                        && a.defaults
                            .iter()
                            .zip(b.defaults.iter())
                            .all(|(a, b)| a.same(b)))
            }
            (Val::Bound(a), Val::Bound(b)) => {
                Rc::ptr_eq(a, b) || (a.0.same(&b.0) && a.1.same(&b.1))
            }
            (Val::Super(a), Val::Super(b)) => a.0 == b.0 && a.1.same(&b.1),
            (Val::GradFn(a), Val::GradFn(b)) => a == b,
            (Val::Obj(a), Val::Obj(b)) => a == b,
            _ => false,
        }
    }
}

impl Method {
    fn same(&self, other: &Method) -> bool {
        match (self, other) {
            (Method::Func(a), Method::Func(b)) => a.same(b),
            (Method::Op(a, c), Method::Op(b, d)) => a == b && c == d,
            (Method::Tensor(a), Method::Tensor(b)) => a == b,
            (Method::Value(a), Method::Value(b)) => a == b,
            _ => false,
        }
    }
}

/// Something on the heap.
#[derive(Clone, Debug)]
pub enum Obj {
    /// A tensor.
    Tensor(Rc<Tensor>),
    /// A version counter.
    Counter(Counter),
    /// A storage.
    Storage(Storage),
    /// A list.
    List(Rc<Vec<Val>>),
    /// A list, set or iterable of which only this much of the elements is known.
    Opaque,
    /// A dict.
    Dict(Rc<Dict>),
    /// A set.
    Set(Rc<Vec<Val>>),
    /// An instance of a class of the program or the prelude.
    Instance(Rc<Instance>),
    /// A class.
    Class(Rc<Class>),
    /// A cell.
    Cell(Val),
    /// An iterator.
    Iterator(Rc<Iterator>),
    /// A context manager for a gradient mode.
    Mode(ModeManager),
    /// A function wrapped by a mode manager.
    Wrapped(Rc<(Mode, Val)>),
    /// A `property`, `staticmethod` or `classmethod`.
    Descriptor(Descriptor, Val),
    /// An exception.
    Exception(Rc<Exc>),
    /// What `register_hook` returns: the tensor and the hook's number.
    HookHandle(ObjId, u32),
}

/// A dict, in order of insertion.
#[derive(Clone, Debug, Default)]
pub struct Dict {
    /// Keys and values.
    pub entries: Vec<(Val, Val)>,
    /// Whether there may be entries that are not known.
    pub open: bool,
}

impl Dict {
    /// The place of the entry with this key, if it is there for sure.
    pub fn position(&self, key: &Val) -> Option<usize> {
        self.entries
            .iter()
            .position(|(known, _)| known.same(key) || numbers_equal(known, key))
    }
    /// The value of this key.
    pub fn get(&self, key: &Val) -> Option<&Val> {
        self.position(key).map(|at| &self.entries[at].1)
    }
    /// Puts the value at the key.
    pub fn insert(&mut self, key: Val, value: Val) {
        match self.position(&key) {
            Some(at) => self.entries[at].1 = value,
            None => self.entries.push((key, value)),
        }
    }
}

fn numbers_equal(a: &Val, b: &Val) -> bool {
    matches!((a.scalar(), b.scalar()), (Some(a), Some(b)) if a.as_f64() == b.as_f64())
}

/// An instance.
#[derive(Clone, Debug)]
pub struct Instance {
    /// Its class.
    pub class: ObjId,
    /// The dict of its attributes.
    pub attrs: ObjId,
}

/// A class.
#[derive(Clone, Debug)]
pub struct Class {
    /// Its name.
    pub name: Symbol,
    /// Itself and its bases in method resolution order.
    pub mro: Rc<[ObjId]>,
    /// The exception type that it derives from, if it does.
    pub exception: Option<Exception>,
    /// Its members.
    pub members: Vec<(Symbol, Val)>,
    /// Whether a base is not known, so that any attribute may exist.
    pub open: bool,
}

/// An iterator that was made by `iter`, `enumerate`, `zip`.
#[derive(Clone, Debug)]
pub enum Iterator {
    /// Over values that are known one by one, from this place on.
    Values(Rc<[Val]>, usize),
    /// Over a list, which may change meanwhile, from this place on.
    List(ObjId, usize),
    /// Over numbers: next, stop, step.
    Range(i64, i64, i64),
    /// Over any number of unknown integers.
    UnknownRange,
    /// `enumerate`
    Enumerate(ObjId, Option<i64>),
    /// `zip`
    Zip(Vec<ObjId>),
    /// Any number of values of which nothing is known but that they are like this one.
    Unknown(Val),
    /// Exhausted.
    Done,
}

impl Iterator {
    /// Whether both give the same for sure.
    pub fn same(&self, other: &Iterator) -> bool {
        match (self, other) {
            (Iterator::Values(a, at), Iterator::Values(b, other)) => {
                at == other && a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| a.same(b))
            }
            (Iterator::List(a, at), Iterator::List(b, other)) => a == b && at == other,
            (Iterator::Range(a, b, c), Iterator::Range(d, e, f)) => (a, b, c) == (d, e, f),
            (Iterator::UnknownRange, Iterator::UnknownRange) => true,
            (Iterator::Enumerate(a, at), Iterator::Enumerate(b, other)) => a == b && at == other,
            (Iterator::Zip(a), Iterator::Zip(b)) => a == b,
            (Iterator::Unknown(a), Iterator::Unknown(b)) => a.same(b),
            (Iterator::Done, Iterator::Done) => true,
            _ => false,
        }
    }
}

/// A gradient mode.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// `no_grad`, `enable_grad`, `set_grad_enabled`
    Grad(Tri),
    /// `inference_mode`
    Inference(Tri),
}

/// A context manager for a gradient mode.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ModeManager {
    /// What it enters.
    pub mode: Mode,
    /// What was in force when it was entered: gradient and inference mode.
    pub before: Option<(Tri, Tri)>,
}

/// The kinds of descriptors.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Descriptor {
    /// `property`
    Property,
    /// `staticmethod`
    Static,
    /// `classmethod`
    Class,
}

/// An exception.
#[derive(Clone, Debug)]
pub struct Exc {
    /// Its Python type, or the one its class derives from.
    pub kind: Exception,
    /// Its class, if the program defines it.
    pub class: Option<ObjId>,
    /// Its text; none if not known.
    pub message: Option<Rc<str>>,
    /// What it was made with.
    pub args: Vec<Val>,
}

/// A version counter (rules R4.1, R4.2).
#[derive(Clone, Debug)]
pub struct Counter {
    /// The lowest version on any path: the number of writes for sure.
    pub low: u32,
    /// The highest version on any path.
    pub high: u32,
    /// The last write: a counter is unchanged for sure since it had this one.
    pub last: u32,
    /// The writes, newest first.
    pub writes: Option<Rc<Write>>,
}

/// A write to a storage.
#[derive(Debug)]
pub struct Write {
    /// Where.
    pub span: Span,
    /// Its number.
    pub number: u32,
    /// The one before.
    pub before: Option<Rc<Write>>,
}

/// Where numbers are kept. Several version counters may speak of one storage (`.data`).
#[derive(Clone, Debug)]
pub struct Storage {
    /// The last write.
    pub last: u32,
    /// Where that was.
    pub span: Option<Span>,
    /// How many elements it has room for, if known.
    pub length: Option<u32>,
    /// If the last was no write: the tensor that was given other data.
    pub left_by: Option<ObjId>,
}

impl Storage {
    /// One that was never written.
    pub fn new(length: Option<u32>) -> Storage {
        Storage {
            last: 0,
            span: None,
            length,
            left_by: None,
        }
    }
}

/// A tensor.
#[derive(Clone, Debug)]
pub struct Tensor {
    /// Layout and dtype, if known.
    pub meta: Option<Rc<Meta>>,
    /// The dtype, if known.
    pub dtype: Option<Dtype>,
    /// The `requires_grad` bit.
    pub bit: Tri,
    /// Its place in the graph.
    pub grad_fn: GradFn,
    /// Its `.grad`: `None`, a tensor, or unknown.
    pub grad: Val,
    /// Its version counter; none for an inference tensor.
    pub counter: Option<ObjId>,
    /// Whether it is what `detach` or `data` makes of an inference tensor, which may itself be written anywhere.
    pub is_loose: bool,
    /// Whether its data is that of an inference tensor, though it was made outside of inference mode.
    pub is_lent: bool,
    /// Its storage.
    pub storage: ObjId,
    /// What it is a view of.
    pub view: Option<Rc<View>>,
    /// Whether `.grad` is filled although it is no leaf.
    pub retains_grad: bool,
    /// Its hooks.
    pub hooks: Rare<Hooks>,
    /// Whether it is an `nn.Parameter`.
    pub is_parameter: bool,
    /// Where it comes from.
    pub origin: OriginId,
    /// If it stands for one of several tensors after a merge: which.
    pub one_of: Option<Rc<SmallVec<[ObjId; 2]>>>,
    /// What happened to its gradient and flag.
    pub history: Rare<Events>,
}

// A program of 300,000 statements has as many of these or more; `cargo bench --bench memory` is what it comes to.
#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<Tensor>() <= 104);

/// What few tensors have; the others pay a pointer for it.
#[derive(Clone, Debug)]
pub struct Rare<T>(Option<Rc<T>>);

/// The value of those that have none.
pub trait Nothing: Clone + 'static {
    /// It.
    const NOTHING: &'static Self;
}

/// The hooks of a tensor, with their numbers.
#[derive(Clone, Debug)]
pub struct Hooks {
    /// Those that see the gradient, and may change it.
    pub before: Vec<(u32, Val)>,
    /// Those that run once the gradient is accumulated.
    pub behind: Vec<(u32, Val)>,
}

/// What happened to a tensor's gradient and flag on the way here.
#[derive(Clone, Debug)]
pub struct Events {
    /// The backward calls that left something in the gradient since it was cleared.
    pub left_by: Vec<Span>,
    /// Whether any backward ever left something.
    pub ever: bool,
    /// Where it was last cleared.
    pub cleared: Option<Span>,
    /// Where it was frozen.
    pub frozen: Option<Span>,
    /// Where `retain_grad` was called.
    pub retained: Option<Span>,
    /// The backward that added to what it had left itself, and whether it did so on every way here.
    pub accumulated: Option<(Span, Certainty)>,
    /// Whether the gradient was read or used by a step.
    pub used: bool,
}

impl<T> Rare<T> {
    /// Whether both are one, or neither has any.
    pub fn is_shared_by(&self, other: &Rare<T>) -> bool {
        match (&self.0, &other.0) {
            (None, None) => true,
            (Some(a), Some(b)) => Rc::ptr_eq(a, b),
            _ => false,
        }
    }
}

impl Rare<Events> {
    /// What may have happened on one of two ways.
    pub fn join(&self, other: &Rare<Events>) -> Rare<Events> {
        match self.is_shared_by(other) {
            true => self.clone(),
            false => Rare(Some(Rc::new(either(self, other)))),
        }
    }
}

/// What is told is what never happened on either way, so this keeps what happened on one, but for what a gradient may
/// hold: only what it holds for sure is added to.
fn either(a: &Events, b: &Events) -> Events {
    let held = a.left_by.iter().filter(|at| b.left_by.contains(at));
    let accumulated = match (a.accumulated, b.accumulated) {
        (Some((at, a)), Some((_, b))) if a == b => Some((at, a)),
        (a, b) => a.or(b).map(|(at, _)| (at, Certainty::Sometimes)),
    };
    Events {
        left_by: held.copied().collect(),
        ever: a.ever || b.ever,
        cleared: a.cleared.or(b.cleared),
        frozen: a.frozen.or(b.frozen),
        retained: a.retained.or(b.retained),
        accumulated,
        used: a.used || b.used,
    }
}

impl Nothing for Events {
    const NOTHING: &'static Events = &Events {
        left_by: Vec::new(),
        ever: false,
        cleared: None,
        frozen: None,
        retained: None,
        accumulated: None,
        used: false,
    };
}

impl Nothing for Hooks {
    const NOTHING: &'static Hooks = &Hooks {
        before: Vec::new(),
        behind: Vec::new(),
    };
}

impl<T> Default for Rare<T> {
    fn default() -> Rare<T> {
        Rare(None)
    }
}

impl<T: Nothing> std::ops::Deref for Rare<T> {
    type Target = T;
    fn deref(&self) -> &T {
        self.0.as_deref().unwrap_or(T::NOTHING)
    }
}

impl<T: Nothing> std::ops::DerefMut for Rare<T> {
    fn deref_mut(&mut self) -> &mut T {
        Rc::make_mut(self.0.get_or_insert_with(|| Rc::new(T::NOTHING.clone())))
    }
}

/// An output of a node, or none.
pub type MaybeOutput = Option<(NodeId, u32)>;

/// A tensor's place in the graph.
#[derive(Clone, PartialEq, Debug)]
pub enum GradFn {
    /// A leaf, or outside of any graph.
    None,
    /// Output of a node.
    Node(NodeId, u32),
    /// Any of these, after a merge; an absent one stands for [`GradFn::None`].
    OneOf(Rc<SmallVec<[MaybeOutput; 2]>>),
    /// Not known which; whether there is one at all.
    Unknown(Tri),
}

impl GradFn {
    /// Any of these.
    pub fn one_of(parts: impl IntoIterator<Item = MaybeOutput>) -> GradFn {
        GradFn::OneOf(Rc::new(parts.into_iter().collect()))
    }

    /// This output of a node, if it was recorded.
    pub fn output(node: NodeId, output: u32, recorded: Tri) -> GradFn {
        match recorded.is_true() {
            true => GradFn::Node(node, output),
            false => GradFn::one_of([None, Some((node, output))]),
        }
    }
}

/// What a tensor is a view of (rules R5.1, R5.4).
#[derive(Clone, PartialEq, Debug)]
pub struct View {
    /// The root of the chain.
    pub base: ObjId,
    /// The base's last write when `grad_fn` was last derived; `grad_fn` is stale once there is another.
    pub attr_write: u32,
    /// How it was made.
    pub creation: Creation,
}

/// How a view was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Creation {
    /// Ordinarily.
    Default,
    /// By a call that makes several: the row's node name, and the place in the results.
    MultiOutput,
    /// While gradient mode was off.
    NoGrad,
    /// In inference mode.
    Inference,
    /// By a custom function.
    Custom,
}

impl Creation {
    /// Which failure a write to such a view is, or its use after its base was written.
    pub(super) fn failure(self) -> super::fact::Failure {
        use super::fact::Failure;
        match self {
            Creation::MultiOutput => Failure::MultiOutputView,
            Creation::Custom => Failure::CustomView,
            _ => Failure::NoGradView,
        }
    }
}

impl ObjId {
    /// The number, to index a [`PersistentVec`](crate::dataflow::PersistentVec).
    pub fn number(self) -> u32 {
        self.index() as u32
    }
}

impl NodeId {
    /// The number, to index a [`PersistentVec`](crate::dataflow::PersistentVec).
    pub fn number(self) -> u32 {
        self.index() as u32
    }
}
