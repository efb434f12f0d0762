from common import *


class Base(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(SIZE, SIZE)  #! warning[GL502]: never get a gradient

    def embed(self, x):
        with torch.no_grad():
            return self.inner(x)
