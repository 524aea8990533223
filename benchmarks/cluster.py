"""What a step costs on workers of one machine, against the same step without them: the table of `docs/scale.md`.

    python benchmarks/cluster.py --chunks 4 16 64 --workers 1 2 4
    python benchmarks/cluster.py --solver            # the same of a pass of least squares: the triangles of all chunks

Each row is a full batch of so many chunks of 65,536 samples, of a plane in three columns; each column a number of
workers, all on this machine, after the steps in which they read their chunks. Medians, with the least in brackets.
`bytes` is what went over the loopback interface in a step, both ways: nothing else should use it meanwhile.
"""

from __future__ import annotations

import argparse
import re
import statistics
import time
from contextlib import closing
from pathlib import Path

import numpy as np

from tidu.cluster.connecting import Cluster
from tidu.runtime.summation import CHUNK
from tidu.training.problem import Problem
from tidu.training.solving.network import objective_of
from tidu.training.training import Budget, Execution, Training

FORMULA = "y = linear(x1, x2, x3)"
WARM = 3  # steps in which chunks are read and code is made


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chunks", type=int, nargs="+", default=[4, 16, 64])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--solver", action="store_true")
    given = parser.parse_args()
    print("chunks  in memory   " + "".join(f"{count} worker(s)        " for count in given.workers) + "bytes a worker")
    for chunks in given.chunks:
        data = table(chunks * CHUNK)
        alone = Problem.read(FORMULA, data, {"lr": 0.1, "epochs": 10_000})
        measured = seconds_of_passes if given.solver else seconds_of_steps
        cells = [told(measured(alone, Execution("compiled"), given.steps)[0])]
        streamed = Problem.read(FORMULA, data, {"lr": 0.1, "epochs": 10_000}, stream=True)
        for count in given.workers:
            with Cluster(f"local:{count}") as cluster:
                seconds, sent = measured(streamed, Execution("compiled", cluster=cluster), given.steps)
            cells.append(told(seconds))
        print(f"{chunks:6}  {'  '.join(cells)}  {sent / given.workers[-1]:.0f}", flush=True)


def table(rows: int) -> dict[str, np.ndarray]:
    """A plane with noise."""
    random = np.random.default_rng(0)
    columns = {f"x{k}": random.normal(size=rows) for k in (1, 2, 3)}
    return {**columns, "y": columns["x1"] - columns["x2"] + 0.5 * columns["x3"] + random.normal(size=rows)}


def seconds_of_passes(problem: Problem, execution: Execution, passes: int) -> tuple[list[float], float]:
    """Of each pass of least squares after the first few: residuals and Jacobian at another point; and its bytes."""
    objective = objective_of(problem.program, problem.columns, execution.engine, cluster=execution.cluster)
    with closing(objective):
        for k in range(WARM):
            objective.residuals_and_jacobian(np.full(objective.p, 0.1 * k))
        seconds, before = [], loopback()
        for k in range(passes):
            began = time.perf_counter()
            objective.residuals_and_jacobian(np.full(objective.p, 1.0 + k))
            seconds.append(time.perf_counter() - began)
        return seconds, (loopback() - before) / passes


def seconds_of_steps(problem: Problem, execution: Execution, steps: int) -> tuple[list[float], float]:
    """Of each of the steps after the first few; and the bytes of a step."""
    with Training(problem, execution) as training:
        state, _rows, _why = training.advance(training.start(), Budget(steps=WARM))
        seconds, before = [], loopback()
        for _k in range(steps):
            began = time.perf_counter()
            state, _rows, _why = training.advance(state, Budget(steps=1))
            seconds.append(time.perf_counter() - began)
        return seconds, (loopback() - before) / steps


def loopback() -> int:
    """Bytes that this machine has sent to itself."""
    found = re.search(r"^ *lo:(.*)$", Path("/proc/net/dev").read_text(), re.MULTILINE)
    return 0 if found is None else int(found[1].split()[0])


def told(seconds: list[float]) -> str:
    """Median and least, in milliseconds."""
    return f"{1e3 * statistics.median(seconds):7.2f} ({1e3 * min(seconds):.2f}) ms"


if __name__ == "__main__":
    main()
