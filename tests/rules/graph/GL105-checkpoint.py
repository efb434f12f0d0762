# A checkpoint keeps no more than the plain graph does; with `retain_graph` it is computed a third time.
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

lin = nn.Linear(2, 2)
x = torch.ones(1, 2, requires_grad=True)
y = checkpoint(lin, x, use_reentrant=False).sum()
y.backward(retain_graph=True)
y.backward()
z = checkpoint(lin, x, use_reentrant=False).sum()
z.backward()
z.backward()  #! error[GL105]
