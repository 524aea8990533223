"""Solvers: the ends they reach, the passes they leave, what they refuse, and how they choose."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import curve_fit, minimize

import tidu
from tidu.errors import DataError, SettingError
from tidu.fronts import cli

X = np.linspace(0.0, 4.0, 25)
Y = 3.0 * np.exp(-0.8 * X) + 0.5 + 0.05 * np.sin(7.0 * X)
DECAY = "y = a*exp(-b*x) + c"
START = {"a": 1.0, "b": 1.0}


@pytest.mark.parametrize("method", ["lm", "lbfgs", "newton"])
def test_each_finds_what_scipy_finds(method):
    run = tidu.fit(DECAY, {"x": X, "y": Y}, optimizer=method, init=START)
    best, covariance = curve_fit(lambda x, a, b, c: a * np.exp(-b * x) + c, X, Y, [1, 1, 0], xtol=1e-15, ftol=1e-15)
    assert list(run.params.values()) == pytest.approx(best, rel=1e-6)  # curve_fit's own end is no better
    errors = list(run.statistics.standard_errors.values())
    assert errors == pytest.approx(np.sqrt(np.diag(covariance)), rel=1e-6)
    assert run.stopped == "converged"
    assert run.lr is None
    assert "def " in run.source


@pytest.mark.parametrize("method", ["lbfgs", "newton"])
@pytest.mark.parametrize(("loss", "y"), [("logistic", np.sin(9 * X) > 2.2 - X), ("poisson", np.round(3 + X)),
                                        ("log_cosh", Y), ("huber(delta=0.1)", Y)])  # fmt: skip
def test_other_smooth_losses(method, loss, y):
    run = tidu.fit("y = w*x + b", {"x": X, "y": np.array(y, float)}, loss=loss, optimizer=method)
    checked = minimize(
        lambda p: tidu.fit("y = w*x + b", {"x": X, "y": np.array(y, float)}, loss=loss, steps=1, lr=1e-12,
                           init={"w": float(p[0]), "b": float(p[1])}).loss,
        list(run.params.values()), method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-13, "maxiter": 200},
    )  # fmt: skip
    assert run.loss <= checked.fun + 1e-12
    assert run.statistics.kind == ("likelihood" if loss in ("logistic", "poisson") else "robust")


def test_the_history_is_the_way_down():
    run = tidu.fit(DECAY, {"x": X, "y": Y}, optimizer="lm", init=START)
    h = run.history
    assert len(h) == run.steps == run.epochs
    # The cost of a row is that at the parameters before its step, which the row before it holds.
    for k in (1, len(h) // 2, len(h) - 1):
        before = {name: float(h[name][k - 1]) for name in run.params}
        assert tidu.fit(DECAY, {"x": X, "y": Y}, init=before, steps=1, lr=1e-12).history.loss[0] == pytest.approx(
            h.loss[k], rel=1e-12
        )
    assert h.loss[-1] == run.loss <= h.loss.min() * (1 + 1e-14)  # near the end, steps gain what the cost cannot show
    assert h.gradient_norm[-1] < 1e-12
    assert np.all(np.isnan(h.lr))


def test_limits_hold_for_solvers():
    by_steps = tidu.fit(DECAY, {"x": X, "y": Y}, optimizer="lm", init=START, steps=3)
    assert (by_steps.stopped, by_steps.steps) == ("steps", 3)
    by_epochs = tidu.fit(DECAY, {"x": X, "y": Y}, optimizer="lbfgs", init=START, epochs=4)
    assert (by_epochs.stopped, by_epochs.epochs) == ("epochs", 4)
    by_loss = tidu.fit(DECAY, {"x": X, "y": Y}, optimizer="lm", init=START, until_loss=0.05)
    assert by_loss.stopped == "loss"
    assert 0.001 < by_loss.loss < 0.05
    by_tol = tidu.fit(DECAY, {"x": X, "y": Y}, optimizer="lm", init=START, tol=0.1)
    assert by_tol.stopped == "converged"
    assert by_tol.steps < tidu.fit(DECAY, {"x": X, "y": Y}, optimizer="lm", init=START).steps


@pytest.mark.parametrize("method", ["lm", "lbfgs"])
def test_bounds_hold(method):
    run = tidu.fit(DECAY, {"x": X, "y": Y}, optimizer=method, init=START, bounds={"c": (None, 0.3), "a": (0, 10)})
    assert run.params["c"] == pytest.approx(0.3, abs=1e-6)
    assert np.all(run.history["c"] <= 0.3)
    assert any("bound" in note for note in run.notes)
    rest = tidu.fit(DECAY, {"x": X, "y": Y}, optimizer=method, init=START, fix={"c": 0.3})
    assert run.params["b"] == pytest.approx(rest.params["b"], rel=1e-4)
    assert rest.to_dict()["fixed"] == {"c": 0.3}
    assert set(rest.params) == {"a", "b"}


def test_fixed_parameters_hold_for_every_optimizer():
    run = tidu.fit("y = w*x + b", {"x": X, "y": 2 * X + 1}, fix={"w": 2}, lr=0.4, epochs=60)
    assert run.params == {"b": pytest.approx(1.0, abs=1e-12)}
    assert run.predict({"x": [10.0]}) == pytest.approx([21.0])


def test_weights_are_repetitions():
    """A weight of 3 is three rows of weight 1, for a solver and for descent."""
    x, y, w = np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 2.5, 2.0, 4.0]), np.array([1.0, 3.0, 2.0, 1.0])
    repeated = {"x": np.repeat(x, w.astype(int)), "y": np.repeat(y, w.astype(int))}
    for options in ({"optimizer": "lm"}, {"lr": 0.05, "epochs": 4000}):
        weighted = tidu.fit("y = a*x + b", {"x": x, "y": y, "w": w}, weights="w", **options)
        plain = tidu.fit("y = a*x + b", repeated, optimizer="lm")
        assert list(weighted.params.values()) == pytest.approx(list(plain.params.values()), rel=1e-6)
    assert weighted.predict({"x": [2.0]}) == pytest.approx(plain.predict({"x": [2.0]}))  # no weight is asked for


@given(scale=st.floats(1e-3, 1e3))
@settings(max_examples=20, deadline=None)
def test_sigma_is_absolute_and_weights_are_relative(scale):
    s = 0.1 + 0.02 * X
    by_sigma = tidu.fit(DECAY, {"x": X, "y": Y, "s": s}, optimizer="lm", init=START, sigma="s").statistics
    scaled = tidu.fit(DECAY, {"x": X, "y": Y, "s": scale * s}, optimizer="lm", init=START, sigma="s").statistics
    assert scaled.standard_errors["b"] == pytest.approx(scale * by_sigma.standard_errors["b"], rel=1e-9)
    w = {"x": X, "y": Y, "w": scale / s**2}
    by_weight = tidu.fit(DECAY, w, optimizer="lm", init=START, weights="w").statistics
    root = np.sqrt(by_sigma.reduced_chi_square)
    assert by_weight.standard_errors["b"] == pytest.approx(root * by_sigma.standard_errors["b"], rel=1e-9)


def test_several_starts_find_the_lower_of_two_minima():
    x = np.linspace(0, 10, 60)
    data = {"x": x, "y": np.sin(2.3 * x)}
    one = tidu.fit("y = sin(w*x)", data, optimizer="lbfgs", init={"w": 0.6})
    many = tidu.fit("y = sin(w*x)", data, optimizer="lbfgs", bounds={"w": (0.1, 5)}, init={"w": 0.6}, starts=25)
    assert one.params["w"] == pytest.approx(2.3, rel=1e-8)  # the end of its own start explains nothing, and is left
    assert any("guessed" in note for note in one.notes)
    assert many.params["w"] == pytest.approx(2.3, rel=1e-8)
    assert any("25" in note for note in many.notes)


def test_a_start_from_which_nothing_moves_is_left():
    """At a = b = 0 the product a·b is flat in both."""
    run = tidu.fit("y = a*(1 - exp(-b*x))", {"x": X, "y": 2 * (1 - np.exp(-0.7 * X))}, optimizer="lm")
    assert run.params == {"a": pytest.approx(2.0, rel=1e-9), "b": pytest.approx(0.7, rel=1e-9)}
    assert any("start" in note for note in run.notes)


@pytest.mark.parametrize(
    ("options", "method"),
    [
        ({}, "lm"),
        ({"loss": "logistic"}, "lbfgs"),
        ({"l2": 0.1}, "lbfgs"),
        ({"loss": "absolute"}, "lp"),
        ({"loss": "hinge"}, "lp"),
        ({"loss": "quantile(tau=0.9)"}, "lp"),
        ({"batch_size": 5}, "adam"),
        ({"lr": 0.1}, "adam"),
        ({"l1": 0.1}, "newton"),
    ],
)
def test_auto_chooses_and_says_so(options, method):
    y = np.where(X > 2, 1.0, -1.0) if options.get("loss") == "hinge" else (X > 2).astype(float)
    run = tidu.fit("y = w*x + b", {"x": X, "y": y}, optimizer="auto", epochs=3, **options)
    assert run.settings.optimizer == method
    assert f"auto chose {method}" in run.notes[0]


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"optimizer": "lm", "lr": 0.1}, ["lr", "lm"]),
        ({"optimizer": "lbfgs", "batch_size": 3}, ["batch_size", "lbfgs"]),
        ({"optimizer": "lm", "loss": "huber"}, ["least squares", "huber"]),
        ({"optimizer": "lm", "l2": 0.1}, ["l2", "lm"]),
        ({"optimizer": "newton", "bounds": {"w": (0, 1)}}, ["bounds", "newton"]),
        ({"bounds": {"w": (0, 1)}}, ["bounds", "gd"]),
        ({"optimizer": "lm", "bounds": {"w": (1, 0)}}, ["w", "not below"]),
        ({"optimizer": "lm", "bounds": {"w": 3}}, ["w", "pair"]),
        ({"optimizer": "lm", "bounds": {"v": (0, 1)}}, ["v"]),
        ({"fix": {"w": float("nan")}}, ["fix w", "finite"]),
        ({"fix": {"w": 1}, "init": {"w": 2}}, ["w", "fixed"]),
        ({"fix": {"w": 1, "b": 2}}, ["no parameter"]),
        ({"starts": 3}, ["starts", "gd"]),
        ({"optimizer": "lm", "starts": 0}, ["starts", "0"]),
        ({"weights": "x", "sigma": "x"}, ["weights", "sigma"]),
        ({"optimizer": "lmm"}, ["lmm", "did you mean 'lm'"]),
    ],
)
def test_what_cannot_work_is_refused(options, parts):
    with pytest.raises(SettingError) as refused:
        tidu.fit("y = w*x + b", {"x": X, "y": Y}, **options)
    for part in parts:
        assert part in str(refused.value)


def test_weights_must_be_there_and_positive():
    with pytest.raises(tidu.TiduError, match="weights names 'z'"):
        tidu.fit("y = w*x", {"x": X, "y": Y}, weights="z")
    with pytest.raises(DataError, match=r"above 0.*row 1"):
        tidu.fit("y = w*x", {"x": X, "y": Y, "z": X}, sigma="z")


def test_a_start_without_a_value_is_told():
    run = tidu.fit("y = a*sqrt(-1 - (b*x)**2)", {"x": X, "y": Y}, optimizer="lm", init={"a": 1, "b": 5})
    assert run.diverged
    assert "starting values" in run.notes[0]


def test_compiled_and_plain_give_the_same_bits():
    plain, compiled = (
        tidu.fit(DECAY, {"x": X, "y": Y}, optimizer="lm", init=START, engine=e) for e in ("python", "compiled")
    )
    assert plain.params == compiled.params
    assert np.array_equal(plain.history.loss, compiled.history.loss)


def test_the_command_line_has_it_all(tmp_path, capsys):
    path = tmp_path / "d.csv"
    path.write_text("x,y,s\n" + "\n".join(f"{a!r},{b!r},0.1" for a, b in zip(X.tolist(), Y.tolist(), strict=True)))
    model = tmp_path / "m.tidu"
    base = ["fit", str(path), DECAY, "--optimizer", "auto", "--init", "a=1,b=1"]
    more = ["--bounds", "a=0:10,b=:5", "--sigma", "s", "--fix", "c=0.5", "--out", str(model), "--json"]
    assert cli.run([*base, *more]) == 0
    got = json.loads(capsys.readouterr().out)
    assert got["lr"] is None
    assert set(got["standard_errors"]) == set(got["params"]) == {"a", "b"}
    assert got["confidence_intervals"]["a"][0] < got["params"]["a"] < got["confidence_intervals"]["a"][1]
    assert got["reduced_chi_square"] == pytest.approx(got["residual_sum_of_squares"] / got["degrees_of_freedom"])
    assert cli.run(["predict", str(model), str(path), "--interval", "0.9", "--json"]) == 0
    predicted = json.loads(capsys.readouterr().out)
    assert all(
        lo < p < hi for lo, p, hi in zip(*(predicted[k] for k in ("lower", "predictions", "upper")), strict=True)
    )
    assert cli.run([*base, "--bounds", "a=3"]) == 2
    assert "LOW:HIGH" in capsys.readouterr().err
    assert cli.run(base) == 0
    page = capsys.readouterr().out
    assert "standard error" in page
    assert "argmin" in page
    assert "learning rate" not in page


def test_of_ends_that_fit_alike_the_one_with_the_signs_of_the_start_is_given():
    bell = {"x": X, "y": 2 * np.exp(-((X - 2) ** 2) / 0.6**2)}
    for sign in (1.0, -1.0):
        run = tidu.fit("y = a*exp(-(x - m)**2/s**2)", bell, optimizer="lm", init={"a": 1, "m": 1.5, "s": sign * 1.0})
        assert run.params["s"] == pytest.approx(sign * 0.6, rel=1e-9)


def test_an_end_that_explains_nothing_is_left_for_a_better_one():
    bell = {"x": X, "y": 2 * np.exp(-((X - 1) ** 2) / 0.2**2)}
    run = tidu.fit("y = a*exp(-(x - m)**2/s**2)", bell, optimizer="lm", init={"a": 1, "m": 3.5, "s": 0.1})
    assert run.params["m"] == pytest.approx(1.0, rel=1e-8)
