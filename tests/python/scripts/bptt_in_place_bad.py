import torch
from torch import nn
import torch.nn.functional as F


cell, out = nn.Linear(5, 5), nn.Linear(5, 1)
opt = torch.optim.Adam([*cell.parameters(), *out.parameters()])
states = torch.zeros(4, 2, 5)
for t in range(1, 4):
    states[t] = torch.tanh(cell(states[t - 1]))
loss = out(states).pow(2).mean()
opt.zero_grad()
loss.backward()  # cause
opt.step()
