"""Curvature and its limits: known spectra, and descents just under and just over the limit."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tidu
from tidu.content.optimizers import optimizer_named
from tidu.training.settings import Settings
from tidu.training.solving.objective import Objective
from tidu.training.solving.spectrum import batch_curvature, spectrum_of
from tidu.training.solving.stability import rate_limit, shrinkage, steps_to_shrink

LINEAR = ("gd", "momentum", "nesterov")


def quadratic(eigenvalues, seed=0):
    """Columns of a linear model whose cost has exactly these curvatures, up to rounding."""
    random = np.random.default_rng(seed)
    p = len(eigenvalues)
    rotation = np.linalg.qr(random.normal(size=(p, p)))[0]
    basis = np.linalg.qr(random.normal(size=(3 * p, p)))[0]
    x = basis * np.sqrt(3 * p * np.array(eigenvalues) / 2.0) @ rotation.T
    columns = {f"x{k}": x[:, k] for k in range(p)}
    return columns | {"y": random.normal(size=3 * p)}


def objective_of(columns, **settings):
    names = [n for n in columns if n != "y"]
    program = Settings("y = " + " + ".join(f"w{n[1:]}*{n}" for n in names), **settings).program(list(columns))
    return Objective(program, [columns[c.name] for c in program.columns], "python")


@given(
    exponents=st.lists(st.floats(-3.0, 3.0), min_size=2, max_size=7, unique=True),
    loss=st.sampled_from([("squared", 1.0), ("half_squared", 0.5)]),
    l2=st.sampled_from([0.0, 0.25]),
)
@settings(max_examples=40, deadline=None)
def test_known_spectra(exponents, loss, l2):
    known = np.sort(10.0 ** np.array(exponents))
    o = objective_of(quadratic(known), loss=loss[0], l2=l2)
    s = spectrum_of(o, np.ones(len(known)))
    expected = loss[1] * known + l2
    assert s.values == pytest.approx(expected, rel=1e-8)
    assert s.condition == pytest.approx(expected[-1] / expected[0], rel=1e-8)
    assert rate_limit(optimizer_named("gd"), s.largest) == pytest.approx(2 / expected[-1], rel=1e-8)
    assert s.best_rate == pytest.approx(2 / (expected[0] + expected[-1]), rel=1e-8)


def test_a_wide_spectrum_keeps_its_small_end():
    s = spectrum_of(objective_of(quadratic([1e-8, 1.0, 1e6])), np.zeros(3))
    assert s.values == pytest.approx([1e-8, 1.0, 1e6], rel=1e-8)  # of JᵀJ itself 1e-8 would be all rounding


def test_the_ends_of_a_large_spectrum():
    known = np.linspace(1.0, 50.0, 70)
    s = spectrum_of(objective_of(quadratic(known)), np.zeros(70))
    assert not s.whole
    assert (s.smallest, s.largest) == pytest.approx((1.0, 50.0), rel=1e-8)


@pytest.mark.parametrize("optimizer", [*LINEAR, "momentum(momentum=0.5)", "nesterov(momentum=0.99)"])
def test_shrinkage_is_what_the_optimizer_does(optimizer):
    chosen = optimizer_named(optimizer)
    x = {"x": [1.0, 1.0], "y": [0.0, 0.0]}
    for curvature_rate in (0.03, 0.9, 1.6):
        run = tidu.fit(
            "y = w*x", x, loss="half_squared", optimizer=optimizer, lr=curvature_rate, init={"w": 1}, steps=400
        )
        predicted = shrinkage(chosen, curvature_rate, 1.0)
        h = np.abs(run.history["w"])
        with np.errstate(all="ignore"):
            # Oscillation: the largest of a stretch against that of an earlier one.
            early, late = (float(np.max(h[a : a + 40])) for a in (100, 200))
        if late > 1e-290:
            assert (late / early) ** 0.01 == pytest.approx(predicted, rel=0.01)
        else:  # 1e-290 after 200 steps
            assert predicted < 0.04


@pytest.mark.sampled(1)
@pytest.mark.parametrize("optimizer", [*LINEAR, "momentum(momentum=0.5)"])
def test_just_under_the_limit_it_converges_and_just_over_it_diverges(optimizer):
    """One hundred random least-squares problems."""
    chosen = optimizer_named(optimizer)
    for seed in range(100):
        random = np.random.default_rng(seed)
        p = int(random.integers(1, 5))
        columns = {f"x{k}": random.normal(random.normal(), 1 + k, 12) for k in range(p)} | {"y": random.normal(size=12)}
        o = objective_of(columns)
        spectrum = spectrum_of(o, np.zeros(p))
        limit = rate_limit(chosen, spectrum.largest)
        formula = "y = " + " + ".join(f"w{k}*x{k}" for k in range(p))
        best = np.linalg.lstsq(np.column_stack([columns[f"x{k}"] for k in range(p)]), columns["y"], rcond=None)[0]
        steep = spectrum.vectors[:, -1]
        distances = {}
        for share in (0.98, 1.02):
            start = {f"w{k}": float(v) for k, v in enumerate(best + steep)}
            lr = share * limit
            run = tidu.fit(formula, columns, optimizer=optimizer, lr=lr, init=start, steps=600, engine="python")
            along = (np.column_stack([run.history[n] for n in run.params]) - best) @ steep
            distances[share] = float(np.max(np.abs(along[-20:])))
        assert distances[0.98] < 0.5, (seed, limit)
        assert distances[1.02] > 2.0, (seed, limit)


def test_predicted_steps_are_those_that_it_takes():
    o = objective_of(quadratic([0.01, 1.0]))
    s = spectrum_of(o, np.zeros(2))
    steps = steps_to_shrink(optimizer_named("gd"), 0.5, s.smallest, 0.01)
    assert steps == pytest.approx(math.log(0.01) / math.log(1 - 0.005), rel=1e-9)
    best = tidu.fit("y = w0*x0 + w1*x1", quadratic([0.01, 1.0]), optimizer="lm").params
    start = {n: float(v) + float(d) for (n, v), d in zip(best.items(), s.vectors[:, 0], strict=True)}
    run = tidu.fit("y = w0*x0 + w1*x1", quadratic([0.01, 1.0]), lr=0.5, init=start, steps=round(steps))
    left = math.sqrt(sum((run.params[n] - best[n]) ** 2 for n in best))
    assert left == pytest.approx(0.01, rel=0.01)


def test_the_curvature_for_batches_lies_between_its_ends():
    columns = quadratic([0.1, 3.0])
    o = objective_of(columns)
    largest = spectrum_of(o, np.zeros(2)).largest
    rows = np.column_stack([columns["x0"], columns["x1"]])
    worst = 2.0 * float(np.max(np.sum(rows**2, axis=1)))
    found = [batch_curvature(o, np.zeros(2), largest, b) for b in (1, 2, 3, 6, None)]
    assert found[0] == pytest.approx(worst)
    assert found[-1] == largest
    assert found == sorted(found, reverse=True)
