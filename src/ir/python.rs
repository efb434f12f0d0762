//! What Python's numbers, slices and calls mean, and how it says no, as CPython 3.11 does: the same for both machines.

use super::{Function, ParamKind};
use crate::operator::{BinaryOp, UnaryOp};
use crate::ops::Exception;
use crate::symbol::Symbol;

/// Python's builtin functions and types that are modelled.
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
];

/// The exceptions that Python itself has, as far as they are modelled.
pub fn exceptions() -> impl Iterator<Item = Exception> {
    let all = Exception::ALL.iter().copied();
    all.filter(|kind| !matches!(kind, Exception::CheckpointError | Exception::LinAlgError))
}

/// Whether the name is one of Python's builtins that are modelled, exceptions among them.
pub fn is_builtin(name: &str) -> bool {
    BUILTINS.contains(&name) || exceptions().any(|kind| kind.name() == name)
}

/// `a op b` of integers; none beyond 64 bits, for `/` and `@`, and for a divisor of zero.
pub fn integer_binary(op: BinaryOp, a: i64, b: i64) -> Option<i64> {
    match op {
        BinaryOp::Add => a.checked_add(b),
        BinaryOp::Sub => a.checked_sub(b),
        BinaryOp::Mul => a.checked_mul(b),
        BinaryOp::FloorDiv => a
            .checked_div(b)
            .map(|quotient| quotient - i64::from(a % b != 0 && (a < 0) != (b < 0))),
        BinaryOp::Mod => a.checked_rem(b).map(|rest| {
            if rest != 0 && (rest < 0) != (b < 0) {
                rest + b
            } else {
                rest
            }
        }),
        BinaryOp::Pow => u32::try_from(b).ok().and_then(|b| a.checked_pow(b)),
        BinaryOp::And => Some(a & b),
        BinaryOp::Or => Some(a | b),
        BinaryOp::Xor => Some(a ^ b),
        BinaryOp::Shl => u32::try_from(b)
            .ok()
            .filter(|&b| b < 63)
            .and_then(|b| a.checked_mul(1 << b)),
        BinaryOp::Shr => u32::try_from(b).ok().map(|b| a >> b.min(63)),
        BinaryOp::Div | BinaryOp::MatMul => None,
    }
}

/// `a op b` of floats; none for operators that floats do not have. The divisor is not zero.
pub fn float_binary(op: BinaryOp, a: f64, b: f64) -> Option<f64> {
    Some(match op {
        BinaryOp::Add => a + b,
        BinaryOp::Sub => a - b,
        BinaryOp::Mul => a * b,
        BinaryOp::Div => a / b,
        BinaryOp::FloorDiv => float_floor_div(a, b),
        BinaryOp::Mod => float_mod(a, b),
        BinaryOp::Pow => a.powf(b),
        _ => return None,
    })
}

/// `a % b` of floats, of the sign of `b`.
pub fn float_mod(a: f64, b: f64) -> f64 {
    let rest = a % b;
    if rest != 0.0 && (rest < 0.0) != (b < 0.0) {
        rest + b
    } else if rest == 0.0 {
        0.0_f64.copysign(b)
    } else {
        rest
    }
}

/// `a // b` of floats.
pub fn float_floor_div(a: f64, b: f64) -> f64 {
    let quotient = (a - float_mod(a, b)) / b;
    let floor = quotient.floor();
    if quotient - floor > 0.5 {
        floor + 1.0
    } else {
        floor
    }
}

/// What a `ZeroDivisionError` of `/`, `//` or `%` says.
pub fn zero_division_text(op: BinaryOp, integers: bool) -> &'static str {
    match (op, integers) {
        (BinaryOp::FloorDiv, true) => "integer division or modulo by zero",
        (BinaryOp::Mod, true) => "integer modulo by zero",
        (BinaryOp::FloorDiv, false) => "float floor division by zero",
        (BinaryOp::Mod, false) => "float modulo",
        (_, true) => "division by zero",
        (_, false) => "float division by zero",
    }
}

/// What the `ZeroDivisionError` of zero to a negative power says.
pub const ZERO_TO_A_NEGATIVE_POWER: &str = "0.0 cannot be raised to a negative power";

/// The method that `op x` calls on an object.
pub fn unary_method(op: UnaryOp) -> &'static str {
    match op {
        UnaryOp::Neg => "__neg__",
        UnaryOp::Pos => "__pos__",
        UnaryOp::Invert | UnaryOp::Not => "__invert__",
    }
}

/// The method that `a op b` calls on `a`.
pub fn binary_method(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Add => "__add__",
        BinaryOp::Sub => "__sub__",
        BinaryOp::Mul => "__mul__",
        BinaryOp::Div => "__truediv__",
        BinaryOp::FloorDiv => "__floordiv__",
        BinaryOp::Mod => "__mod__",
        BinaryOp::Pow => "__pow__",
        BinaryOp::MatMul => "__matmul__",
        BinaryOp::And => "__and__",
        BinaryOp::Or => "__or__",
        BinaryOp::Xor => "__xor__",
        BinaryOp::Shl => "__lshift__",
        BinaryOp::Shr => "__rshift__",
    }
}

/// The places that `lower:upper:step` picks of `len` elements; none for a step of zero.
pub fn slice_positions([lower, upper, step]: [Option<i64>; 3], len: usize) -> Option<Vec<usize>> {
    let step = step.unwrap_or(1);
    let len = len as i64;
    let bound = |value: Option<i64>, default: i64, low: i64, high: i64| {
        value.map_or(default, |value| {
            let from_start = if value < 0 {
                value.saturating_add(len)
            } else {
                value
            };
            from_start.clamp(low, high)
        })
    };
    let (start, stop) = match step {
        0 => return None,
        step if step > 0 => (bound(lower, 0, 0, len), bound(upper, len, 0, len)),
        _ => (
            bound(lower, len - 1, -1, len - 1),
            bound(upper, -1, -1, len - 1),
        ),
    };
    let mut places = Vec::new();
    let mut at = start;
    while (step > 0 && at < stop) || (step < 0 && at > stop) {
        places.push(at as usize);
        at = at.saturating_add(step);
    }
    Some(places)
}

/// What is wrong with the arguments of a call, if anything: parameters that got no value, keywords that no parameter
/// has, values that no parameter takes. In CPython's order.
pub struct Misfit<'a> {
    /// What is called.
    pub function: &'a Function,
    /// The parameters that got no value.
    pub missing: Vec<Symbol>,
    /// A keyword that is left over.
    pub unexpected: Option<Symbol>,
    /// How many values were given by position, if some are left over.
    pub too_many: Option<usize>,
    /// How many keyword-only parameters got a value from a keyword.
    pub by_name: usize,
}

impl Misfit<'_> {
    /// What the `TypeError` says; none if all is well.
    pub fn text(&self) -> Option<String> {
        let name = &self.function.qualified_name;
        if let Some(keyword) = self.unexpected {
            let text = format!("{name}() got an unexpected keyword argument '{keyword}'");
            return Some(text);
        }
        if let Some(given) = self.too_many {
            return Some(self.too_many_text(given));
        }
        let is_keyword_only = |name: &Symbol| {
            let mut params = self.function.params.iter();
            params.any(|param| param.name == *name && param.kind == ParamKind::KeywordOnly)
        };
        let (by_name, by_position): (Vec<Symbol>, Vec<Symbol>) =
            self.missing.iter().partition(|name| is_keyword_only(name));
        match (by_position.as_slice(), by_name.as_slice()) {
            ([], []) => None,
            ([], names) => Some(missing_text(name, "keyword-only", names)),
            (names, _) => Some(missing_text(name, "positional", names)),
        }
    }

    fn too_many_text(&self, given: usize) -> String {
        let params = self.function.params.iter();
        let normal = params.filter(|param| param.kind == ParamKind::Normal);
        let all = normal.clone().count();
        let required = normal.filter(|param| !param.has_default).count();
        let takes = match required == all {
            true => format!("{required} positional argument{}", plural(all)),
            false => format!("from {required} to {all} positional arguments"),
        };
        let given = match self.by_name {
            0 if given == 1 => "1 was given".to_owned(),
            0 => format!("{given} were given"),
            named => format!(
                "{given} positional argument{} (and {named} keyword-only argument{}) were given",
                plural(given),
                plural(named)
            ),
        };
        format!(
            "{}() takes {takes} but {given}",
            self.function.qualified_name
        )
    }
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

fn missing_text(function: &str, kind: &str, missing: &[Symbol]) -> String {
    let names: Vec<String> = missing.iter().map(|name| format!("'{name}'")).collect();
    let list = match names.as_slice() {
        [one] => one.clone(),
        [one, two] => format!("{one} and {two}"),
        [rest @ .., last] => format!("{}, and {last}", rest.join(", ")),
        [] => String::new(),
    };
    let count = names.len();
    format!(
        "{function}() missing {count} required {kind} argument{}: {list}",
        plural(count)
    )
}
