"""Linear regression from scratch, in the pieces of the textbooks: iterator, model, loss, update, and tensors."""

from collections.abc import Iterator

import numpy as np

import tidu
from tidu import Tensor

random = np.random.default_rng(1)
true_w, true_b = np.array([2.0, -3.4]), 4.2


def synthetic_data(w: np.ndarray, b: float, count: int) -> tuple[np.ndarray, np.ndarray]:
    """y = Xw + b + noise."""
    X = random.normal(0.0, 1.0, (count, len(w)))
    return X, X @ w + b + random.normal(0.0, 0.01, count)


def data_iter(batch_size: int, features: np.ndarray, labels: np.ndarray) -> Iterator[tuple[Tensor, Tensor]]:
    """The samples in random order, a batch at a time."""
    order = random.permutation(len(features))
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        yield tidu.tensor(features[rows]), tidu.tensor(labels[rows])


def linreg(X: Tensor, w: Tensor, b: Tensor) -> Tensor:
    """The model: ŷ = Xw + b."""
    return tidu.dot(X, w) + b


def squared_loss(y_hat: Tensor, y: Tensor) -> Tensor:
    """ℓ = ½(ŷ − y)², one number for each sample."""
    return (y_hat - y) ** 2 / 2


def sgd(params: list[Tensor], lr: float, batch_size: int) -> None:
    """One step against the gradient of the sum, divided by the batch size here and nowhere else."""
    for param in params:
        param[:] = param - lr * param.grad / batch_size


features, labels = synthetic_data(true_w, true_b, 1000)
w = tidu.tensor(random.normal(0.0, 0.01, 2))
b = tidu.tensor(np.zeros(1))
w.attach_grad()
b.attach_grad()

lr, num_epochs, batch_size = 0.03, 3, 10
for epoch in range(num_epochs):
    for X, y in data_iter(batch_size, features, labels):
        loss = squared_loss(linreg(X, w, b), y)
        loss.backward()  # of a vector: the gradient of its sum
        sgd([w, b], lr, batch_size)
    with tidu.no_grad():
        train_loss = squared_loss(linreg(tidu.tensor(features), w, b), tidu.tensor(labels))
    print(f"epoch {epoch + 1}, loss {train_loss.mean():.6f}")

print("w is off by", (true_w - w.numpy()).round(5), "and b by", (true_b - b.numpy()).round(5))
