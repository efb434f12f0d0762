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


def evaluate(model):
    torch.set_grad_enabled(False)
    total = sum(F.cross_entropy(model(x), y).item() for x, y in data())
    torch.set_grad_enabled(True)
    return total


model = ConvNet()
optimizer = optim.Adam(model.parameters())
for epoch in range(2):
    for images, labels in data():
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(evaluate(model))
