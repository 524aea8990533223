"""`tidu.fit`, as a user calls it: checks, history and metrics included; and the time of its loop alone."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import numpy as np
from job import Job
from measure import Answer


def can_be_told(option: str) -> bool:
    """Whether `tidu.fit` has this option yet."""
    import tidu

    return option in inspect.signature(tidu.fit).parameters


def prepared(job: Job, engine: str = "numba", **options: object) -> Callable[[], Answer]:
    import tidu

    data = job.columns

    def call() -> Answer:
        run = tidu.fit(
            job.formula(),
            data,
            loss=job.loss,
            lr=job.lr,
            batch_size=job.batch_size,
            epochs=job.epochs,
            shuffle=job.shuffle,
            seed=job.seed,
            engine=engine,
            **options,  # type: ignore[arg-type]
        )
        return Answer(np.array([run.params[name] for name in job.parameter_names()]), run.seconds)

    return call
