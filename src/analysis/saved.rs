//! What a node keeps for its backward (rules R2.2, R2.3 and R6.1), and what cannot be kept.

use std::rc::Rc;

use smallvec::SmallVec;

use super::graph::{Edge, NodeKind, SavedTensor};
use super::op_args::{edges_by_argument, tensors_of};
use super::record::{OpArgs, Outputs};
use super::story::Source;
use super::value::{GradFn, NodeId, ObjId, Val};
use super::world::World;
use super::{Analyzer, Res};
use crate::dataflow::Tri;
use crate::ops::{Arg, Dtype, InPlace, Meta, OpRow, Save, Saved, When};
use crate::source::Span;

impl Analyzer<'_> {
    pub(super) fn save_inputs(
        &mut self,
        world: &mut World,
        row: &OpRow,
        args: &[Arg<ObjId>],
        in_place: bool,
        span: Span,
    ) -> Res<(Vec<SavedTensor>, bool)> {
        let mut saved = Vec::new();
        let mut hidden = false;
        for save in &in_order_of_names(row, saves(row, in_place)) {
            if !self.is_saved(world, save, args).may() {
                continue;
            }
            let clone_of_self =
                in_place && matches!(save.what, Saved::Input(0)) && own_saves(row).is_none();
            match save.what {
                Saved::Hidden => hidden = true,
                Saved::Input(_) if clone_of_self => hidden = true,
                Saved::Input(at) => match args.get(at) {
                    Some(Arg::Scalar(_)) => {
                        hidden = true;
                        if !world.saved_hooks.is_empty() {
                            saved.push(self.pack_number(world, span)?);
                        }
                    }
                    Some(arg) => {
                        for tensor in tensors_of(arg) {
                            self.refuse_inference(world, tensor, span)?;
                            let kept = self.save(world, tensor, false);
                            saved.push(self.pack(world, kept, span)?);
                        }
                    }
                    None => {}
                },
                Saved::Output(_) => {}
            }
        }
        Ok((saved, hidden))
    }

    pub(super) fn is_saved(&self, world: &World, save: &Save, args: &[Arg<ObjId>]) -> Tri {
        match save.when {
            When::Always => Tri::True,
            When::Needs(places) => places.iter().fold(Tri::False, |any, &at| {
                let needs = args.get(at).map_or(Tri::False, |arg| match arg {
                    Arg::Unknown => Tri::Maybe,
                    arg => tensors_of(arg)
                        .fold(Tri::False, |any, id| any.or(self.requires_grad(world, id))),
                });
                any.or(needs)
            }),
        }
    }

    /// Saves a tensor as it is now.
    pub(super) fn save(&self, world: &World, id: ObjId, is_output: bool) -> SavedTensor {
        let tensor = world.tensor(id);
        let counter = tensor.and_then(|tensor| tensor.counter);
        let state = counter.and_then(|counter| world.counter(counter));
        let storage = tensor.map_or(id, |tensor| tensor.storage);
        SavedTensor {
            tensor: id,
            counter,
            low: state.map_or(0, |state| state.low),
            high: state.map_or(0, |state| state.high),
            last: state.map_or(0, |state| state.last),
            storage: (
                storage,
                world.storage(storage).map_or(0, |storage| storage.last),
            ),
            is_output,
            had_grad_fn: tensor.is_some_and(|tensor| tensor.grad_fn != GradFn::None),
            packed: None,
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of a call")]
    pub(super) fn save_outputs(
        &mut self,
        world: &mut World,
        row: &OpRow,
        args: &[Arg<ObjId>],
        node: NodeId,
        outputs: &Outputs,
        in_place: bool,
        span: Span,
    ) -> Res<()> {
        for save in saves(row, in_place) {
            if let (Saved::Output(at), true) =
                (save.what, self.is_saved_later(row, save, args, node).may())
                && let Some(&output) = outputs.get(at)
            {
                // What is of no floating type is a leaf, and kept as it is.
                let floating = world
                    .tensor(output)
                    .is_some_and(|tensor| tensor.dtype.is_none_or(Dtype::is_floating));
                let saved = self.save(world, output, floating);
                let saved = self.pack(world, saved, span)?;
                self.nodes[node].saved.push(saved);
            }
        }
        if let NodeKind::Op {
            outputs: of_node, ..
        } = &mut self.nodes[node].kind
        {
            of_node.clone_from(outputs);
        }
        Ok(())
    }

    /// A view that was written gets its new `grad_fn` at once; what the write saved of its result is known by the name
    /// of that, for as long as it is there.
    pub(super) fn name_after_view(
        &mut self,
        world: &mut World,
        target: ObjId,
        node: NodeId,
        span: Span,
    ) -> Res<()> {
        if self.stale_view(world, target) {
            self.edge(world, target, span)?;
            if let Some(GradFn::Node(now, _)) = world.tensor(target).map(|tensor| &tensor.grad_fn) {
                self.behind_view.insert(node, *now);
            }
        }
        Ok(())
    }

    /// A number is saved as a tensor of its own.
    pub(super) fn pack_number(&mut self, world: &mut World, span: Span) -> Res<SavedTensor> {
        let meta = Rc::new(Meta::contiguous(Dtype::F64, [0usize; 0].as_slice()));
        let origin = self.origin(span, Source::Factory, []);
        let id = self.new_tensor(world, Some(meta), Some(Dtype::F64), origin);
        let saved = self.save(world, id, false);
        self.pack(world, saved, span)
    }

    /// What a node saves is packed by the hooks in force.
    pub(super) fn pack(
        &mut self,
        world: &mut World,
        mut saved: SavedTensor,
        span: Span,
    ) -> Res<SavedTensor> {
        let Some((pack, unpack)) = world.saved_hooks.last().cloned() else {
            return Ok(saved);
        };
        let given = Val::Obj(self.detach(world, saved.tensor, span));
        let before = world.grad;
        world.grad.0 = Tri::False;
        let value = self.call(world, pack, super::call::Args::of([given]), span);
        world.grad = before;
        saved.packed = Some(Box::new((value?, unpack)));
        Ok(saved)
    }

    /// Whether an output is saved: what needs a gradient is told by the edges, since an in-place write has changed the tensors.
    pub(super) fn is_saved_later(
        &self,
        row: &OpRow,
        save: &Save,
        args: &[Arg<ObjId>],
        node: NodeId,
    ) -> Tri {
        let When::Needs(places) = save.when else {
            return Tri::True;
        };
        let of_places = edges_by_argument(row, args, &self.nodes[node].edges)
            .enumerate()
            .filter(|(at, _)| places.contains(at))
            .flat_map(|(_, edges)| edges);
        of_places.fold(Tri::False, |any, edge| {
            any.or(match edge {
                Edge::Null => Tri::False,
                Edge::Leaf(_) | Edge::Node(..) => Tri::True,
                _ => Tri::Maybe,
            })
        })
    }

    /// What cannot be saved is told before the sizes are looked at.
    pub(super) fn refuse_saving(
        &mut self,
        world: &mut World,
        row: &OpRow,
        args: &OpArgs,
        in_place: bool,
        span: Span,
    ) -> Res<()> {
        for save in saves(row, in_place) {
            let Saved::Input(at) = save.what else {
                continue;
            };
            let clone_of_self = in_place && at == 0 && own_saves(row).is_none();
            if !clone_of_self && self.is_saved(world, save, args).is_true() {
                for tensor in args.get(at).into_iter().flat_map(tensors_of) {
                    self.refuse_inference(world, tensor, span)?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn refuse_inference(&mut self, world: &mut World, id: ObjId, span: Span) -> Res<()> {
        if !world.is_inference(id) || world.inference.0.may() {
            return Ok(());
        }
        let text = "Inference tensors cannot be saved for backward. Please do not use Tensors created in inference mode in computation tracked by autograd. To work around this, you can make a clone to get a normal tensor and use it in autograd, or use `torch.no_grad()` instead of `torch.inference_mode()`.";
        self.inference_failure(world, id, text, span)
    }
}

/// PyTorch unpacks what a node keeps in the order of the parameters' names.
pub(super) fn in_order_of_names(row: &OpRow, saves: &[Save]) -> SmallVec<[Save; 4]> {
    let mut saves: SmallVec<[Save; 4]> = saves.into();
    if saves.len() > 1 {
        saves.sort_by_key(|save| match save.what {
            Saved::Input(at) => row.params.get(at).map_or("", |param| param.name),
            _ => "~",
        });
    }
    saves
}

/// What an operator saves in the form in which it is called.
pub(super) fn saves(row: &OpRow, in_place: bool) -> &'static [Save] {
    match own_saves(row) {
        Some(saves) if in_place => saves,
        _ => row.saves,
    }
}

pub(super) fn own_saves(row: &OpRow) -> Option<&'static [Save]> {
    match row.in_place {
        InPlace::Yes { saves, .. } => saves,
        _ => None,
    }
}

/// Whether an inference tensor is among the arguments.
pub(super) fn inference_known(world: &World, args: &OpArgs) -> bool {
    let mut tensors = args.iter().flat_map(tensors_of);
    tensors.any(|id| world.is_inference(id))
}
