//! Files in Python that nothing runs, and what of them is followed: each text with the codes of its findings behind the
//! lines where they are, and no others.

use gradlint::diagnostic::Severity;
use gradlint::source::Files;
use gradlint::{LintResult, lint_text_in, with_stack};

struct Beside(&'static [(&'static str, &'static str)]);

impl Files for Beside {
    fn read(&self, name: &str) -> Option<String> {
        let (_, text) = self.0.iter().find(|(known, _)| *known == name)?;
        Some((*text).to_owned())
    }
}

fn lint(files: &'static [(&'static str, &'static str)], text: &str) -> LintResult {
    with_stack(|| lint_text_in(&Beside(files), "train.py", text))
}

#[track_caller]
fn check(files: &'static [(&'static str, &'static str)], text: &str) {
    let result = lint(files, text);
    let serious = |severity| severity >= Severity::Warning;
    let found: Vec<(u32, &str)> = result
        .findings
        .iter()
        .filter(|finding| serious(finding.severity))
        .map(|finding| (result.sources.line(finding.span), finding.rule.code))
        .collect();
    let marks = text.lines().zip(1u32..).filter_map(|(line, number)| {
        let (_, code) = line.split_once("# GL")?;
        Some((number, code))
    });
    let expected: Vec<(u32, String)> = marks.map(|(at, code)| (at, format!("GL{code}"))).collect();
    let found: Vec<(u32, String)> = found
        .into_iter()
        .map(|(at, code)| (at, code.to_owned()))
        .collect();
    assert_eq!(found, expected, "{text}");
}

/// What an operator gives for arguments that are not known is not of integers because a number could be.
#[test]
fn the_smaller_of_unknown_things_is_of_unknown_dtype() {
    check(
        &[],
        "import torch
def quiet(q, r):
    with torch.no_grad():
        t = torch.min(r, r)
    loss = (q - t).mean()
    loss.backward()
def cut(r):
    with torch.no_grad():
        t = torch.min(r, r)
    (t * 2.0).mean().backward()  # GL101
",
    );
}

/// A list that other methods fill is of unknown length in each.
#[test]
fn lists_that_methods_change_are_not_known() {
    check(
        &[],
        "import torch
class Buffer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.items = []
        self.at = 0
    def push(self, item):
        if self.at >= len(self.items):
            self.items.append(item.detach())
        else:
            self.items[self.at] = item
        self.at = (self.at + 1) % 10
",
    );
}

/// What a text with mistakes defines is not known.
#[test]
fn an_imported_file_that_does_not_parse_is_unknown() {
    let broken = &[(
        "replay.py",
        "class Replay:\n    def __init__(self, async=1):\n        pass\n",
    )];
    let text = "import torch\nfrom replay import Replay\nr = Replay(1, 2, 3)\nw = torch.ones(2, requires_grad=True)\n";
    check(broken, text);
    let whole = &[(
        "replay.py",
        "class Replay:\n    def __init__(self, one=1):\n        pass\n",
    )];
    check(whole, &text.replace("2, 3)", "2, 3)  # GL702"));
}

const LOSSES: &str = "import torch
def total(values):
    return sum(values) / len(values)
def loss(model, x):
    y = model(x).detach()
    return total([y * 2.0])
def train(x):
    w = torch.ones(2, requires_grad=True)
    loss(lambda x: x * w, x).sum().backward()  # GL101
";

/// Functions that name no gradient are followed where one that does calls them, or they call one.
#[test]
fn what_may_call_each_other_is_followed() {
    check(&[], LOSSES);
    assert!(left_out(LOSSES).is_empty());
}

fn left_out(text: &str) -> Vec<u32> {
    let result = lint(&[], text);
    let lost = result.lost.iter();
    lost.filter(|lost| lost.why.starts_with("nothing here concerns gradients"))
        .map(|lost| result.sources.line(lost.span))
        .collect()
}

/// What is not followed is told to those who ask, and what it sets is not taken for what it was.
#[test]
fn what_concerns_no_gradients_is_left_out() {
    let text = "import torch
def accuracy(output, target):
    return (output == target).float().mean()
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(2, 2)
        self.scale = None
    def load(self, path):
        self.scale = open(path)
    def forward(self, x):
        return self.linear(x) * self.scale.value
";
    check(&[], text);
    assert_eq!(left_out(text), [2, 9]);
    let alone =
        "import torch\ndef accuracy(output, target):\n    return (output == target).sum()\n";
    assert_eq!(left_out(alone), [1]);
}

/// A file that does nothing but call a function of another file that trains is followed.
#[test]
fn what_trains_elsewhere_concerns_gradients() {
    let files = &[(
        "engine.py",
        "import torch\ndef train(w):\n    w.detach().sum().backward()\n",
    )];
    let text = "import torch\nfrom engine import train\ndef main(size):\n    train(size)\n";
    let result = lint(files, text);
    assert_eq!(left_out(text), [1]);
    assert!(
        result
            .lost
            .iter()
            .all(|lost| !lost.why.starts_with("nothing here"))
    );
}

/// What Python itself raises is told where all that leads there is known, and not behind what is not.
#[test]
fn errors_of_python_are_told_where_the_way_is_known() {
    let closed = [
        (
            "x = [w, w]\nprint(x[2])  # GL702\n",
            "x = [w, w]\nprint(x[1])\n",
        ),
        ("a, b = [w, w, w]  # GL702\n", "a, b = [w, w]\n"),
        ("n = 1 / len([])  # GL702\n", "n = 1 / len([w])\n"),
        (
            "step = None\nstep.step()  # GL212\n",
            "step = w\nstep.sum()\n",
        ),
    ];
    let head = "import torch\nfrom elsewhere import data\nw = torch.ones(2, requires_grad=True)\n";
    for (fails, near) in closed {
        check(&[], &format!("{head}{fails}"));
        check(&[], &format!("{head}{near}"));
    }
    let open = [
        "x = [w]\nfor each in data():\n    x.append(w)\nprint(x[2])\n",
        "x = [w]\nfor each in data():\n    x.append(w)\na, b, c = x\n",
        "x = []\nfor each in data():\n    x.append(w)\nn = 1 / len(x)\n",
        "step = None\nif data():\n    step = w\nif data():\n    step.sum()\n",
        "def f(x=None):\n    w.detach()\n    return x.step()\n",
    ];
    for quiet in open {
        check(&[], &format!("{head}{quiet}"));
    }
}

/// A method of something unknown that only training calls, named for nothing; and a number that was a tensor.
#[test]
fn what_is_wrong_whatever_the_arguments_are_is_told() {
    check(
        &[],
        "import torch
def train(model, loader, optimizer):
    for x in loader:
        optimizer.zero_grad  # GL601
        loss = model(x).sum()
        loss.backward()
        optimizer.step()
        optimizer.step_count
def number(x):
    net = torch.nn.Linear(2, 1)
    loss = net(x).sum().item()
    loss.backward()  # GL104
",
    );
}

/// What a function makes and keeps to itself is judged when it ends, as at the end of a program.
#[test]
fn what_only_an_entry_can_reach_is_judged() {
    check(
        &[],
        "import torch
from torch import nn
def train(loader, epochs):
    model = nn.Linear(4, 2)
    unused = nn.Linear(4, 2)  # GL502
    opt = torch.optim.Adam(list(model.parameters()) + list(unused.parameters()))
    for epoch in range(10):
        x = torch.randn(8, 4)
        loss = model(x).sum()
        loss.backward()  # GL506
        opt.step()
def given(model, opt, loader):
    for x, y in loader:
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        opt.step()
def returned():
    model = nn.Linear(4, 2)
    opt = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(3):
        model(torch.randn(8, 4)).sum().backward()
        opt.step()
    return model
kept = []
def put():
    model = nn.Linear(4, 2)
    kept.append(model)
    opt = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(3):
        model(torch.randn(8, 4)).sum().backward()
        opt.step()
",
    );
}

/// A function that is only named, and not called, is entered; what another function binds anew is not known in it.
#[test]
fn functions_that_are_handed_on_are_entered() {
    check(
        &[],
        "import torch
import launch
scale = None
def configure(value):
    global scale
    scale = value
def train():
    w = torch.ones(2, requires_grad=True)
    loss = (w * w).sum()
    loss.backward()
    loss.backward()  # GL105
def scaled():
    w = torch.ones(2, requires_grad=True)
    (w * scale).sum().backward()
launch.spawn(train)
launch.spawn(scaled)
launch.spawn(configure)
",
    );
}

/// Whatever is passed, PyTorch refuses what does not hang on it; beyond a condition that is not known, only what
/// concerns the graph is told.
#[test]
fn errors_that_no_argument_can_change_are_told() {
    check(
        &[],
        "import torch
def shapes(n):
    w = torch.ones(2, 3, requires_grad=True)
    (w @ torch.ones(2, 3)).sum().backward()  # GL701
def perhaps(n):
    w = torch.ones(2, 3, requires_grad=True)
    if n > 3:
        (w @ torch.ones(2, 3)).sum().backward()
def sizes(n):
    w = torch.ones(2, n, requires_grad=True)
    (w @ torch.ones(2, 3)).sum().backward()
",
    );
}

/// A loop of unknown length whose states are joined at its end keeps what happened in it.
#[test]
fn joined_states_keep_what_happened() {
    check(
        &[],
        "import torch
from torch import nn
from data import loader, epochs
model = nn.Linear(4, 2)
opt = torch.optim.SGD(model.parameters(), lr=0.1)
for epoch in range(epochs):
    for x, y in loader:
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()  # GL506
        opt.step()
",
    );
    check(
        &[],
        "import torch
from torch import nn
from data import loader, epochs, fresh
model = nn.Linear(4, 2)
opt = torch.optim.SGD(model.parameters(), lr=0.1)
for epoch in range(epochs):
    for x, y in loader:
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        opt.step()
        for p in model.parameters():
            if p.grad is not None:
                p.grad = fresh(p.grad)
",
    );
}
