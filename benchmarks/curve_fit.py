"""A whole call of `tidu.fit` beside `scipy.optimize.curve_fit`, on NIST's problems: milliseconds, warm, as a table.

    python benchmarks/curve_fit.py

Both get the same columns and the same start, ours the formula as text and `optimizer="lm"`, SciPy's the model in NumPy
without derivatives, as people call it. Both give the parameters and their covariance. They take turns; each number is
the median of 41 calls after 4 first ones, of which the third makes machine code of our loop. A row says "no" where
SciPy's call ends with an error or away from the certified answer. The last line has the median of the ratios, and the
same of the fastest calls, which other work on the machine disturbs least.
"""

from __future__ import annotations

import re
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.optimize import curve_fit

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "training" / "solving"))
from nist_problems import FORMULAS, problem

import tidu

TURNS = 41
FIRST = 4


def model_of(formula: str, names: list[str], columns: dict[str, np.ndarray]) -> tuple[Callable[..., np.ndarray], str]:
    """The right side as a function of NumPy for `curve_fit`, and the column of the left side."""
    left, right = formula.split("=", 1)
    known = {n: getattr(np, n) for n in ("exp", "log", "sqrt", "sin", "cos")} | {"atan": np.arctan, "pi": np.pi}
    code = re.sub(r"\^", "**", right.strip())
    (x,) = (c for c in columns if c != left.strip())
    return eval(f"lambda {x}, {', '.join(names)}: {code}", known), left.strip()  # our own text


def milliseconds(call: Callable[[], object]) -> float:
    """How long one call took."""
    began = time.perf_counter()
    call()
    return 1e3 * (time.perf_counter() - began)


def main() -> None:
    """The table."""
    print("| problem | start | tidu ms | curve_fit ms | ratio | curve_fit arrives |\n|---|---:|---:|---:|---:|---|")
    ratios, undisturbed = [], []
    for name in FORMULAS:
        p = problem(name)
        columns = {name: np.array(column) for name, column in p.columns.items()}
        try:
            model, target = model_of(p.formula, list(p.certified), columns)
        except ValueError:  # of several columns
            continue
        (x,) = (c for n, c in columns.items() if n != target)
        for k, start in enumerate(p.starts, 1):

            def ours() -> object:
                run = tidu.fit(p.formula, columns, init=start, optimizer="lm")  # noqa: B023
                return run.params, run.statistics.covariance

            def theirs() -> object:
                return curve_fit(model, x, columns[target], list(start.values()), maxfev=100_000)  # noqa: B023

            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    found, _covariance = theirs()
                    right = np.allclose(found, list(p.certified.values()), rtol=1e-4)
                except RuntimeError:
                    right = False
                for _call in range(FIRST):
                    ours()
                pairs = [(milliseconds(ours), milliseconds(theirs) if right else np.nan) for _turn in range(TURNS)]
            a, b = (statistics.median(times) for times in zip(*pairs, strict=True))
            ratios.append(b / a)
            undisturbed.append(min(times[1] for times in pairs) / min(times[0] for times in pairs))
            print(f"| {name} | {k} | {a:.2f} | {b:.2f} | {b / a:.2f} | {'yes' if right else 'no'} |", flush=True)
    of_medians, of_fastest = (np.array(found)[np.isfinite(found)] for found in (ratios, undisturbed))
    print(f"\nMedian ratio of {len(of_medians)} rows (above 1: tidu is faster): {np.median(of_medians):.2f};", end=" ")
    print(f"of the fastest calls {np.median(of_fastest):.2f}")


if __name__ == "__main__":
    main()
