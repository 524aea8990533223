"""`Checkpoint`: a state of a training as bytes, with a hash that proves it. Arrays in safetensors, no pickle."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Self

import numpy as np

from tidu.engines.program import Program
from tidu.errors import StoreError
from tidu.text import _
from tidu.training.basis import Basis
from tidu.training.file_schema import check_state
from tidu.training.state import TrainingState


@dataclass(frozen=True)
class Checkpoint:
    """A state after `step` steps, when `rows` whole rows of the history were written.

    `kind` is `last`, or `best`: that of the lowest loss of an epoch, or that which early stopping keeps.
    `digest` is the SHA-256 of `content`.
    """

    kind: str
    step: int
    rows: int
    digest: str
    content: bytes

    @classmethod
    def of(cls, kind: str, state: TrainingState, rows: int, rescaling: Basis | None) -> Self:
        """The checkpoint of a state, with the parameters in which the descent runs."""
        from safetensors.numpy import save

        arrays = {name: np.asarray(array, order="C") for name, array in state.to_arrays().items()}
        if rescaling is not None:
            arrays |= {"rescaling:start": rescaling.start, "rescaling:matrix": np.ascontiguousarray(rescaling.matrix)}
        content = save(arrays)
        return cls(kind, state.step, rows, hashlib.sha256(content).hexdigest(), content)

    def is_whole(self) -> bool:
        """Whether the bytes are those that were written."""
        return hashlib.sha256(self.content).hexdigest() == self.digest

    def state(self, program: Program) -> tuple[TrainingState, Basis | None]:
        """The state of a training of a program, and the parameters in which the descent runs.

        Raises
        ------
        StoreError
            The content is that of no such state.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load

        try:
            arrays = load(self.content)
            names = {np.dtype(np.float64): "F64", np.dtype(np.int64): "I64"}
            described = {f"state/{name}": (names.get(a.dtype, str(a.dtype)), a.shape) for name, a in arrays.items()}
            check_state(described, program)
        except (SafetensorError, ValueError, KeyError, TypeError) as error:
            raise StoreError(
                _("the checkpoint at step {step} is not of this run: {reason}").format(step=self.step, reason=error)
            ) from None
        start, matrix = arrays.pop("rescaling:start", None), arrays.pop("rescaling:matrix", None)
        basis = None if start is None or matrix is None else Basis(start, matrix)
        return TrainingState.of_arrays(arrays), basis
