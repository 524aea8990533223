"""Data from disk train to the bits of data in memory: any engine, batch, order, dtype and number of threads."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import curve_fit

import tidu
from tidu.errors import SettingError, StoreError
from tidu.runtime.summation import CHUNK
from tidu.training.loops import from_disk, parts
from tidu.training.storing.store import Store

RANDOM = np.random.default_rng(7)
MOST = 3 * CHUNK + 1
X = {name: RANDOM.normal(size=MOST) for name in "xzw"}
Y = np.sin(X["x"]) - 0.5 * X["z"] + 0.1 * RANDOM.normal(size=MOST)


def table(rows):
    return {**{name: column[:rows] for name, column in X.items()}, "y": Y[:rows], "w": np.abs(X["w"][:rows]) + 0.1}


def assert_same_bits(formula, data, **options):
    streamed = tidu.fit(formula, data, stream=True, **options)
    if options.get("shuffle", True):
        options["shuffle"] = "blocks"
    memory = tidu.fit(formula, data, **options)
    assert streamed.engine == memory.engine
    assert streamed.stopped == memory.stopped
    assert streamed.source == memory.source
    for one, other in ((streamed.state, memory.state), (streamed.metrics, memory.metrics)):
        assert repr(one) == repr(other)
    assert streamed.history.values.tobytes() == memory.history.values.tobytes()
    return streamed


ROWS = st.one_of(
    st.integers(1, 70),
    st.sampled_from([CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK - 1, 2 * CHUNK, 2 * CHUNK + 1, MOST]),
)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_the_bits_of_memory(data):
    rows = data.draw(ROWS)
    sizes = [1, 7, 8, 31, 32, 33, 1000, CHUNK - 1, CHUNK + 1, 2 * CHUNK + 1, rows - 1, rows, rows + 1]
    batch_size = data.draw(st.sampled_from([None, *(b for b in sizes if b > 0)]))
    engine = data.draw(st.sampled_from(["auto", "compiled", "array"] + ["python"] * (rows < 1000)))
    per_epoch = -(-rows // min(batch_size or rows, rows))
    options = {
        "batch_size": batch_size,
        "engine": engine,
        "shuffle": data.draw(st.booleans()),
        "threads": data.draw(st.sampled_from([None, 1, 3])),
        "steps": min(2 * per_epoch + 1, 2000 if engine == "compiled" else 300),
        "lr": 0.01,
        "optimizer": data.draw(st.sampled_from(["gd", "adam"])),
        "seed": data.draw(st.integers(0, 3)),
        "record": data.draw(st.sampled_from(["epoch", "step"])),
        "weights": data.draw(st.sampled_from([None, "w"])),
        "dtype": data.draw(st.sampled_from(["float64", "float32"])) if engine in ("compiled", "array") else "float64",
    }
    assert_same_bits("y = a*sin(x) + b*z + c", table(rows), **options)


@pytest.mark.sampled(4)
@pytest.mark.parametrize("rows", [1, 40, CHUNK + 1, MOST])
@pytest.mark.parametrize("engine", ["compiled", "array"])
@pytest.mark.parametrize("batch_size", [64, 1000])
def test_networks(rows, engine, batch_size):
    assert_same_bits(
        "y = mlp(x, z, hidden=[3])", table(rows), engine=engine, batch_size=batch_size, steps=120, optimizer="adam"
    )


@pytest.mark.parametrize("rows", [300, CHUNK + 1])
@pytest.mark.parametrize("loss", ["logistic", "softmax", "hinge"])
def test_labels_and_categories(rows, loss):
    data = table(rows) | {"c": np.where(Y[:rows] > 0, "yes", "no"), "kind": np.array([*"abc"])[np.arange(rows) % 3]}
    options = {"loss": loss, "batch_size": 100, "steps": 50, "lr": 0.1}
    run = assert_same_bits("c = linear(x, kind)", data, **options)
    assert run.classes == ("no", "yes")


@pytest.mark.parametrize("more", [{"lr": "auto"}, {"scale": True}, {}])
@pytest.mark.parametrize("batch_size", [None, 5000])
def test_rates_from_curvature_and_rescaling(more, batch_size):
    data = table(CHUNK + 3)
    assert_same_bits("y = a*x + b*z + c", data | {"x": 1000 * data["x"]}, epochs=5, batch_size=batch_size, **more)


SOLVED = (
    ("y = a*exp(b*x) + g*z", {"optimizer": "lm"}),
    ("y = a*exp(b*x) + g*z", {"optimizer": "lm", "bounds": {"b": (0.2, None)}, "weights": "w"}),
    ("y = a*exp(b*x) + g*z", {"optimizer": "newton", "sigma": "w"}),
    ("y = a*exp(b*x) + g*z", {"optimizer": "lbfgs", "l2": 0.01}),
    ("y = linear(x, z)", {"optimizer": "auto"}),
    ("y = linear(x, z, w)", {"optimizer": "auto", "l1": 0.1}),
    ("y = linear(x, z)", {"optimizer": "lbfgs", "loss": "huber"}),
    ("kind = linear(x, z)", {"optimizer": "auto", "loss": "logistic"}),
    ("y = mlp(x, z, hidden=[3])", {"optimizer": "lbfgs", "steps": 20}),
    ("y = mlp(x, hidden=[2])", {"optimizer": "newton", "steps": 3}),
    ("y = mlp(x, z, hidden=[2])", {"optimizer": "lm", "steps": 4}),
)


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(st.sampled_from(SOLVED), ROWS.filter(lambda rows: rows >= 40), st.sampled_from([1, 3]))
def test_solvers_have_the_bits_of_memory(case, rows, threads):
    """Parameters, history, standard errors and all, whatever the rows and the threads."""
    formula, options = case
    data = table(rows) | {"kind": np.where(Y[:rows] + X["w"][:rows] > 0, "yes", "no")}
    streamed = tidu.fit(formula, data, stream=True, threads=threads, **options)
    memory = tidu.fit(formula, data, **options)
    assert repr(streamed.state) == repr(memory.state)
    assert streamed.history.values.tobytes() == memory.history.values.tobytes()
    assert repr(streamed.statistics) == repr(memory.statistics)
    assert (streamed.stopped, streamed.source, streamed.engine) == (memory.stopped, memory.source, memory.engine)


@pytest.mark.sampled(1)
@pytest.mark.parametrize("optimizer", ["lm", "newton", "lbfgs"])
def test_plain_python_defines_the_bits_of_solvers(optimizer):
    data, options = table(CHUNK + 9), {"optimizer": optimizer, "init": {"a": 1.0, "b": 0.3}, "steps": 4}
    plain = tidu.fit("y = a*tanh(b*x)", data, engine="python", **options)
    compiled = tidu.fit("y = a*tanh(b*x)", data, engine="compiled", stream=True, **options)
    assert repr(plain.state) == repr(compiled.state)
    assert plain.history.values.tobytes() == compiled.history.values.tobytes()


def test_long_data_are_solved_like_any_other():
    """Against SciPy, which holds all rows."""
    data = table(2 * CHUNK + 3)
    run = tidu.fit("y = a*tanh(b*x) + g*z", data, optimizer="lm", stream=True, init={"a": 1, "b": 1})
    best, covariance = curve_fit(
        lambda xz, a, b, g: a * np.tanh(b * xz[0]) + g * xz[1], np.array([data["x"], data["z"]]), data["y"],
        [1, 1, 0], xtol=1e-15, ftol=1e-15,
    )  # fmt: skip
    assert [*run.params.values()] == pytest.approx(best, rel=1e-7)
    assert [*run.statistics.standard_errors.values()] == pytest.approx(np.sqrt(np.diag(covariance)), rel=1e-6)
    assert run.statistics.rows == 2 * CHUNK + 3


@pytest.mark.parametrize("batch_size", [None, 500])
def test_rates_of_networks(batch_size):
    options = {"batch_size": batch_size, "lr": "auto", "steps": 10, "optimizer": "adam", "engine": "compiled"}
    assert_same_bits("y = mlp(x, z, hidden=[3])", table(3000), **options)


def test_patience_judges_by_blocks(tmp_path):
    data = table(CHUNK + 100)
    assert_same_bits("y = a*x + c", data, epochs=30, lr=0.3, patience=3, batch_size=2000)
    judging = table(2 * CHUNK)
    run = assert_same_bits("y = a*x + c", data, epochs=5, lr=0.1, validation=judging)
    assert len(run.validation_loss) == 5


def test_a_bad_step_ends_at_the_last_good_one():
    assert assert_same_bits("y = a*x + b*z", table(CHUNK + 1), epochs=400, lr=3.0).stopped == "diverged"
    assert assert_same_bits("y = a*x**2", table(MOST), epochs=400, lr=9.0).stopped == "diverged"


@pytest.mark.parametrize("batch_size", [None, 700])
def test_resumed_in_mid_epoch(batch_size):
    data, options = table(MOST), {"stream": True, "batch_size": batch_size, "lr": 0.01}
    whole = tidu.fit("y = a*x + b*z", data, steps=403, **options)
    part = tidu.fit("y = a*x + b*z", data, steps=100, **options)
    assert part.resume(steps=303).state == whole.state


KEPT_BACK = st.fixed_dictionaries(
    {"test_size": st.sampled_from([None, 0.2, 0.5]), "validation": st.sampled_from([None, 0.1, 0.4]),
     "seed": st.integers(0, 3)}
)  # fmt: skip


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(ROWS.filter(lambda rows: rows >= 8), KEPT_BACK, st.sampled_from([None, 500]), st.booleans())
def test_rows_kept_back_are_those_of_memory(rows, kept_back, batch_size, network):
    formula = "y = mlp(x, z, hidden=[2])" if network else "y = a*x + b*z"
    options = {"engine": "compiled", "batch_size": batch_size, "epochs": 3, "lr": 0.01}
    streamed = assert_same_bits(formula, table(rows), **options, **kept_back)
    options |= {"shuffle": "blocks"}
    memory = tidu.fit(formula, table(rows), **options, **kept_back)
    assert repr(streamed.test_metrics) == repr(memory.test_metrics)
    if kept_back["validation"] is not None:
        assert streamed.validation_loss.tobytes() == memory.validation_loss.tobytes()
        assert streamed.best_epoch == memory.best_epoch
    for of in ("table", "test", "validation"):
        one, other = getattr(streamed.problem, of), getattr(memory.problem, of)
        assert (one is None) == (other is None)
        if one is not None:
            assert {n: np.asarray(one[n]).tobytes() for n in one} == {n: other[n].tobytes() for n in other}


def test_labels_categories_and_solvers_with_rows_kept_back():
    data = table(CHUNK + 40) | {"kind": np.array([*"abc"])[np.arange(CHUNK + 40) % 3]}
    data["c"] = np.where(Y[: CHUNK + 40] > 0, "yes", "no")
    options = {"loss": "logistic", "optimizer": "auto", "test_size": 0.3, "seed": 2}
    streamed = tidu.fit("c = linear(x, kind)", data, stream=True, **options)
    memory = tidu.fit("c = linear(x, kind)", data, **options)
    assert repr(streamed.state) == repr(memory.state)
    assert repr(streamed.test_metrics) == repr(memory.test_metrics)


def test_rows_that_a_formula_has_no_value_for_are_dropped_from_disk_too():
    data = table(CHUNK + 40)
    options = {"optimizer": "lm", "drop_missing": True}
    streamed, memory = (tidu.fit("y = a*log(x) + b", data, stream=way, **options) for way in (True, False))
    assert streamed.rows == memory.rows < CHUNK
    assert repr(streamed.state) == repr(memory.state)


def test_what_holds_a_line_for_each_row_is_refused():
    with pytest.raises(SettingError, match="use --optimizer adam"):
        tidu.fit("y = a*x", table(CHUNK), stream=True, optimizer="lp", loss="absolute")


def test_a_step_that_cannot_be_summed_by_chunks_has_a_bound(monkeypatch):
    monkeypatch.setattr(from_disk, "MOST_IN_STEP", 1000)
    with pytest.raises(SettingError, match="give a smaller batch size"):
        tidu.fit("y = mlp(x, hidden=[2])", table(5000), stream=True, epochs=1)
    assert_same_bits("y = mlp(x, hidden=[2])", table(5000), batch_size=100, epochs=1)


def test_parts_are_small(monkeypatch):
    """Many columns: a part has fewer samples, whole steps still."""
    monkeypatch.setattr(from_disk, "MOST_NUMBERS", 1000)
    monkeypatch.setattr(parts, "PART", 500)
    assert_same_bits("y = a*x + b*z + c", table(3000), batch_size=70, epochs=3)


def has_checkpoint(store, number):
    try:
        return store.checkpoint(number) is not None
    except StoreError:  # there is no such run yet
        return False


FIT = (sys.executable, "-m", "tidu", "fit")


@pytest.mark.slow
def test_the_command_line_from_a_pipe_and_killed(tmp_path):
    """`--stream` on standard input; a run that is killed in mid-epoch goes on to the bits of one that was not."""
    data = table(CHUNK + 50)
    lines = "x,y\n" + "".join(f"{x!r},{y!r}\n" for x, y in zip(data["x"].tolist(), data["y"].tolist(), strict=True))
    (tmp_path / "d.csv").write_text(lines)
    environment = os.environ | {"TIDU_STORE": str(tmp_path / "store.db"), "TIDU_CACHE": str(tmp_path / "cache")}
    words = ["y = a*x + b", "--stream", "--batch-size", "1", "--lr", "0.0001", "--epochs", "400", "--json"]
    piped = subprocess.run([*FIT, "-", *words], input=lines, env=environment, capture_output=True, text=True)
    assert piped.returncode == 0, piped.stderr
    process = subprocess.Popen([*FIT, str(tmp_path / "d.csv"), *words], env=environment, stdout=subprocess.DEVNULL)
    with Store(tmp_path / "store.db") as store:
        while process.poll() is None and not has_checkpoint(store, 2):
            time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    resume = [sys.executable, "-m", "tidu", "runs", "resume", "2", "--json"]
    if process.returncode == 0:
        pytest.skip("it was done before it could be killed")
    resumed = subprocess.run(resume, env=environment, capture_output=True, text=True)
    assert resumed.returncode == 0, resumed.stderr
    one, other = json.loads(piped.stdout), json.loads(resumed.stdout)
    assert one["params"] == other["params"]
    assert (one["steps"], one["loss"]) == (other["steps"], other["loss"])


@pytest.mark.parametrize("formula", ["y = a*x + b*z", "y = a*x**2", "y = mlp(x, z, hidden=[2])"])
def test_the_doctor_says_the_same(formula):
    """Of long data, of one that diverges, and of a network."""
    options = {"lr": 9.0 if "**" in formula else 0.01, "epochs": 40, "engine": "compiled"}
    streamed = tidu.fit(formula, table(CHUNK + 100), stream=True, **options)
    memory = tidu.fit(formula, table(CHUNK + 100), **options)
    assert repr(streamed.diagnose(trials=False).to_dict()) == repr(memory.diagnose(trials=False).to_dict())


def test_whoever_takes_a_column_for_an_array_has_one(tmp_path):
    """Diagnosis, pictures, traces and scores of a run whose data are on disk are those of data in memory."""
    data, options = {"x": X["x"][:500], "y": Y[:500]}, {"lr": 0.1, "epochs": 5}
    streamed = tidu.fit("y = a*x + b", data, stream=True, **options)
    memory = tidu.fit("y = a*x + b", data, **options)
    assert str(streamed.diagnose(trials=False)) == str(memory.diagnose(trials=False))
    assert streamed.trace(3, [7]).after == memory.trace(3, [7]).after
    streamed.plot(tmp_path / "picture.svg")
    column = streamed.training_data["x"]
    assert (column.max(), len(column), column[-1]) == (data["x"].max(), 500, data["x"][-1])
    np.testing.assert_array_equal(column * 2.0 > column, data["x"] > 0.0)
    np.testing.assert_array_equal(column[20:30], data["x"][20:30])


def test_large_files_are_streamed(tmp_path, monkeypatch):
    (tmp_path / "d.csv").write_text("x,y\n" + "".join(f"{k},{2 * k}\n" for k in range(50)))
    monkeypatch.setattr("tidu.data.streaming.available_memory", lambda: 100)

    def is_streamed(**options):
        return any("block by block" in note for note in tidu.fit("y = w*x", tmp_path / "d.csv", **options).notes)

    assert is_streamed(lr=1e-4, epochs=2)
    assert not is_streamed(lr=1e-4, epochs=2, stream=False)
    assert is_streamed(optimizer="lm")
    assert is_streamed(lr=1e-4, epochs=2, test_size=0.2)
    assert is_streamed(lr=1e-4, epochs=2, validation=0.2)
