import torch
from torch import nn
import torch.nn.functional as F

model = nn.Linear(5, 3)
x, y = torch.randn(4, 5, requires_grad=True), torch.randint(0, 3, (4,))
moved = x * 1.0
F.cross_entropy(model(moved), y).backward()
attacked = x + 0.1 * moved.grad.sign()  # cause
print(attacked.shape)
