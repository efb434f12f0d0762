//! Calls: binding of arguments, functions, classes, instances.

use std::cell::RefCell;
use std::rc::Rc;

use super::exec::{Regs, new_regs};
use super::value::{Args, Class, Closure, Descriptor, Dict, Exc, Instance, Method, Value};
use super::{Machine, Res};
use crate::index::Idx;
use crate::ir::python::Misfit;
use crate::ir::{Builtin, CallArg, CallArgKind, Function, ParamKind};
use crate::ops::Exception;
use crate::source::Span;
use crate::symbol::Symbol;

/// Python's own bound of calls within calls.
const MAX_DEPTH: usize = 990;

impl Machine<'_> {
    /// Evaluates the arguments of a call.
    pub(super) fn args(
        &mut self,
        function: &Function,
        regs: &Regs,
        args: &[CallArg],
        span: Span,
    ) -> Res<Args> {
        let mut out = Args::default();
        for arg in args {
            let value = self.operand(function, regs, &arg.value, span)?;
            match arg.kind {
                CallArgKind::Positional => out.positional.push(value),
                CallArgKind::Keyword(name) => out.keyword.push((name, value)),
                CallArgKind::Star => out.positional.extend(self.elements(&value, span)?),
                CallArgKind::DoubleStar => match &value {
                    Value::Dict(dict) => {
                        for (key, value) in &dict.borrow().entries {
                            let Value::Str(key) = key else {
                                return self.type_error("keywords must be strings", span);
                            };
                            out.keyword.push((Symbol::intern(key), value.clone()));
                        }
                    }
                    _ => {
                        let name = self.type_name(&value);
                        return self.type_error(
                            format!("argument after ** must be a mapping, not {name}"),
                            span,
                        );
                    }
                },
            }
        }
        Ok(out)
    }

    /// Calls a value.
    pub(super) fn call(&mut self, callee: &Value, args: Args, span: Span) -> Res<Value> {
        match callee {
            Value::Func(closure) => self.call_closure(closure, args, span),
            Value::Bound(bound) => match &bound.1 {
                Method::Func(function) => {
                    self.call(function, args.with_first(bound.0.clone()), span)
                }
                Method::Value(name) => self.value_method(&bound.0, *name, args, span),
                Method::Op(op, in_place) => self.op_method(*op, *in_place, &bound.0, args, span),
                Method::Tensor(attr) => match bound.0.as_tensor() {
                    Some(tensor) => {
                        self.tensor_method(tensor, Symbol::intern(attr.name()), args, span)
                    }
                    None => self.unsupported("a method of a tensor", span),
                },
            },
            Value::Class(class) => self.instantiate(class, args, span),
            Value::Instance(_) => match self.class_member(callee, "__call__") {
                Some(function) => self.call(&function, args.with_first(callee.clone()), span),
                None => self.not_callable(callee, span),
            },
            Value::Builtin(Builtin::Op(op)) => self.op_function(*op, false, args, span),
            Value::Builtin(Builtin::OpInPlace(op)) => self.op_function(*op, true, args, span),
            Value::Builtin(Builtin::Intrinsic(intrinsic)) => self.intrinsic(*intrinsic, args, span),
            Value::Builtin(Builtin::Exception(kind)) => Ok(new_exception(*kind, None, args)),
            Value::Wrapped(wrapped) => {
                let before = (self.grad, self.inference);
                self.enter_mode(wrapped.0);
                let result = self.call(&wrapped.1, args, span);
                (self.grad, self.inference) = before;
                result
            }
            Value::Mode(mode) => match args.positional.first() {
                // As a decorator, `set_grad_enabled` gives the mode back that it set at once.
                Some(function) => {
                    if let (true, Some(&before)) = (mode.at_once, mode.before.borrow().last()) {
                        (self.grad, self.inference) = before;
                    }
                    Ok(Value::Wrapped(Rc::new((mode.mode, function.clone()))))
                }
                None => self.not_callable(callee, span),
            },
            Value::Descriptor(descriptor) if descriptor.0 == Descriptor::Static => {
                self.call(&descriptor.1, args, span)
            }
            Value::Unknown => self.unsupported("a call of something unknown", span),
            _ => self.not_callable(callee, span),
        }
    }

    fn not_callable(&mut self, callee: &Value, span: Span) -> Res<Value> {
        let name = self.type_name(callee);
        self.type_error(format!("'{name}' object is not callable"), span)
    }

    fn call_closure(&mut self, closure: &Rc<Closure>, args: Args, span: Span) -> Res<Value> {
        let program = self.program;
        let function = &program.functions[closure.function];
        let mut regs = new_regs(function);
        for (&reg, cell) in function.captures.iter().zip(&closure.captures) {
            regs[reg.index()] = Value::Cell(Rc::clone(cell));
        }
        self.bind_params(&mut regs, function, closure, args, span)?;
        if self.calls.len() >= MAX_DEPTH {
            return self.raise(
                Exception::RecursionError,
                "maximum recursion depth exceeded",
                span,
            );
        }
        self.calls.push(span);
        let result = self.run_function(closure.function, &mut regs);
        self.calls.pop();
        result
    }

    fn bind_params(
        &mut self,
        regs: &mut Regs,
        function: &Function,
        closure: &Closure,
        args: Args,
        span: Span,
    ) -> Res<()> {
        let Args {
            positional,
            mut keyword,
        } = args;
        let given = positional.len();
        let mut positional = positional.into_iter();
        let mut defaults = closure.defaults.iter();
        let mut missing = Vec::new();
        let mut by_name = 0;
        let mut rest = None;
        for param in &function.params {
            let default = param
                .has_default
                .then(|| defaults.next().cloned())
                .flatten();
            let value = match param.kind {
                ParamKind::VarArgs => Value::tuple(positional.by_ref().collect()),
                ParamKind::KwArgs => {
                    rest = Some(param.reg);
                    continue;
                }
                ParamKind::Normal | ParamKind::KeywordOnly => {
                    let next = if param.kind == ParamKind::Normal {
                        positional.next()
                    } else {
                        None
                    };
                    let named = keyword
                        .iter()
                        .position(|(name, _)| *name == param.name)
                        .map(|at| keyword.remove(at).1);
                    by_name += usize::from(param.kind == ParamKind::KeywordOnly && named.is_some());
                    match (next, named, default) {
                        (Some(_), Some(_), _) => {
                            return self.type_error(
                                format!(
                                    "{}() got multiple values for argument '{}'",
                                    function.qualified_name, param.name
                                ),
                                span,
                            );
                        }
                        (Some(value), None, _)
                        | (None, Some(value), _)
                        | (None, None, Some(value)) => value,
                        (None, None, None) => {
                            missing.push(param.name);
                            Value::None
                        }
                    }
                }
            };
            regs[param.reg.index()] = value;
        }
        if let Some(reg) = rest {
            let mut dict = Dict::default();
            keyword
                .drain(..)
                .for_each(|(name, value)| dict.insert(Value::str(name.as_str()), value));
            regs[reg.index()] = Value::Dict(Rc::new(RefCell::new(dict)));
        }
        let misfit = Misfit {
            function,
            missing,
            unexpected: keyword.first().map(|(name, _)| *name),
            too_many: positional.next().map(|_| given),
            by_name,
        };
        match misfit.text() {
            Some(text) => self.type_error(text, span),
            None => Ok(()),
        }
    }

    fn instantiate(&mut self, class: &Rc<Class>, args: Args, span: Span) -> Res<Value> {
        if let Some(kind) = class.exception {
            let value = new_exception(kind, Some(Rc::clone(class)), args.clone());
            if let Some(init) = self.find_member(class, "__init__") {
                self.call(&init, args.with_first(value.clone()), span)?;
            }
            return Ok(value);
        }
        let object = Value::Instance(Rc::new(Instance {
            class: Rc::clone(class),
            attrs: Rc::default(),
        }));
        for setup in self.all_members(class, "__setup__") {
            self.call(&setup, Args::of([object.clone()]), span)?;
        }
        match self.find_member(class, "__init__") {
            Some(init) => {
                self.call(&init, args.with_first(object.clone()), span)?;
            }
            None if !args.positional.is_empty() || !args.keyword.is_empty() => {
                return self.type_error(format!("{}() takes no arguments", class.name), span);
            }
            None => {}
        }
        Ok(object)
    }

    /// `raise value`
    pub(super) fn raise_value<T>(&mut self, value: Value, span: Span) -> Res<T> {
        let value = match &value {
            Value::Builtin(Builtin::Exception(kind)) => new_exception(*kind, None, Args::default()),
            Value::Class(class) if class.exception.is_some() => {
                self.call(&value, Args::default(), span)?
            }
            _ => value,
        };
        match value {
            Value::Exception(exc) => self.throw(exc, span),
            _ => self.type_error("exceptions must derive from BaseException", span),
        }
    }

    /// `object.name(args)`
    pub(super) fn call_method(
        &mut self,
        object: &Value,
        name: Symbol,
        args: Args,
        span: Span,
    ) -> Res<Value> {
        if let Value::Tensor(tensor) = object {
            return self.tensor_method(tensor, name, args, span);
        }
        if self.has_value_method(object, name.as_str()) {
            return self.value_method(object, name, args, span);
        }
        if let Value::Unknown = object {
            return self.unsupported("a method of something unknown", span);
        }
        // A closure computes the gradients within the step.
        let has_closure = !(args.positional.is_empty() && args.keyword.is_empty());
        let before = match has_closure {
            true => None,
            false => self.seen_of_step(object, name, span),
        };
        let callee = self.get_attr(object, name, span)?;
        let result = self.call(&callee, args, span)?;
        let seen = match has_closure {
            true => self.seen_of_step(object, name, span),
            false => before,
        };
        if let Some(step) = seen {
            self.observe(step);
        }
        Ok(result)
    }
}

/// An exception object.
pub(super) fn new_exception(kind: Exception, class: Option<Rc<Class>>, args: Args) -> Value {
    Value::Exception(Rc::new(Exc {
        kind,
        class,
        args: args.positional.to_vec(),
        attrs: Rc::default(),
        place: RefCell::new(None),
    }))
}
