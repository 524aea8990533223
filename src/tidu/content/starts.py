"""Where parameters start: a number, a distribution, or an initialiser of weights by its name.

`starting_value` draws what `init` of a fit, or a model function, says; `INITIALISERS` are what layers know by name.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tidu.errors import SettingError, closest
from tidu.syntax_tree import expression_tree
from tidu.text import _

Start = float | str  # a number, or a distribution: "normal(0, 0.01)"
DRAWS = 2  # the stream of a seed that starting values come from; stream 0 shuffles

# The standard deviation of normally distributed weights, from how many numbers go in and out of a layer.
INITIALISERS: dict[str, Callable[[int, int], float]] = {
    "he": lambda inputs, outputs: math.sqrt(2.0 / inputs),  # He et al. 2015
    "xavier": lambda inputs, outputs: math.sqrt(2.0 / (inputs + outputs)),  # Glorot & Bengio 2010
    "normal": lambda inputs, outputs: 0.01,
    "zeros": lambda inputs, outputs: 0.0,
}


def generator_of(seed: int) -> np.random.Generator:
    """The stream of `seed` that starting values are drawn from."""
    return np.random.default_rng([seed, DRAWS])


def check_initialiser(init: object) -> None:
    """Refuse what is neither an initialiser nor a distribution such as `"normal(0, 0.1)"`."""
    if isinstance(init, str) and init in INITIALISERS:
        return
    if not isinstance(init, str) or "(" not in init:
        near = closest(str(init), INITIALISERS)
        hint = _(" (did you mean '{near}'?)").format(near=near) if near else ""
        raise SettingError(
            _("there is no initialiser {name!r}{hint}; there are: {names}, or a distribution: 'normal(0, 0.1)'").format(
                name=init, hint=hint, names=", ".join(INITIALISERS)
            )
        )
    starting_value("init", init, np.random.default_rng(0))


def start_of_weights(init: str, inputs: int, outputs: int) -> Start:
    """What `starting_value` takes, of the weights of a layer."""
    if init not in INITIALISERS:
        return init
    deviation = INITIALISERS[init](inputs, outputs)
    return f"normal(0, {deviation!r})" if deviation else 0.0


def starting_value(name: str, start: Start, generator: np.random.Generator | None, shape: tuple[int, ...] = ()) -> Any:
    """A number, or a draw from `normal(mean, deviation)` or `uniform(low, high)`; of a `shape`, one for each place.

    Only text is drawn from `generator`.
    """
    value: Any = start
    drawn = None
    if isinstance(start, str):
        try:
            tree = expression_tree(start.strip())
            if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and not tree.keywords:
                a, b = (float(ast.literal_eval(x)) for x in tree.args)
                assert generator is not None
                draws: dict[str, Callable[..., Any]]
                draws = {"normal": generator.normal, "uniform": generator.uniform}
                drawn = draws[tree.func.id](a, b, shape) if shape else None
                value = draws[tree.func.id](a, b) if drawn is None else a
            else:
                value = float(ast.literal_eval(tree))
        except (SyntaxError, ValueError, KeyError, TypeError, RecursionError, MemoryError, OverflowError):
            raise SettingError(
                _("the starting value of {name} must be a number, normal(mean, deviation) or uniform(low, high), "
                  "not {value}").format(name=name, value=str(start)[:40])
            ) from None  # fmt: skip
    number = finite(value)
    if number is None:
        raise SettingError(
            _("the starting value of {name} must be a finite number, not {value}").format(name=name, value=start)
        )
    if not shape:
        return number
    return np.full(shape, number) if drawn is None else drawn


def finite(value: object) -> float | None:
    """`value` as a float, if it is a real number that a float64 can hold."""
    if not isinstance(value, (int, float, np.integer, np.floating)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
