"""Scores of the estimators beside scikit-learn's own on the data that scikit-learn ships, and the ratio of fit times.

    python benchmarks/scores.py [--write]     # --write: docs/scores.md and docs/scores.zh.md

Every estimator stands behind a StandardScaler, with its defaults except what its row says. Scores are means over the
same folds, repeated; `±` is the standard error of the difference to the first row. Contenders take turns.
"""

from __future__ import annotations

import argparse
import datetime
import os
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from machine import machine
from sklearn import datasets
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier, SGDRegressor
from sklearn.model_selection import RepeatedKFold, RepeatedStratifiedKFold
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from tidu.sklearn import GDClassifier, GDRegressor

DOCS = Path(__file__).parents[1] / "docs"
FOLDS, REPEATS, ROUNDS = 5, 2, 2
NETWORK = {"optimizer": "adam", "lr": 0.01, "batch_size": 200, "epochs": 200}
# What is fitted, by the words of its row; the first of each group is the one whose time the others' are compared with.
REGRESSORS: dict[str, dict[str, Callable[[], Any]]] = {
    "linear": {
        "Ridge()": Ridge,
        "SGDRegressor()": lambda: SGDRegressor(random_state=0),
        "GDRegressor()": GDRegressor,
        'GDRegressor(optimizer="lm")': lambda: GDRegressor(optimizer="lm"),
        "GDRegressor(batch_size=32, epochs=100)": lambda: GDRegressor(batch_size=32, epochs=100),
    },
    "network": {
        "MLPRegressor()": lambda: MLPRegressor(random_state=0),
        'GDRegressor("mlp(hidden=[100])", lr=0.01, ...)': lambda: GDRegressor("mlp(hidden=[100])", **NETWORK),
    },
}
CLASSIFIERS: dict[str, dict[str, Callable[[], Any]]] = {
    "linear": {
        "LogisticRegression()": LogisticRegression,
        "SGDClassifier()": lambda: SGDClassifier(random_state=0),
        "GDClassifier()": GDClassifier,
        "GDClassifier(l2=0.001)": lambda: GDClassifier(l2=0.001),
        "GDClassifier(batch_size=32, epochs=100)": lambda: GDClassifier(batch_size=32, epochs=100),
    },
    "network": {
        "MLPClassifier()": lambda: MLPClassifier(random_state=0),
        'GDClassifier("mlp(hidden=[100])", lr=0.01, ...)': lambda: GDClassifier("mlp(hidden=[100])", **NETWORK),
    },
}


@dataclass(frozen=True)
class Row:
    """One estimator on one data set: its score in each fold, and the median time of a fit."""

    name: str
    scores: np.ndarray
    seconds: float


def data_sets() -> list[tuple[str, np.ndarray, np.ndarray, bool]]:
    """Name, features, target, and whether the target is a class."""
    found = []
    for name in ("iris", "wine", "breast_cancer", "digits"):
        data = getattr(datasets, f"load_{name}")()
        found.append((name.replace("_", " "), data.data, data.target, True))
    diabetes = datasets.load_diabetes()
    found.append(("diabetes", diabetes.data, diabetes.target, False))
    return found


def rows_of(features: np.ndarray, target: np.ndarray, group: dict[str, Callable[[], Any]], classes: bool) -> list[Row]:
    """Every estimator of a group in every fold, by turns."""
    split = (RepeatedStratifiedKFold if classes else RepeatedKFold)(n_splits=FOLDS, n_repeats=REPEATS, random_state=0)
    scores: dict[str, list[float]] = {name: [] for name in group}
    seconds: dict[str, list[float]] = {name: [] for name in group}
    for number, (learned, kept_back) in enumerate(split.split(features, target)):
        for name, make in group.items():
            times = []
            for _round in range(ROUNDS if number < FOLDS else 1):
                model = make_pipeline(StandardScaler(), make())
                begun = time.perf_counter()
                model.fit(features[learned], target[learned])
                times.append(time.perf_counter() - begun)
            seconds[name] += times[-2:]  # the first may have compiled
            scores[name].append(model.score(features[kept_back], target[kept_back]))
    return [Row(name, np.array(scores[name]), float(np.median(seconds[name]))) for name in group]


def measured() -> list[tuple[str, str, list[Row]]]:
    """Every data set with every group of estimators."""
    results = []
    for name, features, target, classes in data_sets():
        for group, estimators in (CLASSIFIERS if classes else REGRESSORS).items():
            results.append((name, group, rows_of(features, target, estimators, classes)))
            print(_table(results[-1][2], "en"), flush=True)
    return results


HEADINGS = {"en": ("estimator", "score", "difference to the first", "fit", "÷ the first"),
            "zh": ("估计器", "得分", "与第一行之差", "拟合用时", "÷ 第一行")}  # fmt: skip
TITLES = {"en": "Scores and times beside scikit-learn", "zh": "与 scikit-learn 比得分和时间"}
GROUPS = {"en": {"linear": "linear models", "network": "networks"}, "zh": {"linear": "线性模型", "network": "网络"}}
WORDS = {
    "en": """The data sets that scikit-learn ships; `python benchmarks/scores.py --write` measured and wrote this.

- Each estimator stands behind a `StandardScaler` and has its defaults, except what its row says. The networks of tidu
  have the settings that scikit-learn's have by default (100 units, adam, batches of 200, 200 epochs), except the rate:
  at 0.001, 200 epochs of so few rows are too short for both (R² of diabetes is below 0), and tidu's starting weights,
  which are larger (He et al. 2015, not Glorot & Bengio 2010), need longer: 0.91 on iris against 0.95.
- The score is R² of numbers and the accuracy of classes: the mean over {folds} folds, {repeats} times drawn anew, the
  same for all.
- `LogisticRegression` and `Ridge` have a penalty by default; `GDClassifier` has none, and `l2=0.001` is of that size.
- Linnerud is left out: on its 20 rows every model here predicts worse than the mean (R² of `Ridge` is −2).
- The difference has its standard error over the folds behind `±`. What is smaller than twice that is chance.
- Times are medians of fits by turns, in one process, compiled loops warm, the matrix library on one thread. `Ridge` and
  `LogisticRegression` solve the problem directly; nobody needs a descent for so small a problem, except to see it.

{machine}
""",
    "zh": """数据是 scikit-learn 自带的；由 `python benchmarks/scores.py --write` 测量并写出这一页。

- 每个估计器前面都有 `StandardScaler`，除了行里写明的以外都用默认设置。tidu 的网络采用 scikit-learn 网络的
  默认设置（100 个单元，adam，批量 200，200 轮），只有学习率不同：学习率 0.001 时，这么少的行训练 200 轮，对两者都太短
  （diabetes 的 R² 低于 0）；tidu 的初始权重较大（He 等 2015，而不是 Glorot 与 Bengio 2010），需要更久：iris 上是 0.91，
  scikit-learn 是 0.95。
- 得分：数值用 R²，分类用准确率；取 {folds} 折的平均，重新抽取 {repeats} 次，大家用同样的折。
- `LogisticRegression` 和 `Ridge` 默认带惩罚；`GDClassifier` 没有，`l2=0.001` 大约是同样的大小。
- 没有用 linnerud：它只有 20 行，这里每个模型的预测都不如平均值（`Ridge` 的 R² 是 −2）。
- 差的后面，`±` 是各折上的标准误；小于它两倍的，只是偶然。
- 时间是同一进程里轮流拟合的中位数，编译好的循环已经就绪，矩阵库用一个线程。`Ridge` 和 `LogisticRegression` 直接求解；
  这么小的问题用不着下降，除非想看它怎样下降。

{machine}
""",
}


def _table(rows: list[Row], lang: str) -> str:
    first = rows[0]
    lines = ["| " + " | ".join(HEADINGS[lang]) + " |", "|---|---:|---:|---:|---:|"]
    for row in rows:
        apart = row.scores - first.scores
        error = apart.std(ddof=1) / np.sqrt(len(apart))
        difference = "" if row is first else f"{apart.mean():+.3f} ± {error:.3f}"
        ratio = "1" if row is first else f"{row.seconds / first.seconds:.2g}"
        took = f"{row.seconds * 1e3:.3g} ms"
        lines.append(f"| `{row.name}` | {row.scores.mean():.3f} | {difference} | {took} | {ratio} |")
    return "\n".join(lines) + "\n"


def page(results: list[tuple[str, str, list[Row]]], lang: str, on: str) -> str:
    """The results in a language."""
    words = WORDS[lang].format(folds=FOLDS, repeats=REPEATS, machine=on)
    parts = [f"# {TITLES[lang]}\n", words]
    for name, group, rows in results:
        between = ": " if lang == "en" else "："
        parts.append(f"## {name}{between}{GROUPS[lang][group]}\n\n{_table(rows, lang)}")
    return "\n".join(parts)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--write", action="store_true", help="write the pages of the docs")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    with threadpool_limits(1):  # the matrix library's threads only wait for one another over data of this size
        found = measured()
    if arguments.write:
        on = f"{datetime.date.today()}: {machine(os.cpu_count() or 1)}; tidu {version('tidu')}, "
        on += f"scikit-learn {version('scikit-learn')}, numpy {version('numpy')}."
        for lang, suffix in (("en", ""), ("zh", ".zh")):
            (DOCS / f"scores{suffix}.md").write_text(page(found, lang, on), encoding="utf-8")
