"""The activations: functions that a layer applies to each of its numbers, by the names that formulas and layers use.

Each works on expressions, tensors, arrays and numbers. Some are operations of the table, the others are made of
several. To add one, add an entry here and an oracle in `tests/eager/test_layers.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tidu.language import array_ops, ops
from tidu.language.operation import FUNCTIONS


@dataclass(frozen=True)
class Activation:
    """One activation.

    `keeps_half` says that it passes on about half of what comes, as relu does, so that the weights before it start
    larger (He et al. 2015).
    """

    function: Callable[[Any], Any]
    keeps_half: bool = False


def leaky_relu(x: Any) -> Any:
    """x above 0, 0.01·x below (Maas, Hannun & Ng 2013)."""
    return ops.where(x > 0, x, 0.01 * x)


def elu(x: Any) -> Any:
    """x above 0, e**x - 1 below (Clevert, Unterthiner & Hochreiter 2016)."""
    return ops.where(x > 0, x, ops.expm1(ops.minimum(x, 0.0)))


def gelu(x: Any) -> Any:
    """x times the normal distribution function at x (Hendrycks & Gimpel 2016)."""
    return 0.5 * x * (1 + ops.erf(x / math.sqrt(2.0)))


def silu(x: Any) -> Any:
    """x·sigmoid(x), also called swish (Elfwing, Uchibe & Doya 2018)."""
    return x * ops.sigmoid(x)


def softmax(x: Any) -> Any:
    """e**x over its sum along the last axis, without overflow (Bridle 1990)."""
    return array_ops.softmax(x, attrs=((len(array_ops.shape_of(x)) - 1,),))


def identity(x: Any) -> Any:
    """x itself."""
    return x


ACTIVATIONS: dict[str, Activation] = {
    "relu": Activation(ops.relu, keeps_half=True),
    "leaky_relu": Activation(leaky_relu, keeps_half=True),
    "elu": Activation(elu, keeps_half=True),
    "gelu": Activation(gelu, keeps_half=True),
    "silu": Activation(silu, keeps_half=True),
    "tanh": Activation(ops.tanh),
    "sigmoid": Activation(ops.sigmoid),
    "softplus": Activation(ops.softplus, keeps_half=True),
    "softmax": Activation(softmax),
    "identity": Activation(identity),
}
# Those that are no operation of the table, which a formula calls all the same.
COMPOSED = {name: a.function for name, a in ACTIVATIONS.items() if name not in FUNCTIONS}
