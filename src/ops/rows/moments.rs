//! Means, variances, norms.

use super::reduce::{DIMS, IN_OUT, KEEPDIM, reduction};
use super::reduction::{
    Kind, Moments, dims_at, fold_f64, infer_moments, infer_reduced, norm_gradient, norm_of,
    variance_gradient,
};
use crate::ops::array::Array;
use crate::ops::broadcast::fresh;
use crate::ops::build::{
    Arrays, INTERNAL, Metas, SELF, both, f64_at, flag_at, function, input, number, output, param,
    str_at, tensor, tensor_at,
};
use crate::ops::formula::{Grads, Value};
use crate::ops::kernel::{not_implemented, zip};
use crate::ops::meta::{Dtype, Meta, Scalar, Shape};
use crate::ops::row::{
    Arg, Backward, Default, Gradient, InPlace, OpError, OpRow, Param, ParamKind, ResultKind, Var,
};

const P: Param = number("p").or_int(2);

/// The three ways to write a variance or deviation, with or without the mean as second result.
macro_rules! moments {
    ($name:literal, $flag:literal, $dim:literal, $correction:literal, $forms:expr, $node:literal, $saves:expr, $plain:expr, $by_dim:expr, $moments:expr) => {
        [
            moments!(
                $flag,
                $forms,
                &[SELF, UNBIASED],
                $node,
                $saves,
                $plain,
                $moments,
                |args| Moments::flag(args)
            ),
            moments!(
                $dim,
                $forms,
                &[SELF, DIMS, UNBIASED, KEEPDIM],
                $node,
                $saves,
                $by_dim,
                $moments,
                |args| Moments::dim(args)
            ),
            moments!(
                $correction,
                $forms,
                &[
                    SELF,
                    DIMS,
                    number("correction").or(Default::None).keyword(),
                    KEEPDIM.keyword()
                ],
                $node,
                $saves,
                &[],
                $moments,
                |args| { Moments::correction(args) }
            ),
        ]
    };
    ($name:literal, $forms:expr, $params:expr, $node:literal, $saves:expr, $evidence:expr, $moments:expr, |$args:ident| $read:expr) => {
        OpRow {
            name: $name,
            forms: $forms,
            params: $params,
            result: ResultKind::Fresh,
            in_place: InPlace::No,
            infer: |$args| infer_moments($args, &$read, $moments),
            forward: Some(|$args, _| {
                let read = $read;
                $moments.forward(tensor_at($args, 0)?, &read)
            }),
            saves: $saves,
            gradient: Gradient::Formula(|b| {
                let read = {
                    let $args = b.args();
                    $read
                };
                variance_gradient(b, &read, $moments)
            }),
            node: $node,
            node_by: None,
            fast: None,
            evidence: $evidence,
        }
    };
}

const UNBIASED: Param = param("unbiased", ParamKind::Bool).or(Default::Scalar(Scalar::Bool(true)));

const VAR: [OpRow; 3] = moments!(
    "var",
    "var",
    "var.dim",
    "var.correction",
    both(&["var"]),
    "VarBackward0",
    &[input(0)],
    &["var"],
    &["var(dim)"],
    VARIANCE
);
const STD: [OpRow; 3] = moments!(
    "std",
    "std",
    "std.dim",
    "std.correction",
    both(&["std"]),
    "StdBackward0",
    IN_OUT,
    &["std"],
    &["std(dim)"],
    DEVIATION
);
const VAR_MEAN: [OpRow; 3] = moments!(
    "var_mean",
    "var_mean",
    "var_mean.dim",
    "var_mean.correction",
    function(&["var_mean"]),
    "VarMeanBackward0",
    &[input(0)],
    &["var_mean"],
    &[],
    VARIANCE_MEAN
);
const STD_MEAN: [OpRow; 3] = moments!(
    "std_mean",
    "std_mean",
    "std_mean.dim",
    "std_mean.correction",
    function(&["std_mean"]),
    "StdMeanBackward0",
    IN_OUT,
    &["std_mean"],
    &[],
    DEVIATION_MEAN
);

const VARIANCE: Kind = Kind {
    root: false,
    with_mean: false,
};
const DEVIATION: Kind = Kind {
    root: true,
    with_mean: false,
};
const VARIANCE_MEAN: Kind = Kind {
    root: false,
    with_mean: true,
};
const DEVIATION_MEAN: Kind = Kind {
    root: true,
    with_mean: true,
};

/// Norms, variances and deviations.
pub const ROWS: &[OpRow] = &[
    VAR[0],
    VAR[1],
    VAR[2],
    STD[0],
    STD[1],
    STD[2],
    VAR_MEAN[0],
    VAR_MEAN[1],
    VAR_MEAN[2],
    STD_MEAN[0],
    STD_MEAN[1],
    STD_MEAN[2],
    reduction!(
        "norm",
        both(&["norm"]),
        &[SELF, P.or(Default::None), DIMS, KEEPDIM],
        infer_norm,
        forward_norm,
        IN_OUT,
        Gradient::Formula(norm_row_gradients),
        "LinalgVectorNormBackward0",
        &["norm", "norm(p=1)", "norm(dim)"]
    ),
    reduction!(
        "norm.str",
        both(&["norm"]),
        &[SELF, param("p", ParamKind::Str), DIMS, KEEPDIM],
        infer_norm_str,
        forward_norm,
        IN_OUT,
        Gradient::Formula(norm_row_gradients),
        "LinalgVectorNormBackward0",
        &[]
    ),
    // The norm within PyTorch's own functions. Measured: `F.pairwise_distance`.
    reduction!(
        "norm.ScalarOpt_dim",
        INTERNAL,
        &[SELF, P.or(Default::None), DIMS, KEEPDIM],
        infer_norm,
        forward_norm,
        IN_OUT,
        Gradient::Formula(norm_row_gradients),
        "NormBackward1",
        &[]
    ),
    reduction!(
        "linalg_vector_norm",
        function(&["linalg.vector_norm"]),
        &[SELF, number("ord").or_int(2), DIMS, KEEPDIM],
        infer_norm,
        forward_norm,
        IN_OUT,
        Gradient::Formula(norm_row_gradients),
        "LinalgVectorNormBackward0",
        &["linalg.vector_norm"]
    ),
    reduction!(
        "linalg_norm",
        function(&["linalg.norm"]),
        &[SELF, number("ord").or(Default::None), DIMS, KEEPDIM],
        infer_linalg_norm,
        forward_norm,
        IN_OUT,
        Gradient::Formula(norm_row_gradients),
        "LinalgVectorNormBackward0",
        &["linalg.norm"]
    ),
    OpRow {
        name: "dist",
        forms: both(&["dist"]),
        params: &[SELF, tensor("other"), P],
        result: ResultKind::Fresh,
        in_place: InPlace::No,
        infer: infer_dist,
        forward: Some(|args, _| forward_dist(args)),
        saves: &[input(0), input(1), output(0)],
        gradient: Gradient::Formula(|b| {
            b.parts(&[
                (0, dist_gradient),
                (1, |b, grad| {
                    let gradient = dist_gradient(b, grad)?;
                    b.neg(gradient)
                }),
            ])
        }),
        node: "DistBackward0",
        node_by: None,
        fast: None,
        evidence: &["dist"],
    },
];

/// The order of a norm: a number, or 2 for none and `"fro"`.
fn order<T>(args: &[Arg<T>]) -> f64 {
    f64_at(args, 1, 2.0)
}

fn infer_norm(args: &[Arg<Meta>]) -> Metas {
    let x = tensor_at(args, 0)?;
    if !x.dtype.is_floating() {
        return Err(not_implemented(format!(
            "linalg.vector_norm: Expected a floating point or complex tensor as input. Got {}",
            x.dtype.scalar_name()
        )));
    }
    if let (Some(Arg::Ints(dims)), None | Some(Arg::None | Arg::Str(_))) =
        (args.get(2), args.get(1))
        && dims.len() > 2
    {
        let dims: Vec<String> = dims.iter().map(ToString::to_string).collect();
        return Err(OpError::runtime(format!(
            "linalg.matrix_norm: dim must be a 2-tuple. Got {}",
            dims.join(" ")
        )));
    }
    let order = order(args);
    if x.numel() == 0 && (order < 0.0 || order.is_infinite()) {
        return Err(OpError::Unsupported("this norm of an empty tensor".into()));
    }
    infer_reduced(x, dims_at(args, 2), flag_at(args, 3), x.dtype)
}

fn infer_norm_str(args: &[Arg<Meta>]) -> Metas {
    if str_at(args, 1) == Some("fro") {
        infer_norm(args)
    } else {
        Err(OpError::Unsupported(
            "a norm other than numbers and 'fro'".into(),
        ))
    }
}

fn infer_linalg_norm(args: &[Arg<Meta>]) -> Metas {
    let dims = crate::ops::build::ints_at(args, 2).map(<[i64]>::len);
    let matrix = matches!(args.get(1), Some(Arg::Scalar(_)))
        && dims.unwrap_or(tensor_at(args, 0)?.ndim()) == 2;
    if matrix {
        Err(OpError::Unsupported("a matrix norm".into()))
    } else {
        infer_norm(args)
    }
}

fn forward_norm(args: &[Arg<Array>]) -> Arrays {
    let (x, order) = (tensor_at(args, 0)?, order(args));
    Ok(vec![fold_f64(
        x,
        dims_at(args, 2),
        flag_at(args, 3),
        x.dtype(),
        |lane| norm_of(lane, order),
    )?])
}

/// The norm of order 0 has no gradient at all.
fn norm_row_gradients(b: &mut dyn Backward) -> Grads {
    if order(b.args()) == 0.0 {
        Ok(vec![None])
    } else {
        b.first(norm_row_gradient)
    }
}

fn norm_row_gradient(b: &mut dyn Backward, grad: Var) -> Value {
    let (dims, keepdim, order) = (dims_at(b.args(), 2).to_vec(), b.flag(3), order(b.args()));
    let (x, out) = (b.input(0)?, b.output(0)?);
    norm_gradient(b, grad, x, out, order, &dims, keepdim)
}

fn infer_dist(args: &[Arg<Meta>]) -> Metas {
    // The difference is taken first, and refuses bools.
    crate::ops::table::by_name("sub").map_or(Ok(Vec::new()), |sub| {
        (crate::ops::table::row(sub).infer)(&args[..2])
    })?;
    let joint = crate::ops::kernel::infer_arithmetic(&args[..2])?;
    // With `p=0` PyTorch's own backward breaks down.
    if !joint[0].dtype.is_floating() {
        return Err(not_implemented(format!(
            "norm(): input dtype should be either floating point or complex. Got {} instead.",
            joint[0].dtype.scalar_name()
        )));
    }
    if f64_at(args, 2, 2.0) == 0.0 {
        return Err(OpError::Unsupported("this kind of dist".into()));
    }
    Ok(vec![fresh(joint[0].dtype, Shape::new())?])
}

fn forward_dist(args: &[Arg<Array>]) -> Arrays {
    let (x, y) = (tensor_at(args, 0)?, tensor_at(args, 1)?);
    let difference = zip::<f64, f64>(x, y, |x, y| x - y)?;
    let dtype = if x.dtype() == Dtype::F64 || y.dtype() == Dtype::F64 {
        Dtype::F64
    } else {
        Dtype::F32
    };
    let order = f64_at(args, 2, 2.0);
    Ok(vec![fold_f64(&difference, &[], false, dtype, |lane| {
        norm_of(lane, order)
    })?])
}

fn dist_gradient(b: &mut dyn Backward, grad: Var) -> Value {
    let (x, y, out, order) = (b.input(0)?, b.input(1)?, b.output(0)?, b.number(2));
    let difference = b.sub(x, y)?;
    norm_gradient(b, grad, difference, out, order, &[], false)
}
