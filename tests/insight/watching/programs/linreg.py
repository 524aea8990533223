import random

import numpy as np

np.random.seed(0)
random.seed(0)
features = np.random.normal(0, 1, (1000, 2))
labels = features @ np.array([2, -3.4]) + 4.2 + np.random.normal(0, 0.01, 1000)


def data_iter(batch_size):
    idx = list(range(len(features)))
    random.shuffle(idx)
    for i in range(0, len(idx), batch_size):
        j = idx[i : i + batch_size]
        yield features[j], labels[j]


def train(lr):
    w = np.random.normal(0, 0.01, 2)
    b = 0.0
    for epoch in range(3):
        for X, y in data_iter(10):
            err = X @ w + b - y
            loss = np.mean(err**2 / 2)
            dw = X.T @ err / len(y)
            db = np.mean(err)
            w = w - lr * dw
            b = b - lr * db
    return w, b


for lr in [0.01, 0.02, 0.03, 0.04]:
    print(lr, train(lr))
