"""Profiles and pairs as planes: straight and elliptic where the cost is a parabola, at F's height elsewhere."""

import numpy as np
import pytest
from scipy import stats

import tidu
from tidu.errors import SettingError
from tidu.insight.picturing.of_intervals import pair_planes, profile_planes

X = np.linspace(0.0, 3.0, 12)
LINE = {"x": X, "y": 2.0 * X + 1.0 + 0.2 * np.cos(9.0 * X)}
DECAY = {"x": X, "y": 2.0 * np.exp(-X) + 0.05 * np.cos(9.0 * X)}


def test_of_a_line_the_region_is_wald_s_ellipse():
    (plane,) = pair_planes(tidu.fit("y = w*x + b", LINE, optimizer="lm"))
    ellipse, edge = plane.curves[0], plane.curves[1]
    assert (edge.x[0], edge.y[0]) == (edge.x[-1], edge.y[-1])
    for low, high in ((ellipse.x, edge.x), (ellipse.y, edge.y)):
        assert (min(high), max(high)) == pytest.approx((min(low), max(low)), rel=2e-3)
    run = tidu.fit("y = w*x + b", LINE, optimizer="lm")
    apart = np.stack([edge.x, edge.y]) - np.array([*run.params.values()])[:, None]
    heights = np.einsum("in,ij,jn->n", apart, np.linalg.inv(run.statistics.covariance), apart)
    np.testing.assert_allclose(heights, 2 * stats.f.ppf(0.95, 2, 10), rtol=2e-4)


def test_the_edge_of_a_region_is_where_the_sum_of_squares_says():
    run = tidu.fit("y = a*exp(-b*x)", DECAY, optimizer="lm", init={"a": 1, "b": 1})
    (plane,) = pair_planes(run)
    s = run.statistics
    limit = s.residual_sum_of_squares * (1 + 2 / (12 - 2) * stats.f.ppf(0.95, 2, 10))
    for a, b in zip(plane.curves[1].x, plane.curves[1].y, strict=True):
        assert np.sum((a * np.exp(-b * X) - DECAY["y"]) ** 2) == pytest.approx(limit, rel=1e-3)


def test_a_region_may_bend_and_be_open():
    """Biochemical oxygen demand (Bates & Watts 1988, A1.4): its 95% region has no end, neither in A nor in lrc."""
    t, y = np.array([1.0, 2, 3, 4, 5, 7]), np.array([8.3, 10.3, 19.0, 16.0, 15.6, 19.8])
    run = tidu.fit("y = A*(1 - exp(-exp(lrc)*t))", {"t": t, "y": y}, optimizer="lm", init={"A": 20, "lrc": -1})
    (plane,) = pair_planes(run)
    edge = np.stack([plane.curves[1].x, plane.curves[1].y], axis=1)
    limit = run.statistics.residual_sum_of_squares * (1 + 2 / 4 * stats.f.ppf(0.95, 2, 4))
    sides = np.split(edge, np.flatnonzero(np.isnan(edge[:, 0])))
    assert len(sides) == 2
    for a, lrc in edge[np.isfinite(edge[:, 0])]:
        assert np.sum((a * (1 - np.exp(-np.exp(lrc) * t)) - y) ** 2) == pytest.approx(limit, rel=1e-3)
    best = list(run.params.values())
    half = 4 * np.sqrt(np.diag(run.statistics.covariance)) * np.sqrt(2 * stats.f.ppf(0.95, 2, 4))
    for side in sides:
        ends = side[np.isfinite(side[:, 0])][[0, -1]]
        assert np.all(np.max(np.abs((ends - best) / half), axis=1) > 0.5)  # it goes on beyond the picture


def test_profiles_are_chosen_by_name():
    run = tidu.fit("y = a*exp(-b*x)", DECAY, optimizer="lm", init={"a": 1, "b": 1})
    (plane,) = profile_planes(run, ["b"])
    low, high = (rule.at for rule in plane.rules if rule.axis == "x")
    assert low < run.params["b"] < high
    with pytest.raises(SettingError, match="no parameter 'q'"):
        profile_planes(run, ["q"])
    with pytest.raises(SettingError, match="needs two parameters"):
        pair_planes(run, ["b"])


def test_what_has_none_says_so():
    with pytest.raises(SettingError, match="by a solver to its end"):
        tidu.fit("y = w*x + b", LINE, lr=0.05, epochs=5).plot(kind="profiles")
    with pytest.raises(SettingError, match="two parameters together"):
        tidu.fit("y = w*x", LINE, optimizer="lm").plot(kind="pairs")
