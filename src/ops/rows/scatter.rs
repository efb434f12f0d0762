//! Putting gradients back where a view was taken from: the adjoints of the views, each with the view as its own
//! gradient. Internal: a script cannot name them.

use crate::ops::array::{Array, Buffer, Offsets};
use crate::ops::kernels;
use crate::ops::kit::{
    self, Args, Grads, INTERNAL, formula, grad, int, int_or, ints, n, op, opt_int, same, t, tensor,
};
use crate::ops::layout;
use crate::ops::meta::Meta;
use crate::ops::rng::Rng;
use crate::ops::row::{Arg, Backward, Exception, Gradient, OpError, OpRow, Param, ParamKind};
use crate::with_element;

const GRAD: Param = tensor("grad_output");
const SIZES: Param = ints("input_sizes");
const OF_INPUT: &[Param] = &[GRAD, tensor("input")];

/// As `_linked`, where PyTorch has no derivative of the gradient: `text` is what it says.
const fn once(name: &'static str, text: &'static str) -> OpRow {
    op(
        name,
        INTERNAL,
        OF_INPUT,
        linked_infer,
        linked_forward,
        &[],
        Gradient::NotImplemented(Exception::RuntimeError, text),
        "NotImplemented",
        &[],
    )
}

/// The rows of this file. No row of ops.tsv names them: they are measured through the views whose gradients they are.
pub const ROWS: &[OpRow] = &[
    // The gradient of an operator whose backward PyTorch has as one operator of both, but linear in the gradient:
    // the derivative by the input is zero, and the result requires grad where the input does.
    op(
        "_linked",
        INTERNAL,
        OF_INPUT,
        linked_infer,
        linked_forward,
        &[],
        formula(linked_formula),
        "AddBackward0",
        &[],
    ),
    // The derivative by the input is there, and not modelled.
    op(
        "_cumprod_once",
        INTERNAL,
        OF_INPUT,
        linked_infer,
        linked_forward,
        &[],
        Gradient::Formula(|_| {
            Err(OpError::Unsupported(
                "the second derivative of cumprod".into(),
            ))
        }),
        "DivBackward0",
        &[],
    ),
    once(
        "_hardsigmoid_once",
        "derivative for aten::hardsigmoid_backward is not implemented",
    ),
    once(
        "_multi_margin_once",
        "derivative for aten::multi_margin_loss_backward is not implemented",
    ),
    once(
        "_attention_once",
        "derivative for aten::_scaled_dot_product_flash_attention_for_cpu_backward is not implemented",
    ),
    op(
        "select_backward",
        INTERNAL,
        &[GRAD, SIZES, int("dim"), int("index")],
        sized,
        select_forward,
        &[],
        formula(select_formula),
        "SelectBackwardBackward0",
        &[],
    ),
    op(
        "slice_backward",
        INTERNAL,
        &[
            GRAD,
            SIZES,
            int("dim"),
            opt_int("start"),
            opt_int("end"),
            int_or("step", 1),
        ],
        sized,
        slice_forward,
        &[],
        formula(slice_formula),
        "SliceBackwardBackward0",
        &[],
    ),
    op(
        "diagonal_backward",
        INTERNAL,
        &[GRAD, SIZES, int("offset"), int("dim1"), int("dim2")],
        sized,
        diagonal_forward,
        &[],
        formula(diagonal_formula),
        "DiagonalBackwardBackward0",
        &[],
    ),
    op(
        "unfold_backward",
        INTERNAL,
        &[GRAD, SIZES, int("dim"), int("size"), int("step")],
        sized,
        unfold_forward,
        &[],
        formula(unfold_formula),
        "UnfoldBackwardBackward0",
        &[],
    ),
    op(
        "as_strided_backward",
        INTERNAL,
        &[
            GRAD,
            SIZES,
            ints("input_strides"),
            int("input_offset"),
            ints("size"),
            ints("stride"),
            int("offset"),
        ],
        sized,
        as_strided_forward,
        &[],
        formula(as_strided_formula),
        "AsStridedBackwardBackward0",
        &[],
    ),
    op(
        "_place",
        INTERNAL,
        &[
            kit::param("parts", ParamKind::Tensors),
            SIZES,
            int("dim"),
            ints("starts"),
        ],
        place_infer,
        place_forward,
        &[],
        formula(place_formula),
        "PlaceBackward0",
        &[],
    ),
];

fn linked_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let meta = Args(args).tensor(0)?;
    Ok(vec![Meta::contiguous(meta.dtype, meta.shape.clone())])
}
fn linked_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let grad = Args(args).tensor(0)?;
    Ok(vec![grad.reshaped(grad.meta.shape.clone())])
}
fn linked_formula(b: &mut dyn Backward) -> Grads {
    let grad = grad(b)?;
    let of_input = match b.needs(1) {
        true => {
            let meta = kit::input_meta(b, 1)?;
            Some(b.zeros(&meta.shape, meta.dtype)?)
        }
        false => None,
    };
    Ok(vec![Some(grad), of_input])
}

fn sized(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    Ok(vec![Meta::contiguous(
        args.tensor(0)?.dtype,
        layout::checked_shape(&args.ints(1))?,
    )])
}

/// Adds the gradient to zeros through the layout of the view in them.
fn through(
    args: &[Arg<Array>],
    view: impl Fn(&Meta, Args<'_, Array>) -> Result<Meta, OpError>,
) -> Result<Vec<Array>, OpError> {
    let whole = kit::inferred(sized, args)?;
    let args = Args(args);
    let (grad, layout) = (args.tensor(0)?, view(&whole, args)?);
    if layout.shape != grad.meta.shape {
        return Err(OpError::Unsupported(
            "a gradient does not have the shape of its view".into(),
        ));
    }
    Ok(vec![kernels::accumulate_view(grad, &whole.shape, &layout)])
}

fn select_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    through(args, |whole, args| {
        layout::select(whole, args.int(2, 0), args.int(3, 0))
    })
}
fn slice_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    through(args, |whole, args| {
        layout::slice(
            whole,
            args.int(2, 0),
            args.opt_int(3),
            args.opt_int(4),
            args.int(5, 1),
        )
    })
}
fn diagonal_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    through(args, |whole, args| {
        layout::diagonal(whole, args.int(2, 0), args.int(3, 0), args.int(4, 1))
    })
}
fn unfold_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    through(args, |whole, args| {
        layout::unfold(whole, args.int(2, 0), args.int(3, 0), args.int(4, 1))
    })
}

/// The view itself, taken of the incoming gradient.
fn view_again(b: &mut dyn Backward, op: &'static str, places: std::ops::Range<usize>) -> Grads {
    let mut args = vec![t(grad(b)?)];
    args.extend(places.map(|place| same(b, place)));
    Ok(vec![Some(kit::call(b, op, args)?)])
}
fn select_formula(b: &mut dyn Backward) -> Grads {
    view_again(b, "select", 2..4)
}
fn slice_formula(b: &mut dyn Backward) -> Grads {
    view_again(b, "slice", 2..6)
}
fn diagonal_formula(b: &mut dyn Backward) -> Grads {
    view_again(b, "diagonal", 2..5)
}
fn unfold_formula(b: &mut dyn Backward) -> Grads {
    view_again(b, "unfold", 2..5)
}

/// The layouts of the argument and of the view that `as_strided` was called with.
fn strided_layouts<T>(
    args: Args<'_, T>,
    dtype: crate::ops::Dtype,
) -> Result<(Meta, Meta), OpError> {
    let nothing = Meta::contiguous(dtype, &[][..]);
    let input = layout::as_strided(&nothing, &args.ints(1), &args.ints(2), Some(args.int(3, 0)))?;
    let view = layout::as_strided(&nothing, &args.ints(4), &args.ints(5), Some(args.int(6, 0)))?;
    Ok((input, view))
}
fn as_strided_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let args = Args(args);
    let grad = args.tensor(0)?;
    let (input, view) = strided_layouts(args, grad.dtype())?;
    let length = layout::span(&input).max(layout::span(&view)).unwrap_or(0);
    layout::checked_numel(&[length])?;
    let storage = kernels::accumulate_view(grad, &[length], &view);
    // Where elements of the argument share a place, each gets its part.
    let mut count = vec![0.0f64; length];
    for offset in Offsets::new(&input) {
        count[offset] += 1.0;
    }
    let picked = with_element!(grad.dtype(), T => {
        let values = storage.values::<T>();
        let parts = Offsets::new(&input).map(|offset| <T as crate::ops::array::Element>::from_f64(
            crate::ops::array::Element::to_f64(values[offset]) / count[offset])).collect();
        Array::from_vec::<T>(input.shape.clone(), parts)
    });
    Ok(vec![picked])
}
fn as_strided_formula(b: &mut dyn Backward) -> Grads {
    let grad = grad(b)?;
    let (input, view) = strided_layouts(Args(b.args()), b.meta(grad).dtype)?;
    let offset = view
        .offset
        .checked_sub(input.offset)
        .filter(|_| input.is_contiguous());
    let Some(offset) = offset else {
        return Err(OpError::Unsupported(
            "the second derivative of as_strided of a tensor that is not contiguous".into(),
        ));
    };
    let flat = kit::reshape(b, grad, &[input.numel()])?;
    let args = vec![
        t(flat),
        kit::shape(&view.shape),
        kit::shape(&view.strides),
        n(offset as i64),
    ];
    Ok(vec![Some(kit::call(b, "as_strided", args)?)])
}

fn place_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    let first = args
        .tensors(0)
        .first()
        .ok_or_else(|| OpError::Unsupported("nothing to place".into()))?;
    Ok(vec![Meta::contiguous(
        first.dtype,
        layout::checked_shape(&args.ints(1))?,
    )])
}
fn place_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let whole = kit::inferred(place_infer, args)?;
    let args = Args(args);
    let dim = layout::wrap_dim(args.int(2, 0), whole.ndim())?;
    let parts: Vec<(&Array, usize)> = args
        .tensors(0)
        .iter()
        .zip(args.ints(3))
        .map(|(part, start)| (part, start.max(0) as usize))
        .collect();
    if whole.ndim() == 0 {
        let empty = Buffer::zeros(whole.dtype, 1);
        return Ok(vec![Array {
            buffer: empty.into(),
            meta: whole,
        }]);
    }
    Ok(vec![kernels::place(
        whole.dtype,
        &whole.shape,
        dim,
        &parts,
    )?])
}
fn place_formula(b: &mut dyn Backward) -> Grads {
    let grad = grad(b)?;
    let args = Args(b.args());
    let (dim, starts, parts) = (args.int(2, 0), args.ints(3), args.tensors(0).to_vec());
    let mut grads = Vec::with_capacity(parts.len());
    for (part, &start) in parts.iter().zip(&starts) {
        let size = part.shape[layout::wrap_dim(dim, part.ndim())?] as i64;
        grads.push(Some(kit::call(
            b,
            "slice",
            vec![t(grad), n(dim), n(start), n(start + size)],
        )?));
    }
    Ok(grads)
}
