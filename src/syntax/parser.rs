//! Cuts a file into statements and parses each with the grammar. Blocks are parsed before the statement that holds
//! them, with a stack of their own, so that nothing recurses over the text.

use lalrpop_util::ParseError;

use super::ast::*;
use super::builder::Builder;
use super::expected::{self, Failure};
use super::grammar::StatementParser;
use super::layout::{self, Layout, MAX_NESTING};
use super::lexer;
use super::token::{Spanned, Token};
use crate::diagnostic::Diagnostic;
use crate::source::FileId;

/// Parses a file. What cannot be parsed is reported and becomes [`StmtKind::Error`]; the rest is there.
pub fn parse(file: FileId, text: &str) -> (Module, Vec<Diagnostic>) {
    let mut builder = Builder::new(file, text);
    let mut lexed = lexer::lex(file, text, &mut builder.errors);
    let layout = layout::layout(file, &mut lexed.tokens, &mut builder.errors);
    builder.reserve(&lexed.tokens);
    let mut parser = Parser::new(builder, layout);
    parser.frame().stmts.reserve_exact(lines_of(&lexed.tokens));
    for (at, &token) in lexed.tokens.iter().enumerate() {
        parser.token(at as u32, token);
    }
    let Parser {
        builder, frames, ..
    } = parser;
    let stmts = frames
        .into_iter()
        .next()
        .map(|frame| frame.stmts)
        .unwrap_or_default();
    let body = Block {
        stmts,
        span: builder.span(0, text.len() as u32),
    };
    (
        Module {
            dialect: Dialect::Tg,
            imported: rustc_hash::FxHashMap::default(),
            entries: Vec::new(),
            file,
            body,
            exprs: builder.exprs,
            comments: lexed.comments,
        },
        builder.errors.finish(),
    )
}

/// How many statements there are at most, in all blocks.
fn lines_of(tokens: &[Spanned]) -> usize {
    let ends = |spanned: &&Spanned| matches!(spanned.token, Token::Newline | Token::Semicolon);
    tokens.iter().filter(ends).count() + 1
}

/// A block that is being read, or the file itself.
struct Frame {
    /// Its `{`.
    start: u32,
    /// The statements that are done.
    stmts: Vec<Stmt>,
    /// Where the tokens of the current statement begin in the buffer.
    first_token: usize,
    /// The first of the blocks that belong to the current statement.
    first_block: usize,
    /// How many brackets of the current statement are open.
    brackets: usize,
    /// Whether the last token was a block.
    after_block: bool,
    /// Whether a newline has been seen since.
    newline_after_block: bool,
    /// Where the first mistake of the current statement is that has been reported already.
    reported: Option<u32>,
    /// Whether the current statement is nested too deeply to be parsed.
    too_deep: bool,
}

struct Parser<'text> {
    builder: Builder<'text>,
    grammar: StatementParser,
    /// Brackets without their other half; the next one first.
    unpaired: std::iter::Peekable<std::vec::IntoIter<u32>>,
    /// The tokens of all statements that are being read, the innermost one's last.
    buffer: Vec<(u32, Token, u32)>,
    frames: Vec<Frame>,
    /// How many blocks are open inside of one that is nested too deeply.
    skipped: usize,
}

impl Frame {
    fn new(start: u32, first_token: usize, first_block: usize) -> Frame {
        Frame {
            start,
            stmts: Vec::new(),
            first_token,
            first_block,
            brackets: 0,
            after_block: false,
            newline_after_block: false,
            reported: None,
            too_deep: false,
        }
    }
}

impl<'text> Parser<'text> {
    fn new(builder: Builder<'text>, layout: Layout) -> Parser<'text> {
        Parser {
            builder,
            grammar: StatementParser::new(),
            unpaired: layout.unpaired.into_iter().peekable(),
            buffer: Vec::new(),
            frames: vec![Frame::new(0, 0, 0)],
            skipped: 0,
        }
    }

    /// The innermost block. There always is one: only [`close_block`](Self::close_block) removes any, never the first.
    fn frame(&mut self) -> &mut Frame {
        self.frames.last_mut().expect("the file's own frame stays")
    }

    fn token(&mut self, at: u32, spanned: Spanned) {
        let paired = self.unpaired.next_if(|&unpaired| unpaired == at).is_none();
        if self.skipped > 0 {
            return self.skip(spanned);
        }
        match spanned.token {
            Token::Newline | Token::Semicolon if self.frame().brackets == 0 => {
                self.separator(spanned)
            }
            Token::Newline => {}
            Token::BlockOpen if self.frames.len() > MAX_NESTING => self.skipped = 1,
            Token::BlockOpen => self.open_block(spanned),
            Token::BlockClose => self.close_block(spanned),
            Token::EndOfFile => self.end_of_file(spanned),
            _ => self.part(spanned, paired),
        }
    }

    /// A newline or `;` outside of brackets.
    fn separator(&mut self, spanned: Spanned) {
        let first = self.frame().first_token;
        let newline = spanned.token == Token::Newline;
        if newline && self.frame().after_block {
            // An `else` may follow.
            self.frame().newline_after_block = true;
        } else if newline && self.on_decorator_line(first) {
            self.buffer
                .push((spanned.start, Token::Newline, spanned.end));
        } else if newline && self.behind_decorator(first) {
            // Empty lines between a decorator and what it decorates.
        } else {
            self.finish_statement(spanned);
        }
    }

    fn on_decorator_line(&self, first: usize) -> bool {
        let mut line = self.buffer[first..].rsplit(|&(_, token, _)| token == Token::Newline);
        line.next()
            .is_some_and(|line| matches!(line, [(_, Token::At, _), ..]))
    }

    fn behind_decorator(&self, first: usize) -> bool {
        matches!(self.buffer[first..], [.., (_, Token::Newline, _)])
    }

    /// Any other token: a part of the current statement, or the start of the next one behind a block.
    fn part(&mut self, spanned: Spanned, paired: bool) {
        let frame = self.frame();
        if frame.after_block && frame.newline_after_block && !spanned.token.joins_block() {
            self.finish_statement(Spanned {
                token: Token::Newline,
                ..spanned
            });
        }
        let depth = self.frames.len();
        let frame = self.frame();
        frame.after_block = false;
        frame.newline_after_block = false;
        match spanned.token {
            Token::LeftParen | Token::LeftBracket | Token::LeftBrace | Token::FStringOpen => {
                if paired {
                    frame.brackets += 1;
                    frame.too_deep |= frame.brackets + depth > MAX_NESTING + 1;
                } else {
                    frame.reported.get_or_insert(spanned.start);
                }
            }
            Token::RightParen | Token::RightBracket | Token::RightBrace | Token::FStringClose
                if paired =>
            {
                frame.brackets = frame.brackets.saturating_sub(1);
            }
            Token::RightParen | Token::RightBracket | Token::RightBrace => {
                self.closes_nothing(spanned)
            }
            Token::Bad => {
                frame.reported.get_or_insert(spanned.start);
            }
            _ => {}
        }
        self.buffer
            .push((spanned.start, spanned.token, spanned.end));
    }

    /// Reports a closing bracket that has no opening one, once a statement.
    fn closes_nothing(&mut self, spanned: Spanned) {
        let span = self.builder.span(spanned.start, spanned.end);
        if self.frame().reported.is_none() {
            self.frame().reported = Some(spanned.start);
            let message = format!("this `{}` closes nothing", spanned.token);
            self.builder.errors.push(Diagnostic::error(span, message));
        }
    }

    fn open_block(&mut self, spanned: Spanned) {
        let frame = Frame::new(spanned.start, self.buffer.len(), self.builder.block_count());
        self.frames.push(frame);
    }

    fn close_block(&mut self, spanned: Spanned) {
        self.finish_statement(spanned);
        if self.frames.len() > 1
            && let Some(frame) = self.frames.pop()
        {
            let span = self.builder.span(frame.start, spanned.end);
            self.push_block(Block {
                stmts: frame.stmts,
                span,
            });
        }
    }

    fn push_block(&mut self, block: Block) {
        let span = block.span;
        let number = self.builder.add_block(block);
        self.buffer
            .push((span.start, Token::Block(number), span.end));
        let frame = self.frame();
        frame.after_block = true;
        frame.newline_after_block = false;
        frame.brackets = 0;
    }

    /// Inside of a block that is nested too deeply, up to its `}`.
    fn skip(&mut self, spanned: Spanned) {
        match spanned.token {
            Token::BlockOpen => self.skipped += 1,
            Token::BlockClose => self.skipped -= 1,
            Token::EndOfFile => self.skipped = 0,
            _ => {}
        }
        if self.skipped == 0 {
            let span = self.builder.span(spanned.start, spanned.end);
            let error = Stmt {
                kind: StmtKind::Error,
                span,
            };
            self.push_block(Block {
                stmts: vec![error],
                span,
            });
        }
        if spanned.token == Token::EndOfFile {
            self.end_of_file(spanned);
        }
    }

    fn end_of_file(&mut self, spanned: Spanned) {
        while self.frames.len() > 1 {
            self.close_block(spanned);
        }
        self.finish_statement(spanned);
    }

    /// Parses the tokens of the current statement, if there are any; `end` is what ends it.
    fn finish_statement(&mut self, end: Spanned) {
        let Some(frame) = self.frames.last_mut() else {
            return;
        };
        let tokens = &self.buffer[frame.first_token..];
        let (Some(&(start, ..)), Some(&(_, last, stop))) = (tokens.first(), tokens.last()) else {
            return;
        };
        let stop = if last == Token::Newline {
            tokens[tokens.len() - 2].2
        } else {
            stop
        };
        let first_expr = self.builder.exprs.next_id();
        let parsed = match frame.too_deep || self.builder.errors.refuses() {
            true => Ok(()),
            false => self
                .grammar
                .parse(&mut self.builder, tokens.iter().copied()),
        };
        if let Err(error) = parsed {
            let failure = failure(error, stop, end);
            if frame
                .reported
                .is_none_or(|reported| failure.start < reported)
            {
                let found = self
                    .builder
                    .text
                    .get(failure.start as usize..failure.end as usize)
                    .unwrap_or("");
                let span = self.builder.span(failure.start, failure.end);
                self.builder
                    .errors
                    .push(expected::diagnostic(&failure, tokens, found, span));
            }
            self.builder.drop_expressions(first_expr);
        }
        let kind = self.builder.take_statement().unwrap_or(StmtKind::Error);
        self.builder.drop_blocks(frame.first_block);
        let span = self.builder.span(start, stop);
        frame.stmts.push(Stmt { kind, span });
        let next = Frame::new(frame.start, frame.first_token, frame.first_block);
        let stmts = std::mem::take(&mut frame.stmts);
        let first_token = frame.first_token;
        *frame = Frame { stmts, ..next };
        self.buffer.truncate(first_token);
    }
}

/// What lalrpop says, in our terms: the place and what would fit there.
fn failure(error: ParseError<u32, Token, ()>, stop: u32, end: Spanned) -> Failure {
    match error {
        ParseError::UnrecognizedToken {
            token: (start, token, end),
            expected,
        } => {
            // Of a block only its brace is shown.
            let end = if matches!(token, Token::Block(_)) {
                start + 1
            } else {
                end
            };
            Failure {
                start,
                end,
                found: token,
                expected,
            }
        }
        ParseError::ExtraToken {
            token: (start, token, end),
        } => Failure {
            start,
            end,
            found: token,
            expected: Vec::new(),
        },
        ParseError::UnrecognizedEof { expected, .. } => {
            let (start, to) = match end.token {
                Token::Newline | Token::EndOfFile => (stop, stop),
                _ => (end.start, end.end),
            };
            Failure {
                start,
                end: to,
                found: end.token,
                expected,
            }
        }
        ParseError::InvalidToken { .. } | ParseError::User { .. } => Failure {
            start: stop,
            end: stop,
            found: end.token,
            expected: Vec::new(),
        },
    }
}
