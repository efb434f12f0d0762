//! Custom functions (`autograd.Function`): nodes whose backward the program writes. Rules R11.1 and R11.2 of
//! `shared/autograd/rules.md`. The rest of them is written in the prelude.

use std::rc::Rc;

use smallvec::SmallVec;

use super::call::Args;
use super::fact::Failure;
use super::graph::{Edge, Node, NodeKind};
use super::story::{Happened, OriginId, Source, Step};
use super::unpack::TWICE;
use super::value::{Creation, GradFn, NodeId, ObjId, Val, View};
use super::world::World;
use super::{Analyzer, Res};
use crate::dataflow::Tri;
use crate::ops::{Dtype, Exception, Meta, custom};
use crate::source::Span;
use crate::symbol::Symbol;

/// What a custom function's node calls.
#[derive(Debug)]
pub(super) struct Function {
    /// Takes the node and the gradients of the results, gives those of the arguments.
    run: Val,
    /// Which arguments are tensors.
    tensors: Vec<Tri>,
    /// Whether a result that got no gradient counts as having got zeros.
    materialize: Tri,
    /// The results; those that are no tensors are none.
    pub outputs: Vec<Option<ObjId>>,
    /// What `save_for_backward` was given.
    kept: Vec<Val>,
}

/// What decides how results are wrapped.
struct Wrapping {
    node: Option<NodeId>,
    inputs: Vec<ObjId>,
    dirty: Vec<ObjId>,
    constant: Vec<ObjId>,
    origin: OriginId,
}

impl Analyzer<'_> {
    /// `_needs_grad(values)`: for each, whether it is a tensor that requires grad.
    pub(super) fn needs_grad(&mut self, world: &mut World, values: &Val) -> Val {
        let Some(values) = self.elements(world, values) else {
            return Val::Unknown;
        };
        let needs = |value: &Val| match (value, world.as_tensor(value)) {
            (Val::Unknown, _) => Val::Bool(None),
            (Val::Outside, _) if self.outside_is_changed => Val::Bool(None),
            (_, Some(id)) => Val::Bool(self.requires_grad(world, id).known()),
            (_, None) => Val::Bool(Some(false)),
        };
        Val::tuple(values.iter().map(needs).collect())
    }

    /// `_function_node(name, run, args, outputs, dirty, non_differentiable, materialize)`: the node, or none where
    /// nothing is recorded, and what the call gives.
    pub(super) fn function_node(&mut self, world: &mut World, args: &Args, span: Span) -> Res<Val> {
        let unknown = || Val::tuple(vec![Val::NONE, Val::Unknown]);
        let [name, run, inputs, outputs, dirty, constant, materialize] = &args.positional[..]
        else {
            return Ok(unknown());
        };
        let Some(values) = self.elements(world, inputs) else {
            return Ok(unknown());
        };
        let tensors: Vec<Tri> = values
            .iter()
            .map(|value| match value {
                Val::Unknown | Val::Outside => Tri::Maybe,
                value => Tri::from(world.as_tensor(value).is_some()),
            })
            .collect();
        if let Val::Unknown | Val::Outside = outputs {
            values.iter().for_each(|value| self.escape(value));
            return Ok(unknown());
        }
        let materialize = self.truth(world, materialize, span)?;
        let inputs: Vec<ObjId> = values
            .iter()
            .filter_map(|value| world.as_tensor(value))
            .collect();
        let dirty = self.tensors_among(world, dirty);
        let any = match tensors.contains(&Tri::Maybe) {
            true => Tri::Maybe,
            false => Tri::False,
        };
        let any = inputs
            .iter()
            .fold(any, |any, &id| any.or(self.requires_grad(world, id)));
        let recorded = world.grad.0.and(!world.inference.0).and(any);
        let function = Function {
            run: run.clone(),
            tensors,
            materialize,
            outputs: Vec::new(),
            kept: Vec::new(),
        };
        let name = match name {
            Val::Str(Some(name)) => name,
            _ => "",
        };
        let node = match recorded.may() {
            true => Some(self.new_function(world, name, function, &values, recorded, span)?),
            false => None,
        };
        // After the edges: a view that is written derives its place in the graph again.
        for &id in &dirty {
            self.bump(world, id, span);
        }
        let wrap = Wrapping {
            node,
            constant: self.tensors_among(world, constant),
            origin: self.origin_of_call(world, &inputs, any, span),
            inputs,
            dirty,
        };
        let wrapped = self.wrap_outputs(world, &wrap, outputs, recorded, span)?;
        Ok(Val::tuple(vec![
            node.map_or(Val::NONE, Val::GradFn),
            wrapped,
        ]))
    }

    fn tensors_among(&mut self, world: &mut World, values: &Val) -> Vec<ObjId> {
        let values = self.elements(world, values).unwrap_or_default();
        values
            .iter()
            .filter_map(|value| world.as_tensor(value))
            .collect()
    }

    /// What the results come from: the call as a whole, not what its forward does while gradients are off.
    pub(super) fn origin_of_call(
        &mut self,
        world: &World,
        inputs: &[ObjId],
        any: Tri,
        span: Span,
    ) -> OriginId {
        let origins: SmallVec<[OriginId; 2]> = inputs
            .iter()
            .filter_map(|&id| world.tensor(id).map(|tensor| tensor.origin))
            .take(8)
            .collect();
        let source = match () {
            () if any.may() && !world.inference.0.is_false() => {
                Source::Inference(world.inference.1)
            }
            () if any.may() && !world.grad.0.is_true() => Source::NoGrad(world.grad.1),
            () => Source::Operator,
        };
        self.origin(span, source, origins)
    }

    fn new_function(
        &mut self,
        world: &mut World,
        name: &str,
        function: Function,
        args: &[Val],
        recorded: Tri,
        span: Span,
    ) -> Res<NodeId> {
        let mut edges = SmallVec::new();
        for value in args {
            match (value, world.as_tensor(value)) {
                (_, Some(id)) => edges.push(self.edge(world, id, span)?),
                (Val::Unknown, _) => edges.push(Edge::Unknown),
                _ => {}
            }
        }
        let place = self.place(span);
        Ok(self.add_node(Node {
            kind: NodeKind::Function(Box::new(function)),
            name: Symbol::intern(name).as_str(),
            span: place,
            edges,
            saved: Vec::new(),
            hidden: false,
            recorded,
            constant_gradient: None,
        }))
    }

    /// What the call gives: the results with their place in the graph.
    fn wrap_outputs(
        &mut self,
        world: &mut World,
        wrap: &Wrapping,
        outputs: &Val,
        recorded: Tri,
        span: Span,
    ) -> Res<Val> {
        let values: Vec<Val> = match outputs {
            Val::Tuple(values, false) => values.to_vec(),
            other => vec![other.clone()],
        };
        let mut wrapped = Vec::with_capacity(values.len());
        let mut differentiable = 0;
        for (at, value) in values.iter().enumerate() {
            let Some(id) = world.as_tensor(value) else {
                wrapped.push(value.clone());
                self.note_output(wrap, None);
                continue;
            };
            differentiable += usize::from(wrap.is_differentiable(world, id));
            let id = self.wrap_output(world, wrap, (at, id), recorded, span)?;
            self.note_output(wrap, Some(id));
            wrapped.push(Val::Obj(id));
        }
        if differentiable > 1 {
            for id in wrapped
                .iter()
                .filter_map(|value| world.as_tensor(value))
                .collect::<Vec<_>>()
            {
                set_creation(world, id, Creation::MultiOutput);
            }
        }
        Ok(match (outputs, wrapped.as_slice()) {
            (Val::Tuple(..), _) => Val::tuple(wrapped),
            (_, [one]) => one.clone(),
            _ => Val::Unknown,
        })
    }

    fn note_output(&mut self, wrap: &Wrapping, output: Option<ObjId>) {
        if let Some(node) = wrap.node
            && let NodeKind::Function(function) = &mut self.nodes[node].kind
        {
            function.outputs.push(output);
        }
    }

    fn wrap_output(
        &mut self,
        world: &mut World,
        wrap: &Wrapping,
        (at, id): (usize, ObjId),
        recorded: Tri,
        span: Span,
    ) -> Res<ObjId> {
        let (is_input, is_dirty) = (wrap.inputs.contains(&id), wrap.dirty.contains(&id));
        let Some(node) = wrap.node.filter(|_| wrap.is_differentiable(world, id)) else {
            if is_input && !is_dirty {
                return Ok(self.view_of_itself(world, id, wrap.origin));
            }
            if !is_input && world.tensor(id).is_some_and(|tensor| tensor.view.is_none()) {
                let tensor = world.tensor_mut(id);
                tensor.grad_fn = GradFn::None;
                tensor.bit = Tri::False;
                tensor.origin = wrap.origin;
            }
            return Ok(id);
        };
        let here = GradFn::output(node, at as u32, recorded);
        if is_dirty {
            let leaf = self.requires_grad(world, id).and(self.is_leaf(world, id));
            if leaf.may() {
                let text = custom::LEAF.to_owned();
                self.refuse(world, leaf, Failure::LeafInPlace, text, Vec::new(), span)?;
            }
            match world.tensor(id).is_some_and(|tensor| tensor.view.is_some()) {
                true => self.rebase(world, id, node),
                false => world.tensor_mut(id).grad_fn = here,
            }
            return Ok(id);
        }
        let id = match is_input {
            true => self.view_of_itself(world, id, wrap.origin),
            false => id,
        };
        set_creation(world, id, Creation::Custom);
        let tensor = world.tensor_mut(id);
        tensor.grad_fn = here;
        tensor.origin = wrap.origin;
        Ok(id)
    }

    /// A view of the whole tensor, for an input that is given back as it is.
    fn view_of_itself(&mut self, world: &mut World, id: ObjId, origin: OriginId) -> ObjId {
        let before = world.grad.0;
        world.grad.0 = Tri::False;
        let (meta, dtype) = world
            .tensor(id)
            .map_or((None, None), |tensor| (tensor.meta.clone(), tensor.dtype));
        let view = self.new_view(world, id, meta, dtype, false, origin);
        world.grad.0 = before;
        view
    }

    /// `_node_save(node, values)`: what `save_for_backward` was given.
    pub(super) fn node_save(
        &mut self,
        world: &mut World,
        node: &Val,
        values: &Val,
        span: Span,
    ) -> Res<Val> {
        let node = &match node {
            Val::GradFn(node) => *node,
            Val::Str(Some(name)) => {
                let nothing = Function {
                    run: Val::NONE,
                    tensors: Vec::new(),
                    materialize: Tri::False,
                    outputs: Vec::new(),
                    kept: Vec::new(),
                };
                self.new_function(world, name, nothing, &[], Tri::True, span)?
            }
            _ => return Ok(Val::NONE),
        };
        let values = self.elements(world, values).unwrap_or_default();
        for (at, value) in values.iter().enumerate() {
            match (value, world.as_tensor(value)) {
                (Val::None(_) | Val::Unknown | Val::Outside, _) => {}
                (_, Some(id)) => {
                    let own = world.tensor(id).is_some_and(
                        |tensor| matches!(tensor.grad_fn, GradFn::Node(of, _) if of == *node),
                    );
                    let saved = self.save(world, id, own);
                    let saved = self.pack(world, saved, span)?;
                    self.nodes[*node].saved.push(saved);
                }
                (other, None) => {
                    let text = custom::not_saved(at, &self.type_name(world, other));
                    return self.raise(
                        world,
                        span,
                        Failure::CustomFunction,
                        Exception::TypeError,
                        text,
                    );
                }
            }
        }
        if let NodeKind::Function(function) = &mut self.nodes[*node].kind {
            function.kept = values;
        }
        Ok(Val::GradFn(*node))
    }

    /// `_node_saved(node)`: the same again, checked (rule R6.7).
    pub(super) fn node_saved(&mut self, world: &mut World, node: &Val, span: Span) -> Res<Val> {
        let Val::GradFn(node) = node else {
            return Ok(Val::Unknown);
        };
        let certain = self.nodes[*node].recorded;
        if let Some(release) = world.released.get(node.number()).copied() {
            let story = vec![
                Step {
                    span: self.nodes[*node].span,
                    happened: Happened::Saved(None),
                },
                Step {
                    span: release.by,
                    happened: Happened::Freed,
                },
            ];
            let certain = certain.and(release.freed);
            self.refuse(
                world,
                certain,
                Failure::FreedGraph,
                TWICE.into(),
                story,
                span,
            )?;
        }
        for saved in self.nodes[*node].saved.clone() {
            self.unpack_saved(world, *node, &saved, certain, span)?;
        }
        Ok(match &self.nodes[*node].kind {
            NodeKind::Function(function) => Val::tuple(function.kept.clone()),
            _ => Val::Unknown,
        })
    }

    /// Runs a node that the program wrote (rule R11.2); none where what it gives is not known.
    pub(super) fn run_written(
        &mut self,
        world: &mut World,
        node: NodeId,
        grads: &[Option<ObjId>],
        arrived: &[Tri],
        create: Tri,
        span: Span,
    ) -> Res<Option<Vec<Option<ObjId>>>> {
        let NodeKind::Function(function) = &self.nodes[node].kind else {
            return Ok(None);
        };
        let (run, tensors) = (function.run.clone(), function.tensors.clone());
        let (outputs, materialize) = (function.outputs.clone(), function.materialize);
        let mut args = vec![Val::GradFn(node)];
        for (at, output) in outputs.iter().enumerate() {
            let certain = arrived
                .get(at)
                .copied()
                .unwrap_or(Tri::False)
                .or(materialize);
            args.push(match (grads.get(at).copied().flatten(), output) {
                (Some(grad), _) => Val::Obj(grad),
                (None, _) if certain.is_false() => Val::NONE,
                (None, Some(output)) if certain.is_true() => {
                    let like = world.tensor(*output).cloned();
                    like.map_or(Val::Unknown, |like| {
                        Val::Obj(self.gradient_like(world, &like, Tri::False, span))
                    })
                }
                _ => Val::Unknown,
            });
        }
        let before = world.grad.0;
        world.grad.0 = create;
        let result = self.call(world, run, Args::of(args), span);
        world.grad.0 = before;
        let results = match result? {
            Val::Unknown | Val::Outside => return Ok(None),
            Val::Tuple(values, false) => values.to_vec(),
            other => vec![other],
        };
        self.written_gradients(world, node, results, &tensors, span)
    }

    fn written_gradients(
        &mut self,
        world: &mut World,
        node: NodeId,
        mut results: Vec<Val>,
        tensors: &[Tri],
        span: Span,
    ) -> Res<Option<Vec<Option<ObjId>>>> {
        let name = self.nodes[node].name;
        let expected = tensors.len();
        let is_none = |value: &Val| matches!(value, Val::None(_));
        if results.iter().skip(expected).all(is_none) {
            results.truncate(expected);
        }
        if results.len() != expected {
            let text = custom::wrong_count(name, expected, results.len());
            return self.raise(
                world,
                span,
                Failure::CustomFunction,
                Exception::RuntimeError,
                text,
            );
        }
        let mut out = Vec::new();
        for (at, (value, is_tensor)) in results.iter().zip(tensors).enumerate() {
            let grad = world.as_tensor(value);
            match (value, is_tensor) {
                (Val::None(_), Tri::False) => {}
                (Val::None(_), _) => out.push(None),
                (Val::Unknown | Val::Outside, Tri::False) => {}
                (_, Tri::False) => {
                    let text = custom::not_a_variable(name, at);
                    return self.raise(
                        world,
                        span,
                        Failure::CustomFunction,
                        Exception::RuntimeError,
                        text,
                    );
                }
                (Val::Unknown | Val::Outside, _) => {
                    out.push(Some(self.unknown_gradient(world, span)));
                }
                (_, Tri::Maybe) => out.push(Some(self.unknown_gradient(world, span))),
                (other, Tri::True) => match grad {
                    Some(grad) => {
                        let nth = out.len();
                        out.push(Some(self.validated(world, node, nth, grad, span)?));
                    }
                    None => {
                        let text = custom::not_a_gradient(&self.type_name(world, other));
                        return self.raise(
                            world,
                            span,
                            Failure::CustomFunction,
                            Exception::RuntimeError,
                            text,
                        );
                    }
                },
            }
        }
        Ok(Some(out))
    }

    fn unknown_gradient(&mut self, world: &mut World, span: Span) -> ObjId {
        let origin = self.origin(span, Source::Gradient, []);
        let id = self.new_tensor(world, None, None, origin);
        let tensor = world.tensor_mut(id);
        tensor.bit = Tri::Maybe;
        tensor.grad_fn = GradFn::Unknown(Tri::Maybe);
        id
    }

    /// Whether a gradient fits what it is a gradient of (rule R7.7).
    fn validated(
        &mut self,
        world: &mut World,
        node: NodeId,
        nth: usize,
        grad: ObjId,
        span: Span,
    ) -> Res<ObjId> {
        let target = match self.nodes[node].edges.get(nth) {
            Some(Edge::Leaf(leaf)) => Some(*leaf),
            Some(Edge::Node(of, output)) => self.output_of(*of, *output),
            _ => None,
        };
        let meta = |id: ObjId| -> Option<Rc<Meta>> { world.tensor(id)?.meta.clone() };
        let (Some(expected), Some(got)) = (target.and_then(meta), meta(grad)) else {
            return Ok(grad);
        };
        if expected.shape == got.shape {
            return Ok(grad);
        }
        if !custom::reduces_to(&got.shape, &expected.shape) {
            let name = self.nodes[node].name;
            let text = custom::wrong_shape(name, nth, &got.sizes(), &expected.sizes());
            return self.raise(
                world,
                span,
                Failure::CustomFunction,
                Exception::RuntimeError,
                text,
            );
        }
        let requires = self.requires_grad(world, grad);
        let origin = world
            .tensor(grad)
            .map_or(OriginId::NOWHERE, |tensor| tensor.origin);
        let meta = Rc::new(Meta::contiguous(got.dtype, expected.shape.clone()));
        let summed = self.new_tensor(world, Some(meta), Some(got.dtype), origin);
        if requires.may() {
            world.tensor_mut(summed).grad_fn = GradFn::Unknown(requires);
        }
        Ok(summed)
    }

    /// A result of a node, if it is still known.
    pub(super) fn output_of(&self, node: NodeId, output: u32) -> Option<ObjId> {
        match &self.nodes[node].kind {
            NodeKind::Op { outputs, .. } => outputs.get(output as usize).copied(),
            NodeKind::Function(function) => {
                function.outputs.get(output as usize).copied().flatten()
            }
            _ => None,
        }
    }
}

impl Wrapping {
    fn is_differentiable(&self, world: &World, id: ObjId) -> bool {
        let floating = world
            .tensor(id)
            .is_some_and(|tensor| tensor.dtype.is_none_or(Dtype::is_floating));
        self.node.is_some() && floating && !self.constant.contains(&id)
    }
}

/// Notes how a view was made, if the tensor is one.
fn set_creation(world: &mut World, id: ObjId, creation: Creation) {
    let Some(tensor) = world.tensor(id) else {
        return;
    };
    let Some(view) = tensor.view.clone() else {
        return;
    };
    let now = tensor
        .counter
        .and_then(|counter| world.counter(counter))
        .map_or(0, |counter| counter.last);
    world.tensor_mut(id).view = Some(Rc::new(View {
        attr_write: now,
        creation,
        ..(*view).clone()
    }));
}
