"""A generated loop with the data that it reads: what is common to all, plain Python, and whole batches in NumPy.

A loop takes a state some steps further (`run`). What is kept where, and in which order samples are drawn, is decided
here and in the other modules of this package; what a step computes is the loop's text and nothing else.
"""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from types import FunctionType
from typing import Any

import numpy as np
import numpy.typing as npt

from tidu.content.schedules import is_reduced
from tidu.engines.build import module_of
from tidu.engines.plain_sums import summed
from tidu.engines.scalar_loop import Stopped, arguments_of, history_columns
from tidu.training.judging.evaluation import inputs_from
from tidu.training.loops.from_disk import DiskParts
from tidu.training.loops.parts import PartsAhead
from tidu.training.orders import order_of_epoch
from tidu.training.state import TrainingState
from tidu.training.work import Work

Array = npt.NDArray[np.float64]
MOST_ORDERED = 2_000_000  # row numbers of shuffled epochs held at once


class Loop(ABC):
    """The generated function, with what stays the same from slice to slice; how numbers are kept is a subclass's."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.width = len(history_columns(work.program))
        self.train = self.function_of(work.source)
        self.drawn: tuple[int, Any] = (-1, None)  # the last epoch's order
        self.names = arguments_of(work.program, work.shape)
        rate = work.program.rate
        self.reduced = is_reduced(rate)
        self.fixed: dict[str, Any] = {
            "columns": () if work.on_disk else tuple(self.kept(c) for c in work.columns),
            "first_row": 0,
            "rows": work.rows,
            "batch_size": work.per_step,
            "settings": (rate.value,) if rate.is_constant else (),  # or what is left of a rate that falls
            "seed": work.seed,
            "until_loss": work.until_loss,
            "tol": work.tol,
        }
        self.parts: PartsAhead | None = self.parts_of(work)

    @abstractmethod
    def function_of(self, source: str) -> Callable[..., Any]:
        """The function that runs this source."""

    @abstractmethod
    def kept(self, numbers: npt.NDArray[Any]) -> Any:
        """A column, or the order of the samples in an epoch, as the function reads it."""

    def fresh(self, value: Any) -> Any:
        """A parameter, or a part of the optimizer's state, as the function may have it."""
        return value

    @abstractmethod
    def blank_history(self, rows: int) -> Any:
        """Where the function writes rows of the history."""

    def rows_of(self, written: Any) -> Array:
        """The rows of the history that a slice has written, of shape (rows, columns)."""
        return np.array(written, dtype=np.float64).reshape(-1, self.width)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know about how it ran."""
        return ()

    def on_host(self, state: TrainingState) -> TrainingState:
        """A state as floats and NumPy's arrays."""
        return state

    def parts_of(self, work: Work) -> PartsAhead | None:
        """Where samples come part by part, if they do."""
        return DiskParts(work, self.prepared) if work.on_disk else None

    def prepared(self, columns: tuple[Array, ...]) -> tuple[Any, ...]:
        """Columns from disk as the function reads them."""
        inputs = inputs_from(self.work.program, columns) if self.on_inputs else columns
        return tuple(map(self.kept, inputs))

    @property
    def on_inputs(self) -> bool:
        """Whether the function reads features side by side, as loops on arrays do."""
        return self.work.program.of_arrays

    def close(self) -> None:
        """Let go of threads."""
        if self.parts is not None:
            self.parts.close()

    def last_step_of_slice(self, state: TrainingState, steps: int) -> int:
        """Where a slice of about `steps` steps ends: within a part, or so that few shuffled epochs are held at once."""
        if self.work.shape.shuffled:
            steps = min(steps, max(1, MOST_ORDERED // self.work.rows) * self.work.steps_per_epoch)
        return state.step + steps if self.parts is None else min(state.step + steps, self.last_step_of_part(state))

    def last_step_of_part(self, state: TrainingState) -> int:
        """The step after which samples of another part are learned."""
        assert self.parts is not None
        steps = self.parts.size // self.work.per_step  # of a whole part; the last part of an epoch may have fewer
        end = (state.start // self.parts.size + 1) * steps
        return state.epoch * self.work.steps_per_epoch + min(end, self.work.steps_per_epoch)

    def run(self, state: TrainingState, last_step: int) -> tuple[TrainingState, Array, Stopped]:
        """From a state to that after `last_step` steps, with the rows that were recorded; why it ended, if before.

        After a bad step, the state is that before it.
        """
        count = last_step - state.step
        rows = count if self.work.shape.record == "step" else count // self.work.steps_per_epoch + 1
        history = self.blank_history(rows)
        changing = {
            "parameters": tuple(map(self.fresh, state.parameters)),
            "state": tuple(map(self.fresh, (*state.optimizer, *state.epoch_start))),
            "position": (state.epoch, state.step, state.start, state.epoch_loss),
            "last_step": last_step,
            "history": history,
        }
        if self.reduced:
            changing["settings"] = (state.reduction,)
        values = self.fixed | changing | self.drawn_for(state, last_step)
        parameters, carried, position, gradient, row, why = self.train(*(values[name] for name in self.names))
        epoch, step, start, epoch_loss = position
        optimizer, epoch_start = carried[: len(state.optimizer)], carried[len(state.optimizer) :]
        if why == Stopped.DIVERGED:  # what is there may be the bad step's
            before = state if step == state.step else self.run(state, step)[0]
            parameters, optimizer, epoch_start = before.parameters, before.optimizer, before.epoch_start
            gradient = before.gradient
        place = (epoch, step, start, epoch_loss)
        new = TrainingState(parameters, optimizer, epoch_start, *place, gradient, state.plateau)
        return new, self.rows_of(history[:row]), Stopped(why)

    def drawn_for(self, state: TrainingState, last_step: int) -> dict[str, Any]:
        """The order of each epoch that the steps up to `last_step` touch; or the part in which they lie."""
        if self.parts is not None:
            assert last_step <= self.last_step_of_part(state), "steps lie within a part"
            part = self.parts.part(state.epoch, state.start)
            first_row = -part.number * self.parts.size
            return {"columns": part.columns, "orders": self.place, "first_row": first_row}
        if not self.work.shape.shuffled:
            return {}
        epochs = range(state.epoch, (last_step - 1) // self.work.steps_per_epoch + 1)
        orders = [self.order(epoch) for epoch in epochs]
        self.drawn = (epochs[-1], orders[-1])
        return {"orders": self.together(orders)}

    @functools.cached_property
    def place(self) -> Any:
        """The order of the samples in a part: one after another."""
        assert self.parts is not None
        return self.together([self.kept(row) for row in self.parts.place])

    def order(self, epoch: int) -> Any:
        """The order of an epoch; that of the last one was drawn for the steps before, if these ended in mid-epoch."""
        if epoch == self.drawn[0]:
            return self.drawn[1]
        return self.kept(order_of_epoch(self.work.seed, epoch, self.work.rows, self.work.by_blocks))

    def together(self, orders: list[Any]) -> Any:
        """The orders of several epochs as the function reads them."""
        return orders


class PlainLoop(Loop):
    """Plain Python, on lists of floats: what it reads fastest."""

    def function_of(self, source: str) -> Callable[..., Any]:
        train: FunctionType = module_of(source).train
        return FunctionType(train.__code__, train.__globals__ | {"summed": summed}) if self.work.shape.summed else train

    def kept(self, numbers: npt.NDArray[Any]) -> Any:
        return numbers.tolist()

    def blank_history(self, rows: int) -> Any:
        return [()] * rows


class ArrayLoop(Loop):
    """NumPy on whole batches."""

    on_inputs = True

    def function_of(self, source: str) -> Callable[..., Any]:
        return module_of(source).train  # type: ignore[no-any-return]

    def kept(self, numbers: npt.NDArray[Any]) -> Any:
        return np.ascontiguousarray(numbers, dtype=self.work.shape.dtype if numbers.dtype.kind == "f" else None)

    def blank_history(self, rows: int) -> Any:
        return np.empty((rows, self.width))

    def run(self, state: TrainingState, last_step: int) -> tuple[TrainingState, Array, Stopped]:
        narrow = replace(
            state,
            parameters=tuple(map(self.narrow, state.parameters)),
            optimizer=tuple(map(self.narrow, state.optimizer)),
            epoch_start=tuple(map(self.narrow, state.epoch_start)),
        )
        with np.errstate(all="ignore"):  # what is not finite ends the run, in words
            return super().run(narrow, last_step)

    def fresh(self, value: Any) -> Any:
        """A copy, for the loop changes arrays in place."""
        return value.copy()

    def narrow(self, value: Any) -> Any:
        """A parameter in the precision of this run; a number too, or it would widen what it meets."""
        return np.asarray(value, dtype=self.work.shape.dtype)[()]

    def on_host(self, state: TrainingState) -> TrainingState:
        return state.with_numbers(lambda value: value if np.ndim(value) else float(value), float)
