import torch
from torch import nn, optim
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset


class ConvNet(nn.Module):
    def __init__(self, classes=4):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2))
        self.head = nn.Linear(4 * 3 * 3, classes)

    def forward(self, x):
        h = self.features(x)
        return self.head(h.flatten(1))


def data():
    images, labels = torch.randn(16, 1, 8, 8), torch.randint(0, 4, (16,))
    return DataLoader(TensorDataset(images, labels), batch_size=4, shuffle=True)


model = ConvNet()
optimizer = optim.AdamW(model.parameters(), weight_decay=0.1)
norms = []
for images, labels in data():
    optimizer.zero_grad()
    F.cross_entropy(model(images), labels).backward()
    norms.append(nn.utils.clip_grad_norm_(model.parameters(), 1.0).item())
    optimizer.step()
print(max(norms), {name: p.grad.norm().item() for name, p in model.named_parameters()})
