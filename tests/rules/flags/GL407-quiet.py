import click
import torch
import torch.nn as nn
import torch.nn.functional as F


class StopHalf(nn.Module):
    """One branch is cut, the other is not."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 8)

    def forward(self, x):
        h = self.fc(x)
        return h + (torch.round(h) - h).detach()


class Teacher(nn.Module):
    """No gradient is meant."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 8)

    @torch.no_grad()
    def forward(self, x):
        return self.fc(x).detach()


class Centroids(nn.Module):
    """Nothing in it can be trained."""

    def __init__(self):
        super().__init__()
        self.register_buffer("centers", torch.zeros(4, 8))

    def forward(self, x):
        return torch.cdist(x, self.centers).argmin(-1)


class Quantizer(nn.Module):
    def __init__(self):
        super().__init__()
        self.book = nn.Embedding(16, 8)

    def forward(self, x):
        nearest = torch.cdist(x.detach(), self.book.weight.detach()).argmin(-1)
        found = self.book(nearest)
        return x + (found - x).detach()


class Trained(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 8)

    def forward(self, x):
        return F.relu(self.fc(x))

    def grad_norm(self):
        return self.fc.weight.grad.norm()

    def fit(self, loader, optimizer):
        for x, y in loader:
            loss = F.cross_entropy(self(x), y)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()


def clip(parameters, most=1.0):
    return max(p.grad.abs().max() for p in parameters)


@click.command()
def main(steps=3):
    model = Trained()
    for _ in range(steps):
        model(torch.randn(2, 8)).sum().backward()


class Masked(nn.Module):
    """What is not known may be a tensor, and compares to one; what may be there may be absent."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        if not hasattr(config, "bias"):
            self.register_buffer("bias", torch.tril(torch.ones(config.size, config.size)))

    def forward(self, tokens, pad):
        return (tokens == pad).transpose(0, 1)
