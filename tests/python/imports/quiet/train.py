import torch

import lib.net as net
from lib.log import Meter


def main():
    model = net.Net(16)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    meter = Meter()
    for _ in range(5):
        x = torch.randn(8, 4)
        loss = ((model(x) - x.sum(1, keepdim=True)) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        meter.update(loss)
    print(meter.mean() >= 0)


if __name__ == "__main__":
    main()
