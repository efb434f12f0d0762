def double_in_place(x):
    y = x.sigmoid()
    y.mul_(2)
    return y


def twice(loss):
    loss.backward()
    loss.backward()  # gradlint: ignore[GL105]
