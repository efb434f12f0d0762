import torch
from torch import nn
import torch.nn.functional as F


centre, context = nn.Embedding(9, 4), nn.Embedding(9, 4)  # cause
opt = torch.optim.SGD(list(centre.parameters()) + list(context.parameters()), lr=0.1)
for c, o in [(1, 2), (3, 4)]:
    score = centre.weight.data[c] @ context.weight.T
    loss = F.cross_entropy(score[None], torch.tensor([o]))
    opt.zero_grad(); loss.backward(); opt.step()
