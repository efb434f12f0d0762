import torch
from torch import nn

net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
scaler = torch.amp.GradScaler("cuda")
for step in range(3):
    with torch.autocast("cpu"):
        loss = net(torch.randn(2, 3)).mean()
    optimizer.zero_grad()
    scaler.scale(loss).backward()
    loss.backward()  #! error[GL105]
    scaler.step(optimizer)
    scaler.update()
