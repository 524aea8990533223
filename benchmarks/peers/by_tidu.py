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


def in_one_piece(job: Job) -> Callable[[], Answer]:
    """The fit without a look at callbacks and Ctrl-C on the way."""
    from tidu.training.fit import run_of
    from tidu.training.problem import Problem
    from tidu.training.training import Budget, Execution

    data, execution = job.columns, Execution("compiled", slice=Budget(steps=10**15))
    given = {name: getattr(job, name) for name in ("loss", "lr", "batch_size", "epochs", "shuffle", "seed")}

    def call() -> Answer:
        run = run_of(Problem.read(job.formula(), data, given), execution)
        return Answer(np.hstack([run.params[name] for name in job.parameter_names()]), run.seconds)

    return call


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
    from tidu.training.loops.choosing import loop_of
    from tidu.training.problem import Problem
    from tidu.training.training import Execution, work_of

    given = {"loss": job.loss, "lr": job.lr, "batch_size": job.batch_size, "steps": job.steps, "shuffle": False}
    problem = Problem.read(job.formula(), job.columns, given)
    program = problem.program
    loop = loop_of("compiled", work_of(problem, Execution("compiled")))
    values = loop.fixed | {
        "parameters": (0.0,) * len(program.parameters),
        "position": (0, 0, 0, 0.0),
        "last_step": job.steps,
        "history": loop.blank_history(job.epochs + 1),
    }
    arguments = [values[name] for name in loop.names]

    def call() -> Answer:
        found = dict(zip(program.parameter_names, loop.train(*arguments)[0], strict=True))
        return Answer(np.array([found[name] for name in job.parameter_names()]))

    return call
