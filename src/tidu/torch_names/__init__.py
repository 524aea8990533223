"""`import tidu.torch_names as torch`: PyTorch's names on tidu's tensors, for the textbooks that are written with them.

What is not here by name is a method of the tensors (`eager/torch_tensor.py`) or comes from tidu's own table:
`torch.exp`, `torch.sum`, `torch.softmax`, ... Numbers with a fraction are float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tidu.eager import contractions, foreign
from tidu.eager import functions as f
from tidu.eager.graph import no_grad as no_grad
from tidu.eager.torch_tensor import DRAWS as _DRAWS
from tidu.eager.torch_tensor import TorchTensor as Tensor
from tidu.eager.values import owned
from tidu.errors import SettingError
from tidu.text import _
from tidu.torch_names import nn as nn
from tidu.torch_names import optim as optim
from tidu.torch_names import utils as utils

DType = npt.DTypeLike | None
float32, float64, int32, int64, bool = map(np.dtype, ("float32", "float64", "int32", "int64", "bool"))  # noqa: A001
float, double, long = float32, float64, int64  # noqa: A001


def tensor(data: Any, dtype: DType = None, requires_grad: bool = False) -> Tensor:  # type: ignore[valid-type]
    """A new tensor; whole numbers stay whole, others become float64."""
    return Tensor(data if dtype is None else np.asarray(owned(data), dtype=dtype), requires_grad)


as_tensor = from_numpy = tensor


def LongTensor(data: Any) -> Tensor:  # noqa: N802  (PyTorch's name)
    """A new tensor of whole numbers."""
    return tensor(data, int64)


def zeros(*lengths: Any, size: Any = None, dtype: DType = None, requires_grad: Any = False) -> Tensor:
    """A tensor of 0."""
    return tensor(np.zeros(_shape(lengths, size)), dtype, requires_grad)


def ones(*lengths: Any, size: Any = None, dtype: DType = None, requires_grad: Any = False) -> Tensor:
    """A tensor of 1."""
    return tensor(np.ones(_shape(lengths, size)), dtype, requires_grad)


empty = zeros


def full(size: Sequence[int], fill_value: Any, dtype: DType = None, requires_grad: Any = False) -> Tensor:
    """A tensor of one number."""
    return tensor(np.full(tuple(size), fill_value), dtype, requires_grad)


def arange(start: Any, end: Any = None, step: Any = 1, dtype: DType = None, requires_grad: Any = False) -> Tensor:
    """Numbers from `start`, or 0, up to but not including `end`."""
    values = np.arange(start, step=step) if end is None else np.arange(start, end, step)
    return tensor(values, dtype, requires_grad)


def linspace(start: Any, end: Any, steps: int, dtype: DType = None, requires_grad: Any = False) -> Tensor:
    """`steps` numbers at equal distances, both ends among them."""
    return tensor(np.linspace(start, end, steps), dtype, requires_grad)


def eye(n: int, m: int | None = None, dtype: DType = None) -> Tensor:
    """A matrix with 1 on its diagonal."""
    return tensor(np.eye(n, m), dtype)


def zeros_like(input: Tensor, dtype: DType = None, requires_grad: Any = False) -> Tensor:  # noqa: A002
    """A tensor of 0 in the shape of another."""
    return zeros(input.shape, dtype=dtype or input.dtype, requires_grad=requires_grad)


def ones_like(input: Tensor, dtype: DType = None, requires_grad: Any = False) -> Tensor:  # noqa: A002
    """A tensor of 1 in the shape of another."""
    return ones(input.shape, dtype=dtype or input.dtype, requires_grad=requires_grad)


def manual_seed(seed: int) -> None:
    """Draw random numbers from this seed on."""
    _DRAWS.seed(seed)


def normal(mean: Any, std: Any, size: Any = None, dtype: DType = None, requires_grad: Any = False) -> Tensor:
    """Normal random numbers."""
    shape = None if size is None else foreign.as_shape(size)
    return tensor(_DRAWS.generator.normal(owned(mean), owned(std), shape), dtype, requires_grad)


def randn(*lengths: Any, size: Any = None, dtype: DType = None, requires_grad: Any = False) -> Tensor:
    """Normal random numbers with the mean 0 and the standard deviation 1."""
    return tensor(_DRAWS.generator.normal(size=_shape(lengths, size)), dtype, requires_grad)


def rand(*lengths: Any, size: Any = None, dtype: DType = None, requires_grad: Any = False) -> Tensor:
    """Random numbers from 0 to 1, each equally likely."""
    return tensor(_DRAWS.generator.random(_shape(lengths, size)), dtype, requires_grad)


def randint(low: int, high: Any, size: Any = None, dtype: DType = None) -> Tensor:
    """Whole numbers from `low`, or 0, up to but not including `high`."""
    low, high, size = (0, low, high) if size is None else (low, high, size)
    return tensor(_DRAWS.generator.integers(low, high, foreign.as_shape(size)), dtype)


def randperm(n: int) -> Tensor:
    """The whole numbers below `n` in random order."""
    return tensor(_DRAWS.generator.permutation(n))


def cat(tensors: Sequence[Any], dim: int = 0) -> Any:
    """Tensors one after another along an axis."""
    return f.concatenate(tensors, dim)


def dot(input: Any, tensor: Any) -> Any:  # noqa: A002
    """Scalar product of two vectors."""
    return contractions.dot(input, tensor)


def allclose(input: Any, other: Any, rtol: Any = 1e-5, atol: Any = 1e-8) -> Any:  # noqa: A002
    """Whether all elements are nearly the same."""
    return np.allclose(owned(input), owned(other), rtol, atol)


def is_tensor(obj: Any) -> Any:
    """Whether this is a tensor."""
    return isinstance(obj, Tensor)


def set_default_dtype(d: npt.DTypeLike) -> None:
    """Numbers with a fraction are float64 by default, and nothing else."""
    if np.dtype(d) != float64:
        raise SettingError(_("new tensors are float64; write dtype=... where another kind of number is wanted"))


def _shape(lengths: tuple[Any, ...], size: Any) -> tuple[int, ...]:
    return foreign.as_shape(size if size is not None else lengths[0] if len(lengths) == 1 else lengths)


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    return foreign.function_of("torch_names", name, Tensor, globals())
