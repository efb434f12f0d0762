//! What a name that the program does not bind is called in Python, and the header that makes those names known.

use crate::symbol::Symbol;

/// Python's own functions and types that the language has under their own names. They win over PyTorch's of the same
/// name (`abs`, `sum`, `max`, …), which are reached as `torch.sum` or as methods.
const PYTHON: &[&str] = &[
    "abs",
    "all",
    "any",
    "bool",
    "callable",
    "classmethod",
    "delattr",
    "dict",
    "divmod",
    "enumerate",
    "filter",
    "float",
    "getattr",
    "hasattr",
    "id",
    "int",
    "isinstance",
    "issubclass",
    "iter",
    "len",
    "list",
    "map",
    "max",
    "min",
    "next",
    "object",
    "pow",
    "print",
    "property",
    "range",
    "repr",
    "reversed",
    "round",
    "set",
    "setattr",
    "slice",
    "sorted",
    "staticmethod",
    "str",
    "sum",
    "super",
    "tuple",
    "type",
    "zip",
    "ArithmeticError",
    "AssertionError",
    "AttributeError",
    "BaseException",
    "Exception",
    "IndexError",
    "KeyError",
    "LookupError",
    "NameError",
    "NotImplementedError",
    "OverflowError",
    "RecursionError",
    "RuntimeError",
    "StopIteration",
    "TypeError",
    "UnboundLocalError",
    "UserWarning",
    "ValueError",
    "Warning",
    "ZeroDivisionError",
    "__name__",
];

const UNKNOWN: &str = "\
_draws = 1


def _unknown():
    global _draws
    _draws = (_draws * 6364136223846793005 + 1442695040888963407) % 2**64
    return _draws >> 63 == 1


";

const INPUT: &str = "\
def _input():
    raise NotImplementedError(\"input() needs a type: x: f32[2, 3] = input()\")


";

/// What the header has to bring beside `torch`.
pub(super) struct Needs {
    /// What PyTorch is called: the program may have another `torch`.
    torch: &'static str,
    nn: bool,
    optim: bool,
    functional: bool,
    math: bool,
    copy: bool,
    unknown: bool,
    input: bool,
}

impl Needs {
    /// Nothing so far; `taken` where the program binds the name `torch` itself.
    pub(super) fn new(taken: bool) -> Needs {
        let torch = if taken { "_torch" } else { "torch" };
        let (nn, optim, functional, math, copy, unknown, input) =
            (false, false, false, false, false, false, false);
        Needs {
            torch,
            nn,
            optim,
            functional,
            math,
            copy,
            unknown,
            input,
        }
    }

    /// PyTorch's `name`.
    pub(super) fn torch(&self, name: &str) -> String {
        format!("{}.{}", self.torch, of_torch(name))
    }

    /// What the unbound name `name` is called in Python.
    pub(super) fn global(&mut self, name: Symbol) -> String {
        let name = name.as_str();
        match name {
            "torch" => {}
            "nn" => self.nn = true,
            "optim" => self.optim = true,
            "F" => self.functional = true,
            "math" => self.math = true,
            "copy" => self.copy = true,
            "unknown" => {
                self.unknown = true;
                return "_unknown".into();
            }
            "input" => {
                self.input = true;
                return "_input".into();
            }
            _ if PYTHON.contains(&name) => {}
            _ => return self.torch(name),
        }
        name.into()
    }

    /// What `torch.name` is called in Python: the language lets that prefix stand before every builtin of PyTorch's.
    pub(super) fn prefixed(&mut self, name: Symbol) -> String {
        match name.as_str() {
            "F" => self.global(name),
            name => self.torch(name),
        }
    }

    /// The lines before the program.
    pub(super) fn header(&self) -> String {
        let mut out = String::new();
        for (needed, import) in [(self.copy, "import copy\n"), (self.math, "import math\n")] {
            out.push_str(if needed { import } else { "" });
        }
        out.push_str(if self.torch == "torch" {
            "import torch\n"
        } else {
            "import torch as _torch\n"
        });
        for (needed, import) in [
            (self.functional, "import torch.nn.functional as F\n"),
            (self.nn, "from torch import nn\n"),
            (self.optim, "from torch import optim\n"),
        ] {
            out.push_str(if needed { import } else { "" });
        }
        out.push('\n');
        for (needed, helper) in [(self.unknown, UNKNOWN), (self.input, INPUT)] {
            out.push_str(if needed { helper } else { "" });
        }
        out + self.torch + ".manual_seed(0)\n\n"
    }
}

/// PyTorch's name for what the language calls `name`; its short names of dtypes are the language's own.
fn of_torch(name: &str) -> &str {
    match name {
        "f32" => "float32",
        "f64" => "float64",
        "i64" => "int64",
        name => name,
    }
}
