"""The data that the lab offers to begin with, each with a formula and settings; the tables are those of the lessons."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tidu.errors import SettingError, closest
from tidu.lab.problems import Data
from tidu.lessons import digits, line, linreg, meter, minimum, one_weight, parabola, perceptron, xor
from tidu.text import _, mark


@dataclass(frozen=True)
class Example:
    """Data with a name, a formula and settings as texts, as the page sends them."""

    name: str
    words: str
    table: Callable[[], Mapping[str, Any]]
    formula: str
    settings: Mapping[str, str | bool] = field(default_factory=dict)
    function: bool = False  # to be minimised as it stands, over its columns where it names some

    @property
    def title(self) -> str:
        """What it is called, in the language in use."""
        return _(self.words)

    def data(self) -> Data:
        """Its columns, or none for a function without data."""
        return Data.of(self.title, self.table(), self.function)

    def set_to(self, formula: str | None = None, **settings: str | bool) -> Example:
        """The same data with another formula, or with other settings beside its own."""
        return replace(self, formula=formula or self.formula, settings={**self.settings, **settings})

    def to_dict(self) -> dict[str, Any]:
        """What the page shows of it."""
        return {"name": self.name, "title": self.title, "formula": self.formula}


def two_moons() -> dict[str, list[float]]:
    """200 points on two half circles that reach into each other, with noise; drawn from seed 0."""
    generator = np.random.default_rng(0)
    angle = np.pi * generator.uniform(size=200)
    inner = np.arange(200) % 2
    x1 = np.where(inner == 0, np.cos(angle), 1.0 - np.cos(angle)) + 0.12 * generator.normal(size=200)
    x2 = np.where(inner == 0, np.sin(angle), 0.5 - np.sin(angle)) + 0.12 * generator.normal(size=200)
    return {"x1": x1.round(4).tolist(), "x2": x2.round(4).tolist(), "y": inner.astype(float).tolist()}


def decay() -> dict[str, list[float]]:
    """40 readings of 3·exp(−0.7t) + 0.5 with noise of 0.08; drawn from seed 0."""
    generator = np.random.default_rng(0)
    t = np.linspace(0.0, 6.0, 40)
    y = 3.0 * np.exp(-0.7 * t) + 0.5 + 0.08 * generator.normal(size=40)
    return {"t": t.round(4).tolist(), "y": y.round(4).tolist()}


EXAMPLES = (
    Example("one-weight", mark("One weight, three points"), lambda: one_weight.GD_DATA, "y = w*x",
            {"lr": "0.01", "init": "w=1"}),
    Example("line", mark("A line through 100 points"), line.data, "y = w*x + b", {"lr": "0.0001"}),
    Example("parabola", mark("A parabola"), parabola.data, "y = w1*x**2 + w2*x + w3", {"lr": "0.001"}),
    Example("decay", mark("A decay with a half-life"), decay, "y = a*exp(-k*t) + c",
            {"lr": "0.2", "init": "a=1,k=0.2"}),
    Example("linreg", mark("Two features, by mini-batches"), linreg.data, "y = w1*x1 + w2*x2 + b",
            {"lr": "0.03", "batch_size": "10", "loss": "half_squared"}),
    Example("meter", mark("One point, a big mistake"), lambda: meter.DATA, "y = w*x", {"lr": "0.1"}),
    Example("perceptron", mark("OR by a perceptron"), lambda: perceptron.OR, perceptron.FORMULA,
            {"loss": "perceptron", "lr": "1", "batch_size": "1", "shuffle": False}),
    Example("xor", mark("XOR: what one layer cannot learn"), xor.data, xor.TWO_LAYERS,
            {"loss": "logistic", "optimizer": "adam", "lr": "0.05"}),
    Example("moons", mark("Two moons: a boundary that bends"), two_moons, "y = mlp(..., hidden=[8], activation='tanh')",
            {"loss": "logistic", "optimizer": "adam", "lr": "0.03"}),
    Example("digits", mark("Handwritten digits"), digits.data, digits.NETWORK,
            {"loss": "softmax", "optimizer": "adam", "lr": "0.005", "batch_size": "32"}),
    Example("function", mark("A function of your own, without data"), dict, "3*x**2", {"lr": "0.1", "init": "x=1"},
            function=True),
    Example("saddle", mark("A saddle, and samples that push"), lambda: {"c": minimum.PUSHES},
            "x**2 - y**2 + y**4/4 + c*y", {"lr": "0.05", "init": "x=1,y=0", "seed": "3"}, function=True),
)  # fmt: skip


def example_named(name: str) -> Example:
    """The example of this name.

    Raises
    ------
    SettingError : there is none.
    """
    for example in EXAMPLES:
        if example.name == name:
            return example
    near = closest(name, [e.name for e in EXAMPLES])
    hint = _(" (did you mean '{near}'?)").format(near=near) if near else ""
    raise SettingError(_("there is no example '{name}'{hint}").format(name=name, hint=hint))
