//! Checks that hold of any well-formed program; run after every lowering in debug and test builds.

use std::rc::Rc;

use super::{
    Block, BlockId, FuncId, Function, Instr, InstrKind, Operand, Program, Reg, RegInfo, Terminator,
};
use crate::index::{Idx, IndexVec};

/// How many violations are listed.
const MAX_VIOLATIONS: usize = 20;

/// Whether the program is well-formed; else what is not.
pub fn verify(program: &Program) -> Result<(), Vec<String>> {
    let mut violations = Vec::new();
    for (id, unit) in program.units.iter_enumerated() {
        match program.functions.get(unit.body) {
            None => violations.push(format!("{id:?}: no body {:?}", unit.body)),
            Some(body) => {
                for (name, reg) in &unit.exports {
                    if !body.regs.get(*reg).is_some_and(|info| info.is_cell) {
                        violations.push(format!("{id:?}: export {name} is no cell"));
                    }
                }
                if !body.params.is_empty() || !body.captures.is_empty() {
                    violations.push(format!("{id:?}: its body takes parameters or captures"));
                }
            }
        }
    }
    for (id, function) in program.functions.iter_enumerated() {
        let mut check = Check {
            program,
            id,
            function,
            violations: &mut violations,
        };
        check.function();
    }
    violations.truncate(MAX_VIOLATIONS);
    if violations.is_empty() {
        Ok(())
    } else {
        Err(violations)
    }
}

struct Check<'p> {
    program: &'p Program,
    id: FuncId,
    function: &'p Function,
    violations: &'p mut Vec<String>,
}

impl Check<'_> {
    fn report(&mut self, block: BlockId, what: &str) {
        if self.violations.len() < MAX_VIOLATIONS {
            self.violations.push(format!(
                "{:?} ({}) {block:?}: {what}",
                self.id, self.function.qualified_name
            ));
        }
    }

    fn function(&mut self) {
        let function = self.function;
        let entry = BlockId::new(0);
        if function.blocks.is_empty() {
            return self.report(entry, "no entry block");
        }
        for param in &function.params {
            if self.cell(param.reg) != Some(false) {
                self.report(
                    entry,
                    &format!(
                        "parameter {} is put into {:?}, which is no plain register",
                        param.name, param.reg
                    ),
                );
            }
        }
        for capture in &function.captures {
            if self.cell(*capture) != Some(true) {
                self.report(entry, &format!("capture {capture:?} is no cell"));
            }
        }
        let mut sound = true;
        for (id, block) in function.blocks.iter_enumerated() {
            let before = self.violations.len();
            self.block(id, block);
            sound &= before == self.violations.len();
        }
        if sound {
            self.definitions();
        }
    }

    /// Whether the register is a cell; none if there is no such register.
    fn cell(&self, reg: Reg) -> Option<bool> {
        self.function.regs.get(reg).map(|info| info.is_cell)
    }

    fn block(&mut self, id: BlockId, block: &Block) {
        for instr in &block.instrs {
            self.instr(id, instr);
        }
        let targets = block
            .terminator
            .successors()
            .map(|(target, _)| target)
            .chain(block.handler.map(|handler| handler.block));
        for target in targets {
            if self.function.blocks.get(target).is_none() {
                self.report(id, &format!("goes to {target:?}, which is not there"));
            }
        }
        let written = if let Terminator::Next { dest, .. } = block.terminator {
            Some(dest)
        } else {
            None
        };
        for reg in written
            .into_iter()
            .chain(block.handler.map(|handler| handler.exception))
        {
            if self.cell(reg) != Some(false) {
                self.report(id, &format!("{reg:?} is written and no plain register"));
            }
        }
        let mut read = Vec::new();
        block.terminator.reads(&mut |reg| read.push(reg));
        if read.into_iter().any(|reg| self.cell(reg) != Some(false)) {
            self.report(id, "the terminator reads what is no plain register");
        }
    }

    fn instr(&mut self, id: BlockId, instr: &Instr) {
        if instr.dest.is_some() != instr.kind.has_result() {
            self.report(id, &format!("a result too many or none: {:?}", instr.kind));
        }
        let makes_cell = matches!(instr.kind, InstrKind::MakeCell(_));
        if instr
            .dest
            .is_some_and(|dest| self.cell(dest) != Some(makes_cell))
        {
            self.report(
                id,
                &format!(
                    "writes a cell as a value, or a value as a cell: {:?}",
                    instr.kind
                ),
            );
        }
        let cells = instr.kind.cells();
        let mut read = Vec::new();
        instr.kind.reads(&mut |reg| read.push(reg));
        for reg in read {
            let as_cell = cells.contains(&reg);
            let right = match instr.kind {
                InstrKind::Delete(_) => self.cell(reg).is_some(),
                _ => self.cell(reg) == Some(as_cell),
            };
            if !right {
                self.report(
                    id,
                    &format!("reads {reg:?} as what it is not: {:?}", instr.kind),
                );
            }
        }
        self.references(id, &instr.kind);
    }

    fn references(&mut self, id: BlockId, kind: &InstrKind) {
        match kind {
            InstrKind::MakeFunction {
                function,
                defaults,
                captures,
            } => match self.program.functions.get(*function) {
                None => self.report(id, "makes a function that is not there"),
                Some(made) => {
                    let wanted = made.params.iter().filter(|param| param.has_default).count();
                    if wanted != defaults.len() || made.captures.len() != captures.len() {
                        self.report(
                            id,
                            &format!(
                                "{function:?} wants {wanted} defaults and {} captures",
                                made.captures.len()
                            ),
                        );
                    }
                }
            },
            InstrKind::LoadUnit { unit, .. } if self.program.units.get(*unit).is_none() => {
                self.report(id, "loads a unit that is not there")
            }
            _ => {}
        }
    }

    /// Temporaries and cells are set on all ways to their use. (Variables need not be: that is a `NameError`.)
    fn definitions(&mut self) {
        let function = self.function;
        let mut at_start: IndexVec<BlockId, Option<Defined>> =
            function.blocks.ids().map(|_| None).collect();
        let entry = BlockId::new(0);
        let mut first = Defined::new(function);
        function.captures.iter().for_each(|reg| first.insert(*reg));
        at_start[entry] = Some(first);
        let mut todo = vec![entry];
        while let Some(id) = todo.pop() {
            let Some(mut defined) = at_start[id].clone() else {
                continue;
            };
            let block = &function.blocks[id];
            if let Some(handler) = block.handler {
                // What the block sets is not sure to be set when it raises.
                let mut raised = defined.clone();
                raised.insert(handler.exception);
                meet(&mut at_start, &mut todo, handler.block, &raised);
            }
            block
                .instrs
                .iter()
                .filter_map(|instr| instr.dest)
                .for_each(|dest| defined.insert(dest));
            for (target, _) in block.terminator.successors() {
                let mut out = defined.clone();
                if let Terminator::Next { dest, body, .. } = block.terminator
                    && body == target
                {
                    out.insert(dest);
                }
                meet(&mut at_start, &mut todo, target, &out);
            }
        }
        for (id, block) in function.blocks.iter_enumerated() {
            if let Some(defined) = at_start[id].clone() {
                self.uses(id, block, defined);
            }
        }
    }

    fn uses(&mut self, id: BlockId, block: &Block, mut defined: Defined) {
        let mut missing = Vec::new();
        for instr in &block.instrs {
            instr.kind.reads(&mut |reg| {
                if !defined.contains(reg) {
                    missing.push(reg);
                }
            });
            instr.dest.into_iter().for_each(|dest| defined.insert(dest));
        }
        block.terminator.reads(&mut |reg| {
            if !defined.contains(reg) {
                missing.push(reg);
            }
        });
        for reg in missing {
            self.report(id, &format!("{reg:?} is used before it is set"));
        }
    }
}

/// A set of temporaries and cells.
#[derive(Clone)]
struct Defined {
    bits: Vec<u64>,
    /// The place of each register in the set; none of a variable.
    places: Rc<[Option<u32>]>,
}

impl Defined {
    fn new(function: &Function) -> Defined {
        let mut next = 0;
        let place = |info: &RegInfo| {
            let tracked = info.name.is_none() || info.is_cell;
            next += u32::from(tracked);
            tracked.then(|| next - 1)
        };
        let places: Rc<[Option<u32>]> = function.regs.iter().map(place).collect();
        Defined {
            bits: vec![0; (next as usize).div_ceil(64)],
            places,
        }
    }
    fn insert(&mut self, reg: Reg) {
        if let Some(place) = self.places[reg.index()] {
            self.bits[place as usize / 64] |= 1 << (place % 64);
        }
    }
    /// Whether the register is in the set, or a variable.
    fn contains(&self, reg: Reg) -> bool {
        self.places[reg.index()]
            .is_none_or(|place| self.bits[place as usize / 64] >> (place % 64) & 1 == 1)
    }
}

/// Keeps at the block's start what is set on this way too.
fn meet(
    at_start: &mut IndexVec<BlockId, Option<Defined>>,
    todo: &mut Vec<BlockId>,
    block: BlockId,
    defined: &Defined,
) {
    match &mut at_start[block] {
        Some(known) => {
            let met: Vec<u64> = known
                .bits
                .iter()
                .zip(&defined.bits)
                .map(|(a, b)| a & b)
                .collect();
            if met != known.bits {
                known.bits = met;
                todo.push(block);
            }
        }
        unknown => {
            *unknown = Some(defined.clone());
            todo.push(block);
        }
    }
}

impl InstrKind {
    /// Whether the instruction has a result.
    pub fn has_result(&self) -> bool {
        !matches!(
            self,
            InstrKind::SetAttr { .. }
                | InstrKind::DelAttr(..)
                | InstrKind::SetItem { .. }
                | InstrKind::DelItem(..)
                | InstrKind::Append { .. }
                | InstrKind::Insert { .. }
                | InstrKind::StoreCell { .. }
                | InstrKind::Delete(_)
                | InstrKind::Discard(_)
        )
    }

    /// The registers that the instruction reads as cells.
    pub fn cells(&self) -> &[Reg] {
        match self {
            InstrKind::LoadCell(cell) | InstrKind::StoreCell { cell, .. } => {
                std::slice::from_ref(cell)
            }
            InstrKind::MakeFunction { captures, .. } => captures,
            _ => &[],
        }
    }
}

impl Operand {
    /// The register, if it is one.
    pub fn reg(&self) -> Option<Reg> {
        match self {
            Operand::Reg(reg) => Some(*reg),
            Operand::Const(_) => None,
        }
    }
}
