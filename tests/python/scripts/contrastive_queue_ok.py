import copy

import torch
from torch import nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset


class MoCo(nn.Module):
    def __init__(self, width=8, size=16, momentum=0.99, temperature=0.1):
        super().__init__()
        self.momentum, self.temperature = momentum, temperature
        self.query_encoder = nn.Sequential(nn.Linear(12, 16), nn.ReLU(), nn.Linear(16, width))
        self.key_encoder = copy.deepcopy(self.query_encoder)
        for param in self.key_encoder.parameters():
            param.requires_grad = False
        self.register_buffer("queue", F.normalize(torch.randn(width, size), dim=0))
        self.register_buffer("pointer", torch.zeros(1, dtype=torch.long))

    @torch.no_grad()
    def update_key_encoder(self):
        for q, k in zip(self.query_encoder.parameters(), self.key_encoder.parameters()):
            k.data = k.data * self.momentum + q.data * (1.0 - self.momentum)

    @torch.no_grad()
    def enqueue(self, keys):
        at, count = int(self.pointer), keys.shape[0]
        self.queue[:, at : at + count] = keys.T
        self.pointer[0] = (at + count) % self.queue.shape[1]

    def forward(self, first, second):
        q = F.normalize(self.query_encoder(first), dim=1)
        with torch.no_grad():
            self.update_key_encoder()
            k = F.normalize(self.key_encoder(second), dim=1)
        positive = torch.einsum("nc,nc->n", q, k).unsqueeze(-1)
        negative = torch.einsum("nc,ck->nk", q, self.queue.clone().detach())
        logits = torch.cat([positive, negative], dim=1) / self.temperature
        self.enqueue(k)
        return logits, torch.zeros(logits.shape[0], dtype=torch.long)


model = MoCo()
optimizer = torch.optim.SGD(model.query_encoder.parameters(), lr=0.03, momentum=0.9, weight_decay=1e-4)
loader = DataLoader(TensorDataset(torch.randn(16, 12)), batch_size=4, shuffle=True)
for epoch in range(2):
    for (x,) in loader:
        logits, labels = model(x + 0.1 * torch.randn_like(x), x + 0.1 * torch.randn_like(x))
        loss = F.cross_entropy(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(epoch, loss.item() > 0)
