"""`tidu.fit`, as a user calls it, with the time of its descent; and the compiled function that it calls, alone."""

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


def prepared(job: Job, engine: str = "compiled", **options: object) -> Callable[[], Answer]:
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
            engine="auto" if job.of_vector else engine,
            **options,  # type: ignore[arg-type]
        )
        return Answer(np.hstack([run.params[name] for name in job.parameter_names()]), run.seconds)

    return call


def function(job: Job) -> Callable[[], Answer]:
    """The compiled loop on data that lie ready, called as JAX's compiled scan is."""
    from tidu.training.descents.descent import Limits, work_of
    from tidu.training.descents.engines import loop_of
    from tidu.training.settings import Settings

    data = job.columns
    program = Settings(job.formula(), loss=job.loss, lr=job.lr).program(tuple(data))
    columns = [np.ascontiguousarray(data[column.name]) for column in program.columns]
    loop = loop_of("compiled", work_of(program, columns, Limits(job.steps), job.batch_size))
    given = loop.fixed | {
        "parameters": (0.0,) * len(program.parameters),
        "position": (0, 0, 0, 0.0),
        "last_step": job.steps,
        "history": loop.blank_history(job.epochs + 1),
    }
    arguments = [given[name] for name in loop.names]

    def call() -> Answer:
        found = dict(zip(program.parameter_names, loop.train(*arguments)[0], strict=True))
        return Answer(np.array([found[name] for name in job.parameter_names()]))

    return call
