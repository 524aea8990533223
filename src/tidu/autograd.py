"""`from tidu import nd, autograd`: where arrays under MXNet's names are recorded, and whether that is for training."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tidu.eager.foreign import unknown_name
from tidu.eager.ndarray import RECORDED, TRAINING


@contextmanager
def _set(recorded: bool | None, training: bool | None) -> Iterator[None]:
    before = [(variable, variable.get()) for variable in (RECORDED, TRAINING)]
    for variable, new in ((RECORDED, recorded), (TRAINING, training)):
        if new is not None:
            variable.set(new)
    try:
        yield
    finally:
        for variable, old in before:
            variable.set(old)


def record(train_mode: bool | None = True) -> Any:
    """A stretch of code that is recorded, so that `backward` finds its way; `is_training()` says `train_mode` in it."""
    return _set(True, train_mode)


def pause(train_mode: bool | None = False) -> Any:
    """A stretch of code within `record` that is not recorded."""
    return _set(False, train_mode)


def train_mode() -> Any:
    """A stretch of code in which `is_training()` holds."""
    return _set(None, True)


def predict_mode() -> Any:
    """A stretch of code in which `is_training()` does not hold."""
    return _set(None, False)


def is_recording() -> bool:
    """Whether this is recorded."""
    return RECORDED.get()


def is_training() -> bool:
    """Whether this is for training, so that dropout drops."""
    return TRAINING.get()


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    known = (record, pause, train_mode, predict_mode, is_recording, is_training)
    raise unknown_name("autograd", name, [function.__name__ for function in known])
