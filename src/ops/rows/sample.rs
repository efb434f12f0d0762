//! Picking by positions between elements: `grid_sample`; by bags of rows: `embedding_bag`; by chance: `rrelu`.

use crate::ops::array::Array;
use crate::ops::broadcast::fresh;
use crate::ops::kit::{
    self, Args, Grads, INTERNAL, fixed, flag_or, float_or, formula, functional, grad, op, opt_int,
    saved, t, tensor, text_or,
};
use crate::ops::meta::{Dtype, Meta, Shape};
use crate::ops::rng::Rng;
use crate::ops::row::{Arg, Backward, Exception, Gradient, InPlace, OpError, OpRow, Param};

const SAMPLE: &[Param] = &[
    tensor("input"),
    tensor("grid"),
    text_or("mode", "bilinear"),
    text_or("padding_mode", "zeros"),
    kit::optional(
        "align_corners",
        crate::ops::row::ParamKind::Bool,
        crate::ops::row::Default::None,
    ),
];
const LOWER: Param = float_or("lower", 0.125);
const UPPER: Param = float_or("upper", 0.333_333_333_333_333_3);

/// The rows of this file.
pub const ROWS: &[OpRow] = &[
    op(
        "grid_sampler_2d",
        functional(&["grid_sample"]),
        SAMPLE,
        sample_infer,
        sample_forward,
        &[saved(0), saved(1)],
        formula(sample_formula),
        "GridSampler2DBackward0",
        &["F.grid_sample"],
    ),
    op(
        "_grid_sampler_2d_backward",
        INTERNAL,
        &[
            tensor("grad"),
            tensor("input"),
            tensor("grid"),
            text_or("mode", "bilinear"),
            text_or("padding_mode", "zeros"),
            flag_or("align_corners", false),
        ],
        sample_backward_infer,
        sample_backward,
        &[saved(0), saved(1), saved(2)],
        formula(|_| {
            Err(OpError::Unsupported(
                "the second derivative of grid_sample".into(),
            ))
        }),
        "GridSampler2DBackwardBackward0",
        &[],
    ),
    // The indices of all bags, one after the other, and where each begins: the prelude sees to their shapes.
    op(
        "_embedding_bag",
        INTERNAL,
        &[
            tensor("weight"),
            fixed("indices"),
            fixed("offsets"),
            text_or("mode", "mean"),
            opt_int("padding_idx"),
        ],
        bag_infer,
        bag_forward,
        &[saved(1), saved(2)],
        formula(bag_formula),
        "EmbeddingBagBackward0",
        &["F.embedding_bag"],
    ),
    op(
        "_embedding_bag_rows",
        INTERNAL,
        &[
            fixed("grad"),
            fixed("indices"),
            fixed("offsets"),
            text_or("mode", "mean"),
            opt_int("padding_idx"),
        ],
        bag_rows_infer,
        bag_rows,
        &[],
        Gradient::NotDifferentiable,
        "",
        &[],
    ),
    op(
        "_rrelu_noise",
        INTERNAL,
        &[fixed("self"), LOWER, UPPER, flag_or("training", false)],
        noise_infer,
        noise_forward,
        &[],
        Gradient::NotDifferentiable,
        "",
        &[],
    ),
    OpRow {
        in_place: InPlace::Yes {
            saves: Some(RRELU_IN_PLACE),
            node: Some("RreluWithNoiseBackward1"),
        },
        ..op(
            "rrelu_with_noise",
            INTERNAL,
            &[
                tensor("self"),
                fixed("noise"),
                LOWER,
                UPPER,
                flag_or("training", false),
            ],
            |args| {
                let meta = Args(args).tensor(0)?;
                Ok(vec![fresh(meta.dtype, meta.shape.clone())?])
            },
            rrelu_forward,
            &[saved(0), saved(1)],
            formula(rrelu_formula),
            "RreluWithNoiseBackward0",
            &["F.rrelu train"],
        )
    },
];
const RRELU_IN_PLACE: &[crate::ops::row::Save] = &[kit::saved_output(0), saved(1)];

fn wrong(text: String) -> OpError {
    OpError::runtime(format!("grid_sampler(): {text}"))
}
fn sample_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    let (input, grid) = (args.tensor(0)?, args.tensor(1)?);
    let (mode, padding) = (args.text(2, "bilinear"), args.text(3, "zeros"));
    if !["bilinear", "nearest", "bicubic"].contains(&mode) {
        return Err(OpError::value(format!(
            "nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', but got: '{mode}'"
        )));
    }
    if !["zeros", "border", "reflection"].contains(&padding) {
        return Err(OpError::value(format!(
            "nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or 'reflection', but got: '{padding}'"
        )));
    }
    if input.shape.first() != grid.shape.first() {
        return Err(wrong(format!(
            "expected grid and input to have same batch size, but got input with sizes {} and grid with sizes {}",
            input.sizes(),
            grid.sizes()
        )));
    }
    let spatial = input.ndim() as i64 - 2;
    if grid.shape.last().map(|&size| size as i64) != Some(spatial) {
        return Err(wrong(format!(
            "expected grid to have size {spatial} in last dimension, but got grid with sizes {}",
            grid.sizes()
        )));
    }
    if input.ndim() != 4 {
        return Err(OpError::Unsupported("grid_sample but of images".into()));
    }
    if let Some(dim) = (2..4).find(|&dim| input.shape[dim] == 0) {
        return Err(wrong(format!(
            "expected input to have non-empty spatial dimensions, but input has sizes {} with dimension {dim} being empty",
            input.sizes()
        )));
    }
    if grid.ndim() != 4 {
        return Err(wrong(format!(
            "expected 4D input and grid with same number of dimensions, but got input with sizes {} and grid with sizes {}",
            input.sizes(),
            grid.sizes()
        )));
    }
    if mode == "bicubic" {
        return Err(OpError::Unsupported("bicubic grid_sample".into()));
    }
    if input.dtype != grid.dtype || !input.dtype.is_floating() {
        return Err(OpError::Unsupported("grid_sample of these dtypes".into()));
    }
    let shape = [input.shape[0], input.shape[1], grid.shape[1], grid.shape[2]];
    Ok(vec![fresh(input.dtype, &shape[..])?])
}

/// How positions of the grid are read.
#[derive(Clone, Copy)]
struct Reading<'a> {
    nearest: bool,
    padding: &'a str,
    align: bool,
}
impl<'a> Reading<'a> {
    fn of<T>(args: Args<'a, T>, at: usize) -> Reading<'a> {
        Reading {
            nearest: args.text(at, "bilinear") == "nearest",
            padding: args.text(at + 1, "zeros"),
            align: args.flag(at + 2, false),
        }
    }
    /// A position among `size` elements, and how fast it goes there with the grid's number.
    fn place(self, x: f64, size: usize) -> (f64, f64) {
        let size = size as f64;
        let (at, slope) = if self.align {
            ((x + 1.0) / 2.0 * (size - 1.0), (size - 1.0) / 2.0)
        } else {
            (((x + 1.0) * size - 1.0) / 2.0, size / 2.0)
        };
        match self.padding {
            "border" => clip(at, slope, size),
            "reflection" => {
                let (low, high) = if self.align {
                    (0.0, size - 1.0)
                } else {
                    (-0.5, size - 0.5)
                };
                let (at, slope) = reflect(at, slope, low, high);
                clip(at, slope, size)
            }
            _ => (at, slope),
        }
    }
}
fn clip(at: f64, slope: f64, size: f64) -> (f64, f64) {
    if at > 0.0 && at < size - 1.0 {
        (at, slope)
    } else {
        (at.clamp(0.0, size - 1.0), 0.0)
    }
}
fn reflect(at: f64, slope: f64, low: f64, high: f64) -> (f64, f64) {
    let span = high - low;
    if span <= 0.0 {
        return (0.0, 0.0);
    }
    let (distance, sign) = if at < low {
        (low - at, -1.0)
    } else {
        (at - low, 1.0)
    };
    let (flips, rest) = ((distance / span).floor(), distance % span);
    if flips % 2.0 == 0.0 {
        (rest + low, slope * sign)
    } else {
        (span - rest + low, -slope * sign)
    }
}
/// An element that a position is read from, with its weight and how that changes with the grid's two numbers.
struct Corner {
    place: usize,
    weight: f64,
    by: [f64; 2],
}
/// The elements of an image of `height` by `width` that a position is read from.
fn corners(reading: Reading<'_>, [x, y]: [f64; 2], [height, width]: [usize; 2]) -> Vec<Corner> {
    let ((x, by_x), (y, by_y)) = (reading.place(x, width), reading.place(y, height));
    let inside = |row: f64, column: f64| {
        (row >= 0.0 && column >= 0.0 && row < height as f64 && column < width as f64)
            .then_some(row as usize * width + column as usize)
    };
    if reading.nearest {
        let place = inside(y.round_ties_even(), x.round_ties_even());
        return place
            .map(|place| Corner {
                place,
                weight: 1.0,
                by: [0.0; 2],
            })
            .into_iter()
            .collect();
    }
    let mut corners = Vec::with_capacity(4);
    let (left, top) = (x.floor(), y.floor());
    for (row, down) in [(top, 1.0 - (y - top)), (top + 1.0, y - top)] {
        for (column, right) in [(left, 1.0 - (x - left)), (left + 1.0, x - left)] {
            if let Some(place) = inside(row, column) {
                let (sign_x, sign_y) = (
                    if column == left { -1.0 } else { 1.0 },
                    if row == top { -1.0 } else { 1.0 },
                );
                corners.push(Corner {
                    place,
                    weight: down * right,
                    by: [sign_x * down * by_x, sign_y * right * by_y],
                });
            }
        }
    }
    corners
}
/// Calls `f` with each element of the result, the image it is read from, and its corners.
fn each_sample(
    input: &[usize],
    grid: &Array,
    reading: Reading<'_>,
    mut f: impl FnMut(usize, usize, usize, &[Corner]),
) {
    let (channels, size) = (input[1], [input[2], input[3]]);
    let places = grid.shape()[1] * grid.shape()[2];
    let positions = grid.values_as::<f64>();
    for (nth, position) in positions.chunks_exact(2).enumerate() {
        let (batch, place) = (nth / places.max(1), nth % places.max(1));
        let corners = corners(reading, [position[0], position[1]], size);
        for channel in 0..channels {
            let image = batch * channels + channel;
            f(
                image * places + place,
                image * size[0] * size[1],
                nth,
                &corners,
            );
        }
    }
}
fn sample_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let meta = kit::inferred(sample_infer, args)?;
    let args = Args(args);
    let (input, grid) = (args.tensor(0)?, args.tensor(1)?);
    let values = input.values_as::<f64>();
    let mut result = vec![0.0; meta.numel()];
    each_sample(
        input.shape(),
        grid,
        Reading::of(args, 2),
        |to, image, _, corners| {
            result[to] = corners
                .iter()
                .map(|corner| corner.weight * values[image + corner.place])
                .sum();
        },
    );
    Ok(vec![
        Array::from_vec::<f64>(meta.shape, result).cast(meta.dtype),
    ])
}
fn sample_backward_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let (input, grid) = (Args(args).tensor(1)?, Args(args).tensor(2)?);
    Ok(vec![
        fresh(input.dtype, input.shape.clone())?,
        fresh(grid.dtype, grid.shape.clone())?,
    ])
}
fn sample_backward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let args = Args(args);
    let (grad, input, grid) = (args.tensor(0)?, args.tensor(1)?, args.tensor(2)?);
    let (grads, values) = (grad.values_as::<f64>(), input.values_as::<f64>());
    let (mut to_input, mut to_grid) = (vec![0.0; input.numel()], vec![0.0; grid.numel()]);
    each_sample(
        input.shape(),
        grid,
        Reading::of(args, 3),
        |from, image, nth, corners| {
            for corner in corners {
                let place = image + corner.place;
                to_input[place] += grads[from] * corner.weight;
                to_grid[2 * nth] += grads[from] * values[place] * corner.by[0];
                to_grid[2 * nth + 1] += grads[from] * values[place] * corner.by[1];
            }
        },
    );
    Ok(vec![
        Array::from_vec::<f64>(input.meta.shape.clone(), to_input).cast(input.dtype()),
        Array::from_vec::<f64>(grid.meta.shape.clone(), to_grid).cast(grid.dtype()),
    ])
}
fn sample_formula(b: &mut dyn Backward) -> Grads {
    let (grad, input, grid) = (grad(b)?, b.input(0)?, b.input(1)?);
    let align = kit::flag(Args(b.args()).flag(4, false));
    let args = vec![
        t(grad),
        t(input),
        t(grid),
        kit::same(b, 2),
        kit::same(b, 3),
        align,
    ];
    let grads = b.call("_grid_sampler_2d_backward", args)?;
    Ok((0..2)
        .map(|at| grads.get(at).copied().filter(|_| b.needs(at)))
        .collect())
}

/// The bags: where each begins and ends among the indices, without those that are padding.
fn bags(args: Args<'_, Array>, count: usize) -> Result<Vec<Vec<usize>>, OpError> {
    let (indices, offsets) = (
        args.tensor(1)?.values::<i64>(),
        args.tensor(2)?.values::<i64>(),
    );
    let padding = args.opt_int(4);
    let mut bags = Vec::with_capacity(offsets.len());
    for (nth, &start) in offsets.iter().enumerate() {
        let end = offsets
            .get(nth + 1)
            .copied()
            .unwrap_or(indices.len() as i64);
        let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
        let Some(bag) = range.and_then(|(start, end)| indices.get(start..end)) else {
            return Err(OpError::Unsupported(
                "embedding_bag with these offsets".into(),
            ));
        };
        let mut rows = Vec::with_capacity(bag.len());
        for (place, &index) in bag.iter().enumerate() {
            match usize::try_from(index) {
                Ok(row) if row < count => rows.push((row, Some(index) != padding)),
                _ => {
                    return Err(OpError::runtime(format!(
                        "Index {} of input takes value {index} which is not in the valid range [0, {count})",
                        start as usize + place
                    )));
                }
            }
        }
        bags.push(
            rows.into_iter()
                .filter(|(_, counts)| *counts)
                .map(|(row, _)| row)
                .collect(),
        );
    }
    Ok(bags)
}
fn bag_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    let (weight, indices, offsets) = (args.tensor(0)?, args.tensor(1)?, args.tensor(2)?);
    if indices.dtype != Dtype::I64 {
        return Err(OpError::runtime(format!(
            "Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; but got torch.{}Tensor instead (while checking arguments for embedding_bag)",
            indices.dtype.scalar_name()
        )));
    }
    if offsets.dtype != Dtype::I64 || weight.ndim() != 2 || !weight.dtype.is_floating() {
        return Err(OpError::Unsupported("embedding_bag of these dtypes".into()));
    }
    Ok(vec![fresh(
        weight.dtype,
        &[offsets.numel(), weight.shape[1]][..],
    )?])
}
fn bag_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let meta = kit::inferred(bag_infer, args)?;
    let args = Args(args);
    let weight = args.tensor(0)?;
    let (values, width) = (weight.values_as::<f64>(), weight.shape()[1]);
    let mean = args.text(3, "mean") == "mean";
    let mut result = vec![0.0; meta.numel()];
    for (nth, bag) in bags(args, weight.shape()[0])?.iter().enumerate() {
        let share = if mean {
            1.0 / bag.len().max(1) as f64
        } else {
            1.0
        };
        for &row in bag {
            (0..width).for_each(|at| result[nth * width + at] += share * values[row * width + at]);
        }
    }
    Ok(vec![
        Array::from_vec::<f64>(meta.shape, result).cast(meta.dtype),
    ])
}
/// The gradient of each bag for each of its indices; padding gets none.
fn bag_rows_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let (grad, indices) = (Args(args).tensor(0)?, Args(args).tensor(1)?);
    let width = grad.shape.last().copied().unwrap_or(1);
    Ok(vec![fresh(grad.dtype, &[indices.numel(), width][..])?])
}
fn bag_rows(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let meta = kit::inferred(bag_rows_infer, args)?;
    let args = Args(args);
    let (grads, indices) = (
        args.tensor(0)?.values_as::<f64>(),
        args.tensor(1)?.values::<i64>(),
    );
    let (offsets, padding) = (args.tensor(2)?.values::<i64>(), args.opt_int(4));
    let (width, mean) = (meta.shape[1], args.text(3, "mean") == "mean");
    let mut result = vec![0.0; meta.numel()];
    for (nth, &start) in offsets.iter().enumerate() {
        let end = offsets
            .get(nth + 1)
            .map_or(indices.len(), |&end| end as usize);
        let places: Vec<usize> = (start as usize..end)
            .filter(|&at| Some(indices[at]) != padding)
            .collect();
        let share = if mean {
            1.0 / places.len().max(1) as f64
        } else {
            1.0
        };
        for place in places {
            (0..width).for_each(|at| result[place * width + at] = share * grads[nth * width + at]);
        }
    }
    Ok(vec![
        Array::from_vec::<f64>(meta.shape, result).cast(meta.dtype),
    ])
}
fn bag_formula(b: &mut dyn Backward) -> Grads {
    let (grad, indices, weight) = (grad(b)?, b.input(1)?, kit::input_meta(b, 0)?);
    // The offsets are a value that the prelude made: its numbers are the bags' own.
    let offsets = b.input(2)?;
    let args = vec![
        t(grad),
        t(indices),
        t(offsets),
        kit::same(b, 3),
        kit::same(b, 4),
    ];
    let rows = kit::call(b, "_embedding_bag_rows", args)?;
    let sizes = kit::shape(&weight.shape);
    let args = vec![t(rows), t(indices), sizes, kit::n(-1)];
    Ok(vec![Some(kit::call(b, "embedding_dense_backward", args)?)])
}

fn noise_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    let meta = args.tensor(0)?;
    if !meta.dtype.is_floating() {
        return Err(OpError::Raises(
            Exception::NotImplementedError,
            format!(
                "\"rrelu_with_noise_out_cpu\" not implemented for '{}'",
                meta.dtype.scalar_name()
            ),
        ));
    }
    if args.float(1, 0.125) > args.float(2, 1.0 / 3.0) {
        return Err(OpError::runtime(
            "Lower bound should be less than or equal to the upper bound",
        ));
    }
    Ok(vec![fresh(meta.dtype, meta.shape.clone())?])
}
/// A slope drawn for each element that is not positive; one for the others.
fn noise_forward(args: &[Arg<Array>], rng: &mut Rng) -> Result<Vec<Array>, OpError> {
    let args = Args(args);
    let array = args.tensor(0)?;
    let (low, high) = (args.float(1, 0.125), args.float(2, 1.0 / 3.0));
    let training = args.flag(3, false);
    let draw = |&x: &f64| {
        if !training {
            (low + high) / 2.0
        } else if x <= 0.0 {
            rng.uniform_f64() * (high - low) + low
        } else {
            1.0
        }
    };
    let values = array.values_as::<f64>().iter().map(draw).collect();
    Ok(vec![
        Array::from_vec::<f64>(array.meta.shape.clone(), values).cast(array.dtype()),
    ])
}
fn rrelu_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let (array, noise) = (Args(args).tensor(0)?, Args(args).tensor(1)?);
    let shape: Shape = array.meta.shape.clone();
    let values = array
        .values_as::<f64>()
        .iter()
        .zip(noise.values_as::<f64>().iter())
        .map(|(x, slope)| if *x <= 0.0 { x * slope } else { *x })
        .collect();
    Ok(vec![
        Array::from_vec::<f64>(shape, values).cast(array.dtype()),
    ])
}
fn rrelu_formula(b: &mut dyn Backward) -> Grads {
    let (grad, noise) = (grad(b)?, b.input(1)?);
    if Args(b.args()).flag(4, false) {
        return Ok(vec![Some(kit::mul(b, grad, noise)?)]);
    }
    let x = b.input(0)?;
    let positive = kit::call(b, "gt", vec![t(x), kit::n(0)])?;
    let steep = kit::mul(b, grad, noise)?;
    let part = kit::call(b, "where", vec![t(positive), t(grad), t(steep)])?;
    Ok(vec![Some(kit::call(b, "_linked", vec![t(part), t(x)])?)])
}
