"""What comes from outside requires no gradient: a loss of nothing else has no graph."""
import json

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader
from torchvision import datasets, transforms
from tqdm import tqdm

data = datasets.MNIST("data", transform=transforms.Compose([transforms.ToTensor()]))
loader = DataLoader(data, batch_size=8, collate_fn=lambda batch: batch)
net = nn.Sequential(nn.Flatten(), nn.Linear(784, 10)).requires_grad_(False)
scale = json.load(open("config.json"))["scale"]
weight = torch.from_numpy(np.load("weight.npy")).float()
for step, (x, y) in enumerate(tqdm(loader)):
    loss = F.cross_entropy(net(x.to("cpu") * scale), y, weight)
    loss.backward()  #! error[GL101]
