"""The walk of `linreg`: what a mini-batch is, the mean over it, how near one comes, and when the loss grows."""

from tidu.lab.examples import example_named
from tidu.lab.walks.walk import Number, Stop, Task
from tidu.lessons.linreg import TRUE

SCENE = example_named("linreg")
EPOCHS = 3

STOPS = (
    Stop(
        SCENE,
        Number(lambda s: s.experiment.steps_per_epoch, 0,
               {"size": lambda s: len(s.batch(0)), "rows": lambda s: s.rows}),
        look="rows", values={"rows": lambda s: str(s.rows), "size": lambda s: str(len(s.batch(0)))},
    ),
    Stop(
        SCENE, Number(lambda s: s.value("grad_b", 0), 2, {"sum": lambda s: len(s.batch(0)) * s.value("grad_b", 0)}),
        part="mean", look="mathematics", point="grad_b",
    ),
    Stop(
        SCENE, Number(lambda s: abs(s.parameter("b", EPOCHS * s.experiment.steps_per_epoch) - TRUE["b"]), 3),
        step=EPOCHS * 100, look="data", values={"b": lambda s: f"{TRUE['b']:g}"},
    ),
    Stop(SCENE, Task(lambda s, step: step >= 1 and s.cost(step) > s.cost(0)), look="loss"),
)  # fmt: skip
