//! Data from outside: what comes of files, datasets, environments and arguments ([`Val::Outside`]). Nothing is known of it but that no
//! tensor in it requires a gradient. What is computed of it alone is such data, too, and beside a tensor it is one of unknown shape.
//!
//! It has no identity: whoever changes such data so that a tensor in it might require a gradient makes all of it unknown.

use super::call::Args;
use super::story::Source;
use super::value::{Iterator, Obj, ObjId, Val};
use super::world::World;
use super::{Analyzer, Res};
use crate::ops::{Arg, OpRow, Param, ParamKind, table};
use crate::source::Span;
use crate::symbol::Symbol;

/// Methods and attributes by which a tensor comes to require a gradient, or tells of it.
const OF_GRADIENTS: [&str; 7] = [
    "requires_grad",
    "requires_grad_",
    "grad",
    "grad_fn",
    "retain_grad",
    "register_hook",
    "backward",
];

impl Analyzer<'_> {
    /// Something from outside.
    pub(super) fn outside(&self) -> Val {
        match self.outside_is_changed {
            true => Val::Unknown,
            false => Val::Outside,
        }
    }

    /// Whether no tensor in the value requires a gradient, as far as that is told by its kind.
    fn is_plain(&self, value: &Val) -> bool {
        match value {
            Val::Outside => !self.outside_is_changed,
            Val::Tuple(values, _) => values.iter().all(|value| self.is_plain(value)),
            Val::None(_) | Val::Str(_) | Val::Dtype(_) | Val::Ellipsis => true,
            Val::Slice(_) | Val::Range(_) => true,
            value => value.is_number(),
        }
    }

    /// Whether arguments are from outside, beside numbers and texts.
    pub(super) fn are_outside(&self, args: &Args) -> bool {
        let mut values = args.values();
        !args.open
            && values.any(|value| matches!(value, Val::Outside))
            && args.values().all(|value| self.is_plain(value))
    }

    /// A value whose kind is looked at: what is from outside may be anything.
    pub(super) fn erased(value: Val) -> Val {
        match value {
            Val::Outside => Val::Unknown,
            value => value,
        }
    }

    /// A tensor from outside.
    pub(super) fn outside_tensor(&mut self, world: &mut World, span: Span) -> ObjId {
        let origin = self.origin(span, Source::Factory, []);
        self.new_tensor(world, None, None, origin)
    }

    /// What stands for a value from outside beside a tensor.
    pub(super) fn as_operand(&mut self, world: &mut World, value: &Val, span: Span) -> Val {
        match value {
            Val::Outside if self.outside_is_changed => Val::Unknown,
            Val::Outside => Val::Obj(self.outside_tensor(world, span)),
            value => value.clone(),
        }
    }

    /// The operands of an operator one of which is from outside; none if the result is, too.
    pub(super) fn operands(
        &mut self,
        world: &mut World,
        (a, b): (&Val, &Val),
        span: Span,
    ) -> Option<(Val, Val)> {
        if self.is_plain(a) && self.is_plain(b) {
            return None;
        }
        let beside_tensor = world.as_tensor(a).or(world.as_tensor(b)).is_some();
        Some(match beside_tensor {
            true => (
                self.as_operand(world, a, span),
                self.as_operand(world, b, span),
            ),
            false => (Self::erased(a.clone()), Self::erased(b.clone())),
        })
    }

    /// `object.name` of something from outside.
    pub(super) fn outside_attr(&self, name: Symbol) -> Val {
        match OF_GRADIENTS.contains(&name.as_str()) {
            true => Val::Unknown,
            false => self.outside(),
        }
    }

    /// Something from outside is changed: an attribute or an item of it is `value` from now on.
    pub(super) fn change_outside(&mut self, name: Option<Symbol>, value: &Val) {
        let of_gradient = name.is_some_and(|name| OF_GRADIENTS.contains(&name.as_str()));
        if of_gradient || !self.is_plain(value) {
            self.outside_is_changed = true;
        }
        self.escape(value);
    }

    /// Something from outside is called, or its method `name` is.
    pub(super) fn outside_call(
        &mut self,
        world: &mut World,
        name: Option<Symbol>,
        args: Args,
        span: Span,
    ) -> Res<Val> {
        let text = name.map(|name| name.as_str());
        if text.is_some_and(|name| OF_GRADIENTS.contains(&name)) {
            self.outside_is_changed = true;
        }
        if text == Some("zero_grad") {
            self.ledger.note_unknown_clearing();
        }
        if !args.open && args.values().all(|value| self.is_plain(value)) {
            return Ok(self.outside());
        }
        // `data.to(device)`, whatever the device is.
        if text.is_some_and(takes_gradients_of_none) {
            return Ok(self.outside());
        }
        if let Some(name) = name
            && args.values().any(|value| world.as_tensor(value).is_some())
            && table::method(name.as_str()).is_some()
        {
            let tensor = self.outside_tensor(world, span);
            return self.call_method(world, &Val::Obj(tensor), name, args, span);
        }
        let holds = args.open
            || args
                .values()
                .any(|value| self.may_hold_gradient(world, value));
        self.unknown_call(world, text, &args, span);
        Ok(match holds {
            true => Val::Unknown,
            false => self.outside(),
        })
    }

    /// Whether a value may hold a tensor that requires a gradient. Code that is called may hold any.
    fn may_hold_gradient(&mut self, world: &World, value: &Val) -> bool {
        if self.is_plain(value) {
            return false;
        }
        let is_code = |value: &Val| matches!(value, Val::Unknown | Val::Func(_) | Val::Bound(_));
        is_code(value) || self.iterates_gradient(world, value) || self.holds_gradient(world, value)
    }

    /// Whether a value is a list or an iterator that may give a tensor that requires a gradient.
    fn iterates_gradient(&mut self, world: &World, value: &Val) -> bool {
        let Val::Obj(id) = value else { return false };
        let state = match world.obj(*id).cloned() {
            Some(Obj::Iterator(state)) => state,
            Some(Obj::List(items)) => {
                let mut items = items.iter();
                return items.any(|item| self.may_hold_gradient(world, item));
            }
            _ => return false,
        };
        let mut holds = |id: ObjId| self.may_hold_gradient(world, &Val::Obj(id));
        match &*state {
            Iterator::Values(values, _) => {
                let mut values = values.iter();
                values.any(|value| self.may_hold_gradient(world, value))
            }
            Iterator::List(list, _) => holds(*list),
            Iterator::Enumerate(inner, _) => holds(*inner),
            Iterator::Zip(inner) => inner.iter().any(|&inner| holds(inner)),
            Iterator::Range(..) | Iterator::UnknownRange | Iterator::Done => false,
            Iterator::Unknown(value) => !self.is_plain(value),
        }
    }

    /// Whether there is a tensor in a value that may require a gradient.
    pub(super) fn holds_gradient(&mut self, world: &World, value: &Val) -> bool {
        let parts = self.parts_with_tensors(world, vec![value.clone()]);
        let mut parts = parts.iter();
        parts.any(|&part| self.requires_grad(world, part).may())
    }

    /// Puts tensors from outside where an operator takes some and its arguments are not known.
    pub(super) fn outside_operands(
        &mut self,
        world: &mut World,
        row: &OpRow,
        args: &mut [Arg<ObjId>],
        span: Span,
    ) {
        for (param, arg) in row.params.iter().zip(args) {
            if !matches!(arg, Arg::Unknown) {
                continue;
            }
            match param.kind {
                ParamKind::Tensor { .. }
                | ParamKind::OptTensor { .. }
                | ParamKind::TensorOrScalar => {
                    *arg = Arg::Tensor(self.outside_tensor(world, span));
                }
                ParamKind::Tensors => {
                    *arg = Arg::Tensors(vec![self.outside_tensor(world, span)]);
                }
                _ => {}
            }
        }
    }

    /// Whether an argument is unknown, but not from outside.
    pub(super) fn has_other_unknown(&self, world: &World, args: &Args) -> bool {
        args.open
            || args
                .values()
                .any(|value| self.is_other_unknown(world, value, 0))
    }

    fn is_other_unknown(&self, world: &World, value: &Val, depth: u32) -> bool {
        let mut inner = |value: &Val| depth > 2 || self.is_other_unknown(world, value, depth + 1);
        match value {
            Val::Tuple(values, _) => values.iter().any(&mut inner),
            Val::Obj(id) => match (world.tensor(*id), world.list(*id)) {
                (Some(_), _) => false,
                (None, Some(items)) => items.iter().any(inner),
                (None, None) => true,
            },
            value => !self.is_plain(value),
        }
    }
}

/// Whether a tensor's method hands on the gradients of its tensor alone: whatever the other arguments are, it cuts none
/// of them off and leads to none of them.
fn takes_gradients_of_none(method: &str) -> bool {
    let Some(op) = table::method(method) else {
        return false;
    };
    let hands_on = |param: &Param| {
        matches!(
            param.kind,
            ParamKind::Tensor { diff: true }
                | ParamKind::OptTensor { diff: true }
                | ParamKind::TensorOrScalar
                | ParamKind::Tensors
        )
    };
    let mut rows = table::overloads(op).iter().map(|&op| table::row(op));
    rows.all(|row| !row.params.iter().skip(1).any(hands_on))
}
