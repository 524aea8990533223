"""Minima under conditions: against every choice of edges, and against SciPy's SLSQP and trust-constr."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import LinearConstraint, NonlinearConstraint, minimize

import tidu
from tidu.errors import FormulaError, SettingError

X = np.linspace(0.0, 3.0, 20)
DECAY = {"x": X, "y": 2.0 * np.exp(-0.9 * X) + 0.3 + 0.05 * np.cos(11 * X)}


def lowest_on_edges(matrix, target, rows, limits):
    """Least squares with rows·w ≤ limits, exactly: the best of all choices of rows that hold as equations."""
    best, at = np.inf, None
    p = matrix.shape[1]
    for count in range(min(p, len(rows)) + 1):
        for chosen in itertools.combinations(range(len(rows)), count):
            a, b = rows[list(chosen)], limits[list(chosen)]
            if count and np.linalg.matrix_rank(a) < count:
                continue
            system = np.block([[matrix.T @ matrix, a.T], [a, np.zeros((count, count))]])
            w = np.linalg.lstsq(system, np.concatenate([matrix.T @ target, b]), rcond=None)[0][:p]
            cost = np.mean((matrix @ w - target) ** 2)
            if np.all(rows @ w <= limits + 1e-9) and cost < best:
                best, at = cost, w
    return best, at


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(1, 4))
def test_linear_conditions_on_a_linear_model(seed, count):
    random = np.random.default_rng(seed)
    matrix = np.column_stack([np.ones(12), random.normal(size=(12, 2))])
    target = random.normal(size=12)
    rows = np.round(random.normal(size=(count, 3)), 2)
    limits = np.round(random.uniform(0.05, 1.0, count), 2)  # 0 is inside, so that there is an answer
    texts = [
        f"{r[0]}*a + {r[1]}*b + {r[2]}*c < {limit}".replace("+ -", "- ") for r, limit in zip(rows, limits, strict=True)
    ]
    cost, at = lowest_on_edges(matrix, target, rows, limits)
    run = tidu.fit(
        "y = a + b*u + c*v", {"u": matrix[:, 1], "v": matrix[:, 2], "y": target}, optimizer="lm", where=texts
    )
    assert run.stopped == "converged"
    assert run.loss == pytest.approx(cost, rel=1e-9)
    assert list(run.params.values()) == pytest.approx(at, abs=1e-7)


@pytest.mark.filterwarnings("ignore:delta_grad == 0.0")  # of the oracle, where a condition is linear
@pytest.mark.parametrize("optimizer", ["lm", "lbfgs", "newton", "auto"])
@pytest.mark.parametrize(
    ("text", "function", "limit"),
    [
        ("a + c < 2", lambda w: w[0] + w[2], 2.0),
        ("a*b <= 1.5", lambda w: w[0] * w[1], 1.5),
        ("a**2 + b**2 + c**2 < 4", lambda w: w @ w, 4.0),
    ],
)
def test_a_decay_under_a_condition_is_scipy_s(optimizer, text, function, limit):
    run = tidu.fit("y = a*exp(-b*x) + c", DECAY, optimizer=optimizer, init={"a": 1, "b": 0.5}, where=text)

    def cost(w):
        return np.mean((w[0] * np.exp(-w[1] * X) + w[2] - DECAY["y"]) ** 2)

    found = minimize(cost, [1, 0.5, 0.1], method="trust-constr", tol=1e-12, options={"maxiter": 3000},
                     constraints=[NonlinearConstraint(function, -np.inf, limit)])  # fmt: skip
    assert run.stopped == "converged"
    at = np.array(list(run.params.values()))
    assert function(at) == pytest.approx(limit, rel=1e-12)  # on the edge, exactly
    assert run.loss <= found.fun * (1 + 1e-9)
    assert at == pytest.approx(found.x, rel=1e-3)
    assert any(f"on the edge of '{text}'" in note for note in run.notes)
    w = at + 1e-6 * np.random.default_rng(1).normal(size=(200, 3))
    inside = [v for v in w if function(v) <= limit]
    assert min(map(cost, inside)) >= run.loss * (1 - 1e-12)


def test_a_condition_that_does_not_press_changes_no_bit():
    free = tidu.fit("y = a*exp(-b*x) + c", DECAY, optimizer="lm", init={"a": 1, "b": 0.5})
    held = tidu.fit("y = a*exp(-b*x) + c", DECAY, optimizer="lm", init={"a": 1, "b": 0.5}, where="a + c < 9")
    assert held.params == free.params
    assert held.statistics.standard_errors == free.statistics.standard_errors


def test_equalities_bounds_and_conditions_together():
    run = tidu.fit("y = a*exp(-b*x) + c", DECAY, optimizer="lm", init={"a": 1, "b": 0.5}, bounds={"b": (0, 0.8)},
                   where=["c = 2.2 - a", "1 < a < 1.8"])  # fmt: skip
    assert run.params["a"] == pytest.approx(1.8, rel=1e-12)
    assert 0 < run.params["b"] <= 0.8
    assert run.derived["c"].value == pytest.approx(0.4, rel=1e-12)


def test_other_losses_keep_to_conditions():
    random = np.random.default_rng(3)
    x = random.normal(size=80)
    y = (random.random(80) < 1 / (1 + np.exp(-2 * x - 1))).astype(float)
    run = tidu.fit("y = w*x + b", {"x": x, "y": y}, loss="logistic", optimizer="lbfgs", where="w + b < 1")

    def cost(w):
        s = w[0] * x + w[1]
        return np.mean(np.logaddexp(0, s) - y * s)

    oracle = minimize(cost, [0, 0], method="SLSQP", constraints=[LinearConstraint([[1, 1]], -np.inf, 1)],
                      options={"ftol": 1e-14})  # fmt: skip
    assert list(run.params.values()) == pytest.approx(oracle.x, abs=1e-5)
    assert run.loss == pytest.approx(oracle.fun, rel=1e-9)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"where": "a < 1"}, "needs a solver that keeps to it, and gd does not"),
        ({"where": ["a + b < 1", "a + b > 2"], "optimizer": "lm"}, "no minimum was found at which"),
        ({"where": "log(c) > 1", "optimizer": "lm"}, "has no value at the starting values"),
        ({"where": "a < 1", "optimizer": "lbfgs", "l1": 0.1}, "without --l1"),
        ({"where": "a + q < 1", "optimizer": "lm"}, "not a parameter"),
    ],
)
def test_conditions_that_cannot_be_kept_to_are_one_sentence(options, words):
    with pytest.raises((SettingError, FormulaError), match=words):
        tidu.fit("y = a*exp(-b*x) + c", DECAY, **{"init": {"a": 1, "b": 0.5}, **options})
