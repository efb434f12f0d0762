//! Statements, each on lines of its own, with the program's comments between them.

use crate::source::Span;
use crate::symbol::Symbol;
use crate::syntax::ast::{
    Block, Catch, ClassDef, ExprId, ExprKind, FunctionDef, Name, Stmt, StmtKind, TypeAnnotation,
    WithItem,
};

use super::Writer;
use super::class::Setup;
use super::expr::Level::{Bare, Lambda};
use super::literal;

impl Writer<'_> {
    /// Writes the whole program.
    pub(super) fn module(&mut self) {
        let module = self.module;
        self.statements(&module.body.stmts, Setup::No);
        self.comments_before(u32::MAX);
    }

    fn statements(&mut self, stmts: &[Stmt], setup: Setup) {
        for stmt in stmts {
            self.comments_before(stmt.span.start);
            self.gap(stmt.span.start);
            self.stmt(stmt, setup);
            self.comment_behind(stmt.span);
        }
    }

    /// Writes the comments that stand before `offset`, each on a line of its own.
    fn comments_before(&mut self, offset: u32) {
        let module = self.module;
        while let Some(comment) = module.comments.get(self.comment)
            && comment.span.start < offset
        {
            self.comment += 1;
            self.gap(comment.span.start);
            self.line(&comment.text);
        }
    }

    /// Keeps an empty line of the program that stands before `offset`, but not at the start of a block.
    fn gap(&mut self, offset: u32) {
        let file = self.module.body.span.file;
        let before = &self.sources.file(file).text[..offset as usize];
        let mut lines = before.rsplit('\n').skip(1);
        let empty = lines.next().is_some_and(|line| line.trim().is_empty());
        if empty && !self.text.ends_with(":\n") && !self.text.is_empty() {
            self.text.push('\n');
            self.lines += 1;
        }
    }

    /// Adds the comment that stands behind a statement to its line.
    fn comment_behind(&mut self, stmt: Span) {
        let module = self.module;
        if let Some(comment) = module.comments.get(self.comment)
            && !comment.own_line
            && self.sources.file(stmt.file).line(stmt.end) == self.sources.line(comment.span)
        {
            self.comment += 1;
            self.text.pop();
            self.text.push_str("  ");
            self.text.push_str(&comment.text);
            self.text.push('\n');
        }
    }

    /// A line with its block, in the scope of that line.
    fn headed(&mut self, tg: u32, header: &str, block: &Block) {
        self.mapped(tg, header);
        self.block(block, Setup::No);
    }

    fn block(&mut self, block: &Block, setup: Setup) {
        self.indent += 1;
        self.statements(&block.stmts, setup);
        if block.stmts.is_empty() {
            self.line("pass");
        }
        self.comments_before(block.span.end.saturating_sub(1));
        self.indent -= 1;
    }

    fn stmt(&mut self, stmt: &Stmt, setup: Setup) {
        let tg = self.sources.line(stmt.span);
        match &stmt.kind {
            StmtKind::If { arms, otherwise } => self.conditional(tg, arms, otherwise.as_ref()),
            StmtKind::While {
                condition,
                body,
                otherwise,
            } => {
                let condition = self.expr(*condition, Lambda);
                self.headed(tg, &format!("while {condition}:"), body);
                self.otherwise(otherwise.as_ref());
            }
            StmtKind::For {
                target,
                iterable,
                body,
                otherwise,
            } => {
                let (target, iterable) = (self.expr(*target, Bare), self.expr(*iterable, Bare));
                self.headed(tg, &format!("for {target} in {iterable}:"), body);
                self.otherwise(otherwise.as_ref());
            }
            StmtKind::With { items, body } => {
                let items: Vec<String> = items.iter().map(|item| self.with_item(item)).collect();
                self.headed(tg, &format!("with {}:", items.join(", ")), body);
            }
            StmtKind::Try {
                body,
                handlers,
                otherwise,
                finally,
            } => {
                self.headed(tg, "try:", body);
                handlers.iter().for_each(|handler| self.catch(handler));
                self.otherwise(otherwise.as_ref());
                if let Some(finally) = finally {
                    self.headed(self.sources.line(finally.span), "finally:", finally);
                }
            }
            StmtKind::Function(function) => self.function(tg, function, setup),
            StmtKind::Class(class) => self.class(tg, class),
            _ => {
                let text = self.simple(&stmt.kind);
                self.mapped(tg, &text);
            }
        }
    }

    fn conditional(&mut self, tg: u32, arms: &[(ExprId, Block)], otherwise: Option<&Block>) {
        for (at, (condition, block)) in arms.iter().enumerate() {
            let line = if at == 0 {
                tg
            } else {
                self.sources.line(self.module[*condition].span)
            };
            let condition = self.expr(*condition, Lambda);
            self.headed(
                line,
                &format!("{} {condition}:", if at == 0 { "if" } else { "elif" }),
                block,
            );
        }
        self.otherwise(otherwise);
    }

    fn otherwise(&mut self, block: Option<&Block>) {
        if let Some(block) = block {
            self.headed(self.sources.line(block.span), "else:", block);
        }
    }

    fn with_item(&mut self, item: &WithItem) -> String {
        let manager = self.expr(item.manager, Lambda);
        match item.target {
            Some(target) => format!("{manager} as {}", self.expr(target, Lambda)),
            None => manager,
        }
    }

    fn catch(&mut self, handler: &Catch) {
        let exception = handler
            .exception
            .map_or("Exception".into(), |exception| self.expr(exception, Lambda));
        let name = handler.name.map_or(String::new(), |name| {
            format!(" as {}", name.symbol.as_str())
        });
        self.headed(
            self.sources.line(handler.span),
            &format!("except {exception}{name}:"),
            &handler.body,
        );
    }

    fn decorators(&mut self, decorators: &[ExprId]) {
        for &decorator in decorators {
            let line = self.sources.line(self.module[decorator].span);
            let decorator = self.expr(decorator, Lambda);
            self.mapped(line, &format!("@{decorator}"));
        }
    }

    fn function(&mut self, tg: u32, function: &FunctionDef, setup: Setup) {
        self.decorators(&function.decorators);
        let missing = self.missing_setup(setup, function);
        let params = self.params(&function.params);
        let tg = if function.decorators.is_empty() {
            tg
        } else {
            self.sources.line(function.name.span)
        };
        self.mapped(
            tg,
            &format!("def {}({params}):", function.name.symbol.as_str()),
        );
        if let Some(missing) = missing {
            self.indent += 1;
            self.mapped(tg, &missing);
            self.indent -= 1;
        }
        self.scopes.enter_function(self.module, function);
        self.block(&function.body, Setup::No);
        self.scopes.leave();
    }

    fn class(&mut self, tg: u32, class: &ClassDef) {
        self.decorators(&class.decorators);
        let setup = self.setup_of(class);
        let bases: Vec<String> = class
            .bases
            .iter()
            .map(|&base| self.expr(base, Lambda))
            .collect();
        let bases = if bases.is_empty() {
            String::new()
        } else {
            format!("({})", bases.join(", "))
        };
        let tg = if class.decorators.is_empty() {
            tg
        } else {
            self.sources.line(class.name.span)
        };
        self.mapped(tg, &format!("class {}{bases}:", class.name.symbol.as_str()));
        self.scopes.enter_class(self.module, &class.body);
        self.block(&class.body, setup);
        self.scopes.leave();
    }

    /// A statement without a block.
    fn simple(&mut self, kind: &StmtKind) -> String {
        match kind {
            StmtKind::Expr(value) => self.expr(*value, Bare),
            StmtKind::Assign { targets, value } => {
                let targets: String = targets
                    .iter()
                    .map(|&target| self.expr(target, Bare) + " = ")
                    .collect();
                targets + &self.expr(*value, Bare)
            }
            StmtKind::Annotated { target, ty, value } => self.annotated(*target, ty, *value),
            StmtKind::AugAssign { target, op, value } => {
                let target = self.expr(*target, Lambda);
                format!("{target} {}= {}", op.text(), self.expr(*value, Bare))
            }
            StmtKind::Return(value) => self.keyword("return", *value, Bare),
            StmtKind::Raise(value) => self.keyword("raise", *value, Lambda),
            StmtKind::Assert { condition, message } => {
                let condition = self.keyword("assert", Some(*condition), Lambda);
                condition
                    + &message.map_or(String::new(), |message| {
                        format!(", {}", self.expr(message, Lambda))
                    })
            }
            StmtKind::Del(targets) => {
                let targets: Vec<String> = targets
                    .iter()
                    .map(|&target| self.expr(target, Lambda))
                    .collect();
                format!("del {}", targets.join(", "))
            }
            StmtKind::Global(list) => format!("global {}", name_list(list)),
            StmtKind::Nonlocal(list) => format!("nonlocal {}", name_list(list)),
            StmtKind::Break => "break".into(),
            StmtKind::Continue => "continue".into(),
            StmtKind::Pass => "pass".into(),
            StmtKind::Error => format!(
                "raise SyntaxError({})",
                literal::string("a syntax error of the program")
            ),
            _ => unreachable!("a statement with a block is written by `stmt`"),
        }
    }

    fn keyword(
        &mut self,
        keyword: &str,
        value: Option<ExprId>,
        level: super::expr::Level,
    ) -> String {
        value.map_or(keyword.into(), |value| {
            format!("{keyword} {}", self.expr(value, level))
        })
    }

    /// `x: f32[2, 3] = input()` draws the values as the interpreter does; any other value is not touched by its type.
    fn annotated(&mut self, target: ExprId, ty: &TypeAnnotation, value: ExprId) -> String {
        let value = if self.is_input(value) {
            self.input(ty)
        } else {
            self.expr(value, Bare)
        };
        format!("{} = {value}", self.expr(target, Bare))
    }

    fn is_input(&self, value: ExprId) -> bool {
        let ExprKind::Call { callee, args } = &self.module[value].kind else {
            return false;
        };
        let ExprKind::Name(name) = self.module[*callee].kind else {
            return false;
        };
        args.is_empty() && name == Symbol::intern("input") && !self.scopes.binds(name)
    }

    fn input(&mut self, ty: &TypeAnnotation) -> String {
        let sizes = ty.shape.as_deref().unwrap_or(&[]);
        let sizes: Vec<String> = sizes.iter().map(|&size| self.expr(size, Lambda)).collect();
        let shape = match &sizes[..] {
            [one] => format!("({one},)"),
            _ => format!("({})", sizes.join(", ")),
        };
        let draw = |function| self.needs.torch(function);
        match ty.dtype.symbol.as_str() {
            "f32" => format!("{}({shape})", draw("randn")),
            "i64" => format!("{}(0, 2, {shape})", draw("randint")),
            "bool" => format!("{}({shape}) < 0.5", draw("rand")),
            other => format!(
                "{}({shape}, dtype={})",
                draw("randn"),
                self.needs.torch(other)
            ),
        }
    }
}

fn name_list(names: &[Name]) -> String {
    let names: Vec<&str> = names.iter().map(|name| name.symbol.as_str()).collect();
    names.join(", ")
}
