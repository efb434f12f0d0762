import torch
from torch import nn


class Stack(nn.Module):
    def __init__(self, dim=8, depth=3):
        super().__init__()
        self.embed = nn.Embedding(10, dim)
        self.blocks = [nn.TransformerEncoderLayer(dim, 2, 16, dropout=0.0) for _ in range(depth)]  # cause
        self.out = nn.Linear(dim, 10)

    def forward(self, ids):
        x = self.embed(ids)
        for block in self.blocks:
            x = block(x)
        return self.out(x)


model = Stack()
optimizer = torch.optim.Adam(model.parameters())
for _ in range(2):
    ids = torch.randint(0, 10, (5, 2))
    loss = nn.functional.cross_entropy(model(ids).flatten(0, 1), ids.flatten())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
