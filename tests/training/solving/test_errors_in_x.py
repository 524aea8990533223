"""Errors in x: York's line, ODRPACK's example, brute force over parameters and true x together, refusals."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize
from hypothesis import given, settings
from hypothesis import strategies as st

import tidu
from tidu.training.inference.refits import RefitsOfDistances
from tidu.training.solving.errors_in_x import distances_of

# Pearson's data with York's weights (York 1966; York et al. 2004, table I).
PEARSON = {
    "x": [0.0, 0.9, 1.8, 2.6, 3.3, 4.4, 5.2, 6.1, 6.5, 7.4],
    "y": [5.9, 5.4, 4.4, 4.6, 3.5, 3.7, 2.8, 2.8, 2.4, 1.5],
    "sx": 1 / np.sqrt([1000, 1000, 500, 800, 200, 80, 60, 20, 1.8, 1]),
    "sy": 1 / np.sqrt([1, 1.8, 4, 8, 20, 20, 70, 70, 100, 500]),
}


def test_yorks_line():
    run = tidu.fit("y = a + b*x", PEARSON, optimizer="auto", sigma="sy", sigma_x="sx")
    assert run.stopped == "converged"
    assert run.params["a"] == pytest.approx(5.47991022, abs=5e-9)
    assert run.params["b"] == pytest.approx(-0.480533407, abs=5e-10)
    assert run.statistics.residual_sum_of_squares == pytest.approx(11.8663531941, abs=5e-10)
    errors = run.statistics.standard_errors
    assert (errors["a"], errors["b"]) == (pytest.approx(0.294971, abs=5e-7), pytest.approx(0.057985, abs=5e-7))


def test_odrpacks_example():
    # User's reference guide of ODRPACK 2.01, section 2.C, after Fuller (1987), page 244; x = 0 and x = 100 are exact.
    table = {
        "x": [0, 0, 5, 7, 7.5, 10, 16, 26, 30, 34, 34.5, 100],
        "y": [1265.0, 1263.6, 1258.0, 1254.0, 1253.0, 1249.8, 1237.0, 1218.0, 1220.6, 1213.8, 1215.5, 1212.0],
        "sy": np.ones(12), "sx": [0, 0, *[1] * 9, 0],
    }  # fmt: skip
    start = {"b1": 1500.0, "b2": -50.0, "b3": -0.1}
    run = tidu.fit("y = b1 + b2*(exp(b3*x) - 1)**2", table, optimizer="lm", sigma="sy", sigma_x="sx", init=start)
    for name, value in {"b1": 1264.65481, "b2": -54.01841, "b3": -0.08784971}.items():
        assert run.params[name] == pytest.approx(value, rel=2e-6)
    scatter = np.sqrt(run.statistics.reduced_chi_square)
    for name, value in {"b1": 1.0349, "b2": 1.5840, "b3": 6.3322e-3}.items():
        assert run.statistics.standard_errors[name] * scatter == pytest.approx(value, rel=5e-5)


# A resonance, measured in both: scipy.odr's test of ODRPACK, `test_lorentz`, with ODRPACK's numbers.
RESONANCE = {
    "x": [3.9094, 3.85945, 3.84976, 3.84716, 3.84551, 3.83964, 3.82608, 3.78847, 3.78163, 3.72558, 3.70274, 3.6973,
          3.67373, 3.65982, 3.6562, 3.62498, 3.55525, 3.41886],
    "y": [652, 910.5, 984, 1000, 1007.5, 1053, 1160.5, 1409.5, 1430, 1122, 957.5, 920, 777.5, 709.5, 698, 578.5, 418.5,
          275.5],
    "sx": [0.000972971, 0.000948268, 0.000707632, 0.000706679, 0.000706074, 0.000703918, 0.000698955, 0.000456856,
           0.000455207, 0.000662717, 0.000654619, 0.000652694, 0.000000859202, 0.00106589, 0.00106378, 0.00125483,
           0.00140818, 0.00241839],
    "sy": np.full(18, 0.29),
}  # fmt: skip
PEAK = "y = a*w*m/sqrt((x**2 - m**2)**2 + (w*x)**2)"
PEAK_START = {"a": 1000.0, "w": 0.1, "m": 3.8}


def test_a_resonance_as_odrpack_has_it():
    run = tidu.fit(PEAK, RESONANCE, optimizer="lm", sigma="sy", sigma_x="sx", init=PEAK_START)
    assert run.params["a"] == pytest.approx(1.4306780846149925e03, rel=1e-7)
    assert run.params["w"] == pytest.approx(1.3390509034538309e-01, rel=1e-6)
    assert run.params["m"] == pytest.approx(3.7798193600109009, rel=1e-8)
    scatter = np.sqrt(run.statistics.reduced_chi_square)
    for name, value in {"a": 7.3621186811330963e-01, "w": 3.5068899941471650e-04, "m": 2.4451209281408992e-04}.items():
        assert run.statistics.standard_errors[name] * scatter == pytest.approx(value, rel=1e-4)


# -- bounds, conditions, and intervals ---------------------------------------------------------------
def decay(seed=3, n=25):
    """A decay to a floor, with errors in both."""
    random = np.random.default_rng(seed)
    x, sx, sy = np.linspace(0, 4, n), np.full(n, 0.15), np.full(n, 0.1)
    y = 3 * np.exp(-0.7 * x) + 1 + sy * random.normal(size=n)
    return {"x": x + sx * random.normal(size=n), "y": y, "sx": sx, "sy": sy}


def brute_force(table, start, low=-np.inf, high=np.inf, curve=lambda p, x: p[0] * np.exp(-p[1] * x) + p[2]):
    """The least squares over parameters and true x together, by SciPy: its parameters and Σ of squares."""
    x, y, sx, sy = (np.asarray(table[k]) for k in ("x", "y", "sx", "sy"))
    p = len(start)

    def parts(values):
        return np.concatenate([(y - curve(values[:p], values[p:])) / sy, (values[p:] - x) / sx])

    ends = [
        np.concatenate([np.broadcast_to(end, p), np.full(len(x), far)]) for end, far in ((low, -99.0), (high, 99.0))
    ]
    found = scipy.optimize.least_squares(parts, [*start, *x], bounds=ends, x_scale="jac", xtol=1e-15, ftol=1e-15,
                                         gtol=1e-15)  # fmt: skip
    return found.x[:p], 2.0 * found.cost


DECAY = {"optimizer": "lm", "sigma": "sy", "sigma_x": "sx", "init": {"a": 2.0, "k": 1.0, "c": 0.5}}


def test_the_cost_and_its_derivatives_are_those_of_the_nearest_points():
    problem = tidu.fit("y = a*exp(-k*x) + c", decay(), **DECAY).problem
    distances, at = distances_of(problem), np.array([2.5, 0.9, 0.8])
    cost, slope, curvature = distances.quadratic(at)
    assert cost == pytest.approx(distances.cost(at), rel=1e-12)
    h = 1e-3  # feet are as near as the squares can show, 1e-8: so much noise divided by this
    for j, unit in enumerate(np.eye(3)):
        above, below = distances.cost_and_gradient(at + h * unit), distances.cost_and_gradient(at - h * unit)
        assert slope[j] == pytest.approx((above[0] - below[0]) / (2 * h), rel=1e-4)
        np.testing.assert_allclose(curvature[j], (above[1] - below[1]) / (2 * h), rtol=1e-4)
    residuals, jacobian = distances.residuals_and_jacobian(at)
    np.testing.assert_allclose(2 / distances.rows * jacobian.T @ residuals, slope, rtol=1e-7)


@pytest.mark.parametrize("bounds", [{"k": (0.9, None)}, {"c": (None, 0.7), "a": (0, 9)}, {"a": (0, 9)}])
def test_bounds_are_kept_to(bounds):
    table = decay()
    run = tidu.fit("y = a*exp(-k*x) + c", table, bounds=bounds, **DECAY)
    ends = np.array([bounds.get(name, (None, None)) for name in ("a", "k", "c")], dtype=float).T
    low, high = np.nan_to_num(ends[0], nan=-np.inf, neginf=-np.inf), np.nan_to_num(ends[1], nan=np.inf, posinf=np.inf)
    at, least = brute_force(table, [2, 1, 0.5], low, high)
    assert run.stopped == "converged"
    assert run.statistics.residual_sum_of_squares <= least * (1 + 1e-9)
    np.testing.assert_allclose(list(run.params.values()), at, rtol=2e-4)
    pressed = {name for name, (low, high) in bounds.items() if run.params[name] in (low, high)}
    assert pressed == {name for name in bounds if name != "a"}
    for name in pressed:
        assert any(f"'{name}' ended at its bound" in note for note in run.notes)


@pytest.mark.slow
def test_conditions_are_kept_to():
    table = decay()
    free = tidu.fit("y = a*exp(-k*x) + c", table, **DECAY)
    same = tidu.fit("y = a*exp(-k*x) + c", table, where="a + c < 9", **DECAY)
    assert same.params == free.params
    run = tidu.fit("y = a*exp(-k*x) + c", table, where="a + c < 3.5", **DECAY)
    assert free.params["a"] + free.params["c"] > 3.5
    assert run.params["a"] + run.params["c"] == pytest.approx(3.5, rel=1e-12)
    at, least = brute_force(table, [2, 1], curve=lambda p, x: p[0] * np.exp(-p[1] * x) + 3.5 - p[0])
    assert run.statistics.residual_sum_of_squares == pytest.approx(least, rel=1e-7)
    np.testing.assert_allclose([run.params["a"], run.params["k"]], at, rtol=2e-4)
    assert any("on the edge of 'a + c < 3.5'" in note for note in run.notes)


@pytest.mark.slow
def test_intervals_say_where_a_condition_rules_values_out():
    table, formula = decay(), "y = a*exp(-k*x) + c"
    run = tidu.fit(formula, table, where="a + c < 4.35", intervals="profile", **DECAY)
    assert any("where 'a + c < 4.35' does not hold" in note for note in run.notes)
    run = tidu.fit(formula, table, where="a + c < 99", intervals="bootstrap", draws=100, **DECAY)
    assert not any("does not hold" in note for note in run.notes)
    with pytest.raises(tidu.TiduError, match=r"on the edge of 'a \+ c < 3\.5'"):
        tidu.fit(formula, table, where="a + c < 3.5", intervals="profile", **DECAY)


def test_an_equality_and_a_quantity():
    run = tidu.fit("y = a*exp(-k*x) + c", decay(), where="c = 4 - a", report="half_life = log(2)/k",
                   optimizer="lm", sigma="sy", sigma_x="sx", init={"a": 2.0, "k": 1.0})  # fmt: skip
    assert list(run.params) == ["a", "k"]
    assert run.derived["c"].value == pytest.approx(4 - run.params["a"], rel=1e-14)
    assert run.derived["half_life"].standard_error > 0


@pytest.mark.slow
def test_profiles_end_where_the_least_distances_have_risen_by_chi_square():
    run = tidu.fit("y = a*exp(-k*x) + c", decay(), intervals="profile", **DECAY)
    least = run.statistics.residual_sum_of_squares
    for name, ends in run.confidence.ends.items():
        for end in ends:
            free = {n: v for n, v in DECAY["init"].items() if n != name}
            held = tidu.fit("y = a*exp(-k*x) + c", decay(), fix={name: end}, **{**DECAY, "init": free})
            rise = held.statistics.residual_sum_of_squares - least
            assert rise == pytest.approx(1.959963984540054**2, rel=1e-5)


@pytest.mark.slow
def test_the_bootstrap_of_rows_is_refits_one_by_one():
    table = decay()
    run = tidu.fit("y = a*exp(-k*x) + c", table, intervals="bootstrap", draws=300, **DECAY)
    assert run.confidence.bootstrap.resample == "cases"
    refits = RefitsOfDistances(distances_of(run.problem))
    counts = np.random.default_rng(5).integers(0, 4, (4, 25)).astype(float)
    found = refits.fitted(np.array([2.0, 1.0, 0.5]), 4, weights=lambda a, b: counts[a:b])
    assert found.converged.all()
    for k, row in enumerate(counts):
        repeated = {name: np.repeat(column, row.astype(int)) for name, column in table.items()}
        one = tidu.fit("y = a*exp(-k*x) + c", repeated, **DECAY)
        assert found.parameters[k] == pytest.approx(list(one.params.values()), rel=1e-5)
        np.testing.assert_allclose(found.covariances[k], one.statistics.covariance, rtol=1e-3)
    for name, (low, high) in run.confidence.ends.items():
        assert low < run.params[name] < high


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), power=st.floats(-3, 3), size=st.floats(0.01, 0.4))
def test_it_is_the_minimum_over_parameters_and_true_x_together(seed, power, size):
    random = np.random.default_rng(seed)
    x, unit = np.linspace(0, 4, 25), 10.0**power
    sx, sy = size * random.uniform(0.5, 1.5, 25), 0.1 * random.uniform(0.5, 1.5, 25)
    seen = x + sx * random.normal(size=25)
    y = 3 * np.exp(-0.7 * x) + 1 + sy * random.normal(size=25)
    table = {"x": seen * unit, "y": y, "sx": sx * unit, "sy": sy}
    run = tidu.fit("y = exp_decay(x)", table, optimizer="lm", sigma="sy", sigma_x="sx")

    def parts(values):
        a, k, c = values[:3]
        return np.concatenate([(y - a * np.exp(-k * values[3:]) - c) / sy, (values[3:] - seen) / sx])

    whole = scipy.optimize.least_squares(parts, [3, 0.7, 1, *x], x_scale="jac", xtol=1e-15, ftol=1e-15, gtol=1e-15)
    assert run.statistics.residual_sum_of_squares <= 2 * whole.cost * (1 + 1e-7)
    if run.statistics.residual_sum_of_squares > 2 * whole.cost * (1 - 1e-7):
        found = [run.params["a"], run.params["k"] * unit, run.params["c"]]
        np.testing.assert_allclose(found, whole.x[:3], rtol=1e-4)
        errors = np.sqrt(np.diag(np.linalg.inv(whole.jac.T @ whole.jac)))[:3]
        ours = [run.statistics.standard_errors[n] * f for n, f in (("a", 1), ("k", unit), ("c", 1))]
        np.testing.assert_allclose(ours, errors, rtol=1e-3)


def test_exact_x_is_ordinary_least_squares():
    table = {**PEARSON, "sx": np.zeros(10)}
    ours = tidu.fit("y = a + b*x", table, optimizer="lm", sigma="sy", sigma_x="sx")
    plain = tidu.fit("y = a + b*x", table, optimizer="lm", sigma="sy")
    np.testing.assert_allclose(list(ours.params.values()), list(plain.params.values()), rtol=1e-9)
    np.testing.assert_allclose(ours.statistics.covariance, plain.statistics.covariance, rtol=1e-7)


def test_two_features_with_errors_and_one_without():
    random = np.random.default_rng(0)
    u, v, w = random.normal(size=(3, 60))
    table = {"u": u + 0.3 * random.normal(size=60), "v": v, "w": w + 0.2 * random.normal(size=60),
             "su": np.full(60, 0.3), "sw": np.full(60, 0.2), "sy": np.full(60, 0.1)}  # fmt: skip
    table["y"] = 2 * u - v + 0.5 * w + 1 + 0.1 * random.normal(size=60)
    run = tidu.fit("y = a*u + b*v + c*w + d", table, optimizer="lm", sigma="sy", sigma_x="u=su, w=sw")

    def squares(p):  # of a plane the true u and w can be eliminated by hand
        a, b, c, d = p
        left = table["y"] - a * table["u"] - b * table["v"] - c * table["w"] - d
        return float(np.sum(left**2 / (0.1**2 + (0.3 * a) ** 2 + (0.2 * c) ** 2)))

    best = scipy.optimize.minimize(squares, [2, -1, 0.5, 1], tol=1e-14, method="Nelder-Mead",
                                   options={"maxiter": 10_000, "maxfev": 10_000, "xatol": 1e-9})  # fmt: skip
    assert run.statistics.residual_sum_of_squares == pytest.approx(best.fun, rel=1e-9)
    np.testing.assert_allclose(list(run.params.values()), best.x, rtol=1e-4)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"sigma": None}, "give sigma"),
        ({"optimizer": "gd"}, "need a solver"),
        ({"optimizer": "newton"}, "are for optimizer lm"),
        ({"sigma_x": "z=sx"}, "sigma_x names 'z'"),
        ({"sigma_x": "s"}, "no column|'s'"),
        ({"l2": 1.0}, "without penalties|l2"),
        ({"intervals": "bootstrap", "resample": "residuals"}, "use --resample cases"),
    ],
)
def test_refusals(changes, says):
    options = {"optimizer": "lm", "sigma": "sy", "sigma_x": "sx", **changes}
    with pytest.raises(tidu.TiduError, match=says):
        tidu.fit("y = a + b*x", PEARSON, **{k: v for k, v in options.items() if v is not None})


def test_a_negative_deviation_is_refused():
    with pytest.raises(tidu.TiduError, match="'sx' has -1 in row 3"):
        tidu.fit("y = a + b*x", {**PEARSON, "sx": [1, 1, -1, *[1] * 7]}, optimizer="lm", sigma="sy", sigma_x="sx")
