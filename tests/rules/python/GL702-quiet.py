"""Python's types have operators of their own, and what a caller sets is not known."""
import torch
import torch.nn as nn

Registry = dict[str, int]
Maybe = int | None
names = {"a"} | {"b"}
merged = {"a": 1} | {"b": 2}
print(Registry, Maybe, names, merged, torch.ones(1))


class Sampler:
    def __init__(self, size=4):
        self.size = size
        self.weights = None
        self.model = None

    def sample(self, count):
        return self.weights[count] / self.weights.sum()

    def train(self, x):
        loss = self.model(x).loss
        loss.backward()
        return loss.item() + "suffix"


def convert(value: "int | torch.Tensor" = 0):
    return value.shape[0]


import timeit


class Timer:
    timer = timeit.default_timer
    try:
        from numpy import floating as kind
    except ImportError:
        kind = float
    kinds = (kind, float)

    def timeit(self):
        return self.timer()
