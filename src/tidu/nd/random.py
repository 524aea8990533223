"""`nd.random`: numbers drawn at random, under MXNet's names; the same in each run, until `seed` says otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy.typing as npt

from tidu.eager.foreign import Draws, as_shape, unknown_name
from tidu.eager.ndarray import NDArray, array
from tidu.eager.values import owned

_DRAWS = Draws()
Shape = int | Sequence[int]
DType = npt.DTypeLike | None


def seed(seed_state: int) -> None:
    """Begin anew from this seed."""
    _DRAWS.seed(seed_state)


def normal(loc: Any = 0.0, scale: Any = 1.0, shape: Shape = 1, dtype: DType = None) -> NDArray:
    """Numbers with the mean `loc` and the standard deviation `scale`."""
    return array(_DRAWS.generator.normal(owned(loc), owned(scale), as_shape(shape)), dtype)


def uniform(low: Any = 0.0, high: Any = 1.0, shape: Shape = 1, dtype: DType = None) -> NDArray:
    """Numbers from `low` up to `high`, each equally likely."""
    return array(_DRAWS.generator.uniform(owned(low), owned(high), as_shape(shape)), dtype)


def randn(*shape: int, loc: float = 0.0, scale: float = 1.0, dtype: DType = None) -> NDArray:
    """`normal` with the lengths one by one."""
    return normal(loc, scale, shape or 1, dtype)


def randint(low: int, high: int, shape: Shape = 1, dtype: DType = "int32") -> NDArray:
    """Whole numbers from `low` up to but not including `high`."""
    return array(_DRAWS.generator.integers(low, high, as_shape(shape)), dtype)


def shuffle(data: NDArray) -> Any:
    """The parts along the first axis in random order."""
    return _DRAWS.shuffled(data)


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    raise unknown_name("nd.random", name, ("seed", "normal", "uniform", "randn", "randint", "shuffle"))
