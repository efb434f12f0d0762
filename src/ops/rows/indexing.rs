//! Indexing with tensors: `x[i, j]`, and what is picked or written along one dimension.

use crate::ops::array::{Array, Element};
use crate::ops::kernels::{self, Along, Sum};
use crate::ops::kit::{
    self, Args, Grads, IN_PLACE, INTERNAL, both, fixed, float_or, formula, grad, input_meta, int,
    ints, op, param, same, saved, saved_if, t, tensor,
};
use crate::ops::layout;
use crate::ops::meta::{Dtype, Meta, Shape, sizes};
use crate::ops::pick::{common_shape, pick, positions, result_shape};
use crate::ops::rng::Rng;
use crate::ops::row::{Arg, Backward, IndexItem, OpError, OpRow, Param, ParamKind, Var};
use crate::with_element;

const SELF: Param = tensor("self");
const INDEX: Param = fixed("index");
const DIM: Param = int("dim");
const INDICES: Param = param("indices", ParamKind::Index);

/// The rows of this file.
pub const ROWS: &[OpRow] = &[
    op(
        "index",
        INTERNAL,
        &[SELF, INDICES],
        index_infer,
        index_forward,
        &[saved(1)],
        formula(index_formula),
        "IndexBackward0",
        &["x[idx]", "x[mask]"],
    ),
    op(
        "index_backward",
        INTERNAL,
        &[tensor("grad"), ints("sizes"), INDICES],
        sized_infer,
        index_backward,
        &[saved(2)],
        formula(index_backward_formula),
        "IndexBackwardBackward0",
        &[],
    ),
    OpRow {
        in_place: IN_PLACE,
        ..op(
            "index_put",
            both(&["index_put"]),
            &[
                SELF,
                INDICES,
                param("values", ParamKind::TensorOrScalar),
                kit::flag_or("accumulate", false),
            ],
            index_put_infer,
            index_put_forward,
            &[saved(1)],
            formula(index_put_formula),
            "IndexPutBackward0",
            &["index_put", "index_put_"],
        )
    },
    op(
        "index_select",
        both(&["index_select"]),
        &[SELF, DIM, INDEX],
        index_select_infer,
        index_select_forward,
        &[saved(2)],
        formula(index_select_formula),
        "IndexSelectBackward0",
        &["index_select"],
    ),
    op(
        "index_select_backward",
        INTERNAL,
        &[tensor("grad"), ints("sizes"), DIM, INDEX],
        sized_infer,
        index_select_backward,
        &[saved(3)],
        formula(index_select_backward_formula),
        "IndexSelectBackwardBackward0",
        &[],
    ),
    OpRow {
        in_place: IN_PLACE,
        ..op(
            "index_add",
            both(&["index_add"]),
            &[
                SELF,
                DIM,
                INDEX,
                tensor("source"),
                kit::keyword(float_or("alpha", 1.0)),
            ],
            index_add_infer,
            index_add_forward,
            &[saved_if(2, &[3]), saved_if(3, &[3])],
            formula(index_add_formula),
            "IndexAddBackward0",
            &["index_add", "index_add_"],
        )
    },
    OpRow {
        in_place: IN_PLACE,
        ..op(
            "index_copy",
            both(&["index_copy"]),
            &[SELF, DIM, INDEX, tensor("source")],
            index_copy_infer,
            index_copy_forward,
            &[saved(2), saved_if(3, &[3])],
            formula(index_copy_formula),
            "IndexCopyBackward0",
            &["index_copy", "index_copy_"],
        )
    },
    OpRow {
        in_place: IN_PLACE,
        node_by: Some(index_fill_node),
        ..op(
            "index_fill",
            both(&["index_fill"]),
            &[SELF, DIM, INDEX, param("value", ParamKind::TensorOrScalar)],
            index_fill_infer,
            index_fill_forward,
            &[saved(2)],
            formula(index_fill_formula),
            "IndexFillBackward0",
            &["index_fill", "index_fill_"],
        )
    },
    op(
        "take",
        both(&["take"]),
        &[SELF, INDEX],
        take_infer,
        take_forward,
        &[saved(0), saved(1)],
        formula(take_formula),
        "TakeBackward0",
        &["take"],
    ),
    op(
        "take_backward",
        INTERNAL,
        &[tensor("grad"), ints("sizes"), INDEX],
        sized_infer,
        take_backward,
        &[saved(2)],
        formula(take_backward_formula),
        "TakeBackwardBackward0",
        &[],
    ),
];

/// A dtype that has the sizes in argument 1: the adjoints of picking.
fn sized_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    Ok(vec![Meta::contiguous(
        args.tensor(0)?.dtype,
        layout::checked_shape(&args.ints(1))?,
    )])
}

fn index_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    let indexed = args.tensor(0)?;
    let (found, masks) = positions(args.items(1), indexed, Meta::clone)?;
    if masks {
        return kit::shape_from_values();
    }
    let common = common_shape(found.iter().map(|(_, meta)| &meta.shape[..]))?;
    let dims: Vec<usize> = found.iter().map(|(dim, _)| *dim).collect();
    Ok(vec![Meta::contiguous(
        indexed.dtype,
        result_shape(indexed, &dims, &common)?,
    )])
}
fn index_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let args = Args(args);
    let array = args.tensor(0)?;
    let picked = pick(array.shape(), args.items(1))?;
    Ok(vec![kernels::gather(array, &picked.shape, |place| {
        Some(picked.places[place])
    })])
}
/// The items between brackets with the tensors as they were saved.
fn saved_items(b: &mut dyn Backward, place: usize) -> Result<Arg<Var>, OpError> {
    let items = Args(b.args()).items(place).to_vec();
    let mut tensors = b.inputs(place)?.into_iter();
    let items = items.iter().map(|item| match item {
        IndexItem::Tensor(_) => tensors.next().map_or(IndexItem::Unknown, IndexItem::Tensor),
        _ => IndexItem::None,
    });
    Ok(Arg::Index(items.collect()))
}
fn index_formula(b: &mut dyn Backward) -> Grads {
    let (grad, meta, items) = (grad(b)?, input_meta(b, 0)?, saved_items(b, 1)?);
    let whole = kit::call(
        b,
        "index_backward",
        vec![t(grad), kit::shape(&meta.shape), items],
    )?;
    Ok(vec![Some(kit::written(b, whole, 1)?)])
}
fn index_backward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let whole = kit::inferred(sized_infer, args)?;
    let args = Args(args);
    let picked = pick(&whole.shape, args.items(2))?;
    let grad = args.tensor(0)?.broadcast_to(&picked.shape);
    Ok(vec![kernels::accumulate(&grad, &whole.shape, |place| {
        Some(picked.places[place])
    })])
}
fn index_backward_formula(b: &mut dyn Backward) -> Grads {
    let (grad, items) = (grad(b)?, saved_items(b, 2)?);
    Ok(vec![Some(kit::call(b, "index", vec![t(grad), items])?)])
}

fn index_put_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    let indexed = args.tensor(0)?;
    let (found, masks) = positions(args.items(1), indexed, Meta::clone)?;
    if let Some(values) = args.opt(2) {
        let only_mask = masks && found.len() == 1 && values.ndim() == 0;
        if values.dtype != indexed.dtype && !only_mask {
            return Err(OpError::runtime(format!(
                "Index put requires the source and destination dtypes match, got {} for the destination and {} for the source.",
                indexed.dtype.scalar_name(),
                values.dtype.scalar_name()
            )));
        }
        if !masks {
            let common = common_shape(found.iter().map(|(_, meta)| &meta.shape[..]))?;
            let dims: Vec<usize> = found.iter().map(|(dim, _)| *dim).collect();
            check_values(&values.shape, &result_shape(indexed, &dims, &common)?)?;
        }
    }
    Ok(vec![Meta::contiguous(indexed.dtype, indexed.shape.clone())])
}
fn check_values(values: &[usize], shape: &[usize]) -> Result<(), OpError> {
    match layout::broadcast(values, shape) {
        Ok(common) if common[..] == *shape => Ok(()),
        _ => Err(OpError::runtime(format!(
            "shape mismatch: value tensor of shape {} cannot be broadcast to indexing result of shape {}",
            sizes(values),
            sizes(shape)
        ))),
    }
}
/// The values that are written, as many as there are places; a number is one value for all.
fn written(
    args: Args<'_, Array>,
    place: usize,
    dtype: Dtype,
    shape: &[usize],
) -> Result<Array, OpError> {
    match args.scalar(place) {
        Some(value) => Ok(Array::scalar(dtype, value).broadcast_to(shape)),
        None => {
            let values = args.tensor(place)?;
            check_values(values.shape(), shape)?;
            Ok(values.cast(dtype).broadcast_to(shape))
        }
    }
}
/// A copy of `array` with values written at places (or added there).
fn put(array: &Array, places: &[usize], values: &Array, accumulate: bool) -> Array {
    with_element!(array.dtype(), T => {
        let mut target = array.values::<T>().into_owned();
        for (&place, &value) in places.iter().zip(values.values::<T>().iter()) {
            target[place] = if accumulate { Sum::plus(target[place], value) } else { value };
        }
        Array::from_vec::<T>(array.meta.shape.clone(), target)
    })
}
fn index_put_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let args = Args(args);
    let array = args.tensor(0)?;
    let picked = pick(array.shape(), args.items(1))?;
    let values = written(args, 2, array.dtype(), &picked.shape)?;
    Ok(vec![put(
        array,
        &picked.places,
        &values,
        args.flag(3, false),
    )])
}
fn index_put_formula(b: &mut dyn Backward) -> Grads {
    let (grad, items, accumulate) = (grad(b)?, saved_items(b, 1)?, Args(b.args()).flag(3, false));
    let own = if accumulate || !b.needs(0) {
        Some(grad)
    } else {
        Some(kit::call(
            b,
            "index_put",
            vec![t(grad), items.clone(), kit::n(0)],
        )?)
    };
    let mut grads = vec![own];
    if let Some(values) = Args(b.args()).opt(2).cloned() {
        let picked = kit::call(b, "index", vec![t(grad), items])?;
        grads.push(Some(kit::reduce_to(b, picked, &values.shape)?));
    }
    Ok(grads)
}

/// The dimension, and the sizes of a result that has `count` elements along it.
fn along(meta: &Meta, dim: i64, count: usize) -> Result<(usize, Shape), OpError> {
    let dim = layout::wrap_dim(dim, meta.ndim())?;
    let mut shape = meta.shape.clone();
    if let Some(size) = shape.get_mut(dim) {
        *size = count;
    }
    Ok((dim, shape))
}
fn index_select_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    let (meta, index) = (args.tensor(0)?, args.tensor(2)?);
    let (_, shape) = along(meta, args.int(1, 0), index.numel())?;
    if index.ndim() > 1 {
        return Err(OpError::index(
            "index_select(): Index is supposed to be a vector",
        ));
    }
    if index.dtype != Dtype::I64 {
        return Err(OpError::runtime(
            "index_select(): Expected dtype int32 or int64 for index",
        ));
    }
    if meta.ndim() == 0 && index.numel() != 1 {
        return Err(OpError::runtime(format!(
            "index_select(): Index to scalar can have only 1 value, got {} value(s)",
            index.numel()
        )));
    }
    Ok(vec![Meta::contiguous(meta.dtype, shape)])
}
/// Indices that may not be negative. Measured: along dimension 1 PyTorch has another kernel, with other words.
fn plain_indices(index: &Array, dim: usize, size: usize) -> Result<Vec<usize>, OpError> {
    let inside = |value: i64| usize::try_from(value).ok().filter(|&value| value < size);
    let refused = |value: i64| match dim {
        1 => OpError::runtime(format!(
            "INDICES element is out of DATA bounds, id={value} axis_dim={size}"
        )),
        _ => OpError::index("index out of range in self"),
    };
    index
        .values::<i64>()
        .iter()
        .map(|&value| inside(value).ok_or_else(|| refused(value)))
        .collect()
}
fn index_select_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let meta = kit::inferred(index_select_infer, args)?;
    let args = Args(args);
    let array = args.tensor(0)?;
    let dim = layout::wrap_dim(args.int(1, 0), array.meta.ndim())?;
    let (from, to) = (Along::new(array.shape(), dim), Along::new(&meta.shape, dim));
    let index = plain_indices(args.tensor(2)?, dim, from.size)?;
    let map = |place| {
        let (outer, at, inner) = to.split(place);
        Some(from.at(outer, index[at], inner))
    };
    Ok(vec![kernels::gather(array, &meta.shape, map)])
}
fn index_select_formula(b: &mut dyn Backward) -> Grads {
    let (grad, meta, dim, index) = (grad(b)?, input_meta(b, 0)?, same(b, 1), b.input(2)?);
    let whole = kit::call(
        b,
        "index_select_backward",
        vec![t(grad), kit::shape(&meta.shape), dim, t(index)],
    )?;
    Ok(vec![Some(kit::written(b, whole, 1)?)])
}
fn index_select_backward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let whole = kit::inferred(sized_infer, args)?;
    let args = Args(args);
    let grad = args.tensor(0)?;
    let dim = layout::wrap_dim(args.int(2, 0), whole.ndim())?;
    let (from, to) = (Along::new(grad.shape(), dim), Along::new(&whole.shape, dim));
    let index = plain_indices(args.tensor(3)?, dim, to.size)?;
    let map = |place| {
        let (outer, at, inner) = from.split(place);
        Some(to.at(outer, index[at], inner))
    };
    Ok(vec![kernels::accumulate(grad, &whole.shape, map)])
}
fn index_select_backward_formula(b: &mut dyn Backward) -> Grads {
    let (grad, dim, index) = (grad(b)?, same(b, 2), b.input(3)?);
    Ok(vec![Some(kit::call(
        b,
        "index_select",
        vec![t(grad), dim, t(index)],
    )?)])
}

/// The source of a write along a dimension: as many slices as there are indices.
fn index_add_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    let (meta, index, source) = (args.tensor(0)?, args.tensor(2)?, args.tensor(3)?);
    let dim = layout::wrap_dim(args.int(1, 0), meta.ndim())?;
    if index.ndim() > 1 {
        return Err(OpError::index(format!(
            "index_add_(): Index is supposed to be a vector, but got dim: {} with type: {} and size: {}",
            index.ndim(),
            index.dtype.scalar_name(),
            index.sizes()
        )));
    }
    if index.dtype != Dtype::I64 {
        return Err(OpError::runtime(format!(
            "index_add_(): Expected dtype int32/int64 for index but got: {}",
            index.dtype.scalar_name()
        )));
    }
    if meta.dtype != source.dtype {
        return Err(OpError::runtime(format!(
            "index_add_(): self ({}) and source ({}) must have the same scalar type",
            meta.dtype.scalar_name(),
            source.dtype.scalar_name()
        )));
    }
    // Measured: of a tensor without dimensions, the sizes are looked at first.
    if meta.ndim() == 0 && source.ndim() > 0 {
        return Err(unlike_source(meta, source));
    }
    if meta.ndim() == 0 && index.numel() != 1 {
        return Err(OpError::index(
            "Dimension specified as 0 but tensor has no dimensions",
        ));
    }
    let count = source.shape.get(dim).copied().unwrap_or(1);
    if index.numel() != count {
        return Err(OpError::runtime(format!(
            "index_add_(): Number of indices ({}) should be equal to source.size(dim): ({count}), for dim: {dim}",
            index.numel()
        )));
    }
    let (_, wanted) = along(meta, dim as i64, count)?;
    if meta.ndim() > 0 && wanted != source.shape {
        return Err(unlike_source(meta, source));
    }
    Ok(vec![Meta::contiguous(meta.dtype, meta.shape.clone())])
}
fn unlike_source(meta: &Meta, source: &Meta) -> OpError {
    OpError::runtime(format!(
        "source tensor shape must match self tensor shape, excluding the specified dimension. Got self.shape = {} source.shape = {}",
        meta.sizes(),
        source.sizes()
    ))
}
/// For each element of a source along `dim`, its place in a tensor of `shape`.
fn places_along(shape: &[usize], dim: usize, count: usize, index: &[usize]) -> Vec<usize> {
    let to = Along::new(shape, dim);
    let from = Along { size: count, ..to };
    (0..from.outer * from.size * from.inner)
        .map(|place| {
            let (outer, at, inner) = from.split(place);
            to.at(outer, index[at], inner)
        })
        .collect()
}
fn checked_indices(
    index: &Array,
    size: usize,
    error: impl Fn(i64) -> OpError,
) -> Result<Vec<usize>, OpError> {
    index
        .values::<i64>()
        .iter()
        .map(|&value| layout::wrap_index(value, size).ok_or_else(|| error(value)))
        .collect()
}
fn index_add_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let args = Args(args);
    let (array, source) = (args.tensor(0)?, args.tensor(3)?);
    let dim = layout::wrap_dim(args.int(1, 0), array.meta.ndim())?;
    let size = Along::new(array.shape(), dim).size;
    let bad = |value| {
        OpError::runtime(format!(
            "index {value} is out of bounds for dimension 0 with size {size}"
        ))
    };
    let index = checked_indices(args.tensor(2)?, size, bad)?;
    let places = places_along(array.shape(), dim, index.len(), &index);
    let alpha = args.float(4, 1.0);
    let source = if alpha == 1.0 {
        source.clone()
    } else {
        scaled(source, alpha)
    };
    Ok(vec![put(array, &places, &source, true)])
}
fn scaled(array: &Array, factor: f64) -> Array {
    with_element!(array.dtype(), T => {
        let values = array.values::<T>().iter().map(|value| <T as Element>::from_f64(value.to_f64() * factor)).collect();
        Array::from_vec::<T>(array.meta.shape.clone(), values)
    })
}
/// The gradient at the indices, in the shape of the source.
fn picked_grad(b: &mut dyn Backward, grad: Var) -> Result<Var, OpError> {
    let (dim, index, source) = (same(b, 1), b.input(2)?, input_meta(b, 3)?);
    let picked = kit::call(b, "index_select", vec![t(grad), dim, t(index)])?;
    if b.meta(picked).shape == source.shape {
        Ok(picked)
    } else {
        kit::reshape(b, picked, &source.shape)
    }
}
fn index_add_formula(b: &mut dyn Backward) -> Grads {
    let grad = grad(b)?;
    if !b.needs(3) {
        return Ok(vec![Some(grad), None]);
    }
    let (picked, alpha) = (picked_grad(b, grad)?, Args(b.args()).float(4, 1.0));
    Ok(vec![Some(grad), Some(kit::scale(b, picked, alpha)?)])
}

fn index_copy_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    let (meta, index, source) = (args.tensor(0)?, args.tensor(2)?, args.tensor(3)?);
    let dim = layout::wrap_dim(args.int(1, 0), meta.ndim())?;
    let index_error = |text: String| Err(OpError::index(text));
    if index.ndim() > 1 {
        return index_error(format!(
            "index_copy_(): Index should have dimension 1 or 0 (got {})",
            index.ndim()
        ));
    }
    if index.dtype != Dtype::I64 {
        return Err(OpError::runtime(format!(
            "index_copy_(): Expected a long tensor for index, but got {}",
            index.dtype.scalar_name()
        )));
    }
    if meta.dtype != source.dtype {
        return Err(OpError::runtime(format!(
            "index_copy_(): self and source expected to have the same dtype, but got (self) {} and (source) {}",
            meta.dtype.scalar_name(),
            source.dtype.scalar_name()
        )));
    }
    if source.ndim() != meta.ndim() && source.ndim() > 0 && meta.ndim() > 0 {
        return index_error(format!(
            "index_copy_(): When source and destination are not scalars, their dimensionality must match. Source dimensionality ({}), destination dimensionality ({})",
            source.ndim(),
            meta.ndim()
        ));
    }
    let count = source.shape.get(dim).copied().unwrap_or(1);
    if source.ndim() == 0 && index.numel() != 1 {
        return index_error(format!(
            "index_copy_(): When source is scalar, index should have one element (got {})",
            index.numel()
        ));
    }
    if index.numel() != count {
        return index_error(format!(
            "index_copy_(): Number of indices ({}) should be equal to source.size(dim) ({count})",
            index.numel()
        ));
    }
    let other = |shape: &Shape| -> Vec<usize> {
        shape
            .iter()
            .enumerate()
            .filter(|(place, _)| *place != dim)
            .map(|(_, &size)| size)
            .collect()
    };
    let (own, theirs) = (other(&meta.shape), other(&source.shape));
    if own != theirs {
        let list = |sizes: &[usize]| {
            sizes
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(" ")
        };
        return Err(OpError::runtime(format!(
            "index_copy_(): Source/destination tensor must have same slice shapes. Destination slice shape: {} at dimension {dim} and source slice shape: {} at dimension 0.",
            list(&own),
            list(&theirs)
        )));
    }
    Ok(vec![Meta::contiguous(meta.dtype, meta.shape.clone())])
}
fn index_copy_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let args = Args(args);
    let array = args.tensor(0)?;
    let dim = layout::wrap_dim(args.int(1, 0), array.meta.ndim())?;
    let size = Along::new(array.shape(), dim).size;
    let bad = |value| {
        OpError::index(format!(
            "index_copy_(): index {value} is out of bounds for dimension {dim} with size {size}"
        ))
    };
    let index = checked_indices(args.tensor(2)?, size, bad)?;
    let places = places_along(array.shape(), dim, index.len(), &index);
    Ok(vec![put(array, &places, args.tensor(3)?, false)])
}
/// The gradient with zeros at the indices.
fn zeroed(b: &mut dyn Backward, grad: Var) -> Result<Var, OpError> {
    let (dim, index) = (same(b, 1), b.input(2)?);
    kit::call(b, "index_fill", vec![t(grad), dim, t(index), kit::n(0)])
}
fn index_copy_formula(b: &mut dyn Backward) -> Grads {
    let grad = grad(b)?;
    let own = if b.needs(0) {
        Some(zeroed(b, grad)?)
    } else {
        None
    };
    let source = if b.needs(3) {
        Some(picked_grad(b, grad)?)
    } else {
        None
    };
    Ok(vec![own, source])
}

fn index_fill_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    let (meta, index) = (args.tensor(0)?, args.tensor(2)?);
    if let Some(value) = args.opt(3).filter(|value| value.ndim() > 0) {
        return Err(OpError::runtime(format!(
            "index_fill_ only supports a 0-dimensional value tensor, but got tensor with {} dimension(s).",
            value.ndim()
        )));
    }
    if index.dtype != Dtype::I64 {
        return Err(OpError::index(
            "index_fill_(): Expected dtype int64 for index.",
        ));
    }
    layout::wrap_dim(args.int(1, 0), meta.ndim())?;
    if index.ndim() > 1 {
        return Err(OpError::runtime("Index has to be a vector/scalar"));
    }
    Ok(vec![Meta::contiguous(meta.dtype, meta.shape.clone())])
}
fn index_fill_node(args: &[Arg<Meta>]) -> &'static str {
    if Args(args).opt(3).is_some() {
        "IndexFillBackward1"
    } else {
        "IndexFillBackward0"
    }
}
fn index_fill_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let args = Args(args);
    let array = args.tensor(0)?;
    let dim = layout::wrap_dim(args.int(1, 0), array.meta.ndim())?;
    let size = Along::new(array.shape(), dim).size;
    let bad = |value| {
        OpError::index(format!(
            "index {value} is out of bounds for dimension {dim} with size {size}"
        ))
    };
    let index = checked_indices(args.tensor(2)?, size, bad)?;
    let places = places_along(array.shape(), dim, index.len(), &index);
    let values = written(args, 3, array.dtype(), &[places.len()])?;
    Ok(vec![put(array, &places, &values, false)])
}
fn index_fill_formula(b: &mut dyn Backward) -> Grads {
    let grad = grad(b)?;
    let own = if b.needs(0) {
        Some(zeroed(b, grad)?)
    } else {
        None
    };
    let mut grads = vec![own];
    if Args(b.args()).opt(3).is_some() {
        let zeroed = zeroed(b, grad)?;
        let filled = kit::sub(b, grad, zeroed)?;
        grads.push(Some(kit::sum_all(b, filled)?));
    }
    Ok(grads)
}

fn take_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    let (meta, index) = (args.tensor(0)?, args.tensor(1)?);
    if index.dtype != Dtype::I64 {
        return Err(OpError::runtime(format!(
            "take(): Expected a long tensor for index, but got {}",
            index.dtype.scalar_name()
        )));
    }
    Ok(vec![Meta::contiguous(meta.dtype, index.shape.clone())])
}
fn take_places(index: &Array, numel: usize) -> Result<Vec<usize>, OpError> {
    checked_indices(index, numel, |value| {
        OpError::index(format!(
            "out of range: tried to access index {value} on a tensor of {numel} elements."
        ))
    })
}
fn take_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let args = Args(args);
    let (array, index) = (args.tensor(0)?, args.tensor(1)?);
    let places = take_places(index, array.numel())?;
    Ok(vec![kernels::gather(array, index.shape(), |place| {
        Some(places[place])
    })])
}
fn take_formula(b: &mut dyn Backward) -> Grads {
    let (grad, meta, index) = (grad(b)?, input_meta(b, 0)?, b.input(1)?);
    let whole = kit::call(
        b,
        "take_backward",
        vec![t(grad), kit::shape(&meta.shape), t(index)],
    )?;
    Ok(vec![Some(kit::written(b, whole, 1)?)])
}
fn take_backward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let whole = kit::inferred(sized_infer, args)?;
    let args = Args(args);
    let places = take_places(args.tensor(2)?, whole.numel())?;
    Ok(vec![kernels::accumulate(
        args.tensor(0)?,
        &whole.shape,
        |place| Some(places[place]),
    )])
}
fn take_backward_formula(b: &mut dyn Backward) -> Grads {
    let (grad, index) = (grad(b)?, b.input(2)?);
    Ok(vec![Some(kit::call(b, "take", vec![t(grad), t(index)])?)])
}
