//! Names of attributes and methods. Which object has them shows only when the program runs; a name that nothing known
//! has is a mistake all the same.

use std::rc::Rc;

use rustc_hash::FxHashSet;

use super::{Errors, Suggestions};
use crate::diagnostic::Diagnostic;
use crate::ir::TensorAttr;
use crate::ir::builtin::METHODS;
use crate::ops::{known, table};
use crate::prelude;
use crate::source::Span;
use crate::symbol::Symbol;

/// The attributes that are known, and those that are used but were not known yet.
pub struct Attributes {
    known: FxHashSet<Symbol>,
    uses: Vec<(Symbol, Span)>,
    prelude_uses: Vec<(Symbol, Span)>,
    /// The beginnings of names that are made by f-strings: `weight_ih_l`.
    beginnings: Vec<Rc<str>>,
    /// Whether the program makes attributes whose names are computed.
    pub open: bool,
}

impl Attributes {
    /// None of the program's yet.
    pub fn new() -> Attributes {
        Attributes {
            known: FxHashSet::default(),
            uses: Vec::new(),
            prelude_uses: Vec::new(),
            beginnings: Vec::new(),
            open: false,
        }
    }

    /// Something has an attribute of that name.
    pub fn define(&mut self, name: Symbol) {
        self.known.insert(name);
    }
    /// A string may name an attribute: `register_buffer("mask", …)`.
    pub fn define_text(&mut self, text: &str) {
        if text.len() <= 64
            && !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        {
            self.known.insert(Symbol::intern(text));
        }
    }
    /// Attributes are made whose names begin so.
    pub fn define_beginning(&mut self, text: &Rc<str>) {
        if !self.beginnings.contains(text) {
            self.beginnings.push(Rc::clone(text));
        }
    }
    /// An attribute of that name is asked for.
    pub fn demand(&mut self, name: Symbol, span: Span, user: bool) {
        match user {
            true if self.known.contains(&name) => {}
            true if is_of_library(name.as_str()) => self.define(name),
            true => self.uses.push((name, span)),
            false => self.prelude_uses.push((name, span)),
        }
    }

    /// Reports the user's unknown ones.
    pub fn check(mut self, errors: &mut Errors, suggestions: &mut Suggestions) {
        let uses = std::mem::take(&mut self.uses);
        if !self.open {
            self.report(&uses, errors, suggestions);
        }
    }
    /// Reports the prelude's unknown ones.
    pub fn check_prelude(mut self, errors: &mut Errors, suggestions: &mut Suggestions) {
        let uses = std::mem::take(&mut self.prelude_uses);
        self.report(&uses, errors, suggestions);
    }

    fn report(&self, uses: &[(Symbol, Span)], errors: &mut Errors, suggestions: &mut Suggestions) {
        for (name, span) in uses.iter().filter(|(name, _)| !self.is_known(*name)) {
            let error = Diagnostic::error(*span, format!("unknown attribute or method `{name}`"));
            let error = error.with_label("nothing in the program, and no tensor, has this");
            errors.push(suggestions.add(error, name.as_str(), || self.names()));
        }
    }

    fn is_known(&self, name: Symbol) -> bool {
        let text = name.as_str();
        self.known.contains(&name)
            || is_of_library(text)
            || self
                .beginnings
                .iter()
                .any(|beginning| text.starts_with(&**beginning))
    }

    fn names(&self) -> Vec<&'static str> {
        let mut names: Vec<&str> = names_of_library().collect();
        #[expect(clippy::iter_over_hash_type, reason = "sorted below")]
        for name in &self.known {
            names.push(name.as_str());
        }
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// Whether a tensor or a value of one of Python's types has an attribute or method of that name.
fn is_of_library(name: &str) -> bool {
    TensorAttr::from_name(name).is_some()
        || table::method(name).is_some()
        || table::in_place_method(name).is_some()
        || (!name.starts_with('_') && prelude::tensor_method(name).is_some())
        || METHODS.iter().any(|(_, names)| names.contains(&name))
        || known::is_of_tensor(name)
}

/// The names for which [`is_of_library`] holds; those of in-place methods are PyTorch's own list.
fn names_of_library() -> impl Iterator<Item = &'static str> {
    let of_python = METHODS.iter().flat_map(|(_, names)| names.iter().copied());
    let attributes = TensorAttr::ALL.iter().map(|attribute| attribute.name());
    of_python
        .chain(attributes)
        .chain(table::all().flat_map(|(_, row)| row.forms.method.iter().copied()))
        .chain(prelude::tensor_methods())
        .chain(known::tensor_names())
}
