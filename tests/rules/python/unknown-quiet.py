"""Nothing is accused on account of what is not known: functions of other packages, lists that loops over unknown things fill, how
many arguments there are."""
import einops
import somewhere
import torch
import torch.nn as nn

torch.relu(somewhere.make()).sum().backward()
torch.atan2(somewhere.make(), somewhere.make()).sum().backward()


class Attention(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.to_qkv = nn.Linear(dim, 3 * dim)

    def forward(self, x):
        qkv = self.to_qkv(x).chunk(3, dim=-1)
        q, k, v = map(lambda t: einops.rearrange(t, "b n (h d) -> b h n d", h=4), qkv)
        return q @ k.transpose(-1, -2) @ v


def block(size, names):
    return [nn.Linear(size, size) for _ in names]


class Net(nn.Module):
    def __init__(self, names):
        super().__init__()
        self.layers = nn.Sequential(*block(4, names), *block(4, names), nn.Linear(4, 1))

    def forward(self, x):
        return self.layers(x)


def mean(losses):
    total = 0.0
    seen = []
    for loss in losses:
        total += loss
        seen.append(loss)
    return total / len(seen), seen[0]


print(Net(somewhere.names()), mean(somewhere.losses()))
