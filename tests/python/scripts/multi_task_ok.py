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


trunk, heads = nn.Linear(6, 8), nn.ModuleDict({"a": nn.Linear(8, 2), "b": nn.Linear(8, 3)})
opt = torch.optim.Adam([{"params": trunk.parameters(), "lr": 1e-4}, {"params": heads.parameters()}], lr=1e-3)
for _ in range(2):
    h = torch.relu(trunk(torch.randn(4, 6)))
    losses = {name: head(h).pow(2).mean() for name, head in heads.items()}
    opt.zero_grad()
    sum(losses.values()).backward()
    opt.step()
    print(", ".join(f"{k}={v.item():.2f}" for k, v in losses.items()))
