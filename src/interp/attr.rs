//! Attributes: of instances, classes, exceptions and plain values. A tensor's own are in [`tensor_attr`](super::tensor_attr).

use std::cell::RefCell;
use std::rc::Rc;

use super::value::{Args, Class, Descriptor, Dict, Edge, Method, Node, Value};
use super::{Machine, Res};
use crate::ir::{Builtin, Intrinsic};
use crate::ops::{Exception, known};
use crate::source::Span;
use crate::symbol::Symbol;

impl Machine<'_> {
    /// `object.name`
    pub(super) fn get_attr(&mut self, object: &Value, name: Symbol, span: Span) -> Res<Value> {
        match object {
            Value::Unknown => self.unsupported("an attribute of something unknown", span),
            Value::Tensor(tensor) => self.tensor_attr(tensor, name, span),
            Value::Instance(instance) => {
                let (class, attrs) = (Rc::clone(&instance.class), Rc::clone(&instance.attrs));
                self.instance_attr(object, &class, &attrs, name, span)
            }
            Value::Class(class) => self.class_attr(object, class, name, span),
            Value::Exception(exc) => {
                if name.as_str() == "args" {
                    return Ok(Value::tuple(exc.args.clone()));
                }
                let attrs = Rc::clone(&exc.attrs);
                match &exc.class {
                    Some(class) => {
                        self.instance_attr(object, &Rc::clone(class), &attrs, name, span)
                    }
                    None => match attrs.borrow().named(name.as_str()).cloned() {
                        Some(value) => Ok(value),
                        None => self.value_attr(object, name, span),
                    },
                }
            }
            Value::Super(inner) => self.super_attr(&inner.0, &inner.1, name, span),
            Value::Func(closure) if matches!(name.as_str(), "__name__" | "__qualname__") => {
                let function = &self.program.functions[closure.function];
                Ok(if name.as_str() == "__name__" {
                    Value::str(function.name.as_str())
                } else {
                    Value::Str(Rc::clone(&function.qualified_name))
                })
            }
            Value::Wrapped(wrapped) if name.as_str() == "__name__" => {
                self.get_attr(&wrapped.1.clone(), name, span)
            }
            Value::Bound(bound) if name.as_str() == "__name__" => match &bound.1 {
                Method::Func(function) => self.get_attr(&function.clone(), name, span),
                Method::Value(name) => Ok(Value::str(name.as_str())),
                Method::Tensor(attr) => Ok(Value::str(attr.name())),
                Method::Op(op, _) => Ok(Value::str(crate::ops::bind::called(
                    crate::ops::table::row(*op),
                ))),
            },
            Value::Builtin(builtin) if matches!(name.as_str(), "__name__" | "__qualname__") => {
                Ok(Value::str(builtin_name(builtin)))
            }
            _ => self.value_attr(object, name, span),
        }
    }

    fn value_attr(&mut self, object: &Value, name: Symbol, span: Span) -> Res<Value> {
        if name.as_str() == "__class__" {
            return self.type_of(object, span);
        }
        if let Some(value) = self.plain_attr(object, name.as_str()) {
            return Ok(value);
        }
        if self.has_value_method(object, name.as_str()) {
            return Ok(Value::Bound(Rc::new((object.clone(), Method::Value(name)))));
        }
        self.no_attribute(object, name, span)
    }

    fn plain_attr(&mut self, object: &Value, name: &str) -> Option<Value> {
        Some(match (object, name) {
            // The results of `max(dim)`, `sort`, `topk` have names.
            (Value::Tuple(values, false), "values") => values.first()?.clone(),
            (Value::Tuple(values, false), "indices") => values.get(1)?.clone(),
            (Value::Slice(parts), "start") => parts[0].clone(),
            (Value::Slice(parts), "stop") => parts[1].clone(),
            (Value::Slice(parts), "step") => parts[2].clone(),
            (Value::Range(start, ..), "start") => Value::Int(*start),
            (Value::Range(_, stop, _), "stop") => Value::Int(*stop),
            (Value::Range(_, _, step), "step") => Value::Int(*step),
            (Value::Dtype(dtype), "is_floating_point") => Value::Bool(dtype.is_floating()),
            (Value::Device, "type") => Value::str("cpu"),
            (Value::Device, "index") => Value::None,
            (Value::GradFn(node), "next_functions") => next_functions(node),
            (Value::Accumulate(_), "next_functions") => Value::tuple(Vec::new()),
            (Value::Accumulate(tensor), "variable") => Value::Tensor(Rc::clone(tensor)),
            _ => return None,
        })
    }

    /// The exception for an attribute that is not there.
    pub(super) fn no_attribute<T>(&mut self, object: &Value, name: Symbol, span: Span) -> Res<T> {
        if matches!(object, Value::Tensor(_)) && known::is_of_tensor(name.as_str()) {
            return self.unsupported(format!("`{name}` of a tensor"), span);
        }
        let text = match object {
            Value::Class(class) => {
                format!("type object '{}' has no attribute '{name}'", class.name)
            }
            _ => format!(
                "'{}' object has no attribute '{name}'",
                self.type_name(object)
            ),
        };
        self.raise(Exception::AttributeError, text, span)
    }

    fn instance_attr(
        &mut self,
        object: &Value,
        class: &Rc<Class>,
        attrs: &Rc<RefCell<Dict>>,
        name: Symbol,
        span: Span,
    ) -> Res<Value> {
        match name.as_str() {
            "__dict__" => return Ok(Value::Dict(Rc::clone(attrs))),
            "__class__" => return Ok(Value::Class(Rc::clone(class))),
            _ => {}
        }
        let member = self.find_member(class, name.as_str());
        let is_property = matches!(&member, Some(Value::Descriptor(descriptor)) if descriptor.0 == Descriptor::Property);
        let own = attrs.borrow().named(name.as_str()).cloned();
        if let (Some(value), false) = (own, is_property) {
            return Ok(value);
        }
        if let Some(member) = member {
            return self.bind_member(object, member, span);
        }
        match self.find_member(class, "__getattr__") {
            Some(getattr) => self.call(
                &getattr,
                Args::of([object.clone(), Value::str(name.as_str())]),
                span,
            ),
            None => self.no_attribute(object, name, span),
        }
    }

    fn class_attr(
        &mut self,
        object: &Value,
        class: &Rc<Class>,
        name: Symbol,
        span: Span,
    ) -> Res<Value> {
        match name.as_str() {
            "__name__" | "__qualname__" => return Ok(Value::str(class.name.as_str())),
            "__mro__" => {
                let mro = [Rc::clone(class)]
                    .into_iter()
                    .chain(class.bases.iter().cloned())
                    .map(Value::Class)
                    .collect();
                return Ok(Value::tuple(mro));
            }
            _ => {}
        }
        match self.find_member(class, name.as_str()) {
            Some(Value::Descriptor(descriptor)) => Ok(match descriptor.0 {
                Descriptor::Static => descriptor.1.clone(),
                Descriptor::Class => Value::Bound(Rc::new((
                    object.clone(),
                    Method::Func(descriptor.1.clone()),
                ))),
                Descriptor::Property => Value::Descriptor(descriptor),
            }),
            Some(member) => Ok(member),
            None if name.as_str() == "__init__" => {
                Ok(Value::Builtin(Builtin::Intrinsic(Intrinsic::Object)))
            }
            None => self.no_attribute(object, name, span),
        }
    }

    fn super_attr(
        &mut self,
        class: &Value,
        object: &Value,
        name: Symbol,
        span: Span,
    ) -> Res<Value> {
        let Value::Class(class) = class else {
            return self.unsupported("super() without a class", span);
        };
        let own = match object {
            Value::Class(own) => Rc::clone(own),
            _ => match Machine::class_of(object) {
                Some(own) => Rc::clone(own),
                None => return self.unsupported("super() of this object", span),
            },
        };
        let mro: Vec<Rc<Class>> = [Rc::clone(&own)]
            .into_iter()
            .chain(own.bases.iter().cloned())
            .collect();
        let after = mro
            .iter()
            .position(|base| Rc::ptr_eq(base, class))
            .map_or(0, |at| at + 1);
        let member = mro[after..]
            .iter()
            .find_map(|base| base.members.borrow().named(name.as_str()).cloned());
        match (member, name.as_str(), object) {
            (Some(member), ..) => self.bind_member(object, member, span),
            (None, "__init__", Value::Exception(_)) => {
                Ok(Value::Builtin(Builtin::Intrinsic(Intrinsic::Object)))
            }
            // `object` has an `__init__` that takes nothing, and plain attributes.
            (None, "__init__", _) => Ok(Value::Builtin(Builtin::Intrinsic(Intrinsic::Object))),
            (None, "__setattr__", Value::Instance(_)) => {
                self.unsupported("super().__setattr__ of a plain object", span)
            }
            _ => {
                let text = format!("'super' object has no attribute '{name}'");
                self.raise(Exception::AttributeError, text, span)
            }
        }
    }

    /// `object.name = value`
    pub(super) fn set_attr(
        &mut self,
        object: &Value,
        name: Symbol,
        value: Value,
        span: Span,
    ) -> Res<()> {
        match object {
            Value::Tensor(tensor) => self.set_tensor_attr(tensor, name, value, span),
            Value::Instance(instance) => {
                if let Some(setter) = self.find_member(&instance.class, "__setattr__") {
                    self.call(
                        &setter,
                        Args::of([object.clone(), Value::str(name.as_str()), value]),
                        span,
                    )?;
                    return Ok(());
                }
                if let Some(Value::Descriptor(descriptor)) =
                    self.find_member(&instance.class, name.as_str())
                    && descriptor.0 == Descriptor::Property
                {
                    let class = instance.class.name;
                    return self.raise(
                        Exception::AttributeError,
                        format!("property '{name}' of '{class}' object has no setter"),
                        span,
                    );
                }
                instance
                    .attrs
                    .borrow_mut()
                    .insert(Value::str(name.as_str()), value);
                Ok(())
            }
            Value::Exception(exc) => {
                exc.attrs
                    .borrow_mut()
                    .insert(Value::str(name.as_str()), value);
                Ok(())
            }
            Value::Class(class) => {
                class
                    .members
                    .borrow_mut()
                    .insert(Value::str(name.as_str()), value);
                Ok(())
            }
            Value::Unknown | Value::Func(_) | Value::Wrapped(_) => {
                self.unsupported("an attribute set on this", span)
            }
            _ => {
                let text = format!(
                    "'{}' object has no attribute '{name}'",
                    self.type_name(object)
                );
                self.raise(Exception::AttributeError, text, span)
            }
        }
    }

    /// `del object.name`
    pub(super) fn del_attr(&mut self, object: &Value, name: Symbol, span: Span) -> Res<()> {
        let key = Value::str(name.as_str());
        match object {
            Value::Instance(instance) => {
                if let Some(deleter) = self.find_member(&instance.class, "__delattr__") {
                    self.call(&deleter, Args::of([object.clone(), key]), span)?;
                    return Ok(());
                }
                let removed = instance.attrs.borrow_mut().remove(&key);
                match removed {
                    Some(_) => Ok(()),
                    None => self.no_attribute(object, name, span),
                }
            }
            Value::Tensor(tensor) if name.as_str() == "grad" => {
                *tensor.grad.borrow_mut() = None;
                Ok(())
            }
            _ => self.no_attribute(object, name, span),
        }
    }
}

fn next_functions(node: &Rc<Node>) -> Value {
    let edges = node.edges.borrow();
    let pairs = edges.iter().map(|edge| match edge {
        Edge::Null => Value::tuple(vec![Value::None, Value::Int(0)]),
        Edge::Leaf(tensor) => {
            Value::tuple(vec![Value::Accumulate(Rc::clone(tensor)), Value::Int(0)])
        }
        Edge::Node(node, output) => Value::tuple(vec![
            Value::GradFn(Rc::clone(node)),
            Value::Int(*output as i64),
        ]),
    });
    Value::tuple(pairs.collect())
}

/// Python's name of a builtin.
pub(super) fn builtin_name(builtin: &Builtin) -> &'static str {
    match builtin {
        Builtin::Op(op) | Builtin::OpInPlace(op) => {
            crate::ops::bind::called(crate::ops::table::row(*op))
        }
        Builtin::Intrinsic(intrinsic) => intrinsic.name().rsplit('.').next().unwrap_or(""),
        Builtin::Dtype(dtype) => dtype.torch_name(),
        Builtin::Exception(kind) => kind.name(),
        Builtin::Float(_) => "float",
    }
}
