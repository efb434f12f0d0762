//! The intermediate representation: functions as control-flow graphs of instructions over dynamic values.
//!
//! It means what Python means. Both front ends lower to it; both machines, the interpreter and the analysis, run it,
//! and it is all they share beside the operator table.
//!
//! # Values
//! `None`, bools, integers, floats, strings, tuples, lists, dicts, sets, slices, ranges, tensors, dtypes, functions,
//! bound methods, classes, instances, exceptions, context managers, iterators, namespaces, and unknowns.
//!
//! # Registers and cells
//! An instruction reads [`Operand`]s and writes at most one register. Registers are not in SSA form: a source variable
//! is a register of its own (with a name), assigned as often as the source does. A register starts unbound; reading an
//! unbound named one raises `UnboundLocalError` (`NameError` in a module body). A variable that an inner function
//! captures lives in a *cell*: its register holds the cell for the whole call ([`InstrKind::MakeCell`] in the entry
//! block), and is read and written by [`InstrKind::LoadCell`] and [`InstrKind::StoreCell`]. Module-level variables are
//! just variables of the unit's body function: those that functions use are cells.
//!
//! # Exceptions
//! A block names the handler block that control goes to when one of its instructions (or its terminator) raises; the
//! exception is put into the handler's register. Without a handler it leaves the function.
//! `finally` and `with` are lowered to a handler plus a register that says how to go on ([`crate::front`]).
//!
//! # Units
//! Each file is a unit: the program itself and each prelude file it needs. A unit's body runs once, when first needed
//! by [`InstrKind::LoadUnit`] (the program's own unit: at the start); what it exports are the cells of its top-level names.

use std::rc::Rc;

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::index::IndexVec;
use crate::operator::{BinaryOp, CompareOp, UnaryOp};
use crate::ops::{Dtype, Exception, OpId};
use crate::source::{FileId, Span};
use crate::symbol::Symbol;

pub mod builtin;
pub mod cfg;
pub mod print;
pub mod python;
mod reads;
pub mod verify;

pub use builtin::{Intrinsic, TensorAttr};

crate::define_index! {
    /// A unit of a [`Program`].
    pub struct UnitId = "unit";
    /// A function of a [`Program`].
    pub struct FuncId = "fn";
    /// A block of a [`Function`].
    pub struct BlockId = "bb";
    /// A register of a [`Function`].
    pub struct Reg = "r";
}

/// A whole program: the user's unit (always the first) and what it needs of the prelude.
#[derive(Clone, Debug, Default)]
pub struct Program {
    /// The units.
    pub units: IndexVec<UnitId, Unit>,
    /// The functions of all units.
    pub functions: IndexVec<FuncId, Function>,
    /// Tensor methods that the prelude defines, by name, as far as the program names them: the unit and the function in it.
    pub tensor_methods: FxHashMap<Symbol, (UnitId, Symbol)>,
    /// Whether the program uses what is not modelled: then only what is certain is told of calls that are refused, and what
    /// is not known of a value is no mistake.
    pub lenient: bool,
    /// Functions of the prelude that the machines themselves call for Python's operators (`matmul` for `@`), by name.
    pub operators: FxHashMap<Symbol, (UnitId, Symbol)>,
}

/// One file.
#[derive(Clone, Debug)]
pub struct Unit {
    /// The file.
    pub file: FileId,
    /// Its name: `nn.linear` for `prelude/nn/linear.tg`, `__main__` for the program.
    pub name: Symbol,
    /// Its top-level statements, as a function without parameters.
    pub body: FuncId,
    /// The cells of its top-level names (empty for the program's own unit unless something imports it).
    pub exports: Vec<(Symbol, Reg)>,
}

/// A function, or the body of a unit.
#[derive(Clone, Debug)]
pub struct Function {
    /// Its name; `<module>` for a unit's body, `<lambda>` for a lambda.
    pub name: Symbol,
    /// The name with its classes: `Tower.forward`.
    pub qualified_name: Rc<str>,
    /// Its unit.
    pub unit: UnitId,
    /// Its parameters, in order. Arguments are put in their registers before the entry block runs.
    pub params: Vec<Param>,
    /// The cells it captures: the register that holds each, filled when the function is called, in the order of
    /// [`InstrKind::MakeFunction`]'s `captures`.
    pub captures: Vec<Reg>,
    /// All registers.
    pub regs: IndexVec<Reg, RegInfo>,
    /// All blocks; the first is the entry.
    pub blocks: IndexVec<BlockId, Block>,
    /// The header, from `fn` to the closing parenthesis; the whole file for a body.
    pub span: Span,
    /// Whether the body stands for one that is not followed.
    pub is_left_out: bool,
}

/// A parameter.
#[derive(Clone, Debug)]
pub struct Param {
    /// Its name.
    pub name: Symbol,
    /// How it takes arguments.
    pub kind: ParamKind,
    /// Where its argument is put.
    pub reg: Reg,
    /// Whether it has a default (the values are operands of [`InstrKind::MakeFunction`]).
    pub has_default: bool,
}

/// How a parameter takes arguments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ParamKind {
    /// By position or by name.
    Normal,
    /// By name only.
    KeywordOnly,
    /// `*args`: a tuple.
    VarArgs,
    /// `**kwargs`: a dict.
    KwArgs,
}

/// What is known of a register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RegInfo {
    /// The source variable that it holds, if it is not a temporary.
    pub name: Option<Symbol>,
    /// Whether it holds a cell rather than the value itself.
    pub is_cell: bool,
}

/// Instructions that run in order, then a terminator.
#[derive(Clone, Debug)]
pub struct Block {
    /// The instructions.
    pub instrs: Vec<Instr>,
    /// What comes then.
    pub terminator: Terminator,
    /// Where the terminator stands in the source.
    pub terminator_span: Span,
    /// Where a raise goes.
    pub handler: Option<Handler>,
}

/// The target of a raise.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Handler {
    /// The block.
    pub block: BlockId,
    /// The register that the exception is put in.
    pub exception: Reg,
}

/// An instruction.
#[derive(Clone, Debug)]
pub struct Instr {
    /// The register it writes.
    pub dest: Option<Reg>,
    /// What it does.
    pub kind: InstrKind,
    /// The source it stands for.
    pub span: Span,
}

// A program of 300,000 statements has as many of these or more; `cargo bench --bench memory` is what it comes to.
#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<Instr>() <= 72);

/// What an instruction reads.
#[derive(Clone, PartialEq, Debug)]
pub enum Operand {
    /// A register.
    Reg(Reg),
    /// A constant.
    Const(Const),
}

impl Operand {
    /// A string constant.
    pub fn string(text: Rc<str>) -> Operand {
        Operand::Const(Const::Str(Box::new(text)))
    }
}

/// A constant.
#[derive(Clone, PartialEq, Debug)]
#[expect(missing_docs, reason = "the names are the values'")]
pub enum Const {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    // Boxed, so that an operand is two words: most of a program's instructions are operands.
    Str(Box<Rc<str>>),
    Ellipsis,
}

/// The instructions. `dest` of those marked *(no result)* is none.
#[derive(Clone, Debug)]
pub enum InstrKind {
    /// The operand itself. No copy of a tensor: one more name for it.
    Copy(Operand),
    /// `-a`, `not a`
    Unary(UnaryOp, Operand),
    /// `a + b`
    Binary(BinaryOp, Operand, Operand),
    /// `a += b`: in place on a tensor or list, else the same as `Binary`. The result is to be stored back to the target.
    InPlace(BinaryOp, Operand, Operand),
    /// One comparison; chains are lowered to branches.
    Compare(CompareOp, Operand, Operand),
    /// `object.name`
    GetAttr(Operand, Symbol),
    /// `object.name = value` *(no result)*
    SetAttr {
        /// The object.
        object: Operand,
        /// The attribute.
        name: Symbol,
        /// The value.
        value: Operand,
    },
    /// `del object.name` *(no result)*
    DelAttr(Operand, Symbol),
    /// `object[index]`
    GetItem(Operand, Operand),
    /// `object[index] = value`; in place on a tensor *(no result)*
    SetItem {
        /// The object.
        object: Operand,
        /// The index.
        index: Operand,
        /// The value.
        value: Operand,
    },
    /// `del object[index]` *(no result)*
    DelItem(Operand, Operand),
    /// `lower:upper:step`, absent parts as the constant `None`.
    Slice(Box<[Operand; 3]>),
    /// A tuple. A part may be starred.
    Tuple(Box<[Element]>),
    /// A list. A part may be starred.
    List(Box<[Element]>),
    /// A set.
    Set(Box<[Element]>),
    /// A dict; a part without a key is `**value`.
    Dict(Box<[(Option<Operand>, Operand)]>),
    /// Appends to a list that a comprehension builds *(no result)*
    Append {
        /// The list.
        list: Operand,
        /// The element.
        value: Operand,
    },
    /// `object[key] = value` of a dict that a comprehension builds *(no result)*
    Insert {
        /// The dict.
        dict: Operand,
        /// The key.
        key: Operand,
        /// The value.
        value: Operand,
    },
    /// `a, *b, c = value`: a tuple of exactly `before + after` elements, plus one (a list) if `star`, or a `ValueError`.
    /// A tensor is unbound along its first dimension, as iteration does.
    Unpack {
        /// What is unpacked.
        value: Operand,
        /// The number of targets before the star, or all.
        before: u32,
        /// Whether there is a starred target.
        star: bool,
        /// The number of targets behind it.
        after: u32,
    },
    /// Element `n` of a tuple that [`InstrKind::Unpack`] made.
    Element(Operand, u32),
    /// `callee(args)`
    Call {
        /// What is called.
        callee: Operand,
        /// With what.
        args: Box<[CallArg]>,
    },
    /// `object.name(args)`, which means the same as `GetAttr` and `Call`.
    CallMethod {
        /// The object.
        object: Operand,
        /// The method.
        name: Symbol,
        /// With what.
        args: Box<[CallArg]>,
    },
    /// `super()` within a method.
    Super {
        /// The class that the method was defined in.
        class: Operand,
        /// The method's first argument.
        object: Operand,
    },
    /// A builtin as a value.
    Builtin(Builtin),
    /// What another unit exports under this name; runs the unit's body first if it has not run.
    LoadUnit {
        /// The unit.
        unit: UnitId,
        /// The name.
        name: Symbol,
    },
    /// A closure.
    MakeFunction {
        /// Its code.
        function: FuncId,
        /// The defaults, one for each parameter that has one, in order.
        defaults: Box<[Operand]>,
        /// The registers of this function that hold the cells it captures.
        captures: Box<[Reg]>,
    },
    /// A class.
    MakeClass {
        /// Its name.
        name: Symbol,
        /// Its bases.
        bases: Box<[Operand]>,
        /// Its functions and attributes.
        members: Box<[(Symbol, Operand)]>,
    },
    /// A new cell, unbound or holding the operand (a captured parameter).
    MakeCell(Option<Operand>),
    /// The value in the cell that the register holds; unbound: `NameError`.
    LoadCell(Reg),
    /// Puts a value into the cell *(no result)*
    StoreCell {
        /// The register that holds the cell.
        cell: Reg,
        /// The value.
        value: Operand,
    },
    /// Makes a variable unbound again; a cell register: the cell's content *(no result)*
    Delete(Reg),
    /// An iterator over the operand. Of a tensor: over the views that `unbind` gives.
    Iter(Operand),
    /// An f-string.
    Format(Box<[FormatPart]>),
    /// `manager.__enter__()`: for the managers of gradient modes, enters the mode.
    Enter(Operand),
    /// `manager.__exit__(…)`; `exception` is `None` on the normal way out. The result is whether the exception is swallowed.
    Exit {
        /// The manager.
        manager: Operand,
        /// The exception that is leaving, or `None`.
        exception: Operand,
    },
    /// Whether the exception is of the type (or one of the tuple of types).
    ExceptionMatches {
        /// The exception.
        exception: Operand,
        /// The type or types.
        class: Operand,
    },
    /// `input()`: data from outside. Without a type, nothing is known of it.
    Input(Option<Box<InputType>>),
    /// `unknown()`
    Unknown,
    /// An expression statement's value is dropped here *(no result)*. Kept so that `loss.backward` without a call can be seen.
    Discard(Operand),
}

/// A part of a tuple, list or set display.
#[derive(Clone, PartialEq, Debug)]
pub struct Element {
    /// Whether it stands behind a star.
    pub star: bool,
    /// The value.
    pub value: Operand,
}

/// An argument of a call.
#[derive(Clone, PartialEq, Debug)]
pub struct CallArg {
    /// How it is passed.
    pub kind: CallArgKind,
    /// What is passed.
    pub value: Operand,
}

/// How an argument is passed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CallArgKind {
    /// By position.
    Positional,
    /// By name.
    Keyword(Symbol),
    /// `*value`
    Star,
    /// `**value`
    DoubleStar,
}

/// A piece of an f-string.
#[derive(Clone, PartialEq, Debug)]
pub enum FormatPart {
    /// Text.
    Text(Rc<str>),
    /// A value.
    Value {
        /// The value.
        value: Operand,
        /// Whether `repr` is used (`!r`) rather than `str`.
        repr: bool,
        /// What stands behind the colon; empty if nothing does.
        spec: Rc<str>,
    },
}

/// What is known of data from outside.
#[derive(Clone, PartialEq, Debug)]
pub struct InputType {
    /// The element type.
    pub dtype: Dtype,
    /// The sizes (integers when the program runs, or unknown), if said.
    pub shape: Option<SmallVec<[Operand; 4]>>,
}

/// A builtin, resolved when the program was lowered.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Builtin {
    /// An operator as a function: `relu`, `F.relu`, `linalg.norm`.
    Op(OpId),
    /// The in-place form as a function: `relu_`.
    OpInPlace(OpId),
    /// What both machines implement by hand.
    Intrinsic(Intrinsic),
    /// `float32`, `long`
    Dtype(Dtype),
    /// An exception type.
    Exception(Exception),
    /// A number: `math.pi`, `inf`.
    Float(f64),
}

/// How a block ends.
#[derive(Clone, Debug)]
pub enum Terminator {
    /// Goes on at the block.
    Goto(BlockId),
    /// Goes by the truth of the operand (a tensor of one element: whether it is not zero; more: a `RuntimeError`).
    Branch {
        /// The condition.
        condition: Operand,
        /// Where to go if it is true.
        then: BlockId,
        /// Where to go if it is false.
        otherwise: BlockId,
    },
    /// Takes the iterator's next value into `dest` and goes to `body`, or to `done` when there is none.
    Next {
        /// The iterator.
        iterator: Operand,
        /// Where the value is put.
        dest: Reg,
        /// Where to go with a value.
        body: BlockId,
        /// Where to go without.
        done: BlockId,
    },
    /// Leaves the function.
    Return(Operand),
    /// Raises the operand: an exception, or an exception type, which is called first. Goes to the block's handler, if it has one.
    Raise(Operand),
    /// No way leads here.
    Unreachable,
}
