from common import *
from base import Base


class Net(Base):
    def __init__(self):
        super().__init__()
        self.out = nn.Linear(SIZE, 2)

    def forward(self, x):
        return self.out(F.relu(self.embed(x)))


net = Net()
optimizer = SGD(net.parameters(), lr=0.1)
for _ in range(3):
    loss = F.cross_entropy(net(torch.randn(4, SIZE)), torch.randint(0, 2, (4,)))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
