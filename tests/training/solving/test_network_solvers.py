"""Networks by solvers: costs as low as those of SciPy and of torch, and refusals that say what to do."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from sklearn.datasets import load_digits
from sklearn.linear_model import LinearRegression, LogisticRegression

import tidu
from tidu.training.choice import chosen_method
from tidu.training.problem import Problem
from tidu.training.solving.network import objective_of
from tidu.training.solving.passes import Passes
from tidu.training.solving.truncated_newton import conjugate_step, left_to_gain, truncated_newton_steps

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(120, 3))
Y = np.tanh(X @ [1.0, -2.0, 0.5]) + 0.3 * X[:, 0] ** 2 + 0.1 * RANDOM.normal(size=120)
DATA = {f"x{k}": X[:, k] for k in range(3)} | {"y": Y}
NETWORK = "y = mlp(..., hidden=[4], activation='tanh')"
DIGITS = load_digits()
IMAGES = {f"p{k}": DIGITS.data[::3, k] / 16 for k in range(64)} | {"y": DIGITS.target[::3]}
WIDE = RANDOM.normal(size=(300, 40))


def objective(formula, data, **settings):
    problem = Problem.read(formula, data, settings)
    o = objective_of(problem.program, problem.columns)
    return o, o.flat(problem.start)


@pytest.mark.parametrize("method", ["lm", "lbfgs", "newton", "auto"])
@pytest.mark.parametrize("hidden", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_a_small_network_ends_as_low_as_by_scipy(method, hidden):
    formula = f"y = mlp(..., hidden=[{hidden}], activation='tanh')"
    options = {"seed": 1, "l2": 1e-2} if method != "lm" else {"seed": 1}
    o, start = objective(formula, DATA, **options)
    scipys = minimize(o.cost_and_gradient, start, jac=True, method="L-BFGS-B", options={"maxiter": 200})
    run = tidu.fit(formula, DATA, optimizer=method, **options)
    end = o.flat(tuple(run.params.values()))
    basin = 1.15 if method in ("lm", "auto") else 1.05  # another way down may end in another minimum
    assert o.cost(end) <= scipys.fun * basin
    assert run.loss == pytest.approx(o.cost(end), rel=1e-6)
    assert run.stopped in ("converged", "steps")
    assert len(run.history) == run.steps


@pytest.mark.parametrize("method", ["lm", "lbfgs", "newton"])
@pytest.mark.parametrize(("limit", "stopped"), [({"until_loss": 1e9}, "loss"), ({"tol": 1e9}, "converged")])
def test_a_limit_ends_a_solver_of_a_network_with_its_history(method, limit, stopped):
    run = tidu.fit(NETWORK, DATA, optimizer=method, seed=1, **limit)
    assert run.stopped == stopped
    assert len(run.history) == run.steps
    assert run.history.loss[-1] == run.loss


@pytest.mark.slow
def test_as_low_as_torchs_lbfgs():
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1)).double()
    W1, b1, W2, b2 = (p.detach().numpy().copy() for p in net.parameters())
    o, _start = objective(NETWORK, DATA, seed=0)
    start = o.flat((W1, b1, W2, b2))
    optimizer = torch.optim.LBFGS(net.parameters(), max_iter=200, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = ((net(torch.tensor(X))[:, 0] - torch.tensor(Y)) ** 2).mean()
        loss.backward()
        return loss

    optimizer.step(closure)
    torchs = float(closure().detach())
    run = tidu.fit(NETWORK, DATA, optimizer="lbfgs", seed=0)
    from tidu.training.fit import run_of

    own = run_of(run.problem.starting_from(o.parts(start)))
    assert own.loss <= torchs * 1.02


@pytest.mark.parametrize("method", ["lm", "lbfgs", "newton", "auto"])
def test_least_squares_over_forty_features_is_exact_with_standard_errors(method):
    y = WIDE @ np.arange(40.0) + 3.0 + RANDOM.normal(size=300)
    data = {f"x{k}": WIDE[:, k] for k in range(40)} | {"y": y}
    run = tidu.fit("y = linear(...)", data, optimizer=method)
    known = LinearRegression().fit(WIDE, y)
    assert run.stopped == "converged"
    assert run.params["W"] == pytest.approx(known.coef_, rel=1e-6, abs=1e-6)
    assert run.params["b"] == pytest.approx(known.intercept_, rel=1e-6)
    design = np.column_stack([WIDE, np.ones(300)])
    variance = np.sum((y - known.predict(WIDE)) ** 2) / (300 - 41)
    errors = np.sqrt(variance * np.diag(np.linalg.inv(design.T @ design)))
    assert list(run.statistics.standard_errors) == [*(f"W[{k}]" for k in range(40)), "b"]
    assert list(run.statistics.standard_errors.values()) == pytest.approx(errors, rel=1e-5)
    middle, low, high = run.prediction_interval(data, of="mean")
    slope = np.sqrt(np.sum(design @ np.linalg.inv(design.T @ design) * design, axis=1) * variance)
    assert middle == pytest.approx(known.predict(WIDE), rel=1e-6, abs=1e-6)
    assert high - low == pytest.approx(2 * run.statistics.quantile() * slope, rel=1e-5)


def test_statistics_are_kept_in_a_file(tmp_path):
    data = {f"x{k}": WIDE[:, k] for k in range(40)} | {"y": WIDE[:, 0] + 0.1 * RANDOM.normal(size=300)}
    run = tidu.fit("y = linear(...)", data, optimizer="lm")
    run.save(tmp_path / "run.tidu")
    again = tidu.load(tmp_path / "run.tidu")
    assert again.statistics.standard_errors == run.statistics.standard_errors
    assert "W" in run._repr_html_()


@pytest.mark.parametrize("method", ["lbfgs", "newton", "auto"])
def test_softmax_with_a_penalty_is_scikit_learns(method):
    strength = 1e-2
    run = tidu.fit("y = linear(...)", IMAGES, loss="softmax", optimizer=method, l2=strength, penalise=["W"])
    x = np.column_stack([IMAGES[f"p{k}"] for k in range(64)])
    n = len(x)
    known = LogisticRegression(C=1 / (strength * n), tol=1e-10, max_iter=5000).fit(x, IMAGES["y"])
    W = run.params["W"]
    assert pytest.approx(known.coef_, rel=1e-3, abs=1e-4) == W
    assert run.stopped == "converged"


def test_classes_that_are_told_apart_are_told():
    run = tidu.fit("y = mlp(..., hidden=[12])", IMAGES, loss="softmax", optimizer="lbfgs")
    assert any("without a mistake" in note for note in run.notes)


@pytest.mark.parametrize("method", ["lbfgs", "newton", "lm"])
def test_equal_weights_are_left_by_the_curvature(method):
    """All weights at 0: every slope but that of the last bias is 0, for ever."""
    zeros = {"W1": 0.0, "W2": 0.0}
    run = tidu.fit("y = mlp(..., hidden=[4], activation='tanh')", DATA, optimizer=method, init=zeros)
    assert run.loss < 0.7 * np.var(Y)


@pytest.mark.slow
def test_other_starts_of_a_network():
    one = tidu.fit(NETWORK, DATA, optimizer="lbfgs", seed=3)
    several = tidu.fit(NETWORK, DATA, optimizer="lbfgs", seed=3, starts=4)
    assert several.loss <= one.loss


def test_what_does_not_fit_lm_is_refused_with_what_does():
    x = RANDOM.normal(size=(50, 60))
    data = {f"x{k}": x[:, k] for k in range(60)} | {"y": x[:, 0]}
    with pytest.raises(tidu.TiduError, match="lbfgs"):
        tidu.fit("y = mlp(..., hidden=[20])", data, optimizer="lm")


@pytest.mark.parametrize(
    ("rows", "hidden", "chosen", "advised"),
    [(300, 6, "lm", False), (90_000, 6, "lm", True), (90_000, 40, "lbfgs", True), (700_000, 40, "adam", True)],
)
def test_auto_weighs_passes_and_decompositions(rows, hidden, chosen, advised):
    data = {"x": np.zeros(rows), "z": np.ones(rows), "y": np.ones(rows)}
    problem = Problem.read(f"y = mlp(x, z, hidden=[{hidden}])", data, {"optimizer": "auto"})
    method, why = chosen_method(problem)
    assert method == chosen
    assert ("64" in why) == advised


def test_dropout_has_no_one_cost():
    with pytest.raises(tidu.TiduError, match="dropout"):
        tidu.fit("y = mlp(..., hidden=[4], dropout=0.2)", DATA, optimizer="lbfgs")
    assert (
        tidu.fit("y = mlp(..., hidden=[4], dropout=0.2)", DATA, optimizer="auto", epochs=2).settings.optimizer == "adam"
    )


def test_the_memory_of_many_passes_is_that_of_two():
    o, start = objective("y = mlp(..., hidden=[30])", DATA, seed=1)
    passes = Passes(Problem.read(NETWORK, DATA, {"epochs": 50}).limits, None, 40, lean=True)
    truncated_newton_steps(o, start, passes, 40)
    assert len(passes.costs) > 5
    assert sum(point.size > 0 for point in passes.points) <= 2
    assert all(b <= a * (1 + 1e-12) for a, b in zip(passes.costs, passes.costs[1:], strict=False))


def test_conjugate_steps_solve_a_quadratic_and_see_where_it_bends_down():
    random = np.random.default_rng(2)
    for smallest in (0.5, -0.5):
        q = np.linalg.qr(random.normal(size=(12, 12)))[0]
        matrix = q * np.linspace(smallest, 3.0, 12) @ q.T
        g = random.normal(size=12)
        found = conjugate_step(lambda v, m=matrix: m @ v, g, 1e3, 1e-12)
        assert found.bends_down == (smallest < 0)
        assert found.promised == pytest.approx(-g @ found.step - 0.5 * found.step @ matrix @ found.step)
        if smallest > 0:
            assert found.step == pytest.approx(-np.linalg.solve(matrix, g), rel=1e-8)
        else:
            assert np.linalg.norm(found.step) == pytest.approx(1e3)


def test_nothing_is_left_to_gain_at_a_minimum():
    data = {f"x{k}": WIDE[:, k] for k in range(40)} | {"y": (WIDE[:, 0] > 0) * 1.0}
    o, start = objective("y = linear(...)", data, loss="logistic", l2=0.1)
    end = minimize(o.cost_and_gradient, start, jac=True, method="L-BFGS-B", options={"ftol": 0, "gtol": 1e-12}).x
    assert left_to_gain(o, end, o.cost_and_gradient(end)[1]) < 1e-12
    assert left_to_gain(o, start, o.cost_and_gradient(start)[1]) > 1e-3
