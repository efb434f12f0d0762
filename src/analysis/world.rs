//! The abstract state: heap, gradient modes, what has been freed, and which places the path has passed.

use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::story::OriginId;
use super::value::{
    Counter, Dict, Instance, Iterator, ModeManager, Obj, ObjId, Storage, Tensor, Val,
};
use crate::dataflow::{PersistentSet, PersistentVec, Tri};
use crate::index::IndexVec;
use crate::source::Span;

/// The registers of a call.
pub type Regs = PersistentVec<Val>;

/// What is known of a node beside what it was made with.
#[derive(Clone, Copy, Debug)]
pub struct Release {
    /// Whether its saved tensors are gone.
    pub freed: Tri,
    /// The backward that freed them.
    pub by: Span,
}

/// One abstract state, of one path or of several that were joined.
#[derive(Clone, Debug)]
pub struct World {
    /// All objects.
    pub heap: PersistentVec<Obj>,
    /// The nodes whose saved tensors were released, by [`NodeId`](super::value::NodeId).
    pub released: PersistentVec<Release>,
    /// Whether gradient mode is on, and since where it is what it is.
    pub grad: (Tri, Span),
    /// Whether inference mode is on, and since where.
    pub inference: (Tri, Span),
    /// The instructions that were passed without a raise, by their numbers.
    pub passed: PersistentSet,
    /// The facts that were found on this path, by their numbers.
    pub found: PersistentSet,
    /// Whether something on the way was cut short, so that nothing is certain any more.
    pub approximate: bool,
    /// Whether something was cut short that may have done what else is missed at the end: then nothing is said to be missing.
    pub truncated: bool,
    /// Whether it came past a condition, a loop or a call of which not all is known: then what lists hold, and what is none,
    /// is not known for sure.
    pub open: bool,
    /// The last backward and what it started from.
    pub backward: Option<(Span, OriginId)>,
    /// The reads of a gradient that was none and was used as if it were there, by their numbers.
    pub used_reads: PersistentSet,
    /// Of these, the ones that did not give none on every way here that came by them.
    pub doubted_reads: PersistentSet,
    /// The optimizers whose step was called, by their object numbers: where first.
    pub stepped: PersistentVec<Span>,
    /// What packs and unpacks the tensors that nodes save, innermost last.
    pub saved_hooks: Rc<Vec<(Val, Val)>>,
    /// Whether anomaly mode is on.
    pub anomaly: Tri,
}

impl World {
    /// The state before a program runs.
    pub fn new(start: Span) -> World {
        World {
            heap: PersistentVec::default(),
            released: PersistentVec::default(),
            grad: (Tri::True, start),
            inference: (Tri::False, start),
            passed: PersistentSet::default(),
            found: PersistentSet::default(),
            approximate: false,
            truncated: false,
            open: false,
            backward: None,
            used_reads: PersistentSet::default(),
            doubted_reads: PersistentSet::default(),
            stepped: PersistentVec::default(),
            saved_hooks: Rc::default(),
            anomaly: Tri::False,
        }
    }

    /// Takes the state out, so that whoever goes on with it shares it with nobody and need not copy what it writes.
    pub fn take(&mut self) -> Box<World> {
        let nowhere = World::new(self.grad.1);
        Box::new(std::mem::replace(self, nowhere))
    }

    /// Whether the tensor was made in inference mode.
    pub fn is_inference(&self, id: ObjId) -> bool {
        self.tensor(id).is_some_and(|tensor| tensor.is_inference())
    }

    /// Notes that what follows is not followed.
    pub fn cut_short(&mut self) {
        self.approximate = true;
        self.truncated = true;
        self.open = true;
    }

    /// The object.
    pub fn obj(&self, id: ObjId) -> Option<&Obj> {
        self.heap.get(id.number())
    }
    /// Replaces the object.
    pub fn put(&mut self, id: ObjId, obj: Obj) {
        self.heap.set(id.number(), obj);
    }
    /// The tensor, if the value is one.
    pub fn tensor(&self, id: ObjId) -> Option<&Rc<Tensor>> {
        match self.obj(id) {
            Some(Obj::Tensor(tensor)) => Some(tensor),
            _ => None,
        }
    }
    /// The tensor a value is.
    pub fn as_tensor(&self, value: &Val) -> Option<ObjId> {
        match value {
            Val::Obj(id) if self.tensor(*id).is_some() => Some(*id),
            _ => None,
        }
    }
    /// The tensor, to be changed. Must be one.
    pub fn tensor_mut(&mut self, id: ObjId) -> &mut Tensor {
        match self.heap.slot_mut(id.number()) {
            Some(Obj::Tensor(tensor)) => Rc::make_mut(tensor),
            other => unreachable!("{id:?} is no tensor: {other:?}"),
        }
    }
    /// The version counter. Must be one.
    pub fn counter_mut(&mut self, id: ObjId) -> &mut Counter {
        match self.heap.slot_mut(id.number()) {
            Some(Obj::Counter(counter)) => counter,
            other => unreachable!("{id:?} is no counter: {other:?}"),
        }
    }
    /// The version counter of an id that is one.
    pub fn counter(&self, id: ObjId) -> Option<&Counter> {
        match self.obj(id) {
            Some(Obj::Counter(counter)) => Some(counter),
            _ => None,
        }
    }
    /// The storage of an id that is one.
    pub fn storage(&self, id: ObjId) -> Option<&Storage> {
        match self.obj(id) {
            Some(Obj::Storage(storage)) => Some(storage),
            _ => None,
        }
    }
    /// Notes that a storage was written, or left for another by a tensor. Must be one.
    pub fn write_storage(&mut self, id: ObjId, number: u32, place: Span, left_by: Option<ObjId>) {
        match self.heap.slot_mut(id.number()) {
            Some(Obj::Storage(storage)) => {
                (storage.last, storage.span) = (number, Some(place));
                storage.left_by = left_by;
            }
            other => unreachable!("{id:?} is no storage: {other:?}"),
        }
    }
    /// The elements of a list that is known.
    pub fn list(&self, id: ObjId) -> Option<&Rc<Vec<Val>>> {
        match self.obj(id) {
            Some(Obj::List(items)) => Some(items),
            _ => None,
        }
    }
    /// The elements of a list, to be changed.
    pub fn list_mut(&mut self, id: ObjId) -> Option<&mut Vec<Val>> {
        match self.heap.slot_mut(id.number()) {
            Some(Obj::List(items)) => Some(Rc::make_mut(items)),
            _ => None,
        }
    }
    /// The dict.
    pub fn dict(&self, id: ObjId) -> Option<&Rc<Dict>> {
        match self.obj(id) {
            Some(Obj::Dict(dict)) => Some(dict),
            _ => None,
        }
    }
    /// The dict, to be changed.
    pub fn dict_mut(&mut self, id: ObjId) -> Option<&mut Dict> {
        match self.heap.slot_mut(id.number()) {
            Some(Obj::Dict(dict)) => Some(Rc::make_mut(dict)),
            _ => None,
        }
    }
    /// The instance.
    pub fn instance(&self, value: &Val) -> Option<Instance> {
        match value {
            Val::Obj(id) => match self.obj(*id) {
                Some(Obj::Instance(instance)) => Some(Instance::clone(instance)),
                _ => None,
            },
            _ => None,
        }
    }

    /// Takes over what has happened in another state.
    pub fn unite_past(&mut self, other: &World) {
        self.passed.unite(&other.passed);
        self.found.intersect(&other.found);
        self.approximate |= other.approximate;
        self.truncated |= other.truncated;
        self.open |= other.open;
        self.backward = self.backward.or(other.backward);
        self.used_reads.unite(&other.used_reads);
        self.doubted_reads.unite(&other.doubted_reads);
        self.stepped.merge(&other.stepped, |_, _| None);
    }

    /// Whether the two differ in nothing that a program could see through registers or objects that both have.
    /// Objects that only one has are out of reach of what both have.
    pub fn same(&self, other: &World) -> bool {
        self.grad.0 == other.grad.0
            && self.anomaly == other.anomaly
            && self.saved_hooks.len() == other.saved_hooks.len()
            && self.inference.0 == other.inference.0
            && self.heap.all_in_both(&other.heap, Obj::same)
            && self
                .released
                .all_in_both(&other.released, |a, b| a.freed == b.freed)
    }
}

impl Obj {
    /// The object with what has happened to another, from which it differs in nothing else: none if that is the same.
    pub fn with_past_of(&self, other: &Obj) -> Option<Obj> {
        match (self, other) {
            (Obj::Tensor(a), Obj::Tensor(b))
                if !Rc::ptr_eq(a, b) && !a.history.is_shared_by(&b.history) =>
            {
                Some(Obj::Tensor(Rc::new(Tensor {
                    history: a.history.join(&b.history),
                    ..(**a).clone()
                })))
            }
            _ => None,
        }
    }

    /// Whether both are the same for sure.
    pub fn same(&self, other: &Obj) -> bool {
        match (self, other) {
            (Obj::Tensor(a), Obj::Tensor(b)) => Rc::ptr_eq(a, b) || a.same(b),
            (Obj::Counter(a), Obj::Counter(b)) => {
                a.last == b.last && a.low == b.low && a.high == b.high
            }
            (Obj::Storage(a), Obj::Storage(b)) => a.last == b.last && a.length == b.length,
            (Obj::List(a), Obj::List(b)) | (Obj::Set(a), Obj::Set(b)) => {
                Rc::ptr_eq(a, b) || same_values(a, b)
            }
            (Obj::Opaque, Obj::Opaque) => true,
            (Obj::Dict(a), Obj::Dict(b)) => Rc::ptr_eq(a, b) || same_dicts(a, b),
            (Obj::Instance(a), Obj::Instance(b)) => {
                Rc::ptr_eq(a, b) || (a.class == b.class && a.attrs == b.attrs)
            }
            (Obj::Class(a), Obj::Class(b)) => Rc::ptr_eq(a, b),
            (Obj::Cell(a), Obj::Cell(b)) => a.same(b),
            (Obj::Iterator(a), Obj::Iterator(b)) => Rc::ptr_eq(a, b) || a.same(b),
            (Obj::Mode(a), Obj::Mode(b)) => a == b,
            (Obj::Exception(a), Obj::Exception(b)) => Rc::ptr_eq(a, b),
            (Obj::Descriptor(a, c), Obj::Descriptor(b, d)) => a == b && c.same(d),
            (Obj::Wrapped(a), Obj::Wrapped(b)) => {
                Rc::ptr_eq(a, b) || (a.0 == b.0 && a.1.same(&b.1))
            }
            (Obj::HookHandle(a, c), Obj::HookHandle(b, d)) => a == b && c == d,
            _ => false,
        }
    }
}

fn same_values(a: &[Val], b: &[Val]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same(b))
}

fn same_dicts(a: &Dict, b: &Dict) -> bool {
    a.open == b.open
        && a.entries.len() == b.entries.len()
        && a.entries
            .iter()
            .zip(&b.entries)
            .all(|((k, v), (l, w))| k.same(l) && v.same(w))
}

impl Tensor {
    /// Whether it was made in inference mode, so that nothing counts its writes.
    pub fn is_inference(&self) -> bool {
        self.counter.is_none() || self.is_lent
    }

    fn same(&self, other: &Tensor) -> bool {
        self.meta == other.meta
            && self.dtype == other.dtype
            && self.bit == other.bit
            && self.grad_fn == other.grad_fn
            && self.grad.same(&other.grad)
            && self.counter == other.counter
            && self.storage == other.storage
            && self.view == other.view
            && self.retains_grad == other.retains_grad
            && self.hooks.before.len() == other.hooks.before.len()
            && self.hooks.behind.len() == other.hooks.behind.len()
    }
}

/// Joins two states of one place.
///
/// What is the same stays; what differs is known only as far as both agree. Two tensors become one that stands for
/// either ([`Tensor::one_of`]).
pub struct Join<'a> {
    ids: &'a mut IndexVec<ObjId, ()>,
    pairs: FxHashMap<(ObjId, ObjId), ObjId>,
    fresh: Vec<(ObjId, Tensor)>,
    managers: Vec<(ObjId, ModeManager)>,
}

impl<'a> Join<'a> {
    /// A join that takes new object numbers from `ids`.
    pub fn new(ids: &'a mut IndexVec<ObjId, ()>) -> Join<'a> {
        Join {
            ids,
            pairs: FxHashMap::default(),
            fresh: Vec::new(),
            managers: Vec::new(),
        }
    }

    /// The join of `a` and `b` with their registers, of which only those that `is_read` will be read again.
    pub fn states(
        mut self,
        a: (Box<World>, Regs),
        b: (&World, &Regs),
        is_read: impl Fn(u32) -> bool,
    ) -> (Box<World>, Regs) {
        let ((mut world, mut regs), (other, other_regs)) = (a, b);
        let mut merged = world.heap.clone();
        merged.merge(&other.heap, |ours, theirs| match ours.same(theirs) {
            true => ours.with_past_of(theirs),
            false => Some(self.objects(&world, other, ours, theirs)),
        });
        for at in regs.clone().diff(other_regs) {
            let value = match (regs.get(at), other_regs.get(at)) {
                (Some(ours), Some(theirs)) if is_read(at) => {
                    self.values(&world, other, ours, theirs)
                }
                (Some(_), None) | (None, Some(_)) if is_read(at) => Val::Unknown,
                _ => Val::Unbound,
            };
            regs.set(at, value);
        }
        for at in world.released.clone().diff(&other.released) {
            let (ours, theirs) = (
                world.released.get(at).copied(),
                other.released.get(at).copied(),
            );
            if let Some(some) = ours.or(theirs) {
                let freed =
                    |release: Option<Release>| release.map_or(Tri::False, |release| release.freed);
                world.released.set(
                    at,
                    Release {
                        freed: freed(ours).join(freed(theirs)),
                        by: some.by,
                    },
                );
            }
        }
        world.heap = merged;
        for (id, tensor) in std::mem::take(&mut self.fresh) {
            if let (Some(counter), true) = (
                tensor.counter,
                world.obj(tensor.counter.unwrap_or(id)).is_none(),
            ) {
                world.put(
                    counter,
                    Obj::Counter(Counter {
                        low: 0,
                        high: 0,
                        last: 0,
                        writes: None,
                    }),
                );
            }
            world.put(id, Obj::Tensor(Rc::new(tensor)));
        }
        for (id, manager) in std::mem::take(&mut self.managers) {
            world.put(id, Obj::Mode(manager));
        }
        world.grad.0 = world.grad.0.join(other.grad.0);
        world.inference.0 = world.inference.0.join(other.inference.0);
        world.anomaly = world.anomaly.join(other.anomaly);
        (world, regs)
    }

    /// The join of two values.
    pub fn values(&mut self, ours: &World, theirs: &World, a: &Val, b: &Val) -> Val {
        if a.same(b) {
            return a.clone();
        }
        match (a, b) {
            (Val::Bool(_), Val::Bool(_)) => Val::Bool(None),
            (Val::Int(_, origin), Val::Int(..)) => Val::Int(None, *origin),
            (Val::Float(_, origin), Val::Float(..)) => Val::Float(None, *origin),
            (Val::Str(_), Val::Str(_)) => Val::Str(None),
            (Val::Tuple(a, size), Val::Tuple(b, _)) if a.len() == b.len() => Val::Tuple(
                a.iter()
                    .zip(b.iter())
                    .map(|(a, b)| self.values(ours, theirs, a, b))
                    .collect(),
                *size,
            ),
            (Val::Obj(a), Val::Obj(b)) => self.objects_by_id(ours, theirs, *a, *b),
            (Val::Outside, other) | (other, Val::Outside) if is_simple(other) => Val::Outside,
            _ => Val::Unknown,
        }
    }

    fn objects_by_id(&mut self, ours: &World, theirs: &World, a: ObjId, b: ObjId) -> Val {
        if let (Some(Obj::Mode(x)), Some(Obj::Mode(y))) = (ours.obj(a), theirs.obj(b)) {
            return self.modes(*x, *y);
        }
        let (Some(x), Some(y)) = (ours.tensor(a), theirs.tensor(b)) else {
            return Val::Unknown;
        };
        if let Some(&known) = self.pairs.get(&(a, b)) {
            return Val::Obj(known);
        }
        let id = self.ids.push(());
        self.pairs.insert((a, b), id);
        let mut either = self.tensors(ours, theirs, x, y);
        let parts = |id: ObjId, tensor: &Tensor| {
            tensor
                .one_of
                .clone()
                .map_or_else(|| vec![id], |parts| parts.to_vec())
        };
        let mut one_of = parts(a, x);
        one_of.extend(parts(b, y));
        one_of.dedup();
        match one_of.len() <= MAX_ONE_OF {
            true => either.one_of = Some(Rc::new(one_of.into())),
            // A gradient that reaches one of so many is not seen here any more.
            false => {
                either.one_of = None;
                either.grad = Val::Unknown;
            }
        }
        if x.counter != y.counter {
            either.counter = Some(self.ids.push(()));
        }
        self.fresh.push((id, either));
        Val::Obj(id)
    }

    /// Two managers of one kind: what they leave behind is what was in force before either.
    fn modes(&mut self, a: ModeManager, b: ModeManager) -> Val {
        let before = match (a.before, b.before) {
            (Some(a), Some(b)) => Some((a.0.join(b.0), a.1.join(b.1))),
            (a, b) => a.or(b),
        };
        if a.mode != b.mode {
            return Val::Unknown;
        }
        let id = self.ids.push(());
        self.managers.push((id, ModeManager { before, ..a }));
        Val::Obj(id)
    }

    fn tensors(&mut self, ours: &World, theirs: &World, a: &Tensor, b: &Tensor) -> Tensor {
        Tensor {
            meta: if a.meta == b.meta {
                a.meta.clone()
            } else {
                None
            },
            dtype: if a.dtype == b.dtype { a.dtype } else { None },
            bit: a.bit.join(b.bit),
            grad_fn: a.grad_fn.join(&b.grad_fn),
            grad: self.values(ours, theirs, &a.grad, &b.grad),
            counter: a.counter.or(b.counter),
            is_loose: a.is_loose || b.is_loose,
            is_lent: a.is_lent && b.is_lent,
            storage: a.storage,
            view: if a.view == b.view {
                a.view.clone()
            } else {
                None
            },
            retains_grad: a.retains_grad && b.retains_grad,
            hooks: a.hooks.clone(),
            is_parameter: a.is_parameter && b.is_parameter,
            origin: a.origin,
            one_of: a.one_of.clone(),
            history: a.history.join(&b.history),
        }
    }

    fn objects(&mut self, ours: &World, theirs: &World, a: &Obj, b: &Obj) -> Obj {
        match (a, b) {
            (Obj::Tensor(a), Obj::Tensor(b)) => {
                Obj::Tensor(Rc::new(self.tensors(ours, theirs, a, b)))
            }
            (Obj::Counter(a), Obj::Counter(b)) => Obj::Counter(a.join(b)),
            (Obj::Storage(a), Obj::Storage(b)) => {
                let later = if a.last >= b.last { a } else { b };
                Obj::Storage(Storage {
                    length: a.length.filter(|_| a.length == b.length),
                    ..later.clone()
                })
            }
            (Obj::List(a), Obj::List(b)) if a.len() == b.len() => Obj::List(Rc::new(
                a.iter()
                    .zip(b.iter())
                    .map(|(a, b)| self.values(ours, theirs, a, b))
                    .collect(),
            )),
            (Obj::Dict(a), Obj::Dict(b)) => Obj::Dict(Rc::new(self.dicts(ours, theirs, a, b))),
            (Obj::Cell(a), Obj::Cell(b)) => Obj::Cell(self.values(ours, theirs, a, b)),
            (Obj::Iterator(a), Obj::Iterator(b)) => {
                Obj::Iterator(self.iterators(ours, theirs, a, b))
            }
            (Obj::Mode(a), Obj::Mode(_)) => Obj::Mode(*a),
            (Obj::Class(a), Obj::Class(_)) => Obj::Class(a.clone()),
            _ => Obj::Opaque,
        }
    }

    /// Iterators over other values go on as either; those that stand elsewhere as the first.
    fn iterators(
        &mut self,
        ours: &World,
        theirs: &World,
        a: &Rc<Iterator>,
        b: &Rc<Iterator>,
    ) -> Rc<Iterator> {
        match (&**a, &**b) {
            (Iterator::Values(x, at), Iterator::Values(y, other))
                if at == other && x.len() == y.len() =>
            {
                let pairs = x.iter().zip(y.iter());
                let values = pairs.map(|(x, y)| self.values(ours, theirs, x, y));
                Rc::new(Iterator::Values(values.collect(), *at))
            }
            (Iterator::Unknown(x), Iterator::Unknown(y)) => {
                Rc::new(Iterator::Unknown(self.values(ours, theirs, x, y)))
            }
            (Iterator::List(x, _), Iterator::List(y, _)) if x != y => {
                Rc::new(Iterator::Unknown(Val::Unknown))
            }
            _ => Rc::clone(a),
        }
    }

    fn dicts(&mut self, ours: &World, theirs: &World, a: &Dict, b: &Dict) -> Dict {
        let mut entries = Vec::with_capacity(a.entries.len());
        let mut open = a.open || b.open;
        for (key, value) in &a.entries {
            match b.get(key) {
                Some(other) => entries.push((key.clone(), self.values(ours, theirs, value, other))),
                None => open = true,
            }
        }
        open |= entries.len() < b.entries.len();
        Dict { entries, open }
    }
}

/// The most tensors that one may stand for after merges.
const MAX_ONE_OF: usize = 8;

impl Counter {
    fn join(&self, other: &Counter) -> Counter {
        let newer = if self.last >= other.last { self } else { other };
        Counter {
            low: self.low.min(other.low),
            high: self.high.max(other.high),
            last: newer.last,
            writes: newer.writes.clone(),
        }
    }
}

impl super::value::GradFn {
    fn join(&self, other: &Self) -> Self {
        use super::value::GradFn;
        if self == other {
            return self.clone();
        }
        let parts = |of: &GradFn| match of {
            GradFn::None => Some(vec![None]),
            GradFn::Node(node, output) => Some(vec![Some((*node, *output))]),
            GradFn::OneOf(parts) => Some(parts.to_vec()),
            GradFn::Unknown(_) => None,
        };
        let exists = |of: &GradFn| match of {
            GradFn::None => Tri::False,
            GradFn::Node(..) => Tri::True,
            GradFn::OneOf(parts) => Tri::from(parts.iter().all(Option::is_some)).or(Tri::Maybe),
            GradFn::Unknown(exists) => *exists,
        };
        let exists = exists(self).join(exists(other));
        match (parts(self), parts(other)) {
            (Some(mut all), Some(more)) => {
                all.extend(more);
                all.sort_by_key(|part| part.map(|(node, output)| (node, output)));
                all.dedup();
                if all.len() > MAX_ONE_OF {
                    GradFn::Unknown(exists)
                } else {
                    GradFn::one_of(all)
                }
            }
            _ => GradFn::Unknown(exists),
        }
    }
}

/// Whether a value holds no tensor for sure.
fn is_simple(value: &Val) -> bool {
    value.is_number() || matches!(value, Val::None(_) | Val::Str(_))
}
