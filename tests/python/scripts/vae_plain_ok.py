import torch
from torch import nn
from torch.nn import functional as F


class VAE(nn.Module):
    def __init__(self, size=6, latent=2):
        super().__init__()
        self.encoder = nn.Linear(size, 8)
        self.mu, self.logvar = nn.Linear(8, latent), nn.Linear(8, latent)
        self.decoder = nn.Sequential(nn.Linear(latent, 8), nn.ReLU(), nn.Linear(8, size))

    def forward(self, x):
        h = torch.relu(self.encoder(x))
        mu, logvar = self.mu(h), self.logvar(h)
        z = self.sample(mu, logvar)
        return self.decoder(z), mu, logvar

    def sample(self, mu, logvar):
        return mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)


model = VAE()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
for epoch in range(3):
    x = torch.randn(4, 6)
    recon, mu, logvar = model(x)
    kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    loss = F.mse_loss(recon, x) + 0.1 * kld
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
with torch.no_grad():
    print(model.decoder(torch.randn(1, 2)))
