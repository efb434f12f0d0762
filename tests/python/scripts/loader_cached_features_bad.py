import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Encoder(nn.Module):
    def __init__(self, width=12):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(8, width), nn.ReLU(), nn.Linear(width, width))

    def forward(self, x):
        return self.layers(x)


class Features(Dataset):
    """Runs the encoder once over all examples, and keeps what it gives."""

    def __init__(self, encoder, inputs, labels):
        self.labels = labels
        with torch.no_grad():
            self.features = encoder(inputs)  # cause

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return self.features[index], self.labels[index]


encoder, head = Encoder(), nn.Linear(12, 3)
inputs, labels = torch.randn(24, 8), torch.randint(0, 3, (24,))
dataset = Features(encoder, inputs, labels)
loader = DataLoader(dataset, batch_size=6)
optimizer = torch.optim.Adam(list(encoder.parameters()) + list(head.parameters()), lr=1e-3)
criterion = nn.CrossEntropyLoss()

for epoch in range(3):
    for features, target in loader:
        loss = criterion(head(features), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(epoch, loss.item())
