import torch
from torch import nn
import torch.nn.functional as F

q = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2))
optimizer = torch.optim.Adam(q.parameters())
for step in range(3):
    states, actions = torch.randn(8, 4), torch.randint(0, 2, (8, 1))
    values = q(states).detach().gather(1, actions)
    goal = torch.rand(8, 1) + 0.9 * q(torch.randn(8, 4)).detach().max(1, keepdim=True).values
    loss = F.mse_loss(values, goal)
    optimizer.zero_grad()
    loss.backward()  # cause
    optimizer.step()
