# The reentrant variant is a function of its arguments: if none requires a gradient, neither does the result.
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

lin = nn.Linear(2, 2)
checkpoint(lin, torch.ones(1, 2), use_reentrant=False).sum().backward()
y = checkpoint(lin, torch.ones(1, 2), use_reentrant=True)
y.sum().backward()  #! error[GL101]
