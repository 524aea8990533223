"""Handwritten digits: a network of two layers on the 1797 images that scikit-learn ships."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from tidu.data.table import Table, train_test_split
from tidu.errors import MissingDependency
from tidu.lessons.lesson import Material, fit_whole, rows
from tidu.text import _
from tidu.training.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMULA = "digit = mlp(..., hidden=[64])"
TEST_SIZE, SEED = 0.2, 0


@functools.cache
def data() -> dict[str, Any]:
    """64 grey values from 0 to 16 for each image (Alpaydin & Kaynak 1998), and the digit."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise MissingDependency(
            _("this lesson needs the images that scikit-learn ships; install it: pip install scikit-learn")
        ) from None
    bunch = load_digits()
    return {f"p{k}": bunch.data[:, k] for k in range(64)} | {"digit": bunch.target.astype(float)}


@functools.cache
def learned(formula: str) -> Run:
    """40 epochs of adam in batches of 32; a fifth of the images is kept back."""
    return fit_whole(
        formula, data(), loss="softmax", optimizer="adam", lr=0.005, batch_size=32, epochs=40, test_size=TEST_SIZE,
        seed=SEED,
    )  # fmt: skip


def kept_back() -> Table:
    """The test images of `learned`."""
    table = Table({n: np.asarray(v, dtype=np.float64) for n, v in data().items()})
    return train_test_split(table, TEST_SIZE, SEED)[1]


def material() -> Material:
    """One layer and two, on images that they have not seen."""
    one, two = learned("digit = linear(...)"), learned(FORMULA)
    test = kept_back()
    probabilities, truth = two.model.class_probabilities(test), test["digit"].astype(int)
    said = probabilities.argmax(axis=1)
    confusion = np.zeros((10, 10), dtype=int)
    np.add.at(confusion, (truth, said), 1)
    scores = {name: run.test_metrics or {} for name, run in (("one_layer", one), ("two_layers", two))}
    numbers: dict[str, Any] = {
        **{name: dict(score) for name, score in scores.items()},
        "test_images": len(truth),
        "wrong": int(np.sum(said != truth)),
        "confusion": confusion.tolist(),
        "seconds": two.seconds,
    }
    values = {
        "one": f"{100 * scores['one_layer']['accuracy']:.1f}",
        "two": f"{100 * scores['two_layers']['accuracy']:.1f}",
        "images": str(len(truth)),
        "wrong": str(numbers["wrong"]),
        "numbers": f"{sum(np.size(v) for v in two.params.values()):,}",
        "rows": rows((f"**{k}**", *(int(v) if v else "·" for v in line)) for k, line in enumerate(confusion)),
    }
    return Material(numbers, values, {"digits.csv": _csv()}, {"images": lambda: _images(test, said, probabilities)})


def _csv() -> str:
    columns = data()
    lines = [",".join(columns)]
    lines += [",".join(f"{v:g}" for v in row) for row in zip(*columns.values(), strict=True)]
    return "\n".join(lines) + "\n"


def _images(test: Table, said: Any, probabilities: Any) -> Figure:
    """The test images of which the network is least sure: the right ones and the wrong."""
    from tidu.pictures.classes import images

    truth = test["digit"].astype(int)
    sure = probabilities[np.arange(len(said)), said]
    wrong = [i for i in np.argsort(sure) if said[i] != truth[i]][:12]
    others = [i for i in np.argsort(sure) if said[i] == truth[i]][: 24 - len(wrong)]
    chosen = [*wrong, *others]
    pixels = np.column_stack([test[f"p{k}"] for k in range(64)])[chosen].reshape(-1, 8, 8)
    return images(pixels, [f"{truth[i]} → {said[i]}" for i in chosen], [said[i] == truth[i] for i in chosen])
