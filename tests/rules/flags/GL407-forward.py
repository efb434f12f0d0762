import torch
import torch.nn as nn
import torch.nn.functional as F


class Encoder(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.fc = nn.Linear(8, width)

    def forward(self, x):
        h = F.relu(self.fc(x))
        return h.detach()  #! warning[GL407]


class Rebuilt(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 8)

    def forward(self, x):
        y = torch.tensor(self.fc(x))  #! warning[GL407]
        return y * 2
