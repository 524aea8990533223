"""Runs of networks side by side: each on a thread of its own, alone, with the bits that `tidu.fit` gives it.

The loop of a network leaves the interpreter to others while it computes, so as many runs go on at once as there are
threads. Called by `sweep`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace

from tidu.data.disk_table import are_on_disk
from tidu.machine import cores
from tidu.training.automatic import descent_of
from tidu.training.callbacks import Event, Listeners, Stop
from tidu.training.descent import Descent
from tidu.training.judging.evaluation import cost_of, inputs_from
from tidu.training.problem import Problem
from tidu.training.state import TrainingState
from tidu.training.training import Execution


@dataclass(frozen=True)
class NetworkEnd:
    """How one run ended: its descent, the state that it is judged by, what is to be said, and its loss on the test."""

    descent: Descent
    state: TrainingState
    notes: list[str]
    test_loss: float | None


def trained_at_once(
    runs: int, problem_of: Callable[[int], Problem], execution: Execution
) -> Generator[tuple[int, NetworkEnd], None, None]:
    """Train every run; each comes as it ends. A generator that is closed early stops those that are going on.

    `problem_of` is called by one thread at a time, as a run begins.
    """
    enough, reading = threading.Event(), threading.Lock()
    threads = execution.threads or cores()
    alone = replace(execution, threads=1)

    def stop(_event: Event) -> Stop | None:
        return Stop() if enough.is_set() else None

    def trained(run: int) -> NetworkEnd:
        with reading:
            problem = problem_of(run)
        problem, descent, notes = descent_of(problem, alone, Listeners(stop))
        state = descent.best or descent.state
        return NetworkEnd(descent, state, notes, _test_loss(problem, state))

    with ThreadPoolExecutor(threads, thread_name_prefix="tidu") as pool:
        left = iter(range(runs))
        going: dict[Future[NetworkEnd], int] = {}
        try:
            while True:
                for run in left:
                    going[pool.submit(trained, run)] = run
                    if len(going) >= threads:
                        break
                if not going:
                    return
                for ended in wait(going, return_when=FIRST_COMPLETED).done:
                    yield going.pop(ended), ended.result()
        finally:
            enough.set()


def _test_loss(problem: Problem, state: TrainingState) -> float | None:
    """The mean loss over the rows that were kept back, without penalty; None where there are none, or no step."""
    if problem.test is None or not state.step:
        return None
    columns = replace(problem, table=problem.test).columns
    return cost_of(problem.program, columns if are_on_disk(columns) else inputs_from(problem.program, columns))(
        state.parameters
    )
