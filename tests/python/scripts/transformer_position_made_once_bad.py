import torch
from torch import nn


class Classifier(nn.Module):
    def __init__(self, vocabulary=30, width=16, longest=12, classes=3):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.position = torch.tanh(torch.randn(1, longest, width, requires_grad=True))  # cause
        layer = nn.TransformerEncoderLayer(width, 2, 32, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1)
        self.head = nn.Linear(width, classes)

    def forward(self, tokens):
        x = self.embedding(tokens) + self.position[:, : tokens.shape[1]]
        return self.head(self.encoder(x).mean(dim=1))


model = Classifier()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)
criterion = nn.CrossEntropyLoss()

for step in range(4):
    tokens, labels = torch.randint(0, 30, (5, 12)), torch.randint(0, 3, (5,))
    loss = criterion(model(tokens), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    print(step, loss.item())
