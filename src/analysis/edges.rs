//! A tensor's place in the graph: whether it requires grad, whether it is a leaf, and the edge that a use of it goes along
//! (rules R1.1, R1.2, R5.4).

use std::rc::Rc;

use smallvec::SmallVec;

use super::graph::{Edge, Node, NodeKind};
use super::value::{Creation, GradFn, ObjId, View};
use super::world::World;
use super::{Analyzer, Res};
use crate::dataflow::Tri;
use crate::ops::Exception;
use crate::source::Span;

impl Analyzer<'_> {
    /// `requires_grad` (rule R1.1).
    pub(super) fn requires_grad(&self, world: &World, id: ObjId) -> Tri {
        let Some(tensor) = world.tensor(id) else {
            return Tri::Maybe;
        };
        if let Some(one_of) = &tensor.one_of
            && matches!(tensor.grad_fn, GradFn::OneOf(_))
        {
            let each: Vec<Tri> = one_of
                .iter()
                .filter(|&&part| part != id)
                .map(|&part| self.requires_grad(world, part))
                .collect();
            if let Some(first) = each.first() {
                return each.iter().fold(*first, |all, one| all.join(*one));
            }
        }
        let by_graph = match &tensor.grad_fn {
            GradFn::None => Tri::False,
            GradFn::Node(..) => Tri::True,
            GradFn::OneOf(parts) if parts.iter().all(Option::is_some) => Tri::True,
            GradFn::OneOf(_) => Tri::Maybe,
            GradFn::Unknown(exists) => *exists,
        };
        let known = tensor.bit.or(by_graph);
        match &tensor.view {
            Some(view) if !known.is_true() => known.or(self.requires_grad(world, view.base)),
            _ => known,
        }
    }

    /// Whether a tensor is a leaf (rule R1.2).
    pub(super) fn is_leaf(&self, world: &World, id: ObjId) -> Tri {
        match world.tensor(id).map(|tensor| &tensor.grad_fn) {
            Some(GradFn::None) => match self.stale_view(world, id) {
                true => Tri::False,
                false => Tri::True,
            },
            Some(GradFn::Node(..)) => Tri::False,
            Some(GradFn::OneOf(parts)) if parts.iter().all(Option::is_some) => Tri::False,
            _ => Tri::Maybe,
        }
    }

    /// Whether the tensor is a leaf that requires a gradient: only leaves have the bit themselves.
    pub(super) fn is_leaf_with_gradient(&self, world: &World, id: ObjId) -> Tri {
        let bit = world.tensor(id).map_or(Tri::False, |tensor| tensor.bit);
        bit.and(self.is_leaf(world, id))
    }

    /// Whether the tensor is a view whose `grad_fn` has to be derived again from its base before it is used (rule R5.4).
    pub(super) fn stale_view(&self, world: &World, id: ObjId) -> bool {
        let Some(tensor) = world.tensor(id) else {
            return false;
        };
        let Some(view) = &tensor.view else {
            return false;
        };
        let now = tensor
            .counter
            .and_then(|counter| world.counter(counter))
            .map_or(0, |counter| counter.last);
        now != view.attr_write
            && (tensor.grad_fn != GradFn::None || self.requires_grad(world, view.base).may())
    }

    /// The edge that a use of the tensor goes along. Derives a stale view's `grad_fn` again, or raises (rule R5.4).
    pub(super) fn edge(&mut self, world: &mut World, id: ObjId, span: Span) -> Res<Edge> {
        if self.stale_view(world, id) {
            self.refresh_view(world, id, span)?;
        }
        let Some(tensor) = world.tensor(id).cloned() else {
            return Ok(Edge::Unknown);
        };
        if let Some(one_of) = &tensor.one_of
            && !matches!(tensor.grad_fn, GradFn::Node(..))
        {
            let mut edges = Vec::with_capacity(one_of.len());
            for &part in one_of.iter().filter(|&&part| part != id) {
                let edge = self.edge(world, part, span)?;
                if !edges.contains(&edge) {
                    edges.push(edge);
                }
            }
            return Ok(if edges.len() == 1 {
                edges.remove(0)
            } else {
                Edge::one_of(edges)
            });
        }
        let leaf = |bit: Tri| match bit {
            Tri::True => Edge::Leaf(id),
            Tri::False => Edge::Null,
            Tri::Maybe => Edge::one_of([Edge::Leaf(id), Edge::Null]),
        };
        Ok(match &tensor.grad_fn {
            GradFn::None => leaf(tensor.bit),
            GradFn::Node(node, output) => Edge::Node(*node, *output),
            GradFn::OneOf(parts) => Edge::one_of(parts.iter().map(|part| {
                part.map_or_else(
                    || leaf(tensor.bit),
                    |(node, output)| Edge::Node(node, output),
                )
            })),
            GradFn::Unknown(_) => Edge::Unknown,
        })
    }

    fn refresh_view(&mut self, world: &mut World, id: ObjId, span: Span) -> Res<()> {
        let Some(tensor) = world.tensor(id).cloned() else {
            return Ok(());
        };
        let Some(view) = tensor.view.clone() else {
            return Ok(());
        };
        if view.creation != Creation::Default {
            let text = self.view_text(world, id, view.creation, true);
            let failure = view.creation.failure();
            let story = self.view_story(world, id);
            return self
                .raise(world, span, failure, Exception::RuntimeError, text)
                .map_err(|mut raise| {
                    raise.story = story;
                    raise
                });
        }
        let edge = self.edge(world, view.base, span)?;
        let node = self.add_node(Node {
            kind: NodeKind::AsStrided,
            name: "AsStridedBackward0",
            span: self.place(span),
            edges: SmallVec::from_iter([edge]),
            saved: Vec::new(),
            hidden: false,
            recorded: Tri::True,
            constant_gradient: None,
        });
        let now = tensor
            .counter
            .and_then(|counter| world.counter(counter))
            .map_or(0, |counter| counter.last);
        let tensor = world.tensor_mut(id);
        tensor.grad_fn = GradFn::Node(node, 0);
        tensor.view = Some(Rc::new(View {
            attr_write: now,
            ..(*view).clone()
        }));
        Ok(())
    }
}
