//! Activations that PyTorch has kernels of their own for.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, PI};

use crate::ops::array::Array;
use crate::ops::broadcast::wrap_dim;
use crate::ops::build::{
    Arrays, HIDDEN, IN_PLACE, Metas, SELF, f64_at, flag, functional, input, int, int_at, number,
    output, param, str_at, tensor, tensor_at,
};
use crate::ops::formula::{Grads, Value, int as int_arg};
use crate::ops::kernel::{infer_like, map, map_floating, refused_by, zip};
use crate::ops::meta::{Dtype, Meta, Scalar};
use crate::ops::row::{
    Arg, Backward, Default, Exception, Forms, Gradient, InPlace, OpError, OpRow, Param, ParamKind,
    ResultKind, Save, Var,
};
use crate::ops::special::{erf, sigmoid, softplus};

const IN: &[Save] = &[input(0)];
const OUT: &[Save] = &[output(0)];
const INPLACE: Param = flag("inplace");

/// A row of one floating tensor and numbers, from `torch.nn.functional`.
macro_rules! activation {
    ($name:literal, $forms:expr, $params:expr, $in_place:expr, $node:literal, $evidence:expr, |$args:ident, $x:ident| $forward:expr, $gradient:expr) => {
        OpRow {
            name: $name,
            forms: $forms,
            params: $params,
            result: ResultKind::Fresh,
            in_place: $in_place,
            infer: |args| infer_floating_only(args, $name),
            forward: Some(|$args, _| Ok(vec![mapped(tensor_at($args, 0)?, |$x| $forward)])),
            saves: IN,
            gradient: Gradient::Formula(|b| b.first($gradient)),
            node: $node,
            node_by: None,
            fast: None,
            evidence: $evidence,
        }
    };
}

/// An in-place form that saves its result, under a node of its own.
const fn saves_result(node: &'static str) -> InPlace {
    InPlace::Yes {
        saves: Some(OUT),
        node: Some(node),
    }
}

/// Functions of `torch` and of `torch.nn.functional`.
const fn functions(names: &'static [&'static str]) -> Forms {
    Forms {
        function: names,
        method: &[],
        functional: names,
        attribute: &[],
    }
}

/// A number that elements are compared with, in their type.
fn bound_at(args: &[Arg<Array>], place: usize, default: f64) -> f64 {
    let bound = f64_at(args, place, default);
    match args.first() {
        Some(Arg::Tensor(x)) if x.dtype() == Dtype::F32 => f64::from(bound as f32),
        Some(Arg::Tensor(x)) if x.dtype() == Dtype::I64 => bound.trunc(),
        _ => bound,
    }
}

/// Of integers, those that are held to bounds stay integers.
fn mapped(x: &Array, f: impl Fn(f64) -> f64) -> Array {
    match x.dtype() {
        Dtype::I64 => map::<i64, i64>(x, |value| f(value as f64) as i64),
        _ => map_floating(x, f),
    }
}

/// Activations that are kernels of their own in PyTorch.
pub const ROWS: &[OpRow] = &[
    OpRow {
        forward: Some(|args, _| forward_gelu(args)),
        in_place: InPlace::No,
        ..activation!(
            "gelu",
            functional(&["gelu"]),
            &[
                SELF,
                param("approximate", ParamKind::Str)
                    .or(Default::Str("none"))
                    .keyword()
            ],
            IN_PLACE,
            "GeluBackward0",
            &["F.gelu"],
            |_args, x| x,
            gelu_gradient
        )
    },
    activation!(
        "silu",
        functional(&["silu"]),
        &[SELF, INPLACE],
        IN_PLACE,
        "SiluBackward0",
        &["F.silu", "F.silu(inplace)"],
        |_args, x| x * sigmoid(x),
        |b, grad| {
            let x = b.input(0)?;
            let s = b.unary("sigmoid", x)?;
            let rest = b.rsub(1.0, s)?;
            let inner = b.mul(x, rest)?;
            let inner = b.add(inner, 1.0)?;
            let slope = b.mul(s, inner)?;
            b.mul(grad, slope)
        }
    ),
    activation!(
        "mish",
        functional(&["mish"]),
        &[SELF, INPLACE],
        IN_PLACE,
        "MishBackward0",
        &["F.mish"],
        |_args, x| x * softplus(x).tanh(),
        |b, grad| {
            let x = b.input(0)?;
            let s = b.unary("sigmoid", x)?;
            let soft = b.unary("softplus", x)?;
            let t = b.unary("tanh", soft)?;
            let square = b.mul(t, t)?;
            let rest = b.rsub(1.0, square)?;
            let part = b.mul(x, s)?;
            let part = b.mul(part, rest)?;
            let slope = b.add(t, part)?;
            b.mul(grad, slope)
        }
    ),
    OpRow {
        in_place: InPlace::No,
        ..activation!(
            "softplus",
            functional(&["softplus"]),
            &[
                SELF,
                number("beta").or_int(1),
                number("threshold").or_int(20)
            ],
            IN_PLACE,
            "SoftplusBackward0",
            &["F.softplus"],
            |args, x| {
                let (beta, threshold) = (f64_at(args, 1, 1.0), f64_at(args, 2, 20.0));
                if x * beta > threshold {
                    x
                } else {
                    (x * beta).exp().ln_1p() / beta
                }
            },
            |b, grad| {
                let x = b.input(0)?;
                let (beta, threshold) = (b.number(1), b.number(2));
                let scaled = b.mul(x, beta)?;
                let s = b.unary("sigmoid", scaled)?;
                let product = b.mul(grad, s)?;
                let linear = b.binary("gt", scaled, threshold)?;
                b.select(linear, grad, product)
            }
        )
    },
    activation!(
        "elu",
        functional(&["elu"]),
        &[SELF, number("alpha").or_float(1.0), INPLACE],
        saves_result("EluBackward1"),
        "EluBackward0",
        &["F.elu", "F.elu(inplace)"],
        |args, x| elu(x, f64_at(args, 1, 1.0), 1.0, 1.0),
        |b, grad| {
            let alpha = b.number(1);
            elu_gradient(b, grad, alpha, 1.0, 1.0)
        }
    ),
    activation!(
        "selu",
        functions(&["selu"]),
        &[SELF, INPLACE],
        saves_result("EluBackward1"),
        "EluBackward0",
        &["F.selu"],
        |_args, x| elu(x, SELU_ALPHA, SELU_SCALE, 1.0),
        |b, grad| elu_gradient(b, grad, SELU_ALPHA, SELU_SCALE, 1.0)
    ),
    OpRow {
        infer: |args| {
            if f64_at(args, 1, 1.0) == 0.0 {
                return Err(OpError::runtime(
                    "ZeroDivisionError: alpha cannot be 0 for CELU",
                ));
            }
            infer_floating_only(args, "celu")
        },
        ..activation!(
            "celu",
            functions(&["celu"]),
            &[SELF, number("alpha").or_float(1.0), INPLACE],
            saves_result("CeluBackward1"),
            "CeluBackward0",
            &["F.celu"],
            |args, x| elu(x, f64_at(args, 1, 1.0), 1.0, 1.0 / f64_at(args, 1, 1.0)),
            |b, grad| {
                let alpha = b.number(1);
                elu_gradient(b, grad, alpha, 1.0, 1.0 / alpha)
            }
        )
    },
    activation!(
        "leaky_relu",
        functional(&["leaky_relu"]),
        &[SELF, number("negative_slope").or_float(0.01), INPLACE],
        saves_result("LeakyReluBackward1"),
        "LeakyReluBackward0",
        &["F.leaky_relu", "F.leaky_relu(inplace)"],
        |args, x| if x > 0.0 {
            x
        } else {
            x * f64_at(args, 1, 0.01)
        },
        |b, grad| {
            let (x, is_result) = input_or_result(b)?;
            let slope = b.number(1);
            if is_result && slope < 0.0 {
                return Err(OpError::runtime(LEAKY_NEGATIVE));
            }
            let scaled = b.mul(grad, slope)?;
            let positive = b.binary("gt", x, 0.0)?;
            let part = b.select(positive, grad, scaled)?;
            b.binary("_linked", part, x)
        }
    ),
    OpRow {
        infer: |args| {
            if f64_at(args, 1, -1.0) > f64_at(args, 2, 1.0) {
                return Err(OpError::value("min_val cannot be greater than max_val"));
            }
            infer_floating_only(args, "hardtanh")
        },
        ..activation!(
            "hardtanh",
            functional(&["hardtanh"]),
            &[
                SELF,
                number("min_val").or_float(-1.0),
                number("max_val").or_float(1.0),
                INPLACE
            ],
            IN_PLACE,
            "HardtanhBackward0",
            &["F.hardtanh", "F.hardtanh(inplace)"],
            |args, x| bounded(x, f64_at(args, 1, -1.0), f64_at(args, 2, 1.0)),
            |b, grad| {
                let (low, high) = (b.number(1), b.number(2));
                linked_between(b, grad, low, high)
            }
        )
    },
    activation!(
        "relu6",
        functional(&["relu6"]),
        &[SELF, INPLACE],
        IN_PLACE,
        "HardtanhBackward0",
        &["F.relu6", "F.relu6(inplace)"],
        |_args, x| bounded(x, 0.0, 6.0),
        |b, grad| linked_between(b, grad, 0.0, 6.0)
    ),
    activation!(
        "hardsigmoid",
        functional(&["hardsigmoid"]),
        &[SELF, INPLACE],
        IN_PLACE,
        "HardsigmoidBackward0",
        &["F.hardsigmoid"],
        |_args, x| bounded(x + 3.0, 0.0, 6.0) / 6.0,
        |b, grad| {
            let part = b.div(grad, 6.0)?;
            let part = where_strictly_between(b, part, -3.0, 3.0)?;
            let x = b.input(0)?;
            b.binary("_hardsigmoid_once", part, x)
        }
    ),
    activation!(
        "hardswish",
        functional(&["hardswish"]),
        &[SELF, INPLACE],
        IN_PLACE,
        "HardswishBackward0",
        &["F.hardswish", "F.hardswish(inplace)"],
        |_args, x| x * bounded(x + 3.0, 0.0, 6.0) / 6.0,
        |b, grad| {
            let x = b.input(0)?;
            let slope = b.div(x, 3.0)?;
            let slope = b.add(slope, 0.5)?;
            let product = b.mul(grad, slope)?;
            let (low, high) = (b.binary("le", x, -3.0)?, b.binary("ge", x, 3.0)?);
            let product = b.select(high, grad, product)?;
            b.masked_fill(product, low, 0.0)
        }
    ),
    OpRow {
        in_place: InPlace::No,
        ..activation!(
            "hardshrink",
            crate::ops::build::everywhere(&["hardshrink"]),
            &[SELF, number("lambd").or_float(0.5)],
            IN_PLACE,
            "HardshrinkBackward0",
            &["F.hardshrink"],
            |args, x| if x.abs() <= bound_at(args, 1, 0.5) {
                0.0
            } else {
                x
            },
            where_outside
        )
    },
    OpRow {
        in_place: InPlace::No,
        ..activation!(
            "softshrink",
            functional(&["softshrink"]),
            &[SELF, number("lambd").or_float(0.5)],
            IN_PLACE,
            "SoftshrinkBackward0",
            &["F.softshrink"],
            |args, x| {
                let bound = bound_at(args, 1, 0.5);
                if x > bound {
                    x - bound
                } else if x < -bound {
                    x + bound
                } else {
                    x * 0.0
                }
            },
            where_outside
        )
    },
    OpRow {
        in_place: InPlace::No,
        // PyTorch saves a buffer besides the input, which nobody can reach.
        saves: &[input(0), HIDDEN],
        ..activation!(
            "logsigmoid",
            functional(&["logsigmoid"]),
            &[SELF],
            IN_PLACE,
            "LogSigmoidBackward0",
            &["F.logsigmoid"],
            |_args, x| -softplus(-x),
            |b, grad| {
                let x = b.input(0)?;
                let minus = b.neg(x)?;
                let slope = b.unary("sigmoid", minus)?;
                b.mul(grad, slope)
            }
        )
    },
    activation!(
        "threshold",
        functions(&["threshold"]),
        &[SELF, number("threshold"), number("value"), INPLACE],
        InPlace::Yes {
            saves: None,
            node: Some("ThresholdBackward1"),
        },
        "ThresholdBackward0",
        &["F.threshold"],
        |args, x| if x <= bound_at(args, 1, 0.0) {
            f64_at(args, 2, 0.0)
        } else {
            x
        },
        |b, grad| {
            let x = b.input(0)?;
            let bound = b.number(1);
            let below = b.binary("le", x, bound)?;
            let part = b.masked_fill(grad, below, 0.0)?;
            linked(b, part)
        }
    ),
    // The gradient of `relu`, an operator of its own in PyTorch: it requires grad where the saved result does, with a
    // gradient of zero (measured: DB-RELU of failures.json).
    OpRow {
        name: "threshold_backward",
        forms: Forms {
            function: &[],
            method: &[],
            functional: &[],
            attribute: &[],
        },
        params: &[tensor("grad_output"), SELF, number("threshold").or_int(0)],
        result: ResultKind::Fresh,
        in_place: InPlace::No,
        infer: infer_like,
        forward: Some(|args, _| forward_threshold_backward(args)),
        saves: &[input(1)],
        gradient: Gradient::Formula(threshold_backward_gradients),
        node: "ThresholdBackwardBackward0",
        node_by: None,
        fast: None,
        evidence: &[],
    },
    OpRow {
        name: "prelu",
        forms: crate::ops::build::everywhere(&["prelu"]),
        params: &[SELF, tensor("weight")],
        result: ResultKind::Fresh,
        in_place: InPlace::No,
        infer: infer_prelu,
        forward: Some(|args, _| forward_prelu(args)),
        saves: &[input(0), input(1)],
        gradient: Gradient::Formula(prelu_gradients),
        node: "PreluKernelBackward0",
        node_by: None,
        fast: None,
        evidence: &["F.prelu"],
    },
    OpRow {
        name: "glu",
        forms: functional(&["glu"]),
        params: &[SELF, int("dim").or_int(-1)],
        result: ResultKind::Fresh,
        in_place: InPlace::No,
        infer: infer_glu,
        forward: Some(|args, _| forward_glu(args)),
        saves: IN,
        gradient: Gradient::Formula(|b| b.first(glu_gradient)),
        node: "GluBackward0",
        node_by: None,
        fast: None,
        evidence: &["F.glu"],
    },
];

/// PyTorch's constants.
const SELU_ALPHA: f64 = 1.673_263_242_354_377_2;
const SELU_SCALE: f64 = 1.050_700_987_355_480_5;

/// Bounds that integers are held to as well, the bounds taken as integers.
const FOR_INTEGERS: &[&str] = &["hardtanh", "relu6", "threshold"];

fn infer_floating_only(args: &[Arg<Meta>], name: &str) -> Metas {
    let dtype = tensor_at(args, 0)?.dtype;
    let is_for_integers = dtype == Dtype::I64 && FOR_INTEGERS.contains(&name);
    if dtype.is_floating() || is_for_integers {
        return infer_like(args);
    }
    Err(crate::ops::kernel::refusal_of_type(name, dtype))
}

/// What the node kept: the input, or in the in-place form (then `true`) the result.
fn input_or_result(b: &mut dyn Backward) -> Result<(Var, bool), OpError> {
    b.input(0)
        .map(|input| (input, false))
        .or_else(|_| b.output(0).map(|output| (output, true)))
}

fn forward_gelu(args: &[Arg<Array>]) -> Arrays {
    let x = tensor_at(args, 0)?;
    Ok(vec![match str_at(args, 1) {
        Some("tanh") => map_floating(x, |x| {
            0.5 * x * (1.0 + (GELU_SCALE * (x + GELU_CUBE * x * x * x)).tanh())
        }),
        _ => map_floating(x, |x| 0.5 * x * (1.0 + erf(x * FRAC_1_SQRT_2))),
    }])
}

/// `sqrt(2 / π)`
const GELU_SCALE: f64 = FRAC_2_SQRT_PI * FRAC_1_SQRT_2;
const GELU_CUBE: f64 = 0.044_715;

fn gelu_gradient(b: &mut dyn Backward, grad: Var) -> Value {
    if str_at(b.args(), 1) == Some("tanh") {
        gelu_tanh_gradient(b, grad)
    } else {
        gelu_erf_gradient(b, grad)
    }
}

/// `grad * (Φ(x) + x φ(x))`
fn gelu_erf_gradient(b: &mut dyn Backward, grad: Var) -> Value {
    let x = b.input(0)?;
    let scaled = b.mul(x, FRAC_1_SQRT_2)?;
    let error = b.unary("erf", scaled)?;
    let twice = b.add(error, 1.0)?;
    let share = b.mul(twice, 0.5)?;
    let square = b.mul(x, x)?;
    let exponent = b.mul(square, -0.5)?;
    let exp = b.unary("exp", exponent)?;
    let density = b.mul(exp, 1.0 / (2.0 * PI).sqrt())?;
    let part = b.mul(x, density)?;
    let slope = b.add(share, part)?;
    b.mul(grad, slope)
}

fn gelu_tanh_gradient(b: &mut dyn Backward, grad: Var) -> Value {
    let x = b.input(0)?;
    let square = b.mul(x, x)?;
    let weighted = b.mul(square, GELU_CUBE)?;
    let inner = b.add(weighted, 1.0)?;
    let inner = b.mul(inner, x)?;
    let inner = b.mul(inner, GELU_SCALE)?;
    let t = b.unary("tanh", inner)?;
    let tt = b.mul(t, t)?;
    let rest = b.rsub(1.0, tt)?;
    let inner_slope = b.mul(square, 3.0 * GELU_CUBE)?;
    let inner_slope = b.add(inner_slope, 1.0)?;
    let inner_slope = b.mul(inner_slope, 0.5 * GELU_SCALE)?;
    let right = b.mul(x, rest)?;
    let right = b.mul(right, inner_slope)?;
    let left = b.add(t, 1.0)?;
    let left = b.mul(left, 0.5)?;
    let slope = b.add(left, right)?;
    b.mul(grad, slope)
}

fn elu(x: f64, alpha: f64, scale: f64, input_scale: f64) -> f64 {
    if x <= 0.0 {
        (x * input_scale).exp_m1() * alpha * scale
    } else {
        x * scale
    }
}

fn elu_gradient(
    b: &mut dyn Backward,
    grad: Var,
    alpha: f64,
    scale: f64,
    input_scale: f64,
) -> Value {
    let (x, is_result) = input_or_result(b)?;
    let slope = if is_result {
        if alpha < 0.0 {
            return Err(OpError::Raises(
                Exception::RuntimeError,
                ELU_NEGATIVE.into(),
            ));
        }
        let slope = b.add(x, alpha * scale)?;
        b.mul(slope, input_scale)?
    } else {
        let scaled = b.mul(x, input_scale)?;
        let exp = b.unary("exp", scaled)?;
        b.mul(exp, alpha * scale * input_scale)?
    };
    let negative = b.mul(grad, slope)?;
    let positive = b.mul(grad, scale)?;
    let mask = b.binary("le", x, 0.0)?;
    b.select(mask, negative, positive)
}

const ELU_NEGATIVE: &str = "In-place elu backward calculation is triggered with a negative slope which is not supported. This is caused by calling in-place forward function with a negative slope, please call out-of-place version instead.";

const LEAKY_NEGATIVE: &str = "In-place leakyReLu backward calculation is triggered with a negative slope which is not supported. This is caused by calling in-place forward function with a negative slope, please call out-of-place version instead. File an issue at https://github.com/pytorch/pytorch if you do require supporting in-place leakRelu backward calculation with negative slope";

/// As `clamp`: not-a-number stays.
fn bounded(x: f64, low: f64, high: f64) -> f64 {
    if x < low {
        low
    } else if x > high {
        high
    } else {
        x
    }
}

fn where_strictly_between(b: &mut dyn Backward, grad: Var, low: f64, high: f64) -> Value {
    let x = b.input(0)?;
    let (below, above) = (b.binary("le", x, low)?, b.binary("ge", x, high)?);
    let grad = b.masked_fill(grad, below, 0.0)?;
    b.masked_fill(grad, above, 0.0)
}

fn linked_between(b: &mut dyn Backward, grad: Var, low: f64, high: f64) -> Value {
    let part = where_strictly_between(b, grad, low, high)?;
    linked(b, part)
}

/// The gradient outside of the bounds `-lambd` and `lambd`.
fn where_outside(b: &mut dyn Backward, grad: Var) -> Value {
    let x = b.input(0)?;
    let bound = b.number(1);
    let (above, below) = (b.binary("ge", x, -bound)?, b.binary("le", x, bound)?);
    let inside = b.binary("logical_and", above, below)?;
    let part = b.masked_fill(grad, inside, 0.0)?;
    linked(b, part)
}

/// The backward is one operator of the gradient and the input, whose derivative by the input is zero.
fn linked(b: &mut dyn Backward, part: Var) -> Value {
    let x = b.input(0)?;
    b.binary("_linked", part, x)
}

/// The weight's sizes, so that it lies along the channels of `x` (its second dimension).
fn weight_shape(x: &Meta, weight: &Meta) -> Vec<usize> {
    let mut shape = vec![1; x.ndim()];
    if let Some(channels) = shape.get_mut(1) {
        *channels = weight.numel();
    }
    shape
}

fn infer_prelu(args: &[Arg<Meta>]) -> Metas {
    let (x, weight) = (tensor_at(args, 0)?, tensor_at(args, 1)?);
    if !x.dtype.is_floating() || x.dtype != weight.dtype {
        if x.dtype != weight.dtype {
            return Err(OpError::runtime(format!(
                "prelu: Type promoting not supported. Got {} and {}",
                x.dtype.scalar_name(),
                weight.dtype.scalar_name()
            )));
        }
        return Err(refused_by("prelu_cpu", x.dtype));
    }
    if weight.numel() != 1 {
        if x.ndim() == 0 {
            return Err(OpError::runtime("Not allow zero-dim input tensor."));
        }
        let channels = if x.ndim() > 1 { x.shape[1] } else { 1 };
        if channels != weight.numel() {
            return Err(OpError::runtime(format!(
                "Mismatch of parameter numbers and input channel size. Found parameter numbers = {} and channel size = {channels}.",
                weight.numel()
            )));
        }
    }
    if weight.ndim() > 1 {
        return Err(OpError::runtime(format!(
            "prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {}",
            weight.ndim()
        )));
    }
    infer_like(args)
}

fn forward_threshold_backward(args: &[Arg<Array>]) -> Arrays {
    let (grad, x, bound) = (
        tensor_at(args, 0)?,
        tensor_at(args, 1)?,
        f64_at(args, 2, 0.0),
    );
    Ok(vec![if grad.dtype() == Dtype::F64 {
        zip::<f64, f64>(grad, x, |grad, x| if x <= bound { 0.0 } else { grad })?
    } else {
        zip::<f32, f32>(
            grad,
            x,
            |grad, x| if f64::from(x) <= bound { 0.0 } else { grad },
        )?
    }])
}

fn threshold_backward_gradients(b: &mut dyn Backward) -> Grads {
    let grad = b.only_grad()?;
    let x = b.input(1)?;
    let bound = b.number(2);
    let of_grad = b.one(
        "threshold_backward",
        vec![
            Arg::Tensor(grad),
            Arg::Tensor(x),
            Arg::Scalar(Scalar::Float(bound)),
        ],
    )?;
    let of_x = b.zeros_like(grad)?;
    Ok(vec![Some(of_grad), Some(of_x)])
}

fn forward_prelu(args: &[Arg<Array>]) -> Arrays {
    let (x, weight) = (tensor_at(args, 0)?, tensor_at(args, 1)?);
    let weight = weight.reshaped(weight_shape(&x.meta, &weight.meta).as_slice());
    let f = |x: f64, w: f64| if x > 0.0 { x } else { w * x };
    Ok(vec![if x.dtype() == Dtype::F64 {
        zip::<f64, f64>(x, &weight, f)?
    } else {
        zip::<f32, f32>(x, &weight, |x, w| f(f64::from(x), f64::from(w)) as f32)?
    }])
}

fn prelu_gradients(b: &mut dyn Backward) -> Grads {
    let grad = b.only_grad()?;
    let (x, weight) = (b.input(0)?, b.input(1)?);
    let (x_meta, weight_meta) = (b.meta(x), b.meta(weight));
    let shape = weight_shape(&x_meta, &weight_meta);
    let weight = b.view(weight, &shape)?;
    let positive = b.binary("gt", x, 0.0)?;
    let (to_x, to_weight) = (b.mul(grad, weight)?, b.mul(grad, x)?);
    let to_x = b.select(positive, grad, to_x)?;
    let to_x = b.binary("_linked", to_x, x)?;
    let to_weight = b.masked_fill(to_weight, positive, 0.0)?;
    let to_weight = b.sum_to(to_weight, &shape)?;
    Ok(vec![
        Some(to_x),
        Some(b.view(to_weight, &weight_meta.shape)?),
    ])
}

fn infer_glu(args: &[Arg<Meta>]) -> Metas {
    let x = tensor_at(args, 0)?;
    if x.ndim() == 0 {
        return Err(OpError::runtime(
            "glu does not support scalars because halving size must be even",
        ));
    }
    if !x.dtype.is_floating() {
        return Err(crate::ops::kernel::not_implemented(format!(
            "\"glu_cpu\" not implemented for '{}'",
            x.dtype.scalar_name()
        )));
    }
    let dim = wrap_dim(int_at(args, 1).unwrap_or(-1), x.ndim())?;
    if x.shape[dim] % 2 != 0 {
        return Err(OpError::runtime(format!(
            "Halving dimension must be even, but dimension {dim} is size {}",
            x.shape[dim]
        )));
    }
    let mut shape = x.shape.clone();
    shape[dim] /= 2;
    Ok(vec![Meta::contiguous(x.dtype, shape)])
}

/// The first or second half of `x` along `dim`.
fn half(x: &Array, dim: usize, second: bool) -> Array {
    let mut meta = x.meta.clone();
    meta.shape[dim] /= 2;
    if second {
        meta.offset += meta.shape[dim] * meta.strides[dim];
    }
    x.with_meta(meta)
}

fn forward_glu(args: &[Arg<Array>]) -> Arrays {
    let x = tensor_at(args, 0)?;
    let dim = wrap_dim(int_at(args, 1).unwrap_or(-1), x.meta.ndim())?;
    let (left, right) = (half(x, dim, false), half(x, dim, true));
    let f = |a: f64, b: f64| a * sigmoid(b);
    Ok(vec![if x.dtype() == Dtype::F64 {
        zip::<f64, f64>(&left, &right, f)?
    } else {
        zip::<f32, f32>(&left, &right, |a, b| f(f64::from(a), f64::from(b)) as f32)?
    }])
}

fn glu_gradient(b: &mut dyn Backward, grad: Var) -> Value {
    let x = b.input(0)?;
    let shape = b.meta(x).shape;
    let dim = wrap_dim(b.integer(1), shape.len())?;
    let size = (shape[dim] / 2) as i64;
    let mut half = |start: i64| {
        b.one(
            "narrow",
            vec![
                Arg::Tensor(x),
                int_arg(dim as i64),
                int_arg(start),
                int_arg(size),
            ],
        )
    };
    let (left, right) = (half(0)?, half(size)?);
    let s = b.unary("sigmoid", right)?;
    let to_left = b.mul(grad, s)?;
    let rest = b.rsub(1.0, s)?;
    let to_right = b.mul(to_left, rest)?;
    let to_right = b.mul(to_right, left)?;
    b.one(
        "cat",
        vec![
            Arg::Tensors(vec![to_left, to_right]),
            Arg::Scalar(Scalar::Int(dim as i64)),
        ],
    )
}
