"""The benchmarks' own promises: no time without the right result, and one job is the same work for every peer."""

from __future__ import annotations

import dataclasses
import importlib
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"
sys.path.insert(0, str(FOLDER))
import peers  # noqa: E402
import tables  # noqa: E402
from job import Job  # noqa: E402
from measure import Answer, Contender, NotAvailableError, figures_of  # noqa: E402
from network import Network, flat  # noqa: E402
from peers import by_hand, by_jax, by_numba, by_numpy, by_sklearn, by_tidu, by_torch, networks  # noqa: E402
from workloads import NAMES  # noqa: E402

LINE = Job(rows=20, features=1, batch_size=None, epochs=5, lr=0.1)
SGD = Job(rows=60, features=3, batch_size=1, epochs=2, lr=0.01, loss="half_squared")
JOBS = {
    "line": LINE,
    "full batch": Job(rows=60, features=3, batch_size=None, epochs=4, lr=0.1),
    "mini-batches": Job(rows=60, features=3, batch_size=20, epochs=2, lr=0.05, shuffle=True),
    "sgd": SGD,
    "sgd, shuffled": replace(SGD, shuffle=True),
    "logistic": replace(SGD, loss="logistic"),
}
PEERS = {
    "plain": by_hand.prepared,
    "numba": by_numba.prepared,
    "tidu": lambda job: by_tidu.prepared(job, engine="python"),
    "torch": by_torch.prepared,
    "jax": by_jax.prepared,
    "sklearn": by_sklearn.prepared,
}


@pytest.mark.sampled(9)
@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("name", JOBS)
def test_every_peer_does_the_same_work(name, peer):
    job = JOBS[name]
    if peer == "sklearn" and (not by_sklearn.can_do(job) or job.shuffle):
        pytest.skip("it has no such batches, or another order")
    # NumPy is the oracle; sums may be in another order, over so few samples no more than some last bits.
    np.testing.assert_allclose(PEERS[peer](job)().parameters, by_numpy.prepared(job)().parameters, rtol=1e-12)


NETWORKS = {
    "numbers": Network((3, 4, 5, 1), 4, 16),
    "classes": Network((4, 5, 3), 4, 16, "relu", "float32"),
    "clipped": Network((3, 4, 5, 1), 4, 16, lr=0.1, clip_norm=0.1),
}
WHO = {
    "jax": networks.by_jax,
    "torch": networks.by_torch,
    "tidu": lambda net: networks.by_tidu(net, "auto"),
    "tidu, torch": lambda net: networks.by_tidu(net, "array", "cpu"),
}


@pytest.mark.sampled(4)
@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("name", NETWORKS)
def test_every_peer_trains_the_same_network(name, who):
    net = NETWORKS[name]
    expected = networks.by_numpy(net)().parameters
    assert np.abs(expected - flat(net.start)).max() > 1e-3
    digits = 1e-12 if net.dtype == "float64" and net.clip_norm is None else 1e-5
    np.testing.assert_allclose(WHO[who](net)().parameters, expected, rtol=digits, atol=digits)


def test_what_tidu_cannot_do_is_said():
    with pytest.raises(NotAvailableError, match="dtype"):
        networks.by_tidu(dataclasses.replace(NETWORKS["classes"], dtype="float16"), "compiled")


@pytest.mark.slow
@pytest.mark.parametrize("who", [*WHO, "numpy"])
def test_dropout_changes_the_result_and_not_the_job(who):
    peer = WHO.get(who, networks.by_numpy)
    found = peer(dataclasses.replace(NETWORKS["numbers"], dropout=0.5))().parameters
    whole = peer(NETWORKS["numbers"])().parameters
    assert np.isfinite(found).all()
    assert 1e-6 < np.abs(found - whole).max() < 1.0


def test_the_beginning_of_a_job_is_made_of_its_first_rows():
    part = SGD.of_at_most(10)
    assert (part.rows, part.epochs, part.steps) == (10, 1, 10)
    np.testing.assert_array_equal(part.data[0], SGD.data[0][:10])
    assert LINE.of_at_most(2).epochs == 2
    assert SGD.of_at_most(1000) is SGD


def test_a_time_stands_for_the_whole_work():
    assert peers.contender(("a", "a"), by_numpy.prepared, SGD, most_steps=10).scale == 12.0


def _constant(value: float, tolerance: float = 1e-9) -> Contender:
    return Contender(("c", "c"), lambda: lambda: Answer(np.array([value])), lambda: np.array([1.0]), tolerance)


@pytest.mark.slow
@pytest.mark.parametrize(("value", "counts"), [(1.0, True), (1.0 + 1e-10, True), (1.1, False), (float("nan"), False)])
def test_no_time_is_given_for_another_result(value, counts):
    (found,) = figures_of([_constant(value)], 2, 1.0)
    assert (found.median is not None) is counts
    assert (found.problem is None) is counts


@pytest.mark.slow
def test_who_is_not_there_is_said_and_stops_nobody():
    def missing():
        raise ModuleNotFoundError("No module named 'nowhere'", name="nowhere")

    def unable():
        raise NotAvailableError("yet to come")

    absent = [Contender(("m", "m"), missing), Contender(("u", "u"), unable)]
    first, second, third = figures_of([*absent, _constant(1.0)], 2, 1.0)
    assert first.problem == ("not installed (nowhere)", "未安装（nowhere）")
    assert second.problem == ("yet to come", "yet to come")
    assert len(third.times) == 2


@pytest.mark.slow
def test_goals_are_judged_by_medians():
    ours, other = figures_of([_constant(1.0), replace(_constant(1.0), name=("o", "o"))], 1, 1.0)
    ours.times, other.times = [1.0], [3.0]
    goals = [
        tables.Goal(("c", "c"), ("o", "o"), 2.9),
        tables.Goal(("c", "c"), ("o", "o"), 3.1),
        tables.Goal(("c", "c"), seconds=1.0),
        tables.Goal(("c", "c"), seconds=0.9),
        tables.Goal(("c", "c"), ("nobody", "nobody"), 2),
    ]
    table = tables.contest(("t", "t"), [], [ours, other], [(("c", "c"), ("÷", "÷"))], goals)
    assert [row[3][0] for row in table.goals] == ["reached", "not yet", "reached", "not yet", ""]
    assert [row[4][0] for row in table.rows] == ["1", "3"]
    assert "| c | 1 s |" in tables.markdown(table, 0)


def test_every_workload_has_its_file():
    files = {p.stem for p in (FOLDER / "workloads").glob("*.py")} - {"__init__"}
    assert files == set(NAMES)
    for name in NAMES:
        assert callable(importlib.import_module(f"workloads.{name}").table)
