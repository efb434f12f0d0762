"""A file that is a script, too: what stands under the guard does not run when it is imported."""
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 1)

    def forward(self, x):
        return self.fc(x)


FROZEN = False

if __name__ == "__main__":
    FROZEN = True
    torch.set_grad_enabled(False)
