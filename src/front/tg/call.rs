//! Calls, and the check of their keyword arguments where the callee is known.

use super::name::Chain;
use super::names::Known;
use super::scope::{CLASS_CELL, ScopeKind};
use super::signature::{self, Signature};
use super::unit::UnitLowerer;
use crate::diagnostic::Diagnostic;
use crate::ir::*;
use crate::ops::{OpId, table};
use crate::source::Span;
use crate::symbol::Symbol;
use crate::syntax::ast::{Argument, ArgumentKind, ExprId, ExprKind, FStringPart, Name};

/// Keywords that every operator's function takes, or refuses in PyTorch's words when it runs.
const COMMON: [&str; 10] = [
    "out",
    "dtype",
    "device",
    "requires_grad",
    "input",
    "generator",
    "layout",
    "pin_memory",
    "memory_format",
    "names",
];

/// How many bases of bases are followed.
const MAX_BASES: usize = 50;

impl UnitLowerer<'_, '_, '_> {
    /// `callee(args)`
    pub fn call(
        &mut self,
        id: ExprId,
        callee: ExprId,
        args: &[Argument],
        hint: Option<Reg>,
    ) -> Operand {
        let module = self.module;
        let span = module[id].span;
        match &module[callee].kind {
            ExprKind::Name(name) if !self.is_bound(*name) => {
                match self.low.known(self.path, name.as_str()) {
                    Some(Known::Super) => self.super_call(args, span, hint),
                    Some(Known::Input) => self.input_call(args, span, hint),
                    Some(Known::Unknown) => self.unknown_call(args, span, hint),
                    Some(known) => self.known_call(known, callee, args, span, hint),
                    None => self.value_call(callee, args, span, hint),
                }
            }
            ExprKind::Attribute(object, method) => match self.chain(callee) {
                Chain::Known(known) => self.known_call(known, callee, args, span, hint),
                Chain::Unmodelled => self.value_call(callee, args, span, hint),
                Chain::Mistake if self.is_python() => self.value_call(callee, args, span, hint),
                Chain::Mistake => self.mistaken_call(args, span, hint),
                Chain::Attributes => self.method_call(*object, *method, args, span, hint),
            },
            _ => {
                if let ExprKind::Name(name) = &module[callee].kind
                    && !self.is_python()
                {
                    self.check_own(*name, args);
                }
                self.value_call(callee, args, span, hint)
            }
        }
    }

    fn value_call(
        &mut self,
        callee: ExprId,
        args: &[Argument],
        span: Span,
        hint: Option<Reg>,
    ) -> Operand {
        let callee = self.expr(callee);
        let args = self.args(args);
        self.emit(InstrKind::Call { callee, args }, span, hint)
    }

    fn known_call(
        &mut self,
        known: Known,
        callee: ExprId,
        args: &[Argument],
        span: Span,
        hint: Option<Reg>,
    ) -> Operand {
        let callee_span = self.module[callee].span;
        let makes_attribute = known == Known::Builtin(Builtin::Intrinsic(Intrinsic::SetAttr));
        if makes_attribute {
            self.note_made_attribute(args.get(1));
        }
        let callee = self.builtin_value(known, callee_span, None);
        if !self.is_python() {
            self.check_known(known, callee_span, args);
        }
        let args = self.args(args);
        self.emit(InstrKind::Call { callee, args }, span, hint)
    }

    fn mistaken_call(&mut self, args: &[Argument], span: Span, hint: Option<Reg>) -> Operand {
        self.args(args);
        self.emit(InstrKind::Unknown, span, hint)
    }

    fn method_call(
        &mut self,
        object: ExprId,
        method: Name,
        args: &[Argument],
        span: Span,
        hint: Option<Reg>,
    ) -> Operand {
        let object = self.expr(object);
        self.demand(method);
        if matches!(
            method.symbol.as_str(),
            "register_parameter" | "register_buffer" | "add_module" | "register_module"
        ) {
            self.note_made_attribute(args.first());
        }
        let args = self.args(args);
        self.emit(
            InstrKind::CallMethod {
                object,
                name: method.symbol,
                args,
            },
            span,
            hint,
        )
    }

    /// `setattr(x, name, …)` and its kin: what attribute that makes, as far as the text tells.
    fn note_made_attribute(&mut self, name: Option<&Argument>) {
        match name.map(|name| &self.module[name.value].kind) {
            Some(ExprKind::Str(_)) => {}
            Some(ExprKind::FString(parts)) if let Some(FStringPart::Text(text)) = parts.first() => {
                self.low.attributes.define_beginning(text)
            }
            // Of the prelude's own the names are those that it is given.
            _ => self.low.attributes.open |= self.path.is_none(),
        }
    }

    fn args(&mut self, args: &[Argument]) -> Box<[CallArg]> {
        let lower = |arg: &Argument| {
            let kind = match arg.kind {
                ArgumentKind::Positional => CallArgKind::Positional,
                ArgumentKind::Keyword(name) => CallArgKind::Keyword(name.symbol),
                ArgumentKind::Star => CallArgKind::Star,
                ArgumentKind::DoubleStar => CallArgKind::DoubleStar,
            };
            CallArg {
                kind,
                value: self.expr(arg.value),
            }
        };
        args.iter().map(lower).collect()
    }

    fn input_call(&mut self, args: &[Argument], span: Span, hint: Option<Reg>) -> Operand {
        self.refuse_args(args, "input");
        self.emit(InstrKind::Input(None), span, hint)
    }

    fn unknown_call(&mut self, args: &[Argument], span: Span, hint: Option<Reg>) -> Operand {
        self.refuse_args(args, "unknown");
        self.emit(InstrKind::Unknown, span, hint)
    }

    /// Reports arguments of `input` or `unknown`, which take none.
    pub fn refuse_args(&mut self, args: &[Argument], name: &str) {
        if let Some(arg) = args.first() {
            let span = self.module[arg.value].span;
            self.low.error(Diagnostic::error(
                span,
                format!("`{name}` takes no arguments"),
            ));
        }
    }

    /// `super()`, or `super(class, object)`.
    fn super_call(&mut self, args: &[Argument], span: Span, hint: Option<Reg>) -> Operand {
        if let [class, object] = args {
            let (class, object) = (self.expr(class.value), self.expr(object.value));
            return self.emit(InstrKind::Super { class, object }, span, hint);
        }
        let class_cell = Symbol::intern(CLASS_CELL);
        let object = self.function().first_param;
        let (Some(object), true, true) = (object, self.is_bound(class_cell), args.is_empty())
        else {
            let error = Diagnostic::error(span, "`super()` has its meaning only in a method");
            self.low
                .error(error.with_label("no class around this, or no first parameter"));
            return self.emit(InstrKind::Unknown, span, hint);
        };
        let class = self.load_name(class_cell, span, None);
        let own = self.function().scope;
        let scope = std::mem::replace(&mut self.scope, own);
        let object = self.load_name(object, span, None);
        self.scope = scope;
        self.emit(InstrKind::Super { class, object }, span, hint)
    }

    fn check_own(&mut self, name: Symbol, args: &[Argument]) {
        let module = self.scopes.module();
        let once = self.scopes[module]
            .names
            .get(&name)
            .is_some_and(|binding| binding.count == 1);
        if once
            && self.scopes.resolve(self.scope, name) == Some(module)
            && let Some(signature) = self.signatures.get(&name).cloned()
        {
            self.check_signature(&signature, name.as_str(), args);
        }
    }

    fn check_known(&mut self, known: Known, span: Span, args: &[Argument]) {
        match known {
            Known::Builtin(Builtin::Op(op) | Builtin::OpInPlace(op)) => {
                self.check_operator(op, span, args)
            }
            Known::Prelude(export) => {
                self.low.load(export.piece);
                let signature = self.low.loaded[&export.piece]
                    .signatures
                    .get(&Symbol::intern(export.name))
                    .cloned();
                let name = self.low.sources.text(span).to_owned();
                self.check_signature(&signature.unwrap_or(Signature::Open), &name, args);
            }
            _ => {}
        }
    }

    fn check_operator(&mut self, op: OpId, span: Span, args: &[Argument]) {
        let rows = || {
            table::overloads(op)
                .iter()
                .chain([&op])
                .flat_map(|row| table::row(*row).params)
        };
        // NumPy's names of these two are PyTorch's as well.
        let takes = |name: &str| {
            rows().any(|param| {
                param.name == name
                    || matches!(
                        (name, param.name),
                        ("axis", "dim") | ("keepdims", "keepdim")
                    )
            }) || COMMON.contains(&name)
        };
        let name = self.low.sources.text(span).to_owned();
        for (keyword, span) in keywords(args).filter(|(keyword, _)| !takes(keyword.as_str())) {
            let known: Vec<&str> = rows()
                .map(|param| {
                    if param.name == "self" {
                        "input"
                    } else {
                        param.name
                    }
                })
                .collect();
            self.unknown_keyword(keyword, span, &name, &known);
        }
    }

    fn check_signature(&mut self, signature: &Signature, name: &str, args: &[Argument]) {
        if keywords(args).next().is_none() {
            return;
        }
        let mut signature = signature.clone();
        for _ in 0..MAX_BASES {
            match signature {
                Signature::Open => return,
                Signature::Keywords(known) => {
                    for (keyword, span) in
                        keywords(args).filter(|(keyword, _)| !known.contains(keyword))
                    {
                        let known: Vec<&str> = known.iter().map(|known| known.as_str()).collect();
                        self.unknown_keyword(keyword, span, name, &known);
                    }
                    return;
                }
                Signature::Inherited(bases) => signature = self.inherited(&bases),
            }
        }
    }

    /// What a class takes that has just one base; of more it is not looked for.
    fn inherited(&mut self, bases: &[String]) -> Signature {
        let base = match bases {
            [] => return Signature::Keywords(Vec::new()),
            [base] => base,
            _ => return Signature::Open,
        };
        let own = self.signatures.get(&Symbol::intern(base)).cloned();
        if own.is_some() {
            return own.unwrap_or(Signature::Open);
        }
        match self.low.known(self.path, base) {
            Some(Known::Prelude(export)) if !self.is_bound(Symbol::intern(base)) => {
                self.low.load(export.piece);
                // A base of the prelude's class is a name of another file: not followed further.
                match self.low.loaded[&export.piece]
                    .signatures
                    .get(&Symbol::intern(export.name))
                {
                    Some(Signature::Keywords(known)) => Signature::Keywords(known.clone()),
                    _ => Signature::Open,
                }
            }
            _ => Signature::Open,
        }
    }

    fn unknown_keyword(&mut self, keyword: Symbol, span: Span, callee: &str, known: &[&str]) {
        let error = Diagnostic::error(
            span,
            format!("unknown keyword argument `{keyword}` of `{callee}`"),
        );
        let error = match super::distance::nearest(keyword.as_str(), known.iter().copied()) {
            Some(nearest) => error.with_help(format!("did you mean `{nearest}`?")),
            None if known.is_empty() => error.with_help("it takes no keyword arguments"),
            None => error.with_help(format!("it takes {}", list(known))),
        };
        self.low.error(error);
    }

    /// Whether the current scope is a class body.
    pub fn in_class(&self) -> bool {
        self.scopes[self.scope].kind == ScopeKind::Class
    }

    /// The call of `input()` without arguments, if the expression is just that.
    pub fn is_input(&mut self, value: ExprId) -> Option<&[Argument]> {
        let module = self.module;
        let ExprKind::Call { callee, args } = &module[value].kind else {
            return None;
        };
        let name = signature::dotted(module, *callee)?;
        (name == "input" && !self.is_bound(Symbol::intern("input"))).then_some(&args[..])
    }
}

fn keywords(args: &[Argument]) -> impl Iterator<Item = (Symbol, Span)> {
    args.iter().filter_map(|arg| match arg.kind {
        ArgumentKind::Keyword(name) => Some((name.symbol, name.span)),
        _ => None,
    })
}

fn list(names: &[&str]) -> String {
    let mut shown: Vec<String> = Vec::new();
    for name in names {
        let name = format!("`{name}`");
        if !shown.contains(&name) && shown.len() < 20 {
            shown.push(name);
        }
    }
    shown.join(", ")
}
