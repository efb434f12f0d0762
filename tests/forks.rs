//! Scripts that fork at arguments and devices before they make what they train: each text with the codes of its findings
//! behind the lines where they are, and no others.

use gradlint::diagnostic::Severity;
use gradlint::source::NoFiles;
use gradlint::{lint_text_in, with_stack};

#[track_caller]
fn check(text: &str) {
    let result = with_stack(|| lint_text_in(&NoFiles, "train.py", text));
    let findings = result.findings.iter();
    let found: Vec<(u32, String)> = findings
        .filter(|finding| finding.severity >= Severity::Warning)
        .map(|finding| {
            let line = result.sources.line(finding.span);
            (line, finding.rule.code.to_owned())
        })
        .collect();
    let expected: Vec<(u32, String)> = text
        .lines()
        .zip(1u32..)
        .filter_map(|(line, number)| {
            let (_, code) = line.split_once("# GL")?;
            Some((number, format!("GL{code}")))
        })
        .collect();
    assert_eq!(found, expected, "{text}");
}

/// What begins a script: arguments and a device, three conditions on them, a loader of what they say.
const BEGINNING: &str = "import argparse
import torch
import torch.nn as nn
import torch.nn.functional as F
from torchvision import datasets
args = argparse.ArgumentParser().parse_args()
is_fast = not args.slow and torch.cuda.is_available()
if is_fast:
    device = torch.device('cuda')
else:
    device = torch.device('cpu')
kwargs = {'batch_size': args.batch_size}
if is_fast:
    kwargs.update({'num_workers': 1})
if args.other:
    dataset = datasets.MNIST('data')
else:
    dataset = datasets.CIFAR10('data')
loader = torch.utils.data.DataLoader(dataset, **kwargs)
";

fn check_behind_forks(text: &str) {
    check(&format!("{BEGINNING}{text}"));
}

/// A model that is made behind more forks than ways are kept apart is one model when they are joined.
#[test]
fn a_model_made_behind_forks_is_known() {
    check_behind_forks(
        "class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 2)
    def forward(self, x):
        return F.log_softmax(self.fc(x), dim=1)
model = Net().to(device)
if args.resume:
    model.load_state_dict(torch.load(args.resume))
optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
for epoch in range(args.epochs):
    for data, target in loader:
        data, target = data.to(device), target.to(device)
        optimizer.zero_grad()
        output = model(data).detach()
        loss = F.nll_loss(output, target)
        loss.backward()  # GL101
        optimizer.step()
",
    );
    check_behind_forks(
        "model = nn.Linear(8, 2).to(device)
if args.resume:
    model.load_state_dict(torch.load(args.resume))
optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
for epoch in range(args.epochs):
    for data, target in loader:
        data, target = data.to(device), target.to(device)
        optimizer.zero_grad()
        loss = F.cross_entropy(model(data), target)
        loss.backward()
        optimizer.step()
        shown = F.cross_entropy(model(data).detach(), target)
        print(shown.item())
",
    );
}

/// Of a recurrent module each part of the result hangs on the input and the parameters.
#[test]
fn a_recurrent_module_gives_its_parts() {
    check_behind_forks(
        "rnn = nn.LSTM(8, 8).to(device)
hidden = None
for data in loader:
    out, hidden = rnn(data.to(device), hidden)
    out.sum().backward()  # GL105
",
    );
    check_behind_forks(
        "rnn = nn.LSTM(8, 8).to(device)
hidden = None
for data in loader:
    out, hidden = rnn(data.to(device), hidden)
    hidden = tuple(part.detach() for part in hidden)
    rnn.zero_grad()
    out.sum().backward()
",
    );
}

/// A step is told of where its parameters never get a gradient, not where they have none yet.
#[test]
fn a_step_before_the_first_gradient_is_no_mistake() {
    check_behind_forks(
        "model = nn.Linear(8, 2).to(device)
optimizer = torch.optim.SGD(model.parameters(), lr=args.lr)
for epoch in range(args.epochs):
    for data in loader:
        optimizer.zero_grad()
        loss = model(data).sum()
        optimizer.step()  # GL501
",
    );
    check_behind_forks(
        "model = nn.Linear(8, 2).to(device)
optimizer = torch.optim.SGD(model.parameters(), lr=args.lr)
for epoch in range(args.epochs):
    for data in loader:
        model(data).sum().backward()
    optimizer.step()
    optimizer.zero_grad()
",
    );
}

/// Two losses that are shown after the backward are no sum over iterations.
#[test]
fn a_sum_of_this_trip_keeps_no_graph() {
    check_behind_forks(
        "model = nn.Linear(8, 2).to(device)
total = 0
for data in loader:
    model.zero_grad()
    loss = model(data).sum()
    loss.backward()
    total += loss  # GL602
",
    );
    check_behind_forks(
        "model = nn.Linear(8, 2).to(device)
for data in loader:
    model.zero_grad()
    loss = model(data).sum()
    change = torch.mean(0.5 * loss - loss.detach())
    loss.backward()
    print((loss + torch.abs(change)).item())
",
    );
}

/// The deprecated way to scale what is added still works.
#[test]
fn what_is_added_may_be_scaled_in_front() {
    check(
        "import torch
x = torch.zeros(2)
x.add_(-1.0, torch.ones(2)).addcmul_(0.5, torch.ones(2), torch.ones(2))
x.add_(torch.ones(2), torch.ones(2))  # GL701
",
    );
}

/// Attributes that `setattr` with a name from outside, or a setter, may have set are not missing.
#[test]
fn what_a_setter_sets_is_not_missing() {
    check(
        "import torch
class Config:
    @property
    def env(self):
        return self._env
    @env.setter
    def env(self, env):
        self._env = env
        self.size = 3
    def merge(self, options):
        for name in options:
            setattr(self, name, options[name])
config = Config()
config.env = 1
other = Config()
other.merge(open('options'))
torch.zeros(config.size, other.size)
",
    );
    check(
        "import torch
class Config:
    def __init__(self):
        self.size = 3
config = Config()
torch.zeros(config.sizes)  # GL702
",
    );
}
