"""Fits that manuals print, to their digits: R's nls with and without levels, nlme's curve for each group, drc.

NIST's are in `test_nist.py`, profiles in `inference/test_profiles.py`, quantiles in `test_robust.py` and
`test_corners.py`, errors in x in `test_errors_in_x.py`.
"""

import numpy as np
import pytest

import tidu

# Run 1 of R's data set DNase (Davidian & Giltinan 1995).
DNASE = {
    "conc": np.repeat(0.04882812 * 4.0 ** np.array([0, 1, 1.5, 2, 2.5, 3, 3.5, 4]), 2),
    "density": [0.017, 0.018, 0.121, 0.124, 0.206, 0.215, 0.377, 0.374, 0.614, 0.609, 1.019, 1.001, 1.334, 1.364,
                1.730, 1.710],
}  # fmt: skip


def test_dnase_as_the_help_page_of_nls_prints_it():
    """`example(nls)` of R 2.x to 4.x: nls(density ~ Asym/(1 + exp((xmid - log(conc))/scal)), DNase1)."""
    run = tidu.fit("density = Asym/(1 + exp((xmid - log(conc))/scal))", DNASE, optimizer="lm",
                   init={"Asym": 3, "xmid": 0, "scal": 1})  # fmt: skip
    s = run.statistics
    assert [round(v, 4) for v in run.params.values()] == [2.3452, 1.4831, 1.0415]
    assert [float(f"{v:.5g}") for v in s.standard_errors.values()] == [0.078154, 0.081353, 0.032271]
    assert s.tests()["Asym"] == (pytest.approx(30.007, abs=5e-4), pytest.approx(2.1655e-13, rel=5e-5))
    assert s.residual_standard_deviation == pytest.approx(0.0192, abs=5e-5)
    assert s.degrees_of_freedom == 13


# Contraction of strips of rat heart muscle in calcium chloride (Linder, Chakravarti & Vuagnat 1964), as MASS has it:
# strip, concentration, length.
MUSCLE = """
1 1 15.8 1 2 20.8 1 3 22.6 1 4 23.8 2 1 20.6 2 2 26.8 2 3 28.4 2 4 27 3 .25 7.2 3 .5 15.4 3 1 22.8 3 2 27.4 4 .25 2.2
4 .5 9 4 1 16.6 5 .25 2 5 .5 6 5 1 15.2 6 .25 5 6 .5 9.2 6 1 14.2 7 1 28 7 2 32 8 .25 5.6 8 1 26 9 .5 15.4 9 1 23.2
10 .25 11.8 10 1 29 11 .25 11 11 .5 18.8 11 1 26.2 12 1 26 12 2 33.8 13 1 24.2 13 2 28.8 14 .5 15 14 1 24 15 .5 20.8
15 1 29 16 1 18.2 16 2 25.8 16 3 30 16 4 32.2 17 1 21.5 17 2 28.4 17 3 32 17 4 29.6 18 1 15.4 18 2 19 18 3 19.4
19 1 29 19 2 34 19 3 37 20 1 22.2 20 2 29 20 3 32.2 21 1 23 21 2 27.4 21 3 30.4
"""
A = [23.454, 28.302, 30.801, 25.921, 23.201, 20.120, 33.595, 39.053, 32.137, 40.005, 36.190, 36.911, 30.635, 34.312,
     38.395, 31.226, 31.230, 19.998, 37.095, 32.594, 30.376]  # fmt: skip
ERRORS_OF_A = [0.796, 0.793, 1.716, 3.016, 2.891, 2.435, 1.682, 3.753, 3.318, 3.336, 3.109, 1.839, 1.700, 3.495, 3.375,
               0.886, 0.821, 1.011, 1.071, 1.121, 1.057]  # fmt: skip
B = [-27.300, -26.270, -30.901, -32.238, -29.941, -20.622, -19.625, -45.780, -31.345, -38.599, -33.921, -38.268,
     -22.568, -36.167, -32.952, -47.207, -33.875, -15.896, -28.969, -36.917, -26.508]  # fmt: skip


def muscle():
    """The columns."""
    strip, conc, length = np.array(MUSCLE.split(), dtype=float).reshape(-1, 3).T
    return {"strip": [f"S{k:02.0f}" for k in strip], "conc": conc, "length": length}


def test_muscles_as_the_help_page_of_nls_prints_them():
    """`example(nls)`: one curve for all, then a and b of each strip and th of all."""
    one = tidu.fit("length = a + b*exp(-conc/th)", muscle(), optimizer="lm", init={"th": 1})
    assert [round(one.params[name], 3) for name in ("a", "b", "th")] == [28.963, -34.227, 0.608]
    assert [round(v, 3) for v in one.statistics.standard_errors.values()] == [1.230, 3.793, 0.115]
    assert round(one.statistics.residual_standard_deviation, 2) == 4.67

    run = tidu.fit("length = a[strip] + b[strip]*exp(-conc/th)", muscle(), optimizer="lm", init={"th": 1})
    s = run.statistics
    found = {name: [round(v, 3) for n, v in run.params.items() if n.startswith(f"{name}[")] for name in "ab"}
    assert found == {"a": A, "b": B}
    assert (round(run.params["th"], 3), round(s.standard_errors["th"], 3)) == (0.797, 0.127)
    assert [round(v, 3) for n, v in s.standard_errors.items() if n.startswith("a[")] == ERRORS_OF_A
    assert (round(s.residual_standard_deviation, 2), s.degrees_of_freedom) == (1.11, 17)


# Heights of pines (Kung 1986), R's Loblolly: a row of a seed source for the ages 3, 5, 10, 15, 20, 25.
LOBLOLLY = {
    301: [4.51, 10.89, 28.72, 41.74, 52.7, 60.92], 303: [4.55, 10.92, 29.07, 42.83, 53.88, 63.39],
    305: [4.79, 11.37, 30.21, 44.4, 55.82, 64.1], 307: [3.91, 9.48, 25.66, 39.07, 50.78, 59.07],
    309: [4.81, 11.2, 28.66, 41.66, 53.31, 63.05], 311: [3.88, 9.4, 25.99, 39.55, 51.46, 59.64],
    315: [4.32, 10.43, 27.16, 40.85, 51.33, 60.07], 319: [4.57, 10.57, 27.9, 41.13, 52.43, 60.69],
    321: [3.77, 9.03, 25.45, 38.98, 49.76, 60.28], 323: [4.33, 10.79, 28.97, 42.44, 53.17, 61.62],
    325: [4.38, 10.48, 27.93, 40.2, 50.06, 58.49], 327: [4.12, 9.92, 26.54, 37.82, 48.43, 56.81],
    329: [3.93, 9.34, 26.08, 37.79, 48.31, 56.43], 331: [3.46, 9.05, 25.85, 39.15, 49.12, 59.49],
}  # fmt: skip
ORDER = [329, 327, 325, 307, 331, 311, 315, 321, 319, 301, 323, 309, 303, 305]
PINES = {
    "Asym": [94.1282, 94.9406, 89.8849, 110.699, 111.003, 109.986, 101.056, 127.134, 101.087, 95.6669, 95.5563,
             113.514, 105.718, 99.1719],
    "R0": [-8.25075, -7.75749, -8.75902, -8.16943, -8.46261, -8.55854, -8.44363, -7.67936, -8.50234, -9.07824, -9.66503,
           -7.59562, -8.90608, -9.91665],
    "lrc": [-3.21758, -3.22932, -3.08622, -3.39034, -3.39757, -3.36252, -3.23282, -3.57533, -3.21402, -3.11638,
            -3.09227, -3.35282, -3.22296, -3.08484],
}  # fmt: skip


def test_pines_as_the_tests_of_nlme_have_them():
    """A curve for each seed source: nlsList(SSasymp, Loblolly) in tests/nlme.R of nlme (Pinheiro & Bates 2000)."""
    data = {
        "age": np.tile([3.0, 5, 10, 15, 20, 25], len(LOBLOLLY)),
        "seed": np.repeat([str(seed) for seed in LOBLOLLY], 6),
        "height": np.concatenate([*LOBLOLLY.values()]),
    }
    formula = "height = Asym[seed] + (R0[seed] - Asym[seed])*exp(-exp(lrc[seed])*age)"
    run = tidu.fit(formula, data, optimizer="lm", init={"Asym": 100, "R0": -8, "lrc": -3.2})
    for name, values in PINES.items():
        for seed, value in zip(ORDER, values, strict=True):
            assert run.params[f"{name}[{seed}]"] == pytest.approx(value, rel=1e-5)
    assert run.statistics.degrees_of_freedom == 42
    assert run.statistics.residual_standard_deviation == pytest.approx(0.70039649, rel=1e-5)
