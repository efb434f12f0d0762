//! Text to tokens. `logos` matches all but the insides of strings, which are scanned here, because the values of an
//! f-string are tokens of the same grammar: `f"a {b:.2f}"` becomes text, an open brace, a name, a specification,
//! a close brace and an end.

use logos::{Lexer as Logos, Logos as _};

use super::ast::Comment;
use super::errors::Errors;
use super::token::{Spanned, Token};
use crate::diagnostic::Diagnostic;
use crate::source::{FileId, Span};

/// The byte-order mark, which may stand at the start.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// What the lexer makes of a text.
pub struct Lexed {
    /// The tokens, without comments; the last one is [`Token::EndOfFile`].
    pub tokens: Vec<Spanned>,
    /// The comments, in order.
    pub comments: Vec<Comment>,
}

/// A string literal that is being read.
#[derive(Clone, Copy)]
struct Literal {
    start: usize,
    quote: u8,
    triple: bool,
}

/// An f-string that is being read, with the brackets that are open in its current value.
struct FString {
    literal: Literal,
    brackets: Vec<u8>,
}

struct Lexer<'a, 'e> {
    file: FileId,
    text: &'a str,
    logos: Logos<'a, Token>,
    fstrings: Vec<FString>,
    out: Lexed,
    errors: &'e mut Errors,
}

/// Splits `text` into tokens; what is no token is reported and becomes [`Token::Bad`].
pub fn lex(file: FileId, text: &str, errors: &mut Errors) -> Lexed {
    let mut logos = Token::lexer(text);
    if text.starts_with(BYTE_ORDER_MARK) {
        logos.bump(BYTE_ORDER_MARK.len());
    }
    // Room for short names; what is not used costs nothing, but a vector that grows is there twice while it moves.
    let tokens = Vec::with_capacity(text.len() * 2 / 3 + 1);
    let out = Lexed {
        tokens,
        comments: Vec::new(),
    };
    let mut lexer = Lexer {
        file,
        text,
        logos,
        fstrings: Vec::new(),
        out,
        errors,
    };
    lexer.run();
    lexer.out
}

impl Lexer<'_, '_> {
    fn run(&mut self) {
        while let Some(matched) = self.logos.next() {
            let span = self.logos.span();
            if !self.fstrings.is_empty() {
                self.in_value(matched, span.start, span.end);
            } else {
                self.outside(matched, span.start, span.end);
            }
        }
        self.end_open_strings(self.text.len());
        self.push(Token::EndOfFile, self.text.len(), self.text.len());
    }

    fn push(&mut self, token: Token, start: usize, end: usize) {
        self.out.tokens.push(Spanned {
            token,
            start: start as u32,
            end: end as u32,
        });
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.file, start, end)
    }

    fn outside(&mut self, matched: Result<Token, ()>, start: usize, end: usize) {
        match matched {
            Ok(Token::Comment) => self.comment(start, end),
            Ok(Token::String) => self.string(start),
            Ok(Token::FStringStart) => self.fstring(start, end),
            Ok(Token::BadNumber) => self.bad_number(start, end),
            Ok(token) => self.push(token, start, end),
            Err(()) => self.bad(start, end),
        }
    }

    fn comment(&mut self, start: usize, end: usize) {
        let text = self.text[start..end].trim_end();
        let own_line = match self.out.tokens.last() {
            Some(last) => {
                last.token == Token::Newline || self.text[last.end as usize..start].contains('\n')
            }
            None => true,
        };
        let span = self.span(start, start + text.len());
        self.out.comments.push(Comment {
            span,
            text: text.into(),
            own_line,
        });
    }

    /// Reports a run of characters that are no token, once.
    fn bad(&mut self, start: usize, end: usize) {
        if let Some(last) = self.out.tokens.last_mut()
            && last.token == Token::Bad
            && last.end as usize == start
        {
            last.end = end as u32;
            return;
        }
        let shown = self.text[start..end].escape_debug();
        let message = format!("`{shown}` has no meaning here");
        self.errors
            .push(Diagnostic::error(self.span(start, end), message).with_label("this character"));
        self.push(Token::Bad, start, end);
    }

    fn bad_number(&mut self, start: usize, end: usize) {
        let text = &self.text[start..end];
        let mut error = Diagnostic::error(
            self.span(start, end),
            format!("`{}` is not a number", shorten(text)),
        );
        if text.ends_with(['j', 'J']) {
            error = error.with_help("there are no complex numbers");
        } else if !text.starts_with('0') && !text.ends_with('_') {
            error = error.with_help("a name cannot begin with a digit");
        }
        self.errors.push(error);
        self.push(Token::Bad, start, end);
    }

    /// Reads a string whose prefix and first quote have been matched.
    fn string(&mut self, start: usize) {
        let literal = self.open_literal(start);
        let bytes = self.text.as_bytes();
        let mut at = self.logos.span().end;
        let closed = loop {
            match bytes.get(at) {
                Some(b'\\') => at += escape_length(bytes, at),
                Some(&byte) if byte == literal.quote => match self.closes(literal, at) {
                    Some(end) => break Some(end),
                    None => at += 1,
                },
                Some(b'\n') if !literal.triple => break None,
                Some(_) => at += 1,
                None => break None,
            }
        };
        let end = closed.unwrap_or_else(|| self.unterminated(literal, at.min(bytes.len())));
        self.move_to(end);
        self.push(Token::String, start, end);
        if closed.is_none() {
            self.close_open_strings(end);
        }
    }

    /// The literal that begins at `start`; skips the other two quotes if there are three.
    fn open_literal(&mut self, start: usize) -> Literal {
        let end = self.logos.span().end;
        let quote = self.text.as_bytes()[end - 1];
        let triple = self.text.as_bytes()[end..].starts_with(&[quote, quote]);
        if triple {
            self.logos.bump(2);
        }
        Literal {
            start,
            quote,
            triple,
        }
    }

    /// Where the literal ends, if the quote at `at` ends it.
    fn closes(&self, literal: Literal, at: usize) -> Option<usize> {
        let bytes = self.text.as_bytes();
        match literal.triple {
            false => Some(at + 1),
            true => bytes[at..]
                .starts_with(&[literal.quote; 3])
                .then_some(at + 3),
        }
    }

    /// Reports that `literal` is still open at `at`; returns where the line's last character ends.
    fn unterminated(&mut self, literal: Literal, at: usize) -> usize {
        let at = match self.text.as_bytes().get(..at) {
            Some([.., b'\r']) if self.text.as_bytes().get(at) == Some(&b'\n') => at - 1,
            _ => at,
        };
        let quotes = (literal.quote as char)
            .to_string()
            .repeat(if literal.triple { 3 } else { 1 });
        let place = if literal.triple || at == self.text.len() {
            "file"
        } else {
            "line"
        };
        let opening = self.span(
            literal.start,
            self.text.len().min(literal.start + quotes.len()),
        );
        let error = Diagnostic::error(opening, "this string is never closed")
            .with_label(format!("expected `{quotes}` before the end of the {place}"));
        self.errors.push(error);
        at
    }

    /// Goes on at `end`, which is a character boundary at or behind the current place.
    fn move_to(&mut self, end: usize) {
        self.logos.bump(end - self.logos.span().end);
    }

    fn fstring(&mut self, start: usize, end: usize) {
        let literal = self.open_literal(start);
        let end = if literal.triple { end + 2 } else { end };
        self.push(Token::FStringStart, start, end);
        self.fstrings.push(FString {
            literal,
            brackets: Vec::new(),
        });
        self.fstring_text(end);
    }

    /// Reads the text of the innermost f-string from `from` to the next value or to its end.
    fn fstring_text(&mut self, from: usize) {
        let Some(literal) = self.fstrings.last().map(|fstring| fstring.literal) else {
            return;
        };
        let bytes = self.text.as_bytes();
        let mut at = from;
        loop {
            match (bytes.get(at), bytes.get(at + 1)) {
                (Some(b'\\'), _) => at += escape_length(bytes, at),
                (Some(b'{'), Some(b'{')) | (Some(b'}'), Some(b'}')) => at += 2,
                (Some(b'{'), _) => return self.open_value(from, at),
                (Some(b'}'), _) => {
                    let error =
                        Diagnostic::error(self.span(at, at + 1), "a single `}` in an f-string");
                    self.errors
                        .push(error.with_help("write `}}` for the character itself"));
                    at += 1;
                }
                (Some(&byte), _) if byte == literal.quote => match self.closes(literal, at) {
                    Some(end) => return self.end_fstring(from, at, end),
                    None => at += 1,
                },
                (Some(b'\n'), _) if !literal.triple => break,
                (Some(_), _) => at += 1,
                (None, _) => break,
            }
        }
        let end = self.unterminated(literal, at.min(bytes.len()));
        self.end_fstring(from, end, end);
        self.close_open_strings(end);
    }

    fn push_text(&mut self, from: usize, to: usize) {
        if from < to {
            self.push(Token::FStringText, from, to);
        }
    }

    fn open_value(&mut self, from: usize, brace: usize) {
        self.push_text(from, brace);
        self.push(Token::FStringOpen, brace, brace + 1);
        self.move_to(brace + 1);
    }

    fn end_fstring(&mut self, from: usize, to: usize, end: usize) {
        self.push_text(from, to);
        self.push(Token::FStringEnd, to, end);
        self.fstrings.pop();
        self.move_to(end);
    }

    fn close_value(&mut self, start: usize, end: usize) {
        if let Some(fstring) = self.fstrings.last_mut() {
            fstring.brackets.clear();
        }
        self.push(Token::FStringClose, start, end);
        self.fstring_text(end);
    }

    /// One token of a value of the innermost f-string.
    fn in_value(&mut self, matched: Result<Token, ()>, start: usize, end: usize) {
        let Some(fstring) = self.fstrings.last_mut() else {
            return;
        };
        let innermost = fstring.brackets.last().copied();
        match matched {
            Ok(Token::Newline | Token::Comment) if !fstring.literal.triple => {
                return self.abandon(matched, start, end);
            }
            Ok(Token::LeftParen | Token::LeftBracket | Token::LeftBrace) => {
                fstring.brackets.push(self.text.as_bytes()[start]);
            }
            Ok(Token::RightParen | Token::RightBracket) => {
                fstring.brackets.pop();
            }
            Ok(Token::RightBrace) if innermost != Some(b'{') => {
                return self.close_value(start, end);
            }
            Ok(Token::RightBrace) => {
                fstring.brackets.pop();
            }
            Ok(Token::Foreign) if innermost.is_none() && &self.text[start..end] == "!" => {
                return self.conversion(start, end);
            }
            Ok(Token::Foreign) if innermost.is_none() && &self.text[start..end] == ":=" => {
                self.push_spec(start, start + 1);
                return;
            }
            Ok(Token::Colon) if innermost.is_none() => return self.push_spec(start, end),
            Ok(Token::Assign) if innermost.is_none() => {
                return self.push(Token::FStringDebug, start, end);
            }
            _ => {}
        }
        self.outside(matched, start, end);
    }

    fn conversion(&mut self, start: usize, end: usize) {
        let letters = self.text[end..]
            .bytes()
            .take_while(u8::is_ascii_alphanumeric)
            .count();
        self.move_to(end + letters);
        if !matches!(&self.text[end..end + letters], "r" | "s" | "a") {
            let error = Diagnostic::error(self.span(start, end + letters), "not a conversion");
            self.errors
                .push(error.with_label("expected `!r`, `!s` or `!a`"));
        }
        self.push(Token::FStringConversion, start, end + letters);
    }

    /// Reads a format specification from its colon to the `}` behind it.
    fn push_spec(&mut self, start: usize, from: usize) {
        let Some(literal) = self.fstrings.last().map(|fstring| fstring.literal) else {
            return;
        };
        let end = self.spec_end(literal, from);
        self.move_to(end);
        if let Some(brace) = self.text[from..end].find('{') {
            let error = Diagnostic::error(
                self.span(from + brace, end),
                "a value inside a format specification",
            );
            self.errors
                .push(error.with_help("specifications are plain text, as in `{x:.3f}`"));
        }
        self.push(Token::FStringSpec, start, end);
    }

    /// Where the specification that begins at `from` ends: at the `}` that closes its value.
    fn spec_end(&self, literal: Literal, from: usize) -> usize {
        let mut depth = 0;
        for (at, &byte) in self.text.as_bytes().iter().enumerate().skip(from) {
            match byte {
                b'{' => depth += 1,
                b'}' if depth == 0 => return at,
                b'}' => depth -= 1,
                b'\n' if !literal.triple => return at,
                _ if byte == literal.quote => return at,
                _ => {}
            }
        }
        self.text.len()
    }

    /// A line ends inside a value of a string that cannot hold lines: all open strings end here.
    fn abandon(&mut self, matched: Result<Token, ()>, start: usize, end: usize) {
        self.end_open_strings(start);
        self.outside(matched, start, end);
    }

    fn end_open_strings(&mut self, at: usize) {
        if let Some(literal) = self.fstrings.last().map(|fstring| fstring.literal) {
            self.unterminated(literal, at);
        }
        self.close_open_strings(at);
    }

    /// Ends all open f-strings: the mistake has been reported.
    fn close_open_strings(&mut self, at: usize) {
        while self.fstrings.pop().is_some() {
            self.push(Token::FStringClose, at, at);
            self.push(Token::FStringEnd, at, at);
        }
    }
}

/// How many bytes to skip for the backslash at `at`: a line break of two bytes is escaped whole.
fn escape_length(bytes: &[u8], at: usize) -> usize {
    if bytes[at + 1..].starts_with(b"\r\n") {
        3
    } else {
        2
    }
}

/// The first characters of `text`, for a message.
pub fn shorten(text: &str) -> String {
    const SHOWN: usize = 40;
    match text.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::Idx as _;

    #[test]
    fn every_token_is_what_its_text_says() {
        for &token in Token::FIXED {
            let mut errors = Errors::default();
            let lexed = lex(FileId::new(0), token.text(), &mut errors);
            let found: Vec<Token> = lexed.tokens.iter().map(|spanned| spanned.token).collect();
            assert_eq!(found, [token, Token::EndOfFile]);
        }
    }

    #[test]
    fn the_grammar_names_every_token_by_its_text() {
        let grammar = include_str!("../../grammar/tg.lalrpop");
        for &token in Token::FIXED
            .iter()
            .filter(|&&token| token != Token::Semicolon)
        {
            let line = format!("\n        \"{token}\" => Token::{token:?},\n");
            assert!(grammar.contains(&line), "the grammar lacks {line}");
        }
    }
}
