"""What a training tells while it runs: events, given to callbacks between two steps.

A callback is any function of an event; the progress bar is one. It may ask to stop by returning `Stop()`. One that
raises ends the run, whose state is kept and whose notes show the error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from tidu.errors import SettingError
from tidu.text import _
from tidu.training.history import History
from tidu.training.state import TrainingState

if TYPE_CHECKING:
    from tidu.training.problem import Problem

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Attempt:
    """Which descent of a training this is, for one that goes up may begin anew with another learning rate.

    `rate` is where the rate is from: `given`, `default` or `auto`; `retries` are the times that `auto` lowered it.
    """

    rate: str = "given"
    retries: int = 0


GIVEN, DEFAULT = "given", "default"
ONLY_ATTEMPT = Attempt()


@dataclass(frozen=True)
class Began:
    """Before the first step: what is trained, where from, how many steps at most, on which engine, by which loop."""

    problem: Problem
    state: TrainingState
    steps_in_all: int
    engine: str
    source: str = ""
    device: str | None = None
    judged_since: int = 0  # the epoch from which patience counts: `Judged.since`
    attempt: Attempt = ONLY_ATTEMPT


@dataclass(frozen=True)
class Advanced:
    """After some steps: how many are done, of how many at most; the last loss (nan before the first row of history).

    `state` and `rows`, the new rows of the history (as `History.values` has them, though in rescaled parameters under
    `scale=True`), are of a descent; a solver, a sweep and a scan have neither. `judged`, the new losses of
    `Judged.losses`, and `best`, the state of the lowest so far, are there where early stopping is asked for.
    """

    steps: int
    steps_in_all: int
    loss: float
    state: TrainingState | None = None
    rows: Array = field(default_factory=lambda: np.empty((0, 0)))
    judged: Sequence[float] = ()
    best: TrainingState | None = None


@dataclass(frozen=True)
class EpochEnded:
    """After each epoch: its number, from 0, and its mean loss. Told to callbacks with `each_epoch = True` only.

    For these, the training pauses after every epoch, which short epochs feel.
    """

    told_where: ClassVar[str] = "each_epoch"
    epoch: int
    loss: float
    state: TrainingState


@dataclass(frozen=True)
class Diverged:
    """Step number `step`, from 1, was not finite; `state` is the last one at which the cost is finite."""

    step: int
    state: TrainingState


@dataclass(frozen=True)
class Ended:
    """Why it stopped, and where: `Run.state` may be an earlier one, the best, where early stopping is asked for."""

    stopped: str
    state: TrainingState
    history: History


@dataclass(frozen=True)
class Solving:
    """Before a solver's first pass: what is solved, and on which engine; a solver tells neither `Began` nor `Ended`.

    Told to callbacks with `keeps_answers = True` only.
    """

    told_where: ClassVar[str] = "keeps_answers"
    problem: Problem
    engine: str


@dataclass(frozen=True)
class Answered:
    """After a pass over the rows that a solver asked for: the hash of what it asked, and the numbers that it was given.

    Told to callbacks with `keeps_answers = True` only; see `solving/answers.py`.
    """

    told_where: ClassVar[str] = "keeps_answers"
    question: bytes
    numbers: Array


Event = Began | Advanced | EpochEnded | Diverged | Ended | Solving | Answered


@dataclass(frozen=True)
class Stop:
    """What a callback returns to end the training; `reason` becomes `Run.stopped`."""

    reason: str = "interrupted"
    note: str = ""


Callback = Callable[[Any], object]
Progress = Callable[[int, int, float], None]  # steps done, steps in all, the last loss


class Listeners:
    """The callbacks of a run, and what came of telling them: the first wish to stop, the error of one that raised."""

    def __init__(self, callbacks: Callback | Iterable[Callback] = ()) -> None:
        given = (callbacks,) if callable(callbacks) else tuple(callbacks)
        for callback in given:
            if not callable(callback):
                raise SettingError(_("a callback must be a function of an event, not {value!r}").format(value=callback))
        self.callbacks = given
        self.stop: Stop | None = None
        self.error: Exception | None = None

    @property
    def each_epoch(self) -> bool:
        """Whether one of them wants to be told of every epoch."""
        return any(getattr(c, "each_epoch", False) for c in self.callbacks)

    @property
    def keeps_answers(self) -> bool:
        """Whether one of them wants to be told of what a solver's passes come to."""
        return any(getattr(c, "keeps_answers", False) for c in self.callbacks)

    def and_also(self, callback: Callback) -> Listeners:
        """These callbacks and one more, which is told last."""
        return Listeners((*self.callbacks, callback))

    def tell(self, event: Event) -> None:
        """Give the event to each callback; Ctrl-C in one of them is a wish to stop, and the others are told too."""
        for callback in self.callbacks:
            wanted = getattr(event, "told_where", "")
            if wanted and not getattr(callback, wanted, False):
                continue
            try:
                wish = callback(event)
            except KeyboardInterrupt:
                self.stop = self.stop or Stop()
            except Exception as error:  # the user's own code may raise anything; the run must not be lost by it
                self.error = self.error or error
                self.stop = self.stop or Stop("interrupted", _error_of(callback, error))
            else:
                if isinstance(wish, Stop):
                    self.stop = self.stop or wish

    def progress(self, steps: int, steps_in_all: int, loss: float) -> None:
        """Tell of steps without a state; KeyboardInterrupt, as Ctrl-C gives, where a callback wants to stop."""
        self.tell(Advanced(steps, steps_in_all, loss))
        if self.stop is not None:
            raise KeyboardInterrupt

    @property
    def notes(self) -> list[str]:
        """What a person should know about the end that they brought."""
        return [self.stop.note] if self.stop is not None and self.stop.note else []


def _error_of(callback: Callback, error: Exception) -> str:
    name = getattr(callback, "__qualname__", type(callback).__qualname__)
    return _("the callback {name} raised {kind}: {error}; the training ended there, and its state is kept").format(
        name=name, kind=type(error).__name__, error=str(error) or _("without words")
    )
