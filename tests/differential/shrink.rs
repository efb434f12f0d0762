//! Makes a program that shows a disagreement as small as it can be while it shows the same kind of disagreement.

use crate::support::program_generator::tree::{Node, Tree};

/// The most programs that are tried.
const MAX_TRIES: usize = 400;

/// The smallest program found for which `shows` holds, as it does for `tree`.
pub fn shrink(tree: &Tree, mut shows: impl FnMut(&Tree) -> bool) -> Tree {
    let mut best = tree.clone();
    let mut tries = 0;
    loop {
        let before = best.len();
        let mut at = best.len();
        // From the end: what stands later depends on what stands before.
        while at > 0 {
            at -= 1;
            for change in [Change::Remove, Change::Unwrap] {
                let smaller = Tree(changed(&best.0, &mut at.clone(), change));
                if smaller == best || tries >= MAX_TRIES {
                    continue;
                }
                tries += 1;
                if shows(&smaller) {
                    best = smaller;
                    at = at.min(best.len());
                    break;
                }
            }
        }
        if best.len() == before || tries >= MAX_TRIES {
            return best;
        }
    }
}

#[derive(Clone, Copy)]
enum Change {
    Remove,
    /// A block's statements in place of the block.
    Unwrap,
}

/// The statements with the one at `at`, counted from the outside in, changed.
fn changed(nodes: &[Node], at: &mut usize, change: Change) -> Vec<Node> {
    let mut out = Vec::new();
    for node in nodes {
        let here = *at == 0;
        *at = at.wrapping_sub(1);
        match (here, change, node) {
            (true, Change::Remove, _) => {}
            (true, Change::Unwrap, Node::Block(parts)) => {
                out.extend(parts.iter().flat_map(|(_, body)| body.clone()));
            }
            (_, _, Node::Block(parts)) => {
                let parts = parts
                    .iter()
                    .map(|(head, body)| (head.clone(), changed(body, at, change)));
                out.push(Node::Block(parts.collect()));
            }
            (_, _, Node::Line(_)) => out.push(node.clone()),
        }
    }
    out
}
