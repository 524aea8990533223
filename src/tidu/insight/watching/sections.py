"""What was seen in a script, as sections of a report: the terminal and pages show the same ones."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tidu.insight.reporting.document import Block, Cell, Code, Document, Facts, Items, Picture, Prose, Section, Table
from tidu.insight.watching.faults import reductions_of
from tidu.insight.watching.reductions import division_in_update
from tidu.insight.watching.variables import Turns
from tidu.insight.watching.watched import Watched
from tidu.insight.watching.watcher import Leaf, Training
from tidu.pictures.graphs import SHOWN, Graph, shown
from tidu.pictures.planes import Curve, Plane, drawable, spans_decades
from tidu.pictures.sketches import plane_sketch
from tidu.text import _, counted, mark

MOST_TRAININGS = 4  # of a script that are told one by one
MOST_CURVES = 6  # of a plane, which a person can tell apart
WIDTH, HEIGHT = 60, 9  # of a sketch, in characters
LINE = "line"  # what the lines of the script are called as places


def document_of(watched: Watched) -> Document:
    """The report of a watched script."""
    name = os.path.basename(watched.script.path)
    source = watched.script.source.decode("utf-8", "replace").rstrip("\n")
    script = Section(_("The script"), (Code(source, "python", place=LINE),))
    return Document(name, _("What happened in a script, watched by tidu."), (*sections_of(watched), script))


def sections_of(watched: Watched) -> list[Section]:
    """What is wrong, then what happened."""
    findings = _findings(watched)
    found = [findings] if findings.blocks else []
    found += [_training(t) for t in watched.trainings[:MOST_TRAININGS]]
    if watched.graph is not None:
        found.append(_graph(watched.graph))
    if watched.recording is not None and any(watched.recording.runs.values()):
        found.append(_recorded(watched.recording.runs))
    return found


# -- what is wrong ---------------------------------------------------------------------------------
def _findings(watched: Watched) -> Section:
    items: list[tuple[str, str]] = []
    for fault in watched.faults:
        where = _("line {line}: ").format(line=fault.place.line) if fault.place else ""
        items.append(("!", f"{where}{fault.words}"))
        if fault.place is not None and fault.place.text:
            items.append((" ", fault.place.text))
        items.append(("→", fault.cure))
    if watched.audit is not None:
        items += [("✓" if v.right else "!", v.said) for v in watched.audit.verdicts.values()]
        items += [("·", note) for note in watched.audit.notes]
    if watched.audit_refused:
        items.append(("!", watched.audit_refused))
    blocks: list[Block] = [Items(tuple(items))] if items else []
    if watched.trainings and not watched.faults:
        blocks.append(Items((("✓", _("none of the usual mistakes was found (clearing, updates, shapes, step size)")),)))
    if not watched.trainings and watched.recording is None:
        blocks.append(Prose(_("No tensor's backward() was called.")))
        if watched.suggestion:
            names = ",".join(watched.suggestion)
            words = _("Its loops change {names}; to see how: tidu watch {script} --record {record}")
            script = os.path.basename(watched.script.path)
            blocks.append(Prose(words.format(names=", ".join(watched.suggestion), script=script, record=names)))
    return Section(_("Findings"), tuple(blocks))


# -- a training ----------------------------------------------------------------------------------------
def _training(training: Training) -> Section:
    reduction = reductions_of(training)
    losses = training.losses
    calls = counted(len(losses), mark("{n} call of backward()"), mark("{n} calls of backward()"))
    lines = [(training.name, f"{losses[0]:.6g} → {losses[-1]:.6g}  ({calls}{_at(training)})")]
    if reduction is not None:
        lines.append((_("gradient"), reduction.words))
        lines += [(_("update"), words) for words in _updates(training, reduction.count)]
    blocks: list[Block] = [Facts(tuple(lines)), _parameters(training)]
    if len(losses) > 1:
        blocks.append(_picture(_loss_plane(training), _("{name} at each backward()").format(name=training.name)))
        moving = [leaf for leaf in training.leaves if len(leaf.path) > 1]
        if moving:
            blocks.append(_picture(_path_plane(moving), _("the way of the parameters")))
    return Section(_("Training of {names}").format(names=", ".join(x.name for x in training.leaves)), tuple(blocks))


def _at(training: Training) -> str:
    return _(", line {line}").format(line=training.place.line) if training.place is not None else ""


def _updates(training: Training, count: int) -> list[str]:
    """How the first updates were made, in words."""
    found: dict[str, None] = {}
    for leaf in training.leaves:
        if not leaf.rates or leaf.rates[0][1] < 0.9999:
            continue
        division = division_in_update(leaf, count)
        line = leaf.update_place.line if leaf.update_place else 0
        if division is not None:
            words = _("divided by {n} in the update: {name} = {value:g} (line {line})")
            found[words.format(n=count, name=division[0], value=division[1], line=line)] = None
        else:
            words = _("a step of {rate:.6g} times the gradient (line {line})")
            found[words.format(rate=leaf.rates[0][0], line=line)] = None
    return list(found)[:2]


def _parameters(training: Training) -> Table:
    walk = training.walks[0] if training.walks else None
    slopes: dict[Any, Any] = {}
    if walk is not None:
        from tidu.eager.graph import adjoints, backward_order

        seed: Any = 1.0 if type(walk.output.value) is float else np.ones_like(walk.output.value)
        slopes = adjoints(walk.output, seed, backward_order(walk.output))
    rows: list[tuple[Cell | str, ...]] = []
    for leaf in training.leaves:
        slope = slopes.get(leaf.tensor)
        shape = "×".join(map(str, np.shape(leaf.start))) or _("a number")
        rows.append((
            Cell(leaf.name, code=True), shape, _few(leaf.start), "" if slope is None else _few(slope),
            _few(leaf.tensor.value), str(leaf.updates),
        ))  # fmt: skip
    headings = _("parameter"), _("shape"), _("at first"), _("first gradient"), _("at last"), _("updates")
    return Table(headings, tuple(rows), left=(0, 1), tight=True)


def _few(value: Any) -> str:
    """A value in short; the numbers themselves, where they are few."""
    return shown(np.ravel(value) if 1 < np.size(value) <= SHOWN else value)


def _loss_plane(training: Training) -> Plane:
    y = drawable(np.array(training.losses))
    x = np.arange(len(y), dtype=np.float64)
    return Plane(_("backward()"), training.name, (Curve("", x, y),), log_y=spans_decades([y]))


def _path_plane(leaves: Sequence[Leaf]) -> Plane:
    curves: list[Curve] = []
    for leaf in leaves:
        for k in range(len(leaf.path[0])):
            name = leaf.name if len(leaf.path[0]) == 1 else f"{leaf.name}[{k}]"
            y = drawable(np.array([v[k] for v in leaf.path]))
            curves.append(Curve(name, np.array(leaf.steps, dtype=np.float64), y, ink=len(curves)))
    return Plane(_("backward()"), _("parameters"), tuple(curves[:MOST_CURVES]))


# -- the graph ----------------------------------------------------------------------------------------
def _graph(graph: Graph) -> Section:
    rows: list[tuple[Cell | str, ...]] = [
        (
            Cell(n.name, strong=n.kind in ("parameter", "loss"), code=True), Cell(n.formula, code=True), _few(n.value),
            "" if n.gradient is None else _few(n.gradient),
        )
        for n in graph.nodes
    ]  # fmt: skip
    headings = _("value of"), _("computed as"), _("value"), _("gradient")
    table = Table(headings, tuple(rows), left=(0, 1), tight=True)

    def draw() -> Any:
        from tidu.pictures.graph_figures import graph_figure

        return graph_figure(graph)

    return Section(graph.title, (table, Picture(draw, graph.title)))


# -- variables ----------------------------------------------------------------------------------------
def _recorded(runs: dict[str, list[Turns]]) -> Section:
    blocks: list[Block] = []
    lines = []
    for name, of_name in runs.items():
        kept = [r for r in of_name if r.turns]
        if not kept:
            lines.append((name, _("held no numbers in that loop")))
            continue
        first, last = kept[0].values[0], kept[-1].kept[1][-1]
        turns = counted(kept[-1].count, mark("{n} turn of the loop"), mark("{n} turns of the loop"))
        where = _(" in line {line}").format(line=kept[0].line)
        starts = _(", {n} starts").format(n=len(kept)) if len(kept) > 1 else ""
        lines.append((name, f"{_value(first)} → {_value(last)}  ({turns}{where}{starts})"))
        if any(len(r.turns) > 1 for r in kept):
            blocks.append(_picture(_variable_plane(name, kept), _("{name} at each turn").format(name=name)))
    return Section(_("Recorded"), (Facts(tuple(lines)), *blocks))


def _variable_plane(name: str, runs: Sequence[Turns]) -> Plane:
    curves: list[Curve] = []
    for number, run in enumerate(runs, 1):
        for k in range(len(run.values[-1])):
            x, y = run.element(k)
            element = f"{name}[{k}]" if len(run.values[-1]) > 1 else name
            called = f"{element} ({number})" if len(runs) > 1 else element
            curves.append(Curve(called, x, drawable(y), ink=len(curves)))
    curves = curves[:MOST_CURVES]
    return Plane(_("turn"), name, tuple(curves), log_y=spans_decades([c.y for c in curves]))


def _value(values: Any) -> str:
    return f"{float(values[0]):.8g}" if len(values) == 1 else shown(values)


def _picture(plane: Plane, words: str) -> Picture:
    def draw() -> Any:
        from tidu.pictures.plane_figures import plane_figure

        return plane_figure([plane])

    sketch: Callable[[], str] = lambda: plane_sketch(plane, WIDTH, HEIGHT)  # noqa: E731
    return Picture(draw, words, sketch)
