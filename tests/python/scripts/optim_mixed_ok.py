import torch
from torch import nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset


class Recommender(nn.Module):
    def __init__(self, users=10, items=12, width=6):
        super().__init__()
        self.users = nn.Embedding(users, width, sparse=True)
        self.items = nn.Embedding(items, width, sparse=True)
        self.mlp = nn.Sequential(nn.Linear(2 * width, 8), nn.ReLU(), nn.Linear(8, 1))

    def forward(self, user, item):
        return self.mlp(torch.cat([self.users(user), self.items(item)], dim=-1)).squeeze(-1)


def split_parameters(module):
    decay, no_decay = [], []
    for name, param in module.named_parameters():
        if not param.requires_grad:
            continue
        (no_decay if name.endswith("bias") else decay).append(param)
    return [{"params": decay, "weight_decay": 0.01}, {"params": no_decay, "weight_decay": 0.0}]


model = Recommender()
sparse_optimizer = torch.optim.SparseAdam(list(model.users.parameters()) + list(model.items.parameters()), lr=1e-2)
dense_optimizer = torch.optim.AdamW(split_parameters(model.mlp), lr=1e-3)
schedulers = [torch.optim.lr_scheduler.ExponentialLR(dense_optimizer, gamma=0.9)]
data = TensorDataset(torch.randint(0, 10, (20,)), torch.randint(0, 12, (20,)), torch.rand(20))
for epoch in range(2):
    for user, item, rating in DataLoader(data, batch_size=5, shuffle=True):
        loss = F.binary_cross_entropy_with_logits(model(user, item), rating)
        for optimizer in (sparse_optimizer, dense_optimizer):
            optimizer.zero_grad()
        loss.backward()
        for optimizer in (sparse_optimizer, dense_optimizer):
            optimizer.step()
    for scheduler in schedulers:
        scheduler.step()
    print(epoch, loss.item() > 0)
