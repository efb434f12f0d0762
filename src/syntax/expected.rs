//! What a syntax error says: what was found, what would fit in a reader's words, and help where the mistake is known.

use super::lexer::shorten;
use super::token::Token;
use crate::diagnostic::Diagnostic;
use crate::source::Span;

/// A token that does not fit.
pub struct Failure {
    /// Its first byte.
    pub start: u32,
    /// One past its last byte.
    pub end: u32,
    /// The token, or what ended the statement too early.
    pub found: Token,
    /// The grammar's terminals that would fit, as lalrpop names them.
    pub expected: Vec<String>,
}

/// Terminals that begin an expression.
const STARTERS: &[&str] = &[
    "NAME", "INT", "FLOAT", "STRING", "FSTRING_START", "(", "[", "{", "-", "+", "~", "not", "lambda", "none", "true",
    "false", "...",
];
/// Terminals that begin a statement that is no expression.
const STATEMENTS: &[&str] = &[
    "if", "while", "for", "with", "try", "fn", "class", "return", "raise", "assert", "del", "global", "nonlocal",
    "break", "continue", "pass", "@",
];
/// Terminals that go on with an expression.
const OPERATORS: &[&str] = &[
    "(", "[", ".", "+", "-", "*", "/", "//", "%", "**", "@", "&", "|", "^", "<<", ">>", "==", "!=", "<", "<=", ">",
    ">=", "is", "not", "and", "or", "if",
];
/// Terminals that go on with a statement.
const ASSIGNMENTS: &[&str] = &[
    "=", "+=", "-=", "*=", "/=", "//=", "%=", "**=", "@=", "&=", "|=", "^=", "<<=", ">>=", ":", ",",
];
/// Terminals that close a bracket.
const CLOSERS: &[&str] = &[")", "]", "}", "FSTRING_CLOSE"];

/// The message for `failure` in the statement made of `tokens`; `found` is the text at its place.
pub fn diagnostic(failure: &Failure, tokens: &[(u32, Token, u32)], found: &str, span: Span) -> Diagnostic {
    let found_text = name_found(failure.found, found);
    let wanted = summarize(&failure.expected);
    let message = match wanted.as_slice() {
        [] => format!("{found_text} does not fit here"),
        wanted => format!("expected {}, found {found_text}", join(wanted)),
    };
    let mut error = Diagnostic::error(span, message);
    error.help.extend(help(failure, tokens, found));
    error
}

fn name_found(token: Token, text: &str) -> String {
    match token {
        Token::Newline => "the end of the line".to_owned(),
        Token::EndOfFile => "the end of the file".to_owned(),
        Token::BlockClose | Token::FStringClose => "`}`".to_owned(),
        Token::Block(_) | Token::BlockOpen => "`{`".to_owned(),
        Token::FStringEnd => "the end of the f-string".to_owned(),
        Token::String | Token::FStringStart => "a string".to_owned(),
        _ => format!("`{}`", shorten(text)),
    }
}

/// `a`, `a or b`, `a, b or c`
fn join(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// The terminals in a reader's words: at most a handful.
fn summarize(expected: &[String]) -> Vec<String> {
    let mut left: Vec<&str> = expected.iter().map(|terminal| terminal.trim_matches('"')).collect();
    let has = |left: &[&str], terminal: &str| left.contains(&terminal);
    let mut words = Vec::new();
    if has(&left, "fn") && has(&left, "while") {
        return vec!["a statement".to_owned()];
    }
    if has(&left, "INT") {
        left.retain(|terminal| !STARTERS.contains(terminal));
        words.push("an expression".to_owned());
        left.retain(|terminal| !matches!(*terminal, "fn" | "catch" | "*" | "**" | ":"));
    } else if has(&left, "/") {
        operators(&mut left, &mut words);
    }
    left.retain(|terminal| !STATEMENTS.contains(terminal) || left_alone(expected));
    words.extend(left.iter().map(|terminal| name_terminal(terminal)));
    words
}

/// Few enough terminals to name them all.
fn left_alone(expected: &[String]) -> bool {
    expected.len() <= 6
}

/// An operator would fit, as it does behind every operand: named only if nothing says more.
fn operators(left: &mut Vec<&str>, words: &mut Vec<String>) {
    let comparison = left.contains(&"==");
    left.retain(|terminal| !OPERATORS.contains(terminal) && (*terminal != "in" || !comparison));
    left.retain(|terminal| !matches!(*terminal, "STRING" | "FSTRING_START"));
    let bracket = left.iter().any(|terminal| CLOSERS.contains(terminal));
    let unfinished = left.iter().any(|terminal| matches!(*terminal, "BLOCK" | "else" | "in" | "NEWLINE"));
    if bracket {
        left.retain(|terminal| !matches!(*terminal, "=" | "for" | "FSTRING_DEBUG" | "FSTRING_CONVERSION" | "FSTRING_SPEC"));
    } else if !unfinished {
        left.retain(|terminal| !ASSIGNMENTS.contains(terminal));
        words.push("an operator".to_owned());
        words.push("the end of the statement".to_owned());
    }
}

fn name_terminal(terminal: &str) -> String {
    match terminal {
        "NAME" => Token::Name.text().to_owned(),
        "NEWLINE" => Token::Newline.text().to_owned(),
        "BLOCK" => "`{`".to_owned(),
        "FSTRING_CLOSE" => "`}`".to_owned(),
        "FSTRING_END" => Token::FStringEnd.text().to_owned(),
        "STRING" | "FSTRING_START" => Token::String.text().to_owned(),
        other => format!("`{other}`"),
    }
}

/// What to do about a mistake that is known.
fn help(failure: &Failure, tokens: &[(u32, Token, u32)], found: &str) -> Option<String> {
    let wants = |terminal: &str| failure.expected.iter().any(|other| other.trim_matches('"') == terminal);
    let first = tokens.first().map(|&(_, token, _)| token);
    let text = match failure.found {
        Token::Foreign => foreign(found)?,
        Token::Colon if wants("BLOCK") => "a block stands in braces: `{ … }`",
        Token::Newline | Token::EndOfFile | Token::BlockClose if wants("BLOCK") => {
            "a block stands in braces; its `{` is on the line of its head"
        }
        Token::Colon if matches!(first, Some(Token::Fn)) && wants(")") => "parameters have no types",
        Token::Assign if wants("==") => "`==` compares, `=` only binds",
        Token::Newline | Token::EndOfFile | Token::Semicolon | Token::BlockClose if is_annotation(tokens, &wants) => {
            "a value is needed, as in `x: f32[32, 8] = input()`"
        }
        Token::Else if first == Some(Token::Else) => "an `else` follows the `}` of an `if`, a loop or a `try`",
        token if wants("NAME") && !wants("INT") && is_keyword(token) => {
            return Some(format!("`{token}` is a keyword; choose another name"));
        }
        _ => return None,
    };
    Some(text.to_owned())
}

fn is_annotation(tokens: &[(u32, Token, u32)], wants: &impl Fn(&str) -> bool) -> bool {
    let colon = tokens.iter().any(|&(_, token, _)| token == Token::Colon);
    colon && wants("=") && !wants("==")
}

fn is_keyword(token: Token) -> bool {
    Token::FIXED.contains(&token) && token.text().starts_with(|c: char| c.is_ascii_lowercase())
}

/// Words and signs of Python and its neighbours.
fn foreign(word: &str) -> Option<&'static str> {
    Some(match word {
        "True" => "write `true`",
        "False" => "write `false`",
        "None" => "write `none`",
        "elif" => "write `else if`",
        "except" => "write `catch`",
        "def" => "write `fn`",
        "import" | "from" => "PyTorch's names are built in: `nn`, `F`, `optim` need no import",
        "async" | "await" => "there are no coroutines",
        "yield" => "there are no generators; return a list",
        ":=" => "bind the name in a statement of its own",
        "->" => "functions have no types",
        "&&" => "write `and`",
        "||" => "write `or`",
        "!" => "write `not`",
        _ => return None,
    })
}
