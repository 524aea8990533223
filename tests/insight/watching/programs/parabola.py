xs = [0.01 * i for i in range(100)]
ys = [4 * x * x + 5 * x + 6 for x in xs]
w1, w2, w3 = 1, 0, 1
lr = 0.001
for epoch in range(1000):
    total = 0
    for x, y in zip(xs, ys):
        y_pred = w1 * x * x + w2 * x + w3
        loss = (y_pred - y) ** 2
        total += loss
        dw1 = 2 * (y_pred - y) * x * x
        dw2 = 2 * (y_pred - y) * x
        dw3 = 2 * (y_pred - y)
        w1 -= lr * dw1
        w2 -= lr * dw2
        w3 -= lr * dw3
    mean = total / len(xs)
    if mean < 0.00001:
        break
print(epoch, mean, w1, w2, w3)
