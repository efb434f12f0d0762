import torch
from torch import nn
from torch.func import functional_call

model = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1))
meta = torch.optim.Adam(model.parameters(), lr=1e-3)
for iteration in range(2):
    meta_loss = 0.0
    for task in range(3):
        x, y = torch.randn(5, 1), torch.randn(5, 1)
        params = dict(model.named_parameters())
        loss = (functional_call(model, params, (x,)) - y).pow(2).mean()
        grads = torch.autograd.grad(loss, params.values(), create_graph=True)
        params = {name: p - 0.1 * g for (name, p), g in zip(params.items(), grads)}
        meta_loss = meta_loss + (functional_call(model, params, (x,)) - y).pow(2).mean()
    meta.zero_grad()
    (meta_loss / 3).backward()
    meta.step()
