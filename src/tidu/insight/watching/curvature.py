"""How strongly a script's loss curves where it stepped: the largest eigenvalue of its Hessian, from the kept graphs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

from tidu.eager.graph import adjoints, backward_order
from tidu.eager.tensor import Tensor
from tidu.errors import TiduError
from tidu.insight.watching.watcher import Walk
from tidu.pictures.numbers import Array

ITERATIONS = 40
SETTLED = 1e-6


def largest_curvature(walks: Sequence[Walk], leaves: Sequence[Tensor]) -> float | None:
    """The largest eigenvalue of the mean Hessian of the walks' outputs by the leaves; None where there is none.

    By power iteration on products with the Hessian (Pearlmutter 1994), each a walk back through a walk back.
    """
    try:
        with ExitStack() as stack:
            gradients = [stack.enter_context(_recorded_gradient(walk, leaves)) for walk in walks]
            sizes = [int(np.size(leaf.value)) for leaf in leaves]
            vector: Array = np.random.default_rng(0).normal(size=sum(sizes))
            value = 0.0
            for _turn in range(ITERATIONS):
                vector = vector / np.linalg.norm(vector)
                product = np.mean([_product(g, leaves, vector) for g in gradients], axis=0)
                before, value = value, float(vector @ product)
                size = float(np.linalg.norm(product))
                if not np.isfinite(size) or size == 0.0:
                    return None
                if abs(value - before) <= SETTLED * abs(value):
                    break
                vector = product
            return value
    except (TiduError, TypeError, AttributeError):  # an operation without a second derivative
        return None


@contextmanager
def _recorded_gradient(walk: Walk, leaves: Sequence[Tensor]) -> Iterator[list[Any]]:
    """The gradient of a walk's output as tensors, with the leaves as they were then."""
    kept = {leaf: leaf.value for leaf in walk.values}
    recording = type(walk.output).recording
    before = recording.set(True)
    try:
        for leaf, value in walk.values.items():
            leaf.value = value
        seed: Any = np.ones_like(walk.output.value) if type(walk.output.value) is not float else 1.0
        found = adjoints(walk.output, seed, backward_order(walk.output), recorded=True)
        yield [found.get(leaf) for leaf in leaves]
    finally:
        recording.reset(before)
        for leaf, value in kept.items():
            leaf.value = value


def _product(gradient: list[Any], leaves: Sequence[Tensor], vector: Array) -> Array:
    """The Hessian times a vector: the gradient of (gradient · vector)."""
    total: Any = 0.0
    start = 0
    for g, leaf in zip(gradient, leaves, strict=True):
        size = int(np.size(leaf.value))
        part = vector[start : start + size].reshape(np.shape(leaf.value))
        start += size
        if isinstance(g, Tensor):
            total = total + (g * (part if part.ndim else float(part))).sum()
    if not (isinstance(total, Tensor) and total.requires_grad):
        return np.zeros(len(vector))
    seed: Any = np.ones_like(total.value) if type(total.value) is not float else 1.0
    found = adjoints(total, seed, backward_order(total))
    return np.concatenate([np.ravel(found.get(leaf, np.zeros(np.shape(leaf.value)))) for leaf in leaves])
