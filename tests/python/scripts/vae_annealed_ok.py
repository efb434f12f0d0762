import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader


class VAE(nn.Module):
    def __init__(self, latent=3):
        super().__init__()
        self.latent = latent
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 4, 3, stride=2, padding=1), nn.LeakyReLU(0.2, inplace=True), nn.Flatten(), nn.Linear(4 * 16, 16)
        )
        self.mu, self.log_var = nn.Linear(16, latent), nn.Linear(16, latent)
        self.decoder_input = nn.Linear(latent, 4 * 16)
        self.decoder = nn.Sequential(
            nn.ReLU(), nn.ConvTranspose2d(4, 1, 4, stride=2, padding=1), nn.Sigmoid()
        )

    def encode(self, x):
        h = self.encoder(x)
        return self.mu(h), self.log_var(h).clamp(-6, 6)

    def reparameterize(self, mu, log_var):
        if not self.training:
            return mu
        std = torch.exp(0.5 * log_var)
        return mu + std * torch.randn_like(std)

    def decode(self, z):
        return self.decoder(self.decoder_input(z).view(-1, 4, 4, 4))

    def forward(self, x):
        mu, log_var = self.encode(x)
        return self.decode(self.reparameterize(mu, log_var)), mu, log_var

    @torch.no_grad()
    def sample(self, count):
        return self.decode(torch.randn(count, self.latent))


def loss_function(recon, x, mu, log_var, beta):
    bce = F.binary_cross_entropy(recon, x, reduction="sum")
    kl = -0.5 * torch.sum(1 + log_var - mu.pow(2) - log_var.exp())
    return (bce + beta * kl) / x.size(0), bce.item(), kl.item()


model = VAE()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=1)
images = [torch.rand(1, 8, 8) for _ in range(12)]
loader = DataLoader(images, batch_size=4, shuffle=True)
for epoch in range(3):
    beta, total = min(1.0, epoch / 2), 0.0
    for x in loader:
        recon, mu, log_var = model(x)
        loss, bce, kl = loss_function(recon, x, mu, log_var, beta)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    scheduler.step(total)
model.eval()
print(model.sample(2).shape)
