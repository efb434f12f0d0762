//! Which registers an instruction reads.

use super::{FormatPart, InstrKind, Operand, Reg, Terminator};

fn read(operand: &Operand, visit: &mut impl FnMut(Reg)) {
    if let Operand::Reg(reg) = operand {
        visit(*reg);
    }
}

fn read_all<'a>(operands: impl IntoIterator<Item = &'a Operand>, visit: &mut impl FnMut(Reg)) {
    for operand in operands {
        read(operand, visit);
    }
}

impl InstrKind {
    /// Calls `visit` with each register that the instruction reads, in order.
    pub fn reads(&self, visit: &mut impl FnMut(Reg)) {
        match self {
            InstrKind::Copy(a)
            | InstrKind::Unary(_, a)
            | InstrKind::GetAttr(a, _)
            | InstrKind::DelAttr(a, _)
            | InstrKind::Iter(a) => read(a, visit),
            InstrKind::Enter(a) | InstrKind::Discard(a) | InstrKind::Element(a, _) => {
                read(a, visit)
            }
            InstrKind::Unpack { value, .. } => read(value, visit),
            InstrKind::Binary(_, a, b)
            | InstrKind::InPlace(_, a, b)
            | InstrKind::Compare(_, a, b) => read_all([a, b], visit),
            InstrKind::GetItem(a, b) | InstrKind::DelItem(a, b) => read_all([a, b], visit),
            InstrKind::SetAttr { object, value, .. } => read_all([object, value], visit),
            InstrKind::SetItem {
                object,
                index,
                value,
            } => read_all([object, index, value], visit),
            InstrKind::Slice(parts) => read_all(parts.iter(), visit),
            InstrKind::Tuple(parts) | InstrKind::List(parts) | InstrKind::Set(parts) => {
                read_all(parts.iter().map(|part| &part.value), visit)
            }
            InstrKind::Dict(parts) => {
                for (key, value) in parts {
                    read_all(key.iter().chain([value]), visit);
                }
            }
            InstrKind::Append { list, value } => read_all([list, value], visit),
            InstrKind::Insert { dict, key, value } => read_all([dict, key, value], visit),
            InstrKind::Call { callee, args } => read_all(
                [callee]
                    .into_iter()
                    .chain(args.iter().map(|arg| &arg.value)),
                visit,
            ),
            InstrKind::CallMethod { object, args, .. } => read_all(
                [object]
                    .into_iter()
                    .chain(args.iter().map(|arg| &arg.value)),
                visit,
            ),
            InstrKind::Super { class, object } => read_all([class, object], visit),
            InstrKind::Builtin(_) | InstrKind::LoadUnit { .. } | InstrKind::Unknown => {}
            InstrKind::MakeFunction {
                defaults, captures, ..
            } => {
                read_all(defaults.iter(), visit);
                captures.iter().copied().for_each(visit);
            }
            InstrKind::MakeClass { bases, members, .. } => read_all(
                bases.iter().chain(members.iter().map(|(_, value)| value)),
                visit,
            ),
            InstrKind::MakeCell(value) => read_all(value, visit),
            InstrKind::LoadCell(cell) | InstrKind::Delete(cell) => visit(*cell),
            InstrKind::StoreCell { cell, value } => {
                visit(*cell);
                read(value, visit);
            }
            InstrKind::Format(parts) => {
                for part in parts {
                    if let FormatPart::Value { value, .. } = part {
                        read(value, visit);
                    }
                }
            }
            InstrKind::Exit { manager, exception } => read_all([manager, exception], visit),
            InstrKind::ExceptionMatches { exception, class } => read_all([exception, class], visit),
            InstrKind::Input(ty) => {
                if let Some(shape) = ty.as_ref().and_then(|ty| ty.shape.as_ref()) {
                    read_all(shape.iter(), visit);
                }
            }
        }
    }
}

impl Terminator {
    /// Calls `visit` with each register that the terminator reads.
    pub fn reads(&self, visit: &mut impl FnMut(Reg)) {
        match self {
            Terminator::Branch {
                condition: value, ..
            }
            | Terminator::Return(value)
            | Terminator::Raise(value) => read(value, visit),
            Terminator::Next { iterator, .. } => read(iterator, visit),
            Terminator::Goto(_) | Terminator::Unreachable => {}
        }
    }
}
