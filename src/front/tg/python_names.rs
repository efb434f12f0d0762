//! What a dotted name means in Python: its builtins, PyTorch by full path, and the modules of Python's library that are
//! modelled. Everything else is unknown.

use super::names::{self, Known};
use crate::prelude;

/// Python's builtins that are modelled.
const BUILTINS: &[&str] = &[
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
    "Exception",
    "RuntimeError",
    "NotImplementedError",
    "TypeError",
    "ValueError",
    "IndexError",
    "KeyError",
    "AttributeError",
    "NameError",
    "UnboundLocalError",
    "AssertionError",
    "ZeroDivisionError",
    "OverflowError",
    "StopIteration",
    "RecursionError",
];

/// The modules of Python's library of which something is modelled.
const MODULES: &[&str] = &[
    "math",
    "copy",
    "functools",
    "itertools",
    "collections",
    "random",
    "time",
    "numpy",
];

/// PyTorch's modules whose names can also be reached by a shorter path.
const SHORTER: &[(&str, &str)] = &[
    ("nn.modules.activation.", "nn."),
    ("nn.modules.batchnorm.", "nn."),
    ("nn.modules.container.", "nn."),
    ("nn.modules.conv.", "nn."),
    ("nn.modules.linear.", "nn."),
    ("nn.modules.loss.", "nn."),
    ("nn.modules.module.", "nn."),
    ("nn.modules.normalization.", "nn."),
    ("nn.modules.rnn.", "nn."),
    ("nn.modules.transformer.", "nn."),
    ("nn.parameter.", "nn."),
    ("optim.optimizer.", "optim."),
    ("optim.adam.", "optim."),
    ("optim.adamw.", "optim."),
    ("optim.sgd.", "optim."),
    ("optim.swa_utils.", "optim.swa_utils."),
    ("autograd.grad_mode.", ""),
    ("autograd.variable.", "autograd."),
    ("autograd.function.", "autograd."),
    ("functional.", ""),
];

/// Whether the name is one of Python's builtins that are modelled.
pub fn is_builtin(name: &str) -> bool {
    BUILTINS.contains(&name)
}

/// Whether something of that module of Python's library is modelled.
pub fn is_module(name: &str) -> bool {
    MODULES.contains(&name)
}

/// Whether a full path names something modelled.
pub fn is_known(path: &str) -> bool {
    known(path).is_some()
}

/// What a name or full path means.
pub fn known(name: &str) -> Option<Known> {
    let name = name.strip_prefix("builtins.").unwrap_or(name);
    match name.split_once('.') {
        None if is_builtin(name) => names::plain(name),
        None => None,
        Some(("torch", rest)) => torch(rest),
        Some((module, _)) if MODULES.contains(&module) => library(name),
        Some(_) => None,
    }
}

fn torch(name: &str) -> Option<Known> {
    for (long, short) in SHORTER {
        if let Some(rest) = name.strip_prefix(long) {
            return names::torch(&names::canonical(&format!("{short}{rest}")));
        }
    }
    names::torch(&names::canonical(name))
}

fn library(name: &str) -> Option<Known> {
    names::intrinsic(name)
        .or_else(|| names::number(name, false))
        .or_else(|| prelude::dotted(name).map(Known::Prelude))
}
