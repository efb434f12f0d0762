//! What the grammar's actions call: makes nodes, and checks what a grammar cannot say.

use super::ast::*;
use super::errors::Errors;
use super::literal::{self, LiteralError};
use super::token::{Spanned, Token};
use crate::diagnostic::{Diagnostic, Label};
use crate::index::{Idx as _, IndexVec};
use crate::source::{FileId, Span};
use crate::symbol::Symbol;

/// How deep an expression may be: the longest way from it to a leaf. Whoever walks the tree may recurse so far.
pub const MAX_EXPR_DEPTH: u16 = 400;

/// The arms of an `if`, with the numbers of their blocks.
pub type Arms = Vec<(ExprId, u32)>;

/// A parameter as it is written; what it means depends on those before it.
pub enum Param {
    /// `a`, `a=1`
    Plain(Name, Option<ExprId>),
    /// `*args`
    VarArgs(Name),
    /// `*` alone, from and to.
    Star(u32, u32),
    /// `**kwargs`
    KwArgs(Name),
}

/// A piece of a string; ranges are of the source.
pub enum Part {
    /// A string literal.
    Plain(u32, u32),
    /// Text of an f-string, escapes not yet resolved.
    Text(u32, u32),
    /// A value of an f-string. Boxed: the parser's stack has room for the largest thing that it may hold.
    Value(Box<FStringPart>),
    /// A whole f-string.
    FString(Vec<FStringPart>),
}

/// The tree under construction.
pub struct Builder<'text> {
    /// The file.
    pub file: FileId,
    /// Its text.
    pub text: &'text str,
    /// All expressions so far.
    pub exprs: IndexVec<ExprId, Expr>,
    /// The messages so far.
    pub errors: Errors,
    /// How deep each expression is.
    depths: Vec<u16>,
    /// The blocks that no statement has taken yet.
    blocks: Vec<Block>,
    /// What the last parse made.
    finished: Option<StmtKind>,
    /// Whether this statement's depth has been reported.
    too_deep: bool,
}

impl<'text> Builder<'text> {
    /// An empty tree.
    pub fn new(file: FileId, text: &'text str) -> Builder<'text> {
        Builder {
            file,
            text,
            exprs: IndexVec::new(),
            errors: Errors::default(),
            depths: Vec::new(),
            blocks: Vec::new(),
            finished: None,
            too_deep: false,
        }
    }

    // Between parses

    /// Makes room for what these tokens can become: an arena that grows is there twice while it moves.
    pub fn reserve(&mut self, tokens: &[Spanned]) {
        let count = tokens
            .iter()
            .filter(|spanned| may_be_node(spanned.token))
            .count();
        self.exprs.reserve(count);
        self.depths.reserve_exact(count);
    }

    /// Takes what the parse of a statement made; forgets the rest.
    pub fn take_statement(&mut self) -> Option<StmtKind> {
        self.too_deep = false;
        self.finished.take()
    }

    /// Drops the expressions of a statement that could not be parsed, from `first` on.
    pub fn drop_expressions(&mut self, first: ExprId) {
        self.exprs.truncate(first.index());
        self.depths.truncate(first.index());
    }

    /// Adds a block that has been parsed; returns its number.
    pub fn add_block(&mut self, block: Block) -> u32 {
        self.blocks.push(block);
        self.blocks.len() as u32 - 1
    }

    /// Takes the block with this number.
    pub fn block(&mut self, number: u32) -> Block {
        let empty = Block {
            stmts: Vec::new(),
            span: self.span(0, 0),
        };
        self.blocks
            .get_mut(number as usize)
            .map_or(empty.clone(), |block| std::mem::replace(block, empty))
    }

    /// What the parse of a statement has made.
    pub fn finish(&mut self, kind: StmtKind) {
        self.finished = Some(kind);
    }

    /// How many blocks there are.
    pub fn block_count(&self) -> usize {
        self.blocks.len()
    }

    /// Drops the blocks from number `first` on: their statement is done.
    pub fn drop_blocks(&mut self, first: usize) {
        self.blocks.truncate(first);
    }

    /// The range `start..end` of the file.
    pub fn span(&self, start: u32, end: u32) -> Span {
        Span {
            file: self.file,
            start,
            end,
        }
    }

    fn slice(&self, start: u32, end: u32) -> &'text str {
        self.text.get(start as usize..end as usize).unwrap_or("")
    }

    // Expressions

    /// A node that spans `start..end`, unless it is too deep.
    pub fn expr(&mut self, start: u32, kind: ExprKind, end: u32) -> ExprId {
        let mut deepest = 0;
        kind.for_each_child(|child| deepest = deepest.max(self.depths[child.index()]));
        let span = self.span(start, end);
        if deepest < MAX_EXPR_DEPTH {
            self.depths.push(deepest + 1);
            return self.exprs.push(Expr { kind, span });
        }
        if !self.too_deep {
            self.too_deep = true;
            let message = "this expression is nested too deeply";
            let error =
                Diagnostic::error(span, message).with_help("bind a part of it to a name first");
            self.errors
                .push(error.with_label(format!("more than {MAX_EXPR_DEPTH} levels")));
        }
        // What holds it is too deep as well, and so on up: one message, and no deep tree.
        self.depths.push(MAX_EXPR_DEPTH);
        self.exprs.push(Expr {
            kind: ExprKind::Error,
            span,
        })
    }

    /// The name at `start..end`.
    pub fn name(&mut self, start: u32, end: u32) -> Name {
        Name {
            symbol: Symbol::intern(self.slice(start, end)),
            span: self.span(start, end),
        }
    }

    /// The name at `start..end` as an expression.
    pub fn name_expr(&mut self, start: u32, end: u32) -> ExprId {
        let symbol = Symbol::intern(self.slice(start, end));
        self.expr(start, ExprKind::Name(symbol), end)
    }

    /// An integer literal.
    pub fn int(&mut self, start: u32, end: u32) -> ExprId {
        let kind = match literal::int(self.slice(start, end)) {
            Ok(value) => ExprKind::Int(value),
            Err(error) => {
                self.literal_error(start, error);
                ExprKind::Error
            }
        };
        self.expr(start, kind, end)
    }

    /// A float literal.
    pub fn float(&mut self, start: u32, end: u32) -> ExprId {
        self.expr(
            start,
            ExprKind::Float(literal::float(self.slice(start, end))),
            end,
        )
    }

    fn literal_error(&mut self, start: u32, error: LiteralError) {
        let span = self.span(start + error.start as u32, start + error.end as u32);
        let mut diagnostic = Diagnostic::error(span, error.message);
        diagnostic.help.extend(error.help.map(str::to_owned));
        self.errors.push(diagnostic);
    }

    /// An element that stands without a comma: it may not be starred.
    pub fn alone(&mut self, e: ExprId) -> ExprId {
        if let ExprKind::Starred(_) = self.exprs[e].kind {
            let error = Diagnostic::error(self.exprs[e].span, "nothing to unpack into here");
            self.errors
                .push(error.with_help("a tuple has a comma: `*a,`"));
        }
        e
    }

    /// A tuple.
    pub fn tuple(&mut self, start: u32, items: Vec<ExprId>, end: u32) -> ExprId {
        self.expr(start, ExprKind::Tuple(items), end)
    }

    /// A call.
    pub fn call(&mut self, start: u32, callee: ExprId, args: Vec<Argument>, end: u32) -> ExprId {
        self.check_arguments(&args);
        self.expr(start, ExprKind::Call { callee, args }, end)
    }

    /// Python's rules for the order of arguments.
    fn check_arguments(&mut self, args: &[Argument]) {
        let mut keyword = None;
        for (at, argument) in args.iter().enumerate() {
            let span = self.exprs[argument.value].span;
            match argument.kind {
                ArgumentKind::Keyword(name) => {
                    keyword = Some("a keyword argument");
                    let same = |other: &&Argument| matches!(other.kind, ArgumentKind::Keyword(other) if other.symbol == name.symbol);
                    if let Some(first) = args[..at.min(MAX_NAMES_COMPARED)].iter().find(same) {
                        self.repeated(name, first);
                    }
                }
                ArgumentKind::DoubleStar => keyword = Some("`**`"),
                ArgumentKind::Positional => {
                    if let Some(keyword) = keyword {
                        let message = format!("a positional argument cannot follow {keyword}");
                        self.errors.push(Diagnostic::error(span, message));
                    }
                }
                ArgumentKind::Star => {}
            }
        }
    }

    fn repeated(&mut self, name: Name, first: &Argument) {
        let ArgumentKind::Keyword(first) = first.kind else {
            return;
        };
        let mut error = Diagnostic::error(
            name.span,
            format!("the argument `{}` is given twice", name.symbol),
        );
        error.secondary.push(Label {
            span: first.span,
            message: "first given here".to_owned(),
        });
        self.errors.push(error);
    }

    /// A call whose only argument is a comprehension without brackets.
    pub fn call_comp(&mut self, start: u32, callee: ExprId, comp: ExprId, end: u32) -> ExprId {
        let args = vec![Argument {
            kind: ArgumentKind::Positional,
            value: comp,
        }];
        self.expr(start, ExprKind::Call { callee, args }, end)
    }

    /// A clause of a comprehension.
    pub fn comp_clause(
        &mut self,
        target: ExprId,
        iterable: ExprId,
        conditions: Vec<ExprId>,
    ) -> CompClause {
        CompClause {
            target,
            iterable,
            conditions,
        }
    }

    /// A lambda.
    pub fn lambda(&mut self, start: u32, params: Vec<Param>, body: ExprId, end: u32) -> ExprId {
        let params = self.params(params);
        self.expr(start, ExprKind::Lambda { params, body }, end)
    }
}

/// How many names are compared with a new one to find one that is given twice: keeps absurd lists linear.
pub(super) const MAX_NAMES_COMPARED: usize = 256;

impl Builder<'_> {
    // Strings

    /// Adjacent literals as one string, or one f-string if any of them is.
    pub fn string(&mut self, start: u32, pieces: Vec<Part>, end: u32) -> ExprId {
        let formatted = pieces.iter().any(|piece| matches!(piece, Part::FString(_)));
        let mut parts = Vec::new();
        for piece in pieces {
            match piece {
                Part::Plain(from, to) => {
                    let text = self.plain(from, to);
                    parts.push(FStringPart::Text(text.into()));
                }
                Part::FString(more) => parts.extend(more),
                Part::Text(..) | Part::Value(_) => {}
            }
        }
        let mut parts = join_text(parts);
        let kind = match parts.pop() {
            Some(last) if formatted => {
                parts.push(last);
                ExprKind::FString(parts)
            }
            None if formatted => ExprKind::FString(parts),
            Some(FStringPart::Text(text)) => ExprKind::Str(text),
            _ => ExprKind::Str("".into()),
        };
        self.expr(start, kind, end)
    }

    fn plain(&mut self, start: u32, end: u32) -> String {
        let text = self.slice(start, end);
        let prefix = text.find(['"', '\'']).map_or("", |quote| &text[..quote]);
        if prefix.contains(['b', 'B']) {
            let error = Diagnostic::error(self.span(start, end), "there are no byte strings");
            self.errors.push(error.with_help("leave the `b` out"));
        }
        let (raw, from, to) = literal::string_parts(text);
        self.unescape(start + from as u32, &text[from..to.max(from)], raw, false)
    }

    fn unescape(&mut self, start: u32, text: &str, raw: bool, braces: bool) -> String {
        let (text, errors) = literal::unescape(text, raw, braces);
        for error in errors {
            self.literal_error(start, error);
        }
        text
    }

    /// A whole f-string whose first token begins at `start`.
    pub fn fstring(&mut self, start: u32, parts: Vec<Part>) -> Part {
        let prefix = self.slice(start, self.text.len() as u32);
        let quote = prefix
            .bytes()
            .position(|byte| matches!(byte, b'"' | b'\''))
            .unwrap_or(0);
        let raw = prefix[..quote].contains(['r', 'R']);
        let mut out = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                Part::Text(from, to) => {
                    let text = self.unescape(from, self.slice(from, to), raw, true);
                    out.push(FStringPart::Text(text.into()));
                }
                Part::Value(value) => out.push(*value),
                Part::Plain(..) | Part::FString(_) => {}
            }
        }
        Part::FString(out)
    }

    /// A value of an f-string; the pairs are ranges of the source.
    pub fn fstring_value(
        &mut self,
        value: ExprId,
        debug: Option<(u32, u32)>,
        conversion: Option<(u32, u32)>,
        spec: Option<(u32, u32)>,
    ) -> Part {
        let text = |range: Option<(u32, u32)>| range.map(|(from, to)| self.slice(from, to));
        let conversion = text(conversion).and_then(|text| text.chars().nth(1));
        let spec = text(spec).map(|text| text[1..].into());
        let debug = text(debug).map(Into::into);
        Part::Value(Box::new(FStringPart::Value {
            value,
            conversion,
            spec,
            debug,
        }))
    }
}

/// The parts with neighbouring texts joined and empty ones left out.
fn join_text(parts: Vec<FStringPart>) -> Vec<FStringPart> {
    let mut out: Vec<FStringPart> = Vec::with_capacity(parts.len());
    let mut text = String::new();
    for part in parts {
        match part {
            FStringPart::Text(more) => text.push_str(&more),
            value @ FStringPart::Value { .. } => {
                if !text.is_empty() {
                    out.push(FStringPart::Text(std::mem::take(&mut text).into()));
                }
                out.push(value);
            }
        }
    }
    if !text.is_empty() {
        out.push(FStringPart::Text(text.into()));
    }
    out
}

/// Whether an expression may begin at this token, or be made by it.
const fn may_be_node(token: Token) -> bool {
    !matches!(
        token,
        Token::Newline
            | Token::Semicolon
            | Token::Assign
            | Token::Comma
            | Token::RightParen
            | Token::RightBracket
            | Token::RightBrace
    )
}
