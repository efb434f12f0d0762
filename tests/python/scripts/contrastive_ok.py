import torch
from torch import nn
import torch.nn.functional as F


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 4))
        self.temperature = nn.Parameter(torch.tensor(0.5))

    def forward(self, a, b):
        a, b = (F.normalize(self.net(x), dim=-1) for x in (a, b))
        return a @ b.T / self.temperature


encoder = Encoder()
optimizer = torch.optim.AdamW(encoder.parameters(), lr=1e-3)
for step in range(3):
    x = torch.randn(8, 6)
    logits = encoder(x + 0.1 * torch.randn_like(x), x + 0.1 * torch.randn_like(x))
    labels = torch.arange(8)
    loss = (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) / 2
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    with torch.no_grad():
        encoder.temperature.clamp_(0.01, 1.0)
