//! Modules, their parameters, and optimizers.

use gradlint::ops::{Dtype, Shape};

use super::scope::{Growing, Model, contiguous};
use super::tree::{block, line};

type Sizes = &'static [usize];

/// A module as it is made, what it takes, what it gives, and a parameter of it.
const MODULES: &[(&str, Sizes, Sizes, Option<&str>)] = &[
    ("nn.Linear(3, 2)", &[2, 3], &[2, 2], Some("weight")),
    ("nn.Linear(4, 4)", &[4], &[4], Some("weight")),
    (
        "nn.Linear(2, 1, bias=false)",
        &[2, 2],
        &[2, 1],
        Some("weight"),
    ),
    (
        "nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))",
        &[2, 3],
        &[2, 1],
        None,
    ),
    (
        "nn.Sequential(nn.Linear(4, 2), nn.Tanh())",
        &[4],
        &[2],
        None,
    ),
    (
        "nn.Sequential(nn.Linear(2, 2), nn.ReLU(inplace=true))",
        &[2, 2],
        &[2, 2],
        None,
    ),
    ("nn.LayerNorm(3)", &[2, 3], &[2, 3], Some("weight")),
    ("nn.BatchNorm1d(3)", &[2, 3], &[2, 3], Some("bias")),
    ("nn.Conv1d(2, 1, 2)", &[2, 2, 3], &[2, 1, 2], Some("weight")),
    ("nn.PReLU()", &[4], &[4], Some("weight")),
    ("nn.Bilinear(2, 2, 2)", &[2, 2], &[2, 2], Some("weight")),
    ("nn.GELU()", &[2, 3], &[2, 3], None),
    ("nn.Softmax(dim=-1)", &[2, 2], &[2, 2], None),
    ("nn.Dropout(0.0)", &[4], &[4], None),
    ("nn.LeakyReLU(0.1, inplace=true)", &[4], &[4], None),
    ("nn.ELU()", &[2, 3], &[2, 3], None),
    ("nn.Flatten()", &[2, 2, 3], &[2, 6], None),
    ("nn.GroupNorm(1, 2)", &[2, 2, 3], &[2, 2, 3], Some("weight")),
    ("nn.RMSNorm(4)", &[4], &[4], Some("weight")),
    ("nn.MaxPool1d(2)", &[2, 2, 3], &[2, 2, 1], None),
    ("nn.AvgPool1d(2)", &[2, 2, 3], &[2, 2, 1], None),
    ("nn.GLU()", &[4], &[2], None),
];

const OPTIMIZERS: &[&str] = &[
    "optim.SGD(@, lr=0.1)",
    "optim.SGD(@, lr=0.1)",
    "optim.SGD(@, lr=0.1, momentum=0.9)",
    "optim.SGD(@, lr=0.1, momentum=0.9, nesterov=true, weight_decay=0.1)",
    "optim.Adam(@, lr=0.1)",
    "optim.Adam(@, lr=0.1, weight_decay=0.1, amsgrad=true)",
    "optim.AdamW(@, lr=0.1)",
    "optim.RMSprop(@, lr=0.01)",
    "optim.Adagrad(@, lr=0.1)",
    "optim.Adadelta(@)",
    "optim.Adamax(@, lr=0.01)",
    "optim.NAdam(@, lr=0.01)",
    "optim.RAdam(@, lr=0.01)",
    "optim.Rprop(@, lr=0.01)",
    "optim.ASGD(@, lr=0.01)",
];

impl Growing<'_> {
    /// A statement that makes, calls or changes a module.
    pub fn module(&mut self) {
        if self.models.is_empty() || self.dice.one_in(5) {
            return match self.dice.one_in(3) {
                true => self.own_module(),
                false => self.library_module(),
            };
        }
        let at = self.dice.recent(self.models.len());
        let model = self.models[at].clone();
        let name = &model.name;
        match self.dice.below(14) {
            0 => self.line(format!("{name}.zero_grad()")),
            1 => self.line(format!("{name}.eval()")),
            2 => {
                let value = self.dice.word(&["false", "true"]);
                let body = vec![line(format!("p.requires_grad = {value}"))];
                self.node(block(format!("for p in {name}.parameters()"), body));
            }
            3 => {
                let body = vec![line("print(p.grad is none)")];
                self.node(block(format!("for p in {name}.parameters()"), body));
            }
            4 => self.parameter(&model),
            5 => self.line(format!("{name}.requires_grad_(false)")),
            6 => self.line(format!(
                "nn.utils.clip_grad_norm_({name}.parameters(), 0.5)"
            )),
            7 => self.optimizer(),
            _ => self.forward(&model),
        }
    }

    fn parameter(&mut self, model: &Model) {
        let Some(parameter) = &model.parameter else {
            return;
        };
        let what = self.dice.word(&[
            "print(@.grad)",
            "@.grad = none",
            "@.data.mul_(0.5)",
            "@.requires_grad_(false)",
            "nn.init.zeros_(@)",
            "nn.init.normal_(@)",
            "print(@._version)",
            "@.register_hook(lambda grad: grad * 2)",
        ]);
        let text = what.replace('@', &format!("{}.{parameter}", model.name));
        self.line(text);
    }

    fn forward(&mut self, model: &Model) {
        let takes = model.takes.clone();
        let input =
            self.find(|variable| variable.meta.shape == takes && variable.meta.dtype == Dtype::F32);
        let input = match input {
            Some(input) => (input.name, input.tracked),
            None => (format!("randn({})", super::scope::sizes(&takes)), false),
        };
        let call = match model.takes.len() == 2
            && model.parameter.as_deref() == Some("weight")
            && model.name.starts_with("bi")
        {
            true => format!("{}({1}, {1})", model.name, input.0),
            false => format!("{}({})", model.name, input.0),
        };
        let tracked = input.1 || model.parameter.is_some();
        self.bind(&call, contiguous(Dtype::F32, &model.gives), tracked);
    }

    fn library_module(&mut self) {
        let (made, takes, gives, parameter) = *self.dice.pick(MODULES);
        let letter = if made.starts_with("nn.Bilinear") {
            "bi"
        } else {
            "model"
        };
        let name = self.fresh(letter);
        self.line(format!("{name} = {made}"));
        self.models.push(Model {
            name: name.clone(),
            takes: Shape::from_slice(takes),
            gives: Shape::from_slice(gives),
            parameter: parameter.map(str::to_owned),
        });
        self.after_making(&name, made.contains("Linear") || parameter.is_some());
    }

    fn after_making(&mut self, name: &str, has_parameters: bool) {
        if has_parameters && self.dice.one_in(2) {
            let maker = self.dice.word(OPTIMIZERS);
            let optimizer = self.fresh("opt");
            let maker = maker.replace('@', &format!("{name}.parameters()"));
            self.line(format!("{optimizer} = {maker}"));
            self.optimizers.push(optimizer);
        }
        let at = self.models.len() - 1;
        let model = self.models[at].clone();
        self.forward(&model);
    }

    /// A class of the program's own.
    fn own_module(&mut self) {
        let class = self.fresh("Net");
        let forward = self.dice.word(&[
            "return x @ self.w + self.b",
            "return (x @ self.w).relu() * self.b",
            "return F.linear(x, self.w.t(), self.b)",
            "return (x @ self.w).detach() + self.b",
            "return x @ self.w.data + self.b",
            "return (x @ self.w).add_(self.b).tanh()",
        ]);
        let b = self.dice.word(&[
            "nn.Parameter(zeros(2))",
            "nn.Parameter(ones(2))",
            "ones(2)",
            "zeros(2, requires_grad=true)",
        ]);
        let mut init = vec![
            line("self.w = nn.Parameter(randn(3, 2))"),
            line(format!("self.b = {b}")),
        ];
        if self.dice.one_in(3) {
            init.push(line("self.calls = 0"));
            init.push(line("self.register_buffer(\"seen\", zeros(2))"));
        }
        let mut body = vec![line(forward)];
        if init.len() > 2 {
            body.insert(0, line("self.calls += 1"));
            let buffer = self.dice.word(&[
                "self.seen += (x @ self.w).sum(0).detach()",
                "self.seen += (x @ self.w).sum(0)",
                "self.seen = self.seen * 0.9 + (x @ self.w).sum(0)",
            ]);
            body.insert(1, line(buffer));
        }
        let methods = vec![
            block("fn __init__(self)", init),
            block("fn forward(self, x)", body),
        ];
        self.node(block(format!("class {class}(nn.Module)"), methods));
        let name = self.fresh("model");
        self.line(format!("{name} = {class}()"));
        self.models.push(Model {
            name: name.clone(),
            takes: Shape::from_slice(&[2, 3]),
            gives: Shape::from_slice(&[2, 2]),
            parameter: Some("w".into()),
        });
        self.after_making(&name, true);
    }

    /// An optimizer over leaves.
    pub fn optimizer(&mut self) {
        let of = match self.dice.one_in(12) {
            true => self.any(),
            false => self.leaf(),
        };
        let other = self.leaf();
        let parameters = match of.name == other.name {
            true => format!("[{}]", of.name),
            false => format!("[{}, {}]", of.name, other.name),
        };
        let maker = self.dice.word(OPTIMIZERS).replace('@', &parameters);
        let name = self.fresh("opt");
        self.line(format!("{name} = {maker}"));
        self.optimizers.push(name);
    }

    /// A statement of an optimizer.
    pub fn step(&mut self) {
        if self.optimizers.is_empty() {
            self.optimizer();
        }
        let at = self.dice.recent(self.optimizers.len());
        let name = self.optimizers[at].clone();
        match self.dice.below(10) {
            0..=5 => self.line(format!("{name}.step()")),
            6 | 7 => self.line(format!("{name}.zero_grad()")),
            8 => self.line(format!("{name}.zero_grad(set_to_none=false)")),
            _ => {
                self.line(format!("{name}.zero_grad()"));
                let loss = self.loss();
                self.line(format!("{loss}.backward()"));
                self.line(format!("{name}.step()"));
            }
        }
    }
}
