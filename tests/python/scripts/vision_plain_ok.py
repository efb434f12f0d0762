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


def main():
    model = ConvNet()
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    scheduler = optim.lr_scheduler.StepLR(optimizer, 1)
    for epoch in range(2):
        total = 0.0
        for images, labels in data():
            optimizer.zero_grad()
            loss = F.cross_entropy(model(images), labels)
            loss.backward()
            optimizer.step()
            total += loss.item()
        scheduler.step()
        print(f"epoch {epoch}: {total:.3f}")


if __name__ == "__main__":
    main()
