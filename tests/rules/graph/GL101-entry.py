import click
import hydra
import torch
import torch.nn as nn


def train(model, loader, optimizer):
    for x, y in loader:
        optimizer.zero_grad()
        with torch.no_grad():
            loss = nn.functional.mse_loss(model(x), y)
        loss.backward()  #! error[GL101]
        optimizer.step()


class Trainer:
    def __init__(self, lr=0.1):
        self.model = nn.Linear(4, 1)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=lr)

    def step(self, x, y):
        self.optimizer.zero_grad()
        loss = ((self.model(x) - y) ** 2).mean().detach()
        loss.backward()  #! error[GL101]
        self.optimizer.step()


@hydra.main(config_path=None)
def main(config):
    w = torch.ones(2, requires_grad=True)
    y = w.exp()
    y += 1
    y.sum().backward()  #! error[GL301]


if __name__ == "__main__":
    main()
