"""The walk of `learning-rate`: curvature, the limit, the rate that lands at once, and one that is too large."""

from dataclasses import replace

from tidu.lab.examples import example_named
from tidu.lab.walks.stage import Stage
from tidu.lab.walks.walk import Number, Stop, Task
from tidu.lessons.learning_rate import BEST, DATA, START

SLOW = replace(example_named("one-weight"), table=lambda: DATA).set_to(lr="0.05", init=f"w={START:g}")
TOO_LARGE = SLOW.set_to(lr="0.225")
LANDED = 1e-4  # of the first cost


def _factor(stage: Stage) -> float:
    return (stage.parameter("w", 2) - BEST) / (stage.parameter("w", 1) - BEST)


STOPS = (
    Stop(SLOW, Number(lambda s: s.curvature(), 2, {"half": lambda s: s.curvature() / 2}), look="landscape"),
    Stop(SLOW, Number(lambda s: s.limit(), 3, {"best": lambda s: s.limit() / 2}), step=10, look="landscape"),
    Stop(SLOW, Task(lambda s, step: step >= 1 and s.cost(1) < LANDED * s.cost(0)), look="landscape"),
    Stop(TOO_LARGE, Number(_factor, 1), step=8, look="landscape"),
)
