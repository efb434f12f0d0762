//! The tokens, in one list: the lexer's patterns and the text that messages show come from the same line.
//! The grammar names each by that text, which a test checks.

use std::fmt;

use logos::Logos;

/// Defines [`Token`]. `fixed` are spelled one way only; `open` have a pattern and a name for messages;
/// `made` are put together by the lexer or the parser, never matched.
macro_rules! tokens {
    (
        fixed { $($fixed:ident = $text:tt,)* }
        open { $($(#[$pattern:meta])+ $open:ident = $open_name:literal,)* }
        made { $($made:ident = $made_name:literal,)* }
    ) => {
        /// A token. It carries no text: what it says is in the source at its place.
        #[derive(Logos, Clone, Copy, PartialEq, Eq, Debug)]
        #[logos(skip r"[ \t\f]+")]
        #[logos(skip r"\\\r?\n")]
        pub enum Token {
            $(#[token($text)] #[doc = concat!("`", $text, "`")] $fixed,)*
            $($(#[$pattern])+ #[doc = $open_name] $open,)*
            $(#[doc = $made_name] $made,)*
            /// A block that has been parsed already, by its number: the grammar sees it as one token.
            Block(u32),
        }

        impl Token {
            /// The tokens that are spelled one way only.
            pub const FIXED: &[Token] = &[$(Token::$fixed,)*];

            /// The token as it is written, or what it is called.
            pub const fn text(self) -> &'static str {
                match self {
                    $(Token::$fixed => $text,)*
                    $(Token::$open => $open_name,)*
                    $(Token::$made => $made_name,)*
                    Token::Block(_) => "{",
                }
            }
        }
    };
}

tokens! {
    fixed {
        And = "and",
        As = "as",
        Assert = "assert",
        Break = "break",
        Catch = "catch",
        Class = "class",
        Continue = "continue",
        Del = "del",
        Else = "else",
        False = "false",
        Finally = "finally",
        Fn = "fn",
        For = "for",
        Global = "global",
        If = "if",
        In = "in",
        Is = "is",
        Lambda = "lambda",
        None = "none",
        Nonlocal = "nonlocal",
        Not = "not",
        Or = "or",
        Pass = "pass",
        Raise = "raise",
        Return = "return",
        True = "true",
        Try = "try",
        While = "while",
        With = "with",
        LeftParen = "(",
        RightParen = ")",
        LeftBracket = "[",
        RightBracket = "]",
        LeftBrace = "{",
        RightBrace = "}",
        Comma = ",",
        Colon = ":",
        Semicolon = ";",
        Dot = ".",
        Ellipsis = "...",
        Assign = "=",
        Plus = "+",
        Minus = "-",
        Star = "*",
        Slash = "/",
        DoubleSlash = "//",
        Percent = "%",
        DoubleStar = "**",
        At = "@",
        Ampersand = "&",
        Bar = "|",
        Caret = "^",
        ShiftLeft = "<<",
        ShiftRight = ">>",
        Tilde = "~",
        Equal = "==",
        NotEqual = "!=",
        Less = "<",
        LessEqual = "<=",
        Greater = ">",
        GreaterEqual = ">=",
        PlusAssign = "+=",
        MinusAssign = "-=",
        StarAssign = "*=",
        SlashAssign = "/=",
        DoubleSlashAssign = "//=",
        PercentAssign = "%=",
        DoubleStarAssign = "**=",
        AtAssign = "@=",
        AmpersandAssign = "&=",
        BarAssign = "|=",
        CaretAssign = "^=",
        ShiftLeftAssign = "<<=",
        ShiftRightAssign = ">>=",
    }
    open {
        #[regex(r"\r?\n")]
        Newline = "the end of the line",
        #[regex(r"#[^\n]*", allow_greedy = true)]
        Comment = "a comment",
        #[regex(r"[\p{XID_Start}_]\p{XID_Continue}*", priority = 2)]
        Name = "a name",
        #[regex(r"[0-9](_?[0-9])*", priority = 6)]
        #[regex(r"0[xX](_?[0-9a-fA-F])+", priority = 6)]
        #[regex(r"0[bB](_?[01])+", priority = 6)]
        #[regex(r"0[oO](_?[0-7])+", priority = 6)]
        Int = "an integer",
        #[regex(r"[0-9](_?[0-9])*\.([0-9](_?[0-9])*)?([eE][+-]?[0-9](_?[0-9])*)?", priority = 7)]
        #[regex(r"\.[0-9](_?[0-9])*([eE][+-]?[0-9](_?[0-9])*)?", priority = 7)]
        #[regex(r"[0-9](_?[0-9])*[eE][+-]?[0-9](_?[0-9])*", priority = 7)]
        Float = "a float",
        // Only the opening quote: what follows is scanned by hand, because an f-string holds expressions.
        #[regex(r#"[rR]?["']"#, priority = 8)]
        #[regex(r#"[bB][rR]?["']|[rR][bB]["']"#, priority = 8)]
        String = "a string",
        #[regex(r#"[fF][rR]?["']|[rR][fF]["']"#, priority = 8)]
        FStringStart = "an f-string",
        // Words and signs of Python and its neighbours that mean nothing here: each has its own help.
        #[regex("True|False|None|elif|except|def|import|from|async|await|yield", priority = 10)]
        #[regex(r":=|->|&&|\|\||!", priority = 10)]
        Foreign = "a word of another language",
        #[regex(r"[0-9][0-9A-Za-z_]*", priority = 1)]
        BadNumber = "a malformed number",
    }
    made {
        FStringText = "text of an f-string",
        FStringOpen = "the `{` of an f-string",
        FStringDebug = "the `=` of an f-string",
        FStringConversion = "a conversion",
        FStringSpec = "a format specification",
        FStringClose = "the `}` of an f-string",
        FStringEnd = "the end of an f-string",
        BlockOpen = "the `{` of a block",
        BlockClose = "the `}` of a block",
        Bad = "a character that no program has",
        EndOfFile = "the end of the file",
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl Token {
    /// Whether an operand may end with it, so that a `{` behind it cannot begin a dict.
    pub fn ends_operand(self) -> bool {
        use Token::*;
        matches!(
            self,
            Name | Int
                | Float
                | String
                | FStringEnd
                | BadNumber
                | Bad
                | True
                | False
                | None
                | Ellipsis
                | RightParen
                | RightBracket
                | RightBrace
                | Block(_)
                | BlockClose
        )
    }

    /// Whether it is a keyword that begins a statement and cannot stand in an expression:
    /// at the start of a line it shows that a bracket before it was left open.
    pub fn begins_statement_only(self) -> bool {
        use Token::*;
        matches!(
            self,
            Assert
                | Break
                | Catch
                | Class
                | Continue
                | Del
                | Finally
                | Fn
                | Global
                | Nonlocal
                | Pass
                | Raise
                | Return
                | Try
                | While
                | With
        )
    }

    /// Whether it may go on with a statement behind the `}` of its block.
    pub fn joins_block(self) -> bool {
        matches!(self, Token::Else | Token::Catch | Token::Finally)
    }

    /// Whether a `{` right behind it, at the start of a statement or behind a block, begins a block.
    pub fn heads_block(self) -> bool {
        use Token::*;
        matches!(
            self,
            Else | Try | Finally | Catch | If | While | For | With | Fn | Class
        )
    }
}

/// A token where it stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Spanned {
    /// The token.
    pub token: Token,
    /// Its first byte.
    pub start: u32,
    /// One past its last byte.
    pub end: u32,
}
