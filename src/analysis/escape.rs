//! What code that is not known may have done. It keeps what it was given, and may at any later call run a backward over
//! it, or clear its gradients: so nothing is said of those gradients any more. That it writes in place, or frees a graph, is
//! not accused either: what is not seen to happen is not told.

use rustc_hash::FxHashSet;

use super::Analyzer;
use super::backward::{Target, for_each_target};
use super::call::Args;
use super::exec::Completion;
use super::finish::object_of;
use super::value::{Dict, GradFn, Method, NodeId, Obj, ObjId, Val};
use super::world::World;
use crate::dataflow::PersistentVec;
use crate::ir::TensorAttr;
use crate::ops::table;
use crate::source::Span;

/// Methods of unknown values that do nothing to gradients, beside those that tensors have: logs and progress bars.
const HARMLESS: &[&str] = &[
    "add_argument",
    "add_figure",
    "add_histogram",
    "add_image",
    "add_scalar",
    "add_scalars",
    "append",
    "astype",
    "critical",
    "debug",
    "error",
    "exists",
    "extend",
    "flush",
    "format",
    "get",
    "info",
    "is_available",
    "isoformat",
    "items",
    "join",
    "keys",
    "log",
    "log_dict",
    "lower",
    "mkdir",
    "now",
    "numpy",
    "parse_args",
    "perf_counter",
    "set_description",
    "set_postfix",
    "split",
    "time",
    "update",
    "upper",
    "values",
    "warning",
    "write",
    "tqdm",
];

/// How many objects and nodes are looked at in all; when they are used up, all leaves are taken to be reached.
const MAX_WORK: u32 = 2_000_000;

/// What unknown code was given.
#[derive(Debug, Default)]
pub(super) struct Escaped {
    roots: Vec<ObjId>,
    seen: FxHashSet<ObjId>,
    work: u32,
}

/// A walk over what unknown code can reach.
#[derive(Default)]
struct Reached {
    objects: FxHashSet<ObjId>,
    nodes: FxHashSet<NodeId>,
    todo: Vec<ObjId>,
    edges: Vec<NodeId>,
}

/// What others than an entry can reach when it has ended: all that was there before, what it has put into that, what it
/// gives back, and what unknown code was given. Of a whole program: nothing.
#[derive(Debug, Default)]
pub(super) struct Others {
    /// Whether that is not known: then they can reach all.
    are_unknown: bool,
    /// What was there before.
    before: PersistentVec<Obj>,
    objects: FxHashSet<ObjId>,
}

impl Others {
    /// Whether the object is among these.
    pub(super) fn can_reach(&self, id: ObjId) -> bool {
        self.are_unknown || self.before.get(id.number()).is_some() || self.objects.contains(&id)
    }
}

impl Analyzer<'_> {
    /// What others can reach after an entry that began in the state `before`.
    pub(super) fn others(&mut self, before: &World, end: &Completion) -> Others {
        if self.escaped.work > MAX_WORK {
            return Others {
                are_unknown: true,
                ..Others::default()
            };
        }
        let changed = end.world.heap.diff(&before.heap).into_iter();
        let was_there = |at: &u32| before.heap.get(*at).is_some();
        let changed = changed.filter(was_there).map(object_of);
        let mut todo: Vec<ObjId> = changed.chain(self.escaped.roots.iter().copied()).collect();
        if let Ok(value) = &end.result {
            collect(value, &mut todo);
        }
        Others {
            are_unknown: false,
            before: before.heap.clone(),
            objects: self.reach(&end.world, todo).objects,
        }
    }

    fn reach(&mut self, world: &World, todo: Vec<ObjId>) -> Reached {
        let mut reached = Reached {
            todo,
            ..Reached::default()
        };
        while let Some(id) = reached.todo.pop() {
            if reached.objects.insert(id) {
                self.visit(world, id, &mut reached);
            }
        }
        self.escaped.work += (reached.objects.len() + reached.nodes.len()) as u32;
        reached
    }

    /// An unknown function, or the method `name` of an unknown value, is called.
    pub(super) fn unknown_call(
        &mut self,
        world: &mut World,
        name: Option<&str>,
        args: &Args,
        span: Span,
    ) {
        self.used_all(world, args, span);
        if name.is_some_and(|name| HARMLESS.contains(&name)) {
            return;
        }
        if name == Some("zero_grad") {
            self.ledger.note_unknown_clearing();
        }
        world.open = true;
        let values = args.positional.iter();
        for value in values.chain(args.keyword.iter().map(|(_, value)| value)) {
            self.escape(value);
            may_change(world, value);
        }
        self.note_lost(name, args, span);
        match name {
            Some("backward") => self.havoc_all(world),
            Some(name) if is_tensor_method(name) => {}
            _ => self.havoc_escaped(world),
        }
    }

    fn note_lost(&mut self, name: Option<&str>, args: &Args, span: Span) {
        let is_object = |value: &Val| matches!(value, Val::Obj(_) | Val::Tuple(..));
        let mut values = args.positional.iter();
        let mut keyword = args.keyword.iter();
        if name == Some("backward") {
            self.lose(span, "a backward of something that is not known");
        } else if values.any(is_object) || keyword.any(|(_, value)| is_object(value)) {
            self.lose(span, "a call of something that is not known");
        }
    }

    /// Leaves that have no gradient may have got one: all of them, or those among `only`.
    pub(super) fn may_fill_gradients(&mut self, world: &mut World, only: Option<&[ObjId]>) {
        let candidates = match only {
            Some(only) => only.to_vec(),
            None => self.ledger.may_get_gradients(),
        };
        for id in candidates {
            let takes = self.requires_grad(world, id).may()
                && (self.is_leaf(world, id).may()
                    || world.tensor(id).is_some_and(|tensor| tensor.retains_grad));
            let has_none = world
                .tensor(id)
                .is_some_and(|tensor| matches!(tensor.grad, Val::None(_)));
            if takes && has_none {
                let tensor = world.tensor_mut(id);
                tensor.grad = Val::Unknown;
                tensor.history.ever = true;
                self.note_reached(id);
            }
        }
    }

    /// Unknown code is given a value.
    pub(super) fn escape(&mut self, value: &Val) {
        match value {
            Val::Obj(id) if self.escaped.seen.insert(*id) => self.escaped.roots.push(*id),
            Val::Tuple(values, _) => values.iter().for_each(|value| self.escape(value)),
            Val::Func(closure) => {
                let defaults = closure.defaults.iter();
                defaults.for_each(|value| self.escape(value));
                for cell in &closure.captures {
                    self.escape(&Val::Obj(*cell));
                }
            }
            Val::Bound(bound) => {
                self.escape(&bound.0);
                if let Method::Func(function) = &bound.1 {
                    self.escape(function);
                }
            }
            _ => {}
        }
    }

    /// Unknown code runs: what it was given so far may be changed.
    pub(super) fn havoc_escaped(&mut self, world: &mut World) {
        if self.escaped.roots.is_empty() {
            return;
        }
        if self.escaped.work > MAX_WORK {
            return self.havoc_all(world);
        }
        let reached = self.reach(world, self.escaped.roots.clone());
        let mut tensors: Vec<ObjId> = reached.objects.into_iter().collect();
        tensors.sort_unstable();
        for id in tensors {
            self.havoc(world, id);
        }
    }

    /// A backward from something unknown: it may reach any leaf.
    pub(super) fn havoc_all(&mut self, world: &mut World) {
        for id in self.ledger.may_get_gradients() {
            self.havoc(world, id);
        }
    }

    fn visit(&self, world: &World, id: ObjId, reached: &mut Reached) {
        let mut look = |value: &Val| collect(value, &mut reached.todo);
        match world.obj(id) {
            Some(Obj::List(items) | Obj::Set(items)) => items.iter().for_each(look),
            Some(Obj::Dict(dict)) => {
                for (key, value) in &dict.entries {
                    look(key);
                    look(value);
                }
            }
            Some(Obj::Instance(instance)) => reached.todo.push(instance.attrs),
            Some(Obj::Cell(value)) | Some(Obj::Descriptor(_, value)) => look(value),
            Some(Obj::Wrapped(wrapped)) => look(&wrapped.1),
            Some(Obj::Tensor(tensor)) => {
                reached
                    .todo
                    .extend(tensor.view.as_ref().map(|view| view.base));
                reached
                    .todo
                    .extend(tensor.one_of.iter().flat_map(|all| all.iter()));
                match &tensor.grad_fn {
                    GradFn::Node(node, _) => reached.edges.push(*node),
                    GradFn::OneOf(all) => reached
                        .edges
                        .extend(all.iter().flatten().map(|(node, _)| *node)),
                    GradFn::None | GradFn::Unknown(_) => {}
                }
                self.visit_graph(reached);
            }
            _ => {}
        }
    }

    fn visit_graph(&self, reached: &mut Reached) {
        while let Some(node) = reached.edges.pop() {
            if !reached.nodes.insert(node) {
                continue;
            }
            for edge in &self.nodes[node].edges {
                for_each_target(edge, &mut |target| match target {
                    Target::Leaf(leaf) => reached.todo.push(leaf),
                    Target::Output(node, _) => reached.edges.push(node),
                });
            }
        }
    }

    /// Nothing is known of a tensor's gradient any more.
    fn havoc(&self, world: &mut World, id: ObjId) {
        let Some(tensor) = world.tensor(id) else {
            return;
        };
        let keeps = tensor.grad_fn == GradFn::None || tensor.retains_grad;
        if !keeps || !self.requires_grad(world, id).may() {
            return;
        }
        let tensor = world.tensor_mut(id);
        tensor.grad = Val::Unknown;
        let history = &mut tensor.history;
        history.left_by.clear();
        history.accumulated = None;
        history.ever = true;
    }
}

/// The objects that a value is or holds.
fn collect(value: &Val, out: &mut Vec<ObjId>) {
    match value {
        Val::Obj(id) => out.push(*id),
        Val::Tuple(values, _) => values.iter().for_each(|value| collect(value, out)),
        Val::Func(closure) => {
            closure
                .defaults
                .iter()
                .for_each(|value| collect(value, out));
            out.extend(closure.captures.iter());
        }
        Val::Bound(bound) => {
            collect(&bound.0, out);
            if let Method::Func(function) = &bound.1 {
                collect(function, out);
            }
        }
        _ => {}
    }
}

/// A container that was given away may hold other things now.
fn may_change(world: &mut World, value: &Val) {
    let Val::Obj(id) = value else { return };
    match world.obj(*id) {
        Some(Obj::List(_) | Obj::Set(_)) => world.put(*id, Obj::Opaque),
        Some(Obj::Dict(_)) => {
            let open = Dict {
                entries: Vec::new(),
                open: true,
            };
            world.put(*id, Obj::Dict(std::rc::Rc::new(open)));
        }
        _ => {}
    }
}

/// Whether tensors have a method of that name: of an unknown value it computes something, and no more.
fn is_tensor_method(name: &str) -> bool {
    table::method(name).is_some()
        || table::in_place_method(name).is_some()
        || TensorAttr::from_name(name).is_some()
}
