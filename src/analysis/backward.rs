//! The engine: what backward does to the graph and to gradients, and where it fails. Rules R6.2, R7 and R8.1 of
//! `shared/autograd/rules.md`.

use std::collections::BinaryHeap;
use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

use super::fact::{FactKind, Failure};
use super::graph::{Edge, NodeKind, SavedTensor};
use super::story::{Happened, OriginId, Source, Step};
use super::value::{GradFn, NodeId, ObjId, Val};
use super::world::{Release, World};
use super::write::short;
use super::{Analyzer, Res};
use crate::dataflow::Tri;
use crate::ops::{Exception, Meta};
use crate::source::Span;

const TWICE: &str = "Trying to backward through the graph a second time (or directly access saved tensors after they have already been freed). Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(). Specify retain_graph=True if you need to backward through the graph a second time or if you need to access saved tensors after calling backward.";
const DETACHED: &str = "Trying to use a saved tensor that has been detached in-place, i.e. with .detach_().This is not supported, please use out-of-place `.detach()` instead";

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

/// A backward on its way.
struct Pass {
    /// For each node that is reached: whether for sure.
    reached: FxHashMap<NodeId, Tri>,
    /// How many edges of nodes that are yet to run lead to a node or leaf.
    waiting: FxHashMap<Target, u32>,
    /// Whether a gradient arrives at a target.
    arrived: FxHashMap<Target, Tri>,
    /// The gradients themselves, where formulas are run.
    grads: FxHashMap<Target, Option<ObjId>>,
    /// The nodes that may run, if only some may.
    only: Option<FxHashSet<NodeId>>,
    /// Whether formulas are run.
    formulas: bool,
    /// Whether some edge is not known.
    unknown: bool,
}

impl Analyzer<'_> {
    /// Runs a backward. The result: for each target at which a gradient arrived, how surely, and the gradient if it is followed.
    pub(super) fn run_backward(&mut self, world: &mut World, request: &Request, span: Span) -> Res<FxHashMap<Target, (Tri, Option<ObjId>)>> {
        let mut starts = Vec::with_capacity(request.roots.len());
        for (at, &(root, grad)) in request.roots.iter().enumerate() {
            let edge = self.edge(world, root, span)?;
            if edge == Edge::Null && !self.requires_grad(world, root).may() {
                return self.no_graph(world, at, root, span);
            }
            let known = !matches!(world.tensor(root).map(|tensor| &tensor.grad_fn), Some(GradFn::Unknown(_)));
            if known && self.requires_grad(world, root) == Tri::Maybe {
                let origin = world.tensor(root).map_or(OriginId::NOWHERE, |tensor| tensor.origin);
                let story = self.origins.why_no_graph(origin);
                if !story.is_empty() {
                    self.refuse(world, Tri::Maybe, Failure::NoGraph, no_graph_text(at), story, span)?;
                }
            }
            starts.push((edge, root, grad));
        }
        let place = self.place(span);
        let origin = world.tensor(request.roots[0].0).map_or(OriginId::NOWHERE, |tensor| tensor.origin);
        world.backward = Some((place, self.join_origin(world, origin, span)));
        let mut pass = self.prepare(world, &starts, request);
        for (edge, root, grad) in &starts {
            let certain = match edge {
                Edge::OneOf(_) | Edge::Unknown => Tri::Maybe,
                _ => Tri::True,
            };
            let grad = grad.or_else(|| pass.formulas.then(|| self.ones_like(world, *root, span)));
            self.arrive(world, &mut pass, edge, certain, grad, request, span)?;
        }
        let result = self.run_nodes(world, &mut pass, request, span);
        match result {
            Ok(()) => Ok(pass.arrived.iter().map(|(target, tri)| (*target, (*tri, pass.grads.get(target).copied().flatten()))).collect()),
            Err(raise) => Err(raise),
        }
    }

    /// The roots of all backward calls so far are kept together, so that later reads can ask what they were computed of.
    fn join_origin(&mut self, world: &World, origin: OriginId, span: Span) -> OriginId {
        match world.backward {
            Some((_, before)) if before != origin => self.origin(span, Source::Operator, [origin, before]),
            _ => origin,
        }
    }

    fn no_graph<T>(&mut self, world: &mut World, at: usize, root: ObjId, span: Span) -> Res<T> {
        let origin = world.tensor(root).map_or(OriginId::NOWHERE, |tensor| tensor.origin);
        let story = self.origins.why_no_graph(origin);
        self.raise(world, span, Failure::NoGraph, Exception::RuntimeError, no_graph_text(at)).map_err(|mut raise| {
            raise.story = story;
            raise
        })
    }

    fn ones_like(&mut self, world: &mut World, root: ObjId, span: Span) -> ObjId {
        let (meta, dtype) = world.tensor(root).map_or((None, None), |tensor| (tensor.meta.clone(), tensor.dtype));
        let meta = meta.map(|meta| Rc::new(Meta::contiguous(meta.dtype, meta.shape.clone())));
        let origin = self.origin(span, Source::Gradient, []);
        self.new_tensor(world, meta, dtype, origin)
    }

    /// Finds what is reachable, counts dependencies, and restricts to what leads to the inputs.
    fn prepare(&mut self, world: &World, starts: &[(Edge, ObjId, Option<ObjId>)], request: &Request) -> Pass {
        let mut pass = Pass {
            reached: FxHashMap::default(),
            waiting: FxHashMap::default(),
            arrived: FxHashMap::default(),
            grads: FxHashMap::default(),
            only: None,
            // The layout of a gradient that is given back can be seen: that of `sum` is expanded.
            formulas: request.create.may() || self.ledger.has_hooks() || !request.accumulate,
            unknown: false,
        };
        let mut seen: FxHashSet<NodeId> = FxHashSet::default();
        let mut work: Vec<NodeId> = Vec::new();
        let mut order = Vec::new();
        let visit = |edge: &Edge, count: bool, pass: &mut Pass, work: &mut Vec<NodeId>| {
            for_each_target(edge, &mut |target| {
                if count {
                    *pass.waiting.entry(target).or_default() += 1;
                }
                if let Target::Output(node, _) = target {
                    work.push(node);
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
            for edge in &self.nodes[node].edges {
                visit(edge, true, &mut pass, &mut work);
            }
        }
        if let Some(inputs) = &request.inputs {
            pass.only = Some(self.leading_to(world, inputs, order));
        }
        // Dependencies are counted by node, whichever of its outputs they go to.
        let mut by_node: FxHashMap<NodeId, u32> = FxHashMap::default();
        let counts: Vec<(Target, u32)> = pass.waiting.drain().collect();
        for (target, count) in counts {
            match target {
                Target::Output(node, _) => *by_node.entry(node).or_default() += count,
                Target::Leaf(_) => {
                    pass.waiting.insert(target, count);
                }
            }
        }
        pass.waiting.extend(by_node.into_iter().map(|(node, count)| (Target::Output(node, 0), count)));
        pass
    }

    /// The nodes from which an input can be reached (rule R7.2).
    fn leading_to(&self, world: &World, inputs: &[ObjId], mut order: Vec<NodeId>) -> FxHashSet<NodeId> {
        let targets: FxHashSet<Target> = inputs.iter().filter_map(|&input| self.target_of(world, input)).collect();
        order.sort();
        let mut leading = FxHashSet::default();
        // Regenerated views may come after those that use them, so one sweep is not enough.
        loop {
            let before = leading.len();
            for &node in &order {
                let mut leads = false;
                for edge in &self.nodes[node].edges {
                    for_each_target(edge, &mut |target| {
                        leads |= targets.contains(&target) || matches!(target, Target::Output(next, _) if leading.contains(&next));
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
    fn arrive(&mut self, world: &mut World, pass: &mut Pass, edge: &Edge, certain: Tri, grad: Option<ObjId>, request: &Request, span: Span) -> Res<()> {
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

    fn add_gradients(&mut self, world: &mut World, a: ObjId, b: ObjId, request: &Request, span: Span) -> Option<ObjId> {
        let op = crate::ops::table::by_name(crate::ops::table::binary_operator(crate::operator::BinaryOp::Add, false).0)?;
        let raw = [crate::ops::Raw::Tensor(a), crate::ops::Raw::Tensor(b)];
        let (op, args) = crate::ops::bind_overloaded(op, &raw, &[], crate::ops::Form::Function).ok()?;
        let before = world.grad.0;
        world.grad.0 = request.create;
        let out = self.run_op(world, op, args, false, span).ok().flatten();
        world.grad.0 = before;
        out.and_then(|out| out.first().copied())
    }

    /// Runs the nodes in PyTorch's order: of those that wait for nothing, the one that was made last (rule R7.3).
    fn run_nodes(&mut self, world: &mut World, pass: &mut Pass, request: &Request, span: Span) -> Res<()> {
        let mut ready: BinaryHeap<(u32, NodeId)> = BinaryHeap::new();
        let mut queued = FxHashSet::default();
        let roots: Vec<NodeId> = pass.reached.keys().copied().collect();
        for node in roots {
            if pass.waiting.get(&Target::Output(node, 0)).copied().unwrap_or(0) == 0 && queued.insert(node) {
                ready.push((self.nodes[node].sequence, node));
            }
        }
        self.serve_leaves(world, pass, request, span, None)?;
        while let Some((_, node)) = ready.pop() {
            let certain = pass.reached.get(&node).copied().unwrap_or(Tri::False).and(self.nodes[node].recorded);
            let runs = certain.may() && pass.only.as_ref().is_none_or(|only| only.contains(&node));
            let grads = if certain.may() { self.arrive_at_node(world, pass, node, certain, request, span)? } else { Vec::new() };
            let mut results = None;
            if runs {
                self.check_node(world, node, certain, span)?;
                if pass.formulas {
                    results = self.run_formula(world, node, &grads, request.create, span)?;
                }
                if !request.retain.is_true() {
                    let freed = (!request.retain).and(certain);
                    world.released.set(node.number(), Release { freed, by: self.place(span) });
                }
            }
            let edges = self.nodes[node].edges.clone();
            for (at, edge) in edges.iter().enumerate() {
                if runs {
                    let grad = results.as_ref().and_then(|results| results.get(at).copied());
                    // A formula that gives no gradient for an argument leaves it undefined (rule R7.8).
                    let defined = !matches!(grad, Some(None)) || results.is_none();
                    if defined {
                        self.arrive(world, pass, edge, certain, grad.flatten(), request, span)?;
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

    #[expect(clippy::too_many_arguments, reason = "the parts of one step")]
    fn one_less(&mut self, world: &mut World, pass: &mut Pass, target: Target, ready: &mut BinaryHeap<(u32, NodeId)>, queued: &mut FxHashSet<NodeId>, request: &Request, span: Span) -> Res<()> {
        let key = match target {
            Target::Output(node, _) => Target::Output(node, 0),
            leaf => leaf,
        };
        let Some(waiting) = pass.waiting.get_mut(&key) else { return Ok(()) };
        *waiting = waiting.saturating_sub(1);
        if *waiting > 0 {
            return Ok(());
        }
        match key {
            Target::Leaf(leaf) => self.serve_leaves(world, pass, request, span, Some(leaf)),
            Target::Output(node, _) => {
                if queued.insert(node) {
                    ready.push((self.nodes[node].sequence, node));
                }
                Ok(())
            }
        }
    }

    /// `AccumulateGrad` of a leaf that waits for nothing more, or of all roots that are leaves.
    fn serve_leaves(&mut self, world: &mut World, pass: &mut Pass, request: &Request, span: Span, leaf: Option<ObjId>) -> Res<()> {
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
            let Some(&certain) = pass.arrived.get(&Target::Leaf(leaf)) else { continue };
            let wanted = request.inputs.as_ref().is_none_or(|inputs| inputs.contains(&leaf));
            if !wanted || certain.is_false() {
                continue;
            }
            let grad = pass.grads.get(&Target::Leaf(leaf)).copied().flatten();
            let grad = self.tensor_hooks(world, leaf, None, grad, span)?;
            pass.grads.insert(Target::Leaf(leaf), grad);
            if request.accumulate {
                self.accumulate(world, leaf, certain, grad, request, span);
            }
        }
        Ok(())
    }

    /// A gradient arrives at the outputs of a node: hooks run, and `.grad` of tensors that retain theirs is filled (R9.1).
    fn arrive_at_node(&mut self, world: &mut World, pass: &mut Pass, node: NodeId, certain: Tri, request: &Request, span: Span) -> Res<Vec<Option<ObjId>>> {
        for (tensor, output) in self.ledger.watched(node) {
            if pass.arrived.contains_key(&Target::Output(node, output)) {
                let grad = pass.grads.get(&Target::Output(node, output)).copied().flatten();
                let grad = self.tensor_hooks(world, tensor, Some(node), grad, span)?;
                pass.grads.insert(Target::Output(node, output), grad);
            }
        }
        for tensor in self.ledger.retaining() {
            let here = world.tensor(tensor).filter(|tensor| tensor.retains_grad).map(|tensor| tensor.grad_fn.clone());
            if let Some(GradFn::Node(of, output)) = here
                && of == node
                && pass.arrived.contains_key(&Target::Output(node, output))
                && request.accumulate
            {
                let grad = pass.grads.get(&Target::Output(node, output)).copied().flatten();
                self.leave_gradient(world, tensor, certain, grad, request, span);
            }
        }
        if let (Some(inputs), true) = (&request.inputs, request.accumulate) {
            for &input in inputs {
                if let Some(Target::Output(of, output)) = self.target_of(world, input)
                    && of == node
                    && pass.arrived.contains_key(&Target::Output(of, output))
                {
                    let grad = pass.grads.get(&Target::Output(of, output)).copied().flatten();
                    self.leave_gradient(world, input, certain, grad, request, span);
                }
            }
        }
        if !pass.formulas {
            return Ok(Vec::new());
        }
        let count = match &self.nodes[node].kind {
            NodeKind::Op { outputs, .. } => outputs.len(),
            _ => 1,
        };
        Ok((0..count).map(|output| pass.grads.get(&Target::Output(node, output as u32)).copied().flatten()).collect())
    }

    /// Unpacks all that a node keeps (rules R6.2, R7.4).
    fn check_node(&mut self, world: &mut World, node: NodeId, certain: Tri, span: Span) -> Res<()> {
        let keeps = self.nodes[node].hidden || !self.nodes[node].saved.is_empty();
        let release = world.released.get(node.number()).copied();
        if let (Some(release), true) = (release, keeps)
            && release.freed.may()
        {
            let story = vec![Step { span: self.nodes[node].span, happened: Happened::Saved(None) }, Step { span: release.by, happened: Happened::Freed }];
            self.refuse(world, certain.and(release.freed), Failure::FreedGraph, TWICE.into(), story, span)?;
        }
        if let NodeKind::NotImplemented(error, text) = self.nodes[node].kind {
            let story = vec![Step { span: self.nodes[node].span, happened: Happened::Other("this operator has no derivative in PyTorch".into()) }];
            return self.raise(world, span, Failure::NoDerivative, error, text).map_err(|mut raise| {
                raise.story = story;
                raise
            });
        }
        if let Some(gradient) = self.nodes[node].constant_gradient {
            let story = vec![Step { span: self.origins.get(gradient).span, happened: Happened::GradientIsConstant }];
            let at = self.nodes[node].span;
            self.fact(world, at, FactKind::ConstantGradient, story);
        }
        for saved in self.nodes[node].saved.clone() {
            self.unpack_saved(world, node, &saved, certain, span)?;
        }
        Ok(())
    }

    fn unpack_saved(&mut self, world: &mut World, node: NodeId, saved: &SavedTensor, certain: Tri, span: Span) -> Res<()> {
        let made = self.nodes[node].span;
        let now = world.tensor(saved.tensor).cloned();
        if saved.had_grad_fn && !saved.is_output && now.as_ref().is_some_and(|tensor| tensor.grad_fn == GradFn::None) {
            let story = vec![Step { span: made, happened: Happened::Saved(None) }];
            return self.refuse(world, certain, Failure::SavedDetached, DETACHED.into(), story, span);
        }
        let Some(counter) = saved.counter.and_then(|counter| world.counter(counter).cloned()) else { return Ok(()) };
        let exact = saved.low == saved.high;
        if counter.last != saved.last {
            let changed = if counter.low > saved.low { Tri::True } else { Tri::Maybe };
            let write = first_write_after(&counter, saved.last);
            let version = (counter.low == counter.high).then_some(counter.low);
            let mut story = vec![Step { span: made, happened: Happened::Saved(exact.then_some(saved.low)) }];
            story.extend(write.map(|span| Step { span, happened: Happened::Overwritten(version) }));
            let text = self.overwritten_text(world, node, saved, version, span);
            return self.refuse(world, certain.and(changed), Failure::SavedOverwritten, text, story, span);
        }
        let (storage, last) = saved.storage;
        let swapped = now.as_ref().is_some_and(|tensor| tensor.storage != storage);
        let written = world.storage(storage).filter(|now| now.last != last).and_then(|now| now.span);
        if let Some(written) = written {
            let story = vec![Step { span: made, happened: Happened::Saved(exact.then_some(saved.low)) }, Step { span: written, happened: Happened::WrittenBehind }];
            let _ = swapped;
            if certain.is_true() {
                self.fact(world, span, FactKind::StaleSaved, story);
            } else {
                self.uncertain_fact(world, span, FactKind::StaleSaved, story);
            }
        }
        Ok(())
    }

    fn overwritten_text(&mut self, world: &mut World, node: NodeId, saved: &SavedTensor, version: Option<u32>, span: Span) -> String {
        let tensor = world.tensor(saved.tensor).cloned();
        let kind = tensor.as_ref().and_then(|tensor| tensor.dtype).map_or_else(|| "…".into(), super::builtins::tensor_type);
        let sizes = tensor.as_ref().and_then(|tensor| tensor.meta.as_ref().map(|meta| meta.sizes())).unwrap_or_else(|| "…".into());
        let output = if saved.is_output {
            let at = match &self.nodes[node].kind {
                NodeKind::Op { outputs, .. } => outputs.iter().position(|&output| output == saved.tensor).unwrap_or(0),
                _ => 0,
            };
            format!(", which is output {at} of {},", short(self.nodes[node].name))
        } else {
            // A view whose base was written has its `grad_fn` derived again when it is looked at.
            if self.stale_view(world, saved.tensor) {
                self.edge(world, saved.tensor, span).ok();
            }
            match world.tensor(saved.tensor).map(|tensor| tensor.grad_fn.clone()) {
                Some(GradFn::Node(node, output)) => format!(", which is output {output} of {},", short(self.nodes[node].name)),
                Some(GradFn::None) => String::new(),
                _ => "…".into(),
            }
        };
        let number = |version: Option<u32>| version.map_or_else(|| "…".into(), |version| version.to_string());
        let expected = number((saved.low == saved.high).then_some(saved.low));
        format!(
            "one of the variables needed for gradient computation has been modified by an inplace operation: [{kind} {sizes}]{output} is at version {}; expected version {expected} instead. Hint: enable anomaly detection to find the operation that failed to compute its gradient, with torch.autograd.set_detect_anomaly(True, check_nan=False).",
            number(version)
        )
    }

    /// `AccumulateGrad` (rule R8.1).
    fn accumulate(&mut self, world: &mut World, leaf: ObjId, certain: Tri, grad: Option<ObjId>, request: &Request, span: Span) {
        let bit = world.tensor(leaf).map_or(Tri::False, |tensor| tensor.bit);
        if bit.is_false() {
            return;
        }
        self.leave_gradient(world, leaf, certain.and(bit), grad, request, span);
    }

    fn leave_gradient(&mut self, world: &mut World, id: ObjId, certain: Tri, grad: Option<ObjId>, request: &Request, span: Span) {
        let Some(tensor) = world.tensor(id).cloned() else { return };
        let place = self.place(span);
        match world.as_tensor(&tensor.grad) {
            Some(old) if !request.create.may() && self.is_leaf(world, id).may() => self.bump(world, old, span),
            _ => {
                let new = match grad {
                    Some(grad) if request.create.may() => grad,
                    _ => self.gradient_like(world, &tensor, request.create, span),
                };
                let known = certain.is_true() || world.as_tensor(&tensor.grad).is_some();
                world.tensor_mut(id).grad = if known { Val::Obj(new) } else { Val::Unknown };
            }
        }
        let again = tensor.history.left_by.contains(&place) && request.retain.is_false() && certain.is_true();
        let history = &mut world.tensor_mut(id).history;
        if again {
            history.accumulated = Some(place);
        }
        if !history.left_by.contains(&place) && history.left_by.len() < MAX_LEFT_BY {
            history.left_by.push(place);
        }
        history.ever = true;
    }

    /// A gradient of a tensor: of its shape and dtype.
    pub(super) fn gradient_like(&mut self, world: &mut World, tensor: &super::value::Tensor, create: Tri, span: Span) -> ObjId {
        let meta = tensor.meta.as_ref().map(|meta| Rc::new(Meta::contiguous(meta.dtype, meta.shape.clone())));
        let source = if create.may() { Source::GradientGraph } else { Source::Gradient };
        let origin = self.origin(span, source, []);
        let inference = world.inference.0;
        world.inference.0 = Tri::False;
        let id = self.new_tensor(world, meta, tensor.dtype, origin);
        world.inference.0 = inference;
        if create.may() {
            let new = world.tensor_mut(id);
            new.bit = Tri::Maybe;
            new.grad_fn = GradFn::Unknown(Tri::Maybe);
        }
        id
    }

    /// Runs the hooks of a tensor on its gradient (rule R9.2).
    fn tensor_hooks(&mut self, world: &mut World, id: ObjId, node: Option<NodeId>, grad: Option<ObjId>, span: Span) -> Res<Option<ObjId>> {
        let Some(tensor) = world.tensor(id).cloned() else { return Ok(grad) };
        let mut grad = grad;
        for (number, hook) in &tensor.hooks {
            if node.is_some() && self.ledger.hook_node(*number) != node {
                continue;
            }
            let current = match grad {
                Some(grad) => grad,
                None => self.gradient_like(world, &tensor, Tri::False, span),
            };
            let result = self.call(world, hook.clone(), super::call::Args::of([Val::Obj(current)]), span)?;
            grad = match (&result, world.as_tensor(&result)) {
                (Val::None(_), _) => Some(current),
                (_, Some(new)) => {
                    self.check_hook(world, hook, current, new, span)?;
                    Some(new)
                }
                (Val::Unknown, _) => None,
                (other, None) => {
                    let name = self.type_name(world, other);
                    return self.raise(world, span, Failure::Hook, Exception::TypeError, format!("expected Variable, but hook returned '{name}'"));
                }
            };
        }
        Ok(grad)
    }

    fn check_hook(&mut self, world: &mut World, hook: &Val, before: ObjId, after: ObjId, span: Span) -> Res<()> {
        let (Some(old), Some(new)) = (world.tensor(before).cloned(), world.tensor(after).cloned()) else { return Ok(()) };
        let name = match hook {
            Val::Func(closure) => self.program.functions[closure.function].name.to_string(),
            _ => "…".into(),
        };
        if let (Some(a), Some(b)) = (old.dtype, new.dtype)
            && a != b
        {
            let text =
                format!("hook '{name}' has changed the type of value (was {} got {})", super::builtins::tensor_type(a), super::builtins::tensor_type(b));
            return self.raise(world, span, Failure::Hook, Exception::RuntimeError, text);
        }
        if let (Some(a), Some(b)) = (&old.meta, &new.meta)
            && a.shape != b.shape
        {
            return self.raise(world, span, Failure::Hook, Exception::RuntimeError, format!("hook '{name}' has changed the size of value"));
        }
        Ok(())
    }
}

/// The most backward calls that are told apart in one gradient.
const MAX_LEFT_BY: usize = 8;

fn no_graph_text(at: usize) -> String {
    format!("element {at} of tensors does not require grad and does not have a grad_fn")
}

fn first_write_after(counter: &super::value::Counter, last: u32) -> Option<Span> {
    let mut found = None;
    let mut write = counter.writes.as_ref();
    while let Some(at) = write {
        if at.number <= last {
            break;
        }
        found = Some(at.span);
        write = at.before.as_ref();
    }
    found
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
            for part in parts {
                for_each_target(part, visit);
            }
        }
    }
}

fn collect_targets(edge: &Edge, certain: Tri, out: &mut SmallVec<[(Target, Tri); 1]>) {
    let several = matches!(edge, Edge::OneOf(_));
    for_each_target(edge, &mut |target| out.push((target, if several { certain.and(Tri::Maybe) } else { certain })));
}
