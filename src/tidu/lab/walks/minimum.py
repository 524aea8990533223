"""The walk of `minimum`: down a parabola, onto a saddle, and off it again by samples that push."""

from dataclasses import replace

from tidu.lab.examples import example_named
from tidu.lab.walks.stage import Stage
from tidu.lab.walks.walk import Choice, Number, Stop
from tidu.lessons.minimum import PUSHES, SADDLE_EPOCHS

PARABOLA = example_named("function")
RIDGE = replace(PARABOLA, formula="x**2 - y**2 + y**4/4", settings={"lr": "0.05", "init": "x=1,y=0"})
PUSHED = example_named("saddle").set_to(batch_size="1")
STOOD, ENDED = 200, SADDLE_EPOCHS * len(PUSHES)
NEAR = 0.3


def _kind(stage: Stage) -> str:
    """What sort of place it has come to, by the function to its sides."""
    stage.cost(STOOD)
    cost = stage.experiment.cost
    assert cost is not None
    x, y = (stage.parameter(name, STOOD) for name in ("x", "y"))
    here = cost((x, y))
    rises = {cost((x + a, y + b)) > here for a, b in ((NEAR, 0), (-NEAR, 0), (0, NEAR), (0, -NEAR))}
    return "saddle" if len(rises) == 2 else "minimum" if True in rises else "maximum"


STOPS = (
    Stop(
        PARABOLA, Number(lambda s: s.value("grad_x", 0), 1, {"value": lambda s: s.cost(0)}),
        part="mean", look="landscape", point="grad_x",
    ),
    Stop(
        PARABOLA,
        Number(
            lambda s: s.parameter("x", 1) / s.parameter("x", 0), 2,
            {"taken": lambda s: 1 - s.parameter("x", 1) / s.parameter("x", 0)},
        ),
        step=5, look="landscape",
    ),
    Stop(RIDGE, Choice(_kind), step=STOOD, look="landscape"),
    Stop(PUSHED, Number(lambda s: abs(s.parameter("y", ENDED)), 1), step=ENDED, look="landscape"),
)  # fmt: skip
