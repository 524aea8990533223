"""Runs killed by SIGKILL at random moments and taken up again from the store, against the same run left alone.

    python benchmarks/kills.py --runs 200 --seed 1

Each run is drawn at random: formula, optimizer or solver, rate, batches, order, engine, memory or disk, rows kept back,
early stopping, a rate that falls at plateaus; one of so many (`--every`) is on a cluster of two processes, which it may
come back to and leave. It goes on in a process of its own, which is killed and begun again until it comes to its end;
the run that is left alone is in one process, in memory even if the other is on disk or on a cluster. Parameters,
history, standard errors, scores and the losses that judged its epochs must have the same bits; the store must be whole
every time.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
import sqlite3
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import tidu
from tidu.content.optimizers import OPTIMIZERS
from tidu.errors import StoreError
from tidu.training.as_json import json_safe
from tidu.training.resuming import resumed_from, run_in
from tidu.training.storing import recording
from tidu.training.storing.checkpoints import Checkpoint
from tidu.training.storing.store import Store

CADENCE = 0.05  # seconds between two writes: a short run then has many states to be taken up at
MOST_KILLS = 6  # of one run; after these it is left to come to its end
LONG = 120.0  # seconds that no process may take
# About how many times a sample and its gradient are computed in a second, by whom.
PACE = {"python": 4e5, "compiled": 2e7, "array": 4e5}
OF_A_STEP = {"python": 5, "compiled": 200, "array": 50}  # samples that take as long as the rest of a step
STARTS = 4.0  # seconds that a cluster takes to start
NOWHERE = Checkpoint("last", 0, 0, "", b"")
SOLVED = 0.25  # share of the runs that are a solver's

FORMULAS = {
    "y = w*x + b": tuple(OPTIMIZERS),
    "y = a*exp(-k*x) + c": ("gd", "adam", "rmsprop"),
    "y = poly(x, 4)": ("gd", "momentum", "adam"),
    "y = linear(x, z)": ("gd", "adagrad", "adam"),
    "y = mlp(x, z, hidden=[6], activation='tanh')": ("gd", "momentum", "adam"),
    "y = mlp(x, z, hidden=[6], dropout=0.2)": ("momentum", "adam"),
}  # fmt: skip
FORMULAS_TO_SOLVE = {  # w falls like an exponential, so that no parameter grows without end
    "w = a*exp(-k*x) + c": ("lm", "newton", "lbfgs", "auto"),
    "w = a*exp(-k*x) + b*z": ("lm", "newton", "lbfgs", "auto"),
    "y = linear(x, z)": ("lm", "newton", "lbfgs", "auto"),
    "kind = linear(x, z)": ("newton", "lbfgs", "auto"),
    "y = mlp(x, z, hidden=[4], activation='tanh')": ("lm", "newton", "lbfgs"),
}


@dataclass(frozen=True)
class Case:
    """One run: what `tidu.fit` is given besides the data, and how many rows these have."""

    formula: str
    rows: int
    options: dict[str, Any]

    def __str__(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in self.options.items())
        return f"{self.formula}, {self.rows} rows, {given}"


def drawn(random: np.random.Generator, seconds: float) -> Case:
    """A case that takes about so many seconds."""

    def one_of(*values: Any) -> Any:
        return values[int(random.integers(len(values)))]

    formula = one_of(*FORMULAS)
    options: dict[str, Any] = {"optimizer": one_of(*FORMULAS[formula]), "seed": int(random.integers(100))}
    options["engine"] = engine = one_of("python", "compiled", "array")
    rows = one_of(7, 40, 300, 2000, 20_000)
    batch = one_of(None, None, 1, 7, 32, 100, 1000)
    options["batch_size"] = batch = None if batch is None or batch >= rows else batch
    options["lr"] = one_of(0.01, 0.003, None, "auto", "0.02*warmup(50)/(1 + epoch)")
    if batch is not None:
        options["shuffle"] = one_of(True, True, False, "blocks")
    if engine != "array" and random.random() < 0.25:
        options["stream"] = True
    if random.random() < 0.4:
        options |= {"validation": 0.25, "patience": one_of(3, 50, 10_000)}
    elif random.random() < 0.15:
        options |= {"patience": 200, "min_improvement": 1e-5}
    if random.random() < 0.25:
        options["plateau"] = {
            "patience": one_of(1, 3, 20), "factor": one_of(0.3, 0.9), "min_improvement": one_of(0.0, 1e-4, 0.01),
            "cooldown": one_of(0, 2), "floor": 1e-3,
        }  # fmt: skip
    if random.random() < 0.2:
        options["record"] = "step"
    if random.random() < 0.2 and "lin" not in formula and "mlp" not in formula:
        options["scale"] = True
    if random.random() < 0.15:
        options["clip_norm"] = 1.0
    if random.random() < 0.2:
        options["test_size"] = 0.2
    size = rows if batch is None else batch
    pace = PACE[engine] / (20 if "mlp" in formula and engine != "array" else 1)
    steps = seconds * pace / (size + OF_A_STEP[engine])
    most = 20_000 if options.get("record") == "step" else 10**6
    options["steps"] = max(3, int(min(steps, most, 2e4 if engine == "array" else most)))
    return Case(formula, rows, {name: value for name, value in options.items() if value is not None})


def drawn_to_be_solved(random: np.random.Generator) -> Case:
    """A case for a solver, from many starts where its passes are short."""
    formula = [*FORMULAS_TO_SOLVE][int(random.integers(len(FORMULAS_TO_SOLVE)))]
    optimizers = FORMULAS_TO_SOLVE[formula]
    options: dict[str, Any] = {"optimizer": optimizers[int(random.integers(len(optimizers)))]}
    rows = (300, 20_000, 150_000)[int(random.integers(3))]
    options["seed"] = int(random.integers(100))
    if "mlp" in formula:
        rows = min(rows, 20_000)
        options["steps"] = 40 if options["optimizer"] == "lbfgs" else 8
    elif "linear" not in formula and random.random() < 0.6:
        options["starts"] = 2 + int(random.integers(9))
    elif random.random() < 0.3:
        options["steps"] = 1 + int(random.integers(6))
    if formula.startswith("kind"):
        options["loss"] = "logistic"
    if options["optimizer"] in ("newton", "lbfgs") and random.random() < 0.3:
        options["l2"] = 0.01
    if random.random() < 0.5:
        options["stream"] = True
    if random.random() < 0.3:
        options["test_size"] = 0.2
    return Case(formula, rows, options)


def drawn_on_a_cluster(random: np.random.Generator, seconds: float) -> Case:
    """A case of steps over all rows, several chunks, that two processes of a cluster share."""
    formula = "y = w*x + b" if random.random() < 0.5 else "y = a*exp(-k*x) + c"
    if random.random() < 0.3:
        options = {"optimizer": "lm", "engine": "compiled", "starts": 4, "cluster": "local:2"}
        return Case("w = a*exp(-k*x) + b*z", 150_000, options)
    optimizer = FORMULAS[formula][int(random.integers(3))]
    plateau = {"plateau": {"patience": 3, "factor": 0.5, "min_improvement": 0.01}} if random.random() < 0.5 else {}
    steps = max(10, int(100 * seconds))
    options = {
        "optimizer": optimizer,
        "lr": 0.01,
        "steps": steps,
        "engine": "compiled",
        "cluster": "local:2",
        **plateau,
    }
    return Case(formula, 150_000, options)


def table_of(case: Case, folder: Path) -> Path:
    """The file of a case's data."""
    random = np.random.default_rng(case.rows)
    x, z = random.uniform(-1, 1, (2, case.rows))
    y = 2 * x - 1 + 0.5 * z * x + random.normal(0, 0.1, case.rows)
    path = folder / f"points-{case.rows}.csv"
    if not path.exists():
        kind = random.uniform(0, 1, case.rows) < 1 / (1 + np.exp(-3 * y))
        falling = np.exp(-1.5 * x) + 0.5 * z + random.normal(0, 0.1, case.rows)
        columns = np.column_stack([x, z, y, kind, falling])
        np.savetxt(path, columns, delimiter=",", header="x,z,y,kind,w", comments="", fmt="%.17g")
    return path


def begun(case: Case, data: Path, store: Path, kills: int) -> None:
    """What a process does: the run from its start, or from where the store has it; first also on its cluster."""
    recording.CADENCE = CADENCE
    warnings.simplefilter("ignore")
    with Store(store) as kept:
        known = [run.id for run in kept.runs()]
        if not known:
            tidu.fit(case.formula, data, **case.options, store=store)
        elif kept.run(known[0]).status == "running":
            resumed_from(kept, known[0], cluster=case.options.get("cluster") if kills == 1 else None)


def is_whole(store: Path) -> bool:
    """Whether SQLite finds nothing wrong."""
    with closing(sqlite3.connect(store)) as connection:
        return bool(connection.execute("PRAGMA integrity_check").fetchone() == ("ok",))


def has_ended(store: Path) -> bool:
    """Whether the one run of a store is at its end."""
    try:
        with Store(store, reading=True) as kept:
            return any(run.status != "running" for run in kept.runs())
    except StoreError:  # not made yet
        return False


def is_on_its_way(store: Path) -> bool:
    """Whether a run has a checkpoint after its start, or a solver's passes, and is not at its end."""
    try:
        with Store(store, reading=True) as kept:
            going = [run.id for run in kept.runs() if run.status == "running"]
            return any((kept.checkpoint(run) or NOWHERE).step or kept.answers(run) for run in going)
    except StoreError:  # not made yet
        return False


def killed(case: Case, data: Path, store: Path, random: np.random.Generator, seconds: float) -> tuple[int, int]:
    """Run a case to its end through some kills; how many there were, and how many of them on its way.

    Raises
    ------
    AssertionError
        The store is not whole after one of them, or a process failed by itself.
    """
    processes = multiprocessing.get_context("forkserver")
    kills, on_the_way = 0, 0
    while not has_ended(store):
        process = processes.Process(target=begun, args=(case, data, store, kills))
        process.start()
        soon = random.uniform(0.0, (0.1 + 0.8 * seconds) * (1.0 if kills else 0.3))  # the first kill while it starts
        process.join(LONG if kills == MOST_KILLS else soon)
        if process.is_alive():
            assert kills < MOST_KILLS, f"no end in {LONG:g} s"
            assert process.pid is not None
            os.kill(process.pid, signal.SIGKILL)
            process.join()
            kills += 1
            on_the_way += is_on_its_way(store)
        else:
            assert process.exitcode == 0, f"exit status {process.exitcode}"
        assert not store.exists() or is_whole(store), "the store is not whole"
    return kills, on_the_way


def differences(whole: tidu.Run, again: tidu.Run) -> Iterator[str]:
    """What of two runs has not the same bits."""
    for name, value in whole.params.items():
        if np.asarray(value).tobytes() != np.asarray(again.params[name]).tobytes():
            yield f"{name}: {value!r}, {again.params[name]!r}"
    if whole.history.values.tobytes() != again.history.values.tobytes():
        yield f"history, {len(whole.history)} and {len(again.history)} rows"
    if (whole.stopped, whole.epochs, whole.steps) != (again.stopped, again.epochs, again.steps):
        yield f"end: {whole.stopped} at {whole.steps}, {again.stopped} at {again.steps}"
    known = [None if run.statistics is None else run.statistics.plain() for run in (whole, again)]
    if repr(known[0]) != repr(known[1]):
        yield f"standard errors: {known[0]}, {known[1]}"
    scores = [json_safe([run.metrics, run.test_metrics]) for run in (whole, again)]  # the store has no nan in JSON
    if repr(scores[0]) != repr(scores[1]):
        yield f"scores: {scores[0]}, {scores[1]}"
    judged = [None if run.judged is None else run.judged.losses.tobytes() for run in (whole, again)]
    if judged[0] != judged[1] or whole.best_epoch != again.best_epoch:
        yield f"best epoch: {whole.best_epoch}, {again.best_epoch}"


def tried(case: Case, folder: Path, random: np.random.Generator) -> tuple[int, int, list[str]]:
    """How often a case was killed, how often on its way, and what came out otherwise than without a kill."""
    data, store = table_of(case, folder), folder / "runs.sqlite"
    for file in folder.glob("runs.sqlite*"):
        file.unlink()
    began = time.perf_counter()
    alone = {name: value for name, value in case.options.items() if name not in ("cluster", "stream")}
    if "stream" in case.options and alone.get("shuffle", True) is True:
        alone["shuffle"] = "blocks"
    whole = tidu.fit(case.formula, data, **alone)
    seconds = time.perf_counter() - began + STARTS * ("cluster" in case.options)
    try:
        kills, on_the_way = killed(case, data, store, random, seconds)
        with Store(store, reading=True) as kept:
            return kills, on_the_way, list(differences(whole, run_in(kept, kept.runs()[0].id)))
    except AssertionError as error:
        return 0, 0, [str(error)]


def main() -> int:
    """Try the cases, tell of each that differs, and say how many there were; 1 where one did."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=1.0, help="about how long a run is")
    parser.add_argument("--every", type=int, default=20, help="one run of so many is on a cluster; 0 is none")
    parser.add_argument("--verbose", action="store_true", help="print every case")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    multiprocessing.set_forkserver_preload(["tidu", "tidu.training.resuming", "tidu.training.storing.recording"])
    kills, on_the_way, of_clusters, untouched, bad, solved = 0, 0, 0, 0, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        for k in range(given.runs):
            random = np.random.default_rng([given.seed, k])
            shared = given.every > 0 and k % given.every == given.every - 1
            if shared:
                case = drawn_on_a_cluster(random, given.seconds)
            elif random.random() < SOLVED:
                case, solved = drawn_to_be_solved(random), solved + 1
            else:
                case = drawn(random, given.seconds)
            began = time.perf_counter()
            count, passed, unlike = tried(case, Path(folder), random)
            kills, on_the_way, of_clusters = kills + count, on_the_way + passed, of_clusters + shared * count
            untouched, bad = untouched + (count == 0), bad + bool(unlike)
            if given.verbose or unlike:
                print(
                    f"{k}: {count} kills, {time.perf_counter() - began:.1f} s: {case}",
                    *unlike,
                    sep="\n    ",
                    flush=True,
                )
    print(f"{given.runs} runs, {solved} of them of solvers alone; {kills} kills, {on_the_way} of them past the first "
          f"checkpoint, {of_clusters} on clusters; {untouched} ended before the first; {bad} differ")  # fmt: skip
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
