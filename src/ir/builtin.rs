//! What the machines implement by hand, by name: functions that are neither operators nor written in the prelude,
//! and what a tensor answers to beside the operators' methods.
//!
//! Keep this list short: an operator belongs in the table, and what can be written in `.tg` into the prelude.

/// An enum whose variants each have a name in the language.
macro_rules! named {
    ($(#[$attr:meta])* $enum:ident { $($(#[$doc:meta])* $variant:ident = $name:literal,)* }) => {
        $(#[$attr])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        pub enum $enum { $($(#[$doc])* $variant,)* }

        impl $enum {
            /// All of them, in the order of their definition.
            pub const ALL: &[$enum] = &[$($enum::$variant,)*];
            /// The name in the language.
            pub const fn name(self) -> &'static str {
                match self { $($enum::$variant => $name,)* }
            }
            /// The one of this name.
            pub fn from_name(name: &str) -> Option<$enum> {
                match name { $($name => Some($enum::$variant),)* _ => None }
            }
        }
    };
}

named! {
    /// A function or type that the machines implement.
    Intrinsic {
        // Python's.
        /// `print(*values, sep=" ", end="\n")`
        Print = "print",
        /// `len(x)`
        Len = "len",
        /// `range(start, stop, step)`
        Range = "range",
        /// `enumerate(xs, start=0)`: lazy
        Enumerate = "enumerate",
        /// `zip(*xs)`: lazy
        Zip = "zip",
        /// `reversed(xs)`
        Reversed = "reversed",
        /// `iter(xs)`
        Iter = "iter",
        /// `next(it, default)`
        Next = "next",
        /// `isinstance(x, class)`: classes, tuples of them, and the types below
        IsInstance = "isinstance",
        /// `issubclass(c, class)`
        IsSubclass = "issubclass",
        /// `hasattr(x, name)`
        HasAttr = "hasattr",
        /// `getattr(x, name, default)`
        GetAttr = "getattr",
        /// `setattr(x, name, value)`
        SetAttr = "setattr",
        /// `delattr(x, name)`
        DelAttr = "delattr",
        /// `callable(x)`
        Callable = "callable",
        /// `id(x)`: a number that is the same only for the same object
        Id = "id",
        /// `abs(x)`
        Abs = "abs",
        /// `min(…)`
        Min = "min",
        /// `max(…)`
        Max = "max",
        /// `round(x, digits)`
        Round = "round",
        /// `pow(x, y)`
        Pow = "pow",
        /// `divmod(x, y)`
        DivMod = "divmod",
        /// `sorted(xs, key=none, reverse=false)`
        Sorted = "sorted",
        /// `repr(x)`
        Repr = "repr",
        /// `type(x)`; of one argument only
        Type = "type",
        /// `int(x)`, the type
        Int = "int",
        /// `float(x)`, the type
        Float = "float",
        /// `bool(x)`, the type
        Bool = "bool",
        /// `str(x)`, the type
        Str = "str",
        /// `list(xs)`, the type
        List = "list",
        /// `tuple(xs)`, the type
        Tuple = "tuple",
        /// `dict(…)`, the type
        Dict = "dict",
        /// `set(xs)`, the type
        Set = "set",
        /// `slice(…)`, the type
        Slice = "slice",
        /// `object`, the type all classes derive from
        Object = "object",
        /// `property(f)`, as a decorator
        Property = "property",
        /// `staticmethod(f)`, as a decorator
        StaticMethod = "staticmethod",
        /// `classmethod(f)`, as a decorator
        ClassMethod = "classmethod",
        /// Something from outside of the program: a file, a dataset, an environment, an argument
        Outside = "_outside",
        // Numbers.
        /// `math.sqrt(x)`
        MathSqrt = "math.sqrt",
        /// `math.exp(x)`
        MathExp = "math.exp",
        /// `math.log(x, base)`
        MathLog = "math.log",
        /// `math.sin(x)`
        MathSin = "math.sin",
        /// `math.cos(x)`
        MathCos = "math.cos",
        /// `math.tanh(x)`
        MathTanh = "math.tanh",
        /// `math.floor(x)`
        MathFloor = "math.floor",
        /// `math.ceil(x)`
        MathCeil = "math.ceil",
        /// `math.prod(xs)`
        MathProd = "math.prod",
        /// `math.isnan(x)`
        MathIsNan = "math.isnan",
        /// `math.isinf(x)`
        MathIsInf = "math.isinf",
        /// `copy.deepcopy(x)`
        DeepCopy = "copy.deepcopy",
        /// `copy.copy(x)`
        Copy = "copy.copy",
        // PyTorch's.
        /// `Tensor`, the type
        Tensor = "Tensor",
        /// `nn.Parameter(data, requires_grad=true)`, the type
        Parameter = "nn.Parameter",
        /// `manual_seed(n)`
        ManualSeed = "manual_seed",
        /// `is_tensor(x)`
        IsTensor = "is_tensor",
        /// `as_tensor(x)`
        AsTensor = "as_tensor",
        /// `is_grad_enabled()`
        IsGradEnabled = "is_grad_enabled",
        /// `is_inference_mode_enabled()`
        IsInferenceModeEnabled = "is_inference_mode_enabled",
        /// `no_grad()`: a context manager and decorator
        NoGrad = "no_grad",
        /// `enable_grad()`
        EnableGrad = "enable_grad",
        /// `set_grad_enabled(mode)`: acts at once, and restores the mode when used with `with`
        SetGradEnabled = "set_grad_enabled",
        /// `inference_mode(mode=true)`
        InferenceMode = "inference_mode",
        /// `autograd.backward(tensors, grad_tensors, retain_graph, create_graph, inputs)`
        Backward = "autograd.backward",
        /// `autograd.grad(outputs, inputs, grad_outputs, retain_graph, create_graph, allow_unused, materialize_grads)`
        Grad = "autograd.grad",
        /// `autograd.Variable(x, requires_grad=false)` (rule R1.7)
        Variable = "autograd.Variable",
        // The prelude's own needs.
        /// `_reshape_is_view(x, shape)`: whether `reshape` would give a view
        ReshapeIsView = "_reshape_is_view",
        /// `_same_object(a, b)`: `a is b`, for the prelude's dispatch
        SameObject = "_same_object",
        /// `_write_kernel(buffer, value)`: writes a buffer as a kernel does, without a version bump (batch norm's running statistics, R4.4)
        WriteKernel = "_write_kernel",
        /// `_warn(text)`: a `UserWarning`
        Warn = "_warn",
        /// `_raise(type_name, text)`: raises in the name of PyTorch, at the caller's line
        Raise = "_raise",
        /// `_type_name(x)`: Python's name of the value's type; PyTorch's `torch.FloatTensor` for a tensor with `_tensor_type`
        TypeName = "_type_name",
        /// `_tensor_type(x)`: `torch.FloatTensor`
        TensorType = "_tensor_type",
        /// `_needs_grad(values)`: for each, whether it is a tensor that requires grad
        NeedsGrad = "_needs_grad",
        /// `_function_node(name, run, args, outputs, dirty, non_differentiable, materialize)`: a custom function's node
        /// (none where nothing is recorded) and what the call gives. The node calls `run(node, *grads)`.
        FunctionNode = "_function_node",
        /// `_node_save(node, values)`: what the node keeps for its backward; with a name, a node of no graph is made for it
        NodeSave = "_node_save",
        /// `_node_saved(node)`: the same again, checked
        NodeSaved = "_node_saved",
        /// `_push_saved_hooks(pack, unpack)`: what is saved from now on is packed
        PushSavedHooks = "_push_saved_hooks",
        /// `_pop_saved_hooks()`
        PopSavedHooks = "_pop_saved_hooks",
        /// `_backward_number()`: which backward is running; -1 if none
        BackwardNumber = "_backward_number",
        /// `_is_checkpoint_valid()`: whether the running backward fills the gradients of all leaves
        IsCheckpointValid = "_is_checkpoint_valid",
        /// `_rng_state()`: keeps the state of the random numbers, and gives its number
        RngState = "_rng_state",
        /// `_set_rng_state(number)`
        SetRngState = "_set_rng_state",
        /// `_set_anomaly(mode)`: anomaly mode; gives what it was
        SetAnomaly = "_set_anomaly",
        /// `_object_attrs(x)`: the dict of an instance's own attributes, live
        ObjectAttrs = "_object_attrs",
    }
}

/// The attribute of an array of the library that holds the tensor whose numbers it has.
pub const PLAIN: &str = "_plain";

impl Intrinsic {
    /// Whether it reads its arguments as numbers.
    pub fn takes_numbers(self) -> bool {
        use Intrinsic as I;
        matches!(
            self,
            I::Int | I::Float | I::Bool | I::Abs | I::Min | I::Max | I::Round | I::Pow | I::DivMod
        ) || self.name().starts_with("math.")
    }
}

named! {
    /// What a tensor answers to that is no operator. Attributes and methods share one list.
    TensorAttr {
        /// attribute, settable
        RequiresGrad = "requires_grad",
        /// attribute
        IsLeaf = "is_leaf",
        /// attribute, settable
        Grad = "grad",
        /// attribute
        GradFn = "grad_fn",
        /// attribute, settable
        Data = "data",
        /// attribute
        Version = "_version",
        /// attribute
        RetainsGrad = "retains_grad",
        /// attribute
        Shape = "shape",
        /// attribute
        DtypeAttr = "dtype",
        /// attribute
        Device = "device",
        /// attribute
        NDim = "ndim",
        /// attribute
        Base = "_base",
        /// method
        IsInference = "is_inference",
        /// method
        Backward = "backward",
        /// method
        Detach = "detach",
        /// method
        DetachInPlace = "detach_",
        /// method
        RequiresGradInPlace = "requires_grad_",
        /// method
        RetainGrad = "retain_grad",
        /// method
        RegisterHook = "register_hook",
        /// method
        RegisterPostAccumulateGradHook = "register_post_accumulate_grad_hook",
        /// method
        Item = "item",
        /// method
        ToList = "tolist",
        /// method
        Size = "size",
        /// method
        Stride = "stride",
        /// method
        StorageOffset = "storage_offset",
        /// method
        Dim = "dim",
        /// method
        NDimension = "ndimension",
        /// method
        Numel = "numel",
        /// method
        NElement = "nelement",
        /// method
        IsContiguous = "is_contiguous",
        /// method
        IsFloatingPoint = "is_floating_point",
        /// method
        DataPtr = "data_ptr",
        /// method: `x.new_tensor(data)`
        NewTensor = "new_tensor",
        /// method: the tensor itself on the CPU
        Cpu = "cpu",
        /// method: unsupported by the interpreter; the tensor itself to the analysis
        Cuda = "cuda",
        /// method: dtype or device; `to` of the operator table, with these argument forms
        To = "to",
        /// method
        Type = "type",
    }
}

/// The types and methods of values that are no tensors, for checking names when a program is lowered.
/// Both machines implement each of them.
pub const METHODS: &[(&str, &[&str])] = &[
    (
        "list",
        &[
            "append",
            "extend",
            "insert",
            "pop",
            "remove",
            "clear",
            "index",
            "count",
            "copy",
            "reverse",
            "sort",
            "__getitem__",
            "__setitem__",
        ],
    ),
    ("tuple", &["index", "count"]),
    (
        "dict",
        &[
            "keys",
            "values",
            "items",
            "get",
            "pop",
            "update",
            "setdefault",
            "__getitem__",
            "__setitem__",
            "copy",
            "clear",
        ],
    ),
    (
        "set",
        &[
            "add", "discard", "remove", "clear", "copy", "union", "update",
        ],
    ),
    (
        "str",
        &[
            "format",
            "join",
            "split",
            "strip",
            "lstrip",
            "rstrip",
            "startswith",
            "endswith",
            "upper",
            "lower",
            "replace",
            "find",
            "count",
            "title",
            "rsplit",
            "rfind",
            "splitlines",
            "isdigit",
            "removeprefix",
            "removesuffix",
            "zfill",
            "ljust",
            "rjust",
        ],
    ),
    ("int", &[]),
    ("float", &["is_integer"]),
    // `torch.Size` answers to these beside a tuple's.
    ("Size", &["numel"]),
    // What `register_hook` returns.
    ("RemovableHandle", &["remove"]),
    // `tensor.grad_fn`
    ("Node", &["name", "next_functions"]),
    ("Exception", &["args"]),
    ("type", &["__name__", "__class__", "__dict__", "__init__"]),
];
