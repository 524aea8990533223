"""Planes of a least-squares fit: data with error bars, the curve with its bands, and the residuals below.

Axes are logarithmic where that straightens the curve, so that a power law or a decay looks like what it is.
"""

from __future__ import annotations

import math

import numpy as np

from tidu.data.table import Table
from tidu.insight.picturing.of_runs import feature_names, table_of, target_name, why_no_fit
from tidu.pictures.numbers import Array
from tidu.pictures.planes import DATA, Band, Curve, Plane, Rule, drawable
from tidu.text import _
from tidu.training.judging.targets import target_values
from tidu.training.run import Run

ON_A_LINE = 400  # points of the curve
LEVEL = 0.95
DECADES = 1.3  # that data span where a logarithmic axis is worth a thought
STRAIGHT, BENT = 0.995, 0.985  # r² of a straight line: above the one it looks straight, below the other it does not


def why_no_bands(run: Run) -> str | None:
    """Why there is no curve with bands, if there is none."""
    reason = why_no_fit(run)
    if reason is not None:
        return reason.replace("'fit'", "'bands'", 1)
    if run.statistics is None:
        return _("'bands' needs the statistics of a least-squares fit; fit with optimizer lm or auto")
    return None


def bands_planes(run: Run) -> tuple[Plane, Plane]:
    """Two planes over the same x: data, curve, confidence and prediction band; and the residuals."""
    table = table_of(run)
    assert run.program.target is not None
    (feature,) = feature_names(run)
    x, y = np.asarray(table[feature]), target_values(run.program.target, table)
    sigma = np.asarray(table[run.settings.sigma]) if run.settings.sigma is not None else None
    log_x, log_y = _axes(run, feature, x, y)
    line = np.geomspace(x.min(), x.max(), ON_A_LINE) if log_x else np.linspace(x.min(), x.max(), ON_A_LINE)
    on_line = Table({feature: line})
    curve, low, high = run.model.prediction_interval(on_line, LEVEL, "mean")
    _curve, least, most = run.model.prediction_interval(on_line, LEVEL, "sample")
    bands = [Band(_("95% of the curve"), line, drawable(low), drawable(high), 1, 0.35)]
    if sigma is None:  # a new sample has no known deviation of its own
        bands.insert(0, Band(_("95% of new samples"), line, drawable(least), drawable(most), 1, 0.12))
    data = Curve(_("data"), x, y, "dots", DATA, spread=sigma)
    above = Plane(
        "", target_name(run), (data, Curve(_("model"), line, drawable(curve), ink=1)), title=run.settings.formula,
        log_x=log_x, log_y=log_y, bands=tuple(bands),
    )  # fmt: skip
    residuals = y - run.model.predictions(table)
    dots = Curve("", x, drawable(residuals if sigma is None else residuals / sigma), "dots", DATA)
    below = Plane(
        feature,
        _("residual") if sigma is None else _("residual/σ"),
        (dots,),
        rules=(Rule("y", 0.0, "", 1),),
        log_x=log_x,
    )
    return above, below


def _axes(run: Run, feature: str, x: Array, y: Array) -> tuple[bool, bool]:
    """Whether x and y are better on logarithmic axes: both kinds of each are tried, and the straightest is taken."""
    may_x, may_y = _spans(x), _spans(y)
    if not (may_x or may_y):
        return False, False
    line = np.geomspace(x.min(), x.max(), 100) if may_x else np.linspace(x.min(), x.max(), 100)
    curve = run.model.predictions(Table({feature: line}))
    may_y = may_y and bool(np.all(curve > 0))
    plain = _straightness(line, curve, False, False)
    tried = {(a, b): _straightness(line, curve, a, b) for a in {False, may_x} for b in {False, may_y}}
    (log_x, log_y), best = max(tried.items(), key=lambda entry: entry[1])
    if best > STRAIGHT and plain < BENT:
        return log_x, log_y
    # What runs over decades of x evenly was measured on a logarithmic scale.
    return may_x and _is_even(np.log(x)) and not _is_even(x), False


def _spans(values: Array) -> bool:
    return bool(values.min() > 0 and math.log10(values.max() / values.min()) > DECADES)


def _straightness(x: Array, y: Array, log_x: bool, log_y: bool) -> float:
    """r² of a straight line through the curve, at places that are evenly spread along the axis."""
    u, v = (np.log(x) if log_x else x), (np.log(y) if log_y else y)
    if not np.all(np.isfinite(v)):
        return 0.0
    even = np.linspace(u[0], u[-1], 100)
    v = np.interp(even, u, v)
    return float(np.corrcoef(even, v)[0, 1] ** 2) if np.ptp(v) > 0 else 1.0


def _is_even(values: Array) -> bool:
    """Whether the middle of the values lies near the middle between their ends."""
    share = (np.median(values) - values.min()) / (values.max() - values.min())
    return bool(0.3 < share < 0.7)
