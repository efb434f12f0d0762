"""What is logged is cut from the graph; what is learnt from is not."""


class Meter:
    def __init__(self):
        self.total, self.count = 0.0, 0

    def update(self, value):
        self.total += value.detach().item()
        self.count += 1

    def mean(self):
        return self.total / max(self.count, 1)


def to_numpy(tensor):
    return tensor.detach().cpu().numpy()
