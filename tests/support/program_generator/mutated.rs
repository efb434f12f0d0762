//! Programs of the corpus, changed: statements taken away, doubled, moved, put into blocks, mixed.

use super::corpus::Corpus;
use super::dice::Dice;
use super::tree::{Node, Tree, block, line};

/// A program of the corpus with some changes.
pub fn mutated(corpus: &Corpus, dice: &mut Dice) -> Tree {
    let mut nodes = corpus.one(dice).1.0.clone();
    if dice.one_in(3) {
        let other = corpus.one(dice).1.0.clone();
        nodes = mixed(nodes, other, dice);
    }
    for _ in 0..1 + dice.below(4) {
        change(&mut nodes, dice);
    }
    Tree(nodes)
}

/// Two programs, the statements of each in their order.
fn mixed(first: Vec<Node>, second: Vec<Node>, dice: &mut Dice) -> Vec<Node> {
    if dice.one_in(2) {
        return first.into_iter().chain(second).collect();
    }
    let (mut first, mut second) = (first.into_iter().peekable(), second.into_iter().peekable());
    let mut out = Vec::new();
    while first.peek().is_some() || second.peek().is_some() {
        let from = if dice.one_in(2) {
            &mut first
        } else {
            &mut second
        };
        out.extend(from.next());
    }
    out
}

fn change(nodes: &mut Vec<Node>, dice: &mut Dice) {
    if nodes.is_empty() {
        return;
    }
    let at = dice.below(nodes.len());
    if let Node::Block(parts) = &mut nodes[at]
        && !parts[0].0.starts_with("class ")
        && dice.percent(70)
    {
        let part = dice.below(parts.len());
        return change(&mut parts[part].1, dice);
    }
    match dice.below(8) {
        0 => _ = nodes.remove(at),
        1 => nodes.insert(dice.below(nodes.len()), nodes[at].clone()),
        2 => {
            let node = nodes.remove(at);
            nodes.insert(dice.below(nodes.len() + 1), node);
        }
        3 => enclose(nodes, at, dice),
        _ => edit(&mut nodes[at], dice),
    }
}

fn enclose(nodes: &mut [Node], at: usize, dice: &mut Dice) {
    let node = std::mem::replace(&mut nodes[at], line("pass"));
    let head = dice.word(&[
        "with no_grad()",
        "with enable_grad()",
        "with inference_mode()",
        "for again in range(2)",
        "if unknown()",
    ]);
    nodes[at] = block(head, vec![node]);
}

/// What is written in place of what.
const EDITS: &[(&str, &str)] = &[
    ("requires_grad=true", "requires_grad=false"),
    (", requires_grad=true", ""),
    (".backward()", ".backward(retain_graph=true)"),
    (".backward()", ".backward(create_graph=true)"),
    ("retain_graph=true", "retain_graph=false"),
    (".backward(", ".detach().backward("),
    (".detach()", ""),
    (".detach()", ".clone()"),
    (".data", ".detach()"),
    (".clone()", ""),
    (".clone()", ".detach()"),
    (".sum()", ".mean()"),
    (".sum()", ""),
    (".mean()", ".sum()"),
    ("no_grad()", "enable_grad()"),
    ("no_grad()", "inference_mode()"),
    ("inference_mode()", "no_grad()"),
    ("enable_grad()", "no_grad()"),
    (" * ", " + "),
    (" + ", " * "),
    (" - ", " / "),
    (" ** 2", " * 2"),
    ("add_(", "mul_("),
    ("mul_(", "sub_("),
    (" += ", " *= "),
    (" *= ", " -= "),
    (".exp()", ".sigmoid()"),
    (".relu()", ".tanh()"),
    (".view(", ".reshape("),
    (".chunk(", ".split("),
    ("[0]", "[1]"),
    ("[0]", "[:1]"),
    ("ones(", "randn("),
    ("zeros(", "rand("),
    ("lr=0.1", "lr=0.5"),
    ("optim.SGD(", "optim.Adam("),
    ("range(2)", "range(3)"),
    ("range(3)", "range(1)"),
    ("zero_grad()", "zero_grad(set_to_none=false)"),
    ("allow_unused=true", "allow_unused=false"),
    ("create_graph=true", "create_graph=false"),
    (".retain_grad()", ".requires_grad_()"),
    ("true", "false"),
    ("unknown()", "true"),
];

fn edit(node: &mut Node, dice: &mut Dice) {
    let text = match node {
        Node::Line(text) => text,
        Node::Block(parts) => &mut parts[0].0,
    };
    let fitting: Vec<_> = EDITS
        .iter()
        .filter(|(from, _)| text.contains(from))
        .collect();
    if !fitting.is_empty() {
        let (from, to) = dice.pick(&fitting);
        *text = text.replacen(from, to, 1);
    }
}
