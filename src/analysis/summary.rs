//! Calls of the library with arguments of which nothing is known, in a program that comes from outside: what such a call
//! does to layouts cannot be followed, and each question its code asks of them would go both ways. What matters is plain
//! without: the result is a tensor that depends on every tensor that goes in, and on the parameters of the module.

use smallvec::SmallVec;

use super::Analyzer;
use super::call::Args;
use super::exec::Completion;
use super::graph::{Node, NodeKind};
use super::value::{Closure, GradFn, Instance, Obj, ObjId, Val};
use super::world::World;
use crate::dataflow::Tri;
use crate::source::Span;
use crate::symbol::Symbol;

/// Units whose functions and modules give one tensor.
const ONE_TENSOR: &[&str] = &["functional.", "nn.", "torch.", "tensor."];

/// Units that are followed all the same: what they do is done by others, or is no computation.
const FOLLOWED: &[&str] = &["nn.container", "nn.module", "nn.parameter_container"];

/// Units whose functions give something else than one tensor.
const SEVERAL: &[&str] = &[
    "functional.attention",
    "nn.attention",
    "nn.rnn",
    "nn.rnn_cell",
    "tensor.split",
    "torch.broadcast",
    "torch.split",
    "torch.grid",
];

/// The most parts of the arguments that are looked at.
const MAX_PARTS: usize = 5_000;

impl Analyzer<'_> {
    /// The outcome of calling a module of the library, if it is to be summed up.
    pub(super) fn sum_up_module(
        &mut self,
        world: &World,
        object: ObjId,
        instance: &Instance,
        args: &Args,
        span: Span,
    ) -> Option<Vec<Completion>> {
        if !self.program.lenient || !self.is_vague(world, args) {
            return None;
        }
        let forward = match self.find_member(world, instance.class, Symbol::intern("forward"))? {
            Val::Func(closure) => closure,
            _ => return None,
        };
        let unit = self.summable_unit(&forward)?;
        let hooks = |name: &str| match world.dict(instance.attrs)?.get(&Val::str(name))? {
            Val::Obj(id) => Some(!world.dict(*id)?.entries.is_empty()),
            _ => None,
        };
        let kinds = ["_forward_hooks", "_forward_pre_hooks", "_backward_hooks"];
        if kinds.iter().any(|kind| hooks(kind) != Some(false)) {
            return None;
        }
        let args = args.clone().with_first(Val::Obj(object));
        if let Some(parts) = self.recurrent_parts(world, instance) {
            return Some(self.sum_up_parts(Box::new(world.clone()), &parts, &args, span));
        }
        Some(self.sum_up(Box::new(world.clone()), unit, &args, span))
    }

    /// How many tensors a recurrent module gives: one by one, or in pairs.
    fn recurrent_parts(&self, world: &World, instance: &Instance) -> Option<Vec<usize>> {
        let Some(Obj::Class(class)) = world.obj(instance.class) else {
            return None;
        };
        let mut names = class.mro.iter().map(|&base| self.class_name(world, base));
        names.find_map(|name| match name.as_str() {
            "LSTM" => Some(vec![1, 2]),
            "RNN" | "GRU" | "LSTMCell" => Some(vec![1, 1]),
            "RNNCell" | "GRUCell" => Some(vec![1]),
            _ => None,
        })
    }

    fn sum_up_parts(
        &mut self,
        mut world: Box<World>,
        parts: &[usize],
        args: &Args,
        span: Span,
    ) -> Vec<Completion> {
        self.used_all(&mut world, args, span);
        let values: Vec<Val> = args.values().cloned().collect();
        let mut results = Vec::new();
        for &count in parts {
            let made: super::Res<Vec<Val>> = (0..count)
                .map(|_| self.opaque_result(&mut world, values.clone(), span))
                .collect();
            match made {
                Ok(mut one) if count == 1 => results.append(&mut one),
                Ok(several) => results.push(Val::tuple(several)),
                Err(raise) => {
                    let result = Err(raise);
                    return vec![Completion { world, result }];
                }
            }
        }
        let result = Ok(match results.len() {
            1 => results.remove(0),
            _ => Val::tuple(results),
        });
        vec![Completion { world, result }]
    }

    /// The outcome of calling a function of the library, if it is to be summed up.
    pub(super) fn sum_up_function(
        &mut self,
        world: &World,
        closure: &Closure,
        args: &Args,
        span: Span,
    ) -> Option<Vec<Completion>> {
        if !self.program.lenient || !self.is_vague(world, args) {
            return None;
        }
        let is_of_library = !self.in_user_text(self.program.functions[closure.function].span);
        if is_of_library && self.are_outside(args) {
            return Some(vec![Completion {
                world: Box::new(world.clone()),
                result: Ok(self.outside()),
            }]);
        }
        // What is read from a file is copied into the parameters: they are the same ones afterwards.
        let function = &self.program.functions[closure.function];
        if is_of_library && function.name.as_str() == "load_state_dict" {
            let result = Ok(self.outside());
            return Some(vec![Completion {
                world: Box::new(world.clone()),
                result,
            }]);
        }
        // `model.to(device)`, whatever the device is.
        if is_of_library
            && function.name.as_str() == "to"
            && let [this, Val::Unknown | Val::Outside] = &args.positional[..]
            && self.is_module(world, this)
        {
            let result = Ok(this.clone());
            let world = Box::new(world.clone());
            return Some(vec![Completion { world, result }]);
        }
        let unit = self.summable_unit(closure)?;
        if unit.starts_with("nn.") {
            return None;
        }
        Some(self.sum_up(Box::new(world.clone()), unit, args, span))
    }

    fn summable_unit(&self, closure: &Closure) -> Option<&'static str> {
        let unit = self.program.functions[closure.function].unit;
        let name = self.program.units[unit].name.as_str();
        let fits = !self.in_user_text(self.program.functions[closure.function].span)
            && ONE_TENSOR.iter().any(|prefix| name.starts_with(prefix))
            && !FOLLOWED.contains(&name);
        fits.then_some(name)
    }

    /// Whether an argument is unknown, or a tensor of unknown layout.
    fn is_vague(&self, world: &World, args: &Args) -> bool {
        let vague = |value: &Val| match value {
            Val::Unknown | Val::Outside => true,
            value => world
                .as_tensor(value)
                .and_then(|id| world.tensor(id))
                .is_some_and(|tensor| tensor.meta.is_none()),
        };
        args.open
            || args.positional.iter().any(vague)
            || args.keyword.iter().any(|(_, value)| vague(value))
    }

    fn sum_up(
        &mut self,
        mut world: Box<World>,
        unit: &'static str,
        args: &Args,
        span: Span,
    ) -> Vec<Completion> {
        self.used_all(&mut world, args, span);
        let values = args.positional.iter();
        let values = values.chain(args.keyword.iter().map(|(_, value)| value));
        if SEVERAL.contains(&unit) {
            values.for_each(|value| self.escape(value));
            return vec![Completion {
                world,
                result: Ok(Val::Unknown),
            }];
        }
        let result = self.opaque_result(&mut world, values.cloned().collect(), span);
        vec![Completion { world, result }]
    }

    /// A tensor that depends on every tensor among the values.
    fn opaque_result(
        &mut self,
        world: &mut World,
        values: Vec<Val>,
        span: Span,
    ) -> super::Res<Val> {
        let has_unknown = values.iter().any(|value| match value {
            Val::Outside => self.outside_is_changed,
            value => matches!(value, Val::Unknown),
        });
        let inputs = self.parts_with_tensors(world, values);
        let any = inputs.iter().fold(Tri::from(false), |any, &id| {
            any.or(self.requires_grad(world, id))
        });
        let any = if has_unknown { any.or(Tri::Maybe) } else { any };
        let recorded = world.grad.0.and(any);
        let origin = self.origin_of_call(world, &inputs, any, span);
        let out = self.new_tensor(world, None, None, origin);
        if recorded.may() {
            let place = self.place(span);
            let mut edges = SmallVec::new();
            for &input in &inputs {
                if self.requires_grad(world, input).may() {
                    edges.push(self.edge(world, input, span)?);
                }
            }
            if has_unknown {
                edges.push(super::graph::Edge::Unknown);
            }
            let node = self.add_node(Node {
                kind: NodeKind::Summary,
                name: "",
                span: place,
                edges,
                saved: Vec::new(),
                hidden: inputs.iter().any(|&id| self.is_weight(world, id)),
                recorded,
                constant_gradient: None,
            });
            world.tensor_mut(out).grad_fn = GradFn::output(node, 0, recorded);
        }
        Ok(Val::Obj(out))
    }

    /// Whether a tensor is a parameter that is multiplied with: the product keeps what it needs for backward.
    fn is_weight(&self, world: &World, id: ObjId) -> bool {
        world.tensor(id).is_some_and(|tensor| {
            tensor.is_parameter
                && tensor.bit.is_true()
                && tensor
                    .meta
                    .as_ref()
                    .is_some_and(|meta| meta.shape.len() > 1)
        })
    }

    /// The tensors that the values are or hold, in the order in which they are found.
    pub(super) fn parts_with_tensors(&self, world: &World, values: Vec<Val>) -> Vec<ObjId> {
        let mut out = Vec::new();
        let mut seen = rustc_hash::FxHashSet::default();
        let mut work = values;
        work.reverse();
        while let Some(value) = work.pop() {
            if seen.len() > MAX_PARTS {
                break;
            }
            match &value {
                Val::Tuple(values, _) => work.extend(values.iter().rev().cloned()),
                Val::Obj(id) if seen.insert(*id) => match world.obj(*id) {
                    Some(Obj::Tensor(_)) => out.push(*id),
                    Some(Obj::List(items)) => work.extend(items.iter().rev().cloned()),
                    Some(Obj::Dict(dict)) => {
                        work.extend(dict.entries.iter().rev().map(|(_, value)| value.clone()));
                    }
                    Some(Obj::Instance(_)) => {
                        out.extend(
                            self.parameters_of(world, &value)
                                .into_iter()
                                .filter(|id| seen.insert(*id)),
                        );
                    }
                    _ => {}
                },
                _ => {}
            }
        }
        out
    }
}
