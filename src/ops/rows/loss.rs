//! Losses that are one node. Those that PyTorch composes of others are in the prelude, and so are the warnings.

use crate::ops::array::Array;
use crate::ops::kernel::{floating_only, refused_by};
use crate::ops::kit::{
    self, Args, Grads, formula, functional, grad, input_meta, op, saved, t, tensor, text_or,
};
use crate::ops::layout::{self, torch_size};
use crate::ops::meta::{Dtype, Meta, Shape};
use crate::ops::promote::Promotion;
use crate::ops::rng::Rng;
use crate::ops::row::{Arg, Backward, Exception, OpError, OpRow, Param, ParamKind, Save, Var};

const INPUT: Param = tensor("input");
const TARGET: Param = tensor("target");
const REDUCTION: Param = text_or("reduction", "mean");
const WEIGHT: Param = kit::opt_fixed("weight");
const BOTH: &[Save] = &[saved(0), saved(1)];

/// The rows of this file. Measured besides ops.tsv: inputs and targets of different sizes are broadcast.
pub const ROWS: &[OpRow] = &[
    op(
        "mse_loss",
        functional(&["mse_loss"]),
        &[INPUT, TARGET, REDUCTION],
        |args| infer(args, 2, Some("mse_cpu")),
        mse_forward,
        BOTH,
        formula(mse_formula),
        "MseLossBackward0",
        &["F.mse_loss", "F.mse_loss none"],
    ),
    op(
        "smooth_l1_loss",
        functional(&["smooth_l1_loss"]),
        &[INPUT, TARGET, REDUCTION, kit::float_or("beta", 1.0)],
        smooth_l1_infer,
        smooth_l1_forward,
        BOTH,
        formula(smooth_l1_formula),
        "SmoothL1LossBackward0",
        &["F.smooth_l1_loss"],
    ),
    op(
        "huber_loss",
        functional(&["huber_loss"]),
        &[INPUT, TARGET, REDUCTION, kit::float_or("delta", 1.0)],
        huber_infer,
        huber_forward,
        BOTH,
        formula(huber_formula),
        "HuberLossBackward0",
        &["F.huber_loss"],
    ),
    op(
        "binary_cross_entropy",
        functional(&["binary_cross_entropy"]),
        &[INPUT, TARGET, WEIGHT, REDUCTION],
        bce_infer,
        bce_forward,
        &[saved(0), saved(1), saved(2)],
        formula(bce_formula),
        "BinaryCrossEntropyBackward0",
        &["F.binary_cross_entropy"],
    ),
    op(
        "binary_cross_entropy_with_logits",
        functional(&["binary_cross_entropy_with_logits"]),
        &[
            INPUT,
            TARGET,
            WEIGHT,
            kit::opt_fixed("pos_weight"),
            REDUCTION,
        ],
        logits_infer,
        logits_forward,
        &[saved(0), saved(1), saved(2), saved(3)],
        formula(logits_formula),
        "BinaryCrossEntropyWithLogitsBackward0",
        &["F.binary_cross_entropy_with_logits"],
    ),
    op(
        "soft_margin_loss",
        functional(&["soft_margin_loss"]),
        &[INPUT, kit::fixed("target"), REDUCTION],
        soft_margin_infer,
        soft_margin_forward,
        BOTH,
        formula(soft_margin_formula),
        "SoftMarginLossBackward0",
        &["F.soft_margin_loss"],
    ),
    op(
        "multi_margin_loss",
        functional(&["multi_margin_loss"]),
        &[
            INPUT,
            kit::fixed("target"),
            kit::optional(
                "p",
                ParamKind::Scalar,
                crate::ops::row::Default::Scalar(crate::ops::Scalar::Int(1)),
            ),
            kit::float_or("margin", 1.0),
            WEIGHT,
            REDUCTION,
        ],
        multi_margin_infer,
        multi_margin_forward,
        &[saved(0), saved(1), saved(4)],
        formula(multi_margin_formula),
        "MultiMarginLossBackward0",
        &["F.multi_margin_loss"],
    ),
];

/// Checks the name of a reduction.
pub fn check_reduction(reduction: &str) -> Result<(), OpError> {
    if ["none", "mean", "sum"].contains(&reduction) {
        return Ok(());
    }
    Err(OpError::value(format!(
        "{reduction} is not a valid value for reduction"
    )))
}
/// The shape after a reduction.
pub fn reduced(shape: Shape, reduction: &str) -> Shape {
    if reduction == "none" {
        shape
    } else {
        Shape::new()
    }
}
fn broadcast_shape(args: Args<'_, Meta>) -> Result<Shape, OpError> {
    layout::broadcast(&args.tensor(0)?.shape, &args.tensor(1)?.shape)
}
/// The result of a loss of two tensors; `kernel` is the name under which it refuses integers.
fn infer(args: &[Arg<Meta>], reduction: usize, kernel: Option<&str>) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    let reduction = args.text(reduction, "mean");
    check_reduction(reduction)?;
    let shape = broadcast_shape(args)?;
    let dtype = Promotion::new()
        .tensor(args.tensor(0)?)
        .tensor(args.tensor(1)?)
        .result();
    if !dtype.is_floating() {
        return Err(match kernel {
            Some(kernel) => refused_by(kernel, dtype),
            None => OpError::Unsupported("a loss of integers".into()),
        });
    }
    Ok(vec![Meta::contiguous(dtype, reduced(shape, reduction))])
}
/// Sums or averages the elements of a loss.
pub fn reduce(values: Vec<f64>, shape: &[usize], reduction: &str, dtype: Dtype) -> Array {
    let sum: f64 = if reduction == "none" {
        0.0
    } else {
        values.iter().sum()
    };
    let count = values.len() as f64;
    match reduction {
        "none" => Array::from_vec::<f64>(shape, values),
        "sum" => Array::from_vec::<f64>(Shape::new(), vec![sum]),
        _ => Array::from_vec::<f64>(Shape::new(), vec![sum / count]),
    }
    .cast(dtype)
}
/// The elements of the tensor at `place`, broadcast.
fn doubles(args: Args<'_, Array>, place: usize, shape: &[usize]) -> Option<Vec<f64>> {
    args.opt(place)
        .map(|array| array.broadcast_to(shape).values_as::<f64>().into_owned())
}
/// A loss of pairs of numbers.
fn elementwise(
    args: &[Arg<Array>],
    reduction: usize,
    loss: impl Fn(f64, f64) -> f64,
) -> Result<Vec<Array>, OpError> {
    let args = Args(args);
    let (input, target) = (args.tensor(0)?, args.tensor(1)?);
    let shape = layout::broadcast(input.shape(), target.shape())?;
    let dtype = Promotion::new()
        .tensor(&input.meta)
        .tensor(&target.meta)
        .result();
    let (xs, ys) = (
        doubles(args, 0, &shape).unwrap_or_default(),
        doubles(args, 1, &shape).unwrap_or_default(),
    );
    let values = xs.iter().zip(&ys).map(|(&x, &y)| loss(x, y)).collect();
    Ok(vec![reduce(
        values,
        &shape,
        args.text(reduction, "mean"),
        dtype,
    )])
}
/// The incoming gradient for each element: divided by their number for a mean.
fn per_element(b: &mut dyn Backward, reduction: usize) -> Result<Var, OpError> {
    let grad = grad(b)?;
    let shape = broadcast_shape(Args(b.args()))?;
    if Args(b.args()).text(reduction, "mean") != "mean" {
        return Ok(grad);
    }
    let count: usize = shape.iter().product();
    kit::call(b, "div", vec![t(grad), kit::f(count as f64)])
}
/// `derivative * grad`, summed to the sizes of the argument at `place`.
fn chain(
    b: &mut dyn Backward,
    place: usize,
    derivative: Var,
    grad: Var,
) -> Result<Option<Var>, OpError> {
    let meta = input_meta(b, place)?;
    let part = kit::mul(b, derivative, grad)?;
    Ok(Some(kit::reduce_to(b, part, &meta.shape)?))
}
fn difference(b: &mut dyn Backward) -> Result<Var, OpError> {
    let (input, target) = (b.input(0)?, b.input(1)?);
    kit::sub(b, input, target)
}
/// The gradients of a loss of `input - target`, whose derivative is given: that of the target is its opposite.
fn opposite(b: &mut dyn Backward, derivative: Var, reduction: usize) -> Grads {
    let grad = per_element(b, reduction)?;
    let mut grads = vec![None, None];
    if b.needs(0) {
        grads[0] = chain(b, 0, derivative, grad)?;
    }
    if b.needs(1) {
        let derivative = kit::neg(b, derivative)?;
        grads[1] = chain(b, 1, derivative, grad)?;
    }
    Ok(grads)
}

fn mse_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    elementwise(args, 2, |x, y| (x - y) * (x - y))
}
fn mse_formula(b: &mut dyn Backward) -> Grads {
    let difference = difference(b)?;
    let derivative = kit::scale(b, difference, 2.0)?;
    opposite(b, derivative, 2)
}

fn smooth_l1_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    if Args(args).float(3, 1.0) < 0.0 {
        return Err(OpError::runtime(
            "smooth_l1_loss does not support negative values for beta.",
        ));
    }
    infer(args, 2, Some("smooth_l1_cpu"))
}
fn smooth_l1_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let beta = Args(args).float(3, 1.0);
    elementwise(args, 2, |x, y| {
        let distance = (x - y).abs();
        if distance < beta {
            0.5 * distance * distance / beta
        } else {
            distance - 0.5 * beta
        }
    })
}
fn smooth_l1_formula(b: &mut dyn Backward) -> Grads {
    let (difference, beta) = (difference(b)?, Args(b.args()).float(3, 1.0));
    let sign = kit::call(b, "sign", vec![t(difference)])?;
    let derivative = if beta == 0.0 {
        sign
    } else {
        let distance = kit::call(b, "abs", vec![t(difference)])?;
        let near = kit::call(b, "lt", vec![t(distance), kit::f(beta)])?;
        let slope = kit::call(b, "div", vec![t(difference), kit::f(beta)])?;
        kit::call(b, "where", vec![t(near), t(slope), t(sign)])?
    };
    opposite(b, derivative, 2)
}
fn huber_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    if Args(args).float(3, 1.0) <= 0.0 {
        return Err(OpError::runtime(
            "huber_loss does not support non-positive values for delta.",
        ));
    }
    // Measured: the result has the input's dtype, unlike that of the other losses, and must be able to have it.
    let (input, target) = (Args(args).tensor(0)?.dtype, Args(args).tensor(1)?.dtype);
    check_reduction(Args(args).text(2, "mean"))?;
    if !input.is_floating() && target > input {
        broadcast_shape(Args(args))?;
        return Err(OpError::runtime(format!(
            "result type {} can't be cast to the desired output type {}",
            target.scalar_name(),
            input.scalar_name()
        )));
    }
    let mut metas = infer(args, 2, Some("huber_cpu"))?;
    metas.iter_mut().for_each(|meta| meta.dtype = input);
    Ok(metas)
}
fn huber_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let (delta, dtype) = (
        Args(args).float(3, 1.0),
        kit::inferred(huber_infer, args)?.dtype,
    );
    let results = elementwise(args, 2, |x, y| {
        let distance = (x - y).abs();
        if distance <= delta {
            0.5 * distance * distance
        } else {
            delta * (distance - 0.5 * delta)
        }
    })?;
    Ok(results.iter().map(|array| array.cast(dtype)).collect())
}
/// The kernel of the backward takes one dtype: that of the one it is for.
fn one_dtype(b: &mut dyn Backward, at: usize) -> Result<(), OpError> {
    let (own, other) = (b.input(at)?, b.input(1 - at)?);
    let (own, other) = (b.meta(own).dtype, b.meta(other).dtype);
    if !b.needs(at) || own == other {
        return Ok(());
    }
    Err(OpError::runtime(format!(
        "Found dtype {} but expected {}",
        other.scalar_name(),
        own.scalar_name()
    )))
}
fn huber_formula(b: &mut dyn Backward) -> Grads {
    one_dtype(b, 0)?;
    one_dtype(b, 1)?;
    let (difference, delta) = (difference(b)?, Args(b.args()).float(3, 1.0));
    let derivative = kit::call(
        b,
        "clamp",
        vec![t(difference), kit::f(-delta), kit::f(delta)],
    )?;
    opposite(b, derivative, 2)
}

fn bce_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    let (input, target) = (args.tensor(0)?, args.tensor(1)?);
    let reduction = args.text(3, "mean");
    check_reduction(reduction)?;
    if input.shape != target.shape {
        return Err(OpError::value(format!(
            "Using a target size ({}) that is different to the input size ({}) is deprecated. Please ensure they have the same size.",
            torch_size(&target.shape),
            torch_size(&input.shape)
        )));
    }
    if let Some(weight) = args.opt(2) {
        check_weight(weight, &input.shape)?;
        let shape = layout::broadcast(&weight.shape, &input.shape)?;
        if shape != input.shape {
            return Err(OpError::runtime(format!(
                "output with shape {} doesn't match the broadcast shape {}",
                input.sizes(),
                crate::ops::meta::sizes(&shape)
            )));
        }
    }
    if !input.dtype.is_floating() {
        return Err(refused_by("binary_cross_entropy", input.dtype));
    }
    if input.dtype != target.dtype {
        return Err(OpError::runtime(format!(
            "Found dtype {} but expected {}",
            target.dtype.scalar_name(),
            input.dtype.scalar_name()
        )));
    }
    Ok(vec![Meta::contiguous(
        input.dtype,
        reduced(input.shape.clone(), reduction),
    )])
}
/// The weight is expanded to the sizes of the target, in Python.
fn check_weight(weight: &Meta, shape: &[usize]) -> Result<(), OpError> {
    for place in 1..=weight.ndim() {
        let size = weight.shape[weight.ndim() - place];
        let wanted = shape.len().checked_sub(place).map_or(1, |dim| shape[dim]);
        if size != wanted && size != 1 && wanted != 1 {
            return Err(OpError::runtime(format!(
                "Attempting to broadcast a dimension of length {size} at -{place}! Mismatching argument at index 1 had {}; but expected shape should be broadcastable to {}",
                torch_size(&weight.shape),
                crate::ops::meta::sizes(shape)
            )));
        }
    }
    Ok(())
}
fn bce_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let args = Args(args);
    let input = args.tensor(0)?;
    let shape = input.shape();
    let (xs, ys) = (
        doubles(args, 0, shape).unwrap_or_default(),
        doubles(args, 1, shape).unwrap_or_default(),
    );
    for (values, name) in [(&xs, "input"), (&ys, "target")] {
        if values.iter().any(|value| !(0.0..=1.0).contains(value)) {
            return Err(OpError::runtime(format!(
                "all elements of {name} should be between 0 and 1"
            )));
        }
    }
    let weights = doubles(args, 2, shape);
    let values = xs.iter().zip(&ys).enumerate().map(|(place, (x, y))| {
        let loss = (y - 1.0) * (-x).ln_1p().max(-100.0) - y * x.ln().max(-100.0);
        loss * weights.as_ref().map_or(1.0, |weights| weights[place])
    });
    Ok(vec![reduce(
        values.collect(),
        shape,
        args.text(3, "mean"),
        input.dtype(),
    )])
}
/// The gradient for each element, times the weight at `place` if there is one.
fn weighted(b: &mut dyn Backward, reduction: usize) -> Result<Var, OpError> {
    let grad = per_element(b, reduction)?;
    if Args(b.args()).opt(2).is_none() {
        return Ok(grad);
    }
    let weight = b.input(2)?;
    kit::mul(b, grad, weight)
}
fn bce_formula(b: &mut dyn Backward) -> Grads {
    let grad = weighted(b, 3)?;
    let input = b.input(0)?;
    let rest = kit::call(b, "rsub", vec![t(input), kit::f(1.0)])?;
    let mut grads = vec![None, None];
    if b.needs(0) {
        let product = kit::mul(b, rest, input)?;
        let product = kit::call(b, "clamp", vec![t(product), kit::f(1e-12)])?;
        let difference = difference(b)?;
        let derivative = kit::div(b, difference, product)?;
        grads[0] = chain(b, 0, derivative, grad)?;
    }
    if b.needs(1) {
        let (yes, no) = (
            kit::call(b, "log", vec![t(input)])?,
            kit::call(b, "log", vec![t(rest)])?,
        );
        let derivative = kit::sub(b, no, yes)?;
        grads[1] = chain(b, 1, derivative, grad)?;
    }
    Ok(grads)
}

fn logits_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    let (input, target) = (args.tensor(0)?, args.tensor(1)?);
    let reduction = args.text(4, "mean");
    check_reduction(reduction)?;
    if input.shape != target.shape {
        return Err(OpError::value(format!(
            "Target size ({}) must be the same as input size ({})",
            torch_size(&target.shape),
            torch_size(&input.shape)
        )));
    }
    let mut shape = input.shape.clone();
    if let Some(pos_weight) = args.opt(3) {
        shape = layout::broadcast(&pos_weight.shape, &shape)?;
    }
    if let Some(weight) = args.opt(2) {
        shape = layout::broadcast(&shape, &weight.shape)?;
    }
    // PyTorch composes it: `(1 - target).mul_(input).sub_(log_sigmoid(input))`.
    match (input.dtype, target.dtype) {
        (Dtype::Bool | Dtype::I64, _) => {
            Err(refused_by("log_sigmoid_cpu", input.dtype))
        }
        (_, Dtype::Bool) => {
            Err(OpError::Raises(
                Exception::NotImplementedError,
                "Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or `logical_xor()` operator instead.".into(),
            ))
        }
        (_, Dtype::I64) => {
            Err(OpError::runtime(format!(
                "result type {} can't be cast to the desired output type Long",
                input.dtype.scalar_name()
            )))
        }
        _ => Ok(vec![Meta::contiguous(
            target.dtype,
            reduced(shape, reduction),
        )]),
    }
}
fn logits_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let dtype = kit::inferred(logits_infer, args)?.dtype;
    let args = Args(args);
    let mut shape: Shape = args.tensor(0)?.shape().into();
    for array in [args.opt(3), args.opt(2)].into_iter().flatten() {
        shape = layout::broadcast(&shape, array.shape())?;
    }
    let (xs, ys) = (
        doubles(args, 0, &shape).unwrap_or_default(),
        doubles(args, 1, &shape).unwrap_or_default(),
    );
    let (weights, positives) = (doubles(args, 2, &shape), doubles(args, 3, &shape));
    let values = xs.iter().zip(&ys).enumerate().map(|(place, (&x, &y))| {
        let softplus = (-x.abs()).exp().ln_1p() + (-x).max(0.0);
        let factor = positives
            .as_ref()
            .map_or(1.0, |weights| (weights[place] - 1.0) * y + 1.0);
        let loss = (1.0 - y) * x + factor * softplus;
        loss * weights.as_ref().map_or(1.0, |weights| weights[place])
    });
    Ok(vec![reduce(
        values.collect(),
        &shape,
        args.text(4, "mean"),
        dtype,
    )])
}
/// `log(sigmoid(x))`, for large numbers too.
fn log_sigmoid(b: &mut dyn Backward, x: Var) -> Result<Var, OpError> {
    let size = kit::call(b, "abs", vec![t(x)])?;
    let size = kit::neg(b, size)?;
    let exp = kit::call(b, "exp", vec![t(size)])?;
    let rest = kit::call(b, "log1p", vec![t(exp)])?;
    let least = kit::call(b, "clamp", vec![t(x), Arg::None, kit::f(0.0)])?;
    kit::sub(b, least, rest)
}
fn logits_formula(b: &mut dyn Backward) -> Grads {
    let grad = weighted(b, 4)?;
    let (input, target) = (b.input(0)?, b.input(1)?);
    let positive = if Args(b.args()).opt(3).is_some() {
        Some(b.input(3)?)
    } else {
        None
    };
    let mut grads = vec![None, None];
    if b.needs(0) {
        let sigmoid = kit::call(b, "sigmoid", vec![t(input)])?;
        let derivative = match positive {
            None => kit::sub(b, sigmoid, target)?,
            Some(weight) => {
                let share = kit::mul(b, weight, target)?;
                let rest = kit::call(b, "rsub", vec![t(target), kit::f(1.0)])?;
                let both = kit::add(b, share, rest)?;
                let scaled = kit::mul(b, both, sigmoid)?;
                kit::sub(b, scaled, share)?
            }
        };
        grads[0] = chain(b, 0, derivative, grad)?;
        if let Some(grad) = grads[0] {
            let args = Args(b.args());
            let is_mean = args.text(4, "mean") == "mean";
            let more = u64::from(args.opt(2).is_some()) + 2 * u64::from(args.opt(3).is_some());
            let writes = if b.is_recorded() { 0 } else { 2 + more };
            // What is cast then is new.
            if b.meta(input).dtype == b.meta(target).dtype {
                b.count_writes(grad, writes + u64::from(is_mean));
            }
        }
    }
    if b.needs(1) {
        let derivative = match positive {
            None => kit::neg(b, input)?,
            Some(weight) => {
                let opposite = kit::neg(b, input)?;
                let (no, yes) = (log_sigmoid(b, opposite)?, log_sigmoid(b, input)?);
                let yes = kit::mul(b, weight, yes)?;
                kit::sub(b, no, yes)?
            }
        };
        grads[1] = chain(b, 1, derivative, grad)?;
    }
    Ok(grads)
}

/// Measured: the loss is computed in what it writes, the input's negation, which is the target's type.
fn soft_margin_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let own = Args(args);
    let (input, target) = (own.tensor(0)?.dtype, own.tensor(1)?.dtype);
    if input.is_floating() {
        // What is written into has the type of the input.
        let mut metas = infer(args, 2, None)?;
        metas.iter_mut().for_each(|meta| meta.dtype = input);
        return Ok(metas);
    }
    check_reduction(own.text(2, "mean"))?;
    broadcast_shape(own)?;
    if let Some(neg) = crate::ops::table::by_name("neg") {
        (crate::ops::table::row(neg).infer)(&args[..1])?;
    }
    let joint = match target.is_floating() {
        true => target,
        false => Dtype::F32,
    };
    Err(OpError::runtime(format!(
        "result type {} can't be cast to the desired output type {}",
        joint.scalar_name(),
        input.scalar_name()
    )))
}
fn soft_margin_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let dtype = Args(args).tensor(0)?.dtype();
    let losses = elementwise(args, 2, |x, y| (-y * x).exp().ln_1p())?;
    Ok(losses.into_iter().map(|loss| loss.cast(dtype)).collect())
}
fn soft_margin_formula(b: &mut dyn Backward) -> Grads {
    let (grad, input, target) = (per_element(b, 2)?, b.input(0)?, b.input(1)?);
    let opposite = kit::neg(b, target)?;
    let product = kit::mul(b, opposite, input)?;
    let sigmoid = kit::call(b, "sigmoid", vec![t(product)])?;
    let derivative = kit::mul(b, opposite, sigmoid)?;
    Ok(vec![chain(b, 0, derivative, grad)?])
}

/// The number of samples and of classes.
fn classes(input: &Meta) -> (usize, usize) {
    match input.shape[..] {
        [samples, classes] => (samples, classes),
        _ => (1, input.numel()),
    }
}
fn multi_margin_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    let (input, target, reduction) = (args.tensor(0)?, args.tensor(1)?, args.text(5, "mean"));
    check_reduction(reduction)?;
    let power = args.float(2, 1.0);
    if power != 1.0 && power != 2.0 {
        return Err(OpError::value("only p == 1 and p == 2 supported"));
    }
    let (samples, classes) = classes(input);
    if input.ndim() > 2 || classes == 0 {
        return Err(OpError::Unsupported(
            "multi_margin_loss of such an input".into(),
        ));
    }
    if target.ndim() > 1 || target.numel() != samples {
        return Err(OpError::runtime(format!(
            "multi_margin_loss: target tensor should be 1-D with size equal to the number of input samples (batch size). Expected target size [{samples}], but got {}. Input has shape {}.",
            target.sizes(),
            input.sizes()
        )));
    }
    if let Some(weight) = args.opt(4).filter(|weight| weight.numel() != classes) {
        return Err(OpError::runtime(format!(
            "inconsistent weight size, expected {classes} but got {}",
            weight.sizes()
        )));
    }
    if target.dtype != Dtype::I64 {
        return Err(OpError::runtime(format!(
            "expected scalar type Long but found {}",
            target.dtype.scalar_name()
        )));
    }
    floating_only("multi_margin_loss_cpu_kernel", input.dtype)?;
    Ok(vec![Meta::contiguous(
        input.dtype,
        reduced(target.shape.clone(), reduction),
    )])
}
fn multi_margin_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let args = Args(args);
    let (input, target) = (args.tensor(0)?, args.tensor(1)?);
    let (_, classes) = classes(&input.meta);
    let (xs, weights) = (
        input.values_as::<f64>(),
        args.opt(4)
            .map(|weight| weight.values_as::<f64>().into_owned()),
    );
    let (power, margin) = (args.float(2, 1.0), args.float(3, 1.0));
    let mut losses = vec![];
    for (row, &wanted) in xs.chunks(classes).zip(target.values::<i64>().iter()) {
        let wanted = usize::try_from(wanted)
            .ok()
            .filter(|&wanted| wanted < classes);
        let wanted = wanted.ok_or_else(|| OpError::runtime("target out of range"))?;
        let others = row.iter().enumerate().filter(|(class, _)| *class != wanted);
        let sum: f64 = others
            .map(|(_, x)| (margin - row[wanted] + x).max(0.0).powf(power))
            .sum();
        losses.push(sum * weights.as_ref().map_or(1.0, |weights| weights[wanted]) / classes as f64);
    }
    Ok(vec![reduce(
        losses,
        target.shape(),
        args.text(5, "mean"),
        input.dtype(),
    )])
}
fn multi_margin_formula(b: &mut dyn Backward) -> Grads {
    let (grad, meta) = (grad(b)?, input_meta(b, 0)?);
    let (samples, classes) = classes(&meta);
    let args = Args(b.args());
    let (power, margin, mean) = (
        args.float(2, 1.0),
        args.float(3, 1.0),
        args.text(5, "mean") == "mean",
    );
    let (input, target) = (b.input(0)?, b.input(1)?);
    let input = kit::reshape(b, input, &[samples, classes])?;
    let target = kit::reshape(b, target, &[samples, 1])?;
    let wanted = kit::call(b, "gather", vec![t(input), kit::n(1), t(target)])?;
    let distance = kit::sub(b, input, wanted)?;
    let distance = kit::call(b, "add", vec![t(distance), kit::f(margin)])?;
    let slope = if power == 1.0 {
        let above = kit::call(b, "gt", vec![t(distance), kit::n(0)])?;
        b.cast(above, meta.dtype)?
    } else {
        let hinge = kit::call(b, "clamp", vec![t(distance), kit::f(0.0)])?;
        kit::scale(b, hinge, 2.0)?
    };
    let others = kit::call(
        b,
        "scatter.value",
        vec![t(slope), kit::n(1), t(target), kit::n(0)],
    )?;
    let sum = kit::sum(b, others, &[1], true)?;
    let opposite = kit::neg(b, sum)?;
    let mut derivative = kit::call(
        b,
        "scatter",
        vec![t(others), kit::n(1), t(target), t(opposite)],
    )?;
    if Args(b.args()).opt(4).is_some() {
        let weight = b.input(4)?;
        let flat = kit::reshape(b, target, &[samples])?;
        let weight = kit::call(b, "index_select", vec![t(weight), kit::n(0), t(flat)])?;
        let weight = kit::reshape(b, weight, &[samples, 1])?;
        derivative = kit::mul(b, derivative, weight)?;
    }
    let count = classes as f64 * if mean { samples as f64 } else { 1.0 };
    let grad = kit::scale(b, grad, 1.0 / count)?;
    let grad = if b.meta(grad).ndim() == 1 {
        kit::reshape(b, grad, &[samples, 1])?
    } else {
        grad
    };
    let part = kit::mul(b, derivative, grad)?;
    let part = kit::reshape(b, part, &meta.shape)?;
    let input = b.input(0)?;
    Ok(vec![Some(kit::call(
        b,
        "_multi_margin_once",
        vec![t(part), t(input)],
    )?)])
}
