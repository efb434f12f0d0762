//! Gradients as they arrive: accumulation in `.grad` (rule R8.1) and hooks (rule R9).

use std::rc::Rc;

use super::backward::Request;
use super::fact::Failure;
use super::story::Source;
use super::value::{GradFn, NodeId, ObjId, Val};
use super::world::World;
use super::{Analyzer, Res};
use crate::dataflow::Tri;
use crate::lint::Certainty;
use crate::ops::{Arg, Exception, Form, Meta, Raw, bind_overloaded, engine_ops, table};
use crate::source::Span;

/// The most backward calls that are told apart in one gradient.
const MAX_LEFT_BY: usize = 8;

impl Analyzer<'_> {
    /// `AccumulateGrad` (rule R8.1).
    pub(super) fn accumulate(
        &mut self,
        world: &mut World,
        leaf: ObjId,
        certain: Tri,
        grad: Option<ObjId>,
        request: &Request,
        span: Span,
    ) -> Res<()> {
        let bit = world.tensor(leaf).map_or(Tri::False, |tensor| tensor.bit);
        if bit.is_false() {
            return Ok(());
        }
        self.leave_gradient(world, leaf, certain.and(bit), grad, request, span)
    }

    /// Runs what is to run once a leaf has its gradient.
    pub(super) fn post_hooks(&mut self, world: &mut World, leaf: ObjId, span: Span) -> Res<()> {
        let hooks = world
            .tensor(leaf)
            .map_or_else(Default::default, |tensor| tensor.hooks.behind.clone());
        for (_, hook) in hooks {
            let args = super::call::Args::of([Val::Obj(leaf)]);
            let result = self.call(world, hook, args, span)?;
            if !matches!(result, Val::None(_) | Val::Unknown) {
                let text = "Tensor post accumulate grad hooks should return None.";
                return self.raise(world, span, Failure::Hook, Exception::RuntimeError, text);
            }
        }
        Ok(())
    }

    /// Of a node with several results, hooks of those that have no gradient are called with none.
    pub(super) fn hooks_on_none(
        &mut self,
        world: &mut World,
        id: ObjId,
        node: NodeId,
        span: Span,
    ) -> Res<()> {
        let hooks = world
            .tensor(id)
            .map_or_else(Default::default, |tensor| tensor.hooks.before.clone());
        for (number, hook) in hooks {
            if self.ledger.hook_node(number) != Some(node) {
                continue;
            }
            let args = super::call::Args::of([Val::NONE]);
            let result = self.call(world, hook, args, span)?;
            if world.as_tensor(&result).is_some() {
                let text = "can't replace a None gradient with a non-None value";
                return self.raise(world, span, Failure::Hook, Exception::RuntimeError, text);
            }
        }
        Ok(())
    }

    /// A gradient with a graph is written over new zeros; that of a tensor that retains its own is copied.
    fn recorded_gradient(
        &mut self,
        world: &mut World,
        id: ObjId,
        tensor: &super::value::Tensor,
        grad: ObjId,
        span: Span,
    ) -> Res<ObjId> {
        let is_leaf = self.is_leaf(world, id).is_true();
        let (name, raw, form) = if is_leaf {
            let zeros = self.gradient_like(world, tensor, Tri::False, span);
            let raw = vec![Raw::Tensor(zeros), Raw::Tensor(grad)];
            (engine_ops::WRITE, raw, Form::InPlace)
        } else {
            (engine_ops::COPY, vec![Raw::Tensor(grad)], Form::Function)
        };
        let bound = table::by_name(name).map(|op| bind_overloaded(op, &raw, &[], form));
        let Some(Ok((op, args))) = bound else {
            return Ok(grad);
        };
        let out = self.run_op(world, op, args, is_leaf, span)?;
        Ok(out.and_then(|out| out.first().copied()).unwrap_or(grad))
    }

    pub(super) fn leave_gradient(
        &mut self,
        world: &mut World,
        id: ObjId,
        certain: Tri,
        grad: Option<ObjId>,
        request: &Request,
        span: Span,
    ) -> Res<()> {
        let Some(tensor) = world.tensor(id).cloned() else {
            return Ok(());
        };
        let place = self.place(span);
        match world.as_tensor(&tensor.grad) {
            Some(old) if !request.create.may() && self.is_leaf(world, id).may() => {
                if certain.is_true() {
                    self.check_inference_target(world, &[Arg::Tensor(old)], span)?;
                }
                self.bump(world, old, span)
            }
            _ => {
                let new = match grad {
                    Some(grad) if request.create.may() => {
                        self.recorded_gradient(world, id, &tensor, grad, span)?
                    }
                    _ => self.gradient_like(world, &tensor, request.create, span),
                };
                let known = certain.is_true() || world.as_tensor(&tensor.grad).is_some();
                world.tensor_mut(id).grad = if known { Val::Obj(new) } else { Val::Unknown };
            }
        }
        let again = tensor.history.left_by.contains(&place)
            && request.retain.is_false()
            && certain.is_true();
        let history = &mut world.tensor_mut(id).history;
        if again {
            history.accumulated = Some((place, Certainty::Always));
        }
        if !history.left_by.contains(&place) && history.left_by.len() < MAX_LEFT_BY {
            history.left_by.push(place);
        }
        history.ever = true;
        self.note_reached(id);
        Ok(())
    }

    /// A gradient of a tensor: of its shape and dtype.
    pub(super) fn gradient_like(
        &mut self,
        world: &mut World,
        tensor: &super::value::Tensor,
        create: Tri,
        span: Span,
    ) -> ObjId {
        let meta = tensor
            .meta
            .as_ref()
            .map(|meta| Rc::new(Meta::contiguous(meta.dtype, meta.shape.clone())));
        let source = if create.may() {
            Source::GradientGraph
        } else {
            Source::Gradient
        };
        let origin = self.origin(span, source, []);
        let id = self.new_tensor(world, meta, tensor.dtype, origin);
        if create.may() {
            let new = world.tensor_mut(id);
            new.grad_fn = GradFn::Unknown(Tri::Maybe);
        }
        id
    }

    /// Runs the hooks of a tensor on its gradient (rule R9.2).
    pub(super) fn tensor_hooks(
        &mut self,
        world: &mut World,
        id: ObjId,
        node: Option<NodeId>,
        grad: Option<ObjId>,
        span: Span,
    ) -> Res<Option<ObjId>> {
        let Some(tensor) = world.tensor(id).cloned() else {
            return Ok(grad);
        };
        let mut grad = grad;
        for (number, hook) in &tensor.hooks.before {
            if node.is_some() && self.ledger.hook_node(*number) != node {
                continue;
            }
            let current = match grad {
                Some(grad) => grad,
                None => self.gradient_like(world, &tensor, Tri::False, span),
            };
            let result = self.call(
                world,
                hook.clone(),
                super::call::Args::of([Val::Obj(current)]),
                span,
            )?;
            grad = match (&result, world.as_tensor(&result)) {
                (Val::None(_), _) => Some(current),
                (_, Some(new)) => {
                    self.check_hook(world, hook, current, new, span)?;
                    Some(new)
                }
                (Val::Unknown, _) => None,
                (other, None) => {
                    let name = self.type_name(world, other);
                    return self.raise(
                        world,
                        span,
                        Failure::Hook,
                        Exception::TypeError,
                        format!("expected Variable, but hook returned '{name}'"),
                    );
                }
            };
        }
        Ok(grad)
    }

    pub(super) fn check_hook(
        &mut self,
        world: &mut World,
        hook: &Val,
        before: ObjId,
        after: ObjId,
        span: Span,
    ) -> Res<()> {
        let (Some(old), Some(new)) = (world.tensor(before).cloned(), world.tensor(after).cloned())
        else {
            return Ok(());
        };
        let name = match hook {
            Val::Func(closure) => self.program.functions[closure.function].name.to_string(),
            _ => "…".into(),
        };
        if let (Some(a), Some(b)) = (old.dtype, new.dtype)
            && a != b
        {
            let text = format!(
                "hook '{name}' has changed the type of value (was {} got {})",
                super::types::tensor_type(a),
                super::types::tensor_type(b)
            );
            return self.raise(world, span, Failure::Hook, Exception::RuntimeError, text);
        }
        if let (Some(a), Some(b)) = (&old.meta, &new.meta)
            && a.shape != b.shape
        {
            return self.raise(
                world,
                span,
                Failure::Hook,
                Exception::RuntimeError,
                format!("hook '{name}' has changed the size of value"),
            );
        }
        Ok(())
    }
}
