"""The walk of `line`: two gradients of different size, batches and epochs, and a rate that is too large."""

from tidu.lab.examples import example_named
from tidu.lab.walks.stage import Stage
from tidu.lab.walks.walk import Choice, Number, Stop, Task
from tidu.lessons.line import STEPS

SCENE = example_named("line")
BATCHES = SCENE.set_to(batch_size="30", seed="1")
CLOSE = 0.2  # of its best value


def _arrived(stage: Stage) -> str:
    near = [n for n in ("w", "b") if abs(stage.parameter(n, STEPS) - stage.best[n]) < CLOSE * abs(stage.best[n])]
    return {0: "neither", 1: near[0] if near else "", 2: "both"}[len(near)]


STOPS = (
    Stop(
        SCENE,
        Number(
            lambda s: s.value("grad_w", 0) / s.value("grad_b", 0), 0,
            {"upside": lambda s: s.value("grad_b", 0) / s.value("grad_w", 0)},
        ),
        part="mean", look="mathematics", point="grad_w",
    ),
    Stop(SCENE, Choice(_arrived), step=STEPS, look="landscape",
         values={"w": lambda s: f"{s.best['w']:.4f}", "b": lambda s: f"{s.best['b']:.4f}"}),
    Stop(
        BATCHES,
        Number(lambda s: s.experiment.steps_per_epoch, 0,
               {"whole": lambda s: s.rows // len(s.batch(0)), "all": lambda s: 1}),
        look="rows",
    ),
    Stop(SCENE, Task(lambda s, step: step >= 1 and s.cost(step) > s.cost(0)), look="loss",
         values={"limit": lambda s: f"{s.limit():.6f}"}),
)  # fmt: skip
