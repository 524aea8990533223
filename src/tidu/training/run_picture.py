"""The picture of a run: its loss curve and, for one feature, the data with the fitted curve."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from tidu.data.table import Table
from tidu.pictures.numbers import FittedCurve

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tidu.training.run import Run


def picture_of(run: Run, path: str | os.PathLike[str] | None = None) -> Figure:
    """The figure, saved to `path` if given."""
    from tidu.pictures.curves import fit_picture
    from tidu.pictures.figure import save

    figure = fit_picture(run.settings.formula, run.history.record, run.history.loss, fitted_curve(run))
    if path is not None:
        save(figure, path)
    return figure


def fitted_curve(run: Run) -> FittedCurve | None:
    """The data and the fitted curve, for a model of one feature that still has its training data."""
    features = [c.name for c in run.program.columns if c.role == "feature"]
    target = run.program.target
    if len(features) != 1 or run.training_data is None or target is None or not target.is_symbol:
        return None
    x = run.training_data[features[0]]
    line = np.linspace(x.min(), x.max(), 400)
    fitted = run.model.predictions(Table({features[0]: line}))
    return FittedCurve(features[0], target.name, x, run.training_data[target.name], line, fitted)
