import torch
from torch import nn
import torch.nn.functional as F

content = torch.rand(1, 3, 8, 8, requires_grad=True)
image = content * 0.5
net = nn.Conv2d(3, 4, 3)
optimizer = torch.optim.Adam([image], lr=0.1)  # cause
loss = net(image).sum()
loss.backward()
optimizer.step()
