"""Fits cut into slices of a chosen length: what `tidu.fit` gives must not depend on it."""

from __future__ import annotations

from tidu.training.fit import run_of
from tidu.training.problem import Problem
from tidu.training.run import Run
from tidu.training.training import Budget, Execution

_READING = ("test_size", "drop_missing", "csv", "target", "features")
_EXECUTION = ("engine", "threads", "device")


def fit_in_slices(formula, data, budget: Budget, callbacks=(), **options) -> Run:
    """`tidu.fit` that looks at callbacks and Ctrl-C after each budget."""
    how = {name: options.pop(name) for name in _EXECUTION if name in options}
    reading = {name: options.pop(name) for name in _READING if name in options}
    problem = Problem.read(formula, data, options, **reading)
    return run_of(problem, Execution(**how, slice=budget), callbacks)
