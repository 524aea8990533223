xs = [1.0, 2.0, 3.0]
ys = [2.0, 4.0, 6.0]
w = 1.0


def forward(x):
    return x * w


def cost(xs, ys):
    total = 0
    for x, y in zip(xs, ys):
        total += (forward(x) - y) ** 2
    return total / len(xs)


def gradient(xs, ys):
    grad = 0
    for x, y in zip(xs, ys):
        grad += 2 * x * (x * w - y)
    return grad / len(xs)


print("predict (before training)", 4, forward(4))
for epoch in range(100):
    cost_val = cost(xs, ys)
    grad_val = gradient(xs, ys)
    w -= 0.01 * grad_val
    print("epoch:", epoch, "w=", w, "loss=", cost_val)
print("predict (after training)", 4, forward(4))
