"""`TrainingState`: where a training stands, as one value; all that the next step depends on besides the problem.

It is numbers and arrays, so it can be kept as arrays or as JSON, and read in another process. The order of the samples
in an epoch is no part of it: that follows from the seed and the number of the epoch (`orders.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

_MANY = ("parameters", "optimizer", "epoch_start", "gradient")  # a number or an array for each parameter, or state
_PLAIN = ("plateau",)  # likewise numbers, which are in no parameters and on no device
_PLACE = ("epoch", "step", "start")


@dataclass(frozen=True)
class TrainingState:
    """After `step` steps.

    Attributes
    ----------
    parameters : floats, or arrays of the parameters' shapes, in the order of the program.
    optimizer : the optimizer's state, in the order of `Program.new_state`.
    epoch_start : the parameters as this epoch began, which convergence is measured from; empty without `tol`.
    epoch, step, start : epochs and steps that are done, and rows of the present epoch.
    epoch_loss : the sum of the losses of these rows.
    gradient : of the last step, as the optimizer saw it; empty before the first.
    plateau : where a rate stands that falls at plateaus of the loss (`content/plateau.py`); empty at the start.

    Under `scale=True` all of them are in the rescaled parameters: see `Problem.rescaling`.
    """

    parameters: tuple[Any, ...]
    optimizer: tuple[Any, ...] = ()
    epoch_start: tuple[Any, ...] = ()
    epoch: int = 0
    step: int = 0
    start: int = 0
    epoch_loss: float = 0.0
    gradient: tuple[Any, ...] = ()
    plateau: tuple[float, ...] = ()

    @property
    def reduction(self) -> float:
        """What plateaus of the loss have left of the learning rate, as a factor."""
        return self.plateau[0] if self.plateau else 1.0

    def with_numbers(self, changed: Callable[[Any], Any], changed_total: Callable[[Any], Any] | None = None) -> Self:
        """The state in which each number and array is changed, and the running sum of losses in a way of its own."""
        new: dict[str, Any] = {name: tuple(map(changed, getattr(self, name))) for name in _MANY}
        return replace(self, **new, epoch_loss=(changed_total or changed)(self.epoch_loss))

    # -- keeping it --------------------------------------------------------------------------------
    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Everything as arrays by name: what `of_arrays` makes the same state of, to the bit."""
        arrays = {f"{name}/{k}": np.array(v, dtype=np.float64) for name, k, v in self._numbers()}
        arrays["place"] = np.array([getattr(self, name) for name in _PLACE], dtype=np.int64)
        arrays["epoch_loss"] = np.array(self.epoch_loss, dtype=np.float64)
        return arrays

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """The state that `to_arrays` wrote.

        Raises
        ------
        ValueError, KeyError
            These are no arrays of a state.
        """
        many: dict[str, dict[int, Any]] = {name: {} for name in (*_MANY, *_PLAIN)}
        for key, array in arrays.items():
            name, _slash, k = key.partition("/")
            if k:
                many[name][int(k)] = float(array) if array.ndim == 0 else np.array(array, dtype=np.float64)
        if any(sorted(found) != list(range(len(found))) for found in many.values()):
            raise ValueError("a number of the state is missing")
        epoch, step, start = map(int, arrays["place"])
        whole = {name: tuple(found[k] for k in range(len(found))) for name, found in many.items()}
        return cls(**whole, epoch=epoch, step=step, start=start, epoch_loss=float(arrays["epoch_loss"]))

    def to_dict(self) -> dict[str, Any]:
        """Everything as numbers and lists, for JSON, whose text of a float has all of its bits."""
        return {
            field.name: [np.asarray(v).tolist() for v in value] if isinstance(value, tuple) else value
            for field in fields(self)
            for value in [getattr(self, field.name)]
        }

    @classmethod
    def of_dict(cls, plain: Mapping[str, Any]) -> Self:
        """The state that `to_dict` gave."""
        given = dict(plain)
        for name in (*_MANY, *_PLAIN):
            given[name] = tuple(np.array(v, dtype=np.float64) if isinstance(v, list) else v for v in given[name])
        return cls(**given)

    def _numbers(self) -> Iterator[tuple[str, int, Any]]:
        for name in (*_MANY, *_PLAIN):
            for k, value in enumerate(getattr(self, name)):
                yield name, k, value
