//! Layouts: where a view of a tensor lies in its storage, and whether there is one. Pure arithmetic on sizes and
//! strides, with PyTorch's refusals.

use smallvec::SmallVec;

pub use super::broadcast::{broadcast, wrap_dim};
use super::meta::{Meta, Shape, contiguous_strides, sizes};
use super::row::OpError;

/// No tensor may have more elements than this; larger sizes are refused before anything is allocated.
pub const MAX_NUMEL: usize = 1 << 31;

/// No tensor is split into more parts than this.
pub const MAX_PARTS: i64 = 1 << 16;

/// `[2, -1]`, as PyTorch writes a list of integers.
pub fn list(values: &[i64]) -> String {
    let parts: Vec<String> = values.iter().map(ToString::to_string).collect();
    format!("[{}]", parts.join(", "))
}

/// Several dimensions, none of them twice.
pub fn wrap_dims(dims: &[i64], ndim: usize) -> Result<SmallVec<[usize; 4]>, OpError> {
    let mut wrapped = SmallVec::new();
    for &dim in dims {
        let dim = wrap_dim(dim, ndim)?;
        if wrapped.contains(&dim) {
            return Err(OpError::runtime(format!(
                "dim {dim} appears multiple times in the list of dims"
            )));
        }
        wrapped.push(dim);
    }
    Ok(wrapped)
}

/// Sizes from a script, which may be negative or too large.
pub fn checked_shape(dims: &[i64]) -> Result<Shape, OpError> {
    let mut shape = Shape::new();
    for &dim in dims {
        let Ok(size) = usize::try_from(dim) else {
            return Err(OpError::runtime(format!(
                "Trying to create tensor with negative dimension {dim}: {}",
                list(dims)
            )));
        };
        shape.push(size);
    }
    checked_numel(&shape)?;
    Ok(shape)
}

/// The number of elements, unless there are too many of them to model. An empty tensor counts by its other sizes, so
/// that its strides can be said.
pub fn checked_numel(shape: &[usize]) -> Result<usize, OpError> {
    let mut span = 1usize;
    for &size in shape {
        span = span
            .checked_mul(size.max(1))
            .filter(|&n| n <= MAX_NUMEL)
            .ok_or_else(too_large)?;
    }
    Ok(if shape.contains(&0) { 0 } else { span })
}

fn too_large() -> OpError {
    OpError::Unsupported("a tensor of more than 2^31 elements".into())
}

/// The sizes that `view` and `reshape` are asked for, with `-1` worked out.
pub fn infer_size(shape: &[i64], numel: usize) -> Result<Shape, OpError> {
    let mut unknown = None;
    let mut known = 1i64;
    for (place, &size) in shape.iter().enumerate() {
        if size == -1 {
            if unknown.replace(place).is_some() {
                return Err(OpError::runtime("only one dimension can be inferred"));
            }
        } else if size < 0 {
            return Err(OpError::runtime(format!(
                "invalid shape dimension {size} at index {place} of shape {}",
                list(shape)
            )));
        } else {
            known = known.checked_mul(size).ok_or_else(too_large)?;
        }
    }
    let known = known as usize;
    let fits = known == numel || (unknown.is_some() && known > 0 && numel.is_multiple_of(known));
    if !fits {
        return Err(OpError::runtime(format!(
            "shape '{}' is invalid for input of size {numel}",
            list(shape)
        )));
    }
    let mut result: Shape = shape.iter().map(|&size| size.max(0) as usize).collect();
    if let Some(place) = unknown {
        if known == 0 {
            return Err(OpError::runtime(format!(
                "cannot reshape tensor of 0 elements into shape {} because the unspecified dimension size -1 can be any value and is ambiguous",
                list(shape)
            )));
        }
        result[place] = numel / known;
    }
    Ok(result)
}

/// The strides with which the elements of `meta` can be seen in `shape` without a copy, if there are any.
pub fn view_strides(meta: &Meta, shape: &[usize]) -> Option<Shape> {
    if meta.numel() == 0 {
        return Some(if meta.shape[..] == *shape {
            meta.strides.clone()
        } else {
            contiguous_strides(shape)
        });
    }
    if meta.shape.is_empty() {
        return Some(SmallVec::from_elem(1, shape.len()));
    }
    // Dimensions that lie together form a chunk; each chunk must be filled by whole dimensions of the new shape.
    let mut strides: Shape = SmallVec::from_elem(0, shape.len());
    let mut rest = shape.len();
    let mut base = *meta.strides.last()?;
    let (mut chunk, mut filled) = (1, 1);
    for dim in (0..meta.ndim()).rev() {
        chunk *= meta.shape[dim];
        let ends = dim == 0 || (meta.shape[dim - 1] != 1 && meta.strides[dim - 1] != chunk * base);
        if !ends {
            continue;
        }
        while rest > 0 && (filled < chunk || shape[rest - 1] == 1) {
            rest -= 1;
            strides[rest] = filled * base;
            filled *= shape[rest];
        }
        if filled != chunk {
            return None;
        }
        if dim > 0 {
            base = meta.strides[dim - 1];
            (chunk, filled) = (1, 1);
        }
    }
    (rest == 0).then_some(strides)
}

/// What `reshape` comes to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reshape {
    /// The row `view` with these sizes.
    View(Shape),
    /// The row `_reshape_alias` with these sizes: a view too, of a tensor that is not contiguous.
    Alias(Shape),
    /// `clone`, then `_unsafe_view` of the copy with these sizes.
    Copy(Shape),
}

/// How `reshape` goes about it, as PyTorch does.
pub fn reshape_plan(meta: &Meta, shape: &[i64]) -> Result<Reshape, OpError> {
    let shape = infer_size(shape, meta.numel())?;
    if meta.is_contiguous() {
        return Ok(Reshape::View(shape));
    }
    Ok(match view_strides(meta, &shape) {
        Some(_) => Reshape::Alias(shape),
        None => Reshape::Copy(shape),
    })
}

/// `view`
pub fn view(meta: &Meta, shape: &[i64]) -> Result<Meta, OpError> {
    let shape = infer_size(shape, meta.numel())?;
    let strides = view_strides(meta, &shape).ok_or_else(|| {
        OpError::runtime(
            "view size is not compatible with input tensor's size and stride (at least one dimension spans across two contiguous subspaces). Use .reshape(...) instead.",
        )
    })?;
    Ok(Meta {
        dtype: meta.dtype,
        shape,
        strides,
        offset: meta.offset,
    })
}

/// `transpose`
pub fn transpose(meta: &Meta, first: i64, second: i64) -> Result<Meta, OpError> {
    let (first, second) = (
        wrap_dim(first, meta.ndim())?,
        wrap_dim(second, meta.ndim())?,
    );
    let mut result = meta.clone();
    if meta.ndim() > 0 {
        result.shape.swap(first, second);
        result.strides.swap(first, second);
    }
    Ok(result)
}

/// `t`
pub fn t(meta: &Meta) -> Result<Meta, OpError> {
    match meta.ndim() {
        0 | 1 => Ok(meta.clone()),
        2 => transpose(meta, 0, 1),
        ndim => Err(OpError::runtime(format!(
            "t() expects a tensor with <= 2 dimensions, but self is {ndim}D"
        ))),
    }
}

/// `permute`
pub fn permute(meta: &Meta, dims: &[i64]) -> Result<Meta, OpError> {
    if dims.len() != meta.ndim() {
        return Err(OpError::runtime(format!(
            "permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired ordering of dimensions i.e. input.dim() = {} is not equal to len(dims) = {}",
            meta.ndim(),
            dims.len()
        )));
    }
    let mut order: SmallVec<[usize; 4]> = SmallVec::new();
    for &dim in dims {
        let dim = wrap_dim(dim, meta.ndim())?;
        if order.contains(&dim) {
            return Err(OpError::runtime(
                "permute(): duplicate dims are not allowed.",
            ));
        }
        order.push(dim);
    }
    Ok(pick(meta, &order))
}

/// The dimensions of `meta` in another order.
fn pick(meta: &Meta, order: &[usize]) -> Meta {
    Meta {
        dtype: meta.dtype,
        shape: order.iter().map(|&dim| meta.shape[dim]).collect(),
        strides: order.iter().map(|&dim| meta.strides[dim]).collect(),
        offset: meta.offset,
    }
}

/// The order of dimensions that `movedim` asks for.
pub fn movedim_order(
    ndim: usize,
    source: &[i64],
    destination: &[i64],
) -> Result<Vec<usize>, OpError> {
    if source.len() != destination.len() {
        return Err(OpError::runtime(format!(
            "movedim: Invalid source or destination dims: source ({} dims) should contain the same number of dims as destination ({} dims)",
            list(source),
            list(destination)
        )));
    }
    let wrap = |dims: &[i64]| -> Result<Vec<usize>, OpError> {
        let wrapped = dims
            .iter()
            .map(|&dim| wrap_dim(dim, ndim))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(wrapped)
    };
    let distinct = |wrapped: Vec<usize>, dims: &[i64], name: &str| -> Result<Vec<usize>, OpError> {
        let twice = (1..wrapped.len()).any(|place| wrapped[..place].contains(&wrapped[place]));
        if twice {
            return Err(OpError::runtime(format!(
                "movedim: repeated dim in `{name}` ({})",
                list(dims)
            )));
        }
        Ok(wrapped)
    };
    let (source, destination) = ((wrap(source)?, source), (wrap(destination)?, destination));
    let source = distinct(source.0, source.1, "source")?;
    let destination = distinct(destination.0, destination.1, "destination")?;
    let mut rest = (0..ndim).filter(|dim| !source.contains(dim));
    Ok((0..ndim)
        .filter_map(
            |place| match destination.iter().position(|&dim| dim == place) {
                Some(which) => source.get(which).copied(),
                None => rest.next(),
            },
        )
        .collect())
}

/// `movedim`
pub fn movedim(meta: &Meta, source: &[i64], destination: &[i64]) -> Result<Meta, OpError> {
    if meta.ndim() == 0 {
        movedim_order(0, source, destination)?;
        return Ok(meta.clone());
    }
    Ok(pick(
        meta,
        &movedim_order(meta.ndim(), source, destination)?,
    ))
}

/// `squeeze` of the given dimensions, or of all.
pub fn squeeze(meta: &Meta, dims: Option<&[i64]>) -> Result<Meta, OpError> {
    let chosen = match dims {
        None => (0..meta.ndim()).collect(),
        Some(dims) => wrap_dims(dims, meta.ndim())?,
    };
    let keep: Vec<usize> = (0..meta.ndim())
        .filter(|dim| meta.shape[*dim] != 1 || !chosen.contains(dim))
        .collect();
    Ok(pick(meta, &keep))
}

/// `unsqueeze`
pub fn unsqueeze(meta: &Meta, dim: i64) -> Result<Meta, OpError> {
    let dim = wrap_dim(dim, meta.ndim() + 1)?;
    let stride = if dim < meta.ndim() {
        meta.shape[dim] * meta.strides[dim]
    } else {
        1
    };
    let mut result = meta.clone();
    result.shape.insert(dim, 1);
    result.strides.insert(dim, stride);
    Ok(result)
}

/// `expand`
pub fn expand(meta: &Meta, target: &[i64]) -> Result<Meta, OpError> {
    let ndim = meta.ndim();
    if target.len() < ndim {
        return Err(OpError::runtime(format!(
            "expand(torch.{}Tensor{{{}}}, size={}): the number of sizes provided ({}) must be greater or equal to the number of dimensions in the tensor ({ndim})",
            meta.dtype.scalar_name(),
            meta.sizes(),
            list(target),
            target.len()
        )));
    }
    let lead = target.len() - ndim;
    let (mut shape, mut strides) = (
        Shape::from_elem(0, target.len()),
        Shape::from_elem(0, target.len()),
    );
    // From the last dimension on: that is the one that PyTorch complains of.
    for (place, &wanted) in target.iter().enumerate().rev() {
        let (size, stride) = if place < lead {
            (1, 0)
        } else {
            (meta.shape[place - lead], meta.strides[place - lead])
        };
        if place < lead && wanted < 0 {
            return Err(OpError::runtime(format!(
                "The expanded size of the tensor ({wanted}) isn't allowed in a leading, non-existing dimension {place}"
            )));
        }
        if place >= lead && (wanted == -1 || wanted == size as i64) {
            (shape[place], strides[place]) = (size, stride);
        } else if size == 1 && wanted >= 0 {
            (shape[place], strides[place]) = (wanted as usize, 0);
        } else {
            return Err(OpError::runtime(format!(
                "The expanded size of the tensor ({wanted}) must match the existing size ({size}) at non-singleton dimension {place}.  Target sizes: {}.  Tensor sizes: {}",
                list(target),
                meta.sizes()
            )));
        }
    }
    checked_numel(&shape)?;
    // New leading dimensions of size one get the stride that a contiguous tensor would have there.
    if ndim > 0 {
        for place in (0..lead).rev().filter(|&place| target[place] == 1) {
            strides[place] = shape[place + 1] * strides[place + 1];
        }
    }
    Ok(Meta {
        dtype: meta.dtype,
        shape,
        strides,
        offset: meta.offset,
    })
}

/// The index counted from the start, if it is inside.
pub fn wrap_index(index: i64, size: usize) -> Option<usize> {
    let size = size as i64;
    (-size..size)
        .contains(&index)
        .then(|| if index < 0 { index + size } else { index } as usize)
}

/// `select`
pub fn select(meta: &Meta, dim: i64, index: i64) -> Result<Meta, OpError> {
    if meta.ndim() == 0 {
        return Err(OpError::index(
            "select() cannot be applied to a 0-dim tensor.",
        ));
    }
    let dim = wrap_dim(dim, meta.ndim())?;
    let index = wrap_index(index, meta.shape[dim]).ok_or_else(|| {
        OpError::index(format!(
            "select(): index {index} out of range for tensor of size {} at dimension {dim}",
            meta.sizes()
        ))
    })?;
    let mut result = meta.clone();
    result.offset += index * meta.strides[dim];
    result.shape.remove(dim);
    result.strides.remove(dim);
    Ok(result)
}

/// The bounds of a slice, clamped to the dimension: the first index and the one past the last.
pub fn slice_bounds(size: usize, start: Option<i64>, end: Option<i64>) -> (usize, usize) {
    let size = size as i64;
    let clamp = |bound: i64| {
        (if bound < 0 {
            bound.saturating_add(size)
        } else {
            bound
        })
        .clamp(0, size)
    };
    let start = clamp(start.unwrap_or(0));
    let end = clamp(end.unwrap_or(size)).max(start);
    (start as usize, end as usize)
}

/// `x[start:end:step]` at a dimension.
pub fn slice(
    meta: &Meta,
    dim: i64,
    start: Option<i64>,
    end: Option<i64>,
    step: i64,
) -> Result<Meta, OpError> {
    if meta.ndim() == 0 {
        return Err(OpError::index(
            "slice() cannot be applied to a 0-dim tensor.",
        ));
    }
    let dim = wrap_dim(dim, meta.ndim())?;
    if step <= 0 {
        return Err(OpError::runtime("slice step must be positive"));
    }
    let (start, end) = slice_bounds(meta.shape[dim], start, end);
    let step = step as usize;
    let mut result = meta.clone();
    result.offset += start * meta.strides[dim];
    result.shape[dim] = (end - start).div_ceil(step);
    result.strides[dim] = meta.strides[dim].saturating_mul(step);
    Ok(result)
}

/// `narrow`: what it refuses, and the bounds of the slice that it is.
pub fn narrow_bounds(
    meta: &Meta,
    dim: i64,
    start: i64,
    length: i64,
) -> Result<(i64, i64), OpError> {
    if meta.ndim() == 0 {
        return Err(OpError::runtime(
            "narrow() cannot be applied to a 0-dim tensor.",
        ));
    }
    if length < 0 {
        return Err(OpError::runtime("narrow(): length must be non-negative."));
    }
    let size = meta.shape[wrap_dim(dim, meta.ndim())?] as i64;
    if start < -size || start > size {
        return Err(OpError::index(format!(
            "start out of range (expected to be in range of [-{size}, {size}], but got {start})"
        )));
    }
    let start = if start < 0 { start + size } else { start };
    if start > size - length {
        return Err(OpError::runtime(format!(
            "start ({start}) + length ({length}) exceeds dimension size ({size})."
        )));
    }
    Ok((start, start + length))
}

/// `diagonal`: the two dimensions, and how far the diagonal starts from the corner and how long it is.
pub fn diagonal(meta: &Meta, offset: i64, dim1: i64, dim2: i64) -> Result<Meta, OpError> {
    let (first, second) = (wrap_dim(dim1, meta.ndim())?, wrap_dim(dim2, meta.ndim())?);
    if first == second || meta.ndim() < 2 {
        return Err(OpError::runtime(format!(
            "diagonal dimensions cannot be identical {dim1}, {dim2}"
        )));
    }
    let (rows, columns) = (meta.shape[first] as i64, meta.shape[second] as i64);
    let length = if offset >= 0 {
        rows.min(columns.saturating_sub(offset))
    } else {
        rows.saturating_add(offset).min(columns)
    }
    .max(0);
    let mut result = meta.clone();
    if length > 0 {
        let (stride, distance) = if offset >= 0 {
            (meta.strides[second], offset)
        } else {
            (meta.strides[first], -offset)
        };
        result.offset += stride * distance as usize;
    }
    for dim in [first.max(second), first.min(second)] {
        result.shape.remove(dim);
        result.strides.remove(dim);
    }
    result.shape.push(length as usize);
    result
        .strides
        .push(meta.strides[first] + meta.strides[second]);
    Ok(result)
}

/// `unfold`
pub fn unfold(meta: &Meta, dim: i64, size: i64, step: i64) -> Result<Meta, OpError> {
    let dim = wrap_dim(dim, meta.ndim())?;
    let (extent, stride) = if meta.ndim() == 0 {
        (1, 1)
    } else {
        (meta.shape[dim], meta.strides[dim])
    };
    if size < 0 {
        return Err(OpError::runtime(format!("size is {size} but must be >= 0")));
    }
    if size > extent as i64 {
        return Err(OpError::runtime(format!(
            "maximum size for tensor at dimension {dim} is {extent} but size is {size}"
        )));
    }
    if step <= 0 {
        return Err(OpError::runtime(format!("step is {step} but must be > 0")));
    }
    let mut result = meta.clone();
    if meta.ndim() > 0 {
        result.shape[dim] = (extent - size as usize) / step as usize + 1;
        result.strides[dim] = stride.saturating_mul(step as usize);
    }
    result.shape.push(size as usize);
    result.strides.push(stride);
    checked_numel(&result.shape)?;
    Ok(result)
}

/// `as_strided`; whether the storage is large enough, only the machine knows (see [`span`]).
pub fn as_strided(
    meta: &Meta,
    shape: &[i64],
    strides: &[i64],
    offset: Option<i64>,
) -> Result<Meta, OpError> {
    if shape.len() != strides.len() {
        return Err(OpError::runtime("mismatch in length of strides and shape"));
    }
    if strides.iter().any(|&stride| stride < 0) {
        return Err(OpError::runtime(format!(
            "as_strided: Negative strides are not supported at the moment, got strides: {}",
            list(strides)
        )));
    }
    let offset = match offset {
        None => meta.offset,
        Some(offset) => usize::try_from(offset)
            .map_err(|_| OpError::runtime(format!("Tensor: invalid storage offset {offset}")))?,
    };
    let strides = strides.iter().map(|&stride| stride as usize).collect();
    let result = Meta {
        dtype: meta.dtype,
        shape: checked_shape(shape)?,
        strides,
        offset,
    };
    span(&result).ok_or_else(too_large)?;
    Ok(result)
}

/// How many elements of storage a layout reaches to; none if that is more than can be counted.
pub fn span(meta: &Meta) -> Option<usize> {
    if meta.numel() == 0 {
        return Some(0);
    }
    let mut last = meta.offset;
    for (&size, &stride) in meta.shape.iter().zip(&meta.strides) {
        last = last.checked_add(stride.checked_mul(size - 1)?)?;
    }
    last.checked_add(1)
}

/// Whether a view by `as_strided` stays in a storage of `length` elements: a machine asks this after `infer`, which does
/// not know the storage.
pub fn check_storage(view: &Meta, length: usize) -> Result<(), OpError> {
    let needed = span(view).ok_or_else(too_large)?;
    if needed <= length {
        return Ok(());
    }
    let size = super::broadcast::item_size(view.dtype);
    Err(OpError::runtime(format!(
        "setStorage: sizes {}, strides {}, storage offset {}, and itemsize {size} requiring a storage size of {} are out of bounds for storage of size {}",
        view.sizes(),
        sizes(&view.strides),
        view.offset,
        needed.saturating_mul(size),
        length.saturating_mul(size)
    )))
}

/// `split_with_sizes`
pub fn split_with_sizes(meta: &Meta, parts: &[i64], dim: i64) -> Result<Vec<Meta>, OpError> {
    if meta.ndim() == 0 {
        return Err(OpError::runtime(
            "split expects at least a 1-dimensional tensor",
        ));
    }
    let place = wrap_dim(dim, meta.ndim())?;
    let size = meta.shape[place] as i64;
    if parts.iter().any(|&part| part < 0) {
        return Err(OpError::runtime(format!(
            "split_with_sizes expects split_sizes have only non-negative entries, but got split_sizes={}",
            list(parts)
        )));
    }
    if parts
        .iter()
        .try_fold(0i64, |sum, &part| sum.checked_add(part))
        != Some(size)
    {
        return Err(OpError::runtime(format!(
            "split_with_sizes expects split_sizes to sum exactly to {size} (input tensor's size at dimension {dim}), but got split_sizes={}",
            list(parts)
        )));
    }
    let mut start = 0;
    parts
        .iter()
        .map(|&part| {
            start += part;
            slice(meta, dim, Some(start - part), Some(start), 1)
        })
        .collect()
}

/// The sizes of the parts of `split`.
pub fn split_sizes(meta: &Meta, split_size: i64, dim: i64) -> Result<Vec<i64>, OpError> {
    if meta.ndim() == 0 {
        return Err(OpError::runtime(
            "split expects at least a 1-dimensional tensor",
        ));
    }
    if split_size < 0 {
        return Err(OpError::runtime(format!(
            "split expects split_size be non-negative, but got split_size={split_size}"
        )));
    }
    let size = meta.shape[wrap_dim(dim, meta.ndim())?] as i64;
    if split_size == 0 {
        return if size == 0 {
            Ok(vec![0])
        } else {
            Err(OpError::runtime(format!(
                "split_size can only be 0 if dimension size is 0, but got dimension size of {size}"
            )))
        };
    }
    let count = (size.saturating_add(split_size - 1) / split_size).max(1);
    if count > MAX_PARTS {
        return Err(OpError::Unsupported(format!(
            "a split into more than {MAX_PARTS} parts"
        )));
    }
    Ok((0..count)
        .map(|part| split_size.min(size - part * split_size))
        .collect())
}

/// The size of the parts of `chunk`.
pub fn chunk_size(meta: &Meta, chunks: i64, dim: i64) -> Result<i64, OpError> {
    if meta.ndim() == 0 {
        return Err(OpError::runtime(
            "chunk expects at least a 1-dimensional tensor",
        ));
    }
    if chunks <= 0 {
        return Err(OpError::runtime(format!(
            "chunk expects `chunks` to be greater than 0, got: {chunks}"
        )));
    }
    let size = meta.shape[wrap_dim(dim, meta.ndim())?] as i64;
    Ok(size.saturating_add(chunks - 1) / chunks)
}

/// The sizes as signed integers, as arguments carry them.
pub fn signed(shape: &[usize]) -> SmallVec<[i64; 4]> {
    shape.iter().map(|&size| size as i64).collect()
}

/// As Python prints a `Size`: `torch.Size([2, 3])`.
pub fn torch_size(shape: &[usize]) -> String {
    format!("torch.Size({})", sizes(shape))
}

/// The place in memory of each element, in order.
pub fn places(meta: &Meta) -> Vec<usize> {
    if meta.numel() == 0 {
        return Vec::new();
    }
    let mut places = vec![meta.offset];
    for (&size, &stride) in meta.shape.iter().zip(&meta.strides) {
        let steps = |place: usize| (0..size).map(move |at| place + at * stride);
        places = places.into_iter().flat_map(steps).collect();
    }
    places
}
