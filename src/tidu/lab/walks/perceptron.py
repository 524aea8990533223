"""The walk of `perceptron`: what counts as a mistake, when it has learned, and a task that no line can do."""

from dataclasses import replace

from tidu.lab.examples import example_named
from tidu.lab.walks.stage import Stage
from tidu.lab.walks.walk import Choice, Number, Stop
from tidu.lessons.perceptron import OR, XOR

SCENE = example_named("perceptron")
ENDLESS = replace(SCENE, table=lambda: XOR)
CORNERS = len(OR["y"])
WATCHED = 10 * CORNERS  # steps


def _moves(stage: Stage, step: int) -> bool:
    return dict(stage.parameters(step)) != dict(stage.parameters(step + 1))


def _ever_right(stage: Stage) -> str:
    return "once" if any(stage.right(k) == CORNERS for k in range(WATCHED + 1)) else "never"


STOPS = (
    Stop(SCENE, Choice(lambda s: "yes" if _moves(s, 0) else "no"), part="loss", look="mathematics", point="y_hat"),
    Stop(SCENE, Number(lambda s: sum(_moves(s, k) for k in range(WATCHED)), 0,
                       {"steps": lambda s: 1 + max(k for k in range(WATCHED) if _moves(s, k))}), look="data"),
    Stop(SCENE, Number(lambda s: sum(s.parameters(WATCHED).values()), 0), step=WATCHED, look="data"),
    Stop(ENDLESS, Choice(_ever_right), step=WATCHED, look="data"),
)  # fmt: skip
