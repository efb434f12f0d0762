//! Short words to write rows with. None of them fills a column by itself.

use super::meta::{Meta, Scalar};
use super::row::{Arg, Default, Forms, InPlace, OpError, Param, ParamKind, Save, Saved, When};

/// What `infer` returns.
pub type Metas = Result<Vec<Meta>, OpError>;
/// What `forward` returns.
pub type Arrays = Result<Vec<super::array::Array>, OpError>;

/// A function of `torch` and a method, by the same names.
pub const fn both(names: &'static [&'static str]) -> Forms {
    Forms {
        function: names,
        method: names,
        functional: &[],
        attribute: &[],
    }
}
/// A function of `torch`, a method and a function of `torch.nn.functional`, by the same names.
pub const fn everywhere(names: &'static [&'static str]) -> Forms {
    Forms {
        function: names,
        method: names,
        functional: names,
        attribute: &[],
    }
}
/// A function of `torch` only.
pub const fn function(names: &'static [&'static str]) -> Forms {
    Forms {
        function: names,
        method: &[],
        functional: &[],
        attribute: &[],
    }
}
/// A method only.
pub const fn method(names: &'static [&'static str]) -> Forms {
    Forms {
        function: &[],
        method: names,
        functional: &[],
        attribute: &[],
    }
}
/// A function of `torch.nn.functional` only.
pub const fn functional(names: &'static [&'static str]) -> Forms {
    Forms {
        function: &[],
        method: &[],
        functional: names,
        attribute: &[],
    }
}
/// An attribute of tensors.
pub const fn attribute(names: &'static [&'static str]) -> Forms {
    Forms {
        function: &[],
        method: &[],
        functional: &[],
        attribute: names,
    }
}
/// Called by formulas and machines only.
pub const INTERNAL: Forms = Forms {
    function: &[],
    method: &[],
    functional: &[],
    attribute: &[],
};

/// A parameter that must be given.
pub const fn param(name: &'static str, kind: ParamKind) -> Param {
    Param {
        name,
        kind,
        default: None,
        keyword_only: false,
    }
}
/// A tensor that gradients may flow to.
pub const fn tensor(name: &'static str) -> Param {
    param(name, ParamKind::Tensor { diff: true })
}
/// A tensor that no gradient flows to.
pub const fn constant(name: &'static str) -> Param {
    param(name, ParamKind::Tensor { diff: false })
}
/// A tensor or a number.
pub const fn operand(name: &'static str) -> Param {
    param(name, ParamKind::TensorOrScalar)
}
/// An integer.
pub const fn int(name: &'static str) -> Param {
    param(name, ParamKind::Int)
}
/// A list of integers.
pub const fn ints(name: &'static str) -> Param {
    param(name, ParamKind::Ints)
}
/// A number.
pub const fn number(name: &'static str) -> Param {
    param(name, ParamKind::Scalar)
}
/// A number or `None`, which is the default.
pub const fn operand_or_none(name: &'static str) -> Param {
    number(name).or(Default::None)
}
/// `True` or `False`, false by default.
pub const fn flag(name: &'static str) -> Param {
    param(name, ParamKind::Bool).or(Default::Scalar(Scalar::Bool(false)))
}
/// A type, by keyword, none by default.
pub const fn dtype() -> Param {
    param("dtype", ParamKind::Dtype).or(Default::None).keyword()
}
/// The first parameter of most.
pub const SELF: Param = tensor("self");

impl Param {
    /// With a default.
    pub const fn or(mut self, default: Default) -> Param {
        self.default = Some(default);
        self
    }
    /// With an integer as default.
    pub const fn or_int(self, value: i64) -> Param {
        self.or(Default::Scalar(Scalar::Int(value)))
    }
    /// With a float as default.
    pub const fn or_float(self, value: f64) -> Param {
        self.or(Default::Scalar(Scalar::Float(value)))
    }
    /// By name only.
    pub const fn keyword(mut self) -> Param {
        self.keyword_only = true;
        self
    }
}

/// Keeps the argument at `position`.
pub const fn input(position: usize) -> Save {
    Save {
        what: Saved::Input(position),
        when: When::Always,
    }
}
/// Keeps the argument at `position` if one of those at `needing` requires grad.
pub const fn input_for(position: usize, needing: &'static [usize]) -> Save {
    Save {
        what: Saved::Input(position),
        when: When::Needs(needing),
    }
}
/// Keeps the result at `position`.
pub const fn output(position: usize) -> Save {
    Save {
        what: Saved::Output(position),
        when: When::Always,
    }
}
/// Keeps the result at `position` if one of the arguments at `needing` requires grad.
pub const fn output_for(position: usize, needing: &'static [usize]) -> Save {
    Save {
        what: Saved::Output(position),
        when: When::Needs(needing),
    }
}
/// Keeps what no user code can reach.
pub const HIDDEN: Save = Save {
    what: Saved::Hidden,
    when: When::Always,
};

/// An in-place form that saves what follows from the row.
pub const IN_PLACE: InPlace = InPlace::Yes {
    saves: None,
    node: None,
};

/// The tensor at `position`.
pub fn tensor_at<T>(args: &[Arg<T>], position: usize) -> Result<&T, OpError> {
    match args.get(position) {
        Some(Arg::Tensor(tensor)) => Ok(tensor),
        _ => Err(OpError::Unsupported(format!(
            "argument {position} is no tensor"
        ))),
    }
}
/// The number at `position`, if it is one.
pub fn scalar_at<T>(args: &[Arg<T>], position: usize) -> Option<Scalar> {
    if let Some(Arg::Scalar(scalar)) = args.get(position) {
        Some(*scalar)
    } else {
        None
    }
}
/// The number at `position` as a float, or `default`.
pub fn f64_at<T>(args: &[Arg<T>], position: usize, default: f64) -> f64 {
    scalar_at(args, position).map_or(default, Scalar::as_f64)
}
/// The integer at `position`, if it is one.
pub fn int_at<T>(args: &[Arg<T>], position: usize) -> Option<i64> {
    if let Some(Scalar::Int(value)) = scalar_at(args, position) {
        Some(value)
    } else {
        None
    }
}
/// Whether the argument at `position` is `True`.
pub fn flag_at<T>(args: &[Arg<T>], position: usize) -> bool {
    matches!(scalar_at(args, position), Some(Scalar::Bool(true)))
}
/// The integers at `position`, if they are there.
pub fn ints_at<T>(args: &[Arg<T>], position: usize) -> Option<&[i64]> {
    if let Some(Arg::Ints(ints)) = args.get(position) {
        Some(ints)
    } else {
        None
    }
}
/// The type at `position`, if it is there.
pub fn dtype_at<T>(args: &[Arg<T>], position: usize) -> Option<super::meta::Dtype> {
    if let Some(Arg::Dtype(dtype)) = args.get(position) {
        Some(*dtype)
    } else {
        None
    }
}
/// The text at `position`, if it is there.
pub fn str_at<T>(args: &[Arg<T>], position: usize) -> Option<&str> {
    if let Some(Arg::Str(text)) = args.get(position) {
        Some(text)
    } else {
        None
    }
}
