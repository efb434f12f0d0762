//! The loop over blocks.

use std::cell::RefCell;
use std::rc::Rc;

use super::value::{CellRef, Value};
use super::{Machine, Res, Stop};
use crate::index::Idx;
use crate::ir::{BlockId, Const, FuncId, Function, Operand, Reg, Terminator, UnitId};
use crate::ops::Exception;
use crate::source::Span;
use crate::symbol::Symbol;

/// The registers of a call.
pub(super) type Regs = Vec<Value>;

impl Machine<'_> {
    /// Runs the program's own unit.
    pub(super) fn run_main(&mut self) -> Res<()> {
        let program = self.program;
        let Some(unit) = program.units.iter().next() else {
            return Ok(());
        };
        let function = &program.functions[unit.body];
        let mut regs = new_regs(function);
        let result = self.run_function(unit.body, &mut regs);
        self.main = Some(
            function
                .regs
                .iter()
                .zip(&regs)
                .filter_map(|(info, value)| {
                    let value = match value {
                        Value::Cell(cell) if info.is_cell => cell.borrow().clone(),
                        value => value.clone(),
                    };
                    Some((info.name?, value))
                })
                .collect(),
        );
        result.map(|_| ())
    }

    /// What a unit exports, after its body has run.
    pub(super) fn load_unit(&mut self, unit: UnitId, name: Symbol, span: Span) -> Res<Value> {
        let program = self.program;
        if !self.units.contains_key(&unit) {
            let function = &program.functions[program.units[unit].body];
            let mut regs = new_regs(function);
            for &(name, reg) in &program.units[unit].exports {
                let cell: CellRef = Rc::new(RefCell::new(Value::Unbound));
                regs[reg.index()] = Value::Cell(Rc::clone(&cell));
                self.units.entry(unit).or_default().insert(name, cell);
            }
            self.units.entry(unit).or_default();
            self.calls.push(span);
            let modes = (self.grad, self.inference);
            (self.grad, self.inference) = (true, false);
            let result = self.run_function(program.units[unit].body, &mut regs);
            (self.grad, self.inference) = modes;
            self.calls.pop();
            result?;
        }
        let found = self
            .units
            .get(&unit)
            .and_then(|names| names.get(&name))
            .map(|cell| cell.borrow().clone());
        match found {
            None | Some(Value::Unbound) => {
                self.unsupported(format!("`{name}` of the library"), span)
            }
            Some(value) => Ok(value),
        }
    }

    /// Runs a function whose parameters are in their registers.
    pub(super) fn run_function(&mut self, id: FuncId, regs: &mut Regs) -> Res<Value> {
        let program = self.program;
        let function = &program.functions[id];
        let mut at = BlockId::new(0);
        loop {
            let block = &function.blocks[at];
            let mut stopped = None;
            for instr in &block.instrs {
                self.step()?;
                match self.instruction(function, regs, instr) {
                    Ok(Some(value)) => {
                        if let Some(dest) = instr.dest {
                            regs[dest.index()] = value;
                        }
                    }
                    Ok(None) => {}
                    Err(stop) => {
                        stopped = Some(stop);
                        break;
                    }
                }
            }
            let next = match stopped {
                Some(stop) => Err(stop),
                None => self.step().and_then(|()| {
                    self.terminator(function, regs, &block.terminator, block.terminator_span)
                }),
            };
            match next {
                Ok(Next::Block(next)) => at = next,
                Ok(Next::Return(value)) => return Ok(value),
                Err(Stop::Raise(exc)) => match block.handler {
                    Some(handler) => {
                        regs[handler.exception.index()] = Value::Exception(exc);
                        at = handler.block;
                    }
                    None => return Err(Stop::Raise(exc)),
                },
                Err(stop) => return Err(stop),
            }
        }
    }

    fn terminator(
        &mut self,
        function: &Function,
        regs: &mut Regs,
        terminator: &Terminator,
        span: Span,
    ) -> Res<Next> {
        match terminator {
            Terminator::Goto(block) => Ok(Next::Block(*block)),
            Terminator::Branch {
                condition,
                then,
                otherwise,
            } => {
                let condition = self.operand(function, regs, condition, span)?;
                let taken = self.truth(&condition, span)?;
                Ok(Next::Block(if taken { *then } else { *otherwise }))
            }
            Terminator::Next {
                iterator,
                dest,
                body,
                done,
            } => {
                let iterator = self.operand(function, regs, iterator, span)?;
                match self.next(&iterator, span)? {
                    Some(value) => {
                        match &regs[dest.index()] {
                            Value::Cell(cell) if function.regs[*dest].is_cell => {
                                *cell.borrow_mut() = value
                            }
                            _ => regs[dest.index()] = value,
                        }
                        Ok(Next::Block(*body))
                    }
                    None => Ok(Next::Block(*done)),
                }
            }
            Terminator::Return(value) => {
                self.operand(function, regs, value, span).map(Next::Return)
            }
            Terminator::Raise(value) => {
                let value = self.operand(function, regs, value, span)?;
                self.raise_value(value, span)
            }
            Terminator::Unreachable => self.unsupported("code that is never reached", span),
        }
    }

    /// What an operand stands for; an unbound variable raises.
    pub(super) fn operand(
        &mut self,
        function: &Function,
        regs: &Regs,
        operand: &Operand,
        span: Span,
    ) -> Res<Value> {
        match operand {
            Operand::Reg(reg) => match &regs[reg.index()] {
                Value::Unbound => self.unbound(function, *reg, span),
                value => Ok(value.clone()),
            },
            Operand::Const(constant) => Ok(match constant {
                Const::None => Value::None,
                Const::Bool(value) => Value::Bool(*value),
                Const::Int(value) => Value::Int(*value),
                Const::Float(value) => Value::Float(*value),
                Const::Str(text) => Value::Str(Rc::clone(text)),
                Const::Ellipsis => Value::Ellipsis,
            }),
        }
    }

    pub(super) fn unbound<T>(&mut self, function: &Function, reg: Reg, span: Span) -> Res<T> {
        let name = function.regs[reg].name.map_or("?", Symbol::as_str);
        if function.name.as_str() == "<module>" {
            return self.raise(
                Exception::NameError,
                format!("name '{name}' is not defined"),
                span,
            );
        }
        let text = format!(
            "cannot access local variable '{name}' where it is not associated with a value"
        );
        self.raise(Exception::UnboundLocalError, text, span)
    }
}

/// Where a block goes.
enum Next {
    Block(BlockId),
    Return(Value),
}

/// Registers that are all unbound.
pub(super) fn new_regs(function: &Function) -> Regs {
    vec![Value::Unbound; function.regs.len()]
}
