# A tensor that requires a gradient gives its numbers away only where nothing is recorded.
import numpy as np
import torch

w = torch.ones(3, requires_grad=True)
with torch.no_grad():
    print(w.numpy().shape)
print(np.sqrt(w.detach().numpy()).shape)
n = np.exp(w * 2)  #! error[GL702]
