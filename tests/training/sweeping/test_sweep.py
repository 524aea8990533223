"""Sweeps: every run has the bits of `tidu.fit` with its settings, however it is computed; and what a sweep says."""

import json
import math

import numpy as np
import pytest

import tidu
from oracles import OF_ONE_SCORE
from tidu.errors import SettingError
from tidu.training.callbacks import Listeners
from tidu.training.sweeping.axes import axis_values
from tidu.training.sweeping.sweep import Plan, all_trained
from tidu.training.training import Budget, Execution

ROWS = 100
random = np.random.default_rng(8)
X, Z, NOISE = random.normal(size=(3, ROWS))
DATA = {"x": X, "z": Z, "y": 2 * X - 1 + 0.3 * NOISE}
TARGETS = {
    "logistic": (X + NOISE > 0).astype(float),
    "hinge": np.where(X + NOISE > 0, 1.0, -1.0),
    "perceptron": np.where(X + NOISE > 0, 1.0, -1.0),
    "poisson": np.floor(np.abs(3 * NOISE)),
}
LINE = "y = w*x + b"
RATES = np.geomspace(1e-3, 3.0, 11)  # the last of them diverge, so that groups of eight lose some of theirs


def assert_each_is_fit_alone(formula, data, over, **options):
    """Parameters, loss, curve and end of every run, against `tidu.fit`; gives the sweep."""
    result = tidu.sweep(formula, data, over, **options)
    for run in range(len(result)):
        alone = tidu.fit(formula, data, **result.options_of(run), engine="compiled")
        assert {n: v[run] for n, v in result.params.items()} == alone.params
        np.testing.assert_equal(float(result.loss[run]), alone.loss)
        ended = (result.stopped[run], result.epochs[run], result.steps[run])
        assert ended == (alone.stopped, alone.epochs, alone.steps)
        past = result.curve_epochs < alone.epochs
        np.testing.assert_array_equal(result.curves[run, past], alone.history.loss[result.curve_epochs[past]])
        assert np.isnan(result.curves[run, ~past]).all()
    return result


# -- the same bits as alone -------------------------------------------------------------------------
@pytest.mark.parametrize("batch_size", [1, 7, 32, None])
@pytest.mark.parametrize("shuffle", [True, False])
def test_batches(batch_size, shuffle):
    found = assert_each_is_fit_alone(
        LINE, DATA, {"lr": RATES}, batch_size=batch_size, shuffle=shuffle, epochs=40, engine="compiled"
    )
    assert found.engine == "compiled"
    assert "epochs" in found.stopped
    assert ("diverged" in found.stopped) == (batch_size in (1, 7))  # the others make fewer steps


@pytest.mark.parametrize("rows", [1, 3, 10, 31, 32])
@pytest.mark.parametrize("batch_size", [1, 2, 7, None])
@pytest.mark.parametrize(
    "options",
    [{}, {"tol": 1e-3}, {"until_loss": 0.2}, {"l1": 0.01, "l2": 0.1, "clip_norm": 1.0}, {"optimizer": "adam"}],
)
def test_every_shape_of_loop_on_few_rows(rows, batch_size, options):
    few = {name: column[:rows] for name, column in DATA.items()}
    assert_each_is_fit_alone(LINE, few, {"lr": RATES}, batch_size=batch_size, epochs=9, engine="compiled", **options)


def test_ten_thousand_rates_on_ten_rows():
    few = {"x": np.arange(10.0), "y": 2 * np.arange(10.0) + 1}
    found = tidu.sweep("y=w*x+b", few, over={"lr": np.linspace(0.001, 0.1, 10_000)}, epochs=100)
    assert found.best["loss"] < 0.01


@pytest.mark.parametrize("loss", OF_ONE_SCORE)
def test_every_loss(loss):
    data = {**DATA, "y": TARGETS.get(loss, DATA["y"])}
    assert_each_is_fit_alone("y = tanh(v*z) + w*x + b", data, {"lr": RATES}, loss=loss, epochs=12, engine="compiled")


@pytest.mark.parametrize("optimizer", list(tidu.OPTIMIZERS))
@pytest.mark.parametrize("batch_size", [7, None])
def test_every_optimizer(optimizer, batch_size):
    options = {"optimizer": optimizer, "batch_size": batch_size, "tol": 1e-3, "until_loss": 0.2}
    assert_each_is_fit_alone(LINE, DATA, {"lr": RATES}, epochs=30, engine="compiled", **options)


@pytest.mark.parametrize(
    "options",
    [
        {"epochs": 400, "until_loss": 0.5},
        {"epochs": 400, "tol": 1e-3},
        {"epochs": 400, "tol": 1e-3, "until_loss": 0.5, "batch_size": 32},
        {"epochs": 400, "tol": 1e-2, "until_loss": 0.9, "batch_size": 7, "optimizer": "momentum"},
        {"steps": 37, "batch_size": 7},
        {"epochs": 30, "l1": 0.1, "l2": 0.2, "penalise": ["w"], "clip_norm": 1.0, "clip_value": 0.5},
        {"epochs": 30, "lr": "0.3 * warmup(5) * cosine(30)", "batch_size": 32},
    ],
    ids=str,
)
def test_ends_and_steps(options):
    over = {"lr": RATES} if "lr" not in options else {"w": "linear(-3, 3, 11)"}
    assert_each_is_fit_alone(LINE, DATA, over, engine="compiled", **options)


@pytest.mark.parametrize("formula", ["y = w*x", "y = w*x + b + v*z"])
def test_convergence_of_one_parameter_and_of_three(formula):
    found = assert_each_is_fit_alone(formula, DATA, {"lr": RATES}, epochs=400, tol=1e-3, engine="compiled")
    assert "converged" in found.stopped


def test_a_run_that_diverges_goes_back_to_a_finite_cost():
    data = {"x": np.linspace(-3, 3, 50), "y": np.linspace(-1, 4, 50)}
    over = {"lr": np.geomspace(1e-4, 50, 19)}
    for options in ({"batch_size": None}, {"batch_size": 8}, {"batch_size": 1, "optimizer": "momentum"}):
        found = assert_each_is_fit_alone(
            "y = a*exp(k*x) + c", data, over, init={"a": 1, "k": 0.1}, epochs=60, engine="compiled", **options
        )
        assert 0 < found.diverged < len(found)


def test_starting_values_seeds_and_draws():
    found = assert_each_is_fit_alone(
        "y = a*exp(-k*x) + c", DATA, {"k": "-0.5:0.5:0.25", "a": [1, -1], "seed": [0, 3]},
        init={"c": "normal(0, 0.1)"}, lr=0.001, epochs=20, engine="compiled",
    )  # fmt: skip
    assert found.shape == (5, 2, 2)
    assert len(set(found.params["c"].tolist())) == 20  # seeds draw different starts, though nothing is shuffled


def test_settings_that_make_different_loops():
    over = {
        "optimizer": ["gd", "adam(beta1=0.8)"],
        "batch_size": [None, 10],
        "seed": [1, 2],
        "lr": [0.01, "0.1/(1 + epoch)"],
        "epochs": [3, 5],
    }
    found = assert_each_is_fit_alone(LINE, DATA, over)
    assert len(found) == 32
    assert found.row(31)["lr"] == "0.1/(1 + epoch)"
    assert set(found.epochs.tolist()) == {3, 5}


def test_more_than_a_chunk_of_samples():
    x = np.random.default_rng(1).normal(size=70_003)
    data = {"x": x, "y": 2 * x + 1}
    assert_each_is_fit_alone(LINE, data, {"lr": RATES[:9]}, epochs=2, engine="compiled")
    assert_each_is_fit_alone(LINE, data, {"lr": RATES[:9]}, epochs=2, batch_size=66_000, engine="compiled")


@pytest.mark.parametrize("options", [{}, {"batch_size": 7}, {"tol": 1e-3, "batch_size": 32}], ids=str)
def test_engines_and_threads_change_no_bit(options):
    def numbers(**how):
        found = tidu.sweep(LINE, DATA, {"lr": np.geomspace(1e-3, 3, 70)}, epochs=50, **options, **how)
        return [*found.params.values(), found.loss, found.curves, found.epochs, found.steps, found.stopped]

    plain = numbers(engine="python")
    for threads in (1, 2, 4):
        for got, expected in zip(numbers(engine="compiled", threads=threads), plain, strict=True):
            np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("steps", [1, 5, 33])
@pytest.mark.parametrize("options", [{}, {"batch_size": 7, "tol": 1e-3, "until_loss": 0.3}])
def test_where_it_is_cut_changes_no_bit(steps, options):
    def swept(budget):
        plan = Plan(LINE, DATA, {"lr": RATES}, {"epochs": 40, **options}, None, False, None)
        return all_trained(plan, Execution("compiled", slice=budget), Listeners())

    whole, cut = swept(Budget(steps=10**6)), swept(Budget(steps=steps))
    assert cut.stopped == whole.stopped
    for name in ("loss", "epochs", "steps", "curves"):
        np.testing.assert_array_equal(getattr(cut, name), getattr(whole, name))
    for name, values in whole.params.items():
        np.testing.assert_array_equal(cut.params[name], values)


def test_fast_is_that_of_fit():
    found = tidu.sweep(LINE, DATA, {"lr": RATES[:5]}, epochs=5, fast=True, batch_size=7)
    alone = tidu.fit(LINE, DATA, lr=float(RATES[4]), epochs=5, fast=True, batch_size=7)
    assert found.params["w"][4] == pytest.approx(alone.params["w"], rel=1e-12)  # sums may be in another order


# -- from disk --------------------------------------------------------------------------------------
@pytest.mark.parametrize("rows", [100, 65_537])
@pytest.mark.parametrize(
    ("formula", "over", "options"),
    [
        (LINE, {"lr": RATES[:5]}, {"epochs": 3}),
        (LINE, {"seed": [0, 1], "optimizer": ["gd", "adam"]}, {"batch_size": 50, "epochs": 2, "test_size": 0.3}),
        (LINE, {"shuffle": [True, False, "blocks"]}, {"batch_size": 33, "epochs": 2}),
        (LINE, {"w": [0.0, 1.0]}, {"lr": "auto", "epochs": 3}),
        ("y = mlp(x, hidden=[2])", {"lr": [0.01, 0.1]}, {"batch_size": 500, "epochs": 2, "test_size": 0.3}),
    ],
    ids=str,
)
def test_data_on_disk_change_no_bit(rows, formula, over, options):
    x = np.random.default_rng(2).normal(size=rows)
    data = {"x": x, "y": np.sin(x)}
    streamed = tidu.sweep(formula, data, over, stream=True, engine="compiled", **options)
    if "shuffle" in over:
        over = {"shuffle": ["blocks", False, "blocks"]}
    else:
        options = options | {"shuffle": "blocks"}
    memory = tidu.sweep(formula, data, over, engine="compiled", **options)
    assert (streamed.stopped, streamed.order.tolist()) == (memory.stopped, memory.order.tolist())
    assert repr(streamed.params) == repr(memory.params)
    for name in ("loss", "test_loss", "curves", "epochs", "steps"):
        np.testing.assert_array_equal(getattr(streamed, name), getattr(memory, name), strict=True)


# -- what it says -----------------------------------------------------------------------------------
def test_the_best_and_the_rows():
    found = tidu.sweep(LINE, DATA, {"lr": [0.001, 0.1, 5.0]}, epochs=200, test_size=0.2)
    assert found.best["lr"] == 0.1
    assert found.best == found.row(1)
    assert found.stopped == ("epochs", "epochs", "diverged")
    assert found.diverged == 1
    assert found.order.tolist() == [1, 0]
    again = tidu.fit(LINE, DATA, **found.options_of(1), test_size=0.2)
    assert again.params == found.best["params"]
    assert found.best["test_loss"] == pytest.approx(again.test_metrics["mse"], rel=1e-12)  # another order of summation
    assert "3 runs, 1 diverged" in repr(found)
    plain = json.loads(json.dumps(found.to_dict()))
    assert plain["best"]["params"] == found.best["params"]
    assert len(plain["runs"]) == 3


def test_a_test_part_depends_on_the_seed():
    found = tidu.sweep(LINE, DATA, {"seed": [0, 1], "lr": [0.1, 0.2]}, epochs=5, test_size=0.3, l2=0.1)
    for run in range(4):
        alone = tidu.fit(LINE, DATA, **found.options_of(run), test_size=0.3)
        assert {n: v[run] for n, v in found.params.items()} == alone.params
        assert found.test_loss[run] == pytest.approx(alone.test_metrics["mse"], rel=1e-12)


def test_all_diverged_has_no_best():
    found = tidu.sweep(LINE, DATA, {"lr": [50.0, 60.0]}, epochs=2000)
    assert found.best is None
    assert found.diverged == 2


def test_ctrl_c_keeps_what_is_done():
    seen = []

    def progress(event):
        seen.append((event.steps, event.steps_in_all))
        if len(seen) == 2:
            raise KeyboardInterrupt

    for engine in ("python", "compiled"):
        seen.clear()
        over = {"batch_size": [10, 20, 50], "lr": [0.1, 0.2]}
        found = tidu.sweep(LINE, DATA, over, epochs=3, engine=engine, callbacks=progress)
        assert 0 < found.stopped.count("interrupted") < 6
        done = [run for run in range(6) if found.stopped[run] == "epochs"]
        for run in done:
            assert tidu.fit(LINE, DATA, **found.options_of(run)).params["w"] == found.params["w"][run]
        assert seen[0][1] == 2 * 3 * (10 + 5 + 2)


@pytest.mark.parametrize("over", [{"lr": RATES}, {"optimizer": ["gd", "adam"]}, {"lr": RATES, "w": [0, 1]}])
def test_pictures(over, tmp_path):
    found = tidu.sweep(LINE, DATA, over, epochs=30)
    axes = found.plot(tmp_path / "sweep.png").axes[0]
    if "w" not in over:
        np.testing.assert_array_equal(axes.lines[0].get_ydata(), np.where(found.loss < 1e250, found.loss, np.nan))


def test_no_picture_of_three_axes():
    with pytest.raises(SettingError, match="not 3"):
        tidu.sweep(LINE, DATA, {"lr": [0.1], "w": [0], "b": [0]}, epochs=1).plot()


# -- values -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("values", "whole", "expected"),
    [
        ("0.001, 0.01,0.1", False, [0.001, 0.01, 0.1]),
        ("0:1:0.25", False, [0, 0.25, 0.5, 0.75, 1]),
        ("log(1e-2, 100, 5)", False, [0.01, 0.1, 1, 10, 100]),
        ("linear(0, 1, 3)", False, [0, 0.5, 1]),
        ("0:9:3", True, [0, 3, 6, 9]),
        ("log(1, 8, 7)", True, [1, 2, 3, 4, 6, 8]),
        ("huber(delta=2),squared", False, ["huber(delta=2)", "squared"]),
        ("none,1,true", False, [None, 1, True]),
        (range(3), True, [0, 1, 2]),
        (np.array([0.5]), False, [0.5]),
    ],
)
def test_values(values, whole, expected):
    found = axis_values("lr", values, whole)
    assert list(found) == (pytest.approx(expected, rel=1e-12) if isinstance(expected[-1], float) else expected)
    assert not any(isinstance(v, np.generic) for v in found)


@pytest.mark.parametrize(
    ("over", "options", "part"),
    [
        ({}, {}, "something to vary"),
        ({"lr": []}, {}, "at least one"),
        ({"lr": 0.1}, {}, "at least one"),
        ({"lr": "log(0, 1, 3)"}, {}, "log(low, high, count)"),
        ({"lr": "linear(0, 1)"}, {}, "linear(low, high, count)"),
        ({"lr": "linear(0, 1, 1e9)"}, {}, "limit"),
        ({"lr": "0:1"}, {}, "low:high:step"),
        ({"lr": [0.1, -1]}, {}, "above 0"),
        ({"lr": [math.nan]}, {}, "learning rate"),
        ({"lrr": [0.1]}, {}, "did you mean 'lr'"),
        ({"v": [0.1]}, {}, "w, b"),
        ({"w": [0.1], "init.w": [1]}, {}, "twice"),
        ({"w": ["one"]}, {}, "starting value"),
        ({"w": [math.inf]}, {}, "starting value"),
        ({"batch_size": [0]}, {}, "batch_size"),
        ({"epochs": [1.5]}, {}, "epochs"),
        ({"optimizer": ["gdd"]}, {}, "gdd"),
        ({"lr": [0.1]}, {"lr": 0.2}, "both varied and fixed"),
        ({"w": [0.1]}, {"init": {"w": 1}}, "both varied and fixed"),
        ({"lr": [0.1], "seed": range(2_000_000)}, {}, "limit"),
        ({"lr": [0.1]}, {"engine": "gpu"}, "engine"),
        ({"loss": ["squared", "logistic"]}, {}, "logistic"),
    ],
    ids=str,
)
def test_bad_input_is_one_sentence(over, options, part):
    with pytest.raises(tidu.TiduError) as caught:
        tidu.sweep(LINE, DATA, over, epochs=2, **options)
    assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_option_that_there_is_not():
    with pytest.raises(TypeError, match="momentum"):
        tidu.sweep(LINE, DATA, {"lr": [0.1]}, momentum=0.9)


def test_a_parameter_that_is_called_as_a_setting():
    found = assert_each_is_fit_alone("y = lr*x + seed", DATA, {"init.lr": [0.0, 1.0], "lr": [0.1, 0.2]}, epochs=4)
    assert list(found.over) == ["init.lr", "lr"]
