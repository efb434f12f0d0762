import torch
from torch import nn
import torch.nn.functional as F


class Quantizer(nn.Module):
    def __init__(self, codes=8, width=4, commitment=0.25):
        super().__init__()
        self.codebook = nn.Embedding(codes, width)
        self.commitment = commitment

    def forward(self, z):
        distance = torch.cdist(z, self.codebook.weight)
        indices = distance.argmin(dim=1)  # cause
        quantized = self.codebook(indices)
        loss = F.mse_loss(quantized, z.detach())
        return quantized, loss, indices


class VQVAE(nn.Module):
    def __init__(self, inputs=10, width=4):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(inputs, 16), nn.ReLU(), nn.Linear(16, width))
        self.quantizer = Quantizer(width=width)
        self.decoder = nn.Sequential(nn.Linear(width, 16), nn.ReLU(), nn.Linear(16, inputs))

    def forward(self, x):
        quantized, codebook_loss, _ = self.quantizer(self.encoder(x))
        return self.decoder(quantized), codebook_loss


model = VQVAE()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for step in range(5):
    x = torch.randn(16, 10)
    reconstruction, codebook_loss = model(x)
    loss = F.mse_loss(reconstruction, x) + codebook_loss
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(step, loss.item())
