//! Blocks: modes, branches, loops, functions, `try`.

use super::scope::Growing;
use super::tree::{Node, block, line};

/// Statements in a `try`, with one that handles what they raise.
pub fn caught(body: Vec<Node>, handler: &str) -> Node {
    Node::Block(vec![
        ("try".to_owned(), body),
        ("catch e".to_owned(), vec![line(handler)]),
    ])
}

impl Growing<'_> {
    /// A few statements in a block of their own.
    fn few(&mut self) -> Vec<Node> {
        self.body(|growing| {
            for _ in 0..1 + growing.dice.below(3) {
                growing.statement();
            }
        })
    }

    /// A few statements that may not run; what they bind is not used behind them.
    fn few_that_may_not_run(&mut self) -> Vec<Node> {
        let mark = self.mark();
        let body = self.few();
        self.reset(mark);
        body
    }

    /// A block in which gradients are tracked, or not.
    pub fn mode(&mut self) {
        let (head, tracks) = *self.dice.pick(&[
            ("with no_grad()", false),
            ("with no_grad()", false),
            ("with no_grad()", false),
            ("with enable_grad()", true),
            ("with inference_mode()", false),
            ("with set_grad_enabled(false)", false),
            ("with set_grad_enabled(true)", true),
        ]);
        let outer = std::mem::replace(&mut self.tracking, tracks);
        let body = self.few();
        self.tracking = outer;
        self.node(block(head, body));
    }

    pub fn branch(&mut self) {
        if self.dice.one_in(4) {
            return self.known_branch();
        }
        let then = self.few_that_may_not_run();
        let mut parts = vec![("if unknown()".to_owned(), then)];
        if self.dice.one_in(2) {
            parts.push(("else".to_owned(), self.few_that_may_not_run()));
        }
        self.node(Node::Block(parts));
    }

    fn known_branch(&mut self) {
        let of = self.any();
        let condition = match self.dice.below(6) {
            0 => "true".to_owned(),
            1 => "1 > 2".to_owned(),
            2 => format!("{}.requires_grad", of.name),
            3 => format!("{}.is_leaf", of.name),
            4 => format!("{}.grad is none", of.name),
            _ => format!("{}.grad is not none", of.name),
        };
        let then = self.few_that_may_not_run();
        let otherwise = self.few_that_may_not_run();
        self.node(Node::Block(vec![
            (format!("if {condition}"), then),
            ("else".to_owned(), otherwise),
        ]));
    }

    pub fn repeat(&mut self) {
        match self.dice.below(6) {
            0 => self.over_rows(),
            1 => self.counted(),
            2 => self.over_list(),
            3 => self.training(),
            _ => {
                let turn = self.fresh("n");
                let times = 2 + self.dice.below(2);
                let mut body = self.few();
                if self.dice.one_in(6) {
                    let leave = self.dice.word(&["break", "continue"]);
                    body.push(block("if unknown()", vec![line(leave)]));
                }
                self.node(block(format!("for {turn} in range({times})"), body));
            }
        }
    }

    fn over_rows(&mut self) {
        let of = self.mostly(|variable| variable.meta.ndim() > 0 && variable.is_floating());
        let row = self.fresh("row");
        let what = self.dice.word(&[
            "@ += 1",
            "@.mul_(2)",
            "print(@.requires_grad)",
            "@.sum().backward()",
            "total = @ * 2",
        ]);
        let body = vec![line(what.replace('@', &row))];
        self.node(block(format!("for {row} in {}", of.name), body));
    }

    fn counted(&mut self) {
        let count = self.fresh("n");
        self.line(format!("{count} = 0"));
        let mut body = self.few_that_may_not_run();
        body.insert(0, line(format!("{count} += 1")));
        let limit = 1 + self.dice.below(3);
        self.node(block(format!("while {count} < {limit}"), body));
    }

    fn over_list(&mut self) {
        let (first, second) = (self.float(), self.float());
        let (list, item) = (self.fresh("list"), self.fresh("item"));
        self.line(format!("{list} = [{}, {}]", first.name, second.name));
        let what = self.dice.word(&[
            "@.sum().backward()",
            "@.retain_grad()",
            "print(@.grad)",
            "@.grad = none",
            "@.mul_(2)",
            "@ = @ * 2",
        ]);
        let body = vec![line(what.replace('@', &item))];
        self.node(block(format!("for {item} in {list}"), body));
        if self.dice.one_in(2) {
            let loss = self.fresh("l");
            self.line(format!("{loss} = {list}[0].sum() + {list}[1].sum()"));
            self.losses.push(loss);
        }
    }

    /// A training loop with something left out or too much.
    fn training(&mut self) {
        let leaf = self.leaf();
        let (state, loss) = (self.fresh("s"), self.fresh("l"));
        let start = self
            .dice
            .word(&["zeros_like(@)", "@ * 0.5", "@.detach() * 0.5"]);
        self.line(format!("{state} = {}", start.replace('@', &leaf.name)));
        if self.optimizers.is_empty() {
            self.optimizer();
        }
        let optimizer = self.optimizers[self.optimizers.len() - 1].clone();
        let update = self.dice.word(&[
            "S = (S * W).tanh()",
            "S = S + W",
            "S = (S + W).detach()",
            "S += W.detach()",
            "S = S * 0.9 + W * W",
            "S = S.detach() * W",
        ]);
        let steps = [
            (1, format!("{optimizer}.zero_grad()")),
            (0, update.replace('S', &state).replace('W', &leaf.name)),
            (0, format!("{loss} = ({state} * {state}).sum()")),
            (0, format!("{loss}.backward()")),
            (1, format!("print({}.grad)", leaf.name)),
            (0, format!("{optimizer}.step()")),
        ];
        let mut body = Vec::new();
        for (optional, step) in steps {
            if optional == 0 && !self.dice.one_in(12) || optional == 1 && self.dice.one_in(2) {
                let step = match self.dice.one_in(8) {
                    true => step.replace("backward()", "backward(retain_graph=true)"),
                    false => step,
                };
                body.push(line(step));
            }
        }
        if self.dice.one_in(8) && body.len() > 2 {
            let (at, to) = (self.dice.below(body.len()), self.dice.below(body.len()));
            body.swap(at, to);
        }
        let turn = self.fresh("n");
        let times = 2 + self.dice.below(2);
        self.node(block(format!("for {turn} in range({times})"), body));
        self.backwards += 1;
    }

    pub fn attempt(&mut self) {
        let body = self.few_that_may_not_run();
        let mut node = caught(body, "print(\"caught\")");
        if let Node::Block(parts) = &mut node {
            if self.dice.one_in(3) {
                parts[1].1 = self.few_that_may_not_run();
            }
            if self.dice.one_in(4) {
                parts[1].0 = "catch RuntimeError as e".to_owned();
            }
            if self.dice.one_in(4) {
                parts.push(("finally".to_owned(), self.few_that_may_not_run()));
            }
        }
        self.node(node);
    }

    /// A function, and a call of it; or a call of one that is there.
    pub fn function(&mut self) {
        if self.functions.is_empty() || self.dice.one_in(3) {
            self.define();
        }
        let Some((name, shape)) = self.functions.last().cloned() else {
            return;
        };
        let argument =
            self.mostly(|variable| variable.is_floating() && variable.meta.shape == shape);
        let meta = super::scope::contiguous(argument.meta.dtype, &argument.meta.shape);
        self.bind(
            &format!("{name}({})", argument.name),
            meta,
            argument.tracked,
        );
    }

    /// A function of one tensor to one of the same shape; it may close over others.
    fn define(&mut self) {
        let name = self.fresh("f");
        let other = self.float();
        let shape = other.meta.shape.clone();
        let (first, second) = (
            self.dice.word(&[
                "y = x * 2",
                "y = x.exp()",
                "y = x + C",
                "y = x * C",
                "x += 1",
                "x.mul_(2)",
                "y = x.detach()",
                "y = x.clone()",
            ]),
            self.dice.word(&[
                "return @ * 2",
                "return @",
                "return @ + C",
                "return @.relu()",
                "return (@ * @)",
            ]),
        );
        let result = if first.starts_with('y') { "y" } else { "x" };
        let body = [first.to_owned(), second.replace('@', result)];
        let body = body.map(|text| line(text.replace('C', &other.name)));
        if self.dice.one_in(6) {
            let decorator = self
                .dice
                .word(&["@no_grad()", "@enable_grad()", "@inference_mode()"]);
            self.line(decorator);
        }
        if self.dice.one_in(5) {
            let body = second.replace('@', "x").replace('C', &other.name);
            let body = body.trim_start_matches("return ");
            // A decorator needs a function.
            self.line(format!("fn _{name}(x) {{ return x }}"));
            self.line(format!("{name} = lambda x: {body}"));
        } else {
            self.node(block(format!("fn {name}(x)"), body.into()));
        }
        self.functions.push((name, shape));
    }
}
