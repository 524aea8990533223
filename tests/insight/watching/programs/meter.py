x, y = 1, 100
w = 0.1
alpha = 0.2
for step in range(61):
    error = (y - w * x) ** 2 / 2
    dw = -(y - w * x) * x
    w = w + alpha * (y - w * x) * x
    print(step, error, w)
