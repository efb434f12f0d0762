//! Binding of a call's arguments to a row's parameters, with PyTorch's refusals.

use std::rc::Rc;

use smallvec::SmallVec;

use super::meta::{Dtype, Scalar, Shape};
use super::row::{Arg, Default, IndexItem, Nested, OpError, OpId, OpRow, Param, ParamKind, Raw};
use super::table;

/// How a call is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// `torch.f(x, …)`, or an operator of the language.
    Function,
    /// `x.f(…)`; the first positional argument is `x`.
    Method,
    /// `x.f_(…)`; the first positional argument is `x`.
    InPlace,
}

/// A call's arguments after binding, one a parameter.
pub type Bound<T> = Vec<Arg<T>>;

/// Binds to the first of the overloads of `op` (rows that share its name) that takes these arguments.
pub fn bind_overloaded<T: Clone>(
    op: OpId,
    positional: &[Raw<T>],
    keyword: &[(&str, Raw<T>)],
    form: Form,
) -> Result<(OpId, Bound<T>), OpError> {
    let overloads = table::overloads(op);
    let mut errors = Vec::new();
    for &overload in overloads {
        match bind(table::row(overload), positional, keyword, form) {
            Ok(bound) => return Ok((overload, bound)),
            Err(error) => errors.push(error),
        }
    }
    for &overload in overloads {
        let row = table::row(overload);
        if let Some((positional, factor)) = scaled(row, positional, keyword)
            && let Ok(bound) = bind(row, &positional, &[factor], form)
        {
            return Ok((overload, bound));
        }
    }
    Err(overload_error(
        table::row(op),
        overloads.len(),
        errors,
        positional,
        keyword,
        form,
    ))
}

/// The deprecated way to scale what is added (`x.add(alpha, other)`, `x.addcdiv(value, a, b)`), written as it is now.
#[allow(clippy::type_complexity)]
fn scaled<T: Clone>(
    row: &OpRow,
    positional: &[Raw<T>],
    keyword: &[(&str, Raw<T>)],
) -> Option<(Vec<Raw<T>>, (&'static str, Raw<T>))> {
    let ([this, factor, rest @ ..], []) = (positional, keyword) else {
        return None;
    };
    let is_factor = |param: &&Param| param.keyword_only && matches!(param.name, "alpha" | "value");
    let param = row.params.iter().find(is_factor)?;
    let are_tensors = rest
        .iter()
        .all(|value| matches!(value, Raw::Tensor(_) | Raw::Unknown));
    if !matches!(factor, Raw::Scalar(_)) || rest.is_empty() || !are_tensors {
        return None;
    }
    let mut positional = vec![this.clone()];
    positional.extend_from_slice(rest);
    Some((positional, (param.name, factor.clone())))
}

/// Rows that take a number for a tensor under one and the same signature of PyTorch's; elsewhere there are two.
const ONE_SIGNATURE: &[&str] = &["add", "sub", "mul", "div"];

/// What is said where no overload takes the arguments: that it may be unsupported, before all; the only row's own
/// words; or that there is no such combination.
fn overload_error<T>(
    row: &OpRow,
    overloads: usize,
    errors: Vec<OpError>,
    positional: &[Raw<T>],
    keyword: &[(&str, Raw<T>)],
    form: Form,
) -> OpError {
    let unsupported = errors
        .iter()
        .position(|error| matches!(error, OpError::Unsupported(_)));
    let takes_numbers = row
        .params
        .iter()
        .any(|param| param.kind == ParamKind::TensorOrScalar)
        && !ONE_SIGNATURE.contains(&row.name);
    let self_is_wrong = form == Form::Function
        && matches!(
            row.params.first().map(|param| param.kind),
            Some(ParamKind::Tensor { .. })
        )
        && !matches!(
            positional.first(),
            None | Some(Raw::Tensor(_) | Raw::Unknown)
        );
    let mut errors = errors.into_iter();
    match unsupported {
        Some(nth) => errors.nth(nth),
        None if (overloads > 1 || takes_numbers) && !self_is_wrong => Some(no_such_combination(
            said(row, form),
            positional,
            keyword,
            form,
        )),
        None => errors.next(),
    }
    .unwrap_or_else(|| OpError::Unsupported("an operator without a row".into()))
}

/// PyTorch lists its C++ signatures after these words, which are not reproduced.
fn no_such_combination<T>(
    name: String,
    positional: &[Raw<T>],
    keyword: &[(&str, Raw<T>)],
    form: Form,
) -> OpError {
    let shown = positional
        .iter()
        .skip(usize::from(form != Form::Function))
        .map(|value| type_name(value).to_owned());
    let named = keyword
        .iter()
        .map(|(name, value)| format!("{name}={}", type_name(value)));
    let types = shown.chain(named).collect::<Vec<_>>().join(", ");
    OpError::type_error(format!(
        "{name}() received an invalid combination of arguments - got ({types})"
    ))
}

/// Binds to the parameters of one row; missing ones get their defaults.
pub fn bind<T: Clone>(
    row: &OpRow,
    positional: &[Raw<T>],
    keyword: &[(&str, Raw<T>)],
    form: Form,
) -> Result<Bound<T>, OpError> {
    let mut bound: Vec<Option<Arg<T>>> = vec![None; row.params.len()];
    let taken = bind_positional(row, positional, form, &mut bound)?;
    if taken < positional.len() {
        return Err(too_many(row, positional, keyword, form));
    }
    for (name, value) in keyword {
        let Some(place) = row
            .params
            .iter()
            .position(|param| param.name == *name || (param.name == "self" && *name == "input"))
        else {
            return Err(OpError::type_error(format!(
                "{}() got an unexpected keyword argument '{name}'",
                said(row, form)
            )));
        };
        if bound[place].is_some() {
            return Err(OpError::type_error(format!(
                "{}() got multiple values for argument '{name}'",
                said(row, form)
            )));
        }
        bound[place] = Some(convert(row, form, place, value, None)?);
    }
    row.params
        .iter()
        .zip(bound)
        .enumerate()
        .map(|(place, (param, arg))| arg.map_or_else(|| default(row, form, place, param), Ok))
        .collect()
}

/// Binds positional arguments, and returns how many it took.
fn bind_positional<T: Clone>(
    row: &OpRow,
    positional: &[Raw<T>],
    form: Form,
    bound: &mut [Option<Arg<T>>],
) -> Result<usize, OpError> {
    let places: SmallVec<[usize; 8]> = (0..row.params.len())
        .filter(|&place| !row.params[place].keyword_only)
        .collect();
    for (nth, &place) in places.iter().enumerate() {
        let Some(value) = positional.get(nth) else {
            return Ok(nth);
        };
        let shown = if form == Form::Function { nth + 1 } else { nth };
        let last = nth + 1 == places.len();
        if last
            && row.params[place].kind == ParamKind::Ints
            && let Some(ints) = loose_ints(&positional[nth..])
        {
            bound[place] = Some(ints);
            return Ok(positional.len());
        }
        bound[place] = Some(convert(row, form, place, value, Some(shown))?);
    }
    Ok(places.len().min(positional.len()))
}

/// Two or more integers that stand for a list.
fn loose_ints<T>(values: &[Raw<T>]) -> Option<Arg<T>> {
    if values.len() < 2 {
        return None;
    }
    if values
        .iter()
        .all(|value| matches!(value, Raw::Scalar(Scalar::Int(_)) | Raw::Unknown))
        && values.iter().any(|value| matches!(value, Raw::Unknown))
    {
        return Some(Arg::Unknown);
    }
    values
        .iter()
        .map(int_of)
        .collect::<Option<SmallVec<[i64; 4]>>>()
        .map(Arg::Ints)
}

fn int_of<T>(value: &Raw<T>) -> Option<i64> {
    if let Raw::Scalar(Scalar::Int(value)) = value {
        Some(*value)
    } else {
        None
    }
}

/// The name that PyTorch's messages use: without the overload's suffix.
pub fn called(row: &OpRow) -> &'static str {
    row.name.split('.').next().unwrap_or(row.name)
}

/// The same with the ending of the form that writes in place.
pub fn said(row: &OpRow, form: Form) -> String {
    match form {
        Form::InPlace => format!("{}_", called(row).trim_end_matches('_')),
        Form::Function | Form::Method => called(row).to_owned(),
    }
}

fn too_many<T>(
    row: &OpRow,
    positional: &[Raw<T>],
    keyword: &[(&str, Raw<T>)],
    form: Form,
) -> OpError {
    if form == Form::Function || row.params.len() > 1 {
        return no_such_combination(said(row, form), positional, keyword, form);
    }
    OpError::type_error(format!(
        "TensorBase.{}() takes no arguments ({} given)",
        said(row, form),
        positional.len() - 1
    ))
}

fn default<T>(row: &OpRow, form: Form, place: usize, param: &Param) -> Result<Arg<T>, OpError> {
    match param.default {
        Some(default) => Ok(default.arg()),
        None => Err(OpError::type_error(format!(
            "{}() missing 1 required positional arguments: \"{}\"",
            said(row, form),
            if place == 0 && param.name == "self" {
                "input"
            } else {
                param.name
            }
        ))),
    }
}

/// Python's name of the type of an argument.
pub fn type_name<T>(value: &Raw<T>) -> &'static str {
    match value {
        Raw::None => "NoneType",
        Raw::Tensor(_) => "Tensor",
        Raw::Scalar(Scalar::Bool(_)) => "bool",
        Raw::Scalar(Scalar::Int(_)) => "int",
        Raw::Scalar(Scalar::Float(_)) => "float",
        Raw::Str(_) => "str",
        Raw::Dtype(_) => "torch.dtype",
        Raw::List(_) => "list",
        Raw::Unknown => "object",
        Raw::Other(name) => name,
    }
}

/// What a parameter takes, as PyTorch's messages say it.
fn expected(kind: ParamKind) -> &'static str {
    match kind {
        ParamKind::Tensor { .. } | ParamKind::OptTensor { .. } | ParamKind::TensorOrScalar => {
            "Tensor"
        }
        ParamKind::Tensors => "tuple of Tensors",
        ParamKind::Scalar => "Number",
        ParamKind::Int => "int",
        ParamKind::Bool => "bool",
        ParamKind::Ints => "tuple of ints",
        ParamKind::Str => "str",
        ParamKind::Dtype => "torch.dtype",
        ParamKind::Index | ParamKind::Data => "sequence",
    }
}

fn refused<T>(
    row: &OpRow,
    form: Form,
    place: usize,
    value: &Raw<T>,
    position: Option<usize>,
) -> OpError {
    let param = &row.params[place];
    let name = if param.name == "self" {
        "input"
    } else {
        param.name
    };
    let position = position.map_or(String::new(), |position| format!(" (position {position})"));
    OpError::type_error(format!(
        "{}(): argument '{name}'{position} must be {}, not {}",
        said(row, form),
        expected(param.kind),
        type_name(value)
    ))
}

/// The argument as the parameter at `place` takes it.
fn convert<T: Clone>(
    row: &OpRow,
    form: Form,
    place: usize,
    value: &Raw<T>,
    position: Option<usize>,
) -> Result<Arg<T>, OpError> {
    let param = &row.params[place];
    let converted = match (param.kind, value) {
        (_, Raw::Unknown) => Some(Arg::Unknown),
        (ParamKind::OptTensor { .. }, Raw::None) => Some(Arg::None),
        (_, Raw::None) if param.default == Some(Default::None) => Some(Arg::None),
        (
            ParamKind::Tensor { .. } | ParamKind::OptTensor { .. } | ParamKind::TensorOrScalar,
            Raw::Tensor(tensor),
        ) => Some(Arg::Tensor(tensor.clone())),
        (ParamKind::TensorOrScalar | ParamKind::Scalar, Raw::Scalar(scalar)) => {
            Some(Arg::Scalar(*scalar))
        }
        (ParamKind::Int, Raw::Scalar(scalar @ Scalar::Int(_)))
        | (ParamKind::Bool, Raw::Scalar(scalar @ Scalar::Bool(_))) => Some(Arg::Scalar(*scalar)),
        (ParamKind::Scalar | ParamKind::Int | ParamKind::Bool, Raw::Tensor(_)) => {
            return Err(OpError::Unsupported(format!(
                "a tensor for the number '{}' of {}()",
                param.name,
                called(row)
            )));
        }
        (ParamKind::Ints, Raw::Scalar(Scalar::Int(int))) => {
            Some(Arg::Ints(SmallVec::from_slice(&[*int])))
        }
        (ParamKind::Ints, Raw::List(items)) => ints(items),
        (ParamKind::Tensors, Raw::List(items)) => Some(tensors(items, place)?),
        (ParamKind::Str, Raw::Str(text)) => Some(Arg::Str(Rc::clone(text))),
        (ParamKind::Dtype, Raw::Dtype(dtype)) => Some(Arg::Dtype(*dtype)),
        (ParamKind::Data, _) => Some(data(value)?),
        (ParamKind::Index, Raw::List(items)) => index_items(items),
        _ => None,
    };
    converted.ok_or_else(|| refused(row, form, place, value, position))
}

fn ints<T>(items: &[Raw<T>]) -> Option<Arg<T>> {
    if items.iter().any(|item| matches!(item, Raw::Unknown)) {
        return Some(Arg::Unknown);
    }
    items
        .iter()
        .map(int_of)
        .collect::<Option<SmallVec<[i64; 4]>>>()
        .map(Arg::Ints)
}

fn tensors<T: Clone>(items: &[Raw<T>], place: usize) -> Result<Arg<T>, OpError> {
    if items.iter().any(|item| matches!(item, Raw::Unknown)) {
        return Ok(Arg::Unknown);
    }
    let mut tensors = Vec::with_capacity(items.len());
    for (nth, item) in items.iter().enumerate() {
        let Raw::Tensor(tensor) = item else {
            return Err(OpError::type_error(format!(
                "expected Tensor as element {nth} in argument {place}, but got {}",
                type_name(item)
            )));
        };
        tensors.push(tensor.clone());
    }
    Ok(Arg::Tensors(tensors))
}

/// The tensors of `index_put(indices, …)`.
fn index_items<T: Clone>(items: &[Raw<T>]) -> Option<Arg<T>> {
    let item = |item: &Raw<T>| match item {
        Raw::Tensor(tensor) => Some(IndexItem::Tensor(tensor.clone())),
        Raw::None => Some(IndexItem::None),
        _ => None,
    };
    items
        .iter()
        .map(item)
        .collect::<Option<Vec<_>>>()
        .map(Arg::Index)
}

/// How deep the lists of `tensor(…)` may be nested.
const MAX_NESTING: usize = 128;

/// What PyTorch says of a tensor among the numbers that `tensor` is given, if it is more than a number.
pub const ONE_ELEMENT: &str = "only one element tensors can be converted to Python scalars";

/// Nested numbers with their common shape and type.
fn data<T>(value: &Raw<T>) -> Result<Arg<T>, OpError> {
    let mut shape = Shape::new();
    let mut inner = value;
    while let Raw::List(items) = inner {
        shape.push(items.len());
        let Some(first) = items.first() else { break };
        if shape.len() > MAX_NESTING {
            return Err(OpError::value(format!(
                "too many dimensions '{}'",
                type_name(inner)
            )));
        }
        inner = first;
    }
    let mut flat = Vec::new();
    if !flatten(value, &shape, 0, &mut flat)? {
        return Ok(Arg::Unknown);
    }
    let dtype = flat
        .iter()
        .map(|&scalar| super::promote::of_scalar(scalar))
        .max()
        .unwrap_or(Dtype::F32);
    Ok(Arg::Data(Rc::new(Nested { flat, shape, dtype })))
}

/// Appends the numbers of `value`, checked against `shape`; false where one is not known.
fn flatten<T>(
    value: &Raw<T>,
    shape: &[usize],
    dim: usize,
    flat: &mut Vec<Scalar>,
) -> Result<bool, OpError> {
    match value {
        Raw::Unknown => Ok(false),
        Raw::Scalar(scalar) if shape.is_empty() => {
            flat.push(*scalar);
            Ok(true)
        }
        Raw::Scalar(_) => Err(OpError::type_error("not a sequence")),
        Raw::List(items) if !shape.is_empty() => {
            if items.len() != shape[0] {
                return Err(OpError::value(format!(
                    "expected sequence of length {} at dim {dim} (got {})",
                    shape[0],
                    items.len()
                )));
            }
            items.iter().try_fold(true, |known, item| {
                Ok(flatten(item, &shape[1..], dim + 1, flat)? && known)
            })
        }
        Raw::Tensor(_) => Err(OpError::Unsupported(
            "a tensor among the numbers of tensor()".into(),
        )),
        Raw::List(_) => Err(OpError::type_error("must be real number, not list")),
        Raw::Str(_) => Err(OpError::type_error("new(): invalid data type 'str'")),
        other => Err(OpError::runtime(format!(
            "Could not infer dtype of {}",
            type_name(other)
        ))),
    }
}
