"""`tidu predict --stream`: block by block, what `tidu predict` writes at once."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import tidu
from tidu.runtime.summation import CHUNK

PREDICT = (sys.executable, "-m", "tidu", "predict")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("predicting")
    x = np.random.default_rng(0).normal(size=CHUNK + 10)
    rows = (f"{a!r},{'yes' if a > 0.1 else 'no'},{2 * a!r}\n" for a in x.tolist())
    (folder / "d.csv").write_text("x,c,y\n" + "".join(rows))
    few = {"x": x[:200], "c": np.where(x[:200] > 0.1, "yes", "no"), "y": 2 * x[:200]}
    tidu.fit("y = w*x", few, lr=0.1, epochs=5).save(folder / "line.tidu")
    tidu.fit("c = a*x + b", few, loss="logistic", lr=0.1, epochs=5).save(folder / "class.tidu")
    return folder


@pytest.mark.sampled(1)
@pytest.mark.parametrize(("model", "more"), [("line", []), ("class", ["--proba"])])
def test_the_file_is_the_same(files, model, more):
    command = [*PREDICT, f"{model}.tidu", "d.csv", *more, "--out"]
    whole = subprocess.run([*command, "whole.csv"], cwd=files, check=True, capture_output=True, text=True)
    parts = subprocess.run([*command, "parts.csv", "--stream"], cwd=files, check=True, capture_output=True, text=True)
    assert (files / "parts.csv").read_bytes() == (files / "whole.csv").read_bytes()
    assert parts.stdout.replace("parts.csv", "whole.csv") == whole.stdout


@pytest.mark.slow
def test_onto_standard_output_from_standard_input(files):
    command = [*PREDICT, "class.tidu", "-", "--proba"]
    text = (files / "d.csv").read_text()
    whole = subprocess.run(command, cwd=files, check=True, capture_output=True, text=True, input=text)
    parts = subprocess.run([*command, "--stream"], cwd=files, check=True, capture_output=True, text=True, input=text)
    assert parts.stdout == whole.stdout


def test_json_is_refused(files):
    done = subprocess.run(
        [*PREDICT, "line.tidu", "d.csv", "--stream", "--json"], cwd=files, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "give --out FILE" in done.stderr
