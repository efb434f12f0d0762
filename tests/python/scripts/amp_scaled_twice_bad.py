import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(3)
model = nn.Sequential(nn.Linear(6, 12), nn.Tanh(), nn.Linear(12, 1))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
scaler = torch.amp.GradScaler("cpu", enabled=False)
loader = DataLoader(TensorDataset(torch.randn(12, 6), torch.randn(12, 1)), batch_size=4)


def train_step(batch):
    x, y = batch
    with torch.autocast("cpu", dtype=torch.bfloat16):
        prediction = model(x)
        loss = nn.functional.mse_loss(prediction.float(), y)
    optimizer.zero_grad()
    scaler.scale(loss).backward()
    # left over from before the scaler was put in
    loss.backward()  # cause
    scaler.step(optimizer)
    scaler.update()
    return loss.item()


for epoch in range(2):
    for batch in loader:
        value = train_step(batch)
    print(epoch, value)
