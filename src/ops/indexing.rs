//! What `x[…]` and `x[…] = value` come to: view calls first, then at most one call with index tensors; PyTorch's own
//! decomposition, so that the nodes, the saved tensors and the version bumps are its own.

use smallvec::SmallVec;

use super::layout;
use super::meta::{Dtype, Meta, Scalar};
use super::row::{Arg, IndexItem, OpError};

/// What the decomposition asks of the machine that it runs for.
pub trait IndexHost<T> {
    /// Dtype and layout of a tensor.
    fn meta(&self, tensor: &T) -> Meta;
    /// The number in a 0-dimensional integer or bool tensor; none if it is not known.
    fn item(&self, tensor: &T) -> Option<i64>;
    /// A new 1-dimensional tensor of indices.
    fn tensor(&mut self, values: &[i64]) -> T;
}

/// One call on what the step before gave (at first, the indexed tensor): the row, and the arguments after the tensor.
#[derive(Clone, PartialEq, Debug)]
pub struct IndexStep<T> {
    /// The row's name.
    pub op: &'static str,
    /// The arguments after the first.
    pub args: Vec<Arg<T>>,
}

/// What is done with the value once the views are taken.
#[derive(Clone, PartialEq, Debug)]
pub enum Write<T> {
    /// Nothing at all (`x[False] = 1`): no write, no version.
    Nothing,
    /// `copy_` of the value (a tensor), after the steps on it.
    Copy,
    /// `fill_` with the value, a number or a tensor without dimensions.
    Fill,
    /// `index_put_` with these indices and the value, after the steps on it.
    Put(Vec<IndexItem<T>>),
    /// `masked_fill_` with this mask and the value, a number.
    MaskedFill(T),
    /// `index_fill_` along this dimension at these indices with the value, a number.
    IndexFill(i64, T),
}

/// How an assignment goes: the steps from the tensor to the place that is written, the steps on a tensor value, the
/// steps on the index tensor of [`Write::MaskedFill`] and [`Write::IndexFill`], and the write.
#[derive(Clone, PartialEq, Debug)]
pub struct Assignment<T> {
    /// From the indexed tensor to what is written.
    pub target: Vec<IndexStep<T>>,
    /// From the value to what is written there. Empty for numbers.
    pub value: Vec<IndexStep<T>>,
    /// From the mask or index to what the write takes.
    pub index: Vec<IndexStep<T>>,
    /// The write, in place.
    pub write: Write<T>,
}

/// The views of an index, the tensors that are left for one call of `index`, and the layout after the views.
struct Sliced<T> {
    steps: Vec<IndexStep<T>>,
    tensors: Vec<IndexItem<T>>,
    meta: Meta,
}

impl<T> Sliced<T> {
    fn new(meta: Meta) -> Sliced<T> {
        Sliced {
            steps: vec![],
            tensors: vec![],
            meta,
        }
    }
    fn step(&mut self, op: &'static str, args: Vec<Arg<T>>, meta: Meta) {
        self.steps.push(IndexStep { op, args });
        self.meta = meta;
    }
    fn unsqueeze(&mut self, dim: usize) -> Result<(), OpError> {
        let meta = layout::unsqueeze(&self.meta, dim as i64)?;
        self.step("unsqueeze", vec![int(dim as i64)], meta);
        Ok(())
    }
    /// Selects; `index` is none where it is not known.
    fn select(&mut self, dim: usize, real_dim: usize, index: Option<i64>) -> Result<(), OpError> {
        if let (0, Some(index)) = (self.meta.ndim(), index.filter(|&index| index != 0)) {
            return Err(out_of_bounds(index, 0, 0));
        }
        if self.meta.ndim() == 0 {
            return Err(OpError::index(
                "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ to convert a 0-dim tensor to a number",
            ));
        }
        let size = self.meta.shape[dim];
        if let Some(index) = index.filter(|&index| layout::wrap_index(index, size).is_none()) {
            return Err(out_of_bounds(index, real_dim, size));
        }
        let arg = index.map_or(Arg::Unknown, int);
        let meta = layout::select(&self.meta, dim as i64, index.unwrap_or(0))?;
        self.step("select", vec![int(dim as i64), arg], meta);
        Ok(())
    }
    fn slice(
        &mut self,
        dim: usize,
        bounds: (Option<i64>, Option<i64>, Option<i64>),
        skip_full: bool,
    ) -> Result<(), OpError> {
        let step = checked_step(bounds.2)?;
        if self.meta.ndim() == 0 {
            return Err(OpError::index(
                "slice() cannot be applied to a 0-dim tensor.",
            ));
        }
        let size = self.meta.shape[dim] as i64;
        let full = bounds.0.unwrap_or(0) == 0 && bounds.1.unwrap_or(size) >= size && step == 1;
        if skip_full && full {
            return Ok(());
        }
        let meta = layout::slice(&self.meta, dim as i64, bounds.0, bounds.1, step)?;
        let bound = |value: Option<i64>| value.map_or(Arg::None, int);
        self.step(
            "slice",
            vec![int(dim as i64), bound(bounds.0), bound(bounds.1), int(step)],
            meta,
        );
        Ok(())
    }
    /// Leaves a tensor for the call of `index` at `dim`.
    fn leave(&mut self, dim: usize, tensor: T) {
        while self.tensors.len() < dim {
            self.tensors.push(IndexItem::None);
        }
        self.tensors.push(IndexItem::Tensor(tensor));
    }
}

fn int<T>(value: i64) -> Arg<T> {
    Arg::Scalar(Scalar::Int(value))
}

/// Measured: `x[5]` of three.
pub fn out_of_bounds(index: i64, dim: usize, size: usize) -> OpError {
    OpError::index(format!(
        "index {index} is out of bounds for dimension {dim} with size {size}"
    ))
}

fn checked_step(step: Option<i64>) -> Result<i64, OpError> {
    match step.unwrap_or(1) {
        0 => Err(OpError::value("slice step cannot be zero")),
        step if step < 0 => Err(OpError::value("step must be greater than zero")),
        step => Ok(step),
    }
}

fn unknown_item() -> OpError {
    OpError::Unsupported("an index that is not known".into())
}

/// How many dimensions of the tensor an item takes up.
fn taken<T>(item: &IndexItem<T>, host: &impl IndexHost<T>) -> usize {
    match item {
        IndexItem::None | IndexItem::Ellipsis | IndexItem::Bool(_) => 0,
        IndexItem::Tensor(tensor) => {
            let meta = host.meta(tensor);
            if meta.dtype == Dtype::Bool {
                meta.ndim()
            } else {
                1
            }
        }
        IndexItem::Int(_) | IndexItem::Slice(..) | IndexItem::Unknown => 1,
    }
}

/// Applies the items of a tuple from left to right.
fn apply<T: Clone>(
    meta: &Meta,
    items: &[IndexItem<T>],
    host: &mut impl IndexHost<T>,
) -> Result<Sliced<T>, OpError> {
    let specified: usize = items.iter().map(|item| taken(item, host)).sum();
    if specified > meta.ndim() {
        return Err(OpError::index(format!(
            "too many indices for tensor of dimension {}",
            meta.ndim()
        )));
    }
    let mut sliced = Sliced::new(meta.clone());
    let (mut dim, mut real_dim) = (0, 0);
    for item in items {
        match item {
            IndexItem::Unknown => return Err(unknown_item()),
            IndexItem::None => {
                sliced.unsqueeze(dim)?;
                dim += 1;
            }
            IndexItem::Ellipsis => {
                dim += meta.ndim() - specified;
                real_dim += meta.ndim() - specified;
            }
            IndexItem::Int(index) => {
                sliced.select(dim, real_dim, Some(*index))?;
                real_dim += 1;
            }
            IndexItem::Slice(start, end, step) => {
                sliced.slice(dim, (*start, *end, *step), true)?;
                dim += 1;
                real_dim += 1;
            }
            IndexItem::Bool(value) => {
                truth(&mut sliced, &mut dim, *value, host)?;
            }
            IndexItem::Tensor(tensor) => {
                real_dim += taken(item, host);
                by_tensor(&mut sliced, &mut dim, real_dim, tensor, host)?;
            }
        }
    }
    Ok(sliced)
}

/// A bool is a new dimension, of which index 0 is taken, or nothing.
fn truth<T: Clone>(
    sliced: &mut Sliced<T>,
    dim: &mut usize,
    value: bool,
    host: &mut impl IndexHost<T>,
) -> Result<(), OpError> {
    sliced.unsqueeze(*dim)?;
    let tensor = host.tensor(if value { &[0] } else { &[] });
    sliced.leave(*dim, tensor);
    *dim += 1;
    Ok(())
}

fn by_tensor<T: Clone>(
    sliced: &mut Sliced<T>,
    dim: &mut usize,
    real_dim: usize,
    tensor: &T,
    host: &mut impl IndexHost<T>,
) -> Result<(), OpError> {
    let meta = host.meta(tensor);
    match (meta.ndim(), meta.dtype) {
        (0, Dtype::I64) => {
            let index = host.item(tensor);
            sliced.select(*dim, real_dim - 1, index)?;
        }
        (0, Dtype::Bool) => {
            let value = host.item(tensor).ok_or_else(unknown_item)?;
            truth(sliced, dim, value != 0, host)?;
        }
        (ndim, dtype) => {
            sliced.leave(*dim, tensor.clone());
            *dim += if dtype == Dtype::Bool { ndim } else { 1 };
        }
    }
    Ok(())
}

/// The calls that `x[items]` is, in order. `meta` is that of `x`.
pub fn plan<T: Clone>(
    meta: &Meta,
    items: &[IndexItem<T>],
    host: &mut impl IndexHost<T>,
) -> Result<Vec<IndexStep<T>>, OpError> {
    let mut sliced = Sliced::new(meta.clone());
    match items {
        // A single item that is no tensor is taken without looking for a way to leave it out.
        [IndexItem::None] => sliced.unsqueeze(0)?,
        [IndexItem::Int(index)] => sliced.select(0, 0, Some(*index))?,
        [IndexItem::Slice(start, end, step)] => sliced.slice(0, (*start, *end, *step), false)?,
        _ => sliced = apply(meta, items, host)?,
    }
    if !sliced.tensors.is_empty() {
        sliced.steps.push(IndexStep {
            op: "index",
            args: vec![Arg::Index(sliced.tensors)],
        });
    } else if sliced.steps.is_empty() {
        sliced.steps.push(IndexStep {
            op: "alias",
            args: vec![],
        });
    }
    Ok(sliced.steps)
}

/// What is assigned.
#[derive(Clone, PartialEq, Debug)]
pub enum AssignedValue {
    /// A number.
    Number,
    /// A tensor of this dtype and these sizes.
    Tensor(Meta),
}

/// How `x[items] = value` goes. `meta` is that of `x`.
pub fn plan_assignment<T: Clone>(
    meta: &Meta,
    items: &[IndexItem<T>],
    value: &AssignedValue,
    host: &mut impl IndexHost<T>,
) -> Result<Assignment<T>, OpError> {
    let mut sliced = Sliced::new(meta.clone());
    match items {
        [IndexItem::Bool(false)] => {
            return Ok(Assignment {
                target: vec![],
                value: vec![],
                index: vec![],
                write: Write::Nothing,
            });
        }
        [IndexItem::None | IndexItem::Bool(true)] => sliced.unsqueeze(0)?,
        [IndexItem::Int(index)] => sliced.select(0, 0, Some(*index))?,
        [IndexItem::Slice(start, end, step)] => sliced.slice(0, (*start, *end, *step), true)?,
        _ => sliced = apply(meta, items, host)?,
    }
    if sliced.tensors.is_empty() {
        Ok(assign_view(sliced, value))
    } else {
        assign_indexed(sliced, value, host)
    }
}

/// Without the leading sizes of one, which an assigned tensor may have too many of.
fn stripped(shape: &[usize]) -> &[usize] {
    let lead = shape.iter().take_while(|&&size| size == 1).count();
    &shape[lead..]
}

/// The view that takes leading ones off a value.
fn strip_step<T>(shape: &[usize]) -> IndexStep<T> {
    IndexStep {
        op: "view",
        args: vec![Arg::Ints(layout::signed(stripped(shape)))],
    }
}

fn assign_view<T>(sliced: Sliced<T>, value: &AssignedValue) -> Assignment<T> {
    let shape = &sliced.meta.shape;
    let mut steps = vec![];
    let write = match value {
        AssignedValue::Tensor(meta) if meta.shape == *shape => Write::Copy,
        AssignedValue::Tensor(meta) if meta.ndim() > 0 => {
            steps.push(strip_step(&meta.shape));
            if stripped(&meta.shape) != &shape[..] {
                steps.push(IndexStep {
                    op: "expand",
                    args: vec![Arg::Ints(layout::signed(shape))],
                });
            }
            Write::Copy
        }
        _ => Write::Fill,
    };
    Assignment {
        target: sliced.steps,
        value: steps,
        index: vec![],
        write,
    }
}

fn assign_indexed<T: Clone>(
    sliced: Sliced<T>,
    value: &AssignedValue,
    host: &impl IndexHost<T>,
) -> Result<Assignment<T>, OpError> {
    let mut assignment = Assignment {
        target: sliced.steps,
        value: vec![],
        index: vec![],
        write: Write::Nothing,
    };
    match value {
        AssignedValue::Tensor(meta) => {
            let only_mask = matches!(&sliced.tensors[..], [IndexItem::Tensor(mask)] if host.meta(mask).dtype == Dtype::Bool);
            // Measured: a value without dimensions may have another type under a mask only.
            let converts = only_mask && meta.ndim() == 0;
            if meta.dtype != sliced.meta.dtype && !converts {
                return Err(OpError::runtime(format!(
                    "Index put requires the source and destination dtypes match, got {} for the destination and {} for the source.",
                    sliced.meta.dtype.scalar_name(),
                    meta.dtype.scalar_name()
                )));
            }
            if stripped(&meta.shape).len() < meta.ndim() {
                assignment.value.push(strip_step(&meta.shape));
            }
            assignment.write = Write::Put(sliced.tensors);
        }
        AssignedValue::Number => number_write(sliced.tensors, &sliced.meta, &mut assignment, host)?,
    }
    Ok(assignment)
}

/// A number at one index tensor is a fill; at several it is put.
fn number_write<T: Clone>(
    tensors: Vec<IndexItem<T>>,
    meta: &Meta,
    assignment: &mut Assignment<T>,
    host: &impl IndexHost<T>,
) -> Result<(), OpError> {
    let [before @ .., IndexItem::Tensor(last)] = &tensors[..] else {
        return Err(unknown_item());
    };
    if before.iter().any(|item| !matches!(item, IndexItem::None)) {
        assignment.write = Write::Put(tensors);
        return Ok(());
    }
    let (dim, index) = (before.len(), host.meta(last));
    if index.dtype == Dtype::Bool {
        check_mask(&index, dim, meta)?;
        let after = meta.ndim() - dim - index.ndim();
        if after > 0 {
            let mut shape: SmallVec<[i64; 4]> = layout::signed(&index.shape);
            shape.extend(std::iter::repeat_n(1, after));
            assignment.index.push(IndexStep {
                op: "view",
                args: vec![Arg::Ints(shape)],
            });
        }
        assignment.write = Write::MaskedFill(last.clone());
    } else {
        if index.ndim() != 1 {
            let flat: SmallVec<[i64; 4]> = SmallVec::from_slice(&[-1]);
            assignment.index.push(IndexStep {
                op: "view",
                args: vec![Arg::Ints(flat)],
            });
        }
        assignment.write = Write::IndexFill(dim as i64, last.clone());
    }
    Ok(())
}

/// A mask must have the sizes of the dimensions that it stands for.
pub fn check_mask(mask: &Meta, dim: usize, indexed: &Meta) -> Result<(), OpError> {
    for place in 0..mask.ndim() {
        if indexed.shape.get(dim + place) != Some(&mask.shape[place]) {
            return Err(OpError::index(format!(
                "The shape of the mask {} at index {place} does not match the shape of the indexed tensor {} at index {}",
                mask.sizes(),
                indexed.sizes(),
                dim + place
            )));
        }
    }
    Ok(())
}
