//! Random programs about autograd, the same for the same seed. They are straight-line or branch on the unknown; they
//! make leaves and values from them, views, writes in place, losses, several backwards, reads of gradients and steps
//! of an optimizer, so that most of them do something that PyTorch refuses or that leaves a gradient none.

use std::fmt::Write as _;

/// A program with what the test must know of it.
pub struct Generated {
    /// The text.
    pub text: String,
    /// For each line, from one: the marker that the program prints when it enters the block that the line is in.
    pub block_of_line: Vec<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Size {
    Four,
    Square,
    Two,
}

#[derive(Clone)]
struct Variable {
    name: String,
    size: Size,
    /// Whether it was made with `requires_grad`, and no other value was bound to it.
    leaf: bool,
    /// Whether it probably has a graph: most programs should fail for a reason that takes some steps.
    tracked: bool,
}

struct Generator {
    state: u64,
    text: String,
    block_of_line: Vec<usize>,
    depth: usize,
    /// The block that is being written, and how many there are.
    block: usize,
    blocks: usize,
    variables: Vec<Variable>,
    losses: Vec<String>,
    names: usize,
    optimizer: bool,
    tracking: bool,
    backwards: usize,
}

/// The program of `seed`.
pub fn generate(seed: u64) -> Generated {
    let mut generator = Generator::new(seed);
    generator.leaves();
    let length = 4 + generator.below(10);
    for _ in 0..length {
        generator.statement();
    }
    generator.finish();
    Generated {
        text: generator.text,
        block_of_line: generator.block_of_line,
    }
}

impl Generator {
    fn new(seed: u64) -> Generator {
        let state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut generator = Generator {
            state,
            text: String::new(),
            block_of_line: vec![0],
            depth: 0,
            block: 0,
            blocks: 1,
            variables: Vec::new(),
            losses: Vec::new(),
            names: 0,
            optimizer: false,
            tracking: true,
            backwards: 0,
        };
        // The first numbers of neighbouring seeds are alike.
        (0..8).for_each(|_| _ = generator.next());
        generator
    }

    fn next(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() >> 33) as usize % n
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    fn line(&mut self, text: &str) {
        for _ in 0..self.depth {
            self.text.push_str("    ");
        }
        writeln!(self.text, "{text}").expect("writing to a string succeeds");
        self.block_of_line.push(self.block);
    }

    fn fresh(&mut self, letter: char) -> String {
        self.names += 1;
        format!("{letter}{}", self.names)
    }

    fn leaves(&mut self) {
        for _ in 0..1 + self.below(2) {
            let name = self.fresh('w');
            let size = self.size();
            let maker = if size == Size::Square {
                "2, 2"
            } else if size == Size::Two {
                "2"
            } else {
                "4"
            };
            self.line(&format!("{name} = ones({maker}, requires_grad=true)"));
            self.add(name, size, true, true);
        }
        if self.one_in(2) {
            let name = self.fresh('c');
            self.line(&format!("{name} = ones(4)"));
            self.add(name, Size::Four, false, false);
        }
        if self.one_in(3) {
            let name = self.variables[0].name.clone();
            self.line(&format!("opt = optim.SGD([{name}], lr=0.1)"));
            self.optimizer = true;
        }
    }

    fn add(&mut self, name: String, size: Size, leaf: bool, tracked: bool) {
        self.variables.push(Variable {
            name,
            size,
            leaf,
            tracked,
        });
    }

    fn size(&mut self) -> Size {
        if self.one_in(4) {
            Size::Square
        } else if self.one_in(5) {
            Size::Two
        } else {
            Size::Four
        }
    }

    fn variable(&mut self) -> Variable {
        // Recent ones more often: they are what a program works on.
        let count = self.variables.len();
        let at = if self.one_in(2) {
            count - 1 - self.below(count.min(3))
        } else {
            self.below(count)
        };
        self.variables[at].clone()
    }

    fn like(&mut self, other: &Variable) -> Variable {
        let fitting: Vec<Variable> = self
            .variables
            .iter()
            .filter(|variable| variable.size == other.size)
            .cloned()
            .collect();
        fitting[self.below(fitting.len())].clone()
    }

    /// One that `wanted` holds of, most of the time.
    fn mostly(&mut self, wanted: impl Fn(&Variable) -> bool) -> Variable {
        let fitting: Vec<Variable> = self
            .variables
            .iter()
            .filter(|variable| wanted(variable))
            .cloned()
            .collect();
        if fitting.is_empty() || self.one_in(12) {
            return self.variable();
        }
        let count = fitting.len();
        let at = if self.one_in(2) {
            count - 1
        } else {
            self.below(count)
        };
        fitting[at].clone()
    }

    fn leaf(&mut self) -> Variable {
        let leaves: Vec<Variable> = self
            .variables
            .iter()
            .filter(|variable| variable.leaf)
            .cloned()
            .collect();
        if leaves.is_empty() {
            self.variable()
        } else {
            leaves[self.below(leaves.len())].clone()
        }
    }

    fn statement(&mut self) {
        match self.below(26) {
            0..=6 => self.compute(),
            7 | 8 => self.view(),
            9..=11 => self.write(),
            12..=15 => self.loss(),
            16 => self.backward(),
            17 => self.read_gradient(),
            18 => self.flags(),
            19 => self.step(),
            20 if self.depth < 2 => self.no_grad(),
            21 if self.depth < 2 => self.branch(),
            22 if self.depth < 2 => self.repeat(),
            23 => self.gradient_call(),
            24 | 25 => self.overwrite(),
            _ => self.compute(),
        }
    }

    fn compute(&mut self) {
        let a = self.variable();
        let b = self.like(&a);
        let value = match self.below(10) {
            0 => format!("{} + {}", a.name, b.name),
            1 | 2 => format!("{} * {}", a.name, b.name),
            3 => format!("{} * 2", a.name),
            4 => format!("{}.exp()", a.name),
            5 => format!("{}.sigmoid()", a.name),
            6 => format!("{}.relu()", a.name),
            7 => format!("{} ** 2", a.name),
            8 => format!("{}.clone()", a.name),
            _ => format!(
                "{}{}",
                a.name,
                self.pick(&[".detach()", ".data", ".tanh()", " + 1", " - 0.5"])
            ),
        };
        let cut = value.ends_with(".detach()") || value.ends_with(".data");
        self.bind(&a, &value, a.size, !cut && (a.tracked || b.tracked));
    }

    /// Binds a new name, or now and then one that is there.
    fn bind(&mut self, from: &Variable, value: &str, size: Size, tracked: bool) {
        let tracked = tracked && self.tracking;
        if self.one_in(6) && from.size == size {
            self.line(&format!("{} = {value}", from.name));
            for variable in self
                .variables
                .iter_mut()
                .filter(|variable| variable.name == from.name)
            {
                (variable.leaf, variable.tracked) = (false, tracked);
            }
            return;
        }
        let name = self.fresh('v');
        self.line(&format!("{name} = {value}"));
        self.add(name, size, false, tracked);
    }

    fn view(&mut self) {
        let a = self.variable();
        let (value, size) = match (a.size, self.below(3)) {
            (Size::Four, 0) => (format!("{}.view(2, 2)", a.name), Size::Square),
            (Size::Four, 1) => (format!("{}[:2]", a.name), Size::Two),
            (Size::Four, _) => (format!("{}.chunk(2)[0]", a.name), Size::Two),
            (Size::Square, 0) => (format!("{}.t()", a.name), Size::Square),
            (Size::Square, 1) => (format!("{}[0]", a.name), Size::Two),
            (Size::Square, _) => (format!("{}.reshape(4)", a.name), Size::Four),
            (Size::Two, 0) => (format!("{}.view(2)", a.name), Size::Two),
            (Size::Two, _) => (format!("{}[:]", a.name), Size::Two),
        };
        self.bind(&a, &value, size, a.tracked);
    }

    fn write(&mut self) {
        let a = self.mostly(|variable| !variable.leaf);
        let b = self.like(&a);
        let text = match self.below(7) {
            0 => format!("{} += 1", a.name),
            1 => format!("{}.mul_({})", a.name, b.name),
            2 => format!("{}[0] = 5.0", a.name),
            3 => format!("{}.zero_()", a.name),
            4 => format!("{}.add_({})", a.name, b.name),
            5 => format!("{}.{}()", a.name, self.pick(&["exp_", "relu_", "sigmoid_"])),
            _ => format!("{}.{}.add_(1)", a.name, self.pick(&["data", "detach()"])),
        };
        self.line(&text);
    }

    /// A write between a forward that may have saved the value and its backward.
    fn overwrite(&mut self) {
        let a = self.mostly(|variable| variable.tracked && !variable.leaf);
        let loss = self.fresh('l');
        let through = self.pick(&[
            "@ * @",
            "@.exp()",
            "@ + @",
            "@ * 3",
            "@.relu()",
            "@ ** 3",
            "@.view(-1)",
        ]);
        self.line(&format!(
            "{loss} = ({}).sum()",
            through.replace('@', &a.name)
        ));
        let write = match self.below(5) {
            0 => format!("{}.data.mul_(2)", a.name),
            1 => format!("{}.detach().mul_(2)", a.name),
            2 if self.optimizer => "opt.step()".to_string(),
            3 => format!("{}[0] = 0.0", a.name),
            _ => format!("{} *= 2", a.name),
        };
        self.line(&write);
        if !self.one_in(4) {
            self.line(&format!("{loss}.backward()"));
        }
        self.losses.push(loss);
    }

    fn loss(&mut self) {
        let a = self.mostly(|variable| variable.tracked);
        let name = self.fresh('l');
        let how = self.pick(&["sum", "sum", "mean"]);
        self.line(&format!("{name} = {}.{how}()", a.name));
        self.losses.push(name.clone());
        if self.one_in(2) {
            let option = if self.one_in(4) {
                "retain_graph=true"
            } else {
                ""
            };
            self.backwards += 1;
            self.line(&format!("{name}.backward({option})"));
        }
    }

    fn backward(&mut self) {
        let Some(last) = self.losses.len().checked_sub(1) else {
            return self.loss();
        };
        let at = if self.one_in(2) {
            last
        } else {
            self.below(last + 1)
        };
        let name = self.losses[at].clone();
        let option = if self.one_in(3) {
            "retain_graph=true"
        } else {
            ""
        };
        self.line(&format!("{name}.backward({option})"));
    }

    fn read_gradient(&mut self) {
        let of = if self.one_in(3) {
            self.variable()
        } else {
            self.leaf()
        };
        if self.backwards == 0 && !self.one_in(5) {
            self.loss();
        } else if self.one_in(2) {
            self.line(&format!("print({}.grad)", of.name));
        } else {
            let name = self.fresh('g');
            self.line(&format!("{name} = {}.grad * 0.1", of.name));
            self.add(name, of.size, false, false);
        }
    }

    fn flags(&mut self) {
        let of = if self.one_in(2) {
            self.variable()
        } else {
            self.leaf()
        };
        let what = self.pick(&[
            ".requires_grad_()",
            ".requires_grad = false",
            ".grad = none",
            ".retain_grad()",
            ".detach_()",
            ".requires_grad_(false)",
        ]);
        self.line(&format!("{}{what}", of.name));
    }

    fn step(&mut self) {
        if !self.optimizer {
            return self.compute();
        }
        let what = self.pick(&["opt.step()", "opt.step()", "opt.zero_grad()"]);
        self.line(what);
    }

    fn gradient_call(&mut self) {
        let Some(loss) = self.losses.last().cloned() else {
            return self.loss();
        };
        let of = self.leaf();
        let name = self.fresh('g');
        let option = self.pick(&[
            "",
            ", create_graph=true",
            ", retain_graph=true",
            ", allow_unused=true",
        ]);
        self.line(&format!(
            "{name}, = autograd.grad({loss}, {}{option})",
            of.name
        ));
        // With `allow_unused` it may be none, and is not used further.
        if option != ", allow_unused=true" {
            self.add(name, of.size, false, option == ", create_graph=true");
        }
    }

    fn no_grad(&mut self) {
        self.line("with no_grad() {");
        let outer = std::mem::replace(&mut self.tracking, false);
        self.body();
        self.tracking = outer;
        self.line("}");
    }

    fn branch(&mut self) {
        self.line("if unknown() {");
        self.conditional_body();
        if self.one_in(2) {
            self.line("} else {");
            self.conditional_body();
        }
        self.line("}");
    }

    fn repeat(&mut self) {
        let times = 2 + self.below(2);
        let name = self.fresh('i');
        self.line(&format!("for {name} in range({times}) {{"));
        self.body();
        self.line("}");
    }

    /// A few statements that may not run; what they bind is not used behind them.
    fn conditional_body(&mut self) {
        let (variables, losses) = (self.variables.len(), self.losses.len());
        self.body();
        self.variables.truncate(variables);
        self.losses.truncate(losses);
    }

    /// A few statements in a block of their own.
    fn body(&mut self) {
        let outer = self.block;
        self.block = self.blocks;
        self.blocks += 1;
        self.depth += 1;
        self.line(&format!("print(\"block {}\")", self.block));
        for _ in 0..1 + self.below(3) {
            self.statement();
        }
        self.depth -= 1;
        self.block = outer;
    }

    /// Every program ends with a backward and looks at a gradient.
    fn finish(&mut self) {
        self.loss();
        self.backward();
        self.read_gradient();
    }
}
