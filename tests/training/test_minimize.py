"""Minimising a plain function: how it may be given, where it ends, and every point on the way."""

import json
import math

import numpy as np
import pytest

import tidu
from tidu.content.optimizers import OPTIMIZERS
from tidu.errors import FormulaError, NoDerivative, SettingError
from tidu.language.expr import symbol
from tidu.training.callbacks import Advanced


def bowl(p):
    return 3 * p[0] ** 2 + 4 * p[1] ** 2 + 5 * p[2] ** 2


# -- the program's numbers ------------------------------------------------------------------------
def test_the_derivative_of_3x_squared_is_6_at_1():
    found = tidu.minimize("3*x**2", 1.0, lr=0.1, steps=200)
    assert found.start_gradient == {"x": 6}
    assert found.start_value == 3
    # By hand: each step multiplies x by 1 − 0.1·6.
    assert found.path[:4, 0].tolist() == pytest.approx([1, 0.4, 0.16, 0.064], rel=1e-14)
    assert abs(found.x) < 1e-70


@pytest.mark.parametrize(
    ("function", "start"),
    [
        ("3*x1**2 + 4*x2**2 + 5*x3**2", {"x1": 1, "x2": 1, "x3": 1}),
        ("3*x1**2 + 4*x2**2 + 5*x3**2", (1, 1, 1)),
        (bowl, [1.0, 1.0, 1.0]),
        (bowl, np.ones(3)),
        (lambda p: 3 * p["x1"] ** 2 + 4 * p["x2"] ** 2 + 5 * p["x3"] ** 2, {"x1": 1, "x2": 1, "x3": 1}),
    ],
)
def test_the_gradient_at_1_1_1_is_6_8_10(function, start):
    found = tidu.minimize(function, start, lr=0.1, steps=100)
    assert found.start_gradient == {"x1": 6, "x2": 8, "x3": 10}
    # By hand: the factors of a step are 0.4, 0.2 and 0.
    assert list(found.params.values()) == pytest.approx([0.4**100, 0.2**100, 0], rel=1e-10)


# -- how a function may be given ------------------------------------------------------------------
@pytest.mark.parametrize(
    "function",
    [
        "sin(x) + exp(-x)*log(2 + x**2)",
        lambda x: tidu.sin(x) + tidu.exp(-x) * tidu.log(2 + x**2),
        lambda x: np.sin(x) + np.exp(-x) * np.log(2 + x**2),
        symbol("x", "parameter") * 0 + tidu.sin(symbol("x", "parameter")) + tidu.exp(-symbol("x", "parameter"))
        * tidu.log(2 + symbol("x", "parameter") ** 2),
    ],
    ids=["formula", "tidu's functions", "numpy's functions", "expression"],
)  # fmt: skip
def test_one_function_in_four_forms(function):
    found = tidu.minimize(function, 3.0, lr=0.1, steps=2)
    x = 3.0
    for _step in range(2):
        x -= 0.1 * (math.cos(x) - math.exp(-x) * math.log(2 + x * x) + math.exp(-x) * 2 * x / (2 + x * x))
    assert found.x == pytest.approx(x, rel=1e-14)


def test_arrays_of_expressions():
    matrix = np.array([[2.0, 0.3], [0.3, 1.0]])
    found = tidu.minimize(lambda p: (np.array(p) - 1) @ matrix @ (np.array(p) - 1), (4.0, -2.0), steps=300)
    assert found.x == pytest.approx([1, 1])


@pytest.mark.parametrize(("start", "kind"), [(1, float), (1.5, float), (np.float32(2), float), (np.int64(2), float)])
def test_a_number_comes_back_as_a_number(start, kind):
    assert type(tidu.minimize("x**2", start, steps=3).x) is kind
    assert type(tidu.minimize(lambda x: x * x, start, steps=3).x) is kind


def test_a_sequence_comes_back_as_an_array_of_its_length():
    found = tidu.minimize(lambda p: p[1] ** 2, (5.0, 1.0, 7.0), lr=0.25, steps=3)
    assert found.x.tolist() == [5, 0.125, 7]
    assert found.gradient == {"x1": 0, "x2": 0.25, "x3": 0}
    assert found.path.tolist() == [[5, 1, 7], [5, 0.5, 7], [5, 0.25, 7], [5, 0.125, 7]]


@pytest.mark.parametrize("name", ["lr", "step", "history", "if", "t", "lambda", "a b", "x", "梯度"])
def test_variables_of_any_name(name):
    found = tidu.minimize(lambda p: p[name] ** 2, {name: 1.0}, lr=0.25, steps=3)
    assert found.params == {name: 0.125}


# -- how it ends ----------------------------------------------------------------------------------
def test_the_path_is_every_point_with_the_start_first():
    found = tidu.minimize("x**2 + 2*y**2", {"x": 1, "y": -1}, lr=0.1, steps=17)
    assert found.path.shape == (18, 2)
    x, y = 1.0, -1.0
    for row in found.path:
        assert row.tolist() == pytest.approx([x, y], rel=1e-14)
        x, y = x - 0.1 * (2 * x), y - 0.1 * (4 * y)
    assert len(found.history) == 17
    assert found.history.loss[0] == found.start_value == 3
    assert found.value == pytest.approx(found.params["x"] ** 2 + 2 * found.params["y"] ** 2)
    assert found.gradient["y"] == pytest.approx(4 * found.params["y"])


def test_tol_ends_it_once_nothing_moves_by_more():
    whole = tidu.minimize("x**2 + 2*y**2", {"x": 1, "y": -1}, lr=0.1, steps=100)
    moved = np.abs(np.diff(whole.path, axis=0)).max(axis=1)
    found = tidu.minimize("x**2 + 2*y**2", {"x": 1, "y": -1}, lr=0.1, steps=100, tol=1e-3)
    assert found.stopped == "converged"
    assert found.steps == int(np.flatnonzero(moved <= 1e-3)[0]) + 1
    assert found.path.tobytes() == whole.path[: found.steps + 1].tobytes()
    assert whole.stopped == "steps"


@pytest.mark.parametrize("start", [10.0, 1e100, 1e-3])
def test_a_rate_that_is_too_large_ends_at_a_finite_point(start):
    found = tidu.minimize("x**4 + x**2", start, lr=1.5, steps=5000)
    assert found.stopped == "diverged"
    assert found.diverged
    assert np.isfinite(found.path).all()
    assert found.path[0, 0] == start
    assert math.isfinite(found.x)
    assert found.steps < 5000
    json.dumps(found.to_dict(), allow_nan=True)


@pytest.mark.parametrize(("function", "start"), [("log(x)", -1), ("1/x", 0), ("sqrt(x)", -2), ("exp(x)", 1e4)])
def test_a_start_from_which_nothing_can_be_computed(function, start):
    found = tidu.minimize(function, start, steps=5)
    assert (found.stopped, found.steps, found.x) == ("diverged", 0, start)
    assert not math.isfinite(found.start_value)
    assert repr(found)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_goes_down(optimizer):
    found = tidu.minimize("(x - 1)**2 + 3*(y + 2)**2", {"x": 0, "y": 0}, optimizer=optimizer, lr=0.05, steps=50)
    assert found.value < found.start_value
    assert (np.diff(found.path, axis=0) != 0).any()
    assert found.optimizer.startswith(optimizer)


def test_a_schedule_of_the_step():
    found = tidu.minimize("x", 0.0, lr="1/(1 + t)", steps=4)
    assert found.x == pytest.approx(-(1 + 1 / 2 + 1 / 3 + 1 / 4))
    assert found.lr == "1/(1 + t)"


def test_progress_and_interruption():
    def interrupt(event):
        if isinstance(event, Advanced):
            raise KeyboardInterrupt

    told = []
    tidu.minimize("x**2", 1.0, steps=10, callbacks=lambda event: told.append(event))
    assert [(e.steps, e.steps_in_all) for e in told if isinstance(e, Advanced)] == [(10, 10)]
    found = tidu.minimize("x**2", 1.0, steps=10**7, callbacks=interrupt)
    assert found.stopped == "interrupted"
    assert 0 < found.steps < 10**7
    assert len(found.path) == found.steps + 1


def test_everything_as_plain_values():
    found = tidu.minimize("3*x**2", 1.0, steps=5)
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert plain["function"] == "3*x**2"
    assert plain["first_gradient"] == {"x": 6}
    assert plain["params"] == dict(found.params)
    assert plain["value"] == plain["loss"] == found.value
    assert (plain["steps"], plain["stopped"]) == (5, "steps")
    assert len(plain["history"]["loss"]) == 5
    assert repr(found).startswith("<Minimum of '3*x**2': x=")
    assert "def train(" in found.source
    assert r"\frac{\partial f}{\partial x}" in found.latex()


# -- what is refused ------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("function", "start", "options", "kind", "words"),
    [
        ("a*x**2", 1.0, {}, FormulaError, "'a' is not known here"),
        ("x**2 +", 1.0, {}, FormulaError, "it ends behind"),
        ("3", 1.0, {}, FormulaError, "does not depend on any of its variables"),
        (symbol("a", "parameter") ** 2, 1.0, {}, FormulaError, "names 'a', and the start does not"),
        ("floor(x)", 1.0, {}, NoDerivative, "no slope along 'x'"),
        ("x > 1", 1.0, {}, FormulaError, "is a condition"),
        (math.sin, 1.0, {}, FormulaError, "use tidu's operations"),
        (lambda x: None, 1.0, {}, FormulaError, "cannot be recorded"),
        (lambda x: x if x > 0 else -x, 1.0, {}, FormulaError, "write where(condition, a, b) instead of if"),
        (3, 1.0, {}, FormulaError, "cannot be recorded"),
        ("x", "1", {}, SettingError, "the start must be a number"),
        ("x", None, {}, SettingError, "the start must be a number"),
        ("x", [], {}, SettingError, "names no variable"),
        ("x", {}, {}, SettingError, "names no variable"),
        ("x", math.nan, {}, SettingError, "starting value of x must be a finite number"),
        ("x", 10**400, {}, SettingError, "starting value of x must be a finite number"),
        ("x", np.complex128(1j), {}, SettingError, "starting value of x must be a finite number"),
        ("x1", [1, [2]], {}, SettingError, "starting value of x2 must be a finite number"),
        ("x1", [[1, 2]], {}, SettingError, "starting value of x1 must be a finite number"),
        ("a", {"a": "1"}, {}, SettingError, "starting value of a must be a finite number"),
        ("x", 1.0, {"steps": 0}, SettingError, "steps must be a whole number of at least 1"),
        ("x", 1.0, {"tol": -1}, SettingError, "tol must be at least 0"),
        ("x", 1.0, {"lr": 0}, SettingError, "learning rate must be a number above 0"),
        ("x", 1.0, {"optimizer": "newton"}, SettingError, "there is no optimizer 'newton'"),
    ],
)
def test_one_sentence_for_what_cannot_work(function, start, options, kind, words):
    with pytest.raises(kind) as caught:
        tidu.minimize(function, start, **options)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_error_of_the_function_itself_is_the_callers_own():
    with pytest.raises(KeyError, match="z"):
        tidu.minimize(lambda p: p["z"], {"x": 1.0})
