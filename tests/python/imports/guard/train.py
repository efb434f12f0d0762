import torch


def train():
    from model import FROZEN, Net

    net = Net()
    if FROZEN:
        net.requires_grad_(False)
    net(torch.randn(2, 3)).mean().backward()
    print(net.fc.weight.grad is not None)


train()
