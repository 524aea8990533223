"""Sources that the workers read where they lie: each part once, by one of them, with the bits of a table in memory."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from reading_told import parts_read
from test_clusters import Killer, assert_same, each_step

import tidu
from tidu.__main__ import main
from tidu.cluster.connecting import Cluster
from tidu.data import csv
from tidu.errors import DataError, MissingValues
from tidu.runtime.summation import CHUNK
from tidu.training.callbacks import Advanced
from tidu.training.resuming import resumed_from
from tidu.training.storing.store import Store

pytestmark = [pytest.mark.cluster, pytest.mark.slow]
RANDOM = np.random.default_rng(12)
ROWS = 4 * CHUNK + 5
X = RANDOM.normal(size=ROWS).round(7)
WORDS = np.array(["plain", 'with "quotes"', "over\ntwo lines", "a, comma"])
TABLE = {
    "x": X,
    "z": RANDOM.normal(size=ROWS).round(7),
    "y": (np.sin(X) + 0.1 * RANDOM.normal(size=ROWS)).round(7),
    "word": WORDS[RANDOM.integers(0, 4, size=ROWS)],
    "day": np.array([f"2024-01-{k:02}" for k in range(1, 29)])[RANDOM.integers(0, 28, size=ROWS)],
}
FORMULA = "y = a*sin(x) + b*z + c"
NONLINEAR = "y = a*exp(b*x) + g*z"
OPTIONS = {"lr": 0.1, "steps": 20, "engine": "compiled"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sources")
    quoted = ['"' + word.replace('"', '""') + '"' for word in TABLE["word"].tolist()]
    columns = [*(map(repr, TABLE[n].tolist()) for n in ("x", "z", "y")), quoted, TABLE["day"].tolist()]
    lines = [",".join(cells) + "\n" for cells in zip(*columns, strict=True)]
    (folder / "whole.csv").write_text("x,z,y,word,day\n" + "".join(lines))
    half = ROWS // 2 + 77
    (folder / "part-1.csv").write_text("x,z,y,word,day\n" + "".join(lines[:half]))
    (folder / "part-2.csv").write_text("x,z,y,word,day\n" + "".join(lines[half:]))
    missing = [line.replace(line.partition(",")[0], "", 1) if k % 5 == 0 else line for k, line in enumerate(lines)]
    (folder / "missing.csv").write_text("x,z,y,word,day\n" + "".join(missing))
    pq.write_table(pa.table(TABLE), folder / "whole.parquet", row_group_size=50_000)
    return folder


@pytest.fixture(scope="module", autouse=True)
def small_parts():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv, "PIECE", 3 << 20)  # as this process cuts the files: some five parts
        patch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)  # workers import `reading_told`
        yield


@pytest.fixture(scope="module")
def cluster(small_parts):
    with Cluster("local:2") as cluster:
        yield cluster


class Reading:
    """Asks, in mid-run, how many parts this process and the workers have read."""

    def __init__(self, client):
        self.client, self.here, self.workers = client, 0, []

    def __call__(self, event):
        if isinstance(event, Advanced) and not self.workers:
            self.here, self.workers = parts_read(), [*self.client.run(parts_read).values()]


@pytest.mark.parametrize("name", ["whole.csv", "part-*.csv", "whole.parquet"])
def test_each_part_is_read_once(cluster, folder, name):
    gc.collect()
    reading = Reading(cluster.client)
    run = tidu.fit(FORMULA, folder / name, client=cluster.client, callbacks=[reading], **OPTIONS)
    assert_same(run, tidu.fit(FORMULA, folder / name, stream=True, **OPTIONS))
    (note,) = [note for note in run.notes if "where it lies" in note]
    parts = int(note.partition(" part(s)")[0].rpartition(" ")[2])
    assert parts >= 5
    # All read the first chunk, which shows that they read alike, and lies in two parts, as one at a border does.
    assert reading.here == 2
    assert parts + 1 <= sum(reading.workers) <= parts + 4


@pytest.mark.parametrize("workers", [1, 2, 3, 5])
def test_workers_are_killed_and_join(folder, workers):
    """A lost worker's parts are read again by others: the bits of memory and of disk, of descents and of solvers."""
    with Cluster(f"local:{workers}") as cluster, contextlib.ExitStack() as started:
        for name, formula, options in (
            ("whole.csv", FORMULA, {**OPTIONS, "optimizer": "gd"}),
            ("whole.parquet", FORMULA, {**OPTIONS, "optimizer": "adam"}),
            ("part-*.csv", NONLINEAR, {"optimizer": "lm"}),
        ):
            at = (2, 4) if options["optimizer"] == "lm" else (5, 12)
            killer = Killer(cluster, *(at if workers > 1 else reversed(at)))
            callbacks = [killer, each_step]
            run = tidu.fit(formula, folder / name, client=cluster.client, callbacks=callbacks, **options)
            started.callback(killer.close)
            assert killer.done == 2
            assert any("where it lies" in note for note in run.notes)
            assert_same(tidu.fit(formula, folder / name, stream=True, **options), run)
            memory = tidu.fit(formula, folder / name, stream=False, **options)
            assert repr(memory.state) == repr(run.state)
            assert repr(memory.statistics) == repr(run.statistics)


@pytest.mark.parametrize(
    ("formula", "options"),
    [
        ("y = linear(x, word)", OPTIONS),
        ("y = linear(x, days(day))", {**OPTIONS, "scale": True}),
        ("word = linear(x, y)", {**OPTIONS, "loss": "softmax", "steps": 4}),
        ("y = a[word]*x + b", {**OPTIONS, "lr": "auto"}),
        ("y = a*x + b", {**OPTIONS, "weights": "w"}),
        ("log(u) = a*x + b", OPTIONS),
        ("y = a*exp(b*x) + c", {"optimizer": "lbfgs", "l2": 0.01}),
    ],
)
def test_what_only_all_rows_can_tell(cluster, tmp_path, folder, formula, options):
    """Levels, first dates, classes, checks of every row, rates and scales: found without reading the rows here."""
    if formula.startswith("word") or "weights" in options or "log" in formula:
        table = {**TABLE, "w": np.abs(TABLE["z"]) + 0.1, "u": np.exp(TABLE["y"])}
        if formula.startswith("word"):
            table["word"] = np.array([word.split()[0] for word in table["word"].tolist()])
        path = tmp_path / "more.parquet"
        pq.write_table(pa.table(table), path, row_group_size=60_000)
    else:
        path = folder / "whole.csv"
    gc.collect()
    reading = Reading(cluster.client)
    run = tidu.fit(formula, path, client=cluster.client, callbacks=[reading], **options)
    disk = tidu.fit(formula, path, stream=True, **options)
    assert reading.here == 2
    assert any("where it lies" in note for note in run.notes)
    assert repr(disk.state) == repr(run.state)
    assert disk.history.values.tobytes() == run.history.values.tobytes()
    assert repr(disk.metrics) == repr(run.metrics)
    assert run.settings == disk.settings
    memory = tidu.fit(formula, path, stream=False, **options)
    assert repr(memory.state) == repr(run.state)


def test_missing_cells(cluster, folder):
    with pytest.raises(MissingValues) as there:
        tidu.fit(FORMULA, folder / "missing.csv", client=cluster.client, **OPTIONS)
    with pytest.raises(MissingValues) as here:
        tidu.fit(FORMULA, folder / "missing.csv", **OPTIONS)
    assert str(there.value) == str(here.value)
    run = tidu.fit(FORMULA, folder / "missing.csv", client=cluster.client, drop_missing=True, **OPTIONS)
    assert_same(run, tidu.fit(FORMULA, folder / "missing.csv", stream=True, drop_missing=True, **OPTIONS))
    assert any(f"of {ROWS} rows were dropped" in note for note in run.notes)


def test_wrong_cells_are_told_as_by_one_machine(cluster, folder, tmp_path):
    text = (folder / "whole.csv").read_text()
    end = text.rfind("\n", 0, len(text) - 2000) + 1
    for wrong in ("oops,1,2,a,2024-01-01\n", "1,2,3\n"):
        (tmp_path / "wrong.csv").write_text(text[:end] + wrong + text[end:])
        sentences = []
        for options in ({"client": cluster.client}, {"stream": True}):
            with pytest.raises(DataError) as told:
                tidu.fit(FORMULA, tmp_path / "wrong.csv", **options, **OPTIONS)
            sentences.append(str(told.value))
        assert sentences[0] == sentences[1]
    with pytest.raises(DataError) as told:
        tidu.fit("log(y) = a*x + b", folder / "whole.csv", client=cluster.client, **OPTIONS)
    with pytest.raises(DataError) as here:
        tidu.fit("log(y) = a*x + b", folder / "whole.csv", **OPTIONS)
    assert str(told.value) == str(here.value)


def test_what_this_machine_reads(cluster, folder, tmp_path):
    import gzip

    (tmp_path / "packed.csv.gz").write_bytes(gzip.compress((folder / "part-1.csv").read_bytes(), 1))
    large = {"batch_size": CHUNK + 100, "steps": 5}
    for path, options, words in (
        (tmp_path / "packed.csv.gz", OPTIONS, "from beginning to end"),
        (folder / "whole.csv", {**OPTIONS, **large}, "rows from everywhere"),
    ):
        run = tidu.fit(FORMULA, path, client=cluster.client, **options)
        assert any(words in note for note in run.notes)
        assert_same(run, tidu.fit(FORMULA, path, stream=True, **options))
    run = tidu.fit(FORMULA, folder / "whole.csv", client=cluster.client, shuffle=False, **OPTIONS | large)
    assert any("where it lies" in note for note in run.notes)
    assert_same(run, tidu.fit(FORMULA, folder / "whole.csv", stream=True, shuffle=False, **OPTIONS | large))


def test_rows_after_the_cluster_is_left(folder):
    """Whoever asks for rows then reads them himself."""
    with Cluster("local:1") as cluster:
        run = tidu.fit(FORMULA, folder / "whole.csv", client=cluster.client, **OPTIONS)
    assert run.score(run.problem.table) == run.metrics
    assert run.diagnose(trials=False).loss == pytest.approx(run.metrics["mse"])


def test_a_run_goes_on_with_workers_that_read(cluster, folder, tmp_path):
    """Begun by one machine in memory, and taken up by a cluster: the bits of one long run."""
    path = folder / "whole.csv"
    with Store(tmp_path / "runs.db") as store:
        tidu.fit(FORMULA, path, store=tmp_path / "runs.db", **OPTIONS)
        number = store.runs()[0].id
        again = resumed_from(store, number, steps=10, cluster=cluster.client.scheduler.address)
    assert any("where it lies" in note for note in again.notes)
    assert not any("not those" in note for note in again.notes)
    assert repr(again.state) == repr(tidu.fit(FORMULA, path, **OPTIONS | {"steps": 30}).state)


def test_the_doctor(folder, capsys):
    """On a cluster it finds what it finds on one machine."""
    told = []
    for options in (["--cluster", "local:2"], ["--stream"]):
        words = ["doctor", str(folder / "whole.csv"), FORMULA, "--lr", "0.1", "--steps", "20", "--no-trials", "--json"]
        with pytest.raises(SystemExit) as ended:
            sys.exit(main([*words, *options]))
        assert not ended.value.code
        told.append(json.loads(capsys.readouterr().out))
    assert told[0] == told[1]
