//! `tensor.grad`: reading it, and what may be put there.

use super::fact::Failure;
use super::value::{ObjId, Val};
use super::world::World;
use super::{Analyzer, Res};
use crate::ops::Exception;
use crate::source::Span;

impl Analyzer<'_> {
    /// `tensor.grad`, with why it is none if it is (rule R8.3).
    pub(super) fn read_grad(&mut self, world: &mut World, id: ObjId, span: Span) -> Res<Val> {
        let Some(tensor) = world.tensor(id).cloned() else {
            return Ok(Val::Unknown);
        };
        if let Some(one_of) = &tensor.one_of {
            let grads: Vec<Val> = one_of
                .iter()
                .filter_map(|&part| world.tensor(part))
                .map(|tensor| tensor.grad.clone())
                .collect();
            let all_none = grads.iter().all(|grad| matches!(grad, Val::None(_)));
            if !all_none {
                self.ledger_undecided(span);
                return Ok(Val::Unknown);
            }
        }
        match &tensor.grad {
            Val::None(_) => {
                let read = self.ledger_read(world, id, span);
                Ok(Val::None(read))
            }
            other => {
                let other = other.clone();
                if let Val::Unknown = other {
                    self.ledger_undecided(span);
                }
                if !tensor.history.used {
                    world.tensor_mut(id).history.used = true;
                }
                Ok(other)
            }
        }
    }

    pub(super) fn set_grad(
        &mut self,
        world: &mut World,
        id: ObjId,
        value: Val,
        span: Span,
    ) -> Res<()> {
        match world.as_tensor(&value) {
            None => match value {
                Val::None(_) => {
                    self.note_cleared(world, id, span);
                    world.tensor_mut(id).grad = Val::NONE;
                    Ok(())
                }
                Val::Unknown | Val::Outside => {
                    self.note_gradient(world, id, span);
                    world.tensor_mut(id).grad = Val::Unknown;
                    Ok(())
                }
                other => {
                    let name = self.type_name(world, &other);
                    self.raise(world, span, Failure::RefusedAssignment, Exception::TypeError, format!("assigned grad expected to be a Tensor or None but got grad of type {name}"))
                }
            },
            Some(grad) => {
                if grad == id {
                    return self.raise(
                        world,
                        span,
                        Failure::RefusedAssignment,
                        Exception::RuntimeError,
                        "can't assign Variable as its own grad",
                    );
                }
                let (Some(tensor), Some(new)) =
                    (world.tensor(id).cloned(), world.tensor(grad).cloned())
                else {
                    return Ok(());
                };
                if let (Some(a), Some(b)) = (tensor.dtype, new.dtype)
                    && a != b
                {
                    let text = format!(
                        "attempting to assign a gradient with dtype '{}' to a tensor with grad_dtype '{}'. The gradient must match the tensor's grad_dtype (defaults to the tensor's dtype). You can set the tensor's grad_dtype attribute with a specific dtype, or None to allow any dtype. Set grad_dtype with caution. Diverging the dtypes of a tensor and its gradient may break downstream systems that assume they match.",
                        dtype_word(b),
                        a.scalar_name()
                    );
                    return self.raise(
                        world,
                        span,
                        Failure::RefusedAssignment,
                        Exception::RuntimeError,
                        text,
                    );
                }
                if let (Some(a), Some(b)) = (&tensor.meta, &new.meta)
                    && a.shape != b.shape
                {
                    let text = format!(
                        "attempting to assign a gradient of size '{}' to a tensor of size '{}'. Please ensure that the gradient and the tensor are the same size",
                        b.sizes(),
                        a.sizes()
                    );
                    return self.raise(
                        world,
                        span,
                        Failure::RefusedAssignment,
                        Exception::RuntimeError,
                        text,
                    );
                }
                self.note_gradient(world, id, span);
                world.tensor_mut(id).grad = value;
                Ok(())
            }
        }
    }
}

fn dtype_word(dtype: crate::ops::Dtype) -> &'static str {
    match dtype {
        crate::ops::Dtype::Bool => "bool",
        crate::ops::Dtype::I64 => "long int",
        crate::ops::Dtype::F32 => "float",
        crate::ops::Dtype::F64 => "double",
    }
}
