//! Expressions.

use std::rc::Rc;

use ruff_python_ast::{self as py, Expr as Py, InterpolatedStringElement, Number};

use super::bindings::Bindings;
use super::project::Imported;
use super::translator::{Meaning, Translator};
use crate::front::tg::{Foreign, foreign};
use crate::source::Span;
use crate::symbol::Symbol;
use crate::syntax::ast::*;

/// Whether a full path names something of PyTorch's or of Python's library, as far as that is modelled.
pub fn is_library(path: &str) -> bool {
    let root = path.split('.').next().unwrap_or(path);
    matches!(root, "torch" | "builtins") || crate::front::tg::is_python_module(root)
}

impl Translator<'_> {
    /// An expression.
    pub fn expr(&mut self, expr: &Py) -> ExprId {
        let span = self.span(expr);
        let kind = match expr {
            Py::Name(name) => return self.name_expr(name.id.as_str(), span),
            Py::Attribute(attribute) => {
                if let Some(imported) = self.imported_attribute(expr, span) {
                    return imported;
                }
                let object = self.expr(&attribute.value);
                ExprKind::Attribute(object, self.name(&attribute.attr))
            }
            Py::Call(call) => return self.call(call, span),
            Py::Subscript(subscript) => {
                let object = self.expr(&subscript.value);
                ExprKind::Subscript(object, self.expr(&subscript.slice))
            }
            Py::BinOp(binary) => {
                let (left, right) = (self.expr(&binary.left), self.expr(&binary.right));
                ExprKind::Binary(binary_op(binary.op), left, right)
            }
            Py::UnaryOp(unary) => {
                let operand = self.expr(&unary.operand);
                ExprKind::Unary(unary_op(unary.op), operand)
            }
            Py::BoolOp(logical) => return self.logical(logical, span),
            Py::Compare(compare) => self.compare(compare),
            Py::If(conditional) => ExprKind::Conditional {
                condition: self.expr(&conditional.test),
                then: self.expr(&conditional.body),
                otherwise: self.expr(&conditional.orelse),
            },
            Py::Named(named) => match &*named.target {
                Py::Name(name) => {
                    let target = Name {
                        symbol: Symbol::intern(&name.id),
                        span: self.span(name),
                    };
                    ExprKind::Named(target, self.expr(&named.value))
                }
                _ => return self.expr(&named.value),
            },
            Py::Lambda(lambda) => return self.lambda(lambda, span),
            Py::Await(inner) => return self.expr(&inner.value),
            Py::Yield(_) | Py::YieldFrom(_) => return self.yielded(expr, span),
            _ => return self.display(expr, span),
        };
        self.add(kind, span)
    }

    /// Literals, displays and comprehensions.
    fn display(&mut self, expr: &Py, span: Span) -> ExprId {
        let kind = match expr {
            Py::NumberLiteral(number) => number_kind(&number.value),
            Py::StringLiteral(string) => ExprKind::Str(string.value.to_str().into()),
            Py::BooleanLiteral(literal) => ExprKind::Bool(literal.value),
            Py::NoneLiteral(_) => ExprKind::None,
            Py::EllipsisLiteral(_) => ExprKind::Ellipsis,
            Py::FString(string) => self.f_string(&string.value),
            Py::Tuple(tuple) => ExprKind::Tuple(self.exprs(&tuple.elts)),
            Py::List(list) => ExprKind::List(self.exprs(&list.elts)),
            Py::Set(set) => ExprKind::Set(self.exprs(&set.elts)),
            Py::Dict(dict) => {
                let entry = |item: &py::DictItem| {
                    let key = item.key.as_ref().map(|key| self.expr(key));
                    (key, self.expr(&item.value))
                };
                ExprKind::Dict(dict.items.iter().map(entry).collect())
            }
            Py::Slice(slice) => {
                let mut part = |part: &Option<Box<Py>>| part.as_ref().map(|part| self.expr(part));
                ExprKind::Slice {
                    lower: part(&slice.lower),
                    upper: part(&slice.upper),
                    step: part(&slice.step),
                }
            }
            Py::Starred(starred) => ExprKind::Starred(self.expr(&starred.value)),
            Py::ListComp(comp) => self.list_comp(&comp.elt, &comp.generators),
            Py::Generator(comp) => self.list_comp(&comp.elt, &comp.generators),
            Py::SetComp(comp) => {
                let kind = self.list_comp(&comp.elt, &comp.generators);
                let list = self.add(kind, span);
                let callee = self.builtin("set", span);
                return self.call_of(callee, &[list], span);
            }
            Py::DictComp(comp) => self.dict_comp(comp),
            // Bytes, t-strings, shell escapes: nothing that a gradient goes through.
            _ => ExprKind::Error,
        };
        self.add(kind, span)
    }

    /// Expressions in order.
    pub fn exprs(&mut self, exprs: &[Py]) -> Vec<ExprId> {
        exprs.iter().map(|expr| self.expr(expr)).collect()
    }

    /// A name where it is used.
    pub fn name_expr(&mut self, name: &str, span: Span) -> ExprId {
        match (self.meaning(name), name) {
            (Meaning::Import(path), _) => self.import_expr(&path, span),
            (_, "__name__") => {
                let name = if self.is_main() { "__main__" } else { "module" };
                self.add(ExprKind::Str(name.into()), span)
            }
            (_, "") => self.unknown(span),
            (_, "open" | "input") if !self.is_bound(name) => self.outside(span),
            _ => match self.star_import(name) {
                Some(path) => self.import_expr(&path, span),
                None => self.plain(name, span),
            },
        }
    }

    /// What was imported. Of modules that are not modelled nothing is known; of Python's library the path begins with a name
    /// that no program binds.
    fn import_expr(&mut self, path: &str, span: Span) -> ExprId {
        let root = path.split('.').next().unwrap_or(path);
        match root {
            "torch" if self.is_foreign_of_torch(path) => self.foreign(path, span),
            "torch" | "builtins" => self.path(path, span),
            _ if crate::front::tg::is_python_module(root) => {
                self.path(&format!("builtins.{path}"), span)
            }
            _ => match self.resolve(path) {
                Some(Imported::Path(path)) => self.import_expr(&path, span),
                Some(Imported::Name(file, name, 0)) => self.of_other_file(file, name, span),
                _ => self.foreign(path, span),
            },
        }
    }

    /// Whether a path of PyTorch names something that is not modelled, but of which it is known that it gives data.
    fn is_foreign_of_torch(&self, path: &str) -> bool {
        foreign(path) != Foreign::Unknown && !crate::front::tg::is_known_in_python(path)
    }

    /// Something of another package.
    fn foreign(&mut self, path: &str, span: Span) -> ExprId {
        match foreign(path) {
            Foreign::Dataset => self.builtin("_outside", span),
            Foreign::Outside => self.outside(span),
            Foreign::Unknown => self.unknown(span),
        }
    }

    /// Something from outside of the program.
    fn outside(&mut self, span: Span) -> ExprId {
        let source = self.builtin("_outside", span);
        self.call_of(source, &[], span)
    }

    /// `model.Net` after `import model`.
    fn imported_attribute(&mut self, expr: &Py, span: Span) -> Option<ExprId> {
        let path = self.imported_path(expr)?;
        let is_foreign = foreign(&path) != Foreign::Unknown;
        if is_library(&path) {
            let is_known = crate::front::tg::is_known_in_python(&path);
            return (is_foreign && !is_known).then(|| self.foreign(&path, span));
        }
        let Some(imported) = self.resolve(&path) else {
            let is_named = is_foreign || foreign(path.split('.').next()?) != Foreign::Unknown;
            return is_named.then(|| self.foreign(&path, span));
        };
        match imported {
            Imported::Path(path) => Some(self.import_expr(&path, span)),
            Imported::Name(file, name, 0) => Some(self.of_other_file(file, name, span)),
            Imported::Name(..) => None,
        }
    }

    fn of_other_file(&mut self, file: usize, name: Symbol, span: Span) -> ExprId {
        let expr = self.unknown(span);
        self.imported.insert(expr, (file, name));
        expr
    }

    /// The path of a name that comes from `from torch.nn import *`.
    fn star_import(&self, name: &str) -> Option<String> {
        if self.is_bound(name) || crate::front::tg::is_python_builtin(name) {
            return None;
        }
        let path = |module: &Rc<str>| format!("{module}.{name}");
        let known = |path: &String| match is_library(path) {
            true => crate::front::tg::is_known_in_python(path),
            false => self.resolve(path).is_some(),
        };
        self.stars()
            .map(path)
            .find(known)
            .or_else(|| self.stars().next().map(path))
    }

    fn call(&mut self, call: &py::ExprCall, span: Span) -> ExprId {
        let callee = self.expr(&call.func);
        // `super(Net, self)` in `Net` is `super()`.
        let is_super = matches!(&*call.func, Py::Name(name) if name.id.as_str() == "super");
        let args = match is_super {
            true => Vec::new(),
            false => self.arguments(&call.arguments),
        };
        self.add(ExprKind::Call { callee, args }, span)
    }

    /// The arguments of a call, in the order of the text.
    pub fn arguments(&mut self, arguments: &py::Arguments) -> Vec<Argument> {
        let mut args = Vec::with_capacity(arguments.len());
        for argument in arguments.iter_source_order() {
            args.push(match argument {
                py::ArgOrKeyword::Arg(Py::Starred(starred)) => Argument {
                    kind: ArgumentKind::Star,
                    value: self.expr(&starred.value),
                },
                py::ArgOrKeyword::Arg(value) => Argument {
                    kind: ArgumentKind::Positional,
                    value: self.expr(value),
                },
                py::ArgOrKeyword::Keyword(keyword) => Argument {
                    kind: match &keyword.arg {
                        Some(name) => ArgumentKind::Keyword(self.name(name)),
                        None => ArgumentKind::DoubleStar,
                    },
                    value: self.expr(&keyword.value),
                },
            });
        }
        args
    }

    /// `a and b and c` is `(a and b) and c`.
    fn logical(&mut self, logical: &py::ExprBoolOp, span: Span) -> ExprId {
        let op = match logical.op {
            py::BoolOp::And => BoolOp::And,
            py::BoolOp::Or => BoolOp::Or,
        };
        let mut values = logical.values.iter();
        let mut left = match values.next() {
            Some(first) => self.expr(first),
            None => return self.unknown(span),
        };
        for value in values {
            let right = self.expr(value);
            let whole = Span {
                end: self.span(value).end,
                ..span
            };
            left = self.add(ExprKind::Logical(op, left, right), whole);
        }
        left
    }

    fn compare(&mut self, compare: &py::ExprCompare) -> ExprKind {
        let first = self.expr(&compare.left);
        let rest = compare.ops.iter().zip(&*compare.comparators);
        let rest = rest.map(|(op, right)| (compare_op(*op), self.expr(right)));
        ExprKind::Compare(first, rest.collect())
    }

    fn lambda(&mut self, lambda: &py::ExprLambda, span: Span) -> ExprId {
        let mut bindings = Bindings::default();
        let params = match &lambda.parameters {
            Some(parameters) => {
                bindings.parameters(parameters);
                self.parameters(parameters)
            }
            None => Vec::new(),
        };
        let body = self.within(bindings, |this| this.expr(&lambda.body));
        self.add(ExprKind::Lambda { params, body }, span)
    }

    fn list_comp(&mut self, element: &Py, generators: &[py::Comprehension]) -> ExprKind {
        let (clauses, element) = self.comprehension(generators, |this| this.expr(element));
        ExprKind::ListComp { element, clauses }
    }

    fn dict_comp(&mut self, comp: &py::ExprDictComp) -> ExprKind {
        let (clauses, (key, value)) = self.comprehension(&comp.generators, |this| {
            let key = match &comp.key {
                Some(key) => this.expr(key),
                None => {
                    let span = this.span(&*comp.value);
                    this.unknown(span)
                }
            };
            (key, this.expr(&comp.value))
        });
        ExprKind::DictComp {
            key,
            value,
            clauses,
        }
    }

    /// The clauses, and what is made within their scope. The first iterable belongs to the scope around.
    fn comprehension<T>(
        &mut self,
        generators: &[py::Comprehension],
        element: impl FnOnce(&mut Self) -> T,
    ) -> (Vec<CompClause>, T) {
        let mut first = generators.first().map(|clause| self.expr(&clause.iter));
        let mut bindings = Bindings::default();
        for clause in generators {
            bindings.target(&clause.target);
        }
        self.within(bindings, |this| {
            let mut clauses = Vec::with_capacity(generators.len());
            for clause in generators {
                let iterable = first.take().unwrap_or_else(|| this.expr(&clause.iter));
                clauses.push(CompClause {
                    target: this.target(&clause.target),
                    iterable,
                    conditions: this.exprs(&clause.ifs),
                });
            }
            let made = element(this);
            (clauses, made)
        })
    }

    fn f_string(&mut self, value: &py::FStringValue) -> ExprKind {
        let mut parts = Vec::new();
        for part in value {
            match part {
                py::FStringPart::Literal(literal) => {
                    parts.push(FStringPart::Text(literal.as_str().into()));
                }
                py::FStringPart::FString(string) => {
                    for element in &string.elements {
                        let part = self.f_string_part(element);
                        parts.push(part);
                    }
                }
            }
        }
        ExprKind::FString(parts)
    }

    fn f_string_part(&mut self, element: &InterpolatedStringElement) -> FStringPart {
        let element = match element {
            InterpolatedStringElement::Literal(text) => {
                return FStringPart::Text((*text.value).into());
            }
            InterpolatedStringElement::Interpolation(element) => element,
        };
        let spec = element.format_spec.as_ref().map(|spec| {
            let mut text = String::new();
            let mut whole = true;
            for part in &spec.elements {
                match part {
                    InterpolatedStringElement::Literal(part) => text.push_str(&part.value),
                    InterpolatedStringElement::Interpolation(_) => whole = false,
                }
            }
            (text, whole)
        });
        let value = match &spec {
            // A width that is computed: what it shows is not known.
            Some((_, false)) => {
                let span = self.span(&*element.expression);
                self.unknown(span)
            }
            _ => self.expr(&element.expression),
        };
        FStringPart::Value {
            value,
            conversion: element.conversion.to_char(),
            spec: spec
                .filter(|(_, whole)| *whole)
                .map(|(text, _)| text.into()),
            debug: element.debug_text.as_ref().map(|text| text.as_str().into()),
        }
    }

    /// What is assigned to: names are variables, whatever they were imported as.
    pub fn target(&mut self, target: &Py) -> ExprId {
        let span = self.span(target);
        let kind = match target {
            Py::Name(name) => ExprKind::Name(Symbol::intern(&name.id)),
            Py::Tuple(tuple) => ExprKind::Tuple(self.targets(&tuple.elts)),
            Py::List(list) => ExprKind::List(self.targets(&list.elts)),
            Py::Starred(starred) => ExprKind::Starred(self.target(&starred.value)),
            Py::Attribute(_) | Py::Subscript(_) => return self.expr(target),
            _ => ExprKind::Error,
        };
        self.add(kind, span)
    }

    /// Targets in order.
    pub fn targets(&mut self, targets: &[Py]) -> Vec<ExprId> {
        targets.iter().map(|target| self.target(target)).collect()
    }

    /// `yield e` in a generator: the value is kept for the list that the call gives.
    fn yielded(&mut self, expr: &Py, span: Span) -> ExprId {
        let (method, value) = match expr {
            Py::YieldFrom(from) => ("extend", self.expr(&from.value)),
            Py::Yield(value) => match &value.value {
                Some(value) => ("append", self.expr(value)),
                None => ("append", self.add(ExprKind::None, span)),
            },
            _ => return self.unknown(span),
        };
        let list = self.plain(super::function::YIELDED, span);
        self.method_of(list, method, &[value], span)
    }
}

/// An integer that does not fit is unknown.
fn number_kind(number: &Number) -> ExprKind {
    match number {
        Number::Int(int) => int.as_i64().map_or(ExprKind::Error, ExprKind::Int),
        Number::Float(float) => ExprKind::Float(*float),
        Number::Complex { .. } => ExprKind::Error,
    }
}

/// The operator of the same meaning.
pub fn binary_op(op: py::Operator) -> BinaryOp {
    match op {
        py::Operator::Add => BinaryOp::Add,
        py::Operator::Sub => BinaryOp::Sub,
        py::Operator::Mult => BinaryOp::Mul,
        py::Operator::MatMult => BinaryOp::MatMul,
        py::Operator::Div => BinaryOp::Div,
        py::Operator::Mod => BinaryOp::Mod,
        py::Operator::Pow => BinaryOp::Pow,
        py::Operator::LShift => BinaryOp::Shl,
        py::Operator::RShift => BinaryOp::Shr,
        py::Operator::BitOr => BinaryOp::Or,
        py::Operator::BitXor => BinaryOp::Xor,
        py::Operator::BitAnd => BinaryOp::And,
        py::Operator::FloorDiv => BinaryOp::FloorDiv,
    }
}

fn unary_op(op: py::UnaryOp) -> UnaryOp {
    match op {
        py::UnaryOp::Invert => UnaryOp::Invert,
        py::UnaryOp::Not => UnaryOp::Not,
        py::UnaryOp::UAdd => UnaryOp::Pos,
        py::UnaryOp::USub => UnaryOp::Neg,
    }
}

fn compare_op(op: py::CmpOp) -> CompareOp {
    match op {
        py::CmpOp::Eq => CompareOp::Eq,
        py::CmpOp::NotEq => CompareOp::Ne,
        py::CmpOp::Lt => CompareOp::Lt,
        py::CmpOp::LtE => CompareOp::Le,
        py::CmpOp::Gt => CompareOp::Gt,
        py::CmpOp::GtE => CompareOp::Ge,
        py::CmpOp::Is => CompareOp::Is,
        py::CmpOp::IsNot => CompareOp::IsNot,
        py::CmpOp::In => CompareOp::In,
        py::CmpOp::NotIn => CompareOp::NotIn,
    }
}
