"""The walk of `meter`: one weight, one sample, and what a single update does."""

from tidu.lab.examples import example_named
from tidu.lab.walks.stage import Stage
from tidu.lab.walks.walk import Number, Stop, Task
from tidu.lessons.meter import DATA

SCENE = example_named("meter").set_to(loss="half_squared", lr="0.2", init="w=0.1")
TARGET = DATA["y"][0] / DATA["x"][0]


def _gap(stage: Stage, step: int) -> float:
    return TARGET - stage.parameter("w", step)


STOPS = (
    Stop(
        SCENE, Number(lambda s: s.value("grad_w", 0), 1, {"twice": lambda s: 2 * s.value("grad_w", 0)}),
        part="accumulate", look="mathematics", point="grad_w",
    ),
    Stop(
        SCENE,
        Number(
            lambda s: s.parameter("w", 1), 2,
            {"uphill": lambda s: s.parameter("w", 0) + s.rate * s.value("grad_w", 0),
             "whole": lambda s: s.parameter("w", 0) - s.value("grad_w", 0)},
        ),
        part="update", look="mathematics", point="w",
    ),
    Stop(
        SCENE,
        Number(
            lambda s: _gap(s, 3) / _gap(s, 2), 2,
            {"closed": lambda s: 1 - _gap(s, 3) / _gap(s, 2), "loss": lambda s: s.cost(3) / s.cost(2)},
        ),
        step=10, look="loss",
    ),
    Stop(SCENE, Task(lambda s, step: step >= 1 and abs(_gap(s, 1)) < 0.1), look="landscape"),
)  # fmt: skip
