import torch
from torch import nn
import torch.nn.functional as F

model = nn.Linear(5, 3)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(3):
    x, y = torch.randn(4, 5), torch.randint(0, 3, (4,))
    x.requires_grad = True
    F.cross_entropy(model(x), y).backward()
    attacked = (x + 0.1 * x.grad.sign()).detach()
    optimizer.zero_grad()
    F.cross_entropy(model(attacked), y).backward()
    optimizer.step()
