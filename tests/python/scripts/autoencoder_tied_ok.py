import torch
from torch import nn
import torch.nn.functional as F


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, 6) * 0.1)
        self.bias = nn.Parameter(torch.zeros(6))

    @property
    def decoder(self):
        return self.weight.t()

    def forward(self, x):
        return F.linear(torch.tanh(F.linear(x, self.weight)), self.decoder, self.bias)

m = Tied()
opt = torch.optim.LBFGS(m.parameters(), max_iter=2)
x = torch.randn(4, 6)
def closure():
    opt.zero_grad()
    loss = F.mse_loss(m(x), x)
    loss.backward()
    return loss
opt.step(closure)
