import copy
import random
from collections import deque, namedtuple
import torch
from torch import nn
import torch.nn.functional as F

Transition = namedtuple("Transition", ["state", "action", "reward", "next_state"])
q = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2))
target = copy.deepcopy(q)
optimizer = torch.optim.Adam(q.parameters())
memory = deque(maxlen=100)
for step in range(12):
    state = torch.randn(4)
    with torch.no_grad():
        action = q(state).argmax().item() if random.random() > 0.1 else random.randrange(2)
    memory.append(Transition(state, action, 1.0, torch.randn(4)))
    if len(memory) < 4:
        continue
    batch = Transition(*zip(*random.sample(memory, 4)))
    states, nexts = torch.stack(batch.state), torch.stack(batch.next_state)
    actions, rewards = torch.tensor(batch.action), torch.tensor(batch.reward)
    values = q(states).gather(1, actions.unsqueeze(1)).squeeze(1)
    with torch.no_grad():
        goal = rewards + 0.9 * target(nexts).max(1).values
    loss = F.smooth_l1_loss(values, goal)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 4 == 0:
        target.load_state_dict(q.state_dict())
