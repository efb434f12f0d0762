import torch
from torch import nn
import torch.nn.functional as F


class MLP(nn.Module):
    def __init__(self, sizes=(6, 12, 3)):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))

    def forward(self, x):
        *hidden, last = self.layers
        for layer in hidden:
            x = F.gelu(layer(x))
        return last(x)


trunk, heads = nn.Sequential(nn.Linear(6, 8), nn.Sigmoid()), nn.ModuleDict({"a": nn.Linear(8, 2), "b": nn.Linear(8, 3)})
opt = torch.optim.Adam([*trunk.parameters(), *heads.parameters()])
h = trunk(torch.randn(4, 6))
opt.zero_grad()
for name, head in heads.items():
    head(h).pow(2).mean().backward()  # cause
opt.step()
