"""Starts by looking: breakpoints are tried along the data, frequencies are read off the spectrum.

A cost has many minima along the place of a kink (`max(x - c, 0)`, `abs(x - c)`) and along a frequency (`sin(w*x + p)`),
and descent finds the one beside its start. So places are tried one after another, and the periods of Lomb and Scargle's
spectrum, with the parameters that enter linearly solved for. Called by `guesses.py`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tidu.content.rough_values import loudest_frequencies
from tidu.engines.curvature import jacobian_of
from tidu.engines.node_values import values_of_nodes
from tidu.errors import NoDerivative
from tidu.language.expr import Expr, evaluation_order, symbols
from tidu.training.breakpoints import MOST_TOGETHER, places_along, places_tried, thinned
from tidu.training.solving.objective import Objective

Array = npt.NDArray[np.float64]
Places = dict[int, list[float]]  # by the number of a parameter: values to try
KINKS = ("maximum", "minimum", "abs", "relu")
WAVES = ("sin", "cos")
PLACES = 40  # of one breakpoint; of two, every second one
MOST_WAVES = 4
PHASES = 8


def scanned_starts(objective: Objective, first: Array, solved: Callable[[Array], Array]) -> list[Array]:
    """Candidates for starts, in no order; none where the model has neither kinks nor waves.

    `objective` has few rows; `solved` puts the linear parameters of a candidate to their best values. Parameters whose
    value in `first` is not 0 are the user's.
    """
    found: list[Array] = []
    start = first.copy()
    places = _breakpoints(objective, first)
    if places:
        found += _along(objective, start, places, solved)
        start = min(found, key=lambda c: _cost(objective, c))
    waves = [w for w in _waves(objective) if first[w.number] == 0.0]
    if waves:
        found += _with_frequencies(objective, start, waves, solved)
    return found


def _cost(objective: Objective, at: Array) -> float:
    cost = objective.cost(at)
    return cost if math.isfinite(cost) else math.inf


# -- breakpoints ----------------------------------------------------------------------------------
def _breakpoints(objective: Objective, first: Array) -> Places:
    """For each parameter that moves a kink along the data, where the kink passes from row to row."""
    program = objective.program
    numbers = {p: k for k, p in enumerate(program.parameters)}
    places: Places = {}
    for node in evaluation_order([program.score]):
        if node.op.name not in KINKS or not node.args:
            continue
        side = node.args[0] if len(node.args) == 1 else node.args[0] - node.args[1]
        moved = [p for p in symbols([side], "parameter") if p in numbers]
        if len(moved) != 1 or len(symbols([side], "feature")) != 1:
            continue
        k = numbers[moved[0]]
        if first[k] == 0.0 and k not in places:
            columns = {c: np.asarray(v) for c, v in zip(program.columns, objective.columns, strict=True)}
            values = thinned(places_along(side, moved[0], columns), PLACES)
            if len(values) > 2:
                places[k] = values
    return places


def _along(objective: Objective, start: Array, places: Places, solved: Callable[[Array], Array]) -> list[Array]:
    """Candidates with breakpoints at these places: each place, each pair, or the best of moving one after another."""

    def placed(at: Mapping[int, float]) -> Array:
        candidate = start.copy()
        for k, value in at.items():
            candidate[k] = value
        return solved(candidate)

    if len(places) == MOST_TOGETHER:
        places = {k: values[::2] for k, values in places.items()}
    return [placed(at) for at in places_tried(places, lambda at: _cost(objective, placed(at)))]


# -- frequencies ----------------------------------------------------------------------------------
@dataclass(frozen=True)
class _Wave:
    """The parameter that decides the frequency of waves along a feature: ω = factor · q, or factor / q."""

    number: int
    feature: Expr
    factor: float
    inverse: bool
    phases: tuple[int, ...]  # parameters that shift the wave

    def value(self, frequency: float) -> float:
        """The parameter's value at an angular frequency."""
        return self.factor / frequency if self.inverse else frequency / self.factor


def _waves(objective: Objective) -> list[_Wave]:
    program = objective.program
    numbers = {p: k for k, p in enumerate(program.parameters)}
    found: dict[int, _Wave] = {}
    for node in evaluation_order([program.score]):
        if node.op.name not in WAVES:
            continue
        for feature in symbols([node.args[0]], "feature"):
            wave = _wave_of(node.args[0], feature, numbers)
            if wave is not None:
                found.setdefault(wave.number, wave)
    return list(found.values())[:MOST_WAVES]


def _wave_of(angle: Expr, feature: Expr, numbers: dict[Expr, int]) -> _Wave | None:
    """How an angle turns along a feature, if one parameter alone decides that, in proportion or inversely."""
    try:
        (slope,) = jacobian_of(angle, [feature])
    except NoDerivative:
        return None
    deciding = symbols([slope], "parameter")
    if len(deciding) != 1 or symbols([slope], "feature") or deciding[0] not in numbers:
        return None
    one, two = (float(values_of_nodes([slope], {deciding[0]: v})[slope]) for v in (1.0, 2.0))
    if not math.isfinite(one) or one == 0.0:
        return None
    inverse = math.isclose(two, one / 2.0, rel_tol=1e-9)
    if not inverse and not math.isclose(two, 2.0 * one, rel_tol=1e-9):
        return None
    phases = tuple(numbers[p] for p in symbols([angle], "parameter") if p is not deciding[0] and p in numbers)
    return _Wave(numbers[deciding[0]], feature, abs(one), inverse, phases)


def _with_frequencies(
    objective: Objective, start: Array, waves: Sequence[_Wave], solved: Callable[[Array], Array]
) -> list[Array]:
    """Candidates with the loudest frequencies, in each order, and each of some phases."""
    program = objective.program
    assert program.target is not None
    zero = np.zeros(objective.p)
    (target,) = objective.values_of([program.target], zero)
    (x,) = objective.values_of([waves[0].feature], zero)
    order = np.argsort(x, kind="stable")
    heard = loudest_frequencies(x[order], target[order], len(waves) + 1)
    found = []
    for chosen in itertools.permutations(heard, len(waves)):
        base = start.copy()
        for wave, frequency in zip(waves, chosen, strict=True):
            base[wave.number] = wave.value(frequency)
        shifting = [w for w in waves if w.phases]
        for turns in _turns(len(shifting)):
            candidate = base.copy()
            for wave, turn in zip(shifting, turns, strict=True):
                candidate[list(wave.phases)] = 0.0
                candidate[wave.phases[0]] = turn * _phase_unit(wave, candidate, objective)
            found.append(solved(candidate))
    return found


def _turns(count: int) -> Iterator[tuple[float, ...]]:
    """Phases in radians, of so many waves: half a turn is a change of sign, which the amplitude has."""
    half = [math.pi * k / PHASES for k in range(PHASES)] if count == 1 else [math.pi * k / 4 for k in range(4)]
    return itertools.islice(itertools.product(half, repeat=count), 256)


def _phase_unit(wave: _Wave, at: Array, objective: Objective) -> float:
    """By how much the parameter that shifts the wave changes for a radian: 1 in w*x + p, 1/w in w*(x - p)."""
    program = objective.program
    angle = next(
        n.args[0] for n in evaluation_order([program.score])
        if n.op.name in WAVES and program.parameters[wave.phases[0]] in symbols([n.args[0]], "parameter")
    )  # fmt: skip
    shifted = at.copy()
    shifted[wave.phases[0]] += 1.0
    (before,), (after,) = (objective.values_of([angle], v) for v in (at, shifted))
    change = float(np.median(after - before))
    return 1.0 / change if change and math.isfinite(change) else 1.0
