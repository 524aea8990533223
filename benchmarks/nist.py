"""Digits that each method reaches on NIST's problems of nonlinear least squares, as a Markdown table.

    python benchmarks/nist.py

LRE: -log10 of the largest relative error among the parameters, at most 11, to which the values are certified; 0 is a
miss. Solvers run to their own end, adam for 20,000 epochs with the rate that `lr="auto"` finds.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "training" / "solving"))
from nist_problems import FORMULAS, problem

import tidu

METHODS = {
    "lm": {"optimizer": "lm"},
    "lbfgs": {"optimizer": "lbfgs"},
    "newton": {"optimizer": "newton"},
    "adam": {"optimizer": "adam", "lr": "auto", "epochs": 20_000, "engine": "compiled"},
}


def digits(run: tidu.Run, certified: dict[str, float]) -> float:
    worst = max(abs(run.params[b] - v) / abs(v) for b, v in certified.items())
    return 11.0 if worst == 0.0 else min(11.0, max(0.0, -math.log10(worst))) if math.isfinite(worst) else 0.0


def main() -> None:
    print("| problem | start | " + " | ".join(METHODS) + " |")
    print("|---|---:|" + "---:|" * len(METHODS))
    for name in FORMULAS:
        p = problem(name)
        for k, start in enumerate(p.starts, 1):
            found = [digits(tidu.fit(p.formula, p.columns, init=start, **o), p.certified) for o in METHODS.values()]
            print(f"| {name} | {k} | " + " | ".join(f"{d:.1f}" for d in found) + " |", flush=True)


if __name__ == "__main__":
    main()
