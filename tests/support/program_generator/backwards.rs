//! Losses, backward in all its forms, and gradients.

use super::scope::{Growing, Variable, contiguous};

impl Growing<'_> {
    /// A scalar to be differentiated.
    pub fn loss(&mut self) -> String {
        let of = self.mostly(|variable| variable.tracked);
        let name = self.fresh("l");
        let other = self.like(&of);
        let value = match self.dice.below(12) {
            0 => format!("({0} * {0}).sum()", of.name),
            1 => format!("F.mse_loss({}, {})", of.name, other.name),
            2 => format!("({} * {}).mean()", of.name, other.name),
            3 => format!("{}.norm()", of.name),
            4 => format!("{}.sum() * 2", of.name),
            5 => format!("({} - {}).abs().sum()", of.name, other.name),
            6 => format!("{}.exp().mean()", of.name),
            7 | 8 => format!("{}.mean()", of.name),
            _ => format!("{}.sum()", of.name),
        };
        // An integer has no mean.
        let value = match of.is_floating() {
            true => value,
            false => format!("{}.sum()", of.name),
        };
        self.line(format!("{name} = {value}"));
        self.losses.push(name.clone());
        name
    }

    fn some_loss(&mut self) -> String {
        if self.losses.is_empty() || self.dice.percent(55) {
            return self.loss();
        }
        let at = self.dice.recent(self.losses.len());
        self.losses[at].clone()
    }

    /// A backward.
    pub fn backward(&mut self) {
        let loss = self.some_loss();
        self.backwards += 1;
        let leaf = self.leaf();
        let text = match self.dice.below(24) {
            0..=9 => format!("{loss}.backward()"),
            10..=12 => format!("{loss}.backward(retain_graph=true)"),
            13 => format!("{loss}.backward(create_graph=true)"),
            14 => format!("{loss}.backward(inputs=[{}])", leaf.name),
            15 => {
                let of = self.mostly(|variable| variable.tracked);
                format!("{loss}.backward(inputs=[{}, {}])", leaf.name, of.name)
            }
            16 => format!("{loss}.backward(tensor(2.0))"),
            17 => format!("{loss}.backward(gradient=ones_like({loss}), retain_graph=true)"),
            18 => {
                let of = self.mostly(|variable| variable.tracked);
                let seed = self.like(&of);
                let gradient = match self.dice.below(3) {
                    0 => seed.name,
                    1 => format!("ones_like({})", of.name),
                    _ => format!("randn(({}))", super::leaves::trailing(&of.meta.shape)),
                };
                format!("{}.backward({gradient})", of.name)
            }
            19 => {
                let of = self.any();
                format!("{}.backward()", of.name)
            }
            20 => {
                let other = self.some_loss();
                format!("autograd.backward([{loss}, {other}])")
            }
            21 => format!("({loss} + {}).backward()", self.some_loss()),
            22 => {
                self.line(format!("{loss}.backward(retain_graph=true)"));
                format!("{loss}.backward()")
            }
            _ => format!("{loss}.detach().backward()"),
        };
        self.line(text);
    }

    /// `autograd.grad` with its options.
    pub fn gradient_call(&mut self) {
        let loss = self.some_loss();
        let of = match self.dice.one_in(3) {
            true => self.mostly(|variable| variable.tracked),
            false => self.leaf(),
        };
        let name = self.fresh("g");
        let option = self.dice.word(&[
            "",
            "",
            ", create_graph=true",
            ", create_graph=true",
            ", retain_graph=true",
            ", allow_unused=true",
            ", allow_unused=true, retain_graph=true",
            ", materialize_grads=true",
        ]);
        if self.dice.one_in(4) {
            let (second, other) = (self.leaf(), self.fresh("g"));
            self.line(format!(
                "{name}, {other} = autograd.grad({loss}, [{}, {}]{option})",
                of.name, second.name
            ));
        } else if self.dice.one_in(10) {
            let seed = self.like(&of);
            self.line(format!(
                "{name}, = autograd.grad([{}], [{}], grad_outputs=[{}]{option})",
                of.name, of.name, seed.name
            ));
        } else {
            self.line(format!(
                "{name} = autograd.grad({loss}, {}{option})[0]",
                of.name
            ));
        }
        let graph = option.contains("create_graph");
        let gradient = Variable {
            name: name.clone(),
            meta: contiguous(of.meta.dtype, &of.meta.shape),
            leaf: false,
            tracked: graph,
            is_index: false,
            is_unit: false,
        };
        match option.contains("allow_unused") {
            true => self.maybe_none.push(gradient),
            false => _ = self.enter(&name, gradient.meta, false, graph),
        }
        if graph && self.dice.one_in(2) {
            let second = self.fresh("l");
            self.line(format!("{second} = ({name} ** 2).sum()"));
            if self.dice.one_in(2) {
                self.line(format!("{second}.backward()"));
            }
            self.losses.push(second);
        }
    }

    /// A statement that reads, clears or assigns a gradient.
    pub fn gradient_use(&mut self) {
        let of = match self.dice.below(4) {
            0 => self.mostly(|variable| variable.tracked),
            _ => self.leaf(),
        };
        if self.backwards == 0 && !self.dice.one_in(6) {
            return self.backward();
        }
        let (name, other) = (of.name.clone(), self.like(&of));
        match self.dice.below(20) {
            0..=3 => self.line(format!("print({name}.grad)")),
            4 | 5 => self.line(format!("{name}.grad = none")),
            6 => self.line(format!("{name}.grad.zero_()")),
            7 => self.line(format!("{name}.grad = ones_like({name})")),
            8 => self.line(format!("{name}.grad = {}", other.name)),
            9 => self.line(format!("{name}.grad += 1")),
            10 => self.line(format!("{name}.grad.mul_(2)")),
            11 => self.line(format!("{name}.grad = {name}.grad * 2")),
            12 => self.line(format!("print({name}.grad is none)")),
            13 => self.if_gradient(&of),
            14 => self.update(&of),
            15 => self.line(format!("nn.utils.clip_grad_norm_([{name}], 1.0)")),
            16 => {
                let kept = self.fresh("g");
                self.line(format!("{kept} = {name}.grad"));
                self.line(format!("print({kept})"));
                self.maybe_none.push(Variable { name: kept, ..of });
            }
            17 => self.line(format!("print({name}.grad.sum())")),
            18 => self.use_of_maybe_none(),
            _ => {
                let value = self.dice.word(&[
                    "@.grad * 0.1",
                    "@.grad.clone()",
                    "@ - @.grad",
                    "@.grad + @.grad",
                ]);
                let meta = contiguous(of.meta.dtype, &of.meta.shape);
                self.bind(&value.replace('@', &name), meta, false);
            }
        }
    }

    fn use_of_maybe_none(&mut self) {
        if self.maybe_none.is_empty() {
            return;
        }
        let at = self.dice.below(self.maybe_none.len());
        let of = self.maybe_none[at].clone();
        match self.dice.below(3) {
            0 => self.line(format!("print({} is none)", of.name)),
            1 => self.line(format!("{}.add_(1)", of.name)),
            _ => {
                let meta = contiguous(of.meta.dtype, &of.meta.shape);
                self.bind(&format!("{} * 2", of.name), meta, false);
            }
        }
    }

    fn if_gradient(&mut self, of: &Variable) {
        let name = &of.name;
        let what = self.dice.word(&["zero_()", "mul_(0.5)", "detach_()"]);
        let body = self.body(|growing| growing.line(format!("{name}.grad.{what}")));
        self.node(super::tree::block(
            format!("if {name}.grad is not none"),
            body,
        ));
    }

    /// A step by hand, right or wrong.
    fn update(&mut self, of: &Variable) {
        let name = &of.name;
        let (guarded, update) = *self.dice.pick(&[
            (true, "@ -= 0.1 * @.grad"),
            (true, "@.sub_(@.grad, alpha=0.1)"),
            (true, "@ = @ - 0.1 * @.grad"),
            (false, "@.data -= 0.1 * @.grad"),
            (false, "@ -= 0.1 * @.grad"),
            (false, "@ = @ - 0.1 * @.grad"),
            (false, "@.data = @.data - @.grad"),
        ]);
        let update = update.replace('@', name);
        if !guarded {
            return self.line(update);
        }
        let body = self.body(|growing| growing.line(update));
        self.node(super::tree::block("with no_grad()", body));
    }
}
