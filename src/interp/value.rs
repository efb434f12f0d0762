//! Values of the concrete machine.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use smallvec::SmallVec;

use crate::ir::{Builtin, FuncId, TensorAttr};
use crate::ops::{Arg, Array, Buffer, Dtype, Exception, Meta, OpId};
use crate::source::Span;
use crate::symbol::Symbol;

/// A tensor: one more name for the same object when cloned.
pub(super) type Tensor = Rc<TensorImpl>;
/// A variable that closures share.
pub(super) type CellRef = Rc<RefCell<Value>>;

/// A value.
#[derive(Clone)]
pub(super) enum Value {
    None,
    Unbound,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(Rc<str>),
    Ellipsis,
    /// The elements, and whether it is a `torch.Size`.
    Tuple(Rc<[Value]>, bool),
    List(Rc<RefCell<Vec<Value>>>),
    Dict(Rc<RefCell<Dict>>),
    Set(Rc<RefCell<Dict>>),
    Range(i64, i64, i64),
    Slice(Rc<[Value; 3]>),
    Tensor(Tensor),
    Dtype(Dtype),
    Func(Rc<Closure>),
    Bound(Rc<(Value, Method)>),
    Class(Rc<Class>),
    Instance(Rc<Instance>),
    Exception(Rc<Exc>),
    Builtin(Builtin),
    Iter(Rc<RefCell<Iter>>),
    Mode(Rc<ModeManager>),
    Wrapped(Rc<(Mode, Value)>),
    Descriptor(Rc<(Descriptor, Value)>),
    Cell(CellRef),
    GradFn(Rc<Node>),
    /// `AccumulateGrad` of a leaf, as `next_functions` shows it.
    Accumulate(Tensor),
    Hook(Rc<HookHandle>),
    Super(Rc<(Value, Value)>),
    Device,
    Unknown,
}

/// A dict (or a set: values are `None`), in order of insertion.
#[derive(Default)]
pub(super) struct Dict {
    /// The entries.
    pub entries: Vec<(Value, Value)>,
    /// Where string keys are.
    names: rustc_hash::FxHashMap<Rc<str>, usize>,
}

impl Dict {
    fn position(&self, key: &Value) -> Option<usize> {
        match key {
            Value::Str(text) => self.names.get(text).copied(),
            _ => self.entries.iter().position(|(own, _)| same_key(own, key)),
        }
    }
    pub fn get(&self, key: &Value) -> Option<&Value> {
        self.position(key).map(|at| &self.entries[at].1)
    }
    pub fn named(&self, name: &str) -> Option<&Value> {
        self.names.get(name).map(|&at| &self.entries[at].1)
    }
    pub fn insert(&mut self, key: Value, value: Value) {
        match self.position(&key) {
            Some(at) => self.entries[at].1 = value,
            None => {
                if let Value::Str(text) = &key {
                    self.names.insert(Rc::clone(text), self.entries.len());
                }
                self.entries.push((key, value));
            }
        }
    }
    #[expect(
        clippy::iter_over_hash_type,
        reason = "each place is moved alike, in whatever order"
    )]
    pub fn remove(&mut self, key: &Value) -> Option<Value> {
        let at = self.position(key)?;
        let (key, value) = self.entries.remove(at);
        if let Value::Str(text) = &key {
            self.names.remove(text);
        }
        for place in self.names.values_mut() {
            if *place > at {
                *place -= 1;
            }
        }
        Some(value)
    }
    pub fn clear(&mut self) {
        self.entries.clear();
        self.names.clear();
    }
    pub fn len(&self) -> usize {
        self.entries.len()
    }
    pub fn copy(&self) -> Dict {
        Dict {
            entries: self.entries.clone(),
            names: self.names.clone(),
        }
    }
}

/// Whether two keys are one in a dict: equal numbers and strings, equal tuples of such, else the same object.
pub(super) fn same_key(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Str(a), Value::Str(b)) => a == b,
        (Value::Tuple(a, _), Value::Tuple(b, _)) => {
            a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| same_key(a, b))
        }
        _ => match (a.number(), b.number()) {
            (Some(a), Some(b)) => a == b,
            _ => a.is(b),
        },
    }
}

/// A function with what it captured.
pub(super) struct Closure {
    pub function: FuncId,
    pub defaults: Vec<Value>,
    pub captures: Vec<CellRef>,
}

/// A method that is bound to a value.
#[derive(Clone)]
pub(super) enum Method {
    Func(Value),
    Value(Symbol),
    Op(OpId, bool),
    Tensor(TensorAttr),
}

/// A class.
pub(super) struct Class {
    pub name: Symbol,
    /// Itself excluded.
    pub bases: Vec<Rc<Class>>,
    pub exception: Option<Exception>,
    pub members: RefCell<Dict>,
}

/// An object of a class.
pub(super) struct Instance {
    pub class: Rc<Class>,
    pub attrs: Rc<RefCell<Dict>>,
}

/// An exception object.
pub(super) struct Exc {
    pub kind: Exception,
    pub class: Option<Rc<Class>>,
    pub args: Vec<Value>,
    pub attrs: Rc<RefCell<Dict>>,
    /// Where it was first raised, and the calls that led there.
    pub place: RefCell<Option<(Span, Vec<Span>)>>,
}

/// The state of an iterator.
pub(super) enum Iter {
    Done,
    Values(Rc<[Value]>, usize),
    List(Rc<RefCell<Vec<Value>>>, usize),
    Range(i64, i64, i64),
    Enumerate(Value, i64),
    Zip(Vec<Value>),
}

/// A gradient mode.
#[derive(Clone, Copy)]
pub(super) enum Mode {
    Grad(bool),
    Inference(bool),
}

/// What `no_grad()` gives.
pub(super) struct ModeManager {
    pub mode: Mode,
    /// The modes to go back to, one an entry.
    pub before: RefCell<Vec<(bool, bool)>>,
    /// Whether the mode was set when this was made, and what was before is what every `with` goes back to.
    pub at_once: bool,
}

/// What a decorator makes of a function.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Descriptor {
    Property,
    Static,
    Class,
}

/// What `register_hook` gives.
pub(super) struct HookHandle {
    pub number: u64,
    pub node: Option<Weak<Node>>,
    pub tensor: Weak<TensorImpl>,
}

/// The numbers of a tensor and its views.
pub(super) struct Storage {
    pub buffer: RefCell<Rc<Buffer>>,
    /// How often it was written, and where last.
    pub writes: Cell<u64>,
    pub written: Cell<Option<Span>>,
    bytes: usize,
    total: Rc<Cell<usize>>,
}

impl Storage {
    pub fn new(buffer: Rc<Buffer>, total: &Rc<Cell<usize>>) -> Storage {
        let bytes = buffer.len() * item_size(buffer.dtype());
        total.set(total.get() + bytes);
        Storage {
            buffer: RefCell::new(buffer),
            writes: Cell::new(0),
            written: Cell::new(None),
            bytes,
            total: Rc::clone(total),
        }
    }
}

impl Drop for Storage {
    fn drop(&mut self) {
        self.total.set(self.total.get().saturating_sub(self.bytes));
    }
}

/// Bytes of an element.
pub(super) fn item_size(dtype: Dtype) -> usize {
    match dtype {
        Dtype::Bool => 1,
        Dtype::F32 => 4,
        Dtype::I64 | Dtype::F64 => 8,
    }
}

/// How a view came to be (rule R5.1).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Creation {
    Default,
    MultiOutput,
    NoGrad,
    Inference,
    /// By a custom function.
    Custom,
}

/// What a tensor is a view of.
pub(super) struct View {
    pub base: Tensor,
    pub attr_version: Cell<u64>,
    pub creation: Cell<Creation>,
}

/// A tensor.
pub(super) struct TensorImpl {
    pub id: u64,
    pub meta: RefCell<Rc<Meta>>,
    pub storage: RefCell<Rc<Storage>>,
    pub bit: Cell<bool>,
    pub grad_fn: RefCell<Option<(Rc<Node>, usize)>>,
    pub grad: RefCell<Option<Tensor>>,
    pub retains: Cell<bool>,
    pub hooks: RefCell<Vec<(u64, Value)>>,
    pub post_hooks: RefCell<Vec<(u64, Value)>>,
    /// None for a tensor made in inference mode.
    pub counter: Option<Rc<Cell<u64>>>,
    /// What `detach` and `data` make of an inference tensor counts its own writes, and may itself be written anywhere.
    pub loose: Option<Cell<u64>>,
    /// Whether autograd passes it over: it was made in inference mode, or has the data of one that was.
    pub passed_over: Cell<bool>,
    pub view: Option<View>,
    pub is_parameter: Cell<bool>,
    pub made: Span,
    /// The backward that last left a gradient, and whether it retained the graph.
    pub left: Cell<bool>,
    /// Attributes set by the program.
    pub attrs: RefCell<Option<Rc<RefCell<Dict>>>>,
}

impl TensorImpl {
    pub fn meta(&self) -> Rc<Meta> {
        Rc::clone(&self.meta.borrow())
    }
    pub fn dtype(&self) -> Dtype {
        self.meta.borrow().dtype
    }
    /// Whether it is an inference tensor.
    pub fn is_inference(&self) -> bool {
        self.passed_over.get()
    }
    pub fn array(&self) -> Array {
        let storage = self.storage.borrow();
        let buffer = Rc::clone(&storage.buffer.borrow());
        Array {
            buffer,
            meta: (**self.meta.borrow()).clone(),
        }
    }
    pub fn version(&self) -> Option<u64> {
        self.counter.as_ref().map(|counter| counter.get())
    }
    pub fn requires_grad(&self) -> bool {
        self.bit.get()
            || self.grad_fn.borrow().is_some()
            || self
                .view
                .as_ref()
                .is_some_and(|view| view.base.requires_grad())
    }
}

/// Where a gradient goes from a node.
#[derive(Clone)]
pub(super) enum Edge {
    Null,
    Leaf(Tensor),
    Node(Rc<Node>, usize),
}

/// Where gradients go from a node, one for each tensor that a gradient may flow to.
pub(super) type Edges = SmallVec<[Edge; 2]>;

/// A tensor that a node keeps.
pub(super) struct SavedTensor {
    pub what: SavedKind,
}

/// How it is kept.
#[derive(Clone)]
pub(super) enum SavedKind {
    /// Only its layout is known: the row does not save it.
    Not,
    /// An input, checked by its version.
    Input {
        tensor: Tensor,
        version: u64,
        had_grad_fn: bool,
        stamp: (Rc<Storage>, u64),
    },
    /// A result: without its graph, so that nothing keeps itself alive.
    Output {
        alias: Tensor,
        version: u64,
        output: usize,
        stamp: (Rc<Storage>, u64),
        /// Of a write through a view: the node behind the view afterwards, as long as it is there. Messages name it.
        seen_as: std::rc::Weak<Node>,
    },
    /// What a hook made of it, and the hook that makes a tensor of that again.
    Packed {
        value: Value,
        unpack: Value,
        edge: Edge,
        /// For a result of the node itself: which.
        output: Option<usize>,
    },
    /// As it was at the call.
    Hidden { array: Array, edge: Edge },
}

/// A node of the graph.
pub(super) struct Node {
    pub sequence: u64,
    pub name: &'static str,
    pub kind: NodeKind,
    pub edges: RefCell<Edges>,
    pub metas: Vec<Arg<Meta>>,
    pub outputs: RefCell<SmallVec<[Rc<Meta>; 1]>>,
    pub args: Vec<Arg<usize>>,
    pub saved: RefCell<Vec<SavedTensor>>,
    pub saved_outputs: RefCell<Vec<(usize, SavedTensor)>>,
    pub needs: SmallVec<[bool; 8]>,
    pub keeps: Cell<bool>,
    pub released: Cell<bool>,
    pub hooks: RefCell<Vec<(u64, usize, Value)>>,
    pub retaining: RefCell<Vec<(usize, Weak<TensorImpl>)>>,
}

/// What a node does.
pub(super) enum NodeKind {
    Op(OpId),
    CopySlices {
        base: Meta,
        view: Meta,
        inner: Rc<Node>,
    },
    NotImplemented(Exception, std::borrow::Cow<'static, str>),
    /// What the program wrote.
    Function(super::function::Function),
}

impl Drop for Node {
    fn drop(&mut self) {
        let mut work: Edges = std::mem::take(&mut *self.edges.borrow_mut());
        self.saved.borrow_mut().clear();
        while let Some(edge) = work.pop() {
            if let Edge::Node(node, _) = edge
                && let Some(node) = Rc::into_inner(node)
            {
                work.append(&mut node.edges.borrow_mut());
                node.saved.borrow_mut().clear();
            }
        }
    }
}

impl Value {
    pub fn str(text: impl Into<Rc<str>>) -> Value {
        Value::Str(text.into())
    }
    pub fn tuple(values: Vec<Value>) -> Value {
        Value::Tuple(values.into(), false)
    }
    pub fn list(values: Vec<Value>) -> Value {
        Value::List(Rc::new(RefCell::new(values)))
    }
    pub fn number(&self) -> Option<f64> {
        match self {
            Value::Bool(value) => Some(f64::from(u8::from(*value))),
            Value::Int(value) => Some(*value as f64),
            Value::Float(value) => Some(*value),
            _ => None,
        }
    }
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Value::Bool(value) => Some(i64::from(*value)),
            Value::Int(value) => Some(*value),
            _ => None,
        }
    }
    pub fn as_tensor(&self) -> Option<&Tensor> {
        if let Value::Tensor(tensor) = self {
            Some(tensor)
        } else {
            None
        }
    }
    /// `a is b`
    pub fn is(&self, other: &Value) -> bool {
        use Value as V;
        match (self, other) {
            (V::None, V::None)
            | (V::Ellipsis, V::Ellipsis)
            | (V::Device, V::Device)
            | (V::Unbound, V::Unbound) => true,
            (V::Bool(a), V::Bool(b)) => a == b,
            (V::Int(a), V::Int(b)) => a == b,
            (V::Float(a), V::Float(b)) => a == b,
            (V::Str(a), V::Str(b)) => a == b,
            (V::Tuple(a, _), V::Tuple(b, _)) => Rc::ptr_eq(a, b) || (a.is_empty() && b.is_empty()),
            (V::List(a), V::List(b)) => Rc::ptr_eq(a, b),
            (V::Dict(a), V::Dict(b)) | (V::Set(a), V::Set(b)) => Rc::ptr_eq(a, b),
            (V::Tensor(a), V::Tensor(b)) => Rc::ptr_eq(a, b),
            (V::Dtype(a), V::Dtype(b)) => a == b,
            (V::Func(a), V::Func(b)) => Rc::ptr_eq(a, b),
            (V::Class(a), V::Class(b)) => Rc::ptr_eq(a, b),
            (V::Instance(a), V::Instance(b)) => Rc::ptr_eq(a, b),
            (V::Exception(a), V::Exception(b)) => Rc::ptr_eq(a, b),
            (V::Builtin(a), V::Builtin(b)) => a == b,
            (V::GradFn(a), V::GradFn(b)) => Rc::ptr_eq(a, b),
            (V::Mode(a), V::Mode(b)) => Rc::ptr_eq(a, b),
            (V::Wrapped(a), V::Wrapped(b)) => Rc::ptr_eq(a, b),
            (V::Iter(a), V::Iter(b)) => Rc::ptr_eq(a, b),
            (V::Bound(a), V::Bound(b)) => Rc::ptr_eq(a, b),
            _ => false,
        }
    }
}

/// The arguments of a call.
#[derive(Clone, Default)]
pub(super) struct Args {
    pub positional: SmallVec<[Value; 4]>,
    pub keyword: Vec<(Symbol, Value)>,
}

impl Args {
    pub fn of(positional: impl IntoIterator<Item = Value>) -> Args {
        Args {
            positional: positional.into_iter().collect(),
            keyword: Vec::new(),
        }
    }
    pub fn get(&self, at: usize, name: &str) -> Option<&Value> {
        self.positional.get(at).or_else(|| self.named(name))
    }
    pub fn named(&self, name: &str) -> Option<&Value> {
        self.keyword
            .iter()
            .find(|(key, _)| key.as_str() == name)
            .map(|(_, value)| value)
    }
    pub fn take(&mut self, name: &str) -> Option<Value> {
        let at = self
            .keyword
            .iter()
            .position(|(key, _)| key.as_str() == name)?;
        Some(self.keyword.remove(at).1)
    }
    pub fn with_first(mut self, first: Value) -> Args {
        self.positional.insert(0, first);
        self
    }
}
