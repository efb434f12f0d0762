import torch
from torch import nn
import torch.nn.functional as F


class MLP(nn.Module):
    def __init__(self, sizes=(6, 12, 3)):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))

    def forward(self, x):
        *hidden, last = self.layers
        for layer in hidden:
            x = F.gelu(layer(x))
        return last(x)


from torch.distributions import Categorical
actor = MLP((4, 8, 2))
opt = torch.optim.Adam(actor.parameters(), lr=3e-4)
states = torch.randn(16, 4)
dist = Categorical(logits=actor(states))
actions = dist.sample()
old = dist.log_prob(actions)
for epoch in range(3):
    ratio = (Categorical(logits=actor(states)).log_prob(actions) - old).exp()
    loss = -ratio.mean()
    opt.zero_grad()
    loss.backward()  # cause
    opt.step()
