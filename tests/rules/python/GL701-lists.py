"""A list that is filled as often as is known, also inside of a loop that is not."""
import somewhere
import torch

for _ in somewhere.batches():
    parts = []
    for nth in range(3):
        parts.append(torch.ones(2, requires_grad=True))
    torch.stack(parts).view(7).sum().backward()  #! error[GL701]
