"""What there is to draw of a run that tells classes apart: its regions over two features, and its confusion table."""

from __future__ import annotations

import numpy as np

from tidu.data.labels import class_numbers, label_text
from tidu.data.table import Table
from tidu.insight.picturing.of_runs import feature_names, table_of
from tidu.pictures.numbers import Array
from tidu.pictures.regions import ConfusionTable, Regions
from tidu.text import _
from tidu.training.judging.targets import target_values
from tidu.training.run import Run

ON_A_SIDE = 240  # points of the grid on which regions are found
MARGIN = 0.1  # in sight around the samples, as a share of their extent
MOST_CLASSES = 12  # of a confusion table that can be read


def why_no_confusion(run: Run) -> str | None:
    """Why there is no confusion table, if there is none."""
    if not run.classes:
        return _("'confusion' is for models of classes, such as --loss logistic; for numbers, see residuals")
    if len(run.classes) > MOST_CLASSES:
        return _("'confusion' has room for {most} classes; this model has {count}: 'tidu fit --json' has them").format(
            most=MOST_CLASSES, count=len(run.classes)
        )
    return None


def why_no_boundary(run: Run) -> str | None:
    """Why there is no boundary in a plane, if there is none."""
    if not run.classes:
        return _("'boundary' is for models of classes, such as --loss logistic; for numbers, see residuals")
    count = len(feature_names(run))
    if count != 2:
        return _("'boundary' is drawn in the plane of two features; this model has {count}: see confusion").format(
            count=count
        )
    return None


def confusion_of(run: Run) -> ConfusionTable:
    """How many rows of each class were taken for which, of shape (true, predicted)."""
    metrics = run.metrics if run.training_data is None else run.score(table_of(run))
    assert metrics is not None
    counts = np.array(metrics["confusion"], dtype=np.int64)
    return ConfusionTable(tuple(label_text(c) for c in run.classes), counts)


def regions_of(run: Run, margin: float = MARGIN) -> Regions:
    """Which class the model takes each point of the plane for, and how far it prefers each to all others.

    `margin` is what is in sight around the samples, as a share of their extent.
    """
    table = table_of(run)
    first, second = feature_names(run)
    x, y = (_axis(table[name], margin) for name in (first, second))
    a, b = np.meshgrid(x, y)
    logits = run.model.logits(Table({first: a.ravel(), second: b.ravel()}))
    logits = logits.reshape(len(y), len(x), -1)
    assert run.program.target is not None
    codes = run.settings.loss_object.targets.codes
    numbers = class_numbers(target_values(run.program.target, table), codes)
    points = np.column_stack([table[first], table[second]])
    return Regions((first, second), x, y, logits, points, np.asarray(numbers, dtype=np.int64),
                   tuple(label_text(c) for c in run.classes))  # fmt: skip


def _axis(values: Array, share: float) -> Array:
    low, high = float(values.min()), float(values.max())
    margin = share * (high - low) or 1.0
    return np.linspace(low - margin, high + margin, ON_A_SIDE)
