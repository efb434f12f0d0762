import copy

import torch
from torch import nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset


class EMA:
    def __init__(self, model, decay=0.99):
        self.decay = decay
        self.module = copy.deepcopy(model).eval()
        self.module.requires_grad_(False)

    @torch.no_grad()
    def update(self, model):
        for ours, theirs in zip(self.module.parameters(), model.parameters()):
            ours.lerp_(theirs, 1 - self.decay)
        for ours, theirs in zip(self.module.buffers(), model.buffers()):
            ours.copy_(theirs)


def consistency_weight(step, ramp=4):
    return min(1.0, step / ramp)


student = nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3))
teacher = EMA(student)
optimizer = torch.optim.SGD(student.parameters(), lr=0.1, momentum=0.9)
labeled = DataLoader(TensorDataset(torch.randn(12, 6), torch.randint(0, 3, (12,))), batch_size=4, shuffle=True)
unlabeled = DataLoader(TensorDataset(torch.randn(24, 6)), batch_size=8, shuffle=True)

step = 0
for epoch in range(2):
    for (x, y), (u,) in zip(labeled, unlabeled):
        supervised = F.cross_entropy(student(x), y)
        with torch.no_grad():
            target = teacher.module(u + 0.05 * torch.randn_like(u)).softmax(dim=1)
        prediction = student(u + 0.05 * torch.randn_like(u)).softmax(dim=1)
        consistency = F.mse_loss(prediction, target)
        loss = supervised + consistency_weight(step) * consistency
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        teacher.update(student)
        step += 1
    print(epoch, supervised.item() > 0, consistency.item() >= 0)
