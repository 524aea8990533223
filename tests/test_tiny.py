"""The smallest proof of life: every public name, one fit, one minimum, one run saved and loaded. Under two seconds."""

import subprocess
import sys

import pytest

import tidu

POINTS = {"x": [1.0, 2.0, 3.0], "y": [2.0, 4.0, 6.0]}


def test_every_public_name_is_there():
    assert [name for name in tidu.__all__ if getattr(tidu, name, None) is None] == []
    assert set(tidu.__all__) <= set(dir(tidu))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        tidu.nonsense  # noqa: B018


def test_one_fit():
    run = tidu.fit("y = w*x", POINTS, init={"w": 1}, lr=0.01, epochs=100)
    # PROGRAMS.md, section 2: the figure is given to all its digits
    assert run.params["w"] == pytest.approx(1.9999444396553017, rel=1e-14)
    assert run.stopped == "epochs"


def test_one_minimum():
    assert abs(tidu.minimize(lambda x: 3 * x**2, x0=1.0).x) < 1e-100


def test_one_run_saved_and_loaded(tmp_path):
    run = tidu.fit("y = w*x", POINTS, epochs=3)
    run.save(tmp_path / "m.tidu")
    assert tidu.load(tmp_path / "m.tidu").params == run.params


def test_import_brings_in_nothing_heavy():
    heavy = ("numpy", "pyarrow", "matplotlib", "scipy", "rich")
    code = f"import sys, tidu; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
