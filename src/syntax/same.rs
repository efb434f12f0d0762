//! Whether two trees are the same program, spans and comments aside.

use super::ast::*;

/// Whether `a` and `b` are the same program. Floats are compared by bits, so that a tree is the same as itself.
pub fn same_tree(a: &Module, b: &Module) -> bool {
    Same { a, b }.block(&a.body, &b.body)
}

/// Whether the expression `x` of `a` is the same as `y` of `b`.
pub(super) fn same_expr(a: &Module, x: ExprId, b: &Module, y: ExprId) -> bool {
    Same { a, b }.expr(&x, &y)
}

/// The recursion is as deep as the trees, which the parser bounds.
struct Same<'a> {
    a: &'a Module,
    b: &'a Module,
}

impl Same<'_> {
    fn all<T>(&self, x: &[T], y: &[T], same: impl Fn(&Self, &T, &T) -> bool) -> bool {
        x.len() == y.len() && x.iter().zip(y).all(|(x, y)| same(self, x, y))
    }

    fn optional<T>(
        &self,
        x: &Option<T>,
        y: &Option<T>,
        same: impl Fn(&Self, &T, &T) -> bool,
    ) -> bool {
        match (x, y) {
            (Some(x), Some(y)) => same(self, x, y),
            (None, None) => true,
            _ => false,
        }
    }

    fn block(&self, x: &Block, y: &Block) -> bool {
        self.all(&x.stmts, &y.stmts, Self::stmt)
    }

    fn stmt(&self, x: &Stmt, y: &Stmt) -> bool {
        self.compound(&x.kind, &y.kind) || self.simple(&x.kind, &y.kind)
    }

    fn compound(&self, x: &StmtKind, y: &StmtKind) -> bool {
        use StmtKind::*;
        match (x, y) {
            (
                If {
                    arms: x,
                    otherwise: xo,
                },
                If {
                    arms: y,
                    otherwise: yo,
                },
            ) => {
                self.all(x, y, |same, x, y| {
                    same.expr(&x.0, &y.0) && same.block(&x.1, &y.1)
                }) && self.optional(xo, yo, Self::block)
            }
            (
                While {
                    condition: x,
                    body: xb,
                    otherwise: xo,
                },
                While {
                    condition: y,
                    body: yb,
                    otherwise: yo,
                },
            ) => self.expr(x, y) && self.block(xb, yb) && self.optional(xo, yo, Self::block),
            (
                For {
                    target: xt,
                    iterable: x,
                    body: xb,
                    otherwise: xo,
                },
                For {
                    target: yt,
                    iterable: y,
                    body: yb,
                    otherwise: yo,
                },
            ) => {
                self.expr(xt, yt)
                    && self.expr(x, y)
                    && self.block(xb, yb)
                    && self.optional(xo, yo, Self::block)
            }
            (With { items: x, body: xb }, With { items: y, body: yb }) => {
                self.all(x, y, Self::with_item) && self.block(xb, yb)
            }
            (
                Try {
                    body: x,
                    handlers: xh,
                    otherwise: xo,
                    finally: xf,
                },
                Try {
                    body: y,
                    handlers: yh,
                    otherwise: yo,
                    finally: yf,
                },
            ) => {
                self.block(x, y)
                    && self.all(xh, yh, Self::catch)
                    && self.optional(xo, yo, Self::block)
                    && self.optional(xf, yf, Self::block)
            }
            (Function(x), Function(y)) => {
                self.all(&x.decorators, &y.decorators, Self::expr)
                    && self.name(&x.name, &y.name)
                    && self.all(&x.params, &y.params, Self::param)
                    && self.block(&x.body, &y.body)
            }
            (Class(x), Class(y)) => {
                self.all(&x.decorators, &y.decorators, Self::expr)
                    && self.name(&x.name, &y.name)
                    && self.all(&x.bases, &y.bases, Self::expr)
                    && self.block(&x.body, &y.body)
            }
            _ => false,
        }
    }

    fn simple(&self, x: &StmtKind, y: &StmtKind) -> bool {
        use StmtKind::*;
        match (x, y) {
            (Expr(x), Expr(y)) => self.expr(x, y),
            (
                Assign {
                    targets: xt,
                    value: x,
                },
                Assign {
                    targets: yt,
                    value: y,
                },
            ) => self.all(xt, yt, Self::expr) && self.expr(x, y),
            (
                Annotated {
                    target: xt,
                    ty: xy,
                    value: x,
                },
                Annotated {
                    target: yt,
                    ty: yy,
                    value: y,
                },
            ) => self.expr(xt, yt) && self.annotation(xy, yy) && self.expr(x, y),
            (
                AugAssign {
                    target: xt,
                    op: xo,
                    value: x,
                },
                AugAssign {
                    target: yt,
                    op: yo,
                    value: y,
                },
            ) => xo == yo && self.expr(xt, yt) && self.expr(x, y),
            (Return(x), Return(y)) | (Raise(x), Raise(y)) => self.optional(x, y, Self::expr),
            (
                Assert {
                    condition: x,
                    message: xm,
                },
                Assert {
                    condition: y,
                    message: ym,
                },
            ) => self.expr(x, y) && self.optional(xm, ym, Self::expr),
            (Del(x), Del(y)) => self.all(x, y, Self::expr),
            (Global(x), Global(y)) | (Nonlocal(x), Nonlocal(y)) => self.all(x, y, Self::name),
            (Error, Error) | (Break, Break) | (Continue, Continue) | (Pass, Pass) => true,
            _ => false,
        }
    }

    fn name(&self, x: &Name, y: &Name) -> bool {
        x.symbol == y.symbol
    }

    fn annotation(&self, x: &TypeAnnotation, y: &TypeAnnotation) -> bool {
        self.name(&x.dtype, &y.dtype)
            && self.optional(&x.shape, &y.shape, |same, x, y| same.all(x, y, Self::expr))
    }

    fn with_item(&self, x: &WithItem, y: &WithItem) -> bool {
        self.expr(&x.manager, &y.manager) && self.optional(&x.target, &y.target, Self::expr)
    }

    fn catch(&self, x: &Catch, y: &Catch) -> bool {
        self.optional(&x.exception, &y.exception, Self::expr)
            && self.optional(&x.name, &y.name, Self::name)
            && self.block(&x.body, &y.body)
    }

    fn param(&self, x: &Param, y: &Param) -> bool {
        x.kind == y.kind
            && self.name(&x.name, &y.name)
            && self.optional(&x.default, &y.default, Self::expr)
    }

    fn expr(&self, x: &ExprId, y: &ExprId) -> bool {
        let (x, y) = (&self.a[*x].kind, &self.b[*y].kind);
        self.leaf(x, y) || self.operation(x, y) || self.collection(x, y)
    }

    fn leaf(&self, x: &ExprKind, y: &ExprKind) -> bool {
        use ExprKind::*;
        match (x, y) {
            (Error, Error) | (None, None) | (Ellipsis, Ellipsis) => true,
            (Name(x), Name(y)) => x == y,
            (Bool(x), Bool(y)) => x == y,
            (Int(x), Int(y)) => x == y,
            (Float(x), Float(y)) => x.to_bits() == y.to_bits(),
            (Str(x), Str(y)) => x == y,
            _ => false,
        }
    }

    fn operation(&self, x: &ExprKind, y: &ExprKind) -> bool {
        use ExprKind::*;
        match (x, y) {
            (Unary(xo, x), Unary(yo, y)) => xo == yo && self.expr(x, y),
            (Binary(xo, x, x2), Binary(yo, y, y2)) => {
                xo == yo && self.expr(x, y) && self.expr(x2, y2)
            }
            (Logical(xo, x, x2), Logical(yo, y, y2)) => {
                xo == yo && self.expr(x, y) && self.expr(x2, y2)
            }
            (Compare(x, xr), Compare(y, yr)) => {
                self.expr(x, y)
                    && self.all(xr, yr, |same, x, y| x.0 == y.0 && same.expr(&x.1, &y.1))
            }
            (
                Conditional {
                    condition: x,
                    then: xt,
                    otherwise: xo,
                },
                Conditional {
                    condition: y,
                    then: yt,
                    otherwise: yo,
                },
            ) => self.expr(x, y) && self.expr(xt, yt) && self.expr(xo, yo),
            (
                Call {
                    callee: x,
                    args: xa,
                },
                Call {
                    callee: y,
                    args: ya,
                },
            ) => self.expr(x, y) && self.all(xa, ya, Self::argument),
            (Attribute(x, xn), Attribute(y, yn)) => self.name(xn, yn) && self.expr(x, y),
            (Subscript(x, xi), Subscript(y, yi)) => self.expr(x, y) && self.expr(xi, yi),
            (
                Slice {
                    lower: x,
                    upper: xu,
                    step: xs,
                },
                Slice {
                    lower: y,
                    upper: yu,
                    step: ys,
                },
            ) => {
                self.optional(x, y, Self::expr)
                    && self.optional(xu, yu, Self::expr)
                    && self.optional(xs, ys, Self::expr)
            }
            (
                Lambda {
                    params: xp,
                    body: x,
                },
                Lambda {
                    params: yp,
                    body: y,
                },
            ) => self.all(xp, yp, Self::param) && self.expr(x, y),
            _ => false,
        }
    }

    fn collection(&self, x: &ExprKind, y: &ExprKind) -> bool {
        use ExprKind::*;
        match (x, y) {
            (Tuple(x), Tuple(y)) | (List(x), List(y)) | (Set(x), Set(y)) => {
                self.all(x, y, Self::expr)
            }
            (Starred(x), Starred(y)) => self.expr(x, y),
            (Named(xn, x), Named(yn, y)) => xn.symbol == yn.symbol && self.expr(x, y),
            (Dict(x), Dict(y)) => self.all(x, y, |same, x, y| {
                same.optional(&x.0, &y.0, Self::expr) && same.expr(&x.1, &y.1)
            }),
            (
                ListComp {
                    element: x,
                    clauses: xc,
                },
                ListComp {
                    element: y,
                    clauses: yc,
                },
            ) => self.expr(x, y) && self.all(xc, yc, Self::clause),
            (
                DictComp {
                    key: xk,
                    value: x,
                    clauses: xc,
                },
                DictComp {
                    key: yk,
                    value: y,
                    clauses: yc,
                },
            ) => self.expr(xk, yk) && self.expr(x, y) && self.all(xc, yc, Self::clause),
            (FString(x), FString(y)) => self.all(x, y, Self::part),
            _ => false,
        }
    }

    fn argument(&self, x: &Argument, y: &Argument) -> bool {
        let kind = match (x.kind, y.kind) {
            (ArgumentKind::Keyword(x), ArgumentKind::Keyword(y)) => self.name(&x, &y),
            (x, y) => x == y,
        };
        kind && self.expr(&x.value, &y.value)
    }

    fn clause(&self, x: &CompClause, y: &CompClause) -> bool {
        self.expr(&x.target, &y.target)
            && self.expr(&x.iterable, &y.iterable)
            && self.all(&x.conditions, &y.conditions, Self::expr)
    }

    fn part(&self, x: &FStringPart, y: &FStringPart) -> bool {
        match (x, y) {
            (FStringPart::Text(x), FStringPart::Text(y)) => x == y,
            (
                FStringPart::Value {
                    value: x,
                    conversion: xc,
                    spec: xs,
                    debug: xd,
                },
                FStringPart::Value {
                    value: y,
                    conversion: yc,
                    spec: ys,
                    debug: yd,
                },
            ) => xc == yc && xs == ys && xd == yd && self.expr(x, y),
            _ => false,
        }
    }
}
