//! The control-flow graph of a function, as a `petgraph` graph: for orders, dominators and loops.

use petgraph::graph::{DiGraph, NodeIndex};

use super::{BlockId, Function, Terminator};
use crate::index::{Idx, IndexVec};

/// Why control goes from one block to another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EdgeKind {
    /// The only way.
    Goto,
    /// The condition is true, or the iterator has a value.
    Then,
    /// The condition is false, or the iterator is exhausted.
    Otherwise,
    /// Something was raised.
    Raise,
}

/// The graph; node `n` is block `n`.
pub type Graph = DiGraph<BlockId, EdgeKind, u32>;

impl Terminator {
    /// The blocks that control may go to without an exception, with the reason.
    pub fn successors(&self) -> impl Iterator<Item = (BlockId, EdgeKind)> {
        let (first, second) = match *self {
            Terminator::Goto(target) => (Some((target, EdgeKind::Goto)), None),
            Terminator::Branch {
                then, otherwise, ..
            } => (
                Some((then, EdgeKind::Then)),
                Some((otherwise, EdgeKind::Otherwise)),
            ),
            Terminator::Next { body, done, .. } => (
                Some((body, EdgeKind::Then)),
                Some((done, EdgeKind::Otherwise)),
            ),
            Terminator::Return(_) | Terminator::Raise(_) | Terminator::Unreachable => (None, None),
        };
        first.into_iter().chain(second)
    }
}

/// The graph of `function`, exceptional edges included.
pub fn graph(function: &Function) -> Graph {
    let mut graph = Graph::with_capacity(function.blocks.len(), function.blocks.len() * 2);
    for id in function.blocks.ids() {
        graph.add_node(id);
    }
    for (id, block) in function.blocks.iter_enumerated() {
        let from = NodeIndex::new(id.index());
        for (target, kind) in block.terminator.successors() {
            graph.add_edge(from, NodeIndex::new(target.index()), kind);
        }
        if let Some(handler) = block.handler {
            graph.add_edge(from, NodeIndex::new(handler.block.index()), EdgeKind::Raise);
        }
    }
    graph
}

/// For each block its place in a reverse post-order from the entry; none where unreachable.
pub fn reverse_post_order(function: &Function) -> IndexVec<BlockId, Option<u32>> {
    let graph = graph(function);
    let mut order: Vec<NodeIndex<u32>> = Vec::with_capacity(graph.node_count());
    let mut visit = petgraph::visit::DfsPostOrder::new(&graph, NodeIndex::new(0));
    while let Some(node) = visit.next(&graph) {
        order.push(node);
    }
    let mut places: IndexVec<BlockId, Option<u32>> = function.blocks.ids().map(|_| None).collect();
    for (place, node) in order.into_iter().rev().enumerate() {
        places[graph[node]] = Some(place as u32);
    }
    places
}
