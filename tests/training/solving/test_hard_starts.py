"""Models and starts that are known to fool solvers, on data made for the purpose: lm has to find the lower minimum.

The formulas and starting points are those of the other NIST problems and the papers behind them (Box, Hunter & Hunter
1978; Kowalik & Osborne 1978; Meyer 1970; Nelson 1981; Bennett, Swartzendruber & Brown 1994; ...).
"""

import numpy as np
import pytest

import tidu

RATIONAL = "y = (b1 + b2*x + b3*x**2 + b4*x**3)/(1 + b5*x + b6*x**2 + b7*x**3)"
PEAKS = "y = b1*exp(-b2*x) + b3*exp(-(x - b4)**2/b5**2) + b6*exp(-(x - b7)**2/b8**2)"
EXPONENTIALS = "y = b1*exp(-b2*x) + b3*exp(-b4*x) + b5*exp(-b6*x)"
WAVES = ("y = b1 + b2*cos(2*pi*x/12) + b3*sin(2*pi*x/12) + b5*cos(2*pi*x/b4) + b6*sin(2*pi*x/b4) + b8*cos(2*pi*x/b7) "
         "+ b9*sin(2*pi*x/b7)")  # fmt: skip
PRESSURE = np.linspace(75.0, 760.0, 14)
PERIODS = np.arange(1.0, 169.0)
# name: formula, the two starts, the truth, x, the deviation of the noise
PROBLEMS = {
    "power": ("y = b1*(b2 + x)**(-1/b3)", (-2000, 50, 0.8), (-1500, 45, 0.85), (-2500, 47, 0.93),
              np.linspace(7.4, 19.1, 154), 2e-3),
    "boxbod": ("y = b1*(1 - exp(-b2*x))", (1, 1), (100, 0.75), (210, 0.55), np.array([1.0, 2, 3, 5, 7, 10]), 15.0),
    "waves": (WAVES, (11, 3, 0.5, 40, -0.7, -1.3, 25, -0.3, 1.4), (10, 3, 0.5, 44, -1.5, 0.5, 26, -0.1, 1.5),
              (10.5, 3.1, 0.53, 44.3, -1.6, 0.53, 26.9, 0.21, 1.5), PERIODS, 2.2),
    "narrow peak": ("y = b1/b2*exp(-(x - b3)**2/(2*b2**2))", (1, 10, 500), (1.5, 5, 450), (1.55, 4.1, 451.5),
                    np.linspace(400, 500, 35), 7e-3),
    "two peaks": (PEAKS, (94.9, 0.009, 90.1, 113, 20, 73.8, 140, 20), (96, 0.0096, 80, 110, 25, 74, 139, 25),
                  (99, 0.011, 100, 111.6, 23.3, 73.7, 147.8, 19.7), np.arange(1.0, 251.0), 2.3),
    "expansion": (RATIONAL, (10, -1, 0.05, -1e-5, -0.05, 0.001, -1e-6), (1, -0.1, 0.005, -1e-6, -0.005, 1e-4, -1e-7),
                  (1.08, -0.1227, 0.004086, -1.426e-6, -0.00576, 2.405e-4, -1.231e-7), np.linspace(14, 851, 236), 0.08),
    "three exponentials": (EXPONENTIALS, (1.2, 0.3, 5.6, 5.5, 6.5, 7.6), (0.5, 0.7, 3.6, 4.2, 4, 6.3),
                           (0.0951, 1, 0.8607, 3, 1.5576, 5), 0.05 * np.arange(24), 1e-13),
    "kowalik": ("y = b1*(x**2 + x*b2)/(x**2 + x*b3 + b4)", (25, 39, 41.5, 39), (0.25, 0.39, 0.415, 0.39),
                (0.193, 0.191, 0.123, 0.136), 1 / np.array([0.25, 0.5, 1, 2, 4, 6, 8, 10, 12, 14]), 3e-3),
    "meyer": ("y = b1*exp(b2/(x + b3))", (2, 400000, 25000), (0.02, 4000, 250), (0.0056, 6180, 345),
              np.arange(50.0, 126.0, 5.0), 2.6),
    "misra": ("y = b1*(1 - (1 + 2*b2*x)**(-0.5))", (500, 0.0001), (600, 0.0002), (636, 0.00021), PRESSURE, 0.06),
    "sigmoid": ("y = b1/(1 + exp(b2 - b3*x))**(1/b4)", (100, 10, 1, 1), (700, 5, 0.75, 1.3), (700, 5.3, 0.76, 1.28),
                np.arange(1.0, 16.0), 20.0),
    "phase": ("y = b1 - b2*x - arctan(b3/(x - b4))/pi", (0.1, -1e-5, 1000, -100), (0.2, -5e-6, 1200, -150),
              (0.202, -6.2e-6, 1204, -181), np.linspace(-4868, -600, 25), 5e-3),
    "mobility": (RATIONAL, (1000, 1000, 400, 40, 0.7, 0.3, 0.03), (1300, 1500, 500, 75, 1, 0.4, 0.05),
                 (1288, 1491, 583, 75.4, 0.966, 0.398, 0.0497), np.linspace(-3.07, 2.2, 37), 13.7),
}  # fmt: skip


@pytest.mark.sampled(4)
@pytest.mark.parametrize("name", PROBLEMS)
def test_both_starts_lead_to_the_minimum_near_the_truth(name):
    formula, *starts, truth, x, noise = PROBLEMS[name]
    names = [f"b{k}" for k in range(1, len(truth) + 1)]
    scene = {f: getattr(np, f) for f in ("exp", "cos", "sin", "arctan", "pi")} | dict(zip(names, truth, strict=True))
    exact = eval(formula.removeprefix("y = "), scene | {"x": x})
    data = {"x": x, "y": exact + np.random.default_rng(7).normal(0.0, noise, len(x))}
    near, *found = (
        tidu.fit(formula, data, optimizer="lm", init=dict(zip(names, values, strict=True)), engine="python")
        for values in (truth, *starts)
    )
    for run in found:
        assert run.stopped == "converged"
        assert run.loss <= near.loss * (1 + 1e-6)
        # Digits of the parameters, as rounding in the data's last bit leaves them for the worst conditioned of these.
        assert [run.params[n] for n in names] == pytest.approx([near.params[n] for n in names], rel=1e-9)


@pytest.mark.parametrize("start", [(2, 0.0001, -0.01), (2.5, 5e-9, -0.05)])
def test_two_predictors_and_the_logarithm_of_the_target(start):
    time, heat = (c.ravel() for c in np.meshgrid([1.0, 2, 4, 8, 16, 32, 48, 64], [180.0, 225, 250, 275]))
    y = np.exp(2.59 - 5.6e-9 * time * np.exp(0.0577 * heat) + np.random.default_rng(3).normal(0, 0.17, len(time)))
    data = {"t": time, "h": heat, "y": y}
    formula = "log(y) = b1 - b2*t*exp(-b3*h)"
    near, run = (
        tidu.fit(formula, data, optimizer="lm", init=dict(zip(("b1", "b2", "b3"), values, strict=True)))
        for values in ((2.59, 5.6e-9, -0.0577), start)
    )
    assert list(run.params.values()) == pytest.approx(list(near.params.values()), rel=1e-9)
