//! `backward` and `grad` as programs call them (rules R7.1, R10.1).

use std::rc::Rc;

use super::engine::Request;
use super::value::{Args, Tensor, Value};
use super::{Machine, Res};
use crate::ops::{Array, Scalar};
use crate::source::Span;

impl Machine<'_> {
    fn flag(&mut self, value: Option<&Value>, default: bool, span: Span) -> Res<bool> {
        match value.cloned() {
            None | Some(Value::None) => Ok(default),
            Some(value) => self.truth(&value, span),
        }
    }

    /// `tensor.backward(gradient, retain_graph, create_graph, inputs)`
    pub(super) fn tensor_backward(
        &mut self,
        tensor: &Tensor,
        args: &Args,
        span: Span,
    ) -> Res<Value> {
        let create = self.flag(args.get(2, "create_graph"), false, span)?;
        let retain = self.flag(args.get(1, "retain_graph"), create, span)?;
        let inputs = self.inputs(args.get(3, "inputs").cloned(), span)?;
        let gradient = args.get(0, "gradient").cloned().unwrap_or(Value::None);
        let root = self.root(0, tensor, &gradient, span)?;
        self.run_backward(
            &Request {
                roots: vec![root],
                retain,
                create,
                inputs,
                accumulate: true,
            },
            span,
        )?;
        Ok(Value::None)
    }

    fn inputs(&mut self, value: Option<Value>, span: Span) -> Res<Option<Vec<Tensor>>> {
        let inputs = match value {
            None | Some(Value::None) => return Ok(None),
            Some(value) => self.tensors_in(&value, span)?,
        };
        if inputs.is_empty() {
            return self.runtime("`inputs` argument to `backward()` cannot be empty.", span);
        }
        Ok(Some(inputs))
    }

    /// `autograd.backward(tensors, grad_tensors, retain_graph, create_graph, inputs)`
    pub(super) fn autograd_backward(&mut self, args: &Args, span: Span) -> Res<Value> {
        let create = self.flag(args.get(3, "create_graph"), false, span)?;
        let retain = self.flag(args.get(2, "retain_graph"), create, span)?;
        let inputs = self.inputs(args.get(5, "inputs").cloned(), span)?;
        let roots = self.roots(
            args.get(0, "tensors").cloned(),
            args.get(1, "grad_tensors").cloned(),
            span,
        )?;
        self.run_backward(
            &Request {
                roots,
                retain,
                create,
                inputs,
                accumulate: true,
            },
            span,
        )?;
        Ok(Value::None)
    }

    fn roots(
        &mut self,
        tensors: Option<Value>,
        gradients: Option<Value>,
        span: Span,
    ) -> Res<Vec<(Tensor, Option<Tensor>)>> {
        let tensors = match tensors {
            Some(value) => self.tensors_in(&value, span)?,
            None => Vec::new(),
        };
        let gradients: Vec<Value> = match gradients {
            None | Some(Value::None) => Vec::new(),
            Some(value @ Value::Tensor(_)) => vec![value],
            Some(value) => self.elements(&value, span)?,
        };
        if !gradients.is_empty() && gradients.len() != tensors.len() {
            let text = format!(
                "got {} tensors and {} gradients",
                tensors.len(),
                gradients.len()
            );
            return self.runtime(text, span);
        }
        let mut roots = Vec::with_capacity(tensors.len());
        for (at, tensor) in tensors.iter().enumerate() {
            let gradient = gradients.get(at).cloned().unwrap_or(Value::None);
            roots.push(self.root(at, tensor, &gradient, span)?);
        }
        Ok(roots)
    }

    /// The tensors that a value is or lists.
    fn tensors_in(&mut self, value: &Value, span: Span) -> Res<Vec<Tensor>> {
        if let Value::Tensor(tensor) = value {
            return Ok(vec![Rc::clone(tensor)]);
        }
        let mut out = Vec::new();
        for value in self.elements(value, span)? {
            match value {
                Value::Tensor(tensor) => out.push(tensor),
                other => {
                    let name = self.type_name(&other);
                    return self.type_error(
                        format!(
                            "expected Tensor as element {} in argument 0, but got {name}",
                            out.len()
                        ),
                        span,
                    );
                }
            }
        }
        Ok(out)
    }

    /// Checks a root and its gradient (rule R7.1).
    fn root(
        &mut self,
        at: usize,
        tensor: &Tensor,
        gradient: &Value,
        span: Span,
    ) -> Res<(Tensor, Option<Tensor>)> {
        let meta = tensor.meta();
        match gradient {
            Value::Tensor(gradient) => {
                let given = gradient.meta();
                if given.shape != meta.shape {
                    let text = format!(
                        "Mismatch in shape: grad_output[{at}] has a shape of torch.Size({}) and output[{at}] has a shape of torch.Size({}).",
                        given.sizes(),
                        meta.sizes()
                    );
                    return self.runtime(text, span);
                }
                Ok((Rc::clone(tensor), Some(Rc::clone(gradient))))
            }
            Value::None => {
                if tensor.requires_grad() && meta.numel() != 1 {
                    return self.runtime(
                        "grad can be implicitly created only for scalar outputs",
                        span,
                    );
                }
                Ok((Rc::clone(tensor), None))
            }
            other => {
                let name = self.type_name(other);
                self.type_error(
                    format!("gradients can be either Tensors or None, but got {name}"),
                    span,
                )
            }
        }
    }

    /// `autograd.grad(outputs, inputs, grad_outputs, retain_graph, create_graph, allow_unused, materialize_grads)`
    pub(super) fn autograd_grad(&mut self, args: &Args, span: Span) -> Res<Value> {
        let create = self.flag(args.get(4, "create_graph"), false, span)?;
        let retain = self.flag(args.get(3, "retain_graph"), create, span)?;
        let materialize = self.flag(args.named("materialize_grads"), false, span)?;
        let allow_unused = self.flag(args.get(6, "allow_unused"), materialize, span)?;
        let inputs = match args.get(1, "inputs").cloned() {
            Some(value) => self.tensors_in(&value, span)?,
            None => Vec::new(),
        };
        let roots = self.roots(
            args.get(0, "outputs").cloned(),
            args.get(2, "grad_outputs").cloned(),
            span,
        )?;
        if roots.is_empty() || inputs.is_empty() {
            return self.raise(
                crate::ops::Exception::ValueError,
                "grad requires non-empty inputs.",
                span,
            );
        }
        for (at, (root, _)) in roots.iter().enumerate() {
            if !root.requires_grad() {
                return self.runtime(
                    format!(
                        "element {at} of tensors does not require grad and does not have a grad_fn"
                    ),
                    span,
                );
            }
        }
        if inputs.iter().any(|input| !input.requires_grad()) {
            return self.runtime(
                "One of the differentiated Tensors does not require grad",
                span,
            );
        }
        let request = Request {
            roots,
            retain,
            create,
            inputs: Some(inputs.clone()),
            accumulate: false,
        };
        let captured = self.run_backward(&request, span)?;
        let mut out = Vec::with_capacity(inputs.len());
        for (at, (input, grad)) in inputs.iter().zip(captured).enumerate() {
            out.push(match grad {
                Some(grad) => Value::Tensor(grad),
                None if materialize => {
                    let meta = input.meta();
                    Value::Tensor(self.fresh(Array::full(meta.dtype, meta.shape.clone(), Scalar::Float(0.0)), span))
                }
                None if allow_unused => Value::None,
                None => {
                    let text = format!("The differentiated Tensor at index {at} appears to not have been used in the graph. Set allow_unused=True if this is the desired behavior.");
                    return self.runtime(text, span);
                }
            });
        }
        Ok(Value::tuple(out))
    }
}
