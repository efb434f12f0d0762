import torch
from torch import nn
import torch.nn.functional as F


class Learner(nn.Module):
    def __init__(self):
        super().__init__()
        self.w1 = nn.Parameter(torch.randn(8, 1) * 0.5)
        self.b1 = nn.Parameter(torch.zeros(8))
        self.w2 = nn.Parameter(torch.randn(1, 8) * 0.5)

    def forward(self, x, weights=None):
        w1, b1, w2 = weights if weights is not None else (self.w1, self.b1, self.w2)
        return F.linear(torch.relu(F.linear(x, w1, b1)), w2)


def inner_loop(learner, x, y, steps=2, lr=0.05):
    weights = [p.clone() for p in learner.parameters()]
    for _ in range(steps):
        loss = F.mse_loss(learner(x, weights), y)
        grads = torch.autograd.grad(loss, weights)
        weights = [(w - lr * g).detach().requires_grad_() for w, g in zip(weights, grads)]  # cause
    return weights


learner = Learner()
meta_optimizer = torch.optim.SGD(learner.parameters(), lr=0.01)
for iteration in range(4):
    slope = torch.rand(1)
    support, query = torch.randn(5, 1), torch.randn(5, 1)
    weights = inner_loop(learner, support, slope * support)
    meta_loss = F.mse_loss(learner(query, weights), slope * query)
    meta_optimizer.zero_grad()
    meta_loss.backward()
    meta_optimizer.step()
    print(iteration, meta_loss.item())
