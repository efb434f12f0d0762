//! Gradient formulas run on abstract tensors, for `create_graph` and for hooks: the graph of the gradients themselves.

use std::rc::Rc;

use smallvec::SmallVec;

use super::graph::{Edge, NodeKind};
use super::op_args::{differentiable, edges_by_argument, tensors_of};
use super::record::OpArgs;
use super::saved::saves;
use super::value::{GradFn, NodeId, Obj, ObjId};
use super::world::World;
use super::{Analyzer, Raise, Res};
use crate::dataflow::Tri;
use crate::index::IndexVec;
use crate::ops::{Arg, Backward, Gradient, Meta, OpError, OpId, Saved, Var, table};
use crate::source::Span;

/// A formula on its way.
struct Run<'a, 'p> {
    analyzer: &'a mut Analyzer<'p>,
    world: &'a mut World,
    span: Span,
    /// The node whose formula it is.
    node: NodeId,
    args: &'a [Arg<ObjId>],
    metas: Vec<Arg<Meta>>,
    outputs: &'a [ObjId],
    grads: Vec<Option<Var>>,
    needs: Vec<bool>,
    vars: IndexVec<Var, ObjId>,
    /// Whether the node keeps the first argument: what was written in place may stand only as the result.
    keeps_first: bool,
    /// What an operator within the formula raised.
    raised: Option<Box<Raise>>,
}

impl Analyzer<'_> {
    /// Runs the formula of a node; none where it cannot be followed.
    pub(super) fn run_formula(
        &mut self,
        world: &mut World,
        node: NodeId,
        grads: &[Option<ObjId>],
        create: Tri,
        span: Span,
    ) -> Res<Option<Vec<Option<ObjId>>>> {
        let (op, args, outputs) = match &self.nodes[node].kind {
            NodeKind::Op { op, args, outputs } => {
                let mut args = args.to_vec();
                args.extend(table::row(*op).defaults(args.len()));
                (*op, args, outputs.to_vec())
            }
            NodeKind::AsStrided => return Ok(self.as_strided_gradient(world, node, grads, span)),
            NodeKind::CopySlices(_)
            | NodeKind::NotImplemented(..)
            | NodeKind::Function(_)
            | NodeKind::Summary => return Ok(None),
        };
        let before = world.grad.0;
        world.grad.0 = create;
        let edges = self.nodes[node].edges.clone();
        let result = self.run_row(world, op, &args, &edges, &outputs, grads, span, node);
        world.grad.0 = before;
        result
    }

    /// The gradient of a base for that of a regenerated view: it is linear, so a constant gives a constant.
    fn as_strided_gradient(
        &mut self,
        world: &mut World,
        node: NodeId,
        grads: &[Option<ObjId>],
        span: Span,
    ) -> Option<Vec<Option<ObjId>>> {
        let grad = (*grads.first()?)?;
        if self.requires_grad(world, grad).may() {
            return None;
        }
        let base = match self.nodes[node].edges.first()? {
            Edge::Leaf(leaf) => *leaf,
            Edge::Node(of, output) => self.output_of(*of, *output)?,
            _ => return None,
        };
        let base = world.tensor(base)?.clone();
        Some(vec![Some(self.gradient_like(
            world,
            &base,
            Tri::False,
            span,
        ))])
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one node")]
    fn run_row(
        &mut self,
        world: &mut World,
        op: OpId,
        args: &OpArgs,
        edges: &[Edge],
        outputs: &[ObjId],
        grads: &[Option<ObjId>],
        span: Span,
        node: NodeId,
    ) -> Res<Option<Vec<Option<ObjId>>>> {
        let row = table::row(op);
        let metas = match self.metas_before.get(&node) {
            Some(metas) => Some(metas.to_vec()),
            None => self.metas(world, args),
        };
        let (Gradient::Formula(formula), Some(metas)) = (row.gradient, metas) else {
            return Ok(None);
        };
        if grads.iter().all(Option::is_none)
            || outputs.iter().any(|&output| {
                world
                    .tensor(output)
                    .is_none_or(|tensor| tensor.meta.is_none())
            })
        {
            return Ok(None);
        }
        // As it was when the node was made: an argument may have been detached in place since.
        let needs = edges_by_argument(row, args, edges)
            .map(|edges| edges.iter().any(|edge| *edge != Edge::Null))
            .collect();
        let mut vars = IndexVec::new();
        let grads: Vec<Option<Var>> = grads
            .iter()
            .map(|grad| grad.map(|id| vars.push(id)))
            .collect();
        let mut run = Run {
            analyzer: self,
            world,
            span,
            node,
            args,
            metas,
            outputs,
            grads,
            needs,
            vars,
            keeps_first: !writes_first(args, outputs)
                || saves(row, true)
                    .iter()
                    .any(|save| save.what == Saved::Input(0)),
            raised: None,
        };
        let result = formula(&mut run);
        if let Some(raised) = run.raised {
            return Err(raised);
        }
        let vars = run.vars;
        // What the backward itself refuses.
        if let Err(error @ OpError::Raises(..)) = result {
            self.op_error::<()>(world, span, error)?;
            return Ok(None);
        }
        let count = differentiable(row, args).count();
        Ok(match result {
            Ok(results) if results.len() == count => Some(
                results
                    .into_iter()
                    .map(|result| result.map(|var| vars[var]))
                    .collect(),
            ),
            _ => None,
        })
    }
}

/// Whether an operator gave back what it was given first: it was called in place.
pub(super) fn writes_first(args: &[Arg<ObjId>], outputs: &[ObjId]) -> bool {
    let mut tensors = args.iter().flat_map(tensors_of);
    outputs
        .first()
        .is_some_and(|&output| tensors.next() == Some(output))
}

impl Run<'_, '_> {
    fn var(&mut self, id: ObjId) -> Var {
        self.vars.push(id)
    }
}

impl Run<'_, '_> {
    /// A result as the node kept it: what is written later has another place in the graph then.
    fn as_made(&mut self, id: ObjId, output: usize) -> ObjId {
        let here = GradFn::Node(self.node, output as u32);
        let Some(tensor) = self.world.tensor(id) else {
            return id;
        };
        let mut tensor = (**tensor).clone();
        tensor.grad_fn = here;
        tensor.view = None;
        tensor.hooks = Default::default();
        tensor.retains_grad = false;
        self.analyzer
            .alloc(self.world, Obj::Tensor(Rc::new(tensor)))
    }
}

impl Backward for Run<'_, '_> {
    fn grad(&mut self, output: usize) -> Option<Var> {
        self.grads.get(output).copied().flatten()
    }
    fn output_meta(&self, output: usize) -> Meta {
        let meta = self
            .outputs
            .get(output)
            .and_then(|&id| self.world.tensor(id))
            .and_then(|tensor| tensor.meta.as_deref().cloned());
        meta.unwrap_or_else(|| Meta::contiguous(crate::ops::Dtype::F32, [0usize; 0].as_slice()))
    }
    fn outputs(&self) -> usize {
        self.outputs.len()
    }
    fn input(&mut self, position: usize) -> Result<Var, OpError> {
        let id = self
            .args
            .get(position)
            .and_then(|arg| tensors_of(arg).next());
        match id {
            Some(id) if position > 0 || self.keeps_first => Ok(self.var(id)),
            _ => Err(OpError::Unsupported(
                "a formula asks for an argument that is no tensor, or is not kept".into(),
            )),
        }
    }
    fn inputs(&mut self, position: usize) -> Result<Vec<Var>, OpError> {
        let ids: Vec<ObjId> = self
            .args
            .get(position)
            .map(|arg| tensors_of(arg).collect())
            .unwrap_or_default();
        Ok(ids.into_iter().map(|id| self.var(id)).collect())
    }
    fn output(&mut self, output: usize) -> Result<Var, OpError> {
        match self.outputs.get(output) {
            Some(&id) => {
                let id = self.as_made(id, output);
                Ok(self.var(id))
            }
            None => Err(OpError::Unsupported(
                "a formula asks for a result that is not there".into(),
            )),
        }
    }
    fn args(&self) -> &[Arg<Meta>] {
        &self.metas
    }
    fn needs(&self, position: usize) -> bool {
        self.needs.get(position).copied().unwrap_or(false)
    }
    fn meta(&self, var: Var) -> Meta {
        let meta = self
            .world
            .tensor(self.vars[var])
            .and_then(|tensor| tensor.meta.as_deref().cloned());
        meta.unwrap_or_else(|| Meta::contiguous(crate::ops::Dtype::F32, [0usize; 0].as_slice()))
    }
    fn is_recorded(&self) -> bool {
        self.world.grad.0.may()
    }
    fn count_writes(&mut self, var: Var, writes: u64) {
        self.analyzer
            .count_hidden_writes(self.world, self.vars[var], writes);
    }
    fn call(
        &mut self,
        op: &'static str,
        args: Vec<Arg<Var>>,
    ) -> Result<SmallVec<[Var; 2]>, OpError> {
        let Some(id) = table::by_name(op) else {
            return Err(OpError::Unsupported(format!("no operator `{op}`")));
        };
        let mut args: OpArgs = args
            .iter()
            .map(|arg| arg.map(&mut |var: &Var| self.vars[*var]))
            .collect();
        let row = table::row(id);
        args.extend(row.defaults(args.len()));
        match self.analyzer.run_op(self.world, id, args, false, self.span) {
            Ok(Some(outputs)) => Ok(outputs.into_iter().map(|id| self.vars.push(id)).collect()),
            Ok(None) => Err(OpError::Unsupported("a result that is not known".into())),
            Err(raise) => {
                self.raised = Some(raise);
                Err(OpError::Unsupported("raised".into()))
            }
        }
    }
}
