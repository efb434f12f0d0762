import torch
import torch.nn as nn
import torch.nn.functional as F

encoder = nn.Sequential(nn.Linear(4, 8), nn.Tanh())
q_head = nn.Linear(8, 2)
optimizer = torch.optim.Adam(list(encoder.parameters()) + list(q_head.parameters()), lr=1e-3)
memory = []


def act(observation):
    features = encoder(observation)  # cause
    action = q_head(features).argmax().item()
    return features, action


def learn(gamma=0.9):
    features = torch.stack([entry[0] for entry in memory])
    actions = torch.tensor([entry[1] for entry in memory]).unsqueeze(1)
    rewards = torch.tensor([entry[2] for entry in memory])
    q = q_head(features).gather(1, actions).squeeze(1)
    with torch.no_grad():
        target = rewards + gamma * q_head(features).max(dim=1).values
    loss = F.mse_loss(q, target)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


for step in range(6):
    observation = torch.randn(4)
    features, action = act(observation)
    reward = float(action == 0)
    memory.append((features, action, reward))
    print(step, learn())
