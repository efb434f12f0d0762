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


import copy
model = MLP(); best, state, bad = float("inf"), None, 0
opt = torch.optim.Adam(model.parameters())
xs, ys = torch.randn(8, 6), torch.randint(0, 3, (8,))
for epoch in range(20):
    loss = F.cross_entropy(model(xs), ys)
    opt.zero_grad(); loss.backward(); opt.step()
    with torch.inference_mode():
        val = F.cross_entropy(model(xs), ys).item()
    if val < best:
        best, state, bad = val, copy.deepcopy(model.state_dict()), 0
    else:
        bad += 1
        if bad > 2:
            break
model.load_state_dict(state)
