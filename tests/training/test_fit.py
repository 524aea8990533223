"""Fitting: the numbers of the five programs, and what each argument of `tidu.fit` does."""

import json
import math

import numpy as np
import pytest

import tidu
from oracles import OF_ONE_SCORE
from tidu.content.losses import loss_named
from tidu.content.optimizers import OPTIMIZERS
from tidu.errors import ColumnNotFound, DataError, FormulaError, NoDerivative, SettingError

DIGITS = 1e-12  # PROGRAMS.md gives its figures to 12 significant digits or more


def close(expected):
    return pytest.approx(expected, rel=DIGITS)


# -- 1. meter -------------------------------------------------------------------------------------
def test_one_metre_is_a_hundred_centimetres():
    run = tidu.fit("y = w*x", {"x": [1], "y": [100]}, loss="half_squared", lr=0.2, init={"w": 0.1}, epochs=61)
    assert [run.history.loss[k] for k in (0, 1)] == close([4990.005, 3193.6032])
    assert [run.history["w"][k] for k in (0, 1, 53, 54, 60)] == close(
        [20.08, 36.064, 99.99941598394572, 99.99953278715658, 99.99987752295638]
    )
    assert next(k for k, w in enumerate(run.history["w"]) if f"{w:.3f}" == "100.000") == 54
    assert run.steps == 61


# -- 2. one-weight --------------------------------------------------------------------------------
ONE_WEIGHT = {"init": {"w": 1}, "lr": 0.01, "epochs": 100}


def test_gradient_descent_on_one_weight():
    data = {"x": [1, 2, 3], "y": [2, 4, 6]}
    run = tidu.fit("y = w*x", data, **ONE_WEIGHT)
    assert [run.history.loss[k] for k in (0, 1, 99)] == close(
        [4.666666666666667, 3.8362074074074086, 1.752432687141379e-08]
    )
    assert [run.history["w"][k] for k in (0, 1, 99)] == close(
        [1.0933333333333333, 1.1779555555555554, 1.9999444396553017]
    )
    assert run.predict({"x": [4]})[0] == close(4 * 1.9999444396553017)


def test_one_sample_at_a_time_on_one_weight():
    data = {"x": [1, 2, 3], "y": [4, 5, 6]}
    run = tidu.fit("y = w*x", data, batch_size=1, shuffle=False, record="step", **ONE_WEIGHT)
    last_of_epoch = [run.history.loss[3 * epoch + 2] for epoch in (0, 1, 99)]
    assert last_of_epoch == close([6.12265536, 2.556652655886172, 0.7811291934451824])
    assert [run.history["w"][3 * epoch + 2] for epoch in (0, 1, 99)] == close(
        [1.323664, 1.562952679168, 2.241576136991251]
    )
    # By hand: 2(wx − y)x at w = 1, 1.06, 1.1752.
    assert list(run.history.gradient("w")[:3]) == close([-6, -11.52, -14.8464])
    assert run.predict({"x": [4]})[0] == close(8.966304547965004)


def test_mini_batches_lie_between():
    data = {"x": [1, 2, 3], "y": [4, 5, 6]}
    run = tidu.fit("y = w*x", data, batch_size=2, shuffle=False, record="step", init={"w": 1}, lr=0.01, epochs=1)
    # By hand: the mean of −6 and −12, then −2(6 − 3·1.09)·3 of the sample left over.
    assert list(run.history.gradient("w")) == close([-9, -16.38])
    assert list(run.history["w"]) == close([1.09, 1.2538])


# -- 3. line --------------------------------------------------------------------------------------
def test_a_line_far_from_the_origin():
    rng = np.random.default_rng(3)
    x = rng.uniform(25, 75, 100)
    y = 1.4 * x + 8 + rng.normal(0, 10, 100)
    run = tidu.fit("y = w*x + b", {"x": x, "y": y}, lr=0.0001, epochs=1000)
    w = b = 0.0
    costs = []
    for _step in range(1000):
        residual = y - (w * x + b)
        costs.append(np.mean(residual**2))
        b, w = b - 0.0001 * np.mean(-2 * residual), w - 0.0001 * np.mean(-2 * x * residual)
    # NumPy sums in another order; 1000 steps of a contraction keep the difference at the level of rounding.
    np.testing.assert_allclose(run.history.loss, costs, rtol=1e-10)
    assert [run.params["w"], run.params["b"]] == pytest.approx([w, b], rel=1e-10)
    # What the program hides: w is as good as settled at once, b hardly moves.
    best_w, best_b = np.polyfit(x, y, 1)
    assert abs(run.history["w"][20] - run.params["w"]) < 0.01
    assert abs(run.params["b"]) < 0.05 * abs(best_b)
    assert abs(run.params["w"] - best_w) < 0.3


# -- 4. parabola ----------------------------------------------------------------------------------
def test_three_weights_stop_at_the_last_epoch():
    x = [0.01 * i for i in range(100)]
    run = tidu.fit(
        "y = w1*x**2 + w2*x + w3",
        {"x": x, "y": [4 * v**2 + 5 * v + 6 for v in x]},
        init={"w1": 1, "w2": 0, "w3": 1},
        lr=0.001,
        batch_size=1,
        shuffle=False,
        epochs=1000,
        until_loss=0.00001,
    )
    assert (run.stopped, run.epochs, run.history.epoch[-1]) == ("epochs", 1000, 999)
    assert run.loss == close(0.0006422866166133029)
    assert list(run.params.values()) == close([4.334302856811493, 4.653193451996958, 6.061894966775589])


# -- 5. linreg ------------------------------------------------------------------------------------
def linreg(seed):
    rng = np.random.default_rng(seed)
    x1, x2 = rng.normal(size=1000), rng.normal(size=1000)
    return {"x1": x1, "x2": x2, "y": 2 * x1 - 3.4 * x2 + 4.2 + rng.normal(0, 0.01, 1000)}


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_textbook_regression_finds_the_truth(seed):
    init = {"w1": "normal(0, 0.01)", "w2": "normal(0, 0.01)"}
    settings = {"loss": "half_squared", "batch_size": 10, "lr": 0.03, "epochs": 3, "seed": seed}
    run = tidu.fit("y = w1*x1 + w2*x2 + b", linreg(seed), init=init, **settings)
    # "Within 0.001 or so": noise of 0.01 over steps of 0.03 leaves about 0.0005 of scatter.
    assert list(run.params.values()) == pytest.approx([2, -3.4, 4.2], abs=0.0025)
    assert 0 < abs(run.start["w1"]) < 0.05
    assert run.start["b"] == 0


def test_a_sweep_of_learning_rates_falls_faster_for_larger_ones():
    losses = [
        tidu.fit("y = w1*x1 + w2*x2 + b", linreg(0), batch_size=10, lr=lr, epochs=3).history.loss[0]
        for lr in (0.01, 0.02, 0.03, 0.04)
    ]
    assert losses == sorted(losses, reverse=True)


# -- every loss with every optimizer ---------------------------------------------------------------
TARGETS = [[-1.3, 0.4, 2.2, 0.7], [0, 1, 1, 0], [-1, 1, 1, -1], [0, 3, 1, 2]]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("loss", OF_ONE_SCORE)
def test_every_loss_runs_with_every_optimizer(loss, optimizer):
    allowed = loss_named(loss).targets.allowed
    y = next(y for y in TARGETS if allowed(np.array(y, dtype=float)).all())
    data = {"x": [-0.5, 0.3, 1.1, 0.2], "y": y}
    run = tidu.fit("y = w*x + b", data, loss=loss, optimizer=optimizer, init={"w": 0.1, "b": 0.2}, epochs=3)
    assert (run.stopped, run.epochs, len(run.history)) == ("epochs", 3, 3)
    assert np.isfinite(run.history.values).all()
    assert run.history.loss[-1] < run.history.loss[0]
    assert np.isfinite(run.predict(data)).all()
    json.dumps({**run.to_dict(), "metrics": None}, allow_nan=False)  # a class may never be predicted so soon


@pytest.mark.parametrize("loss", [n for n in OF_ONE_SCORE if loss_named(n).targets.words != "any number"])
def test_a_target_that_a_loss_has_no_meaning_for(loss):
    with pytest.raises(DataError, match=f"the loss '{loss}' takes targets that are .*; row 2.* has -0.5"):
        tidu.fit("y = w*x", {"x": [1, 2], "y": [1, -0.5]}, loss=loss)


def test_predictions_go_through_the_link():
    x = [0.0, 1.0, 2.0]
    run = tidu.fit("y = w*x + b", {"x": x, "y": [1, 3, 7]}, loss="poisson", lr=0.01, epochs=50)
    w, b = run.params.values()
    # np.exp is not the C library's to the bit
    np.testing.assert_allclose(run.predict({"x": x}), np.exp(w * np.array(x) + b), rtol=1e-14)


# -- data -----------------------------------------------------------------------------------------
DATA = {"x": [1.0, 2.0, 3.0, 4.0], "y": [2.1, 3.9, 6.2, 7.8]}


def test_a_batch_larger_than_the_data_is_the_whole_set_and_is_noted():
    run, whole = (tidu.fit("y = w*x + b", DATA, batch_size=size, epochs=5) for size in (5, None))
    assert run.params == whole.params
    assert run.steps == 5
    assert "the batch size 5 is larger than the data: each step uses all 4 rows" in run.notes
    assert tidu.fit("y = w*x + b", DATA, batch_size=4, epochs=5).notes == ()


def test_rows_kept_back_are_scored_and_not_trained_on():
    x = np.arange(20.0) / 10
    data = {"x": x, "y": 3 * x + 1}
    run = tidu.fit("y = w*x + b", data, test_size=0.25, seed=4, epochs=50)
    assert (run.rows, run.training_data.rows) == (15, 15)
    test = {k: v[~np.isin(x, run.training_data["x"])] for k, v in data.items()}
    assert run.test_metrics == run.score(test)
    assert run.metrics == run.score(run.training_data)
    assert run.params == tidu.fit("y = w*x + b", dict(run.training_data), epochs=50).params
    assert tidu.fit("y = w*x + b", data, epochs=1).test_metrics is None


def test_the_target_may_be_a_formula():
    data = {"t": [0.0, 1.0, 2.0], "n": [math.e, math.e**3, math.e**5]}
    run = tidu.fit("log(n) = a*t + b", data, lr=0.2, epochs=500)
    assert list(run.params.values()) == pytest.approx([2, 1])
    assert run.metrics["r2"] == pytest.approx(1)


def test_names_that_a_loop_could_mistake():
    data = {"lr": [1.0, 2.0], "step": [1.0, 3.0], "if": [2.0, 1.0], "体重": [5.0, 6.0], "y": [1.0, 2.0]}
    plain = dict(zip("abcdy", data.values(), strict=True))
    run = tidu.fit("y = batch_size*lr + history*step + loss*`if` + n*体重", data, lr=0.001, epochs=20)
    twin = tidu.fit("y = p*a + q*b + r*c + s*d", plain, lr=0.001, epochs=20)
    assert list(run.params.values()) == list(twin.params.values())


# -- what is refused ------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("formula", "options", "kind", "words"),
    [
        ("y = w*x", {"engine": "abacus"}, SettingError, "engine must be"),
        ("y = w*x", {"optimizer": "adan"}, SettingError, "did you mean 'adam'"),
        ("y = w*x", {"loss": "huber(delta=-1)"}, SettingError, "delta must be above 0, not -1"),
        ("y = w*x", {"lr": 0}, SettingError, "must be a number above 0"),
        ("y = w*x", {"init": {"ww": 1}}, SettingError, "'ww'"),
        ("y = w*x", {"penalise": ["v"]}, SettingError, "penalise names 'v'"),
        ("y = 2*x", {}, SettingError, "no parameter to learn"),
        ("y = w*floor(x)*x + floor(b)*x", {}, NoDerivative, "no slope along 'b'"),
        ("z = w*x", {}, ColumnNotFound, "'z'"),
        ("y = w*", {}, FormulaError, "it ends behind"),
    ],
)
def test_one_sentence_for_what_cannot_work(formula, options, kind, words):
    with pytest.raises(kind) as caught:
        tidu.fit(formula, DATA, epochs=1, **options)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


# -- notes ----------------------------------------------------------------------------------------
def test_a_loss_that_has_grown_is_noted():
    run = tidu.fit("y = w*x + b", DATA, lr=0.15, epochs=3)
    assert run.history.loss[-1] > run.history.loss[0]
    (note,) = run.notes
    assert note.startswith("the loss has grown from")
    assert "0.15" in note


def test_gradients_that_are_0_from_the_start_are_noted():
    run = tidu.fit("y = a*b*x", DATA, epochs=3)
    assert run.params == {"a": 0, "b": 0}
    (note,) = run.notes
    assert "every gradient was 0" in note
    assert tidu.fit("y = a*b*x", DATA, epochs=3, init={"a": 1}).notes == ()


def test_dots_are_not_the_column_of_weights_or_deviations():
    data = {"x": [1.0, 2.0, 3.0], "z": [1.0, 4.0, 2.0], "y": [2.0, 4.0, 7.0], "w": [1.0, 2.0, 1.0]}
    assert [*tidu.fit("y = linear(...)", data, weights="w", epochs=1).params] == ["w_x", "w_z", "b"]
    assert [*tidu.fit("y = linear(...)", data, sigma="w", epochs=1).params] == ["w_x", "w_z", "b"]
    assert [*tidu.fit("y = linear(x, w)", data, weights="w", epochs=1).params] == ["w_x", "w_w", "b"]
