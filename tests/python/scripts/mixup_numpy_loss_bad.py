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


model = MLP()
opt = torch.optim.SGD(model.parameters(), lr=0.1)
for epoch in range(3):
    x, y = torch.randn(8, 6), torch.randint(0, 3, (8,))
    losses = [F.cross_entropy(model(x), y).item() for _ in range(2)]
    loss = torch.tensor(losses).mean()
    opt.zero_grad()
    loss.backward()  # cause
    opt.step()
