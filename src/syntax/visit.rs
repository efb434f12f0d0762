//! The children of expressions and statements, for whoever walks the tree.

use super::ast::{Block, ExprId, ExprKind, FStringPart, Stmt, StmtKind};

impl ExprKind {
    /// Calls `f` with each direct child, in the order of the text (a conditional's condition comes second).
    pub fn for_each_child(&self, mut f: impl FnMut(ExprId)) {
        match self {
            ExprKind::Error
            | ExprKind::Name(_)
            | ExprKind::None
            | ExprKind::Bool(_)
            | ExprKind::Int(_)
            | ExprKind::Float(_)
            | ExprKind::Str(_)
            | ExprKind::Ellipsis => {}
            ExprKind::FString(parts) => {
                for part in parts {
                    if let FStringPart::Value { value, .. } = part {
                        f(*value);
                    }
                }
            }
            ExprKind::Tuple(items) | ExprKind::List(items) | ExprKind::Set(items) => {
                items.iter().copied().for_each(f);
            }
            ExprKind::Dict(entries) => {
                for &(key, value) in entries {
                    key.into_iter().for_each(&mut f);
                    f(value);
                }
            }
            ExprKind::ListComp { element, clauses } => {
                f(*element);
                for clause in clauses {
                    clause.for_each_child(&mut f);
                }
            }
            ExprKind::DictComp {
                key,
                value,
                clauses,
            } => {
                f(*key);
                f(*value);
                for clause in clauses {
                    clause.for_each_child(&mut f);
                }
            }
            &ExprKind::Unary(_, x)
            | &ExprKind::Attribute(x, _)
            | &ExprKind::Starred(x)
            | &ExprKind::Named(_, x) => f(x),
            &ExprKind::Binary(_, x, y)
            | &ExprKind::Logical(_, x, y)
            | &ExprKind::Subscript(x, y) => {
                f(x);
                f(y);
            }
            ExprKind::Compare(first, rest) => {
                f(*first);
                rest.iter().for_each(|&(_, right)| f(right));
            }
            &ExprKind::Conditional {
                condition,
                then,
                otherwise,
            } => {
                f(then);
                f(condition);
                f(otherwise);
            }
            ExprKind::Call { callee, args } => {
                f(*callee);
                args.iter().for_each(|argument| f(argument.value));
            }
            &ExprKind::Slice { lower, upper, step } => {
                [lower, upper, step].into_iter().flatten().for_each(f);
            }
            ExprKind::Lambda { params, body } => {
                params
                    .iter()
                    .filter_map(|param| param.default)
                    .for_each(&mut f);
                f(*body);
            }
        }
    }
}

impl super::ast::CompClause {
    /// Calls `f` with each direct child, in the order of the text.
    pub fn for_each_child(&self, f: &mut impl FnMut(ExprId)) {
        f(self.target);
        f(self.iterable);
        self.conditions.iter().copied().for_each(f);
    }
}

impl Stmt {
    /// The blocks directly within the statement that share its scope: those of functions and classes do not.
    pub fn blocks(&self) -> Vec<&Block> {
        match &self.kind {
            StmtKind::If { arms, otherwise } => {
                let arms = arms.iter().map(|(_, block)| block);
                arms.chain(otherwise).collect()
            }
            StmtKind::While {
                body, otherwise, ..
            }
            | StmtKind::For {
                body, otherwise, ..
            } => [body].into_iter().chain(otherwise).collect(),
            StmtKind::With { body, .. } => vec![body],
            StmtKind::Try {
                body,
                handlers,
                otherwise,
                finally,
            } => {
                let handlers = handlers.iter().map(|handler| &handler.body);
                let rest = otherwise.iter().chain(finally);
                [body].into_iter().chain(handlers).chain(rest).collect()
            }
            _ => Vec::new(),
        }
    }

    /// All blocks directly within the statement.
    pub fn all_blocks(&self) -> Vec<&Block> {
        match &self.kind {
            StmtKind::Function(function) => vec![&function.body],
            StmtKind::Class(class) => vec![&class.body],
            _ => self.blocks(),
        }
    }
}
