//! The calls, with holes for tensors: as the table's parameters ask for them, and the recipes.

use gradlint::ops::{
    Arg, Dtype, InPlace, Meta, OpRow, Param, ParamKind, ResultKind, Scalar, Shape, table,
};

use super::super::operators::preset;
use super::super::recipes::RECIPES;
use super::super::scope::{contiguous, sizes};

/// A call: `{2,3}.add({2,3})`, with holes as recipes have them.
#[derive(Clone)]
pub struct Call {
    pub text: String,
    /// How many tensors it gives, if these come in a tuple or list.
    pub several: Option<usize>,
    /// The same call in place.
    pub in_place: Option<String>,
}

/// What is in new memory nobody knows, which signs singular vectors have is up to LAPACK, and these give no tensor.
const UNDEFINED: &[&str] = &[
    "empty",
    "empty_like",
    "new_empty",
    "linalg_svd",
    "linalg_eigh",
    "item",
    "equal",
    "allclose",
];

/// What refuses numbers that are not between zero and one.
const PROBABILITIES: &[&str] = &["multinomial", "bernoulli", "binary_cross_entropy"];

/// Sizes of the first tensor, and of those that it is taken together with.
const SHAPES: &[(&[usize], &[usize])] = &[
    (&[2, 3], &[2, 3]),
    (&[3, 3], &[3, 3]),
    (&[4], &[4]),
    (&[2, 3], &[3, 2]),
    (&[2, 2, 3], &[2, 3, 2]),
    (&[2, 3], &[3]),
    (&[1, 2, 4, 4], &[1, 2, 4, 4]),
    (&[], &[]),
];

/// All calls.
pub fn all() -> Vec<Call> {
    let rows = table::all().map(|(_, row)| row);
    let wanted = rows.filter(|row| !row.name.starts_with('_') && !UNDEFINED.contains(&row.name));
    let mut out: Vec<Call> = wanted.flat_map(of_row).collect();
    out.extend(RECIPES.iter().map(|(text, _)| Call {
        text: (*text).to_owned(),
        several: None,
        in_place: None,
    }));
    let mut seen = std::collections::BTreeSet::new();
    out.retain(|call| call.text.contains('{') && seen.insert(call.text.clone()));
    out
}

/// The calls of a row: with what it must have, and with each of what it may have.
fn of_row(row: &'static OpRow) -> Vec<Call> {
    let mut out = Vec::new();
    for (first, rest) in SHAPES {
        let required = row.params.iter().filter(|param| param.default.is_none());
        let ways = required
            .map(|param| values(row, param, first, rest).len())
            .max();
        for way in 0..ways.unwrap_or(1).clamp(1, 4) {
            out.extend(call(row, first, rest, way, None));
        }
        if !out.is_empty() {
            for (at, param) in row.params.iter().enumerate() {
                if param.default.is_some() {
                    let options = 0..values(row, param, first, rest).len().min(2);
                    out.extend(options.filter_map(|way| call(row, first, rest, way, Some(at))));
                }
            }
            break;
        }
    }
    out
}

/// A call that PyTorch takes, or that its numbers decide on.
fn call(
    row: &'static OpRow,
    first: &[usize],
    rest: &[usize],
    way: usize,
    option: Option<usize>,
) -> Option<Call> {
    let (mut args, mut texts, mut by_name) = (Vec::new(), Vec::new(), false);
    let mut is_first = true;
    for (at, param) in row.params.iter().enumerate() {
        if param.default.is_some() && option != Some(at) {
            by_name = true;
            args.push(preset(param)?);
            continue;
        }
        let shape = if is_first { first } else { rest };
        let fitting = values(row, param, shape, rest);
        let way = if option.is_some_and(|option| option != at) {
            0
        } else {
            way
        };
        let (arg, text) = fitting.get(way.min(fitting.len().checked_sub(1)?))?.clone();
        is_first = false;
        args.push(arg);
        texts.push(match by_name || param.keyword_only {
            true => format!("{}={text}", param.name),
            false => text,
        });
    }
    let several = match (row.infer)(&args) {
        Ok(metas) if metas.iter().any(|meta| meta.numel() > 64) => return None,
        Ok(metas) => {
            let is_list = metas.len() > 1 || matches!(row.result, ResultKind::MultiView);
            is_list.then_some(metas.len())
        }
        Err(error) if gradlint::ops::kit::follows_from_values(&error) => None,
        Err(_) => return None,
    };
    Some(Call {
        text: written(row, &texts, way)?,
        several,
        in_place: in_place(row, &texts),
    })
}

/// In one of its forms, another for each way.
fn written(row: &OpRow, texts: &[String], way: usize) -> Option<String> {
    let rest = || texts[1..].join(", ");
    let method = row.forms.method.first();
    let forms = [
        method.map(|name| format!("{}.{name}({})", texts[0], rest())),
        row.forms
            .function
            .iter()
            .find(|name| !name.starts_with('_'))
            .map(|name| format!("torch.{name}({})", texts.join(", "))),
        row.forms
            .functional
            .first()
            .map(|name| format!("F.{name}({})", texts.join(", "))),
    ];
    let forms: Vec<String> = forms.into_iter().flatten().collect();
    forms.get(way % forms.len().max(1)).cloned()
}

fn in_place(row: &OpRow, texts: &[String]) -> Option<String> {
    let name = row.forms.method.first()?;
    let ending = match row.in_place {
        InPlace::No => return None,
        InPlace::Yes { .. } => "_",
        InPlace::Only => "",
    };
    Some(format!(
        "{}.{name}{ending}({})",
        texts[0],
        texts[1..].join(", ")
    ))
}

fn hole(kind: &str, dtype: Dtype, shape: &[usize]) -> (Arg<Meta>, String) {
    let text = format!("{{{kind}{}}}", sizes(shape).replace(' ', ""));
    (Arg::Tensor(contiguous(dtype, shape)), text)
}

/// What a parameter may be given beside a tensor of a shape.
fn values(row: &OpRow, param: &Param, shape: &[usize], rest: &[usize]) -> Vec<(Arg<Meta>, String)> {
    let number = |scalar: Scalar, text: &str| (Arg::Scalar(scalar), text.to_owned());
    let of_probabilities = PROBABILITIES.contains(&row.name);
    let int = |value: i64| number(Scalar::Int(value), &value.to_string());
    match param.kind {
        ParamKind::Tensor { .. } | ParamKind::OptTensor { .. } => match param.name {
            "mask" | "condition" => vec![hole("b", Dtype::Bool, shape)],
            "index" | "indices" | "target" => vec![
                hole("i2:", Dtype::I64, shape),
                hole("i2:", Dtype::I64, &shape[..shape.len().min(1)]),
                hole("", Dtype::F32, shape),
            ],
            _ if of_probabilities => vec![hole("p", Dtype::F32, shape)],
            _ => vec![hole("", Dtype::F32, shape), hole("", Dtype::F32, rest)],
        },
        ParamKind::TensorOrScalar => vec![
            hole("", Dtype::F32, shape),
            number(Scalar::Float(0.5), "0.5"),
            int(2),
            number(Scalar::Bool(true), "true"),
        ],
        ParamKind::Tensors => {
            let (Arg::Tensor(meta), text) = hole("", Dtype::F32, shape) else {
                return Vec::new();
            };
            vec![(
                Arg::Tensors(vec![meta.clone(), meta]),
                format!("[{text}, {text}]"),
            )]
        }
        ParamKind::Scalar => vec![number(Scalar::Float(0.5), "0.5"), int(2)],
        ParamKind::Int if param.name.contains("dim") => vec![int(0), int(1), int(-1)],
        ParamKind::Int => vec![int(1), int(2), int(0)],
        ParamKind::Bool => vec![
            number(Scalar::Bool(true), "true"),
            number(Scalar::Bool(false), "false"),
        ],
        ParamKind::Ints => lists(param.name, shape).into_iter().map(list).collect(),
        ParamKind::Str => words(param.name),
        ParamKind::Dtype => [(Dtype::F64, "float64"), (Dtype::I64, "int64")]
            .map(|(dtype, name)| (Arg::Dtype(dtype), name.to_owned()))
            .to_vec(),
        ParamKind::Index | ParamKind::Data => Vec::new(),
    }
}

fn list(values: Vec<i64>) -> (Arg<Meta>, String) {
    let text: Vec<String> = values.iter().map(i64::to_string).collect();
    let text = format!("[{}]", text.join(", "));
    (Arg::Ints(values.into()), text)
}

fn words(name: &str) -> Vec<(Arg<Meta>, String)> {
    let known: &[&str] = match name {
        "reduction" => &["sum", "none"],
        "rounding_mode" => &["trunc", "floor"],
        "approximate" => &["tanh"],
        "reduce" => &["sum", "amax"],
        _ => &[],
    };
    let quoted = known
        .iter()
        .map(|word| (Arg::Str((*word).into()), format!("\"{word}\"")));
    quoted.collect()
}

fn lists(name: &str, shape: &[usize]) -> Vec<Vec<i64>> {
    let numel: usize = shape.iter().product();
    let as_i64 = |shape: &[usize]| shape.iter().map(|&size| size as i64).collect::<Vec<_>>();
    match name {
        "size" | "shape" => vec![
            as_i64(shape),
            vec![numel as i64],
            [vec![2], as_i64(shape)].concat(),
        ],
        "dims" => vec![(0..shape.len() as i64).rev().collect(), vec![0]],
        "dim" | "axis" => vec![vec![0], vec![1], (0..shape.len() as i64).collect()],
        "split_size" | "split_sizes" => vec![vec![1, shape.first().map_or(0, |&n| n as i64 - 1)]],
        "pad" => vec![vec![1, 0]],
        "kernel_size" | "output_size" => vec![vec![2, 2], vec![2]],
        "normalized_shape" => vec![as_i64(&shape[shape.len().saturating_sub(1)..])],
        _ => vec![vec![1], vec![1; shape.len()], as_i64(shape)],
    }
}

/// The type, and the sizes, of what a hole wants: `i2:2,3`.
pub fn wanted(hole: &str) -> (char, &str, Shape) {
    let (kind, rest) = match hole.chars().next() {
        Some(kind @ ('p' | 'b' | 'i')) => (kind, &hole[1..]),
        _ => ('f', hole),
    };
    let (below, sizes) = rest.split_once(':').unwrap_or(("", rest));
    let shape = sizes
        .split(',')
        .filter_map(|size| size.parse().ok())
        .collect();
    (kind, below, shape)
}
