//! What a grown program has so far: its tensors with their shapes, its losses, and the statements written.

use gradlint::ops::{Dtype, Meta, Shape};

use super::dice::Dice;
use super::tree::{Node, line};

/// A tensor of the program, as far as is known.
#[derive(Clone)]
pub struct Variable {
    pub name: String,
    pub meta: Meta,
    /// Whether it was made with `requires_grad`, and no other value was bound to it.
    pub leaf: bool,
    /// Whether it probably requires grad: most programs should fail for a reason that takes some steps.
    pub tracked: bool,
    /// Whether its elements are integers that are indices of any tensor here.
    pub is_index: bool,
    /// Whether its elements lie between zero and one.
    pub is_unit: bool,
}

/// A program that grows.
pub struct Growing<'d> {
    pub dice: &'d mut Dice,
    pub variables: Vec<Variable>,
    pub losses: Vec<String>,
    pub optimizers: Vec<String>,
    pub models: Vec<Model>,
    pub functions: Vec<(String, Shape)>,
    /// The names that may be none: gradients.
    pub maybe_none: Vec<Variable>,
    pub tracking: bool,
    pub backwards: usize,
    pub depth: usize,
    bodies: Vec<Vec<Node>>,
    names: usize,
}

/// A module: its name, what it takes, what it gives.
#[derive(Clone)]
pub struct Model {
    pub name: String,
    pub takes: Shape,
    pub gives: Shape,
    pub parameter: Option<String>,
}

/// What there is, to be put back behind statements that may not have run.
pub struct Mark([usize; 6]);

impl<'d> Growing<'d> {
    pub fn new(dice: &'d mut Dice) -> Growing<'d> {
        Growing {
            dice,
            variables: Vec::new(),
            losses: Vec::new(),
            optimizers: Vec::new(),
            models: Vec::new(),
            functions: Vec::new(),
            maybe_none: Vec::new(),
            tracking: true,
            backwards: 0,
            depth: 0,
            bodies: vec![Vec::new()],
            names: 0,
        }
    }

    /// The statements.
    pub fn finish(mut self) -> Vec<Node> {
        self.bodies.pop().unwrap_or_default()
    }

    pub fn line(&mut self, text: impl Into<String>) {
        self.node(line(text));
    }

    pub fn node(&mut self, node: Node) {
        self.bodies.last_mut().expect("there is one").push(node);
    }

    /// What `write` writes, as the body of a block.
    pub fn body(&mut self, write: impl FnOnce(&mut Self)) -> Vec<Node> {
        self.bodies.push(Vec::new());
        self.depth += 1;
        write(self);
        self.depth -= 1;
        self.bodies.pop().unwrap_or_default()
    }

    pub fn fresh(&mut self, letter: &str) -> String {
        self.names += 1;
        format!("{letter}{}", self.names)
    }

    pub fn mark(&self) -> Mark {
        Mark([
            self.variables.len(),
            self.losses.len(),
            self.optimizers.len(),
            self.models.len(),
            self.functions.len(),
            self.maybe_none.len(),
        ])
    }

    /// Forgets what was made since.
    pub fn reset(&mut self, Mark(mark): Mark) {
        self.variables.truncate(mark[0]);
        self.losses.truncate(mark[1]);
        self.optimizers.truncate(mark[2]);
        self.models.truncate(mark[3]);
        self.functions.truncate(mark[4]);
        self.maybe_none.truncate(mark[5]);
    }

    /// Any tensor, recent ones more often: they are what a program works on.
    pub fn any(&mut self) -> Variable {
        let at = self.dice.recent(self.variables.len());
        self.variables[at].clone()
    }

    /// One for which `wanted` holds, if there is one.
    pub fn find(&mut self, wanted: impl Fn(&Variable) -> bool) -> Option<Variable> {
        let fitting: Vec<usize> = (0..self.variables.len())
            .filter(|&at| wanted(&self.variables[at]))
            .collect();
        if fitting.is_empty() {
            return None;
        }
        let at = fitting[self.dice.recent(fitting.len())];
        Some(self.variables[at].clone())
    }

    /// One for which `wanted` holds, most of the time.
    pub fn mostly(&mut self, wanted: impl Fn(&Variable) -> bool) -> Variable {
        if self.dice.one_in(15) {
            return self.any();
        }
        self.find(wanted).unwrap_or_else(|| self.any())
    }

    /// One of floating type.
    pub fn float(&mut self) -> Variable {
        self.mostly(Variable::is_floating)
    }

    /// A leaf that requires grad.
    pub fn leaf(&mut self) -> Variable {
        self.find(|variable| variable.leaf)
            .unwrap_or_else(|| self.any())
    }

    /// One of the same shape, of floating type.
    pub fn like(&mut self, other: &Variable) -> Variable {
        let shape = other.meta.shape.clone();
        self.find(|variable| variable.is_floating() && variable.meta.shape == shape)
            .unwrap_or_else(|| other.clone())
    }

    /// Binds the value of an expression to a new name, or now and then to one that is there.
    pub fn bind(&mut self, value: &str, meta: Meta, tracked: bool) -> String {
        let tracked = tracked && self.tracking && meta.dtype.is_floating();
        let name = match self.dice.one_in(9) {
            true => self.rebound(&meta),
            false => None,
        };
        let name = name.unwrap_or_else(|| self.fresh("v"));
        self.line(format!("{name} = {value}"));
        self.enter(&name, meta, false, tracked);
        name
    }

    fn rebound(&mut self, meta: &Meta) -> Option<String> {
        let found = self.find(|variable| {
            variable.meta.shape == meta.shape && variable.meta.dtype == meta.dtype
        })?;
        Some(found.name)
    }

    /// Takes a tensor into the scope, in place of one of the same name.
    pub fn enter(&mut self, name: &str, meta: Meta, leaf: bool, tracked: bool) -> &mut Variable {
        let variable = Variable {
            name: name.to_owned(),
            meta,
            leaf,
            tracked,
            is_index: false,
            is_unit: false,
        };
        let at = self.variables.iter().position(|other| other.name == name);
        let at = match at {
            Some(at) => {
                self.variables[at] = variable;
                at
            }
            None => {
                self.variables.push(variable);
                self.variables.len() - 1
            }
        };
        &mut self.variables[at]
    }
}

impl Variable {
    pub fn is_floating(&self) -> bool {
        self.meta.dtype.is_floating()
    }

    /// Whether several elements are one in memory, other than by `expand`.
    pub fn overlaps(&self) -> bool {
        let is_expanded = self.meta.strides.contains(&0);
        let span = gradlint::ops::layout::span(&self.meta).unwrap_or(usize::MAX);
        !is_expanded && span.saturating_sub(self.meta.offset) < self.meta.numel()
    }

    pub fn is_computed(&self) -> bool {
        self.is_floating() && !self.leaf
    }
}

/// `2, 3`
pub fn sizes(shape: &[usize]) -> String {
    let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
    sizes.join(", ")
}

/// A fresh tensor's layout.
pub fn contiguous(dtype: Dtype, shape: &[usize]) -> Meta {
    Meta::contiguous(dtype, Shape::from_slice(shape))
}
