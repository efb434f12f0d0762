import torch
from torch import nn
import torch.nn.functional as F


class ActorCritic(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh())
        self.policy = nn.Linear(16, 3)
        self.value = nn.Linear(16, 1)

    def forward(self, x):
        h = self.trunk(x)
        return self.policy(h), self.value(h).squeeze(-1)


model = ActorCritic()
actor_optimizer = torch.optim.Adam(list(model.trunk.parameters()) + list(model.policy.parameters()), lr=1e-3)
critic_optimizer = torch.optim.RMSprop(list(model.trunk.parameters()) + list(model.value.parameters()), lr=1e-3)

for update in range(3):
    states, returns = torch.randn(6, 4), torch.randn(6)
    logits, values = model(states)
    distribution = torch.distributions.Categorical(logits=logits)
    actions = distribution.sample()
    advantage = returns - values.detach()
    actor_loss = -(distribution.log_prob(actions) * advantage).mean()
    critic_loss = F.mse_loss(values, returns)

    actor_optimizer.zero_grad()
    actor_loss.backward(retain_graph=True)
    actor_optimizer.step()  # cause

    critic_optimizer.zero_grad()
    critic_loss.backward()
    critic_optimizer.step()
    print(update, actor_loss.item(), critic_loss.item())
