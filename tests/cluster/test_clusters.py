"""Trainings on workers of dask: the bits of one process, whatever becomes of the workers meanwhile."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import tidu
from tidu.cluster.chunks import Chunk
from tidu.cluster.connecting import Cluster, started_worker
from tidu.cluster.dask_sums import DaskSums
from tidu.errors import ClusterError, DataError, SettingError, StoreError
from tidu.runtime.summation import CHUNK
from tidu.training.callbacks import Advanced
from tidu.training.storing.store import Store

pytestmark = [pytest.mark.cluster, pytest.mark.slow]
RANDOM = np.random.default_rng(11)
ROWS = 4 * CHUNK + 5
X = RANDOM.normal(size=ROWS)
TABLE = {"x": X, "z": RANDOM.normal(size=ROWS), "y": np.sin(X) + 0.1 * RANDOM.normal(size=ROWS)}
FORMULA = "y = a*sin(x) + b*z + c"
OPTIONS = {"lr": 0.1, "steps": 40, "engine": "compiled"}


@pytest.fixture(scope="module")
def cluster():
    with pytest.MonkeyPatch.context() as patch, Cluster("local:2") as cluster:
        patch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)  # workers import `Told`
        yield cluster


class Killer:
    """Kills a worker at one step, and starts another at a later one."""

    def __init__(self, cluster, kill_at, start_at):
        self.client, self.at = cluster.client, {kill_at: self.kill, start_at: self.start}
        self.done, self.process = 0, None

    def __call__(self, event):
        if isinstance(event, Advanced):
            for step in [step for step in self.at if step <= event.steps]:
                self.at.pop(step)()
                self.done += 1

    def kill(self):
        pids = self.client.run(os.getpid)
        os.kill(pids[max(pids)], signal.SIGKILL)

    def start(self):
        count = len(self.client.nthreads())
        self.process = started_worker(self.client.scheduler.address)
        while len(self.client.nthreads()) <= count:
            time.sleep(0.1)

    def close(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()


def assert_same(run, other):
    assert repr(run.state) == repr(other.state)
    assert run.history.values.tobytes() == other.history.values.tobytes()
    assert run.metrics == other.metrics
    assert run.source == other.source


@pytest.mark.parametrize("workers", [1, 2, 3, 5])
def test_any_number_of_workers_one_killed_and_one_joining(workers):
    """Gradient descent and Adam, with a worker killed and a new one joining in mid-run."""
    with Cluster(f"local:{workers}") as cluster, contextlib.ExitStack() as started:
        for optimizer in ("gd", "adam"):
            options = {**OPTIONS, "optimizer": optimizer}
            memory = tidu.fit(FORMULA, TABLE, **options)
            disk = tidu.fit(FORMULA, TABLE, stream=True, **options)
            # One worker alone is joined by another before it is killed.
            killer = Killer(cluster, *((5, 12) if workers > 1 else (12, 5)))
            run = tidu.fit(FORMULA, TABLE, client=cluster.client, callbacks=[killer, each_step], **options)
            started.callback(killer.close)
            assert killer.done == 2
            assert_same(memory, run)
            assert_same(disk, run)


@pytest.mark.parametrize("workers", [1, 2, 3, 5])
def test_solvers_on_any_number_of_workers_one_killed_and_one_joining(workers):
    """Least squares and the others: parameters, history and standard errors, with a worker killed in mid-run."""
    with Cluster(f"local:{workers}") as cluster, contextlib.ExitStack() as started:
        for options in SOLVED if workers == 2 else SOLVED[:1]:
            memory = tidu.fit(NONLINEAR, TABLE, **options)
            disk = tidu.fit(NONLINEAR, TABLE, stream=True, **options)
            killer = Killer(cluster, *((2, 4) if workers > 1 else (4, 2)))
            run = tidu.fit(NONLINEAR, TABLE, client=cluster.client, callbacks=[killer, each_step], **options)
            started.callback(killer.close)
            assert killer.done == 2
            assert run.stopped == "converged"
            assert any("shared 5 chunk(s) a pass" in note for note in run.notes)
            for other in (memory, disk):
                assert_same(other, run)
                assert repr(other.statistics) == repr(run.statistics)


NONLINEAR = "y = a*exp(b*x) + g*z"
SOLVED = ({"optimizer": "lm"}, {"optimizer": "newton"}, {"optimizer": "lbfgs", "l2": 0.01})


def test_a_single_chunk_is_solved_here(cluster):
    few = {name: column[:1000] for name, column in TABLE.items()}
    run = tidu.fit(NONLINEAR, few, client=cluster.client, optimizer="lm")
    assert any("one chunk" in note for note in run.notes)
    assert run.state == tidu.fit(NONLINEAR, few, optimizer="lm").state


def each_step(_event):
    """Makes a training pause after every epoch."""


each_step.each_epoch = True


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("options", [{}, {"dtype": "float32"}, {"engine": "python", "steps": 3}, {"scale": True}])
def test_large_mini_batches(cluster, shuffle, options):
    options = {**OPTIONS, "steps": 7, "batch_size": CHUNK + 100, **options}
    memory = tidu.fit(FORMULA, TABLE, shuffle="blocks" if shuffle else False, **options)
    assert_same(tidu.fit(FORMULA, TABLE, client=cluster.client, shuffle=shuffle, **options), memory)


def test_labels_and_categories(cluster):
    data = {"x": TABLE["x"], "k": np.array([*"abc"])[np.arange(ROWS) % 3], "c": np.where(TABLE["y"] > 0, "yes", "no")}
    options = {"loss": "logistic", **OPTIONS}
    assert_same(
        tidu.fit("c = linear(x, k)", data, client=cluster.client, **options),
        tidu.fit("c = linear(x, k)", data, **options),
    )


def test_a_bad_step_and_its_end(cluster):
    options = {**OPTIONS, "lr": 9.0, "epochs": 2000, "steps": None}
    run = tidu.fit("y = a*x**3", TABLE, client=cluster.client, **options)
    assert run.stopped == "diverged"
    assert_same(run, tidu.fit("y = a*x**3", TABLE, **options))


def test_what_cannot_be_shared_is_refused(cluster):
    for options, words in (
        ({"batch_size": 1}, "batch size of at least 65536"),
        ({"batch_size": CHUNK - 1}, "batch size of at least 65536"),
        ({"stream": False}, "block by block"),
        ({"engine": "array"}, "engine"),
        ({"cluster": "local:2"}, "two ways"),
    ):
        with pytest.raises(SettingError, match=words):
            tidu.fit(FORMULA, TABLE, client=cluster.client, **options)
    with pytest.raises(SettingError, match="too few"):
        tidu.fit("y = a*x", {"x": [1.0, 2], "y": [1.0, 2]}, client=cluster.client)
    for optimizer in ("lm", "lbfgs"):
        with pytest.raises(SettingError, match="a solver of a model with vectors"):
            tidu.fit("y = mlp(x, hidden=[3])", TABLE, client=cluster.client, optimizer=optimizer)
    with pytest.raises(SettingError, match="client must be"):
        tidu.fit(FORMULA, TABLE, client=object())
    for text in ("local", "local:0", "here", "tcp//x"):
        with pytest.raises(SettingError, match="address of a dask scheduler"):
            tidu.fit(FORMULA, TABLE, cluster=text)


def test_nobody_at_the_address(monkeypatch):
    monkeypatch.setattr("tidu.cluster.connecting.SECONDS_TO_CONNECT", 0.5)
    with pytest.raises(ClusterError, match="does not answer"):
        tidu.fit(FORMULA, TABLE, cluster="tcp://127.0.0.1:9", **OPTIONS)


# -- workers that are not as they should be ----------------------------------------------------------
class Told:
    """A job whose sums are the arguments; on some processes with another last digit, or with an error."""

    keeps = True

    def __init__(self, wrong=(), broken=()):
        self.wrong, self.broken = wrong, broken

    def opened(self):
        if os.getpid() in self.broken:
            raise DataError("no such disk")
        return self

    def read(self, chunk):
        return chunk.first

    def size(self, chunk):
        return 8

    def sums(self, chunk, columns, arguments):
        return (columns + arguments[0] + (1e-9 if os.getpid() in self.wrong else 0.0),)


CHUNKS = [Chunk(0, k * CHUNK, CHUNK) for k in range(5)]


def test_workers_that_differ_are_named_and_not_used(cluster):
    pids = cluster.client.run(os.getpid)
    bad, good = sorted(pids)
    for faults, words in (({"wrong": [pids[bad]]}, "other bits"), ({"broken": [pids[bad]]}, "no such disk")):
        sums = DaskSums(cluster.client, Told(**faults), lambda chunk, arguments: (chunk.first + arguments[0],))
        assert sums(CHUNKS, [0.5]) == [(chunk.first + 0.5,) for chunk in CHUNKS]
        assert [*sums.opened] == [good]
        assert len(sums.notes) == 1
        assert bad in sums.notes[0]
        assert words in sums.notes[0]
    nobody = DaskSums(cluster.client, Told(broken=[*pids.values()]), lambda chunk, arguments: (0.0,))
    with pytest.raises(ClusterError, match="no such disk"):
        nobody(CHUNKS, [0.5])


def test_all_workers_lost(monkeypatch):
    monkeypatch.setattr("tidu.cluster.dask_sums.PATIENCE", 1.0)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)
    with Cluster("local:1") as cluster:
        sums = DaskSums(cluster.client, Told(), lambda chunk, arguments: (chunk.first + arguments[0],))
        sums(CHUNKS, [0.5])
        os.kill(next(iter(cluster.client.run(os.getpid).values())), signal.SIGKILL)
        with pytest.raises(ClusterError, match="all workers of the cluster are gone"):
            sums(CHUNKS, [0.5])


def has_checkpoint(store, number):
    try:
        return store.checkpoint(number) is not None
    except StoreError:  # there is no such run yet
        return False


def test_the_command_line_and_a_client_that_is_killed(tmp_path):
    """The run goes on from the store, on one machine, to the bits of a run that was never on a cluster."""
    lines = zip(TABLE["x"][: CHUNK + 50].tolist(), TABLE["y"].tolist(), strict=False)
    (tmp_path / "d.csv").write_text("x,y\n" + "".join(f"{x!r},{y!r}\n" for x, y in lines))
    environment = os.environ | {"TIDU_STORE": str(tmp_path / "store.db"), "TIDU_CACHE": str(tmp_path / "cache")}
    words = [str(tmp_path / "d.csv"), "y = a*x + b", "--lr", "0.001", "--epochs", "1500", "--json"]
    tidu_fit = [sys.executable, "-m", "tidu", "fit", *words]
    whole = subprocess.run(tidu_fit, env=environment, capture_output=True, text=True)
    assert whole.returncode == 0, whole.stderr
    clustered = [*tidu_fit, "--cluster", "local:1"]
    process = subprocess.Popen(clustered, env=environment, stdout=subprocess.DEVNULL)
    with Store(tmp_path / "store.db") as store:
        while process.poll() is None and not has_checkpoint(store, 2):
            time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    resume = [sys.executable, "-m", "tidu", "runs", "resume", "2", "--json"]
    resumed = subprocess.run(resume, env=environment, capture_output=True, text=True)
    assert resumed.returncode == 0, resumed.stderr
    one, other = json.loads(whole.stdout), json.loads(resumed.stdout)
    assert one["params"] == other["params"]
    assert (one["steps"], one["loss"]) == (other["steps"], other["loss"])
