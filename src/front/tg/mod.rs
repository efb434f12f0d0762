//! From the syntax tree of `.tg` to the intermediate representation.

use std::rc::Rc;

use rustc_hash::FxHashMap;

use crate::diagnostic::Diagnostic;
use crate::index::Idx;
use crate::ir::{FuncId, Program, Unit, UnitId};
use crate::prelude::{self, Export, Reach};
use crate::source::{FileId, Origin, SourceMap, Span};
use crate::symbol::Symbol;
use crate::syntax::ast::{Dialect, Module};

mod assign;
mod attributes;
mod call;
mod class;
mod comprehension;
mod control;
mod distance;
mod expr;
mod function;
mod function_builder;
mod name;
mod names;
mod python_names;
mod reach;
mod scope;
mod signature;
mod stmt;
mod try_stmt;
mod unit;
mod with_stmt;

use attributes::Attributes;
use names::Known;
pub use python_names::{
    Foreign, foreign, is_builtin as is_python_builtin, is_known as is_known_in_python,
    is_module as is_python_module,
};
use signature::Signature;
use unit::UnitLowerer;

/// How many messages one file gives.
const MAX_ERRORS: usize = 100;

/// How many names are compared with all known ones.
const MAX_SUGGESTIONS: usize = 50;

/// Lowers a program with what it needs of the prelude. With messages, the program is there as far as it goes: what could
/// not be resolved is unknown in it.
pub fn lower(sources: &mut SourceMap, module: &Module) -> (Program, Vec<Diagnostic>) {
    lower_all(sources, module, &[])
}

/// The same, with the other files of the program.
pub fn lower_all(
    sources: &mut SourceMap,
    module: &Module,
    others: &[Module],
) -> (Program, Vec<Diagnostic>) {
    let own_files = sources.files().count();
    let reach = reach::of(others.iter().chain([module]));
    let mut lowered = Lowerer::lower(sources, module, others, reach);
    if lowered.reach.has_grown() {
        // A method was found to be needed after its class had been parsed without it.
        sources.truncate(own_files);
        lowered = Lowerer::lower(sources, module, others, Reach::everything());
    }
    (lowered.program, lowered.errors)
}

/// Lowers the whole prelude, as a program that names all of it, and returns the mistakes in it.
pub fn lower_prelude(sources: &mut SourceMap) -> (Program, Vec<Diagnostic>) {
    let file = sources.add("all", "", Origin::User);
    let (module, _) = crate::syntax::parse(file, "");
    let mut lowerer = Lowerer::new(sources, Reach::everything());
    let unit = lowerer.declare_unit(file, Symbol::intern("__main__"));
    UnitLowerer::lower(&mut lowerer, &module, unit, None);
    for piece in 0..prelude::pieces().len() {
        lowerer.load(piece);
    }
    lowerer.lower_loaded();
    let Lowerer {
        program,
        attributes,
        mut prelude_errors,
        mut suggestions,
        ..
    } = lowerer;
    attributes.check_prelude(&mut prelude_errors, &mut suggestions);
    verified(&program);
    (program, prelude_errors.finish())
}

fn verified(program: &Program) {
    debug_assert_eq!(
        crate::ir::verify::verify(program),
        Ok(()),
        "the lowering made a program that is not well-formed"
    );
}

/// What lowering a program gives.
struct Lowered {
    program: Program,
    errors: Vec<Diagnostic>,
    reach: Reach,
}

/// Messages, a bounded number of them.
#[derive(Default)]
struct Errors {
    list: Vec<Diagnostic>,
    more: usize,
}

impl Errors {
    fn push(&mut self, error: Diagnostic) {
        match self.list.len() < MAX_ERRORS {
            true => self.list.push(error),
            false => self.more += 1,
        }
    }
    fn finish(mut self) -> Vec<Diagnostic> {
        self.list.sort_by_key(|error| error.primary.span);
        if let (Some(last), true) = (self.list.last(), self.more > 0) {
            let plural = if self.more == 1 { "" } else { "s" };
            self.list.push(Diagnostic::error(
                last.primary.span,
                format!("and {} more error{plural}", self.more),
            ));
        }
        self.list
    }
}

/// Suggestions, each computed once, and not too many of them: each looks at every known name.
#[derive(Default)]
struct Suggestions {
    found: FxHashMap<String, Option<String>>,
}

impl Suggestions {
    /// `error` with the nearest of the known names to `name` as its help.
    fn add<'n, N: IntoIterator<Item = &'n str>>(
        &mut self,
        error: Diagnostic,
        name: &str,
        known: impl FnOnce() -> N,
    ) -> Diagnostic {
        if !self.found.contains_key(name) && self.found.len() < MAX_SUGGESTIONS {
            let nearest = distance::nearest(name, known()).map(str::to_owned);
            self.found.insert(name.to_owned(), nearest);
        }
        match self.found.get(name) {
            Some(Some(nearest)) => error.with_help(format!("did you mean `{nearest}`?")),
            _ => error,
        }
    }
}

/// A piece of the prelude that the program needs.
struct Loaded {
    unit: UnitId,
    module: Rc<Module>,
    signatures: Rc<FxHashMap<Symbol, Signature>>,
}

/// What is shared by the units of one program.
struct Lowerer<'a> {
    sources: &'a mut SourceMap,
    reach: Reach,
    program: Program,
    errors: Errors,
    /// Mistakes in the prelude: bugs of ours, which a test finds; not the user's.
    prelude_errors: Errors,
    suggestions: Suggestions,
    attributes: Attributes,
    loaded: FxHashMap<usize, Loaded>,
    queue: Vec<usize>,
    known: FxHashMap<(&'static str, String), Option<Known>>,
    /// Whether the program was written in Python: nothing in it is a mistake of names.
    python: bool,
    /// The units of the program's other files.
    imported: Vec<UnitId>,
}

impl<'a> Lowerer<'a> {
    fn new(sources: &'a mut SourceMap, reach: Reach) -> Lowerer<'a> {
        Lowerer {
            sources,
            reach,
            program: Program::default(),
            errors: Errors::default(),
            prelude_errors: Errors::default(),
            suggestions: Suggestions::default(),
            attributes: Attributes::new(),
            loaded: FxHashMap::default(),
            queue: Vec::new(),
            known: FxHashMap::default(),
            python: false,
            imported: Vec::new(),
        }
    }

    fn lower(
        sources: &'a mut SourceMap,
        module: &Module,
        others: &[Module],
        reach: Reach,
    ) -> Lowered {
        let mut lowerer = Lowerer::new(sources, reach);
        lowerer.python = module.dialect != Dialect::Tg;
        lowerer.program.lenient = lowerer.python;
        let unit = lowerer.declare_unit(module.file, Symbol::intern("__main__"));
        for other in others {
            let name = lowerer.sources.file(other.file).name.display().to_string();
            let unit = lowerer.declare_unit(other.file, Symbol::intern(&name));
            lowerer.imported.push(unit);
        }
        UnitLowerer::lower(&mut lowerer, module, unit, None);
        for (nth, other) in others.iter().enumerate() {
            let unit = lowerer.imported[nth];
            UnitLowerer::lower(&mut lowerer, other, unit, None);
        }
        lowerer.lower_loaded();
        let Lowerer {
            program,
            attributes,
            mut errors,
            mut suggestions,
            reach,
            ..
        } = lowerer;
        if module.dialect == Dialect::Tg {
            attributes.check(&mut errors, &mut suggestions);
        }
        verified(&program);
        Lowered {
            program,
            errors: errors.finish(),
            reach,
        }
    }

    fn declare_unit(&mut self, file: FileId, name: Symbol) -> UnitId {
        // The body is known when the unit has been lowered.
        self.program.units.push(Unit {
            file,
            name,
            body: FuncId::new(0),
            exports: Vec::new(),
        })
    }

    /// The unit of a piece of the prelude, parsed on first use and lowered later: units may need each other.
    fn load(&mut self, nth: usize) -> UnitId {
        if let Some(loaded) = self.loaded.get(&nth) {
            return loaded.unit;
        }
        self.reach.enter(nth);
        let piece = &prelude::pieces()[nth];
        for method in piece.methods() {
            self.attributes.define(Symbol::intern(method));
        }
        let text = piece.text(&self.reach);
        let path = piece.path;
        let name = format!("prelude/{path}");
        let id = self.sources.add(name, &*text, Origin::Prelude);
        let (module, errors) = crate::syntax::parse(id, &text);
        errors
            .into_iter()
            .for_each(|error| self.prelude_errors.push(error));
        let unit = path.trim_end_matches(".tg").replace('/', ".");
        let unit = self.declare_unit(id, Symbol::intern(&unit));
        let signatures = Rc::new(signature::of_module(&module));
        self.loaded.insert(
            nth,
            Loaded {
                unit,
                module: Rc::new(module),
                signatures,
            },
        );
        self.queue.push(nth);
        unit
    }

    fn lower_loaded(&mut self) {
        while let Some(nth) = self.queue.pop() {
            let Loaded {
                unit, ref module, ..
            } = self.loaded[&nth];
            let module = Rc::clone(module);
            let path = prelude::pieces()[nth].path;
            UnitLowerer::lower(self, &module, unit, Some(path));
        }
    }

    /// What a dotted name that the program does not bind means; `path`: in that file of the prelude.
    fn known(&mut self, path: Option<&'static str>, name: &str) -> Option<Known> {
        let key = (path.unwrap_or("<user>"), name.to_owned());
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        let found = match path {
            Some(path) => names::known_in_prelude(path, name),
            None if self.python => python_names::known(name),
            None => names::known(name),
        };
        self.known.insert(key, found);
        found
    }

    fn error(&mut self, error: Diagnostic) {
        match self.sources.is_user(error.primary.span) {
            // What is not known of a Python program is no mistake in it.
            true if self.python => {}
            true => self.errors.push(error),
            false => self.prelude_errors.push(error),
        }
    }

    /// Whether there are messages enough; if so, counts one more. Suggestions are not looked for then.
    fn is_crowded(&mut self, span: Span) -> bool {
        let errors = if self.sources.is_user(span) {
            &mut self.errors
        } else {
            &mut self.prelude_errors
        };
        let crowded = errors.list.len() >= MAX_ERRORS;
        errors.more += usize::from(crowded);
        crowded
    }

    /// Makes the prelude's tensor method of that name known to the machines, if there is one.
    fn need_tensor_method(&mut self, name: Symbol) {
        if let Some(Export { piece, .. }) = prelude::tensor_method(name.as_str()) {
            let unit = self.load(piece);
            let methods = &mut self.program.tensor_methods;
            methods.entry(name).or_insert((unit, name));
        }
    }

    /// Makes the prelude's function for an operator known to the machines, if there is one.
    fn need_operator(&mut self, name: &str) {
        if let Some(Export { piece, .. }) = prelude::tensor_method(name) {
            let unit = self.load(piece);
            let name = Symbol::intern(name);
            self.program.operators.entry(name).or_insert((unit, name));
        }
    }
}
