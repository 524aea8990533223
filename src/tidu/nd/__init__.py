"""`from tidu import nd, autograd`: the names of MXNet's arrays, for the textbook that was written with them.

What is not here by name comes from tidu's own table: `nd.exp`, `nd.relu`, `nd.softmax`, `nd.norm`, ... Numbers are
float64, and a sum has the shape (), where MXNet has float32 and the shape (1,).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tidu.eager import contractions, foreign, ndarray
from tidu.eager import functions as f
from tidu.eager.ndarray import NDArray as NDArray
from tidu.eager.ndarray import array as array
from tidu.nd import random as random
from tidu.nd.random import shuffle as shuffle

Shape = int | Sequence[int]
DType = npt.DTypeLike | None


def zeros(shape: Shape, dtype: DType = None) -> NDArray:
    """An array of 0."""
    return array(np.zeros(foreign.as_shape(shape)), dtype)


def ones(shape: Shape, dtype: DType = None) -> NDArray:
    """An array of 1."""
    return array(np.ones(foreign.as_shape(shape)), dtype)


def full(shape: Shape, val: float, dtype: DType = None) -> NDArray:
    """An array of one number."""
    return array(np.full(foreign.as_shape(shape), val), dtype)


empty = zeros


def arange(start: float, stop: float | None = None, step: float = 1.0, dtype: DType = None) -> NDArray:
    """Numbers from `start`, or 0, up to but not including `stop`."""
    return array(np.arange(start, step=step) if stop is None else np.arange(start, stop, step), dtype)


def linspace(start: float, stop: float, num: int, dtype: DType = None) -> NDArray:
    """`num` numbers at equal distances, both ends among them."""
    return array(np.linspace(start, stop, num), dtype)


def eye(N: int, M: int = 0, k: int = 0, dtype: DType = None) -> NDArray:
    """A matrix with 1 on its diagonal."""
    return array(np.eye(N, M or None, k), dtype)


def zeros_like(data: NDArray) -> NDArray:
    """An array of 0 in the shape of another."""
    return zeros(data.shape, data.dtype)


def ones_like(data: NDArray) -> NDArray:
    """An array of 1 in the shape of another."""
    return ones(data.shape, data.dtype)


def concat(*data: Any, dim: int = 1) -> Any:
    """Arrays one after another along an axis, the second if nothing is said."""
    return f.concatenate(ndarray.joined(data), dim)


def stack(*data: Any, axis: int = 0) -> Any:
    """Arrays of one shape side by side along a new axis."""
    return f.stack(ndarray.joined(data), axis)


def dot(lhs: Any, rhs: Any, transpose_a: bool = False, transpose_b: bool = False) -> Any:
    """Scalar product of vectors, product of matrices."""
    return contractions.dot(f.transpose(lhs) if transpose_a else lhs, f.transpose(rhs) if transpose_b else rhs)


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    return foreign.function_of("nd", name, NDArray, globals())
