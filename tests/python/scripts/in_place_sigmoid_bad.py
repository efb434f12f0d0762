import torch
from torch import nn
import torch.nn.functional as F


class Gate(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x):
        gate = torch.sigmoid(self.a(x))
        out = gate * self.b(x)
        gate += 1e-3
        return out


model = Gate()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(2):
    loss = model(torch.randn(3, 4)).sum()
    optimizer.zero_grad()
    loss.backward()  # cause
    optimizer.step()
