"""Whether a point is a minimum: one test, on the point's own scale, that every solver's end has to pass.

The Hessian says how far a gradient reaches: ½·gᵀH⁻¹g is what a Newton step would still gain (the Newton decrement;
Boyd & Vandenberghe 2004, sec. 9.5), and that is compared with the cost itself. Parameters at a bound that the cost
pushes against are held. Read by the solvers and by what is said about their ends.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tidu.runtime import least_squares
from tidu.training.solving.objective import Objective, all_finite

Array = npt.NDArray[np.float64]
Bounds = tuple[Array, Array]
GAIN = least_squares.GAIN  # of the cost: what a Newton step may still gain at a minimum
FLAT = 1e-13  # curvature, in units in which the largest is 1, that is nothing but rounding
DOWNWARD = 1e-9  # ... from which a direction that bends down is believed to
GRID_STEPS = least_squares.GRID_STEPS  # last places of the parameters that no solver can be asked to resolve
AT_BOUND = 1e-8  # distance to a bound, relative to the values there, that is none


@dataclass(frozen=True)
class Model:
    """The quadratic model of the cost at a point, in units in which every row of the Hessian has 1 as its largest.

    A step of `s` in these units is a step of `units * s` of the free parameters.
    """

    at: Array
    cost: float
    gradient: Array
    free: npt.NDArray[np.bool_]
    units: Array
    values: Array  # eigenvalues of the scaled Hessian, rising
    vectors: Array
    slopes: Array  # the scaled gradient along each of the vectors

    @property
    def gain(self) -> float:
        """What a Newton step would gain, every curvature taken as upward."""
        floor = FLAT * max(float(np.max(np.abs(self.values), initial=0.0)), 1e-300)
        return 0.5 * float(np.sum(self.slopes**2 / np.maximum(np.abs(self.values), floor)))

    @property
    def bends_down(self) -> bool:
        """Whether the cost falls along some direction beyond what rounding could feign."""
        largest = float(np.max(np.abs(self.values), initial=0.0))
        return bool(len(self.values)) and float(self.values[0]) < -DOWNWARD * largest


def model_at(objective: Objective, at: Array, bounds: Bounds | None = None) -> Model | None:
    """The quadratic model at `at`; None where something is not finite."""
    cost, gradient, whole = objective.quadratic(at)
    if not all_finite(cost, gradient, whole):
        return None
    free = ~held_by(bounds, at, gradient)
    hessian = whole[np.ix_(free, free)]
    units = equilibrated(hessian)
    with np.errstate(all="ignore"):
        scaled = units[:, None] * hessian * units
        if not all_finite(scaled):
            return None
        values, vectors = np.linalg.eigh((scaled + scaled.T) / 2.0)
    return Model(at, cost, gradient, free, units, values, vectors, vectors.T @ (units * gradient[free]))


def held_by(bounds: Bounds | None, at: Array, gradient: Array) -> npt.NDArray[np.bool_]:
    """The parameters at a bound that the cost pushes them against."""
    if bounds is None:
        return np.zeros(len(at), dtype=bool)
    below, above = near_bounds(bounds, at)
    held: npt.NDArray[np.bool_] = (below & (gradient >= 0.0)) | (above & (gradient <= 0.0))
    return held


def near_bounds(bounds: Bounds, at: Array) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Which parameters are at their lower bound, and which at their upper, within rounding of a solver's last step."""
    near = []
    for bound in bounds:
        other = bounds[1] if bound is bounds[0] else bounds[0]
        width = np.where(np.isfinite(other) & np.isfinite(bound), np.abs(other - bound), np.maximum(np.abs(bound), 1.0))
        near.append(np.isfinite(bound) & (np.abs(at - bound) <= AT_BOUND * width))
    return near[0], near[1]


def equilibrated(matrix: Array) -> Array:
    """Factors s with s·matrix·s of unit size in every row (Ruiz 2001); 1 for a row of zeros."""
    factors = np.ones(len(matrix))
    size = np.abs(matrix)
    with np.errstate(all="ignore"):
        for _k in range(8):
            rows = np.max(factors[:, None] * size * factors, axis=1, initial=0.0)
            good = np.isfinite(rows) & (rows > 0.0)
            factors = np.where(good, factors / np.sqrt(np.where(good, rows, 1.0)), factors)
    return np.where(np.isfinite(factors) & (factors > 0.0), factors, 1.0)


def is_minimum(objective: Objective, at: Array, bounds: Bounds | None = None) -> bool:
    """Whether no solver could find anything better from here: the gradient is small, and nothing bends down."""
    model = model_at(objective, at, bounds)
    return model is not None and settled(objective, model) and not model.bends_down


def settled(objective: Objective, model: Model) -> bool:
    """Whether what a step could still gain is nothing beside the cost, or less than float64 can show here."""
    gain = model.gain
    return gain <= GAIN * abs(model.cost) or gain <= resolution(objective, model.at, model.cost)


def resolution(objective: Objective, at: Array, cost: float) -> float:
    """By how much the cost changes between parameters that differ in their last places."""
    generator = np.random.default_rng(1)
    largest = 0.0
    for _k in range(6):
        signs = generator.choice([-1.0, 1.0], len(at))
        moved = objective.cost(at * (1.0 + GRID_STEPS * np.finfo(np.float64).eps * signs))
        if math.isfinite(moved):
            largest = max(largest, abs(moved - cost))
    return largest
