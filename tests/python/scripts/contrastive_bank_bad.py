import torch
from torch import nn
import torch.nn.functional as F


class Model(nn.Module):
    def __init__(self, width=6):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(10, 16), nn.ReLU(), nn.Linear(16, width))
        self.bank = F.normalize(torch.randn(8, width), dim=1)

    def embed(self, x):
        return F.normalize(self.encoder(x), dim=1)

    def remember(self, keys):
        self.bank = torch.cat([self.bank, keys])[-8:]  # cause

    def loss(self, first, second, temperature=0.2):
        a, b = self.embed(first), self.embed(second)
        positive = (a * b).sum(dim=1, keepdim=True)
        negative = a @ self.bank.t()
        logits = torch.cat([positive, negative], dim=1) / temperature
        self.remember(b)
        return F.cross_entropy(logits, torch.zeros(len(a), dtype=torch.long))


model = Model()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for step in range(5):
    x = torch.randn(4, 10)
    loss = model.loss(x + 0.1 * torch.randn_like(x), x + 0.1 * torch.randn_like(x))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(step, loss.item())
