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
    np.testing.assert_allclose(edge.x, ellipse.x, rtol=1e-4)
    np.testing.assert_allclose(edge.y, ellipse.y, rtol=1e-4)


def test_the_edge_of_a_region_is_where_the_sum_of_squares_says():
    run = tidu.fit("y = a*exp(-b*x)", DECAY, optimizer="lm", init={"a": 1, "b": 1})
    (plane,) = pair_planes(run)
    s = run.statistics
    limit = s.residual_sum_of_squares * (1 + 2 / (12 - 2) * stats.f.ppf(0.95, 2, 10))
    for a, b in zip(plane.curves[1].x, plane.curves[1].y, strict=True):
        assert np.sum((a * np.exp(-b * X) - DECAY["y"]) ** 2) == pytest.approx(limit, rel=1e-3)


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
