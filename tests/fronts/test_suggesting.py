"""`tidu models` and `tidu suggest`: lists, one form, a table with a picture, JSON, refusals."""

import json

import numpy as np
import pytest

from tidu.content.forms import FORMS
from tidu.fronts import cli


@pytest.fixture
def tidu(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    x = np.linspace(0.2, 6.0, 25)
    y = 4 * x / (1 + x) + np.random.default_rng(0).normal(0, 0.05, 25)
    lines = [f"{a},{b}" for a, b in zip(x, y, strict=True)]
    (tmp_path / "rate.csv").write_text("s,v\n" + "\n".join(lines) + "\n")

    def call(*arguments):
        status = cli.run(list(arguments))
        out = capsys.readouterr()
        return status, out.out, out.err

    return call


def test_models_are_listed_and_shown(tidu):
    status, out, _err = tidu("models")
    assert status == 0
    assert all(f"{name}(x)" in out for name in FORMS)
    status, out, _err = tidu("models", "logistic4")
    assert status == 0
    assert "dose of half of the effect" in out
    assert "┤" in out
    _status, out, _err = tidu("models", "--json")
    assert [m["name"] for m in json.loads(out)["models"]] == list(FORMS)
    status, _out, err = tidu("models", "gausian")
    assert status == 2
    assert "did you mean 'gaussian'" in err


def test_suggest_ranks_and_draws(tidu, tmp_path):
    status, out, err = tidu("suggest", "rate.csv", "v", "s", "--plot", "best.png", "--all")
    assert status == 0, err
    assert "michaelis_menten" in out
    assert "ΔAICc" in out
    assert (tmp_path / "best.png").stat().st_size > 10_000
    status, out, _err = tidu("suggest", "rate.csv", "v", "s", "--json")
    plain = json.loads(out)
    assert status == 0
    assert {"name", "formula", "params", "aicc", "delta", "cv_error"} <= plain["candidates"][0].keys()


def test_a_named_form_is_fitted_and_its_text_shown(tidu):
    status, out, err = tidu("fit", "rate.csv", "v = michaelis_menten(s)", "--optimizer", "auto", "--json")
    assert status == 0, err
    plain = json.loads(out)
    assert plain["params"]["km"] == pytest.approx(1.0, abs=0.15)
    assert any("michaelis_menten(s) is vmax·s/(km + s)" in note for note in plain["notes"])


def test_a_column_that_is_not_there(tidu):
    status, out, err = tidu("suggest", "rate.csv", "v", "t")
    assert (status, out) == (2, "")
    assert "no column 't'" in err
