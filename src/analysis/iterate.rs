//! Going through things: iterators, unpacking, membership.

use std::rc::Rc;

use super::call::Args;
use super::value::{Iterator, Obj, ObjId, Val};
use super::world::World;
use super::{Analyzer, Res};
use crate::dataflow::Tri;
use crate::ops::{Arg, Exception, Scalar, engine_ops, table};
use crate::source::Span;

/// The most elements of a range that are listed one by one.
const MAX_LISTED: i64 = 10_000;

impl Analyzer<'_> {
    /// All elements, if they are known one by one.
    pub(super) fn elements(&mut self, world: &mut World, value: &Val) -> Option<Vec<Val>> {
        match value {
            Val::Tuple(values, _) => Some(values.to_vec()),
            Val::Range(parts) => {
                let (start, stop, step) =
                    (parts[0].as_int()?, parts[1].as_int()?, parts[2].as_int()?);
                (step != 0 && range_len(start, stop, step) <= MAX_LISTED)
                    .then(|| range_values(start, stop, step))
            }
            Val::Str(Some(text)) => Some(text.chars().map(|c| Val::str(c.to_string())).collect()),
            Val::Obj(id) => match world.obj(*id).cloned()? {
                Obj::List(items) | Obj::Set(items) => Some(items.to_vec()),
                Obj::Dict(dict) if !dict.open => {
                    Some(dict.entries.iter().map(|(key, _)| key.clone()).collect())
                }
                Obj::Iterator(_) => self.drain(world, *id),
                Obj::Tensor(_) => self.unbind(world, *id, self.here()).ok(),
                Obj::Instance(_) => {
                    let iterator = self.iterator(world, value, self.here()).ok()?;
                    if iterator.same(value) {
                        None
                    } else {
                        self.elements(world, &iterator)
                    }
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// A list gets an element. How many it gets in a loop of unknown length is not known.
    pub(super) fn note_filled(&mut self, list: ObjId) {
        if self.program.lenient && self.births.before(list) < self.unknown_since {
            self.open_lists.insert(list);
        }
    }

    /// Whether what a list holds here, and what is none, may be otherwise: in a program in Python, once a way has come past
    /// something that is not known.
    pub(super) fn is_vague_way(&self, world: &World) -> bool {
        self.program.lenient && (world.open || self.entered.is_some())
    }

    /// Whether a value is a list of which only some elements are known.
    pub(super) fn is_open_list(&self, value: &Val) -> bool {
        matches!(value, Val::Obj(id) if self.open_lists.contains(id))
    }

    /// The place of the call that is being followed.
    fn here(&self) -> Span {
        self.calls
            .last()
            .map(|call| call.0)
            .unwrap_or_else(|| Span::new(self.sources.first(), 0, 0))
    }

    fn drain(&mut self, world: &mut World, id: ObjId) -> Option<Vec<Val>> {
        let mut out = Vec::new();
        loop {
            let (value, more) = self.next(world, &Val::Obj(id)).ok()?;
            match more {
                Tri::False => return Some(out),
                Tri::Maybe => return None,
                Tri::True => out.push(value),
            }
            if out.len() as i64 > MAX_LISTED {
                return None;
            }
        }
    }

    /// The rows of a tensor, as iteration gives them: views of one call (rule R5.1).
    pub(super) fn unbind(&mut self, world: &mut World, tensor: ObjId, span: Span) -> Res<Vec<Val>> {
        let Some(row) = table::method(engine_ops::ROWS) else {
            return Ok(Vec::new());
        };
        if world.tensor(tensor).is_some_and(|tensor| {
            tensor
                .meta
                .as_ref()
                .is_some_and(|meta| meta.shape.is_empty())
        }) {
            return self.python_error(
                world,
                span,
                Exception::TypeError,
                "iteration over a 0-d tensor",
            );
        }
        let args = vec![Arg::Tensor(tensor), Arg::Scalar(Scalar::Int(0))];
        match self.apply(world, row, args, false, span)? {
            Val::Tuple(values, _) => Ok(values.to_vec()),
            Val::Obj(id) => Ok(world
                .list(id)
                .map(|items| items.to_vec())
                .unwrap_or_default()),
            _ => Ok(Vec::new()),
        }
    }

    /// `iter(value)`
    pub(super) fn iterator(&mut self, world: &mut World, value: &Val, span: Span) -> Res<Val> {
        let iterator = match value {
            Val::Tuple(values, _) => Iterator::Values(values.clone(), 0),
            Val::Range(parts) => match (parts[0].as_int(), parts[1].as_int(), parts[2].as_int()) {
                (Some(start), Some(stop), Some(step)) => Iterator::Range(start, stop, step),
                _ => Iterator::UnknownRange,
            },
            Val::Str(Some(text)) => {
                Iterator::Values(text.chars().map(|c| Val::str(c.to_string())).collect(), 0)
            }
            Val::Unknown | Val::Str(None) => Iterator::Unknown(Val::Unknown),
            Val::Outside => Iterator::Unknown(self.outside()),
            Val::Obj(id) => match world.obj(*id).cloned() {
                Some(Obj::List(_)) => Iterator::List(*id, 0),
                Some(Obj::Set(items)) => Iterator::Values(items.to_vec().into(), 0),
                Some(Obj::Dict(dict)) if !dict.open => {
                    Iterator::Values(dict.entries.iter().map(|(key, _)| key.clone()).collect(), 0)
                }
                Some(Obj::Dict(_) | Obj::Opaque) => Iterator::Unknown(Val::Unknown),
                Some(Obj::Iterator(_)) => return Ok(value.clone()),
                Some(Obj::Tensor(tensor)) => match &tensor.meta {
                    Some(_) => Iterator::Values(self.unbind(world, *id, span)?.into(), 0),
                    None => Iterator::Unknown(Val::Unknown),
                },
                Some(Obj::Instance(_)) => {
                    if let Some(function) = self.class_member(world, value, "__iter__") {
                        let iterable =
                            self.call(world, function, Args::of([value.clone()]), span)?;
                        return if world.instance(&iterable).is_some() {
                            Ok(iterable)
                        } else {
                            self.iterator(world, &iterable, span)
                        };
                    }
                    return self.not_iterable(world, value, span);
                }
                _ => return self.not_iterable(world, value, span),
            },
            _ => return self.not_iterable(world, value, span),
        };
        Ok(Val::Obj(
            self.alloc(world, Obj::Iterator(Rc::new(iterator))),
        ))
    }

    fn not_iterable(&mut self, world: &mut World, value: &Val, span: Span) -> Res<Val> {
        let name = self.type_name(world, value);
        self.refuse_value(
            world,
            value,
            format!("'{name}' object is not iterable"),
            span,
        )
    }

    /// The next value of an iterator, and whether there is one.
    pub(super) fn next(&mut self, world: &mut World, iterator: &Val) -> Res<(Val, Tri)> {
        let Val::Obj(id) = iterator else {
            return Ok((Val::Unknown, Tri::Maybe));
        };
        let Some(Obj::Iterator(state)) = world.obj(*id).cloned() else {
            return Ok((Val::Unknown, Tri::Maybe));
        };
        let (next, value, more) = match &*state {
            Iterator::Done => return Ok((Val::Unknown, Tri::False)),
            Iterator::Values(values, at) => match values.get(*at) {
                Some(value) => (
                    Iterator::Values(values.clone(), at + 1),
                    value.clone(),
                    Tri::True,
                ),
                None => (Iterator::Done, Val::Unknown, Tri::False),
            },
            Iterator::List(list, at) => {
                match world.list(*list).map(|items| items.get(*at).cloned()) {
                    Some(Some(value)) => (Iterator::List(*list, at + 1), value, Tri::True),
                    Some(None) => (Iterator::Done, Val::Unknown, Tri::False),
                    None => (Iterator::Unknown(Val::Unknown), Val::Unknown, Tri::Maybe),
                }
            }
            Iterator::Range(next, stop, step) => {
                if (*step > 0 && next < stop) || (*step < 0 && next > stop) {
                    (
                        Iterator::Range(next.saturating_add(*step), *stop, *step),
                        Val::int(*next),
                        Tri::True,
                    )
                } else {
                    (Iterator::Done, Val::Unknown, Tri::False)
                }
            }
            Iterator::UnknownRange => (
                Iterator::UnknownRange,
                Val::Int(None, super::story::OriginId::NOWHERE),
                Tri::Maybe,
            ),
            Iterator::Unknown(value) => {
                (Iterator::Unknown(value.clone()), value.clone(), Tri::Maybe)
            }
            Iterator::Enumerate(inner, count) => {
                let (value, more) = self.next(world, &Val::Obj(*inner))?;
                let number =
                    count.map_or(Val::Int(None, super::story::OriginId::NOWHERE), Val::int);
                (
                    Iterator::Enumerate(*inner, count.map(|count| count + 1)),
                    Val::tuple(vec![number, value]),
                    more,
                )
            }
            Iterator::Zip(inner) => {
                let mut values = Vec::with_capacity(inner.len());
                let mut all = Tri::from(!inner.is_empty());
                for &part in inner {
                    let (value, more) = self.next(world, &Val::Obj(part))?;
                    values.push(value);
                    all = all.and(more);
                    if more.is_false() {
                        break;
                    }
                }
                (Iterator::Zip(inner.clone()), Val::tuple(values), all)
            }
        };
        let next = if more.is_false() {
            Iterator::Done
        } else {
            next
        };
        world.put(*id, Obj::Iterator(Rc::new(next)));
        Ok((value, more))
    }

    /// Notes on the path on which an iterator had no more values that it is at its end.
    pub(super) fn exhaust(&mut self, world: &mut World, iterator: &Val) {
        if let Val::Obj(id) = iterator
            && matches!(world.obj(*id), Some(Obj::Iterator(_)))
        {
            world.put(*id, Obj::Iterator(Rc::new(Iterator::Done)));
        }
    }

    /// `a, *b, c = value`
    pub(super) fn unpack(
        &mut self,
        world: &mut World,
        value: &Val,
        (before, star, after): (usize, bool, usize),
        span: Span,
    ) -> Res<Val> {
        let wanted = before + after;
        if let Val::Outside = value {
            let parts = vec![self.outside(); wanted + usize::from(star)];
            return Ok(Val::tuple(parts));
        }
        let unknown = || Val::tuple(vec![Val::Unknown; wanted + usize::from(star)]);
        let values = match world.as_tensor(value) {
            Some(tensor)
                if world
                    .tensor(tensor)
                    .is_some_and(|tensor| tensor.meta.is_some()) =>
            {
                Some(self.unbind(world, tensor, span)?)
            }
            Some(_) => None,
            None if matches!(value, Val::None(_)) || value.is_number() => {
                let name = self.type_name(world, value);
                let text = format!("cannot unpack non-iterable {name} object");
                return self.refuse_value(world, value, text, span);
            }
            None => self.elements(world, value),
        };
        let Some(values) = values else {
            return Ok(unknown());
        };
        // How long a list is that was filled in a loop over unknown things is not known.
        let is_tuple = matches!(value, Val::Tuple(..)) || world.as_tensor(value).is_some();
        let is_other = values.len() < wanted || (!star && values.len() > wanted);
        if is_other && !is_tuple && self.is_vague_way(world) {
            return Ok(unknown());
        }
        if values.len() < wanted {
            let at_least = if star { "at least " } else { "" };
            let text = format!(
                "not enough values to unpack (expected {at_least}{wanted}, got {})",
                values.len()
            );
            return self.python_error(world, span, Exception::ValueError, text);
        }
        if !star {
            if values.len() > wanted {
                return self.python_error(
                    world,
                    span,
                    Exception::ValueError,
                    format!("too many values to unpack (expected {wanted})"),
                );
            }
            return Ok(Val::tuple(values));
        }
        let rest = values[before..values.len() - after].to_vec();
        let rest = Val::Obj(self.alloc(world, Obj::List(Rc::new(rest))));
        let parts = values[..before]
            .iter()
            .cloned()
            .chain([rest])
            .chain(values[values.len() - after..].iter().cloned());
        Ok(Val::tuple(parts.collect()))
    }

    /// Whether `item in container`.
    pub(super) fn contains(
        &mut self,
        world: &mut World,
        container: &Val,
        item: &Val,
    ) -> Option<bool> {
        if let (Val::Str(whole), Val::Str(part)) = (container, item) {
            return whole
                .as_ref()
                .zip(part.as_ref())
                .map(|(whole, part)| whole.contains(&**part));
        }
        if let (Val::Range(_), Some(wanted)) = (container, item.as_int()) {
            return Some(
                self.elements(world, container)?
                    .iter()
                    .any(|value| value.as_int() == Some(wanted)),
            );
        }
        if let Some(function) = self.class_member(world, container, "__contains__") {
            let answer = self
                .call(
                    world,
                    function,
                    Args::of([container.clone(), item.clone()]),
                    self.here(),
                )
                .ok()?;
            return self.truth(world, &answer, self.here()).ok()?.known();
        }
        let values = self.elements(world, container)?;
        let mut unknown = false;
        for value in &values {
            if let (Val::Obj(a), Val::Obj(b)) = (value, item) {
                if a == b {
                    return Some(true);
                }
                continue;
            }
            match self.equal(world, value, item) {
                Some(true) => return Some(true),
                Some(false) => {}
                None => unknown = true,
            }
        }
        if unknown { None } else { Some(false) }
    }
}

/// The number of values of a range.
pub(super) fn range_len(start: i64, stop: i64, step: i64) -> i64 {
    let distance = if step > 0 {
        stop.saturating_sub(start)
    } else {
        start.saturating_sub(stop)
    };
    if distance <= 0 {
        0
    } else {
        (distance - 1) / step.saturating_abs().max(1) + 1
    }
}

fn range_values(start: i64, stop: i64, step: i64) -> Vec<Val> {
    (0..range_len(start, stop, step))
        .map(|at| Val::int(start + at * step))
        .collect()
}
