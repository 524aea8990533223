"""How strongly a cost curves: the eigenvalues of its Hessian, and the curvature that batches must reckon with.

Exact for models of up to a few dozen numbers (all eigenvalues), by Lanczos on Hessian-vector products for larger ones
(the two ends); of a large network, on some of its rows. What the curvatures allow is said in `stability.py`; it is that
of a quadratic: exact for models that are linear in their parameters under a squared loss, and true near a minimum for
the others.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tidu.engines.curvature import jacobian_of
from tidu.language.calculus import gradient
from tidu.language.simplify import ZERO
from tidu.training.solving.objective import Objective, all_finite
from tidu.training.solving.statistics import singular_directions

Array = npt.NDArray[np.float64]
Watch = Callable[[], object]  # called before each product with the Hessian; what it raises ends the search
WHOLE = 60  # parameters up to which all eigenvalues are computed
LANCZOS_STEPS = 300
MOST_RESTARTS = 20  # of Lanczos on a network, each with about half of BASIS products
BASIS = 24
END = 1e-8  # to which part of itself the largest curvature is found
OTHER_END = 1e-6  # to which part of the largest the smallest is found
ROUGHLY = 1e-2  # ... and one of many that are compared
FEW = 8  # numbers up to which a Hessian is as quick as Lanczos
WORK = 200_000_000  # rows × numbers of a product that takes a tenth of a second
FEWEST_ROWS = 1000  # from which the curvature is told, whatever that takes
WORST_OF = 64  # rows among which the one with the strongest curvature is looked for
FEWEST_OF = 8  # ... of a large network
NUMBERS_LOOKED_AT = 800_000  # in all the gradients of these rows


@dataclass(frozen=True)
class Spectrum:
    """Eigenvalues of the Hessian of J, rising, with their directions in the columns of `vectors`, of shape (p, k)."""

    values: Array
    vectors: Array
    whole: bool = True  # all p of them, or the two ends

    @property
    def largest(self) -> float:
        """λmax: the strongest curvature upward."""
        return float(self.values[-1])

    @property
    def smallest(self) -> float:
        """λmin: the weakest curvature, or the strongest downward."""
        return float(self.values[0])

    @property
    def condition(self) -> float:
        """λmax/λmin: how many times longer the flattest direction takes; inf where one is flat or bends down."""
        return self.largest / self.smallest if self.smallest > self.noise else math.inf

    @property
    def noise(self) -> float:
        """What a computed eigenvalue of 0 may look like."""
        return 64.0 * np.finfo(np.float64).eps * float(np.max(np.abs(self.values))) * len(self.vectors)

    @property
    def best_rate(self) -> float:
        """2/(λmax + λmin), which brings the slowest direction of gradient descent forward fastest (Polyak 1987)."""
        return 2.0 / (self.largest + max(self.smallest, 0.0))


def spectrum_of(objective: Objective, at: Array, watch: Watch | None = None) -> Spectrum | None:
    """The curvatures at `at`; None where they are not finite."""
    with np.errstate(all="ignore"):
        if _is_linear_least_squares(objective):
            return _by_singular_values(objective, at)
        if objective.program.of_arrays and objective.p > WHOLE:
            return _ends(objective, at, watch)
        if objective.p <= WHOLE:
            hessian = objective.hessian(at)
            return Spectrum(*np.linalg.eigh(hessian)) if all_finite(hessian) else None
        return _by_lanczos(objective, at, watch)


def _is_linear_least_squares(objective: Objective) -> bool:
    program = objective.program
    if program.residual_factor is None or program.penalty is not ZERO or objective.p > WHOLE or program.of_arrays:
        return False
    return objective.is_linear


def _by_singular_values(objective: Objective, at: Array) -> Spectrum | None:
    """Of a Hessian 2c/n·JᵀJ from J itself: the small eigenvalues keep twice the digits that JᵀJ would leave them."""
    factor = objective.program.residual_factor
    assert factor is not None
    _residuals, jacobian = objective.residuals_and_jacobian(at)
    if not all_finite(jacobian):
        return None
    singular, vt = singular_directions(jacobian)
    values = 2.0 * factor / objective.rows_count * singular**2
    return _Exact(values[::-1].copy(), vt[::-1].T.copy())


class _Exact(Spectrum):
    """Eigenvalues from singular values, whose rounding error is squared too."""

    @property
    def noise(self) -> float:
        return float(len(self.vectors) * 64.0 * np.finfo(np.float64).eps) ** 2 * self.largest


def _by_lanczos(objective: Objective, at: Array, watch: Watch | None) -> Spectrum | None:
    from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

    p = objective.p
    first = objective.hessian_product(at, np.ones(p))
    if not all_finite(first):
        return None

    def product(v: Array) -> Array:
        if watch is not None:
            watch()
        return objective.hessian_product(at, np.ravel(v))

    operator = LinearOperator((p, p), matvec=product, dtype=np.float64)
    start = np.random.default_rng(0).normal(size=p)
    try:
        values, vectors = eigsh(operator, k=2, which="BE", v0=start, maxiter=LANCZOS_STEPS * p, tol=1e-10)
    except ArpackNoConvergence:
        values, vectors = eigsh(operator, k=1, which="LM", v0=start, maxiter=LANCZOS_STEPS * p, tol=1e-6)
    order = np.argsort(values)
    return Spectrum(values[order], vectors[:, order], whole=False)


# -- of networks ----------------------------------------------------------------------------------
def on_enough_rows(objective: Objective) -> Objective:
    """The same cost, of a large network on as many of its rows as a quick look takes."""
    if not objective.program.of_arrays:
        return objective
    most = max(FEWEST_ROWS, WORK // objective.p)
    return objective if objective.rows_count <= most else objective.on_some_rows(most)


def largest_curvature(objective: Objective, at: Array, watch: Watch | None = None) -> float | None:
    """λmax of a network, without the rest of its spectrum; None where that is not finite."""
    if not objective.program.of_arrays:
        return None
    with np.errstate(all="ignore"):
        top = _largest(objective, at, END, watch=watch)
    return None if top is None else top[0]


class _Ends(Spectrum):
    """The two ends of a spectrum as Lanczos found them."""

    @property
    def noise(self) -> float:
        return 10.0 * OTHER_END * float(np.max(np.abs(self.values)))


def _ends(objective: Objective, at: Array, watch: Watch | None) -> Spectrum | None:
    """The largest eigenvalue, and the smallest as the largest of λmax − H, whose tolerance is then a part of λmax."""
    top = _largest(objective, at, END, watch=watch)
    if top is None:
        return None
    bottom = _largest(objective, at, OTHER_END, max(top[0], 0.0), watch)
    if bottom is None:
        return None
    return _Ends(np.array([bottom[0], top[0]]), np.column_stack([bottom[1], top[1]]), whole=False)


def _largest(
    objective: Objective, at: Array, tolerance: float, shift: float | None = None, watch: Watch | None = None
) -> tuple[float, Array] | None:
    """λmax with its direction, or with a `shift` the smallest eigenvalue; None where a product is not finite."""
    from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

    p = objective.p

    def product(v: Array) -> Array:
        if watch is not None:
            watch()
        found = objective.hessian_product(at, np.ravel(v))
        if not all_finite(found):
            raise FloatingPointError
        return found if shift is None else shift * np.ravel(v) - found

    start = np.random.default_rng(0).normal(size=p)
    try:
        if p <= FEW:
            values, vectors = np.linalg.eigh(np.array([product(unit) for unit in np.eye(p)]))
        else:
            operator = LinearOperator((p, p), matvec=product, dtype=np.float64)
            options = {"k": 1, "which": "LA", "v0": start, "ncv": min(p, BASIS), "maxiter": MOST_RESTARTS}
            try:
                values, vectors = eigsh(operator, tol=tolerance, **options)
            except ArpackNoConvergence:  # eigenvalues side by side: the value is good, whatever direction has it
                values, vectors = eigsh(operator, tol=ROUGHLY, **options)
    except (FloatingPointError, ArpackNoConvergence):
        return None
    value = float(values[-1])
    return value if shift is None else shift - value, vectors[:, -1]


def _worst_row(objective: Objective, at: Array) -> float:
    """The strongest curvature of the loss of a single row, among some of them."""
    n = objective.rows_count
    most = max(FEWEST_OF, min(WORST_OF, NUMBERS_LOOKED_AT // objective.p))
    found = (_largest(objective.on_rows(np.array([k])), at, ROUGHLY)
             for k in np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(int)))  # fmt: skip
    return max(0.0 if each is None else each[0] for each in found)


def batch_curvature(objective: Objective, at: Array, largest: float, batch_size: int | None) -> float:
    """The curvature that steps on batches must reckon with: between λmax of all rows and that of the worst row.

    Source: Gower et al. 2019, "SGD: general analysis and improved rates", prop. 3.8, for sampling without replacement.
    """
    n = objective.rows_count
    if batch_size is None or batch_size >= n:
        return largest
    program = objective.program
    if program.of_arrays:
        worst = _worst_row(objective, at)
    else:
        bend = gradient(program.slope, [program.score])[0]
        slopes = jacobian_of(program.score, program.parameters)
        worst = max(
            float(np.max(np.abs(values[0]) * np.sum(values[1:] ** 2, axis=0)))
            for values in objective.values_in_chunks([bend, *slopes], at)
        )
    b = batch_size
    return max(largest, n * (b - 1) / (b * (n - 1)) * largest + (n - b) / (b * (n - 1)) * worst)
