"""Simulation: 95% intervals of each kind hold the truth in 95% of the data sets; where Wald's err, the note is there.

`python benchmarks/intervals.py` has it of 2,000 data sets; here of a few hundred, with the bounds that a binomial count
of so many has.
"""

import math
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.special import stdtrit

sys.path.insert(0, str(Path(__file__).parents[3] / "benchmarks"))
from intervals import MODELS, drawn, fitted, noted

from tidu.training.inference.bootstrap import bootstrap_of
from tidu.training.inference.refits import Refits

SETS, DRAWN, DRAWS = 500, 150, 399
DEVIATIONS = 3.5  # of a binomial count: one in 2,000 counts is further off


def near(count, of, share=0.95):
    """Whether so many of so many may be that share, by chance."""
    return abs(count - of * share) <= DEVIATIONS * math.sqrt(of * share * (1.0 - share)) + 1.0


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_intervals_hold_the_truth_as_often_as_they_say(name):
    model = MODELS[name]
    targets = drawn(model, SETS)
    problem, found, rss = fitted(model, targets)
    assert found.converged.mean() > 0.97
    targets, rss = targets[found.converged], rss[found.converged]
    at, covariances = found.parameters[found.converged], found.covariances[found.converged]
    n, p, sets = len(model.x), len(model.truth), len(targets)
    quantile = float(stdtrit(n - p, 0.975))
    doubted = np.array([noted(problem, *each) for each in zip(targets[:100], at, covariances, rss, strict=False)])
    for k, (parameter, true) in enumerate(model.truth.items()):
        off = (at[:, k] - true) / np.sqrt(covariances[:, k, k])
        assert near(np.sum(np.abs(off) <= quantile), sets)
        _problem, _held, rise = fitted(model, targets, fix={parameter: true})
        assert near(np.sum(np.maximum(rise - rss, 0.0) / (rss / (n - p)) <= quantile**2), sets)
        one_sided = max(np.sum(off < -quantile), np.sum(off > quantile))
        if not near(sets - one_sided, sets, 0.975):  # Wald's miss on one side more often than they may
            assert doubted[:, k].mean() > 0.9
    if name == "line":
        assert not doubted.any()


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in MODELS if name != "rise, few rows"])  # of which it is said
def test_bootstraps_hold_the_truth_as_often_as_they_say(name):
    model = MODELS[name]
    targets = drawn(model, DRAWN)
    problem, found, _rss = fitted(model, targets)
    refits, inside = Refits(problem.program, problem.columns), np.zeros(len(model.truth))
    for y, at in zip(targets, found.parameters, strict=True):
        refits.target = y
        ends = bootstrap_of(refits, at, {}, DRAWS, 0).ends()
        inside += [low <= model.truth[parameter] <= high for parameter, (low, high) in ends.items()]
    assert all(near(count, DRAWN) for count in inside)
