//! The order in which blocks are visited: a weak topological order, in which a loop's blocks stand together and before
//! what follows the loop. So all ways out of a loop are gathered before anything behind it is visited.

use petgraph::algo::dominators;
use petgraph::graph::NodeIndex;
use rustc_hash::FxHashSet;

use crate::index::{Idx, IndexVec};
use crate::ir::cfg::{self, Graph};
use crate::ir::{BlockId, Function};

/// The order of a function's blocks, with its loops.
#[derive(Debug)]
pub struct Order {
    /// Each block's place; unreachable blocks have the last.
    pub place: IndexVec<BlockId, u32>,
    /// Whether the block is the head of a loop.
    pub is_loop_head: IndexVec<BlockId, bool>,
    /// The heads of the loops that a block is in, innermost last.
    pub loops: IndexVec<BlockId, Vec<BlockId>>,
}

impl Order {
    /// The order of `function`'s blocks.
    pub fn new(function: &Function) -> Order {
        let graph = cfg::graph(function);
        let loops = natural_loops(function, &graph);
        let mut place: IndexVec<BlockId, u32> = function.blocks.ids().map(|_| u32::MAX).collect();
        for (at, block) in reverse_post_order(function, &graph, &loops)
            .into_iter()
            .enumerate()
        {
            place[block] = at as u32;
        }
        let is_loop_head = function
            .blocks
            .ids()
            .map(|block| loops[block].contains(&block))
            .collect();
        Order {
            place,
            is_loop_head,
            loops,
        }
    }

    /// Whether an edge goes back to the head of a loop that it is in.
    pub fn is_back_edge(&self, from: BlockId, to: BlockId) -> bool {
        self.is_loop_head[to] && self.loops[from].contains(&to)
    }
}

/// For each block the heads of the natural loops it is in, outermost first. Sound for reducible graphs, and both front
/// ends make no others.
fn natural_loops(function: &Function, graph: &Graph) -> IndexVec<BlockId, Vec<BlockId>> {
    if !petgraph::algo::is_cyclic_directed(graph) {
        return function.blocks.ids().map(|_| Vec::new()).collect();
    }
    let dominators = dominators::simple_fast(graph, NodeIndex::new(0));
    let mut members: Vec<(BlockId, FxHashSet<NodeIndex<u32>>)> = Vec::new();
    for head in graph.node_indices() {
        let tails: Vec<_> = graph
            .neighbors_directed(head, petgraph::Direction::Incoming)
            .filter(|&tail| {
                dominators
                    .dominators(tail)
                    .is_some_and(|mut all| all.any(|node| node == head))
            })
            .collect();
        if !tails.is_empty() {
            members.push((graph[head], loop_body(graph, head, tails)));
        }
    }
    // A larger loop is an outer one.
    members.sort_by_key(|(head, body)| (std::cmp::Reverse(body.len()), *head));
    let within = |block: BlockId| {
        let node = NodeIndex::new(block.index());
        members
            .iter()
            .filter(|(_, body)| body.contains(&node))
            .map(|(head, _)| *head)
            .collect()
    };
    function.blocks.ids().map(within).collect()
}

fn loop_body(
    graph: &Graph,
    head: NodeIndex<u32>,
    mut work: Vec<NodeIndex<u32>>,
) -> FxHashSet<NodeIndex<u32>> {
    let mut body = FxHashSet::from_iter([head]);
    while let Some(node) = work.pop() {
        if body.insert(node) {
            work.extend(graph.neighbors_directed(node, petgraph::Direction::Incoming));
        }
    }
    body
}

/// A reverse post-order in which successors outside of a block's loops come last.
fn reverse_post_order(
    function: &Function,
    graph: &Graph,
    loops: &IndexVec<BlockId, Vec<BlockId>>,
) -> Vec<BlockId> {
    let mut seen: IndexVec<BlockId, bool> = function.blocks.ids().map(|_| false).collect();
    let mut order = Vec::with_capacity(seen.len());
    let entry = BlockId::new(0);
    // What is visited first ends last in the reverse order: the shallowest successors first.
    let successors = |block: BlockId| {
        let mut next: Vec<BlockId> = graph
            .neighbors(NodeIndex::new(block.index()))
            .map(|node| graph[node])
            .collect();
        next.sort_by_key(|&target| (std::cmp::Reverse(loops[target].len()), target));
        next
    };
    let mut stack = vec![(entry, successors(entry))];
    seen[entry] = true;
    while let Some((block, pending)) = stack.last_mut() {
        match pending.pop() {
            Some(next) if !seen[next] => {
                seen[next] = true;
                let pending = successors(next);
                stack.push((next, pending));
            }
            Some(_) => {}
            None => {
                order.push(*block);
                stack.pop();
            }
        }
    }
    order.reverse();
    order
}
