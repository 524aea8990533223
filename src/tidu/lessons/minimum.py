"""Minima of plain functions, and a saddle that the mean gradient cannot leave and single samples do."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tidu.content.optimizers import optimizer_named
from tidu.content.schedules import rate
from tidu.engines.program import program_of_function
from tidu.language.expr import evaluate, symbol
from tidu.lessons.lesson import Material, rows
from tidu.pictures.numbers import Array, Series
from tidu.training.descent import descend
from tidu.training.minimize import Minimum, minimize
from tidu.training.problem import Problem
from tidu.training.settings import Settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

X, Y, PUSH = symbol("x", "parameter"), symbol("y", "parameter"), symbol("c", "feature")
SADDLE = X**2 - Y**2 + Y**4 / 4
PUSHES = np.tile([0.1, -0.1], 8)  # their sum is 0: the mean over all samples is SADDLE itself
SADDLE_EPOCHS = 60
Descents = Mapping[str, tuple[Array, dict[str, float]]]


@functools.cache
def saddle_descents() -> Descents:
    """From (1, 0), on the ridge: the path and the end of GD, mini-batch and SGD over samples SADDLE + c·y."""
    program = program_of_function(SADDLE + PUSH * Y, [X, Y], optimizer_named("gd"), rate(0.05), columns=[PUSH])
    found = {}
    for name, size in (("gd", None), ("mini_batch", 4), ("sgd", 1)):
        per_epoch = 1 if size is None else len(PUSHES) // size
        steps = SADDLE_EPOCHS * (len(PUSHES) if size is None else per_epoch)
        settings = Settings("y = 0", batch_size=size, seed=3, record="step", steps=steps)
        ended = descend(Problem.of_function(program, [1.0, 0.0], settings, [PUSHES]))
        path = np.vstack([[1.0, 0.0], np.column_stack([ended.history["x"], ended.history["y"]])])
        x, y = ended.state.parameters
        found[name] = (path, {"x": x, "y": y, "value": evaluate(SADDLE, {X: x, Y: y})})
    return found


def material() -> Material:
    """3x², three variables at once, and the saddle."""
    one = minimize("3*x**2", {"x": 1.0}, lr=0.1, steps=200, tol=1e-12)
    three = minimize("3*x1**2 + 4*x2**2 + 5*x3**2", {"x1": 1.0, "x2": 1.0, "x3": 1.0}, lr=0.1, steps=200)
    ends = {name: end for name, (_path, end) in saddle_descents().items()}
    numbers: dict[str, Any] = {
        "one": _numbers_of(one),
        "three": _numbers_of(three),
        "saddle": ends,
    }
    x, slope = [1.0, *one.history["x"].tolist()], one.history.gradient("x")
    values = {
        "one_rows": rows((k, f"{x[k]:.6f}", f"{slope[k]:.6f}", f"{x[k + 1]:.6f}") for k in range(6)),
        "one_steps": str(one.steps),
        "slope": f"{one.start_gradient['x']:g}",
        "gradient": "(" + ", ".join(f"{g:g}" for g in three.start_gradient.values()) + ")",
        "three_end": "(" + ", ".join(f"{v:.1e}" for v in three.params.values()) + ")",
        "gd_end": _point(ends["gd"]),
        "mini_end": _point(ends["mini_batch"]),
        "sgd_end": _point(ends["sgd"]),
        "gd_value": f"{ends['gd']['value']:.6f}",
        "sgd_value": f"{ends['sgd']['value']:.6f}",
    }
    return Material(numbers, values, {"zero.csv": "y\n0.0\n"}, {"walk": lambda: one.plot(), "saddle": _saddle_picture})


def _numbers_of(found: Minimum) -> dict[str, Any]:
    whole = found.to_dict()
    return {k: whole[k] for k in ("function", "params", "value", "first_gradient", "steps", "stopped", "history")}


def _point(end: Mapping[str, float]) -> str:
    return f"({end['x']:.3f}, {end['y']:.3f})"


def _saddle_picture() -> Figure:
    from tidu.pictures.cost_maps import CostMap, cost_map_figure

    x, y = np.meshgrid(np.linspace(-1.2, 1.2, 121), np.linspace(-2.0, 2.0, 161))
    height = np.array([evaluate(SADDLE, {X: a, Y: b}) for a, b in zip(x.flat, y.flat, strict=True)])
    names = {"gd": "GD", "mini_batch": "mini-batch", "sgd": "SGD"}
    paths = tuple(Series(names[k], path[:, 0], path[:, 1]) for k, (path, _end) in saddle_descents().items())
    saddle = CostMap(("x", "y"), x, y, height.reshape(x.shape), -1.0, (-1.2, 1.2, -2.0, 2.0), paths,
                     title="x² − y² + y⁴/4")  # fmt: skip
    return cost_map_figure(saddle)
