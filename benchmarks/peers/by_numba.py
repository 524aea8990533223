"""The loop by hand in Numba, exact (nothing reassociated): how fast generated code ought to be."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
from job import Job
from measure import Answer

EMPTY = np.empty((0, 0), dtype=np.int64)
LARGE = 100_000  # rows in a batch that are worth two threads


def prepared(job: Job) -> Callable[[], Answer]:
    X, y = job.data
    logistic = job.loss == "logistic"
    size = job.batch_size or job.rows
    if job.features == 1 and size == job.rows and not logistic:
        x = np.ascontiguousarray(X[:, 0])
        return lambda: Answer(np.array(_line(x, y, job.epochs, job.lr, job.factor)))
    if size == job.rows >= LARGE:
        return _in_threads(job)

    def call() -> Answer:
        orders = job.order
        return Answer(
            _batches(X, y, EMPTY if orders is None else orders, size, job.epochs, job.lr, job.factor, logistic)
        )

    return call


def _in_threads(job: Job) -> Callable[[], Answer]:
    """Full batches, the rows in as many parts as there are cores, partial sums in their order."""
    X, y = job.data
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    pool = ThreadPoolExecutor(threads)
    bounds = np.linspace(0, job.rows, threads + 1).astype(int)
    parts = [(X[a:b], y[a:b]) for a, b in itertools.pairwise(bounds)]
    logistic = job.loss == "logistic"

    def call() -> Answer:
        p = np.zeros(job.features + 1)
        for _ in range(job.epochs):
            sums = list(pool.map(lambda part, now=p: _gradient_sum(*part, now, job.factor, logistic), parts))
            p = p - job.lr / job.rows * sum(sums)
        return Answer(p)

    return call


@numba.njit(error_model="numpy")
def _line(x, y, epochs, lr, factor):
    w = b = 0.0
    n = len(x)
    for _ in range(epochs):
        grad_w = grad_b = 0.0
        for i in range(n):
            slope = factor * (w * x[i] + b - y[i])
            grad_w += slope * x[i]
            grad_b += slope
        w -= lr * grad_w / n
        b -= lr * grad_b / n
    return w, b


@numba.njit(error_model="numpy")
def _batches(X, y, orders, size, epochs, lr, factor, logistic):
    n, d = X.shape
    p = np.zeros(d + 1)
    grad = np.zeros(d + 1)
    for epoch in range(epochs):
        for start in range(0, n, size):
            stop = min(n, start + size)
            grad[:] = 0.0
            for k in range(start, stop):
                i = orders[epoch, k] if len(orders) else k
                slope = _slope(X, y, i, p, factor, logistic)
                for j in range(d):
                    grad[j] += slope * X[i, j]
                grad[d] += slope
            step = lr / (stop - start)
            for j in range(d + 1):
                p[j] -= step * grad[j]
    return p


@numba.njit(error_model="numpy", nogil=True)
def _gradient_sum(X, y, p, factor, logistic):
    n, d = X.shape
    grad = np.zeros(d + 1)
    for i in range(n):
        slope = _slope(X, y, i, p, factor, logistic)
        for j in range(d):
            grad[j] += slope * X[i, j]
        grad[d] += slope
    return grad


@numba.njit(error_model="numpy", inline="always")
def _slope(X, y, i, p, factor, logistic):
    d = X.shape[1]
    score = p[d]
    for j in range(d):
        score += p[j] * X[i, j]
    if logistic:
        score = 1.0 / (1.0 + math.exp(-score))
    return factor * (score - y[i])
