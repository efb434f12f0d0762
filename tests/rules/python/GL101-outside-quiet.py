"""Data from outside beside parameters, data that is made to require a gradient, and what is only put among data."""
import argparse

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torchvision
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--scale", type=float, default=1.0)
args = parser.parse_args()
loader = DataLoader(torchvision.datasets.MNIST("data"), batch_size=8)
head = nn.Linear(784, 10)
for x, y in loader:
    F.cross_entropy(head(x.flatten(1)) * args.scale, y).backward()

# A model of another package has parameters of its own.
model = torchvision.models.resnet18()
for x, y in loader:
    F.cross_entropy(model(x), y).backward()

# A parameter that data became.
prototypes = nn.Parameter(torch.tensor(np.load("prototypes.npy")))
(prototypes * args.scale).sum().backward()
print(prototypes.grad.norm())

# A dataset of tensors that require a gradient.
w = torch.ones(8, 2, requires_grad=True)
for (part,) in DataLoader(TensorDataset(w), batch_size=4):
    part.sum().backward()

# What a batch is given.
for batch in loader:
    batch["out"] = head(batch["x"])
    batch["out"].sum().backward()
