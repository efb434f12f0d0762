import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.optim import SGD

SIZE = 6
