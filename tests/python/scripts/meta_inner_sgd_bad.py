import copy
import torch
from torch import nn

model = nn.Linear(3, 1)
meta = torch.optim.Adam(model.parameters(), lr=1e-3)
for iteration in range(2):
    meta_loss = 0.0
    for task in range(2):
        learner = copy.deepcopy(model)
        inner = torch.optim.SGD(learner.parameters(), lr=0.1)
        x, y = torch.randn(5, 3), torch.randn(5, 1)
        inner.zero_grad()
        (learner(x) - y).pow(2).mean().backward()
        inner.step()
        meta_loss = meta_loss + (learner(x) - y).pow(2).mean()
    meta.zero_grad()
    meta_loss.backward()
    meta.step()  # cause
