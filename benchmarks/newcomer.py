"""What a newcomer gets on raw data: the first run without a setting, `auto` and `lm`, on the data of scikit-learn and
statsmodels.

Each set is fitted as a plane in all its columns (a sigmoid of one for two classes), nothing scaled. `before` is the
fixed rate of 0.01, `curvature` is lr="auto"; the default is the fixed rate where it works, and a rescaled descent where
it does not. Prints R² (accuracy for classes), or that it diverged. Needs `pip install statsmodels`.

    python benchmarks/newcomer.py
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator

import numpy as np
from sklearn import datasets

import tidu

Columns = dict[str, np.ndarray]
OPTIONS = {
    "before: 0.01": {"lr": 0.01},
    "default": {},
    "curvature": {"lr": "auto"},
    "--scale": {"scale": True},
    "auto": {"optimizer": "auto"},
    "lm": {"optimizer": "lm"},
}


def of_sklearn() -> Iterator[tuple[str, np.ndarray, np.ndarray, str]]:
    diabetes = datasets.load_diabetes(scaled=False)
    yield "diabetes", diabetes.data, diabetes.target, "squared"
    linnerud = datasets.load_linnerud()
    for k, name in enumerate(linnerud.target_names):
        yield f"linnerud {name}", linnerud.data, linnerud.target[:, k], "squared"
    cancer = datasets.load_breast_cancer()
    yield "breast cancer", cancer.data[:, :10], cancer.target.astype(float), "logistic"
    iris = datasets.load_iris()
    yield "iris petals", iris.data[:, :3], iris.data[:, 3], "squared"
    wine = datasets.load_wine()
    yield "wine alcohol", wine.data[:, 1:], wine.data[:, 0], "squared"


def of_statsmodels() -> Iterator[tuple[str, np.ndarray, np.ndarray, str]]:
    import statsmodels.api as sm

    names = [
        "ccard",
        "co2",
        "copper",
        "cpunish",
        "engel",
        "fair",
        "grunfeld",
        "longley",
        "macrodata",
        "nile",
        "scotland",
        "spector",
        "stackloss",
        "star98",
        "statecrime",
        "strikes",
        "sunspots",
        "elnino",
        "cancer",
        "committee",
        "anes96",
        "china_smoking",
        "danish_data",
        "fertility",
        "heart",
        "interest_inflation",
        "modechoice",
        "randhie",
    ]
    for name in names:
        try:
            data = getattr(sm.datasets, name).load_pandas()
        except Exception:  # one that this version has not, or has to fetch
            continue
        y, x = getattr(data, "endog", None), getattr(data, "exog", None)
        if y is None or getattr(y, "ndim", 1) != 1:
            continue
        if x is None:
            x = np.arange(len(y), dtype=float)[:, None]
        x = np.asarray(x)
        try:
            x, y = np.asarray(x, dtype=float).reshape(len(y), -1), np.asarray(y, dtype=float)
        except (TypeError, ValueError):
            continue
        good = np.isfinite(y) & np.all(np.isfinite(x), axis=1)
        varied = np.ptp(x[good], axis=0) > 0.0 if good.any() else np.zeros(x.shape[1], bool)
        if good.sum() > 3 and varied.any():
            yield name, x[good][:2000][:, varied], y[good][:2000], "squared"


def outcome(x: np.ndarray, y: np.ndarray, loss: str, options: dict[str, object]) -> tuple[str, bool]:
    columns: Columns = {f"x{k}": x[:, k] for k in range(x.shape[1])} | {"y": y}
    formula = "y = b + " + " + ".join(f"w{k}*x{k}" for k in range(x.shape[1]))
    try:
        run = tidu.fit(formula, columns, loss=loss, **options)
    except tidu.TiduError:
        return "-", False
    if run.diverged:
        return "diverged", False
    score = run.metrics.get("r2", run.metrics.get("accuracy", math.nan))
    return f"{score:.4f}" if score > -10 else f"{score:.1e}", score > 0.0


def main() -> None:
    print(f"{'data':<22}{'rows':>6}{'columns':>8}" + "".join(f"{name:>14}" for name in OPTIONS))
    served = dict.fromkeys(OPTIONS, 0)
    sets = 0
    for name, x, y, loss in (*of_sklearn(), *of_statsmodels()):
        cells = {option: outcome(x, y, loss, values) for option, values in OPTIONS.items()}
        sets += 1
        for option, (_cell, good) in cells.items():
            served[option] += good
        print(f"{name:<22}{len(y):>6}{x.shape[1]:>8}" + "".join(f"{cell:>14}" for cell, _good in cells.values()))
    print(f"{'better than a constant, of ' + str(sets):<36}" + "".join(f"{served[name]:>14}" for name in OPTIONS))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
