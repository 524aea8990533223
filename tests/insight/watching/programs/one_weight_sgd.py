xs = [1.0, 2.0, 3.0]
ys = [4.0, 5.0, 6.0]
w = 1.0


def loss(x, y):
    return (x * w - y) ** 2


def gradient(x, y):
    return 2 * x * (x * w - y)


for epoch in range(100):
    for x, y in zip(xs, ys):
        grad = gradient(x, y)
        l = loss(x, y)
        w = w - 0.01 * grad
    print("progress:", epoch, "w=", w, "loss=", l)
