//! Methods of lists, dicts, sets, tuples, strings, nodes and hook handles.

use std::cell::RefCell;
use std::rc::Rc;

use super::value::{Args, Dict, Value};
use super::{Machine, Res};
use crate::ir::builtin::METHODS;
use crate::ops::Exception;
use crate::source::Span;
use crate::symbol::Symbol;

type ListRef = Rc<RefCell<Vec<Value>>>;
type DictRef = Rc<RefCell<Dict>>;

impl Machine<'_> {
    /// Whether a value that is no tensor has a method of its own of this name.
    pub(super) fn has_value_method(&self, object: &Value, name: &str) -> bool {
        let kind = match object {
            Value::List(_) => "list",
            Value::Dict(_) => "dict",
            Value::Set(_) => "set",
            Value::Hook(_) => "RemovableHandle",
            Value::Tuple(_, is_size) => {
                if *is_size && name == "numel" {
                    return true;
                }
                "tuple"
            }
            Value::Str(_) => "str",
            Value::Float(_) => "float",
            Value::GradFn(_) | Value::Accumulate(_) => return name == "name",
            _ => return false,
        };
        METHODS
            .iter()
            .any(|(of, names)| *of == kind && names.contains(&name))
    }

    /// Calls a method of a list, dict, set, tuple, string, number.
    pub(super) fn value_method(
        &mut self,
        object: &Value,
        name: Symbol,
        args: Args,
        span: Span,
    ) -> Res<Value> {
        let name = name.as_str();
        match object {
            Value::List(_) | Value::Dict(_) if name.starts_with("__") => {
                match (name, &args.positional[..]) {
                    ("__getitem__", [key]) => self.get_item(object, key, span),
                    ("__setitem__", [key, value]) => {
                        self.set_item(object, key, value, span)?;
                        Ok(Value::None)
                    }
                    _ => self.unsupported(format!("the method `{name}`"), span),
                }
            }
            Value::List(list) => self.list_method(&Rc::clone(list), name, args, span),
            Value::Dict(dict) => self.dict_method(&Rc::clone(dict), name, args, span),
            Value::Set(set) => self.set_method(&Rc::clone(set), name, args, span),
            Value::Hook(hook) => {
                if let Some(node) = hook.node.as_ref().and_then(std::rc::Weak::upgrade) {
                    node.hooks
                        .borrow_mut()
                        .retain(|(number, ..)| *number != hook.number);
                }
                if let Some(tensor) = hook.tensor.upgrade() {
                    tensor
                        .hooks
                        .borrow_mut()
                        .retain(|(number, _)| *number != hook.number);
                    tensor
                        .post_hooks
                        .borrow_mut()
                        .retain(|(number, _)| *number != hook.number);
                }
                Ok(Value::None)
            }
            Value::Str(text) => self.string_method(&Rc::clone(text), name, &args, span),
            Value::GradFn(node) => Ok(Value::str(node.name)),
            Value::Accumulate(_) => Ok(Value::str("torch::autograd::AccumulateGrad")),
            Value::Tuple(values, true) if name == "numel" => {
                let numel = values
                    .iter()
                    .try_fold(1i64, |product, value| product.checked_mul(value.as_int()?));
                Ok(Value::Int(numel.unwrap_or(0)))
            }
            Value::Tuple(values, _) => self.find_in(values, name, "tuple", &args, span),
            Value::Float(value) => Ok(Value::Bool(value.fract() == 0.0)),
            _ => self.unsupported(format!("the method `{name}`"), span),
        }
    }

    fn find_in(
        &mut self,
        items: &[Value],
        name: &str,
        kind: &str,
        args: &Args,
        span: Span,
    ) -> Res<Value> {
        let Some(wanted) = args.positional.first() else {
            return self.wrong_count(kind, name, span);
        };
        let (start, end) = match (name, searched(items.len(), &args.positional)) {
            ("index", Some(range)) => range,
            ("index", None) => {
                return self.type_error(
                    "slice indices must be integers or have an __index__ method",
                    span,
                );
            }
            _ => (0, items.len()),
        };
        let mut count = 0;
        for (at, item) in items.iter().enumerate().take(end).skip(start) {
            if item.is(wanted) || self.equal(item, wanted, span)? {
                if name == "index" {
                    return Ok(Value::Int(at as i64));
                }
                count += 1;
            }
        }
        if name == "count" {
            return Ok(Value::Int(count));
        }
        let text = if kind == "tuple" {
            "tuple.index(x): x not in tuple".to_owned()
        } else {
            format!("{} is not in list", self.repr(wanted, span)?)
        };
        self.raise(Exception::ValueError, text, span)
    }

    fn wrong_count<T>(&mut self, kind: &str, name: &str, span: Span) -> Res<T> {
        self.unsupported(format!("`{kind}.{name}` with these arguments"), span)
    }

    fn list_method(&mut self, list: &ListRef, name: &str, args: Args, span: Span) -> Res<Value> {
        let first = args.positional.first().cloned();
        match (name, first) {
            ("append", Some(value)) => list.borrow_mut().push(value),
            ("extend", Some(more)) => {
                let more = self.elements(&more, span)?;
                self.afford(more.len() * 24)?;
                list.borrow_mut().extend(more);
            }
            ("insert", Some(at)) => {
                let (Some(at), Some(value)) = (at.as_int(), args.positional.get(1)) else {
                    return self.wrong_count("list", name, span);
                };
                let len = list.borrow().len() as i64;
                let at = (if at < 0 { at + len } else { at }).clamp(0, len) as usize;
                list.borrow_mut().insert(at, value.clone());
            }
            ("pop", at) => {
                let len = list.borrow().len();
                if len == 0 {
                    return self.raise(Exception::IndexError, "pop from empty list", span);
                }
                let Some(at) = at.map_or(Some(-1), |at| at.as_int()) else {
                    return self.wrong_count("list", name, span);
                };
                let Some(at) = position(at, len) else {
                    return self.raise(Exception::IndexError, "pop index out of range", span);
                };
                let value = list.borrow_mut().remove(at);
                return Ok(value);
            }
            ("clear", _) => drop(std::mem::take(&mut *list.borrow_mut())),
            ("reverse", _) => list.borrow_mut().reverse(),
            ("sort", _) => {
                let values = list.borrow().clone();
                let sorted = self.sorted(values, &args, span)?;
                *list.borrow_mut() = sorted;
            }
            ("copy", _) => return Ok(Value::list(list.borrow().clone())),
            ("remove", Some(value)) => {
                let items = list.borrow().clone();
                for (at, item) in items.iter().enumerate() {
                    if item.is(&value) || self.equal(item, &value, span)? {
                        list.borrow_mut().remove(at);
                        return Ok(Value::None);
                    }
                }
                return self.raise(Exception::ValueError, "list.remove(x): x not in list", span);
            }
            ("index" | "count", Some(_)) => {
                let items = list.borrow().clone();
                return self.find_in(&items, name, "list", &args, span);
            }
            _ => return self.wrong_count("list", name, span),
        }
        Ok(Value::None)
    }

    fn dict_method(&mut self, dict: &DictRef, name: &str, args: Args, span: Span) -> Res<Value> {
        let first = args.positional.first().cloned();
        let default = args.positional.get(1).cloned();
        if let (Some(key), "get" | "setdefault" | "pop") = (&first, name) {
            self.check_key(key, span)?;
        }
        Ok(match (name, first) {
            ("keys", _) => Value::list(
                dict.borrow()
                    .entries
                    .iter()
                    .map(|(key, _)| key.clone())
                    .collect(),
            ),
            ("values", _) => Value::list(
                dict.borrow()
                    .entries
                    .iter()
                    .map(|(_, value)| value.clone())
                    .collect(),
            ),
            ("items", _) => Value::list(
                dict.borrow()
                    .entries
                    .iter()
                    .map(|(key, value)| Value::tuple(vec![key.clone(), value.clone()]))
                    .collect(),
            ),
            ("get", Some(key)) => dict
                .borrow()
                .get(&key)
                .cloned()
                .or(default)
                .unwrap_or(Value::None),
            ("setdefault", Some(key)) => {
                let found = dict.borrow().get(&key).cloned();
                match found {
                    Some(value) => value,
                    None => {
                        let value = default.unwrap_or(Value::None);
                        dict.borrow_mut().insert(key, value.clone());
                        value
                    }
                }
            }
            ("pop", Some(key)) => {
                let removed = dict.borrow_mut().remove(&key);
                match removed.or(default) {
                    Some(value) => value,
                    None => return self.key_error(&key, span),
                }
            }
            ("update", first) => {
                if let Some(first) = first {
                    let other = self.make_dict(Some(first), &Args::default(), span)?;
                    if let Value::Dict(other) = other {
                        let entries = other.borrow().entries.clone();
                        entries
                            .into_iter()
                            .for_each(|(key, value)| dict.borrow_mut().insert(key, value));
                    }
                }
                for (key, value) in &args.keyword {
                    dict.borrow_mut()
                        .insert(Value::str(key.as_str()), value.clone());
                }
                Value::None
            }
            ("clear", _) => {
                dict.borrow_mut().clear();
                Value::None
            }
            ("copy", _) => Value::Dict(Rc::new(RefCell::new(dict.borrow().copy()))),
            _ => return self.wrong_count("dict", name, span),
        })
    }

    /// The exception for a key that is not there.
    pub(super) fn key_error<T>(&mut self, key: &Value, span: Span) -> Res<T> {
        let exc = super::call::new_exception(Exception::KeyError, None, Args::of([key.clone()]));
        self.raise_value(exc, span)
    }

    fn set_method(&mut self, set: &DictRef, name: &str, args: Args, span: Span) -> Res<Value> {
        let first = args.positional.first().cloned();
        if let Some(key) = first
            .as_ref()
            .filter(|_| matches!(name, "add" | "discard" | "remove"))
        {
            self.check_key(key, span)?;
        }
        match (name, first) {
            ("add", Some(value)) => {
                if set.borrow().get(&value).is_none() {
                    set.borrow_mut().insert(value, Value::None);
                }
            }
            ("discard", Some(value)) => {
                set.borrow_mut().remove(&value);
            }
            ("remove", Some(value)) => {
                let removed = set.borrow_mut().remove(&value);
                if removed.is_none() {
                    return self.key_error(&value, span);
                }
            }
            ("clear", _) => set.borrow_mut().clear(),
            ("copy", _) => return Ok(Value::Set(Rc::new(RefCell::new(set.borrow().copy())))),
            ("update" | "union", Some(more)) => {
                let more = self.elements(&more, span)?;
                let mut values: Vec<Value> = set
                    .borrow()
                    .entries
                    .iter()
                    .map(|(key, _)| key.clone())
                    .collect();
                values.extend(more);
                let all = self.distinct(values, span)?;
                if name == "union" {
                    return Ok(Value::Set(Rc::new(RefCell::new(all))));
                }
                *set.borrow_mut() = all;
            }
            _ => return self.wrong_count("set", name, span),
        }
        Ok(Value::None)
    }

    fn string_method(&mut self, text: &str, name: &str, args: &Args, span: Span) -> Res<Value> {
        let argument = |at: usize| match args.positional.get(at) {
            Some(Value::Str(text)) => Some(&**text),
            _ => None,
        };
        let set = |at: usize| argument(at).map(|chars| chars.chars().collect::<Vec<char>>());
        let blank = |c: char, of: &Option<Vec<char>>| {
            of.as_ref().map_or(c.is_whitespace(), |of| of.contains(&c))
        };
        Ok(match (name, argument(0)) {
            ("upper", _) => Value::str(text.to_uppercase()),
            ("lower", _) => Value::str(text.to_lowercase()),
            ("strip", _) => Value::str(text.trim_matches(|c| blank(c, &set(0)))),
            ("lstrip", _) => Value::str(text.trim_start_matches(|c| blank(c, &set(0)))),
            ("rstrip", _) => Value::str(text.trim_end_matches(|c| blank(c, &set(0)))),
            ("startswith", Some(part)) => Value::Bool(text.starts_with(part)),
            ("endswith", Some(part)) => Value::Bool(text.ends_with(part)),
            ("replace", Some(from)) if args.positional.len() == 2 => match argument(1) {
                Some(to) => Value::str(text.replace(from, to)),
                None => return self.wrong_count("str", name, span),
            },
            ("split", _) if args.positional.is_empty() => {
                Value::list(text.split_whitespace().map(Value::str).collect())
            }
            ("split", Some(by)) if !by.is_empty() => {
                let most = args.get(1, "maxsplit").map_or(Some(-1), Value::as_int);
                match most.map(|most| usize::try_from(most).ok()) {
                    Some(None) => Value::list(text.split(by).map(Value::str).collect()),
                    Some(Some(most)) => Value::list(
                        text.splitn(most.saturating_add(1), by)
                            .map(Value::str)
                            .collect(),
                    ),
                    None => return self.wrong_count("str", name, span),
                }
            }
            ("find" | "rfind", Some(part)) if args.positional.len() == 1 => {
                let found = match name {
                    "find" => text.find(part),
                    _ => text.rfind(part),
                };
                let place = |at: usize| text[..at].chars().count() as i64;
                Value::Int(found.map_or(-1, place))
            }
            ("rsplit", Some(by)) if !by.is_empty() => {
                let most = args.get(1, "maxsplit").map_or(Some(-1), Value::as_int);
                let most = most.and_then(|most| usize::try_from(most).ok());
                let most = most.map_or(usize::MAX, |most| most.saturating_add(1));
                let mut parts: Vec<Value> = text.rsplitn(most, by).map(Value::str).collect();
                parts.reverse();
                Value::list(parts)
            }
            ("splitlines", _) => Value::list(text.lines().map(Value::str).collect()),
            ("isdigit", _) => {
                Value::Bool(!text.is_empty() && text.chars().all(|c| c.is_ascii_digit()))
            }
            ("removeprefix", Some(part)) => Value::str(text.strip_prefix(part).unwrap_or(text)),
            ("removesuffix", Some(part)) => Value::str(text.strip_suffix(part).unwrap_or(text)),
            ("count", Some(part)) if !part.is_empty() => {
                Value::Int(text.matches(part).count() as i64)
            }
            ("title", _) => Value::str(title(text)),
            ("zfill" | "ljust" | "rjust", _) => return self.pad(text, name, args, span),
            ("join", _) => {
                let Some(of) = args.positional.first().cloned() else {
                    return self.wrong_count("str", name, span);
                };
                let mut parts = Vec::new();
                for (at, value) in self.elements(&of, span)?.into_iter().enumerate() {
                    match value {
                        Value::Str(part) => parts.push(part.to_string()),
                        other => {
                            let name = self.type_name(&other);
                            return self.type_error(
                                format!("sequence item {at}: expected str instance, {name} found"),
                                span,
                            );
                        }
                    }
                }
                Value::str(parts.join(text))
            }
            ("format", _) => return self.format_method(text, args, span),
            _ => return self.wrong_count("str", name, span),
        })
    }

    fn pad(&mut self, text: &str, name: &str, args: &Args, span: Span) -> Res<Value> {
        let Some(width) = args.positional.first().and_then(Value::as_int) else {
            return self.wrong_count("str", name, span);
        };
        let fill = match args.positional.get(1) {
            Some(Value::Str(fill)) => fill.to_string(),
            _ => if name == "zfill" { "0" } else { " " }.to_owned(),
        };
        let missing = usize::try_from(width)
            .unwrap_or(0)
            .saturating_sub(text.chars().count());
        self.afford(missing)?;
        let fill = fill.repeat(missing);
        Ok(Value::str(match (name, text.strip_prefix('-')) {
            ("ljust", _) => format!("{text}{fill}"),
            ("zfill", Some(rest)) => format!("-{fill}{rest}"),
            _ => format!("{fill}{text}"),
        }))
    }

    /// `"{} {x:.2f}".format(…)`
    fn format_method(&mut self, text: &str, args: &Args, span: Span) -> Res<Value> {
        let mut out = String::new();
        let mut next = 0;
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '{' | '}' if chars.peek() == Some(&c) => {
                    chars.next();
                    out.push(c);
                }
                '{' => {
                    let field: String = chars.by_ref().take_while(|&c| c != '}').collect();
                    let (name, spec) = field.split_once(':').unwrap_or((&field, ""));
                    let (name, repr) = name
                        .strip_suffix("!r")
                        .map_or((name, false), |name| (name, true));
                    let value = if name.is_empty() {
                        next += 1;
                        args.positional.get(next - 1)
                    } else {
                        name.parse::<usize>()
                            .map_or_else(|_| args.named(name), |at| args.positional.get(at))
                    };
                    let Some(value) = value.cloned() else {
                        return self.unsupported("this format string", span);
                    };
                    let value = if repr {
                        Value::str(self.repr(&value, span)?)
                    } else {
                        value
                    };
                    out.push_str(&self.format_value(&value, spec, span)?);
                }
                c => out.push(c),
            }
        }
        Ok(Value::str(out))
    }
}

fn title(text: &str) -> String {
    let mut inside = false;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if inside {
            out.extend(c.to_lowercase())
        } else {
            out.extend(c.to_uppercase())
        }
        inside = c.is_alphabetic();
    }
    out
}

/// From where to where `index` looks, by its second and third argument; none if they are no integers.
fn searched(len: usize, args: &[Value]) -> Option<(usize, usize)> {
    let bound = |at: usize, default: usize| match args.get(at) {
        None => Some(default),
        Some(value) => {
            let value = value.as_int()?;
            let from_end = if value < 0 { len as i64 } else { 0 };
            Some(usize::try_from(value.saturating_add(from_end)).map_or(0, |at| at.min(len)))
        }
    };
    Some((bound(1, 0)?, bound(2, len)?))
}

/// The place of a Python index.
pub(super) fn position(at: i64, len: usize) -> Option<usize> {
    let at = if at < 0 {
        at.checked_add(len as i64)?
    } else {
        at
    };
    usize::try_from(at).ok().filter(|&at| at < len)
}
