import torch
from torch import nn
import torch.nn.functional as F


class MLP(nn.Module):
    def __init__(self, sizes=(6, 12, 3)):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))

    def forward(self, x):
        *hidden, last = self.layers
        for layer in hidden:
            x = F.gelu(layer(x))
        return last(x)


def contrastive(a, b, same, margin=1.0):
    d = F.pairwise_distance(a, b)
    return torch.where(same, d.pow(2), (margin - d).clamp(min=0).pow(2)).mean()

net = MLP((6, 8, 4))
opt = torch.optim.RMSprop(net.parameters())
for _ in range(3):
    a, b, same = torch.randn(5, 6), torch.randn(5, 6), torch.rand(5) > 0.5
    loss = contrastive(net(a), net(b), same)
    opt.zero_grad(); loss.backward(); opt.step()
