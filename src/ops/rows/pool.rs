//! Maximum pools. Average pools are in `shape`; pools of one dimension are in the prelude.

use crate::ops::array::Array;
use crate::ops::kernel::{floating_only, not_for_bool};
use crate::ops::kit::{
    self, Args, Grads, INTERNAL, fixed, flag_or, formula, functional, grad, input_meta, ints,
    ints_or, op, opt_ints, saved, t, tensor,
};
use crate::ops::layout;
use crate::ops::meta::{Dtype, Meta, Shape};
use crate::ops::rng::Rng;
use crate::ops::row::{Arg, Backward, Gradient, OpError, OpRow, Param};
use crate::ops::sparse::{adaptive_window, pool_size};

const PARAMS: &[Param] = &[
    tensor("input"),
    ints("kernel_size"),
    opt_ints("stride"),
    ints_or("padding", &[0]),
    ints_or("dilation", &[1]),
    flag_or("ceil_mode", false),
];
const PLACES: &[Param] = &[
    fixed("input"),
    ints("kernel_size"),
    opt_ints("stride"),
    ints_or("padding", &[0]),
    ints_or("dilation", &[1]),
    flag_or("ceil_mode", false),
];

/// The rows of this file.
pub const ROWS: &[OpRow] = &[
    op(
        "max_pool2d",
        functional(&["max_pool2d"]),
        PARAMS,
        max_infer,
        max_forward,
        &[saved(0)],
        formula(max_formula),
        "MaxPool2DWithIndicesBackward0",
        &["F.max_pool2d"],
    ),
    // The places of the maxima in their planes: `return_indices=True`, and what the gradient goes to.
    op(
        "_max_pool2d_indices",
        functional(&["_max_pool2d_indices"]),
        PLACES,
        indices_infer,
        indices_forward,
        &[],
        Gradient::NotDifferentiable,
        "",
        &[],
    ),
    op(
        "adaptive_max_pool2d",
        functional(&["adaptive_max_pool2d"]),
        &[tensor("input"), ints("output_size")],
        adaptive_infer,
        adaptive_forward,
        &[saved(0)],
        formula(adaptive_formula),
        "AdaptiveMaxPool2DBackward0",
        &["F.adaptive_max_pool2d"],
    ),
    op(
        "_adaptive_max_pool2d_indices",
        INTERNAL,
        &[fixed("input"), ints("output_size")],
        adaptive_indices_infer,
        adaptive_indices_forward,
        &[],
        Gradient::NotDifferentiable,
        "",
        &[],
    ),
];

fn pair(
    args: Args<'_, Meta>,
    place: usize,
    default: [i64; 2],
    name: &str,
) -> Result<[i64; 2], OpError> {
    match args.ints(place)[..] {
        [] => Ok(default),
        [both] => Ok([both; 2]),
        [first, second] => Ok([first, second]),
        _ => Err(OpError::runtime(format!(
            "max_pool2d: {name} must either be a single int, or a tuple of two ints"
        ))),
    }
}

/// What a window of a pool is.
#[derive(Clone, Copy)]
struct Window {
    kernel: [i64; 2],
    stride: [i64; 2],
    padding: [i64; 2],
    dilation: [i64; 2],
    ceil: bool,
}

fn window(args: Args<'_, Meta>) -> Result<Window, OpError> {
    let kernel = pair(args, 1, [1, 1], "kernel_size")?;
    let stride = pair(args, 2, kernel, "stride")?;
    let (padding, dilation) = (
        pair(args, 3, [0, 0], "padding")?,
        pair(args, 4, [1, 1], "dilation")?,
    );
    Ok(Window {
        kernel,
        stride,
        padding,
        dilation,
        ceil: args.flag(5, false),
    })
}

/// What PyTorch asks of the window and the input of a pool; the sizes of the result.
pub fn check(
    meta: &Meta,
    kernel: [i64; 2],
    stride: [i64; 2],
    padding: [i64; 2],
    dilation: [i64; 2],
    ceil: bool,
    average: bool,
) -> Result<[usize; 2], OpError> {
    let ndim = meta.ndim();
    if ndim != 3 && ndim != 4 {
        return Err(if average && ndim < 3 {
            OpError::index(format!(
                "Dimension out of range (expected to be in range of [{}, {}], but got -3)",
                -(ndim.max(1) as i64),
                ndim.max(1) - 1
            ))
        } else {
            OpError::runtime("non-empty 3D or 4D (batch mode) tensor expected for input")
        });
    }
    let large = [kernel, stride, padding, dilation]
        .iter()
        .flatten()
        .any(|&number| number.unsigned_abs() > 1 << 20);
    if large {
        return Err(OpError::Unsupported("a pool of such a size".into()));
    }
    check_window(kernel, stride, padding, dilation)?;
    if meta.shape[ndim - 3..].contains(&0) {
        return Err(OpError::runtime(format!(
            "Expected 3D or 4D (batch mode) tensor with optional 0 dim batch size for input, but got:{}",
            meta.sizes()
        )));
    }
    let sizes = [0, 1].map(|which| {
        pool_size(
            meta.shape[ndim - 2 + which] as i64,
            kernel[which],
            stride[which],
            padding[which],
            dilation[which],
            ceil,
        )
    });
    if sizes.iter().any(|&size| size < 1) {
        let planes = meta.shape[ndim - 3];
        return Err(OpError::runtime(format!(
            "Given input size: ({planes}x{}x{}). Calculated output size: ({planes}x{}x{}). Output size is too small",
            meta.shape[ndim - 2],
            meta.shape[ndim - 1],
            sizes[0],
            sizes[1]
        )));
    }
    Ok(sizes.map(|size| size as usize))
}
fn check_window(
    kernel: [i64; 2],
    stride: [i64; 2],
    padding: [i64; 2],
    dilation: [i64; 2],
) -> Result<(), OpError> {
    if stride.contains(&0) {
        return Err(OpError::runtime("stride should not be zero"));
    }
    if kernel.iter().chain(&stride).any(|&number| number <= 0) {
        return Err(OpError::Unsupported("a pool of such a size".into()));
    }
    if dilation.iter().any(|&number| number <= 0) {
        return Err(OpError::runtime(format!(
            "dilation should be greater than zero, but got dilationH: {} dilationW: {}",
            dilation[0], dilation[1]
        )));
    }
    for which in [0, 1] {
        let pad = padding[which];
        if pad < 0 {
            return Err(OpError::runtime(format!(
                "pad must be non-negative, but got pad: {pad}"
            )));
        }
        if pad > ((kernel[which] - 1) * dilation[which] + 1) / 2 {
            return Err(OpError::runtime(format!(
                "pad should be at most half of effective kernel size, but got pad={pad}, kernel_size={} and dilation={}",
                kernel[which], dilation[which]
            )));
        }
    }
    Ok(())
}
fn with_sizes(meta: &Meta, dtype: Dtype, sizes: [usize; 2]) -> Result<Vec<Meta>, OpError> {
    let mut shape: Shape = meta.shape[..meta.ndim() - 2].into();
    shape.extend(sizes);
    layout::checked_numel(&shape)?;
    Ok(vec![Meta::contiguous(dtype, shape)])
}
fn max_sizes(args: &[Arg<Meta>]) -> Result<[usize; 2], OpError> {
    let (meta, window) = (Args(args).tensor(0)?, window(Args(args))?);
    check(
        meta,
        window.kernel,
        window.stride,
        window.padding,
        window.dilation,
        window.ceil,
        false,
    )
}
fn max_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let meta = Args(args).tensor(0)?;
    let sizes = max_sizes(args)?;
    not_for_bool("max_pool2d", meta.dtype)?;
    with_sizes(meta, meta.dtype, sizes)
}
fn indices_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    with_sizes(Args(args).tensor(0)?, Dtype::I64, max_sizes(args)?)
}

/// For each element of the result, the place of the maximum in the whole input. `cells` gives the rows or columns
/// that a window looks at.
fn maxima(
    array: &Array,
    shape: &[usize],
    cells: impl Fn(usize, usize) -> Vec<usize>,
) -> Vec<usize> {
    let values = array.values_as::<f64>();
    let n = array.meta.ndim();
    let (height, width) = (array.shape()[n - 2], array.shape()[n - 1]);
    let (rows, columns) = (shape[n - 2], shape[n - 1]);
    let windows = [(0, rows), (1, columns)]
        .map(|(which, count)| (0..count).map(|at| cells(which, at)).collect::<Vec<_>>());
    let planes: usize = shape[..n - 2].iter().product();
    let mut places = Vec::with_capacity(planes * rows * columns);
    for plane in 0..planes {
        let start = plane * height * width;
        for row in &windows[0] {
            for column in &windows[1] {
                let inside = row
                    .iter()
                    .flat_map(|&i| column.iter().map(move |&j| start + i * width + j));
                let best = inside.reduce(|best, place| {
                    if values[place] > values[best] || values[place].is_nan() {
                        place
                    } else {
                        best
                    }
                });
                places.push(best.unwrap_or(start));
            }
        }
    }
    places
}
/// Places in planes instead of in the whole.
fn in_planes(places: Vec<usize>, array: &Array, shape: &[usize]) -> Array {
    let n = array.meta.ndim();
    let plane = (array.shape()[n - 2] * array.shape()[n - 1]).max(1);
    Array::from_vec::<i64>(
        shape,
        places
            .into_iter()
            .map(|place| (place % plane) as i64)
            .collect(),
    )
}
fn max_places(args: &[Arg<Array>]) -> Result<(Shape, Vec<usize>), OpError> {
    let metas = kit::metas(args);
    let meta = max_infer(&metas)?.remove(0);
    let window = window(Args(&metas))?;
    let array = Args(args).tensor(0)?;
    let n = meta.ndim();
    let places = maxima(array, &meta.shape, |which, at| {
        let start = at as i64 * window.stride[which] - window.padding[which];
        (0..window.kernel[which])
            .map(|offset| start + offset * window.dilation[which])
            .filter(|place| (0..array.shape()[n - 2 + which] as i64).contains(place))
            .map(|place| place as usize)
            .collect()
    });
    Ok((meta.shape, places))
}
fn max_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let (shape, places) = max_places(args)?;
    Ok(vec![crate::ops::kernels::gather(
        Args(args).tensor(0)?,
        &shape,
        |place| Some(places[place]),
    )])
}
fn indices_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let (shape, places) = max_places(args)?;
    Ok(vec![in_planes(places, Args(args).tensor(0)?, &shape)])
}
/// Sends the gradient to the places that `op` finds in the saved input.
fn to_maxima(b: &mut dyn Backward, op: &'static str, numbers: std::ops::Range<usize>) -> Grads {
    let (grad, meta, input) = (grad(b)?, input_meta(b, 0)?, b.input(0)?);
    let mut args = vec![t(input)];
    args.extend(numbers.map(|place| kit::same(b, place)));
    let indices = kit::call(b, op, args)?;
    let n = meta.ndim();
    let planes: usize = meta.shape[..n - 2].iter().product();
    let (area, count) = (
        meta.shape[n - 2] * meta.shape[n - 1],
        b.meta(grad).shape[n - 2..].iter().product(),
    );
    let (grad, indices) = (
        kit::reshape(b, grad, &[planes, count])?,
        kit::reshape(b, indices, &[planes, count])?,
    );
    let part = kit::call(
        b,
        "gather_backward",
        vec![t(grad), kit::shape(&[planes, area]), kit::n(1), t(indices)],
    )?;
    let part = kit::reshape(b, part, &meta.shape)?;
    Ok(vec![Some(kit::call(
        b,
        "_linked",
        vec![t(part), t(input)],
    )?)])
}
fn max_formula(b: &mut dyn Backward) -> Grads {
    to_maxima(b, "_max_pool2d_indices", 1..6)
}

/// What an adaptive pool asks of its input and sizes.
pub fn check_adaptive(meta: &Meta, size: [i64; 2], name: &str) -> Result<(), OpError> {
    if size.iter().any(|&size| size < 0) {
        return Err(OpError::runtime(format!(
            "{name}: elements of output_size must be greater than or equal to 0 but received {{{}, {}}}",
            size[0], size[1]
        )));
    }
    let ndim = meta.ndim();
    if ndim != 3 && ndim != 4 {
        let colon = if name == "adaptive_max_pool2d" {
            ":"
        } else {
            ""
        };
        return Err(OpError::runtime(format!(
            "{name}(): Expected 3D or 4D tensor, but got{colon} {}",
            meta.sizes()
        )));
    }
    if let Some(dim) = (ndim - 2..ndim).find(|&dim| meta.shape[dim] == 0) {
        return Err(OpError::runtime(format!(
            "{name}(): Expected input to have non-zero size for non-batch dimensions, but input has sizes {} with dimension {dim} being empty",
            meta.sizes()
        )));
    }
    layout::checked_numel(&[size[0] as usize, size[1] as usize])?;
    Ok(())
}
fn adaptive_size(args: &[Arg<Meta>]) -> Result<[usize; 2], OpError> {
    let size = pair(Args(args), 1, [1, 1], "output_size")?;
    check_adaptive(Args(args).tensor(0)?, size, "adaptive_max_pool2d")?;
    Ok(size.map(|size| size as usize))
}
fn adaptive_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let meta = Args(args).tensor(0)?;
    let size = adaptive_size(args)?;
    floating_only("adaptive_max_pool2d", meta.dtype)?;
    with_sizes(meta, meta.dtype, size)
}
fn adaptive_indices_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    with_sizes(Args(args).tensor(0)?, Dtype::I64, adaptive_size(args)?)
}
fn adaptive_places(args: &[Arg<Array>]) -> Result<(Shape, Vec<usize>), OpError> {
    let meta = kit::inferred(adaptive_infer, args)?;
    let array = Args(args).tensor(0)?;
    let n = meta.ndim();
    let places = maxima(array, &meta.shape, |which, at| {
        let (start, end) =
            adaptive_window(at, array.shape()[n - 2 + which], meta.shape[n - 2 + which]);
        (start..end).collect()
    });
    Ok((meta.shape, places))
}
fn adaptive_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let (shape, places) = adaptive_places(args)?;
    Ok(vec![crate::ops::kernels::gather(
        Args(args).tensor(0)?,
        &shape,
        |place| Some(places[place]),
    )])
}
fn adaptive_indices_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let (shape, places) = adaptive_places(args)?;
    Ok(vec![in_planes(places, Args(args).tensor(0)?, &shape)])
}
fn adaptive_formula(b: &mut dyn Backward) -> Grads {
    to_maxima(b, "_adaptive_max_pool2d_indices", 1..2)
}
