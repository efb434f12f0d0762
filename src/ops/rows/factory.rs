//! Tensors made from nothing.

use crate::ops::array::Array;
use crate::ops::broadcast::fresh;
use crate::ops::build::{
    Arrays, Metas, SELF, dtype, dtype_at, f64_at, function, int, int_at, ints, ints_at, method,
    number, operand, param, scalar_at, tensor, tensor_at,
};
use crate::ops::kernel::{full, operand_at};
use crate::ops::kit::metas;
use crate::ops::meta::{Dtype, Meta, Scalar, Shape};
use crate::ops::promote::of_scalar;
use crate::ops::row::{
    Arg, Forms, Gradient, InPlace, OpError, OpRow, Param, ParamKind, ResultKind,
};

/// A row whose result never requires grad.
const fn factory(
    name: &'static str,
    forms: Forms,
    params: &'static [Param],
    infer: fn(&[Arg<Meta>]) -> Metas,
    evidence: &'static [&'static str],
) -> OpRow {
    OpRow {
        name,
        forms,
        params,
        result: ResultKind::Fresh,
        in_place: InPlace::No,
        infer,
        forward: None,
        saves: &[],
        gradient: Gradient::NotDifferentiable,
        node: "",
        node_by: None,
        fast: None,
        evidence,
    }
}

macro_rules! factory {
    ($name:literal, $forms:expr, $params:expr, $infer:expr, $forward:expr, $evidence:expr) => {
        OpRow {
            forward: Some(|args, _| $forward(args)),
            ..factory($name, $forms, $params, $infer, $evidence)
        }
    };
}

/// New tensors. What has no evidence is not in ops.tsv, which has no factories: measured by `tests/ops/cases.py`.
pub const ROWS: &[OpRow] = &[
    factory!(
        "zeros",
        function(&["zeros"]),
        &[ints("size"), dtype()],
        |args| infer_sized(args, "zeros"),
        |args| filled(args, infer_sized(&metas(args), "zeros"), 0),
        &[]
    ),
    factory!(
        "ones",
        function(&["ones"]),
        &[ints("size"), dtype()],
        |args| infer_sized(args, "ones"),
        |args| filled(args, infer_sized(&metas(args), "ones"), 1),
        &[]
    ),
    // The numbers of `empty` are not defined; zeros are as good as any, and always the same.
    factory!(
        "empty",
        function(&["empty"]),
        &[ints("size"), dtype()],
        |args| infer_sized(args, "empty"),
        |args| filled(args, infer_sized(&metas(args), "empty"), 0),
        &[]
    ),
    factory!(
        "full",
        function(&["full"]),
        &[ints("size"), number("fill_value"), dtype()],
        infer_full,
        |args| filled_by(args, infer_full(&metas(args)), 1),
        &[]
    ),
    factory!(
        "zeros_like",
        function(&["zeros_like"]),
        LIKE,
        infer_like,
        |args| filled(args, infer_like(&metas(args)), 0),
        &["zeros_like"]
    ),
    factory!(
        "ones_like",
        function(&["ones_like"]),
        LIKE,
        infer_like,
        |args| filled(args, infer_like(&metas(args)), 1),
        &["ones_like"]
    ),
    factory!(
        "empty_like",
        function(&["empty_like"]),
        LIKE,
        infer_like,
        |args| filled(args, infer_like(&metas(args)), 0),
        &["empty_like"]
    ),
    factory!(
        "full_like",
        function(&["full_like"]),
        &[SELF, number("fill_value"), dtype()],
        |args| Ok(vec![like(args, 2)?]),
        |args| filled_by(args, Ok(vec![like(&metas(args), 2)?]), 1),
        &[]
    ),
    factory!(
        "new_zeros",
        method(&["new_zeros"]),
        NEW,
        infer_new,
        |args| filled(args, infer_new(&metas(args)), 0),
        &[]
    ),
    factory!(
        "new_ones",
        method(&["new_ones"]),
        NEW,
        infer_new,
        |args| filled(args, infer_new(&metas(args)), 1),
        &[]
    ),
    factory!(
        "new_empty",
        method(&["new_empty"]),
        NEW,
        infer_new,
        |args| filled(args, infer_new(&metas(args)), 0),
        &[]
    ),
    factory!(
        "new_full",
        method(&["new_full"]),
        &[SELF, ints("size"), number("fill_value"), dtype()],
        |args| infer_of_size(
            args,
            1,
            dtype_at(args, 3).unwrap_or(tensor_at(args, 0)?.dtype),
            ""
        ),
        |args: &[Arg<Array>]| {
            let dtype = dtype_at(args, 3).unwrap_or(tensor_at(args, 0)?.dtype());
            filled_by(args, infer_of_size(&metas(args), 1, dtype, ""), 2)
        },
        &[]
    ),
    factory!(
        "eye",
        function(&["eye"]),
        &[
            int("n"),
            int("m").or(crate::ops::row::Default::None),
            dtype()
        ],
        infer_eye,
        forward_eye,
        &[]
    ),
    factory!(
        "arange",
        function(&["arange"]),
        &[number("end"), dtype()],
        |args| infer_range(&Range::read(
            None,
            scalar_at(args, 0),
            None,
            dtype_at(args, 1)
        )),
        |args| forward_range(&Range::read(
            None,
            scalar_at(args, 0),
            None,
            dtype_at(args, 1)
        )),
        &[]
    ),
    factory!(
        "arange.start",
        function(&["arange"]),
        &[
            number("start"),
            number("end"),
            number("step").or_int(1),
            dtype()
        ],
        |args| infer_range(&Range::read(
            scalar_at(args, 0),
            scalar_at(args, 1),
            scalar_at(args, 2),
            dtype_at(args, 3)
        )),
        |args| forward_range(&Range::read(
            scalar_at(args, 0),
            scalar_at(args, 1),
            scalar_at(args, 2),
            dtype_at(args, 3)
        )),
        &[]
    ),
    factory!(
        "linspace",
        function(&["linspace"]),
        &[number("start"), number("end"), int("steps"), dtype()],
        infer_linspace,
        forward_linspace,
        &[]
    ),
    factory!(
        "tensor",
        function(&["tensor"]),
        &[param("data", ParamKind::Data), dtype()],
        infer_tensor,
        forward_tensor,
        &[]
    ),
    factory!(
        "new_tensor",
        method(&["new_tensor"]),
        &[SELF, param("data", ParamKind::Data), dtype()],
        |args| {
            let of_self = tensor_at(args, 0)?.dtype;
            infer_tensor(&[
                args[1].clone(),
                Arg::Dtype(dtype_at(args, 2).unwrap_or(of_self)),
            ])
        },
        |args: &[Arg<Array>]| {
            let of_self = tensor_at(args, 0)?.dtype();
            forward_tensor(&[
                args[1].clone(),
                Arg::Dtype(dtype_at(args, 2).unwrap_or(of_self)),
            ])
        },
        &[]
    ),
    OpRow {
        name: "zero_",
        forms: Forms {
            function: &[],
            method: &["zero_"],
            functional: &[],
            attribute: &[],
        },
        params: &[SELF],
        result: ResultKind::Fresh,
        in_place: InPlace::Only,
        infer: |args| Ok(vec![tensor_at(args, 0)?.clone()]),
        forward: Some(|args, _| Ok(vec![full(&contiguous(args)?, Scalar::Int(0))])),
        saves: &[],
        gradient: Gradient::Formula(|b| b.first(|b, grad| b.zeros_like(grad))),
        node: "ZeroBackward0",
        node_by: None,
        fast: None,
        evidence: &["zero_"],
    },
    OpRow {
        name: "fill_",
        forms: method(&["fill_"]),
        params: &[SELF, number("value")],
        result: ResultKind::Fresh,
        in_place: InPlace::Only,
        infer: |args| Ok(vec![tensor_at(args, 0)?.clone()]),
        forward: Some(|args, _| {
            Ok(vec![full(
                &contiguous(args)?,
                scalar_at(args, 1).unwrap_or(Scalar::Int(0)),
            )])
        }),
        saves: &[],
        gradient: Gradient::Formula(|b| b.first(|b, grad| b.zeros_like(grad))),
        node: "FillBackward2",
        node_by: None,
        fast: None,
        evidence: &["fill_"],
    },
    OpRow {
        // Not in ops.tsv; measured: FillBackward3, saves nothing.
        name: "fill_.Tensor",
        forms: method(&["fill_"]),
        params: &[SELF, tensor("value")],
        result: ResultKind::Fresh,
        in_place: InPlace::Only,
        infer: infer_fill,
        forward: Some(|args, _| Ok(vec![full(&contiguous(args)?, tensor_at(args, 1)?.item())])),
        saves: &[],
        gradient: Gradient::Formula(|b| {
            b.parts(&[
                (0, |b, grad| b.zeros_like(grad)),
                (1, |b, grad| b.sum(grad)),
            ])
        }),
        node: "FillBackward3",
        node_by: None,
        fast: None,
        evidence: &[],
    },
    OpRow {
        name: "copy_",
        forms: method(&["copy_"]),
        params: &[
            SELF,
            operand("src"),
            crate::ops::build::flag("non_blocking"),
        ],
        result: ResultKind::Fresh,
        in_place: InPlace::Only,
        infer: infer_copy,
        forward: Some(|args, _| {
            let meta = contiguous(args)?;
            Ok(vec![
                operand_at(args, 1, meta.dtype)?
                    .cast(meta.dtype)
                    .broadcast_to(&meta.shape)
                    .to_contiguous(),
            ])
        }),
        saves: &[],
        gradient: Gradient::Formula(|b| {
            b.parts(&[
                (0, |b, grad| b.zeros_like(grad)),
                (1, |b, grad| {
                    let dtype = b.input_meta(1).map_or(Dtype::F32, |meta| meta.dtype);
                    b.cast(grad, dtype)
                }),
            ])
        }),
        node: "torch::autograd::CopyBackwards",
        node_by: None,
        fast: None,
        evidence: &["copy_"],
    },
];

const LIKE: &[Param] = &[SELF, dtype()];
const NEW: &[Param] = &[SELF, ints("size"), dtype()];

/// A contiguous tensor like the first argument.
fn contiguous(args: &[Arg<Array>]) -> Result<Meta, OpError> {
    let meta = &tensor_at(args, 0)?.meta;
    Ok(Meta::contiguous(meta.dtype, meta.shape.clone()))
}

/// Sizes as given, none of them negative.
fn sizes(ints: &[i64], name: &str) -> Result<Shape, OpError> {
    let shown = || {
        ints.iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", ")
    };
    ints.iter()
        .map(|&size| {
            usize::try_from(size).map_err(|_| match name {
                "zeros" => OpError::runtime("zeros: Dimension size must be non-negative."),
                _ => OpError::runtime(format!(
                    "Trying to create tensor with negative dimension {size}: [{}]",
                    shown()
                )),
            })
        })
        .collect()
}

/// A new tensor of the sizes at `position`.
pub fn infer_of_size(args: &[Arg<Meta>], position: usize, dtype: Dtype, name: &str) -> Metas {
    Ok(vec![fresh(
        dtype,
        sizes(ints_at(args, position).unwrap_or_default(), name)?,
    )?])
}

fn infer_sized(args: &[Arg<Meta>], name: &str) -> Metas {
    infer_of_size(args, 0, dtype_at(args, 1).unwrap_or(Dtype::F32), name)
}

fn infer_full(args: &[Arg<Meta>]) -> Metas {
    let dtype = dtype_at(args, 2)
        .or_else(|| scalar_at(args, 1).map(of_scalar))
        .unwrap_or(Dtype::F32);
    infer_of_size(args, 0, dtype, "full")
}

/// A tensor like the first argument, of the type at `position`, if there is one.
pub fn like(args: &[Arg<Meta>], position: usize) -> Result<Meta, OpError> {
    let meta = tensor_at(args, 0)?;
    fresh(
        dtype_at(args, position).unwrap_or(meta.dtype),
        meta.shape.clone(),
    )
}

fn infer_like(args: &[Arg<Meta>]) -> Metas {
    Ok(vec![like(args, 1)?])
}

fn infer_new(args: &[Arg<Meta>]) -> Metas {
    infer_of_size(
        args,
        1,
        dtype_at(args, 2).unwrap_or(tensor_at(args, 0)?.dtype),
        "",
    )
}

fn filled(_: &[Arg<Array>], metas: Metas, value: i64) -> Arrays {
    Ok(metas?
        .iter()
        .map(|meta| full(meta, Scalar::Int(value)))
        .collect())
}

fn filled_by(args: &[Arg<Array>], metas: Metas, position: usize) -> Arrays {
    let value = scalar_at(args, position).unwrap_or(Scalar::Int(0));
    Ok(metas?.iter().map(|meta| full(meta, value)).collect())
}

fn infer_eye(args: &[Arg<Meta>]) -> Metas {
    let rows = int_at(args, 0).unwrap_or(0);
    let columns = int_at(args, 1).unwrap_or(rows);
    let checked = |name: &str, size: i64| {
        usize::try_from(size).map_err(|_| {
            OpError::runtime(format!("{name} must be greater or equal to 0, got {size}"))
        })
    };
    let shape = [checked("n", rows)?, checked("m", columns)?];
    Ok(vec![fresh(
        dtype_at(args, 2).unwrap_or(Dtype::F32),
        shape.as_slice(),
    )?])
}

fn forward_eye(args: &[Arg<Array>]) -> Arrays {
    let meta = infer_eye(&metas(args))?.remove(0);
    let columns = meta.shape[1];
    let mut place = 0;
    Ok(vec![crate::ops::kernel::generate(&meta, || {
        let one = columns > 0 && place / columns == place % columns;
        place += 1;
        f64::from(u8::from(one))
    })])
}

/// What `arange` counts through.
struct Range {
    start: Scalar,
    end: Scalar,
    step: Scalar,
    dtype: Dtype,
}

impl Range {
    fn read(
        start: Option<Scalar>,
        end: Option<Scalar>,
        step: Option<Scalar>,
        dtype: Option<Dtype>,
    ) -> Range {
        let (start, end, step) = (
            start.unwrap_or(Scalar::Int(0)),
            end.unwrap_or(Scalar::Int(0)),
            step.unwrap_or(Scalar::Int(1)),
        );
        let floating = [start, end, step]
            .iter()
            .any(|scalar| matches!(scalar, Scalar::Float(_)));
        Range {
            start,
            end,
            step,
            dtype: dtype.unwrap_or(if floating { Dtype::F32 } else { Dtype::I64 }),
        }
    }
}

fn infer_range(range: &Range) -> Metas {
    let (start, end, step) = (
        range.start.as_f64(),
        range.end.as_f64(),
        range.step.as_f64(),
    );
    if step == 0.0 {
        return Err(OpError::runtime("step must be nonzero"));
    }
    if !start.is_finite() || !end.is_finite() {
        return Err(OpError::runtime(format!(
            "unsupported range: {} -> {}",
            shown(start),
            shown(end)
        )));
    }
    if (step > 0.0 && start > end) || (step < 0.0 && start < end) {
        return Err(OpError::runtime(
            "upper bound and lower bound inconsistent with step sign",
        ));
    }
    let size = ((end - start) / step).ceil();
    if size.is_nan() || size >= i64::MAX as f64 {
        return Err(OpError::runtime(format!(
            "invalid size, possible overflow? (size={size})"
        )));
    }
    Ok(vec![fresh(
        range.dtype,
        [size.max(0.0) as usize].as_slice(),
    )?])
}

fn shown(x: f64) -> String {
    if x.is_nan() {
        "nan".into()
    } else if x.is_infinite() {
        if x > 0.0 { "inf".into() } else { "-inf".into() }
    } else {
        format!("{x}")
    }
}

fn forward_range(range: &Range) -> Arrays {
    let meta = infer_range(range)?.remove(0);
    if let (Scalar::Int(start), Scalar::Int(step), Dtype::I64) =
        (range.start, range.step, meta.dtype)
    {
        let values: Vec<i64> = (0..meta.numel() as i64)
            .map(|place| start.wrapping_add(step.wrapping_mul(place)))
            .collect();
        return Ok(vec![Array::from_vec(meta.shape, values)]);
    }
    let (start, step) = (range.start.as_f64(), range.step.as_f64());
    let mut place = -1.0;
    Ok(vec![crate::ops::kernel::generate(&meta, || {
        place += 1.0;
        start + step * place
    })])
}

fn infer_linspace(args: &[Arg<Meta>]) -> Metas {
    let steps = usize::try_from(int_at(args, 2).unwrap_or(0))
        .map_err(|_| OpError::runtime("number of steps must be non-negative"))?;
    Ok(vec![fresh(
        dtype_at(args, 3).unwrap_or(Dtype::F32),
        [steps].as_slice(),
    )?])
}

/// From both ends to the middle, as PyTorch does.
fn forward_linspace(args: &[Arg<Array>]) -> Arrays {
    let meta = infer_linspace(&metas(args))?.remove(0);
    let (start, end, steps) = (f64_at(args, 0, 0.0), f64_at(args, 1, 0.0), meta.numel());
    let step = if steps > 1 {
        (end - start) / (steps - 1) as f64
    } else {
        0.0
    };
    let mut place = 0;
    Ok(vec![crate::ops::kernel::generate(&meta, || {
        let value = if place < steps.div_ceil(2) {
            start + step * place as f64
        } else {
            end - step * (steps - place - 1) as f64
        };
        place += 1;
        value
    })])
}

fn infer_tensor(args: &[Arg<Meta>]) -> Metas {
    let Some(Arg::Data(nested)) = args.first() else {
        return Err(OpError::Unsupported("tensor() of this".into()));
    };
    Ok(vec![fresh(
        dtype_at(args, 1).unwrap_or(nested.dtype),
        nested.shape.clone(),
    )?])
}

fn forward_tensor(args: &[Arg<Array>]) -> Arrays {
    let meta = infer_tensor(&metas(args))?.remove(0);
    let Some(Arg::Data(nested)) = args.first() else {
        return Err(OpError::Unsupported("tensor() of this".into()));
    };
    Ok(vec![
        crate::with_element!(meta.dtype, T => Array::from_vec(meta.shape, nested.flat.iter().map(|&scalar| <T as crate::ops::Element>::from_scalar(scalar)).collect::<Vec<T>>())),
    ])
}

fn infer_fill(args: &[Arg<Meta>]) -> Metas {
    let value = tensor_at(args, 1)?;
    if value.ndim() != 0 {
        return Err(OpError::runtime(format!(
            "fill_ only supports 0-dimension value tensor but got tensor with {} dimensions.",
            value.ndim()
        )));
    }
    Ok(vec![tensor_at(args, 0)?.clone()])
}

fn infer_copy(args: &[Arg<Meta>]) -> Metas {
    let target = tensor_at(args, 0)?;
    let Some(Arg::Tensor(source)) = args.get(1) else {
        return Ok(vec![target.clone()]);
    };
    let shape = crate::ops::broadcast::broadcast(&target.shape, &source.shape)?;
    if shape != target.shape {
        return Err(OpError::runtime(format!(
            "output with shape {} doesn't match the broadcast shape {}",
            target.sizes(),
            crate::ops::meta::sizes(&shape)
        )));
    }
    Ok(vec![target.clone()])
}
