//! Writes in place.

use super::scope::{Growing, Variable};

impl Growing<'_> {
    /// A statement that writes a tensor in place.
    pub fn write_in_place(&mut self) {
        let target = self.target();
        let other = self.like(&target);
        let name = &target.name;
        match self.dice.below(16) {
            0..=5 => self.operator_in_place(&target),
            6 => self.line(format!("{name} += {}", other.name)),
            7 => {
                let operator = self.dice.word(&["+=", "-=", "*=", "/="]);
                self.line(format!("{name} {operator} 2"));
            }
            8 => self.line(format!("{name} *= {}", other.name)),
            9 => {
                let how = self.dice.word(&[
                    "zero_()",
                    "fill_(0.5)",
                    "fill_(2)",
                    "normal_()",
                    "uniform_()",
                ]);
                self.line(format!("{name}.{how}"));
            }
            10 => self.line(format!("{name}.copy_({})", other.name)),
            11 => self.hidden_write(&target),
            _ => self.item_assignment(&target),
        }
        if other.tracked && self.tracking && !target.leaf {
            let known = self.variables.iter_mut();
            known
                .filter(|variable| variable.name == target.name)
                .for_each(|variable| variable.tracked |= variable.is_floating());
        }
    }

    fn target(&mut self) -> Variable {
        match self.tracking {
            // Where elements share places in memory, the order of the writes decides.
            true => self.find(|variable| variable.is_computed() && !variable.overlaps()),
            false => self.find(|variable| variable.is_floating() && !variable.overlaps()),
        }
        .unwrap_or_else(|| self.leaf())
    }

    /// A write that the version counter of the tensor does not show, or shows by another name.
    fn hidden_write(&mut self, target: &Variable) {
        let how = self
            .dice
            .word(&[".data", ".detach()", ".view(-1)", "[:]", ".data.view(-1)"]);
        let write = self
            .dice
            .word(&["add_(1)", "mul_(2)", "zero_()", "exp_()", "sub_(0.5)"]);
        self.line(format!("{}{how}.{write}", target.name));
    }

    fn item_assignment(&mut self, target: &Variable) {
        let name = &target.name;
        if self.dice.one_in(5) {
            let mask = self.dice.word(&["> 0", "< 0.5", "== 1"]);
            let value = self.dice.word(&["0.0", "1.5", "2"]);
            return self.line(format!("{name}[{name} {mask}] = {value}"));
        }
        let Some((index, part)) = self.index(target) else {
            return;
        };
        let shape = part.shape.clone();
        let value =
            match self.find(|variable| variable.is_floating() && variable.meta.shape == shape) {
                Some(value) if self.dice.percent(60) => value.name,
                _ => self.dice.word(&["5.0", "0", "1.5"]).to_owned(),
            };
        let operator = self.dice.word(&["=", "=", "=", "+=", "*="]);
        self.line(format!("{name}[{index}] {operator} {value}"));
    }

    /// A write between a forward that may have saved the value and its backward.
    pub fn overwrite(&mut self) {
        let target = self.mostly(|variable| variable.tracked && !variable.leaf);
        let loss = self.fresh("l");
        let through = self.dice.word(&[
            "@ * @",
            "@.exp()",
            "@ + @",
            "@ * 3",
            "@.relu()",
            "@ ** 3",
            "@.view(-1)",
            "@.tanh()",
            "@.sin()",
            "@.softmax(-1)",
            "@ / (@ * @ + 1)",
            "@.cumsum(0)",
            "@.clamp(min=0)",
            "@[:1]",
        ]);
        let forward = through.replace('@', &target.name);
        self.line(format!("{loss} = ({forward}).sum()"));
        match self.dice.below(8) {
            0 => self.line(format!("{}.data.mul_(2)", target.name)),
            1 => self.line(format!("{}.detach().mul_(2)", target.name)),
            2 | 3 => self.step(),
            4 => self.item_assignment(&target),
            5 => {
                let body = self.body(|growing| growing.line(format!("{}.add_(1)", target.name)));
                let head = self.dice.word(&["with no_grad()", "with inference_mode()"]);
                self.node(super::tree::block(head, body));
            }
            _ => self.operator_in_place(&target),
        }
        if !self.dice.one_in(4) {
            self.line(format!("{loss}.backward()"));
        }
        self.losses.push(loss);
    }
}
