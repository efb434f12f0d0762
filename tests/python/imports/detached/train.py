import torch
from torch import nn
import torch.nn.functional as F
import nets
from nets import Encoder

encoder = Encoder()
head = nets.Head()
optimizer = torch.optim.SGD(encoder.parameters(), lr=0.1)
for step in range(10):
    x, y = torch.randn(16, 8), torch.randint(0, 2, (16,))
    loss = F.cross_entropy(head(encoder(x)), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()  #! warning[GL501]: changes nothing
