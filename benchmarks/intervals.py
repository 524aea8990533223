"""How often 95% intervals hold the truth: Wald's, profile likelihood and the bootstrap, over simulated data.

    python benchmarks/intervals.py [DATA_SETS] [BOOTSTRAPS] [FULL]

Prints one Markdown table. DATA_SETS (2000) of each model are fitted side by side; the truth is in a profile interval
where τ is within the quantile there. BOOTSTRAPS (2000) of them are drawn anew 999 times each. FULL (100) go through
`tidu.fit(..., intervals="profile")`, whose ends must decide alike. The last column tells in how many a fit without
`intervals` says that Wald's interval of the parameter is off.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

import tidu
from tidu.training.inference.bootstrap import bootstrap_of
from tidu.training.inference.confidence import UNLIKE
from tidu.training.inference.profiles import Measure
from tidu.training.inference.refits import Refits
from tidu.training.inference.wald_ends import ends_beside_wald
from tidu.training.problem import Problem
from tidu.training.solving.objective import Objective


@dataclass(frozen=True)
class Model:
    """A formula, the parameters that are true, the rows, and the scatter about the curve."""

    formula: str
    truth: dict[str, float]
    x: np.ndarray
    scatter: float


MODELS = {
    "line": Model("y = w*x + b", {"w": 2.0, "b": 1.0}, np.linspace(0, 3, 15), 0.5),
    "decay": Model("y = a*exp(-b*x) + c", {"a": 3.0, "b": 0.8, "c": 0.5}, np.linspace(0, 6, 25), 0.15),
    "Michaelis-Menten": Model("y = v*x/(k + x)", {"v": 210.0, "k": 0.065},
                              np.repeat([0.02, 0.06, 0.11, 0.22, 0.56, 1.1], 2), 11.0),
    "logistic growth": Model("y = a/(1 + exp(-(x - m)/s))", {"a": 5.0, "m": 4.0, "s": 1.0}, np.linspace(0, 9, 20), 0.3),
    "rise, few rows": Model("y = a*(1 - exp(-b*x))", {"a": 19.0, "b": 0.53}, np.array([1.0, 2, 3, 4, 5, 7]), 2.5),
}  # fmt: skip


def drawn(model: Model, count: int) -> np.ndarray:
    """So many targets of the model, of shape (count, rows)."""
    from tidu.language.expr import evaluate

    problem = problem_of(model, np.zeros(len(model.x)))
    names = {p: model.truth[p.name] for p in problem.program.parameters}
    (column,) = (c for c in problem.program.columns if c.role == "feature")
    curve = np.array([evaluate(problem.program.score, {**names, column: float(v)}) for v in model.x])
    return curve + model.scatter * np.random.default_rng(1).normal(size=(count, len(model.x)))


def problem_of(model: Model, y: np.ndarray, **options: object) -> Problem:
    """The problem of one data set."""
    given = {"optimizer": "lm", "init": {n: v for n, v in model.truth.items() if n not in options.get("fix", {})}}
    return Problem.read(model.formula, {"x": model.x, "y": y}, {**given, **options})


def fitted(model: Model, targets: np.ndarray, **options: object):
    """All data sets fitted side by side, and the residual sums of squares of shape (count,)."""
    problem = problem_of(model, targets[0], **options)
    refits = Refits(problem.program, problem.columns)
    found = refits.fitted(np.array(problem.start), len(targets), targets=lambda a, b: targets[a:b])
    variance = np.array([cost_of(refits, at, y) for at, y in zip(found.parameters, targets, strict=True)])
    return problem, found, variance


def cost_of(refits: Refits, at: np.ndarray, y: np.ndarray) -> float:
    """Σr² of one data set."""
    predicted, _residuals, _leverages = refits.at(at)
    return float(np.sum((predicted - y) ** 2))


def noted(problem: Problem, y: np.ndarray, at: np.ndarray, covariance: np.ndarray, rss: float) -> np.ndarray:
    """Of which parameters a fit to `y` that ended there says that Wald's intervals are off, of shape (p,)."""
    n, p = len(y), len(at)
    columns = [y if c.role == "target" else column for c, column in zip(problem.program.columns, problem.columns,
                                                                         strict=True)]  # fmt: skip
    measure = Measure(n / (rss / (n - p)), float(stdtrit(n - p, 0.975)))
    ends = ends_beside_wald(Objective(problem.program, columns, "python"), at, covariance, measure)
    half = measure.quantile * np.sqrt(np.diag(covariance))
    off = np.array([*ends.values()]) - at[:, None] - half[:, None] * np.array([-1.0, 1.0])
    return ~np.all(np.abs(off) <= UNLIKE * half[:, None], axis=1)


def main(sets: int = 2000, bootstraps: int = 2000, full: int = 100) -> None:
    """The table: how often intervals hold the truth; of Wald's also how often they lie below and above it."""
    print(f"| model | parameter | Wald | below, above | profile | bootstrap ({bootstraps}) | note on Wald's |")
    print("|---|---|---:|---:|---:|---:|---:|")
    for name, model in MODELS.items():
        targets = drawn(model, sets)
        problem, found, rss = fitted(model, targets)
        p, n = len(model.truth), len(model.x)
        good = found.converged
        quantile = float(stdtrit(n - p, 0.975))
        errors = np.sqrt(np.einsum("bkk->bk", found.covariances))
        refits, alike, ended = Refits(problem.program, problem.columns), 0, 0
        by_bootstrap = np.zeros((0, p))
        for y, at in zip(targets[:bootstraps], found.parameters, strict=False):
            refits.target = y
            try:
                ends = bootstrap_of(refits, at, {}, 999, 0).ends()
            except tidu.errors.SettingError:  # too few of the draws have a minimum
                continue
            by_bootstrap = np.vstack([by_bootstrap, [low <= model.truth[k] <= high for k, (low, high) in ends.items()]])
        profiled = {}
        for parameter, true in model.truth.items():
            _problem, _held, rise = fitted(model, targets, fix={parameter: true})
            profiled[parameter] = np.sqrt(np.maximum(rise - rss, 0.0) / (rss / (n - p))) <= quantile
        ends = zip(targets[good], found.parameters[good], found.covariances[good], rss[good], strict=True)
        doubted = np.array([noted(problem, *each) for each in ends])
        for j in range(full):
            run = tidu.fit(model.formula, {"x": model.x, "y": targets[j]}, optimizer="lm", init=model.truth,
                           intervals="profile")  # fmt: skip
            for parameter, true in model.truth.items():
                low, high = run.confidence.ends[parameter]
                if not (np.isnan(low) or np.isnan(high)):
                    ended += 1
                    alike += (low <= true <= high) == bool(profiled[parameter][j])
        for k, (parameter, true) in enumerate(model.truth.items()):
            off = (found.parameters[good, k] - true) / errors[good, k]
            below, above = 100 * np.mean(off < -quantile), 100 * np.mean(off > quantile)
            cells = [f"{100 - below - above:.1f}", f"{below:.1f}, {above:.1f}",
                     f"{100 * np.mean(profiled[parameter][good]):.1f}", f"{100 * np.mean(by_bootstrap[:, k]):.1f}",
                     f"{100 * np.mean(doubted[:, k]):.0f}%"]  # fmt: skip
            print(f"| {name} | {parameter} | " + " | ".join(cells) + " |", flush=True)
        share = 100 * np.mean(good)
        print(f"<!-- {name}: {share:.1f}% converged; {alike} of {ended} decisions alike -->", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
