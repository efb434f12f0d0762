//! What a file offers and nothing in it calls: its functions, and the methods of its classes. Each is followed from the
//! state at the end of the file, with arguments of which nothing is known, so that nothing is accused on their account.
//! What is made on the way and nobody else can reach is judged when the entry ends, as at the end of a program.

use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::Analyzer;
use super::call::Args;
use super::exec::Completion;
use super::fact::FactKind;
use super::story::{Happened, Step};
use super::value::{Class, Closure, Dict, Method, Obj, ObjId, Val};
use super::world::World;
use crate::dataflow::Tri;
use crate::ir::{FuncId, Function, InstrKind, Operand, Program, Reg, UnitId};
use crate::source::Span;
use crate::symbol::Symbol;

/// Instructions that are followed for one entry.
const ENTRY_FUEL: u64 = 20_000;
/// Instructions that are followed for all entries of a file.
const ALL_FUEL: u64 = 160_000;

/// What has been entered from outside.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Entered {
    /// A function: what it is given is not known.
    Function,
    /// A method: what others have done to its object before is not known either.
    Method,
}

impl Analyzer<'_> {
    /// Enters the file by all that it exports. `after`: the state at the end of it.
    pub(super) fn enter_file(&mut self, after: &World, main: UnitId) {
        let mut after = after.clone();
        for &cell in &self.rebound {
            after.put(cell, Obj::Cell(Val::Unknown));
        }
        let after = &after;
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
                None if matches!(value, Val::Func(_)) && !self.is_followed(&value) => {
                    self.entered = Some(Entered::Function);
                    self.one_entry(&mut left, |this| this.enter_function(after, &value));
                }
                None => {}
            }
        }
    }

    /// A function is made at the top of a program in Python: what it binds anew outside of itself, it may have bound
    /// before another function of the file is called.
    pub(super) fn note_rebinding(&mut self, closure: &Closure) {
        if self.program.lenient && self.calls.is_empty() {
            let rebound = rebound_captures(self.program, closure.function);
            let captures = &self.program.functions[closure.function].captures;
            let cells = captures.iter().zip(&closure.captures);
            let rebound = cells.filter(|(reg, _)| rebound.contains(reg));
            self.rebound.extend(rebound.map(|(_, cell)| *cell));
        }
    }

    /// Whether what a way does may be due to what a caller gives, or to what has been done to an object before.
    pub(super) fn may_be_of_others(&self, world: &World) -> bool {
        match self.entered {
            None => false,
            Some(Entered::Function) => world.open,
            Some(Entered::Method) => true,
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

    /// Whether the function has been followed, by whatever way.
    fn is_followed(&self, value: &Val) -> bool {
        matches!(value, Val::Func(closure) if self.orders.contains_key(&closure.function))
    }

    fn enter_function(&mut self, after: &World, function: &Val) {
        let span = self.defined_at(function);
        for end in self.call_all(
            Box::new(after.clone()),
            function.clone(),
            Args::unknown(),
            span,
        ) {
            self.end_of_entry(end, after);
        }
    }

    fn enter_class(&mut self, after: &World, value: &Val, class: &Class, left: &mut u64) {
        let is_told = |member: &Val| match member {
            Val::Func(closure) => !self.program.functions[closure.function].is_left_out,
            _ => false,
        };
        self.entered = Some(Entered::Method);
        // Of a class that the file uses, what it does not come to.
        let is_used = (class.members.iter()).any(|(_, member)| self.is_followed(member));
        let left_over: Vec<&(Symbol, Val)> = (class.members.iter())
            .filter(|(name, member)| !name.as_str().starts_with('_') && is_told(member))
            .filter(|(_, member)| !(is_used && self.is_followed(member)))
            .collect();
        let mut methods = left_over.into_iter().peekable();
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
                let result = made.result;
                self.end_of_entry(Completion { world, result }, after);
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
            let method = Val::Bound((instance.clone(), Method::Func(function.clone())).into());
            for mut end in self.call_all(world.clone(), method, Args::unknown(), span) {
                if let (Ok(Val::Obj(output)), "forward") = (&end.result, name.as_str()) {
                    let output = *output;
                    self.output_without_graph(&mut end.world, instance, output);
                }
                self.end_of_entry(end, world);
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

/// The captured cells that a function, or one within it, stores to.
fn rebound_captures(program: &Program, function: FuncId) -> FxHashSet<Reg> {
    let body = &program.functions[function];
    let mut stored = FxHashSet::default();
    for instr in body.blocks.iter().flat_map(|block| &block.instrs) {
        match &instr.kind {
            InstrKind::StoreCell { cell, .. } => {
                stored.insert(*cell);
            }
            InstrKind::MakeFunction {
                function: inner,
                captures,
                ..
            } => {
                let rebound = rebound_captures(program, *inner);
                let pairs = program.functions[*inner].captures.iter().zip(captures);
                stored.extend(
                    pairs
                        .filter(|(own, _)| rebound.contains(own))
                        .map(|(_, reg)| *reg),
                );
            }
            _ => {}
        }
    }
    stored.retain(|reg| body.captures.contains(reg));
    stored
}

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
