"""How long a list is that a loop over unknown things fills is not known, nor is the shape of what is made of it."""
import numpy as np
import somewhere
import torch
import torch.nn as nn

ways, shots = 5, 5
labels, losses = [], []
w = nn.Parameter(torch.Tensor(5, 4))
for number, _ in enumerate(somewhere.classes()):
    labels.append([number for _ in range(shots)])
    losses.append((w * number).sum())
flat = np.array(labels).reshape(ways * shots)
stacked = torch.stack(losses)
(stacked.view(7) * torch.ones(7)).sum().backward()
print(flat, len(labels) - ways)
