"""Networks on a cluster: the sums of groups of 65,536 samples by workers, with the bits of one process."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from test_clusters import CHUNK, TABLE, Killer, assert_same, each_step

import tidu
from tidu.cluster.connecting import Cluster
from tidu.errors import SettingError

pytestmark = [pytest.mark.cluster, pytest.mark.slow]
FORMULA = "y = mlp(x, z, hidden=[5])"
OPTIONS = {"lr": 0.05, "steps": 16, "engine": "compiled"}


@pytest.fixture(scope="module")
def cluster():
    with Cluster("local:2") as cluster:
        yield cluster


@pytest.mark.parametrize("workers", [1, 2, 3, 5])
def test_workers_are_killed_and_join(workers):
    with Cluster(f"local:{workers}") as cluster, contextlib.ExitStack() as started:
        for optimizer in ("gd", "adam"):
            options = {**OPTIONS, "optimizer": optimizer}
            memory = tidu.fit(FORMULA, TABLE, **options)
            disk = tidu.fit(FORMULA, TABLE, stream=True, **options)
            killer = Killer(cluster, *((4, 9) if workers > 1 else (9, 4)))
            run = tidu.fit(FORMULA, TABLE, client=cluster.client, callbacks=[killer, each_step], **options)
            started.callback(killer.close)
            assert killer.done == 2
            assert run.engine == "compiled"
            assert any("shared 5 chunk(s) a step" in note for note in run.notes)
            assert_same(disk, run)
            assert repr(memory.state) == repr(run.state)
            assert memory.history.values.tobytes() == run.history.values.tobytes()


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize(
    ("formula", "options"),
    [
        (FORMULA, {}),
        (FORMULA, {"dtype": "float32", "threads": 1}),
        ("y = mlp(x, z, hidden=[4, 3], dropout=0.2)", {"clip_norm": 0.5, "l2": 0.01}),
        ("c = mlp(x, z, hidden=[3])", {"loss": "softmax", "optimizer": "momentum"}),
    ],
)
def test_large_mini_batches(cluster, shuffle, formula, options):
    table = {**TABLE, "c": np.array([*"abc"])[np.digitize(TABLE["y"], [-0.5, 0.5])]}
    options = {**OPTIONS, "steps": 6, "batch_size": CHUNK + 300, **options}
    memory = tidu.fit(formula, table, shuffle="blocks" if shuffle else False, **options)
    disk = tidu.fit(formula, table, stream=True, shuffle=shuffle, **options)
    run = tidu.fit(formula, table, client=cluster.client, shuffle=shuffle, **options)
    assert_same(disk, run)
    assert repr(memory.state) == repr(run.state)


def test_auto_takes_tiles_on_a_cluster(cluster, monkeypatch):
    options = {"lr": 0.05, "steps": 3}
    run = tidu.fit(FORMULA, TABLE, client=cluster.client, **options)
    assert run.engine == "compiled"
    assert repr(run.state) == repr(tidu.fit(FORMULA, TABLE, engine="compiled", **options).state)
    monkeypatch.setattr("tidu.training.engine_choice.fits_tiles", lambda _program, _shape: False)
    with pytest.raises(SettingError, match="no loop over tiles, whose sums workers share"):
        tidu.fit(FORMULA, TABLE, client=cluster.client, **options)
