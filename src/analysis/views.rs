//! Indexing: `x[…]`, `x[…] = v`, `del x[…]`, on tensors and on what is none.

use std::rc::Rc;

use super::call::Args;
use super::value::{Obj, ObjId, Val};
use super::world::World;
use super::{Analyzer, Res};
use crate::ir::python;
use crate::ops::indexing::{self, IndexHost, IndexStep};
use crate::ops::{Arg, Dtype, Exception, IndexItem, Meta, OpError, Scalar, engine_ops, table};
use crate::source::Span;

/// What the decomposition of an index asks: numbers in tensors are not known.
struct Host<'a, 'p> {
    analyzer: &'a mut Analyzer<'p>,
    world: &'a mut World,
    span: Span,
    /// Whether a layout was asked for that is not known.
    missing: std::cell::Cell<bool>,
    /// Whether a value is written at the index.
    assigns: bool,
}

impl IndexHost<ObjId> for Host<'_, '_> {
    fn meta(&self, tensor: &ObjId) -> Meta {
        match self
            .world
            .tensor(*tensor)
            .and_then(|tensor| tensor.meta.as_deref())
        {
            Some(meta) => meta.clone(),
            None => {
                self.missing.set(true);
                Meta::contiguous(Dtype::F32, [1usize].as_slice())
            }
        }
    }
    fn item(&self, tensor: &ObjId) -> Option<i64> {
        // Whether one bool writes or not, it writes through the same views.
        let is_bool = |tensor: &Rc<super::value::Tensor>| tensor.dtype == Some(Dtype::Bool);
        (self.assigns && self.world.tensor(*tensor).is_some_and(is_bool)).then_some(1)
    }
    fn tensor(&mut self, values: &[i64]) -> ObjId {
        let origin = self
            .analyzer
            .origin(self.span, super::story::Source::Factory, []);
        let meta = Meta::contiguous(Dtype::I64, [values.len()].as_slice());
        self.analyzer.new_tensor(
            self.world,
            Some(std::rc::Rc::new(meta)),
            Some(Dtype::I64),
            origin,
        )
    }
}

impl Analyzer<'_> {
    /// `object[index]`
    pub(super) fn get_item(
        &mut self,
        world: &mut World,
        object: &Val,
        index: &Val,
        span: Span,
    ) -> Res<Val> {
        match object {
            Val::Unknown => Ok(Val::Unknown),
            Val::Outside => Ok(self.outside()),
            Val::Tuple(values, size) => {
                self.sequence_item(world, values, index, "tuple", *size, span)
            }
            Val::Str(text) => {
                let part = text.as_deref().and_then(|text| part_of(text, index));
                Ok(Val::Str(part.map(Into::into)))
            }
            Val::Range(parts) => match (
                self.elements(world, &Val::Range(parts.clone())),
                index.as_int(),
            ) {
                (Some(values), Some(at)) => match position(at, values.len()) {
                    Some(at) => Ok(values[at].clone()),
                    None => self.python_error(
                        world,
                        span,
                        Exception::IndexError,
                        "range object index out of range",
                    ),
                },
                _ => Ok(Val::Int(None, super::story::OriginId::NOWHERE)),
            },
            Val::Obj(id) => match world.obj(*id).cloned() {
                Some(Obj::Tensor(_)) => self.tensor_item(world, *id, index, span),
                Some(Obj::List(items)) => {
                    self.sequence_item(world, &items, index, "list", false, span)
                }
                Some(Obj::Dict(dict)) => match dict.get(index) {
                    Some(value) => Ok(value.clone()),
                    None if dict.open
                        || matches!(
                            index,
                            Val::Unknown | Val::Outside | Val::Int(None, _) | Val::Str(None)
                        ) =>
                    {
                        Ok(Val::Unknown)
                    }
                    None => {
                        let key = self
                            .text_of(world, index, true)
                            .unwrap_or_else(|| "…".into());
                        self.python_error(world, span, Exception::KeyError, key)
                    }
                },
                Some(Obj::Instance(_)) => match self.class_member(world, object, "__getitem__") {
                    Some(function) => self.call(
                        world,
                        function,
                        Args::of([object.clone(), index.clone()]),
                        span,
                    ),
                    None => self.not_subscriptable(world, object, span),
                },
                Some(Obj::Opaque) => Ok(Val::Unknown),
                _ => self.not_subscriptable(world, object, span),
            },
            _ => self.not_subscriptable(world, object, span),
        }
    }

    fn not_subscriptable(&mut self, world: &mut World, object: &Val, span: Span) -> Res<Val> {
        if !self.has_only_known_operators(world, object) {
            return Ok(Val::Unknown);
        }
        let text = format!(
            "'{}' object is not subscriptable",
            self.type_name(world, object)
        );
        self.refuse_value(world, object, text, span)
    }

    fn sequence_item(
        &mut self,
        world: &mut World,
        values: &[Val],
        index: &Val,
        kind: &str,
        size: bool,
        span: Span,
    ) -> Res<Val> {
        match index {
            Val::Int(Some(at), _) => match position(*at, values.len()) {
                Some(at) => Ok(values[at].clone()),
                // A loop over unknown things may have filled it further.
                None if kind == "list" && self.is_vague_way(world) => Ok(Val::Unknown),
                None => self.python_error(
                    world,
                    span,
                    Exception::IndexError,
                    format!("{kind} index out of range"),
                ),
            },
            Val::Bool(Some(at)) => Ok(values
                .get(usize::from(*at))
                .cloned()
                .unwrap_or(Val::Unknown)),
            Val::Slice(parts) => match slice_positions(parts, values.len()) {
                Some(places) => {
                    let picked: Vec<Val> =
                        places.into_iter().map(|at| values[at].clone()).collect();
                    Ok(if kind == "tuple" {
                        Val::Tuple(picked.into(), size)
                    } else {
                        Val::Obj(self.alloc(world, Obj::List(std::rc::Rc::new(picked))))
                    })
                }
                None => Ok(Val::Unknown),
            },
            Val::Str(_) | Val::Float(..) | Val::None(_) => {
                let name = self.type_name(world, index);
                self.python_error(
                    world,
                    span,
                    Exception::TypeError,
                    format!("{kind} indices must be integers or slices, not {name}"),
                )
            }
            _ => Ok(Val::Unknown),
        }
    }

    /// The items between brackets.
    fn index_items(&mut self, world: &mut World, index: &Val) -> Vec<IndexItem<ObjId>> {
        let items: Vec<Val> = match index {
            Val::Tuple(values, _) => values.to_vec(),
            other => vec![other.clone()],
        };
        items
            .iter()
            .map(|item| self.index_item(world, item))
            .collect()
    }

    fn index_item(&mut self, world: &mut World, item: &Val) -> IndexItem<ObjId> {
        match item {
            Val::None(_) => IndexItem::None,
            Val::Ellipsis => IndexItem::Ellipsis,
            Val::Int(Some(at), _) => IndexItem::Int(*at),
            Val::Bool(Some(value)) => IndexItem::Bool(*value),
            Val::Slice(parts) => {
                let part = |value: &Val| match value {
                    Val::None(_) => Some(None),
                    value => value.as_int().map(Some),
                };
                match (part(&parts[0]), part(&parts[1]), part(&parts[2])) {
                    (Some(a), Some(b), Some(c)) => IndexItem::Slice(a, b, c),
                    _ => IndexItem::Unknown,
                }
            }
            Val::Obj(id) if world.tensor(*id).is_some() => IndexItem::Tensor(*id),
            Val::Obj(id) => match world.list(*id).cloned() {
                Some(items) => match items.iter().map(Val::as_int).collect::<Option<Vec<i64>>>() {
                    Some(values) => {
                        let origin = self.origin(
                            Span::new(self.sources.first(), 0, 0),
                            super::story::Source::Factory,
                            [],
                        );
                        let bools = items.iter().all(|item| matches!(item, Val::Bool(_)));
                        let dtype = if bools { Dtype::Bool } else { Dtype::I64 };
                        let meta = Meta::contiguous(dtype, [values.len()].as_slice());
                        IndexItem::Tensor(self.new_tensor(
                            world,
                            Some(std::rc::Rc::new(meta)),
                            Some(dtype),
                            origin,
                        ))
                    }
                    None => IndexItem::Unknown,
                },
                None => IndexItem::Unknown,
            },
            _ => IndexItem::Unknown,
        }
    }

    /// Refuses an index that no tensor takes.
    fn check_index(&mut self, world: &mut World, index: &Val, span: Span) -> Res<()> {
        if let Val::Float(..) | Val::Str(_) = index {
            let name = self.type_name(world, index);
            let text = format!(
                "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices (got {name})"
            );
            return self.python_error(world, span, Exception::IndexError, text);
        }
        Ok(())
    }

    fn tensor_item(&mut self, world: &mut World, id: ObjId, index: &Val, span: Span) -> Res<Val> {
        self.check_index(world, index, span)?;
        let items = self.index_items(world, index);
        match self.index_plan(world, id, &items, span)? {
            Some(steps) => self
                .steps(world, id, steps, span)
                .map(|found| found.map_or(Val::Unknown, Val::Obj)),
            None => self.unknown_item(world, id, &items, span),
        }
    }

    /// What an index of unknown effect gives: a view or a copy of unknown shape that is recorded as either is.
    fn unknown_item(
        &mut self,
        world: &mut World,
        id: ObjId,
        items: &[IndexItem<ObjId>],
        span: Span,
    ) -> Res<Val> {
        let only_views = items
            .iter()
            .all(|item| !matches!(item, IndexItem::Tensor(_) | IndexItem::Unknown));
        let row = if only_views {
            table::by_name(engine_ops::ROW)
        } else {
            table::by_name(engine_ops::READ_AT)
        };
        let Some(row) = row else {
            return Ok(Val::Unknown);
        };
        let args = if only_views {
            vec![Arg::Tensor(id), Arg::Unknown, Arg::Unknown]
        } else {
            let tensors = items
                .iter()
                .filter(|item| matches!(item, IndexItem::Tensor(_)))
                .cloned()
                .collect();
            vec![Arg::Tensor(id), Arg::Index(tensors)]
        };
        self.apply_unknown(world, row, args, span)
    }

    fn apply_unknown(
        &mut self,
        world: &mut World,
        row: crate::ops::OpId,
        args: Vec<Arg<ObjId>>,
        span: Span,
    ) -> Res<Val> {
        match self.run_op(world, row, args, false, span) {
            Ok(Some(outputs)) => {
                if let Some(&out) = outputs.first() {
                    world.tensor_mut(out).meta = None;
                    return Ok(Val::Obj(out));
                }
                Ok(Val::Unknown)
            }
            Ok(None) => Ok(Val::Unknown),
            Err(_) => Ok(Val::Unknown),
        }
    }

    fn index_plan(
        &mut self,
        world: &mut World,
        id: ObjId,
        items: &[IndexItem<ObjId>],
        span: Span,
    ) -> Res<Option<Vec<IndexStep<ObjId>>>> {
        if items.iter().any(|item| matches!(item, IndexItem::Unknown))
            || world.tensor(id).is_none_or(|tensor| tensor.meta.is_none())
        {
            return Ok(None);
        }
        let Some(meta) = world.tensor(id).and_then(|tensor| tensor.meta.clone()) else {
            return Ok(None);
        };
        let mut host = Host {
            analyzer: self,
            world,
            span,
            missing: std::cell::Cell::new(false),
            assigns: false,
        };
        let planned = indexing::plan(&meta, items, &mut host);
        let missing = host.missing.get();
        match planned {
            _ if missing => Ok(None),
            Ok(steps) => Ok(Some(steps)),
            Err(error) => self.op_error(world, span, error),
        }
    }

    /// Runs the steps of an index one after the other.
    fn steps(
        &mut self,
        world: &mut World,
        id: ObjId,
        steps: Vec<IndexStep<ObjId>>,
        span: Span,
    ) -> Res<Option<ObjId>> {
        let mut at = id;
        for step in steps {
            let Some(row) = table::by_name(step.op) else {
                return Ok(None);
            };
            let mut args = vec![Arg::Tensor(at)];
            args.extend(step.args.iter().cloned());
            match self.run_op(world, row, args, false, span)? {
                Some(outputs) if !outputs.is_empty() => at = outputs[0],
                _ => return Ok(None),
            }
        }
        Ok(Some(at))
    }

    /// `object[index] = value`
    pub(super) fn set_item(
        &mut self,
        world: &mut World,
        object: &Val,
        index: &Val,
        value: &Val,
        span: Span,
    ) -> Res<()> {
        let Val::Obj(id) = object else {
            return match object {
                Val::Unknown => {
                    self.escape(value);
                    Ok(())
                }
                Val::Outside => {
                    self.change_outside(None, value);
                    Ok(())
                }
                _ => {
                    let name = self.type_name(world, object);
                    let text = format!("'{name}' object does not support item assignment");
                    self.refuse_value(world, object, text, span)
                }
            };
        };
        match world.obj(*id).cloned() {
            Some(Obj::Tensor(_)) => {
                let value = self.as_operand(world, value, span);
                self.set_tensor_item(world, *id, index, &value, span)
            }
            Some(Obj::List(items)) => match index.as_int() {
                Some(at) => match position(at, items.len()) {
                    Some(at) => {
                        world.list_mut(*id).expect("just seen")[at] = value.clone();
                        Ok(())
                    }
                    None => self.python_error(
                        world,
                        span,
                        Exception::IndexError,
                        "list assignment index out of range",
                    ),
                },
                None => {
                    world.put(*id, Obj::Opaque);
                    Ok(())
                }
            },
            Some(Obj::Dict(_)) => {
                let known = index.scalar().is_some()
                    || matches!(
                        index,
                        Val::Str(Some(_)) | Val::None(_) | Val::Obj(_) | Val::Tuple(..)
                    );
                let dict = world.dict_mut(*id).expect("just seen");
                if known {
                    dict.insert(index.clone(), value.clone())
                } else {
                    dict.open = true
                }
                Ok(())
            }
            Some(Obj::Instance(_)) => match self.class_member(world, object, "__setitem__") {
                Some(function) => self
                    .call(
                        world,
                        function,
                        Args::of([object.clone(), index.clone(), value.clone()]),
                        span,
                    )
                    .map(|_| ()),
                None => {
                    let name = self.type_name(world, object);
                    self.python_error(
                        world,
                        span,
                        Exception::TypeError,
                        format!("'{name}' object does not support item assignment"),
                    )
                }
            },
            _ => Ok(()),
        }
    }

    fn set_tensor_item(
        &mut self,
        world: &mut World,
        id: ObjId,
        index: &Val,
        value: &Val,
        span: Span,
    ) -> Res<()> {
        self.check_index(world, index, span)?;
        let items = self.index_items(world, index);
        let unknown = items.iter().any(|item| matches!(item, IndexItem::Unknown))
            || world.tensor(id).is_none_or(|tensor| tensor.meta.is_none());
        let number = super::scalars::operand_of::<ObjId>(value);
        let tensor = world.as_tensor(value);
        let unplanned = match (tensor, &number) {
            (Some(tensor), _) => Arg::Tensor(tensor),
            (None, Some(_)) => Arg::Scalar(Scalar::Int(0)),
            (None, None) => Arg::Unknown,
        };
        if unknown || (number.is_none() && tensor.is_none()) || matches!(value, Val::Unknown) {
            if let Val::None(_) = value {
                let failure = self.none_failure(value);
                return self
                    .raise(
                        world,
                        span,
                        failure,
                        Exception::TypeError,
                        "can't assign a NoneType to a torch.FloatTensor",
                    )
                    .map_err(|raise| self.about(world, raise, value));
            }
            return self.write_somewhere(world, id, unplanned, span);
        }
        let scalar = value.scalar().or(match value {
            Val::Float(..) => Some(Scalar::Float(1.0)),
            Val::Int(..) => Some(Scalar::Int(1)),
            _ => None,
        });
        let mut host = Host {
            analyzer: self,
            world,
            span,
            missing: std::cell::Cell::new(false),
            assigns: true,
        };
        let given = match tensor {
            Some(tensor) => Arg::Tensor(tensor),
            None => Arg::Scalar(scalar.unwrap_or(Scalar::Int(0))),
        };
        let assigned = match tensor {
            Some(tensor) => indexing::AssignedValue::Tensor(host.meta(&tensor)),
            None => indexing::AssignedValue::Number,
        };
        let meta = host.meta(&id);
        let planned = indexing::plan_assignment(&meta, &items, &assigned, &mut host);
        if host.missing.get() {
            return self.write_somewhere(world, id, unplanned, span);
        }
        let Some(plan) = (match planned {
            Ok(plan) => Some(plan),
            Err(OpError::Unsupported(_)) => None,
            Err(error) => self.op_error(world, span, error)?,
        }) else {
            return self.write_somewhere(world, id, unplanned, span);
        };
        let Some(target) = self.steps(world, id, plan.target, span)? else {
            return self.write_somewhere(world, id, unplanned, span);
        };
        let value = match tensor {
            Some(tensor) => self
                .steps(world, tensor, plan.value, span)?
                .map_or(given, Arg::Tensor),
            None => given,
        };
        let write = match plan.write {
            indexing::Write::Nothing => return Ok(()),
            indexing::Write::Copy => (engine_ops::WRITE, vec![Arg::Tensor(target), value]),
            indexing::Write::Fill => (engine_ops::FILL, vec![Arg::Tensor(target), value]),
            indexing::Write::Put(places) => (
                engine_ops::WRITE_AT,
                vec![Arg::Tensor(target), Arg::Index(places), value],
            ),
            indexing::Write::MaskedFill(mask) => {
                let mask = self.steps(world, mask, plan.index, span)?.unwrap_or(mask);
                (
                    engine_ops::FILL_MASKED,
                    vec![Arg::Tensor(target), Arg::Tensor(mask), value],
                )
            }
            indexing::Write::IndexFill(dim, at) => {
                let at = self.steps(world, at, plan.index, span)?.unwrap_or(at);
                (
                    engine_ops::FILL_AT,
                    vec![
                        Arg::Tensor(target),
                        Arg::Scalar(Scalar::Int(dim)),
                        Arg::Tensor(at),
                        value,
                    ],
                )
            }
        };
        self.write_with(world, write.0, write.1, span)
    }

    /// Applies the in-place row of this name to arguments in the order of its parameters.
    fn write_with(
        &mut self,
        world: &mut World,
        name: &str,
        args: Vec<Arg<ObjId>>,
        span: Span,
    ) -> Res<()> {
        let Some(row) = table::in_place_method(name)
            .or_else(|| table::by_name(name))
            .or_else(|| table::by_name(name.trim_end_matches('_')))
        else {
            self.lose(span, "an assignment that is not modelled");
            return Ok(());
        };
        let raw: Vec<crate::ops::Raw<ObjId>> = args.iter().filter_map(raw_of).collect();
        if raw.len() == args.len()
            && let Ok((row, args)) =
                crate::ops::bind_overloaded(row, &raw, &[], crate::ops::Form::InPlace)
        {
            return self.apply(world, row, args, true, span).map(|_| ());
        }
        let mut args = args;
        args.extend(table::row(row).defaults(args.len()));
        self.apply(world, row, args, true, span).map(|_| ())
    }

    /// A write at places that are not known.
    fn write_somewhere(
        &mut self,
        world: &mut World,
        id: ObjId,
        value: Arg<ObjId>,
        span: Span,
    ) -> Res<()> {
        let Some(row) = table::in_place_method(engine_ops::WRITE) else {
            return Ok(());
        };
        let before = world.tensor(id).and_then(|tensor| tensor.meta.clone());
        let view = self.unknown_item(world, id, &[], span)?;
        let target = world.as_tensor(&view).unwrap_or(id);
        world.tensor_mut(target).meta = None;
        let mut args = vec![Arg::Tensor(target), value];
        while args.len() < table::row(row).params.len() {
            args.push(Arg::Scalar(Scalar::Bool(false)));
        }
        self.run_op(world, row, args, true, span)?;
        world.tensor_mut(id).meta = before;
        Ok(())
    }

    /// `del object[index]`
    pub(super) fn del_item(
        &mut self,
        world: &mut World,
        object: &Val,
        index: &Val,
        span: Span,
    ) -> Res<()> {
        let Val::Obj(id) = object else { return Ok(()) };
        match world.obj(*id).cloned() {
            Some(Obj::Dict(dict)) => match dict.position(index) {
                Some(at) => {
                    world.dict_mut(*id).expect("just seen").entries.remove(at);
                    Ok(())
                }
                None if dict.open => Ok(()),
                None => {
                    let key = self
                        .text_of(world, index, true)
                        .unwrap_or_else(|| "…".into());
                    self.python_error(world, span, Exception::KeyError, key)
                }
            },
            Some(Obj::List(items)) => {
                match index.as_int().and_then(|at| position(at, items.len())) {
                    Some(at) => {
                        world.list_mut(*id).expect("just seen").remove(at);
                    }
                    None => world.put(*id, Obj::Opaque),
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Whether `reshape` to a shape would be a view.
    pub(super) fn reshape_is_view(
        &mut self,
        world: &World,
        value: &Val,
        shape: Option<Vec<Val>>,
    ) -> Val {
        let known = world
            .as_tensor(value)
            .and_then(|id| world.tensor(id)?.meta.clone())
            .zip(shape)
            .and_then(|(meta, shape)| {
                let shape: Option<Vec<i64>> = shape.iter().map(Val::as_int).collect();
                crate::ops::layout::reshape_plan(&meta, &shape?).ok()
            });
        Val::Bool(known.map(|plan| !matches!(plan, crate::ops::layout::Reshape::Copy(_))))
    }
}

fn raw_of(arg: &Arg<ObjId>) -> Option<crate::ops::Raw<ObjId>> {
    use crate::ops::Raw;
    Some(match arg {
        Arg::Tensor(id) => Raw::Tensor(*id),
        Arg::Scalar(scalar) => Raw::Scalar(*scalar),
        Arg::Unknown => Raw::Unknown,
        Arg::None => Raw::None,
        _ => return None,
    })
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

/// `text[index]`, where it is known and there.
fn part_of(text: &str, index: &Val) -> Option<String> {
    let chars: Vec<char> = text.chars().collect();
    let places = match index {
        Val::Slice(parts) => slice_positions(parts, chars.len())?,
        index => vec![position(index.as_int()?, chars.len())?],
    };
    Some(places.into_iter().map(|at| chars[at]).collect())
}

/// The places that a slice picks, where it is known.
fn slice_positions([lower, upper, step]: &[Val; 3], len: usize) -> Option<Vec<usize>> {
    let part = |value: &Val| match value {
        Val::None(_) => Some(None),
        value => value.as_int().map(Some),
    };
    python::slice_positions([part(lower)?, part(upper)?, part(step)?], len)
}
