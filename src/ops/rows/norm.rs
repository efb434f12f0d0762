//! Normalization. `rms_norm`, `instance_norm` and `local_response_norm` are composites, in the prelude.

use crate::ops::array::Array;
use crate::ops::kernel::{floating_only, of_one_type};
use crate::ops::kernels::Along;
use crate::ops::kit::{
    self, Args, Grads, HIDDEN, flag_or, float_or, formula, function, functional, grad, input_meta,
    ints, op, opt_fixed, opt_tensor, saved, t, tensor,
};
use crate::ops::layout::{list, signed};
use crate::ops::meta::{Dtype, Meta, Shape};
use crate::ops::rng::Rng;
use crate::ops::row::{Arg, Backward, Exception, OpError, OpRow, Var};

/// The rows of this file.
pub const ROWS: &[OpRow] = &[
    // Three results: the normalized input, and the mean and the unbiased variance of the batch, with which
    // `F.batch_norm` in the prelude moves the running statistics through `.data` (no version is bumped).
    op(
        "native_batch_norm",
        function(&["_batch_norm"]),
        &[
            tensor("input"),
            opt_tensor("weight"),
            opt_tensor("bias"),
            opt_fixed("running_mean"),
            opt_fixed("running_var"),
            flag_or("training", false),
            float_or("eps", 1e-5),
        ],
        batch_infer,
        batch_forward,
        &[saved(0), saved(1), saved(3), saved(4), HIDDEN],
        formula(batch_formula),
        "NativeBatchNormBackward0",
        &[
            "F.batch_norm train (in3=running_mean,in4=running_var)",
            "F.batch_norm eval (in3=running_mean,in4=running_var)",
            "F.batch_norm train (no running stats)",
        ],
    ),
    op(
        "layer_norm",
        functional(&["layer_norm"]),
        &[
            tensor("input"),
            ints("normalized_shape"),
            opt_tensor("weight"),
            opt_tensor("bias"),
            float_or("eps", 1e-5),
        ],
        layer_infer,
        layer_forward,
        &[saved(0), saved(2), saved(3), HIDDEN],
        formula(layer_formula),
        "NativeLayerNormBackward0",
        &["F.layer_norm"],
    ),
    op(
        "group_norm",
        functional(&["group_norm"]),
        &[
            tensor("input"),
            kit::int("num_groups"),
            opt_tensor("weight"),
            opt_tensor("bias"),
            float_or("eps", 1e-5),
        ],
        group_infer,
        group_forward,
        &[saved(0), saved(2), HIDDEN],
        formula(group_formula),
        "NativeGroupNormBackward0",
        &["F.group_norm"],
    ),
];

/// The types of the input and of what scales it, at `places`. The first of these says whether the types are mixed, which
/// PyTorch has for types that are not known here.
fn check_types(args: Args<'_, Meta>, places: &[usize], kernel: &str) -> Result<(), OpError> {
    let input = args.tensor(0)?;
    let given = || places.iter().filter_map(|&place| args.opt(place));
    let is_mixed = given()
        .next()
        .is_some_and(|first| first.dtype != input.dtype);
    if is_mixed {
        let are_single = given().all(|meta| meta.dtype == Dtype::F32);
        return Err(OpError::runtime(match are_single {
            true => "mixed dtype (CPU): all inputs must share same datatype.",
            false => "mixed dtype (CPU): expect parameter to have scalar type of Float",
        }));
    }
    floating_only(kernel, input.dtype)?;
    given().try_for_each(|meta| of_one_type(input, meta))
}

/// Mean and inverse standard deviation of each group, for each element: how groups lie is the caller's.
fn moments(
    values: &[f64],
    group: impl Fn(usize) -> usize,
    groups: usize,
) -> (Vec<f64>, Vec<f64>, f64) {
    let mut means = vec![0.0; groups];
    let mut variances = vec![0.0; groups];
    let count = if groups == 0 {
        0.0
    } else {
        values.len() as f64 / groups as f64
    };
    values
        .iter()
        .enumerate()
        .for_each(|(place, value)| means[group(place)] += value);
    means.iter_mut().for_each(|mean| *mean /= count);
    values.iter().enumerate().for_each(|(place, value)| {
        variances[group(place)] += (value - means[group(place)]).powi(2)
    });
    variances.iter_mut().for_each(|variance| *variance /= count);
    (means, variances, count)
}
/// Normalizes, scales and shifts.
fn normalized(
    input: &Array,
    groups: (&[f64], &[f64], f64),
    group: impl Fn(usize) -> usize,
    scale: (Option<&Array>, Option<&Array>),
    channel: impl Fn(usize) -> usize,
) -> Array {
    let (means, variances, eps) = groups;
    let rates: Vec<f64> = variances
        .iter()
        .map(|variance| 1.0 / (variance + eps).sqrt())
        .collect();
    let weight = scale.0.map(|array| array.values_as::<f64>().into_owned());
    let bias = scale.1.map(|array| array.values_as::<f64>().into_owned());
    let values = input.values_as::<f64>();
    let results = values.iter().enumerate().map(|(place, value)| {
        let (group, channel) = (group(place), channel(place));
        let factor = weight.as_ref().map_or(1.0, |weight| weight[channel]);
        (value - means[group]) * rates[group] * factor
            + bias.as_ref().map_or(0.0, |bias| bias[channel])
    });
    Array::from_vec::<f64>(input.meta.shape.clone(), results.collect()).cast(input.dtype())
}

fn batch_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    let input = args.tensor(0)?;
    if input.ndim() < 2 && args.opt(3).is_none() {
        return Err(OpError::Unsupported(
            "batch_norm of a tensor without channels".into(),
        ));
    }
    let (channels, training) = (
        input.shape.get(1).copied().unwrap_or(0),
        args.flag(5, false),
    );
    if training && !input.shape.is_empty() {
        let each = input.numel() / channels.max(1);
        if each == 1 && channels > 0 {
            return Err(OpError::value(format!(
                "Expected more than 1 value per channel when training, got input size {}",
                crate::ops::layout::torch_size(&input.shape)
            )));
        }
    }
    for (place, name) in [
        (3, "running_mean"),
        (4, "running_var"),
        (1, "weight"),
        (2, "bias"),
    ] {
        match args.opt(place) {
            Some(meta) if meta.numel() != channels => {
                return Err(OpError::runtime(format!(
                    "{name} should contain {channels} elements not {}",
                    meta.numel()
                )));
            }
            None if !training && (3..5).contains(&place) => {
                return Err(OpError::runtime(format!(
                    "{name} must be defined in evaluation mode"
                )));
            }
            _ => {}
        }
    }
    floating_only("batch_norm", input.dtype)?;
    check_types(args, &[1, 2, 3, 4], "batch_norm")?;
    let stats = Meta::contiguous(input.dtype, &[channels][..]);
    Ok(vec![
        Meta::contiguous(input.dtype, input.shape.clone()),
        stats.clone(),
        stats,
    ])
}
fn batch_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let args = Args(args);
    let input = args.tensor(0)?;
    let along = Along::new(input.shape(), 1);
    let channel = |place: usize| along.split(place).1;
    let values = input.values_as::<f64>();
    let (mut means, mut variances, count) = moments(&values, channel, along.size);
    let unbiased: Vec<f64> = variances
        .iter()
        .map(|variance| variance * count / (count - 1.0))
        .collect();
    let stats = [means.clone(), unbiased]
        .map(|values| Array::from_vec::<f64>(&[along.size][..], values).cast(input.dtype()));
    if !args.flag(5, false) {
        means = args.tensor(3)?.values_as::<f64>().into_owned();
        variances = args.tensor(4)?.values_as::<f64>().into_owned();
    }
    let eps = args.float(6, 1e-5);
    let scale = (args.opt(1), args.opt(2));
    let [mean, variance] = stats;
    if input.dtype() == Dtype::F32 && !values.is_empty() {
        let kept = (!args.flag(5, false)).then_some((&means[..], &variances[..]));
        let result = batch_in_singles(input, kept, eps, scale);
        return Ok(vec![result, mean, variance]);
    }
    let result = normalized(input, (&means, &variances, eps), channel, scale, channel);
    Ok(vec![result, mean, variance])
}
/// A normalization over channels rounded as PyTorch rounds it, which shows where elements hardly differ: statistics in
/// single precision, and each element scaled and shifted at once.
fn batch_in_singles(
    input: &Array,
    kept: Option<(&[f64], &[f64])>,
    eps: f64,
    (weight, bias): (Option<&Array>, Option<&Array>),
) -> Array {
    let along = Along::new(input.shape(), 1);
    let values = input.values::<f32>();
    let (weight, bias) = (
        weight.map(|array| array.values_as::<f32>().into_owned()),
        bias.map(|array| array.values_as::<f32>().into_owned()),
    );
    let at_once = |x: f32, y: f32, z: f32| (f64::from(x) * f64::from(y) + f64::from(z)) as f32;
    let (mut means, mut squares) = (vec![0f32; along.size], vec![0f32; along.size]);
    let count = values.len() / along.size;
    for (place, value) in values.iter().enumerate() {
        means[along.split(place).1] += value;
    }
    means.iter_mut().for_each(|mean| *mean /= count as f32);
    for (place, value) in values.iter().enumerate() {
        let channel = along.split(place).1;
        let off = value - means[channel];
        squares[channel] = at_once(off, off, squares[channel]);
    }
    let lines: Vec<(f32, f32)> = (0..along.size)
        .map(|channel| {
            let (mean, rate) = match kept {
                Some((means, variances)) => {
                    let spread = (variances[channel] as f32 + eps as f32).sqrt();
                    (means[channel] as f32, 1.0 / spread)
                }
                None => {
                    let variance = f64::from(squares[channel]) / count as f64;
                    (means[channel], (1.0 / (variance + eps).sqrt()) as f32)
                }
            };
            let factor = rate * weight.as_ref().map_or(1.0, |weight| weight[channel]);
            let shift = bias.as_ref().map_or(0.0, |bias| bias[channel]);
            (factor, at_once(-mean, factor, shift))
        })
        .collect();
    let results = values.iter().enumerate().map(|(place, &value)| {
        let (factor, shift) = lines[along.split(place).1];
        at_once(value, factor, shift)
    });
    Array::from_vec::<f32>(input.meta.shape.clone(), results.collect())
}

/// The mean over dimensions, kept as ones.
fn mean(b: &mut dyn Backward, var: Var, dims: &[i64]) -> Result<Var, OpError> {
    let shape = b.meta(var).shape;
    let count: usize = dims.iter().map(|&dim| shape[dim as usize]).product();
    let sum = kit::sum(b, var, dims, true)?;
    kit::call(b, "div", vec![t(sum), kit::f(count as f64)])
}
/// `1 / sqrt(variance + eps)`
fn rate(b: &mut dyn Backward, variance: Var, eps: f64) -> Result<Var, OpError> {
    let sum = kit::call(b, "add", vec![t(variance), kit::f(eps)])?;
    kit::call(b, "rsqrt", vec![t(sum)])
}
/// The input normalized over dimensions, and the inverse standard deviation.
fn standardized(
    b: &mut dyn Backward,
    input: Var,
    dims: &[i64],
    eps: f64,
) -> Result<(Var, Var), OpError> {
    let average = mean(b, input, dims)?;
    let centred = kit::sub(b, input, average)?;
    let squares = kit::mul(b, centred, centred)?;
    let variance = mean(b, squares, dims)?;
    let rate = rate(b, variance, eps)?;
    Ok((kit::mul(b, centred, rate)?, rate))
}
/// The gradient through a normalization over dimensions: without its mean, and without its part along the result.
fn through(
    b: &mut dyn Backward,
    grad: Var,
    normal: Var,
    rate: Var,
    dims: &[i64],
) -> Result<Var, OpError> {
    let product = kit::mul(b, grad, normal)?;
    let (average, along) = (mean(b, grad, dims)?, mean(b, product, dims)?);
    let along = kit::mul(b, normal, along)?;
    let rest = kit::sub(b, grad, average)?;
    let rest = kit::sub(b, rest, along)?;
    kit::mul(b, rest, rate)
}
/// A vector with one number a channel, as it broadcasts with the input.
fn as_channels(b: &mut dyn Backward, vector: Var, ndim: usize) -> Result<Var, OpError> {
    let channels = b.meta(vector).numel();
    let mut shape = Shape::from_elem(1, ndim);
    shape[1] = channels;
    kit::reshape(b, vector, &shape)
}
/// The gradients of weight and bias: sums over all other dimensions, an entry for each that there is.
fn affine(
    b: &mut dyn Backward,
    places: [usize; 2],
    grad: Var,
    normal: Var,
    dims: &[i64],
    grads: &mut Vec<Option<Var>>,
) -> Result<(), OpError> {
    let [weight, bias] = places;
    for place in [weight, bias] {
        let Some(meta) = Args(b.args()).opt(place).cloned() else {
            continue;
        };
        grads.push(if b.needs(place) {
            let part = if place == weight {
                kit::mul(b, grad, normal)?
            } else {
                grad
            };
            let summed = kit::sum(b, part, dims, false)?;
            Some(kit::reshape(b, summed, &meta.shape)?)
        } else {
            None
        });
    }
    Ok(())
}
fn batch_formula(b: &mut dyn Backward) -> Grads {
    let (input, meta) = (b.input(0)?, input_meta(b, 0)?);
    let dims: Vec<i64> = (0..meta.ndim() as i64).filter(|&dim| dim != 1).collect();
    let mut grads = match b.grad(0) {
        Some(grad) => normal_grads(b, grad, input, &dims)?,
        None => vec![
            None;
            1 + (1..3)
                .filter(|&place| Args(b.args()).opt(place).is_some())
                .count()
        ],
    };
    if b.needs(0) {
        for (output, grad) in [(1, b.grad(1)), (2, b.grad(2))] {
            let Some(grad) = grad else { continue };
            let part = statistic_grad(b, output, grad, input, &dims)?;
            grads[0] = Some(match grads[0] {
                Some(sum) => kit::add(b, sum, part)?,
                None => part,
            });
        }
    }
    Ok(grads)
}
/// The gradient of the input through its mean (result 1) or its unbiased variance (result 2).
fn statistic_grad(
    b: &mut dyn Backward,
    output: usize,
    grad: Var,
    input: Var,
    dims: &[i64],
) -> Result<Var, OpError> {
    let meta = b.meta(input);
    let count = meta.numel() as f64 / meta.shape[1].max(1) as f64;
    let grad = as_channels(b, grad, meta.ndim())?;
    if output == 1 {
        let part = kit::scale(b, grad, 1.0 / count)?;
        return kit::expand(b, part, &meta.shape);
    }
    let average = mean(b, input, dims)?;
    let centred = kit::sub(b, input, average)?;
    let scaled = kit::scale(b, centred, 2.0 / (count - 1.0))?;
    kit::mul(b, scaled, grad)
}
/// The gradients through the normalized result.
fn normal_grads(b: &mut dyn Backward, grad: Var, input: Var, dims: &[i64]) -> Grads {
    let meta = input_meta(b, 0)?;
    let (training, eps) = (Args(b.args()).flag(5, false), Args(b.args()).float(6, 1e-5));
    let (normal, rate) = if training {
        standardized(b, input, dims, eps)?
    } else {
        let (average, variance) = (b.input(3)?, b.input(4)?);
        let average = as_channels(b, average, meta.ndim())?;
        let variance = as_channels(b, variance, meta.ndim())?;
        let (centred, rate) = (kit::sub(b, input, average)?, rate(b, variance, eps)?);
        (kit::mul(b, centred, rate)?, rate)
    };
    let mut grads = vec![None];
    if b.needs(0) {
        let mut scaled = grad;
        if Args(b.args()).opt(1).is_some() {
            let weight = b.input(1)?;
            let weight = as_channels(b, weight, meta.ndim())?;
            scaled = kit::mul(b, grad, weight)?;
        }
        grads[0] = Some(if training {
            through(b, scaled, normal, rate, dims)?
        } else {
            kit::mul(b, scaled, rate)?
        });
    }
    affine(b, [1, 2], grad, normal, dims, &mut grads)?;
    Ok(grads)
}

fn layer_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    let (input, shape) = (args.tensor(0)?, args.ints(1));
    if shape.is_empty() {
        return Err(OpError::runtime(
            "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, but got normalized_shape = []",
        ));
    }
    for (place, name) in [(2, "weight"), (3, "bias")] {
        if let Some(meta) = args.opt(place).filter(|meta| signed(&meta.shape) != shape) {
            return Err(OpError::runtime(format!(
                "Expected {name} to be of same shape as normalized_shape, but got {name} of shape {} and normalized_shape = {}",
                meta.sizes(),
                list(&shape)
            )));
        }
    }
    if !signed(&input.shape).ends_with(&shape) {
        let inner: Vec<String> = shape.iter().map(|size| format!(", {size}")).collect();
        return Err(OpError::runtime(format!(
            "Given normalized_shape={}, expected input with shape [*{}], but got input of size{}",
            list(&shape),
            inner.concat(),
            input.sizes()
        )));
    }
    check_types(args, &[2, 3], "LayerNormKernelImpl")?;
    Ok(vec![Meta::contiguous(input.dtype, input.shape.clone())])
}
fn layer_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let args = Args(args);
    let input = args.tensor(0)?;
    let size = (args.ints(1).iter().product::<i64>() as usize).max(1);
    let values = input.values_as::<f64>();
    let (means, variances, _) = moments(&values, |place| place / size, values.len() / size);
    let groups = (&means[..], &variances[..], args.float(4, 1e-5));
    let result = normalized(
        input,
        groups,
        |place| place / size,
        (args.opt(2), args.opt(3)),
        |place| place % size,
    );
    Ok(vec![result])
}
fn layer_formula(b: &mut dyn Backward) -> Grads {
    let (grad, input, meta, eps) = (
        grad(b)?,
        b.input(0)?,
        input_meta(b, 0)?,
        Args(b.args()).float(4, 1e-5),
    );
    let outer = (meta.ndim() - Args(b.args()).ints(1).len()) as i64;
    let dims: Vec<i64> = (outer..meta.ndim() as i64).collect();
    let (normal, rate) = standardized(b, input, &dims, eps)?;
    let mut grads = vec![None];
    if b.needs(0) {
        let scaled = if Args(b.args()).opt(2).is_some() {
            let weight = b.input(2)?;
            kit::mul(b, grad, weight)?
        } else {
            grad
        };
        grads[0] = Some(through(b, scaled, normal, rate, &dims)?);
    }
    let outer: Vec<i64> = (0..outer).collect();
    affine(b, [2, 3], grad, normal, &outer, &mut grads)?;
    Ok(grads)
}

fn group_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    let (input, groups) = (args.tensor(0)?, args.int(1, 1));
    if input.ndim() < 2 {
        return Err(OpError::runtime(format!(
            "Expected at least 2 dimensions for input tensor but received {}",
            input.ndim()
        )));
    }
    if groups == 0 {
        return Err(OpError::Raises(
            Exception::ZeroDivisionError,
            "integer division or modulo by zero".into(),
        ));
    }
    if !(1..1 << 31).contains(&groups) {
        return Err(OpError::Unsupported(
            "group_norm with such a number of groups".into(),
        ));
    }
    let channels = input.shape[1];
    if channels % groups as usize != 0 {
        return Err(OpError::runtime(format!(
            "Expected number of channels in input to be divisible by num_groups, but got input of shape {} and num_groups={groups}",
            input.sizes()
        )));
    }
    let each = input.numel() / groups as usize;
    if input.shape[0] * channels > 0 && each == 1 {
        return Err(OpError::value(format!(
            "Expected more than 1 value per channel when training, got input size {}",
            input.sizes()
        )));
    }
    for (place, name) in [(2, "weight"), (3, "bias")] {
        if let Some(meta) = args.opt(place).filter(|meta| meta.shape[..] != [channels]) {
            return Err(OpError::runtime(format!(
                "Expected {name} to be a vector of size equal to the number of channels in input, but got {name} of shape {} and input of shape {}",
                meta.sizes(),
                input.sizes()
            )));
        }
    }
    check_types(args, &[2, 3], "GroupNormKernelImpl")?;
    Ok(vec![Meta::contiguous(input.dtype, input.shape.clone())])
}
fn group_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let args = Args(args);
    let input = args.tensor(0)?;
    let groups = input.shape()[0] * args.int(1, 1) as usize;
    let size = (input.numel() / groups.max(1)).max(1);
    let along = Along::new(input.shape(), 1);
    let (means, variances, _) = moments(&input.values_as::<f64>(), |place| place / size, groups);
    let moments = (&means[..], &variances[..], args.float(4, 1e-5));
    let result = normalized(
        input,
        moments,
        |place| place / size,
        (args.opt(2), args.opt(3)),
        |place| along.split(place).1,
    );
    Ok(vec![result])
}
fn group_formula(b: &mut dyn Backward) -> Grads {
    let (grad, input, meta, eps) = (
        grad(b)?,
        b.input(0)?,
        input_meta(b, 0)?,
        Args(b.args()).float(4, 1e-5),
    );
    let groups = Args(b.args()).int(1, 1) as usize;
    let grouped = [
        meta.shape[0],
        groups,
        meta.numel() / (meta.shape[0] * groups).max(1),
    ];
    let flat = kit::reshape(b, input, &grouped)?;
    let (normal, rate) = standardized(b, flat, &[2], eps)?;
    let mut grads = vec![None];
    if b.needs(0) {
        let scaled = if Args(b.args()).opt(2).is_some() {
            let weight = b.input(2)?;
            let weight = as_channels(b, weight, meta.ndim())?;
            kit::mul(b, grad, weight)?
        } else {
            grad
        };
        let scaled = kit::reshape(b, scaled, &grouped)?;
        let part = through(b, scaled, normal, rate, &[2])?;
        grads[0] = Some(kit::reshape(b, part, &meta.shape)?);
    }
    let normal = kit::reshape(b, normal, &meta.shape)?;
    let dims: Vec<i64> = (0..meta.ndim() as i64).filter(|&dim| dim != 1).collect();
    affine(b, [2, 3], grad, normal, &dims, &mut grads)?;
    Ok(grads)
}
