"""The walk of `one-weight`: a cost as a curve, the mean of three gradients, and updates after each sample."""

from dataclasses import replace

from tidu.lab.examples import example_named
from tidu.lab.walks.stage import Stage
from tidu.lab.walks.walk import Choice, Number, Stop
from tidu.lessons.one_weight import EPOCHS, SGD_DATA

ALL = example_named("one-weight")
ONE_BY_ONE = replace(ALL, table=lambda: SGD_DATA).set_to(batch_size="1", shuffle=False)
SAMPLES = len(SGD_DATA["x"])
SMALL = 0.1


def _gradients_at_the_end(stage: Stage) -> str:
    last = SAMPLES * EPOCHS
    slopes = [stage.value("grad_w", last + k) for k in range(SAMPLES)]
    if max(map(abs, slopes)) < SMALL:
        return "zero"
    return "turns" if abs(sum(slopes)) < SMALL * max(map(abs, slopes)) else "one-way"


STOPS = (
    Stop(ALL, Number(lambda s: s.best["w"], 1), step=20, look="landscape"),
    Stop(
        ALL, Number(lambda s: s.value("grad_w", 0), 2, {"sum": lambda s: SAMPLES * s.value("grad_w", 0)}),
        part="mean", look="mathematics", point="grad_w",
    ),
    Stop(
        ONE_BY_ONE,
        Number(
            lambda s: s.parameter("w", 1), 2,
            {"all": lambda s: s.parameter("w", 0) + s.rate * sum(
                2 * (y - s.parameter("w", 0) * x) * x for x, y in zip(*SGD_DATA.values(), strict=True)) / SAMPLES},
        ),
        part="update", look="mathematics", point="w",
    ),
    Stop(ONE_BY_ONE, Choice(_gradients_at_the_end), step=SAMPLES * EPOCHS, look="loss"),
)  # fmt: skip
