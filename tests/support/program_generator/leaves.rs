//! Tensors that are made from nothing.

use gradlint::ops::{Dtype, Shape};

use super::scope::{Growing, contiguous, sizes};

const SHAPES: &[&[usize]] = &[
    &[4],
    &[4],
    &[4],
    &[2, 2],
    &[2, 2],
    &[2, 3],
    &[2, 3],
    &[2, 3],
    &[3],
    &[3],
    &[2],
    &[],
    &[3, 2],
    &[1, 3],
    &[2, 1],
    &[2, 1, 2],
    &[2, 2, 3],
];

impl Growing<'_> {
    pub fn shape(&mut self) -> Shape {
        Shape::from_slice(self.dice.pick::<&[usize]>(SHAPES))
    }

    /// The tensors that a program begins with.
    pub fn beginning(&mut self) {
        for _ in 0..1 + self.dice.below(3) {
            self.new_leaf();
        }
        if self.dice.one_in(2) {
            self.new_constant();
        }
        if self.dice.one_in(4) {
            self.new_index();
        }
    }

    /// A leaf that requires grad.
    pub fn new_leaf(&mut self) {
        let name = self.fresh("w");
        let shape = match self.find(|variable| variable.leaf) {
            Some(other) if self.dice.one_in(2) => other.meta.shape,
            _ => self.shape(),
        };
        let dtype = if self.dice.one_in(25) {
            Dtype::F64
        } else {
            Dtype::F32
        };
        let typed = if dtype == Dtype::F64 {
            ", dtype=f64"
        } else {
            ""
        };
        let size = format!("({})", trailing(&shape));
        let maker = self
            .dice
            .word(&["randn", "randn", "randn", "rand", "ones", "zeros"]);
        match self.dice.below(12) {
            0 => self.line(format!("{name} = nn.Parameter({maker}({size}{typed}))")),
            1 => self.line(format!("{name} = {maker}({size}{typed}).requires_grad_()")),
            2 => {
                self.line(format!("{name} = {maker}({size}{typed})"));
                self.line(format!("{name}.requires_grad = true"));
            }
            3 => {
                self.line(format!(
                    "{name} = full({size}, 0.5{typed}, requires_grad=true)"
                ));
            }
            4 => {
                let numbers = numbers(&shape, &mut |at| format!("{}.{}", at as i64 - 1, at % 3));
                self.line(format!(
                    "{name} = tensor({numbers}{typed}, requires_grad=true)"
                ));
            }
            _ => self.line(format!(
                "{name} = {maker}({size}{typed}, requires_grad=true)"
            )),
        }
        self.enter(&name, contiguous(dtype, &shape), true, true);
    }

    /// Data: no gradient.
    pub fn new_constant(&mut self) {
        let name = self.fresh("c");
        let shape = match self.dice.one_in(2) {
            true => self.any().meta.shape,
            false => self.shape(),
        };
        let size = trailing(&shape);
        let maker = self.dice.below(6);
        match maker {
            0 => self.line(format!("{name}: f32[{}] = input()", sizes(&shape))),
            1 => self.line(format!("{name} = ones(({size}))")),
            2 => self.line(format!("{name} = zeros(({size}))")),
            3 => self.line(format!("{name} = rand(({size}))")),
            _ => self.line(format!("{name} = randn(({size}))")),
        }
        let variable = self.enter(&name, contiguous(Dtype::F32, &shape), false, false);
        variable.is_unit = (1..4).contains(&maker);
    }

    /// Integers or a mask.
    pub fn new_index(&mut self) {
        let shape = self.shape();
        let size = trailing(&shape);
        if self.dice.one_in(2) {
            let name = self.fresh("m");
            self.line(format!("{name} = rand(({size})) > 0.5"));
            self.enter(&name, contiguous(Dtype::Bool, &shape), false, false);
        } else {
            let name = self.fresh("i");
            self.line(format!("{name} = randint(0, 2, ({size}))"));
            let variable = self.enter(&name, contiguous(Dtype::I64, &shape), false, false);
            variable.is_index = true;
        }
    }
}

/// `2, 3`, and for one size `2,`, as it stands between parentheses.
pub fn trailing(shape: &[usize]) -> String {
    match shape {
        [one] => format!("{one},"),
        _ => sizes(shape),
    }
}

/// Numbers in nested lists of a shape.
pub fn numbers(shape: &[usize], number: &mut dyn FnMut(usize) -> String) -> String {
    fn nested(shape: &[usize], at: &mut usize, number: &mut dyn FnMut(usize) -> String) -> String {
        let Some((&size, rest)) = shape.split_first() else {
            *at += 1;
            return number(*at - 1);
        };
        let parts: Vec<String> = (0..size).map(|_| nested(rest, at, number)).collect();
        format!("[{}]", parts.join(", "))
    }
    nested(shape, &mut 0, number)
}
