import copy

import torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR
from torch.utils.data import DataLoader, TensorDataset, random_split


def make_loaders(count=48, batch_size=8):
    x = torch.randn(count, 10)
    y = (x.sum(dim=1) > 0).long()
    train, valid = random_split(TensorDataset(x, y), [32, count - 32])
    return DataLoader(train, batch_size=batch_size, shuffle=True), DataLoader(valid, batch_size=batch_size)


class MLP(nn.Module):
    def __init__(self, inputs, hidden, classes, dropout=0.1):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(inputs, hidden), nn.LayerNorm(hidden), nn.GELU(), nn.Dropout(dropout), nn.Linear(hidden, classes)
        )

    def forward(self, x):
        return self.net(x)


@torch.no_grad()
def evaluate(model, loader, criterion):
    model.eval()
    total, seen, correct = 0.0, 0, 0
    for x, y in loader:
        out = model(x)
        total += criterion(out, y).item() * len(y)
        correct += (out.argmax(1) == y).sum().item()
        seen += len(y)
    return total / seen, correct / seen


def train(epochs=3):
    train_loader, valid_loader = make_loaders()
    model = MLP(10, 16, 2)
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-2)
    scheduler = CosineAnnealingLR(optimizer, T_max=epochs)
    best, best_state = float("inf"), None
    for epoch in range(epochs):
        model.train()
        for x, y in train_loader:
            optimizer.zero_grad(set_to_none=True)
            loss = criterion(model(x), y)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        scheduler.step()
        valid_loss, accuracy = evaluate(model, valid_loader, criterion)
        if valid_loss < best:
            best, best_state = valid_loss, copy.deepcopy(model.state_dict())
        print(f"epoch {epoch}: lr {scheduler.get_last_lr()[0]:.5f} loss {valid_loss:.3f} accuracy {accuracy:.2f}")
    model.load_state_dict(best_state)
    return model


if __name__ == "__main__":
    train()
