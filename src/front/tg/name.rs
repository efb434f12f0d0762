//! Names: variables, builtins, and mistakes.

use super::names::{self, Known};
use super::scope::ScopeKind;
use super::signature;
use super::unit::UnitLowerer;
use crate::diagnostic::Diagnostic;
use crate::ir::*;
use crate::source::Span;
use crate::symbol::Symbol;
use crate::syntax::ast::*;

/// What a chain `a.b.c` is.
pub enum Chain {
    /// Attributes of a value.
    Attributes,
    /// A builtin, as a whole.
    Known(Known),
    /// What PyTorch has and gradlint does not model.
    Unmodelled,
    /// A mistake, reported.
    Mistake,
}

impl UnitLowerer<'_, '_, '_> {
    /// Whether the file is in Python.
    pub fn is_python(&self) -> bool {
        self.module.dialect != Dialect::Tg
    }

    /// Whether the program binds the name, as seen from here.
    pub fn is_bound(&self, name: Symbol) -> bool {
        self.scopes.resolve(self.scope, name).is_some()
    }

    /// The register of a variable of the program.
    pub fn variable(&self, name: Symbol) -> Option<Reg> {
        let owner = self.scopes.resolve(self.scope, name)?;
        self.function().vars.get(&(owner, name)).copied()
    }
    /// The register of a variable that is no cell.
    pub fn plain_variable(&self, name: Symbol) -> Option<Reg> {
        self.variable(name)
            .filter(|reg| !self.function().is_cell(*reg))
    }

    /// The value of a name.
    pub fn load_name(&mut self, name: Symbol, span: Span, hint: Option<Reg>) -> Operand {
        match self.variable(name) {
            Some(reg) if self.function().is_cell(reg) => {
                self.emit(InstrKind::LoadCell(reg), span, hint)
            }
            // What may not be bound yet is looked up in its turn, as Python does: the error comes before what follows.
            Some(reg) if !self.function().is_set(reg) => {
                self.emit(InstrKind::Copy(Operand::Reg(reg)), span, None)
            }
            Some(reg) => Operand::Reg(reg),
            None => match self.low.known(self.path, name.as_str()) {
                Some(known) => self.builtin_value(known, span, hint),
                None => self.unknown_name(name.as_str(), span, hint),
            },
        }
    }

    /// Binds a name of the program.
    pub fn store_name(&mut self, name: Symbol, value: Operand, span: Span) {
        let Some(reg) = self.variable(name) else {
            return;
        };
        match self.function().is_cell(reg) {
            true => self.effect(InstrKind::StoreCell { cell: reg, value }, span),
            false => self.copy(reg, value, span),
        }
    }

    /// A builtin as a value.
    pub fn builtin_value(&mut self, known: Known, span: Span, hint: Option<Reg>) -> Operand {
        match known {
            Known::Builtin(Builtin::Float(number)) => Operand::Const(Const::Float(number)),
            Known::Builtin(builtin) => self.emit(InstrKind::Builtin(builtin), span, hint),
            Known::Prelude(export) => {
                let unit = self.low.load(export.piece);
                self.emit(
                    InstrKind::LoadUnit {
                        unit,
                        name: Symbol::intern(export.name),
                    },
                    span,
                    hint,
                )
            }
            Known::Input | Known::Unknown | Known::Super => {
                let text = self.low.sources.text(span).to_owned();
                self.low.error(
                    Diagnostic::error(span, format!("`{text}` can only be called"))
                        .with_label("not a value"),
                );
                self.emit(InstrKind::Unknown, span, hint)
            }
        }
    }

    /// What a chain of attributes is whose first name the program does not bind.
    pub fn chain(&mut self, expr: ExprId) -> Chain {
        let Some(dotted) = signature::dotted(self.module, expr) else {
            return Chain::Attributes;
        };
        let root = dotted.split('.').next().unwrap_or(&dotted);
        if self.is_bound(Symbol::intern(root)) {
            return Chain::Attributes;
        }
        if let Some(known) = self.low.known(self.path, &dotted) {
            return Chain::Known(known);
        }
        let shorter = dotted.match_indices('.').map(|(at, _)| at).rev();
        for end in shorter {
            if self.low.known(self.path, &dotted[..end]).is_some() {
                return Chain::Attributes;
            }
        }
        let span = self.module[expr].span;
        if crate::ops::known::is_of_torch(&dotted) {
            return Chain::Unmodelled;
        }
        if self.is_python() || self.low.is_crowded(span) {
            return Chain::Mistake;
        }
        match names::is_namespace(root) || root == "torch" {
            true => self.unknown_builtin(&dotted, span),
            false => self.report_unknown(root, self.root_span(expr)),
        }
        Chain::Mistake
    }

    fn root_span(&self, expr: ExprId) -> Span {
        let mut at = expr;
        while let ExprKind::Attribute(object, _) = &self.module[at].kind {
            at = *object;
        }
        self.module[at].span
    }

    fn unknown_name(&mut self, name: &str, span: Span, hint: Option<Reg>) -> Operand {
        if !self.is_python() && !self.low.is_crowded(span) {
            self.report_unknown(name, span);
        }
        self.emit(InstrKind::Unknown, span, hint)
    }

    fn report_unknown(&mut self, name: &str, span: Span) {
        if names::is_namespace(name) {
            let error = Diagnostic::error(span, format!("`{name}` alone is not a value"));
            self.low
                .error(error.with_label("only names in it can be used"));
            return;
        }
        let own = self.visible_names();
        let mut known = names::all();
        known.retain(|builtin| !builtin.contains('.'));
        let error = Diagnostic::error(span, format!("unknown name `{name}`"))
            .with_label("bound nowhere in the program");
        // The program's own names are meant rather than a builtin as near.
        let error = self
            .low
            .suggestions
            .add(error, name, || own.iter().chain(&known).map(String::as_str));
        self.low.error(error);
    }

    fn unknown_builtin(&mut self, dotted: &str, span: Span) {
        let error = Diagnostic::error(span, format!("unknown builtin `{dotted}`"))
            .with_label("not known to gradlint");
        let name = dotted.strip_prefix("torch.").unwrap_or(dotted);
        let known = names::all();
        let error = self
            .low
            .suggestions
            .add(error, name, || known.iter().map(String::as_str));
        self.low.error(error);
    }

    /// The names that the program binds and that can be seen from here.
    fn visible_names(&self) -> Vec<String> {
        let mut names = Vec::new();
        let mut at = Some(self.scope);
        while let Some(scope) = at {
            let scope = &self.scopes[scope];
            if scope.kind != ScopeKind::Class {
                names.extend(scope.order.iter().map(|name| name.as_str().to_owned()));
            }
            at = scope.parent;
        }
        names
    }
}
