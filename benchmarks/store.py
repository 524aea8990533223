"""What the store costs: runs of about one and ten seconds, with the time that is spent in it.

    python benchmarks/store.py

The goals: 20 ms of a run of a second, 3 % of one of ten. The time is that between the calls of the recorder and their
return, with the opening and the closing of the file; that of a second run with and without is lost in the noise.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import tidu
from tidu.training.storing.recording import Recorder
from tidu.training.storing.store import Store

spent: list[float] = []


def timed(owner: type, name: str) -> None:
    """Note how long each call of a method takes."""
    method: Callable[..., Any] = getattr(owner, name)

    def measured(*arguments: Any, **options: Any) -> Any:
        began = time.perf_counter()
        try:
            return method(*arguments, **options)
        finally:
            spent.append(time.perf_counter() - began)

    setattr(owner, name, measured)


def work(rows: int) -> dict[str, np.ndarray]:
    """A table of so many rows."""
    random = np.random.default_rng(0)
    x, z = random.uniform(-1, 1, (2, rows))
    return {"x": x, "z": z, "y": 2 * x - z + random.normal(0, 0.1, rows)}


# What is trained: formula, rows, options, and epochs in a second, roughly.
JOBS: dict[str, tuple[str, int, dict[str, Any]]] = {
    "a line, 100,000 rows": ("y = w*x + v*z + b", 100_000, {"lr": 0.1}),
    "single samples, 5,000 rows": ("y = w*x + v*z + b", 5000, {"lr": 0.001, "batch_size": 1}),
    "a network, mini-batches": ("y = mlp(x, z, hidden=[32, 32])", 5000, {"lr": 0.01, "batch_size": 64}),
    "a network, judged": ("y = mlp(x, z, hidden=[16])", 5000, {"lr": 0.1, "batch_size": 256, "validation": 0.2}),
    "a line, 30 rows": ("y = w*x + b", 30, {"lr": 0.1, "engine": "compiled"}),
}


def main() -> None:
    """Print a row for each job and length."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--lengths", type=float, nargs="*", default=[1.0, 10.0])
    given = parser.parse_args()
    for name in ("__call__", "finished"):
        timed(Recorder, name)
    for name in ("__init__", "__exit__"):
        timed(Store, name)
    print(f"{'job':28} {'epochs':>9} {'s':>6} {'store, ms':>10} {'%':>6}")
    with tempfile.TemporaryDirectory() as folder:
        for job, (formula, rows, options) in JOBS.items():
            data = work(rows)
            tidu.fit(formula, data, epochs=2, **options)
            began = time.perf_counter()
            tidu.fit(formula, data, epochs=20, **options)
            in_a_second = 20 / (time.perf_counter() - began)
            began = time.perf_counter()
            tidu.fit(formula, data, epochs=max(2, int(in_a_second / 3)), **options)
            in_a_second = max(2, int(in_a_second / 3)) / (time.perf_counter() - began)
            for length in given.lengths:
                epochs = max(2, int(in_a_second * length))
                found = []
                for _turn in range(given.turns):
                    spent.clear()
                    began = time.perf_counter()
                    tidu.fit(formula, data, epochs=epochs, **options, store=Path(folder) / "runs.sqlite")
                    found.append((sum(spent), time.perf_counter() - began))
                store, whole = sorted(found)[len(found) // 2]
                print(f"{job:28} {epochs:9} {whole:6.2f} {1000 * store:10.1f} {100 * store / whole:6.2f}", flush=True)


if __name__ == "__main__":
    main()
