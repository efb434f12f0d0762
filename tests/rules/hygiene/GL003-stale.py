import torch

w = torch.ones(2, requires_grad=True)
# gradlint: ignore[backward-without-graph]
#^! warning[GL003]
w.sum().backward()
