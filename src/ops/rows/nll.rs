//! `nll_loss`, for classes at any number of places, and `embedding`, which likewise picks by a tensor of classes.

use crate::ops::array::Array;
use crate::ops::kernels::{self, Along};
use crate::ops::kit::{
    self, Args, Grads, INTERNAL, fixed, formula, functional, grad, input_meta, int_or, ints, op,
    opt_fixed, opt_int, same, saved, t, tensor, text_or,
};
use crate::ops::layout;
use crate::ops::meta::{Dtype, Meta, Shape, sizes};
use crate::ops::rng::Rng;
use crate::ops::row::{Arg, Backward, Exception, Gradient, OpError, OpRow, Param, Save};

use super::loss::{check_reduction, reduced};

const TARGET: Param = fixed("target");
const WEIGHT: Param = opt_fixed("weight");
const IGNORE: Param = int_or("ignore_index", -100);
const NLL_SAVES: &[Save] = &[saved(0), saved(1), saved(2)];

/// The rows of this file.
pub const ROWS: &[OpRow] = &[
    OpRow {
        node_by: Some(nll_node),
        ..op(
            "nll_loss",
            functional(&["nll_loss"]),
            &[
                tensor("input"),
                TARGET,
                WEIGHT,
                IGNORE,
                text_or("reduction", "mean"),
            ],
            nll_infer,
            nll_forward,
            NLL_SAVES,
            formula(nll_formula),
            "NllLossBackward0",
            &["F.nll_loss"],
        )
    },
    op(
        "_nll_total",
        INTERNAL,
        &[
            TARGET,
            WEIGHT,
            IGNORE,
            kit::param("dtype", crate::ops::row::ParamKind::Dtype),
        ],
        total_infer,
        total_forward,
        &[],
        Gradient::NotDifferentiable,
        "",
        &[],
    ),
    op(
        "_nll_scatter",
        INTERNAL,
        &[tensor("grad"), TARGET, WEIGHT, IGNORE, ints("sizes")],
        scatter_infer,
        scatter_forward,
        &[saved(1), saved(2)],
        formula(scatter_formula),
        "NllLossBackwardBackward0",
        &[],
    ),
    op(
        "embedding",
        INTERNAL,
        &[tensor("weight"), fixed("indices"), opt_int("padding_idx")],
        embedding_infer,
        embedding_forward,
        &[saved(1)],
        formula(embedding_formula),
        "EmbeddingBackward0",
        &["F.embedding(idx,w)"],
    ),
    op(
        "embedding_dense_backward",
        INTERNAL,
        &[
            tensor("grad"),
            fixed("indices"),
            ints("sizes"),
            int_or("padding_idx", -1),
        ],
        embedding_backward_infer,
        embedding_backward,
        &[saved(1)],
        formula(embedding_backward_formula),
        "EmbeddingDenseBackwardBackward0",
        &[],
    ),
];

/// Input as samples, classes, places; a vector is one sample of one place.
fn seen(input: &[usize]) -> Along {
    if input.len() == 1 {
        Along {
            outer: 1,
            size: input[0],
            inner: 1,
        }
    } else {
        Along::new(input, 1)
    }
}
fn check_target(input: &Meta, target: &Meta) -> Result<(), OpError> {
    match input.ndim() {
        0 => Err(OpError::value("Expected 1 or more dimensions (got 0)")),
        1 if target.numel() == 1 && target.ndim() <= 1 => Ok(()),
        1 | 2 if target.ndim() > 1 => {
            let samples = if input.ndim() == 1 { 1 } else { input.shape[0] };
            if input.ndim() == 2 && samples != target.shape[0] {
                return Err(batch_mismatch(samples, target.shape[0]));
            }
            Err(OpError::runtime(
                "0D or 1D target tensor expected, multi-target not supported",
            ))
        }
        1 => Err(OpError::value(format!(
            "For 1D input, 1D target must have size 1, but got target size: {}",
            target.numel()
        ))),
        2 => {
            let count = target.shape.first().copied().unwrap_or(1);
            if target.ndim() == 0 || count != input.shape[0] {
                Err(batch_mismatch(input.shape[0], count))
            } else {
                Ok(())
            }
        }
        ndim => check_places(input, target, ndim),
    }
}
fn batch_mismatch(input: usize, target: usize) -> OpError {
    OpError::value(format!(
        "Expected input batch_size ({input}) to match target batch_size ({target})."
    ))
}
fn check_places(input: &Meta, target: &Meta, ndim: usize) -> Result<(), OpError> {
    let mut wanted = Shape::from_slice(&input.shape[..1]);
    wanted.extend_from_slice(&input.shape[2..]);
    if target.shape.first() != input.shape.first() {
        return Err(batch_mismatch(
            input.shape[0],
            target.shape.first().copied().unwrap_or(0),
        ));
    }
    if target.shape == wanted {
        return Ok(());
    }
    if ndim == 4 {
        if target.ndim() != 3 {
            return Err(OpError::runtime(format!(
                "only batches of spatial targets supported (3D tensors) but got targets of dimension: {}",
                target.ndim()
            )));
        }
        return Err(OpError::runtime(format!(
            "size mismatch (got input: {} , target: {}",
            input.sizes(),
            target.sizes()
        )));
    }
    Err(OpError::runtime(format!(
        "Expected target size {}, got {}",
        sizes(&wanted),
        target.sizes()
    )))
}
fn nll_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    let (input, target, reduction) = (args.tensor(0)?, args.tensor(1)?, args.text(4, "mean"));
    check_reduction(reduction)?;
    // The order in which PyTorch looks: the batch, then the sizes, then the type; of one row, the type first.
    let batch = target.shape.first().copied().unwrap_or(0);
    if input.ndim() >= 2 && input.shape[0] != batch {
        return Err(batch_mismatch(input.shape[0], batch));
    }
    if input.ndim() != 1 {
        check_target(input, target)?;
    }
    if target.dtype != Dtype::I64 && input.ndim() > 0 {
        return Err(OpError::runtime(format!(
            "expected target dtype to be Long or Byte, but got {}",
            target.dtype.scalar_name()
        )));
    }
    check_target(input, target)?;
    let classes = seen(&input.shape).size;
    if let Some(weight) = args.opt(2) {
        if weight.shape[..] != [classes] {
            return Err(OpError::runtime(format!(
                "weight tensor should be defined either for all {classes} classes or no classes but got weight tensor of shape: {}",
                weight.sizes()
            )));
        }
        if weight.dtype != input.dtype {
            return Err(OpError::runtime(format!(
                "expected scalar type {} but found {}",
                input.dtype.scalar_name(),
                weight.dtype.scalar_name()
            )));
        }
    }
    if !input.dtype.is_floating() {
        return Err(OpError::Raises(
            Exception::NotImplementedError,
            format!(
                "\"nll_loss_out_frame\" not implemented for '{}'",
                input.dtype.scalar_name()
            ),
        ));
    }
    let shape = if input.ndim() == 1 {
        Shape::new()
    } else {
        target.shape.clone()
    };
    Ok(vec![Meta::contiguous(
        input.dtype,
        reduced(shape, reduction),
    )])
}
fn nll_node(args: &[Arg<Meta>]) -> &'static str {
    if Args(args).opt(0).is_some_and(|input| input.ndim() > 2) {
        "NllLoss2DBackward0"
    } else {
        "NllLossBackward0"
    }
}
/// For each target that counts: its place among the targets, its class and its weight.
fn counted(
    target: &Array,
    weight: Option<&Array>,
    ignore: i64,
    classes: Option<usize>,
) -> Result<Vec<(usize, usize, f64)>, OpError> {
    let weights = weight.map(|weight| weight.values_as::<f64>().into_owned());
    let classes = classes.or(weights.as_ref().map(Vec::len));
    let mut found = vec![];
    for (place, &class) in target
        .values::<i64>()
        .iter()
        .enumerate()
        .filter(|(_, class)| **class != ignore)
    {
        let inside = usize::try_from(class)
            .ok()
            .filter(|&class| classes.is_none_or(|classes| class < classes));
        let class =
            inside.ok_or_else(|| OpError::index(format!("Target {class} is out of bounds.")))?;
        found.push((
            place,
            class,
            weights.as_ref().map_or(1.0, |weights| weights[class]),
        ));
    }
    Ok(found)
}
fn nll_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let meta = kit::inferred(nll_infer, args)?;
    let args = Args(args);
    let (input, target, reduction) = (args.tensor(0)?, args.tensor(1)?, args.text(4, "mean"));
    let along = seen(input.shape());
    let values = input.values_as::<f64>();
    let mut losses = vec![0.0; target.numel()];
    let mut total = 0.0;
    for (place, class, weight) in counted(target, args.opt(2), args.int(3, -100), Some(along.size))?
    {
        losses[place] = -weight * values[along.at(place / along.inner, class, place % along.inner)];
        total += weight;
    }
    let sum: f64 = losses.iter().sum();
    let result = match reduction {
        "none" => losses,
        "sum" => vec![sum],
        _ => vec![sum / total],
    };
    Ok(vec![
        Array::from_vec::<f64>(meta.shape, result).cast(meta.dtype),
    ])
}
fn opt_weight(b: &mut dyn Backward, place: usize) -> Result<Arg<crate::ops::row::Var>, OpError> {
    Ok(if Args(b.args()).opt(place).is_some() {
        t(b.input(place)?)
    } else {
        Arg::None
    })
}
fn nll_formula(b: &mut dyn Backward) -> Grads {
    let (mut grad, meta, target, weight) =
        (grad(b)?, input_meta(b, 0)?, b.input(1)?, opt_weight(b, 2)?);
    let (ignore, reduction) = (
        Args(b.args()).int(3, -100),
        Args(b.args()).text(4, "mean").to_owned(),
    );
    if reduction == "mean" {
        let total = kit::call(
            b,
            "_nll_total",
            vec![
                t(target),
                weight.clone(),
                kit::n(ignore),
                Arg::Dtype(meta.dtype),
            ],
        )?;
        grad = kit::div(b, grad, total)?;
    }
    let shape = b.meta(target).shape;
    let grad = if b.meta(grad).ndim() == 0 {
        kit::expand(b, grad, &shape)?
    } else {
        grad
    };
    let part = kit::call(
        b,
        "_nll_scatter",
        vec![
            t(grad),
            t(target),
            weight,
            kit::n(ignore),
            kit::shape(&meta.shape),
        ],
    )?;
    let input = b.input(0)?;
    Ok(vec![Some(kit::call(
        b,
        "_linked",
        vec![t(part), t(input)],
    )?)])
}
fn total_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    Ok(vec![Meta::contiguous(
        Args(args).dtype(3).unwrap_or(Dtype::F32),
        Shape::new(),
    )])
}
fn total_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let args = Args(args);
    let total: f64 = counted(args.tensor(0)?, args.opt(1), args.int(2, -100), None)?
        .iter()
        .map(|found| found.2)
        .sum();
    Ok(vec![
        Array::from_vec::<f64>(Shape::new(), vec![total]).cast(args.dtype(3).unwrap_or(Dtype::F32)),
    ])
}
fn scatter_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    Ok(vec![Meta::contiguous(
        args.tensor(0)?.dtype,
        layout::checked_shape(&args.ints(4))?,
    )])
}
fn scatter_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let meta = kit::inferred(scatter_infer, args)?;
    let args = Args(args);
    let (grad, along) = (args.tensor(0)?.values_as::<f64>(), seen(&meta.shape));
    let mut values = vec![0.0; meta.numel()];
    for (place, class, weight) in counted(
        args.tensor(1)?,
        args.opt(2),
        args.int(3, -100),
        Some(along.size),
    )? {
        values[along.at(place / along.inner, class, place % along.inner)] = -weight * grad[place];
    }
    Ok(vec![
        Array::from_vec::<f64>(meta.shape, values).cast(meta.dtype),
    ])
}
fn scatter_formula(b: &mut dyn Backward) -> Grads {
    let (grad, meta, target, weight, ignore) = (
        grad(b)?,
        input_meta(b, 0)?,
        b.input(1)?,
        opt_weight(b, 2)?,
        same(b, 3),
    );
    let picked = kit::call(
        b,
        "nll_loss",
        vec![t(grad), t(target), weight, ignore, Arg::Str("none".into())],
    )?;
    Ok(vec![Some(kit::reshape(b, picked, &meta.shape)?)])
}

fn embedding_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    let (weight, index) = (args.tensor(0)?, args.tensor(1)?);
    let count = weight.shape.first().copied().unwrap_or(0) as i64;
    if args
        .opt_int(2)
        .is_some_and(|padding| padding >= count || padding < -count)
    {
        return Err(OpError::Raises(
            Exception::AssertionError,
            "Padding_idx must be within num_embeddings".into(),
        ));
    }
    if weight.ndim() != 2 {
        return Err(OpError::runtime("'weight' must be 2-D"));
    }
    if index.dtype != Dtype::I64 {
        return Err(OpError::runtime(format!(
            "Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; but got torch.{}Tensor instead (while checking arguments for embedding)",
            index.dtype.scalar_name()
        )));
    }
    let mut shape = index.shape.clone();
    shape.push(weight.shape[1]);
    layout::checked_numel(&shape)?;
    Ok(vec![Meta::contiguous(weight.dtype, shape)])
}
fn rows_of(index: &Array, count: usize) -> Result<Vec<usize>, OpError> {
    let inside = |&row: &i64| usize::try_from(row).ok().filter(|&row| row < count);
    index
        .values::<i64>()
        .iter()
        .map(|row| inside(row).ok_or_else(|| OpError::index("index out of range in self")))
        .collect()
}
fn embedding_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let meta = kit::inferred(embedding_infer, args)?;
    let args = Args(args);
    let weight = args.tensor(0)?;
    let (rows, width) = (
        rows_of(args.tensor(1)?, weight.shape()[0])?,
        weight.shape()[1],
    );
    Ok(vec![kernels::gather(weight, &meta.shape, |place| {
        Some(rows[place / width] * width + place % width)
    })])
}
fn embedding_formula(b: &mut dyn Backward) -> Grads {
    let (grad, meta, index) = (grad(b)?, input_meta(b, 0)?, b.input(1)?);
    let count = meta.shape[0] as i64;
    let padding = Args(b.args()).opt_int(2).map_or(-1, |padding| {
        if padding < 0 {
            padding + count
        } else {
            padding
        }
    });
    let args = vec![t(grad), t(index), kit::shape(&meta.shape), kit::n(padding)];
    Ok(vec![Some(kit::call(b, "embedding_dense_backward", args)?)])
}
fn embedding_backward_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    Ok(vec![Meta::contiguous(
        args.tensor(0)?.dtype,
        layout::checked_shape(&args.ints(2))?,
    )])
}
fn embedding_backward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let meta = kit::inferred(embedding_backward_infer, args)?;
    let args = Args(args);
    let (rows, width) = (rows_of(args.tensor(1)?, meta.shape[0])?, meta.shape[1]);
    let padding = usize::try_from(args.int(3, -1)).ok();
    let map = |place: usize| {
        let row = rows[place / width];
        (Some(row) != padding).then_some(row * width + place % width)
    };
    Ok(vec![kernels::accumulate(args.tensor(0)?, &meta.shape, map)])
}
fn embedding_backward_formula(b: &mut dyn Backward) -> Grads {
    let (grad, meta, index) = (grad(b)?, input_meta(b, 0)?, b.input(1)?);
    let padding = Args(b.args()).int(3, -1);
    let mut picked = kit::call(b, "embedding", vec![t(grad), t(index)])?;
    if padding >= 0 {
        let padded = kit::call(b, "eq", vec![t(index), kit::n(padding)])?;
        let padded = kit::call(b, "unsqueeze", vec![t(padded), kit::n(-1)])?;
        picked = kit::call(b, "masked_fill", vec![t(picked), t(padded), kit::n(0)])?;
    }
    Ok(vec![Some(kit::reshape(b, picked, &meta.shape)?)])
}
