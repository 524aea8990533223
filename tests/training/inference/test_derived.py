"""Derived quantities: the delta method against the same model written in the quantity, and against finite steps."""

import json
import math

import numpy as np
import pytest

import tidu
from tidu.errors import FormulaError, SettingError
from tidu.fronts import cli

T = np.linspace(0.0, 5.0, 21)
Y = 3.0 * np.exp(-0.7 * T) + 0.4 + 0.05 * np.sin(17.0 * T)
DATA = {"t": T, "y": Y}
DECAY = "y = a*exp(-b*t) + c"
SOLVED = {"optimizer": "lm", "init": {"a": 1.0, "b": 1.0}}


@pytest.fixture(scope="module")
def run():
    return tidu.fit(DECAY, DATA, report=["half_life = log(2)/b", "total = a/b + c"], **SOLVED)


def test_the_error_is_that_of_the_model_written_in_the_quantity(run):
    """Standard errors at one minimum do not depend on which of b and log(2)/b is the parameter."""
    other = tidu.fit("y = a*exp(-log(2)/half_life*t) + c", DATA, optimizer="lm", init={"a": 1, "half_life": 1})
    found = run.derived["half_life"]
    assert found.value == pytest.approx(other.params["half_life"], rel=1e-12)
    assert found.standard_error == pytest.approx(other.statistics.standard_errors["half_life"], rel=1e-9)
    assert (found.low, found.high) == pytest.approx(other.statistics.confidence_intervals()["half_life"], rel=1e-9)


def test_the_error_is_that_of_finite_steps(run):
    a, b, c = run.params.values()
    steps = [1 / b, -a / b**2, 1.0]
    expected = math.sqrt(np.array(steps) @ run.statistics.covariance @ steps)
    assert run.derived["total"].standard_error == pytest.approx(expected, rel=1e-12)
    assert run.derived["total"].value == pytest.approx(a / b + c, rel=1e-15)


def test_a_parameter_that_follows_from_others_is_reported_with_its_error():
    x = np.linspace(0.0, 1.0, 12)
    data = {"x": x, "y": 0.2 + 0.5 * x + 0.3 * x**2 + 0.01 * np.cos(40 * x)}
    run = tidu.fit("y = a + b*x + c*x**2", data, optimizer="lm", where="c = 1 - a - b")
    assert list(run.params) == ["a", "b"]
    expected = np.linalg.lstsq(np.column_stack([1 - x**2, x - x**2]), data["y"] - x**2, rcond=None)[0]
    assert list(run.params.values()) == pytest.approx(expected, rel=1e-12)
    assert run.derived["c"].value == pytest.approx(1 - expected.sum(), rel=1e-12)
    assert run.derived["c"].standard_error == pytest.approx(math.sqrt(run.statistics.covariance.sum()), rel=1e-12)
    np.testing.assert_allclose(run.predict({"x": [1.0]}), 1.0, rtol=1e-12)


def test_where_and_fix_and_descent_go_together():
    run = tidu.fit(DECAY, DATA, where={"b": "log(2)/h"}, fix={"c": 0.4}, report={"twice": "2*c + h"},
                   init={"a": 3, "h": 1}, lr=0.05, epochs=3000)  # fmt: skip
    assert list(run.params) == ["a", "h"]
    assert run.derived["b"].value == pytest.approx(math.log(2) / run.params["h"], rel=1e-15)
    assert run.derived["twice"].value == pytest.approx(0.8 + run.params["h"], rel=1e-15)
    assert math.isnan(run.derived["b"].standard_error)
    assert any("a fit by a solver to its end has" in note for note in run.notes)


def test_a_file_keeps_them(run, tmp_path):
    run.save(tmp_path / "m.tidu")
    assert tidu.load(tmp_path / "m.tidu").derived == run.derived


def test_the_command_line_reports_them(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rows = "\n".join(f"{t},{y}" for t, y in zip(T, Y, strict=True))
    (tmp_path / "d.csv").write_text(f"t,y\n{rows}\n")
    words = ["fit", "d.csv", DECAY, "--optimizer", "lm", "--init", "a=1,b=1", "--no-store",
             "--report", "half_life = log(2)/b", "--report", "page.html"]  # fmt: skip
    assert cli.run([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["derived"]["half_life"]
    assert found["low"] < found["value"] < found["high"]
    assert found["se"] == pytest.approx((found["high"] - found["low"]) / 2 / 2.10092204, rel=1e-6)  # t with 18 d.o.f.
    assert found["value"] == pytest.approx(math.log(2) / 0.7, rel=0.05)
    assert "half_life" in (tmp_path / "page.html").read_text()
    assert cli.run(words) == 0
    assert "log(2)/b" in capsys.readouterr().out
    again = tidu.fit(DECAY, "d.csv", report="half_life = log(2)/b", **SOLVED)
    from tidu.insight.reporting.repeating import command_of

    assert '--report "half_life = log(2)/b"' in command_of(again)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"report": "b = 2"}, "is a parameter or a quantity already"),
        ({"report": "k = t"}, "names the column 't'"),
        ({"report": 3}, "report must be texts"),
        ({"where": "c = 1 - a", "init": {"c": 1}}, "init names 'c', which follows from others"),
        ({"where": "c = 1 - a", "fix": {"c": 1}}, "fix names 'c', which follows from others"),
    ],
)
def test_what_cannot_be_reported_is_one_sentence(options, words):
    with pytest.raises((FormulaError, SettingError), match=words):
        tidu.fit(DECAY, DATA, **options)


def test_a_quantity_without_a_value_says_so():
    run = tidu.fit("y = w*x", {"x": [1.0, 2.0], "y": [0.0, 0.0]}, optimizer="lm", report="r = 1/w")
    assert math.isinf(run.derived["r"].value)
    assert any("no finite value" in note for note in run.notes)
