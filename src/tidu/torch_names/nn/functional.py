"""`torch.nn.functional`: activations from tidu's own table, and the losses of the textbooks' chapters from scratch."""

from __future__ import annotations

from typing import Any

import numpy as np

from tidu.eager import foreign
from tidu.eager import functions as f
from tidu.eager.torch_tensor import DRAWS, TorchTensor
from tidu.errors import SettingError, ShapeMismatch
from tidu.language import ops
from tidu.text import _

REDUCTIONS = {"mean": f.mean, "sum": f.sum, "none": lambda losses: losses}


def cross_entropy(input: Any, target: Any, reduction: str = "mean") -> Any:  # noqa: A002
    """-log of the probability that softmax gives the target: a whole number for each row of `input`."""
    return nll_loss(f.log_softmax(input, -1), target, reduction)


def nll_loss(input: Any, target: Any, reduction: str = "mean") -> Any:  # noqa: A002
    """-the element of each row at its target."""
    return _reduced(-foreign.picked(input, target), reduction)


def mse_loss(input: Any, target: Any, reduction: str = "mean") -> Any:  # noqa: A002
    """The squared difference."""
    _same_shape("mse_loss", input, target)
    return _reduced((input - target) ** 2, reduction)


def l1_loss(input: Any, target: Any, reduction: str = "mean") -> Any:  # noqa: A002
    """The absolute difference."""
    _same_shape("l1_loss", input, target)
    return _reduced(abs(input - target), reduction)


def binary_cross_entropy(input: Any, target: Any, reduction: str = "mean") -> Any:  # noqa: A002
    """-log of the probability of the target, which is 0 or 1; each logarithm is kept above -100."""
    _same_shape("binary_cross_entropy", input, target)
    hit, miss = (ops.maximum(ops.log(p), -100.0) for p in (input, 1 - input))
    return _reduced(-(target * hit + (1 - target) * miss), reduction)


def binary_cross_entropy_with_logits(input: Any, target: Any, reduction: str = "mean") -> Any:  # noqa: A002
    """`binary_cross_entropy` of sigmoid(input), without overflow."""
    _same_shape("binary_cross_entropy_with_logits", input, target)
    return _reduced(ops.softplus(input) - target * input, reduction)


def dropout(input: Any, p: float = 0.5, training: bool = True) -> Any:  # noqa: A002
    """In training each element is 0 with probability `p`, else divided by 1 - p (Srivastava et al. 2014)."""
    if not 0 <= p <= 1:
        raise SettingError(_("dropout cannot use p={p}; a probability lies between 0 and 1").format(p=p))
    if not training or p == 0:
        return input
    kept = DRAWS.generator.random(input.shape) >= p
    return input * (kept / (1 - p) if p < 1 else 0.0)


def one_hot(tensor: Any, num_classes: int = -1) -> TorchTensor:
    """For each label a row: 1 at its place, else 0."""
    labels = np.asarray(tensor.value if isinstance(tensor, TorchTensor) else tensor)
    count = int(labels.max()) + 1 if num_classes == -1 else num_classes
    return TorchTensor(foreign.one_hot_rows(labels, count).astype(np.int64))


def linear(input: Any, weight: Any, bias: Any = None) -> Any:  # noqa: A002
    """input @ weight.T + bias."""
    out = f.matmul(input, f.transpose(weight))
    return out if bias is None else out + bias


def _reduced(losses: Any, reduction: str) -> Any:
    if reduction not in REDUCTIONS:
        raise SettingError(
            _("reduction={value!r} is unknown; it is one of {known}").format(
                value=reduction, known=", ".join(map(repr, REDUCTIONS))
            )
        )
    return REDUCTIONS[reduction](losses)


def _same_shape(name: str, a: Any, b: Any) -> None:
    if np.shape(a) != np.shape(b):
        raise ShapeMismatch(
            _("{name} needs two tensors of one shape, not {a} and {b}; reshape one of them").format(
                name=name, a=np.shape(a), b=np.shape(b)
            )
        )


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    return foreign.function_of("torch_names.nn.functional", name, TorchTensor, globals())
