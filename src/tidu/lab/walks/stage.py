"""`Stage`: the experiment that a stop of a walk looks at, as its questions ask it; every answer is the engine's."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np

from tidu.insight.explanation import Entry
from tidu.lab import networks, views
from tidu.lab.examples import Example
from tidu.lab.experiment import Experiment
from tidu.lab.problems import problem_of
from tidu.training.fit import fit
from tidu.training.settings import Settings


class Stage:
    """An experiment, and what one may ask of it at a step."""

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment

    @classmethod
    def of(cls, scene: Example) -> Stage:
        """The experiment of a scene, at its start."""
        return cls(Experiment(problem_of(scene.data(), scene.formula, scene.settings)))

    @property
    def settings(self) -> Settings:
        """What the experiment was set to."""
        return self.experiment.problem.settings

    @property
    def rate(self) -> float:
        """The learning rate."""
        rate = self.experiment.problem.program.rate
        return float(rate.value)

    @property
    def rows(self) -> int:
        """Rows of the data."""
        return self.experiment.problem.rows

    @property
    def columns(self) -> dict[str, np.ndarray[Any, Any]]:
        """The data, by column."""
        problem = self.experiment.problem
        return {c.name: np.asarray(v) for c, v in zip(problem.program.columns, problem.columns, strict=True)}

    def parameters(self, step: int) -> Mapping[str, Any]:
        """The parameters at a step."""
        return self.experiment.toward(step).parameters

    def numbers(self) -> int:
        """How many numbers are learned."""
        return sum(int(np.size(v)) for v in self.parameters(0).values())

    def biases(self) -> int:
        """How many of them are biases of a network's layers."""
        drawn = networks.network(self.experiment, self.experiment.toward(0), 0).plain["layers"]
        return sum(int(layer["units"]) for layer in drawn if layer["bias"])

    def parameter(self, name: str, step: int) -> float:
        """One of them, a number."""
        return float(self.parameters(step)[name])

    def cost(self, step: int) -> float:
        """J over all rows at a step."""
        return views.cost_at(self.experiment, self.experiment.toward(step))

    def told(self, step: int, row: int | None = None) -> tuple[Entry, ...]:
        """The values of the update that begins at a step: those of the step, and of one of its rows."""
        _trace, told = self.experiment.told(self.experiment.toward(step), row)
        return tuple(told.entries)

    def value(self, name: str, step: int, row: int | None = None) -> float:
        """What the loop calls `name` in the update that begins at a step: its last value, of a row or of the step."""
        return float([e.value for e in self.told(step, row) if e.name == name and e.row == row][-1])

    def batch(self, step: int) -> list[int]:
        """The rows that feed the update that begins at a step."""
        return [int(k) for k in self.experiment.batch_at(step)]

    def limit(self, step: int = 0) -> float:
        """The learning rate above which gradient descent grows, from the curvature at a step."""
        return 2.0 / self.curvature(step)

    def curvature(self, step: int = 0) -> float:
        """λmax of the cost at a step."""
        found = views.curvature(self.experiment, self.experiment.toward(step)).plain["curvature"]
        return float(found["largest"])

    def right(self, step: int) -> int:
        """How many rows are taken for their own class at a step."""
        counts = networks.confusion(self.experiment, self.experiment.toward(step)).arrays["counts"]
        return int(np.trace(counts))

    @cached_property
    def best(self) -> Mapping[str, float]:
        """The parameters of the least cost, solved exactly."""
        return dict(fit(self.settings.formula, self.columns, optimizer="lm").params)

    def close(self) -> None:
        """Let go of the loop's threads."""
        self.experiment.close()
