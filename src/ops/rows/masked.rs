//! Masks: choosing by them, and picking and writing where they are true.

use crate::ops::array::{Array, Element};
use crate::ops::kernels;
use crate::ops::kit::{
    self, Args, Grads, IN_PLACE, INTERNAL, both, fixed, formula, function, grad, input_meta, ints,
    method, op, param, saved, t, tensor,
};
use crate::ops::layout;
use crate::ops::meta::{Dtype, Meta, Scalar, Shape};
use crate::ops::promote::Promotion;
use crate::ops::rng::Rng;
use crate::ops::row::{Arg, Backward, Gradient, OpError, OpRow, Param, ParamKind, Var};
use crate::with_element;

const MASKED_SCATTER: &str = "masked_scatter";
const SELF: Param = tensor("self");
const MASK: Param = fixed("mask");
const VALUE: Param = param("value", ParamKind::TensorOrScalar);

/// The rows of this file.
pub const ROWS: &[OpRow] = &[
    op(
        "where",
        function(&["where"]),
        &[
            fixed("condition"),
            param("self", ParamKind::TensorOrScalar),
            param("other", ParamKind::TensorOrScalar),
        ],
        where_infer,
        where_forward,
        &[saved(0)],
        formula(where_formula),
        "WhereBackward0",
        &["where(c,a,b)", "where(c,a,scalar)"],
    ),
    op(
        "where.method",
        method(&["where"]),
        &[
            SELF,
            fixed("condition"),
            param("other", ParamKind::TensorOrScalar),
        ],
        |args| where_infer(&reorder(args)),
        |args, rng| where_forward(&reorder(args), rng),
        &[saved(1)],
        formula(where_method_formula),
        "WhereBackward0",
        &[],
    ),
    op(
        "where.condition",
        function(&["where"]),
        &[fixed("condition")],
        |_| kit::shape_from_values(),
        nonzero_tuple,
        &[],
        Gradient::NotDifferentiable,
        "",
        &[],
    ),
    op(
        "nonzero",
        both(&["nonzero"]),
        &[fixed("self"), kit::keyword(kit::flag_or("as_tuple", false))],
        |_| kit::shape_from_values(),
        nonzero_forward,
        &[],
        Gradient::NotDifferentiable,
        "",
        &[],
    ),
    OpRow {
        in_place: IN_PLACE,
        node_by: Some(masked_fill_node),
        ..op(
            "masked_fill",
            both(&["masked_fill"]),
            &[SELF, MASK, VALUE],
            masked_fill_infer,
            masked_fill_forward,
            &[saved(1)],
            formula(masked_fill_formula),
            "MaskedFillBackward0",
            &["masked_fill", "masked_fill_", "x[mask] = scalar"],
        )
    },
    op(
        "masked_select",
        both(&["masked_select"]),
        &[SELF, MASK],
        masked_select_infer,
        masked_select_forward,
        &[saved(0), saved(1)],
        formula(masked_select_formula),
        "MaskedSelectBackward0",
        &["masked_select"],
    ),
    OpRow {
        in_place: IN_PLACE,
        ..op(
            MASKED_SCATTER,
            both(&["masked_scatter"]),
            &[SELF, MASK, tensor("source")],
            masked_scatter_infer,
            masked_scatter_forward,
            &[saved(1)],
            formula(masked_scatter_formula),
            "MaskedScatterBackward0",
            &["masked_scatter", "masked_scatter_"],
        )
    },
    op(
        "_masked_place",
        INTERNAL,
        &[tensor("source"), ints("sizes"), MASK],
        sized_infer,
        masked_place,
        &[saved(2)],
        formula(masked_place_formula),
        "MaskedPlaceBackward0",
        &[],
    ),
    op(
        "masked_scatter_backward",
        INTERNAL,
        &[tensor("grad"), ints("sizes"), MASK],
        sized_infer,
        masked_scatter_backward,
        &[saved(2)],
        formula(masked_scatter_backward_formula),
        "MaskedScatterBackwardBackward0",
        &[],
    ),
];

fn sized_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    Ok(vec![Meta::contiguous(
        args.tensor(0)?.dtype,
        layout::checked_shape(&args.ints(1))?,
    )])
}

/// `x.where(condition, other)` as `where(condition, x, other)`.
fn reorder<T: Clone>(args: &[Arg<T>]) -> Vec<Arg<T>> {
    match args {
        [this, condition, rest @ ..] => [condition.clone(), this.clone()]
            .into_iter()
            .chain(rest.iter().cloned())
            .collect(),
        _ => args.to_vec(),
    }
}
fn where_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let condition = Args(args).tensor(0)?;
    if condition.dtype != Dtype::Bool {
        return Err(OpError::runtime(format!(
            "where expected condition to be a boolean tensor, but got a tensor with dtype {}",
            condition.dtype.scalar_name()
        )));
    }
    let mut shape = Shape::new();
    for place in [1, 2, 0] {
        if let Some(meta) = Args(args).opt(place) {
            shape = layout::broadcast(&shape, &meta.shape)?;
        }
    }
    Ok(vec![Meta::contiguous(
        Promotion::new().args(&args[1..]).result(),
        shape,
    )])
}
/// A tensor or number, in the dtype and sizes of the result.
fn operand(args: Args<'_, Array>, place: usize, meta: &Meta) -> Result<Array, OpError> {
    Ok(match args.scalar(place) {
        Some(value) => Array::scalar(meta.dtype, value).broadcast_to(&meta.shape),
        None => args
            .tensor(place)?
            .cast(meta.dtype)
            .broadcast_to(&meta.shape),
    })
}
fn where_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let meta = kit::inferred(where_infer, args)?;
    let args = Args(args);
    let condition = args.tensor(0)?.broadcast_to(&meta.shape);
    let (yes, no) = (operand(args, 1, &meta)?, operand(args, 2, &meta)?);
    Ok(vec![with_element!(meta.dtype, T => {
        let (yes, no) = (yes.values::<T>(), no.values::<T>());
        let chosen = condition.values::<bool>().iter().enumerate().map(|(place, &holds)| if holds { yes[place] } else { no[place] }).collect();
        Array::from_vec::<T>(meta.shape, chosen)
    })])
}
fn where_grads(b: &mut dyn Backward, condition: Var, places: [usize; 2]) -> Grads {
    let grad = grad(b)?;
    let mut grads = vec![];
    for (place, first) in places.into_iter().zip([true, false]) {
        let Some(meta) = Args(b.args()).opt(place).cloned() else {
            continue;
        };
        if !b.needs(place) {
            grads.push(None);
            continue;
        }
        let zero = Arg::Scalar(Scalar::Int(0));
        let args = if first {
            vec![t(condition), t(grad), zero]
        } else {
            vec![t(condition), zero, t(grad)]
        };
        let part = kit::call(b, "where", args)?;
        grads.push(Some(kit::reduce_to(b, part, &meta.shape)?));
    }
    Ok(grads)
}
fn where_formula(b: &mut dyn Backward) -> Grads {
    let condition = b.input(0)?;
    where_grads(b, condition, [1, 2])
}
fn where_method_formula(b: &mut dyn Backward) -> Grads {
    let condition = b.input(1)?;
    where_grads(b, condition, [0, 2])
}

/// The coordinates of the elements that are not zero, a list a dimension.
pub fn nonzero(array: &Array) -> Vec<Vec<i64>> {
    let mut coordinates = vec![vec![]; array.meta.ndim()];
    with_element!(array.dtype(), T => {
        for (place, &value) in array.values::<T>().iter().enumerate() {
            if value != T::default() {
                for (dim, at) in kernels::unravel(place, array.shape()).into_iter().enumerate() {
                    coordinates[dim].push(at as i64);
                }
            }
        }
    });
    coordinates
}
fn nonzero_tuple(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let array = Args(args).tensor(0)?;
    let array = if array.meta.ndim() == 0 {
        array.reshaped(&[1][..])
    } else {
        array.clone()
    };
    Ok(nonzero(&array)
        .into_iter()
        .map(|values| Array::from_vec::<i64>(&[values.len()][..], values))
        .collect())
}
fn nonzero_forward(args: &[Arg<Array>], rng: &mut Rng) -> Result<Vec<Array>, OpError> {
    if Args(args).flag(1, false) {
        return nonzero_tuple(args, rng);
    }
    let array = Args(args).tensor(0)?;
    let coordinates = nonzero(array);
    let scalar = usize::from(array.item().as_f64() != 0.0);
    let count = coordinates.first().map_or(scalar, Vec::len);
    let rows = (0..count)
        .flat_map(|row| coordinates.iter().map(move |column| column[row]))
        .collect();
    Ok(vec![Array::from_vec::<i64>(
        &[count, coordinates.len()][..],
        rows,
    )])
}

fn masked_fill_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    let (meta, mask) = (args.tensor(0)?, args.tensor(1)?);
    let shape = layout::broadcast(&mask.shape, &meta.shape)?;
    if let Some(value) = args.opt(2).filter(|value| value.ndim() > 0) {
        return Err(OpError::runtime(format!(
            "masked_fill_ only supports a 0-dimensional value tensor, but got tensor with {} dimension(s).",
            value.ndim()
        )));
    }
    if mask.dtype != Dtype::Bool {
        return Err(OpError::runtime(format!(
            "masked_fill_ only supports boolean masks, but got mask with dtype {}",
            c_name(mask.dtype)
        )));
    }
    Ok(vec![Meta::contiguous(meta.dtype, shape)])
}
/// As C++ names an element type.
pub fn c_name(dtype: Dtype) -> &'static str {
    match dtype {
        Dtype::Bool => "bool",
        Dtype::I64 => "long int",
        Dtype::F32 => "float",
        Dtype::F64 => "double",
    }
}
fn masked_fill_node(args: &[Arg<Meta>]) -> &'static str {
    if Args(args).opt(2).is_some() {
        "MaskedFillBackward1"
    } else {
        "MaskedFillBackward0"
    }
}
fn masked_fill_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let meta = kit::inferred(masked_fill_infer, args)?;
    let args = Args(args);
    let mask = args.tensor(1)?.broadcast_to(&meta.shape);
    let array = args.tensor(0)?.broadcast_to(&meta.shape);
    let value = args
        .scalar(2)
        .unwrap_or_else(|| args.opt(2).map_or(Scalar::Int(0), Array::item));
    Ok(vec![with_element!(meta.dtype, T => {
        let value = <T as Element>::from_scalar(value);
        let filled = mask.values::<bool>().iter().zip(array.values::<T>().iter()).map(|(&fill, &old)| if fill { value } else { old }).collect();
        Array::from_vec::<T>(meta.shape, filled)
    })])
}
fn masked_fill_formula(b: &mut dyn Backward) -> Grads {
    let (grad, meta, mask) = (grad(b)?, input_meta(b, 0)?, b.input(1)?);
    let mut own = None;
    if b.needs(0) {
        let kept = kit::call(b, "masked_fill", vec![t(grad), t(mask), kit::n(0)])?;
        own = Some(kit::reduce_to(b, kept, &meta.shape)?);
    }
    let mut grads = vec![own];
    if Args(b.args()).opt(2).is_some() {
        let filled = kit::call(b, "where", vec![t(mask), t(grad), kit::n(0)])?;
        grads.push(Some(kit::sum_all(b, filled)?));
    }
    Ok(grads)
}

fn masked_select_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    let (meta, mask) = (args.tensor(0)?, args.tensor(1)?);
    if mask.dtype != Dtype::Bool {
        return Err(OpError::runtime(
            "masked_select: expected BoolTensor for mask",
        ));
    }
    layout::broadcast(&mask.shape, &meta.shape)?;
    kit::shape_from_values()
}
fn masked_select_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let args = Args(args);
    let (array, mask) = (args.tensor(0)?, args.tensor(1)?);
    if mask.dtype() != Dtype::Bool {
        return Err(OpError::runtime(
            "masked_select: expected BoolTensor for mask",
        ));
    }
    let shape = layout::broadcast(mask.shape(), array.shape())?;
    let (array, mask) = (array.broadcast_to(&shape), mask.broadcast_to(&shape));
    Ok(vec![with_element!(array.dtype(), T => {
        let picked: Vec<T> = mask.values::<bool>().iter().zip(array.values::<T>().iter()).filter(|(take, _)| **take).map(|(_, &value)| value).collect();
        Array::from_vec::<T>(&[picked.len()][..], picked)
    })])
}
fn masked_select_formula(b: &mut dyn Backward) -> Grads {
    let (grad, meta, mask) = (grad(b)?, input_meta(b, 0)?, b.input(1)?);
    let shape = layout::broadcast(&b.meta(mask).shape, &meta.shape)?;
    let placed = kit::call(
        b,
        "_masked_place",
        vec![t(grad), kit::shape(&shape), t(mask)],
    )?;
    b.count_writes(placed, 1);
    Ok(vec![Some(kit::reduce_to(b, placed, &meta.shape)?)])
}

fn masked_scatter_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    let (meta, mask, source) = (args.tensor(0)?, args.tensor(1)?, args.tensor(2)?);
    if meta.dtype != source.dtype {
        return Err(OpError::runtime(format!(
            "masked_scatter: expected self and source to have same dtypes but got{} and {}",
            meta.dtype.scalar_name(),
            source.dtype.scalar_name()
        )));
    }
    if mask.dtype != Dtype::Bool {
        return Err(OpError::runtime(format!(
            "masked_scatter_ only supports boolean masks, but got mask with dtype {}",
            mask.dtype.scalar_name()
        )));
    }
    Ok(vec![Meta::contiguous(
        meta.dtype,
        layout::broadcast(&mask.shape, &meta.shape)?,
    )])
}
/// Writes the elements of `source` one after the other where the mask is true.
fn scatter_by_mask(into: &Array, mask: &Array, source: &Array) -> Result<Array, OpError> {
    with_element!(into.dtype(), T => {
        let mut target = into.values::<T>().into_owned();
        let values = source.values::<T>();
        let mut next = values.iter();
        for (place, _) in mask.values::<bool>().iter().enumerate().filter(|(_, take)| **take) {
            let Some(&value) = next.next() else {
                return Err(OpError::runtime("Number of elements of source < number of ones in mask"));
            };
            target[place] = value;
        }
        Ok(Array::from_vec::<T>(into.meta.shape.clone(), target))
    })
}
fn masked_scatter_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let meta = kit::inferred(masked_scatter_infer, args)?;
    let args = Args(args);
    let (array, mask) = (
        args.tensor(0)?.broadcast_to(&meta.shape),
        args.tensor(1)?.broadcast_to(&meta.shape),
    );
    Ok(vec![scatter_by_mask(&array, &mask, args.tensor(2)?)?])
}
/// What a call in place leaves in its target although it fails: as many elements as the source has are written.
pub fn left_behind(row: &OpRow, args: &[Arg<Array>]) -> Option<Array> {
    if row.name != MASKED_SCATTER {
        return None;
    }
    let args = Args(args);
    let (array, source) = (args.tensor(0).ok()?, args.tensor(2).ok()?);
    let mask = args.tensor(1).ok()?.broadcast_to(array.shape());
    let mut left = source.numel();
    let mut kept = mask.values::<bool>().into_owned();
    for writes in kept.iter_mut().filter(|writes| **writes) {
        *writes = left > 0;
        left = left.saturating_sub(1);
    }
    let kept = Array::from_vec::<bool>(array.shape(), kept);
    scatter_by_mask(array, &kept, source).ok()
}
fn masked_scatter_formula(b: &mut dyn Backward) -> Grads {
    let (grad, meta, source, mask) = (grad(b)?, input_meta(b, 0)?, input_meta(b, 2)?, b.input(1)?);
    let mut grads = vec![None, None];
    if b.needs(0) {
        let kept = kit::call(b, "masked_fill", vec![t(grad), t(mask), kit::n(0)])?;
        grads[0] = Some(kit::reduce_to(b, kept, &meta.shape)?);
    }
    if b.needs(2) {
        grads[1] = Some(kit::call(
            b,
            "masked_scatter_backward",
            vec![t(grad), kit::shape(&source.shape), t(mask)],
        )?);
    }
    Ok(grads)
}
fn masked_place(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let meta = kit::inferred(sized_infer, args)?;
    let args = Args(args);
    let mask = args.tensor(2)?.broadcast_to(&meta.shape);
    let zeros = Array::full(meta.dtype, meta.shape.clone(), Scalar::Int(0));
    Ok(vec![scatter_by_mask(&zeros, &mask, args.tensor(0)?)?])
}
fn masked_place_formula(b: &mut dyn Backward) -> Grads {
    let (grad, meta, mask) = (grad(b)?, input_meta(b, 0)?, b.input(2)?);
    Ok(vec![Some(kit::call(
        b,
        "masked_scatter_backward",
        vec![t(grad), kit::shape(&meta.shape), t(mask)],
    )?)])
}
/// What the mask picks, in order, with zeros after it.
fn masked_scatter_backward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let meta = kit::inferred(sized_infer, args)?;
    let args = Args(args);
    let (grad, mask) = (
        args.tensor(0)?,
        args.tensor(2)?.broadcast_to(args.tensor(0)?.shape()),
    );
    let places: Vec<usize> = mask
        .values::<bool>()
        .iter()
        .enumerate()
        .filter(|(_, take)| **take)
        .map(|(place, _)| place)
        .collect();
    Ok(vec![kernels::gather(grad, &meta.shape, |place| {
        places.get(place).copied()
    })])
}
fn masked_scatter_backward_formula(b: &mut dyn Backward) -> Grads {
    let (grad, meta, mask) = (grad(b)?, input_meta(b, 0)?, b.input(2)?);
    Ok(vec![Some(kit::call(
        b,
        "_masked_place",
        vec![t(grad), kit::shape(&meta.shape), t(mask)],
    )?)])
}
