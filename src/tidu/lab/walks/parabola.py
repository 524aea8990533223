"""The walk of `parabola`: three weights that share one error, sample by sample, and an optimizer that is faster."""

from tidu.lab.examples import example_named
from tidu.lab.walks.stage import Stage
from tidu.lab.walks.walk import Choice, Number, Stop, Task

SCENE = example_named("parabola").set_to(batch_size="1", shuffle=False, init="w1=1,w2=0,w3=1")
HALFWAY = 50  # the row with x = 0.5
EPOCHS, LATER = 1000, 20_000
LOW = 1e-3  # a cost that plain descent has not reached by then


def _furthest(stage: Stage) -> str:
    return max(("w1", "w2", "w3"), key=lambda n: abs(stage.parameter(n, LATER) - stage.best[n]))


STOPS = (
    Stop(
        SCENE,
        Number(
            lambda s: s.value("grad_w1", HALFWAY) / s.value("grad_w3", HALFWAY), 2,
            {"second": lambda s: s.value("grad_w2", HALFWAY) / s.value("grad_w3", HALFWAY)},
        ),
        step=HALFWAY, part="accumulate", look="mathematics", point="grad_w1",
    ),
    Stop(
        SCENE, Number(lambda s: EPOCHS * s.experiment.steps_per_epoch, 0, {"epochs": lambda s: EPOCHS}),
        step=100, look="loss", values={"epochs": lambda s: str(EPOCHS)},
    ),
    Stop(SCENE, Choice(_furthest), step=LATER, look="data"),
    Stop(SCENE, Task(lambda s, step: 0 < step <= LATER and s.cost(step) < LOW), step=LATER, look="data"),
)  # fmt: skip
