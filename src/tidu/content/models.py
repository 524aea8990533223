"""Model functions of formulas, which make their own parameters: `linear(x1, x2)`, `poly(x, 3)`, `mlp(..., hidden=[8])`.

Each takes the features that it is given (`...` is every column that the formula does not name otherwise), its options,
and a `Call`, which makes parameters and says where in the formula it stands; it gives the expression of one sample.
They nest: `linear(dropout(relu(linear(..., units=32)), 0.2))`. To add one, write it below.

A form by name (`logistic4(x)`, of `forms.py`) is a model function of one number.

Starting values: zeros where the model is linear in its parameters; else He et al. 2015 (variance 2 / inputs) before
relu and its kin, and Glorot & Bengio 2010 (variance 2 / (inputs + outputs)); what is added (`b`) starts at 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tidu.content.forms import FORMS, Form
from tidu.content.starts import Start, check_initialiser, finite, start_of_weights
from tidu.errors import FormulaError, SettingError, closest
from tidu.language.activations import ACTIVATIONS
from tidu.language.array_ops import concatenate, matmul, stack
from tidu.language.expr import Expr, symbols
from tidu.language.model_calls import Call
from tidu.language.reader import parse_expression
from tidu.text import _

MOST_SPELT_OUT = 32  # features; a longer linear model is a product with a vector
MOST_UNITS = 100_000
MOST_LAYERS = 1000


@dataclass(frozen=True)
class Model:
    """A model function: `build(features, call, **options)`, and the options it knows; `form`, if it is a form."""

    name: str
    build: Callable[..., Expr]
    options: Mapping[str, Any]
    positional: str | None = None  # the option that may stand after the features
    makes_parameters: bool = True
    form: Form | None = None


MODELS: dict[str, Model] = {}


def model(
    positional: str | None = None, makes_parameters: bool = True, **options: Any
) -> Callable[[Callable[..., Expr]], Model]:
    """Register a model function under its name, with the options and their defaults."""

    def register(build: Callable[..., Expr]) -> Model:
        entry = MODELS[build.__name__] = Model(build.__name__, build, options, positional, makes_parameters)
        return entry

    return register


@model(units=None, inputs=None, init=None)
def linear(features: Sequence[Expr], call: Call, units: Any, inputs: Any, init: Any) -> Expr:
    """A weight for each feature, plus b; several `units` have a row of weights each. `inputs` is how many are meant."""
    outputs = call.outputs if units is None else checked_size("units", units)
    width = _width(features)
    if inputs is not None and checked_size("inputs", inputs) != width:
        raise FormulaError(
            _("the layer is for {inputs} inputs and is given {width}; leave its inputs out, or give it as many").format(
                inputs=inputs, width=width
            )
        )
    hidden = call.deep or bool(symbols(features, "parameter"))
    start = start_of_weights(initialiser(init, call.next, alone=not hidden), width, outputs)
    if outputs == 1 and width == len(features) <= MOST_SPELT_OUT and not any(x.shape for x in features):
        wishes = [f"w_{x.name}" if x.is_symbol else f"w{k}" for k, x in enumerate(features, 1)]
        weights = [call.parameter(wish, (), start) for wish in wishes]
        total = weights[0] * features[0]
        for w, x in zip(weights[1:], features[1:], strict=True):
            total = total + w * x
        bias = call.parameter("b")
        return call.layer("linear", total + bias, *weights, bias)
    return _dense(features, call, outputs, start, call.numbered("W", "b") if hidden else ("W", "b"))


@model(positional="degree", degree=2)
def poly(features: Sequence[Expr], call: Call, degree: Any) -> Expr:
    """Powers of one feature up to `degree`: c0 + c1*x + c2*x**2 ..."""
    if call.outputs != 1:
        raise FormulaError(_("poly(...) has one output; for several classes use linear(...) or mlp(...)"))
    if len(features) != 1 or features[0].shape:
        raise FormulaError(_("poly(x, degree) takes one feature, not {count}").format(count=_width(features)))
    if isinstance(degree, bool) or not isinstance(degree, int) or not 1 <= degree <= 20:
        raise FormulaError(
            _("the degree of poly(...) must be a whole number from 1 to 20, not {value}").format(value=degree)
        )
    coefficients = [call.parameter(f"c{k}") for k in range(degree + 1)]
    total = coefficients[0]
    for k, c in enumerate(coefficients[1:], 1):
        total = total + c * (features[0] if k == 1 else features[0] ** k)
    return call.layer("poly", total, *coefficients)


@model(positional="rate", makes_parameters=False, rate=0.5)
def dropout(features: Sequence[Expr], call: Call, rate: Any) -> Expr:
    """In training, each number is 0 with probability `rate`, otherwise divided by 1 - rate (Srivastava et al. 2014)."""
    check_rate(rate)
    # A column alone is a vector of one, so that the columns side by side are the same with and without dropout.
    x = features[0] if len(features) == 1 and not features[0].is_symbol else vector(features)
    return call.layer("dropout", x * call.mask(float(rate), x.shape) if rate else x)


@model(hidden=(16,), activation="relu", dropout=0.0, init=None)
def mlp(features: Sequence[Expr], call: Call, hidden: Any, activation: Any, dropout: Any, init: Any) -> Expr:
    """A network of dense layers: `hidden` units a layer, each layer except the last with an activation and dropout."""
    layers: list[Any] = (
        [hidden] if isinstance(hidden, int) else list(hidden) if isinstance(hidden, (list, tuple)) else [0]
    )
    if not all(_is_size(units) for units in layers):
        raise FormulaError(
            _("hidden must be layer sizes from 1 to {most}, such as [8, 8], not {value}").format(
                most=MOST_UNITS, value=hidden
            )
        )
    if not isinstance(activation, str) or activation not in ACTIVATIONS:
        near = closest(str(activation), ACTIVATIONS)
        hint = _(" (did you mean '{near}'?)").format(near=near) if near else ""
        raise FormulaError(
            _("there is no activation {name!r}{hint}; there are: {names}").format(
                name=activation, hint=hint, names=", ".join(ACTIVATIONS)
            )
        )
    if len(layers) > MOST_LAYERS:
        raise FormulaError(
            _(
                "mlp(...) has {count} hidden layers; the limit is {most}: write fewer of them, with more units each"
            ).format(count=len(layers), most=MOST_LAYERS)
        )
    check_rate(dropout)
    value = list(features)
    for units in layers:
        start = start_of_weights(initialiser(init, activation), _width(value), units)
        made = _dense(value, call, units, start, call.numbered("W", "b"), as_vector=True)
        made = call.layer(activation, ACTIVATIONS[activation].function(made))
        value = [call.layer("dropout", made * call.mask(float(dropout), made.shape)) if dropout else made]
    start = start_of_weights(initialiser(init, None), _width(value), call.outputs)
    return _dense(value, call, call.outputs, start, call.numbered("W", "b"))


# -- forms ----------------------------------------------------------------------------------------
def _model_of(form: Form) -> Model:
    """A form as a model function, whose parameters the data will start."""

    def build(features: Sequence[Expr], call: Call) -> Expr:
        if call.outputs != 1:
            raise FormulaError(
                _("{name}(...) has one output; for several classes use linear(...) or mlp(...)").format(name=form.name)
            )
        if len(features) != 1 or features[0].shape:
            raise FormulaError(
                _("{name}(x) takes one feature, not {count}").format(name=form.name, count=_width(features))
            )
        parameters = {name: call.parameter(name) for name in form.parameters}
        value = parse_expression(form.formula, {"x": features[0], **parameters})
        return call.form(form.name, value, features[0], *parameters.values())

    build.__doc__ = form.title
    return Model(form.name, build, {}, form=form)


MODELS |= {form.name: _model_of(form) for form in FORMS.values()}


# -- pieces ---------------------------------------------------------------------------------------
def _dense(
    features: Sequence[Expr], call: Call, units: int, start: Start, names: Sequence[str], as_vector: bool = False
) -> Expr:
    """weights · x + bias: a number for one unit, unless `as_vector`."""
    width = _width(features)
    single = units == 1 and not as_vector
    weights = call.parameter(names[0], (width,) if single else (units, width), start)
    bias = call.parameter(names[1], () if single else (units,))
    return call.layer("linear", matmul(weights, vector(features)) + bias, weights, bias)


def vector(features: Sequence[Expr]) -> Expr:
    """Features side by side, numbers and vectors."""
    parts: list[Expr] = []
    numbers: list[Expr] = []
    for x in features:
        if x.shape and numbers:
            parts.append(stack(*numbers, attrs=(0,)))
            numbers = []
        (parts if x.shape else numbers).append(x)
    if numbers:
        parts.append(stack(*numbers, attrs=(0,)))
    together: Expr = parts[0] if len(parts) == 1 else concatenate(*parts, attrs=(0,))
    return together


def _width(features: Sequence[Expr]) -> int:
    return sum(x.shape[0] if x.shape else 1 for x in features)


def initialiser(given: Any, taker: str | None, alone: bool = False) -> str:
    """The initialiser of weights: as given, else by the function that takes the layer's value.

    `alone` is a layer whose model is linear in its parameters: it has one minimum, which zeros are as good a start to.
    """
    if given is not None:
        check_initialiser(given)
        return str(given)
    if taker in ACTIVATIONS and ACTIVATIONS[taker].keeps_half:
        return "he"
    return "zeros" if alone else "xavier"


def _is_size(value: object) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and bool(1 <= value <= MOST_UNITS)


def checked_size(name: str, value: Any) -> int:
    """A number of units or of inputs."""
    if not _is_size(value):
        raise SettingError(
            _("{name} must be a whole number from 1 to {most}, not {value!r}").format(
                name=name, most=MOST_UNITS, value=value
            )
        )
    return int(value)


def check_rate(rate: object) -> None:
    """Refuse what is no share of units to drop."""
    number = None if isinstance(rate, bool) else finite(rate)
    if number is None or not 0.0 <= number < 1.0:
        raise SettingError(_("the rate of dropout must be at least 0 and below 1, not {value!r}").format(value=rate))
