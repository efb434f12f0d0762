import torch
import b


def scale(x):
    return b.shift(x) * 2


def plain(x):
    return x * 3
