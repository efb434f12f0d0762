import torch
from torch import nn
import torch.nn.functional as F


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, 6) * 0.1)
        self.unused = nn.Parameter(torch.zeros(6))  # cause

    def forward(self, x):
        return F.linear(torch.tanh(F.linear(x, self.weight)), self.weight.t(), self.unused.detach())

m = Tied()
opt = torch.optim.Adam(m.parameters())
for _ in range(2):
    x = torch.randn(4, 6)
    loss = F.mse_loss(m(x), x)
    opt.zero_grad()
    loss.backward()
    opt.step()
