# A full backward hook puts a node behind the module, whose result is a view.
import torch
from torch import nn

plain = nn.Linear(2, 2)
y = plain(torch.ones(1, 2))
y += 1
hooked = nn.Linear(2, 2)
handle = hooked.register_full_backward_hook(lambda module, grad_in, grad_out: None)
y = hooked(torch.ones(1, 2))
y += 1  #! error[GL312]
