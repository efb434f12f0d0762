import torch.nn as nn

from . import log
from .parts.layers import block


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.layers = nn.Sequential(block(4, width), block(width, width), nn.Linear(width, 1))
        self.seen = None

    def forward(self, x):
        out = self.layers(x)
        self.seen = log.to_numpy(out)
        return out
