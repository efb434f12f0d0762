//! Convolutions of one to three dimensions, and transposed ones. Forward and both gradients are one bilinear form
//! seen from its three sides, so each is the derivative of the others.

use smallvec::SmallVec;

use super::masked::c_name;
use crate::ops::array::Array;
use crate::ops::convolve::{Geometry, Side, Sides};
use crate::ops::kernel;
use crate::ops::kit::{
    self, Args, Grads, INTERNAL, formula, functional, grad, input_meta, int_or, ints, ints_or, op,
    opt_tensor, param, same, saved, t, tensor,
};
use crate::ops::layout::{self, list};
use crate::ops::meta::{Dtype, Meta, Shape};
use crate::ops::rng::Rng;
use crate::ops::row::{Arg, Backward, OpError, OpRow, Param, ParamKind, Save, Var};

const PARAMS: &[Param] = &[
    tensor("input"),
    tensor("weight"),
    opt_tensor("bias"),
    ints_or("stride", &[1]),
    ints_or("padding", &[0]),
    ints_or("dilation", &[1]),
    int_or("groups", 1),
];
const NAMED: &[Param] = &[
    tensor("input"),
    tensor("weight"),
    opt_tensor("bias"),
    ints_or("stride", &[1]),
    param("padding", ParamKind::Str),
    ints_or("dilation", &[1]),
    int_or("groups", 1),
];
const TRANSPOSED: &[Param] = &[
    tensor("input"),
    tensor("weight"),
    opt_tensor("bias"),
    ints_or("stride", &[1]),
    ints_or("padding", &[0]),
    ints_or("output_padding", &[0]),
    int_or("groups", 1),
    ints_or("dilation", &[1]),
];
const SIDE: &[Param] = &[
    tensor("grad"),
    tensor("other"),
    ints("sizes"),
    ints("stride"),
    ints("padding"),
    ints("dilation"),
    kit::int("groups"),
];
const SAVES: &[Save] = &[saved(0), saved(1)];
const SIDE_SAVES: &[Save] = &[kit::saved_if(0, &[1]), kit::saved_if(1, &[0])];
const NODE: &str = "ConvolutionBackward0";

macro_rules! conv_rows {
    ($($n:literal: $conv:literal $transposed:literal $evidence:expr, $evidence_transposed:expr;)*) => {
        /// The rows of this file.
        pub const ROWS: &[OpRow] = &[
            $(
                OpRow { node_by: Some(|args| node(args, $n)), ..op($conv, functional(&[$conv]), PARAMS, |args| conv_infer(args, $n), |args, _| conv_forward(args, $n), SAVES, formula(|b| conv_formula(b, $n)), NODE, $evidence) },
                OpRow { node_by: Some(|args| node(args, $n)), ..op(concat!($conv, ".padding"), functional(&[$conv]), NAMED, |args| conv_infer(args, $n), |args, _| conv_forward(args, $n), SAVES, formula(|b| conv_formula(b, $n)), NODE, &[]) },
                OpRow { node_by: Some(|args| node(args, $n)), ..op($transposed, functional(&[$transposed]), TRANSPOSED, |args| transposed_infer(args, $n), |args, _| transposed_forward(args, $n), SAVES, formula(|b| transposed_formula(b, $n)), NODE, $evidence_transposed) },
            )*
            op("_conv_input", INTERNAL, SIDE, side_infer, input_forward, SIDE_SAVES, formula(input_formula), "ConvolutionBackwardBackward0", &[]),
            op("_conv_weight", INTERNAL, SIDE, side_infer, weight_forward, SIDE_SAVES, formula(weight_formula), "ConvolutionBackwardBackward0", &[]),
            op("_conv", INTERNAL, SIDE, side_infer, plain_forward, SIDE_SAVES, formula(plain_formula), NODE, &[]),
        ];
    };
}
conv_rows! {
    1: "conv1d" "conv_transpose1d" &["F.conv1d"], &[];
    2: "conv2d" "conv_transpose2d" &["F.conv2d"], &["F.conv_transpose2d"];
    3: "conv3d" "conv_transpose3d" &["F.conv3d"], &[];
}

/// An unbatched input goes through a batch of one, and out of it by `squeeze`.
fn node(args: &[Arg<Meta>], n: usize) -> &'static str {
    if Args(args).opt(0).is_some_and(|input| input.ndim() == n + 1) {
        "SqueezeBackward1"
    } else {
        NODE
    }
}

/// One number for all dimensions, or one for each.
fn each<T>(
    args: Args<'_, T>,
    place: usize,
    default: i64,
    n: usize,
    name: &str,
) -> Result<SmallVec<[i64; 4]>, OpError> {
    let given = args.ints(place);
    match given.len() {
        0 => Ok(SmallVec::from_elem(default, n)),
        1 => Ok(SmallVec::from_elem(given[0], n)),
        count if count == n => Ok(given),
        _ => Err(OpError::runtime(format!(
            "expected {name} to be a single integer value or a list of {n} values to match the convolution dimensions, but got {name}={}",
            list(&given)
        ))),
    }
}
fn check_geometry(g: &Geometry) -> Result<(), OpError> {
    if g.stride.iter().any(|&stride| stride <= 0) {
        return Err(OpError::runtime("non-positive stride is not supported"));
    }
    if g.padding.iter().any(|&padding| padding < 0) {
        return Err(OpError::runtime("negative padding is not supported"));
    }
    if g.dilation.iter().any(|&dilation| dilation <= 0) {
        return Err(OpError::runtime(format!(
            "dilation should be greater than zero, but got {}",
            list(&g.dilation)
        )));
    }
    let large = g
        .stride
        .iter()
        .chain(&g.padding)
        .chain(&g.dilation)
        .any(|&number| number > 1 << 20);
    if large || g.groups <= 0 {
        return Err(OpError::Unsupported("a convolution of such a size".into()));
    }
    Ok(())
}
/// The geometry of a call of `conv`; `weight` is needed for padding by name.
fn geometry<T>(args: Args<'_, T>, n: usize, weight: &Meta) -> Result<Geometry, OpError> {
    let stride = each(args, 3, 1, n, "stride")?;
    let dilation = each(args, 5, 1, n, "dilation")?;
    let padding = match args.text(4, "") {
        "" => each(args, 4, 0, n, "padding")?,
        "valid" => SmallVec::from_elem(0, n),
        "same" => same_padding(&stride, &dilation, weight)?,
        other => {
            return Err(OpError::runtime(format!(
                "Invalid padding string: '{other}'"
            )));
        }
    };
    let geometry = Geometry {
        stride,
        padding,
        dilation,
        groups: args.int(6, 1),
    };
    check_geometry(&geometry)?;
    Ok(geometry)
}
fn same_padding(
    stride: &[i64],
    dilation: &[i64],
    weight: &Meta,
) -> Result<SmallVec<[i64; 4]>, OpError> {
    if stride.iter().any(|&stride| stride != 1) {
        return Err(OpError::runtime(
            "padding='same' is not supported for strided convolutions",
        ));
    }
    let totals: SmallVec<[i64; 4]> = dilation
        .iter()
        .zip(weight.shape.iter().skip(2))
        .map(|(&dilation, &size)| dilation * (size as i64 - 1))
        .collect();
    if totals.iter().any(|total| total % 2 != 0) {
        return Err(OpError::Unsupported(
            "padding='same' that is not the same on both sides".into(),
        ));
    }
    Ok(totals.iter().map(|total| total / 2).collect())
}

/// The input with a batch.
fn batched(input: &Meta, n: usize, name: &str) -> Result<Meta, OpError> {
    if input.ndim() == n + 2 {
        return Ok(input.clone());
    }
    if input.ndim() == n + 1 {
        return layout::unsqueeze(input, 0);
    }
    Err(OpError::runtime(format!(
        "Expected {}D (unbatched) or {}D (batched) input to {name}{n}d, but got input of size: {}",
        n + 1,
        n + 2,
        input.sizes()
    )))
}
fn show(sizes: &[i64]) -> String {
    sizes
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(" x ")
}
/// The kernel that convolves what no library does.
fn own_kernel(g: &Geometry, n: usize, is_transposed: bool) -> &'static str {
    match (is_transposed, n) {
        (true, 3) => "slow_conv_transpose3d_out_cpu",
        (true, _) => "slow_conv_transpose2d_out_cpu",
        (false, _) if g.dilation.iter().any(|&dilation| dilation != 1) => "slow_conv_dilated<>",
        (false, 3) => "compute_columns3d",
        (false, _) => "slow_conv2d_cpu",
    }
}
/// Whether PyTorch gives the call to MKLDNN (of one thread): it then asks for one type in words of its own.
fn goes_to_mkldnn(input: &Meta, whole: &Meta, weight: &Meta, g: &Geometry) -> bool {
    let is_not_one = |numbers: &[i64]| numbers.iter().any(|&number| number != 1);
    let kernel = &weight.shape[2..];
    let worth = is_not_one(&g.stride)
        || is_not_one(&g.dilation)
        || whole.shape[0] >= 16
        || kernel.iter().any(|&size| size != 1);
    let large = g.groups > 1
        || whole.shape[0] > 1
        || kernel.len() > 1 && kernel.iter().rev().take(2).all(|&size| size > 3)
        || whole.shape.iter().take(4).product::<usize>() > 20_480;
    input.dtype == Dtype::F32 && worth && large
}
fn check_types(
    [input, whole, weight]: [&Meta; 3],
    bias: Option<&Meta>,
    g: &Geometry,
    is_transposed: bool,
) -> Result<(), OpError> {
    if let Some(bias) = bias.filter(|bias| bias.dtype != input.dtype) {
        return Err(OpError::runtime(format!(
            "Input type ({}) and bias type ({}) should be the same",
            c_name(input.dtype),
            c_name(bias.dtype)
        )));
    }
    if input.dtype != weight.dtype && goes_to_mkldnn(input, whole, weight, g) {
        return Err(OpError::runtime(format!(
            "Input type (torch.FloatTensor) and weight type ({}) should be the same or input should be a MKLDNN tensor and weight is a dense tensor",
            match weight.dtype {
                Dtype::F32 => "torch.FloatTensor",
                Dtype::F64 => "torch.DoubleTensor",
                Dtype::I64 => "torch.LongTensor",
                Dtype::Bool => "CPUBoolType",
            }
        )));
    }
    kernel::not_for_bool(own_kernel(g, weight.ndim() - 2, is_transposed), input.dtype)?;
    kernel::of_one_type(input, weight)
}
fn check_bias(
    weight: &Meta,
    bias: Option<&Meta>,
    channels: usize,
    given: &str,
) -> Result<(), OpError> {
    match bias.filter(|bias| bias.shape[..] != [channels]) {
        None => Ok(()),
        Some(bias) => Err(OpError::runtime(format!(
            "Given {given}weight of size {}, expected bias to be 1-dimensional with {channels} elements, but got bias of size {} instead",
            weight.sizes(),
            bias.sizes()
        ))),
    }
}
/// The sizes of the result, with a batch.
fn conv_shape(
    input: &Meta,
    weight: &Meta,
    bias: Option<&Meta>,
    g: &Geometry,
) -> Result<Shape, OpError> {
    let (groups, channels) = (g.groups as usize, weight.shape[0]);
    if channels < groups || channels % groups != 0 {
        return Err(OpError::runtime(format!(
            "Given groups={groups}, expected weight to be divisible by {groups} at dimension 0, but got weight of size [{}] instead",
            weight.sizes()
        )));
    }
    let wanted = weight.shape[1].saturating_mul(groups);
    if input.shape[1] != wanted {
        return Err(OpError::runtime(format!(
            "Given groups={groups}, weight of size {}, expected input{} to have {wanted} channels, but got {} channels instead",
            weight.sizes(),
            input.sizes(),
            input.shape[1]
        )));
    }
    check_bias(weight, bias, channels, "")?;
    let n = weight.ndim() - 2;
    let padded: Vec<i64> = (0..n)
        .map(|dim| input.shape[dim + 2] as i64 + 2 * g.padding[dim])
        .collect();
    let kernel: Vec<i64> = (0..n)
        .map(|dim| g.dilation[dim] * (weight.shape[dim + 2] as i64 - 1) + 1)
        .collect();
    if padded
        .iter()
        .zip(&kernel)
        .any(|(size, kernel)| size < kernel)
    {
        return Err(OpError::runtime(format!(
            "Calculated padded input size per channel: ({}). Kernel size: ({}). Kernel size can't be greater than actual input size",
            show(&padded),
            show(&kernel)
        )));
    }
    let mut shape = Shape::from_slice(&[input.shape[0], channels]);
    shape.extend((0..n).map(|dim| ((padded[dim] - kernel[dim]) / g.stride[dim] + 1) as usize));
    layout::checked_numel(&shape)?;
    Ok(shape)
}
fn check_weight(weight: &Meta, n: usize) -> Result<(), OpError> {
    if weight.ndim() == n + 2 && weight.numel() > 0 {
        return Ok(());
    }
    Err(OpError::Unsupported(format!(
        "a weight of size {} for a convolution of {n} dimensions",
        weight.sizes()
    )))
}
fn conv_infer(args: &[Arg<Meta>], n: usize) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    let (input, weight, bias) = (args.tensor(0)?, args.tensor(1)?, args.opt(2));
    let whole = batched(input, n, "conv")?;
    check_weight(weight, n)?;
    let geometry = geometry(args, n, weight)?;
    let mut shape = conv_shape(&whole, weight, bias, &geometry)?;
    check_types([input, &whole, weight], bias, &geometry, false)?;
    if input.ndim() == n + 1 {
        shape.remove(0);
    }
    Ok(vec![Meta::contiguous(input.dtype, shape)])
}

/// Adds the bias to each channel.
fn biased(output: Array, bias: Option<&Array>) -> Array {
    let Some(bias) = bias else { return output };
    let area: usize = output.shape()[2..].iter().product();
    let channels = output.shape()[1];
    let bias = bias.values_as::<f64>();
    let values = output
        .values_as::<f64>()
        .iter()
        .enumerate()
        .map(|(place, value)| value + bias[place / area % channels])
        .collect();
    Array::from_vec::<f64>(output.meta.shape.clone(), values).cast(output.dtype())
}
fn unbatched(output: Array, input: &Array, n: usize) -> Array {
    if input.meta.ndim() == n + 2 {
        output
    } else {
        output.reshaped(&output.shape()[1..])
    }
}
fn conv_forward(args: &[Arg<Array>], n: usize) -> Result<Vec<Array>, OpError> {
    let args = Args(args);
    let (input, weight) = (args.tensor(0)?, args.tensor(1)?);
    let whole = batched(&input.meta, n, "conv")?;
    let g = geometry(args, n, &weight.meta)?;
    let output = conv_shape(&whole, &weight.meta, args.opt(2).map(|bias| &bias.meta), &g)?;
    let sides = Sides {
        input: &whole.shape,
        weight: weight.shape(),
        output: &output,
        g: &g,
    };
    let result = sides.run(Side::Output, input, weight)?;
    Ok(vec![unbatched(biased(result, args.opt(2)), input, n)])
}

/// The arguments of one of the internal rows.
fn side_args(first: Var, second: Var, sizes: &[usize], g: &Geometry) -> Vec<Arg<Var>> {
    vec![
        t(first),
        t(second),
        kit::shape(sizes),
        kit::list(&g.stride),
        kit::list(&g.padding),
        kit::list(&g.dilation),
        kit::n(g.groups),
    ]
}
/// The gradient with a batch, and the sizes of the input with one.
fn with_batch(b: &mut dyn Backward, n: usize) -> Result<(Var, Shape), OpError> {
    let (grad, input) = (grad(b)?, input_meta(b, 0)?);
    let grad = if input.ndim() == n + 2 {
        grad
    } else {
        kit::call(b, "unsqueeze", vec![t(grad), kit::n(0)])?
    };
    Ok((grad, batched(&input, n, "conv")?.shape))
}
fn saved_input(b: &mut dyn Backward, n: usize) -> Result<Var, OpError> {
    let input = b.input(0)?;
    if b.meta(input).ndim() == n + 2 {
        Ok(input)
    } else {
        kit::call(b, "unsqueeze", vec![t(input), kit::n(0)])
    }
}
fn bias_grad(b: &mut dyn Backward, grad: Var) -> Result<Option<Var>, OpError> {
    if !b.needs(2) {
        return Ok(None);
    }
    let dims: Vec<i64> = (0..b.meta(grad).ndim() as i64)
        .filter(|&dim| dim != 1)
        .collect();
    Ok(Some(kit::sum(b, grad, &dims, false)?))
}
fn conv_formula(b: &mut dyn Backward, n: usize) -> Grads {
    let ((grad, sizes), weight_meta) = (with_batch(b, n)?, input_meta(b, 1)?);
    let g = geometry(Args(b.args()), n, &weight_meta)?;
    let mut grads = vec![None, None];
    if b.needs(0) {
        let weight = b.input(1)?;
        let part = kit::call(b, "_conv_input", side_args(grad, weight, &sizes, &g))?;
        let shape = input_meta(b, 0)?.shape;
        grads[0] = Some(kit::reshape(b, part, &shape)?);
    }
    if b.needs(1) {
        let input = saved_input(b, n)?;
        grads[1] = Some(kit::call(
            b,
            "_conv_weight",
            side_args(grad, input, &weight_meta.shape, &g),
        )?);
    }
    if Args(b.args()).opt(2).is_some() {
        grads.push(bias_grad(b, grad)?);
    }
    Ok(grads)
}

/// The geometry of a call of `conv_transpose`, and the padding at one side of the result.
fn transposed_geometry<T>(
    args: Args<'_, T>,
    n: usize,
) -> Result<(Geometry, SmallVec<[i64; 4]>), OpError> {
    let geometry = Geometry {
        stride: each(args, 3, 1, n, "stride")?,
        padding: each(args, 4, 0, n, "padding")?,
        dilation: each(args, 7, 1, n, "dilation")?,
        groups: args.int(6, 1),
    };
    check_geometry(&geometry)?;
    let beside = each(args, 5, 0, n, "output_padding")?;
    let names: &[&str] = match n {
        1 => &["width"],
        2 => &["height", "width"],
        _ => &["depth", "height", "width"],
    };
    let too_large = (0..n).any(|dim| {
        beside[dim] < 0
            || (beside[dim] >= geometry.stride[dim] && beside[dim] >= geometry.dilation[dim])
    });
    if too_large {
        if n != 2 {
            return Err(OpError::Unsupported(
                "an output padding that is not smaller than stride or dilation".into(),
            ));
        }
        let each = |name: &str, numbers: &[i64]| {
            names
                .iter()
                .zip(numbers)
                .map(|(dim, number)| format!("{name}_{dim}: {number}"))
                .collect::<Vec<_>>()
                .join(" ")
        };
        return Err(OpError::runtime(format!(
            "output padding must be smaller than either stride or dilation, but got {} {} {}",
            each("output_padding", &beside),
            each("stride", &geometry.stride),
            each("dilation", &geometry.dilation)
        )));
    }
    Ok((geometry, beside))
}
fn transposed_shape(
    input: &Meta,
    weight: &Meta,
    bias: Option<&Meta>,
    g: &Geometry,
    beside: &[i64],
) -> Result<Shape, OpError> {
    if input.shape[1] != weight.shape[0] {
        return Err(OpError::runtime(format!(
            "Given transposed=1, weight of size {}, expected input{} to have {} channels, but got {} channels instead",
            weight.sizes(),
            input.sizes(),
            weight.shape[0],
            input.shape[1]
        )));
    }
    if !input.shape[1].is_multiple_of(g.groups as usize) {
        return Err(OpError::Unsupported(
            "channels that the groups do not divide".into(),
        ));
    }
    let channels = weight.shape[1].saturating_mul(g.groups as usize);
    check_bias(weight, bias, channels, "transposed=1, ")?;
    let n = weight.ndim() - 2;
    let sizes: Vec<i64> = (0..n)
        .map(|dim| {
            let span = g.dilation[dim] * (weight.shape[dim + 2] as i64 - 1);
            (input.shape[dim + 2] as i64 - 1) * g.stride[dim] - 2 * g.padding[dim]
                + span
                + beside[dim]
                + 1
        })
        .collect();
    if sizes.iter().any(|&size| size < 1) {
        return Err(OpError::runtime(format!(
            "Given input size per channel: ({}). Calculated output size per channel: ({}). Output size is too small",
            show(&layout::signed(&input.shape[2..])),
            show(&sizes)
        )));
    }
    let mut shape = Shape::from_slice(&[input.shape[0], channels]);
    shape.extend(sizes.iter().map(|&size| size as usize));
    layout::checked_numel(&shape)?;
    Ok(shape)
}
fn transposed_infer(args: &[Arg<Meta>], n: usize) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    let (input, weight, bias) = (args.tensor(0)?, args.tensor(1)?, args.opt(2));
    let whole = batched(input, n, "conv_transpose")?;
    check_weight(weight, n)?;
    let (g, beside) = transposed_geometry(args, n)?;
    let mut shape = transposed_shape(&whole, weight, bias, &g, &beside)?;
    check_types([input, &whole, weight], bias, &g, true)?;
    if input.ndim() == n + 1 {
        shape.remove(0);
    }
    Ok(vec![Meta::contiguous(input.dtype, shape)])
}
fn transposed_forward(args: &[Arg<Array>], n: usize) -> Result<Vec<Array>, OpError> {
    let args = Args(args);
    let (input, weight) = (args.tensor(0)?, args.tensor(1)?);
    let whole = batched(&input.meta, n, "conv_transpose")?;
    let (g, beside) = transposed_geometry(args, n)?;
    let output = transposed_shape(&whole, &weight.meta, None, &g, &beside)?;
    // What is the input of the transposed convolution is the result of the plain one.
    let sides = Sides {
        input: &output,
        weight: weight.shape(),
        output: &whole.shape,
        g: &g,
    };
    let result = sides.run(Side::Input, input, weight)?;
    Ok(vec![unbatched(biased(result, args.opt(2)), input, n)])
}
fn transposed_formula(b: &mut dyn Backward, n: usize) -> Grads {
    let ((grad, sizes), weight_meta) = (with_batch(b, n)?, input_meta(b, 1)?);
    let (g, _) = transposed_geometry(Args(b.args()), n)?;
    let mut grads = vec![None, None];
    if b.needs(0) {
        let weight = b.input(1)?;
        let part = kit::call(b, "_conv", side_args(grad, weight, &sizes, &g))?;
        let shape = input_meta(b, 0)?.shape;
        grads[0] = Some(kit::reshape(b, part, &shape)?);
    }
    if b.needs(1) {
        let input = saved_input(b, n)?;
        grads[1] = Some(kit::call(
            b,
            "_conv_weight",
            side_args(input, grad, &weight_meta.shape, &g),
        )?);
    }
    if Args(b.args()).opt(2).is_some() {
        grads.push(bias_grad(b, grad)?);
    }
    Ok(grads)
}

fn side_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    Ok(vec![Meta::contiguous(
        args.tensor(0)?.dtype,
        layout::checked_shape(&args.ints(2))?,
    )])
}
fn side_geometry<T>(args: Args<'_, T>) -> Geometry {
    Geometry {
        stride: args.ints(3),
        padding: args.ints(4),
        dilation: args.ints(5),
        groups: args.int(6, 1),
    }
}
/// The gradient of the input: the first is that of the result, the other the weight.
fn input_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let shape = kit::inferred(side_infer, args)?.shape;
    let args = Args(args);
    let (grad, weight, g) = (args.tensor(0)?, args.tensor(1)?, side_geometry(args));
    let sides = Sides {
        input: &shape,
        weight: weight.shape(),
        output: grad.shape(),
        g: &g,
    };
    Ok(vec![sides.run(Side::Input, grad, weight)?])
}
/// The gradient of the weight: the first is that of the result, the other the input.
fn weight_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let shape = kit::inferred(side_infer, args)?.shape;
    let args = Args(args);
    let (grad, input, g) = (args.tensor(0)?, args.tensor(1)?, side_geometry(args));
    let sides = Sides {
        input: input.shape(),
        weight: &shape,
        output: grad.shape(),
        g: &g,
    };
    Ok(vec![sides.run(Side::Weight, grad, input)?])
}
/// The convolution itself: the first is the input, the other the weight; the sizes are the result's.
fn plain_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let shape = kit::inferred(side_infer, args)?.shape;
    let args = Args(args);
    let (input, weight, g) = (args.tensor(0)?, args.tensor(1)?, side_geometry(args));
    let sides = Sides {
        input: input.shape(),
        weight: weight.shape(),
        output: &shape,
        g: &g,
    };
    Ok(vec![sides.run(Side::Output, input, weight)?])
}
/// The two other sides, for the first argument and for the second.
fn others(
    b: &mut dyn Backward,
    first: (&'static str, bool),
    second: (&'static str, bool),
) -> Grads {
    let grad = grad(b)?;
    let mut grads = vec![];
    for (place, (op, grad_first)) in [first, second].into_iter().enumerate() {
        if !b.needs(place) {
            grads.push(None);
            continue;
        }
        let (other, meta) = (b.input(1 - place)?, input_meta(b, place)?);
        let (left, right) = if grad_first {
            (grad, other)
        } else {
            (other, grad)
        };
        let mut args = vec![t(left), t(right), kit::shape(&meta.shape)];
        args.extend((3..7).map(|place| same(b, place)));
        grads.push(Some(kit::call(b, op, args)?));
    }
    Ok(grads)
}
fn input_formula(b: &mut dyn Backward) -> Grads {
    others(b, ("_conv", true), ("_conv_weight", false))
}
fn weight_formula(b: &mut dyn Backward) -> Grads {
    others(b, ("_conv", false), ("_conv_input", false))
}
fn plain_formula(b: &mut dyn Backward) -> Grads {
    others(b, ("_conv_input", true), ("_conv_weight", true))
}
