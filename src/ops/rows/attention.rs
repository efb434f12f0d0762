//! The fused attention that PyTorch runs on the CPU: one node that keeps query, key, value and result.

use super::matmul::multiply;
use super::softmax::map_lines;
use crate::ops::array::Array;
use crate::ops::kit::{
    self, Args, Grads, HIDDEN, INTERNAL, flag_or, float_or, formula, grad, input_meta, op,
    opt_fixed, saved, saved_output, t, tensor,
};
use crate::ops::layout;
use crate::ops::meta::{Dtype, Meta, Scalar, Shape};
use crate::ops::rng::Rng;
use crate::ops::row::{Arg, Backward, Default, OpError, OpRow, ParamKind, Var};

/// The rows of this file. Measured besides ops.tsv: taken for four dimensions without dropout, where key and value are
/// equally wide and the mask needs no gradient; else PyTorch composes attention of others, as the prelude does.
pub const ROWS: &[OpRow] = &[op(
    "_scaled_dot_product_flash_attention_for_cpu",
    INTERNAL,
    &[
        tensor("query"),
        tensor("key"),
        tensor("value"),
        float_or("dropout_p", 0.0),
        flag_or("is_causal", false),
        opt_fixed("attn_mask"),
        kit::optional("scale", ParamKind::Scalar, Default::None),
    ],
    infer,
    forward,
    &[
        saved(0),
        saved(1),
        saved(2),
        saved(5),
        saved_output(0),
        HIDDEN,
    ],
    formula(attention_formula),
    "ScaledDotProductFlashAttentionForCpuBackward0",
    &["F.scaled_dot_product_attention"],
)];

fn infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    let (query, key, value) = (args.tensor(0)?, args.tensor(1)?, args.tensor(2)?);
    let fits = query.ndim() == 4
        && key.ndim() == 4
        && key.shape == value.shape
        && query.shape[..2] == key.shape[..2]
        && query.shape[3] == key.shape[3]
        && query.dtype.is_floating()
        && query.dtype == key.dtype
        && key.dtype == value.dtype
        && args.float(3, 0.0) == 0.0;
    if !fits {
        return Err(OpError::Unsupported(
            "fused attention of such arguments".into(),
        ));
    }
    if let Some(mask) = args.opt(5) {
        layout::expand(mask, &layout::signed(&scores_shape(query, key)))?;
    }
    Ok(vec![Meta::contiguous(query.dtype, query.shape.clone())])
}
fn scores_shape(query: &Meta, key: &Meta) -> Shape {
    Shape::from_slice(&[query.shape[0], query.shape[1], query.shape[2], key.shape[2]])
}
fn factor<T>(args: Args<'_, T>, width: usize) -> f64 {
    args.scalar(6)
        .map_or(1.0 / (width as f64).sqrt(), Scalar::as_f64)
}
/// Batch and heads as one dimension.
fn folded(array: &Array) -> Array {
    let shape = array.shape();
    array.reshaped(&[shape[0] * shape[1], shape[2], shape[3]][..])
}
/// What is added to each score: minus infinity where it does not count.
fn added(args: Args<'_, Array>, shape: &[usize]) -> Option<Vec<f64>> {
    let bar = |seen: bool| if seen { 0.0 } else { f64::NEG_INFINITY };
    if args.flag(4, false) {
        let (rows, columns) = (shape[2], shape[3]);
        let numel: usize = shape.iter().product();
        return Some(
            (0..numel)
                .map(|place| bar(place % columns <= place / columns % rows))
                .collect(),
        );
    }
    let mask = args.opt(5)?.broadcast_to(shape);
    Some(match mask.dtype() {
        Dtype::Bool => mask
            .values::<bool>()
            .iter()
            .map(|&seen| bar(seen))
            .collect(),
        _ => mask.values_as::<f64>().into_owned(),
    })
}
fn forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let meta = kit::inferred(infer, args)?;
    let args = Args(args);
    let (query, key, value) = (args.tensor(0)?, args.tensor(1)?, args.tensor(2)?);
    let shape = scores_shape(&query.meta, &key.meta);
    layout::checked_numel(&shape)?;
    let (flat_query, flat_key) = (folded(query), folded(key));
    let flipped = flat_key.with_meta(layout::transpose(&flat_key.meta, 1, 2)?);
    let flat = Shape::from_slice(&[shape[0] * shape[1], shape[2], shape[3]]);
    let scores = multiply(&flat_query, &flipped, flat.clone())?;
    let (scale, added) = (factor(args, query.shape()[3]), added(args, &shape));
    let mut scores = scores.values_as::<f64>().into_owned();
    for (place, score) in scores.iter_mut().enumerate() {
        *score = *score * scale + added.as_ref().map_or(0.0, |added| added[place]);
    }
    let scores = Array::from_vec::<f64>(flat, scores);
    let weights = map_lines(&scores, 2, query.dtype(), |line| {
        let highest = line.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        // A line in which nothing counts gives zeros.
        let highest = if highest == f64::NEG_INFINITY {
            0.0
        } else {
            highest
        };
        line.iter_mut()
            .for_each(|value| *value = (*value - highest).exp());
        let sum: f64 = line.iter().sum();
        line.iter_mut()
            .for_each(|value| *value /= if sum == 0.0 { 1.0 } else { sum });
    });
    let flat_value = folded(value);
    let result = Shape::from_slice(&[shape[0] * shape[1], shape[2], query.shape()[3]]);
    Ok(vec![
        multiply(&weights, &flat_value, result)?.reshaped(meta.shape),
    ])
}

/// The weights of the values, from what is saved.
fn weights(
    b: &mut dyn Backward,
    query: Var,
    key: Var,
    scale: f64,
    shape: &[usize],
) -> Result<Var, OpError> {
    let flipped = kit::transposed(b, key)?;
    let scores = kit::call(b, "bmm", vec![t(query), t(flipped)])?;
    let scores = kit::scale(b, scores, scale)?;
    let mut scores = kit::reshape(b, scores, shape)?;
    let hidden = if Args(b.args()).flag(4, false) {
        let ones = kit::call(b, "ones_like", vec![t(scores)])?;
        let above = kit::call(b, "triu", vec![t(ones), kit::n(1)])?;
        Some(kit::call(b, "gt", vec![t(above), kit::n(0)])?)
    } else if Args(b.args()).opt(5).is_some() {
        let mask = b.input(5)?;
        if b.meta(mask).dtype == Dtype::Bool {
            Some(kit::call(b, "logical_not", vec![t(mask)])?)
        } else {
            scores = kit::add(b, scores, mask)?;
            None
        }
    } else {
        None
    };
    if let Some(hidden) = hidden {
        scores = kit::call(
            b,
            "masked_fill",
            vec![t(scores), t(hidden), kit::f(f64::NEG_INFINITY)],
        )?;
    }
    kit::call(b, "softmax", vec![t(scores), kit::n(-1)])
}
fn attention_formula(b: &mut dyn Backward) -> Grads {
    let (grad, query_meta, key_meta) = (grad(b)?, input_meta(b, 0)?, input_meta(b, 1)?);
    let scale = factor(Args(b.args()), query_meta.shape[3]);
    let shape = scores_shape(&query_meta, &key_meta);
    let heads = shape[0] * shape[1];
    let fold = |b: &mut dyn Backward, var: Var| {
        let shape = b.meta(var).shape;
        kit::reshape(b, var, &[heads, shape[2], shape[3]])
    };
    let (query, key, value) = (b.input(0)?, b.input(1)?, b.input(2)?);
    let (query, key, value, grad) = (
        fold(b, query)?,
        fold(b, key)?,
        fold(b, value)?,
        fold(b, grad)?,
    );
    let weights = weights(b, query, key, scale, &shape)?;
    let weights = fold(b, weights)?;
    let flipped = kit::transposed(b, weights)?;
    let to_value = kit::call(b, "bmm", vec![t(flipped), t(grad)])?;
    let value = kit::transposed(b, value)?;
    let to_weights = kit::call(b, "bmm", vec![t(grad), t(value)])?;
    let product = kit::mul(b, to_weights, weights)?;
    let sum = kit::sum(b, product, &[2], true)?;
    let share = kit::mul(b, weights, sum)?;
    let to_scores = kit::sub(b, product, share)?;
    let to_scores = kit::scale(b, to_scores, scale)?;
    let to_query = kit::call(b, "bmm", vec![t(to_scores), t(key)])?;
    let flipped = kit::transposed(b, to_scores)?;
    let to_key = kit::call(b, "bmm", vec![t(flipped), t(query)])?;
    let mut grads = vec![];
    for (part, meta) in [
        (to_query, &query_meta),
        (to_key, &key_meta),
        (to_value, &key_meta),
    ] {
        let part = kit::reshape(b, part, &meta.shape)?;
        let query = b.input(0)?;
        grads.push(Some(kit::call(
            b,
            "_attention_once",
            vec![t(part), t(query)],
        )?));
    }
    Ok(grads)
}
