//! Classes, and what `@dataclass` adds to them.

use std::rc::Rc;

use ruff_python_ast::{self as py, Expr as Py, Stmt as PyStmt};
use ruff_text_size::Ranged;

use super::bindings::Bindings;
use super::function::called;
use super::translator::Translator;
use crate::source::Span;
use crate::symbol::Symbol;
use crate::syntax::ast::*;

/// A field of a dataclass.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name.
    name: Name,
    /// What it is without an argument.
    default: Option<ExprId>,
    /// Whether the default is to be called for each instance.
    is_factory: bool,
    /// Whether `__init__` takes it.
    init: bool,
}

impl Translator<'_> {
    /// A class.
    pub fn class(&mut self, def: &py::StmtClassDef) -> ClassDef {
        let is_dataclass = |decorator: &py::Decorator| {
            self.imported_path(called(&decorator.expression))
                .is_some_and(|path| path == "dataclasses.dataclass")
        };
        let (data, others): (Vec<py::Decorator>, Vec<py::Decorator>) =
            def.decorator_list.iter().cloned().partition(is_dataclass);
        let decorators = self.decorators(&others);
        let bases: Vec<&Py> = def
            .arguments
            .iter()
            .flat_map(|arguments| &*arguments.args)
            .filter(|base| !matches!(base, Py::Starred(_)) && !self.is_plain_base(base))
            .collect();
        // The fields of a base that comes from elsewhere are not known here, and so neither are those of a dataclass.
        let is_own = |base: &&Py| match base {
            Py::Name(name) => self.dataclasses.contains_key(&Symbol::intern(&name.id)),
            _ => false,
        };
        let has_foreign_fields = !data.is_empty()
            && bases
                .iter()
                .any(|base| self.is_imported(base) && !is_own(base));
        let mut bases: Vec<ExprId> = bases.into_iter().map(|base| self.expr(base)).collect();
        if has_foreign_fields {
            let span = self.span(def.name.range());
            bases.push(self.unknown(span));
        }
        let header = def
            .arguments
            .as_ref()
            .map_or(def.name.end(), |arguments| arguments.end());
        let mut bindings = Bindings::of(&def.body);
        bindings.is_class = true;
        self.generators.push(false);
        let body = self.within(bindings, |this| {
            let mut body = this.block(&def.body, header.to_u32());
            if !data.is_empty() && !has_foreign_fields {
                this.dataclass(def, &mut body);
            }
            body
        });
        self.generators.pop();
        ClassDef {
            decorators,
            name: self.name(&def.name),
            bases,
            body,
        }
    }

    fn is_imported(&self, base: &Py) -> bool {
        self.imported_path(base).is_some()
    }

    /// Bases that only say something about types: `ABC`, `Generic[T]`, `Protocol`.
    fn is_plain_base(&self, base: &Py) -> bool {
        let base = match base {
            Py::Subscript(subscript) => &subscript.value,
            _ => base,
        };
        self.imported_path(base).is_some_and(|path| {
            matches!(
                &*path,
                "abc.ABC" | "typing.Generic" | "typing.Protocol" | "typing_extensions.Protocol"
            )
        })
    }

    fn dataclass(&mut self, def: &py::StmtClassDef, body: &mut Block) {
        let own = self.fields(&def.body);
        let bases = def.arguments.iter().flat_map(|arguments| &*arguments.args);
        let mut fields: Vec<Field> = Vec::new();
        for base in bases {
            if let Py::Name(name) = base
                && let Some(inherited) = self.dataclasses.get(&Symbol::intern(&name.id))
            {
                fields.extend(inherited.iter());
            }
        }
        for field in own {
            match fields
                .iter_mut()
                .find(|known| known.name.symbol == field.name.symbol)
            {
                Some(known) => *known = field,
                None => fields.push(field),
            }
        }
        let has_init = body.stmts.iter().any(|stmt| is_method(stmt, "__init__"));
        let has_post = body
            .stmts
            .iter()
            .any(|stmt| is_method(stmt, "__post_init__"));
        if !has_init {
            let init = self.dataclass_init(def, &fields, has_post);
            body.stmts.push(init);
        }
        self.dataclasses
            .insert(Symbol::intern(def.name.as_str()), Rc::from(fields));
    }

    /// The annotated names of a class body.
    fn fields(&mut self, body: &[PyStmt]) -> Vec<Field> {
        let mut fields = Vec::new();
        for stmt in body {
            let PyStmt::AnnAssign(assign) = stmt else {
                continue;
            };
            let Py::Name(target) = &*assign.target else {
                continue;
            };
            let is_class_variable = matches!(&*assign.annotation, Py::Subscript(subscript)
                if self.imported_path(&subscript.value).is_some_and(|path| path == "typing.ClassVar"));
            if is_class_variable {
                continue;
            }
            let mut field = Field {
                name: Name {
                    symbol: Symbol::intern(&target.id),
                    span: self.span(target),
                },
                default: None,
                is_factory: false,
                init: true,
            };
            if let Some(value) = &assign.value {
                self.field_default(value, &mut field);
            }
            fields.push(field);
        }
        fields
    }

    fn field_default(&mut self, value: &Py, field: &mut Field) {
        let is_field = |this: &Self, call: &py::ExprCall| {
            this.imported_path(&call.func)
                .is_some_and(|path| path == "dataclasses.field")
        };
        match value {
            Py::Call(call) if is_field(self, call) => {
                for keyword in &call.arguments.keywords {
                    match keyword.arg.as_ref().map(|name| name.as_str()) {
                        Some("default") => field.default = Some(self.expr(&keyword.value)),
                        Some("default_factory") => {
                            field.default = Some(self.expr(&keyword.value));
                            field.is_factory = true;
                        }
                        Some("init") => {
                            field.init = !matches!(&keyword.value, Py::BooleanLiteral(literal) if !literal.value);
                        }
                        _ => {}
                    }
                }
            }
            _ => field.default = Some(self.expr(value)),
        }
    }

    /// `def __init__(self, a, b=1): self.a = a; …`
    fn dataclass_init(&mut self, def: &py::StmtClassDef, fields: &[Field], has_post: bool) -> Stmt {
        let span = Span {
            start: self.span(def).start,
            end: self.span(&def.name).end,
            file: self.file,
        };
        let this = Name {
            symbol: Symbol::intern("self"),
            span,
        };
        let mut params = vec![Param {
            kind: ParamKind::Normal,
            name: this,
            default: None,
        }];
        let mut stmts = Vec::new();
        for field in fields {
            if field.init {
                let default = match (field.default, field.is_factory) {
                    (Some(_), true) => Some(self.add(ExprKind::None, span)),
                    (default, _) => default,
                };
                params.push(Param {
                    kind: ParamKind::Normal,
                    name: field.name,
                    default,
                });
            }
            let value = self.field_value(field, span);
            let object = self.plain("self", span);
            let target = self.add(ExprKind::Attribute(object, field.name), span);
            stmts.push(Stmt {
                kind: StmtKind::Assign {
                    targets: vec![target],
                    value,
                },
                span,
            });
        }
        if has_post {
            let object = self.plain("self", span);
            let call = self.method_of(object, "__post_init__", &[], span);
            stmts.push(Stmt {
                kind: StmtKind::Expr(call),
                span,
            });
        }
        let name = Name {
            symbol: Symbol::intern("__init__"),
            span,
        };
        let body = Block { stmts, span };
        Stmt {
            kind: StmtKind::Function(FunctionDef {
                decorators: Vec::new(),
                name,
                params,
                body,
                is_left_out: false,
            }),
            span,
        }
    }

    /// The parameter; what the factory makes if it was not given.
    fn field_value(&mut self, field: &Field, span: Span) -> ExprId {
        let given = field.name.symbol.as_str();
        let made = |this: &mut Self| match field.default {
            Some(factory) if field.is_factory => this.call_of(factory, &[], span),
            Some(default) => default,
            None => this.unknown(span),
        };
        if !field.init {
            return made(self);
        }
        if !field.is_factory {
            return self.plain(given, span);
        }
        let (value, none) = (self.plain(given, span), self.add(ExprKind::None, span));
        let condition = self.add(ExprKind::Compare(value, vec![(CompareOp::Is, none)]), span);
        let then = made(self);
        let otherwise = self.plain(given, span);
        self.add(
            ExprKind::Conditional {
                condition,
                then,
                otherwise,
            },
            span,
        )
    }
}

fn is_method(stmt: &Stmt, name: &str) -> bool {
    matches!(&stmt.kind, StmtKind::Function(def) if def.name.symbol.as_str() == name)
}
