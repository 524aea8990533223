"""`scan`: the cost at every point of a grid, over one or two parameters. What one would do without gradient descent."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tidu.data.csv_options import CsvOptions
from tidu.errors import SettingError
from tidu.text import _
from tidu.training.callbacks import Callback, Listeners
from tidu.training.judging.evaluation import cost_of
from tidu.training.problem import Problem
from tidu.training.ranges import MOST_POINTS, grid_values

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TOLD_EVERY = 64  # points
Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Scan:
    """What `tidu.scan` returns.

    Attributes
    ----------
    grid : the values tried, by parameter, in the order of the axes of `cost`.
    cost : mean loss at each point (plus the penalty), of shape (values,) or (values, values).
    best, best_cost : the point of lowest cost.
    """

    formula: str
    loss: str
    grid: Mapping[str, Array]
    fixed: Mapping[str, float]
    cost: Array
    best: Mapping[str, float]
    best_cost: float
    rows: int
    notes: tuple[str, ...] = ()

    def plot(self, path: str | os.PathLike[str] | None = None) -> Figure:
        """The cost as a curve over one parameter, or as a map over two."""
        from tidu.pictures.cost_maps import CostMap, cost_map_figure
        from tidu.pictures.curves import cost_curve
        from tidu.pictures.figure import label, save

        wide = [k for k, values in enumerate(self.grid.values()) if len(values) > 1]
        names = [list(self.grid)[k] for k in wide or [0]]
        values = [self.grid[name] for name in names]
        if len(names) == 1:
            figure = cost_curve(names[0], values[0], self.cost.ravel(), self.best[names[0]])
        else:
            x, y = np.meshgrid(*values, indexing="ij")
            limits = (float(x.min()), float(x.max()), float(y.min()), float(y.max()))
            best = (self.best[names[0]], self.best[names[1]])
            cost_map = CostMap((names[0], names[1]), x, y, self.cost, self.best_cost, limits, minimum=best)
            found = f"{names[0]} = {best[0]:g}, {names[1]} = {best[1]:g}"
            figure = cost_map_figure(cost_map, found, label("cost J"))
        if path is not None:
            save(figure, path)
        return figure

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values: what the command line prints for `--json`."""
        return {
            "formula": self.formula,
            "loss_name": self.loss,
            "rows": self.rows,
            "params": {**self.fixed, **self.best},
            "loss": self.best_cost,
            "best": dict(self.best),
            "points": int(self.cost.size),
            "grid": {name: values.tolist() for name, values in self.grid.items()},
            "cost": self.cost.tolist(),
            "notes": list(self.notes),
        }


def scan(
    formula: str,
    data: object,
    over: Mapping[str, str | Sequence[float] | Array],
    *,
    fixed: Mapping[str, float] | None = None,
    loss: str = "squared",
    l1: float = 0.0,
    l2: float = 0.0,
    drop_missing: bool = False,
    stream: bool | None = None,
    csv: CsvOptions | None = None,
    callbacks: Callback | Sequence[Callback] = (),
) -> Scan:
    """The cost on a grid of one or two parameters.

    Parameters
    ----------
    formula, data, loss, l1, l2, drop_missing, stream, csv : as in `tidu.fit`.
    over : for each parameter to vary its values, as a sequence or as `"low:high:step"` (both ends included).
    fixed : values of the parameters that are not varied; 0 for those not named.

    Examples
    --------
    >>> import tidu
    >>> result = tidu.scan("y = w*x", {"x": [1.0, 2, 3], "y": [2.0, 4, 6]}, over={"w": "0:4:0.5"})
    >>> result.best, result.best_cost
    ({'w': 2.0}, 0.0)
    """
    if not 1 <= len(over) <= 2:
        raise SettingError(_("a scan is over one parameter or two, not {count}").format(count=len(over)))
    grid = {name: grid_values(name, values) for name, values in over.items()}
    points = math.prod(len(v) for v in grid.values())
    if points > MOST_POINTS:
        raise SettingError(
            _("the grid has {points} points; the limit is {limit}").format(points=points, limit=MOST_POINTS)
        )
    both = sorted(set(grid) & set(fixed or {}))
    if both:
        raise SettingError(_("'{name}' is both varied and fixed; choose one").format(name=both[0]))
    given = {"loss": loss, "init": {**dict.fromkeys(grid, 0.0), **(fixed or {})}, "l1": l1, "l2": l2}
    problem = Problem.read(formula, data, given, drop_missing=drop_missing, stream=stream, csv=csv)
    listeners = Listeners(callbacks)
    start = dict(zip(problem.program.parameter_names, problem.start, strict=True))
    cost = cost_of(problem.program, problem.columns, points)
    costs = np.empty([len(v) for v in grid.values()])
    for k, index in enumerate(np.ndindex(*costs.shape)):
        point = {name: float(values[i]) for (name, values), i in zip(grid.items(), index, strict=True)}
        costs[index] = cost(tuple((start | point).values()))
        if k % TOLD_EVERY == 0:
            listeners.progress(k + 1, points, float(costs[index]))
    if not np.isfinite(costs).any():
        raise SettingError(_("the cost is infinite or undefined at every point of the grid; choose another range"))
    lowest = np.unravel_index(int(np.nanargmin(costs)), costs.shape)
    best = {name: float(values[i]) for (name, values), i in zip(grid.items(), lowest, strict=True)}
    held = {n: v for n, v in start.items() if n not in grid}
    return Scan(formula.strip(), loss, grid, held, costs, best, float(costs[lowest]), problem.rows, problem.notes)
