"""The walk of `conditioning`: a steep wall, a level floor, and the same cost in better coordinates."""

import numpy as np

from tidu.lab.examples import example_named
from tidu.lab.walks.stage import Stage
from tidu.lab.walks.walk import Choice, Number, Stop
from tidu.lessons.line import STEPS

VALLEY = example_named("line")
BOWL = VALLEY.set_to(scale=True, lr="0.5")
WITHIN = 0.01  # of the best value


def _floor(stage: Stage) -> str:
    """The parameter along which the cost curves least: the larger part of that direction."""
    x = stage.columns["x"]
    hessian = 2 * np.array([[np.mean(x * x), np.mean(x)], [np.mean(x), 1.0]])
    direction = np.linalg.eigh(hessian)[1][:, 0]
    return "b" if abs(direction[1]) > abs(direction[0]) else "w"


def _steps(stage: Stage) -> float:
    """After how many steps b is within 1% of its best value."""
    best = stage.best["b"]
    return next(k for k in range(STEPS) if abs(stage.parameter("b", k) - best) < WITHIN * abs(best))


def _factor(stage: Stage) -> float:
    return (stage.parameter("b", 2) - stage.best["b"]) / (stage.parameter("b", 1) - stage.best["b"])


STOPS = (
    Stop(VALLEY, Choice(_floor), step=STEPS, look="landscape"),
    Stop(
        VALLEY, Number(lambda s: s.limit(), 6, {"best": lambda s: s.limit() / 2}), step=STEPS, look="loss",
        values={"rate": lambda s: f"{s.rate:g}", "high": lambda s: f"{s.curvature():.0f}"},
    ),
    Stop(BOWL, Number(_factor, 1), step=4, look="landscape",
         values={"b": lambda s: f"{s.best['b']:.6f}"}),
    Stop(BOWL, Number(_steps, 0), look="loss", values={"b": lambda s: f"{s.best['b']:.6f}"}),
)  # fmt: skip
