"""Two files that import each other."""
import torch
from a import scale
from b import cut

w = torch.ones(3, requires_grad=True)
scale(w).sum().backward()
print(w.grad)
v = torch.ones(3, requires_grad=True)
loss = cut(v).sum()
loss.backward()  #! error[GL101]: element 0 of tensors does not require grad and does not have a grad_fn
