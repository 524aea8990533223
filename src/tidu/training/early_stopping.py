"""Early stopping: every epoch is judged by rows kept back, or by the training cost, and the best state is kept.

Told of epochs as a callback is; each descent has one of its own, where `patience` or `validation` ask for it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from tidu.text import _
from tidu.training.callbacks import Began, EpochEnded, Stop
from tidu.training.state import TrainingState
from tidu.training.training import Training

Array = npt.NDArray[np.float64]
PATIENCE = "patience"


@dataclass(frozen=True)
class Judged:
    """How good each epoch of a training was.

    Attributes
    ----------
    losses : after each whole epoch, of shape (epochs,): the mean loss of the rows kept back, without penalty; where
        none are, the cost of all training rows, with penalty.
    validated : whether it is that of rows kept back.
    epochs, steps : how many were completed, those after the best among them.
    last : where the training stood at its end, from which it could go on; None of a run that was loaded.
    since : the epochs after which patience began anew, for a training that it had ended was to go on.
    """

    losses: Array
    validated: bool
    epochs: int
    steps: int
    last: TrainingState | None = None
    since: int = 0

    @property
    def best(self) -> int | None:
        """The number, from 0, of the epoch with the lowest loss, of equal ones the first; None if none is finite."""
        finite = np.where(np.isfinite(self.losses), self.losses, math.inf)
        lowest = int(np.argmin(finite)) if len(finite) else 0
        return lowest if len(finite) and finite[lowest] < math.inf else None

    @property
    def note(self) -> str:
        """Which epoch is kept, and why; empty where none is."""
        best = self.best
        if best is None:
            return ""
        sentence = (
            _("the parameters are those after epoch {epoch}, with the lowest validation loss, {loss:.6g}; epochs after "
              "it: {after}")
            if self.validated
            else _("the parameters are those after epoch {epoch}, with the lowest training cost, {loss:.6g}; epochs "
                   "after it: {after}")
        )  # fmt: skip
        return sentence.format(epoch=best + 1, loss=self.losses[best], after=self.epochs - best - 1)

    # -- keeping it --------------------------------------------------------------------------------
    def plain(self, losses: bool = True) -> dict[str, Any]:
        """Plain values, for a file; without the last state, and without the losses if they are kept elsewhere."""
        plain = {"validated": self.validated, "epochs": self.epochs, "steps": self.steps}
        return {**plain, "losses": self.losses.tolist()} if losses else plain

    @classmethod
    def of_plain(cls, plain: Mapping[str, Any]) -> Self:
        """What `plain` told; a null, as JSON has for what is not finite, is nan."""
        losses = np.array([math.nan if v is None else v for v in plain["losses"]], dtype=np.float64)
        return cls(losses, plain["validated"], plain["epochs"], plain["steps"])


class EarlyStopping:
    """Judges each epoch, holds on to the best state, and asks to stop when `patience` epochs brought nothing better.

    `judged` and `best` are those of a training that is taken up again.
    """

    def __init__(self, training: Training, judged: Judged | None, best: TrainingState | None) -> None:
        self.problem, self.best, self.loss = training.problem, best, training.epoch_loss
        self.patience, self.least = self.problem.settings.patience, self.problem.settings.min_improvement
        self.losses: list[float] = []
        self.lowest = math.inf
        self.reference, self.improved = math.inf, -1  # the loss that counted as better last, and its epoch
        self.since = 0 if judged is None else judged.since
        for loss in [] if judged is None else judged.losses.tolist():
            self._take(loss)

    @classmethod
    def of(cls, training: Training, judged: Judged | None = None, best: TrainingState | None = None) -> Self | None:
        """That of a training; None where nobody asks for it."""
        return cls(training, judged, best) if training.problem.is_judged else None

    def __call__(self, event: object) -> Stop | None:
        """Be told of an event."""
        if not isinstance(event, (Began, EpochEnded)):
            return None
        is_new = event.state.epoch > len(self.losses)
        if is_new and self._take(self.loss(self.problem.parameters_at(event.state))):
            self.best = event.state
        return Stop(PATIENCE) if self._is_over() else None

    def judged(self, last: TrainingState) -> Judged:
        """What is known of the epochs, of a training that stands at `last`."""
        return Judged(np.array(self.losses), self.loss.validated, last.epoch, last.step, last, self.since)

    def _take(self, loss: float) -> bool:
        """Note the loss of the next epoch; whether it is the lowest."""
        if math.isfinite(loss) and (self.improved < 0 or loss < self.reference - self.least * abs(self.reference)):
            self.reference, self.improved = loss, len(self.losses)
        self.losses.append(loss)
        lowest = math.isfinite(loss) and loss < self.lowest
        self.lowest = loss if lowest else self.lowest
        return lowest

    def _is_over(self) -> bool:
        counted_from = max(self.improved + 1, self.since)
        return self.patience is not None and len(self.losses) - counted_from >= self.patience
