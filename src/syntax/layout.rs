//! Between lexer and parser: which brackets belong together, and which braces hold statements.
//!
//! A newline ends a statement only outside of brackets, so one forgotten `)` could swallow the rest of a file.
//! Therefore all brackets of a file are matched before anything is parsed, in one pass with a stack:
//! a bracket that is never closed is reported once, and the lines behind it are statements again.
//!
//! A `{` begins a block where no value may begin: outside of brackets and behind an operand (`if x {`)
//! or behind a keyword that heads a block (`else {`). Everywhere else it begins a dict or set.

use super::errors::Errors;
use super::token::{Spanned, Token};
use crate::diagnostic::{Diagnostic, Label};
use crate::source::{FileId, Span};

/// How deep brackets and blocks may be nested in each other.
pub const MAX_NESTING: usize = 200;

/// What the pass finds out, besides the kind of each brace, which it writes into the tokens.
#[derive(Default)]
pub struct Layout {
    /// Brackets without their other half, in order. They do not hide newlines.
    pub unpaired: Vec<u32>,
    /// The first bracket that is nested too deeply.
    pub too_deep: Option<u32>,
}

struct Matcher<'a> {
    file: FileId,
    tokens: &'a mut [Spanned],
    /// The open brackets, innermost last.
    open: Vec<u32>,
    layout: Layout,
    errors: &'a mut Errors,
    /// Whether the token before was a newline.
    line_start: bool,
    /// The first token of the line.
    line: usize,
}

/// Matches the brackets of `tokens` and decides which braces are those of blocks.
pub fn layout(file: FileId, tokens: &mut [Spanned], errors: &mut Errors) -> Layout {
    let mut matcher = Matcher {
        file,
        tokens,
        open: Vec::new(),
        layout: Layout::default(),
        errors,
        line_start: true,
        line: 0,
    };
    for at in 0..matcher.tokens.len() {
        matcher.token(at);
    }
    let mut layout = matcher.layout;
    layout.unpaired.sort_unstable();
    layout
}

impl Matcher<'_> {
    fn token(&mut self, at: usize) {
        let token = self.tokens[at].token;
        match token {
            Token::LeftParen | Token::LeftBracket | Token::FStringOpen => self.push(at),
            Token::LeftBrace => {
                if self.shows_open_bracket(at) {
                    self.leave_brackets(at);
                }
                if self.begins_block(at) {
                    self.tokens[at].token = Token::BlockOpen;
                }
                self.push(at);
            }
            Token::RightParen => self.close(at, Token::LeftParen),
            Token::RightBracket => self.close(at, Token::LeftBracket),
            Token::FStringClose => self.close(at, Token::FStringOpen),
            Token::RightBrace => self.close_brace(at),
            Token::EndOfFile => self.end_of_file(at),
            _ if self.line_start && token.begins_statement_only() => self.leave_brackets(at),
            _ => {}
        }
        if self.line_start {
            self.line = at;
        }
        self.line_start = token == Token::Newline;
    }

    /// Whether the `{` at `at` is that of a block, though brackets are open: one of them was forgotten.
    /// No expression has a `{` behind an operand, and its line begins as the head of a block does.
    fn shows_open_bracket(&self, at: usize) -> bool {
        at > 0
            && !self.in_block()
            && self.tokens[at - 1].token.ends_operand()
            && self.tokens[self.line].token.heads_block()
    }

    /// The innermost open bracket.
    fn innermost(&self) -> Option<Token> {
        self.open.last().map(|&at| self.tokens[at as usize].token)
    }

    /// Whether newlines count here.
    fn in_block(&self) -> bool {
        matches!(self.innermost(), None | Some(Token::BlockOpen))
    }

    fn begins_block(&self, at: usize) -> bool {
        if !self.in_block() || at == 0 {
            return false;
        }
        let before = self.tokens[at - 1].token;
        if before.ends_operand() {
            return true;
        }
        let starts = at == 1 || self.starts_segment(at - 1);
        starts && before.heads_block()
    }

    /// Whether the token at `at` is the first of its statement, or goes on with one behind a block.
    fn starts_segment(&self, at: usize) -> bool {
        use Token::*;
        match self.tokens[at - 1].token {
            Newline | Semicolon | BlockOpen | BlockClose => true,
            // `else if {`: the mistake is the missing condition, not the brace.
            Else => self.tokens[at].token == If,
            _ => false,
        }
    }

    fn push(&mut self, at: usize) {
        if self.open.len() == MAX_NESTING && self.layout.too_deep.is_none() {
            self.layout.too_deep = Some(at as u32);
            let error = Diagnostic::error(self.span(at), "nested too deeply");
            let label = format!("more than {MAX_NESTING} brackets and blocks are open here");
            self.errors.push(error.with_label(label));
        }
        self.open.push(at as u32);
    }

    fn span(&self, at: usize) -> Span {
        Span::new(
            self.file,
            self.tokens[at].start as usize,
            self.tokens[at].end as usize,
        )
    }

    // The searches for an opening bracket look no further than nesting may go: linear on any input.

    /// A closing bracket: brackets inside of its own that are still open were forgotten.
    /// One that closes nothing stays in its statement, whose parse reports it.
    fn close(&mut self, at: usize, opener: Token) {
        let found = self
            .open
            .iter()
            .rev()
            .take(MAX_NESTING + 1)
            .map(|&open| self.tokens[open as usize].token);
        // Never out of a block, and not out of an f-string's value either.
        let wall = |token: &Token| {
            matches!(token, Token::BlockOpen | Token::FStringOpen) && *token != opener
        };
        let depth = found
            .take_while(|token| !wall(token))
            .position(|token| token == opener);
        match depth {
            Some(depth) => {
                self.forget(depth, at);
                self.open.pop();
            }
            None => self.layout.unpaired.push(at as u32),
        }
    }

    /// A `}` closes the innermost dict or block.
    fn close_brace(&mut self, at: usize) {
        let is_brace = |token| matches!(token, Token::LeftBrace | Token::BlockOpen);
        let mut inner = self.open.iter().rev().take(MAX_NESTING + 1);
        let depth = inner.position(|&open| is_brace(self.tokens[open as usize].token));
        let Some(depth) = depth else {
            return self.layout.unpaired.push(at as u32);
        };
        self.forget(depth, at);
        let open = self.open.pop();
        if open.is_some_and(|open| self.tokens[open as usize].token == Token::BlockOpen) {
            self.tokens[at].token = Token::BlockClose;
        }
    }

    /// A keyword at the start of a line that no expression holds: what is open was forgotten.
    fn leave_brackets(&mut self, at: usize) {
        let depth = self
            .open
            .iter()
            .rev()
            .position(|&open| self.tokens[open as usize].token == Token::BlockOpen);
        self.forget(depth.unwrap_or(self.open.len()), at);
    }

    fn end_of_file(&mut self, at: usize) {
        self.forget(self.open.len(), at);
    }

    /// Marks the innermost `count` open brackets as never closed; what shows it is the token at `at`.
    /// The innermost one and the innermost block are reported: the others are the same mistake, mostly.
    fn forget(&mut self, count: usize, at: usize) {
        let deep = self.open.len() > MAX_NESTING;
        let (mut bracket_reported, mut block_reported) = (deep, deep);
        for _ in 0..count {
            let Some(open) = self.open.pop() else { return };
            let is_block = self.tokens[open as usize].token == Token::BlockOpen;
            let reported = if is_block {
                &mut block_reported
            } else {
                &mut bracket_reported
            };
            if !std::mem::replace(reported, true) {
                self.report_unclosed(open as usize, at);
            }
            self.layout.unpaired.push(open);
        }
    }

    fn report_unclosed(&mut self, open: usize, at: usize) {
        let bracket = match self.tokens[open].token {
            Token::LeftParen => "(",
            Token::LeftBracket => "[",
            _ => "{",
        };
        let message = format!("this `{bracket}` is never closed");
        let mut error = Diagnostic::error(self.span(open), message).with_label("opened here");
        let found = match self.tokens[at].token {
            Token::EndOfFile => return self.errors.push(error),
            Token::RightParen => "`)`",
            Token::RightBracket => "`]`",
            Token::RightBrace | Token::FStringClose => "`}`",
            Token::LeftBrace => "a block",
            _ => "a new statement",
        };
        let message = format!("{found} comes before it is closed");
        error.secondary.push(Label {
            span: self.span(at),
            message,
        });
        self.errors.push(error);
    }
}
