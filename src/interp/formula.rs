//! A gradient formula of the operator table at work: what it asks for, and the operators that it calls.

use std::rc::Rc;

use smallvec::SmallVec;

use super::record::{not_saved, tensors_of, with_defaults};
use super::value::{Node, Tensor};
use super::{Machine, Stop};
use crate::index::IndexVec;
use crate::ops::{Arg, Backward, Meta, OpError, Var, table};
use crate::source::Span;

/// What a node kept, as tensors again.
#[derive(Default)]
pub(super) struct Unpacked {
    pub inputs: Vec<Option<Tensor>>,
    pub outputs: Vec<(usize, Option<Tensor>)>,
}

/// A formula on its way.
pub(super) struct Formula<'a, 'p> {
    pub machine: &'a mut Machine<'p>,
    pub node: &'a Rc<Node>,
    pub saved: Unpacked,
    pub grads: Vec<Option<Var>>,
    pub vars: IndexVec<Var, Tensor>,
    pub span: Span,
    pub stopped: Option<Stop>,
}

impl Backward for Formula<'_, '_> {
    fn grad(&mut self, output: usize) -> Option<Var> {
        self.grads.get(output).copied().flatten()
    }
    fn output_meta(&self, output: usize) -> Meta {
        let outputs = self.node.outputs.borrow();
        let meta = outputs.get(output).map(|meta| Meta::clone(meta));
        meta.unwrap_or_else(|| Meta::contiguous(crate::ops::Dtype::F32, [0usize].as_slice()))
    }
    fn outputs(&self) -> usize {
        self.node.outputs.borrow().len()
    }
    fn input(&mut self, position: usize) -> Result<Var, OpError> {
        self.inputs(position)?
            .first()
            .copied()
            .ok_or_else(not_saved)
    }
    fn inputs(&mut self, position: usize) -> Result<Vec<Var>, OpError> {
        let node = self.node;
        let Some(arg) = node.args.get(position) else {
            return Err(not_saved());
        };
        let mut vars = Vec::new();
        for &place in tensors_of(arg) {
            let tensor = self
                .saved
                .inputs
                .get(place)
                .cloned()
                .flatten()
                .ok_or_else(not_saved)?;
            vars.push(self.vars.push(tensor));
        }
        Ok(vars)
    }
    fn output(&mut self, output: usize) -> Result<Var, OpError> {
        let found = self
            .saved
            .outputs
            .iter()
            .find(|(at, _)| *at == output)
            .and_then(|(_, tensor)| tensor.clone());
        found
            .map(|tensor| self.vars.push(tensor))
            .ok_or_else(not_saved)
    }
    fn args(&self) -> &[Arg<Meta>] {
        &self.node.metas
    }
    fn needs(&self, position: usize) -> bool {
        self.node.needs.get(position).copied().unwrap_or(false)
    }
    fn meta(&self, var: Var) -> Meta {
        Meta::clone(&self.vars[var].meta.borrow())
    }
    fn is_recorded(&self) -> bool {
        self.machine.grad
    }
    fn count_writes(&mut self, var: Var, writes: u64) {
        if let Some(counter) = &self.vars[var].counter {
            counter.set(writes);
        }
    }
    fn call(
        &mut self,
        op: &'static str,
        args: Vec<Arg<Var>>,
    ) -> Result<SmallVec<[Var; 2]>, OpError> {
        let Some(id) = table::by_name(op) else {
            return Err(OpError::Unsupported(format!("the operator `{op}`")));
        };
        let args: Vec<Arg<Tensor>> = args
            .iter()
            .map(|arg| arg.map(&mut |var: &Var| Rc::clone(&self.vars[*var])))
            .collect();
        let args = with_defaults(table::row(id), args);
        match self.machine.run_op(id, args, false, self.span) {
            Ok(outputs) => Ok(outputs
                .into_iter()
                .map(|tensor| self.vars.push(tensor))
                .collect()),
            Err(stop) => {
                self.stopped = Some(stop);
                Err(OpError::Unsupported("stopped".into()))
            }
        }
    }
}
