import random
from collections import deque, namedtuple

import torch
import torch.nn as nn
import torch.nn.functional as F

Transition = namedtuple("Transition", ("state", "action", "reward", "next_state", "done"))


class ReplayBuffer:
    def __init__(self, capacity):
        self.memory = deque(maxlen=capacity)

    def push(self, *args):
        self.memory.append(Transition(*args))

    def sample(self, count):
        batch = Transition(*zip(*random.sample(list(self.memory), count)))
        return (
            torch.stack(batch.state),
            torch.tensor(batch.action).unsqueeze(1),
            torch.tensor(batch.reward),
            torch.stack(batch.next_state),
            torch.tensor(batch.done, dtype=torch.float32),
        )

    def __len__(self):
        return len(self.memory)


class Line:
    """Walk to the right end of a line."""

    def reset(self):
        self.place = 0
        return torch.tensor([self.place / 5, 1.0])

    def step(self, action):
        self.place = max(0, self.place + (1 if action == 1 else -1))
        done = self.place >= 5
        return torch.tensor([self.place / 5, 1.0]), 1.0 if done else -0.1, done


def make_network():
    return nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 2))


def optimize(policy, target, optimizer, buffer, gamma=0.95, batch_size=8):
    if len(buffer) < batch_size:
        return None
    states, actions, rewards, next_states, done = buffer.sample(batch_size)
    q = policy(states).gather(1, actions).squeeze(1)
    with torch.no_grad():
        best = policy(next_states).argmax(dim=1, keepdim=True)
        next_q = target(next_states).gather(1, best).squeeze(1)
        expected = rewards + gamma * (1 - done) * next_q
    loss = F.smooth_l1_loss(q, expected)
    optimizer.zero_grad()
    loss.backward()
    for param in policy.parameters():
        param.grad.data.clamp_(-1, 1)
    optimizer.step()
    return loss.item()


random.seed(0)
policy, target = make_network(), make_network()
target.load_state_dict(policy.state_dict())
target.eval()
optimizer = torch.optim.RMSprop(policy.parameters(), lr=1e-3)
buffer, env, epsilon = ReplayBuffer(100), Line(), 0.5
for episode in range(4):
    state, done, steps = env.reset(), False, 0
    while not done and steps < 20:
        if random.random() < epsilon:
            action = random.randrange(2)
        else:
            with torch.no_grad():
                action = policy(state).argmax().item()
        next_state, reward, done = env.step(action)
        buffer.push(state, action, reward, next_state, done)
        state, steps = next_state, steps + 1
        optimize(policy, target, optimizer, buffer)
    epsilon = max(0.05, epsilon * 0.9)
    if episode % 2 == 0:
        target.load_state_dict(policy.state_dict())
print(len(buffer) > 0)
