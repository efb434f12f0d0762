import torch
from torch import nn
from .util import features

class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 4)

    def forward(self, x):
        return features(self.body, x)
