"""The doctor: what it says is checked by running it."""

import json
import math

import numpy as np
import pytest

import tidu
from tidu.errors import DataError
from tidu.fronts import cli
from tidu.lessons.line import data
from tidu.text import use_language

X = np.linspace(-1.0, 3.0, 40)


@pytest.fixture(scope="module")
def line():
    return tidu.fit("y = w*x + b", data(), lr=0.0001).diagnose()


def test_line_is_under_the_limit(line):
    limit = line["limit"].numbers
    assert limit["share"] < 1
    assert limit["limit"] == pytest.approx(2 / line.spectrum.largest)
    assert (line["curvature"].numbers["steep"], line["curvature"].numbers["flat"]) == ("w", "b")


def test_b_needs_as_many_steps_as_it_says(line):
    steps = line["steps"].numbers["steps"]
    assert line["steps"].numbers["parameter"] == "b"
    x, y = np.array(data()["x"]), np.array(data()["y"])
    best = np.polyfit(x, y, 1)[1]
    run = tidu.fit("y = w*x + b", data(), lr=0.0001, steps=round(steps), engine="compiled")
    assert (best - run.params["b"]) / best == pytest.approx(0.01, rel=0.02)


def test_scaling_cures_it(line):
    assert line.best is not None
    assert line.best.options["scale"] is True
    assert line.best.steps_to_lowest < 10
    run = tidu.fit("y = w*x + b", data(), scale=True, epochs=line.best.steps_to_lowest)
    assert run.score(data())["mse"] == pytest.approx(line.best.loss, rel=1e-5)


def test_every_trial_is_what_fit_does(line):
    for trial in line.trials:
        again = tidu.fit("y = w*x + b", data(), **{**trial.options, "epochs": trial.options.get("epochs", 1000)})
        assert again.score(data())["mse"] == pytest.approx(trial.loss, rel=1e-12)


def test_of_two_rates_the_better_in_these_steps_is_shown():
    """At a condition of 86,000 the rate that is best in the end swings for the whole thousand steps."""
    random = np.random.default_rng(3)
    x = random.uniform(100.0, 500.0, 80)
    found = tidu.fit("y = w*x + b", {"x": x, "y": 0.3 * x + 7 + random.normal(0.0, 2.0, 80)}, lr=0.01).diagnose()
    rate = next(t for t in found.trials if t.options.get("optimizer") == "gd")
    assert found.spectrum.condition > 1e5
    assert rate.options["lr"] == 1.0 / found.spectrum.largest
    swinging = tidu.fit("y = w*x + b", found.run.training_data.columns, lr=found.spectrum.best_rate)
    assert rate.loss < 20.0 < 1000.0 < swinging.score(found.run.training_data.columns)["mse"]
    assert found.advice == "--scale" or found.advice == "--optimizer auto"
    assert found.advice in str(found)


def test_a_divergence_has_its_row_and_its_limit():
    x = np.append(X, 400.0)
    found = tidu.fit("y = w*x + b", {"x": x, "y": 2 * x}, lr=0.01).diagnose()
    assert found["divergence"].numbers["row"] == len(x)
    assert found["divergence"].numbers["parameter"] == "w"
    assert found["limit"].numbers["share"] > 1
    assert found.best is not None
    assert found.best.loss < 1e-20


def test_minimum_saddle_and_valley():
    flat = tidu.fit("y = a*b*x", {"x": X, "y": 2 * X}, optimizer="lm", init={"a": 1, "b": 1}).diagnose()
    assert flat["end"].numbers["state"] == "flat"
    # At a = b = 0 the gradient is 0, and the cost falls along a = b.
    saddle = tidu.fit("y = a*b*x", {"x": X, "y": 2 * X}, epochs=5).diagnose()
    assert saddle["end"].numbers["state"] == "saddle"
    assert saddle["end"].numbers["negative"] == 1
    minimum = tidu.fit("y = a*x + b", {"x": X, "y": np.sin(X)}, lr=0.2, epochs=500).diagnose()
    assert minimum["end"].numbers["state"] == "minimum"
    away = tidu.fit("y = a*x + b", {"x": X, "y": np.sin(X)}, epochs=1).diagnose()
    assert away["end"].numbers["state"] == "on the way"


def test_columns():
    table = {"u": X, "v": 2 * X + 3, "k": np.ones(40), "big": 1e9 * np.cos(X), "y": X}
    found = tidu.fit("y = a*u + b*v + c*k + d*big", table, lr=1e-20, epochs=1).diagnose(trials=False)
    assert found["constant"].numbers["columns"] == ["k"]
    assert found["collinear"].numbers["columns"] == ["u", "v"]
    assert found["sizes"].numbers["large"] == "big"
    clean = tidu.fit("y = a*u + d*big", {"u": X, "big": 10 * np.cos(X), "y": X}, lr=1e-5, epochs=1)
    assert not any(kind in clean.diagnose(trials=False) for kind in ("constant", "collinear", "sizes"))


def test_gradient_noise_is_variance_over_signal():
    table = {"x": X, "y": 2 * X + np.cos(9 * X)}
    found = tidu.fit("y = w*x", table, epochs=1).diagnose(trials=False)["noise"].numbers
    gradients = -2 * X * table["y"]
    assert found["batch_size"] == pytest.approx(np.var(gradients, ddof=1) / np.mean(gradients) ** 2, rel=1e-12)


def test_a_loaded_run_needs_its_data(tmp_path):
    tidu.fit("y = w*x + b", data(), lr=0.0001).save(tmp_path / "m.tidu")
    run = tidu.load(tmp_path / "m.tidu")
    with pytest.raises(DataError, match="needs the data"):
        run.diagnose()
    assert run.diagnose(data(), trials=False)["limit"].numbers["share"] < 1


def test_on_the_command_line(tmp_path, capsys):
    path = tmp_path / "d.csv"
    path.write_text("x,y\n" + "\n".join(f"{a!r},{b!r}" for a, b in zip(*data().values(), strict=True)))
    assert cli.run(["doctor", str(path), "y = w*x + b", "--lr", "0.0001", "--json"]) == 0
    got = json.loads(capsys.readouterr().out)
    assert got["curvature"]["condition"] > 1e4
    assert {f["kind"] for f in got["findings"]} >= {"curvature", "limit", "steps", "end", "noise"}
    assert got["best"]["helps"]
    assert math.isfinite(got["best"]["loss"])
    assert cli.run(["doctor", str(path), "y = w*x + b", "--no-trials"]) == 0
    assert "tried" not in capsys.readouterr().out
    use_language("zh")
    try:
        assert cli.run(["doctor", str(path), "y = w*x + b", "--lr", "0.0001"]) == 0
        assert "曲率" in capsys.readouterr().out
    finally:
        use_language("en")
    assert cli.run(["doctor", str(path), "y = w*z"]) == 2


def test_costs_below_zero_have_a_best_trial():
    """The loss of counts may be negative: "as low as the lowest" is then no product of it."""
    x = np.linspace(0.1, 2.0, 9)
    run = tidu.fit("y = w*x + b", {"x": x, "y": np.floor(3 * x)}, loss="poisson", lr=0.02, steps=3)
    found = run.diagnose()
    assert found.best is not None
    assert found.best.loss == min(t.loss for t in found.trials if t.helps) < 0.0
    assert found.best.steps_to_lowest is not None
    assert found.best.loss < found.loss
