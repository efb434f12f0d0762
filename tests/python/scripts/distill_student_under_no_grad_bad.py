import copy
import torch
from torch import nn

student = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
teacher = copy.deepcopy(student)
optimizer = torch.optim.SGD(student.parameters(), lr=0.1)
kl = nn.KLDivLoss(reduction="batchmean")
for step in range(3):
    x = torch.randn(5, 4)
    with torch.no_grad():
        goal = teacher(x).softmax(-1)
        logits = student(x).log_softmax(-1)
    loss = kl(logits, goal)
    optimizer.zero_grad()
    loss.backward()  # cause
    optimizer.step()
