"""Model functions of formulas, which make their own parameters: `linear(x1, x2)`, `poly(x, 3)`, `mlp(..., hidden=[8])`.

Each takes the features that it is given (`...` is every column that the formula does not name otherwise), its options,
and `parameter(name, shape, start)`, which makes one; it gives the expression of one sample. To add one, write it below.

Starting values: He et al. 2015 for relu and its kin (variance 2 / inputs), Glorot & Bengio 2010 otherwise (variance
2 / (inputs + outputs)); what is added (`b`) starts at 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tidu.errors import FormulaError
from tidu.language import ops
from tidu.language.array_ops import matmul, stack
from tidu.language.expr import Expr
from tidu.text import _

Parameter = Callable[..., Expr]  # (name, shape, start) -> symbol
MOST_SPELT_OUT = 32  # features; a longer linear model is a product with a vector
MOST_UNITS = 100_000


@dataclass(frozen=True)
class Model:
    """A model function: `build(features, parameter, outputs, **options)`, and the options it knows."""

    name: str
    build: Callable[..., Expr]
    options: Mapping[str, Any]
    positional: str | None = None  # the option that may stand after the features


MODELS: dict[str, Model] = {}
ACTIVATIONS: dict[str, Callable[[Expr], Expr]] = {
    "relu": ops.relu,
    "leaky_relu": lambda x: ops.where(x > 0, x, 0.01 * x),
    "elu": lambda x: ops.where(x > 0, x, ops.expm1(ops.minimum(x, 0.0))),
    "gelu": lambda x: 0.5 * x * (1 + ops.erf(x / math.sqrt(2.0))),
    "silu": lambda x: x * ops.sigmoid(x),
    "tanh": ops.tanh,
    "sigmoid": ops.sigmoid,
    "softplus": ops.softplus,
    "identity": lambda x: x,
}
_KEEPS_HALF = ("relu", "leaky_relu", "elu", "gelu", "silu", "softplus")  # of what it is given, about


def model(positional: str | None = None, **options: Any) -> Callable[[Callable[..., Expr]], Model]:
    """Register a model function under its name, with the options and their defaults."""

    def register(build: Callable[..., Expr]) -> Model:
        entry = MODELS[build.__name__] = Model(build.__name__, build, options, positional)
        return entry

    return register


@model()
def linear(features: Sequence[Expr], parameter: Parameter, outputs: int) -> Expr:
    """A weight for each feature, and b; with several outputs, a row of weights for each."""
    if outputs == 1 and len(features) <= MOST_SPELT_OUT:
        terms = [parameter(f"w_{x.name}" if x.is_symbol else f"w{k}") * x for k, x in enumerate(features, 1)]
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        return total + parameter("b")
    x = vector(features)
    shape = (len(features),) if outputs == 1 else (outputs, len(features))
    return dense(parameter("W", shape), x, parameter("b", () if outputs == 1 else (outputs,)))


@model(positional="degree", degree=2)
def poly(features: Sequence[Expr], parameter: Parameter, outputs: int, degree: Any) -> Expr:
    """Powers of one feature up to `degree`: c0 + c1*x + c2*x**2 ..."""
    if outputs != 1:
        raise FormulaError(_("poly(...) has one output; for several classes use linear(...) or mlp(...)"))
    if len(features) != 1:
        raise FormulaError(_("poly(x, degree) takes one feature, not {count}").format(count=len(features)))
    if isinstance(degree, bool) or not isinstance(degree, int) or not 1 <= degree <= 20:
        raise FormulaError(
            _("the degree of poly(...) must be a whole number from 1 to 20, not {value}").format(value=degree)
        )
    total = parameter("c0")
    for k in range(1, degree + 1):
        total = total + parameter(f"c{k}") * (features[0] if k == 1 else features[0] ** k)
    return total


@model(hidden=(16,), activation="relu")
def mlp(features: Sequence[Expr], parameter: Parameter, outputs: int, hidden: Any, activation: Any) -> Expr:
    """A network of dense layers: `hidden` units a layer, with an activation after each but the last."""
    layers = [hidden] if isinstance(hidden, int) else list(hidden) if isinstance(hidden, (list, tuple)) else [None]
    for units in layers:
        if isinstance(units, bool) or not isinstance(units, int) or not 1 <= units <= MOST_UNITS:
            raise FormulaError(
                _("hidden must be layer sizes from 1 to {most}, such as [8, 8], not {value}").format(
                    most=MOST_UNITS, value=hidden
                )
            )
    if activation not in ACTIVATIONS:
        raise FormulaError(
            _("there is no activation {name!r}; there are: {names}").format(
                name=activation, names=", ".join(ACTIVATIONS)
            )
        )
    value = vector(features)
    width = len(features)
    for k, units in enumerate([*layers, outputs], 1):
        last = k > len(layers)
        gain = 2.0 / width if activation in _KEEPS_HALF and not last else 2.0 / (width + units)
        start = f"normal(0, {math.sqrt(gain)!r})"
        if last and outputs == 1:
            return dense(parameter(f"W{k}", (width,), start), value, parameter(f"b{k}"))
        value = dense(parameter(f"W{k}", (units, width), start), value, parameter(f"b{k}", (units,)))
        value = value if last else ACTIVATIONS[activation](value)
        width = units
    return value


def dense(weights: Expr, x: Expr, bias: Expr) -> Expr:
    """weights · x + bias."""
    value: Expr = matmul(weights, x) + bias
    return value


def vector(features: Sequence[Expr]) -> Expr:
    """Features side by side."""
    return stack(*features, attrs=(0,))  # type: ignore[no-any-return]
