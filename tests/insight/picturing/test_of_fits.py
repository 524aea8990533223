"""Bands of a fit: statsmodels' textbook formulas for a line, axes that straighten, error bars."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

import tidu
from tidu.insight.picturing.of_fits import bands_planes

RANDOM = np.random.default_rng(0)
X = np.linspace(1.0, 6.0, 30)


def test_the_bands_of_a_line_are_those_of_the_textbook():
    y = 2 * X + 1 + RANDOM.normal(0, 0.3, 30)
    above, below = bands_planes(tidu.fit("y = w*x + b", {"x": X, "y": y}, optimizer="lm"))
    slope, intercept = np.polyfit(X, y, 1)
    s = np.sqrt(np.sum((y - slope * X - intercept) ** 2) / 28)
    t = scipy.stats.t.ppf(0.975, 28)
    wide, narrow = above.bands
    lever = 1 / 30 + (narrow.x - X.mean()) ** 2 / np.sum((X - X.mean()) ** 2)
    middle = slope * narrow.x + intercept
    np.testing.assert_allclose(narrow.high - middle, t * s * np.sqrt(lever), rtol=1e-8)
    np.testing.assert_allclose(middle - wide.low, t * s * np.sqrt(1 + lever), rtol=1e-8)
    np.testing.assert_allclose(below.curves[0].y, y - slope * X - intercept, atol=1e-9)


@pytest.mark.parametrize(
    ("formula", "x", "y", "axes"),
    [
        ("y = w*x + b", X, 2 * X, (False, False)),
        ("y = a*x**b", np.geomspace(1, 1000, 30), 2 * np.geomspace(1, 1000, 30) ** 1.5, (True, True)),
        ("y = a*exp(-k*x)", X, 50 * np.exp(-1.2 * X), (False, True)),
        ("y = a + b*log(x)", np.geomspace(0.1, 100, 30), 3 + np.log(np.geomspace(0.1, 100, 30)), (True, False)),
        ("y = a*exp(-k*x) + c", X, np.exp(-X) + 5, (False, False)),
        ("y = w*x + b", X - 3, 2 * X, (False, False)),
    ],
)
def test_axes_are_logarithmic_where_that_straightens(formula, x, y, axes):
    y = y + 0.001 * np.ptp(y) * np.sin(37 * np.arange(30))
    y = np.abs(y) if axes[1] else y
    init = {"a": 1.0, "k": 1.0} if "exp" in formula else {}
    above, below = bands_planes(tidu.fit(formula, {"x": x, "y": y}, optimizer="lm", init=init))
    assert (above.log_x, above.log_y) == axes
    assert below.log_x == above.log_x
    assert not below.log_y


def test_given_deviations_are_error_bars_and_residuals_are_in_their_units():
    sigma = np.full(30, 0.5)
    y = 2 * X + sigma * RANDOM.normal(size=30)
    run = tidu.fit("y = w*x + b", {"x": X, "y": y, "s": sigma}, optimizer="lm", sigma="s")
    above, below = bands_planes(run)
    np.testing.assert_array_equal(above.curves[0].spread, sigma)
    np.testing.assert_allclose(below.curves[0].y, (y - run.predict({"x": X})) / 0.5)
    assert len(above.bands) == 1


def test_without_statistics_there_is_a_sentence():
    run = tidu.fit("y = w*x + b", {"x": X, "y": X}, lr=0.01, epochs=3)
    with pytest.raises(tidu.TiduError, match="'bands' needs the statistics"):
        run.plot(kind="bands")
