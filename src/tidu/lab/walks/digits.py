"""The walk of `digits`: a network's numbers, its batches, whom it confuses, and what it is worth on new images."""

import numpy as np

from tidu.lab import networks
from tidu.lab.examples import example_named
from tidu.lab.walks.stage import Stage
from tidu.lab.walks.walk import Choice, Number, Stop
from tidu.lessons.digits import NETWORK, learned

SCENE = example_named("digits")
LATER = 114  # two epochs


def _hardest(stage: Stage) -> float:
    """The digit of which the largest share is taken for another."""
    counts = networks.confusion(stage.experiment, stage.experiment.toward(LATER)).arrays["counts"]
    return float(np.argmax(1 - np.diag(counts) / counts.sum(axis=1)))


def _on_new_images(_stage: Stage) -> str:
    run = learned(NETWORK)
    seen, new = ((m or {})["accuracy"] for m in (run.metrics, run.test_metrics))
    return "fewer" if new < seen else "more" if new > seen else "same"


STOPS = (
    Stop(SCENE, Number(lambda s: s.numbers(), 0, {"biases": lambda s: s.numbers() - s.biases()}), look="network"),
    Stop(
        SCENE, Number(lambda s: s.experiment.steps_per_epoch, 0, {"whole": lambda s: s.rows // len(s.batch(0))}),
        look="rows", values={"rows": lambda s: str(s.rows), "size": lambda s: str(len(s.batch(0)))},
    ),
    Stop(SCENE, Number(_hardest, 0), step=LATER, look="network"),
    Stop(SCENE, Choice(_on_new_images), step=LATER, look="loss"),
)  # fmt: skip
