//! Classes, and what their members are to an object.

use std::rc::Rc;

use super::outcome::Observation;
use super::value::{Args, Class, Descriptor, Method, Value};
use super::{Machine, Res};
use crate::source::Span;
use crate::symbol::Symbol;

impl Machine<'_> {
    /// The class of an object that has one of the program's.
    pub(super) fn class_of(value: &Value) -> Option<&Rc<Class>> {
        match value {
            Value::Instance(instance) => Some(&instance.class),
            Value::Exception(exc) => exc.class.as_ref(),
            _ => None,
        }
    }

    /// The member of a class or its bases.
    pub(super) fn find_member(&self, class: &Rc<Class>, name: &str) -> Option<Value> {
        let find = |class: &Rc<Class>| class.members.borrow().named(name).cloned();
        find(class).or_else(|| class.bases.iter().find_map(find))
    }

    /// The function of this name in the class of an object.
    pub(super) fn class_member(&self, object: &Value, name: &str) -> Option<Value> {
        Machine::class_of(object).and_then(|class| self.find_member(class, name))
    }

    /// The members of this name in a class and its bases, base first.
    pub(super) fn all_members(&self, class: &Rc<Class>, name: &str) -> Vec<Value> {
        let classes = class.bases.iter().rev().chain([class]);
        classes
            .filter_map(|class| class.members.borrow().named(name).cloned())
            .collect()
    }

    /// Whether `class` is `base` or derives from it.
    pub(super) fn derives_from(class: &Rc<Class>, base: &Rc<Class>) -> bool {
        Rc::ptr_eq(class, base) || class.bases.iter().any(|other| Rc::ptr_eq(other, base))
    }

    /// A member of an object's class, as seen through the object.
    pub(super) fn bind_member(&mut self, object: &Value, member: Value, span: Span) -> Res<Value> {
        match &member {
            Value::Func(_) | Value::Wrapped(_) => Ok(Value::Bound(Rc::new((
                object.clone(),
                Method::Func(member),
            )))),
            Value::Descriptor(descriptor) => match descriptor.0 {
                Descriptor::Property => self.call(&descriptor.1, Args::of([object.clone()]), span),
                Descriptor::Static => Ok(descriptor.1.clone()),
                Descriptor::Class => {
                    let class = self.type_of(object, span)?;
                    Ok(Value::Bound(Rc::new((
                        class,
                        Method::Func(descriptor.1.clone()),
                    ))))
                }
            },
            _ => Ok(member),
        }
    }

    /// What is seen of an optimizer's step: how many of its parameters have no gradient, so that it passes over them.
    pub(super) fn seen_of_step(
        &mut self,
        object: &Value,
        name: Symbol,
        span: Span,
    ) -> Option<Observation> {
        let Value::Instance(instance) = object else {
            return None;
        };
        if name.as_str() != "step" {
            return None;
        }
        let groups = instance.attrs.borrow().named("param_groups").cloned()?;
        let Value::List(groups) = groups else {
            return None;
        };
        let (mut all, mut none, mut frozen) = (0, 0, 0);
        for group in groups.borrow().iter() {
            let Value::Dict(group) = group else { continue };
            let Some(Value::List(params)) = group.borrow().named("params").cloned() else {
                continue;
            };
            for param in params.borrow().iter().filter_map(Value::as_tensor) {
                all += 1;
                let is_none = param.grad.borrow().is_none();
                none += usize::from(is_none);
                frozen += usize::from(is_none && !param.requires_grad());
            }
        }
        let span = self.place(span);
        (none > 0).then_some(Observation::StepSkipped {
            span,
            none,
            all,
            frozen,
        })
    }
}
