"""Random text and bytes for formulas, tables, models and stores are read, or refused by an error of tidu's."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tidu
from tidu.training.resuming import run_in
from tidu.training.storing.store import Store

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "fuzz.py"
TABLE = {"x": np.array([0.5, 1.0, 2.0]), "y": np.array([1.0, 2.0, 4.5])}
WORDS = st.sampled_from(
    ["x", "y", "w", "b", "1", "2.5", "1e308", "+", "-", "*", "/", "**", "(", ")", ",", " ", "exp", "log", "where(",
     "poly(x, ", "mlp(x, ", "linear(", "hidden=[", "]", "<", "=", "'", "`", ".", "²", "（", "\x00"]
)  # fmt: skip
unhurried = settings(deadline=5000, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.slow
@unhurried
@given(st.one_of(st.text(max_size=60), st.lists(WORDS, max_size=20).map("".join)))
def test_formulas(text):
    with contextlib.suppress(tidu.TiduError):
        tidu.fit("y = " + text, TABLE, epochs=1, engine="python")


@pytest.mark.slow
@unhurried
@given(st.binary(max_size=200), st.sampled_from([b"", b"x,y\n", b"x,y\n1,2\n"]))
def test_tables(tmp_path, content, beginning):
    file = tmp_path / "d.csv"
    file.write_bytes(beginning + content)
    with contextlib.suppress(tidu.TiduError):
        tidu.fit("y = w*x + b", file, epochs=1, engine="python")


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """A folder with a model file and a store."""
    folder = tmp_path_factory.mktemp("good")
    tidu.fit("y = w*x + b", TABLE, epochs=2, store=folder / "runs.sqlite").save(folder / "m.tidu")
    return folder


def spliced(whole, content, at):
    """A file in which some bytes are others."""
    place = int(at * len(whole))
    return whole[:place] + content + whole[place + len(content) :]


@pytest.mark.slow
@unhurried
@given(st.binary(max_size=40), st.floats(0, 1))
def test_models(tmp_path, good, content, at):
    file = tmp_path / "m.tidu"
    file.write_bytes(spliced((good / "m.tidu").read_bytes(), content, at))
    with contextlib.suppress(tidu.TiduError):
        tidu.load(file).predict({"x": [1.0]})


@pytest.mark.slow
@unhurried
@given(st.binary(max_size=40), st.floats(0, 1))
def test_stores(tmp_path, good, content, at):
    file = tmp_path / "runs.sqlite"
    file.write_bytes(spliced((good / "runs.sqlite").read_bytes(), content, at))
    with contextlib.suppress(tidu.TiduError):
        tidu.runs(file)
        with Store(file, reading=True) as store:
            run_in(store, 1)


@pytest.mark.slow
def test_the_longer_script():
    command = [sys.executable, SCRIPT, "--seconds", "1", "--seed", "7"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
