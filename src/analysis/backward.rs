//! The engine: what backward does to the graph and to gradients, and where it fails. Rules R6.2, R7 and R8.1 of
//! `shared/autograd/rules.md`.

use std::collections::BinaryHeap;
use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

use super::fact::Failure;
use super::formula::writes_first;
use super::graph::{Edge, NodeKind};
use super::op_args::tensors_of;
use super::record::OpArgs;
use super::story::{Happened, OriginId, Source, Step};
use super::value::{GradFn, NodeId, ObjId};
use super::world::{Release, World};
use super::{Analyzer, Res};
use crate::dataflow::Tri;
use crate::ops::{Arg, Dtype, Exception, Meta, engine_ops, table};
use crate::source::Span;

/// What a backward is asked to do.
pub(super) struct Request {
    /// What is differentiated, each with its gradient, if one is given.
    pub roots: Vec<(ObjId, Option<ObjId>)>,
    /// `retain_graph`
    pub retain: Tri,
    /// `create_graph`
    pub create: Tri,
    /// With regard to what; none: all leaves.
    pub inputs: Option<Vec<ObjId>>,
    /// Whether gradients are left in `.grad` (or given back).
    pub accumulate: bool,
}

/// A place where a gradient arrives.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub(super) enum Target {
    /// A leaf's `.grad`.
    Leaf(ObjId),
    /// An output of a node.
    Output(NodeId, u32),
}

/// Where gradients arrived.
pub(super) struct Arrivals {
    /// How surely one did, for each target.
    certain: FxHashMap<Target, Tri>,
    /// The gradients that are followed.
    grads: FxHashMap<Target, Option<ObjId>>,
    /// Whether some may have gone along ways that are not known.
    pub unknown: bool,
}

impl Arrivals {
    /// How surely a gradient arrived at `target`, and which if it is followed; none if none can have.
    pub fn at(&self, target: Target) -> Option<(Tri, Option<ObjId>)> {
        let certain = *self.certain.get(&target)?;
        Some((certain, self.grads.get(&target).copied().flatten()))
    }
}

/// A backward on its way.
struct Pass {
    /// For each node that is reached: whether for sure.
    reached: FxHashMap<NodeId, Tri>,
    /// How many edges of nodes that are yet to run lead to a leaf, or to a node, whichever of its outputs it is: that
    /// stands at output 0.
    waiting: FxHashMap<Target, u32>,
    /// Whether a gradient arrives at a target.
    arrived: FxHashMap<Target, Tri>,
    /// The gradients themselves, where formulas are run.
    grads: FxHashMap<Target, Option<ObjId>>,
    /// The nodes that may run, if only some may.
    only: Option<FxHashSet<NodeId>>,
    /// The nodes whose gradients are asked for. Hooks of others that do not run are not called.
    captured: FxHashSet<NodeId>,
    /// Whether formulas are run.
    formulas: bool,
    /// Whether some edge is not known.
    unknown: bool,
}

impl Analyzer<'_> {
    /// Runs a backward.
    pub(super) fn run_backward(
        &mut self,
        world: &mut World,
        request: &Request,
        span: Span,
    ) -> Res<Arrivals> {
        let mut starts = Vec::with_capacity(request.roots.len());
        for (at, &(root, grad)) in request.roots.iter().enumerate() {
            let edge = self.edge(world, root, span)?;
            if edge == Edge::Null {
                return self.no_graph(world, at, root, span);
            }
            starts.push((edge, root, grad));
        }
        if request.accumulate {
            for &input in request.inputs.iter().flatten() {
                self.retain_grad(world, input, span)?;
            }
        }
        self.backwards += 1;
        let place = self.place(span);
        let origin = world
            .tensor(request.roots[0].0)
            .map_or(OriginId::NOWHERE, |tensor| tensor.origin);
        world.backward = Some((place, self.join_origin(world, origin, span)));
        let mut pass = self.prepare(world, &starts, request);
        for (at, &(root, _)) in request.roots.iter().enumerate() {
            self.perhaps_no_graph(world, at, root, !pass.unknown, span)?;
        }
        if pass.unknown && request.accumulate {
            self.havoc_escaped(world);
        }
        for (edge, root, grad) in &starts {
            let certain = match edge {
                Edge::OneOf(_) | Edge::Unknown => Tri::Maybe,
                _ => Tri::True,
            };
            let grad = grad.or_else(|| pass.formulas.then(|| self.ones_like(world, *root, span)));
            self.arrive(world, &mut pass, edge, certain, grad, request, span)?;
        }
        let fills_all = request.inputs.is_none() && request.accumulate;
        self.running.push((i64::from(self.backwards), fills_all));
        // What hooks compute is recorded with `create_graph` only.
        let modes = world.grad.0;
        world.grad.0 = request.create;
        let result = self.run_nodes(world, &mut pass, request, span);
        world.grad.0 = modes;
        self.running.pop();
        if pass.unknown && request.accumulate {
            self.may_fill_gradients(world, request.inputs.as_deref());
        }
        match result {
            Ok(()) => Ok(Arrivals {
                certain: pass.arrived,
                grads: pass.grads,
                unknown: pass.unknown,
            }),
            Err(mut raise) => {
                // What the program has the engine call fails in its own text.
                if raise.span != place {
                    raise.story.push(Step {
                        span: place,
                        happened: Happened::RunByBackward,
                    });
                }
                Err(raise)
            }
        }
    }

    /// Tells of a root that has a graph on some ways only. `is_known`: whether all of its graph is; of a program in Python
    /// where it is not, nothing is told: what is not known may be what the graph comes from.
    fn perhaps_no_graph(
        &mut self,
        world: &mut World,
        at: usize,
        root: ObjId,
        is_known: bool,
        span: Span,
    ) -> Res<()> {
        let Some(tensor) = world.tensor(root) else {
            return Ok(());
        };
        let origin = tensor.origin;
        let is_unknown = matches!(tensor.grad_fn, GradFn::Unknown(_));
        if is_unknown
            || (self.program.lenient && !is_known)
            || self.requires_grad(world, root) != Tri::Maybe
        {
            return Ok(());
        }
        let story = self.origins.why_no_graph(origin);
        if story.is_empty() {
            return Ok(());
        }
        let text = no_graph_text(at);
        self.refuse(world, Tri::Maybe, Failure::NoGraph, text, story, span)
            .map(|_| ())
    }

    /// The roots of all backward calls so far are kept together, so that later reads can ask what they were computed of.
    fn join_origin(&mut self, world: &World, origin: OriginId, span: Span) -> OriginId {
        match world.backward {
            Some((_, before)) if before != origin => {
                self.origin(span, Source::Operator, [origin, before])
            }
            _ => origin,
        }
    }

    fn no_graph<T>(&mut self, world: &mut World, at: usize, root: ObjId, span: Span) -> Res<T> {
        let origin = world
            .tensor(root)
            .map_or(OriginId::NOWHERE, |tensor| tensor.origin);
        let story = self.origins.why_no_graph(origin);
        let story = self.with_freezes(world, story);
        self.raise(
            world,
            span,
            Failure::NoGraph,
            Exception::RuntimeError,
            no_graph_text(at),
        )
        .map_err(|mut raise| {
            raise.story = story;
            raise
        })
    }

    fn ones_like(&mut self, world: &mut World, root: ObjId, span: Span) -> ObjId {
        let (meta, dtype) = world
            .tensor(root)
            .map_or((None, None), |tensor| (tensor.meta.clone(), tensor.dtype));
        let meta = meta.map(|meta| Rc::new(Meta::contiguous(meta.dtype, meta.shape.clone())));
        let origin = self.origin(span, Source::Gradient, []);
        self.new_tensor(world, meta, dtype, origin)
    }

    /// Finds what is reachable, counts dependencies, and restricts to what leads to the inputs.
    fn prepare(
        &mut self,
        world: &World,
        starts: &[(Edge, ObjId, Option<ObjId>)],
        request: &Request,
    ) -> Pass {
        let mut pass = Pass {
            reached: FxHashMap::default(),
            waiting: FxHashMap::default(),
            arrived: FxHashMap::default(),
            grads: FxHashMap::default(),
            only: None,
            captured: FxHashSet::default(),
            // The layout of a gradient that is given back can be seen: that of `sum` is expanded.
            formulas: request.create.may() || self.ledger.has_hooks() || !request.accumulate,
            unknown: false,
        };
        let mut seen: FxHashSet<NodeId> = FxHashSet::default();
        let mut work: Vec<NodeId> = Vec::new();
        let mut order = Vec::new();
        let visit = |edge: &Edge, count: bool, pass: &mut Pass, work: &mut Vec<NodeId>| {
            for_each_target(edge, &mut |target| {
                let mut waits = target;
                if let Target::Output(node, _) = target {
                    waits = Target::Output(node, 0);
                    work.push(node);
                }
                if count {
                    *pass.waiting.entry(waits).or_default() += 1;
                }
            });
            pass.unknown |= has_unknown(edge);
        };
        for (edge, ..) in starts {
            visit(edge, false, &mut pass, &mut work);
        }
        while let Some(node) = work.pop() {
            if !seen.insert(node) {
                continue;
            }
            order.push(node);
            // What the program wrote is called with the gradients themselves.
            pass.formulas |= matches!(self.nodes[node].kind, NodeKind::Function(_));
            pass.formulas |= self.may_refuse_in_backward(world, node);
            for edge in &self.nodes[node].edges {
                visit(edge, true, &mut pass, &mut work);
            }
        }
        if let Some(inputs) = &request.inputs {
            let mut only = self.leading_to(world, inputs, order);
            let targets = inputs.iter().filter_map(|&id| self.target_of(world, id));
            pass.captured
                .extend(targets.filter_map(|target| match target {
                    Target::Output(node, _) => Some(node),
                    _ => None,
                }));
            if request.accumulate {
                // What made a tensor that is to have a gradient runs, too: the tensor retains it.
                only.extend(pass.captured.iter().copied());
            }
            pass.only = Some(only);
        }
        pass
    }

    /// Whether the formula of a node may refuse what its operator took: tensors of several types, or a negative number in
    /// place, where the result stands for the argument.
    fn may_refuse_in_backward(&self, world: &World, node: NodeId) -> bool {
        let NodeKind::Op { args, outputs, .. } = &self.nodes[node].kind else {
            return false;
        };
        let mut tensors = args.iter().flat_map(tensors_of);
        let first = tensors.next();
        let dtype = |id: ObjId| world.tensor(id).and_then(|tensor| tensor.dtype);
        let is_mixed = first.is_some_and(|first| tensors.any(|id| dtype(id) != dtype(first)));
        let is_negative =
            |arg: &Arg<ObjId>| matches!(arg, Arg::Scalar(number) if number.as_f64() < 0.0);
        is_mixed || writes_first(args, outputs) && args.iter().any(is_negative)
    }

    /// The nodes from which an input can be reached (rule R7.2).
    fn leading_to(
        &self,
        world: &World,
        inputs: &[ObjId],
        mut order: Vec<NodeId>,
    ) -> FxHashSet<NodeId> {
        let targets: FxHashSet<Target> = inputs
            .iter()
            .filter_map(|&input| self.target_of(world, input))
            .collect();
        let nodes: FxHashSet<NodeId> = targets
            .iter()
            .filter_map(|target| match target {
                Target::Output(node, _) => Some(*node),
                Target::Leaf(_) => None,
            })
            .collect();
        order.sort();
        let mut leading = FxHashSet::default();
        // Regenerated views may come after those that use them, so one sweep is not enough.
        loop {
            let before = leading.len();
            for &node in &order {
                let mut leads = false;
                for edge in &self.nodes[node].edges {
                    for_each_target(edge, &mut |target| {
                        leads |= match target {
                            // Of several outputs of one node, each leads to it.
                            Target::Output(next, _) => {
                                nodes.contains(&next) || leading.contains(&next)
                            }
                            leaf => targets.contains(&leaf),
                        };
                    });
                }
                if leads {
                    leading.insert(node);
                }
            }
            if leading.len() == before {
                return leading;
            }
        }
    }

    /// Where the gradient of a tensor arrives.
    pub(super) fn target_of(&self, world: &World, id: ObjId) -> Option<Target> {
        match world.tensor(id).map(|tensor| &tensor.grad_fn) {
            Some(GradFn::Node(node, output)) => Some(Target::Output(*node, *output)),
            Some(GradFn::None) => Some(Target::Leaf(id)),
            _ => None,
        }
    }

    /// A gradient goes along an edge.
    #[expect(clippy::too_many_arguments, reason = "the parts of one step")]
    fn arrive(
        &mut self,
        world: &mut World,
        pass: &mut Pass,
        edge: &Edge,
        certain: Tri,
        grad: Option<ObjId>,
        request: &Request,
        span: Span,
    ) -> Res<()> {
        let mut targets = SmallVec::<[(Target, Tri); 1]>::new();
        collect_targets(edge, certain, &mut targets);
        for (target, certain) in targets {
            let arrived = pass.arrived.entry(target).or_insert(Tri::False);
            let first = arrived.is_false();
            *arrived = arrived.or(certain);
            if pass.formulas {
                let sum = match (first, pass.grads.get(&target).copied().flatten(), grad) {
                    (true, _, grad) => grad,
                    (false, Some(a), Some(b)) => self.add_gradients(world, a, b, request, span),
                    _ => None,
                };
                pass.grads.insert(target, sum);
            }
            if let Target::Output(node, _) = target {
                let reached = pass.reached.entry(node).or_insert(Tri::False);
                *reached = reached.or(certain);
            }
        }
        Ok(())
    }

    fn add_gradients(
        &mut self,
        world: &mut World,
        a: ObjId,
        b: ObjId,
        request: &Request,
        span: Span,
    ) -> Option<ObjId> {
        let op = crate::ops::table::by_name(
            crate::ops::table::binary_operator(crate::operator::BinaryOp::Add, false).0,
        )?;
        let raw = [crate::ops::Raw::Tensor(a), crate::ops::Raw::Tensor(b)];
        let (op, args) =
            crate::ops::bind_overloaded(op, &raw, &[], crate::ops::Form::Function).ok()?;
        let before = world.grad.0;
        world.grad.0 = request.create;
        let out = self.run_op(world, op, args, false, span).ok().flatten();
        world.grad.0 = before;
        let sum = out.and_then(|out| out.first().copied());
        if let (Some(sum), false) = (sum, request.create.is_true()) {
            // What nothing else holds is added to as it is, which counts as a write.
            self.may_be_written(world, sum);
        }
        sum
    }

    /// Runs the nodes in PyTorch's order: of those that wait for nothing, the one that was made last (rule R7.3).
    fn run_nodes(
        &mut self,
        world: &mut World,
        pass: &mut Pass,
        request: &Request,
        span: Span,
    ) -> Res<()> {
        let mut ready: BinaryHeap<NodeId> = BinaryHeap::new();
        let mut queued = FxHashSet::default();
        let roots: Vec<NodeId> = pass.reached.keys().copied().collect();
        for node in roots {
            if pass
                .waiting
                .get(&Target::Output(node, 0))
                .copied()
                .unwrap_or(0)
                == 0
                && queued.insert(node)
            {
                ready.push(node);
            }
        }
        self.serve_leaves(world, pass, request, span, None)?;
        while let Some(node) = ready.pop() {
            let certain = pass
                .reached
                .get(&node)
                .copied()
                .unwrap_or(Tri::False)
                .and(self.nodes[node].recorded);
            let runs = certain.may() && pass.only.as_ref().is_none_or(|only| only.contains(&node));
            let arrives = runs || certain.may() && pass.captured.contains(&node);
            let grads = if arrives {
                self.arrive_at_node(world, pass, node, certain, request, span)?
            } else {
                Vec::new()
            };
            let mut results = None;
            if runs {
                self.check_node(world, node, certain, span)?;
                if let NodeKind::Function(function) = &self.nodes[node].kind {
                    let outputs = (0..function.outputs.len() as u32).map(|at| {
                        let arrived = pass.arrived.get(&Target::Output(node, at));
                        arrived.copied().unwrap_or(Tri::False)
                    });
                    let arrived: Vec<Tri> = outputs.collect();
                    let create = request.create;
                    results = self.run_written(world, node, &grads, &arrived, create, span)?;
                } else if pass.formulas {
                    results = self.run_formula(world, node, &grads, request.create, span)?;
                }
                if !request.retain.is_true() {
                    let freed = (!request.retain).and(certain);
                    world.released.set(
                        node.number(),
                        Release {
                            freed,
                            by: self.place(span),
                        },
                    );
                }
            }
            let edges = self.nodes[node].edges.clone();
            for (at, edge) in edges.iter().enumerate() {
                if runs {
                    let grad = results
                        .as_ref()
                        .and_then(|results| results.get(at).copied());
                    // A formula that gives no gradient for an argument leaves it undefined (rule R7.8).
                    let defined = !matches!(grad, Some(None)) || results.is_none();
                    if defined {
                        let grad = grad.flatten().map(|grad| {
                            self.fitted(world, edge, grad, request.create, span)
                                .unwrap_or(grad)
                        });
                        self.arrive(world, pass, edge, certain, grad, request, span)?;
                    }
                }
                let mut done = SmallVec::<[Target; 2]>::new();
                for_each_target(edge, &mut |target| done.push(target));
                for target in done {
                    self.one_less(world, pass, target, &mut ready, &mut queued, request, span)?;
                }
            }
        }
        Ok(())
    }

    /// A gradient takes the type and the sizes of what it is a gradient of (rule R7.7).
    fn fitted(
        &mut self,
        world: &mut World,
        edge: &Edge,
        grad: ObjId,
        create: Tri,
        span: Span,
    ) -> Option<ObjId> {
        let of = match edge {
            Edge::Leaf(leaf) => *leaf,
            Edge::Node(node, output) => match &self.nodes[*node].kind {
                NodeKind::Op { outputs, .. } => *outputs.get(*output as usize)?,
                _ => return None,
            },
            _ => return None,
        };
        let expected = world.tensor(of)?;
        // What was written in place may have other sizes now.
        let is_as_made = match (edge, &expected.grad_fn) {
            (Edge::Node(node, _), GradFn::Node(now, _)) => node == now,
            (edge, _) => matches!(edge, Edge::Leaf(_)),
        };
        let expected = expected.meta.clone().filter(|_| is_as_made)?;
        let meta = world.tensor(grad)?.meta.clone()?;
        let mut call = |analyzer: &mut Self, name: &str, args: OpArgs| {
            let op = table::by_name(name)?;
            let before = world.grad.0;
            world.grad.0 = create;
            let out = analyzer.run_op(world, op, args, false, span).ok().flatten();
            world.grad.0 = before;
            out?.first().copied()
        };
        let mut grad = grad;
        if meta.shape != expected.shape && meta.numel() == expected.numel() {
            let sizes = expected.shape.iter().map(|&size| size as i64).collect();
            let args = vec![Arg::Tensor(grad), Arg::Ints(sizes)];
            grad = call(self, engine_ops::RESHAPE, args)?;
        }
        if meta.dtype != expected.dtype {
            grad = call(self, engine_ops::CAST, cast_args(grad, expected.dtype))?;
        }
        Some(grad)
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one step")]
    fn one_less(
        &mut self,
        world: &mut World,
        pass: &mut Pass,
        target: Target,
        ready: &mut BinaryHeap<NodeId>,
        queued: &mut FxHashSet<NodeId>,
        request: &Request,
        span: Span,
    ) -> Res<()> {
        let key = match target {
            Target::Output(node, _) => Target::Output(node, 0),
            leaf => leaf,
        };
        let Some(waiting) = pass.waiting.get_mut(&key) else {
            return Ok(());
        };
        *waiting = waiting.saturating_sub(1);
        if *waiting > 0 {
            return Ok(());
        }
        match key {
            Target::Leaf(leaf) => self.serve_leaves(world, pass, request, span, Some(leaf)),
            Target::Output(node, _) => {
                if queued.insert(node) {
                    ready.push(node);
                }
                Ok(())
            }
        }
    }

    /// `AccumulateGrad` of a leaf that waits for nothing more, or of all roots that are leaves.
    fn serve_leaves(
        &mut self,
        world: &mut World,
        pass: &mut Pass,
        request: &Request,
        span: Span,
        leaf: Option<ObjId>,
    ) -> Res<()> {
        let leaves: Vec<ObjId> = match leaf {
            Some(leaf) => vec![leaf],
            None => {
                let mut roots: Vec<ObjId> = pass
                    .arrived
                    .keys()
                    .filter_map(|target| match target {
                        Target::Leaf(leaf) if !pass.waiting.contains_key(target) => Some(*leaf),
                        _ => None,
                    })
                    .collect();
                roots.sort();
                roots
            }
        };
        for leaf in leaves {
            let Some(&certain) = pass.arrived.get(&Target::Leaf(leaf)) else {
                continue;
            };
            let wanted = request
                .inputs
                .as_ref()
                .is_none_or(|inputs| inputs.contains(&leaf));
            if !wanted || certain.is_false() {
                continue;
            }
            let grad = pass.grads.get(&Target::Leaf(leaf)).copied().flatten();
            let grad = self.tensor_hooks(world, leaf, None, grad, span)?;
            pass.grads.insert(Target::Leaf(leaf), grad);
            if request.accumulate {
                self.accumulate(world, leaf, certain, grad, request, span)?;
                self.post_hooks(world, leaf, span)?;
            }
        }
        Ok(())
    }

    /// A gradient arrives at the outputs of a node: hooks run, and `.grad` of tensors that retain theirs is filled (R9.1).
    fn arrive_at_node(
        &mut self,
        world: &mut World,
        pass: &mut Pass,
        node: NodeId,
        certain: Tri,
        request: &Request,
        span: Span,
    ) -> Res<Vec<Option<ObjId>>> {
        for (tensor, output) in self.ledger.watched(node) {
            if !pass.arrived.contains_key(&Target::Output(node, output)) {
                self.hooks_on_none(world, tensor, node, span)?;
            } else {
                let grad = pass
                    .grads
                    .get(&Target::Output(node, output))
                    .copied()
                    .flatten();
                let grad = self.tensor_hooks(world, tensor, Some(node), grad, span)?;
                pass.grads.insert(Target::Output(node, output), grad);
            }
        }
        for tensor in self.ledger.retaining() {
            let here = world
                .tensor(tensor)
                .filter(|tensor| tensor.retains_grad)
                .map(|tensor| tensor.grad_fn.clone());
            if let Some(GradFn::Node(of, output)) = here
                && of == node
                && pass.arrived.contains_key(&Target::Output(node, output))
                && request.accumulate
            {
                let grad = pass
                    .grads
                    .get(&Target::Output(node, output))
                    .copied()
                    .flatten();
                self.leave_gradient(world, tensor, certain, grad, request, span)?;
            }
        }
        if let (Some(inputs), true) = (&request.inputs, request.accumulate) {
            for &input in inputs {
                if let Some(Target::Output(of, output)) = self.target_of(world, input)
                    && of == node
                    && pass.arrived.contains_key(&Target::Output(of, output))
                {
                    let grad = pass
                        .grads
                        .get(&Target::Output(of, output))
                        .copied()
                        .flatten();
                    self.leave_gradient(world, input, certain, grad, request, span)?;
                }
            }
        }
        if !pass.formulas {
            return Ok(Vec::new());
        }
        let count = match &self.nodes[node].kind {
            NodeKind::Op { outputs, .. } => outputs.len(),
            NodeKind::Function(function) => function.outputs.len(),
            _ => 1,
        };
        Ok((0..count)
            .map(|output| {
                pass.grads
                    .get(&Target::Output(node, output as u32))
                    .copied()
                    .flatten()
            })
            .collect())
    }
}

/// The arguments of a cast.
pub(super) fn cast_args(of: ObjId, dtype: Dtype) -> Vec<Arg<ObjId>> {
    let count = table::by_name(engine_ops::CAST).map_or(0, |op| table::row(op).params.len());
    let mut args = vec![Arg::Tensor(of), Arg::Dtype(dtype)];
    args.resize(count.max(2), Arg::None);
    args
}

fn no_graph_text(at: usize) -> String {
    format!("element {at} of tensors does not require grad and does not have a grad_fn")
}

fn has_unknown(edge: &Edge) -> bool {
    match edge {
        Edge::Unknown => true,
        Edge::OneOf(parts) => parts.iter().any(has_unknown),
        _ => false,
    }
}

/// Each place that an edge may lead to.
pub(super) fn for_each_target(edge: &Edge, visit: &mut impl FnMut(Target)) {
    match edge {
        Edge::Null | Edge::Unknown => {}
        Edge::Leaf(leaf) => visit(Target::Leaf(*leaf)),
        Edge::Node(node, output) => visit(Target::Output(*node, *output)),
        Edge::OneOf(parts) => {
            for part in parts.iter() {
                for_each_target(part, visit);
            }
        }
    }
}

fn collect_targets(edge: &Edge, certain: Tri, out: &mut SmallVec<[(Target, Tri); 1]>) {
    let several = matches!(edge, Edge::OneOf(_));
    for_each_target(edge, &mut |target| {
        out.push((
            target,
            if several {
                certain.and(Tri::Maybe)
            } else {
                certain
            },
        ))
    });
}
