//! The function that is being lowered: its registers, blocks, and the constructs that the current place is in.

use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::scope::ScopeId;
use crate::index::IndexVec;
use crate::ir::*;
use crate::source::Span;
use crate::symbol::Symbol;

/// A way out of a `finally` or `with` other than its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// `return`
    Return,
    /// `break` of the nearest loop.
    Break,
    /// `continue` of the nearest loop.
    Continue,
}

/// A construct around the current place that `return`, `break` or `continue` must heed.
#[derive(Debug)]
pub enum Around {
    /// A loop.
    Loop {
        /// Where `break` goes.
        done: BlockId,
        /// Where `continue` goes.
        next: BlockId,
    },
    /// A `finally` or `with`.
    Cleanup(Cleanup),
    /// A `catch … as e`: `e` is unbound when it is left.
    Caught(Reg),
}

/// The way into the one copy of a `finally`'s or `with`'s code.
#[derive(Debug)]
pub struct Cleanup {
    /// Where it begins.
    pub block: BlockId,
    /// The register for how to go on: 0 at its end, 1 if something was raised, 2 and up for `ways`.
    pub how: Reg,
    /// The register for what `return` gives.
    pub value: Reg,
    /// The ways that are taken.
    pub ways: Vec<Way>,
}

/// The function that is being lowered.
#[derive(Debug)]
pub struct FunctionBuilder {
    /// The scope of its own variables.
    pub scope: ScopeId,
    /// Its name with its classes.
    pub path: Rc<str>,
    /// The registers of the variables it knows.
    pub vars: FxHashMap<(ScopeId, Symbol), Reg>,
    /// Its first parameter, for `super()`.
    pub first_param: Option<Symbol>,
    /// Where a raise goes from here.
    pub handler: Option<Handler>,
    /// What is around the current place, outermost first.
    pub around: Vec<Around>,
    /// The exceptions being handled here, for a bare `raise`.
    pub handling: Vec<Reg>,
    regs: IndexVec<Reg, RegInfo>,
    blocks: IndexVec<BlockId, Block>,
    current: BlockId,
    finished: bool,
    temporaries: Vec<Reg>,
    used_temporaries: usize,
    /// The registers that an instruction so far sets.
    set: FxHashSet<Reg>,
}

impl FunctionBuilder {
    /// An empty function with its entry block.
    pub fn new(scope: ScopeId, path: Rc<str>, span: Span) -> FunctionBuilder {
        let mut builder = FunctionBuilder {
            scope,
            path,
            vars: FxHashMap::default(),
            first_param: None,
            handler: None,
            around: Vec::new(),
            handling: Vec::new(),
            regs: IndexVec::new(),
            blocks: IndexVec::new(),
            current: crate::index::Idx::new(0),
            finished: false,
            temporaries: Vec::new(),
            used_temporaries: 0,
            set: FxHashSet::default(),
        };
        builder.current = builder.block(span);
        builder
    }

    /// A register for a variable.
    pub fn variable(&mut self, owner: ScopeId, name: Symbol, is_cell: bool) -> Reg {
        let reg = self.regs.push(RegInfo {
            name: Some(name),
            is_cell,
        });
        self.vars.insert((owner, name), reg);
        reg
    }
    /// Whether the register holds a cell.
    pub fn is_cell(&self, reg: Reg) -> bool {
        self.regs[reg].is_cell
    }
    /// Whether a parameter or an instruction so far gives the register a value.
    pub fn is_set(&self, reg: Reg) -> bool {
        self.is_temporary(reg) || self.set.contains(&reg)
    }
    /// Notes that the register has a value from the start.
    pub fn note_set(&mut self, reg: Reg) {
        self.set.insert(reg);
    }
    /// Whether the register is a temporary.
    pub fn is_temporary(&self, reg: Reg) -> bool {
        self.regs[reg].name.is_none()
    }
    /// A register for a parameter that lives in a cell from the first instruction on.
    pub fn argument(&mut self, name: Symbol) -> Reg {
        self.regs.push(RegInfo {
            name: Some(name),
            is_cell: false,
        })
    }

    /// A temporary, until [`release`](Self::release).
    pub fn temporary(&mut self) -> Reg {
        if self.used_temporaries == self.temporaries.len() {
            self.temporaries.push(self.regs.push(RegInfo {
                name: None,
                is_cell: false,
            }));
        }
        self.used_temporaries += 1;
        self.temporaries[self.used_temporaries - 1]
    }
    /// What [`release`](Self::release) goes back to.
    pub fn mark(&self) -> usize {
        self.used_temporaries
    }
    /// Gives back the temporaries taken since the mark.
    pub fn release(&mut self, mark: usize) {
        self.used_temporaries = mark;
    }

    /// A new block under the current handler.
    pub fn block(&mut self, span: Span) -> BlockId {
        self.blocks.push(Block {
            instrs: Vec::new(),
            terminator: Terminator::Unreachable,
            terminator_span: span,
            handler: self.handler,
        })
    }
    /// Goes on in `block`, with the current handler.
    pub fn start(&mut self, block: BlockId) {
        self.blocks[block].handler = self.handler;
        self.current = block;
        self.finished = false;
    }
    /// The block that instructions are added to.
    pub fn current(&self) -> BlockId {
        self.current
    }
    /// Whether the current block has its end: what follows is not reached.
    pub fn finished(&self) -> bool {
        self.finished
    }

    /// Adds an instruction. After the end of a block it is put where no way leads.
    pub fn push(&mut self, instr: Instr) {
        self.revive(instr.span);
        self.set.extend(instr.dest);
        self.blocks[self.current].instrs.push(instr);
    }
    /// Makes room for the instructions of so many statements, which are one each or more.
    pub fn reserve(&mut self, statements: usize) {
        self.blocks[self.current].instrs.reserve_exact(statements);
    }
    /// Adds an instruction at the end of another block than the current.
    pub fn push_to(&mut self, block: BlockId, instr: Instr) {
        self.set.extend(instr.dest);
        self.blocks[block].instrs.push(instr);
    }
    /// Ends the current block.
    pub fn end(&mut self, terminator: Terminator, span: Span) {
        self.revive(span);
        if let Terminator::Next { dest, .. } = &terminator {
            self.set.insert(*dest);
        }
        let block = &mut self.blocks[self.current];
        (block.terminator, block.terminator_span) = (terminator, span);
        self.finished = true;
    }
    /// Ends the current block by going to another, if it has no end yet.
    pub fn goto(&mut self, block: BlockId, span: Span) {
        if !self.finished {
            self.end(Terminator::Goto(block), span);
        }
    }

    /// A block that is not reached, for the code behind a `return`: it is lowered for its mistakes, then dropped.
    fn revive(&mut self, span: Span) {
        if self.finished {
            let block = self.block(span);
            self.start(block);
        }
    }

    /// The function without the blocks that no way leads to.
    pub fn finish(
        self,
        name: Symbol,
        unit: UnitId,
        params: Vec<Param>,
        captures: Vec<Reg>,
        span: Span,
    ) -> Function {
        let blocks = reached(self.blocks);
        Function {
            name,
            qualified_name: self.path,
            unit,
            params,
            captures,
            regs: self.regs,
            blocks,
            span,
            is_left_out: false,
        }
    }
}

/// The blocks that the entry leads to, renumbered.
fn reached(mut blocks: IndexVec<BlockId, Block>) -> IndexVec<BlockId, Block> {
    let mut seen: IndexVec<BlockId, bool> = blocks.ids().map(|_| false).collect();
    let mut todo: Vec<BlockId> = blocks.ids().take(1).collect();
    while let Some(id) = todo.pop() {
        if std::mem::replace(&mut seen[id], true) {
            continue;
        }
        todo.extend(blocks[id].terminator.successors().map(|(next, _)| next));
        todo.extend(blocks[id].handler.map(|handler| handler.block));
    }
    let mut next = 0;
    let places: IndexVec<BlockId, BlockId> = seen
        .iter()
        .map(|&seen| (crate::index::Idx::new(next), next += usize::from(seen)).0)
        .collect();
    let mut kept = IndexVec::new();
    for (id, block) in blocks
        .iter_mut()
        .enumerate()
        .map(|(nth, block)| (<BlockId as crate::index::Idx>::new(nth), block))
    {
        if seen[id] {
            let mut block = std::mem::replace(block, unreachable_block(block.terminator_span));
            retarget(&mut block, &places);
            block.instrs.shrink_to_fit();
            kept.push(block);
        }
    }
    kept
}

fn unreachable_block(span: Span) -> Block {
    Block {
        instrs: Vec::new(),
        terminator: Terminator::Unreachable,
        terminator_span: span,
        handler: None,
    }
}

fn retarget(block: &mut Block, places: &IndexVec<BlockId, BlockId>) {
    if let Some(handler) = &mut block.handler {
        handler.block = places[handler.block];
    }
    match &mut block.terminator {
        Terminator::Goto(target) => *target = places[*target],
        Terminator::Branch {
            then, otherwise, ..
        } => {
            (*then, *otherwise) = (places[*then], places[*otherwise]);
        }
        Terminator::Next { body, done, .. } => (*body, *done) = (places[*body], places[*done]),
        Terminator::Return(_) | Terminator::Raise(_) | Terminator::Unreachable => {}
    }
}
