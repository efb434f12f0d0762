import torch
from torch import nn

text = "hello gradients, hello graphs"
vocabulary = sorted(set(text))
index = {c: i for i, c in enumerate(vocabulary)}


class Chars(nn.Module):
    def __init__(self, size, dim=8):
        super().__init__()
        self.embed, self.rnn, self.out = nn.Embedding(size, dim), nn.GRU(dim, dim), nn.Linear(dim, size)

    def forward(self, x, state=None):
        h, state = self.rnn(self.embed(x).unsqueeze(1), state)
        return self.out(h.squeeze(1)), state


model = Chars(len(vocabulary))
optimizer = torch.optim.Adam(model.parameters())
ids = torch.tensor([index[c] for c in text])
for epoch in range(2):
    logits, _ = model(ids[:-1])
    loss = nn.functional.cross_entropy(logits, ids[1:])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print("".join(vocabulary[i] for i in logits.argmax(1).tolist()))
