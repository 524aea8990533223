"""Batches as matrices, by hand in NumPy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from job import Job
from measure import Answer


def prepared(job: Job) -> Callable[[], Answer]:
    X, y = job.data

    def call() -> Answer:
        w, b = np.zeros(job.features), 0.0
        n, size, orders = len(y), job.batch_size or len(y), job.order
        for epoch in range(job.epochs):
            for start in range(0, n, size):
                rows = slice(start, start + size) if orders is None else orders[epoch, start : start + size]
                x, t = X[rows], y[rows]
                y_hat = x @ w + b
                if job.loss == "logistic":
                    y_hat = 1.0 / (1.0 + np.exp(-y_hat))
                slope = (job.factor * job.lr / len(t)) * (y_hat - t)
                w -= slope @ x
                b -= slope.sum()
        return Answer(np.array([*w, b]))

    return call
