//! Linear maps in which each result is a sum of few arguments: flips, pads, pools, interpolation. One description a
//! map, from which the operator, its gradient, and the gradient's gradient are computed.

use super::array::Array;
use super::kernel::{floating_only, not_for_bool, refused_by};
use super::kernels::{self, ravel, unravel};
use super::layout::{self, wrap_dim};
use super::meta::{Dtype, Meta, Shape};
use super::row::OpError;

/// For each element of the result, the elements of the argument that it is made of, and how much of each.
pub struct Sparse {
    /// The sizes of the result.
    pub shape: Shape,
    entries: Vec<(usize, f64)>,
    /// Where the entries of each element end.
    ends: Vec<usize>,
}

impl Sparse {
    /// A map of at most one argument for each result, whole.
    fn picking(shape: Shape, from: impl Fn(&[usize]) -> Option<usize>) -> Sparse {
        Sparse::summing(shape, |index, entries| {
            entries.extend(from(index).map(|place| (place, 1.0)))
        })
    }
    fn summing(shape: Shape, of: impl Fn(&[usize], &mut Vec<(usize, f64)>)) -> Sparse {
        let numel = shape.iter().product();
        let (mut entries, mut ends) = (vec![], Vec::with_capacity(numel));
        for place in 0..numel {
            of(&unravel(place, &shape), &mut entries);
            ends.push(entries.len());
        }
        Sparse {
            shape,
            entries,
            ends,
        }
    }
    fn of(&self, place: usize) -> &[(usize, f64)] {
        let start = if place == 0 { 0 } else { self.ends[place - 1] };
        &self.entries[start..self.ends[place]]
    }
    /// The result.
    pub fn apply(&self, array: &Array) -> Array {
        if self.entries.iter().all(|entry| entry.1 == 1.0)
            && (0..self.ends.len()).all(|place| self.of(place).len() <= 1)
        {
            return kernels::gather(array, &self.shape, |place| {
                self.of(place).first().map(|entry| entry.0)
            });
        }
        let values = array.values_as::<f64>();
        let sums = (0..self.ends.len()).map(|place| {
            self.of(place)
                .iter()
                .map(|&(from, part)| values[from] * part)
                .sum()
        });
        Array::from_vec::<f64>(self.shape.clone(), sums.collect()).cast(array.dtype())
    }
    /// The adjoint: what flows back from a gradient of the result to an argument of `shape`.
    pub fn apply_adjoint(&self, grad: &Array, shape: &[usize]) -> Array {
        let mut sums = vec![0.0; shape.iter().product()];
        for (place, &value) in grad.values_as::<f64>().iter().enumerate() {
            for &(to, part) in self.of(place) {
                sums[to] += value * part;
            }
        }
        Array::from_vec::<f64>(shape, sums).cast(grad.dtype())
    }
}

/// The map of this kind for an argument of these sizes. `p` are its numbers, as the row of that name says.
pub fn sparse(kind: &str, sizes: &[usize], p: &[i64]) -> Result<Sparse, OpError> {
    match kind {
        "flip" => flip(sizes, p),
        "roll" => roll(sizes, p),
        "rot90" => rot90(sizes, p),
        "tril" => triangle(sizes, p, |below, k| below >= k.saturating_neg()),
        "triu" => triangle(sizes, p, |below, k| below <= k.saturating_neg()),
        "diag_embed" => diag_embed(sizes, p),
        "pixel_shuffle" => pixel_shuffle(sizes, p),
        "pixel_unshuffle" => pixel_unshuffle(sizes, p),
        "pad" => pad(sizes, p, |_, _| None),
        "reflect" => pad(sizes, p, |at, size| {
            Some(if at < 0 { -at } else { 2 * (size - 1) - at })
        }),
        "replicate" => pad(sizes, p, |at, size| Some(at.clamp(0, size - 1))),
        "nearest" => nearest(sizes, p),
        "linear" => linear(sizes, p),
        "im2col" => im2col(sizes, p),
        "avg_pool" => avg_pool(sizes, p),
        "adaptive_avg_pool" => adaptive(sizes, p),
        _ => Err(OpError::Unsupported(format!(
            "a linear map of the kind `{kind}`"
        ))),
    }
}

/// The sizes of the result of such a map.
pub fn result_shape(kind: &str, sizes: &[usize], p: &[i64]) -> Result<Shape, OpError> {
    let shape = match kind {
        "flip" | "roll" | "tril" | "triu" => sizes.into(),
        "rot90" => rotated(sizes, p)?.1,
        "diag_embed" => embedded(sizes, p)?.0,
        "pixel_shuffle" => shuffled(sizes, p),
        "pixel_unshuffle" => unshuffled(sizes, p),
        "pad" | "reflect" | "replicate" => padded(sizes, p)?,
        "nearest" => with_last(sizes, p),
        "linear" => with_last(sizes, &p[1..]),
        "im2col" => blocks(sizes, p).0,
        "avg_pool" => pooled(sizes, p),
        "adaptive_avg_pool" => with_last(sizes, p),
        _ => {
            return Err(OpError::Unsupported(format!(
                "a linear map of the kind `{kind}`"
            )));
        }
    };
    layout::checked_numel(&shape)?;
    Ok(shape)
}

/// `sizes` with the last dimensions replaced.
fn with_last(sizes: &[usize], last: &[i64]) -> Shape {
    let mut shape: Shape = sizes.into();
    let lead = sizes.len() - last.len();
    shape
        .iter_mut()
        .skip(lead)
        .zip(last)
        .for_each(|(size, &new)| *size = new.max(0) as usize);
    shape
}

fn flip(sizes: &[usize], dims: &[i64]) -> Result<Sparse, OpError> {
    let dims = layout::wrap_dims(dims, sizes.len())?;
    Ok(Sparse::picking(sizes.into(), |index| {
        let mut from: Shape = index.into();
        dims.iter()
            .filter(|dim| **dim < sizes.len())
            .for_each(|&dim| from[dim] = sizes[dim] - 1 - from[dim]);
        Some(ravel(&from, sizes))
    }))
}
/// Shifts first, then as many dimensions; one shift alone rolls all elements in order.
fn roll(sizes: &[usize], p: &[i64]) -> Result<Sparse, OpError> {
    if let [shift] = p {
        let count = sizes.iter().product::<usize>();
        return Ok(Sparse::picking(sizes.into(), |index| {
            Some(
                (ravel(index, sizes) as i64 - shift.rem_euclid(count as i64))
                    .rem_euclid(count as i64) as usize,
            )
        }));
    }
    let (shifts, dims) = p.split_at(p.len() / 2);
    let dims = dims
        .iter()
        .map(|&dim| wrap_dim(dim, sizes.len()))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Sparse::picking(sizes.into(), |index| {
        let mut from: Shape = index.into();
        for (&shift, &dim) in shifts.iter().zip(&dims) {
            if let Some(at) = from.get_mut(dim) {
                *at = (*at as i64 - shift.rem_euclid(sizes[dim] as i64))
                    .rem_euclid(sizes[dim] as i64) as usize;
            }
        }
        Some(ravel(&from, sizes))
    }))
}
fn rotated(sizes: &[usize], p: &[i64]) -> Result<([usize; 2], Shape), OpError> {
    let (first, second) = (wrap_dim(p[1], sizes.len())?, wrap_dim(p[2], sizes.len())?);
    let mut shape: Shape = sizes.into();
    if p[0].rem_euclid(2) == 1 {
        shape.swap(first, second);
    }
    Ok(([first, second], shape))
}
fn rot90(sizes: &[usize], p: &[i64]) -> Result<Sparse, OpError> {
    let ([first, second], shape) = rotated(sizes, p)?;
    let turns = p[0].rem_euclid(4);
    Ok(Sparse::picking(shape, |index| {
        let mut from: Shape = index.into();
        let (i, j) = (index[first], index[second]);
        (from[first], from[second]) = match turns {
            1 => (j, sizes[second] - 1 - i),
            2 => (sizes[first] - 1 - i, sizes[second] - 1 - j),
            3 => (sizes[first] - 1 - j, i),
            _ => (i, j),
        };
        Some(ravel(&from, sizes))
    }))
}
fn triangle(
    sizes: &[usize],
    p: &[i64],
    keep: impl Fn(i64, i64) -> bool,
) -> Result<Sparse, OpError> {
    let k = p[0];
    Ok(Sparse::picking(sizes.into(), |index| {
        let [.., row, column] = index else {
            return None;
        };
        keep(*row as i64 - *column as i64, k).then(|| ravel(index, sizes))
    }))
}
/// The result's sizes, and the two dimensions of the diagonal.
fn embedded(sizes: &[usize], p: &[i64]) -> Result<(Shape, usize, usize), OpError> {
    let ndim = sizes.len() + 1;
    let (first, second) = (wrap_dim(p[1], ndim)?, wrap_dim(p[2], ndim)?);
    if first == second {
        return Err(OpError::runtime(format!(
            "diagonal dimensions cannot be identical {}, {}",
            p[1], p[2]
        )));
    }
    let Some((&length, rest)) = sizes.split_last() else {
        return Err(OpError::Unsupported("diag_embed of a number".into()));
    };
    let side = length.saturating_add(p[0].unsigned_abs() as usize);
    let mut shape: Shape = rest.into();
    shape.insert(first.min(second), side);
    shape.insert(first.max(second), side);
    Ok((shape, first, second))
}
fn diag_embed(sizes: &[usize], p: &[i64]) -> Result<Sparse, OpError> {
    let (shape, first, second) = embedded(sizes, p)?;
    Ok(Sparse::picking(shape, |index| {
        let (row, column) = (index[first] as i64, index[second] as i64);
        let along = (column - row == p[0]).then(|| if p[0] >= 0 { row } else { column })?;
        let mut from: Shape = index
            .iter()
            .enumerate()
            .filter(|(dim, _)| *dim != first && *dim != second)
            .map(|(_, &at)| at)
            .collect();
        from.push(along as usize);
        Some(ravel(&from, sizes))
    }))
}
fn shuffled(sizes: &[usize], p: &[i64]) -> Shape {
    let (r, n) = (p[0] as usize, sizes.len());
    let mut shape: Shape = sizes.into();
    shape[n - 3] /= r * r;
    shape[n - 2] *= r;
    shape[n - 1] *= r;
    shape
}
fn pixel_shuffle(sizes: &[usize], p: &[i64]) -> Result<Sparse, OpError> {
    let (r, n) = (p[0] as usize, sizes.len());
    Ok(Sparse::picking(shuffled(sizes, p), |index| {
        let mut from: Shape = index.into();
        let (row, column) = (index[n - 2], index[n - 1]);
        from[n - 3] = index[n - 3] * r * r + row % r * r + column % r;
        (from[n - 2], from[n - 1]) = (row / r, column / r);
        Some(ravel(&from, sizes))
    }))
}
fn unshuffled(sizes: &[usize], p: &[i64]) -> Shape {
    let (r, n) = (p[0] as usize, sizes.len());
    let mut shape: Shape = sizes.into();
    shape[n - 3] *= r * r;
    shape[n - 2] /= r;
    shape[n - 1] /= r;
    shape
}
fn pixel_unshuffle(sizes: &[usize], p: &[i64]) -> Result<Sparse, OpError> {
    let (r, n) = (p[0] as usize, sizes.len());
    Ok(Sparse::picking(unshuffled(sizes, p), |index| {
        let mut from: Shape = index.into();
        let (channel, within) = (index[n - 3] / (r * r), index[n - 3] % (r * r));
        from[n - 3] = channel;
        from[n - 2] = index[n - 2] * r + within / r;
        from[n - 1] = index[n - 1] * r + within % r;
        Some(ravel(&from, sizes))
    }))
}
/// Pads come in pairs, the last dimension first.
fn pads(dim: usize, ndim: usize, p: &[i64]) -> (i64, i64) {
    let pair = (ndim - 1 - dim) * 2;
    (
        p.get(pair).copied().unwrap_or(0),
        p.get(pair + 1).copied().unwrap_or(0),
    )
}
fn padded(sizes: &[usize], p: &[i64]) -> Result<Shape, OpError> {
    let grown = sizes.iter().enumerate().map(|(dim, &size)| {
        let (before, after) = pads(dim, sizes.len(), p);
        let size = (size as i64).saturating_add(before).saturating_add(after);
        usize::try_from(size)
            .map_err(|_| OpError::runtime("narrow(): length must be non-negative."))
    });
    grown.collect()
}
/// `outside` says which element stands for one outside of a dimension, given its size.
fn pad(
    sizes: &[usize],
    p: &[i64],
    outside: impl Fn(i64, i64) -> Option<i64>,
) -> Result<Sparse, OpError> {
    Ok(Sparse::picking(padded(sizes, p)?, |index| {
        let mut from: Shape = index.into();
        for (dim, at) in from.iter_mut().enumerate() {
            let (size, place) = (
                sizes[dim] as i64,
                (*at as i64).saturating_sub(pads(dim, sizes.len(), p).0),
            );
            *at = if (0..size).contains(&place) {
                place
            } else {
                outside(place, size)?
            } as usize;
        }
        Some(ravel(&from, sizes))
    }))
}
fn nearest(sizes: &[usize], p: &[i64]) -> Result<Sparse, OpError> {
    let (shape, lead) = (with_last(sizes, p), sizes.len() - p.len());
    Ok(Sparse::picking(shape.clone(), |index| {
        let mut from: Shape = index.into();
        for dim in lead..sizes.len() {
            let scale = sizes[dim] as f32 / shape[dim] as f32;
            from[dim] = ((index[dim] as f32 * scale) as usize).min(sizes[dim] - 1);
        }
        Some(ravel(&from, sizes))
    }))
}
/// The two neighbours of a place in the dimension it is interpolated from, and the share of the second.
fn neighbours(at: usize, from: usize, to: usize, align: bool) -> (usize, usize, f64) {
    let place = if align {
        if to > 1 {
            at as f64 * (from - 1) as f64 / (to - 1) as f64
        } else {
            0.0
        }
    } else {
        ((at as f64 + 0.5) * from as f64 / to as f64 - 0.5).max(0.0)
    };
    let first = (place as usize).min(from - 1);
    (first, (first + 1).min(from - 1), place - first as f64)
}
/// Whether corners are aligned, then the sizes.
fn linear(sizes: &[usize], p: &[i64]) -> Result<Sparse, OpError> {
    let (align, p) = (p[0] != 0, &p[1..]);
    let (shape, lead) = (with_last(sizes, p), sizes.len() - p.len());
    Ok(Sparse::summing(shape.clone(), |index, entries| {
        let mut parts: Vec<(Shape, f64)> = vec![(index.into(), 1.0)];
        for dim in lead..sizes.len() {
            let (first, second, share) = neighbours(index[dim], sizes[dim], shape[dim], align);
            parts = parts
                .into_iter()
                .flat_map(|(from, part)| {
                    [(first, 1.0 - share), (second, share)].map(|(at, share)| {
                        let mut from = from.clone();
                        from[dim] = at;
                        (from, part * share)
                    })
                })
                .collect();
        }
        entries.extend(
            parts
                .into_iter()
                .map(|(from, part)| (ravel(&from, sizes), part)),
        );
    }))
}
/// The sizes of the columns, and the number of blocks along height and width.
/// `p`: kernel, dilation, padding, stride, each for height and width.
fn blocks(sizes: &[usize], p: &[i64]) -> (Shape, [usize; 2]) {
    let n = sizes.len();
    let count = |which: usize| {
        let size =
            sizes[n - 2 + which] as i64 + 2 * p[4 + which] - p[2 + which] * (p[which] - 1) - 1;
        (size / p[6 + which] + 1).max(0) as usize
    };
    let counts = [count(0), count(1)];
    let mut shape: Shape = sizes[..n - 3].into();
    shape.push(sizes[n - 3].saturating_mul((p[0] * p[1]) as usize));
    shape.push(counts[0].saturating_mul(counts[1]));
    (shape, counts)
}
/// The number of sliding blocks of `im2col`.
pub fn block_counts(sizes: &[usize], p: &[i64]) -> [usize; 2] {
    blocks(sizes, p).1
}
fn im2col(sizes: &[usize], p: &[i64]) -> Result<Sparse, OpError> {
    let (shape, counts) = blocks(sizes, p);
    let n = sizes.len();
    Ok(Sparse::picking(shape, |index| {
        let lead = n - 3;
        let (row, block) = (index[lead], index[lead + 1]);
        let (height, width) = (p[0] as usize, p[1] as usize);
        let (channel, within) = (row / (height * width), row % (height * width));
        let offset = [within / width, within % width];
        let at = [block / counts[1], block % counts[1]];
        let mut from: Shape = index[..lead].into();
        from.push(channel);
        for which in 0..2 {
            let place = at[which] as i64 * p[6 + which] - p[4 + which]
                + offset[which] as i64 * p[2 + which];
            let inside = (0..sizes[n - 2 + which] as i64).contains(&place);
            from.push(inside.then_some(place as usize)?);
        }
        Some(ravel(&from, sizes))
    }))
}
/// The size of a dimension after a pool.
pub fn pool_size(
    size: i64,
    kernel: i64,
    stride: i64,
    padding: i64,
    dilation: i64,
    ceil: bool,
) -> i64 {
    let span = size + 2 * padding - dilation * (kernel - 1) - 1 + if ceil { stride - 1 } else { 0 };
    let count = span.div_euclid(stride) + 1;
    // The last window must start inside, or in the padding before.
    if ceil && (count - 1) * stride >= size + padding {
        count - 1
    } else {
        count
    }
}
/// `p`: kernel, stride, padding, each for height and width; rounding up; whether padding counts; divisor or zero.
fn pooled(sizes: &[usize], p: &[i64]) -> Shape {
    let n = sizes.len();
    let size = |which: usize| {
        pool_size(
            sizes[n - 2 + which] as i64,
            p[which],
            p[2 + which],
            p[4 + which],
            1,
            p[6] != 0,
        )
    };
    with_last(sizes, &[size(0), size(1)])
}
fn avg_pool(sizes: &[usize], p: &[i64]) -> Result<Sparse, OpError> {
    let n = sizes.len();
    Ok(Sparse::summing(pooled(sizes, p), |index, entries| {
        let (mut window, mut count) = ([(0, 0); 2], 1);
        let mut inside = 1;
        for which in 0..2 {
            let size = sizes[n - 2 + which] as i64;
            let start = index[n - 2 + which] as i64 * p[2 + which] - p[4 + which];
            let end = (start + p[which]).min(size + p[4 + which]);
            count *= end - start;
            window[which] = (start.max(0) as usize, end.min(size).max(0) as usize);
            inside *= window[which].1 as i64 - window[which].0 as i64;
        }
        let divisor = if p[8] != 0 {
            p[8]
        } else if p[7] != 0 {
            count
        } else {
            inside
        };
        window_entries(index, sizes, window, divisor as f64, entries);
    }))
}
fn window_entries(
    index: &[usize],
    sizes: &[usize],
    window: [(usize, usize); 2],
    divisor: f64,
    entries: &mut Vec<(usize, f64)>,
) {
    let n = sizes.len();
    let mut from: Shape = index.into();
    for row in window[0].0..window[0].1 {
        for column in window[1].0..window[1].1 {
            (from[n - 2], from[n - 1]) = (row, column);
            entries.push((ravel(&from, sizes), 1.0 / divisor));
        }
    }
}
/// The window that an adaptive pool looks at.
pub fn adaptive_window(at: usize, from: usize, to: usize) -> (usize, usize) {
    (at * from / to, ((at + 1) * from).div_ceil(to))
}
fn adaptive(sizes: &[usize], p: &[i64]) -> Result<Sparse, OpError> {
    let (shape, n) = (with_last(sizes, p), sizes.len());
    Ok(Sparse::summing(shape.clone(), |index, entries| {
        let window = [n - 2, n - 1].map(|dim| adaptive_window(index[dim], sizes[dim], shape[dim]));
        let count = (window[0].1 - window[0].0) * (window[1].1 - window[1].0);
        window_entries(index, sizes, window, count as f64, entries);
    }))
}

/// What the kernel of a map says of integers and bools.
pub fn check_type(kind: &str, meta: &Meta) -> Result<(), OpError> {
    let dtype = meta.dtype;
    match kind {
        "avg_pool" => not_for_bool("avg_pool2d", dtype),
        "adaptive_avg_pool" => floating_only("adaptive_avg_pool2d", dtype),
        "reflect" => not_for_bool(
            of_dims(
                meta,
                ["reflection_pad1d", "reflection_pad2d", "reflection_pad3d"],
            ),
            dtype,
        ),
        "replicate" => not_for_bool(
            of_dims(
                meta,
                [
                    "replication_pad1d",
                    "replication_pad2d",
                    "replication_pad3d",
                ],
            ),
            dtype,
        ),
        "nearest" => floating_only(
            of_dims(
                meta,
                [
                    "compute_indices_weights_nearest",
                    "upsample_nearest2d_channels_last",
                    "compute_indices_weights_nearest",
                ],
            ),
            dtype,
        ),
        "linear" => floating_only(
            of_dims(
                meta,
                [
                    "compute_indices_weights_linear",
                    "upsample_bilinear2d_channels_last",
                    "compute_indices_weights_linear",
                ],
            ),
            dtype,
        ),
        // Measured: bools are taken.
        "im2col" if dtype == Dtype::I64 => Err(refused_by("im2col_out_cpu", dtype)),
        _ => Ok(()),
    }
}
/// By the dimensions of the input, without batch and channels.
fn of_dims<'n>(meta: &Meta, names: [&'n str; 3]) -> &'n str {
    names[meta.ndim().saturating_sub(3).min(2)]
}
