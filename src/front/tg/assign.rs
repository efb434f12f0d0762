//! Assignment to targets.

use super::names;
use super::unit::UnitLowerer;
use crate::diagnostic::Diagnostic;
use crate::ir::*;
use crate::operator::BinaryOp;
use crate::source::Span;
use crate::syntax::ast::{ExprId, ExprKind, Name, TypeAnnotation};

impl UnitLowerer<'_, '_, '_> {
    /// `a = b = e`
    pub fn assignment(&mut self, targets: &[ExprId], value: ExprId, span: Span) {
        let module = self.module;
        if let [target] = targets
            && let ExprKind::Name(name) = &module[*target].kind
            && let Some(dest) = self.plain_variable(*name)
        {
            return self.expr_into(value, dest);
        }
        let value = self.expr(value);
        for target in targets {
            self.assign(*target, value.clone(), span);
        }
    }

    /// Binds a target to a value. What can raise is at `span`, the statement.
    pub fn assign(&mut self, target: ExprId, value: Operand, span: Span) {
        let module = self.module;
        match &module[target].kind {
            ExprKind::Name(name) => self.store_name(*name, value, span),
            ExprKind::Attribute(object, name) => {
                self.refuse_builtin_target(target);
                let object = self.expr(*object);
                self.define(*name);
                self.effect(
                    InstrKind::SetAttr {
                        object,
                        name: name.symbol,
                        value,
                    },
                    span,
                );
            }
            ExprKind::Subscript(object, index) => {
                let (object, index) = (self.expr(*object), self.expr(*index));
                self.effect(
                    InstrKind::SetItem {
                        object,
                        index,
                        value,
                    },
                    span,
                );
            }
            ExprKind::Tuple(parts) | ExprKind::List(parts) => self.unpack(parts, value, span),
            // What else stands here has been reported by the parser.
            _ => {}
        }
    }

    fn define(&mut self, name: Name) {
        self.low.attributes.define(name.symbol);
    }

    /// `nn.Linear = …` would change the library for all.
    fn refuse_builtin_target(&mut self, target: ExprId) {
        if let super::name::Chain::Known(_) = self.chain(target) {
            let span = self.module[target].span;
            self.low.error(
                Diagnostic::error(span, "a builtin cannot be assigned to")
                    .with_label("part of the library"),
            );
        }
    }

    fn unpack(&mut self, parts: &[ExprId], value: Operand, span: Span) {
        let module = self.module;
        let star = parts
            .iter()
            .position(|part| matches!(module[*part].kind, ExprKind::Starred(_)));
        let before = star.unwrap_or(parts.len()) as u32;
        let after = star.map_or(0, |star| parts.len() - star - 1) as u32;
        let unpacked = self.emit(
            InstrKind::Unpack {
                value,
                before,
                star: star.is_some(),
                after,
            },
            span,
            None,
        );
        for (nth, part) in parts.iter().enumerate() {
            let part = match &module[*part].kind {
                ExprKind::Starred(inner) => *inner,
                _ => *part,
            };
            let direct = match &module[part].kind {
                ExprKind::Name(name) => self.plain_variable(*name),
                _ => None,
            };
            let mark = self.f().mark();
            let element = self.emit(
                InstrKind::Element(unpacked.clone(), nth as u32),
                module[part].span,
                direct,
            );
            self.assign(part, element, span);
            self.f().release(mark);
        }
    }

    /// `target op= value`
    pub fn augmented(&mut self, target: ExprId, op: BinaryOp, value: ExprId, span: Span) {
        let module = self.module;
        self.need_binary(op);
        match &module[target].kind {
            ExprKind::Name(name) => {
                let name_span = module[target].span;
                let old = self.load_name(*name, name_span, None);
                let value = self.expr(value);
                let direct = self.plain_variable(*name);
                let new = self.emit(InstrKind::InPlace(op, old, value), span, direct);
                self.store_name(*name, new, span);
            }
            ExprKind::Attribute(object, name) => {
                self.refuse_builtin_target(target);
                let object = self.expr(*object);
                self.demand(*name);
                let old = self.emit(
                    InstrKind::GetAttr(object.clone(), name.symbol),
                    module[target].span,
                    None,
                );
                let value = self.expr(value);
                let value = self.emit(InstrKind::InPlace(op, old, value), span, None);
                self.effect(
                    InstrKind::SetAttr {
                        object,
                        name: name.symbol,
                        value,
                    },
                    span,
                );
            }
            ExprKind::Subscript(object, index) => {
                let (object, index) = (self.expr(*object), self.expr(*index));
                let old = self.emit(
                    InstrKind::GetItem(object.clone(), index.clone()),
                    module[target].span,
                    None,
                );
                let value = self.expr(value);
                let value = self.emit(InstrKind::InPlace(op, old, value), span, None);
                self.effect(
                    InstrKind::SetItem {
                        object,
                        index,
                        value,
                    },
                    span,
                );
            }
            _ => {
                self.expr(value);
            }
        }
    }

    /// `x: f32[2, 3] = e`
    pub fn annotated(&mut self, target: ExprId, ty: &TypeAnnotation, value: ExprId, span: Span) {
        let dtype = names::dtype(ty.dtype.symbol.as_str());
        if dtype.is_none() {
            self.check_type_name(ty);
        }
        let shape = ty
            .shape
            .as_ref()
            .map(|sizes| sizes.iter().map(|size| self.expr(*size)).collect());
        let input = self.is_input(value).map(<[_]>::to_vec);
        let (Some(args), Some(dtype)) = (input, dtype) else {
            return self.assignment(&[target], value, span);
        };
        self.refuse_args(&args, "input");
        let direct = match &self.module[target].kind {
            ExprKind::Name(name) => self.plain_variable(*name),
            _ => None,
        };
        let kind = InstrKind::Input(Some(Box::new(InputType { dtype, shape })));
        let value = self.emit(kind, self.module[value].span, direct);
        self.assign(target, value, span);
    }

    /// An annotation that is no dtype may be a type of Python's or of the program, and then says nothing.
    fn check_type_name(&mut self, ty: &TypeAnnotation) {
        let name = ty.dtype.symbol;
        if self.is_bound(name) || self.low.known(self.path, name.as_str()).is_some() {
            return;
        }
        let error = Diagnostic::error(ty.dtype.span, format!("unknown dtype `{name}`"))
            .with_label("not a type of tensors' elements");
        let error = self
            .low
            .suggestions
            .add(error, name.as_str(), names::dtype_names);
        self.low.error(error);
    }
}
