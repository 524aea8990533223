"""Planes of a run: loss curves, parameters over steps, the fit as it evolves, residuals, gradients.

Each function takes a run (and what is asked of it) and gives planes as numbers; `kinds` says who draws them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tidu.data.table import Table
from tidu.errors import DataError, SettingError, closest
from tidu.insight.picturing.passages import passages, spread_evenly, spread_growing
from tidu.pictures.graphs import shown
from tidu.pictures.numbers import Array
from tidu.pictures.planes import DATA, Bars, Curve, Plane, Rule, drawable, spans_decades
from tidu.text import _
from tidu.training.judging.targets import target_values
from tidu.training.run import Run
from tidu.training.solving.objective import Objective

MOST_STEPS = 400  # at which parameters are looked at again
ON_A_LINE = 400  # points of a fitted curve
STAGES = 6  # curves of a fit that are drawn in one picture
FRAMES = 40  # of an animation
MOST_PARAMETERS = 12  # curves in one plane that one can tell apart


def table_of(run: Run) -> Table:
    """The rows that a run learned from."""
    if run.training_data is None:
        raise DataError(
            _("this picture needs the data that the model was fitted to; a saved model does not hold them: add --data")
        )
    return run.training_data


def feature_names(run: Run) -> list[str]:
    """The columns that a run predicts from."""
    return [c.name for c in run.program.columns if c.role == "feature"]


def target_name(run: Run) -> str:
    """What the target is called on an axis: a column, or a function of columns."""
    assert run.program.target is not None
    return str(run.program.target)


# -- loss and parameters ----------------------------------------------------------------------------
def loss_plane(runs: Sequence[Run], names: Sequence[str] = (), axis: str = "auto") -> Plane:
    """Loss curves over what the histories record, on a logarithmic axis where they fall far or it is asked for."""
    names = names or [run.settings.formula for run in runs]
    by_epoch = all(run.history.record == "epoch" for run in runs)
    curves = []
    for k, (run, name) in enumerate(zip(runs, names, strict=True)):
        h = run.history
        x = (h.epoch + 1 if by_epoch else h.step + 1).astype(np.float64)
        curves.append(Curve(name if len(runs) > 1 else "", x, drawable(h.loss), ink=k))
    log = axis == "log" or (axis == "auto" and spans_decades([c.y for c in curves]))
    if axis == "log" and not any((c.y > 0).any() for c in curves):
        raise SettingError(_("no loss of this run is above 0, so a logarithmic axis shows nothing; use axis linear"))
    alone = runs[0].settings.formula if len(runs) == 1 else ""
    label = _("loss (mean over the epoch)") if by_epoch else _("loss (mean over the batch)")
    return Plane(_("epoch") if by_epoch else _("step"), label, tuple(curves), title=alone, log_y=log)


def why_no_parameters(run: Run) -> str | None:
    """Why there are no curves of parameters, if there are none."""
    if all(p.shape for p in run.program.parameters):
        return _("a network has too many parameters for curves; see --kind gradients")
    return None


def parameters_plane(run: Run, of: Sequence[str] = ()) -> Plane:
    """The parameters over steps, from their start on."""
    names = list(run.program.parameter_names)
    chosen = [checked_name(name, names) for name in of] if of else names
    if run.program.of_arrays:
        chosen = [n for n in chosen if not run.program.parameters[names.index(n)].shape]
    if not chosen:  # the names asked for are all of vectors or matrices
        raise SettingError(_("a network has too many parameters for curves; see --kind gradients"))
    steps, values = courses(run)
    curves = [Curve(name, steps, drawable(values[name]), ink=k) for k, name in enumerate(chosen[:MOST_PARAMETERS])]
    one = [replace(curves[0], name="")] if len(curves) == 1 else curves
    y_label = chosen[0] if len(curves) == 1 else _("value of the parameter")
    return Plane(_("step"), y_label, tuple(one), title=run.settings.formula)


def courses(run: Run) -> tuple[Array, dict[str, Array]]:
    """The numbers of steps and the parameters after them: of a run with its data at any step, else of its history."""
    names = run.program.parameter_names
    if run.training_data is None or run.settings.uses_solver:
        h = run.history
        known = [n for n in names if n in h.parameters]
        steps = np.append(0, h.step + 1).astype(np.float64)
        return steps, {n: np.append(np.asarray(run.start[n], dtype=np.float64), h[n]) for n in known}
    passed = passages(run, spread_evenly(run.steps, MOST_STEPS))
    values = {n: np.array([p.parameters[k] for p in passed]) for k, n in enumerate(names)}
    return np.array([p.step for p in passed], dtype=np.float64), values


def checked_name(name: str, names: Sequence[str]) -> str:
    """A parameter by its name, or one sentence."""
    if name not in names:
        near = closest(name, names)
        hint = _(" (did you mean '{near}'?)").format(near=near) if near else ""
        raise SettingError(
            _("there is no parameter '{name}'{hint}; there are: {names}").format(
                name=name, hint=hint, names=", ".join(names)
            )
        )
    return name


# -- data and fit -------------------------------------------------------------------------------------
def why_no_fit(run: Run) -> str | None:
    """Why there is no curve over data, if there is none."""
    if run.program.target is None:
        return _("'fit' is of predictions, and a function that was minimized makes none: see contours")
    if len(feature_names(run)) != 1:
        return _("'fit' draws the curve over one feature; this model has {count}: see residuals").format(
            count=len(feature_names(run))
        )
    if run.classes:
        return _("'fit' draws a curve through numbers; this model tells classes apart: see confusion")
    return None


def fit_planes(run: Run, most: int = STAGES) -> list[Plane]:
    """The data with the curve as it was at some steps, one plane for each; the last is that of the end."""
    table = table_of(run)
    (feature,) = feature_names(run)
    x, y = table[feature], _targets(run, table)
    line = np.linspace(x.min(), x.max(), ON_A_LINE)
    on_line = Table({feature: line})
    data = Curve(_("data"), x, y, "dots", DATA)
    if run.settings.uses_solver or run.steps == 0:
        model = Curve(_("model"), line, drawable(run.model.predictions(on_line)), ink=1)
        return [Plane(feature, target_name(run), (data, model), title=run.settings.formula)]
    names, planes = run.program.parameter_names, []
    for passed in passages(run, spread_growing(run.steps, most)):
        model_then = replace(run.model, params=dict(zip(names, passed.parameters, strict=True)))
        fitted = drawable(model_then.predictions(on_line))
        curve = Curve(_("step {step}").format(step=passed.step), line, fitted, ink=1)
        planes.append(Plane(feature, target_name(run), (data, curve), title=run.settings.formula))
    return planes


def fit_plane(run: Run) -> Plane:
    """The data with the curve at some steps, the later the stronger."""
    planes = fit_planes(run)
    if len(planes) == 1:
        return planes[0]
    last = len(planes) - 1
    curves = [replace(p.curves[1], ink=k / last) for k, p in enumerate(planes)]
    return replace(planes[-1], curves=(planes[-1].curves[0], *curves))


def fit_frames(run: Run) -> list[Plane]:
    """The same one after another, every plane with the limits of the data and of the last curve."""
    planes = fit_planes(run, FRAMES)
    data, last = planes[-1].curves
    y = np.concatenate([data.y, last.y[np.isfinite(last.y)]])
    limits = (*_widened(data.x), *_widened(y))
    # The step stands in the title: in the legend it would change its width, and so that of the axes.
    return [
        replace(
            p, limits=limits, title=f"{p.title}  ·  {p.curves[1].name}",
            curves=(p.curves[0], replace(p.curves[1], name=_("model"))),
        )
        for p in planes
    ]  # fmt: skip


def _widened(values: Array) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    margin = 0.06 * (high - low) or 0.5
    return low - margin, high + margin


def _targets(run: Run, table: Table) -> Array:
    assert run.program.target is not None
    return target_values(run.program.target, table)


# -- residuals ----------------------------------------------------------------------------------------
def why_no_residuals(run: Run) -> str | None:
    """Why there are no residuals, if there are none."""
    if run.program.target is None:
        return _("'residuals' is of predictions, and a function that was minimized makes none: see contours")
    if run.classes:
        return _("'residuals' are for a target of numbers; this model tells classes apart: see confusion")
    return None


def residual_planes(run: Run) -> list[Plane]:
    """Residuals (target − prediction) over the prediction, and how often each size comes, with the normal curve."""
    table = table_of(run)
    predicted = run.model.predictions(table)
    residuals = _targets(run, table) - predicted
    good = np.isfinite(residuals)
    dots = Curve("", drawable(predicted), drawable(residuals), "dots", 0)
    bars = Bars.of(residuals[good])
    mean, spread = float(np.mean(residuals[good])), float(np.std(residuals[good]))
    curves: tuple[Curve, ...] = ()
    if spread > 0:
        at = np.linspace(bars.edges[0], bars.edges[-1], 200)
        density = np.exp(-0.5 * ((at - mean) / spread) ** 2) / (spread * np.sqrt(2 * np.pi))
        expected = density * good.sum() * (bars.edges[1] - bars.edges[0])
        name = _("normal, mean {mean:.3g}, deviation {spread:.3g}").format(mean=mean + 0.0, spread=spread)
        curves = (Curve(name, at, expected, ink=1),)
    residual = _("residual: {target} − prediction").format(target=target_name(run))
    return [
        Plane(_("prediction"), residual, (dots,), rules=(Rule("y", 0.0, "", 5),), title=""),
        Plane(residual, _("rows"), curves, bars),
    ]


# -- gradients ----------------------------------------------------------------------------------------
def gradient_planes(run: Run, step: int = 0, of: Sequence[str] = ()) -> list[Plane]:
    """How the gradients of single rows spread around their mean, parameter by parameter, before one step.

    Of a network: how large the numbers of each layer's mean gradient are.
    """
    table = table_of(run)
    names = list(run.program.parameter_names)
    chosen = [checked_name(name, names) for name in of] or names[:4]
    if run.program.of_arrays:
        return _of_layers(run, step, chosen)
    (at,) = passages(run, [_checked_step(run, step)])
    objective = Objective(run.program, [table[c.name] for c in run.program.columns])
    gradients = objective.sample_gradients(np.array(at.parameters, dtype=np.float64))
    batch = list(run.batch_of(step))
    planes = []
    for name in chosen:
        values = gradients[:, names.index(name)]
        mean = float(np.mean(values[batch]))
        rule = Rule("x", mean, _("mean over the batch: {mean}").format(mean=shown(mean)), 3)
        planes.append(Plane(f"∂ℓ/∂{name}", _("rows"), (), Bars.of(values), (rule,)))
    return planes


def _of_layers(run: Run, step: int, chosen: Sequence[str]) -> list[Plane]:
    trace = run.trace(_checked_step(run, step))
    planes = []
    for name in chosen:
        values: Any = next(v.value for v in trace.of_block("mean") if v.parameter == name or v.name == f"grad_{name}")
        bars = Bars.of(np.ravel(np.asarray(values, dtype=np.float64)))
        planes.append(Plane(_("numbers of ∂J/∂{name}").format(name=name), _("how many"), (), bars))
    return planes


def _checked_step(run: Run, step: int) -> int:
    run.batch_of(step)  # raises where there is no such step
    return step
