//! What each instruction does.

use std::cell::RefCell;
use std::rc::Rc;

use super::exec::Regs;
use super::outcome::Observation;
use super::value::{Args, Class, Closure, Dict, Mode, ModeManager, Value};
use super::{Machine, Res};
use crate::index::Idx;
use crate::ir::{
    Builtin, Element, FormatPart, Function, Instr, InstrKind, Intrinsic, Operand, Reg,
};
use crate::ops::Exception;
use crate::source::Span;
use crate::symbol::Symbol;

impl Machine<'_> {
    /// Runs an instruction. The result is for its register.
    #[expect(clippy::too_many_lines, reason = "one arm an instruction")]
    pub(super) fn instruction(
        &mut self,
        function: &Function,
        regs: &mut Regs,
        instr: &Instr,
    ) -> Res<Option<Value>> {
        let span = instr.span;
        macro_rules! get {
            ($operand:expr) => {
                self.operand(function, regs, $operand, span)?
            };
        }
        let value = match &instr.kind {
            InstrKind::Copy(value) => get!(value),
            InstrKind::Unary(op, value) => {
                let value = get!(value);
                self.unary(*op, &value, span)?
            }
            InstrKind::Binary(op, a, b) => {
                let (a, b) = (get!(a), get!(b));
                self.binary(*op, &a, &b, span)?
            }
            InstrKind::InPlace(op, a, b) => {
                let (a, b) = (get!(a), get!(b));
                self.in_place_operator(*op, &a, &b, span)?
            }
            InstrKind::Compare(op, a, b) => {
                let (a, b) = (get!(a), get!(b));
                self.compare(*op, &a, &b, span)?
            }
            InstrKind::GetAttr(object, name) => {
                let object = get!(object);
                self.get_attr(&object, *name, span)?
            }
            InstrKind::SetAttr {
                object,
                name,
                value,
            } => {
                let (object, value) = (get!(object), get!(value));
                self.set_attr(&object, *name, value, span)?;
                return Ok(None);
            }
            InstrKind::DelAttr(object, name) => {
                let object = get!(object);
                self.del_attr(&object, *name, span)?;
                return Ok(None);
            }
            InstrKind::GetItem(object, index) => {
                let (object, index) = (get!(object), get!(index));
                self.get_item(&object, &index, span)?
            }
            InstrKind::SetItem {
                object,
                index,
                value,
            } => {
                let (object, index, value) = (get!(object), get!(index), get!(value));
                self.set_item(&object, &index, &value, span)?;
                return Ok(None);
            }
            InstrKind::DelItem(object, index) => {
                let (object, index) = (get!(object), get!(index));
                self.del_item(&object, &index, span)?;
                return Ok(None);
            }
            InstrKind::Slice(parts) => {
                Value::Slice(Rc::new([get!(&parts[0]), get!(&parts[1]), get!(&parts[2])]))
            }
            InstrKind::Tuple(parts) => Value::tuple(self.display(function, regs, parts, span)?),
            InstrKind::List(parts) => Value::list(self.display(function, regs, parts, span)?),
            InstrKind::Set(parts) => {
                let values = self.display(function, regs, parts, span)?;
                Value::Set(Rc::new(RefCell::new(self.distinct(values, span)?)))
            }
            InstrKind::Dict(parts) => self.dict_display(function, regs, parts, span)?,
            InstrKind::Append { list, value } => {
                let (list, value) = (get!(list), get!(value));
                if let Value::List(items) = list {
                    items.borrow_mut().push(value);
                }
                return Ok(None);
            }
            InstrKind::Insert { dict, key, value } => {
                let (dict, key, value) = (get!(dict), get!(key), get!(value));
                self.check_key(&key, span)?;
                if let Value::Dict(dict) = dict {
                    dict.borrow_mut().insert(key, value);
                }
                return Ok(None);
            }
            InstrKind::Unpack {
                value,
                before,
                star,
                after,
            } => {
                let value = get!(value);
                self.unpack(&value, (*before as usize, *star, *after as usize), span)?
            }
            InstrKind::Element(tuple, at) => match get!(tuple) {
                Value::Tuple(values, _) if (*at as usize) < values.len() => {
                    values[*at as usize].clone()
                }
                _ => return self.unsupported("unpacking of this", span),
            },
            InstrKind::Call { callee, args } => {
                let callee = get!(callee);
                let args = self.args(function, regs, args, span)?;
                self.call(&callee, args, span)?
            }
            InstrKind::CallMethod { object, name, args } => {
                let value = get!(object);
                let args = self.args(function, regs, args, span)?;
                // A tensor without a name is gone once its method has been called, and what it alone kept.
                if let (Operand::Reg(reg), Value::Tensor(_)) = (object, &value)
                    && function.regs[*reg].name.is_none()
                {
                    regs[reg.index()] = Value::None;
                }
                self.call_method(&value, *name, args, span)?
            }
            InstrKind::Super { class, object } => {
                let class = match get!(class) {
                    Value::Cell(cell) => cell.borrow().clone(),
                    class => class,
                };
                Value::Super(Rc::new((class, get!(object))))
            }
            InstrKind::Builtin(Builtin::Float(value)) => Value::Float(*value),
            InstrKind::Builtin(Builtin::Dtype(dtype)) => Value::Dtype(*dtype),
            InstrKind::Builtin(builtin) => Value::Builtin(*builtin),
            InstrKind::LoadUnit { unit, name } => self.load_unit(*unit, *name, span)?,
            InstrKind::MakeFunction {
                function: id,
                defaults,
                captures,
            } => {
                let mut values = Vec::with_capacity(defaults.len());
                for default in defaults {
                    values.push(get!(default));
                }
                let captures = captures
                    .iter()
                    .filter_map(|reg| match &regs[reg.index()] {
                        Value::Cell(cell) => Some(Rc::clone(cell)),
                        _ => None,
                    })
                    .collect();
                Value::Func(Rc::new(Closure {
                    function: *id,
                    defaults: values,
                    captures,
                }))
            }
            InstrKind::MakeClass {
                name,
                bases,
                members,
            } => {
                let mut of = Vec::with_capacity(bases.len());
                for base in bases {
                    of.push(get!(base));
                }
                let mut dict = Dict::default();
                for (name, value) in members {
                    dict.insert(Value::str(name.as_str()), get!(value));
                }
                self.make_class(*name, &of, dict, span)?
            }
            InstrKind::MakeCell(value) => match (value, instr.dest.map(|dest| &regs[dest.index()]))
            {
                // The cell of an export is there before the unit's body runs.
                (None, Some(Value::Cell(cell))) => Value::Cell(Rc::clone(cell)),
                (Some(value), _) => Value::Cell(Rc::new(RefCell::new(get!(value)))),
                (None, _) => Value::Cell(Rc::new(RefCell::new(Value::Unbound))),
            },
            InstrKind::LoadCell(reg) => {
                let value = match &regs[reg.index()] {
                    Value::Cell(cell) => cell.borrow().clone(),
                    _ => Value::Unbound,
                };
                if matches!(value, Value::Unbound) {
                    let name = function.regs[*reg].name.map_or("?", Symbol::as_str);
                    return self.raise(
                        Exception::NameError,
                        format!("name '{name}' is not defined"),
                        span,
                    );
                }
                value
            }
            InstrKind::StoreCell { cell, value } => {
                let value = get!(value);
                if let Value::Cell(cell) = &regs[cell.index()] {
                    let before = std::mem::replace(&mut *cell.borrow_mut(), value);
                    drop(before);
                }
                return Ok(None);
            }
            InstrKind::Delete(reg) => {
                self.delete(function, regs, *reg, span)?;
                return Ok(None);
            }
            InstrKind::Iter(value) => {
                let value = get!(value);
                self.iterator(&value, span)?
            }
            InstrKind::Format(parts) => self.format(function, regs, parts, span)?,
            InstrKind::Enter(manager) => {
                let manager = get!(manager);
                self.enter(&manager, span)?
            }
            InstrKind::Exit { manager, exception } => {
                let (manager, exception) = (get!(manager), get!(exception));
                self.exit(&manager, exception, span)?
            }
            InstrKind::ExceptionMatches { exception, class } => {
                let (exception, class) = (get!(exception), get!(class));
                Value::Bool(self.is_instance(&exception, &class, span)?)
            }
            InstrKind::Input(Some(ty)) => {
                let mut shape = Vec::new();
                for size in ty.shape.iter().flatten() {
                    shape.push(get!(size));
                }
                if ty.shape.is_none() {
                    return self.unsupported("input of unknown shape", span);
                }
                self.input(ty.dtype, &shape, span)?
            }
            InstrKind::Input(None) => return self.unsupported("input of unknown type", span),
            InstrKind::Unknown => Value::Unknown,
            InstrKind::Discard(value) => {
                if let Value::Bound(_) = get!(value) {
                    let place = self.place(span);
                    self.observe(Observation::MethodNotCalled(place));
                }
                // What nothing names is gone, and what it alone kept.
                if let Operand::Reg(reg) = value
                    && function.regs[*reg].name.is_none()
                {
                    regs[reg.index()] = Value::None;
                }
                return Ok(None);
            }
        };
        Ok(Some(value))
    }

    fn delete(&mut self, function: &Function, regs: &mut Regs, reg: Reg, span: Span) -> Res<()> {
        if let (Value::Cell(cell), true) = (&regs[reg.index()], function.regs[reg].is_cell) {
            if matches!(*cell.borrow(), Value::Unbound) {
                let name = function.regs[reg].name.map_or("?", Symbol::as_str);
                return self.raise(
                    Exception::NameError,
                    format!("name '{name}' is not defined"),
                    span,
                );
            }
            let before = std::mem::replace(&mut *cell.borrow_mut(), Value::Unbound);
            drop(before);
            return Ok(());
        }
        if let Value::Unbound = regs[reg.index()] {
            return self.unbound(function, reg, span);
        }
        regs[reg.index()] = Value::Unbound;
        Ok(())
    }

    fn display(
        &mut self,
        function: &Function,
        regs: &Regs,
        parts: &[Element],
        span: Span,
    ) -> Res<Vec<Value>> {
        let mut out = Vec::with_capacity(parts.len());
        for part in parts {
            let value = self.operand(function, regs, &part.value, span)?;
            if part.star {
                out.extend(self.elements(&value, span)?)
            } else {
                out.push(value)
            }
        }
        Ok(out)
    }

    fn dict_display(
        &mut self,
        function: &Function,
        regs: &Regs,
        parts: &[(Option<Operand>, Operand)],
        span: Span,
    ) -> Res<Value> {
        let mut dict = Dict::default();
        for (key, value) in parts {
            let value = self.operand(function, regs, value, span)?;
            match (key, &value) {
                (Some(key), _) => {
                    let key = self.operand(function, regs, key, span)?;
                    self.check_key(&key, span)?;
                    dict.insert(key, value);
                }
                (None, Value::Dict(other)) => other
                    .borrow()
                    .entries
                    .iter()
                    .for_each(|(key, value)| dict.insert(key.clone(), value.clone())),
                (None, _) => {
                    let name = self.type_name(&value);
                    return self.type_error(format!("'{name}' object is not a mapping"), span);
                }
            }
        }
        Ok(Value::Dict(Rc::new(RefCell::new(dict))))
    }

    /// A key must be hashable.
    pub(super) fn check_key(&mut self, key: &Value, span: Span) -> Res<()> {
        match key {
            Value::List(_) | Value::Dict(_) | Value::Set(_) => {
                let name = self.type_name(key);
                self.type_error(format!("unhashable type: '{name}'"), span)
            }
            _ => Ok(()),
        }
    }

    fn format(
        &mut self,
        function: &Function,
        regs: &Regs,
        parts: &[FormatPart],
        span: Span,
    ) -> Res<Value> {
        let mut text = String::new();
        for part in parts {
            match part {
                FormatPart::Text(piece) => text.push_str(piece),
                FormatPart::Value { value, repr, spec } => {
                    let value = self.operand(function, regs, value, span)?;
                    let piece = if *repr {
                        let shown = Value::str(self.repr(&value, span)?);
                        self.format_value(&shown, spec, span)?
                    } else {
                        self.format_value(&value, spec, span)?
                    };
                    text.push_str(&piece);
                }
            }
        }
        self.afford(text.len())?;
        Ok(Value::str(text))
    }

    fn make_class(
        &mut self,
        name: Symbol,
        bases: &[Value],
        members: Dict,
        span: Span,
    ) -> Res<Value> {
        let mut lists: Vec<Vec<Rc<Class>>> = Vec::new();
        let mut exception = None;
        for base in bases {
            match base {
                Value::Builtin(Builtin::Exception(kind)) => exception = Some(*kind),
                Value::Builtin(Builtin::Intrinsic(Intrinsic::Object)) => {}
                Value::Class(class) => {
                    lists.push(
                        [Rc::clone(class)]
                            .into_iter()
                            .chain(class.bases.iter().cloned())
                            .collect(),
                    );
                    exception = exception.or(class.exception);
                }
                _ => return self.unsupported("a class of this base", span),
            }
        }
        lists.push(lists.iter().map(|list| Rc::clone(&list[0])).collect());
        Ok(Value::Class(Rc::new(Class {
            name,
            bases: linearize(lists),
            exception,
            members: RefCell::new(members),
        })))
    }

    /// Enters a context manager.
    fn enter(&mut self, manager: &Value, span: Span) -> Res<Value> {
        match manager {
            Value::Mode(mode) => {
                let before = (self.grad, self.inference);
                self.enter_mode(mode.mode);
                if !mode.at_once {
                    mode.before.borrow_mut().push(before);
                }
                Ok(Value::None)
            }
            _ => match self.class_member(manager, "__enter__") {
                Some(enter) => self.call(&enter, Args::of([manager.clone()]), span),
                None => {
                    let name = self.type_name(manager);
                    self.type_error(
                        format!("'{name}' object does not support the context manager protocol"),
                        span,
                    )
                }
            },
        }
    }

    /// Leaves a context manager.
    fn exit(&mut self, manager: &Value, exception: Value, span: Span) -> Res<Value> {
        if let Value::Mode(mode) = manager {
            let before = match mode.at_once {
                true => mode.before.borrow().last().copied(),
                false => mode.before.borrow_mut().pop(),
            };
            if let Some(before) = before {
                (self.grad, self.inference) = before;
            }
            return Ok(Value::Bool(false));
        }
        let Some(exit) = self.class_member(manager, "__exit__") else {
            return Ok(Value::Bool(false));
        };
        let kind = if let Value::None = exception {
            Value::None
        } else {
            self.type_of(&exception, span)?
        };
        let value = self.call(
            &exit,
            Args::of([manager.clone(), kind, exception, Value::None]),
            span,
        )?;
        Ok(Value::Bool(self.truth(&value, span)?))
    }

    /// Puts a gradient mode in force.
    pub(super) fn enter_mode(&mut self, mode: Mode) {
        match mode {
            Mode::Grad(on) => self.grad = on,
            Mode::Inference(on) => {
                self.inference = on;
                self.grad = !on;
            }
        }
    }

    /// A manager of a mode.
    pub(super) fn manager(mode: Mode, set_before: Option<(bool, bool)>) -> Value {
        Value::Mode(Rc::new(ModeManager {
            mode,
            at_once: set_before.is_some(),
            before: RefCell::new(set_before.into_iter().collect()),
        }))
    }
}

/// The order in which a class's bases are asked (C3).
fn linearize(mut lists: Vec<Vec<Rc<Class>>>) -> Vec<Rc<Class>> {
    let mut out: Vec<Rc<Class>> = Vec::new();
    loop {
        lists.retain(|list| !list.is_empty());
        let Some(first) = lists.first() else {
            return out;
        };
        let is_in = |class: &Rc<Class>, list: &[Rc<Class>]| {
            list.iter().any(|other| Rc::ptr_eq(class, other))
        };
        let good = lists
            .iter()
            .map(|list| &list[0])
            .find(|head| !lists.iter().any(|list| is_in(head, &list[1..])));
        let next = Rc::clone(good.unwrap_or(&first[0]));
        for list in &mut lists {
            list.retain(|class| !Rc::ptr_eq(class, &next));
        }
        out.push(next);
    }
}
