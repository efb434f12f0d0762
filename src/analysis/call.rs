//! Calls: binding of arguments, functions, classes, instances.

use std::collections::hash_map::Entry;
use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::exec::Completion;
use super::fact::Failure;
use super::story::Source;
use super::value::{Class, Closure, Dict, Exc, Instance, Method, Obj, ObjId, Val};
use super::world::{Regs, World};
use super::{Analyzer, Res};
use crate::index::Idx;
use crate::ir::python::Misfit;
use crate::ir::{Builtin, CallArg, CallArgKind, Function, Instr, InstrKind, ParamKind, UnitId};
use crate::ops::Exception;
use crate::source::Span;
use crate::symbol::Symbol;

/// Calls within calls that are followed; deeper ones give an unknown value.
pub const MAX_DEPTH: usize = 150;

/// The arguments of a call.
#[derive(Clone, Debug, Default)]
pub(super) struct Args {
    /// By position.
    pub positional: Vec<Val>,
    /// By name.
    pub keyword: Vec<(Symbol, Val)>,
    /// Whether there may be more, that are not known.
    pub open: bool,
}

impl Args {
    /// Arguments by position.
    pub(super) fn of(positional: impl Into<Vec<Val>>) -> Args {
        Args {
            positional: positional.into(),
            keyword: Vec::new(),
            open: false,
        }
    }
    /// The argument at `at` or of this name.
    pub(super) fn get(&self, at: usize, name: &str) -> Option<&Val> {
        self.positional.get(at).or_else(|| self.named(name))
    }
    /// The argument of this name.
    pub(super) fn named(&self, name: &str) -> Option<&Val> {
        self.keyword
            .iter()
            .find(|(key, _)| key.as_str() == name)
            .map(|(_, value)| value)
    }
    /// Takes the argument of this name away.
    pub(super) fn take(&mut self, name: &str) -> Option<Val> {
        let at = self
            .keyword
            .iter()
            .position(|(key, _)| key.as_str() == name)?;
        Some(self.keyword.remove(at).1)
    }
    /// Any number of arguments, of which nothing is known.
    pub(super) fn unknown() -> Args {
        Args {
            open: true,
            ..Args::default()
        }
    }
    /// The same, what is from outside as what is not known.
    pub(super) fn erased(mut self) -> Args {
        let keyword = self.keyword.iter_mut().map(|(_, value)| value);
        for value in self.positional.iter_mut().chain(keyword) {
            if let Val::Outside = value {
                *value = Val::Unknown;
            }
        }
        self
    }
    /// All values.
    pub(super) fn values(&self) -> impl Iterator<Item = &Val> {
        let keyword = self.keyword.iter().map(|(_, value)| value);
        self.positional.iter().chain(keyword)
    }
    /// The same with `first` in front.
    pub(super) fn with_first(mut self, first: Val) -> Args {
        self.positional.insert(0, first);
        self
    }
}

impl Analyzer<'_> {
    /// If the instruction calls something written in the language: what, and with what.
    pub(super) fn call_of(
        &mut self,
        world: &mut World,
        regs: &Regs,
        function: &Function,
        instr: &Instr,
    ) -> Option<(Val, Args)> {
        let (callee, args) = match &instr.kind {
            InstrKind::Call { callee, args } => (self.operand(regs, callee), args),
            InstrKind::CallMethod { object, name, args } => {
                let object = self.operand(regs, object);
                if name.as_str() == "step" {
                    self.note_step(world, &object, args.is_empty(), instr.span);
                }
                (self.method_in_language(world, &object, *name)?, args)
            }
            _ => return None,
        };
        let in_language = match &callee {
            Val::Func(_) => true,
            Val::Bound(bound) => matches!(bound.1, Method::Func(Val::Func(_))),
            Val::Obj(id) => matches!(
                world.obj(*id),
                Some(Obj::Class(_) | Obj::Instance(_) | Obj::Wrapped(_))
            ),
            _ => false,
        };
        // A name that is not bound is told where all instructions are.
        let in_language =
            in_language && super::instr::unbound_read(regs, function, &instr.kind).is_none();
        in_language.then(|| (callee, self.args(world, regs, args)))
    }

    /// A step with a closure computes the gradients itself: whether there are some is known behind it.
    pub(super) fn note_step_of(&mut self, world: &mut World, regs: &Regs, instr: &Instr) {
        if let InstrKind::CallMethod { object, name, args } = &instr.kind
            && name.as_str() == "step"
            && !args.is_empty()
        {
            let object = self.operand(regs, object);
            self.note_step(world, &object, true, instr.span);
        }
    }

    /// Evaluates the arguments of a call.
    pub(super) fn args(&mut self, world: &mut World, regs: &Regs, args: &[CallArg]) -> Args {
        let mut out = Args::default();
        // One more for `self`.
        out.positional.reserve_exact(args.len() + 1);
        for arg in args {
            let value = self.operand(regs, &arg.value);
            match arg.kind {
                CallArgKind::Positional => out.positional.push(value),
                CallArgKind::Keyword(name) => out.keyword.push((name, value)),
                CallArgKind::Star => match self.elements(world, &value) {
                    Some(values) => out.positional.extend(values),
                    None => out.open = true,
                },
                CallArgKind::DoubleStar => match value {
                    Val::Obj(id) if world.dict(id).is_some_and(|dict| !dict.open) => {
                        for (key, value) in &world.dict(id).expect("just seen").entries {
                            if let Val::Str(Some(key)) = key {
                                out.keyword.push((Symbol::intern(key), value.clone()));
                            }
                        }
                    }
                    _ => out.open = true,
                },
            }
        }
        out
    }

    /// Calls `callee` on all paths.
    pub(super) fn call_all(
        &mut self,
        mut world: Box<World>,
        callee: Val,
        args: Args,
        span: Span,
    ) -> Vec<Completion> {
        let kind = match &callee {
            Val::Obj(id) => world.obj(*id).cloned(),
            _ => None,
        };
        match (&callee, kind) {
            (Val::Func(closure), _) => self.call_closure(world, &closure.clone(), args, span),
            (Val::Bound(bound), _) if matches!(bound.1, Method::Func(_)) => {
                let (object, Method::Func(function)) = &**bound else {
                    unreachable!("just matched")
                };
                self.call_all(
                    world,
                    function.clone(),
                    args.with_first(object.clone()),
                    span,
                )
            }
            (Val::Obj(id), Some(Obj::Class(class))) => {
                self.instantiate(world, *id, &class, args, span)
            }
            (Val::Obj(id), Some(Obj::Instance(instance))) => {
                if let Some(ends) = self.sum_up_module(&world, *id, &instance, &args, span) {
                    return ends;
                }
                match self.class_member(&world, &callee, "__call__") {
                    Some(function) => self.call_all(world, function, args.with_first(callee), span),
                    None => {
                        let name = self.type_name(&world, &callee);
                        let result = self.python_error(
                            &mut world,
                            span,
                            Exception::TypeError,
                            format!("'{name}' object is not callable"),
                        );
                        vec![Completion { world, result }]
                    }
                }
            }
            (_, Some(Obj::Wrapped(wrapped))) => {
                let before = self.enter_mode(&mut world, wrapped.0, span);
                let mut ends = self.call_all(world, wrapped.1.clone(), args, span);
                for end in &mut ends {
                    self.restore_mode(&mut end.world, before);
                }
                ends
            }
            _ => {
                let result = self.call_builtin_value(&mut world, &callee, args, span);
                vec![Completion { world, result }]
            }
        }
    }

    /// Calls `callee` and joins all ways in which it returns. Ways in which it raises count only if there are no others.
    pub(super) fn call(
        &mut self,
        world: &mut World,
        callee: Val,
        args: Args,
        span: Span,
    ) -> Res<Val> {
        let mut ends = self.call_all(world.take(), callee, args, span);
        if ends.len() > 1 && ends.iter().any(|end| end.result.is_ok()) {
            let (returned, raised): (Vec<_>, Vec<_>) =
                ends.into_iter().partition(|end| end.result.is_ok());
            for mut end in raised {
                if let Err(raise) = end.result {
                    self.tell(&mut end.world, raise);
                }
                self.end_of_path(Completion {
                    world: end.world,
                    result: Ok(Val::Unknown),
                });
            }
            ends = returned;
        }
        self.go_on(world, ends)
    }

    /// Goes on with the ways in which something ended, joined. `world` was taken.
    fn go_on(&mut self, world: &mut World, ends: Vec<Completion>) -> Res<Val> {
        let one =
            ends.into_iter()
                .reduce(|one, end| match one.result.is_ok() && end.result.is_ok() {
                    true => self.join_ends(one, end),
                    false => one,
                });
        match (one, self.abandoned.take()) {
            (Some(end), _) => {
                *world = *end.world;
                end.result
            }
            // Every path was cut short (an endless loop): nothing follows.
            (None, cut) => {
                if let Some(cut) = cut {
                    *world = *cut;
                }
                world.cut_short();
                Ok(Val::Unknown)
            }
        }
    }

    fn call_closure(
        &mut self,
        mut world: Box<World>,
        closure: &Rc<Closure>,
        args: Args,
        span: Span,
    ) -> Vec<Completion> {
        let program = self.program;
        if let Some(ends) = self.sum_up_function(&world, closure, &args, span) {
            return ends;
        }
        let function = &program.functions[closure.function];
        if self.calls.len() >= MAX_DEPTH || self.fuel == 0 {
            self.lose(span, "calls are nested too deeply to be followed");
            world.cut_short();
            return vec![Completion {
                world,
                result: Ok(Val::Unknown),
            }];
        }
        let mut regs = Regs::default();
        for (&reg, &cell) in function.captures.iter().zip(closure.captures.iter()) {
            regs.set(reg.index() as u32, Val::Obj(cell));
        }
        if let Err(raise) = self.bind_params(&mut world, &mut regs, function, closure, args, span) {
            return vec![Completion {
                world,
                result: Err(raise),
            }];
        }
        let at = self.enter_call(span);
        let mut ends = self.follow(world, closure.function, regs);
        self.leave_call(span, at);
        for end in &mut ends {
            if let Ok(Val::None(origin)) = &mut end.result
                && *origin == super::story::OriginId::NOWHERE
                && self.in_user_text(function.span)
            {
                *origin = self.origins.add(
                    function.span,
                    Source::NoReturn(function.name),
                    Default::default(),
                );
            }
        }
        ends
    }

    fn bind_params(
        &mut self,
        world: &mut World,
        regs: &mut Regs,
        function: &Function,
        closure: &Closure,
        args: Args,
        span: Span,
    ) -> Res<()> {
        let Args {
            positional,
            mut keyword,
            open,
        } = args;
        let mut positional = positional.into_iter();
        let given = positional.len();
        let mut defaults = closure.defaults.iter();
        let (mut missing, mut by_name) = (Vec::new(), 0);
        for param in &function.params {
            let reg = param.reg.index() as u32;
            let default = param
                .has_default
                .then(|| defaults.next().cloned())
                .flatten();
            let value = match param.kind {
                // How many there are is not known.
                ParamKind::VarArgs if open => {
                    positional.by_ref().for_each(|value| self.escape(&value));
                    Val::Unknown
                }
                ParamKind::VarArgs => Val::Tuple(positional.by_ref().collect(), false),
                ParamKind::KwArgs => {
                    let entries = keyword
                        .drain(..)
                        .map(|(name, value)| (Val::str(name.as_str()), value))
                        .collect();
                    Val::Obj(self.alloc(world, Obj::Dict(Rc::new(Dict { entries, open }))))
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
                    match (next, named) {
                        (Some(_), Some(_)) => {
                            let text = format!(
                                "{}() got multiple values for argument '{}'",
                                function.qualified_name, param.name
                            );
                            return self.python_error(world, span, Exception::TypeError, text);
                        }
                        (Some(value), None) | (None, Some(value)) => value,
                        (None, None) if open => Val::Unknown,
                        (None, None) => default.unwrap_or_else(|| {
                            missing.push(param.name);
                            Val::Unknown
                        }),
                    }
                }
            };
            regs.set(reg, value);
        }
        let misfit = Misfit {
            function,
            missing,
            unexpected: keyword.first().map(|(name, _)| *name),
            too_many: positional.next().map(|_| given),
            by_name,
        };
        match misfit.text() {
            Some(text) => self.python_error(world, span, Exception::TypeError, text),
            None => Ok(()),
        }
    }

    fn instantiate(
        &mut self,
        mut world: Box<World>,
        id: ObjId,
        class: &Rc<Class>,
        args: Args,
        span: Span,
    ) -> Vec<Completion> {
        if let Some(kind) = class.exception {
            let message = args.positional.first().and_then(|value| match value {
                Val::Str(text) => text.clone(),
                _ => None,
            });
            let exc = Exc {
                kind,
                class: Some(id),
                message,
                args: args.positional,
            };
            let value = Val::Obj(self.alloc(&mut world, Obj::Exception(Rc::new(exc))));
            return vec![Completion {
                world,
                result: Ok(value),
            }];
        }
        let attrs = self.alloc(&mut world, Obj::Dict(Rc::default()));
        let object = Val::Obj(self.alloc(
            &mut world,
            Obj::Instance(Rc::new(Instance { class: id, attrs })),
        ));
        for setup in self.all_members(&world, class, "__setup__") {
            if let Err(raise) = self.call(&mut world, setup, Args::of([object.clone()]), span) {
                return vec![Completion {
                    world,
                    result: Err(raise),
                }];
            }
        }
        if class.open {
            self.escape(&object);
        }
        self.ledger.note_instance(&object, self.place(span));
        match self.class_member(&world, &object, "__init__") {
            Some(init) => {
                let mut ends = self.call_all(world, init, args.with_first(object.clone()), span);
                for end in &mut ends {
                    if end.result.is_ok() {
                        end.result = Ok(object.clone());
                    }
                }
                ends
            }
            None if !args.positional.is_empty() || !args.keyword.is_empty() => {
                let text = format!("{}() takes no arguments", class.name);
                let result = self.python_error(&mut world, span, Exception::TypeError, text);
                vec![Completion { world, result }]
            }
            None => vec![Completion {
                world,
                result: Ok(object),
            }],
        }
    }

    /// Runs the body of a unit and remembers the cells of what it exports.
    pub(super) fn run_unit(&mut self, mut world: Box<World>, unit: UnitId) -> Vec<Completion> {
        let regs = self.export_cells(&mut world, unit);
        self.follow(world, self.program.units[unit].body, regs)
    }

    /// The registers in which a unit's body begins. The cells of the exports are made here, so that they are known when
    /// the body has run; the body's own `MakeCell` of an export keeps the one that is there.
    fn export_cells(&mut self, world: &mut World, unit: UnitId) -> Regs {
        let mut regs = Regs::default();
        for &(name, reg) in &self.program.units[unit].exports {
            let cell = self.alloc(world, Obj::Cell(Val::Unbound));
            regs.set(reg.index() as u32, Val::Obj(cell));
            self.units.entry(unit).or_default().insert(name, cell);
        }
        regs
    }

    /// What a unit exports under `name`, after its body has run.
    pub(super) fn load_unit(
        &mut self,
        world: &mut World,
        unit: UnitId,
        name: Symbol,
        span: Span,
    ) -> Res<Val> {
        if let Entry::Vacant(names) = self.units.entry(unit) {
            names.insert(FxHashMap::default());
            self.load_exports(world, unit, span)?;
        }
        let cell = self
            .units
            .get(&unit)
            .and_then(|names| names.get(&name))
            .copied();
        match cell.and_then(|cell| world.obj(cell)) {
            // A file that imports itself in a circle, or stops before it has come so far.
            Some(Obj::Cell(Val::Unbound)) if self.program.lenient => Ok(Val::Unknown),
            Some(Obj::Cell(value)) => Ok(value.clone()),
            _ => {
                self.lose(span, "a part of the library that is not there");
                Ok(Val::Unknown)
            }
        }
    }

    /// Runs a unit's body and remembers the cells that it exports.
    pub(super) fn load_exports(&mut self, world: &mut World, unit: UnitId, span: Span) -> Res<()> {
        let program = self.program;
        let regs = self.export_cells(world, unit);
        let at = self.enter_call(span);
        let ends = self.follow(world.take(), program.units[unit].body, regs);
        self.leave_call(span, at);
        self.go_on(world, ends).map(|_| ())
    }

    /// The value as an exception on its way, after `raise value`.
    pub(super) fn raise_value(
        &mut self,
        world: &mut World,
        value: Val,
        span: Span,
    ) -> Box<super::Raise> {
        let value = match &value {
            Val::Builtin(Builtin::Exception(kind)) => {
                let exc = Exc {
                    kind: *kind,
                    class: None,
                    message: Some("".into()),
                    args: Vec::new(),
                };
                Val::Obj(self.alloc(world, Obj::Exception(Rc::new(exc))))
            }
            Val::Obj(id) if matches!(world.obj(*id), Some(Obj::Class(_))) => {
                match self.call(world, value.clone(), Args::default(), span) {
                    Ok(value) => value,
                    Err(raise) => return raise,
                }
            }
            _ => value,
        };
        if let Some(raise) = self.raise_in_flight(&value) {
            return raise;
        }
        // What the library raises, it raises in the name of PyTorch.
        let failure = if self.in_user_text(span) {
            Failure::Explicit
        } else {
            self.library_failure(world, &value)
        };
        Box::new(super::Raise {
            exception: value,
            span: self.place(span),
            failure,
            story: Vec::new(),
            told: false,
        })
    }
}
