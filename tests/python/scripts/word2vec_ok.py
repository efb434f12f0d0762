import torch
from torch import nn
import torch.nn.functional as F


from collections import Counter
words = "the cat sat on the mat the end".split()
vocab = [w for w, _ in Counter(words).most_common()]
ids = {w: n for n, w in enumerate(vocab)}
pairs = [(ids[a], ids[b]) for a, b in zip(words, words[1:])]
centre, context = nn.Embedding(len(vocab), 4), nn.Embedding(len(vocab), 4)
opt = torch.optim.SGD(list(centre.parameters()) + list(context.parameters()), lr=0.1)
for c, o in pairs:
    score = centre(torch.tensor(c)) @ context.weight.T
    loss = F.cross_entropy(score[None], torch.tensor([o]))
    opt.zero_grad(); loss.backward(); opt.step()
