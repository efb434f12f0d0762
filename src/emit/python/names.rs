//! What a name that the program does not bind is called in Python, and the header that makes those names known.

use std::collections::BTreeSet;

use crate::ir::python;
use crate::symbol::Symbol;

/// The imports, in their order, each with the name that needs it.
const IMPORTS: &[(&str, &str)] = &[
    ("copy", "import copy"),
    ("math", "import math"),
    ("torch", "import torch"),
    ("_torch", "import torch as _torch"),
    ("F", "import torch.nn.functional as F"),
    ("nn", "from torch import nn"),
    ("optim", "from torch import optim"),
    ("distributions", "from torch import distributions"),
];

/// What Python and PyTorch do not have, in their order, each with the name in the language that needs it;
/// PyTorch itself is called `TORCH`.
const HELPERS: &[(&str, &str)] = &[
    (
        "unknown",
        "
_draws = 1


def _unknown():
    global _draws
    _draws = (_draws * 6364136223846793005 + 1442695040888963407) % 2**64
    return _draws >> 63 == 1
",
    ),
    (
        "input",
        "
def _input():
    raise NotImplementedError(\"input() needs a type: x: f32[2, 3] = input()\")
",
    ),
    (
        "sum",
        "
def _sum(x, *args, **kwargs):
    return (TORCH.sum if TORCH.is_tensor(x) else sum)(x, *args, **kwargs)
",
    ),
    (
        "any",
        "
def _any(x, *args, **kwargs):
    return (TORCH.any if TORCH.is_tensor(x) else any)(x, *args, **kwargs)
",
    ),
    (
        "all",
        "
def _all(x, *args, **kwargs):
    return (TORCH.all if TORCH.is_tensor(x) else all)(x, *args, **kwargs)
",
    ),
];

/// What the header has to bring.
pub(super) struct Needs {
    /// What PyTorch is called: the program may have another `torch`.
    torch: &'static str,
    imports: BTreeSet<&'static str>,
    helpers: BTreeSet<&'static str>,
}

impl Needs {
    /// PyTorch itself; `taken` where the program binds the name `torch`.
    pub(super) fn new(taken: bool) -> Needs {
        let torch = if taken { "_torch" } else { "torch" };
        Needs {
            torch,
            imports: BTreeSet::from([torch]),
            helpers: BTreeSet::new(),
        }
    }

    /// PyTorch's `name`.
    pub(super) fn torch(&self, name: &str) -> String {
        format!("{}.{}", self.torch, of_torch(name))
    }

    /// What the unbound name `name` is called in Python.
    pub(super) fn global(&mut self, name: Symbol) -> String {
        let name = name.as_str();
        if HELPERS.iter().any(|&(helper, _)| helper == name) {
            self.helpers.insert(name);
            return format!("_{name}");
        }
        if IMPORTS.iter().any(|&(import, _)| import == name) {
            self.imports.insert(name);
            return name.into();
        }
        // Python's own win over PyTorch's of the same name (`abs`, `max`, …), which are reached as `torch.max` or as
        // methods; `sum`, `any` and `all` go by their argument, above.
        if python::is_builtin(name) || name == "__name__" {
            name.into()
        } else {
            self.torch(name)
        }
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
        for (_, import) in IMPORTS
            .iter()
            .filter(|(name, _)| self.imports.contains(name))
        {
            out.push_str(import);
            out.push('\n');
        }
        for (_, helper) in HELPERS
            .iter()
            .filter(|(name, _)| self.helpers.contains(name))
        {
            out.push('\n');
            out.push_str(&helper.replace("TORCH", self.torch));
        }
        if !self.helpers.is_empty() {
            out.push('\n');
        }
        out + &format!("\n{}.manual_seed(0)\n\n", self.torch)
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
