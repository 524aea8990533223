"""The audit of Python functions names each of the eight slips, on five losses; gradients by hand are the oracle."""

from __future__ import annotations

import numpy as np
import pytest

import tidu
from tidu.errors import SettingError

RANDOM = np.random.default_rng(5)
X, Z = RANDOM.uniform(0.2, 2.0, 17), RANDOM.uniform(0.5, 1.5, 17)
Y = 0.5 * X - Z + RANDOM.normal(0.0, 0.3, 17)
N = len(X)
# The prediction; the derivative by the first parameter, with the factor to forget; by another parameter, and its name.
MODELS = {
    "line": (lambda w, b: w * X + b, lambda w, b: X, X, lambda w, b: np.ones(N)),
    "plane": (lambda w, b: w * X + b * Z, lambda w, b: X, X, lambda w, b: Z),
    "parabola": (lambda w, b: w * X**2 + b * X, lambda w, b: X**2, X**2, lambda w, b: X),
    "growth": (lambda w, b: b * np.exp(w * X), lambda w, b: b * X * np.exp(w * X), X, lambda w, b: np.exp(w * X)),
    "wave": (lambda w, b: np.sin(w * X) + b * Z, lambda w, b: np.cos(w * X) * X, X, lambda w, b: Z),
}
AT = {"w": 0.7, "b": 0.4}


def audited(model, slip, half=False):
    score, slope, factor, other = MODELS[model]
    c = 0.5 if half else 1.0

    def loss(w, b):
        squares = (score(w, b) - Y) ** 2
        return (0.5 * squares if half else squares).mean()

    def gradient(w, b):
        by = {"w": lambda w, b: np.mean(2 * c * (score(w, b) - Y) * slope(w, b)),
              "b": lambda w, b: np.mean(2 * c * (score(w, b) - Y) * other(w, b))}  # fmt: skip
        told = {name: f(w, b) for name, f in by.items()}
        match slip:
            case "sign":
                told["w"] = -told["w"]
            case "factor 2" | "half":
                told["w"] = told["w"] * (2 if half else 0.5)
            case "missing 1/n":
                told["w"] = told["w"] * N
            case "extra 1/n":
                told["w"] = told["w"] / N
            case "forgotten factor":
                told["w"] = np.mean(2 * c * (score(w, b) - Y) * slope(w, b) / factor)
            case "wrong index":
                told["w"] = np.mean(2 * c * (score(w, b) - Y) * slope(w, b) / factor * np.roll(factor, 1))
            case "wrong parameter":
                told["w"] = told["b"]
            case "updated too early":
                told["w"] = by["w"](w, b - 0.01 * told["b"])
        return told

    return tidu.audit(loss, gradient, at=AT)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    "slip",
    ["", "sign", "factor 2", "missing 1/n", "extra 1/n", "forgotten factor", "wrong index", "wrong parameter",
     "updated too early"],
)  # fmt: skip
def test_each_slip_is_named(model, slip):
    found = audited(model, slip)
    assert found.verdicts["b"].right
    assert found.notes == ()
    told = found.verdicts["w"]
    if model == "line" and slip == "wrong parameter":
        slip = "forgotten factor"  # without its factor x, the gradient of w is that of b
    assert (told.slip or "") == slip, told.said


@pytest.mark.parametrize("model", MODELS)
def test_the_half_is_seen_in_the_function(model):
    assert audited(model, "", half=True).right
    assert audited(model, "half", half=True).verdicts["w"].slip == "half"


@pytest.mark.parametrize("model", ["plane", "wave"])
def test_a_column_taken_for_another_in_a_formula(model):
    data = {"x": X, "z": Z, "y": Y}
    formula = {"plane": "y = w*x + b*z", "wave": "y = sin(w*x) + b*z"}[model]
    right = {"plane": "mean(2*(w*x + b*z - y)*{c})", "wave": "mean(2*(sin(w*x) + b*z - y)*cos(w*x)*{c})"}[model]
    assert tidu.audit(formula, data, {"w": right.format(c="x")})
    told = tidu.audit(formula, data, {"w": right.format(c="z")}).verdicts["w"]
    assert told.slip == {"plane": "wrong parameter", "wave": "wrong index"}[model] or "z stands where x" in told.said


def test_an_array_under_a_name_is_refused_in_a_sentence():
    with pytest.raises(SettingError, match=r"at names 'w' with an array; .* at=\[0.5, -0.5\]"):
        tidu.audit(lambda w: (w**2).sum(), lambda w: 2 * w, at={"w": [1.0, 2.0]})


ROWS = RANDOM.normal(size=(17, 5))


@pytest.mark.parametrize("way", ["all before, at once", "all before, in turn", "the last part first", "one"])
@pytest.mark.parametrize("power", [1, 2])
def test_an_array_that_was_updated_too_early(way, power):
    """As in a loop over the numbers of an array, which changes them as it goes; or over parts of it."""
    rate = 0.05

    def loss(theta):
        return (((ROWS @ theta) ** power - Y) ** 2).mean()

    def slope(theta):
        score = ROWS @ theta
        return 2 * ((score**power - Y) * power * score ** (power - 1)) @ ROWS / len(ROWS)

    def gradient(theta):
        now, told, at_start = theta.copy(), np.empty(5), slope(theta)
        for k in range(4, -1, -1) if way == "the last part first" else range(5):
            told[k] = slope(now)[k]
            match way:
                case "all before, in turn":
                    now[k] -= rate * told[k]
                case "all before, at once":
                    now[k] -= rate * at_start[k]
                case "the last part first" if k >= 3:
                    now[k] -= rate * at_start[k]
                case "one" if k == 1:
                    now[k] -= rate * told[k]
        return told

    found = tidu.audit(loss, gradient, at=[0.3, -0.2, 0.5, 0.1, 0.4], lr=rate)
    wrong = {name: v for name, v in found.verdicts.items() if not v.right}
    first = {"the last part first": 3, "one": 3}.get(way, 4)
    assert len(wrong) >= first
    assert {v.slip for v in wrong.values()} == {"updated too early"}, [v.said for v in wrong.values()]
    assert "x[1]" in wrong["x[2]"].said or way == "the last part first"
