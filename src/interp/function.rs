//! Custom functions (`autograd.Function`): nodes whose backward the program writes. Rules R11.1 and R11.2 of
//! `shared/autograd/rules.md`. The rest of them is written in the prelude.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use smallvec::SmallVec;

use super::engine::Grads;
use super::node::TWICE;
use super::record::stamp;
use super::value::{
    Args, Creation, Edge, Edges, Node, NodeKind, SavedKind, SavedTensor, Tensor, Value, View,
};
use super::{Machine, Res};
use crate::ops::{Array, Exception, Scalar, custom};
use crate::source::Span;
use crate::symbol::Symbol;

/// What a custom function's node calls.
pub(super) struct Function {
    /// Takes the node and the gradients of the results, gives those of the arguments.
    run: Value,
    /// Which arguments are tensors.
    tensors: Vec<bool>,
    /// Whether a result that got no gradient counts as having got zeros.
    materialize: bool,
}

impl Machine<'_> {
    /// `_needs_grad(values)`: for each, whether it is a tensor that requires grad.
    pub(super) fn needs_grad(&mut self, values: &Value, span: Span) -> Res<Value> {
        let values = self.elements(values, span)?;
        let needs = |value: &Value| {
            Value::Bool(
                value
                    .as_tensor()
                    .is_some_and(|tensor| tensor.requires_grad()),
            )
        };
        Ok(Value::tuple(values.iter().map(needs).collect()))
    }

    /// `_function_node(name, run, args, outputs, dirty, non_differentiable, materialize)`: the node, or none where
    /// nothing is recorded, and what the call gives.
    pub(super) fn function_node(&mut self, args: &Args, span: Span) -> Res<Value> {
        let [name, run, inputs, outputs, dirty, constant, materialize] = &args.positional[..]
        else {
            return self.unsupported("a function node without its parts", span);
        };
        let Value::Str(name) = name else {
            return self.unsupported("a function node without a name", span);
        };
        let inputs = self.elements(inputs, span)?;
        let is_tensor = |value: &Value| value.as_tensor().is_some();
        let function = Function {
            run: run.clone(),
            tensors: inputs.iter().map(is_tensor).collect(),
            materialize: self.truth(materialize, span)?,
        };
        let tensors = |values: Vec<Value>| -> Vec<Tensor> {
            values
                .iter()
                .filter_map(Value::as_tensor)
                .cloned()
                .collect()
        };
        let inputs = tensors(inputs);
        let dirty = tensors(self.elements(dirty, span)?);
        let constant = tensors(self.elements(constant, span)?);
        let recorded =
            self.grad && !self.inference && inputs.iter().any(|tensor| tensor.requires_grad());
        let node = match recorded {
            true => Some(self.new_function(name, function, &inputs, span)?),
            false => None,
        };
        // After the edges: a view that is written derives its place in the graph again.
        for tensor in &dirty {
            self.bump(tensor, false, span);
        }
        let wrap = Wrapping {
            node: node.clone(),
            inputs,
            dirty,
            constant,
        };
        let wrapped = self.wrap_outputs(&wrap, outputs, span)?;
        let node = node.map_or(Value::None, Value::GradFn);
        Ok(Value::tuple(vec![node, wrapped]))
    }

    fn new_function(
        &mut self,
        name: &str,
        function: Function,
        inputs: &[Tensor],
        span: Span,
    ) -> Res<Rc<Node>> {
        let mut edges = Edges::new();
        for input in inputs {
            edges.push(self.edge(input, span)?);
        }
        self.sequence += 1;
        Ok(Rc::new(Node {
            sequence: self.sequence,
            name: Symbol::intern(name).as_str(),
            kind: NodeKind::Function(function),
            edges: RefCell::new(edges),
            metas: Vec::new(),
            outputs: RefCell::default(),
            args: Vec::new(),
            saved: RefCell::default(),
            saved_outputs: RefCell::default(),
            needs: SmallVec::new(),
            keeps: Cell::new(false),
            released: Cell::new(false),
            hooks: RefCell::default(),
            retaining: RefCell::default(),
        }))
    }

    /// What the call gives: the results with their place in the graph.
    fn wrap_outputs(&mut self, wrap: &Wrapping, outputs: &Value, span: Span) -> Res<Value> {
        let values: Vec<Value> = match outputs {
            Value::Tuple(values, false) => values.to_vec(),
            other => vec![other.clone()],
        };
        let mut wrapped = Vec::with_capacity(values.len());
        let mut differentiable = 0;
        for (at, value) in values.iter().enumerate() {
            let Value::Tensor(tensor) = value else {
                wrapped.push(value.clone());
                continue;
            };
            if let Some(node) = &wrap.node {
                let mut outputs = node.outputs.borrow_mut();
                outputs.resize(at, tensor.meta());
                outputs.push(tensor.meta());
            }
            differentiable += usize::from(wrap.is_differentiable(tensor));
            let tensor = self.wrap_output(wrap, at, tensor, span)?;
            wrapped.push(Value::Tensor(tensor));
        }
        if differentiable > 1 {
            let views = wrapped.iter().filter_map(Value::as_tensor);
            for view in views.filter_map(|tensor| tensor.view.as_ref()) {
                view.creation.set(Creation::MultiOutput);
            }
        }
        Ok(match (outputs, wrapped.as_slice()) {
            (Value::Tuple(..), _) => Value::tuple(wrapped),
            (_, [one]) => one.clone(),
            _ => Value::None,
        })
    }

    fn wrap_output(
        &mut self,
        wrap: &Wrapping,
        at: usize,
        tensor: &Tensor,
        span: Span,
    ) -> Res<Tensor> {
        let is_input = contains(&wrap.inputs, tensor);
        let is_dirty = contains(&wrap.dirty, tensor);
        let Some(node) = wrap
            .node
            .as_ref()
            .filter(|_| wrap.is_differentiable(tensor))
        else {
            if is_input && !is_dirty {
                return Ok(match tensor.requires_grad() {
                    true => self.data_of(tensor, true, span),
                    false => self.view_of_itself(tensor, span),
                });
            }
            if !is_input && tensor.view.is_none() {
                *tensor.grad_fn.borrow_mut() = None;
                tensor.bit.set(false);
            }
            return Ok(Rc::clone(tensor));
        };
        if is_dirty {
            if tensor.requires_grad() && tensor.grad_fn.borrow().is_none() {
                return self.runtime(custom::LEAF, span);
            }
            match (tensor.view.is_some(), at) {
                (true, 0) | (false, _) => self.rebase_output(tensor, node, at),
                (true, _) => {
                    return self.unsupported("a view that a custom function writes", span);
                }
            }
            return Ok(Rc::clone(tensor));
        }
        let output = match is_input {
            true => self.view_of_itself(tensor, span),
            false => Rc::clone(tensor),
        };
        if let Some(view) = &output.view {
            view.creation.set(Creation::Custom);
            view.attr_version.set(output.version().unwrap_or(0));
        }
        *output.grad_fn.borrow_mut() = Some((Rc::clone(node), at));
        Ok(output)
    }

    fn rebase_output(&mut self, tensor: &Tensor, node: &Rc<Node>, at: usize) {
        match tensor.view {
            Some(_) => self.rebase(tensor, Rc::clone(node)),
            None => {
                self.move_retained(tensor, node);
                *tensor.grad_fn.borrow_mut() = Some((Rc::clone(node), at));
            }
        }
    }

    /// A view of the whole tensor, for an input that is given back as it is.
    fn view_of_itself(&mut self, tensor: &Tensor, span: Span) -> Tensor {
        let base = match &tensor.view {
            Some(view) => Rc::clone(&view.base),
            None => Rc::clone(tensor),
        };
        let mut view = super::record::plain(
            self.next_id(),
            tensor.meta(),
            Rc::clone(&tensor.storage.borrow()),
            tensor.counter.clone(),
            self.place(span),
        );
        view.view = tensor.version().map(|version| View {
            base,
            attr_version: Cell::new(version),
            creation: Cell::new(Creation::Custom),
        });
        Rc::new(view)
    }

    /// `_node_save(node, values)`: what `save_for_backward` was given.
    pub(super) fn node_save(&mut self, node: &Value, values: &Value, span: Span) -> Res<Value> {
        let node = &match node {
            Value::GradFn(node) => Rc::clone(node),
            Value::Str(name) => {
                let nothing = Function {
                    run: Value::None,
                    tensors: Vec::new(),
                    materialize: false,
                };
                self.new_function(name, nothing, &[], span)?
            }
            _ => return Ok(Value::None),
        };
        for (at, value) in self.elements(values, span)?.iter().enumerate() {
            let what = match value {
                Value::None => SavedKind::Not,
                Value::Tensor(tensor) => match kept(node, tensor) {
                    SavedKind::Output { output, .. } if !self.saved_hooks.is_empty() => {
                        self.packed(tensor, Edge::Null, Some(output), span)?
                    }
                    SavedKind::Input { .. } if !self.saved_hooks.is_empty() => {
                        let edge = self.edge(tensor, span)?;
                        self.packed(tensor, edge, None, span)?
                    }
                    what => what,
                },
                other => {
                    let text = custom::not_saved(at, &self.type_name(other));
                    return self.type_error(text, span);
                }
            };
            node.saved.borrow_mut().push(SavedTensor { what });
        }
        Ok(Value::GradFn(Rc::clone(node)))
    }

    /// `_node_saved(node)`: the same again, checked (rule R6.7).
    pub(super) fn node_saved(&mut self, node: &Value, span: Span) -> Res<Value> {
        let Value::GradFn(node) = node else {
            return Ok(Value::tuple(Vec::new()));
        };
        if node.released.get() {
            return self.runtime(TWICE, span);
        }
        let mut values = Vec::new();
        for saved in self.unpack_inputs(node, span)? {
            values.push(saved.map_or(Value::None, Value::Tensor));
        }
        Ok(Value::tuple(values))
    }

    /// Runs a node that the program wrote (rule R11.2).
    pub(super) fn run_written(
        &mut self,
        node: &Rc<Node>,
        function: &Function,
        grads: &Grads,
        span: Span,
    ) -> Res<Grads> {
        let mut args = vec![Value::GradFn(Rc::clone(node))];
        let metas = node.outputs.borrow().clone();
        for (at, meta) in metas.iter().enumerate() {
            args.push(match grads.get(at).cloned().flatten() {
                Some(grad) => Value::Tensor(grad),
                None if function.materialize => {
                    let zeros = Array::full(meta.dtype, meta.shape.clone(), Scalar::Float(0.0));
                    Value::Tensor(self.fresh(zeros, span))
                }
                None => Value::None,
            });
        }
        let mut results = match self.call(&function.run, Args::of(args), span)? {
            Value::Tuple(values, false) => values.to_vec(),
            other => vec![other],
        };
        let expected = function.tensors.len();
        if results
            .iter()
            .skip(expected)
            .all(|value| matches!(value, Value::None))
        {
            results.truncate(expected);
        }
        if results.len() != expected {
            let text = custom::wrong_count(node.name, expected, results.len());
            return self.runtime(text, span);
        }
        let mut out = Grads::new();
        for (at, (value, &is_tensor)) in results.iter().zip(&function.tensors).enumerate() {
            match (value, is_tensor) {
                (Value::None, true) => out.push(None),
                (Value::None, false) => {}
                (_, false) => return self.runtime(custom::not_a_variable(node.name, at), span),
                (Value::Tensor(grad), true) => out.push(Some(Rc::clone(grad))),
                (other, true) => {
                    let text = custom::not_a_gradient(&self.type_name(other));
                    return self.raise(Exception::RuntimeError, text, span);
                }
            }
        }
        Ok(out)
    }
}

/// What decides how results are wrapped.
struct Wrapping {
    node: Option<Rc<Node>>,
    inputs: Vec<Tensor>,
    dirty: Vec<Tensor>,
    constant: Vec<Tensor>,
}

impl Wrapping {
    fn is_differentiable(&self, tensor: &Tensor) -> bool {
        self.node.is_some() && tensor.dtype().is_floating() && !contains(&self.constant, tensor)
    }
}

fn contains(tensors: &[Tensor], tensor: &Tensor) -> bool {
    tensors.iter().any(|other| Rc::ptr_eq(other, tensor))
}

/// A tensor as a node keeps it.
fn kept(node: &Rc<Node>, tensor: &Tensor) -> SavedKind {
    let version = tensor.version().unwrap_or(0);
    let own = match &*tensor.grad_fn.borrow() {
        Some((of, output)) if Rc::ptr_eq(of, node) => Some(*output),
        _ => None,
    };
    match own {
        Some(output) => SavedKind::Output {
            // Without its graph, so that the node does not keep itself alive.
            alias: Rc::new(super::record::plain(
                tensor.id,
                tensor.meta(),
                Rc::clone(&tensor.storage.borrow()),
                tensor.counter.clone(),
                tensor.made,
            )),
            version,
            output,
            stamp: stamp(tensor),
            seen_as: std::rc::Weak::new(),
        },
        None => SavedKind::Input {
            tensor: Rc::clone(tensor),
            version,
            had_grad_fn: tensor.grad_fn.borrow().is_some(),
            stamp: stamp(tensor),
        },
    }
}
