"""Terms that float64 takes for one another: a parabola in unix seconds, against mpmath and centred columns."""

import mpmath
import numpy as np
import pytest

import tidu

SECONDS = 1_700_000_000 + 3600.0 * np.arange(48)


def parabola(t, noise=0.05):
    hours = (t - t[0]) / 3600.0
    return 5.0 + 0.4 * hours - 0.01 * hours**2 + noise * np.cos(11 * hours)


def exact(t, y):
    """Parameters and their variances over s², in 60 digits."""
    with mpmath.workdps(60):
        rows = mpmath.matrix([[mpmath.mpf(v) ** 2, mpmath.mpf(v), 1] for v in t.tolist()])
        inverse = (rows.T * rows) ** -1
        values = inverse * (rows.T * mpmath.matrix(y.tolist()))
        rest = mpmath.matrix(y.tolist()) - rows * values
        variance = (rest.T * rest)[0] / (len(t) - 3)
        return [float(v) for v in values], [float(mpmath.sqrt(variance * inverse[k, k])) for k in range(3)]


@pytest.mark.parametrize("optimizer", ["lm", "auto"])
def test_a_parabola_in_unix_seconds(optimizer):
    table = {"t": SECONDS, "y": parabola(SECONDS)}
    run = tidu.fit("y = a*t**2 + b*t + c", table, optimizer=optimizer)
    values, errors = exact(SECONDS, table["y"])
    assert run.stopped == "converged"
    assert list(run.params.values()) == pytest.approx(values, rel=1e-15)
    assert list(run.statistics.standard_errors.values()) == pytest.approx(errors, rel=1e-9)
    told = " ".join(run.notes)
    assert "told apart" not in told
    assert "subtract a constant from t" in told
    centred = {"t": SECONDS - SECONDS[24], "y": table["y"]}
    plain = tidu.fit("y = a*t**2 + b*t + c", centred, optimizer="lm")
    assert run.params["a"] == pytest.approx(plain.params["a"], rel=1e-12)
    assert run.statistics.standard_errors["a"] == pytest.approx(plain.statistics.standard_errors["a"], rel=1e-9)
    assert run.statistics.residual_sum_of_squares == pytest.approx(plain.statistics.residual_sum_of_squares, rel=1e-12)


def test_weights_count_in_exact_arithmetic():
    table = {"t": SECONDS, "y": parabola(SECONDS), "s": 0.1 + 0.01 * np.arange(48)}
    centred = table | {"t": SECONDS - SECONDS[24]}
    run, plain = (tidu.fit("y = a*t**2 + b*t + c", d, optimizer="lm", sigma="s").statistics for d in (table, centred))
    assert run.values[0] == pytest.approx(plain.values[0], rel=1e-12)
    assert run.standard_errors["a"] == pytest.approx(plain.standard_errors["a"], rel=1e-9)


def test_what_truly_cannot_be_told_apart_is_still_told():
    table = {"t": SECONDS, "y": parabola(SECONDS)}
    run = tidu.fit("y = a*t + b*(2*t) + c", table, optimizer="lm")
    assert any("told apart" in note for note in run.notes)


def test_parameters_that_the_data_hardly_determine_are_told():
    x = np.linspace(0.0, 4.0, 40)
    table = {"x": x, "y": 2 * x + 0.1 * np.cos(9 * x)}
    run = tidu.fit("y = a*sin(x) + b*sin(x + 1e-7*x**2)", table, optimizer="lm")
    assert any("hardly determine a, b" in note for note in run.notes)
    assert not any("hardly" in note for note in tidu.fit("y = a*sin(x) + b*x", table, optimizer="lm").notes)
