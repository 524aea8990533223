"""Early stopping: the epoch that a loop by hand would keep, whatever the engine, and how it is said and kept."""

import math
import subprocess
import sys

import numpy as np
import pytest
import torch

import tidu
from tidu.errors import ColumnNotFound, DataError, SettingError, StoreError
from tidu.training.callbacks import EpochEnded
from tidu.training.resuming import resumed_from, run_in
from tidu.training.storing.store import Store

RNG = np.random.default_rng(3)
X, Z = RNG.uniform(-1, 1, 24), RNG.uniform(-1, 1, 30)
NOISY = {"x": X, "y": np.sin(3 * X) + RNG.normal(0, 0.4, 24)}
OTHERS = {"x": Z, "y": np.sin(3 * Z) + RNG.normal(0, 0.4, 30)}
DEGREE = 9
POLYNOMIAL = "y = " + " + ".join(f"c{k}*x**{k}" for k in range(DEGREE + 1))
LINE = "y = w*x + b"


def noisy(**options):
    return tidu.fit(POLYNOMIAL, NOISY, **{"lr": 0.3, "epochs": 3000, "validation": OTHERS, "patience": 100} | options)


def by_hand(patience, least=0.0, epochs=3000, lr=0.3):
    """Full-batch descent with early stopping, as one writes it in NumPy: validation losses, best epoch, parameters."""
    powers, others = (np.vander(d["x"], DEGREE + 1, increasing=True) for d in (NOISY, OTHERS))
    c = np.zeros(DEGREE + 1)
    losses, kept, best, reference, waited = [], c, math.inf, math.inf, 0
    for _epoch in range(epochs):
        c = c - lr * 2 * powers.T @ (powers @ c - NOISY["y"]) / len(powers)
        loss = float(np.mean((others @ c - OTHERS["y"]) ** 2))
        losses.append(loss)
        if loss < best:
            best, kept = loss, c
        if reference == math.inf or loss < reference - least * reference:
            reference, waited = loss, 0
        else:
            waited += 1
        if waited >= patience:
            break
    return np.array(losses), int(np.argmin(losses)) + 1, kept


@pytest.mark.parametrize("engine", ["python", "compiled", "array"])
@pytest.mark.parametrize(("patience", "least"), [(1, 0.0), (7, 0.0), (100, 0.0), (20, 0.01), (3, 0.5)])
def test_it_keeps_the_epoch_that_a_loop_by_hand_keeps(engine, patience, least):
    losses, best, kept = by_hand(patience, least)
    run = noisy(patience=patience, min_improvement=least, engine=engine)
    assert (run.stopped, run.epochs, run.best_epoch) == ("patience", len(losses), best)
    np.testing.assert_allclose(run.validation_loss, losses, rtol=1e-9)
    np.testing.assert_allclose(list(run.params.values()), kept, rtol=1e-7)
    assert len(run.history) == run.epochs == len(run.validation_loss)
    assert run.state.epoch == best


def test_a_validation_loss_that_turns_up_is_not_where_it_ends():
    run = noisy()
    assert run.validation_loss[-1] > run.validation_loss.min()
    assert run.history.loss[-1] < run.history.loss[run.best_epoch - 1]  # it went on learning the noise
    assert run.score(OTHERS)["mse"] == pytest.approx(run.validation_loss.min(), rel=1e-12)
    note = next(n for n in run.notes if "lowest validation loss" in n)
    assert f"after epoch {run.best_epoch}," in note
    assert note.endswith(f"epochs after it: {run.epochs - run.best_epoch}")


@pytest.mark.parametrize("batch_size", [None, 1, 5])
def test_engines_and_other_callbacks_change_no_bit(batch_size):
    class Listener:
        each_epoch = True

        def __call__(self, event):
            if isinstance(event, EpochEnded):
                epochs.append(event.epoch)

    epochs = []
    options = {"batch_size": batch_size, "lr": 0.05, "patience": 30, "validation": 0.3}
    plain = noisy(engine="python", **options)
    fast = noisy(engine="compiled", callbacks=Listener(), **options)
    assert plain.params == fast.params
    assert plain.validation_loss.tobytes() == fast.validation_loss.tobytes()
    assert (plain.stopped, plain.best_epoch) == (fast.stopped, fast.best_epoch)
    assert epochs == list(range(fast.epochs))
    assert plain.rows == 17  # of 24, for round(0.3 · 24) are kept back


def test_the_kept_parameters_are_those_of_a_training_of_so_many_epochs():
    run = noisy(batch_size=5, lr=0.05)
    shorter = tidu.fit(POLYNOMIAL, NOISY, lr=0.05, batch_size=5, epochs=run.best_epoch)
    assert run.params == shorter.params
    assert run.metrics == shorter.metrics


def test_a_bound_keeps_the_best_too():
    run = noisy(patience=None)
    losses, best, kept = by_hand(10**9)
    assert (run.stopped, run.epochs, run.best_epoch) == ("epochs", len(losses), best)
    assert run.best_epoch < run.epochs
    np.testing.assert_allclose(list(run.params.values()), kept, rtol=1e-7)


def test_without_rows_kept_back_the_training_cost_judges():
    data = {"x": [0.0, 1.0, 2.0, 3.0], "y": [1.0, 3.0, 2.0, 5.0]}
    run = tidu.fit(LINE, data, lr=0.05, l2=0.1, patience=5, min_improvement=1e-6, epochs=100_000)
    assert run.stopped == "patience"
    assert run.validation_loss is None
    assert run.epochs < 5000
    assert any("lowest training cost" in note for note in run.notes)
    every = tidu.fit(LINE, data, lr=0.05, l2=0.1, epochs=run.epochs + 1)
    w, b = every.history["w"], every.history["b"]
    residuals = np.outer(w, data["x"]) + b[:, np.newaxis] - data["y"]
    costs = np.mean(residuals**2, axis=1) + 0.05 * (w**2 + b**2)
    np.testing.assert_allclose(run.judged.losses, costs[: run.epochs], rtol=1e-12)


def test_labels_by_a_loop_in_torch():
    x = RNG.normal(size=(40, 3))
    y = np.where(x[:, 0] + RNG.normal(0, 1.5, 40) > 0, "yes", "no")
    names = ["x1", "x2", "x3"]
    train = dict(zip(names, x[:20].T, strict=True)) | {"y": y[:20]}
    held = dict(zip(names, x[20:].T, strict=True)) | {"y": y[20:]}
    run = tidu.fit("y = linear(x1, x2, x3)", train, loss="logistic", lr=1.0, patience=10, validation=held, epochs=500)
    layer = torch.nn.Linear(3, 1, dtype=torch.float64)
    torch.nn.init.zeros_(layer.weight)
    torch.nn.init.zeros_(layer.bias)
    loss_of = torch.nn.BCEWithLogitsLoss()
    inputs, truth = torch.tensor(x), torch.tensor((y == "yes").astype(float))[:, None]
    losses = []
    optimizer = torch.optim.SGD(layer.parameters(), lr=1.0)
    for _epoch in range(run.epochs):
        optimizer.zero_grad()
        loss_of(layer(inputs[:20]), truth[:20]).backward()
        optimizer.step()
        losses.append(float(loss_of(layer(inputs[20:]), truth[20:]).detach()))
    np.testing.assert_allclose(run.validation_loss, losses, rtol=1e-9)
    assert run.best_epoch == int(np.argmin(losses)) + 1
    assert (run.stopped, run.epochs) == ("patience", run.best_epoch + 10)


def test_networks_are_judged_too():
    run = tidu.fit("y = mlp(x, hidden=[8])", NOISY, lr=0.1, epochs=50, validation=0.25, patience=50)
    assert run.validation_loss.shape == (50,)
    shorter = tidu.fit("y = mlp(x, hidden=[8])", NOISY, lr=0.1, epochs=run.best_epoch, validation=0.25)
    for name, value in run.params.items():
        assert np.array_equal(value, shorter.params[name])
    held = run.problem.validation
    assert run.score(held)["mse"] == pytest.approx(run.validation_loss.min(), rel=1e-12)


@pytest.mark.parametrize("engine", ["python", "compiled", "array"])
def test_three_classes_are_judged_by_their_log_loss(engine):
    data = {"x": X, "y": np.digitize(NOISY["y"], [-0.5, 0.5])}
    held = {"x": Z, "y": np.digitize(OTHERS["y"], [-0.5, 0.5])}
    options = {"loss": "softmax", "lr": 1.0, "epochs": 200, "validation": held, "patience": 20, "engine": engine}
    run = tidu.fit("y = mlp(x, hidden=[12])", data, **options)
    assert run.score(held)["log_loss"] == pytest.approx(run.validation_loss.min(), rel=1e-12)
    assert run.validation_loss[run.best_epoch - 1] == run.validation_loss.min()


def test_weights_and_rescaled_parameters_are_the_users():
    x = np.linspace(50, 60, 20)
    data = {"x": x, "y": 2 * x + RNG.normal(0, 1, 20), "n": np.arange(1.0, 21)}
    run = tidu.fit(LINE, data, weights="n", scale=True, epochs=50, validation=data)
    w, b = run.history["w"], run.history["b"]
    by_formula = np.mean(data["n"] * (np.outer(w, x) + b[:, np.newaxis] - data["y"]) ** 2, axis=1)
    np.testing.assert_allclose(run.validation_loss, by_formula, rtol=1e-6)
    with pytest.raises(ColumnNotFound, match="validation data lack the column 'n'"):
        tidu.fit(LINE, data, weights="n", validation={"x": x, "y": x})


def test_a_fraction_is_drawn_by_the_seed_beside_the_test():
    run = tidu.fit(LINE, NOISY, test_size=0.25, validation=0.5, epochs=3, lr=0.1, seed=5)
    parts = [run.problem.table["x"], run.problem.test["x"], run.problem.validation["x"]]
    assert [len(p) for p in parts] == [9, 6, 9]
    assert sorted(np.concatenate(parts)) == sorted(X)
    alone = tidu.fit(LINE, NOISY, test_size=0.25, epochs=3, lr=0.1, seed=5)
    assert np.array_equal(alone.problem.test["x"], parts[1])
    other = tidu.fit(LINE, NOISY, test_size=0.25, validation=0.5, epochs=3, lr=0.1, seed=6)
    assert not np.array_equal(other.problem.validation["x"], parts[2])


def test_a_divergence_leaves_the_best_epoch():
    run = noisy(lr=2.0)  # above the limit, so it goes up from the first epoch on
    assert run.stopped in ("diverged", "patience")
    diverged = noisy(lr=2.0, patience=None, epochs=100_000)
    assert diverged.stopped == "diverged"
    assert diverged.validation_loss[diverged.best_epoch - 1] == np.nanmin(diverged.validation_loss)
    assert not any("those before it" in note for note in diverged.notes)
    assert diverged.last_state.step == diverged.steps > diverged.state.step
    plain = tidu.fit(POLYNOMIAL, NOISY, lr=2.0, epochs=100_000)
    found, same = (run.diagnose(trials=False).findings[0].numbers for run in (diverged, plain))
    assert found == same


# -- going on -------------------------------------------------------------------------------------
def test_a_resumed_run_is_one_long_run():
    short = noisy(epochs=60)
    long, resumed = noisy(), short.resume(epochs=2940)
    assert resumed.params == long.params
    assert (resumed.stopped, resumed.epochs, resumed.best_epoch) == ("patience", long.epochs, long.best_epoch)
    assert resumed.validation_loss.tobytes() == long.validation_loss.tobytes()
    assert resumed.history.values.tobytes() == long.history.values.tobytes()


def test_ctrl_c_loses_no_epoch():
    def interrupt(event):
        if getattr(event, "steps", 0) == 40 and not seen:
            seen.append(event)
            raise KeyboardInterrupt

    seen = []
    run = noisy(callbacks=interrupt)
    while run.stopped == "interrupted":
        run = run.resume()
    assert seen
    assert run.params == noisy().params
    assert run.validation_loss.tobytes() == noisy().validation_loss.tobytes()


def test_patience_that_has_ended_begins_anew():
    run = noisy(patience=5, min_improvement=0.02)
    with pytest.raises(SettingError, match="patience"):
        run.resume()
    more = run.resume(epochs=1000)
    assert run.epochs + 5 <= more.epochs
    assert np.array_equal(more.validation_loss[: run.epochs], run.validation_loss)


def test_a_file_and_a_store_keep_what_was_found(tmp_path):
    run = noisy(store=tmp_path / "runs.sqlite")
    run.save(tmp_path / "run.tidu")
    with Store(tmp_path / "runs.sqlite") as store:
        stored = run_in(store, run.id)
        with pytest.raises(StoreError, match="validation data of run 1 were not in a file"):
            resumed_from(store, run.id, data=NOISY, epochs=10)
        more = resumed_from(store, run.id, data=NOISY, epochs=10, validation=OTHERS)
        assert more.params == run.resume(epochs=10).params
        assert more.validation_loss.tobytes() == run.resume(epochs=10).validation_loss.tobytes()
    for kept in (tidu.load(tmp_path / "run.tidu"), stored):
        assert dict(kept.params) == dict(run.params)
        assert (kept.epochs, kept.steps, kept.best_epoch) == (run.epochs, run.steps, run.best_epoch)
        assert np.array_equal(kept.validation_loss, run.validation_loss)
        assert len(kept.history) == len(run.history)
        assert kept.to_dict()["validation_loss"] == run.validation_loss.tolist()


def test_an_exported_program_ends_at_the_best_epoch(tmp_path):
    run = noisy(batch_size=5, lr=0.05)
    (tmp_path / "script.py").write_text(run.export("python"), encoding="utf-8")
    np.savetxt(
        tmp_path / "d.csv", np.column_stack([X, NOISY["y"]]), delimiter=",", header="x,y", comments="", fmt="%.17g"
    )
    command = [sys.executable, tmp_path / "script.py", tmp_path / "d.csv"]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    assert done.stdout.split("\n")[:-1] == [f"{name} = {value!r}" for name, value in run.params.items()]


# -- what cannot be -------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"patience": 0}, "patience must be a whole number of at least 1"),
        ({"patience": 3, "min_improvement": -1}, "min_improvement must be at least 0"),
        ({"min_improvement": 0.1}, "give patience too"),
        ({"validation": 1.5}, "must be a fraction between 0 and 1, not 1.5"),
        ({"validation": True}, "must be a fraction between 0 and 1, not True"),
        ({"patience": 3, "optimizer": "lm"}, "patience has no meaning for lm"),
        ({"validation": 0.2, "optimizer": "lm"}, "validation has no meaning for lm"),
    ],
)
def test_what_has_no_meaning_is_a_sentence(options, sentence):
    with pytest.raises(SettingError, match=sentence):
        tidu.fit(LINE, NOISY, **options)


def test_data_that_cannot_judge_are_a_sentence():
    with pytest.raises(DataError, match="too few to keep 1 back"):
        tidu.fit(LINE, {"x": [1.0], "y": [2.0]}, validation=0.2)
    with pytest.raises(ColumnNotFound, match="lack the column 'y'"):
        tidu.fit(LINE, NOISY, validation={"x": [1.0]})
    with pytest.raises(DataError, match=r"nowhere\.csv"):
        tidu.fit(LINE, NOISY, validation="nowhere.csv")
    with pytest.raises(TypeError, match="patience"):
        tidu.sweep(LINE, NOISY, {"lr": [0.1]}, patience=3)


def test_auto_descends_and_the_doctor_and_the_range_test_are_not_stopped():
    run = tidu.fit(LINE, NOISY, optimizer="auto", validation=0.2, patience=3, epochs=50)
    assert run.settings.optimizer == "adam"
    assert any("early stopping" in note for note in run.notes)
    descent = tidu.fit(LINE, NOISY, lr=0.01, validation=0.2, patience=3, epochs=50)
    assert descent.diagnose().findings
    assert math.isfinite(descent.range_test().best)
