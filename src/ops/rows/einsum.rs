//! `einsum` of one to three operands: a sum over the labels that the result does not name, of products.

use crate::ops::array::{Array, Offsets};
use crate::ops::kit::{
    self, Args, Grads, formula, function, grad, input_meta, op, param, saved_if, t, tensor,
};
use crate::ops::layout;
use crate::ops::meta::{Dtype, Meta, Shape};
use crate::ops::rng::Rng;
use crate::ops::row::{Arg, Backward, OpError, OpRow, Param, ParamKind};

use super::matmul::multiply;

const EQUATION: Param = param("equation", ParamKind::Str);

/// The rows of this file. PyTorch composes `einsum` of permutations, views and `bmm`, and its result is a view of
/// what `bmm` gave; nothing else can reach that, so the result is fresh here. Measured: each operand is saved for the
/// others, as in the row `einsum('ij,jk->ik')` of ops.tsv.
pub const ROWS: &[OpRow] = &[
    OpRow {
        node_by: Some(node),
        ..op(
            "einsum",
            function(&["einsum"]),
            &[EQUATION, tensor("first")],
            infer,
            forward,
            &[],
            formula(einsum_formula),
            "PermuteBackward0",
            &[],
        )
    },
    OpRow {
        node_by: Some(node),
        ..op(
            "einsum.2",
            function(&["einsum"]),
            &[EQUATION, tensor("first"), tensor("second")],
            infer,
            forward,
            &[saved_if(1, &[2]), saved_if(2, &[1])],
            formula(einsum_formula),
            "ViewBackward0",
            &[],
        )
    },
    op(
        "einsum.3",
        function(&["einsum"]),
        &[EQUATION, tensor("first"), tensor("second"), tensor("third")],
        infer,
        forward,
        &[
            saved_if(1, &[2, 3]),
            saved_if(2, &[1, 3]),
            saved_if(3, &[1, 2]),
        ],
        formula(einsum_formula),
        "ViewBackward0",
        &[],
    ),
];

/// Measured: the last operator that PyTorch composes it of.
fn node(args: &[Arg<Meta>]) -> &'static str {
    let equation = parse(Args(args).text(0, ""));
    let summed = equation.as_ref().is_ok_and(|equation| {
        equation
            .operands
            .iter()
            .flatten()
            .any(|label| !equation.result.contains(label))
    });
    match (
        equation.map_or(0, |equation| equation.operands.len()),
        summed,
    ) {
        (1, true) => "SumBackward1",
        (1, false) => "PermuteBackward0",
        (_, true) => "ViewBackward0",
        (_, false) => "MulBackward0",
    }
}

/// The labels of the operands and of the result, in order.
struct Equation {
    operands: Vec<Vec<u8>>,
    result: Vec<u8>,
}

fn parse(equation: &str) -> Result<Equation, OpError> {
    let text: String = equation.chars().filter(|letter| *letter != ' ').collect();
    if text.contains('.') {
        return Err(OpError::Unsupported("an einsum with an ellipsis".into()));
    }
    let (left, right) = match text.split_once("->") {
        Some((left, right)) => (left, Some(right)),
        None => (&text[..], None),
    };
    let operands: Vec<Vec<u8>> = left
        .split(',')
        .map(|labels| labels.bytes().collect())
        .collect();
    let all: Vec<u8> = operands.concat();
    if !all
        .iter()
        .chain(right.unwrap_or("").as_bytes())
        .all(u8::is_ascii_alphabetic)
    {
        return Err(OpError::Unsupported(format!(
            "the einsum equation `{equation}`"
        )));
    }
    let result = match right {
        Some(right) => right.bytes().collect(),
        None => {
            let mut once: Vec<u8> = all
                .iter()
                .copied()
                .filter(|label| all.iter().filter(|other| *other == label).count() == 1)
                .collect();
            once.sort_unstable();
            once
        }
    };
    check_result(&result, &all)?;
    Ok(Equation { operands, result })
}
fn check_result(result: &[u8], all: &[u8]) -> Result<(), OpError> {
    for (place, label) in result.iter().enumerate() {
        let label = char::from(*label);
        if !all.contains(&result[place]) {
            return Err(OpError::runtime(format!(
                "einsum(): output subscript {label} does not appear in the equation for any input operand"
            )));
        }
        if result[..place].contains(&result[place]) {
            return Err(OpError::runtime(format!(
                "einsum(): output subscript {label} appears more than once in the output"
            )));
        }
    }
    Ok(())
}

/// The size of each label.
fn label_sizes(equation: &Equation, metas: &[&Meta]) -> Result<[usize; 128], OpError> {
    if metas.len() < equation.operands.len() {
        return Err(OpError::runtime(
            "einsum(): fewer operands were provided than specified in the equation",
        ));
    }
    if metas.len() > equation.operands.len() {
        return Err(OpError::runtime(
            "einsum(): more operands were provided than specified in the equation",
        ));
    }
    let mut sizes = [0; 128];
    for (place, (labels, meta)) in equation.operands.iter().zip(metas).enumerate() {
        if labels.len() != meta.ndim() {
            return Err(OpError::runtime(format!(
                "einsum(): the number of subscripts in the equation ({}) does not match the number of dimensions ({}) for operand {place} and no ellipsis was given",
                labels.len(),
                meta.ndim()
            )));
        }
        for (&label, &size) in labels.iter().zip(&meta.shape) {
            let known = &mut sizes[usize::from(label)];
            if *known != 0 && *known != size {
                if *known == 1 || size == 1 {
                    return Err(OpError::Unsupported(
                        "an einsum that broadcasts a size of one".into(),
                    ));
                }
                return Err(OpError::runtime(format!(
                    "einsum(): subscript {} has size {size} for operand {place} which does not broadcast with previously seen size {known}",
                    char::from(label)
                )));
            }
            if size == 0 {
                return Err(OpError::Unsupported("an einsum of an empty tensor".into()));
            }
            *known = size;
        }
    }
    Ok(sizes)
}
fn shape_of(labels: &[u8], sizes: &[usize; 128]) -> Shape {
    labels
        .iter()
        .map(|&label| sizes[usize::from(label)])
        .collect()
}
/// The operands after the equation.
fn operands<T>(args: Args<'_, T>) -> Vec<&T> {
    (1..4).filter_map(|place| args.opt(place)).collect()
}
fn infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    let (equation, metas) = (parse(args.text(0, ""))?, operands(args));
    let sizes = label_sizes(&equation, &metas)?;
    let dtype = metas[0].dtype;
    if metas.iter().any(|meta| meta.dtype != dtype) || dtype == Dtype::Bool {
        return Err(OpError::Unsupported("an einsum of such dtypes".into()));
    }
    let shape = shape_of(&equation.result, &sizes);
    layout::checked_numel(&shape)?;
    Ok(vec![Meta::contiguous(dtype, shape)])
}

/// An array with a label for each dimension, none twice.
struct Labelled {
    labels: Vec<u8>,
    array: Array,
}

impl Labelled {
    /// Takes the diagonal where a label stands twice.
    fn new(labels: &[u8], array: &Array) -> Labelled {
        let mut meta = Meta {
            shape: Shape::new(),
            strides: Shape::new(),
            ..array.meta.clone()
        };
        let mut distinct: Vec<u8> = vec![];
        for (dim, &label) in labels.iter().enumerate() {
            match distinct.iter().position(|&other| other == label) {
                Some(place) => meta.strides[place] += array.meta.strides[dim],
                None => {
                    distinct.push(label);
                    meta.shape.push(array.meta.shape[dim]);
                    meta.strides.push(array.meta.strides[dim]);
                }
            }
        }
        Labelled {
            labels: distinct,
            array: array.with_meta(meta),
        }
    }
    /// The dimensions in the order of `labels`, all of which it has.
    fn ordered(&self, labels: &[u8]) -> Array {
        let places: Vec<usize> = labels
            .iter()
            .filter_map(|label| self.labels.iter().position(|other| other == label))
            .collect();
        let meta = &self.array.meta;
        self.array.with_meta(Meta {
            shape: places.iter().map(|&dim| meta.shape[dim]).collect(),
            strides: places.iter().map(|&dim| meta.strides[dim]).collect(),
            ..meta.clone()
        })
    }
    /// Summed over the labels that `keep` refuses.
    fn summed(&self, keep: impl Fn(u8) -> bool) -> Labelled {
        let (kept, gone): (Vec<u8>, Vec<u8>) = self.labels.iter().partition(|&&label| keep(label));
        if gone.is_empty() {
            return Labelled {
                labels: self.labels.clone(),
                array: self.array.clone(),
            };
        }
        let ordered = self.ordered(&[kept.clone(), gone].concat());
        let shape: Shape = ordered.meta.shape[..kept.len()].into();
        let count: usize = ordered.meta.shape[kept.len()..].iter().product();
        let dtype = ordered.dtype();
        let array = if dtype == Dtype::I64 {
            let values = ordered.values::<i64>();
            Array::from_vec::<i64>(
                shape,
                values
                    .chunks(count)
                    .map(|part| part.iter().fold(0i64, |sum, x| sum.wrapping_add(*x)))
                    .collect(),
            )
        } else {
            let values = ordered.values_as::<f64>();
            Array::from_vec::<f64>(
                shape,
                values.chunks(count).map(|part| part.iter().sum()).collect(),
            )
            .cast(dtype)
        };
        Labelled {
            labels: kept,
            array,
        }
    }
}

/// The product of two, summed over the labels that `keep` refuses: as a batch of matrix products.
fn contract(
    first: &Labelled,
    second: &Labelled,
    keep: impl Fn(u8) -> bool,
) -> Result<Labelled, OpError> {
    let first = first.summed(|label| keep(label) || second.labels.contains(&label));
    let second = second.summed(|label| keep(label) || first.labels.contains(&label));
    let (shared, left): (Vec<u8>, Vec<u8>) = first
        .labels
        .iter()
        .partition(|label| second.labels.contains(label));
    let (batch, inner): (Vec<u8>, Vec<u8>) = shared.into_iter().partition(|&label| keep(label));
    let right: Vec<u8> = second
        .labels
        .iter()
        .copied()
        .filter(|label| !first.labels.contains(label))
        .collect();
    let a = first.ordered(&[batch.clone(), left.clone(), inner.clone()].concat());
    let b = second.ordered(&[batch.clone(), inner.clone(), right.clone()].concat());
    let product = |array: &Array, from: usize, count: usize| -> usize {
        array.shape()[from..from + count].iter().product()
    };
    let (batches, rows) = (
        product(&a, 0, batch.len()),
        product(&a, batch.len(), left.len()),
    );
    let (middle, columns) = (
        product(&b, batch.len(), inner.len()),
        product(&b, batch.len() + inner.len(), right.len()),
    );
    let mut shape: Shape = a.shape()[..batch.len() + left.len()].into();
    shape.extend_from_slice(&b.shape()[batch.len() + inner.len()..]);
    let flat = Shape::from_slice(&[batches, rows, columns]);
    layout::checked_numel(&flat)?;
    let result = multiply(
        &a.reshaped(&[batches, rows, middle][..]),
        &b.reshaped(&[batches, middle, columns][..]),
        flat,
    )?;
    Ok(Labelled {
        labels: [batch, left, right].concat(),
        array: result.reshaped(shape),
    })
}
fn forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let equation = parse(Args(args).text(0, ""))?;
    let mut parts: Vec<Labelled> = equation
        .operands
        .iter()
        .zip(operands(Args(args)))
        .map(|(labels, array)| Labelled::new(labels, array))
        .collect();
    while parts.len() > 1 {
        let (first, second) = (parts.remove(0), parts.remove(0));
        let later: Vec<u8> = parts
            .iter()
            .flat_map(|part| part.labels.iter().copied())
            .collect();
        let both = contract(&first, &second, |label| {
            equation.result.contains(&label) || later.contains(&label)
        })?;
        parts.insert(0, both);
    }
    let Some(last) = parts.pop() else {
        return Err(OpError::Unsupported("an einsum of nothing".into()));
    };
    let result = last
        .summed(|label| equation.result.contains(&label))
        .ordered(&equation.result);
    debug_assert_eq!(Offsets::new(&result.meta).count(), result.numel());
    Ok(vec![result.copy()])
}

/// The gradient of the operand at `place`: `einsum` of the gradient and the other operands, spread over the labels
/// that only the operand has.
fn operand_grad(
    b: &mut dyn Backward,
    equation: &Equation,
    place: usize,
) -> Result<crate::ops::row::Var, OpError> {
    let (grad, labels) = (grad(b)?, &equation.operands[place]);
    if (1..labels.len()).any(|at| labels[..at].contains(&labels[at])) {
        return Err(OpError::Unsupported(
            "the gradient of an einsum that takes a diagonal".into(),
        ));
    }
    let mut terms = vec![equation.result.clone()];
    let mut args = vec![t(grad)];
    for other in (0..equation.operands.len()).filter(|&other| other != place) {
        terms.push(equation.operands[other].clone());
        args.push(t(b.input(other + 1)?));
    }
    let found: Vec<u8> = labels
        .iter()
        .copied()
        .filter(|label| terms.iter().any(|term| term.contains(label)))
        .collect();
    let text = |labels: &[u8]| {
        labels
            .iter()
            .map(|&label| char::from(label))
            .collect::<String>()
    };
    let left: Vec<String> = terms.iter().map(|term| text(term)).collect();
    args.insert(
        0,
        Arg::Str(format!("{}->{}", left.join(","), text(&found)).into()),
    );
    let row = ["einsum", "einsum.2", "einsum.3"][terms.len() - 1];
    let mut part = kit::call(b, row, args)?;
    for (dim, _) in labels
        .iter()
        .enumerate()
        .filter(|(_, label)| !found.contains(label))
    {
        part = kit::call(b, "unsqueeze", vec![t(part), kit::n(dim as i64)])?;
    }
    let meta = input_meta(b, place + 1)?;
    kit::expand(b, part, &meta.shape)
}
fn einsum_formula(b: &mut dyn Backward) -> Grads {
    let equation = parse(Args(b.args()).text(0, ""))?;
    (0..equation.operands.len())
        .map(|place| {
            if b.needs(place + 1) {
                operand_grad(b, &equation, place).map(Some)
            } else {
                Ok(None)
            }
        })
        .collect()
}
