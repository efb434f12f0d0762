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
    state, done, log_probs, rewards = env.reset(), False, [], []
    while not done:
        with torch.no_grad():
            probs, _ = policy(state)
        dist = Categorical(probs)
        action = dist.sample()
        state, reward, done = env.step(action.item())
        log_probs.append(dist.log_prob(action))
        rewards.append(reward)
    loss = -(torch.stack(log_probs) * torch.tensor(rewards)).sum()
    optimizer.zero_grad()
    loss.backward()  # cause
    optimizer.step()
