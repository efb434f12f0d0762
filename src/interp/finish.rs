//! What is told when a run has ended.

use super::Machine;
use super::outcome::{Ending, Observation, Outcome, TensorState};
use super::value::{Tensor, Value};

impl Machine<'_> {
    /// The outcome.
    pub(super) fn finish(mut self, ending: Ending) -> Outcome {
        let leaves: Vec<Tensor> = self
            .leaves
            .iter()
            .filter_map(std::rc::Weak::upgrade)
            .collect();
        for leaf in leaves {
            if leaf.bit.get() && leaf.grad_fn.borrow().is_none() && leaf.grad.borrow().is_none() {
                self.observe(Observation::LeafWithoutGrad(leaf.made));
            }
        }
        // Looking at a stale view can fail as a program's own look would, but it is not the program that looks here.
        let observations = std::mem::take(&mut self.observations);
        let mut tensors: Vec<(String, TensorState)> = Vec::new();
        for (name, value) in self.main.take().unwrap_or_default() {
            let Value::Tensor(tensor) = value else {
                continue;
            };
            if !tensors.iter().any(|(other, _)| other == name.as_str()) {
                tensors.push((name.to_string(), self.state(&tensor)));
            }
        }
        Outcome {
            ending,
            warnings: std::mem::take(&mut self.warnings),
            output: std::mem::take(&mut self.output),
            tensors,
            observations,
            unknowns: self.unknowns,
        }
    }

    fn state(&mut self, tensor: &Tensor) -> TensorState {
        // Reading the state of a stale view raises in PyTorch; here nothing happens any more.
        let seen = self.observations.len();
        self.refresh_view(tensor, tensor.made).ok();
        self.observations.truncate(seen);
        let meta = tensor.meta();
        TensorState {
            dtype: meta.dtype,
            shape: meta.shape.clone(),
            strides: meta.strides.clone(),
            requires_grad: tensor.requires_grad(),
            leaf: tensor.grad_fn.borrow().is_none(),
            version: tensor.version().filter(|_| !tensor.is_inference()),
            values: tensor.array().scalars(),
            grad: tensor
                .grad
                .borrow()
                .as_ref()
                .map(|grad| grad.array().scalars()),
        }
    }
}
