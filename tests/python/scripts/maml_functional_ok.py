import torch
from torch import nn
from torch.func import functional_call
import torch.nn.functional as F


class Regressor(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(1, 16)
        self.out = nn.Linear(16, 1)

    def forward(self, x):
        return self.out(torch.tanh(self.hidden(x)))


def sample_task():
    amplitude, phase = torch.rand(1) * 4 + 0.1, torch.rand(1) * 3.14

    def draw(count):
        x = torch.rand(count, 1) * 10 - 5
        return x, amplitude * torch.sin(x + phase)

    return draw


def adapt(model, params, x, y, steps=2, lr=0.01):
    for _ in range(steps):
        loss = F.mse_loss(functional_call(model, params, (x,)), y)
        grads = torch.autograd.grad(loss, list(params.values()), create_graph=True)
        params = {name: p - lr * g for (name, p), g in zip(params.items(), grads)}
    return params


model = Regressor()
meta_optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for iteration in range(3):
    meta_optimizer.zero_grad()
    losses = []
    for _ in range(4):
        task = sample_task()
        support_x, support_y = task(5)
        query_x, query_y = task(10)
        fast = adapt(model, dict(model.named_parameters()), support_x, support_y)
        losses.append(F.mse_loss(functional_call(model, fast, (query_x,)), query_y))
    meta_loss = torch.stack(losses).mean()
    meta_loss.backward()
    meta_optimizer.step()
    print(iteration, meta_loss.item() > 0)
