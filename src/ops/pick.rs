//! Which elements `x[i, j]` picks, and in which order: index tensors broadcast, masks as the indices of their true
//! elements, and where the picked dimensions go in the result.

use super::array::{Array, Offsets};
use super::indexing::check_mask;
use super::layout;
use super::meta::{Dtype, Meta, Shape, sizes};
use super::row::{IndexItem, OpError};

/// An index tensor and the dimension that it stands for.
pub type At<T> = (usize, T);

/// The index tensors with their dimensions, and whether one of them is a mask.
pub fn positions<T: Clone>(
    items: &[IndexItem<T>],
    indexed: &Meta,
    meta: impl Fn(&T) -> Meta,
) -> Result<(Vec<At<T>>, bool), OpError> {
    let (mut dim, mut found, mut masks) = (0, vec![], false);
    for item in items {
        let IndexItem::Tensor(tensor) = item else {
            dim += 1;
            continue;
        };
        let index = meta(tensor);
        match index.dtype {
            Dtype::Bool => {
                check_mask(&index, dim, indexed)?;
                masks = true;
                found.push((dim, tensor.clone()));
                dim += index.ndim();
            }
            Dtype::I64 => {
                found.push((dim, tensor.clone()));
                dim += 1;
            }
            _ => {
                return Err(OpError::index(
                    "tensors used as indices must be long, int, byte or bool tensors",
                ));
            }
        }
    }
    if dim > indexed.ndim() {
        return Err(OpError::index(format!(
            "too many indices for tensor of dimension {} (got {dim})",
            indexed.ndim()
        )));
    }
    Ok((found, masks))
}
/// What an index picks: the sizes of the result, and for each of its elements the place in the indexed tensor.
pub struct Picked {
    /// The sizes of the result.
    pub shape: Shape,
    /// A place in the indexed tensor for each element of the result.
    pub places: Vec<usize>,
}

/// Broadcasts the index tensors.
pub fn common_shape<'a>(
    shapes: impl Iterator<Item = &'a [usize]> + Clone,
) -> Result<Shape, OpError> {
    shapes
        .clone()
        .try_fold(Shape::new(), |common, shape| {
            layout::broadcast(&common, shape)
        })
        .map_err(|_| {
            let all: Vec<String> = shapes.map(sizes).collect();
            OpError::index(format!(
                "shape mismatch: indexing tensors could not be broadcast together with shapes {}",
                all.join(", ")
            ))
        })
}

/// The sizes before, at and after the indexed dimensions of the result: with gaps between them they go first.
fn arranged(indexed: &Meta, dims: &[usize]) -> (Vec<usize>, Vec<usize>) {
    let adjacent = dims.windows(2).all(|pair| pair[1] == pair[0] + 1);
    let first = dims.first().copied().unwrap_or(0);
    let rest = (0..indexed.ndim()).filter(|dim| !dims.contains(dim));
    rest.partition(|&dim| adjacent && dim < first)
}

/// The dimensions of `meta` at `dims`.
fn at_dims(meta: &Meta, dims: &[usize]) -> Meta {
    Meta {
        dtype: meta.dtype,
        shape: dims.iter().map(|&dim| meta.shape[dim]).collect(),
        strides: dims.iter().map(|&dim| meta.strides[dim]).collect(),
        offset: 0,
    }
}

/// The sizes of what an index picks.
pub fn result_shape(indexed: &Meta, dims: &[usize], common: &[usize]) -> Result<Shape, OpError> {
    let (before, after) = arranged(indexed, dims);
    let mut shape = at_dims(indexed, &before).shape;
    shape.extend_from_slice(common);
    shape.extend(at_dims(indexed, &after).shape);
    layout::checked_numel(&shape)?;
    Ok(shape)
}

/// Masks as the indices of their true elements.
fn unmask(found: Vec<At<Array>>) -> Vec<At<Array>> {
    let mut all = vec![];
    for (dim, array) in found {
        if array.dtype() == Dtype::Bool {
            let coordinates = super::rows::masked::nonzero(&array);
            let count = coordinates.first().map_or(0, Vec::len);
            all.extend(coordinates.into_iter().enumerate().map(|(place, values)| {
                (dim + place, Array::from_vec::<i64>(&[count][..], values))
            }));
        } else {
            all.push((dim, array));
        }
    }
    all
}

/// What the items between brackets pick of a tensor of these sizes.
pub fn pick(shape: &[usize], items: &[IndexItem<Array>]) -> Result<Picked, OpError> {
    let indexed = Meta::contiguous(Dtype::I64, shape);
    let (found, _) = positions(items, &indexed, |array: &Array| array.meta.clone())?;
    let found = unmask(found);
    let common = common_shape(found.iter().map(|(_, array)| array.shape()))?;
    let dims: Vec<usize> = found.iter().map(|(dim, _)| *dim).collect();
    let result = result_shape(&indexed, &dims, &common)?;
    let chosen = chosen_offsets(&indexed, &found, &common)?;
    let (before, after) = arranged(&indexed, &dims);
    let (before, after) = (at_dims(&indexed, &before), at_dims(&indexed, &after));
    let after: Vec<usize> = Offsets::new(&after).collect();
    let mut places = Vec::with_capacity(result.iter().product());
    for base in Offsets::new(&before) {
        for offset in &chosen {
            places.extend(after.iter().map(|rest| base + offset + rest));
        }
    }
    Ok(Picked {
        shape: result,
        places,
    })
}

/// For each element of the broadcast indices, the offset that they add up to.
fn chosen_offsets(
    indexed: &Meta,
    found: &[At<Array>],
    common: &[usize],
) -> Result<Vec<usize>, OpError> {
    let mut chosen = vec![0; common.iter().product()];
    let columns: Vec<(usize, Vec<i64>)> = found
        .iter()
        .map(|(dim, array)| {
            (
                *dim,
                array.broadcast_to(common).values::<i64>().into_owned(),
            )
        })
        .collect();
    for (element, offset) in chosen.iter_mut().enumerate() {
        for (which, (dim, values)) in columns.iter().enumerate() {
            let size = indexed.shape[*dim];
            if size == 0 {
                return Err(OpError::index(
                    "index is out of bounds for dimension with size 0",
                ));
            }
            let index = values[element];
            let index = layout::wrap_index(index, size).ok_or_else(|| {
                OpError::index(format!(
                    "index {index} is out of bounds for dimension {which} with size {size}"
                ))
            })?;
            *offset += index * indexed.strides[*dim];
        }
    }
    Ok(chosen)
}
