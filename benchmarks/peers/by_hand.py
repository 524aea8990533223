"""The loop as a learner writes it, in plain Python on lists."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from job import Job
from measure import Answer

SAMPLES = 300_000  # that a contest has the patience for


def steps_within_seconds(job: Job) -> int:
    """How many steps of this job come to about a second or two of plain Python."""
    return max(1, SAMPLES // (job.batch_size or job.rows))


def prepared(job: Job) -> Callable[[], Answer]:
    X, y = (a.tolist() for a in job.data)
    return (lambda: _line(job, [row[0] for row in X], y)) if job.features == 1 else lambda: _many(job, X, y)


def _line(job: Job, x: list[float], y: list[float]) -> Answer:
    if job.batch_size is not None or job.loss == "logistic":
        return _many(job, [[v] for v in x], y)
    w = b = 0.0
    n = len(x)
    for _ in range(job.epochs):
        grad_w = grad_b = 0.0
        for i in range(n):
            slope = job.factor * (w * x[i] + b - y[i])
            grad_w += slope * x[i]
            grad_b += slope
        w -= job.lr * grad_w / n
        b -= job.lr * grad_b / n
    return Answer(np.array([w, b]))


def _many(job: Job, X: list[list[float]], y: list[float]) -> Answer:
    n, size = len(y), job.batch_size or len(y)
    w, b = [0.0] * job.features, 0.0
    orders = job.order
    logistic = job.loss == "logistic"
    for epoch in range(job.epochs):
        order = range(n) if orders is None else orders[epoch].tolist()
        for start in range(0, n, size):
            grad_w, grad_b = [0.0] * job.features, 0.0
            batch = order[start : start + size]
            for i in batch:
                x = X[i]
                score = sum(a * c for a, c in zip(w, x, strict=True)) + b
                y_hat = 1.0 / (1.0 + math.exp(-score)) if logistic else score
                slope = job.factor * (y_hat - y[i])
                for j, value in enumerate(x):
                    grad_w[j] += slope * value
                grad_b += slope
            step = job.lr / len(batch)
            w = [a - step * g for a, g in zip(w, grad_w, strict=True)]
            b -= step * grad_b
    return Answer(np.array([*w, b]))
