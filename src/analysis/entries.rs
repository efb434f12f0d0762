//! What a file offers and nothing in it calls: its functions, and the methods of its classes. Each is followed from the
//! state at the end of the file, with arguments of which nothing is known, so that nothing is accused on their account.

use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::Analyzer;
use super::call::Args;
use super::exec::Completion;
use super::fact::FactKind;
use super::story::{Happened, Step};
use super::value::{Class, Dict, Method, Obj, ObjId, Val};
use super::world::World;
use crate::dataflow::Tri;
use crate::ir::{Function, InstrKind, Operand, Reg, UnitId};
use crate::source::Span;
use crate::symbol::Symbol;

/// Instructions that are followed for one entry.
const ENTRY_FUEL: u64 = 20_000;
/// Instructions that are followed for all entries of a file.
const ALL_FUEL: u64 = 160_000;

impl Analyzer<'_> {
    /// Enters the file by all that it exports. `after`: the state at the end of it.
    pub(super) fn enter_file(&mut self, after: &World, main: UnitId) {
        self.is_from_outside = true;
        let mut left = ALL_FUEL;
        for &(name, _) in &self.program.units[main].exports {
            let cell = self.units.get(&main).and_then(|cells| cells.get(&name));
            let value = match cell.and_then(|cell| after.obj(*cell)) {
                Some(Obj::Cell(value)) => value.clone(),
                _ => continue,
            };
            let class = match &value {
                Val::Obj(id) => match after.obj(*id) {
                    Some(Obj::Class(class)) => Some(class.clone()),
                    _ => None,
                },
                _ => None,
            };
            match class {
                Some(class) => self.enter_class(after, &value, &class, &mut left),
                None if matches!(value, Val::Func(_)) => {
                    self.one_entry(&mut left, |this| {
                        let span = this.defined_at(&value);
                        this.enter_function(Box::new(after.clone()), value.clone(), span)
                    });
                }
                None => {}
            }
        }
    }

    /// Follows one entry with its share of what may be followed.
    fn one_entry<T>(&mut self, left: &mut u64, follow: impl FnOnce(&mut Self) -> T) -> Option<T> {
        let share = ENTRY_FUEL.min(*left);
        if share == 0 {
            return None;
        }
        let before = std::mem::replace(&mut self.fuel, share);
        let followed = follow(self);
        *left -= share - self.fuel.min(share);
        self.fuel = before;
        Some(followed)
    }

    /// The numbers of the instructions at a place that has been passed.
    pub(super) fn instructions_at(&self, span: Span) -> Vec<u32> {
        let mut numbers = Vec::new();
        for (id, function) in self.program.functions.iter_enumerated() {
            let Some(plan) = self.orders.get(&id) else {
                continue;
            };
            for (block, body) in function.blocks.iter_enumerated() {
                let at = (plan.first_number[block]..).zip(&body.instrs);
                numbers.extend(at.filter(|(_, instr)| instr.span == span).map(|(at, _)| at));
            }
        }
        numbers
    }

    fn defined_at(&self, value: &Val) -> Span {
        match value {
            Val::Func(closure) => self.program.functions[closure.function].span,
            _ => self.at.0,
        }
    }

    fn enter_function(&mut self, world: Box<World>, function: Val, span: Span) {
        for end in self.call_all(world, function, Args::unknown(), span) {
            self.end_of_entry(end);
        }
    }

    fn enter_class(&mut self, after: &World, value: &Val, class: &Class, left: &mut u64) {
        let is_followed = |member: &Val| match member {
            Val::Func(closure) => !self.program.functions[closure.function].is_left_out,
            _ => false,
        };
        let mut methods = class
            .members
            .iter()
            .filter(|(name, member)| !name.as_str().starts_with('_') && is_followed(member))
            .peekable();
        let Some((_, first)) = methods.peek() else {
            return;
        };
        let span = self.defined_at(first);
        let made = self.one_entry(left, |this| this.instances(after, value, span));
        let made = made.unwrap_or_default();
        for (name, function) in methods {
            self.one_entry(left, |this| {
                let span = this.defined_at(function);
                this.enter_method(&made, (*name, function), span);
            });
        }
    }

    /// Instances of a class as its methods may find them, one for each way in which they are made.
    fn instances(&mut self, after: &World, class: &Val, span: Span) -> Vec<(Box<World>, Val)> {
        let world = Box::new(after.clone());
        let mut instances = Vec::new();
        for made in self.call_all(world, class.clone(), Args::unknown(), span) {
            let mut world = made.world;
            let Ok(instance) = made.result else {
                self.end_of_entry(Completion {
                    world,
                    result: made.result,
                });
                continue;
            };
            // Whoever calls a method may have run a backward before.
            self.escape(&instance);
            self.havoc_escaped(&mut world);
            self.forget(&mut world, &instance);
            instances.push((world, instance));
        }
        instances
    }

    /// Calls the method of each instance.
    fn enter_method(
        &mut self,
        instances: &[(Box<World>, Val)],
        (name, function): (Symbol, &Val),
        span: Span,
    ) {
        for (world, instance) in instances {
            let (world, instance) = (world.clone(), instance.clone());
            let method = Val::Bound((instance.clone(), Method::Func(function.clone())).into());
            for mut end in self.call_all(world, method, Args::unknown(), span) {
                if let (Ok(Val::Obj(output)), "forward") = (&end.result, name.as_str()) {
                    let output = *output;
                    self.output_without_graph(&mut end.world, &instance, output);
                }
                self.end_of_entry(end);
            }
        }
    }

    /// What other methods have done to an instance before the one that is entered is not known.
    fn forget(&self, world: &mut World, object: &Val) {
        let Some(instance) = world.instance(object) else {
            return;
        };
        let (attrs, class) = (instance.attrs, instance.class);
        let set = self.set_by_methods(world, class);
        let Some(dict) = world.dict(attrs) else {
            return;
        };
        let mut dict = Dict::clone(dict);
        for (key, value) in &mut dict.entries {
            if matches!(key, Val::Str(Some(key)) if set.contains(&Symbol::intern(key))) {
                *value = Val::Unknown;
            }
        }
        dict.open = true;
        world.put(attrs, Obj::Dict(Rc::new(dict)));
    }

    /// The attributes that the methods of a class set, or whose lists and dicts they change, but for `__init__`.
    fn set_by_methods(&self, world: &World, class: ObjId) -> FxHashSet<Symbol> {
        let Some(Obj::Class(class)) = world.obj(class) else {
            return FxHashSet::default();
        };
        let method = |(name, value): &(Symbol, Val)| match value {
            Val::Func(closure) if name.as_str() != "__init__" => Some(closure.function),
            _ => None,
        };
        let functions = class.mro.iter().flat_map(|&base| match world.obj(base) {
            Some(Obj::Class(base)) => base.members.iter().filter_map(method).collect(),
            _ => Vec::new(),
        });
        let own = functions
            .map(|function| &self.program.functions[function])
            .filter(|function| self.in_user_text(function.span));
        own.flat_map(changed_attributes).collect()
    }

    /// What `forward` gives is cut from the module's parameters: none of them can get a gradient through it. Under
    /// `no_grad` that is meant.
    fn output_without_graph(&mut self, world: &mut World, module: &Val, output: ObjId) {
        let Some(tensor) = world.tensor(output) else {
            return;
        };
        let is_float = tensor.dtype.is_none_or(|dtype| dtype.is_floating());
        if !is_float || self.requires_grad(world, output) != Tri::False {
            return;
        }
        let story: Vec<Step> = self.origins.why_no_graph(tensor.origin);
        let is_cut = story.iter().any(|step| {
            matches!(
                step.happened,
                Happened::Cut | Happened::CutByData | Happened::Rebuilt
            )
        });
        let parameters = self.parameters_of(world, module);
        let is_trainable = parameters
            .iter()
            .any(|&parameter| self.requires_grad(world, parameter) == Tri::True);
        if let (true, true, Some(cut)) = (is_cut, is_trainable, story.first().cloned()) {
            let number = self.fact(world, cut.span, FactKind::OutputWithoutGraph, Vec::new());
            for instruction in self.instructions_at(cut.span) {
                self.fact_at(number, Some(instruction));
            }
        }
    }
}

/// Methods of lists, sets, dicts and deques that change what they hold.
const CHANGING: [&str; 14] = [
    "add",
    "append",
    "appendleft",
    "clear",
    "discard",
    "extend",
    "insert",
    "pop",
    "popitem",
    "popleft",
    "remove",
    "setdefault",
    "sort",
    "update",
];

/// The attributes that a function sets, and those whose values it puts something into or takes something out of.
fn changed_attributes(function: &Function) -> FxHashSet<Symbol> {
    let instrs = || function.blocks.iter().flat_map(|block| &block.instrs);
    let read: FxHashMap<Reg, Symbol> = instrs()
        .filter_map(|instr| match instr.kind {
            InstrKind::GetAttr(_, name) => Some((instr.dest?, name)),
            _ => None,
        })
        .collect();
    let attribute = |object: &Operand| match object {
        Operand::Reg(reg) => read.get(reg).copied(),
        Operand::Const(_) => None,
    };
    instrs()
        .filter_map(|instr| match &instr.kind {
            InstrKind::SetAttr { name, .. } => Some(*name),
            InstrKind::SetItem { object, .. } => attribute(object),
            InstrKind::CallMethod { object, name, .. } if CHANGING.contains(&name.as_str()) => {
                attribute(object)
            }
            _ => None,
        })
        .collect()
}
