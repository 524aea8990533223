"""`Sweep`: what came of many settings, a run in each place of a grid."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tidu.errors import SettingError
from tidu.text import _
from tidu.training.options import OPTIONS, SETTING_NAMES, options_of
from tidu.training.questions import answered
from tidu.training.settings import Settings
from tidu.training.sweeping.axes import INIT, SETTINGS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]
CURVES_IN_JSON = 200_000  # numbers; where there are more, each curve has fewer points
IN_REPR = 5


@dataclass(frozen=True)
class Sweep:
    """What `tidu.sweep` returns: arrays with an entry for each run, in the order of the grid (the last axis fastest).

    Attributes
    ----------
    shared : the settings that all runs share.
    over : the values tried, by name, in the order of the axes.
    params : the parameters at the end by name, each of shape (runs,); of a network, an array of arrays.
    loss, test_loss : the last loss of each run, as `Run.loss`; the mean loss over the rows kept back, if there are any.
    stopped, epochs, steps : how each run ended, as in `Run`; `interrupted` with 0 steps are those never begun.
    curve_epochs, curves : some epochs, and the loss of each run in them, of shape (runs, epochs); nan after its end.
    """

    shared: Settings
    columns: tuple[str, ...]
    over: Mapping[str, tuple[Any, ...]]
    params: Mapping[str, npt.NDArray[Any]]
    loss: Array
    test_loss: Array | None
    stopped: tuple[str, ...]
    epochs: Numbers
    steps: Numbers
    curve_epochs: Numbers
    curves: Array
    rows: int
    seconds: float
    engine: str
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.loss)

    @property
    def shape(self) -> tuple[int, ...]:
        """How many values each axis has; any of the arrays reshaped to it is the grid."""
        return tuple(len(values) for values in self.over.values())

    @property
    def of_arrays(self) -> bool:
        """Whether its runs are networks, whose parameters are no numbers for a table."""
        return any(values.dtype == object for values in self.params.values())

    @property
    def diverged(self) -> int:
        """How many runs diverged."""
        return self.stopped.count("diverged")

    @property
    def order(self) -> Numbers:
        """The runs that have a loss and did not diverge, the lowest loss first."""
        good = np.flatnonzero(np.isfinite(self.loss) & (np.array(self.stopped) != "diverged"))
        return good[np.argsort(self.loss[good], kind="stable")]

    @property
    def best(self) -> dict[str, Any] | None:
        """The row of the run with the lowest loss among those that did not diverge; None if all did."""
        return self.row(int(self.order[0])) if len(self.order) else None

    def values_of(self, run: int) -> dict[str, Any]:
        """The values of one run on the axes."""
        places = np.unravel_index(run, self.shape)
        return {name: values[k] for (name, values), k in zip(self.over.items(), places, strict=True)}

    def row(self, run: int) -> dict[str, Any]:
        """One run as plain values: its values on the axes, and how it ended."""
        tested = {} if self.test_loss is None else {"test_loss": float(self.test_loss[run])}
        return {
            **self.values_of(run),
            "params": {name: np.asarray(values[run]).tolist() for name, values in self.params.items()},
            "loss": float(self.loss[run]),
            **tested,
            "stopped": self.stopped[run],
            "epochs": int(self.epochs[run]),
            "steps": int(self.steps[run]),
        }

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (self.row(run) for run in range(len(self)))

    def options_of(self, run: int) -> dict[str, Any]:
        """The options with which `tidu.fit` gives this run; those that are its defaults are left out."""
        shared = {name: getattr(self.shared, name) for name in options_of("sweep") if name in SETTING_NAMES}
        options = {name: value for name, value in shared.items() if OPTIONS[name].given(value)}
        init = dict(options.pop("init", {}))
        for name, value in self.values_of(run).items():
            if name in SETTINGS:
                options[name] = value
            else:
                init[name.removeprefix(INIT)] = value
        return {**options, **({"init": init} if init else {})}

    def __repr__(self) -> str:
        axes = " × ".join(f"{name} ({len(values)})" for name, values in self.over.items())
        lines = [f"<Sweep of '{self.shared.formula}' over {axes}: {len(self)} runs, {self.diverged} diverged"]
        for run in self.order[:IN_REPR].tolist():
            values = ", ".join(f"{k}={short(v)}" for k, v in self.values_of(run).items())
            lines.append(f"  loss {self.loss[run]:.6g}: {values}")
        return "\n".join(lines) + ">"

    def _repr_html_(self) -> str:
        page: str = answered("notebook", self)
        return page

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values: what the command line prints for `--json`."""
        points = max(2, CURVES_IN_JSON // len(self))
        count = len(self.curve_epochs)
        shown = np.unique(np.linspace(0, count - 1, min(points, count)).round().astype(np.int64))
        return {
            "formula": self.shared.formula.strip(),
            "rows": self.rows,
            "over": {name: list(values) for name, values in self.over.items()},
            "best": self.best,
            "best_options": self.options_of(int(self.order[0])) if len(self.order) else None,
            "diverged": self.diverged,
            "runs": [self._without_arrays(row) for row in self],
            "curve_epochs": self.curve_epochs[shown].tolist(),
            "curves": self.curves[:, shown].tolist(),
            "engine": self.engine,
            "seconds": self.seconds,
            "notes": list(self.notes),
        }

    def _without_arrays(self, row: dict[str, Any]) -> dict[str, Any]:
        """A row as it stands in JSON, where only the best network has its parameters."""
        return {name: value for name, value in row.items() if name != "params" or not self.of_arrays}

    def plot(self, path: str | os.PathLike[str] | None = None) -> Figure:
        """The last loss against the values of one axis, or as a map over two; diverged runs are marked."""
        from tidu.pictures.figure import save
        from tidu.pictures.grids import loss_against, loss_map

        if len(self.over) > 2:
            raise SettingError(_("a sweep can be drawn over one axis or two, not {count}").format(count=len(self.over)))
        names, values = list(self.over), [[_plain(v) for v in axis] for axis in self.over.values()]
        loss = np.where(np.array(self.stopped) == "diverged", math.nan, self.loss)
        if len(names) == 1:
            figure = loss_against(names[0], values[0], loss, self.curve_epochs, self.curves)
        else:
            figure = loss_map(names[0], names[1], values[0], values[1], loss.reshape(self.shape))
        if path is not None:
            save(figure, path)
        return figure


def short(value: object) -> str:
    """A value as a table has it."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _plain(value: object) -> float | str:
    """A number to draw at, or a name to write."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if number else str(value)  # type: ignore[arg-type]  # mypy does not follow `number`
