"""A run with kept states, or read from a file or the store, explains any step as the run itself does: to the bit."""

from __future__ import annotations

import numpy as np
import pytest

import tidu
from tidu.errors import DataError
from tidu.training import kept_states
from tidu.training.kept_states import nearest
from tidu.training.state import TrainingState

RANDOM = np.random.default_rng(3)
X = RANDOM.normal(size=37)
DATA = {"x": X, "y": np.sin(X)}
KINDS = {
    "scalars": ("y = a*tanh(w*x) + b", {"optimizer": "adam", "batch_size": 5, "lr": "0.01*warmup(10)"}),
    "network": ("y = mlp(x, hidden=[3])", {"optimizer": "momentum", "batch_size": 7}),
    "rescaled": ("y = w*x + b", {"scale": True, "batch_size": 8}),
    "converging": ("y = w*x + b", {"lr": 0.01, "tol": 1e-9}),
    "patient": ("y = w*x + b", {"lr": 0.01, "patience": 5, "validation": 0.2}),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("engine", ["python", "auto"])
def test_a_step_is_replayed_from_the_nearest_state(monkeypatch, kind, engine):
    formula, options = KINDS[kind]
    plain = tidu.fit(formula, DATA, steps=120, engine=engine, **options)
    monkeypatch.setattr(kept_states, "LEAST_WORK", 1.0)
    run = tidu.fit(formula, DATA, steps=120, engine=engine, **options)
    assert plain.kept == ()
    assert 10 < len(run.kept) <= kept_states.MOST
    assert [s.step for s in run.kept] == sorted({s.step for s in run.kept})
    for name, value in run.params.items():
        np.testing.assert_array_equal(value, plain.params[name])
    np.testing.assert_array_equal(run.history.values, plain.history.values)
    for step in (0, 1, 57, 58, 119):
        for name, value in run.trace(step).after.items():
            np.testing.assert_array_equal(value, plain.trace(step).after[name])


@pytest.mark.parametrize("kind", KINDS)
def test_a_stored_run_is_explained_as_the_run_itself(monkeypatch, tmp_path, kind):
    monkeypatch.setattr(kept_states, "LEAST_WORK", 1.0)
    formula, options = KINDS[kind]
    path = tmp_path / "points.csv"
    path.write_text("x,y\n" + "".join(f"{x!r},{y!r}\n" for x, y in zip(X.tolist(), DATA["y"].tolist(), strict=True)))
    run = tidu.fit(formula, path, steps=60, store=tmp_path / "s.db", **options)
    run.save(tmp_path / "m.tidu")
    from tidu.training.resuming import run_in

    with tidu.Store(tmp_path / "s.db", reading=True) as store:
        stored = run_in(store, 1)
    for other in (tidu.load(tmp_path / "m.tidu"), stored):
        assert [s.to_dict() for s in other.kept] == [s.to_dict() for s in run.kept]
        again = other.with_data()
        assert again.explain(41).to_dict() == run.explain(41).to_dict()
        assert again.with_data() is again


def test_other_data_are_refused(tmp_path):
    path = tmp_path / "points.csv"
    path.write_text("x,y\n1,2\n2,3\n")
    tidu.fit("y = w*x", path, lr=0.1, epochs=3).save(tmp_path / "m")
    tidu.fit("y = w*x", {"x": [1, 2], "y": [2, 3]}, lr=0.1, epochs=3).save(tmp_path / "n")
    loaded, of_memory = tidu.load(tmp_path / "m"), tidu.load(tmp_path / "n")
    assert loaded.with_data().explain(2).after == of_memory.with_data({"x": [1, 2], "y": [2, 3]}).explain(2).after
    path.write_text("x,y\n1,2\n2,4\n")
    with pytest.raises(DataError, match="not those that this run learned from"):
        loaded.with_data()
    with pytest.raises(DataError, match="were not in a file"):
        of_memory.with_data()


def test_the_nearest_state_is_the_last_that_is_not_beyond():
    states = [TrainingState((0.0,), step=k) for k in (0, 10, 20, 30)]
    for step in range(40):
        assert nearest(states, step).step == min(step // 10 * 10, 30)


def test_a_large_state_is_not_kept():
    run = tidu.fit("y = mlp(x, hidden=[400, 400])", {"x": X[:4], "y": X[:4]}, steps=3, lr=0.001)
    assert run.kept == ()


def test_going_on_keeps_what_was_kept(monkeypatch):
    monkeypatch.setattr(kept_states, "LEAST_WORK", 1.0)
    run = tidu.fit("y = w*x + b", DATA, steps=60, lr=0.01)
    longer = run.resume(steps=60)
    assert longer.kept[: len(run.kept)] == run.kept
    assert longer.trace(30).after == run.trace(30).after


def test_a_step_of_a_million_is_that_of_a_run_that_ends_there():
    run = tidu.fit("y = w*x + b", DATA, lr=0.001, batch_size=1, steps=1_000_000)
    until = tidu.fit("y = w*x + b", DATA, lr=0.001, batch_size=1, steps=777_778)
    found = run.explain(777_777)
    assert found.after == dict(until.params)
    assert found.batch == (found.rows[0],)
