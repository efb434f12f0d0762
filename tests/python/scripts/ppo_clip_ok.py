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


from torch.distributions import Normal
actor, critic, log_std = MLP((4, 8, 2)), MLP((4, 8, 1)), nn.Parameter(torch.zeros(2))
opt = torch.optim.Adam([*actor.parameters(), *critic.parameters(), log_std], lr=3e-4)
states = torch.randn(16, 4)
with torch.no_grad():
    dist = Normal(actor(states), log_std.exp())
    actions = dist.sample(); old = dist.log_prob(actions).sum(-1); returns = torch.randn(16)
for epoch in range(3):
    for idx in torch.randperm(16).split(8):
        dist = Normal(actor(states[idx]), log_std.exp())
        ratio = (dist.log_prob(actions[idx]).sum(-1) - old[idx]).exp()
        value = critic(states[idx]).squeeze(-1)
        adv = (returns[idx] - value).detach()
        loss = -torch.min(ratio * adv, ratio.clamp(0.8, 1.2) * adv).mean() + F.mse_loss(value, returns[idx]) - 0.01 * dist.entropy().mean()
        opt.zero_grad(); loss.backward(); opt.step()
