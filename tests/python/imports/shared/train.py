import torch
import missing_package
from steps import double_in_place, twice

w = torch.ones(3, requires_grad=True)
missing_package.setup(seed=0)
try:
    double_in_place(w).sum().backward()  #! error[GL301]: a value that it needs has been overwritten
except RuntimeError as error:
    print(error)
twice((w * w).sum())
