"""What each view of the page shows of an experiment at a moment: plain values and arrays, made by the engine.

Every function takes an `Experiment` and a `Moment` and gives a `Reply`; the page draws it and computes nothing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from tidu.content.methods import AUTO, is_solver
from tidu.engines.mathematics import MATHML, equations, update_rule
from tidu.engines.program import Program
from tidu.errors import SettingError
from tidu.insight.doctor import diagnose
from tidu.insight.nodes import Identities
from tidu.insight.picturing.step_graph import step_graph
from tidu.lab.experiment import MOST_COLUMNS, Experiment, Moment
from tidu.lab.frames import Reply
from tidu.language.expr import Expr
from tidu.language.mathml import math as math_element
from tidu.language.mathml import mathml, mathml_lines
from tidu.text import _
from tidu.training.functions import NO_COLUMN
from tidu.training.judging.evaluation import cost_of, inputs_from, predictions_of
from tidu.training.problem import Problem
from tidu.training.solving.spectrum import Watch, largest_curvature, spectrum_of

Array = npt.NDArray[np.float64]
MOST_POINTS = 4000  # of the data, that are drawn
MOST_CELLS = 50_000  # of the data, that are sent to be drawn
MOST_STEPS = 2000  # of a path or a loss curve, in one message
MOST_OF_BATCH = 2000  # rows of a batch that are marked
LINE = 240  # places at which a curve is computed
GRID = 61  # of contours, along each side
BOUNDARY = 56  # of a decision boundary, along each side
SAMPLE = 2000  # rows that contours are computed from
ROWS = 100  # of the table, in one message
STYLE = re.compile(r""" style=("[^"]*"|'[^']*')""")
MOST_ON_PROFILE = 200  # steps of the way along one parameter
MARGIN = 0.06  # of the range of a feature, that a curve goes beyond it


def features_of(experiment: Experiment) -> list[str]:
    """The columns that predictions are made from; none for a function, which predicts nothing."""
    if experiment.of_function:
        return []
    return [c.name for c in experiment.problem.program.columns if c.role == "feature"]


def _values(moment: Moment) -> tuple[Any, ...]:
    return tuple(moment.parameters.values())


# -- where it stands ------------------------------------------------------------------------------
def standing(experiment: Experiment, moment: Moment) -> Reply:
    """Step, epoch, parameters, the cost over all rows, and why it goes no further."""
    cost = cost_at(experiment, moment)
    shown = {
        name: float(v) if np.ndim(v) == 0 else {"shape": list(np.shape(v))} for name, v in moment.parameters.items()
    }
    return Reply({
        "step": moment.step, "epoch": moment.state.epoch, "rows_of_epoch": moment.state.start, "why": moment.why,
        "params": shown, "cost": cost, "end": experiment.end,
        "digits": {name: repr(float(v)) for name, v in moment.parameters.items() if np.ndim(v) == 0},
    })  # fmt: skip


def start_of(experiment: Experiment) -> dict[str, float]:
    """The numbers that a training starts from, by the names of the parameters; arrays are left out."""
    problem = experiment.problem
    named = zip(problem.program.parameter_names, problem.start, strict=True)
    return {name: float(value) for name, value in named if np.ndim(value) == 0}


def _cost(problem: Problem, columns: Sequence[Array], calls: int) -> Callable[[Sequence[Any]], float]:
    program = problem.program
    return cost_of(program, inputs_from(program, columns) if program.of_arrays else columns, calls)


def cost_at(experiment: Experiment, moment: Moment) -> float:
    """J over all rows, at the parameters of a moment."""
    if experiment.cost is None:
        experiment.cost = _cost(experiment.problem, experiment.problem.columns, 1000)
    with np.errstate(all="ignore"):
        return float(experiment.cost(_values(moment)))


def losses(experiment: Experiment, moment: Moment, after: int = 0) -> Reply:
    """The rows of the history behind step `after`: steps, the loss of each one's batch, and the parameters after it."""
    steps, values = experiment.track.between(after, moment.step, MOST_STEPS)
    names = experiment.recorded
    own = values[:, 3 : 3 + len(names)]
    rescaling = experiment.problem.rescaling
    if names and rescaling is not None:  # the way of the user's parameters, not of those in which it descends
        names, own = experiment.problem.program.parameter_names, rescaling.start + own @ rescaling.matrix.T
    return Reply(
        {"recorded": list(names), "after": after},
        {"steps": steps.astype(np.float64), "losses": values[:, 0].copy(), "path": own.copy()},
    )


# -- data and model -------------------------------------------------------------------------------
def points(experiment: Experiment) -> Reply:
    """The rows of the data, thinned evenly where there are many, by the columns that the formula reads."""
    problem = experiment.problem
    names = [c.name for c in problem.program.columns if c.name != NO_COLUMN]
    most = min(problem.rows, MOST_POINTS, max(1, MOST_CELLS // max(1, len(names))))
    chosen = np.unique(np.linspace(0, problem.rows - 1, most).round().astype(np.int64))
    table = np.column_stack([c[chosen] for c in problem.columns]) if names else np.empty((0, 0))
    target = problem.program.target
    plain = {
        "names": names, "features": features_of(experiment),
        "target": target.name if target is not None and target.is_symbol else str(target),
        "rows": problem.rows if names else 0, "classes": [str(c) for c in problem.classes],
        "function": experiment.of_function,
    }  # fmt: skip
    return Reply({"data": plain}, {"chosen": chosen.astype(np.int32), "table": table})


def fitted(experiment: Experiment, moment: Moment) -> Reply:
    """The curve of a model of one feature; the predictions over the plane for one of two; else nothing."""
    problem, names = experiment.problem, features_of(experiment)
    program = problem.program
    with np.errstate(all="ignore"):
        if len(names) == 1:
            line = _spread(problem.table[names[0]], LINE) if problem.table is not None else np.empty(0)
            found = predictions_of(program, [line], _values(moment), len(line))
            return Reply({"fit": "line", "feature": names[0]}, {"line": line, "fitted": found})
        if len(names) == 2 and problem.table is not None:
            x, y = (_spread(problem.table[n], BOUNDARY) for n in names)
            plane = [np.repeat(x, len(y)), np.tile(y, len(x))]
            found = predictions_of(program, plane, _values(moment), plane[0].size)
            if found.ndim == 2:
                found = found.argmax(axis=1).astype(np.float64)
            shape = (len(x), len(y))
            return Reply({"fit": "plane", "features": names}, {"x": x, "y": y, "plane": found.reshape(shape)})
    return Reply({"fit": "none"})


def _spread(column: Array, count: int) -> Array:
    low, high = float(column.min()), float(column.max())
    beyond = MARGIN * (high - low or 1.0)
    return np.linspace(low - beyond, high + beyond, count)


def rows_of(experiment: Experiment, first: int) -> Reply:
    """Some rows of the data, from `first` on; of wide data the first columns and the target."""
    problem, program = experiment.problem, experiment.problem.program
    first, last = _page(problem, first)
    shown = [k for k, c in enumerate(program.columns) if k < MOST_COLUMNS or c.role != "feature"]
    cells = [problem.columns[k][first:last] for k in shown]
    plain = {
        "first": first, "rows": problem.rows, "names": [program.columns[k].name for k in shown],
        "more": len(program.columns) - len(shown),
    }  # fmt: skip
    return Reply({"table": plain}, {"cells": np.column_stack(cells)})


def predictions_for(experiment: Experiment, moment: Moment, first: int) -> Reply:
    """What is predicted for the rows that `rows_of` gives."""
    problem, program = experiment.problem, experiment.problem.program
    first, last = _page(problem, first)
    features = [v[first:last] for v, c in zip(problem.columns, program.columns, strict=True) if c.role == "feature"]
    with np.errstate(all="ignore"):
        found = predictions_of(program, features, _values(moment), last - first)
    if found.ndim == 2:
        found = found.argmax(axis=1).astype(np.float64)
    return Reply({"predicted_from": first}, {"predicted": found})


def _page(problem: Problem, first: int) -> tuple[int, int]:
    """The rows of a page of the table: from, and behind the last."""
    first = min(max(0, first), max(0, problem.rows - 1))
    return first, min(first + ROWS, problem.rows)


def batch(experiment: Experiment, moment: Moment) -> Reply:
    """The rows that feed the update that begins here."""
    if moment.why:
        return Reply({"batch_size": 0}, {"batch": np.empty(0, dtype=np.int32)})
    rows = experiment.batch_at(moment.step)
    return Reply({"batch_size": len(rows)}, {"batch": np.asarray(rows[:MOST_OF_BATCH], dtype=np.int32)})


# -- the cost as a landscape ----------------------------------------------------------------------
def profile(experiment: Experiment, moment: Moment) -> Reply:
    """Of a formula with one parameter, the cost along it, and the way over it."""
    names = experiment.problem.program.parameter_names
    if len(names) != 1 or np.ndim(experiment.problem.start[0]):
        raise SettingError(_("a profile is of one parameter, and there are {names}").format(names=", ".join(names)))
    (name,), (start,) = names, experiment.problem.start
    low, high = _box_of(experiment, moment, (name,))
    steps, values = experiment.track.between(0, moment.step, MOST_ON_PROFILE)
    way = [float(start)]
    if name in experiment.recorded and experiment.problem.rescaling is None:
        way += values[:, 3 + experiment.recorded.index(name)].tolist()
    cost, sampled = _cost_on_sample(experiment, LINE + len(way))

    def over(line: Sequence[float]) -> Array:
        with np.errstate(all="ignore"):
            return np.array([cost((v,)) for v in line])

    line = np.linspace(low, high, LINE)
    plain = {"names": [name], "slice": False, "sampled": sampled}
    return Reply({"profile": plain}, {"along": line, "along_heights": over(line.tolist()), "way": np.array(way),
                                      "way_heights": over(way), "way_steps": np.append(0.0, steps)})  # fmt: skip


def contours(experiment: Experiment, moment: Moment, names: tuple[str, str], box: tuple[float, ...] | None) -> Reply:
    """The cost over two parameters, the others as they are here; `box` is x low, x high, y low, y high.

    Without a box, one that holds the path and the start. Of many rows, an even sample makes the heights.
    """
    problem = experiment.problem
    places = [problem.program.parameter_names.index(name) for name in names]
    low_x, high_x, low_y, high_y = box or _box_of(experiment, moment, names)
    x, y = np.linspace(low_x, high_x, GRID), np.linspace(low_y, high_y, GRID)
    cost, sampled = _cost_on_sample(experiment, GRID * GRID)
    at = list(_values(moment))
    heights = np.empty((GRID, GRID))
    with np.errstate(all="ignore"):
        for i, a in enumerate(x.tolist()):
            for j, b in enumerate(y.tolist()):
                at[places[0]], at[places[1]] = a, b
                heights[i, j] = cost(tuple(at))
    plain = {"names": list(names), "slice": len(at) > 2, "sampled": sampled}
    return Reply({"contours": plain}, {"x": x, "y": y, "heights": heights})


def _cost_on_sample(experiment: Experiment, calls: int) -> tuple[Callable[[Sequence[Any]], float], bool]:
    """The cost over an even sample of the rows where they are many, and whether it is one."""
    problem = experiment.problem
    chosen = np.unique(np.linspace(0, problem.rows - 1, min(problem.rows, SAMPLE)).round().astype(np.int64))
    cost = _cost(problem, [np.ascontiguousarray(c[chosen]) for c in problem.columns], calls)
    return cost, len(chosen) < problem.rows


def _box_of(experiment: Experiment, moment: Moment, names: tuple[str, ...]) -> tuple[float, ...]:
    """A box that holds the way from the start to here, and as much around it."""
    _steps, values = experiment.track.between(0, moment.step, MOST_STEPS)
    start = dict(zip(experiment.problem.program.parameter_names, experiment.problem.start, strict=True))
    found: list[float] = []
    for name in names:
        seen = [float(start[name]), float(moment.parameters[name])]
        if name in experiment.recorded and experiment.problem.rescaling is None:
            seen += values[:, 3 + experiment.recorded.index(name)].tolist()
        if len(names) == 1:
            seen.append(_lowest(experiment, moment))
        finite = [v for v in seen if math.isfinite(v)] or [0.0]
        low, high = min(finite), max(finite)
        half = 0.75 * (high - low) or max(1.0, abs(low))
        middle = 0.5 * (low + high)
        found += [middle - half, middle + half]
    return tuple(found)


def _lowest(experiment: Experiment, moment: Moment) -> float:
    """Where the cost of one parameter would be least if it were the parabola that it resembles here; nan if none."""
    problem = experiment.problem
    if len(problem.program.parameters) > 1 or problem.rescaling is not None or problem.program.of_arrays:
        return math.nan
    with np.errstate(all="ignore"):
        objective = experiment.objective
        at = objective.flat(moment.state.parameters)
        _cost_here, slope, curve = objective.quadratic(at)
    bend = float(np.ravel(curve)[0])
    return float(at[0] - slope[0] / bend) if bend > 0.0 else math.nan


def curvature(experiment: Experiment, moment: Moment, watch: Watch | None = None) -> Reply:
    """λmax of the cost here and now, and the learning rate beyond which its direction grows."""
    rule, objective = experiment.linear_rule, experiment.objective
    if rule is None:  # no rate is too large for every start
        return Reply({"curvature": None})
    at = objective.flat(moment.state.parameters)
    spectrum = None if experiment.problem.program.of_arrays else spectrum_of(objective, at, watch)
    largest = largest_curvature(objective, at, watch) if spectrum is None else spectrum.largest
    if largest is None or not largest > 0.0:
        return Reply({"curvature": None})
    limit = experiment.limit_at_one / largest if rule.of_product else rule.limit(largest)
    return Reply({"curvature": {"largest": largest, "limit": limit if math.isfinite(limit) else None}})


# -- the mathematics ------------------------------------------------------------------------------
def mathematics(experiment: Experiment) -> Reply:
    """The equations of model, loss, gradient and update, and the loop that runs.

    Each part of an equation says which node of the program it is, as entries of an explanation do.
    """
    program = experiment.problem.descended
    return Reply({
        "equations": _equations(program, Identities(program).of), "source": experiment.training.source,
        "engine": experiment.training.engine.name, "steps_per_epoch": experiment.steps_per_epoch,
        "parameters": list(experiment.problem.program.parameter_names),
        "numbers": sum(math.prod(p.shape) for p in program.parameters),
        "limited": experiment.linear_rule is not None,
    })  # fmt: skip


def _equations(program: Program, identity: Callable[[Expr], str | None]) -> list[tuple[str, str, str]]:
    """The left side, the sign and the right side of each line, as MathML."""
    show, show_lines = partial(mathml, identity=identity), partial(mathml_lines, identity=identity)
    notation = replace(MATHML, show=show, show_lines=show_lines)
    signed = {"=": equations(program, notation), "←": update_rule(program, MATHML)}
    return [(as_element(left), sign, as_element(right)) for sign, lines in signed.items() for left, right in lines]


def as_element(markup: str) -> str:
    """Markup as a `math` element. Its policy lets no page bring a style in markup; the style sheet sets tables."""
    return STYLE.sub("", math_element(markup))


def formula_of(problem: Problem) -> Reply:
    """The equations of a problem that has not been trained yet."""
    named = _equations(problem.program, lambda node: None)
    return Reply({"equations": named, "parameters": list(problem.program.parameter_names)})


def graph(experiment: Experiment, moment: Moment, row: int | None) -> Reply:
    """The computational graph of the update that begins here, for a row of its batch, with places to draw it at."""
    after = experiment.toward(moment.step + 1)
    return Reply({"graph": step_graph(experiment.run(after), moment.step, row).to_dict()})


def diagnosis(experiment: Experiment, moment: Moment) -> Reply:
    """What the doctor finds, and what it advises of what the lab can do: a solver, which takes no steps, is only told.

    It ends soon once nobody waits for it.
    """
    found = diagnose(experiment.run(moment), watch=experiment.check_wanted)
    of_steps = replace(found, trials=tuple(t for t in found.trials if not _is_of_solver(t.options)))
    return Reply({"diagnosis": {
        "findings": [f.to_dict() for f in found.findings], "trials": [t.to_dict() for t in found.trials],
        "advice": of_steps.advice, "options": None if of_steps.best is None else dict(of_steps.best.options),
    }})  # fmt: skip


def _is_of_solver(options: Mapping[str, Any]) -> bool:
    optimizer = options.get("optimizer")
    return optimizer is not None and (optimizer == AUTO or is_solver(optimizer))
