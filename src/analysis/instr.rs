//! What each instruction does to the abstract state.

use std::rc::Rc;

use super::call::Args;
use super::fact::{FactKind, Failure};
use super::story::{Happened, Step};
use super::value::{Class, Closure, Dict, Exc, Mode, Obj, ObjId, Val};
use super::world::{Regs, World};
use super::{Analyzer, Raise, Res};
use crate::dataflow::Tri;
use crate::index::Idx;
use crate::ir::{
    Builtin, Element, FormatPart, Function, Instr, InstrKind, Intrinsic, Operand, Reg,
};
use crate::ops::Exception;
use crate::source::Span;
use crate::symbol::Symbol;

impl Analyzer<'_> {
    /// Follows one instruction that is no call of a function of the language. The result is for its register.
    pub(super) fn instruction(
        &mut self,
        world: &mut World,
        regs: &mut Regs,
        function: &Function,
        instr: &Instr,
    ) -> Res<Option<Val>> {
        let span = instr.span;
        while let Some((reg, name)) = unbound_read(regs, function, &instr.kind) {
            if self.program.lenient {
                // Of names others say more; and a class body, an import or `exec` may have bound it.
                regs.set(reg.index() as u32, Val::Unknown);
                continue;
            }
            let (error, text) = if function.params.is_empty()
                && function.name.as_str() == "<module>"
            {
                (
                    Exception::NameError,
                    format!("name '{name}' is not defined"),
                )
            } else {
                (
                    Exception::UnboundLocalError,
                    format!(
                        "cannot access local variable '{name}' where it is not associated with a value"
                    ),
                )
            };
            return self.python_error(world, span, error, text);
        }
        let get = |of: &Operand| self.operand(regs, of);
        let value = match &instr.kind {
            InstrKind::Copy(value) => get(value),
            InstrKind::Unary(op, value) => {
                let value = get(value);
                self.unary(world, *op, &value, span)?
            }
            InstrKind::Binary(op, a, b) => {
                let (a, b) = (get(a), get(b));
                self.binary(world, *op, &a, &b, span)?
            }
            InstrKind::InPlace(op, a, b) => {
                let (a, b) = (get(a), get(b));
                self.in_place_operator(world, *op, &a, &b, span)?
            }
            InstrKind::Compare(op, a, b) => {
                let (a, b) = (get(a), get(b));
                self.compare(world, *op, &a, &b, span)?
            }
            InstrKind::GetAttr(object, name) => {
                let object = get(object);
                self.attribute(world, &object, *name, span)?
            }
            InstrKind::SetAttr {
                object,
                name,
                value,
            } => {
                let (object, value) = (get(object), get(value));
                self.set_attr(world, &object, *name, value, span)?;
                return Ok(None);
            }
            InstrKind::DelAttr(object, name) => {
                let object = get(object);
                self.del_attr(world, &object, *name, span)?;
                return Ok(None);
            }
            InstrKind::GetItem(object, index) => {
                let (object, index) = (get(object), get(index));
                self.get_item(world, &object, &index, span)?
            }
            InstrKind::SetItem {
                object,
                index,
                value,
            } => {
                let (object, index, value) = (get(object), get(index), get(value));
                self.set_item(world, &object, &index, &value, span)?;
                return Ok(None);
            }
            InstrKind::DelItem(object, index) => {
                let (object, index) = (get(object), get(index));
                self.del_item(world, &object, &index, span)?;
                return Ok(None);
            }
            InstrKind::Slice(parts) => {
                Val::Slice(Rc::new([get(&parts[0]), get(&parts[1]), get(&parts[2])]))
            }
            InstrKind::Tuple(parts) => match self.display(world, regs, parts) {
                Some(values) => Val::tuple(values),
                None => Val::Unknown,
            },
            InstrKind::List(parts) => {
                let obj = self
                    .display(world, regs, parts)
                    .map_or(Obj::Opaque, |values| Obj::List(Rc::new(values)));
                Val::Obj(self.alloc(world, obj))
            }
            InstrKind::Set(parts) => {
                let obj = self
                    .display(world, regs, parts)
                    .map_or(Obj::Opaque, |values| Obj::Set(Rc::new(distinct(values))));
                Val::Obj(self.alloc(world, obj))
            }
            InstrKind::Dict(parts) => self.dict_display(world, regs, parts),
            InstrKind::Append { list, value } => {
                let (list, value) = (get(list), get(value));
                if let Val::Obj(id) = list
                    && let Some(items) = world.list_mut(id)
                {
                    items.push(value);
                    self.note_filled(id);
                }
                return Ok(None);
            }
            InstrKind::Insert { dict, key, value } => {
                let (dict, key, value) = (get(dict), get(key), get(value));
                if let Val::Obj(id) = dict
                    && let Some(dict) = world.dict_mut(id)
                {
                    dict.insert(key, value);
                }
                return Ok(None);
            }
            InstrKind::Unpack {
                value,
                before,
                star,
                after,
            } => {
                let value = get(value);
                self.unpack(
                    world,
                    &value,
                    (*before as usize, *star, *after as usize),
                    span,
                )?
            }
            InstrKind::Element(tuple, at) => match get(tuple) {
                Val::Tuple(values, _) => values.get(*at as usize).cloned().unwrap_or(Val::Unknown),
                _ => Val::Unknown,
            },
            InstrKind::Call { callee, args } => {
                let callee = get(callee);
                let args = self.args(world, regs, args);
                self.call(world, callee, args, span)?
            }
            InstrKind::CallMethod { object, name, args } => {
                let object = get(object);
                let args = self.args(world, regs, args);
                self.call_method(world, &object, *name, args, span)?
            }
            InstrKind::Super { class, object } => match get(class) {
                Val::Obj(id) => Val::Super(Rc::new((self.cell_content(world, id), get(object)))),
                _ => Val::Unknown,
            },
            InstrKind::Builtin(Builtin::Float(value)) => Val::float(*value),
            InstrKind::Builtin(Builtin::Dtype(dtype)) => Val::Dtype(*dtype),
            InstrKind::Builtin(builtin) => Val::Builtin(*builtin),
            InstrKind::LoadUnit { unit, name } => self.load_unit(world, *unit, *name, span)?,
            InstrKind::MakeFunction {
                function,
                defaults,
                captures,
            } => {
                let cells = captures.iter().filter_map(|&reg| cell_of(regs, reg));
                let closure = Closure {
                    function: *function,
                    defaults: defaults.iter().map(get).collect(),
                    captures: cells.collect(),
                };
                self.note_rebinding(&closure);
                Val::Func(Rc::new(closure))
            }
            InstrKind::MakeClass {
                name,
                bases,
                members,
            } => {
                let bases: Vec<Val> = bases.iter().map(get).collect();
                let members = members
                    .iter()
                    .map(|(name, value)| (*name, get(value)))
                    .collect();
                self.make_class(world, *name, &bases, members)
            }
            InstrKind::MakeCell(value) => {
                let value = value.as_ref().map(get);
                match instr
                    .dest
                    .and_then(|dest| cell_of(regs, dest))
                    .filter(|&cell| matches!(world.obj(cell), Some(Obj::Cell(_))))
                {
                    // The cell of an export is there before the unit's body runs.
                    Some(cell) if value.is_none() => Val::Obj(cell),
                    _ => Val::Obj(self.alloc(world, Obj::Cell(value.unwrap_or(Val::Unbound)))),
                }
            }
            InstrKind::LoadCell(reg) => {
                match cell_of(regs, *reg).and_then(|cell| world.obj(cell)) {
                    Some(Obj::Cell(Val::Unbound)) if self.program.lenient => Val::Unknown,
                    Some(Obj::Cell(Val::Unbound)) => {
                        let name = function.regs[*reg].name.map_or("?", Symbol::as_str);
                        return self.python_error(
                            world,
                            span,
                            Exception::NameError,
                            format!("name '{name}' is not defined"),
                        );
                    }
                    Some(Obj::Cell(value)) => value.clone(),
                    _ => Val::Unknown,
                }
            }
            InstrKind::StoreCell { cell, value } => {
                let value = get(value);
                if let Some(cell) = cell_of(regs, *cell) {
                    world.put(cell, Obj::Cell(value));
                }
                return Ok(None);
            }
            InstrKind::Delete(reg) => {
                match cell_of(regs, *reg).filter(|_| function.regs[*reg].is_cell) {
                    Some(cell) => world.put(cell, Obj::Cell(Val::Unbound)),
                    None => regs.set(reg.index() as u32, Val::Unbound),
                }
                return Ok(None);
            }
            InstrKind::Iter(value) => {
                let value = get(value);
                self.iterator(world, &value, span)?
            }
            InstrKind::Format(parts) => self.format(world, regs, parts, span)?,
            InstrKind::Enter(manager) => {
                let manager = get(manager);
                self.enter(world, &manager, span)?
            }
            InstrKind::Exit { manager, exception } => {
                let (manager, exception) = (get(manager), get(exception));
                self.exit(world, &manager, exception, span)?
            }
            InstrKind::ExceptionMatches { exception, class } => {
                let (exception, class) = (get(exception), get(class));
                Val::Bool(self.is_instance(world, &exception, &class).known())
            }
            InstrKind::Input(ty) => match ty {
                Some(ty) => {
                    let shape: Option<Vec<Val>> = ty
                        .shape
                        .as_ref()
                        .map(|shape| shape.iter().map(get).collect());
                    self.input(world, ty.dtype, shape, span)
                }
                None => Val::Unknown,
            },
            InstrKind::Unknown => Val::Unknown,
            InstrKind::Discard(value) => {
                match get(value) {
                    Val::Unknown | Val::Outside => {
                        self.discarded_attribute(world, function, value, span)
                    }
                    known => self.discarded(world, &known, span),
                }
                return Ok(None);
            }
        };
        Ok(Some(value))
    }

    fn cell_content(&self, world: &World, id: ObjId) -> ObjId {
        match world.obj(id) {
            Some(Obj::Cell(Val::Obj(class))) => *class,
            _ => id,
        }
    }

    fn display(&mut self, world: &mut World, regs: &Regs, parts: &[Element]) -> Option<Vec<Val>> {
        let mut out = Vec::with_capacity(parts.len());
        for part in parts {
            let value = self.operand(regs, &part.value);
            if part.star {
                out.extend(self.elements(world, &value)?)
            } else {
                out.push(value)
            }
        }
        Some(out)
    }

    fn dict_display(
        &mut self,
        world: &mut World,
        regs: &Regs,
        parts: &[(Option<Operand>, Operand)],
    ) -> Val {
        let mut dict = Dict::default();
        for (key, value) in parts {
            let value = self.operand(regs, value);
            match key {
                Some(key) => dict.insert(self.operand(regs, key), value),
                None => match &value {
                    Val::Obj(id) if world.dict(*id).is_some() => {
                        let other = world.dict(*id).expect("just seen").clone();
                        dict.open |= other.open;
                        other
                            .entries
                            .iter()
                            .for_each(|(key, value)| dict.insert(key.clone(), value.clone()));
                    }
                    _ => dict.open = true,
                },
            }
        }
        Val::Obj(self.alloc(world, Obj::Dict(Rc::new(dict))))
    }

    fn make_class(
        &mut self,
        world: &mut World,
        name: Symbol,
        bases: &[Val],
        members: Vec<(Symbol, Val)>,
    ) -> Val {
        let id = self.ids.push(());
        let mut lists = Vec::new();
        let (mut exception, mut open) = (None, false);
        for base in bases {
            match base {
                Val::Builtin(Builtin::Exception(kind)) => exception = Some(*kind),
                Val::Builtin(Builtin::Intrinsic(Intrinsic::Object)) => {}
                Val::Obj(base) => match world.obj(*base) {
                    Some(Obj::Class(class)) => {
                        lists.push(class.mro.to_vec());
                        exception = exception.or(class.exception);
                        open |= class.open;
                    }
                    _ => open = true,
                },
                _ => open = true,
            }
        }
        lists.push(lists.iter().map(|list| list[0]).collect());
        let mut mro = vec![id];
        mro.extend(linearize(lists));
        world.put(
            id,
            Obj::Class(Rc::new(Class {
                name,
                mro: mro.into(),
                exception,
                members,
                open,
            })),
        );
        Val::Obj(id)
    }

    fn format(
        &mut self,
        world: &mut World,
        regs: &Regs,
        parts: &[FormatPart],
        span: Span,
    ) -> Res<Val> {
        let mut text = Some(String::new());
        for part in parts {
            let piece = match part {
                FormatPart::Text(text) => Some(text.to_string()),
                FormatPart::Value { value, repr, spec } => {
                    let value = self.operand(regs, value);
                    self.used(world, &value, span);
                    if let Val::None(_) = value
                        && !spec.is_empty()
                    {
                        let failure = self.none_failure(&value);
                        return self
                            .raise(
                                world,
                                span,
                                failure,
                                Exception::TypeError,
                                "unsupported format string passed to NoneType.__format__",
                            )
                            .map_err(|raise| self.about(world, raise, &value));
                    }
                    if spec.is_empty() {
                        self.text_of(world, &value, *repr)
                    } else {
                        None
                    }
                }
            };
            text = text.zip(piece).map(|(text, piece)| text + &piece);
        }
        Ok(Val::Str(text.map(Into::into)))
    }

    /// Enters a context manager.
    fn enter(&mut self, world: &mut World, manager: &Val, span: Span) -> Res<Val> {
        if let Val::Obj(id) = manager
            && let Some(Obj::Mode(mode)) = world.obj(*id).cloned()
        {
            let before = mode.before.unwrap_or((world.grad.0, world.inference.0));
            self.enter_mode(world, mode.mode, span);
            world.put(
                *id,
                Obj::Mode(super::value::ModeManager {
                    before: Some(before),
                    ..mode
                }),
            );
            return Ok(Val::NONE);
        }
        match manager {
            Val::Builtin(Builtin::Intrinsic(
                Intrinsic::NoGrad | Intrinsic::EnableGrad | Intrinsic::InferenceMode,
            )) => self.python_error(
                world,
                span,
                Exception::TypeError,
                "'type' object does not support the context manager protocol",
            ),
            Val::Unknown | Val::Outside => Ok(manager.clone()),
            _ => match self.class_member(world, manager, "__enter__") {
                Some(enter) => self.call(world, enter, Args::of([manager.clone()]), span),
                None => {
                    let name = self.type_name(world, manager);
                    self.python_error(
                        world,
                        span,
                        Exception::TypeError,
                        format!("'{name}' object does not support the context manager protocol"),
                    )
                }
            },
        }
    }

    /// Leaves a context manager.
    fn exit(&mut self, world: &mut World, manager: &Val, exception: Val, span: Span) -> Res<Val> {
        if let Val::Obj(id) = manager
            && let Some(Obj::Mode(mode)) = world.obj(*id).cloned()
        {
            if let Some(before) = mode.before {
                self.restore_mode(world, before);
            }
            return Ok(Val::Bool(Some(false)));
        }
        match self.class_member(world, manager, "__exit__") {
            Some(exit) => {
                let args = Args::of([manager.clone(), Val::NONE, exception, Val::NONE]);
                let value = self.call(world, exit, args, span)?;
                let swallowed = self.truth(world, &value, span)?;
                Ok(Val::Bool(swallowed.known()))
            }
            None => Ok(Val::Bool(Some(false))),
        }
    }

    /// Enters a gradient mode, and returns those in force before.
    pub(super) fn enter_mode(&mut self, world: &mut World, mode: Mode, span: Span) -> (Tri, Tri) {
        let before = (world.grad.0, world.inference.0);
        let place = self.place(span);
        match mode {
            Mode::Grad(on) => world.grad = (on, place),
            Mode::Inference(on) => {
                world.inference = (on, place);
                // Inference mode turns gradient mode off, and its absence turns it on again.
                world.grad = (!on, place);
            }
        }
        before
    }

    /// Puts the gradient modes back.
    pub(super) fn restore_mode(&mut self, world: &mut World, before: (Tri, Tri)) {
        world.grad.0 = before.0;
        world.inference.0 = before.1;
    }

    /// An attribute of something unknown that is read for nothing: what only methods are called, is one.
    fn discarded_attribute(
        &mut self,
        world: &mut World,
        function: &Function,
        value: &Operand,
        span: Span,
    ) {
        let mut pairs = function.blocks.iter().flat_map(|b| b.instrs.windows(2));
        let name = pairs.find_map(|pair| match (&pair[0], &pair[1].kind) {
            (read, InstrKind::Discard(discarded)) if pair[1].span == span && discarded == value => {
                match (&read.kind, read.dest, value) {
                    (InstrKind::GetAttr(_, name), Some(dest), Operand::Reg(reg)) => {
                        (dest == *reg).then_some(*name)
                    }
                    _ => None,
                }
            }
            _ => None,
        });
        let training = ["backward", "step", "zero_grad"].into_iter();
        let method = name.and_then(|name| training.clone().find(|known| *known == name.as_str()));
        if let Some(method) = method {
            self.fact(world, span, FactKind::NotCalled { method }, Vec::new());
        }
    }

    /// An expression statement's value: a method that was named but not called.
    fn discarded(&mut self, world: &mut World, value: &Val, span: Span) {
        let Val::Bound(bound) = value else { return };
        let method = match &bound.1 {
            super::value::Method::Tensor(attr) => attr.name(),
            super::value::Method::Op(op, _) => crate::ops::table::row(*op).name,
            super::value::Method::Func(function) => match self.closure_of(world, function) {
                Some(closure) => self.program.functions[closure.function].name.as_str(),
                None => return,
            },
            _ => return,
        };
        if NOT_CALLED.contains(&method) {
            self.fact(world, span, FactKind::NotCalled { method }, Vec::new());
        }
    }

    /// The function that a decorator wraps, or that the value is.
    fn closure_of(&self, world: &World, function: &Val) -> Option<Rc<Closure>> {
        match function {
            Val::Func(closure) => Some(closure.clone()),
            Val::Obj(id) => match world.obj(*id) {
                Some(Obj::Wrapped(wrapped)) => self.closure_of(world, &wrapped.1),
                _ => None,
            },
            _ => None,
        }
    }

    /// Tells an exception as a fact of its place, if it is not the program's own.
    pub(super) fn tell(&mut self, world: &mut World, mut raise: Box<Raise>) -> Box<Raise> {
        if raise.told || raise.failure == Failure::Explicit {
            return raise;
        }
        // A number that was a tensor is none, whatever the arguments were.
        let is_number = raise.failure == Failure::NotATensor
            && raise
                .story
                .iter()
                .any(|step| step.happened == Happened::TurnedIntoNumber);
        if self.may_be_of_others(world) && !raise.failure.is_of_autograd() && !is_number {
            return raise;
        }
        raise.told = true;
        let (error, message) = match &raise.exception {
            Val::Obj(id) => match world.obj(*id) {
                Some(Obj::Exception(exc)) => (exc.kind, exc.message.clone()),
                _ => (Exception::Exception, None),
            },
            _ => (Exception::Exception, None),
        };
        let kind = FactKind::Raises {
            failure: raise.failure,
            error,
            message: message.map_or_else(|| "…".into(), |text| text.to_string()),
        };
        let story: Vec<Step> = raise.story.clone();
        self.fact(world, raise.span, kind, story);
        raise
    }

    /// Tells an ordinary exception that the program catches. If it is raised again, it is told as what it is.
    pub(super) fn tell_caught(&mut self, world: &mut World, mut raise: Box<Raise>) -> Box<Raise> {
        let told = raise.told;
        raise.failure = Failure::Caught;
        let mut raise = self.tell(world, raise);
        raise.failure = Failure::Other;
        raise.told = told;
        raise
    }

    /// Remembers an exception that is caught, for when it is raised again.
    pub(super) fn in_flight(&mut self, raise: &Raise) {
        if let Val::Obj(id) = raise.exception {
            self.caught.insert(id, raise.clone());
        }
    }

    /// The exception on its way as it was caught.
    pub(super) fn raise_in_flight(&self, value: &Val) -> Option<Box<Raise>> {
        match value {
            Val::Obj(id) => self.caught.get(id).cloned().map(Box::new),
            _ => None,
        }
    }

    /// An exception's text.
    pub(super) fn exception_text(&self, exc: &Exc) -> Option<Rc<str>> {
        exc.message.clone()
    }
}

/// Methods that do nothing where they are only named.
const NOT_CALLED: &[&str] = &[
    "backward",
    "step",
    "zero_grad",
    "detach_",
    "zero",
    "zero_",
    "requires_grad_",
    "retain_grad",
    "train",
    "eval",
];

fn cell_of(regs: &Regs, reg: Reg) -> Option<ObjId> {
    match regs.get(reg.index() as u32) {
        Some(Val::Obj(id)) => Some(*id),
        _ => None,
    }
}

/// The name of a variable that the instruction reads although it is not bound.
pub(super) fn unbound_read(
    regs: &Regs,
    function: &Function,
    kind: &InstrKind,
) -> Option<(Reg, Symbol)> {
    let mut unbound = None;
    kind.reads(&mut |reg| {
        let value = regs.get(reg.index() as u32);
        if unbound.is_none() && matches!(value, None | Some(Val::Unbound)) {
            unbound = function
                .regs
                .get(reg)
                .and_then(|info| info.name)
                .filter(|_| !matches!(kind, InstrKind::Delete(_)))
                .map(|name| (reg, name));
        }
    });
    unbound
}

/// The values without those that are the same as an earlier one.
pub(super) fn distinct(values: Vec<Val>) -> Vec<Val> {
    let mut out: Vec<Val> = Vec::with_capacity(values.len());
    for value in values {
        if !out.iter().any(|other| other.same(&value)) {
            out.push(value);
        }
    }
    out
}

/// C3 linearization of the bases' orders; where there is none, the order in which they come.
fn linearize(mut lists: Vec<Vec<ObjId>>) -> Vec<ObjId> {
    let mut out = Vec::new();
    loop {
        lists.retain(|list| !list.is_empty());
        if lists.is_empty() {
            return out;
        }
        let good = lists
            .iter()
            .map(|list| list[0])
            .find(|head| !lists.iter().any(|list| list[1..].contains(head)));
        let next = good.unwrap_or(lists[0][0]);
        out.push(next);
        for list in &mut lists {
            list.retain(|&id| id != next);
        }
    }
}
