"""The loop on whole batches on a device of PyTorch.

Data go to the device once; parameters and the optimizer's state stay there until the descent ends. Reading a number of
a GPU waits for all that it has yet to do, so a step reads none: losses, and the sums that tell whether a step was
finite, are read once a slice. A slice with a bad step is run again up to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from tidu.engines.build import module_of
from tidu.engines.scalar_loop import Stopped
from tidu.errors import SettingError
from tidu.text import _
from tidu.training.loops.loop import Array, Loop
from tidu.training.state import TrainingState
from tidu.training.work import Work


class TorchLoop(Loop):
    """PyTorch on whole batches."""

    on_inputs = True

    def __init__(self, work: Work) -> None:
        self.device = torch.device(work.device)
        self.dtype = getattr(torch, work.shape.dtype)
        # A long sum of float32 loses digits; the GPU of a Mac knows nothing wider.
        self.wide = torch.float32 if self.device.type == "mps" else torch.float64
        with _within_memory(work):
            super().__init__(work)
        self.checked: list[Any] = []  # a sum of each step, which is finite where all of the step is
        self.fixed |= {"checked": self.checked, "until_loss": work.until_loss if work.until_loss > -np.inf else None}

    def function_of(self, source: str) -> Callable[..., Any]:
        return module_of(source).train  # type: ignore[no-any-return]

    def kept(self, numbers: npt.NDArray[Any]) -> Any:
        dtype = self.dtype if numbers.dtype.kind == "f" else torch.int64
        return torch.tensor(numbers, dtype=dtype, device=self.device)

    def blank_history(self, rows: int) -> Any:
        return [()] * rows

    def run(self, state: TrainingState, last_step: int) -> tuple[TrainingState, Array, Stopped]:
        state = self.there(state)
        new, rows, why = self.steps(state, last_step)
        bad = np.flatnonzero(~np.isfinite(self.read(self.checked)))
        if not len(bad):
            return new, rows, why
        first = state.step + int(bad[0])
        new, rows, _why = self.steps(state, first) if first > state.step else (state, rows[:0], why)
        return new, rows, Stopped.DIVERGED

    def steps(self, state: TrainingState, last_step: int) -> tuple[TrainingState, Array, Stopped]:
        """These steps, good or bad."""
        self.checked.clear()
        with torch.inference_mode(), _within_memory(self.work):
            return super().run(state, last_step)

    def fresh(self, value: Any) -> Any:
        """A copy, for the loop changes tensors in place."""
        return value.clone()

    def there(self, state: TrainingState) -> TrainingState:
        """A state as tensors of the device."""
        return state.with_numbers(self.tensor, lambda total: self.tensor(total, self.wide))

    def tensor(self, value: Any, dtype: Any = None) -> Any:
        """A number or array as a tensor of the device."""
        if isinstance(value, torch.Tensor):
            return value
        return torch.tensor(value, dtype=dtype or self.dtype, device=self.device)

    def on_host(self, state: TrainingState) -> TrainingState:
        return state.with_numbers(_read, _read)

    def rows_of(self, written: Any) -> Array:
        columns = [self.read(column) for column in zip(*written, strict=True)]
        return np.column_stack(columns) if columns else np.empty((0, self.width))

    def read(self, numbers: Any) -> Array:
        """Numbers of the device, all at once."""
        if numbers and isinstance(numbers[0], torch.Tensor):
            return np.asarray(torch.stack(tuple(numbers)).cpu(), dtype=np.float64)
        return np.array(numbers, dtype=np.float64)


@contextmanager
def _within_memory(work: Work) -> Iterator[None]:
    """What does not fit on the device is a sentence."""
    try:
        yield
    except RuntimeError as error:
        if not isinstance(error, torch.cuda.OutOfMemoryError) and "allocate memory" not in str(error):
            raise
        raise SettingError(
            _("the memory of '{device}' is too small for {rows} rows in steps of {samples}; {remedy}").format(
                device=work.device,
                rows=work.rows,
                samples=work.per_step,
                remedy=_("give a smaller batch size")
                if work.shape.dtype == "float32"
                else _("give a smaller batch size, or dtype float32"),
            )
        ) from None


def _read(value: Any) -> Any:
    if not isinstance(value, torch.Tensor):
        return value
    return value.cpu().numpy() if value.ndim else value.item()
