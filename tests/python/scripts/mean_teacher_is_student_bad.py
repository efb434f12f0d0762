import torch
from torch import nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(5, 10), nn.ReLU())
        self.head = nn.Linear(10, 2)

    def forward(self, x):
        return self.head(self.body(x))


def make_teacher(student):
    teacher = student
    for param in teacher.parameters():
        param.requires_grad_(False)  # cause
    return teacher.eval()


student = Net()
teacher = make_teacher(student)
optimizer = torch.optim.Adam(student.parameters(), lr=1e-3)

for step in range(3):
    x, y = torch.randn(8, 5), torch.randint(0, 2, (8,))
    with torch.no_grad():
        soft = teacher(x).softmax(dim=1)
    logits = student(x)
    loss = F.cross_entropy(logits, y) + F.kl_div(logits.log_softmax(dim=1), soft, reduction="batchmean")
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(step, loss.item())
