"""One step of a training, read statement by statement: every name of the loop with its value.

`trace_of` takes a program, the state before a step and the samples of its batch, and reads the blocks of the loop's own
text. What it finds are the bits of the loop: `Trace.after` is where the next step begins. Read by whoever shows a step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy.typing as npt

from tidu.engines.array_dialects import Arrays
from tidu.engines.array_loop import array_loop_of
from tidu.engines.array_reader import ArrayReader
from tidu.engines.program import Program
from tidu.engines.scalar_loop import LoopShape, loop_of
from tidu.engines.step_reader import Reader, StepState, Trace, TracedValue
from tidu.engines.tile_loop import tile_loop_of
from tidu.engines.tile_plan import fits_tiles
from tidu.engines.tile_reader import TileReader
from tidu.engines.writer import LoopText
from tidu.errors import SettingError
from tidu.text import _

__all__ = ["StepState", "Trace", "TracedValue", "loop_text_of", "trace_of"]
Array = npt.NDArray[Any]


def loop_text_of(program: Program, shape: LoopShape, on_batches: bool = False) -> LoopText | None:
    """The loop that a trace reads: on numbers, over tiles, or (`on_batches`) on whole batches in NumPy.

    None of a network that no loop over tiles computes.
    """
    of_shape = replace(shape, side_by_side=False, namespace="numpy")
    if on_batches:
        return array_loop_of(program, of_shape)
    if not program.of_arrays:
        return loop_of(program, of_shape)
    return tile_loop_of(program, of_shape) if fits_tiles(program, of_shape) else None


def trace_of(
    program: Program,
    shape: LoopShape,
    state: StepState,
    columns: Sequence[Array],
    batch: Sequence[int] = (),
    rows: Sequence[int] = (),
    seed: int = 0,
    loop: LoopText | None = None,
) -> Trace:
    """Every value of one step.

    Parameters
    ----------
    program : as it is trained
    shape : the loop that trains it
    state : where the step begins
    columns : arrays of shape (rows,), in the order of `program.columns`; none for a plain function
    batch : the numbers of the step's rows, in the order of the step
    rows : those of them whose own values are wanted
    seed : of the training; dropout draws from it
    loop : what `loop_text_of` gave; where it is not at hand, networks are read as a loop over tiles

    Raises
    ------
    SettingError : a row that is not in the batch; a network that no loop over tiles computes; float32.
    """
    on_batches = loop is not None and isinstance(loop.dialect, Arrays)
    if shape.dtype != "float64" and not on_batches:
        raise SettingError(
            _(
                "a trace has the bits of double precision, or of float32 on whole batches; to see every value, train "
                "with dtype float64, or with the engine 'array'"
            )
        )
    missing = sorted(set(rows).difference(batch))
    if missing:
        raise SettingError(
            _("row {row} is not among the {count} rows of this step; choose rows of its batch").format(
                row=missing[0], count=len(batch)
            )
        )
    loop = loop or loop_text_of(program, shape)
    if loop is None:
        raise SettingError(
            _("this network has no trace: something in its model or loss has no loop over tiles of samples")
        )
    if on_batches:
        return ArrayReader(program, loop, state, columns, batch, rows, seed, shape.dtype).trace()
    reader = TileReader if program.of_arrays else Reader
    return reader(program, loop, state, columns, batch, rows, seed).trace()
