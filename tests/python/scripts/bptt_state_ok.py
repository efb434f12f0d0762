import torch
from torch import nn
import torch.nn.functional as F


cell, out = nn.GRUCell(3, 5), nn.Linear(5, 1)
opt = torch.optim.Adam([*cell.parameters(), *out.parameters()])
h = torch.zeros(2, 5)
for chunk in range(3):
    h = h.detach()
    loss = 0
    for t in range(4):
        h = cell(torch.randn(2, 3), h)
        loss = loss + out(h).pow(2).mean()
    opt.zero_grad(); loss.backward(); opt.step()
