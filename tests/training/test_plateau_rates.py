"""Trainings whose rate falls at plateaus of the loss: a loop of PyTorch by hand, engines, cuts, files and the store."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import tidu
from cut import fit_in_slices
from tidu.errors import DataError, SettingError
from tidu.fronts import cli
from tidu.training.resuming import resumed_from, run_in
from tidu.training.storing import recording
from tidu.training.storing.store import Store
from tidu.training.training import Budget

RANDOM = np.random.default_rng(5)
X, Z = RANDOM.uniform(-1, 1, 24), RANDOM.uniform(-1, 1, 15)
DATA = {"x": X, "y": np.sin(3 * X) + RANDOM.normal(0, 0.3, 24)}
OTHERS = {"x": Z, "y": np.sin(3 * Z) + RANDOM.normal(0, 0.3, 15)}
CUBIC = "y = a + b*x + c*x**2 + d*x**3"
FALLING = {"patience": 3, "factor": 0.5, "min_improvement": 0.1, "cooldown": 1, "floor": 0.01}
OPTIONS = {"lr": 0.4, "epochs": 60, "validation": OTHERS, "plateau": FALLING}


def fallen(formula=CUBIC, data=DATA, **options):
    return tidu.fit(formula, data, **OPTIONS | options)


def by_torch(epochs=60, lr=0.4):
    """Full-batch descent as one writes it with PyTorch: the rate of each epoch, the parameters at the end."""
    powers, others = (torch.tensor(np.vander(d["x"], 4, increasing=True)) for d in (DATA, OTHERS))
    y, wanted = torch.tensor(DATA["y"]), torch.tensor(OTHERS["y"])
    w = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=lr)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=0.5, patience=2, threshold=0.1, cooldown=1, min_lr=lr * 0.01, eps=0.0
    )
    rates = []
    for _epoch in range(epochs):
        optimizer.zero_grad()
        ((powers @ w - y) ** 2).mean().backward()
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        with torch.no_grad():
            schedule.step(((others @ w - wanted) ** 2).mean())
    return np.array(rates), w.detach().numpy()


@pytest.mark.parametrize("engine", ["python", "compiled", "array"])
def test_it_is_the_loop_that_one_writes_with_pytorch(engine):
    rates, w = by_torch()
    run = fallen(engine=engine)
    np.testing.assert_allclose(run.history.lr, rates, rtol=1e-12)
    assert len(set(rates)) > 4  # it fell several times
    end = run.problem.parameters_at(run.last_state)
    np.testing.assert_allclose(end, w, rtol=1e-9)
    assert any("fell to" in note for note in run.notes)
    assert "reduction" in run.source


@pytest.mark.parametrize("batch_size", [None, 5])
def test_engines_have_the_same_bits(batch_size):
    python, compiled = (fallen(engine=e, batch_size=batch_size, lr=0.2) for e in ("python", "compiled"))
    assert python.params == compiled.params
    assert python.history.values.tobytes() == compiled.history.values.tobytes()
    assert python.last_state == compiled.last_state
    assert python.last_state.reduction < 1.0


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 9), st.sampled_from([None, 5]), st.sampled_from(["0.3", "0.3*warmup(20)", "auto"]),
       st.booleans())  # fmt: skip
def test_where_it_is_cut_changes_no_bit(steps, batch_size, lr, scale):
    options = {"lr": lr, "batch_size": batch_size, "scale": scale, "plateau": FALLING, "epochs": 25}
    whole = tidu.fit(CUBIC, DATA, engine="python", **options)
    cut = fit_in_slices(CUBIC, DATA, Budget(steps=steps), engine="python", **options)
    assert cut.params == whole.params
    assert cut.last_state == whole.last_state
    assert cut.history.values.tobytes() == whole.history.values.tobytes()


@pytest.mark.parametrize("steps", [7, 100, 101, 133])
@pytest.mark.parametrize("engine", ["python", "compiled"])
def test_resumed_it_is_one_long_run(steps, engine):
    options = {"batch_size": 5, "lr": 0.2, "engine": engine, "epochs": None}
    whole, part = fallen(steps=200, **options), fallen(steps=steps, **options)
    again = part.resume(steps=200 - steps)
    assert again.params == whole.params
    assert again.last_state == whole.last_state
    assert again.history.values.tobytes() == whole.history.values.tobytes()


@pytest.mark.parametrize("network", [False, True])
def test_the_store_has_where_it_stands(tmp_path, monkeypatch, network):
    monkeypatch.setattr(recording, "CADENCE", 0.0)
    formula = "y = mlp(x, hidden=[5])" if network else CUBIC
    file = tmp_path / "points.csv"
    np.savetxt(file, np.column_stack([DATA["x"], DATA["y"]]), delimiter=",", header="x,y", comments="", fmt="%.17g")
    options = {"batch_size": 5, "lr": 0.2, "validation": 0.25, "engine": "compiled", "epochs": None}
    whole = fallen(formula, file, steps=180, **options)
    part = fallen(formula, file, steps=123, store=tmp_path / "runs.sqlite", **options)
    with Store(tmp_path / "runs.sqlite") as store:
        again = resumed_from(store, part.id, steps=57)
        kept = run_in(store, part.id)
    assert whole.last_state.reduction < 1.0
    for name, value in whole.params.items():
        assert np.array_equal(value, again.params[name])
        assert np.array_equal(value, kept.params[name])
    assert again.history.values.tobytes() == whole.history.values.tobytes()


def test_a_step_is_traced_with_the_rate_that_it_had(tmp_path):
    run = fallen(validation=0.25)
    run.save(tmp_path / "run.tidu")
    for step in (0, 20, 59):
        trace = run.trace(step)
        lr = next(v.value for v in trace.values if v.name == "lr")
        assert lr == run.history.lr[step]
        assert all(trace.after[p] == run.history[p][step] for p in run.params)
        assert run.explain(step).entries  # which names what the rate is made of
    assert tidu.load(tmp_path / "run.tidu").state == run.state


def test_a_run_that_was_loaded_needs_the_rows_that_judged_it(tmp_path):
    file = tmp_path / "points.csv"
    np.savetxt(file, np.column_stack([DATA["x"], DATA["y"]]), delimiter=",", header="x,y", comments="", fmt="%.17g")
    fallen(data=file).save(tmp_path / "run.tidu")
    with pytest.raises(DataError, match="followed the loss of validation data"):
        tidu.load(tmp_path / "run.tidu").with_data()


def test_without_validation_the_training_cost_judges():
    run = fallen(validation=None, epochs=200)
    assert run.judged is not None
    assert not run.judged.validated
    assert run.history.lr[-1] < 0.4
    assert fallen(validation=None, plateau={}).judged is None


def test_from_the_command_line(tmp_path, capsys):
    file = tmp_path / "points.csv"
    np.savetxt(file, np.column_stack([DATA["x"], DATA["y"]]), delimiter=",", header="x,y", comments="", fmt="%.17g")
    command = ["fit", str(file), CUBIC, "--lr", "0.4", "--epochs", "60", "--validation", "0.25", "--no-store", "--json"]
    assert cli.run([*command, "--plateau", "patience=3,factor=0.5"]) == 0
    found = json.loads(capsys.readouterr().out)
    run = fallen(data=file, validation=0.25, plateau={"patience": 3, "factor": 0.5})
    assert found["params"] == dict(run.params)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"plateau": {"patience": 0}}, r"plateau: patience must be at least 1, not 0"),
        ({"plateau": {"factor": 1.0}}, r"plateau: factor must be in \(0, 1\), not 1"),
        ({"plateau": {"speed": 1}}, "plateau has no option 'speed'; it has: patience, factor"),
        ({"plateau": 5}, "plateau must be a dict of values by name, not 5"),
        ({"plateau": {"patience": 5}, "optimizer": "lm", "lr": None, "validation": None}, "plateau has no meaning for"),
    ],
)
def test_sentences(options, sentence):
    with pytest.raises(SettingError, match=sentence):
        fallen(**options)


def test_what_is_exported_has_no_epochs_to_judge():
    run = fallen()
    with pytest.raises(SettingError, match="export the model with --model"):
        run.export("python")
    assert "def predict" in run.export("python", model=True)
