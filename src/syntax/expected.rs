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
    "NAME",
    "INT",
    "FLOAT",
    "STRING",
    "FSTRING_START",
    "(",
    "[",
    "{",
    "-",
    "+",
    "~",
    "not",
    "lambda",
    "none",
    "true",
    "false",
    "...",
];
/// Terminals that go on with an expression.
const OPERATORS: &[&str] = &[
    "(", "[", ".", "+", "-", "*", "/", "//", "%", "**", "@", "&", "|", "^", "<<", ">>", "==", "!=",
    "<", "<=", ">", ">=", "is", "not", "and", "or", "if",
];
/// Terminals that go on with a statement.
const ASSIGNMENTS: &[&str] = &[
    "=", "+=", "-=", "*=", "/=", "//=", "%=", "**=", "@=", "&=", "|=", "^=", "<<=", ">>=", ":", ",",
];
/// Terminals that close a bracket.
const CLOSERS: &[&str] = &[")", "]", "}", "FSTRING_CLOSE"];

/// The message for `failure` in the statement made of `tokens`; `found` is the text at its place.
pub fn diagnostic(
    failure: &Failure,
    tokens: &[(u32, Token, u32)],
    found: &str,
    span: Span,
) -> Diagnostic {
    let found_text = name_found(failure.found, found);
    let before = tokens
        .iter()
        .take_while(|token| token.0 < failure.start)
        .last();
    let wanted = summarize(&failure.expected, before.map(|token| token.1));
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

/// The terminals in a reader's words: at most a handful. `before` is the token before the one that was found.
fn summarize(expected: &[String], before: Option<Token>) -> Vec<String> {
    let mut left: Vec<&str> = expected
        .iter()
        .map(|terminal| terminal.trim_matches('"'))
        .collect();
    if left.contains(&"fn") && left.contains(&"while") {
        return vec!["a statement".to_owned()];
    }
    let mut words = Vec::new();
    if left.contains(&"INT") {
        words.push("an expression".to_owned());
        left.retain(|terminal| !STARTERS.contains(terminal));
        left.retain(|terminal| !matches!(*terminal, "fn" | "catch" | "*" | "**" | ":"));
    } else {
        operators(&mut left, &mut words);
    }
    if left.contains(&"NAME") {
        left.retain(|terminal| !matches!(*terminal, "fn" | "catch"));
    }
    // Commas first and closing brackets last.
    left.sort_by_key(|terminal| (*terminal != ",", CLOSERS.contains(terminal)));
    words.extend(left.iter().map(|terminal| name_terminal(terminal)));
    if matches!(before, Some(Token::Block(_))) && !left.contains(&"catch") {
        words.push(Token::Newline.text().to_owned());
    }
    words
}

/// An operator would fit, as it does behind every operand: it is named only if nothing says more.
fn operators(left: &mut Vec<&str>, words: &mut Vec<String>) {
    let comparison = left.contains(&"==");
    let any = left.contains(&"/");
    let bracket = left.iter().any(|terminal| CLOSERS.contains(terminal));
    let unfinished = left
        .iter()
        .any(|terminal| matches!(*terminal, "BLOCK" | "else" | "NEWLINE"));
    let awaits_in = left.contains(&"in") && !comparison;
    if any {
        left.retain(|terminal| !matches!(*terminal, "STRING" | "FSTRING_START"));
    }
    if any || bracket || unfinished {
        left.retain(|terminal| !OPERATORS.contains(terminal) && (*terminal != "in" || awaits_in));
    }
    if bracket {
        const OPTIONAL: &[&str] = &[
            "=",
            "for",
            "FSTRING_DEBUG",
            "FSTRING_CONVERSION",
            "FSTRING_SPEC",
        ];
        left.retain(|terminal| !OPTIONAL.contains(terminal));
    } else if any && !unfinished && !awaits_in {
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
    let wants = |terminal: &str| {
        failure
            .expected
            .iter()
            .any(|other| other.trim_matches('"') == terminal)
    };
    let first = tokens.first().map(|&(_, token, _)| token);
    let text = match failure.found {
        Token::Foreign if found == "from" && first == Some(Token::Raise) => {
            "an exception is raised without a cause"
        }
        Token::Foreign => foreign(found)?,
        Token::Colon if wants("BLOCK") => "a block stands in braces: `{ … }`",
        Token::Newline | Token::EndOfFile | Token::BlockClose if wants("BLOCK") => {
            "a block stands in braces; its `{` is on the line of its head"
        }
        Token::Colon if matches!(first, Some(Token::Fn)) && wants(")") => {
            "parameters have no types"
        }
        Token::Assign if wants("==") || wants("BLOCK") => "`==` compares, `=` only binds",
        Token::Newline | Token::EndOfFile | Token::Semicolon | Token::BlockClose
            if is_annotation(tokens, &wants) =>
        {
            "a value is needed, as in `x: f32[32, 8] = input()`"
        }
        Token::Else if first == Some(Token::Else) => {
            "an `else` follows the `}` of an `if`, a loop or a `try`"
        }
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
