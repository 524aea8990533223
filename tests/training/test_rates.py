"""`lr="auto"` and `scale=True`: safe rates, and descent that the size of the columns does not slow."""

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_linnerud

import tidu
from tidu.content.optimizers import OPTIMIZERS
from tidu.errors import SettingError
from tidu.lessons.line import data
from tidu.training.problem import Problem
from tidu.training.rates import range_test

X = np.arange(1001.0)
SILENT = {"x": X, "square": X**2, "y": 3 * X**2 + 2 * X + 1}
MODEL = "y = a*square + b*x + c"


@pytest.mark.parametrize("batch_size", [None, 1, 7])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_an_automatic_rate_descends(optimizer, batch_size):
    run = tidu.fit("y = w*x + b", data(), lr="auto", optimizer=optimizer, batch_size=batch_size, epochs=20)
    assert isinstance(run.lr, float)
    assert any("learning rate" in note for note in run.notes)
    assert run.score(data())["mse"] < 0.5 * float(np.mean(np.square(data()["y"])))  # which it was at the start


def test_the_rate_is_that_of_the_curvature():
    x = np.array(data()["x"])
    largest = np.linalg.eigvalsh(2 * np.array([[np.mean(x * x), np.mean(x)], [np.mean(x), 1.0]]))[-1]
    assert tidu.fit("y = w*x + b", data(), lr="auto", epochs=1).lr == pytest.approx(1 / largest, rel=1e-9)


def test_a_rate_that_the_way_forbids_is_taken_back():
    """At a = b = 0 this curves less than further on."""
    x = np.linspace(0, 4, 30)
    run = tidu.fit("y = a*exp(b*x)", {"x": x, "y": 2 * np.exp(0.9 * x)}, lr="auto", init={"a": 0.1}, epochs=300)
    assert not run.diverged
    assert run.history.loss[-1] < run.history.loss[0]
    assert any("curvature grows" in note for note in run.notes)


def test_the_famous_silent_failure():
    told = tidu.fit(MODEL, SILENT, lr=0.01)
    assert told.diverged
    assert "limit" in " ".join(told.notes)
    assert "--scale" in " ".join(told.notes)
    for options in ({"scale": True}, {"optimizer": "lm"}, {"optimizer": "auto"}):
        run = tidu.fit(MODEL, SILENT, **options)
        assert [run.params[n] for n in "abc"] == pytest.approx([3, 2, 1], rel=1e-8)
        assert run.metrics["r2"] == pytest.approx(1.0, abs=1e-14)


def shipped():
    diabetes = load_diabetes(scaled=False)
    yield "diabetes", diabetes.data, diabetes.target
    linnerud = load_linnerud()
    for k, name in enumerate(linnerud.target_names):
        yield f"linnerud-{name}", linnerud.data, linnerud.target[:, k]


@pytest.mark.parametrize(("name", "x", "y"), list(shipped()), ids=lambda v: v if isinstance(v, str) else "")
def test_raw_columns_of_shipped_data(name, x, y):
    """Raw, with an automatic rate, it goes down; rescaled, it is at the exact answer within 50 steps."""
    columns = {f"x{k}": x[:, k] for k in range(x.shape[1])} | {"y": y}
    formula = "y = b + " + " + ".join(f"w{k}*x{k}" for k in range(x.shape[1]))
    best = np.linalg.lstsq(np.column_stack([np.ones(len(y)), x]), y, rcond=None)[0]
    raw = tidu.fit(formula, columns, lr="auto", epochs=200)
    assert not raw.diverged
    assert np.all(np.diff(raw.history.loss) <= 1e-9 * raw.history.loss[0])
    run = tidu.fit(formula, columns, scale=True, epochs=50)
    assert list(run.params.values()) == pytest.approx(best, rel=1e-7)
    found = raw.diagnose()
    assert found["end"].numbers["state"] == "on the way"
    assert found.best is not None
    assert found.best.loss == pytest.approx(float(np.mean((columns["y"] - run.predict(columns)) ** 2)), rel=1e-9)


@pytest.mark.parametrize("batch_size", [None, 10])
@pytest.mark.parametrize("optimizer", ["gd", "momentum", "adam"])
def test_scaled_results_are_in_the_units_of_the_formula(optimizer, batch_size):
    # Adam's steps have the length of the rate, and the way is long in units in which the curvature is 1.
    lr = 3.0 if optimizer == "adam" and batch_size is None else 0.1
    run = tidu.fit("y = w*x + b", data(), scale=True, optimizer=optimizer, lr=lr, batch_size=batch_size, epochs=150)
    x, y = np.array(data()["x"]), np.array(data()["y"])
    w, b = np.polyfit(x, y, 1)
    wide = {"abs": 0.3 if batch_size else 1e-3}
    assert run.params["w"] == pytest.approx(w, **wide)
    assert run.history["b"][-1] == run.params["b"] == pytest.approx(b, abs=wide["abs"] * 50)
    assert run.predict({"x": [50.0]})[0] == pytest.approx(run.params["w"] * 50 + run.params["b"])
    assert "w_scaled" in run.source
    assert set(run.params) == {"w", "b"}


def test_scaled_gradients_are_those_of_the_cost():
    run = tidu.fit("y = w*x + b", data(), scale=True, lr=0.3, epochs=3, init={"w": 1, "b": 2})
    plain = tidu.fit("y = w*x + b", data(), lr=1e-12, epochs=1, init={"w": 1, "b": 2})
    assert run.history.loss[0] == pytest.approx(plain.history.loss[0], rel=1e-12)
    assert run.history.gradient("b")[0] == pytest.approx(plain.history.gradient("b")[0], rel=1e-9)
    assert run.history.gradient_norm[0] == pytest.approx(plain.history.gradient_norm[0], rel=1e-9)


def test_scaling_without_a_full_rank():
    run = tidu.fit("y = a*x + b*x + c", data(), scale=True, epochs=300)
    assert not run.diverged
    assert run.metrics["mse"] < 92


def test_a_penalty_and_scaling_exclude_each_other():
    with pytest.raises(SettingError, match="penalty"):
        tidu.fit("y = w*x", data(), scale=True, l2=0.1)


def test_the_range_test_changes_nothing_and_finds_the_limit():
    problem = Problem.read("y = w*x + b", data())
    before = [c.copy() for c in problem.columns]
    found = range_test(problem, rates=(1e-5, 1e-4, 1e-3, 1e-2), steps=200)
    assert found.costs[1] < found.costs[0] < found.start_cost
    assert not found.costs[2] < found.start_cost  # 0.00039 is the limit
    assert found.best == 1e-4
    assert all(np.array_equal(a, b) for a, b in zip(problem.columns, before, strict=True))


def test_a_run_is_as_it_was_after_its_range_test(tmp_path):
    run = tidu.fit("y = w*x + b", data(), lr=0.0001, epochs=5)
    before = run.to_dict()
    found = run.range_test(rates=[1e-4, 1e-3])
    assert run.to_dict() == before
    assert found.best == 1e-4
    run.save(tmp_path / "m.tidu")
    with pytest.raises(tidu.TiduError, match="needs the data"):
        tidu.load(tmp_path / "m.tidu").range_test()
