import torch
from torch import nn

rnn, head = nn.LSTM(3, 5, batch_first=True), nn.Linear(5, 2)
optimizer = torch.optim.SGD([*rnn.parameters(), *head.parameters()], lr=0.1)
criterion = nn.CrossEntropyLoss()
hidden = None
for chunk in range(4):
    x, y = torch.randn(2, 7, 3), torch.randint(0, 2, (2,))
    out, hidden = rnn(x, hidden)
    loss = criterion(head(out[:, -1]), y)
    optimizer.zero_grad()
    loss.backward()  # cause
    optimizer.step()
