"""Handwritten digits: ten classes, one layer and two, on 1797 small images that come with the package.

The images (`data/digits.csv.bz2`) are the test set of Alpaydin & Kaynak 1998, Optical Recognition of Handwritten
Digits, UCI Machine Learning Repository, CC BY 4.0; scikit-learn ships the same.
"""

from __future__ import annotations

import bz2
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tidu.data.table import Table, train_test_split
from tidu.lessons.lesson import Material, fit_whole, rows
from tidu.training.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

IMAGES = Path(__file__).parent / "data" / "digits.csv.bz2"
LINEAR, NETWORK = "digit = linear(...)", "digit = mlp(..., hidden=[64])"
TEST_SIZE = 0.2
SPLITS = range(5)  # seeds; the first is the one whose mistakes are shown


@functools.cache
def text() -> str:
    """The images as CSV: 64 grey values from 0 to 16, p0 to p63, and the digit."""
    return bz2.decompress(IMAGES.read_bytes()).decode("ascii")


@functools.cache
def data() -> dict[str, Any]:
    """The same as columns of shape (1797,)."""
    heading, *lines = text().splitlines()
    return dict(zip(heading.split(","), np.loadtxt(lines, delimiter=",").T, strict=True))


@functools.cache
def learned(formula: str, seed: int = SPLITS[0]) -> Run:
    """40 epochs of adam in batches of 32; a fifth of the images, drawn by the seed, is kept back."""
    return fit_whole(
        formula, data(), loss="softmax", optimizer="adam", lr=0.005, batch_size=32, epochs=40, test_size=TEST_SIZE,
        seed=seed,
    )  # fmt: skip


def kept_back() -> Table:
    """The images that the first split keeps back."""
    return train_test_split(Table(data()), TEST_SIZE, SPLITS[0])[1]


def right(formula: str, seed: int) -> float:
    """The share of the images kept back that a model gets right."""
    return float((learned(formula, seed).test_metrics or {})["accuracy"])


def material() -> Material:
    """One layer and two, on images that they have not seen."""
    one, two = learned(LINEAR), learned(NETWORK)
    splits = [{"seed": k, "one_layer": right(LINEAR, k), "two_layers": right(NETWORK, k)} for k in SPLITS]
    means = {name: float(np.mean([split[name] for split in splits])) for name in ("one_layer", "two_layers")}
    test = kept_back()
    probabilities, truth = two.model.class_probabilities(test), test["digit"].astype(int)
    said = probabilities.argmax(axis=1)
    confusion = np.zeros((10, 10), dtype=int)
    np.add.at(confusion, (truth, said), 1)
    scores = {name: run.test_metrics or {} for name, run in (("one_layer", one), ("two_layers", two))}
    numbers: dict[str, Any] = {
        **{name: dict(score) for name, score in scores.items()},
        "splits": splits,
        "test_images": len(truth),
        "wrong": int(np.sum(said != truth)),
        "confusion": confusion.tolist(),
        "seconds": two.seconds,
    }
    percents = [[f"{100 * split[name]:.1f}" for name in means] for split in splits]
    values = {
        "splits": rows((k, *percent) for k, percent in zip(SPLITS, percents, strict=True)),
        "one": f"{100 * means['one_layer']:.1f}",
        "two": f"{100 * means['two_layers']:.1f}",
        "one_seen": f"{100 * (one.metrics or {})['accuracy']:.1f}",
        "image": f"{100 / len(truth):.2f}",
        "more": f"{(means['two_layers'] - means['one_layer']) * len(truth):.0f}",
        "images": str(len(truth)),
        "wrong": str(numbers["wrong"]),
        "numbers": f"{sum(np.size(v) for v in two.params.values()):,}",
        "rows": rows((f"**{k}**", *(int(v) if v else "·" for v in line)) for k, line in enumerate(confusion)),
    }
    return Material(numbers, values, {"digits.csv": text()}, {"images": lambda: _images(test, said, probabilities)})


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
