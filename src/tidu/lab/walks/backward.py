"""The walk of `backward`: the graph of one loss, the slopes along it, a batch, and the update."""

from dataclasses import replace

from tidu.lab.examples import example_named
from tidu.lab.walks.walk import Number, Stop
from tidu.lessons.backward import BATCH_X, BATCH_Y, LR, B, W, X, Y

SCENE = replace(
    example_named("line"), table=lambda: {"x": [X], "y": [Y]},
    settings={"loss": "half_squared", "lr": f"{LR:g}", "init": f"w={W:g},b={B:g}"},
)  # fmt: skip
BATCH = replace(SCENE, table=lambda: {"x": BATCH_X, "y": BATCH_Y})

STOPS = (
    Stop(SCENE, Number(lambda s: s.value("residual", 0, 0), 1, {"twice": lambda s: 2 * s.value("residual", 0, 0)}),
         part="loss", look="graph", point="residual"),
    Stop(SCENE, Number(lambda s: s.value("grad_w", 0), 1, {"other": lambda s: s.value("grad_b", 0)}),
         part="accumulate", look="graph", point="grad_w"),
    Stop(BATCH, Number(lambda s: s.value("grad_w", 0), 2, {"sum": lambda s: len(BATCH_X) * s.value("grad_w", 0)}),
         part="accumulate", look="mathematics", point="grad_w"),
    Stop(SCENE, Number(lambda s: s.cost(1), 3), part="update", look="mathematics", point="w"),
)  # fmt: skip
