import itertools
import torch
from torch import nn, optim


def mlp(*sizes):
    layers = []
    for a, b in zip(sizes[:-1], sizes[1:]):
        layers += [nn.Linear(a, b), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers[:-1])


G, D = mlp(3, 8, 2), mlp(2, 8, 1)
bce = nn.BCEWithLogitsLoss()
opt_g = optim.Adam(G.parameters(), lr=1e-3, betas=(0.5, 0.999))
opt_d = optim.Adam(D.parameters(), lr=1e-3, betas=(0.5, 0.999))
real_label, fake_label = torch.ones(4, 1), torch.zeros(4, 1)


def penalty(real, fake):
    alpha = torch.rand(real.size(0), 1)
    mixed = alpha * real + (1 - alpha) * fake
    out = D(mixed)
    (grad,) = torch.autograd.grad(out, mixed, torch.ones_like(out), create_graph=True)  # cause
    return ((grad.norm(2, dim=1) - 1) ** 2).mean()


for step in range(3):
    real, fake = torch.randn(4, 2), G(torch.randn(4, 3)).detach()
    opt_d.zero_grad()
    loss_d = D(fake).mean() - D(real).mean() + 10 * penalty(real, fake)
    loss_d.backward()
    opt_d.step()
