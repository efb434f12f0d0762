//! What a dotted name means that the program does not bind: builtins, operators, and what the prelude exports.

use crate::ir::python::exceptions;
use crate::ir::{Builtin, Intrinsic};
use crate::ops::{Dtype, table};
use crate::prelude::{self, Export};

/// What a name was found to be.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Known {
    /// A builtin of the machines.
    Builtin(Builtin),
    /// A name of the prelude.
    Prelude(Export),
    /// `input`
    Input,
    /// `unknown`
    Unknown,
    /// `super`
    Super,
}

const DTYPES: [(&str, Dtype); 11] = [
    ("float32", Dtype::F32),
    ("float", Dtype::F32),
    ("f32", Dtype::F32),
    ("float64", Dtype::F64),
    ("double", Dtype::F64),
    ("f64", Dtype::F64),
    ("int64", Dtype::I64),
    ("long", Dtype::I64),
    ("i64", Dtype::I64),
    ("bool", Dtype::Bool),
    ("bool_", Dtype::Bool),
];

const NUMBERS: [(&str, f64); 10] = [
    ("math.pi", std::f64::consts::PI),
    ("math.e", std::f64::consts::E),
    ("math.tau", std::f64::consts::TAU),
    ("math.inf", f64::INFINITY),
    ("math.nan", f64::NAN),
    ("inf", f64::INFINITY),
    ("nan", f64::NAN),
    ("pi", std::f64::consts::PI),
    ("e", std::f64::consts::E),
    ("tau", std::f64::consts::TAU),
];

/// The element type that an annotation or `dtype=` names.
pub fn dtype(name: &str) -> Option<Dtype> {
    DTYPES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, dtype)| *dtype)
}

/// The names that annotations may have, sorted.
pub fn dtype_names() -> Vec<&'static str> {
    DTYPES
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| *name != "bool_")
        .collect()
}

/// What `name` means in the user's text.
pub fn known(name: &str) -> Option<Known> {
    match name.strip_prefix("torch.") {
        Some(rest) => torch(&canonical(rest)),
        None => plain(&canonical(name)),
    }
}

/// What `name` means in a file of the prelude.
pub fn known_in_prelude(path: &str, name: &str) -> Option<Known> {
    if let Some(own) = prelude::in_file(path, name) {
        return Some(Known::Prelude(own));
    }
    if let Some(op) = name.strip_prefix("_ops.") {
        return operator_row(op).map(Known::Builtin);
    }
    let private = || {
        prelude::private(prelude::namespace(path), name)
            .filter(|_| name.starts_with('_'))
            .map(Known::Prelude)
    };
    private_intrinsic(name)
        .or_else(|| known(name))
        .or_else(private)
}

/// The ways that PyTorch's own modules are written.
pub fn canonical(name: &str) -> String {
    for (long, short) in [
        ("nn.functional.", "F."),
        ("cuda.amp.", "amp."),
        ("nn.parameter.", "nn."),
        ("nn.modules.", "nn."),
        ("nn.utils.clip_grad.", "nn.utils."),
        ("autograd.function.", "autograd."),
        ("functional.", "F."),
        ("init.", "nn.init."),
        ("lr_scheduler.", "optim.lr_scheduler."),
    ] {
        if let Some(rest) = name.strip_prefix(long) {
            return format!("{short}{rest}");
        }
    }
    name.to_owned()
}

fn private_intrinsic(name: &str) -> Option<Known> {
    intrinsic(name).filter(|_| name.starts_with('_'))
}

pub fn intrinsic(name: &str) -> Option<Known> {
    Intrinsic::from_name(name).map(|found| Known::Builtin(Builtin::Intrinsic(found)))
}

/// A name without `torch.`: Python's meaning comes first.
pub fn plain(name: &str) -> Option<Known> {
    match name {
        "input" => return Some(Known::Input),
        "unknown" => return Some(Known::Unknown),
        "super" => return Some(Known::Super),
        _ => {}
    }
    public_intrinsic(name)
        .or_else(|| exception(name))
        .or_else(|| dtype(name).map(|dtype| Known::Builtin(Builtin::Dtype(dtype))))
        .or_else(|| {
            prelude::builtin(name)
                .filter(|_| !name.starts_with('_'))
                .map(Known::Prelude)
        })
        .or_else(|| composite_or_operator(name))
        .or_else(|| number(name, false))
}

/// A name that stood behind `torch.`: PyTorch's meaning comes first.
pub fn torch(name: &str) -> Option<Known> {
    dtype(name)
        .map(|dtype| Known::Builtin(Builtin::Dtype(dtype)))
        .or_else(|| composite_or_operator(name))
        .or_else(|| {
            public_intrinsic(name)
                .filter(|_| !name.starts_with("math.") && !name.starts_with("copy."))
        })
        .or_else(|| number(name, true))
}

fn public_intrinsic(name: &str) -> Option<Known> {
    intrinsic(name).filter(|_| !name.starts_with('_'))
}

fn exception(name: &str) -> Option<Known> {
    exceptions()
        .find(|known| known.name() == name)
        .map(|found| Known::Builtin(Builtin::Exception(found)))
}

/// What the prelude writes around an operator comes before the operator itself.
fn composite_or_operator(name: &str) -> Option<Known> {
    let exported = prelude::dotted(name).filter(|export| !export.name.starts_with('_'));
    exported
        .map(Known::Prelude)
        .or_else(|| operator(name).map(Known::Builtin))
}

fn operator(name: &str) -> Option<Builtin> {
    if let Some(functional) = name.strip_prefix("F.") {
        return table::functional(functional)
            .map(Builtin::Op)
            .or_else(|| in_place(functional, table::functional));
    }
    table::function(name)
        .map(Builtin::Op)
        .or_else(|| in_place(name, table::function))
}

/// `relu_`, if there is a function `relu` with an in-place form.
fn in_place(name: &str, function: fn(&str) -> Option<crate::ops::OpId>) -> Option<Builtin> {
    let stem = name.strip_suffix('_')?;
    function(stem)?;
    table::in_place_method(name).map(Builtin::OpInPlace)
}

/// `_ops.name`: a row by its own name, or its in-place form.
fn operator_row(name: &str) -> Option<Builtin> {
    let row = table::by_name(name)
        .or_else(|| table::function(name))
        .or_else(|| table::functional(name))
        .or_else(|| table::method(name));
    row.map(Builtin::Op).or_else(|| {
        let stem = name.strip_suffix('_')?;
        let row = table::by_name(stem).or_else(|| table::in_place_method(name));
        row.map(Builtin::OpInPlace)
    })
}

pub fn number(name: &str, torch: bool) -> Option<Known> {
    let bare = matches!(name, "pi" | "e" | "tau");
    if bare && !torch {
        return None;
    }
    let found = NUMBERS.iter().find(|(known, _)| *known == name);
    found.map(|(_, number)| Known::Builtin(Builtin::Float(*number)))
}

/// Every public builtin name, for suggestions: sorted, each once.
pub fn all() -> Vec<String> {
    let mut names: Vec<String> = prelude::names().map(str::to_owned).collect();
    names.extend(
        Intrinsic::ALL
            .iter()
            .map(|found| found.name().to_owned())
            .filter(|name| !name.starts_with('_')),
    );
    names.extend(exceptions().map(|found| found.name().to_owned()));
    names.extend(DTYPES.iter().map(|(name, _)| (*name).to_owned()));
    names.extend(
        NUMBERS
            .iter()
            .map(|(name, _)| (*name).to_owned())
            .filter(|name| number(name, false).is_some()),
    );
    names.extend(["input", "unknown", "super"].map(str::to_owned));
    for (_, row) in table::all() {
        names.extend(row.forms.function.iter().map(|name| (*name).to_owned()));
        names.extend(row.forms.functional.iter().map(|name| format!("F.{name}")));
    }
    names.sort_unstable();
    names.dedup();
    names
}

/// Whether a dotted name is the beginning of builtins' names: `nn`, `nn.utils`.
pub fn is_namespace(name: &str) -> bool {
    let fixed = [
        "torch",
        "torch.nn",
        "nn",
        "F",
        "nn.functional",
        "optim",
        "autograd",
        "math",
        "copy",
        "linalg",
        "_ops",
        "nn.init",
        "nn.utils",
        "init",
    ];
    let canonical = canonical(name.strip_prefix("torch.").unwrap_or(name));
    fixed.contains(&name)
        || prelude::names().any(|known| {
            known
                .strip_prefix(&*canonical)
                .is_some_and(|rest| rest.starts_with('.'))
        })
}
