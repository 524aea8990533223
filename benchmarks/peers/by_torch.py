"""PyTorch: the usual training loop, eager; and its step compiled by torch.compile."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable

import numpy as np
from job import Job
from measure import Answer


def prepared(job: Job, compiled: bool = False) -> Callable[[], Answer]:
    import torch

    if hasattr(os, "sched_getaffinity"):
        torch.set_num_threads(len(os.sched_getaffinity(0)))
    X, y = (torch.from_numpy(a) for a in job.data)
    size, n = job.batch_size or job.rows, job.rows

    def cost(w, b, x, t):
        score = x @ w + b
        if job.loss == "logistic":
            return torch.nn.functional.binary_cross_entropy_with_logits(score, t)
        return 0.5 * job.factor * ((score - t) ** 2).mean()

    def batches():
        orders = job.order
        for epoch in range(job.epochs):
            order = None if orders is None else torch.from_numpy(orders[epoch])
            for start in range(0, n, size):
                rows = slice(start, start + size) if order is None else order[start : start + size]
                yield (X, y) if size == n else (X[rows], y[rows])

    def eager() -> Answer:
        w = torch.zeros(job.features, dtype=torch.float64, requires_grad=True)
        b = torch.zeros((), dtype=torch.float64, requires_grad=True)
        optimizer = torch.optim.SGD([w, b], lr=job.lr)
        for x, t in batches():
            optimizer.zero_grad()
            cost(w, b, x, t).backward()
            optimizer.step()
        return Answer(np.array([*w.detach().numpy(), b.item()]))

    def step(w, b, x, t):
        grad_w, grad_b = torch.func.grad(cost, argnums=(0, 1))(w, b, x, t)
        return w - job.lr * grad_w, b - job.lr * grad_b

    def by_compiled_steps(step) -> Answer:
        w, b = torch.zeros(job.features, dtype=torch.float64), torch.zeros((), dtype=torch.float64)
        with torch.no_grad():
            for x, t in batches():
                w, b = step(w, b, x, t)
        return Answer(np.array([*w.numpy(), b.item()]))

    return functools.partial(by_compiled_steps, torch.compile(step)) if compiled else eager
