//! The syntax tree of `.tg`. Expressions live in an arena, so that a tree of any size is dropped without recursion
//! and a node costs no allocation of its own; statements nest only as deep as braces do, which the parser bounds.
//!
//! What could not be parsed is [`ExprKind::Error`] or [`StmtKind::Error`]: later phases pass it on in silence,
//! so that one mistake gives one message.

use std::rc::Rc;

use rustc_hash::FxHashMap;

use crate::index::IndexVec;
use crate::source::{FileId, Span};
use crate::symbol::Symbol;

pub use crate::operator::{BinaryOp, BoolOp, CompareOp, UnaryOp};

crate::define_index! {
    /// An expression of a [`Module`].
    pub struct ExprId = "expr";
}

/// The language that a tree was written in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dialect {
    /// `.tg`: an unknown name is a mistake.
    Tg,
    /// Python: names are resolved as there, and one that is not known is an unknown value.
    Python,
}

/// One parsed file.
#[derive(Clone, Debug)]
pub struct Module {
    /// The file.
    pub file: FileId,
    /// Its language.
    pub dialect: Dialect,
    /// Its statements.
    pub body: Block,
    /// The functions and classes by which it is entered, beside from its first statement on: of a file in Python what
    /// it offers to others.
    pub entries: Vec<Symbol>,
    /// All its expressions.
    pub exprs: IndexVec<ExprId, Expr>,
    /// Those that are names of other files of the program: which, and the name. They are [`ExprKind::Error`] beside.
    pub imported: FxHashMap<ExprId, (usize, Symbol)>,
    /// Its comments, in order, for the printer.
    pub comments: Vec<Comment>,
}

impl std::ops::Index<ExprId> for Module {
    type Output = Expr;
    fn index(&self, id: ExprId) -> &Expr {
        &self.exprs[id]
    }
}

/// A `#` comment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Comment {
    /// From `#` to the end of the line, without it.
    pub span: Span,
    /// The text with its `#`, trailing blanks removed.
    pub text: Rc<str>,
    /// Whether nothing but blanks stands before it on its line.
    pub own_line: bool,
}

/// A name where it stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Name {
    /// The name.
    pub symbol: Symbol,
    /// Where it stands.
    pub span: Span,
}

/// The statements between two braces, or of a whole file.
#[derive(Clone, PartialEq, Debug)]
pub struct Block {
    /// The statements, in order.
    pub stmts: Vec<Stmt>,
    /// With the braces; the whole text for a file.
    pub span: Span,
}

/// A statement.
#[derive(Clone, PartialEq, Debug)]
pub struct Stmt {
    /// What it is.
    pub kind: StmtKind,
    /// Where, without the newline or `;` that ends it.
    pub span: Span,
}

/// The kinds of statements.
#[derive(Clone, PartialEq, Debug)]
pub enum StmtKind {
    /// A part that could not be parsed and has been reported.
    Error,
    /// `e`
    Expr(ExprId),
    /// `a = b = e`: targets from left to right. A target is a name, attribute, subscript, tuple, list or starred.
    Assign {
        /// What is bound, at least one.
        targets: Vec<ExprId>,
        /// To what.
        value: ExprId,
    },
    /// `x: f32[32, 8] = e` or `x: f32[32, 8]` is an error of the parser: the value is required.
    Annotated {
        /// What is bound, a name or an attribute.
        target: ExprId,
        /// Its type.
        ty: TypeAnnotation,
        /// To what.
        value: ExprId,
    },
    /// `x += e` and its kin.
    AugAssign {
        /// A name, attribute or subscript.
        target: ExprId,
        /// The operator without its `=`.
        op: BinaryOp,
        /// The right side.
        value: ExprId,
    },
    /// `if a { } else if b { } else { }`
    If {
        /// Each condition with its block, at least one.
        arms: Vec<(ExprId, Block)>,
        /// The last `else`.
        otherwise: Option<Block>,
    },
    /// `while e { } else { }`
    While {
        /// The condition.
        condition: ExprId,
        /// The body.
        body: Block,
        /// Runs when the condition becomes false, not after `break`.
        otherwise: Option<Block>,
    },
    /// `for x in e { } else { }`
    For {
        /// What is bound each time.
        target: ExprId,
        /// What is gone through.
        iterable: ExprId,
        /// The body.
        body: Block,
        /// Runs when the iterable is exhausted, not after `break`.
        otherwise: Option<Block>,
    },
    /// `with a() as x, b() { }`
    With {
        /// The managers, at least one.
        items: Vec<WithItem>,
        /// The body.
        body: Block,
    },
    /// `try { } catch e { } else { } finally { }`. At least one of handlers and finally is there.
    Try {
        /// What is tried.
        body: Block,
        /// The handlers, tried in order.
        handlers: Vec<Catch>,
        /// Runs when nothing was raised.
        otherwise: Option<Block>,
        /// Runs on every way out.
        finally: Option<Block>,
    },
    /// `fn f(a, b=1) { }`, with decorators.
    Function(FunctionDef),
    /// `class C(Base) { }`
    Class(ClassDef),
    /// `return e`
    Return(Option<ExprId>),
    /// `raise e`, `raise`
    Raise(Option<ExprId>),
    /// `assert e, message`
    Assert {
        /// What must hold.
        condition: ExprId,
        /// What to say if it does not.
        message: Option<ExprId>,
    },
    /// `del x, y[0]`
    Del(Vec<ExprId>),
    /// `global x, y`
    Global(Vec<Name>),
    /// `nonlocal x, y`
    Nonlocal(Vec<Name>),
    /// `break`
    Break,
    /// `continue`
    Continue,
    /// `pass`
    Pass,
}

/// `f32[32, 8]`: a dtype, and a shape where it is said. `f32[]` is a scalar tensor; `f32` alone says no shape.
#[derive(Clone, PartialEq, Debug)]
pub struct TypeAnnotation {
    /// `f32`, `f64`, `i64` or `bool` (checked when lowered, so that a typo gets a suggestion).
    pub dtype: Name,
    /// Expressions of the sizes, where brackets are there.
    pub shape: Option<Vec<ExprId>>,
    /// The whole annotation.
    pub span: Span,
}

/// `manager as target`
#[derive(Clone, PartialEq, Debug)]
pub struct WithItem {
    /// The context manager.
    pub manager: ExprId,
    /// What its value is bound to.
    pub target: Option<ExprId>,
}

/// `catch { }`, `catch e { }`, `catch RuntimeError { }` or `catch RuntimeError as e { }`.
///
/// `catch e` with a lower-case name that is no known exception type binds anything raised to `e`.
#[derive(Clone, PartialEq, Debug)]
pub struct Catch {
    /// The type or tuple of types caught; none catches everything that derives from `Exception`.
    pub exception: Option<ExprId>,
    /// The name the exception is bound to.
    pub name: Option<Name>,
    /// The body.
    pub body: Block,
    /// From `catch` to the closing brace.
    pub span: Span,
}

/// A function.
#[derive(Clone, PartialEq, Debug)]
pub struct FunctionDef {
    /// `@e`, outermost first.
    pub decorators: Vec<ExprId>,
    /// Its name.
    pub name: Name,
    /// Its parameters.
    pub params: Vec<Param>,
    /// Its body.
    pub body: Block,
    /// Whether the body stands for one that is not followed.
    pub is_left_out: bool,
}

/// A class.
#[derive(Clone, PartialEq, Debug)]
pub struct ClassDef {
    /// `@e`, outermost first.
    pub decorators: Vec<ExprId>,
    /// Its name.
    pub name: Name,
    /// Its bases.
    pub bases: Vec<ExprId>,
    /// Functions, assignments and `pass`.
    pub body: Block,
}

/// A parameter of a function or lambda.
#[derive(Clone, PartialEq, Debug)]
pub struct Param {
    /// How it takes arguments.
    pub kind: ParamKind,
    /// Its name.
    pub name: Name,
    /// Its default.
    pub default: Option<ExprId>,
}

/// How a parameter takes arguments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ParamKind {
    /// By position or by name.
    Normal,
    /// By name only (it stands behind `*` or `*args`).
    KeywordOnly,
    /// `*args`
    VarArgs,
    /// `**kwargs`
    KwArgs,
}

/// An expression.
#[derive(Clone, PartialEq, Debug)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where, without enclosing parentheses (a tuple's own parentheses belong to it).
    pub span: Span,
}

/// The kinds of expressions.
#[derive(Clone, PartialEq, Debug)]
pub enum ExprKind {
    /// A part that could not be parsed and has been reported.
    Error,
    /// A name.
    Name(Symbol),
    /// `none`
    None,
    /// `true`, `false`
    Bool(bool),
    /// `12`, `1_000`, `0x1f`
    Int(i64),
    /// `1.5`, `1e-3`
    Float(f64),
    /// `"a"`, `'a'`, with escapes resolved; adjacent literals are joined.
    Str(Rc<str>),
    /// `f"a {b:.3f}"`
    FString(Vec<FStringPart>),
    /// `...`
    Ellipsis,
    /// `(a, b)` or `a, b`
    Tuple(Vec<ExprId>),
    /// `[a, b]`
    List(Vec<ExprId>),
    /// `{a: b, **c}`; a missing key is `**`.
    Dict(Vec<(Option<ExprId>, ExprId)>),
    /// `{a, b}`
    Set(Vec<ExprId>),
    /// `[e for x in xs if c]`; a call's only argument may be one without brackets, which means the same.
    ListComp {
        /// The element.
        element: ExprId,
        /// The clauses, outermost first.
        clauses: Vec<CompClause>,
    },
    /// `{k: v for x in xs}`
    DictComp {
        /// The key.
        key: ExprId,
        /// The value.
        value: ExprId,
        /// The clauses, outermost first.
        clauses: Vec<CompClause>,
    },
    /// `-a`, `+a`, `~a`, `not a`
    Unary(UnaryOp, ExprId),
    /// `a + b`
    Binary(BinaryOp, ExprId, ExprId),
    /// `a and b`, `a or b`
    Logical(BoolOp, ExprId, ExprId),
    /// `a < b <= c`: the first operand, then each operator with its right side.
    Compare(ExprId, Vec<(CompareOp, ExprId)>),
    /// `a if c else b`
    Conditional {
        /// `c`
        condition: ExprId,
        /// `a`
        then: ExprId,
        /// `b`
        otherwise: ExprId,
    },
    /// `f(a, *b, c=d, **e)`
    Call {
        /// What is called.
        callee: ExprId,
        /// Its arguments, in order.
        args: Vec<Argument>,
    },
    /// `a.b`
    Attribute(ExprId, Name),
    /// `a[i]`; more than one index is a tuple.
    Subscript(ExprId, ExprId),
    /// `a:b:c` inside of `[]`
    Slice {
        /// `a`
        lower: Option<ExprId>,
        /// `b`
        upper: Option<ExprId>,
        /// `c`
        step: Option<ExprId>,
    },
    /// `*a` in a tuple, list or target.
    Starred(ExprId),
    /// `(a := b)`
    Named(Name, ExprId),
    /// `lambda a, b=1: e`
    Lambda {
        /// Its parameters.
        params: Vec<Param>,
        /// Its body.
        body: ExprId,
    },
}

/// A piece of an f-string.
#[derive(Clone, PartialEq, Debug)]
pub enum FStringPart {
    /// Text as it stands, with escapes and doubled braces resolved.
    Text(Rc<str>),
    /// `{e!r:spec}`
    Value {
        /// What is shown.
        value: ExprId,
        /// `!r`, `!s`
        conversion: Option<char>,
        /// What stands behind the colon, without nested values.
        spec: Option<Rc<str>>,
        /// `{e=}`: the text of the expression with its `=`.
        debug: Option<Rc<str>>,
    },
}

/// `for x in xs if c if d`
#[derive(Clone, PartialEq, Debug)]
pub struct CompClause {
    /// `x`
    pub target: ExprId,
    /// `xs`
    pub iterable: ExprId,
    /// `c`, `d`
    pub conditions: Vec<ExprId>,
}

/// An argument of a call.
#[derive(Clone, PartialEq, Debug)]
pub struct Argument {
    /// How it is passed.
    pub kind: ArgumentKind,
    /// What is passed.
    pub value: ExprId,
}

/// How an argument is passed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ArgumentKind {
    /// `a`
    Positional,
    /// `name=a`
    Keyword(Name),
    /// `*a`
    Star,
    /// `**a`
    DoubleStar,
}
