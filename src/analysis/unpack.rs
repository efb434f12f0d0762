//! What a node does with what it kept when backward comes to it (rules R6.2, R6.3, R7.4, R7.6).

use std::borrow::Cow;

use rustc_hash::FxHashSet;

use super::fact::{FactKind, Failure};
use super::graph::{Edge, NodeKind, SavedTensor};
use super::story::{Happened, Step};
use super::value::{GradFn, NodeId};
use super::world::World;
use super::write::short;
use super::{Analyzer, Res};
use crate::dataflow::Tri;
use crate::ops::{Exception, custom};
use crate::source::Span;

pub(super) const TWICE: &str = "Trying to backward through the graph a second time (or directly access saved tensors after they have already been freed). Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(). Specify retain_graph=True if you need to backward through the graph a second time or if you need to access saved tensors after calling backward.";
const DETACHED: &str = "Trying to use a saved tensor that has been detached in-place, i.e. with .detach_().This is not supported, please use out-of-place `.detach()` instead";

impl Analyzer<'_> {
    /// Unpacks all that a node keeps (rules R6.2, R7.4).
    pub(super) fn check_node(
        &mut self,
        world: &mut World,
        node: NodeId,
        certain: Tri,
        span: Span,
    ) -> Res<()> {
        // What a custom function keeps is looked at when its backward asks for it.
        if let NodeKind::Function(_) = self.nodes[node].kind {
            return Ok(());
        }
        let keeper = match self.nodes[node].kind {
            NodeKind::CopySlices(inner) => inner,
            _ => node,
        };
        if let NodeKind::NotImplemented(error, text) = &self.nodes[node].kind {
            let (error, text) = (*error, text.clone());
            return self.no_derivative(world, node, error, text, span);
        }
        let keeps = self.nodes[node].hidden || !self.nodes[node].saved.is_empty();
        let release = world.released.get(node.number()).copied();
        if let (Some(release), true) = (release, keeps)
            && release.freed.may()
        {
            let story = vec![
                Step {
                    span: self.nodes[node].span,
                    happened: Happened::Saved(None),
                },
                Step {
                    span: release.by,
                    happened: Happened::Freed,
                },
            ];
            self.refuse(
                world,
                certain.and(release.freed),
                Failure::FreedGraph,
                TWICE.into(),
                story,
                span,
            )?;
        }
        if let NodeKind::NotImplemented(error, text) = &self.nodes[keeper].kind {
            let (error, text) = (*error, text.clone());
            return self.no_derivative(world, keeper, error, text, span);
        }
        if let Some(gradient) = self.nodes[node].constant_gradient {
            let story = vec![Step {
                span: self.origins.get(gradient).span,
                happened: Happened::GradientIsConstant,
            }];
            let at = self.nodes[node].span;
            self.fact(world, at, FactKind::ConstantGradient, story);
        }
        for saved in self.nodes[keeper].saved.clone() {
            self.unpack_saved(world, keeper, &saved, certain, span)?;
        }
        Ok(())
    }

    /// Whether something was computed of what a node gives. A write through a view does not keep what was behind the
    /// view before: its edge goes to the base.
    fn is_used(&self, node: NodeId) -> bool {
        let writes: FxHashSet<NodeId> = self
            .nodes
            .iter_enumerated()
            .filter_map(|(_, other)| match other.kind {
                NodeKind::CopySlices(inner) => Some(inner),
                _ => None,
            })
            .collect();
        self.nodes.iter_enumerated().any(|(id, other)| {
            let own = usize::from(writes.contains(&id));
            other
                .edges
                .iter()
                .skip(own)
                .any(|edge| leads_to(edge, node))
        })
    }

    fn no_derivative(
        &mut self,
        world: &mut World,
        node: NodeId,
        error: Exception,
        text: Cow<'static, str>,
        span: Span,
    ) -> Res<()> {
        let story = vec![Step {
            span: self.nodes[node].span,
            happened: Happened::Other("this operator has no derivative in PyTorch".into()),
        }];
        self.raise(world, span, Failure::NoDerivative, error, text)
            .map_err(|mut raise| {
                raise.story = story;
                raise
            })
    }

    pub(super) fn unpack_saved(
        &mut self,
        world: &mut World,
        node: NodeId,
        saved: &SavedTensor,
        certain: Tri,
        span: Span,
    ) -> Res<()> {
        if let Some((value, unpack)) = saved.packed.as_deref().cloned() {
            let args = super::call::Args::of([value]);
            return self.call(world, unpack, args, span).map(|_| ());
        }
        let made = self.nodes[node].span;
        let now = world.tensor(saved.tensor).cloned();
        if saved.had_grad_fn
            && !saved.is_output
            && now
                .as_ref()
                .is_some_and(|tensor| tensor.grad_fn == GradFn::None)
        {
            let story = vec![Step {
                span: made,
                happened: Happened::Saved(None),
            }];
            return self.refuse(
                world,
                certain,
                Failure::SavedDetached,
                DETACHED.into(),
                story,
                span,
            );
        }
        let Some(counter) = saved
            .counter
            .and_then(|counter| world.counter(counter).cloned())
        else {
            return Ok(());
        };
        let exact = saved.low == saved.high;
        if counter.last != saved.last {
            // Versions only grow. Where ways were joined, the last write is that of one of them.
            if counter.high <= saved.low {
                return Ok(());
            }
            let changed = if counter.low > saved.low {
                Tri::True
            } else {
                Tri::Maybe
            };
            let write = first_write_after(&counter, saved.last);
            let version = (counter.low == counter.high).then_some(counter.low);
            let mut story = vec![Step {
                span: made,
                happened: Happened::Saved(exact.then_some(saved.low)),
            }];
            story.extend(write.map(|span| Step {
                span,
                happened: Happened::Overwritten(version),
            }));
            let certain = certain.and(changed);
            let text = self.overwritten_text(world, node, saved, version, certain, span)?;
            return self.refuse(world, certain, Failure::SavedOverwritten, text, story, span);
        }
        let (storage, last) = saved.storage;
        let written = world
            .storage(storage)
            .filter(|now| now.last != last)
            // A result is kept apart from the tensor that it was given out as.
            .filter(|now| {
                let left_by = now.left_by;
                left_by.is_none_or(|tensor| tensor == saved.tensor && !saved.is_output)
            })
            .and_then(|now| now.span);
        if let Some(written) = written {
            let story = vec![
                Step {
                    span: made,
                    happened: Happened::Saved(exact.then_some(saved.low)),
                },
                Step {
                    span: written,
                    happened: Happened::WrittenBehind,
                },
            ];
            if certain.is_true() {
                self.fact(world, span, FactKind::StaleSaved, story);
            } else if !self.program.lenient {
                self.uncertain_fact(world, span, FactKind::StaleSaved, story);
            }
        }
        Ok(())
    }

    pub(super) fn overwritten_text(
        &mut self,
        world: &mut World,
        node: NodeId,
        saved: &SavedTensor,
        version: Option<u32>,
        certain: Tri,
        span: Span,
    ) -> Res<String> {
        let tensor = world.tensor(saved.tensor).cloned();
        let kind = tensor
            .as_ref()
            .and_then(|tensor| tensor.dtype)
            .map_or_else(|| "…".into(), super::types::tensor_type);
        let now = tensor.as_ref().and_then(|tensor| tensor.meta.clone());
        // A result is known by the sizes that it had when it was saved.
        let first = self.first_meta.get(&saved.tensor).cloned();
        let sizes = first
            .filter(|_| saved.is_output)
            .or(now)
            .map(|meta| meta.sizes())
            .unwrap_or_else(|| "…".into());
        let output = if saved.is_output {
            let at = match &self.nodes[node].kind {
                NodeKind::Op { outputs, .. } => {
                    outputs.iter().position(|&output| output == saved.tensor)
                }
                NodeKind::Function(function) => function
                    .outputs
                    .iter()
                    .position(|&output| output == Some(saved.tensor)),
                _ => None,
            };
            let at = at.unwrap_or(0);
            let grad_fn = tensor.as_ref().map(|tensor| &tensor.grad_fn);
            let name = match (self.behind_view.get(&node).copied(), grad_fn) {
                (None, _) => short(self.nodes[node].name),
                // Nothing else keeps the node that the view had then.
                (Some(seen), Some(GradFn::Node(now, _))) if seen != *now && !self.is_used(seen) => {
                    short(self.nodes[node].name)
                }
                // It depends on whether the view, or what was computed of it, is still there.
                _ => "…".into(),
            };
            format!(", which is output {at} of {name},")
        } else {
            // A view whose base was written has its `grad_fn` derived again when it is looked at.
            if self.stale_view(world, saved.tensor) {
                match self.edge(world, saved.tensor, span) {
                    Err(raise) if certain.is_true() => return Err(raise),
                    _ => {}
                }
            }
            match world
                .tensor(saved.tensor)
                .map(|tensor| tensor.grad_fn.clone())
            {
                // PyTorch keeps the number of the output for what a node saves of its own results alone.
                Some(GradFn::Node(node, _)) => {
                    format!(", which is output 0 of {},", short(self.nodes[node].name))
                }
                Some(GradFn::None) => String::new(),
                _ => "…".into(),
            }
        };
        let number = |version: Option<u32>| {
            version.map_or_else(|| "…".into(), |version| version.to_string())
        };
        let hint = match world.anomaly {
            Tri::False => custom::HINT,
            Tri::True => custom::ANOMALY_HINT,
            Tri::Maybe => "…",
        };
        let expected = number((saved.low == saved.high).then_some(saved.low));
        Ok(format!(
            "one of the variables needed for gradient computation has been modified by an inplace operation: [{kind} {sizes}]{output} is at version {}; expected version {expected} instead. Hint: {hint}",
            number(version)
        ))
    }
}

/// Whether the edge leads to the node, for sure or not.
fn leads_to(edge: &Edge, node: NodeId) -> bool {
    match edge {
        Edge::Node(other, _) => *other == node,
        Edge::OneOf(parts) => parts.iter().any(|part| leads_to(part, node)),
        _ => false,
    }
}

fn first_write_after(counter: &super::value::Counter, last: u32) -> Option<Span> {
    let mut found = None;
    let mut write = counter.writes.as_ref();
    while let Some(at) = write {
        if at.number <= last {
            break;
        }
        found = Some(at.span);
        write = at.before.as_ref();
    }
    found
}
