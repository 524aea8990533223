"""`suggest`: which common forms fit a table's y over its x, ranked, and how little the ranking may mean.

Every form of `content/forms.py` that makes sense for the data is fitted by least squares, and the straight line and
polynomials beside them. They are ranked by AICc (Hurvich & Tsai 1989), and judged on rows that they have not seen.
Called by `tidu.suggest` and `tidu suggest`.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tidu.content.forms import FORMS, Form
from tidu.data.csv_options import CsvOptions
from tidu.data.source import source_of
from tidu.errors import ColumnNotFound, DataError, TiduError, closest
from tidu.insight.picturing.of_runs import fit_plane
from tidu.language.printer import quoted_name
from tidu.text import _, mark
from tidu.training.fit import fit
from tidu.training.problem import Problem
from tidu.training.run import Run
from tidu.training.solving.objective import Objective

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = npt.NDArray[np.float64]
# Beside the forms: what has no name of its own.
POLYNOMIALS = {
    "line": (mark("straight line"), "linear({x})", 2),
    "parabola": (mark("parabola"), "poly({x}, 2)", 3),
    "cubic": (mark("cubic polynomial"), "poly({x}, 3)", 4),
}
KIN = {"line": ("parabola", "cubic"), "parabola": ("cubic",)} | {name: form.kin for name, form in FORMS.items()}
FOLDS = 5
ONE_BY_ONE = 20  # rows, up to which each is left out by itself
ALIKE = 2.0  # of AICc: what is nearer cannot be told apart (Burnham & Anderson 2002, section 2.6)
FEW = 5  # rows for each parameter; with fewer, ranks are chance
PICTURES = 6
TURN = 0.15  # of the range of y, that a curve may leave its values at the ends of a gap
QUICK = 300  # evaluations of a quick descent
SURELY, FAR = 3, 30.0  # the best so many forms are followed, and those within so much of AICc
LOOSE = 1e-7  # ratio of singular values of a Jacobian, from which a combination of parameters is left to chance


@dataclass(frozen=True)
class Candidate:
    """One form that was fitted.

    Attributes
    ----------
    name, title : of the form; the title in the language in use.
    aicc : Akaike's criterion, corrected for few rows; the lower the better.
    delta : how much higher it is than the best.
    weight : the share of the evidence that this criterion gives it, among all candidates.
    error : the root of the mean squared error on rows that were left out of the fit, in units of y; nan where
        a fit without them failed.
    deviation : the scatter about the curve, in units of y.
    """

    name: str
    title: str
    run: Run
    aicc: float
    deviation: float
    error: float
    delta: float = 0.0
    weight: float = 0.0

    @property
    def formula(self) -> str:
        """The formula as `tidu fit` takes it."""
        return self.run.settings.formula

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "name": self.name, "title": self.title, "formula": self.formula, "params": dict(self.run.params),
            "aicc": self.aicc, "delta": self.delta, "weight": self.weight, "cv_error": self.error,
            "deviation": self.deviation, "parameters": len(self.run.params),
        }  # fmt: skip


@dataclass(frozen=True)
class Suggestion:
    """What `tidu.suggest` returns: the candidates, best first, and what was left out with the reason."""

    target: str
    feature: str
    candidates: tuple[Candidate, ...]
    left_out: tuple[tuple[str, str], ...]
    sentences: tuple[str, ...]

    def plot(self, path: str | os.PathLike[str] | None = None, most: int = PICTURES) -> Figure:
        """The curves of the best beside one another, saved to `path` if given."""
        from tidu.pictures.figure import check_path, in_words_that_can_be_drawn, save
        from tidu.pictures.plane_figures import plane_grid

        if path is not None:
            check_path(path)
        planes = [
            replace(fit_plane(c.run), title=f"{k}. {c.name}, ΔAICc {c.delta:.3g}")
            for k, c in enumerate(self.candidates[:most], 1)
        ]
        with in_words_that_can_be_drawn():
            figure = plane_grid(planes)
        if path is not None:
            save(figure, path)
        return figure

    def to_dict(self) -> dict[str, Any]:
        """Plain values: what the command line prints for `--json`."""
        return {
            "target": self.target, "feature": self.feature, "candidates": [c.to_dict() for c in self.candidates],
            "left_out": dict(self.left_out), "sentences": list(self.sentences),
        }  # fmt: skip


def suggest(
    data: object,
    target: str,
    feature: str,
    *,
    csv: CsvOptions | None = None,
    progress: Callable[[int, int], object] = lambda done, of: None,
) -> Suggestion:
    """Fit the common forms of curves to `target` over `feature`, and rank them.

    Parameters
    ----------
    data, csv : as in `tidu.fit`.
    target, feature : names of two columns of numbers; rows in which one is missing are left out.
    progress : is told how many forms are done, of how many.

    Returns
    -------
    Suggestion
        `candidates` by AICc, the best first; `sentences` say how much the order means.

    Raises
    ------
    ColumnNotFound, DataError
        There is no such column, or too few different values to fit a curve to.

    Examples
    --------
    >>> import numpy as np, tidu
    >>> x = np.linspace(0, 6, 40)
    >>> wiggle = 0.02 * np.sin(37.0 * np.arange(40))
    >>> found = tidu.suggest({"x": x, "y": 3 * np.exp(-0.8 * x) + 1 + wiggle}, "y", "x")
    >>> found.candidates[0].name
    'exp_decay'
    """
    table = source_of(data, csv)
    for name in (target, feature):
        if name not in table.names:
            near = closest(name, table.names)
            hint = _(" (did you mean '{near}'?)").format(near=near) if near else ""
            raise ColumnNotFound(
                _("there is no column '{name}'{hint}; the data has {columns}").format(
                    name=name, hint=hint, columns=", ".join(table.names)
                )
            )
    if target == feature:
        raise DataError(_("y and x are the same column, '{name}'; name two").format(name=target))
    columns, read = _columns(table, target, feature)
    x, y = columns[feature], columns[target]
    left_out: dict[str, str] = {}
    quick: list[_Quick] = []
    forms = [*POLYNOMIALS, *FORMS]
    for k, name in enumerate(forms):
        progress(k, 2 * len(forms))
        tried = _why_not(name, x, y) or _quickly(name, columns, target, feature)
        if isinstance(tried, str):
            left_out[name] = tried
        else:
            quick.append(tried)
    quick.sort(key=lambda q: q.aicc)
    followed = [q for k, q in enumerate(quick) if k < SURELY or q.aicc < quick[0].aicc + FAR]
    left_out |= {q.name: _("far from the best: its AICc is {delta:.3g} higher").format(delta=q.aicc - quick[0].aicc)
                 for q in quick[len(followed) :]}  # fmt: skip
    found = []
    for k, q in enumerate(followed):
        progress(len(forms) + k * len(forms) // len(followed), 2 * len(forms))
        candidate = _candidate(q, columns, target, feature)
        if isinstance(candidate, str):
            left_out[q.name] = candidate
        else:
            found.append(candidate)
    progress(2 * len(forms), 2 * len(forms))
    ranked = _ranked(found)
    return Suggestion(target, feature, ranked, tuple(left_out.items()), (*read, *_caution(ranked, x, y)))


def _columns(source: Any, target: str, feature: str) -> tuple[dict[str, Array], tuple[str, ...]]:
    """The two columns, rows in the order of x, and notes on what was left out."""
    run = fit(f"{quoted_name(target)} = linear({quoted_name(feature)})", source, optimizer="lm", drop_missing=True)
    assert run.training_data is not None
    table = run.training_data
    x, y = np.asarray(table[feature], dtype=np.float64), np.asarray(table[target], dtype=np.float64)
    if len(np.unique(x)) < 4:
        raise DataError(
            _("'{name}' has {count} different values; to tell forms of curves apart takes at least 4").format(
                name=feature, count=len(np.unique(x))
            )
        )
    order = np.argsort(x, kind="stable")
    return {feature: x[order], target: y[order]}, tuple(table.notes)


def _parameters_of(name: str) -> int:
    return POLYNOMIALS[name][2] if name in POLYNOMIALS else len(FORMS[name].parameters)


def _why_not(name: str, x: Array, y: Array) -> str | None:
    """Why a form makes no sense for these data, if it makes none."""
    count = _parameters_of(name)
    if len(np.unique(x)) <= count or len(x) - count - 2 <= 0:
        return _("{count} parameters are too many for {rows} rows").format(count=count, rows=len(x))
    if name in POLYNOMIALS:
        return None
    if FORMS[name].positive and x[0] < 0:
        return _("x must not be negative, and goes down to {low:.4g}").format(low=float(x[0]))
    if FORMS[name].starts(x, y) is None:
        return _("no start can be had from these data")
    return None


def _formula(name: str, target: str, feature: str) -> str:
    x = quoted_name(feature)
    right = POLYNOMIALS[name][1].format(x=x) if name in POLYNOMIALS else f"{name}({x})"
    return f"{quoted_name(target)} = {right}"


@dataclass(frozen=True)
class _Quick:
    """A form after a quick descent from the start that the data give."""

    name: str
    objective: Objective
    at: Array
    aicc: float


def _quickly(name: str, columns: dict[str, Array], target: str, feature: str) -> _Quick | str:
    try:
        problem = Problem.read(_formula(name, target, feature), columns, {"optimizer": "lm"})
        objective = Objective(problem.program, problem.columns)
        at = _descended(objective, objective.flat(problem.start))
    except TiduError as error:
        return str(error)
    squares = float(np.sum(objective.residuals(at) ** 2))
    if not math.isfinite(squares):
        return _("its values are not finite for these data")
    reason = None if name in POLYNOMIALS else _implausible(FORMS[name], at, columns[feature])
    if reason is not None:
        return reason
    if not _determines(objective, at):
        return _("these data do not determine all of its parameters")
    return _Quick(name, objective, at, _aicc(squares, len(at), columns[target]))


def _implausible(form: Form, at: Array, x: Array) -> str | None:
    """Why these values do not mean what the form says, if they do not."""
    values = dict(zip(form.parameters, at.tolist(), strict=True))
    for name in form.above_zero:
        if values[name] <= 0:
            return _("{name} comes out at or below 0, where it has no meaning").format(name=name)
    for name in form.places:
        if not x[0] < values[name] < x[-1]:
            return _("{name} comes out beyond the data, which show one side of it only").format(name=name)
    if form.frequency is not None and abs(values[form.frequency]) * (x[-1] - x[0]) < math.pi:
        return _("less than half a wave is in sight")
    return None


def _determines(objective: Objective, at: Array) -> bool:
    """Whether each combination of parameters changes the curve."""
    jacobian = objective.residuals_and_jacobian(at)[1]
    lengths = np.linalg.norm(jacobian, axis=0)
    if not np.all(np.isfinite(lengths) & (lengths > 0)):
        return False
    sizes = np.linalg.svd(jacobian / lengths, compute_uv=False)
    return bool(sizes[-1] > LOOSE * sizes[0])


def _descended(objective: Objective, start: Array) -> Array:
    """A minimum near `start`, without a certificate; the start itself where no step can be made from it."""
    from scipy.optimize import least_squares

    with np.errstate(all="ignore"):
        try:
            found = least_squares(
                objective.residuals, start, jac=lambda at: objective.residuals_and_jacobian(at)[1], method="lm",
                x_scale="jac", max_nfev=QUICK,
            )  # fmt: skip
        except (ValueError, np.linalg.LinAlgError):  # of numbers that are not finite
            return start
    return np.asarray(found.x, dtype=np.float64)


def _aicc(squares: float, parameters: int, y: Array) -> float:
    """Akaike's criterion for normal errors, corrected for few rows; the variance counts as a parameter."""
    n, estimated = len(y), parameters + 1
    least = n * (np.finfo(float).eps * float(np.max(np.abs(y)))) ** 2  # of an exact fit nothing but rounding is left
    return n * math.log(max(squares, least, 1e-300) / n) + 2 * estimated * n / (n - estimated - 1)


def _candidate(quick: _Quick, columns: dict[str, Array], target: str, feature: str) -> Candidate | str:
    """A form, fitted with a certificate, and judged on rows left out; or why there is none."""
    name, objective = quick.name, quick.objective
    init = dict(zip(objective.names, quick.at.tolist(), strict=True))
    try:
        run = fit(_formula(name, target, feature), columns, optimizer="lm", init=init)
    except TiduError as error:
        return str(error)
    at = objective.flat(tuple(run.params.values()))
    squares = float(np.sum(objective.residuals(at) ** 2))
    if run.stopped != "converged" or not math.isfinite(squares):
        return _("its fit did not converge")
    n, k = len(columns[target]), len(at)
    title = _(POLYNOMIALS[name][0] if name in POLYNOMIALS else FORMS[name].title)
    deviation = math.sqrt(squares / (n - k))
    return Candidate(name, title, run, _aicc(squares, k, columns[target]), deviation, _error_elsewhere(objective, at))


def _error_elsewhere(objective: Objective, at: Array) -> float:
    """The root mean squared error on rows left out: each by itself where they are few, else every fifth."""
    n = objective.rows_count
    rows, folds = np.arange(n), n if n <= ONE_BY_ONE else FOLDS
    squares = 0.0
    for fold in range(folds):
        out = rows % folds == fold
        there = _descended(objective.on_rows(rows[~out]), at)
        squares += float(np.sum(objective.on_rows(rows[out]).residuals(there) ** 2))
    return math.sqrt(squares / n) if math.isfinite(squares) else math.nan


def _ranked(found: Sequence[Candidate]) -> tuple[Candidate, ...]:
    ranked = sorted(found, key=lambda c: c.aicc)
    if not ranked:
        return ()
    deltas = [c.aicc - ranked[0].aicc for c in ranked]
    total = sum(math.exp(-d / 2) for d in deltas)
    return tuple(replace(c, delta=d, weight=math.exp(-d / 2) / total) for c, d in zip(ranked, deltas, strict=True))


# -- how little it means ---------------------------------------------------------------------------
def _caution(ranked: Sequence[Candidate], x: Array, y: Array) -> Iterator[str]:
    if not ranked:
        yield _("no form fits these data")
        return
    best, n = ranked[0], len(x)
    constant = _aicc(float(np.sum((y - np.mean(y)) ** 2)), 1, y)
    by_chance = ALIKE + 2.0 * math.log(len(FORMS))  # the best of so many forms gains this from noise alone
    if constant <= best.aicc + by_chance:
        yield _("none is clearly better than a constant: y may not depend on x at all")
    near = [c for c in ranked if c.delta < ALIKE]
    simple = [c for c in near[1:] if best.name in KIN.get(c.name, ())]
    if len(near) > 1:
        yield _(
            "these data cannot tell {names} apart (AICc within {limit:g}): choose by what you know of what was measured"
        ).format(names=", ".join(c.name for c in near), limit=ALIKE)
    for c in simple:
        yield _("{best} is {name} with more freedom, which these data do not ask for").format(
            best=best.name, name=c.name
        )
    for c in near:
        gap = _turning_gap(c, x, y)
        if gap is not None:
            yield _("{name} turns between {a:.4g} and {b:.4g}, where nothing was measured that would hold it").format(
                name=c.name, a=gap[0], b=gap[1]
            )
    if n < FEW * len(best.run.params):
        yield _("{rows} rows are few for {count} parameters: with other rows the order may be another").format(
            rows=n, count=len(best.run.params)
        )
    judged = [c for c in ranked if math.isfinite(c.error)]
    elsewhere = min(judged, key=lambda c: c.error, default=best)
    if elsewhere not in near and elsewhere.error < 0.98 * best.error:
        yield _("on rows left out of the fit, {name} was nearest, with {a:.4g}; {best} had {b:.4g}").format(
            name=elsewhere.name, a=elsewhere.error, best=best.name, b=best.error
        )
    residuals = y - np.asarray(best.run.predict({best.run.program.columns[0].name: x}))
    if _has_pattern(residuals):
        yield _(
            "even {best} leaves a pattern in the residuals: the true form is not among these, or errors are linked"
        ).format(best=best.name)


def _turning_gap(candidate: Candidate, x: Array, y: Array) -> tuple[float, float] | None:
    """A gap between neighbouring values of x within which the curve leaves what is at its ends by much."""
    places = np.unique(x)
    k = int(np.argmax(np.diff(places)))
    inside = np.linspace(places[k], places[k + 1], 50)
    curve = np.asarray(candidate.run.predict({candidate.run.program.columns[0].name: inside}), dtype=np.float64)
    low, high = min(curve[0], curve[-1]), max(curve[0], curve[-1])
    beyond = max(float(np.max(curve)) - high, low - float(np.min(curve)))
    return (float(places[k]), float(places[k + 1])) if beyond > TURN * float(np.ptp(y)) else None


def _has_pattern(residuals: Array) -> bool:
    """Whether neighbours along x err alike, beyond what chance makes of independent errors."""
    total = float(residuals @ residuals)
    if len(residuals) < 8 or total == 0.0:
        return False
    return float(residuals[1:] @ residuals[:-1]) / total > 2.6 / math.sqrt(len(residuals))
