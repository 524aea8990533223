"""Each kind of picture of a run, as a figure and as a sketch: data from the modules beside, drawn by `tidu.pictures`.

Nothing is computed here. `kinds` lists what stands here; matplotlib is imported where a figure is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tidu.data.labels import label_text
from tidu.insight.picturing.cost_slices import slice_of
from tidu.insight.picturing.of_classes import confusion_of, regions_of
from tidu.insight.picturing.of_fits import bands_planes
from tidu.insight.picturing.of_intervals import pair_planes, profile_planes
from tidu.insight.picturing.of_runs import (
    fit_frames,
    fit_plane,
    gradient_planes,
    loss_plane,
    parameters_plane,
    residual_planes,
    table_of,
    why_no_fit,
)
from tidu.insight.picturing.step_graph import step_graph
from tidu.pictures.graphs import shown
from tidu.pictures.numbers import Epoch
from tidu.pictures.planes import Plane
from tidu.pictures.sketches import HEIGHT, WIDTH, map_sketch, plane_sketch, table_sketch
from tidu.text import _, columns_of, counted, mark

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tidu.insight.picturing.kinds import Request
    from tidu.pictures.cost_maps import CostMap
    from tidu.training.run import Run

MOST_HELD = 3  # parameters whose values stand below a slice
ANIMATED_FRAMES = 40  # frames of the contours' animation
MOST_BATCHES = 60  # of an epoch, that are drawn
EPOCHS_SHOWN = 2


# -- planes -------------------------------------------------------------------------------------------
def _figure(planes: Sequence[Plane], title: str = "") -> Figure:
    from tidu.pictures.plane_figures import plane_figure

    return plane_figure(planes, title)


def _sketch(planes: Sequence[Plane]) -> str:
    return "\n\n".join(map(plane_sketch, planes))


def _overview(run: Run) -> list[Plane]:
    loss = loss_plane([run])
    if run.training_data is None or why_no_fit(run) is not None:
        return [loss]
    whole = fit_plane(run)
    data, last = whole.curves[0], whole.curves[-1]
    fit = replace(whole, title="", curves=(data, replace(last, name=_("model"), ink=1)))
    return [replace(loss, title=""), fit]


def overview_figure(run: Run, request: Request) -> Figure:
    """The loss curve and, where there is one feature, the data with the fitted curve."""
    return _figure(_overview(run), run.settings.formula if len(_overview(run)) > 1 else "")


def overview_sketch(run: Run, request: Request) -> str:
    """The same as text."""
    return _sketch(_overview(run))


def loss_figure(run: Run, request: Request) -> Figure:
    """Loss curves."""
    return _figure([_losses(run, request)])


def loss_sketch(run: Run, request: Request) -> str:
    """The same as text."""
    return _sketch([_losses(run, request)])


def _losses(run: Run, request: Request) -> Plane:
    runs = [run, *request.beside]
    return loss_plane(runs, [_name(r, runs) for r in runs], request.axis)


def _name(run: Run, among: Sequence[Run]) -> str:
    """What tells a run apart from others: its number in the store, or its optimizer and batch."""
    if run.id is not None and len({r.id for r in among}) == len(among):
        return _("run {number}").format(number=run.id)
    s = run.settings
    batch = _("full batch") if s.batch_size is None else _("batches of {size}").format(size=s.batch_size)
    return _(", ").join((s.optimizer, batch))


def parameters_figure(run: Run, request: Request) -> Figure:
    """Parameters over steps."""
    return _figure([parameters_plane(run, request.of)])


def parameters_sketch(run: Run, request: Request) -> str:
    """The same as text."""
    return _sketch([parameters_plane(run, request.of)])


def fit_figure(run: Run, request: Request) -> Figure:
    """Data and the curve as it evolves."""
    return _figure([fit_plane(run)])


def fit_sketch(run: Run, request: Request) -> str:
    """Data and the curve at the end, as text."""
    plane = fit_plane(run)
    return _sketch([replace(plane, curves=(plane.curves[0], plane.curves[-1]))])


def bands_figure(run: Run, request: Request) -> Figure:
    """Data, curve and bands, over the residuals."""
    from tidu.pictures.plane_figures import stacked_figure

    above, below = bands_planes(run)
    return stacked_figure(above, below)


def bands_sketch(run: Run, request: Request) -> str:
    """The same as text, without the bands."""
    return _sketch(bands_planes(run))


def fit_animation(run: Run, request: Request) -> list[Figure]:
    """A frame for each step that is shown."""
    return [_figure([plane]) for plane in fit_frames(run)]


def residuals_figure(run: Run, request: Request) -> Figure:
    """Residuals and their distribution."""
    return _figure(residual_planes(run), run.settings.formula)


def residuals_sketch(run: Run, request: Request) -> str:
    """The same as text."""
    return _sketch(residual_planes(run))


def gradients_figure(run: Run, request: Request) -> Figure:
    """Histograms of gradients."""
    title = _("{formula}: gradients before step {step}").format(formula=run.settings.formula, step=request.step)
    return _figure(gradient_planes(run, request.step, request.of), title)


def gradients_sketch(run: Run, request: Request) -> str:
    """The same as text."""
    return _sketch(gradient_planes(run, request.step, request.of))


# -- contours -------------------------------------------------------------------------------------------
def _cost_map(run: Run, request: Request) -> CostMap:
    from tidu.pictures.cost_maps import CostMap

    s = slice_of(run, request.of, request.paths, request.limits)
    held = _(", ").join(f"{n} = {v:.4g}" for n, v in s.held.items()).replace("-", "\N{MINUS SIGN}")
    if len(s.held) > MOST_HELD:
        held = _("{count} other numbers").format(count=len(s.held))
    note = _("slice of the cost: {held} held, as at the end of the run").format(held=held) if s.held else ""
    return CostMap(s.names, s.x, s.y, s.height, s.lowest, s.limits, s.paths, s.minimum, run.settings.formula, note)


def contours_figure(run: Run, request: Request) -> Figure:
    """The cost over two parameters, and paths."""
    from tidu.pictures.cost_maps import cost_map_figure

    return cost_map_figure(_cost_map(run, request), _("minimum"), _("cost J"))


def contours_animation(run: Run, request: Request) -> list[Figure]:
    """The paths as they grow."""
    from tidu.pictures.cost_maps import cost_map_frames

    return cost_map_frames(_cost_map(run, request), _("minimum"), _("cost J"), ANIMATED_FRAMES)


def contours_sketch(run: Run, request: Request) -> str:
    """The same as text: the darker, the higher; paths as digits."""
    s = slice_of(run, request.of, request.paths, request.limits)
    root = np.sqrt(np.maximum(s.on_straight_grid(WIDTH, HEIGHT) - s.lowest, 0.0))
    shade = root / max(float(np.nanmax(root)), 1e-300)
    marks = [np.column_stack([p.x, p.y]) for p in s.paths]
    names = [f"{k + 1} {p.name}" for k, p in enumerate(s.paths)]
    signs = "".join(str(k + 1) for k in range(len(marks)))
    if s.minimum is not None:
        marks, signs = [*marks, np.array([s.minimum])], signs + "*"
        names.append(f"* {_('minimum')}")
    drawn = map_sketch(s.names[0], s.names[1], s.limits, shade, marks, signs)
    return "\n".join([_("cost J of {formula}").format(formula=run.settings.formula), drawn, " · ".join(names)])


# -- how sure a fit is --------------------------------------------------------------------------------------
def profiles_figure(run: Run, request: Request) -> Figure:
    """The profiles of parameters."""
    return _figure(profile_planes(run, request.of), run.settings.formula)


def profiles_sketch(run: Run, request: Request) -> str:
    """The same as text."""
    return _sketch(profile_planes(run, request.of))


def pairs_figure(run: Run, request: Request) -> Figure:
    """Joint regions of pairs."""
    return _figure(pair_planes(run, request.of), run.settings.formula)


def pairs_sketch(run: Run, request: Request) -> str:
    """The same as text."""
    return _sketch(pair_planes(run, request.of))


# -- batches ----------------------------------------------------------------------------------------------
def _epochs(run: Run) -> list[Epoch]:
    rows, size = table_of(run).rows, run.settings.batch_size
    per_epoch = 1 if size is None else -(-rows // min(size, rows))
    found = []
    for k in range(min(EPOCHS_SHOWN, -(-run.steps // per_epoch)) or 1):
        first = k * per_epoch
        last = min(first + per_epoch, run.steps, first + MOST_BATCHES)
        batches = tuple(tuple(run.batch_of(step)) for step in range(first, max(last, first + 1)))
        title = _("epoch {epoch}: {rows}, {updates}").format(
            epoch=k + 1,
            rows=counted(sum(map(len, batches)), mark("{n} row"), mark("{n} rows")),
            updates=counted(len(batches), mark("{n} update"), mark("{n} updates")),
        )
        found.append(Epoch(title, batches, first))
    return found


def batches_figure_of(run: Run, request: Request) -> Figure:
    """Which rows feed which update."""
    from tidu.pictures.batches import batches_figure

    return batches_figure(_epochs(run), _("update {k}"), _("row of the data"), _("update"))


def batches_sketch(run: Run, request: Request) -> str:
    """The same as lines of numbers."""
    lines = []
    for epoch in _epochs(run):
        lines.append(epoch.title)
        for k, batch in enumerate(epoch.batches):
            rows = " ".join(map(str, batch[:16])) + (" …" if len(batch) > 16 else "")
            lines.append(f"  {_('update {k}').format(k=epoch.first_update + k + 1)}:  {rows}")
    return "\n".join(lines)


# -- classes ------------------------------------------------------------------------------------------------
def confusion_figure_of(run: Run, request: Request) -> Figure:
    """The confusion table."""
    from tidu.pictures.classes import confusion_figure

    return confusion_figure(confusion_of(run), run.settings.formula, _("true class"), _("predicted class"))


def confusion_sketch(run: Run, request: Request) -> str:
    """The same as text."""
    table = confusion_of(run)
    return table_sketch(_("true ↓, predicted →"), table.classes, table.counts.tolist())


def boundary_figure(run: Run, request: Request) -> Figure:
    """Regions of the classes."""
    from tidu.pictures.classes import regions_figure

    return regions_figure([(run.settings.formula, regions_of(run))])


def boundary_sketch(run: Run, request: Request) -> str:
    """The same as text: a shade for each region, and the samples as digits."""
    r = regions_of(run)
    rows = np.linspace(len(r.y) - 1, 0, HEIGHT).round().astype(int)
    columns = np.linspace(0, len(r.x) - 1, WIDTH).round().astype(int)
    winner = r.logits[np.ix_(rows, columns)].argmax(axis=2)
    shade = 0.5 * winner / max(len(r.classes) - 1, 1)
    marks = [r.points[r.numbers == k] for k in range(len(r.classes))]
    limits = (float(r.x[0]), float(r.x[-1]), float(r.y[0]), float(r.y[-1]))
    names = " · ".join(f"{k} {label_text(name)}" for k, name in enumerate(r.classes))
    return map_sketch(r.names[0], r.names[1], limits, shade, marks, "0123456789") + "\n" + names


# -- the graph ----------------------------------------------------------------------------------------------
def graph_figure_of(run: Run, request: Request) -> Figure:
    """The computational graph."""
    from tidu.pictures.graph_figures import graph_figure

    return graph_figure(step_graph(run, request.step, request.row))


def graph_sketch(run: Run, request: Request) -> str:
    """The same as a table: each node with its formula, its value and its gradient."""
    graph = step_graph(run, request.step, request.row)
    rows = [
        (n.name, n.formula if n.kind != "layer" else ", ".join(n.parameters), shown(n.value),
         "" if n.gradient is None else shown(n.gradient))
        for n in graph.nodes
    ]  # fmt: skip
    heading = (_("node"), _("formula"), _("value"), "∂ℓ/∂·")
    widths = [max(columns_of(row[k]) for row in [heading, *rows]) for k in range(4)]
    lines = ["  ".join(cell + " " * (w - columns_of(cell)) for cell, w in zip(row, widths, strict=True)).rstrip()
             for row in [heading, *rows]]  # fmt: skip
    return "\n".join([graph.title, graph.note, *lines])
