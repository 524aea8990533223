"""Common forms of curves, by name: `y = logistic4(x)` is a formula like any other, whose text is shown.

Each form is declared once: its formula in x, what its parameters mean and in which units, and where they start for
given data. `models.py` makes model functions of them; `tidu models` lists them; `tidu suggest` tries them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from tidu.content.rough_values import (
    best_of,
    ends,
    lengths,
    line_through,
    log_line,
    loudest_frequencies,
    peak,
    place_of,
    rates,
    wave,
)
from tidu.language.expr import Expr, symbol
from tidu.language.reader import parse_expression
from tidu.text import mark

Array = npt.NDArray[np.float64]
Start = Callable[[Array, Array], Sequence[float]]
GAS_CONSTANT = 8.314462618  # J/(mol K), exact since 2019


@dataclass(frozen=True)
class Meaning:
    """What a parameter is, in words of the table, and its unit in terms of x and y; 1 is a number without one."""

    words: str
    unit: str


@dataclass(frozen=True)
class Form:
    """A form of curves.

    Attributes
    ----------
    title : what it is, as the table has it; the catalogue has the Chinese.
    formula : its right side, in x and the parameters.
    parameters : what each means, in the order in which they are listed.
    start : their values for x and y of shape (rows,), near enough for a solver; x in rising order.
    example : their values for a picture, and from where to where x goes in it.
    positive : whether x must not be negative.
    kin : forms of which it is a special case.
    above_zero : parameters that mean what they are said to mean only above 0.
    places : parameters that are places on x, of which the data should have both sides.
    frequency : the parameter that is the angular frequency of a wave.
    """

    name: str
    title: str
    formula: str
    parameters: Mapping[str, Meaning]
    start: Start
    example: tuple[Mapping[str, float], tuple[float, float]]
    positive: bool = False
    kin: tuple[str, ...] = ()
    above_zero: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    frequency: str | None = None

    def expression(self) -> Expr:
        """Its right side, in x and its parameters."""
        names = {"x": symbol("x", "feature")} | {p: symbol(p, "parameter") for p in self.parameters}
        return parse_expression(self.formula, names)

    def starts(self, x: Array, y: Array) -> dict[str, float] | None:
        """Where the parameters start for these data, if a value can be had for each."""
        fits = np.isfinite(x) & np.isfinite(y)
        order = np.argsort(x[fits], kind="stable")
        x, y = x[fits][order], y[fits][order]
        if len(x) < 2 or x[0] == x[-1]:
            return None
        with np.errstate(all="ignore"):
            values = [float(v) for v in self.start(x, y)]
        return dict(zip(self.parameters, values, strict=True)) if all(map(math.isfinite, values)) else None


FORMS: dict[str, Form] = {}


def form(
    name: str, title: str, formula: str, parameters: Mapping[str, tuple[str, str]],
    example: tuple[Mapping[str, float], tuple[float, float]], positive: bool = False, **more: Any,
) -> Callable[[Start], Start]:  # fmt: skip
    """Register a form, whose `start` is the function below it; `more` are attributes of `Form`."""

    def register(start: Start) -> Start:
        meanings = {p: Meaning(*meaning) for p, meaning in parameters.items()}
        FORMS[name] = Form(name, title, formula, meanings, start, example, positive, **more)
        return start

    return register


# -- decay and growth -----------------------------------------------------------------------------
@form(
    "exp_decay", mark("exponential decay to a level"), "a*exp(-k*x) + c",
    {"a": (mark("what decays: the value at x = 0 above the level"), "y"),
     "k": (mark("rate of decay; the half-life is log(2)/k"), "1/x"), "c": (mark("level at the end"), "y")},
    ({"a": 4.0, "k": 0.6, "c": 1.0}, (0.0, 8.0)), above_zero=("k",),
)  # fmt: skip
def _exp_decay(x: Array, y: Array) -> Sequence[float]:
    (k,), (a, c) = best_of(product(rates(x)), lambda k: [np.exp(-k * (x - x[0])), np.ones_like(x)], y)
    return a * math.exp(k * float(x[0])), k, c


@form(
    "exp_growth", mark("exponential growth, or decay to zero"), "a*exp(k*x)",
    {"a": (mark("value at x = 0"), "y"), "k": (mark("rate of growth; the doubling time is log(2)/k"), "1/x")},
    ({"a": 0.5, "k": 0.5}, (0.0, 6.0)),
)  # fmt: skip
def _exp_growth(x: Array, y: Array) -> Sequence[float]:
    level, k = log_line(x, y)
    return math.copysign(math.exp(level), float(np.sum(y))), k


@form(
    "exp_decay2", mark("two exponential decays, a fast one and a slow one"), "a1*exp(-k1*x) + a2*exp(-k2*x)",
    {"a1": (mark("what decays fast, at x = 0"), "y"), "k1": (mark("the fast rate"), "1/x"),
     "a2": (mark("what decays slowly, at x = 0"), "y"), "k2": (mark("the slow rate"), "1/x")},
    ({"a1": 3.0, "k1": 2.0, "a2": 2.0, "k2": 0.2}, (0.0, 8.0)), above_zero=("k1", "k2"),
)  # fmt: skip
def _exp_decay2(x: Array, y: Array) -> Sequence[float]:
    t = x - x[0]
    pairs = ((slow * ratio, slow) for slow, ratio in product(rates(x)[::3], (2.0, 4.0, 8.0, 20.0)))
    (fast, slow), (a1, a2) = best_of(pairs, lambda fast, slow: [np.exp(-fast * t), np.exp(-slow * t)], y)
    return a1 * math.exp(fast * float(x[0])), fast, a2 * math.exp(slow * float(x[0])), slow


@form(
    "exp_rise", mark("rise to saturation from zero"), "a*(1 - exp(-k*x))",
    {"a": (mark("level of saturation"), "y"), "k": (mark("rate; log(2)/k is where half is reached"), "1/x")},
    ({"a": 5.0, "k": 0.7}, (0.0, 8.0)), kin=("exp_decay",), above_zero=("k",),
)  # fmt: skip
def _exp_rise(x: Array, y: Array) -> Sequence[float]:
    (k,), (a,) = best_of(product(rates(x)), lambda k: [-np.expm1(-k * x)], y)
    return a, k


@form(
    "stretched_exp", mark("stretched exponential (Kohlrausch)"), "a*exp(-(x/tau)**beta)",
    {"a": (mark("value at x = 0"), "y"), "tau": (mark("time at which 1/e is left"), "x"),
     "beta": (mark("stretching; 1 is a plain exponential"), "1")},
    ({"a": 5.0, "tau": 2.0, "beta": 0.6}, (0.0, 10.0)), positive=True, above_zero=("tau", "beta"),
)  # fmt: skip
def _stretched_exp(x: Array, y: Array) -> Sequence[float]:
    level, slope = log_line(x, y)
    rate = abs(slope) or 1.0 / float(x[-1] - x[0])
    return math.copysign(math.exp(level), float(np.sum(y))), 1.0 / rate, 0.9


@form(
    "power_law", mark("power law"), "a*x**b",
    {"a": (mark("value at x = 1"), "y/x^b"), "b": (mark("exponent"), "1")},
    ({"a": 1.5, "b": 0.5}, (0.05, 8.0)), positive=True,
)  # fmt: skip
def _power_law(x: Array, y: Array) -> Sequence[float]:
    right = x > 0
    level, b = log_line(np.log(x[right]), y[right]) if np.count_nonzero(right) > 1 else (0.0, 1.0)
    return math.copysign(math.exp(level), float(np.sum(y))), b


@form(
    "log_law", mark("logarithm"), "a + b*log(x)",
    {"a": (mark("value at x = 1"), "y"), "b": (mark("change for each factor e in x"), "y")},
    ({"a": 1.0, "b": 1.2}, (0.1, 10.0)), positive=True,
)  # fmt: skip
def _log_law(x: Array, y: Array) -> Sequence[float]:
    right = x > 0
    return line_through(np.log(x[right]), y[right])


@form(
    "hyperbola", mark("hyperbola: falls as 1/x to a level"), "a/x + c",
    {"a": (mark("what 1/x is multiplied by"), "y·x"), "c": (mark("level at the end"), "y")},
    ({"a": 2.0, "c": 0.5}, (0.3, 8.0)),
)  # fmt: skip
def _hyperbola(x: Array, y: Array) -> Sequence[float]:
    right = x != 0
    c, a = line_through(1.0 / x[right], y[right])
    return a, c


@form(
    "arrhenius", mark("Arrhenius' law: a rate over the absolute temperature x"), f"a*exp(-ea/({GAS_CONSTANT}*x))",
    {"a": (mark("rate at infinite temperature"), "y"),
     "ea": (mark("activation energy, in J/mol if x is in K"), "x·J/(mol·K)")},
    ({"a": 1e9, "ea": 5e4}, (280.0, 360.0)), positive=True, above_zero=("ea",),
)  # fmt: skip
def _arrhenius(x: Array, y: Array) -> Sequence[float]:
    right = x > 0
    level, slope = log_line(1.0 / x[right], y[right])
    return math.copysign(math.exp(level), float(np.sum(y))), -slope * GAS_CONSTANT


# -- from one level to another --------------------------------------------------------------------
@form(
    "logistic3", mark("logistic growth from zero to saturation"), "top/(1 + exp(-k*(x - x0)))",
    {"top": (mark("level of saturation"), "y"), "k": (mark("rate of growth at the start"), "1/x"),
     "x0": (mark("where half is reached"), "x")},
    ({"top": 5.0, "k": 1.2, "x0": 4.0}, (0.0, 9.0)), kin=("boltzmann",), places=("x0",),
)  # fmt: skip
def _logistic3(x: Array, y: Array) -> Sequence[float]:
    top = 1.02 * float(np.max(y)) if abs(np.max(y)) >= abs(np.min(y)) else 1.02 * float(np.min(y))
    share = np.clip(y / top, 0.01, 0.99)
    level, k = line_through(x, np.log(share / (1 - share)), share * (1 - share))
    return top, k, -level / k if k else float(np.mean(x))


@form(
    "boltzmann", mark("sigmoid between two levels"), "bottom + (top - bottom)/(1 + exp((x0 - x)/s))",
    {"bottom": (mark("level on the left"), "y"), "top": (mark("level on the right"), "y"),
     "x0": (mark("where half of the way is done"), "x"), "s": (mark("width of the transition"), "x")},
    ({"bottom": 1.0, "top": 5.0, "x0": 4.0, "s": 0.8}, (0.0, 9.0)), above_zero=("s",), places=("x0",),
)  # fmt: skip
def _boltzmann(x: Array, y: Array) -> Sequence[float]:
    first, last = ends(y)
    x0 = place_of(x, y, (first + last) / 2)
    quarter, three = (place_of(x, y, first + part * (last - first)) for part in (0.25, 0.75))
    return first, last, x0, abs(three - quarter) / math.log(9.0) or float(x[-1] - x[0]) / 10


@form(
    "logistic4", mark("dose and response, four parameters (4PL)"), "top + (bottom - top)/(1 + (x/ec50)**hill)",
    {"bottom": (mark("response without a dose"), "y"), "top": (mark("response to an infinite dose"), "y"),
     "ec50": (mark("dose of half of the effect"), "x"), "hill": (mark("steepness (Hill's slope)"), "1")},
    ({"bottom": 1.0, "top": 5.0, "ec50": 3.0, "hill": 3.0}, (0.0, 9.0)),
    positive=True, kin=("logistic5",), above_zero=("ec50", "hill"),
)  # fmt: skip
def _logistic4(x: Array, y: Array) -> Sequence[float]:
    first, last = ends(y)
    dose = np.log(np.maximum(x, float(np.min(x[x > 0], initial=float(x[-1]))) / 10))
    half = place_of(dose, y, (first + last) / 2)
    share = np.clip((y - first) / (last - first or 1.0), 0.02, 0.98)
    _level, slope = line_through(dose, np.log(share / (1 - share)), share * (1 - share))
    return first, last, math.exp(half), min(max(slope, 0.2), 20.0)


@form(
    "logistic5", mark("dose and response, five parameters (5PL): with asymmetry"),
    "top + (bottom - top)/(1 + (x/ec)**hill)**g",
    {"bottom": (mark("response without a dose"), "y"), "top": (mark("response to an infinite dose"), "y"),
     "ec": (mark("dose in the transition; that of half of the effect if g = 1"), "x"),
     "hill": (mark("steepness (Hill's slope)"), "1"),
     "g": (mark("asymmetry; 1 is the form with four parameters"), "1")},
    ({"bottom": 1.0, "top": 5.0, "ec": 2.0, "hill": 3.0, "g": 0.4}, (0.0, 9.0)),
    positive=True, above_zero=("ec", "hill", "g"),
)  # fmt: skip
def _logistic5(x: Array, y: Array) -> Sequence[float]:
    return *_logistic4(x, y), 1.0


@form(
    "gompertz", mark("Gompertz' growth: fast first, slow to the end"), "a*exp(-exp(-k*(x - x0)))",
    {"a": (mark("level of saturation"), "y"), "k": (mark("rate of growth"), "1/x"),
     "x0": (mark("where growth is fastest, at a/e"), "x")},
    ({"a": 5.0, "k": 0.8, "x0": 3.0}, (0.0, 9.0)), above_zero=("k",), places=("x0",),
)  # fmt: skip
def _gompertz(x: Array, y: Array) -> Sequence[float]:
    a = 1.02 * float(np.max(y)) if abs(np.max(y)) >= abs(np.min(y)) else 1.02 * float(np.min(y))
    share = np.clip(y / a, 0.01, 0.99)
    level, slope = line_through(x, -np.log(-np.log(share)), share * (1 - share))
    return a, slope, -level / slope if slope else float(np.mean(x))


# -- saturation by a concentration ----------------------------------------------------------------
@form(
    "michaelis_menten", mark("Michaelis and Menten's rate of an enzyme; Langmuir's isotherm"), "vmax*x/(km + x)",
    {"vmax": (mark("rate at saturation"), "y"), "km": (mark("concentration of half of vmax"), "x")},
    ({"vmax": 5.0, "km": 1.5}, (0.0, 10.0)), positive=True, kin=("hill", "haldane"), above_zero=("km",),
)  # fmt: skip
def _michaelis_menten(x: Array, y: Array) -> Sequence[float]:
    (km,), (vmax,) = best_of(product(lengths(x)), lambda km: [x / (km + x)], y)
    return vmax, km


@form(
    "hill", mark("Hill's equation: cooperative binding"), "vmax*x**n/(k**n + x**n)",
    {"vmax": (mark("response at saturation"), "y"), "k": (mark("concentration of half of it"), "x"),
     "n": (mark("cooperativity (Hill's coefficient)"), "1")},
    ({"vmax": 5.0, "k": 3.0, "n": 3.0}, (0.0, 10.0)), positive=True, kin=("logistic4",), above_zero=("k", "n"),
)  # fmt: skip
def _hill(x: Array, y: Array) -> Sequence[float]:
    (k, n), (vmax,) = best_of(product(lengths(x), (1.0, 2.0, 4.0)), lambda k, n: [x**n / (k**n + x**n)], y)
    return vmax, k, n


@form(
    "haldane", mark("rate of an enzyme that its substrate inhibits (Haldane)"), "vmax*x/(km + x + x**2/ki)",
    {"vmax": (mark("rate at saturation, were there no inhibition"), "y"),
     "km": (mark("concentration of half of it"), "x"), "ki": (mark("concentration from which it inhibits"), "x")},
    ({"vmax": 8.0, "km": 1.5, "ki": 6.0}, (0.0, 12.0)), positive=True, above_zero=("km", "ki"),
)  # fmt: skip
def _haldane(x: Array, y: Array) -> Sequence[float]:
    top = float(x[int(np.argmax(y))]) or float(x[-1])
    (km,), (vmax,) = best_of(product(lengths(x)), lambda km: [x / (km + x + x**2 * km / top**2)], y)
    return vmax, km, top**2 / km


# -- peaks and waves ------------------------------------------------------------------------------
@form(
    "gaussian", mark("Gaussian peak on a base"), "height*exp(-(x - center)**2/(2*sigma**2)) + base",
    {"height": (mark("height above the base"), "y"), "center": (mark("place of the peak"), "x"),
     "sigma": (mark("standard deviation; the full width at half height is 2.355 sigma"), "x"),
     "base": (mark("level beside the peak"), "y")},
    ({"height": 4.0, "center": 4.0, "sigma": 1.0, "base": 0.5}, (0.0, 8.0)), places=("center",),
)  # fmt: skip
def _gaussian(x: Array, y: Array) -> Sequence[float]:
    height, center, half, base = peak(x, y)
    return height, center, half / 1.1774, base


@form(
    "lorentzian", mark("Lorentz' peak on a base"), "height/(1 + ((x - center)/gamma)**2) + base",
    {"height": (mark("height above the base"), "y"), "center": (mark("place of the peak"), "x"),
     "gamma": (mark("half of the width at half height"), "x"), "base": (mark("level beside the peak"), "y")},
    ({"height": 4.0, "center": 4.0, "gamma": 0.6, "base": 0.5}, (0.0, 8.0)), places=("center",),
)  # fmt: skip
def _lorentzian(x: Array, y: Array) -> Sequence[float]:
    return peak(x, y)


@form(
    "sine_wave", mark("sine wave around a level"), "a*sin(w*x + phase) + c",
    {"a": (mark("amplitude"), "y"), "w": (mark("angular frequency; the period is 2*pi/w"), "1/x"),
     "phase": (mark("phase at x = 0, in radians"), "1"), "c": (mark("level"), "y")},
    ({"a": 2.0, "w": 2.0, "phase": 0.5, "c": 3.0}, (0.0, 9.0)), kin=("damped_sine",), frequency="w",
)  # fmt: skip
def _sine(x: Array, y: Array) -> Sequence[float]:
    return wave(x, y)


@form(
    "damped_sine", mark("damped oscillation around a level"), "a*exp(-k*x)*sin(w*x + phase) + c",
    {"a": (mark("amplitude at x = 0"), "y"), "k": (mark("rate of damping"), "1/x"),
     "w": (mark("angular frequency; the period is 2*pi/w"), "1/x"),
     "phase": (mark("phase at x = 0, in radians"), "1"), "c": (mark("level"), "y")},
    ({"a": 4.0, "k": 0.3, "w": 4.0, "phase": 0.5, "c": 3.0}, (0.0, 9.0)), above_zero=("k",), frequency="w",
)  # fmt: skip
def _damped_sine(x: Array, y: Array) -> Sequence[float]:
    (w,) = loudest_frequencies(x, y, 1)
    t = x - x[0]

    def parts(k: float) -> list[Array]:
        return [np.exp(-k * t) * np.sin(w * x), np.exp(-k * t) * np.cos(w * x), np.ones_like(x)]

    (k,), (of_sine, of_cosine, level) = best_of(product([0.0, *rates(x)]), parts, y)
    size = math.hypot(of_sine, of_cosine) * math.exp(k * float(x[0]))
    return size, k, w, math.atan2(of_cosine, of_sine), level
