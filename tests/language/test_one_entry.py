"""One entry is all that an operation needs: `cbrt` is added here, and works wherever operations do."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.special

import tidu
from tidu.language.calculus import gradient
from tidu.language.expr import evaluate, symbol
from tidu.language.operation import FUNCTIONS, NUMPY_NAMES, OPS, withdraw
from tidu.language.ops import op
from tidu.language.printer import code, latex, text, unicode
from tidu.language.reader import parse_expression

X = np.linspace(-2.0, 3.0, 41)
DATA = {"x": X, "y": np.cbrt(1.5 * X + 0.25)}
OPTIONS = {"init": {"w": 1.0, "b": 0.4}, "lr": 0.1, "epochs": 30, "batch_size": None}
FORMULA = "y = cbrt(w*x + b)"


@pytest.fixture(scope="module", autouse=True)
def cbrt():
    op(
        "cbrt", "cbrt({0})", latex=r"\sqrt[3]{{0}}",
        value=math.cbrt, machine="c", cost="function", torch="xp.sign({0}) * xp.abs({0}) ** (1.0 / 3.0)",
        grad=lambda g, out, x: (g / (3 * out**2),), domain=((-3.0, 3.0),), doc="Cube root.",
    )  # fmt: skip
    yield
    withdraw("cbrt")
    vars(tidu).pop("cbrt", None)


def fitted(**options):
    return tidu.fit(FORMULA, DATA, **(OPTIONS | options))


def test_in_a_formula_it_is_printed_in_every_notation():
    x = symbol("x", "feature")
    node = parse_expression("cbrt(x) + 1", {"x": x})
    assert text(node) == "cbrt(x) + 1"
    assert parse_expression(text(node), {"x": x}) is node
    assert unicode(node) == "cbrt(x) + 1"
    assert latex(node) == r"\sqrt[3]{x} + 1"
    assert code(node, {x: "x"}) == "cbrt(x) + 1.0"


def test_it_is_differentiated_twice():
    x = symbol("x", "feature")
    node = parse_expression("cbrt(x)", {"x": x})
    (first,) = gradient(node, [x])
    (second,) = gradient(first, [x])
    for at in (-2.0, 0.5, 3.0):
        assert evaluate(first, {x: at}) == pytest.approx(np.cbrt(at) ** -2 / 3, rel=1e-14)
        assert evaluate(second, {x: at}) == pytest.approx(-2 * np.cbrt(at) ** -5 / 9, rel=1e-14)


def test_plain_python_and_machine_code_have_the_same_bits():
    plain, compiled = fitted(engine="python"), fitted(engine="compiled")
    assert "from math import cbrt" in plain.source
    assert plain.params == compiled.params
    assert plain.loss < 1e-2
    summed = tidu.fit(FORMULA, DATA, **(OPTIONS | {"engine": "compiled", "batch_size": 5}))
    assert summed.params == fitted(engine="python", batch_size=5).params


def test_side_by_side_it_has_the_bits_of_each_run_alone():
    rates = [0.02, 0.05, 0.1]
    options = {k: v for k, v in OPTIONS.items() if k != "lr"}
    runs = tidu.sweep(FORMULA, DATA, over={"lr": rates}, engine="compiled", **options)
    for k, rate in enumerate(rates):
        alone = fitted(engine="compiled", lr=rate)
        assert runs.params["w"][k] == alone.params["w"]


def test_on_arrays_and_in_torch_it_is_the_same_descent():
    plain = fitted(engine="python").params
    on_arrays = fitted(engine="array")
    assert "np.cbrt(" in on_arrays.source
    in_torch = fitted(device="cpu")
    for run in (on_arrays, in_torch):
        assert run.params == pytest.approx(plain, rel=1e-11)


def test_as_a_function_of_tensors_numbers_and_arrays():
    assert tidu.cbrt(8.0) == 2.0
    np.testing.assert_array_equal(tidu.cbrt(X), np.cbrt(X))
    x = tidu.Tensor(X[::7])
    for y in (tidu.cbrt(x), np.cbrt(x), x.cbrt()):
        x.grad = None
        y.backward()
        np.testing.assert_allclose(x.grad, scipy.special.cbrt(X[::7]) ** -2 / 3, rtol=1e-14)
    assert tidu.grad(tidu.grad(tidu.cbrt))(2.0) == pytest.approx(-2 / 9 * 2 ** (-5 / 3), rel=1e-14)


def test_in_a_schedule_of_a_loop_on_arrays_it_is_a_number():
    on_arrays = fitted(engine="array", lr="0.1*cbrt(1 + t)")
    assert "math.cbrt(" in on_arrays.source
    assert on_arrays.params == pytest.approx(fitted(engine="python", lr="0.1*cbrt(1 + t)").params, rel=1e-11)


def test_withdrawn_it_is_gone_everywhere():
    entry = OPS["cbrt"]
    withdraw("cbrt")
    try:
        assert "cbrt" not in {*OPS, *FUNCTIONS, *NUMPY_NAMES}
        with pytest.raises(tidu.TiduError, match="there is no function 'cbrt'"):
            tidu.fit("y = cbrt(w*x) + b", DATA)
    finally:
        OPS["cbrt"] = entry
        FUNCTIONS["cbrt"] = NUMPY_NAMES["cbrt"] = "cbrt"
