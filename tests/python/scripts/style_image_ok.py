import torch
from torch import nn
import torch.nn.functional as F

content = torch.rand(1, 3, 8, 8)
image = content.clone().requires_grad_(True)
net = nn.Conv2d(3, 4, 3).requires_grad_(False)
optimizer = torch.optim.Adam([image], lr=0.1)
goal = net(torch.rand(1, 3, 8, 8)).detach()
for step in range(3):
    optimizer.zero_grad()
    loss = F.mse_loss(net(image), goal)
    loss.backward()
    optimizer.step()
    with torch.no_grad():
        image.clamp_(0, 1)
