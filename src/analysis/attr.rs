//! Attributes: of instances, classes, modules, exceptions. A tensor's own are in [`tensor_attr`](super::tensor_attr).

use std::rc::Rc;

use rustc_hash::FxHashSet;

use super::call::Args;
use super::fact::{FactKind, Failure};
use super::story::{Happened, Source, Step};
use super::value::{Class, Descriptor, Method, Obj, ObjId, Val};
use super::world::World;
use super::{Analyzer, Res};
use crate::ir::{Builtin, Intrinsic};
use crate::ops::Exception;
use crate::source::Span;
use crate::symbol::Symbol;

/// Flags that people misspell, by what they mean. A module has no such flag at all: `requires_grad_()` is a method.
const MISSPELT: &[(&str, &str)] = &[
    ("require_grad", "requires_grad"),
    ("required_grad", "requires_grad"),
    ("requires_gradient", "requires_grad"),
    ("require_gradient", "requires_grad"),
    ("requries_grad", "requires_grad"),
    ("requires_grads", "requires_grad"),
    ("retain_grads", "retain_grad()"),
    ("gradient", "grad"),
];

impl Analyzer<'_> {
    /// `object.name`
    pub(super) fn get_attr(
        &mut self,
        world: &mut World,
        object: &Val,
        name: Symbol,
        span: Span,
    ) -> Res<Val> {
        match object {
            Val::Unknown => Ok(Val::Unknown),
            Val::Outside => Ok(self.outside_attr(name)),
            Val::Obj(id) => match world.obj(*id).cloned() {
                Some(Obj::Tensor(_)) => self.tensor_attr(world, *id, name, span),
                Some(Obj::Instance(instance)) => {
                    self.instance_attr(world, object, instance.class, instance.attrs, name, span)
                }
                Some(Obj::Class(class)) => self.class_attr(world, object, &class, name, span),
                Some(Obj::Exception(exc)) => match name.as_str() {
                    "args" => Ok(Val::tuple(exc.args.clone())),
                    _ => self.no_attribute(world, object, name, span),
                },
                Some(Obj::Opaque) => Ok(Val::Unknown),
                _ => self.value_attr(world, object, name, span),
            },
            Val::Super(inner) => self.super_attr(world, inner.0, &inner.1, name, span),
            Val::Func(closure) if name.as_str() == "__name__" => Ok(Val::str(
                self.program.functions[closure.function].name.as_str(),
            )),
            Val::Builtin(builtin) if name.as_str() == "__name__" => {
                Ok(Val::str(builtin_name(builtin)))
            }
            _ => self.value_attr(world, object, name, span),
        }
    }

    fn value_attr(
        &mut self,
        world: &mut World,
        object: &Val,
        name: Symbol,
        span: Span,
    ) -> Res<Val> {
        if name.as_str() == "__class__" {
            return Ok(self.type_of(world, object));
        }
        if let Some(value) = self.plain_attr(object, name) {
            return Ok(value);
        }
        if self.has_value_method(world, object, name) {
            return Ok(Val::Bound(Rc::new((object.clone(), Method::Value(name)))));
        }
        self.no_attribute(world, object, name, span)
    }

    fn plain_attr(&mut self, object: &Val, name: Symbol) -> Option<Val> {
        match (object, name.as_str()) {
            // The results of `max(dim)`, `sort`, `topk` have names.
            (Val::Tuple(values, false), "values") => values.first().cloned(),
            (Val::Tuple(values, false), "indices") => values.get(1).cloned(),
            (Val::Slice(parts), "start") => Some(parts[0].clone()),
            (Val::Slice(parts), "stop") => Some(parts[1].clone()),
            (Val::Slice(parts), "step") => Some(parts[2].clone()),
            (Val::Dtype(dtype), "is_floating_point") => Some(Val::Bool(Some(dtype.is_floating()))),
            (Val::GradFn(_), "next_functions") => Some(Val::Unknown),
            _ => None,
        }
    }

    /// The exception for an attribute that is not there. Of a gradient that is none, it says why.
    pub(super) fn no_attribute(
        &mut self,
        world: &mut World,
        object: &Val,
        name: Symbol,
        span: Span,
    ) -> Res<Val> {
        // A `None` that stands in the program, as a default does, may not get here: conditions on what is not known go
        // together in ways that are not seen.
        let is_plain_none = matches!(object, Val::None(_)) && self.is_plain_none(object);
        let may_be_another = is_plain_none && self.is_vague_way(world);
        if may_be_another || (self.program.lenient && self.may_have(world, object, name)) {
            self.lose(span, "an attribute that is not modelled");
            return Ok(Val::Unknown);
        }
        let message = format!(
            "'{}' object has no attribute '{name}'",
            self.type_name(world, object)
        );
        let message = match object {
            Val::Obj(id) if matches!(world.obj(*id), Some(Obj::Class(_))) => {
                format!(
                    "type object '{}' has no attribute '{name}'",
                    self.class_name(world, *id)
                )
            }
            _ => message,
        };
        let failure = match object {
            Val::None(_) => self.none_failure(object),
            Val::Float(..) | Val::Int(..) if name.as_str() == "backward" => Failure::NotATensor,
            _ => Failure::Other,
        };
        let failure = if failure == Failure::NoneValue && name.as_str() == "backward" {
            Failure::NotATensor
        } else {
            failure
        };
        let subject = object.clone();
        self.raise(world, span, failure, Exception::AttributeError, message)
            .map_err(|raise| self.about(world, raise, &subject))
    }

    /// Whether a `None` is neither a gradient nor what a function without a result gives.
    fn is_plain_none(&self, value: &Val) -> bool {
        self.origins.get(value.origin()).source == Source::Nowhere
    }

    /// Which failure the use of a `None` is.
    pub(super) fn none_failure(&self, value: &Val) -> Failure {
        match self.origins.get(value.origin()).source {
            Source::GradRead(_) => Failure::NoneGradient,
            _ => Failure::NoneValue,
        }
    }

    /// Which failure the use of a value that does not fit is.
    pub(super) fn failure_of(&self, value: &Val) -> Failure {
        match value {
            Val::None(_) => self.none_failure(value),
            _ => Failure::Other,
        }
    }

    /// A `TypeError` about a value, with what is known of where it comes from.
    pub(super) fn refuse_value<T>(
        &mut self,
        world: &mut World,
        value: &Val,
        text: String,
        span: Span,
    ) -> Res<T> {
        let failure = self.failure_of(value);
        self.raise(world, span, failure, Exception::TypeError, text)
            .map_err(|raise| self.about(world, raise, value))
    }

    fn instance_attr(
        &mut self,
        world: &mut World,
        object: &Val,
        class: ObjId,
        attrs: ObjId,
        name: Symbol,
        span: Span,
    ) -> Res<Val> {
        if name.as_str() == "__dict__" {
            return Ok(Val::Obj(attrs));
        }
        if name.as_str() == "__class__" {
            return Ok(Val::Obj(class));
        }
        let key = Val::str(name.as_str());
        if let Some(value) = world.dict(attrs).and_then(|dict| dict.get(&key)) {
            return Ok(value.clone());
        }
        if let Some(member) = self.find_member(world, class, name) {
            return self.bind_member(world, object, member, span);
        }
        if world.dict(attrs).is_none_or(|dict| dict.open) || self.class_is_open(world, class) {
            let registered = self.registered(world, attrs, &key);
            return Ok(registered.unwrap_or(Val::Unknown));
        }
        match self.find_member(world, class, Symbol::intern("__getattr__")) {
            Some(_) if self.is_module_name(name) => Ok(Val::Unknown),
            Some(getattr) => self.call(world, getattr, Args::of([object.clone(), key]), span),
            None => self.no_attribute(world, object, name, span),
        }
    }

    /// A member of an object's class, as seen through the object.
    fn bind_member(
        &mut self,
        world: &mut World,
        object: &Val,
        member: Val,
        span: Span,
    ) -> Res<Val> {
        match &member {
            Val::Func(_) => Ok(Val::Bound(Rc::new((object.clone(), Method::Func(member))))),
            Val::Obj(id) => match world.obj(*id).cloned() {
                Some(Obj::Descriptor(Descriptor::Property, getter)) => {
                    self.call(world, getter, Args::of([object.clone()]), span)
                }
                Some(Obj::Descriptor(Descriptor::Static, function)) => Ok(function),
                Some(Obj::Descriptor(Descriptor::Class, function)) => {
                    let class = self.type_of(world, object);
                    Ok(Val::Bound(Rc::new((class, Method::Func(function)))))
                }
                Some(Obj::Wrapped(_)) => {
                    Ok(Val::Bound(Rc::new((object.clone(), Method::Func(member)))))
                }
                _ => Ok(member),
            },
            _ => Ok(member),
        }
    }

    fn class_attr(
        &mut self,
        world: &mut World,
        object: &Val,
        class: &Rc<Class>,
        name: Symbol,
        span: Span,
    ) -> Res<Val> {
        if name.as_str() == "__name__" {
            return Ok(Val::str(class.name.as_str()));
        }
        for &base in class.mro.iter() {
            let Some(Obj::Class(base)) = world.obj(base) else {
                continue;
            };
            let Some((_, member)) = base.members.iter().find(|(key, _)| *key == name) else {
                continue;
            };
            let member = member.clone();
            return Ok(match &member {
                Val::Obj(id) => match world.obj(*id) {
                    Some(Obj::Descriptor(Descriptor::Static, function)) => function.clone(),
                    Some(Obj::Descriptor(Descriptor::Class, function)) => {
                        Val::Bound(Rc::new((object.clone(), Method::Func(function.clone()))))
                    }
                    _ => member,
                },
                _ => member,
            });
        }
        if class.open {
            Ok(Val::Unknown)
        } else {
            self.no_attribute(world, object, name, span)
        }
    }

    fn super_attr(
        &mut self,
        world: &mut World,
        class: ObjId,
        object: &Val,
        name: Symbol,
        span: Span,
    ) -> Res<Val> {
        let Some(instance) = world.instance(object) else {
            return Ok(Val::Unknown);
        };
        let Some(Obj::Class(own)) = world.obj(instance.class).cloned() else {
            return Ok(Val::Unknown);
        };
        let after = own
            .mro
            .iter()
            .position(|&base| base == class)
            .map_or(0, |at| at + 1);
        let bases: Vec<ObjId> = own.mro[after..].to_vec();
        for base in bases {
            if let Some(Obj::Class(base)) = world.obj(base)
                && let Some((_, member)) = base.members.iter().find(|(key, _)| *key == name)
            {
                let member = member.clone();
                return self.bind_member(world, object, member, span);
            }
        }
        // `object` has an `__init__` that takes nothing.
        if name.as_str() == "__init__" && !own.open {
            return Ok(Val::Builtin(Builtin::Intrinsic(Intrinsic::Object)));
        }
        if own.open {
            Ok(Val::Unknown)
        } else {
            self.no_attribute(
                world,
                &Val::Super(Rc::new((class, object.clone()))),
                name,
                span,
            )
        }
    }

    /// The member of a class or its bases.
    pub(super) fn find_member(&self, world: &World, class: ObjId, name: Symbol) -> Option<Val> {
        let Some(Obj::Class(own)) = world.obj(class) else {
            return None;
        };
        own.mro.iter().find_map(|&base| match world.obj(base) {
            Some(Obj::Class(base)) => base
                .members
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| value.clone()),
            _ => None,
        })
    }

    fn class_is_open(&self, world: &World, class: ObjId) -> bool {
        matches!(world.obj(class), Some(Obj::Class(class)) if class.open)
    }

    /// The function of this name in the class of an instance; unknown where a base that is not known may have it.
    pub(super) fn class_member(&self, world: &World, object: &Val, name: &str) -> Option<Val> {
        let instance = world.instance(object)?;
        self.find_member(world, instance.class, Symbol::intern(name))
            .or_else(|| {
                self.class_is_open(world, instance.class)
                    .then_some(Val::Unknown)
            })
    }

    /// All functions of this name among the class and its bases, bases first.
    pub(super) fn all_members(&self, world: &World, class: &Class, name: &str) -> Vec<Val> {
        let name = Symbol::intern(name);
        let member = |&base: &ObjId| match world.obj(base) {
            Some(Obj::Class(base)) => base
                .members
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| value.clone()),
            _ => None,
        };
        class.mro.iter().rev().filter_map(member).collect()
    }

    /// The bound method, if it is a function of the language and finding it runs no code.
    pub(super) fn method_in_language(
        &mut self,
        world: &World,
        object: &Val,
        name: Symbol,
    ) -> Option<Val> {
        match object {
            Val::Obj(id) => match world.obj(*id)? {
                Obj::Instance(instance) => {
                    let key = Val::str(name.as_str());
                    if let Some(value) = world.dict(instance.attrs).and_then(|dict| dict.get(&key))
                    {
                        return Some(value.clone());
                    }
                    if let Some(module) = self.registered(world, instance.attrs, &key) {
                        return Some(module);
                    }
                    match self.find_member(world, instance.class, name)? {
                        member @ Val::Func(_) => {
                            Some(Val::Bound(Rc::new((object.clone(), Method::Func(member)))))
                        }
                        Val::Obj(id) => match world.obj(id) {
                            Some(Obj::Descriptor(Descriptor::Static, function)) => {
                                Some(function.clone())
                            }
                            Some(Obj::Wrapped(wrapped)) => {
                                let bound = Val::Bound(Rc::new((
                                    object.clone(),
                                    Method::Func(wrapped.1.clone()),
                                )));
                                let _ = bound;
                                None
                            }
                            _ => None,
                        },
                        _ => None,
                    }
                }
                Obj::Class(class) => {
                    let member = class.mro.iter().find_map(|&base| match world.obj(base) {
                        Some(Obj::Class(base)) => base
                            .members
                            .iter()
                            .find(|(key, _)| *key == name)
                            .map(|(_, value)| value.clone()),
                        _ => None,
                    })?;
                    matches!(member, Val::Func(_)).then_some(member)
                }
                _ => None,
            },
            Val::Super(inner) => {
                let instance = world.instance(&inner.1)?;
                let Some(Obj::Class(own)) = world.obj(instance.class) else {
                    return None;
                };
                let after = own.mro.iter().position(|&base| base == inner.0)? + 1;
                let member = own.mro[after..]
                    .iter()
                    .find_map(|&base| match world.obj(base) {
                        Some(Obj::Class(base)) => base
                            .members
                            .iter()
                            .find(|(key, _)| *key == name)
                            .map(|(_, value)| value.clone()),
                        _ => None,
                    })?;
                matches!(member, Val::Func(_))
                    .then(|| Val::Bound(Rc::new((inner.1.clone(), Method::Func(member)))))
            }
            _ => None,
        }
    }

    /// What a module has registered under the name: saves a call of its `__getattr__`, which would give the same.
    pub(super) fn registered(&self, world: &World, attrs: ObjId, key: &Val) -> Option<Val> {
        let attrs = world.dict(attrs)?;
        ["_parameters", "_modules"].into_iter().find_map(|table| {
            let Val::Obj(table) = attrs.get(&Val::str(table))? else {
                return None;
            };
            world.dict(*table)?.get(key).cloned()
        })
    }

    /// `object.name = value`
    pub(super) fn set_attr(
        &mut self,
        world: &mut World,
        object: &Val,
        name: Symbol,
        value: Val,
        span: Span,
    ) -> Res<()> {
        match object {
            Val::Unknown => {
                self.escape(&value);
                Ok(())
            }
            Val::Outside => {
                self.change_outside(Some(name), &value);
                Ok(())
            }
            Val::Obj(id) => match world.obj(*id).cloned() {
                Some(Obj::Tensor(_)) => {
                    self.check_spelling(world, name, span);
                    self.set_tensor_attr(world, *id, name, value, span)
                }
                Some(Obj::Instance(instance)) => {
                    if self.is_module(world, object) {
                        self.check_spelling(world, name, span);
                        if name.as_str() == "requires_grad" {
                            let kind = FactKind::MisspeltFlag {
                                name: "requires_grad".into(),
                                meant: "requires_grad_()",
                            };
                            self.fact(world, span, kind, Vec::new());
                        }
                        self.check_registered(world, &value, span);
                        self.note_replaced(world, object, name, &value, span);
                    }
                    // A property whose setter is not modelled sets anything.
                    if let Some(Val::Unknown) = self.find_member(world, instance.class, name)
                        && let Some(dict) = world.dict_mut(instance.attrs)
                    {
                        dict.open = true;
                    }
                    match self.find_member(world, instance.class, Symbol::intern("__setattr__")) {
                        Some(setattr) => {
                            let args = Args::of([object.clone(), Val::str(name.as_str()), value]);
                            self.call(world, setattr, args, span).map(|_| ())
                        }
                        None => {
                            if let Some(dict) = world.dict_mut(instance.attrs) {
                                dict.insert(Val::str(name.as_str()), value);
                            }
                            Ok(())
                        }
                    }
                }
                Some(Obj::Class(class)) => {
                    let mut class = Class::clone(&class);
                    class.members.retain(|(key, _)| *key != name);
                    class.members.push((name, value));
                    world.put(*id, Obj::Class(Rc::new(class)));
                    Ok(())
                }
                Some(Obj::Opaque) => Ok(()),
                _ => self.no_attribute(world, object, name, span).map(|_| ()),
            },
            _ => self
                .no_attribute(world, object, name, span)
                .map(|_| ())
                .map_err(|raise| self.about(world, raise, object)),
        }
    }

    fn check_spelling(&mut self, world: &mut World, name: Symbol, span: Span) {
        if !self.in_user_text(span) {
            return;
        }
        if let Some((_, meant)) = MISSPELT.iter().find(|(wrong, _)| *wrong == name.as_str()) {
            self.fact(
                world,
                span,
                FactKind::MisspeltFlag {
                    name: name.to_string(),
                    meant,
                },
                Vec::new(),
            );
        }
    }

    /// A plain list or dict of parameters or modules on a module is not seen by `parameters()`.
    fn check_registered(&mut self, world: &mut World, value: &Val, span: Span) {
        if !self.in_user_text(span) {
            return;
        }
        let items: Vec<Val> = match value {
            Val::Obj(id) => match world.obj(*id) {
                Some(Obj::List(items)) => items.to_vec(),
                Some(Obj::Dict(dict)) => dict
                    .entries
                    .iter()
                    .map(|(_, value)| value.clone())
                    .collect(),
                _ => return,
            },
            Val::Tuple(items, _) => items.to_vec(),
            _ => return,
        };
        let holds = items.iter().any(|item| match item {
            Val::Obj(id) => {
                world.tensor(*id).is_some_and(|tensor| tensor.is_parameter)
                    || self.is_trainable_module(world, item)
            }
            _ => false,
        });
        if holds {
            let place = self.place(span);
            let at = self.instruction_at(place);
            self.ledger.note_unregistered(place, at, items);
        }
    }

    /// `del object.name`
    pub(super) fn del_attr(
        &mut self,
        world: &mut World,
        object: &Val,
        name: Symbol,
        span: Span,
    ) -> Res<()> {
        let Some(instance) = world.instance(object) else {
            return Ok(());
        };
        if let Some(delattr) =
            self.find_member(world, instance.class, Symbol::intern("__delattr__"))
        {
            return self
                .call(
                    world,
                    delattr,
                    Args::of([object.clone(), Val::str(name.as_str())]),
                    span,
                )
                .map(|_| ());
        }
        let key = Val::str(name.as_str());
        match world
            .dict(instance.attrs)
            .and_then(|dict| dict.position(&key))
        {
            Some(at) => {
                if let Some(dict) = world.dict_mut(instance.attrs) {
                    dict.entries.remove(at);
                }
                Ok(())
            }
            None => {
                let name_of = self.type_name(world, object);
                self.python_error(
                    world,
                    span,
                    Exception::AttributeError,
                    format!("'{name_of}' object has no attribute '{name}'"),
                )
            }
        }
    }

    /// Whether the value is an `nn.Module`: its class has what the prelude's `Module` registers with.
    pub(super) fn is_module(&self, world: &World, value: &Val) -> bool {
        self.class_member(world, value, "register_parameter")
            .filter(|found| !matches!(found, Val::Unknown))
            .is_some()
    }

    fn is_trainable_module(&self, world: &World, value: &Val) -> bool {
        self.is_module(world, value) && !self.parameters_of(world, value).is_empty()
    }

    /// The parameters registered in a module and the modules in it.
    pub(super) fn parameters_of(&self, world: &World, module: &Val) -> Vec<ObjId> {
        self.parameters_within(world, vec![module.clone()]).0
    }

    /// The parameters of modules and of those in them, and all these modules. Each is looked at once.
    pub(super) fn parameters_within(
        &self,
        world: &World,
        mut work: Vec<Val>,
    ) -> (Vec<ObjId>, FxHashSet<ObjId>) {
        let mut out = Vec::new();
        let mut seen = FxHashSet::default();
        let keys = ["_parameters", "_modules"].map(Val::str);
        while let Some(value) = work.pop() {
            let (Val::Obj(id), Some(instance)) = (&value, world.instance(&value)) else {
                continue;
            };
            if !seen.insert(*id) {
                continue;
            }
            let Some(attrs) = world.dict(instance.attrs) else {
                continue;
            };
            let [parameters, modules] = keys.each_ref().map(|key| match attrs.get(key) {
                Some(Val::Obj(id)) => world.dict(*id),
                _ => None,
            });
            let parameters = parameters.into_iter().flat_map(|dict| &dict.entries);
            out.extend(parameters.filter_map(|(_, value)| world.as_tensor(value)));
            work.extend(
                modules
                    .into_iter()
                    .flat_map(|dict| &dict.entries)
                    .map(|(_, value)| value.clone()),
            );
        }
        (out, seen)
    }

    /// Adds to an exception's story what is known of the value that it is about.
    pub(super) fn about(
        &mut self,
        _world: &World,
        mut raise: Box<super::Raise>,
        subject: &Val,
    ) -> Box<super::Raise> {
        let origin = self.origins.get(subject.origin()).clone();
        let step = match origin.source {
            Source::GradRead(read) => {
                let mut story = self.ledger.why_none(read);
                story.push(Step {
                    span: origin.span,
                    happened: Happened::ReadNone,
                });
                story
            }
            Source::Item => vec![Step {
                span: origin.span,
                happened: Happened::TurnedIntoNumber,
            }],
            Source::NoReturn(_) => vec![Step {
                span: origin.span,
                happened: Happened::NoReturn,
            }],
            Source::Effect => vec![Step {
                span: origin.span,
                happened: Happened::Other("this gives `none`".into()),
            }],
            _ => Vec::new(),
        };
        raise.story.splice(0..0, step);
        raise
    }
}

fn builtin_name(builtin: &Builtin) -> &'static str {
    match builtin {
        Builtin::Intrinsic(intrinsic) => intrinsic.name().rsplit('.').next().unwrap_or(""),
        Builtin::Exception(kind) => kind.name(),
        Builtin::Op(op) | Builtin::OpInPlace(op) => crate::ops::table::row(*op).name,
        Builtin::Dtype(dtype) => dtype.torch_name(),
        Builtin::Float(_) => "float",
    }
}
