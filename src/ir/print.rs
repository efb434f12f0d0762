//! The textual form of the intermediate representation, for `gradlint emit --to ir` and for tests.

use std::fmt::{self, Write};

use super::{
    Block, Builtin, CallArg, CallArgKind, Const, Element, FormatPart, Function, Instr, InstrKind,
    Operand, Param, ParamKind, Program, Reg, Terminator, UnitId,
};
use crate::ops::table;

/// The text of the whole program.
pub fn print(program: &Program) -> String {
    let units: Vec<UnitId> = program.units.ids().collect();
    print_units(program, &units)
}

/// The text of the program's own unit, without what it needs of the prelude.
pub fn print_own(program: &Program) -> String {
    print_units(program, &program.units.ids().take(1).collect::<Vec<_>>())
}

fn print_units(program: &Program, units: &[UnitId]) -> String {
    let mut text = String::new();
    for (nth, &id) in units.iter().enumerate() {
        let unit = &program.units[id];
        let blank = if nth > 0 { "\n" } else { "" };
        // Writing to a string does not fail.
        let _ = writeln!(text, "{blank}{id:?} {} = {:?}", unit.name, unit.body);
        for (name, reg) in &unit.exports {
            let _ = writeln!(
                text,
                "  export {name} {}",
                Shown(&program.functions[unit.body], *reg)
            );
        }
        for (id, function) in program
            .functions
            .iter_enumerated()
            .filter(|(_, function)| function.unit == units[nth])
        {
            let _ = writeln!(text, "\n{id:?} {}", Text(function));
        }
    }
    text
}

/// A register with its name: `loss.r3`, `r4`, `&w.r5` for a cell.
struct Shown<'f>(&'f Function, Reg);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let info = self.0.regs[self.1];
        if info.is_cell {
            f.write_char('&')?;
        }
        match info.name {
            Some(name) => write!(f, "{name}.{:?}", self.1),
            None => write!(f, "{:?}", self.1),
        }
    }
}

/// Something of a function, to be shown with its names.
struct Of<'f, T>(&'f Function, &'f T);

impl fmt::Display for Of<'_, Operand> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Operand::Reg(reg) => Shown(self.0, *reg).fmt(f),
            Operand::Const(Const::None) => f.write_str("none"),
            Operand::Const(Const::Bool(value)) => write!(f, "{value}"),
            Operand::Const(Const::Int(value)) => write!(f, "{value}"),
            Operand::Const(Const::Float(value)) => write!(f, "{value:?}"),
            Operand::Const(Const::Str(text)) => write!(f, "{text:?}"),
            Operand::Const(Const::Ellipsis) => f.write_str("..."),
        }
    }
}

/// Things with commas between.
fn separated<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    parts: impl Iterator<Item = T>,
) -> fmt::Result {
    for (nth, part) in parts.enumerate() {
        let comma = if nth > 0 { ", " } else { "" };
        write!(f, "{comma}{part}")?;
    }
    Ok(())
}

struct Text<'f>(&'f Function);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let function = self.0;
        write!(f, "{}(", function.qualified_name)?;
        separated(f, function.params.iter().map(|param| Of(function, param)))?;
        f.write_char(')')?;
        if !function.captures.is_empty() {
            f.write_str(" captures ")?;
            separated(f, function.captures.iter().map(|reg| Shown(function, *reg)))?;
        }
        for (id, block) in function.blocks.iter_enumerated() {
            write!(f, "\n{id:?}:{}", Of(function, block))?;
        }
        Ok(())
    }
}

impl fmt::Display for Of<'_, Param> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.1.kind {
            ParamKind::Normal => "",
            ParamKind::KeywordOnly => "named ",
            ParamKind::VarArgs => "*",
            ParamKind::KwArgs => "**",
        };
        let default = if self.1.has_default { " = …" } else { "" };
        write!(f, "{sign}{}{default}", Shown(self.0, self.1.reg))
    }
}

impl fmt::Display for Of<'_, Block> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Of(function, block) = self;
        if let Some(handler) = block.handler {
            write!(
                f,
                " raise -> {:?} {}",
                handler.block,
                Shown(function, handler.exception)
            )?;
        }
        for instr in &block.instrs {
            write!(f, "\n  {}", Of(function, instr))?;
        }
        write!(f, "\n  {}", Of(function, &block.terminator))
    }
}

impl fmt::Display for Of<'_, Terminator> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Of(function, terminator) = self;
        match terminator {
            Terminator::Goto(block) => write!(f, "goto {block:?}"),
            Terminator::Branch {
                condition,
                then,
                otherwise,
            } => write!(
                f,
                "if {} {then:?} else {otherwise:?}",
                Of(function, condition)
            ),
            Terminator::Next {
                iterator,
                dest,
                body,
                done,
            } => {
                write!(
                    f,
                    "{} = next {} {body:?} else {done:?}",
                    Shown(function, *dest),
                    Of(function, iterator)
                )
            }
            Terminator::Return(value) => write!(f, "return {}", Of(function, value)),
            Terminator::Raise(value) => write!(f, "raise {}", Of(function, value)),
            Terminator::Unreachable => f.write_str("unreachable"),
        }
    }
}

impl fmt::Display for Of<'_, Element> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let star = if self.1.star { "*" } else { "" };
        write!(f, "{star}{}", Of(self.0, &self.1.value))
    }
}

impl fmt::Display for Of<'_, CallArg> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1.kind {
            CallArgKind::Positional => {}
            CallArgKind::Keyword(name) => write!(f, "{name}=")?,
            CallArgKind::Star => f.write_char('*')?,
            CallArgKind::DoubleStar => f.write_str("**")?,
        }
        Of(self.0, &self.1.value).fmt(f)
    }
}

impl fmt::Display for Of<'_, (Option<Operand>, Operand)> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.1.0 {
            Some(key) => write!(f, "{}: {}", Of(self.0, key), Of(self.0, &self.1.1)),
            None => write!(f, "**{}", Of(self.0, &self.1.1)),
        }
    }
}

impl fmt::Display for Of<'_, FormatPart> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            FormatPart::Text(text) => write!(f, "{text:?}"),
            FormatPart::Value { value, repr, spec } => {
                let repr = if *repr { "!r" } else { "" };
                let colon = if spec.is_empty() { "" } else { ":" };
                write!(f, "{{{}{repr}{colon}{spec}}}", Of(self.0, value))
            }
        }
    }
}

impl fmt::Display for Builtin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Builtin::Op(op) => write!(f, "op {}", table::row(*op).name),
            Builtin::OpInPlace(op) => write!(f, "op {} in place", table::row(*op).name),
            Builtin::Intrinsic(found) => f.write_str(found.name()),
            Builtin::Dtype(dtype) => f.write_str(dtype.tg_name()),
            Builtin::Exception(exception) => f.write_str(exception.name()),
            Builtin::Float(number) => write!(f, "{number:?}"),
        }
    }
}

impl fmt::Display for Of<'_, Instr> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(dest) = self.1.dest {
            write!(f, "{} = ", Shown(self.0, dest))?;
        }
        Of(self.0, &self.1.kind).fmt(f)
    }
}

impl fmt::Display for Of<'_, InstrKind> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Of(function, kind) = *self;
        let of = |operand| Of(function, operand);
        match kind {
            InstrKind::Copy(value) => of(value).fmt(f),
            InstrKind::Unary(op, value) => write!(f, "{} {}", op.text(), of(value)),
            InstrKind::Binary(op, left, right) => {
                write!(f, "{} {} {}", of(left), op.text(), of(right))
            }
            InstrKind::InPlace(op, left, right) => {
                write!(f, "{} {}= {}", of(left), op.text(), of(right))
            }
            InstrKind::Compare(op, left, right) => {
                write!(f, "{} {} {}", of(left), op.text(), of(right))
            }
            InstrKind::GetAttr(object, name) => write!(f, "{}.{name}", of(object)),
            InstrKind::SetAttr {
                object,
                name,
                value,
            } => write!(f, "{}.{name} = {}", of(object), of(value)),
            InstrKind::DelAttr(object, name) => write!(f, "del {}.{name}", of(object)),
            InstrKind::GetItem(object, index) => write!(f, "{}[{}]", of(object), of(index)),
            InstrKind::SetItem {
                object,
                index,
                value,
            } => write!(f, "{}[{}] = {}", of(object), of(index), of(value)),
            InstrKind::DelItem(object, index) => write!(f, "del {}[{}]", of(object), of(index)),
            InstrKind::Call { callee, args } => call(f, function, &of(callee), args),
            InstrKind::CallMethod { object, name, args } => {
                call(f, function, &format_args!("{}.{name}", of(object)), args)
            }
            _ => self.rest(f),
        }
    }
}

fn call(
    f: &mut fmt::Formatter<'_>,
    function: &Function,
    callee: &dyn fmt::Display,
    args: &[CallArg],
) -> fmt::Result {
    write!(f, "{callee}(")?;
    separated(f, args.iter().map(|arg| Of(function, arg)))?;
    f.write_char(')')
}

impl Of<'_, InstrKind> {
    /// Displays and comprehensions; then the rest.
    fn rest(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Of(function, kind) = *self;
        let of = |operand| Of(function, operand);
        match kind {
            InstrKind::Slice(parts) => write!(
                f,
                "slice {} : {} : {}",
                of(&parts[0]),
                of(&parts[1]),
                of(&parts[2])
            ),
            InstrKind::Tuple(parts) => {
                self.display(f, "(", parts.iter().map(|part| Of(function, part)), ")")
            }
            InstrKind::List(parts) => {
                self.display(f, "[", parts.iter().map(|part| Of(function, part)), "]")
            }
            InstrKind::Set(parts) => {
                self.display(f, "set {", parts.iter().map(|part| Of(function, part)), "}")
            }
            InstrKind::Dict(parts) => {
                self.display(f, "{", parts.iter().map(|part| Of(function, part)), "}")
            }
            InstrKind::Format(parts) => self.display(
                f,
                "format ",
                parts.iter().map(|part| Of(function, part)),
                "",
            ),
            InstrKind::Append { list, value } => write!(f, "append {} {}", of(list), of(value)),
            InstrKind::Insert { dict, key, value } => {
                write!(f, "insert {} {}: {}", of(dict), of(key), of(value))
            }
            InstrKind::Unpack {
                value,
                before,
                star: false,
                ..
            } => write!(f, "unpack {} {before}", of(value)),
            InstrKind::Unpack {
                value,
                before,
                after,
                ..
            } => write!(f, "unpack {} {before} * {after}", of(value)),
            InstrKind::Element(value, nth) => write!(f, "element {} {nth}", of(value)),
            _ => self.definitions(f),
        }
    }

    fn display<T: fmt::Display>(
        &self,
        f: &mut fmt::Formatter<'_>,
        open: &str,
        parts: impl Iterator<Item = T>,
        close: &str,
    ) -> fmt::Result {
        f.write_str(open)?;
        separated(f, parts)?;
        f.write_str(close)
    }

    fn definitions(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Of(function, kind) = *self;
        let of = |operand| Of(function, operand);
        match kind {
            InstrKind::Super { class, object } => write!(f, "super {} {}", of(class), of(object)),
            InstrKind::Builtin(builtin) => write!(f, "builtin {builtin}"),
            InstrKind::LoadUnit { unit, name } => write!(f, "load {unit:?} {name}"),
            InstrKind::MakeFunction {
                function: made,
                defaults,
                captures,
            } => {
                write!(f, "function {made:?}(")?;
                separated(f, defaults.iter().map(of))?;
                f.write_char(')')?;
                self.display(
                    f,
                    " [",
                    captures.iter().map(|reg| Shown(function, *reg)),
                    "]",
                )
            }
            InstrKind::MakeClass {
                name,
                bases,
                members,
            } => {
                self.display(f, &format!("class {name}("), bases.iter().map(of), ")")?;
                self.display(
                    f,
                    " {",
                    members
                        .iter()
                        .map(|(name, value)| format!("{name}: {}", of(value))),
                    "}",
                )
            }
            InstrKind::MakeCell(None) => f.write_str("cell"),
            InstrKind::MakeCell(Some(value)) => write!(f, "cell {}", of(value)),
            InstrKind::LoadCell(cell) => write!(f, "load {}", Shown(function, *cell)),
            InstrKind::StoreCell { cell, value } => {
                write!(f, "store {} {}", Shown(function, *cell), of(value))
            }
            InstrKind::Delete(reg) => write!(f, "del {}", Shown(function, *reg)),
            _ => self.effects(f),
        }
    }

    fn effects(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Of(function, kind) = *self;
        let of = |operand| Of(function, operand);
        match kind {
            InstrKind::Iter(value) => write!(f, "iter {}", of(value)),
            InstrKind::Enter(manager) => write!(f, "enter {}", of(manager)),
            InstrKind::Exit { manager, exception } => {
                write!(f, "exit {} {}", of(manager), of(exception))
            }
            InstrKind::ExceptionMatches { exception, class } => {
                write!(f, "{} matches {}", of(exception), of(class))
            }
            InstrKind::Input(None) => f.write_str("input"),
            InstrKind::Input(Some(ty)) => {
                write!(f, "input {}", ty.dtype.tg_name())?;
                match &ty.shape {
                    Some(shape) => self.display(f, "[", shape.iter().map(of), "]"),
                    None => Ok(()),
                }
            }
            InstrKind::Unknown => f.write_str("unknown"),
            InstrKind::Discard(value) => write!(f, "discard {}", of(value)),
            // All others have been shown by now.
            _ => write!(f, "{kind:?}"),
        }
    }
}
