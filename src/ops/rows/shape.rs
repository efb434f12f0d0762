//! Moving elements about without looking at them: flips, pads, resampling, average pools. Each is a sparse linear map.

use crate::ops::array::Array;
use crate::ops::kit::{
    self, Args, Grads, IN_PLACE, INTERNAL, both, flag_or, formula, functional, grad, input_meta,
    int, int_or, ints, ints_or, op, opt_int, opt_ints, param, saved, t, tensor,
};
use crate::ops::layout::{self, wrap_dim};
use crate::ops::meta::{Dtype, Meta, Scalar, Shape};
use crate::ops::rng::Rng;
use crate::ops::row::{Arg, Backward, Exception, OpError, OpRow, Param, ParamKind, Save};
use crate::ops::sparse;

const SELF: Param = tensor("self");
const INPUT: Param = tensor("input");
const NONE: &[Save] = &[];
const FIRST: &[Save] = &[saved(0)];

/// What a row of this file is: the kind of map and its numbers, or PyTorch's refusal.
type Numbers = Result<Vec<i64>, OpError>;

/// The columns that follow from the kind of map: shapes, numbers and gradient.
macro_rules! linear_row {
    ($name:literal, $forms:expr, $params:expr, $kind:literal, $numbers:expr, $saves:expr, $node:literal, $evidence:expr) => {
        op(
            $name,
            $forms,
            $params,
            |args| infer($kind, args, $numbers),
            |args, _| forward($kind, args, $numbers),
            $saves,
            formula(|b| backward($kind, b, $numbers)),
            $node,
            $evidence,
        )
    };
}

/// The rows of this file.
pub const ROWS: &[OpRow] = &[
    linear_row!(
        "flip",
        both(&["flip"]),
        &[SELF, ints("dims")],
        "flip",
        flip,
        NONE,
        "FlipBackward0",
        &["flip"]
    ),
    linear_row!(
        "roll.int",
        both(&["roll"]),
        &[SELF, int("shifts"), opt_int("dims")],
        "roll",
        roll,
        NONE,
        "RollBackward0",
        &["roll"]
    ),
    linear_row!(
        "roll",
        both(&["roll"]),
        &[SELF, ints("shifts"), ints_or("dims", &[])],
        "roll",
        roll,
        NONE,
        "RollBackward0",
        &["roll"]
    ),
    linear_row!(
        "rot90",
        both(&["rot90"]),
        &[SELF, int_or("k", 1), ints_or("dims", &[0, 1])],
        "rot90",
        rot90,
        NONE,
        "Rot90Backward0",
        &["rot90"]
    ),
    OpRow {
        in_place: IN_PLACE,
        ..linear_row!(
            "tril",
            both(&["tril"]),
            &[SELF, int_or("diagonal", 0)],
            "tril",
            |args| triangle(args, "tril"),
            NONE,
            "TrilBackward0",
            &["tril", "tril_"]
        )
    },
    OpRow {
        in_place: IN_PLACE,
        ..linear_row!(
            "triu",
            both(&["triu"]),
            &[SELF, int_or("diagonal", 0)],
            "triu",
            |args| triangle(args, "triu"),
            NONE,
            "TriuBackward0",
            &["triu", "triu_"]
        )
    },
    linear_row!(
        "diag_embed",
        both(&["diag_embed"]),
        &[
            SELF,
            int_or("offset", 0),
            int_or("dim1", -2),
            int_or("dim2", -1)
        ],
        "diag_embed",
        diag_embed,
        NONE,
        "DiagEmbedBackward0",
        &["diag_embed", "diag(vector)"]
    ),
    linear_row!(
        "pixel_shuffle",
        functional(&["pixel_shuffle"]),
        &[INPUT, int("upscale_factor")],
        "pixel_shuffle",
        pixel_shuffle,
        NONE,
        "PixelShuffleBackward0",
        &["F.pixel_shuffle"]
    ),
    linear_row!(
        "pixel_unshuffle",
        functional(&["pixel_unshuffle"]),
        &[INPUT, int("downscale_factor")],
        "pixel_unshuffle",
        pixel_unshuffle,
        NONE,
        "PixelUnshuffleBackward0",
        &[]
    ),
    op(
        "constant_pad_nd",
        INTERNAL,
        &[SELF, ints("pad"), kit::float_or("value", 0.0)],
        |args| infer("pad", args, constant_pad),
        pad_forward,
        NONE,
        formula(|b| backward("pad", b, constant_pad)),
        "ConstantPadNdBackward0",
        &["F.pad constant"],
    ),
    OpRow {
        node_by: Some(|args| {
            pad_node(
                args,
                [
                    "ReflectionPad1DBackward0",
                    "ReflectionPad2DBackward0",
                    "ReflectionPad3DBackward0",
                ],
            )
        }),
        ..linear_row!(
            "reflection_pad",
            INTERNAL,
            &[SELF, ints("padding")],
            "reflect",
            reflection_pad,
            FIRST,
            "ReflectionPad1DBackward0",
            &["F.pad reflect"]
        )
    },
    OpRow {
        node_by: Some(|args| {
            pad_node(
                args,
                [
                    "ReplicationPad1DBackward0",
                    "ReplicationPad2DBackward0",
                    "ReplicationPad3DBackward0",
                ],
            )
        }),
        ..linear_row!(
            "replication_pad",
            INTERNAL,
            &[SELF, ints("padding")],
            "replicate",
            around,
            FIRST,
            "ReplicationPad1DBackward0",
            &[]
        )
    },
    OpRow {
        node_by: Some(|args| {
            resampled(
                args,
                [
                    "UpsampleNearest1DBackward0",
                    "UpsampleNearest2DBackward0",
                    "UpsampleNearest3DBackward0",
                ],
            )
        }),
        ..linear_row!(
            "upsample_nearest",
            INTERNAL,
            &[SELF, ints("output_size")],
            "nearest",
            upsample,
            NONE,
            "UpsampleNearest2DBackward0",
            &["F.interpolate nearest"]
        )
    },
    OpRow {
        node_by: Some(|args| {
            resampled(
                args,
                [
                    "UpsampleLinear1DBackward0",
                    "UpsampleBilinear2DBackward0",
                    "UpsampleTrilinear3DBackward0",
                ],
            )
        }),
        ..linear_row!(
            "upsample_linear",
            INTERNAL,
            &[SELF, ints("output_size"), flag_or("align_corners", false)],
            "linear",
            upsample_linear,
            NONE,
            "UpsampleBilinear2DBackward0",
            &["F.interpolate bilinear"]
        )
    },
    linear_row!(
        "im2col",
        functional(&["unfold"]),
        &[
            INPUT,
            ints("kernel_size"),
            ints_or("dilation", &[1]),
            ints_or("padding", &[0]),
            ints_or("stride", &[1])
        ],
        "im2col",
        im2col,
        NONE,
        "Im2ColBackward0",
        &["F.unfold"]
    ),
    op(
        "col2im",
        functional(&["fold"]),
        &[
            INPUT,
            ints("output_size"),
            ints("kernel_size"),
            ints_or("dilation", &[1]),
            ints_or("padding", &[0]),
            ints_or("stride", &[1]),
        ],
        col2im_infer,
        col2im_forward,
        NONE,
        formula(col2im_formula),
        "Col2ImBackward0",
        &["F.fold"],
    ),
    linear_row!(
        "avg_pool2d",
        functional(&["avg_pool2d"]),
        &[
            INPUT,
            ints("kernel_size"),
            opt_ints("stride"),
            ints_or("padding", &[0]),
            flag_or("ceil_mode", false),
            flag_or("count_include_pad", true),
            opt_int("divisor_override")
        ],
        "avg_pool",
        avg_pool,
        FIRST,
        "AvgPool2DBackward0",
        &["F.avg_pool2d"]
    ),
    linear_row!(
        "_adaptive_avg_pool2d",
        INTERNAL,
        &[INPUT, ints("output_size")],
        "adaptive_avg_pool",
        adaptive,
        FIRST,
        "AdaptiveAvgPool2DBackward0",
        &["F.adaptive_avg_pool2d(2)"]
    ),
    op(
        "_sparse",
        INTERNAL,
        &[SELF, param("kind", ParamKind::Str), ints("numbers")],
        sparse_infer,
        sparse_forward,
        NONE,
        formula(sparse_formula),
        "SparseBackward0",
        &[],
    ),
    op(
        "_sparse_backward",
        INTERNAL,
        &[
            tensor("grad"),
            param("kind", ParamKind::Str),
            ints("numbers"),
            ints("sizes"),
        ],
        adjoint_infer,
        adjoint_forward,
        NONE,
        formula(adjoint_formula),
        "SparseBackwardBackward0",
        &[],
    ),
];

fn infer(
    kind: &str,
    args: &[Arg<Meta>],
    numbers: impl Fn(Args<'_, Meta>) -> Numbers,
) -> Result<Vec<Meta>, OpError> {
    let meta = Args(args).tensor(0)?;
    let numbers = numbers(Args(args))?;
    sparse::check_type(kind, meta)?;
    Ok(vec![Meta::contiguous(
        meta.dtype,
        sparse::result_shape(kind, &meta.shape, &numbers)?,
    )])
}
fn forward(
    kind: &str,
    args: &[Arg<Array>],
    numbers: impl Fn(Args<'_, Meta>) -> Numbers,
) -> Result<Vec<Array>, OpError> {
    let metas = kit::metas(args);
    let array = Args(args).tensor(0)?;
    let numbers = numbers(Args(&metas))?;
    Ok(vec![
        sparse::sparse(kind, array.shape(), &numbers)?.apply(array),
    ])
}
fn backward(
    kind: &'static str,
    b: &mut dyn Backward,
    numbers: impl Fn(Args<'_, Meta>) -> Numbers,
) -> Grads {
    let (grad, meta) = (grad(b)?, input_meta(b, 0)?);
    let numbers = numbers(Args(b.args()))?;
    let args = vec![
        t(grad),
        Arg::Str(kind.into()),
        kit::list(&numbers),
        kit::shape(&meta.shape),
    ];
    let part = kit::call(b, "_sparse_backward", args)?;
    // Their backward is one operator of the gradient and the input.
    if ["avg_pool", "adaptive_avg_pool"].contains(&kind) {
        let input = b.input(0)?;
        return Ok(vec![Some(kit::call(
            b,
            "_linked",
            vec![t(part), t(input)],
        )?)]);
    }
    Ok(vec![Some(part)])
}
fn sparse_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let kind = Args(args).text(1, "");
    infer(kind, args, |args| Ok(args.ints(2).to_vec()))
}
fn sparse_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    forward(Args(args).text(1, ""), args, |args| {
        Ok(args.ints(2).to_vec())
    })
}
fn sparse_formula(b: &mut dyn Backward) -> Grads {
    let (grad, meta) = (grad(b)?, input_meta(b, 0)?);
    let (kind, numbers) = (kit::same(b, 1), kit::same(b, 2));
    Ok(vec![Some(kit::call(
        b,
        "_sparse_backward",
        vec![t(grad), kind, numbers, kit::shape(&meta.shape)],
    )?)])
}
fn adjoint_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    Ok(vec![Meta::contiguous(
        args.tensor(0)?.dtype,
        layout::checked_shape(&args.ints(3))?,
    )])
}
fn adjoint_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let meta = kit::inferred(adjoint_infer, args)?;
    let args = Args(args);
    let map = sparse::sparse(args.text(1, ""), &meta.shape, &args.ints(2))?;
    Ok(vec![map.apply_adjoint(args.tensor(0)?, &meta.shape)])
}
fn adjoint_formula(b: &mut dyn Backward) -> Grads {
    let (grad, kind, numbers) = (grad(b)?, kit::same(b, 1), kit::same(b, 2));
    Ok(vec![Some(kit::call(
        b,
        "_sparse",
        vec![t(grad), kind, numbers],
    )?)])
}

fn flip(args: Args<'_, Meta>) -> Numbers {
    layout::wrap_dims(&args.ints(1), args.tensor(0)?.ndim())?;
    Ok(args.ints(1).to_vec())
}
fn roll(args: Args<'_, Meta>) -> Numbers {
    let (shifts, dims) = (args.ints(1), args.ints(2));
    if shifts.is_empty() {
        return Err(OpError::runtime("`shifts` required"));
    }
    if dims.is_empty() && shifts.len() == 1 {
        return Ok(shifts.to_vec());
    }
    if dims.len() != shifts.len() {
        return Err(OpError::runtime(format!(
            "shifts and dimensions must align. shifts: {}, dims:{}",
            shifts.len(),
            dims.len()
        )));
    }
    for &dim in &dims {
        wrap_dim(dim, args.tensor(0)?.ndim())?;
    }
    Ok(shifts.iter().chain(&dims).copied().collect())
}
fn rot90(args: Args<'_, Meta>) -> Numbers {
    let (ndim, dims) = (
        args.tensor(0)?.ndim(),
        args.opt_ints(2).unwrap_or_else(|| kit::two(0, 1)),
    );
    if dims.len() != 2 {
        return Err(OpError::runtime(format!(
            "expected total rotation dims == 2, but got dims = {}",
            dims.len()
        )));
    }
    if ndim < 2 {
        return Err(OpError::runtime(format!(
            "expected total dims >= 2, but got total dims = {ndim}"
        )));
    }
    if wrap_dim(dims[0], ndim)? == wrap_dim(dims[1], ndim)? {
        return Err(OpError::runtime(format!(
            "expected rotation dims to be different, but got dim0 = {} and dim1 = {}",
            dims[0], dims[1]
        )));
    }
    Ok(vec![args.int(1, 1), dims[0], dims[1]])
}
fn triangle(args: Args<'_, Meta>, name: &str) -> Numbers {
    if args.tensor(0)?.ndim() < 2 {
        return Err(OpError::runtime(format!(
            "{name}: input tensor must have at least 2 dimensions"
        )));
    }
    Ok(vec![args.int(1, 0)])
}
fn diag_embed(args: Args<'_, Meta>) -> Numbers {
    Ok(vec![args.int(1, 0), args.int(2, -2), args.int(3, -1)])
}
fn pixel_shuffle(args: Args<'_, Meta>) -> Numbers {
    let (meta, factor) = (args.tensor(0)?, args.int(1, 1));
    if meta.ndim() < 3 {
        return Err(OpError::runtime(format!(
            "pixel_shuffle expects input to have at least 3 dimensions, but got input with {} dimension(s)",
            meta.ndim()
        )));
    }
    if factor <= 0 || factor > 1 << 15 {
        return Err(OpError::runtime(format!(
            "pixel_shuffle expects a positive upscale_factor, but got {factor}"
        )));
    }
    let (channels, square) = (meta.shape[meta.ndim() - 3] as i64, factor * factor);
    if channels % square != 0 {
        return Err(OpError::runtime(format!(
            "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of upscale_factor, but input.size(-3)={channels} is not divisible by {square}"
        )));
    }
    Ok(vec![factor])
}
fn pixel_unshuffle(args: Args<'_, Meta>) -> Numbers {
    let (meta, factor) = (args.tensor(0)?, args.int(1, 1));
    if meta.ndim() < 3 || factor <= 0 || factor > 1 << 15 {
        return Err(OpError::Unsupported(
            "pixel_unshuffle of such an input".into(),
        ));
    }
    for (place, name) in [(2, "height"), (1, "width")] {
        let size = meta.shape[meta.ndim() - place] as i64;
        if size % factor != 0 {
            return Err(OpError::runtime(format!(
                "pixel_unshuffle expects {name} to be divisible by downscale_factor, but input.size(-{place})={size} is not divisible by {factor}"
            )));
        }
    }
    Ok(vec![factor])
}
fn constant_pad(args: Args<'_, Meta>) -> Numbers {
    let (meta, pads) = (args.tensor(0)?, args.ints(1));
    if pads.len() % 2 != 0 {
        return Err(OpError::runtime("Padding length must be divisible by 2"));
    }
    if pads.len() > 2 * meta.ndim() {
        return Err(OpError::runtime(format!(
            "Padding length should be less than or equal to two times the input dimension but got padding length {} and input of dimension {}",
            pads.len(),
            meta.ndim()
        )));
    }
    Ok(pads.to_vec())
}
fn pad_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let (results, value) = (
        forward("pad", args, constant_pad)?,
        Args(args).float(2, 0.0),
    );
    if value == 0.0 {
        return Ok(results);
    }
    // Where a one would be padded with zeros, the value stands.
    let array = Args(args).tensor(0)?;
    let ones = Array::full(Dtype::Bool, array.meta.shape.clone(), Scalar::Bool(true));
    let numbers = constant_pad(Args(&kit::metas(args)))?;
    let inside = sparse::sparse("pad", array.shape(), &numbers)?.apply(&ones);
    let padded = results.iter().map(|result| {
        let values = result.values_as::<f64>();
        let filled = inside
            .values::<bool>()
            .iter()
            .zip(values.iter())
            .map(|(&own, &x)| if own { x } else { value })
            .collect();
        Array::from_vec::<f64>(result.meta.shape.clone(), filled).cast(result.dtype())
    });
    Ok(padded.collect())
}
/// The node of an operator that is one for each number of dimensions.
fn pad_node(args: &[Arg<Meta>], nodes: [&'static str; 3]) -> &'static str {
    nodes[(Args(args).ints(1).len() / 2).clamp(1, 3) - 1]
}
fn resampled(args: &[Arg<Meta>], nodes: [&'static str; 3]) -> &'static str {
    nodes[Args(args).ints(1).len().clamp(1, 3) - 1]
}
/// Pads that are not filled with a number.
fn around(args: Args<'_, Meta>) -> Numbers {
    let (meta, pads) = (args.tensor(0)?, args.ints(1));
    let fits = pads.len() % 2 == 0
        && matches!(
            (pads.len() / 2, meta.ndim()),
            (1, 2 | 3) | (2, 3 | 4) | (3, 4 | 5)
        );
    if !fits {
        return Err(OpError::Raises(
            Exception::NotImplementedError,
            format!(
                "Padding size {} is not supported for {}D input tensor.\nSupported combinations for non-constant padding:\n  - 2D or 3D input: padding size = 2 (pads last dimension)\n  - 3D or 4D input: padding size = 4 (pads last 2 dimensions)\n  - 4D or 5D input: padding size = 6 (pads last 3 dimensions)",
                pads.len(),
                meta.ndim()
            ),
        ));
    }
    if meta.numel() == 0 {
        return Err(OpError::Unsupported("a pad of an empty tensor".into()));
    }
    Ok(pads.to_vec())
}
fn reflection_pad(args: Args<'_, Meta>) -> Numbers {
    let (meta, pads) = (args.tensor(0)?, around(args)?);
    for (pair, two) in pads.chunks(2).enumerate() {
        let dim = meta.ndim() - 1 - pair;
        let size = meta.shape[dim] as i64;
        if two.iter().any(|&pad| pad >= size) {
            return Err(OpError::runtime(format!(
                "Argument #{}: Padding size should be less than the corresponding input dimension, but got: padding ({}, {}) at dimension {dim} of input {}",
                4 + 2 * pair,
                two[0],
                two[1],
                meta.sizes()
            )));
        }
    }
    Ok(pads)
}
fn upsample(args: Args<'_, Meta>) -> Numbers {
    let (meta, sizes) = (args.tensor(0)?, args.ints(1));
    let count = sizes.len();
    if count == 0 || count > 3 || meta.ndim() != count + 2 {
        return Err(OpError::Unsupported("interpolation to such sizes".into()));
    }
    let empty = meta.shape[2..].contains(&0) || sizes.iter().any(|&size| size <= 0);
    if empty {
        let names: &[&str] = match count {
            1 => &["W"],
            2 => &["H", "W"],
            _ => &["D", "H", "W"],
        };
        let show = |sizes: Vec<i64>| {
            names
                .iter()
                .zip(sizes)
                .map(|(name, size)| format!("{name}: {size}"))
                .collect::<Vec<_>>()
                .join(", ")
        };
        return Err(OpError::runtime(format!(
            "Input and output sizes should be greater than 0, but got input ({}) output ({})",
            show(layout::signed(&meta.shape[2..]).to_vec()),
            show(sizes.to_vec())
        )));
    }
    Ok(sizes.to_vec())
}
fn upsample_linear(args: Args<'_, Meta>) -> Numbers {
    let mut numbers = vec![i64::from(args.flag(2, false))];
    numbers.extend(upsample(args)?);
    Ok(numbers)
}
/// One number for both, or one for each.
fn pair(args: Args<'_, Meta>, place: usize, default: i64) -> Result<[i64; 2], OpError> {
    match args.ints(place)[..] {
        [] => Ok([default; 2]),
        [both] => Ok([both; 2]),
        [first, second] => Ok([first, second]),
        _ => Err(OpError::Unsupported(
            "more than two numbers for height and width".into(),
        )),
    }
}
fn tuple(pair: [i64; 2]) -> String {
    format!("({}, {})", pair[0], pair[1])
}
/// The numbers of sliding blocks whose kernel is at `place`.
fn sliding(args: Args<'_, Meta>, place: usize) -> Result<[[i64; 2]; 4], OpError> {
    let numbers = [
        pair(args, place, 1)?,
        pair(args, place + 1, 1)?,
        pair(args, place + 2, 0)?,
        pair(args, place + 3, 1)?,
    ];
    let [kernel, dilation, padding, stride] = numbers;
    let small = |pair: [i64; 2], least: i64| {
        pair.iter()
            .all(|&number| (least..1 << 20).contains(&number))
    };
    if !small(kernel, 1) || !small(dilation, 1) || !small(padding, 0) || !small(stride, 1) {
        return Err(OpError::Unsupported("sliding blocks of such sizes".into()));
    }
    Ok(numbers)
}
fn im2col(args: Args<'_, Meta>) -> Numbers {
    let (meta, numbers) = (args.tensor(0)?, sliding(args, 1)?);
    if meta.ndim() != 3 && meta.ndim() != 4 {
        return Err(OpError::Unsupported("unfold of such an input".into()));
    }
    let [kernel, dilation, padding, _] = numbers;
    let numbers = numbers.concat();
    let counts = sparse::block_counts(&meta.shape, &numbers);
    if counts.contains(&0) {
        let spatial = [
            meta.shape[meta.ndim() - 2] as i64,
            meta.shape[meta.ndim() - 1] as i64,
        ];
        return Err(OpError::runtime(format!(
            "Given input with spatial size {}, kernel_size={}, dilation={}, padding={}, calculated shape of the array of sliding blocks as ({}, {}), but its components must be at least one.",
            tuple(spatial),
            tuple(kernel),
            tuple(dilation),
            tuple(padding),
            counts[0],
            counts[1]
        )));
    }
    Ok(numbers)
}
fn folded(args: Args<'_, Meta>) -> Result<(Shape, Vec<i64>), OpError> {
    let (meta, size, numbers) = (args.tensor(0)?, pair(args, 1, 1)?, sliding(args, 2)?);
    if meta.ndim() != 2 && meta.ndim() != 3 {
        return Err(OpError::Unsupported("fold of such an input".into()));
    }
    let [kernel, dilation, padding, stride] = numbers;
    let (dim, area) = (meta.ndim() - 2, kernel[0] * kernel[1]);
    let rows = meta.shape[dim] as i64;
    if rows % area != 0 {
        return Err(OpError::runtime(format!(
            "Expected size of input's dimension {dim} to be divisible by the product of kernel_size, but got input.size({dim})={rows} and kernel_size={}.",
            tuple(kernel)
        )));
    }
    let mut shape: Shape = meta.shape[..dim].into();
    shape.extend([
        (rows / area) as usize,
        size[0].max(0) as usize,
        size[1].max(0) as usize,
    ]);
    layout::checked_numel(&shape)?;
    let flat = numbers.concat();
    let counts = sparse::block_counts(&shape, &flat);
    if counts[0] * counts[1] != meta.shape[dim + 1] {
        return Err(OpError::runtime(format!(
            "Given output_size={}, kernel_size={}, dilation={}, padding={}, stride={}, expected size of input's dimension {} to match the calculated number of sliding blocks {} * {} = {}, but got input.size({})={}.",
            tuple(size),
            tuple(kernel),
            tuple(dilation),
            tuple(padding),
            tuple(stride),
            dim + 1,
            counts[0],
            counts[1],
            counts[0] * counts[1],
            dim + 1,
            meta.shape[dim + 1]
        )));
    }
    Ok((shape, flat))
}
fn col2im_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    Ok(vec![Meta::contiguous(
        args.tensor(0)?.dtype,
        folded(args)?.0,
    )])
}
fn col2im_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let (shape, numbers) = folded(Args(&kit::metas(args)))?;
    Ok(vec![
        sparse::sparse("im2col", &shape, &numbers)?.apply_adjoint(Args(args).tensor(0)?, &shape),
    ])
}
fn col2im_formula(b: &mut dyn Backward) -> Grads {
    let (grad, numbers) = (grad(b)?, folded(Args(b.args()))?.1);
    Ok(vec![Some(kit::call(
        b,
        "_sparse",
        vec![t(grad), Arg::Str("im2col".into()), kit::list(&numbers)],
    )?)])
}
fn avg_pool(args: Args<'_, Meta>) -> Numbers {
    let meta = args.tensor(0)?;
    let kernel = pair(args, 1, 1)?;
    let stride = if args.ints(2).is_empty() {
        kernel
    } else {
        pair(args, 2, 1)?
    };
    let padding = pair(args, 3, 0)?;
    super::pool::check(
        meta,
        kernel,
        stride,
        padding,
        [1, 1],
        args.flag(4, false),
        true,
    )?;
    if args.opt_int(6) == Some(0) {
        return Err(OpError::runtime("divisor must be not zero"));
    }
    let mut numbers = [kernel, stride, padding].concat();
    numbers.extend([
        i64::from(args.flag(4, false)),
        i64::from(args.flag(5, true)),
        args.int(6, 0),
    ]);
    Ok(numbers)
}
fn adaptive(args: Args<'_, Meta>) -> Numbers {
    let (meta, size) = (args.tensor(0)?, pair(args, 1, 1)?);
    super::pool::check_adaptive(meta, size, "adaptive_avg_pool2d")?;
    Ok(size.to_vec())
}
