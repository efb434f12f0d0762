//! Saved tensors that hooks pack (`autograd.graph.saved_tensors_hooks`). Rule R6.6 of `shared/autograd/rules.md`.

use std::rc::Rc;

use super::value::{Args, Edge, SavedKind, SavedTensor, Tensor, Value};
use super::{Machine, Res};
use crate::source::Span;

impl Machine<'_> {
    /// What a node saves of its arguments is packed by the hooks in force.
    pub(super) fn pack_inputs(&mut self, saved: &mut [SavedTensor], span: Span) -> Res<()> {
        for saved in saved {
            if let SavedKind::Input { tensor, .. } = &saved.what {
                let tensor = Rc::clone(tensor);
                let edge = self.edge(&tensor, span)?;
                saved.what = self.packed(&tensor, edge, None, span)?;
            }
        }
        Ok(())
    }

    /// A tensor as the hooks in force keep it.
    pub(super) fn packed(
        &mut self,
        tensor: &Tensor,
        edge: Edge,
        output: Option<usize>,
        span: Span,
    ) -> Res<SavedKind> {
        let Some((pack, unpack)) = self.saved_hooks.last().cloned() else {
            return Ok(SavedKind::Not);
        };
        let given = self.data_of(tensor, true, span);
        let before = std::mem::replace(&mut self.grad, false);
        let version = given.version();
        let value = self.call(&pack, Args::of([Value::Tensor(Rc::clone(&given))]), span);
        self.grad = before;
        let value = value?;
        if given.version() != version {
            return self.runtime("A saved tensor pack hook is modifying its input in place. Tensors provided as input to pack hook can not be modified by in-place operations as this can lead to unexpected side-effects. Please open an issue if you need to perform in-place operations on the input to a pack hook.", span);
        }
        Ok(SavedKind::Packed {
            value,
            unpack,
            edge,
            output,
        })
    }
}
