"""Cost maps against the quadratic that they are: heights, the minimum, and contours that are smooth ellipses."""

import numpy as np
import pytest

import tidu
from tidu.errors import SettingError
from tidu.insight.picturing.cost_slices import slice_of
from tidu.insight.picturing.kinds import Request, picture_of
from tidu.pictures.valley_grids import follow_the_floor

GENERATOR = np.random.default_rng(5)


@pytest.fixture(scope="module")
def valley():
    """Two features, one of which is a hundred times as large as the other: 30,000 to 1 in curvature."""
    x = np.linspace(340.0, 344.0, 30)
    data = {"x": x - 341.7, "y": 2.0 * (x - 341.7) + 1.0, "z": 173.0 * np.sin(x * 9.0)}
    return tidu.fit("y = v*z + w*x", data, lr=2e-5, epochs=200), data


def test_heights_are_the_mean_squared_residual():
    x = np.linspace(0, 2, 20)
    y = 3 * x - 1 + GENERATOR.normal(size=20)
    found = slice_of(tidu.fit("y = w*x + b", {"x": x, "y": y}, lr=0.1, epochs=50))
    expected = np.mean((found.x[..., None] * x + found.y[..., None] - y) ** 2, axis=-1)
    np.testing.assert_allclose(found.height, expected, rtol=1e-10)
    best = np.linalg.lstsq(np.stack([x, np.ones(20)]).T, y, rcond=None)[0]
    np.testing.assert_allclose(found.minimum, best, rtol=1e-6)
    assert found.lowest == pytest.approx(np.mean((best[0] * x + best[1] - y) ** 2), rel=1e-9)


def test_contours_are_true_in_a_valley_of_30_000_to_1():
    """Every point of every contour line, as it is drawn, has the height of the line: within 1% of the spacing."""
    angle = 0.3
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    hessian = turn @ np.diag([30_000.0, 1.0]) @ turn.T

    def cost(a, b):
        return 0.5 * np.array([a, b]) @ hessian @ np.array([a, b])

    from tidu.pictures.cost_maps import CostMap, cost_map_figure

    limits = (-1.0, 1.0, -1.0, 1.0)
    x, y, height = follow_the_floor(cost, limits, 81, 101)
    drawn = CostMap(("a", "b"), x, y, height, 0.0, limits)
    lines = cost_map_figure(drawn, "").axes[0].collections[1]
    points = np.concatenate([p.vertices for p in lines.get_paths() if len(p.vertices)])
    roots = np.sqrt([cost(a, b) for a, b in points])
    levels = np.sqrt(drawn.levels)
    spacing = levels[1] - levels[0]
    off = np.abs(roots[:, None] - levels).min(axis=1)
    assert len(points) > 500
    assert off.max() < 0.01 * spacing


def test_the_floor_of_a_bent_valley_is_on_the_grid():
    def rosenbrock(a, b):
        return (1 - a) ** 2 + 100 * (b - a * a) ** 2

    x, y, height = follow_the_floor(rosenbrock, (-1.5, 1.5, -0.5, 2.5), 41, 61)
    for k in range(41):
        lowest = np.nanargmin(height[k])
        assert y[k, lowest] == pytest.approx(min(max(x[k, 0] ** 2, -0.5), 2.5), abs=1e-6)


def test_paths_go_from_the_start_to_the_end(valley):
    run, _data = valley
    found = slice_of(run, ("w", "v"), ("gd", "adam"))
    assert found.names == ("w", "v")
    path = found.paths[0]
    assert (path.x[0], path.y[0]) == (0.0, 0.0)
    assert (path.x[-1], path.y[-1]) == (run.params["w"], run.params["v"])
    assert found.paths[1].name.startswith("adam")


def test_a_slice_says_what_is_held():
    x = np.linspace(0, 2, 20)
    run = tidu.fit("y = a + b*x + c*x**2", {"x": x, "y": x**2}, lr=0.05, epochs=20)
    assert slice_of(run, ("a", "c")).held == {"b": run.params["b"]}
    label = picture_of(run, "contours", Request(of=("a", "c"))).axes[0].get_xlabel()
    assert "slice" in label
    assert "b = " in label


def test_two_numbers_of_a_network():
    """The cost at any point of the plane, by NumPy; the path ends where the run did, and the minimum is one."""
    x = np.linspace(-1, 1, 20)
    run = tidu.fit(
        "y = mlp(x, hidden=[2], activation='tanh')", {"x": x, "y": x**3}, lr=0.1, epochs=40, optimizer="adam"
    )
    found = slice_of(run, ("W1[1, 0]", "b2"))
    params = {name: np.array(value) for name, value in run.params.items()}

    def cost(weight, bias):
        w = params["W1"].copy()
        w[1, 0] = weight
        return np.mean((np.tanh(np.outer(x, w[:, 0]) + params["b1"]) @ params["W2"] + bias - x**3) ** 2)

    assert found.names == ("W1[1,0]", "b2")
    for i, j in [(0, 0), (3, 50), (40, 7), (80, 100)]:
        assert found.height[i, j] == pytest.approx(cost(found.x[i, j], found.y[i, j]), rel=1e-10)
    assert (found.paths[0].x[-1], found.paths[0].y[-1]) == (params["W1"][1, 0], run.params["b2"])
    assert len(found.held) == 5
    if found.minimum is not None:
        near = [cost(found.minimum[0] + a, found.minimum[1] + b) for a in (-1e-3, 0, 1e-3) for b in (-1e-3, 0, 1e-3)]
        assert min(near) == near[4]
    label = picture_of(run, "contours", Request(of=("W1[1,0]", "b2"))).axes[0].get_xlabel()
    assert "5 other numbers held" in label


def test_what_has_no_contours_says_so():
    x = np.linspace(0, 2, 20)
    with pytest.raises(SettingError, match="tidu scan"):
        tidu.fit("y = w*x", {"x": x, "y": x}, lr=0.05, epochs=2).plot(kind="contours")
    network = tidu.fit("y = mlp(x, hidden=[2])", {"x": x, "y": x}, lr=0.05, epochs=2)
    with pytest.raises(SettingError, match=r"no parameter 'W1\[2,0\]'.*; there are: W1\[0,0\], W1\[1,0\], b1\[0\]"):
        network.plot(kind="contours", of="W1[2,0],b2")
    line = tidu.fit("y = w*x + b", {"x": x, "y": x}, lr=0.05, epochs=2)
    with pytest.raises(SettingError, match="no parameter 'q'"):
        line.plot(kind="contours", of="w,q")
    with pytest.raises(SettingError, match="two parameters"):
        line.plot(kind="contours", of="w")


def test_a_straight_grid_has_the_same_heights(valley):
    run, data = valley
    found = slice_of(run)
    grid = found.on_straight_grid(20, 9)
    left, right, low, high = found.limits
    v, w = np.linspace(left, right, 20), np.linspace(high, low, 9)
    true = np.mean((v[None, :, None] * data["z"] + w[:, None, None] * data["x"] - data["y"]) ** 2, axis=-1)
    assert np.max(np.abs(np.sqrt(grid) - np.sqrt(true))) < 0.06 * np.sqrt(true.max())


def _rosenbrock(a, b):
    return (1.0 - a) ** 2 + 100.0 * (b - a * a) ** 2


def _two_wells_each_way(a, b):
    return (a * a - 1.0) ** 2 + (b * b - 1.0) ** 2


@pytest.mark.parametrize("turned", [False, True])
def test_lines_do_not_jump_from_one_valley_to_another(turned):
    """Lines across the arms of a bent valley cross two floors; the grid takes the lines that cross one."""
    cost = (lambda a, b: _rosenbrock(b, a)) if turned else _rosenbrock
    limits = (-0.3, 1.3, -1.4, 1.4) if turned else (-1.4, 1.4, -0.3, 1.3)
    x, y, height = follow_the_floor(cost, limits, 41, 41)
    for values in (x, y):
        assert np.abs(np.diff(values, axis=0)).max() < 0.45  # neighbouring lines are alike
    np.testing.assert_allclose(height, np.vectorize(cost)(x, y))


def test_where_all_lines_cross_two_valleys_the_grid_is_straight():
    x, y, height = follow_the_floor(_two_wells_each_way, (-1.5, 1.5, -1.5, 1.5), 31, 41)
    np.testing.assert_allclose(np.diff(x, axis=0), 0.1)
    np.testing.assert_allclose(np.diff(y, axis=1), 0.075)
    np.testing.assert_allclose(height, _two_wells_each_way(x, y))


@pytest.mark.parametrize("limits", [(0.0, 1.0), (0.0, 1.0, 2.0, 1.0), (0.0, 1.0, 0.0, float("inf")), "abcd", 3])
def test_limits_that_are_none_are_refused(valley, limits):
    run, _data = valley
    with pytest.raises(SettingError, match="limits are four numbers"):
        run.plot(kind="contours", limits=limits)


def test_a_picture_shows_what_its_limits_say(valley):
    run, _data = valley
    axes = run.plot(kind="contours", limits=(-1, 2.0, 0, 3)).axes[0]
    assert (*axes.get_xlim(), *axes.get_ylim()) == (-1.0, 2.0, 0.0, 3.0)
