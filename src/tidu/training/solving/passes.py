"""What a solver leaves behind: its passes over the data, in the form in which every training has its history."""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from tidu.later import Later
from tidu.training.callbacks import Progress
from tidu.training.engine_choice import Engine
from tidu.training.history import History
from tidu.training.problem import Limits
from tidu.training.solving.objective import Objective

Array = npt.NDArray[np.float64]


MOST_TRIES = 2000  # evaluations of one attempt, where the user sets no bound


class Enough(Exception):  # it is no error
    """A limit of the user's is reached; `stopped` says which."""

    def __init__(self, stopped: str) -> None:
        super().__init__(stopped)
        self.stopped = stopped


class Blocked(Exception):  # it is no error
    """A method can make no further step from where it is."""


@contextlib.contextmanager
def without_warnings() -> Iterator[None]:
    """Nobody is warned of an overflow on a step that is not taken."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


class Passes:
    """The points that a solver came to, each with its cost and gradient; it tells the solver when to stop."""

    def __init__(self, limits: Limits, progress: Progress | None, tries: int = MOST_TRIES, lean: bool = False) -> None:
        self.lean = lean  # whether only the best point and the last are held: those of a network are large
        self.limits, self.progress, self.tries = limits, progress, tries
        self.points: list[Array] = []
        self.costs: list[float] = []
        self.gradients: list[Array] = []
        self.norms: list[float] = []  # of the gradients, where these are not held
        self._held: set[int] = set()
        self.ran: tuple[str, Engine] | None = None  # the loop that made all of them, where one did, and what ran it
        self.settled = False  # whether the last point is known to be better than its cost can show

    def add(self, point: Array, cost: float, gradient: Array) -> None:
        """Note a point that was accepted; raises Enough where the user wants no more.

        A point is noted once, and nothing that is not finite is a point.
        """
        if (self.points and np.array_equal(point, self.points[-1])) or not math.isfinite(cost):
            return
        self.points.append(np.array(point))
        self.costs.append(cost)
        self.gradients.append(np.array(gradient))
        if self.lean:  # before anything that may end the solver
            self.norms.append(float(np.linalg.norm(gradient)))
            self._held.add(len(self.points) - 1)
        if self.progress is not None:
            self.progress(len(self.points), self.limits.steps, cost)
        if self.limits.until_loss is not None and cost < self.limits.until_loss:
            raise Enough("loss")
        moved = float(np.max(np.abs(self.points[-1] - self.points[-2]))) if len(self.points) > 1 else math.inf
        if self.limits.tol is not None and moved <= self.limits.tol:
            raise Enough("converged")
        if self.lean:
            self._forget()
        if len(self.points) >= self.limits.steps:
            raise Enough(self.limits.bound)

    def add_all(self, points: Array, costs: Array, gradients: Array) -> None:
        """Note several, one after another; errors as `add`."""
        limits = self.limits
        if self.progress is None and limits.until_loss is None and limits.tol is None and len(costs) < limits.steps:
            self.points.extend(points)
            self.costs.extend(costs.tolist())
            self.gradients.extend(gradients)
            return
        for point, cost, gradient in zip(points, costs.tolist(), gradients, strict=True):
            self.add(point, cost, gradient)

    def _forget(self) -> None:
        """Let go of the numbers of points that are neither the best nor the last."""
        last = len(self.points) - 1
        for k in self._held - {self.best, last}:
            self.points[k] = self.gradients[k] = np.zeros(0)
        self._held = {self.best, last}

    @property
    def best(self) -> int:
        """The place of the point with the lowest cost, the last such; once settled, the last point."""
        if self.settled:
            return len(self.costs) - 1
        return len(self.costs) - 1 - int(np.argmin(self.costs[::-1]))

    def cut_to_best(self) -> None:
        """Forget what came after the best point."""
        self.cut_to(self.best + 1)

    def cut_to(self, end: int) -> None:
        """Forget all but the first `end` points."""
        del self.points[end:], self.costs[end:], self.gradients[end:], self.norms[end:]

    def history(self, objective: Objective) -> History:
        """A row for each pass: the cost and the gradient that it found, and the parameters after it.

        The last pass found nothing better, and leaves the parameters where they are.
        """
        n, p = len(self.points), objective.p
        numbers = np.arange(n, dtype=np.int64)
        if objective.program.of_arrays:
            rows = np.column_stack([self.costs, self.norms, np.full(n, math.nan)]) if n else np.empty((0, 3))
            return History((), "step", numbers, numbers, rows)
        costs, points, gradients = [*self.costs], [*self.points], [*self.gradients]

        def values() -> Array:
            found = np.full((n, 3 + 2 * p), math.nan)  # there is no learning rate
            if n:
                found[:, 0] = costs
                found[:, 1] = [math.hypot(*g) for g in np.array(gradients).tolist()]
                found[:, 3 : 3 + p] = [*points[1:], points[-1]]
                found[:, 3 + p :] = gradients
            return found

        return History(objective.program.parameter_names, "step", numbers, numbers, Later(values))
