# A NumPy array shares the tensor's numbers, and no version counter sees what is written to it. A copy shares nothing.
import torch

w = torch.ones(3, requires_grad=True)
a = w * 1.5
y = a * a
n = a.detach().numpy()
n += 1
y.sum().backward()  #! warning[GL310]

b = w * 1.5
z = b * b
c = b.detach().numpy().copy()
c += 1
z.sum().backward()
