"""The NIST StRD problems of nonlinear least squares that lie in `nist/`: data, starts, certified values."""

import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "nist"
FORMULAS = {
    "Chwirut2": "y = exp(-b1*x)/(b2 + b3*x)",
    "DanWood": "y = b1*x**b2",
    "Gauss1": "y = b1*exp(-b2*x) + b3*exp(-(x - b4)**2/b5**2) + b6*exp(-(x - b7)**2/b8**2)",
    "Kirby2": "y = (b1 + b2*x + b3*x**2)/(1 + b4*x + b5*x**2)",
    "Lanczos3": "y = b1*exp(-b2*x) + b3*exp(-b4*x) + b5*exp(-b6*x)",
    "MGH17": "y = b1 + b2*exp(-x*b4) + b3*exp(-x*b5)",
    "Misra1a": "y = b1*(1 - exp(-b2*x))",
    "Rat42": "y = b1/(1 + exp(b2 - b3*x))",
}


@dataclass(frozen=True)
class Problem:
    name: str
    formula: str
    rows: list[list[str]]
    starts: list[dict[str, float]]
    certified: dict[str, float]
    deviations: dict[str, float]
    residual_sum_of_squares: float
    residual_standard_deviation: float
    degrees_of_freedom: int

    @property
    def columns(self):
        return {"y": [float(r[0]) for r in self.rows], "x": [float(r[1]) for r in self.rows]}


def problem(name):
    lines = (FOLDER / f"{name}.dat").read_text(encoding="ascii").splitlines()
    values = [m.groups() for m in (re.match(r"\s*(b\d+) =" + r"\s+(\S+)" * 4 + r"\s*$", line) for line in lines) if m]
    numbers = {key: line.split()[-1] for line in lines for key in FACTS if line.startswith(key)}
    data = [line.split() for line in lines[max(k for k, x in enumerate(lines) if x.startswith("Data:")) + 1 :]]
    return Problem(
        name,
        FORMULAS[name],
        [row for row in data if row],
        [{v[0]: float(v[1 + k]) for v in values} for k in (0, 1)],
        {v[0]: float(v[3]) for v in values},
        {v[0]: float(v[4]) for v in values},
        *(kind(numbers[key]) for key, kind in FACTS.items()),
    )


FACTS = {"Residual Sum of Squares": float, "Residual Standard Deviation": float, "Degrees of Freedom": int}
