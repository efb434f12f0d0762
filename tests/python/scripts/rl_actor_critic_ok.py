import torch
from torch import nn
from torch.distributions import Categorical


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(4, 16)
        self.actor, self.critic = nn.Linear(16, 2), nn.Linear(16, 1)
        self.saved = []

    def forward(self, state):
        h = torch.tanh(self.body(state))
        return torch.softmax(self.actor(h), dim=-1), self.critic(h)


class Env:
    def reset(self):
        self.t = 0
        return torch.randn(4)

    def step(self, action):
        self.t += 1
        return torch.randn(4), float(action), self.t >= 5


policy, env = Policy(), Env()
optimizer = torch.optim.Adam(policy.parameters(), lr=1e-2)


for episode in range(3):
    state, done, steps = env.reset(), False, []
    while not done:
        probs, value = policy(state)
        dist = Categorical(probs)
        action = dist.sample()
        state, reward, done = env.step(action.item())
        steps.append((dist.log_prob(action), value, reward))
    ret, losses = 0.0, []
    for log_prob, value, reward in reversed(steps):
        ret = reward + 0.99 * ret
        advantage = ret - value.item()
        losses.append(-log_prob * advantage + (value - ret).pow(2).squeeze())
    optimizer.zero_grad()
    loss = torch.stack(losses).sum()
    loss.backward()
    optimizer.step()
