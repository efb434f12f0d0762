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


for step in range(3):
    real = torch.randn(4, 2)
    fake = G(torch.randn(4, 3))
    opt_d.zero_grad()
    loss_d = bce(D(real), real_label) + bce(D(fake.detach()), fake_label)
    loss_d.backward()
    opt_d.step()
    opt_g.zero_grad()
    loss_g = bce(D(fake), real_label)
    loss_g.backward()
    opt_g.step()
