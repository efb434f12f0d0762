//! Types of values, their names and their texts.

use super::Analyzer;
use super::value::{Method, Obj, Val};
use super::world::World;
use crate::dataflow::Tri;
use crate::ir::{Builtin, Intrinsic};
use crate::ops::{Dtype, Exception};

impl Analyzer<'_> {
    /// Whether a value is of a class or of one of several.
    pub(super) fn is_instance(&mut self, world: &World, value: &Val, class: &Val) -> Tri {
        let unknown = |value: &Val| matches!(value, Val::Unknown | Val::Outside);
        if unknown(value) || unknown(class) {
            return Tri::Maybe;
        }
        use Intrinsic as I;
        match class {
            Val::Tuple(classes, _) => classes.iter().fold(Tri::False, |any, class| {
                any.or(self.is_instance(world, value, class))
            }),
            Val::Builtin(Builtin::Intrinsic(intrinsic)) => {
                let tensor = world.as_tensor(value).and_then(|id| world.tensor(id));
                let obj = match value {
                    Val::Obj(id) => world.obj(*id),
                    _ => None,
                };
                if let Some(Obj::Opaque) = obj {
                    return Tri::Maybe;
                }
                Tri::from(match intrinsic {
                    I::Tensor => tensor.is_some(),
                    I::Parameter => tensor.is_some_and(|tensor| tensor.is_parameter),
                    I::Int => matches!(value, Val::Int(..) | Val::Bool(_)),
                    I::Float => matches!(value, Val::Float(..)),
                    I::Bool => matches!(value, Val::Bool(_)),
                    I::Str => matches!(value, Val::Str(_)),
                    I::Tuple => matches!(value, Val::Tuple(..)),
                    I::Slice => matches!(value, Val::Slice(_)),
                    I::Range => matches!(value, Val::Range(_)),
                    I::List => matches!(obj, Some(Obj::List(_))),
                    I::Dict => matches!(obj, Some(Obj::Dict(_))),
                    I::Set => matches!(obj, Some(Obj::Set(_))),
                    I::Type => {
                        matches!(obj, Some(Obj::Class(_)))
                            || matches!(value, Val::Builtin(Builtin::Exception(_)))
                    }
                    I::Object => true,
                    _ => false,
                })
            }
            Val::Builtin(Builtin::Exception(kind)) => match value {
                Val::Obj(id) => match world.obj(*id) {
                    Some(Obj::Exception(exc)) => Tri::from(derives(exc.kind, *kind)),
                    _ => Tri::False,
                },
                _ => Tri::False,
            },
            Val::Obj(class) => match value {
                Val::Obj(id) => match world.obj(*id) {
                    Some(Obj::Instance(instance)) => match world.obj(instance.class) {
                        Some(Obj::Class(own)) if own.mro.contains(class) => Tri::True,
                        Some(Obj::Class(own)) if own.open => Tri::Maybe,
                        _ => Tri::False,
                    },
                    Some(Obj::Exception(exc)) => match exc.class.and_then(|own| world.obj(own)) {
                        Some(Obj::Class(own)) => Tri::from(own.mro.contains(class)),
                        _ => Tri::False,
                    },
                    Some(Obj::Opaque) => Tri::Maybe,
                    _ => Tri::False,
                },
                _ => Tri::False,
            },
            _ => Tri::Maybe,
        }
    }

    /// Python's name of a value's type.
    pub(super) fn type_name(&self, world: &World, value: &Val) -> String {
        match value {
            Val::None(_) | Val::Unbound => "NoneType".into(),
            Val::Bool(_) => "bool".into(),
            Val::Int(..) => "int".into(),
            Val::Float(..) => "float".into(),
            Val::Str(_) => "str".into(),
            Val::Ellipsis => "ellipsis".into(),
            Val::Tuple(_, false) => "tuple".into(),
            Val::Tuple(_, true) => "torch.Size".into(),
            Val::Slice(_) => "slice".into(),
            Val::Range(_) => "range".into(),
            Val::Dtype(_) => "torch.dtype".into(),
            Val::Builtin(Builtin::Op(_) | Builtin::OpInPlace(_)) => {
                "builtin_function_or_method".into()
            }
            Val::Builtin(_) => "type".into(),
            Val::Func(_) => "function".into(),
            Val::Bound(bound) => if matches!(bound.1, Method::Func(_)) {
                "method"
            } else {
                "builtin_function_or_method"
            }
            .into(),
            Val::Super(_) => "super".into(),
            Val::GradFn(node) => self.nodes[*node].name.into(),
            Val::Unknown | Val::Outside => "object".into(),
            Val::Obj(id) => match world.obj(*id) {
                Some(Obj::Tensor(tensor)) => if tensor.is_parameter {
                    "Parameter"
                } else {
                    "Tensor"
                }
                .into(),
                Some(Obj::List(_)) => "list".into(),
                Some(Obj::Dict(_)) => "dict".into(),
                Some(Obj::Set(_)) => "set".into(),
                Some(Obj::Instance(instance)) => self.class_name(world, instance.class),
                Some(Obj::Class(_)) => "type".into(),
                Some(Obj::Exception(exc)) => exc.class.map_or_else(
                    || exc.kind.name().into(),
                    |class| self.class_name(world, class),
                ),
                Some(Obj::Wrapped(_)) => "function".into(),
                _ => "object".into(),
            },
        }
    }

    /// The name of a class.
    pub(super) fn class_name(&self, world: &World, class: super::value::ObjId) -> String {
        match world.obj(class) {
            Some(Obj::Class(class)) => class.name.to_string(),
            _ => "object".into(),
        }
    }

    /// `type(value)`
    pub(super) fn type_of(&self, world: &World, value: &Val) -> Val {
        use Intrinsic as I;
        let intrinsic = match value {
            Val::Obj(id) => match world.obj(*id) {
                Some(Obj::Instance(instance)) => return Val::Obj(instance.class),
                Some(Obj::Exception(exc)) => {
                    return exc
                        .class
                        .map_or(Val::Builtin(Builtin::Exception(exc.kind)), Val::Obj);
                }
                Some(Obj::Tensor(tensor)) => {
                    if tensor.is_parameter {
                        I::Parameter
                    } else {
                        I::Tensor
                    }
                }
                Some(Obj::List(_)) => I::List,
                Some(Obj::Dict(_)) => I::Dict,
                Some(Obj::Set(_)) => I::Set,
                _ => return Val::Unknown,
            },
            Val::Int(..) => I::Int,
            Val::Float(..) => I::Float,
            Val::Bool(_) => I::Bool,
            Val::Str(_) => I::Str,
            Val::Tuple(..) => I::Tuple,
            _ => return Val::Unknown,
        };
        Val::Builtin(Builtin::Intrinsic(intrinsic))
    }

    /// The text of a value, if it is known.
    pub(super) fn text_of(&self, world: &World, value: &Val, repr: bool) -> Option<String> {
        Some(match value {
            Val::None(_) => "None".into(),
            Val::Bool(value) => if (*value)? { "True" } else { "False" }.into(),
            Val::Int(value, _) => (*value)?.to_string(),
            Val::Str(text) => {
                let text = text.as_ref()?;
                if repr {
                    format!("'{text}'")
                } else {
                    text.to_string()
                }
            }
            Val::Tuple(values, _) => {
                let parts: Option<Vec<String>> = values
                    .iter()
                    .map(|value| self.text_of(world, value, true))
                    .collect();
                let parts = parts?;
                if let Val::Tuple(_, true) = value {
                    format!("torch.Size([{}])", parts.join(", "))
                } else if parts.len() == 1 {
                    format!("({},)", parts[0])
                } else {
                    format!("({})", parts.join(", "))
                }
            }
            Val::Obj(id) => match world.obj(*id)? {
                Obj::Exception(exc) => self.exception_text(exc)?.to_string(),
                Obj::List(items) => {
                    let parts: Option<Vec<String>> = items
                        .iter()
                        .map(|value| self.text_of(world, value, true))
                        .collect();
                    format!("[{}]", parts?.join(", "))
                }
                _ => return None,
            },
            _ => return None,
        })
    }
}

/// Whether Python's exception type `kind` is or derives from `base`.
fn derives(kind: Exception, base: Exception) -> bool {
    kind == base
        || base == Exception::Exception
        || matches!(
            (kind, base),
            (
                Exception::NotImplementedError
                    | Exception::RecursionError
                    | Exception::CheckpointError
                    | Exception::LinAlgError,
                Exception::RuntimeError
            ) | (Exception::UnboundLocalError, Exception::NameError)
        )
}

/// The name of the tensor type in PyTorch's messages.
pub(super) fn tensor_type(dtype: Dtype) -> String {
    format!("torch.{}Tensor", dtype.scalar_name())
}
