"""Kinks and waves of random places and frequencies are found from no start at all."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tidu


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10**6), frequency=st.floats(2.0, 120.0), unit=st.floats(-3, 3), even=st.booleans())
def test_a_wave_is_found_whatever_its_frequency(seed, frequency, unit, even):
    random = np.random.default_rng(seed)
    x = np.linspace(0, 10, 500) if even else np.sort(random.uniform(0, 10, 500))
    y = 2.0 * np.sin(frequency * x + random.uniform(0, 6)) + 3.0 + random.normal(0, 0.3, 500)
    run = tidu.fit("y = a*sin(w*x + p) + c", {"x": x * 10.0**unit, "y": y}, optimizer="lm")
    assert run.loss < 1.5 * 0.3**2
    assert abs(run.params["w"]) * 10.0**unit == pytest.approx(frequency, abs=0.05)


@pytest.mark.slow
@pytest.mark.parametrize(
    "formula",
    [
        "y = a*sin(2*pi*x/T) + b*cos(2*pi*x/T) + c",
        "y = a*cos(2*pi*f*(x - x0)) + c",
        "y = a*sin(w*x + p) + b*sin(v*x + q) + c",
    ],
)
def test_periods_frequencies_and_sums_of_waves(formula):
    random = np.random.default_rng(0)
    x = np.sort(random.uniform(0, 10, 300))
    y = 2.0 * np.sin(17 * x + 1) + 3.0 + random.normal(0, 0.2, 300)
    y = y + np.sin(29 * x) if "v" in formula else y
    run = tidu.fit(formula, {"x": x, "y": y}, optimizer="lm")
    assert run.loss < 1.5 * 0.2**2


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10**6), place=st.floats(0.15, 0.85), unit=st.floats(-3, 3))
def test_a_kink_is_found_whatever_its_place(seed, place, unit):
    random = np.random.default_rng(seed)
    x = np.sort(random.uniform(0, 1, 120))
    y = 1 + 0.5 * x + 4 * np.maximum(x - place, 0) + random.normal(0, 0.02, 120)
    run = tidu.fit("y = a + b*x + d*max(x - c, 0)", {"x": x * 10.0**unit, "y": y}, optimizer="lm")
    assert run.loss < 1.5 * 0.02**2


def test_three_kinks():
    random = np.random.default_rng(2)
    x = np.linspace(0, 10, 300)
    y = x - 2 * np.maximum(x - 2, 0) + 3 * np.maximum(x - 5, 0) - 4 * np.maximum(x - 8, 0) + random.normal(0, 0.05, 300)
    formula = "y = a + b*x + u*max(x - c, 0) + v*max(x - d, 0) + w*max(x - g, 0)"
    run = tidu.fit(formula, {"x": x, "y": y}, optimizer="lm")
    assert run.loss < 1.5 * 0.05**2
    assert sorted(run.params[name] for name in "cdg") == pytest.approx([2.0, 5.0, 8.0], abs=0.1)
