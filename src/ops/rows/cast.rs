//! Changes of dtype, copies.

use crate::ops::broadcast::fresh;
use crate::ops::build::{Metas, SELF, constant, dtype_at, method, param, tensor_at};
use crate::ops::meta::{Dtype, Meta};
use crate::ops::row::{
    Arg, Default, Forms, Gradient, InPlace, OpRow, Param, ParamKind, ResultKind,
};

/// A conversion to the type that `$dtype` finds; the tensor itself where it has that type.
macro_rules! cast {
    ($name:literal, $forms:expr, $params:expr, $evidence:expr, $self_if:expr, |$args:ident| $dtype:expr) => {
        OpRow {
            name: $name,
            forms: $forms,
            params: $params,
            result: ResultKind::SelfIf($self_if),
            in_place: InPlace::No,
            infer: |$args| infer_cast($args, $dtype),
            forward: Some(|$args, _| {
                let x = tensor_at($args, 0)?;
                let dtype: Option<Dtype> = $dtype;
                Ok(vec![x.cast(dtype.unwrap_or(x.dtype())).copy()])
            }),
            saves: &[],
            gradient: Gradient::Formula(|b| {
                b.first(|b, grad| {
                    let dtype = b.input_meta(0).map_or(Dtype::F32, |meta| meta.dtype);
                    b.cast(grad, dtype)
                })
            }),
            node: "ToCopyBackward0",
            node_by: None,
            fast: None,
            evidence: $evidence,
        }
    };
}

/// A method without arguments that names its type.
macro_rules! named {
    ($name:literal, $methods:expr, $dtype:expr, $evidence:expr) => {
        cast!(
            $name,
            method($methods),
            &[SELF],
            $evidence,
            |args| has(args, $dtype),
            |_args| Some($dtype)
        )
    };
}

/// Conversions. A conversion to integers or bools gives a tensor that cannot require grad, whatever the column says.
/// 16-bit floats and 32-bit integers are not modelled.
pub const ROWS: &[OpRow] = &[
    named!("float", &["float"], Dtype::F32, &["float() (no change)"]),
    named!("double", &["double"], Dtype::F64, &["double()"]),
    named!("long", &["long"], Dtype::I64, &["long()"]),
    named!("bool", &["bool"], Dtype::Bool, &["bool()"]),
    // Not in ops.tsv; measured: as the named ones. The device and the layout are not modelled: a machine takes `"cpu"` off, as it does with `device=`.
    cast!(
        "to",
        method(&["to", "type"]),
        &[SELF, DTYPE, copy_flag("non_blocking"), copy_flag("copy")],
        &[],
        to_is_self,
        |args| dtype_at(args, 1)
    ),
    cast!(
        "to.str",
        method(&["to"]),
        &[
            SELF,
            param("device", ParamKind::Str),
            DTYPE,
            copy_flag("non_blocking"),
            copy_flag("copy")
        ],
        &["to(cpu) (no change)"],
        |args| device_is_cpu(args)
            && dtype_at(args, 2).is_none_or(|dtype| has(args, dtype))
            && !crate::ops::build::flag_at(args, 4),
        |args| dtype_at(args, 2)
    ),
    cast!(
        "to.other",
        method(&["to", "type_as"]),
        &[SELF, constant("other")],
        &["type_as(double)"],
        |args| dtype_of(args, 1).is_some_and(|dtype| has(args, dtype)),
        |args| type_of(args, 1)
    ),
    cast!(
        "_to_copy",
        Forms {
            function: &["_to_copy"],
            method: &[],
            functional: &[],
            attribute: &[],
        },
        &[SELF, DTYPE],
        &[],
        |_| false,
        |args| dtype_at(args, 1)
    ),
];

const DTYPE: Param = param("dtype", ParamKind::Dtype).or(Default::None);

const fn copy_flag(name: &'static str) -> Param {
    crate::ops::build::flag(name)
}

fn device_is_cpu(args: &[Arg<Meta>]) -> bool {
    crate::ops::build::str_at(args, 1) == Some("cpu")
}

fn has(args: &[Arg<Meta>], dtype: Dtype) -> bool {
    dtype_of(args, 0) == Some(dtype)
}

fn to_is_self(args: &[Arg<Meta>]) -> bool {
    dtype_at(args, 1).is_none_or(|dtype| has(args, dtype)) && !crate::ops::build::flag_at(args, 3)
}

fn dtype_of(args: &[Arg<Meta>], position: usize) -> Option<Dtype> {
    tensor_at(args, position).ok().map(|meta| meta.dtype)
}

/// The type of a tensor argument, with or without numbers.
trait Typed {
    fn element_type(&self) -> Dtype;
}
impl Typed for Meta {
    fn element_type(&self) -> Dtype {
        self.dtype
    }
}
impl Typed for crate::ops::array::Array {
    fn element_type(&self) -> Dtype {
        self.dtype()
    }
}

fn type_of<T: Typed>(args: &[Arg<T>], position: usize) -> Option<Dtype> {
    tensor_at(args, position).ok().map(Typed::element_type)
}

fn infer_cast(args: &[Arg<Meta>], dtype: Option<Dtype>) -> Metas {
    let x = tensor_at(args, 0)?;
    if let Some(device) = crate::ops::build::str_at(args, 1)
        && device != "cpu"
    {
        return Err(crate::ops::OpError::Unsupported(format!(
            "the device {device}"
        )));
    }
    Ok(vec![fresh(dtype.unwrap_or(x.dtype), x.shape.clone())?])
}
