import torch
from torch import nn
import torch.nn.functional as F

net = nn.Linear(6, 4)
scale = torch.tensor(torch.ones(1) * 2.0)
scale = nn.Parameter(scale)  # cause
optimizer = torch.optim.SGD([*net.parameters(), scale], lr=0.1)
for step in range(3):
    x = torch.randn(8, 6)
    logits = net(x) @ net(x).T * scale.item()
    loss = F.cross_entropy(logits, torch.arange(8))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
