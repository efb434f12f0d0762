//! Classes. The language lets a module do without `super().__init__()`; PyTorch does not, so it is added where it lacks.

use crate::source::Span;
use crate::syntax::ast::{ClassDef, ExprId, ExprKind, FunctionDef, Module};

use super::Writer;

/// The starts of all `x.__init__` of the program, in order.
pub(super) fn init_calls(module: &Module) -> Vec<u32> {
    let named = |kind: &ExprKind| matches!(kind, ExprKind::Attribute(_, name) if name.symbol.as_str() == "__init__");
    let mut starts: Vec<u32> = module
        .exprs
        .iter()
        .filter(|expr| named(&expr.kind))
        .map(|expr| expr.span.start)
        .collect();
    starts.sort_unstable();
    starts
}

/// How a class makes `nn.Module`'s tables ready.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Setup {
    /// It is no module.
    No,
    /// `nn.Module` is its only base.
    Super,
    /// It derives from it by other classes, whose own `__init__` must not run: it does not in the language either.
    Module,
}

impl Writer<'_> {
    /// How `class` makes itself ready, and notes it for those that derive from it.
    pub(super) fn setup_of(&mut self, class: &ClassDef) -> Setup {
        let is_module = class.bases.iter().any(|&base| self.is_module(base));
        self.modules.insert(class.name.symbol, is_module);
        match class.bases[..] {
            _ if !is_module => Setup::No,
            [base] if self.dotted(base) == ["nn", "Module"] => Setup::Super,
            _ => Setup::Module,
        }
    }

    fn is_module(&self, base: ExprId) -> bool {
        if let ExprKind::Name(name) = self.module[base].kind
            && let Some(&is_module) = self.modules.get(&name)
        {
            return is_module;
        }
        matches!(self.dotted(base)[..], ["nn", ref rest @ ..] if rest != ["Parameter"])
    }

    /// The parts of a dotted builtin without `torch`; empty for anything else.
    fn dotted(&self, id: ExprId) -> Vec<&'static str> {
        let mut parts = Vec::new();
        let mut at = id;
        loop {
            match self.module[at].kind {
                ExprKind::Attribute(inner, name) => {
                    parts.push(name.symbol.as_str());
                    at = inner;
                }
                ExprKind::Name(name) if !self.scopes.binds(name) => {
                    parts.push(name.as_str());
                    break;
                }
                _ => return Vec::new(),
            }
        }
        parts.reverse();
        if parts[0] == "torch" {
            parts.remove(0);
        }
        parts
    }

    /// The statement that `__init__` lacks, if it does.
    pub(super) fn missing_setup(&mut self, setup: Setup, function: &FunctionDef) -> Option<String> {
        if function.name.symbol.as_str() != "__init__" || self.calls_init(function.body.span) {
            return None;
        }
        let this = function.params.first()?.name.symbol;
        match setup {
            Setup::No => None,
            Setup::Super => Some("super().__init__()".into()),
            Setup::Module => {
                let nn = self.needs.global(crate::symbol::Symbol::intern("nn"));
                Some(format!("{nn}.Module.__init__({this})"))
            }
        }
    }

    fn calls_init(&self, body: Span) -> bool {
        let first = self.init_calls.partition_point(|&start| start < body.start);
        self.init_calls
            .get(first)
            .is_some_and(|&start| start < body.end)
    }
}
