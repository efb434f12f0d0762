//! Methods of values: the dispatch of `object.name(args)`, and those of lists, dicts, sets and strings.

use std::rc::Rc;

use super::call::Args;
use super::value::{Method, Obj, ObjId, Val};
use super::world::World;
use super::{Analyzer, Res};
use crate::ir::builtin::METHODS;
use crate::ops::Exception;
use crate::source::Span;
use crate::symbol::Symbol;

impl Analyzer<'_> {
    /// `object.name(args)`
    pub(super) fn call_method(
        &mut self,
        world: &mut World,
        object: &Val,
        name: Symbol,
        args: Args,
        span: Span,
    ) -> Res<Val> {
        if matches!(object, Val::Unknown) {
            self.unknown_call(world, Some(name.as_str()), &args, span);
            return Ok(Val::Unknown);
        }
        if matches!(object, Val::Outside) {
            return self.outside_call(world, Some(name), args, span);
        }
        if let Some(tensor) = world.as_tensor(object) {
            let is_partly_unknown = self.is_partly_unknown(world, &args);
            let result = self.tensor_method(world, tensor, name, args, span);
            return Self::pardon(is_partly_unknown, result);
        }
        if self.has_value_method(world, object, name) {
            return self.value_method(world, object, name, args, span);
        }
        let callee = self.attribute(world, object, name, span)?;
        self.call(world, callee, args, span)
    }

    /// Whether a value that is no tensor has a method of its own of this name.
    pub(super) fn has_value_method(&self, world: &World, object: &Val, name: Symbol) -> bool {
        let kind = match object {
            Val::Obj(id) => match world.obj(*id) {
                Some(Obj::List(_)) => "list",
                Some(Obj::Dict(_)) => "dict",
                Some(Obj::Set(_)) => "set",
                Some(Obj::HookHandle(..)) => "RemovableHandle",
                _ => return false,
            },
            Val::Tuple(_, is_size) => {
                if *is_size && name.as_str() == "numel" {
                    return true;
                }
                "tuple"
            }
            Val::Str(_) => "str",
            Val::Float(..) => "float",
            Val::GradFn(_) => "Node",
            _ => return false,
        };
        METHODS
            .iter()
            .any(|(of, names)| *of == kind && names.contains(&name.as_str()))
    }

    /// A method of a list, dict, set, tuple, string, number.
    pub(super) fn value_method(
        &mut self,
        world: &mut World,
        object: &Val,
        name: Symbol,
        args: Args,
        span: Span,
    ) -> Res<Val> {
        match object {
            Val::Obj(id) => match world.obj(*id) {
                Some(Obj::List(_) | Obj::Dict(_)) if name.as_str().starts_with("__") => {
                    match (name.as_str(), &args.positional[..]) {
                        ("__getitem__", [key]) => self.get_item(world, object, key, span),
                        ("__setitem__", [key, value]) => {
                            self.set_item(world, object, key, value, span)?;
                            Ok(Val::NONE)
                        }
                        _ => Ok(Val::Unknown),
                    }
                }
                Some(Obj::List(_)) => self.list_method(world, *id, name.as_str(), args, span),
                Some(Obj::Dict(_)) => self.dict_method(world, *id, name.as_str(), args, span),
                Some(Obj::Set(_)) => self.set_method(world, *id, name.as_str(), args),
                Some(Obj::HookHandle(tensor, hook)) => {
                    let (tensor, hook) = (*tensor, *hook);
                    let tensor = world.tensor_mut(tensor);
                    tensor.hooks.before.retain(|(number, _)| *number != hook);
                    tensor.hooks.behind.retain(|(number, _)| *number != hook);
                    Ok(Val::NONE)
                }
                _ => Ok(Val::Unknown),
            },
            Val::Str(text) => Ok(match parts(text.as_deref(), name.as_str(), &args) {
                Some(parts) => {
                    let parts = parts.into_iter().map(Val::str).collect();
                    Val::Obj(self.alloc(world, Obj::List(Rc::new(parts))))
                }
                None => string_method(text.as_deref(), name.as_str(), &args),
            }),
            Val::GradFn(node) => Ok(match name.as_str() {
                "name" => Val::str(self.nodes[*node].name),
                _ => Val::Unknown,
            }),
            Val::Tuple(values, true) if name.as_str() == "numel" => {
                let numel = values
                    .iter()
                    .try_fold(1i64, |product, value| product.checked_mul(value.as_int()?));
                Ok(Val::Int(numel, super::story::OriginId::NOWHERE))
            }
            Val::Tuple(values, _) => {
                let wanted = args.positional.first().cloned().unwrap_or(Val::Unknown);
                let same: Vec<Option<bool>> = values
                    .iter()
                    .map(|value| self.equal(world, value, &wanted))
                    .collect();
                Ok(count_or_index(&same, name.as_str()))
            }
            Val::Float(value, _) => Ok(Val::Bool(value.map(|value| value.fract() == 0.0))),
            _ => Ok(Val::Unknown),
        }
    }

    fn list_method(
        &mut self,
        world: &mut World,
        id: ObjId,
        name: &str,
        args: Args,
        span: Span,
    ) -> Res<Val> {
        let first = args.positional.first().cloned();
        let items = world.list(id).expect("a list has its methods").clone();
        if matches!(name, "append" | "extend" | "insert") {
            self.note_filled(id);
        }
        match (name, first) {
            ("append", Some(value)) => world.list_mut(id).expect("just seen").push(value),
            ("extend", Some(more)) => match self.elements(world, &more) {
                Some(more) => world.list_mut(id).expect("just seen").extend(more),
                None => world.put(id, Obj::Opaque),
            },
            ("insert", Some(at)) => match (at.as_int(), args.positional.get(1)) {
                (Some(at), Some(value)) => {
                    let at = clamp_index(at, items.len());
                    world
                        .list_mut(id)
                        .expect("just seen")
                        .insert(at, value.clone());
                }
                _ => world.put(id, Obj::Opaque),
            },
            ("pop", at) => {
                if items.is_empty() {
                    return self.python_error(
                        world,
                        span,
                        Exception::IndexError,
                        "pop from empty list",
                    );
                }
                let at = at.map_or(Some(-1), |at| at.as_int());
                let Some(at) = at.and_then(|at| super::views::position(at, items.len())) else {
                    world.put(id, Obj::Opaque);
                    return Ok(Val::Unknown);
                };
                return Ok(world.list_mut(id).expect("just seen").remove(at));
            }
            ("clear", _) => world.list_mut(id).expect("just seen").clear(),
            ("reverse", _) => world.list_mut(id).expect("just seen").reverse(),
            ("sort", _) => {
                let sorted = self.sorted(world, items.to_vec(), &args, span)?;
                world.put(
                    id,
                    sorted.map_or(Obj::Opaque, |values| Obj::List(Rc::new(values))),
                );
            }
            ("copy", _) => return Ok(Val::Obj(self.alloc(world, Obj::List(items)))),
            ("remove", Some(value)) => {
                let same: Vec<Option<bool>> = items
                    .iter()
                    .map(|item| self.equal(world, item, &value))
                    .collect();
                match same.iter().position(|same| *same != Some(false)) {
                    Some(at) if same[at] == Some(true) => {
                        world.list_mut(id).expect("just seen").remove(at);
                    }
                    Some(_) => world.put(id, Obj::Opaque),
                    None => {
                        return self.python_error(
                            world,
                            span,
                            Exception::ValueError,
                            "list.remove(x): x not in list",
                        );
                    }
                }
            }
            ("index" | "count", Some(value)) => {
                let Some((start, end)) = searched(items.len(), &args.positional) else {
                    return Ok(Val::Unknown);
                };
                let same: Vec<Option<bool>> = items
                    .iter()
                    .enumerate()
                    .map(|(at, item)| match (start..end).contains(&at) {
                        true => self.equal(world, item, &value),
                        false => Some(false),
                    })
                    .collect();
                return Ok(count_or_index(&same, name));
            }
            _ => return Ok(Val::Unknown),
        }
        Ok(Val::NONE)
    }

    fn dict_method(
        &mut self,
        world: &mut World,
        id: ObjId,
        name: &str,
        args: Args,
        span: Span,
    ) -> Res<Val> {
        let dict = world.dict(id).expect("a dict has its methods").clone();
        let first = args.positional.first().cloned();
        let default = args.positional.get(1).cloned();
        let listed = |values: Vec<Val>| {
            if dict.open {
                Obj::Opaque
            } else {
                Obj::List(Rc::new(values))
            }
        };
        let value = match (name, first) {
            ("keys", _) => {
                return Ok(Val::Obj(self.alloc(
                    world,
                    listed(dict.entries.iter().map(|(key, _)| key.clone()).collect()),
                )));
            }
            ("values", _) => {
                return Ok(Val::Obj(
                    self.alloc(
                        world,
                        listed(
                            dict.entries
                                .iter()
                                .map(|(_, value)| value.clone())
                                .collect(),
                        ),
                    ),
                ));
            }
            ("items", _) => {
                let pairs = dict
                    .entries
                    .iter()
                    .map(|(key, value)| Val::tuple(vec![key.clone(), value.clone()]))
                    .collect();
                return Ok(Val::Obj(self.alloc(world, listed(pairs))));
            }
            ("get", Some(key)) => match dict.get(&key) {
                Some(value) => value.clone(),
                None if dict.open || !is_known(&key) => Val::Unknown,
                None => default.unwrap_or(Val::NONE),
            },
            ("setdefault", Some(key)) => match dict.get(&key) {
                Some(value) => value.clone(),
                None => {
                    let value = default.unwrap_or(Val::NONE);
                    world
                        .dict_mut(id)
                        .expect("just seen")
                        .insert(key, value.clone());
                    value
                }
            },
            ("pop", Some(key)) => match dict.position(&key) {
                Some(at) => world.dict_mut(id).expect("just seen").entries.remove(at).1,
                None => match default {
                    Some(value) => value,
                    None if dict.open => Val::Unknown,
                    None => {
                        let text = self.text_of(world, &key, true).unwrap_or_default();
                        return self.python_error(world, span, Exception::KeyError, text);
                    }
                },
            },
            ("update", first) => {
                match first {
                    Some(Val::Obj(other)) if world.dict(other).is_some() => {
                        let other = world.dict(other).expect("just seen").clone();
                        let dict = world.dict_mut(id).expect("just seen");
                        dict.open |= other.open;
                        other
                            .entries
                            .iter()
                            .for_each(|(key, value)| dict.insert(key.clone(), value.clone()));
                    }
                    Some(_) => world.dict_mut(id).expect("just seen").open = true,
                    None => {}
                }
                for (key, value) in &args.keyword {
                    world
                        .dict_mut(id)
                        .expect("just seen")
                        .insert(Val::str(key.as_str()), value.clone());
                }
                Val::NONE
            }
            ("clear", _) => {
                world.put(id, Obj::Dict(Rc::default()));
                Val::NONE
            }
            ("copy", _) => Val::Obj(self.alloc(world, Obj::Dict(dict))),
            _ => Val::Unknown,
        };
        Ok(value)
    }

    fn set_method(&mut self, world: &mut World, id: ObjId, name: &str, args: Args) -> Res<Val> {
        let Some(Obj::Set(items)) = world.obj(id).cloned() else {
            return Ok(Val::Unknown);
        };
        let mut items = items.to_vec();
        let first = args.positional.first().cloned().unwrap_or(Val::Unknown);
        let mut result = Val::NONE;
        match name {
            "add" => items.push(first),
            "discard" | "remove" => items.retain(|item| !item.same(&first)),
            "clear" => items.clear(),
            "update" | "union" => match self.elements(world, &first) {
                Some(more) => items.extend(more),
                None => {
                    world.put(id, Obj::Opaque);
                    return Ok(Val::Unknown);
                }
            },
            _ => {}
        }
        let set = Obj::Set(Rc::new(super::instr::distinct(items)));
        match name {
            "copy" | "union" => result = Val::Obj(self.alloc(world, set)),
            _ => world.put(id, set),
        }
        Ok(result)
    }

    /// The values in order, if that is known.
    pub(super) fn sorted(
        &mut self,
        world: &mut World,
        values: Vec<Val>,
        args: &Args,
        span: Span,
    ) -> Res<Option<Vec<Val>>> {
        let mut keyed = Vec::with_capacity(values.len());
        for value in values {
            let key = match args.named("key") {
                Some(Val::None(_)) | None => value.clone(),
                Some(function) => {
                    self.call(world, function.clone(), Args::of([value.clone()]), span)?
                }
            };
            keyed.push((key, value));
        }
        let known = keyed.iter().all(|(key, _)| key.scalar().is_some())
            || keyed
                .iter()
                .all(|(key, _)| matches!(key, Val::Str(Some(_))));
        if !known {
            return Ok(None);
        }
        keyed.sort_by(|(a, _), (b, _)| match (a, b) {
            (Val::Str(a), Val::Str(b)) => a.cmp(b),
            _ => a
                .scalar()
                .zip(b.scalar())
                .map_or(std::cmp::Ordering::Equal, |(a, b)| {
                    a.as_f64().total_cmp(&b.as_f64())
                }),
        });
        let mut values: Vec<Val> = keyed.into_iter().map(|(_, value)| value).collect();
        if matches!(args.named("reverse"), Some(Val::Bool(Some(true)))) {
            values.reverse();
        }
        Ok(Some(values))
    }

    /// Calls a bound method of any kind.
    pub(super) fn call_bound(
        &mut self,
        world: &mut World,
        object: &Val,
        method: &Method,
        args: Args,
        span: Span,
    ) -> Res<Val> {
        match method {
            Method::Func(function) => self.call(
                world,
                function.clone(),
                args.with_first(object.clone()),
                span,
            ),
            Method::Value(name) => self.value_method(world, object, *name, args, span),
            Method::Op(op, in_place) => match world.as_tensor(object) {
                Some(tensor) => self.op_method(world, *op, *in_place, tensor, args, span),
                None => Ok(Val::Unknown),
            },
            Method::Tensor(attr) => match world.as_tensor(object) {
                Some(tensor) => {
                    self.tensor_method(world, tensor, Symbol::intern(attr.name()), args, span)
                }
                None => Ok(Val::Unknown),
            },
        }
    }
}

fn is_known(key: &Val) -> bool {
    key.scalar().is_some()
        || matches!(
            key,
            Val::Str(Some(_)) | Val::None(_) | Val::Obj(_) | Val::Tuple(..)
        )
}

fn clamp_index(at: i64, len: usize) -> usize {
    let at = if at < 0 { at + len as i64 } else { at };
    at.clamp(0, len as i64) as usize
}

fn count_or_index(same: &[Option<bool>], name: &str) -> Val {
    if same.contains(&None) {
        return Val::Int(None, super::story::OriginId::NOWHERE);
    }
    match name {
        "count" => Val::int(same.iter().filter(|same| **same == Some(true)).count() as i64),
        _ => same
            .iter()
            .position(|same| *same == Some(true))
            .map_or(Val::Unknown, |at| Val::int(at as i64)),
    }
}

/// From where to where `index` looks, by its second and third argument.
fn searched(len: usize, args: &[Val]) -> Option<(usize, usize)> {
    let bound = |at: usize, default: usize| match args.get(at) {
        None => Some(default),
        Some(value) => Some(clamp_index(value.as_int()?, len)),
    };
    Some((bound(1, 0)?, bound(2, len)?))
}

/// What `text.split(separator)` gives, where both are known.
fn parts(text: Option<&str>, name: &str, args: &Args) -> Option<Vec<String>> {
    let (text, given) = (text?, args.positional.as_slice());
    match (name, given) {
        ("split" | "rsplit", []) => Some(text.split_whitespace().map(str::to_owned).collect()),
        ("split" | "rsplit", [Val::Str(Some(separator))]) if !separator.is_empty() => {
            Some(text.split(&**separator).map(str::to_owned).collect())
        }
        ("split", [Val::Str(Some(separator)), most]) if !separator.is_empty() => {
            let most = usize::try_from(most.as_int()?).ok()?;
            let parts = text.splitn(most.saturating_add(1), &**separator);
            Some(parts.map(str::to_owned).collect())
        }
        ("rsplit", [Val::Str(Some(separator)), most]) if !separator.is_empty() => {
            let most = usize::try_from(most.as_int()?).ok()?;
            let parts = text.rsplitn(most.saturating_add(1), &**separator);
            let mut parts: Vec<String> = parts.map(str::to_owned).collect();
            parts.reverse();
            Some(parts)
        }
        ("splitlines", []) => Some(text.lines().map(str::to_owned).collect()),
        _ => None,
    }
}

/// The number of characters before a place, as `find` gives it.
fn place_of(text: &str, at: Option<usize>) -> i64 {
    at.map_or(-1, |at| text[..at].chars().count() as i64)
}

fn string_method(text: Option<&str>, name: &str, args: &Args) -> Val {
    let argument = |at: usize| match args.positional.get(at) {
        Some(Val::Str(Some(text))) => Some(&**text),
        _ => None,
    };
    let is_bool = matches!(name, "startswith" | "endswith" | "isdigit");
    let known = text.and_then(|text| {
        Some(match name {
            "upper" => Val::str(text.to_uppercase()),
            "lower" => Val::str(text.to_lowercase()),
            "strip" if args.positional.is_empty() => Val::str(text.trim()),
            "lstrip" if args.positional.is_empty() => Val::str(text.trim_start()),
            "rstrip" if args.positional.is_empty() => Val::str(text.trim_end()),
            "strip" => {
                Val::str(text.trim_matches(|c| argument(0).is_some_and(|set| set.contains(c))))
            }
            "lstrip" => Val::str(
                text.trim_start_matches(|c| argument(0).is_some_and(|set| set.contains(c))),
            ),
            "rstrip" => {
                Val::str(text.trim_end_matches(|c| argument(0).is_some_and(|set| set.contains(c))))
            }
            "find" if args.positional.len() == 1 => {
                Val::int(place_of(text, text.find(argument(0)?)))
            }
            "rfind" if args.positional.len() == 1 => {
                Val::int(place_of(text, text.rfind(argument(0)?)))
            }
            "removeprefix" => Val::str(text.strip_prefix(argument(0)?).unwrap_or(text)),
            "removesuffix" => Val::str(text.strip_suffix(argument(0)?).unwrap_or(text)),
            "isdigit" => {
                let is_digit = |c: char| c.is_ascii_digit();
                Val::Bool(Some(!text.is_empty() && text.chars().all(is_digit)))
            }
            "startswith" => Val::Bool(Some(text.starts_with(argument(0)?))),
            "endswith" => Val::Bool(Some(text.ends_with(argument(0)?))),
            "count" if !argument(0)?.is_empty() && args.positional.len() == 1 => {
                Val::int(text.matches(argument(0)?).count() as i64)
            }
            "replace" => Val::str(text.replace(argument(0)?, argument(1)?)),
            _ => return None,
        })
    });
    known.unwrap_or(match name {
        "find" | "rfind" | "count" => Val::Int(None, super::story::OriginId::NOWHERE),
        "split" | "rsplit" | "splitlines" | "partition" | "rpartition" => Val::Unknown,
        _ if is_bool => Val::Bool(None),
        _ => Val::Str(None),
    })
}
