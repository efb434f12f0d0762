//! The engine: runs backward through the graph. Rules R7 and R8.1 of `shared/autograd/rules.md`.

use std::collections::BinaryHeap;
use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

use super::node::release;
use super::outcome::Observation;
use super::value::{Args, Edge, Node, NodeKind, Tensor, Value};
use super::{Machine, Res};
use crate::ops::{Arg, Array, Meta, Scalar, custom, engine_ops, strides, table};
use crate::source::Span;

pub(super) type Grads = SmallVec<[Option<Tensor>; 2]>;

/// What a backward is asked to do.
pub(super) struct Request {
    pub roots: Vec<(Tensor, Option<Tensor>)>,
    pub retain: bool,
    pub create: bool,
    /// With regard to what; none: all leaves.
    pub inputs: Option<Vec<Tensor>>,
    /// Whether gradients are left in `.grad` (or given back).
    pub accumulate: bool,
}

/// A node in a pass.
struct Visit {
    node: Rc<Node>,
    waiting: usize,
    grads: Grads,
    queued: bool,
}

/// A leaf in a pass.
struct LeafVisit {
    leaf: Tensor,
    waiting: usize,
    grad: Option<Tensor>,
}

/// A backward on its way.
#[derive(Default)]
struct Pass {
    nodes: FxHashMap<*const Node, usize>,
    visits: Vec<Visit>,
    leaves: FxHashMap<u64, LeafVisit>,
    ready: BinaryHeap<(u64, usize)>,
    only: Option<FxHashSet<*const Node>>,
    captured: Grads,
}

impl Machine<'_> {
    /// Runs a backward. Gives the gradients of the inputs, if some are asked for.
    pub(super) fn run_backward(&mut self, request: &Request, span: Span) -> Res<Grads> {
        if self.passes > 50 {
            return self.unsupported("backward within hooks this deep", span);
        }
        let mut starts = Vec::with_capacity(request.roots.len());
        for (at, (root, grad)) in request.roots.iter().enumerate() {
            let edge = self.edge(root, span)?;
            if let Edge::Null = edge {
                return self.runtime(
                    format!(
                        "element {at} of tensors does not require grad and does not have a grad_fn"
                    ),
                    span,
                );
            }
            let meta = root.meta();
            let grad = match grad {
                Some(grad) if grad.dtype() == meta.dtype => Rc::clone(grad),
                Some(grad) => self.cast(grad, &meta, span)?,
                None => self.fresh(
                    Array::full(meta.dtype, meta.shape.clone(), Scalar::Float(1.0)),
                    span,
                ),
            };
            starts.push((edge, grad));
        }
        let mut targets = Vec::new();
        for input in request.inputs.iter().flatten() {
            if request.accumulate {
                self.retain_grad(input, span)?;
            }
            targets.push(self.edge(input, span)?);
        }
        // The caller holds the first gradients all the while: none of them is anybody's own.
        let held: Vec<Tensor> = starts.iter().map(|(_, grad)| Rc::clone(grad)).collect();
        let modes = self.grad;
        self.grad = request.create;
        self.passes += 1;
        self.backwards += 1;
        let fills_all = request.inputs.is_none() && request.accumulate;
        self.running.push((self.backwards, fills_all));
        let result = self.pass(starts, &targets, request, span);
        drop(held);
        self.running.pop();
        self.passes -= 1;
        self.grad = modes;
        result
    }

    fn cast(&mut self, grad: &Tensor, meta: &Meta, span: Span) -> Res<Tensor> {
        self.run_named(
            engine_ops::CAST,
            vec![Arg::Tensor(Rc::clone(grad)), Arg::Dtype(meta.dtype)],
            span,
        )
    }

    fn pass(
        &mut self,
        starts: Vec<(Edge, Tensor)>,
        targets: &[Edge],
        request: &Request,
        span: Span,
    ) -> Res<Grads> {
        let mut pass = Pass {
            captured: SmallVec::from_elem(None, targets.len()),
            ..Pass::default()
        };
        discover(&mut pass, &starts);
        if request.inputs.is_some() {
            let mut only = leading_to(&pass, targets);
            if request.accumulate {
                // What made a tensor that is to have a gradient runs, too: the tensor retains it.
                only.extend(targets.iter().filter_map(|edge| match edge {
                    Edge::Node(node, _) => Some(Rc::as_ptr(node)),
                    _ => None,
                }));
            }
            pass.only = Some(only);
        }
        for (edge, grad) in starts {
            self.arrive(&mut pass, &edge, grad, span)?;
        }
        for at in 0..pass.visits.len() {
            if pass.visits[at].waiting == 0 && !pass.visits[at].queued {
                enqueue(&mut pass, at);
            }
        }
        let waits = |(id, visit): (&u64, &LeafVisit)| (visit.waiting == 0).then_some(*id);
        let mut free: Vec<u64> = pass.leaves.iter().filter_map(waits).collect();
        free.sort_unstable();
        self.serve(&mut pass, free, targets, request, span)?;
        while let Some((_, at)) = pass.ready.pop() {
            self.step()?;
            let free = self.visit(&mut pass, at, targets, request, span)?;
            self.serve(&mut pass, free, targets, request, span)?;
        }
        Ok(pass.captured)
    }

    /// A gradient goes along an edge.
    fn arrive(&mut self, pass: &mut Pass, edge: &Edge, grad: Tensor, span: Span) -> Res<()> {
        let slot = match edge {
            Edge::Null => return Ok(()),
            Edge::Leaf(leaf) => match pass.leaves.get_mut(&leaf.id) {
                Some(visit) => &mut visit.grad,
                None => return Ok(()),
            },
            Edge::Node(node, output) => match pass.nodes.get(&Rc::as_ptr(node)) {
                Some(&at) => {
                    let grads = &mut pass.visits[at].grads;
                    if grads.len() <= *output {
                        grads.resize(*output + 1, None);
                    }
                    &mut grads[*output]
                }
                None => return Ok(()),
            },
        };
        *slot = Some(match slot.take() {
            None => grad,
            Some(before) => {
                // What nothing else holds is added to as it is, without a graph.
                let own = !self.grad
                    && Rc::strong_count(&before) == 1
                    && Rc::strong_count(&before.storage.borrow()) == 1
                    && strides::is_dense(&before.meta());
                self.sum(before, grad, own, span)?
            }
        });
        Ok(())
    }

    /// The sum of two gradients.
    fn sum(&mut self, before: Tensor, grad: Tensor, in_place: bool, span: Span) -> Res<Tensor> {
        let Some(op) = table::by_name(engine_ops::SUM) else {
            return self.unsupported("the sum of gradients", span);
        };
        let args = vec![Arg::Tensor(before), Arg::Tensor(grad)];
        self.run_one(op, args, in_place, span)
    }

    /// Runs a node, and gives the leaves that wait for nothing more.
    fn visit(
        &mut self,
        pass: &mut Pass,
        at: usize,
        targets: &[Edge],
        request: &Request,
        span: Span,
    ) -> Res<Vec<u64>> {
        let node = Rc::clone(&pass.visits[at].node);
        let mut grads = std::mem::take(&mut pass.visits[at].grads);
        grads.resize(node.outputs.borrow().len().max(grads.len()).max(1), None);
        let runs = (pass.only.as_ref()).is_none_or(|only| only.contains(&Rc::as_ptr(&node)));
        let is_target = |edge: &Edge| matches!(edge, Edge::Node(of, _) if Rc::ptr_eq(of, &node));
        if runs || targets.iter().any(is_target) {
            self.arrive_at(pass, &node, &mut grads, targets, request, span)?;
        }
        if !runs {
            return Ok(Vec::new());
        }
        let mut results = self.run_node(&node, &grads, span)?;
        drop(grads);
        if !request.retain {
            release(&node);
        }
        let edges = node.edges.borrow();
        let (mut free, mut refused) = (Vec::new(), false);
        for (nth, edge) in edges.iter().enumerate() {
            if let Some(grad) = results.get_mut(nth).and_then(Option::take) {
                let grad = self.validated(&node, nth, edge, grad, span)?;
                self.arrive(pass, edge, grad, span)?;
            }
            match edge {
                Edge::Null => {}
                Edge::Leaf(leaf) => {
                    if let Some(visit) = pass.leaves.get_mut(&leaf.id) {
                        visit.waiting = visit.waiting.saturating_sub(1);
                        // What comes to be ready behind a node that raises is not served any more.
                        if visit.waiting == 0 && !refused {
                            free.push(leaf.id);
                        }
                    }
                }
                Edge::Node(next, _) => {
                    if let Some(&next) = pass.nodes.get(&Rc::as_ptr(next)) {
                        let visit = &mut pass.visits[next];
                        visit.waiting = visit.waiting.saturating_sub(1);
                        if visit.waiting == 0 && !visit.queued {
                            refused |= is_refusal(&visit.node);
                            enqueue(pass, next);
                        }
                    }
                }
            }
        }
        Ok(free)
    }

    /// Whether a gradient fits what it is a gradient of (rule R7.7).
    fn validated(
        &mut self,
        node: &Rc<Node>,
        nth: usize,
        edge: &Edge,
        grad: Tensor,
        span: Span,
    ) -> Res<Tensor> {
        let expected = match edge {
            Edge::Null => return Ok(grad),
            Edge::Leaf(leaf) => leaf.meta(),
            Edge::Node(next, output) => match next.outputs.borrow().get(*output) {
                Some(meta) => Rc::clone(meta),
                None => return Ok(grad),
            },
        };
        let grad = self.reduced(node, nth, grad, &expected, span)?;
        let meta = grad.meta();
        if meta.dtype != expected.dtype {
            self.cast(&grad, &expected, span)
        } else {
            Ok(grad)
        }
    }

    /// A gradient is summed up to the sizes of what it is a gradient of.
    fn reduced(
        &mut self,
        node: &Rc<Node>,
        nth: usize,
        grad: Tensor,
        expected: &Meta,
        span: Span,
    ) -> Res<Tensor> {
        let meta = grad.meta();
        if meta.shape == expected.shape {
            return Ok(grad);
        }
        if !custom::reduces_to(&meta.shape, &expected.shape) {
            let text = custom::wrong_shape(node.name, nth, &meta.sizes(), &expected.sizes());
            return self.runtime(text, span);
        }
        let dims = custom::summed_dims(&meta.shape, &expected.shape);
        let args = vec![
            Arg::Tensor(grad),
            Arg::Ints(dims.into()),
            Arg::Scalar(Scalar::Bool(true)),
        ];
        let summed = self.run_named(engine_ops::SUM_OVER, args, span)?;
        let size = expected.shape.iter().map(|&size| size as i64).collect();
        self.run_named(
            engine_ops::RESHAPE,
            vec![Arg::Tensor(summed), Arg::Ints(size)],
            span,
        )
    }

    /// A gradient arrives at the outputs of a node: hooks run, `.grad` of tensors that retain theirs is filled (R9.1).
    fn arrive_at(
        &mut self,
        pass: &mut Pass,
        node: &Rc<Node>,
        grads: &mut Grads,
        targets: &[Edge],
        request: &Request,
        span: Span,
    ) -> Res<()> {
        let hooks = node.hooks.borrow().clone();
        for (_, output, hook) in &hooks {
            match grads.get(*output).cloned().flatten() {
                Some(grad) => grads[*output] = Some(self.run_hook(hook, grad, span)?),
                None => self.run_hook_on_none(hook, span)?,
            }
        }
        let retaining = node.retaining.borrow().clone();
        for (output, tensor) in &retaining {
            if let (Some(tensor), Some(grad)) =
                (tensor.upgrade(), grads.get(*output).cloned().flatten())
            {
                let sum = match tensor.grad.borrow().clone() {
                    Some(before) => self.sum(before, grad, false, span)?,
                    None => self.run_named(engine_ops::COPY, vec![Arg::Tensor(grad)], span)?,
                };
                *tensor.grad.borrow_mut() = Some(sum);
                self.gradient_came(&tensor);
            }
        }
        for (nth, target) in targets.iter().enumerate() {
            if let Edge::Node(of, output) = target
                && Rc::ptr_eq(of, node)
                && let Some(grad) = grads.get(*output).cloned().flatten()
            {
                // Where gradients are accumulated, the tensor retains its own.
                if !request.accumulate {
                    pass.captured[nth] = Some(grad);
                }
            }
        }
        Ok(())
    }

    /// Leaves that wait for nothing more get their gradient.
    fn serve(
        &mut self,
        pass: &mut Pass,
        free: Vec<u64>,
        targets: &[Edge],
        request: &Request,
        span: Span,
    ) -> Res<()> {
        for id in free {
            let Some(visit) = pass.leaves.get_mut(&id) else {
                continue;
            };
            let Some(mut grad) = visit.grad.take() else {
                continue;
            };
            let leaf = Rc::clone(&visit.leaf);
            let wanted: Vec<usize> = targets
                .iter()
                .enumerate()
                .filter(|(_, edge)| matches!(edge, Edge::Leaf(other) if other.id == id))
                .map(|(at, _)| at)
                .collect();
            if request.inputs.is_some() && wanted.is_empty() {
                continue;
            }
            let hooks = leaf.hooks.borrow().clone();
            for (_, hook) in &hooks {
                grad = self.run_hook(hook, grad, span)?;
            }
            if !request.accumulate {
                for &nth in &wanted {
                    pass.captured[nth] = Some(Rc::clone(&grad));
                }
            } else {
                // What requires no gradient any more gets none; what is to run then does run.
                if leaf.bit.get() {
                    self.accumulate(&leaf, grad, request, span)?;
                }
                let hooks = leaf.post_hooks.borrow().clone();
                for (_, hook) in &hooks {
                    let result =
                        self.call(hook, Args::of([Value::Tensor(Rc::clone(&leaf))]), span)?;
                    if !matches!(result, Value::None) {
                        return self.runtime(
                            "Tensor post accumulate grad hooks should return None.",
                            span,
                        );
                    }
                }
            }
        }
        Ok(())
    }

    /// `AccumulateGrad` (rule R8.1).
    fn accumulate(
        &mut self,
        leaf: &Tensor,
        grad: Tensor,
        request: &Request,
        span: Span,
    ) -> Res<()> {
        let before = leaf.grad.borrow().clone();
        self.gradient_came(leaf);
        match before {
            None if request.create => {
                let kept = self.recorded_gradient(leaf, grad, span)?;
                *leaf.grad.borrow_mut() = Some(kept);
            }
            None => {
                let kept = self.kept_gradient(leaf, grad, span);
                *leaf.grad.borrow_mut() = Some(kept);
            }
            Some(before) => {
                if leaf.left.get() && !request.retain && !is_zero(&before) {
                    let place = Observation::Accumulated(self.place(span));
                    if self.observations.last() != Some(&place) {
                        self.observe(place);
                    }
                }
                let sum = self.sum(before, grad, !request.create, span)?;
                *leaf.grad.borrow_mut() = Some(sum);
            }
        }
        leaf.left.set(!request.retain);
        Ok(())
    }

    /// The first gradient of a leaf: taken as it is where nothing else holds it and it lies as the leaf wants it, even
    /// where it shares its numbers with another tensor; else copied. The copy for a leaf without gaps is written over
    /// new numbers, which counts as a write.
    fn kept_gradient(&mut self, leaf: &Tensor, grad: Tensor, span: Span) -> Tensor {
        let meta = leaf.meta();
        let is_dense = strides::is_dense(&meta);
        let fits = match is_dense {
            true => grad.meta().laid_out_as(&meta) && !grad.meta().strides.contains(&0),
            false => grad.meta().is_contiguous(),
        };
        match (
            Rc::strong_count(&grad) == 1 && fits,
            grad.view.is_some(),
            is_dense,
        ) {
            (true, false, _) => grad,
            (true, true, _) => self.alias(&grad),
            (false, _, true) => {
                let copy = self.fresh(grad.array().laid_out(&at_start(&meta)), span);
                self.bump(&copy, false, span);
                copy
            }
            (false, _, false) => self.fresh(grad.array().copy(), span),
        }
    }

    /// The first gradient of a leaf where it keeps its graph: written over new numbers that lie as the leaf's, or,
    /// where the leaf has gaps, copied in order.
    fn recorded_gradient(&mut self, leaf: &Tensor, grad: Tensor, span: Span) -> Res<Tensor> {
        let meta = leaf.meta();
        if !strides::is_dense(&meta) {
            let copy = self.run_named(engine_ops::COPY, vec![Arg::Tensor(grad)], span)?;
            return self.run_named(engine_ops::IN_ORDER, vec![Arg::Tensor(copy)], span);
        }
        let zeros = Array::full(meta.dtype, meta.shape.clone(), Scalar::Float(0.0));
        let kept = self.fresh(zeros.laid_out(&at_start(&meta)), span);
        let args = vec![Arg::Tensor(Rc::clone(&kept)), Arg::Tensor(grad)];
        self.run_named(engine_ops::WRITE, args, span)?;
        Ok(kept)
    }

    /// Runs a hook on a gradient (rule R9.2).
    /// Of a node with several results, hooks of those that have no gradient are called with none.
    fn run_hook_on_none(&mut self, hook: &Value, span: Span) -> Res<()> {
        match self.call(hook, Args::of([Value::None]), span)? {
            Value::None => Ok(()),
            _ => self.runtime("can't replace a None gradient with a non-None value", span),
        }
    }

    fn run_hook(&mut self, hook: &Value, grad: Tensor, span: Span) -> Res<Tensor> {
        let result = self.call(hook, Args::of([Value::Tensor(Rc::clone(&grad))]), span)?;
        let name = match hook {
            Value::Func(closure) => self.program.functions[closure.function].name.to_string(),
            _ => "hook".into(),
        };
        match result {
            Value::None => Ok(grad),
            Value::Tensor(new) => {
                let (old, meta) = (grad.meta(), new.meta());
                if old.dtype != meta.dtype {
                    let text = format!(
                        "hook '{name}' has changed the type of value (was torch.{}Tensor got torch.{}Tensor)",
                        old.dtype.scalar_name(),
                        meta.dtype.scalar_name()
                    );
                    return self.runtime(text, span);
                }
                if old.shape != meta.shape {
                    return self
                        .runtime(format!("hook '{name}' has changed the size of value"), span);
                }
                Ok(new)
            }
            other => {
                let name = self.type_name(&other);
                self.type_error(
                    format!("expected Variable, but hook returned '{name}'"),
                    span,
                )
            }
        }
    }
}

/// The layout of `meta` at the start of a memory of its own.
fn at_start(meta: &Meta) -> Meta {
    Meta {
        offset: 0,
        ..meta.clone()
    }
}

fn is_zero(tensor: &Tensor) -> bool {
    let array = tensor.array();
    crate::with_element!(array.dtype(), T => array.values::<T>().iter().all(|value| *value == T::default()))
}

fn enqueue(pass: &mut Pass, at: usize) {
    pass.visits[at].queued = true;
    let node = &pass.visits[at].node;
    let priority = if is_refusal(node) {
        u64::MAX
    } else {
        node.sequence
    };
    pass.ready.push((priority, at));
}

/// Whether the node is no operator's own and only says that there is no derivative: it comes before all others, as
/// leaves do.
fn is_refusal(node: &Node) -> bool {
    matches!(node.kind, NodeKind::NotImplemented(..)) && node.name == engine_ops::REFUSAL
}

/// Finds what is reachable, and counts dependencies.
fn discover(pass: &mut Pass, starts: &[(Edge, Tensor)]) {
    let mut work = Vec::new();
    for (edge, _) in starts {
        enter(pass, edge, 0, &mut work);
    }
    while let Some(at) = work.pop() {
        let node = Rc::clone(&pass.visits[at].node);
        for edge in node.edges.borrow().iter() {
            enter(pass, edge, 1, &mut work);
        }
    }
}

fn enter(pass: &mut Pass, edge: &Edge, count: usize, work: &mut Vec<usize>) {
    match edge {
        Edge::Null => {}
        Edge::Leaf(leaf) => {
            let visit = pass.leaves.entry(leaf.id).or_insert_with(|| LeafVisit {
                leaf: Rc::clone(leaf),
                waiting: 0,
                grad: None,
            });
            visit.waiting += count;
        }
        Edge::Node(node, _) => {
            let key = Rc::as_ptr(node);
            let at = match pass.nodes.get(&key) {
                Some(&at) => at,
                None => {
                    let at = pass.visits.len();
                    pass.visits.push(Visit {
                        node: Rc::clone(node),
                        waiting: 0,
                        grads: Grads::new(),
                        queued: false,
                    });
                    pass.nodes.insert(key, at);
                    work.push(at);
                    at
                }
            };
            pass.visits[at].waiting += count;
        }
    }
}

/// The nodes from which an input can be reached (rule R7.2).
fn leading_to(pass: &Pass, targets: &[Edge]) -> FxHashSet<*const Node> {
    let leaves: FxHashSet<u64> = targets
        .iter()
        .filter_map(|edge| {
            if let Edge::Leaf(leaf) = edge {
                Some(leaf.id)
            } else {
                None
            }
        })
        .collect();
    let nodes: FxHashSet<*const Node> = targets
        .iter()
        .filter_map(|edge| {
            if let Edge::Node(node, _) = edge {
                Some(Rc::as_ptr(node))
            } else {
                None
            }
        })
        .collect();
    let mut users: FxHashMap<*const Node, Vec<*const Node>> = FxHashMap::default();
    let mut leading = FxHashSet::default();
    let mut work = Vec::new();
    for visit in &pass.visits {
        let own = Rc::as_ptr(&visit.node);
        for edge in visit.node.edges.borrow().iter() {
            let leads = match edge {
                Edge::Null => false,
                Edge::Leaf(leaf) => leaves.contains(&leaf.id),
                Edge::Node(next, _) => {
                    users.entry(Rc::as_ptr(next)).or_default().push(own);
                    nodes.contains(&Rc::as_ptr(next))
                }
            };
            if leads && leading.insert(own) {
                work.push(own);
            }
        }
    }
    while let Some(node) = work.pop() {
        for &user in users.get(&node).into_iter().flatten() {
            if leading.insert(user) {
                work.push(user);
            }
        }
    }
    leading
}
