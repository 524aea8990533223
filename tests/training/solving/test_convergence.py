"""What "converged" means: the cases that people met, and random problems on which the solvers check each other."""

import os

import numpy as np
import pytest

import tidu
from tidu.training.settings import Settings
from tidu.training.solving.convergence import is_minimum
from tidu.training.solving.objective import Objective

EVERYTHING = bool(os.environ.get("TIDU_TEST_EVERYTHING"))
PROBLEMS = 500 if EVERYTHING else 60
LOWER = 1e-6  # relative difference of two costs in one valley that no converged end may show
SOLVERS = ("lm", "lbfgs", "newton")
ROUNDING = 1e-13  # of the target's mean square: a cost that is nothing but rounding


@pytest.mark.parametrize("method", SOLVERS)
def test_outside_the_domain_is_a_barrier(method):
    data = {"x": [1.0, 2, 3, 4], "y": [-3.6, 1.2, 2.5, 3.3]}
    run = tidu.fit("y = a*log(x - c) + b", data, optimizer=method, init={"a": 1})
    assert run.stopped == "converged"
    # Checked by a search of 10⁷ points around it.
    assert list(run.params.values()) == pytest.approx(
        [2.03006983751857, 0.896091669647969, 0.996637274979129], rel=1e-9
    )
    assert run.history.gradient_norm[-1] < 1e-9


@pytest.mark.parametrize("method", SOLVERS)
def test_a_start_from_which_the_cost_is_a_cliff(method):
    x = np.arange(1.0, 6.0)
    run = tidu.fit("y = exp(a*x)", {"x": x, "y": np.exp(2 * x)}, optimizer=method, init={"a": 4})
    assert run.stopped == "converged"
    assert run.params["a"] == pytest.approx(2.0, abs=1e-14)


@pytest.mark.sampled(6)
@pytest.mark.parametrize("method", SOLVERS)
@pytest.mark.parametrize("slope", [3.0, -3.0, 1e-7, 1e9])
def test_a_saddle_is_left(method, slope):
    x = np.arange(1.0, 6.0)
    run = tidu.fit("y = a*b*x", {"x": x, "y": slope * x}, optimizer=method)
    assert run.stopped == "converged"
    assert run.params["a"] * run.params["b"] == pytest.approx(slope, rel=1e-12)
    assert any("every slope is 0 at the given start" in note for note in run.notes)


def test_the_test_of_a_minimum():
    x = np.linspace(0.5, 4.0, 20)
    table = {"x": x, "y": 2 * np.exp(-x) + 0.1 * np.cos(5 * x)}
    program = Settings("y = a*exp(-b*x)").program(["x", "y"])
    objective = Objective(program, [table[c.name] for c in program.columns], "python")
    run = tidu.fit("y = a*exp(-b*x)", table, optimizer="lm", init={"a": 1, "b": 1})
    best = np.array(list(run.params.values()))
    assert is_minimum(objective, best)
    # A cost higher by 1e-10 of itself passes, one higher by 1e-7 does not: the parameters are then off by 1e-3 or so.
    cost = objective.cost(best)
    near = best * (1 + 1e-6)
    assert (objective.cost(near) - cost) / cost < 1e-9
    assert is_minimum(objective, near)
    far = best * (1 + 1e-3)
    assert (objective.cost(far) - cost) / cost > 1e-7
    assert not is_minimum(objective, far)
    # At a bound that the cost pushes against, the slope along it does not count.
    low, high = np.array([-10.0, -10.0]), np.array([0.0, 10.0])
    assert is_minimum(objective, np.array([0.0, best[1]]), (low, high))
    assert not is_minimum(objective, np.array([0.0, best[1]]))


# -- random problems ------------------------------------------------------------------------------
def decade(random, low, high):
    return 10.0 ** random.uniform(low, high)


def problem(random):
    """A formula, a table, a loss and a start, of one of the kinds that fool solvers."""
    kind = random.choice(["edge", "scale", "saddle", "tail", "corner", "labels", "counts"])
    n = int(random.integers(8, 40))
    x = np.sort(random.uniform(0.2, 5.0, n))
    noise = random.normal(size=n) * decade(random, -6, -0.5)
    loss = "squared"
    if kind == "edge":
        formula, truth = [
            ("y = a*log(x - c) + b", lambda: 2 * np.log(x + 0.3) + 1),
            ("y = a*sqrt(x + c) + b", lambda: 1.5 * np.sqrt(x + 0.1) - 2),
            ("y = a*(x + c)**b", lambda: 1.5 * (x + 0.5) ** 0.7),
            ("y = a/(x + c) + b", lambda: 3 / (x + 0.4) + 1),
        ][random.integers(4)]
        y = truth() + noise
        start = {"a": random.normal(), "b": random.normal(), "c": random.normal() * 0.5}
    elif kind == "scale":
        u, v = decade(random, -8, 8), decade(random, -10, 10)
        formula, y = "y = a*exp(-b*x) + c", v * (2 * np.exp(-0.9 * x) + 0.5 + noise)
        x = x * u
        start = {"a": v * decade(random, -1, 1), "b": decade(random, -1, 1) / u, "c": v * random.normal()}
    elif kind == "saddle":
        formula, y = [
            ("y = a*b*x + c", 3 * x - 1 + noise),
            ("y = a*tanh(b*x)", 2 * np.tanh(0.6 * x) + noise),
            ("y = a*sin(b*x)", np.sin(1.1 * x) + noise),
            ("y = (a*x + b*x**2)*c", x - 0.3 * x**2 + noise),
        ][random.integers(4)]
        size = random.choice([0.0, 1e-9, 1e-3])
        start = {"a": size * random.normal(), "b": size * random.normal()}
    elif kind == "tail":
        formula, y = [
            ("y = a/(1 + exp(-k*(x - m)))", 3 / (1 + np.exp(-4 * (x - 2))) + noise),
            ("y = a*exp(-(x - m)**2/k**2)", 2 * np.exp(-((x - 2.5) ** 2) / 0.8**2) + noise),
            ("y = a*tanh(k*(x - m))", np.tanh(x - 2) + noise),
            ("y = a*(1 - exp(-k*x)) + m", 2 * (1 - np.exp(-0.5 * x)) + noise),
        ][random.integers(4)]
        start = {"a": random.normal() * 3, "k": random.normal() * 2, "m": random.uniform(-3, 8)}
    elif kind == "corner":
        loss = f"huber(delta={decade(random, -2, 1)!r})"
        formula, y = "y = a*exp(-b*x) + c", 3 * np.exp(-0.7 * x) + 0.5 + noise
        y[random.integers(0, n, 2)] += 5.0
        start = {"a": random.normal(), "b": abs(random.normal()), "c": random.normal()}
    elif kind == "labels":
        loss = "logistic"
        formula, y = "y = w*x + b", (x + random.normal(size=n) > 2.5).astype(float)
        y[:2], y[-2:] = (0, 1), (0, 1)
        start = {"w": random.normal() * 10, "b": random.normal() * 10}
    else:
        loss = "poisson"
        formula, y = "y = w*x + b", random.poisson(np.exp(0.5 * x + 0.2)).astype(float)
        start = {"w": random.normal(), "b": random.normal()}
    return formula, {"x": x, "y": y}, loss, start


@pytest.mark.sampled(4)
@pytest.mark.parametrize("seed", range(PROBLEMS))
def test_no_solver_says_converged_where_another_gets_lower_in_the_same_valley(seed):
    random = np.random.default_rng(seed)
    formula, table, loss, start = problem(random)
    methods = [m for m in SOLVERS if loss == "squared" or m != "lm"]
    program = Settings(formula, loss=loss).program(["x", "y"])
    objective = Objective(program, [table[c.name] for c in program.columns], "python")
    ends = {}
    for method in methods:
        run = tidu.fit(formula, table, loss=loss, optimizer=method, init=start, engine="python")
        assert run.stopped in ("converged", "steps", "diverged")
        if run.stopped == "steps":
            assert any(words in note for note in run.notes for words in ("gave up", "without end", "falls for ever"))
        at = np.array(list(run.params.values()))
        ends[method] = run.stopped == "converged", at, objective.cost(at)
    floor = ROUNDING * float(np.mean(np.square(table["y"])))
    for first, (converged, at, cost) in ends.items():
        if not converged:
            continue
        others = {name: other[1:] for name, other in ends.items() if name != first}
        others["nearby"] = lowest_nearby(objective, at, random)
        for name, (there, lower) in others.items():
            if lower < cost - LOWER * abs(cost) - floor:
                between = max(objective.cost(at + s * (there - at)) for s in np.linspace(0.0, 1.0, 60))
                assert not between <= cost + 1e-9 * abs(cost), (first, name, cost, lower, at, there)


def lowest_nearby(objective, at, random):
    """The lowest of points around an end, at distances from a millionth of it to a tenth."""
    costs = [(objective.cost(p), p) for p in around(at, random)]
    cost, point = min(((c, p) for c, p in costs if np.isfinite(c)), key=lambda pair: pair[0])
    return point, cost


def around(at, random):
    for distance in np.repeat(10.0 ** np.arange(-6.0, 0.0), 20):
        yield at + distance * random.normal(size=len(at)) * np.maximum(np.abs(at), 1e-3 * np.max(np.abs(at)))
