"""The audit of a gradient that was derived by hand: right or wrong, and if wrong, which slip it was.

`audit` takes a formula with data, or a function of one's own; it gives an `Audit`, in which each parameter has a
verdict. Called as `tidu.audit` and by `tidu audit`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tidu.errors import SettingError
from tidu.insight.audited import MEASURED_CLOSE, OfFormula, Point, Subject, points_of
from tidu.insight.audited_functions import OfFunction
from tidu.insight.slips import same, slip_of
from tidu.text import _
from tidu.training.problem import Problem


@dataclass(frozen=True)
class Verdict:
    """On one parameter, with numbers at each point.

    Attributes
    ----------
    slip : `sign`, `factor 2`, `half`, `missing 1/n`, `extra 1/n`, `forgotten factor`, `wrong index`, `wrong parameter`,
        `updated too early` or `other`; None where it is right. `said` is the sentence.
    hand, derived, measured : the gradients; `measured` is by finite differences of the cost.
    sizes : how large the numbers are that the derived gradient is the mean of.
    """

    right: bool
    slip: str | None
    said: str
    largest_difference: float
    hand: tuple[float, ...]
    derived: tuple[float, ...]
    measured: tuple[float, ...]
    sizes: tuple[float, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "right": self.right,
            "slip": self.slip,
            "said": self.said,
            "largest_difference": self.largest_difference,
            "hand": list(self.hand),
            "derived": list(self.derived),
            "finite_differences": list(self.measured),
        }


@dataclass(frozen=True)
class Audit:
    """The verdict on each parameter, and the points at which gradients were compared."""

    verdicts: Mapping[str, Verdict]
    points: tuple[Point, ...]
    notes: tuple[str, ...] = ()

    @property
    def right(self) -> bool:
        """Whether all of them are."""
        return all(v.right for v in self.verdicts.values())

    def __bool__(self) -> bool:
        return self.right

    def __str__(self) -> str:
        return "\n".join(v.said for v in self.verdicts.values())

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "verdicts": {name: v.to_dict() for name, v in self.verdicts.items()},
            "right": self.right,
            "points": [dict(point) for point in self.points],
            "notes": list(self.notes),
        }


def audit(
    subject: str | Callable[..., Any],
    data: object = None,
    hand: Mapping[str, str] | None = None,
    *,
    at: Any = None,
    loss: str = "squared",
    lr: float = 0.01,
    seed: int = 0,
) -> Audit:
    """Compare a gradient derived by hand with the derived one and with finite differences.

    Parameters
    ----------
    subject : a formula, as in `tidu.fit`; or a loss as a function of numbers.
    data : the data of the formula; or the function that gives your gradient of the loss. It is called like the loss,
        and gives a dict by name, or numbers in the order of `at`.
    hand : your gradient of the cost (the mean of the loss over the rows) by parameter, as formulas of columns and
        parameters with `mean(...)` and `sum(...)` over the rows: `{"w": "mean(2*(w*x+b-y)*x)"}`. `n` is the number
        of rows, `new_w` the value of w after an update; `x[i-1]` and `x[i+1]` are x in the rows beside row `i`, the
        last row coming before the first.
    at : a point to compare at, besides points drawn with the seed: parameters by name. A function takes its arguments
        by these names; where `at` is a number or an array, it is the function's only argument.
    lr : the learning rate of the update in `new_w`.

    Returns
    -------
    Audit

    Raises
    ------
    FormulaError, DataError, SettingError

    Examples
    --------
    >>> import tidu
    >>> found = tidu.audit("y = w*x", {"x": [1, 2], "y": [2, 4]}, {"w": "mean((w*x - y)*x)"})
    >>> found.verdicts["w"].slip
    'factor 2'
    """
    if callable(subject):
        return _audited(OfFunction.of(subject, data, at, lr), seed)
    if not hand:
        raise SettingError(_("the audit needs your gradient: hand={'w': 'mean(2*(w*x + b - y)*x)'}"))
    return _audited(OfFormula.of(Problem.read(subject, data, {"loss": loss}), hand, at, lr), seed)


def _audited(subject: Subject, seed: int) -> Audit:
    points = points_of(subject, seed)
    verdicts = {name: _verdict(subject, name, points) for name in subject.audited}
    kinks = [name for name, v in verdicts.items() if not same(v.derived, v.measured, v.sizes, MEASURED_CLOSE)]
    notes = [
        _("{name}: finite differences disagree with the derived gradient, as near a kink").format(name=name)
        for name in kinks
    ]
    return Audit(verdicts, points, (*subject.notes, *notes))


def _verdict(subject: Subject, name: str, points: tuple[Point, ...]) -> Verdict:
    hand = tuple(subject.hand(name, point) for point in points)
    derived = tuple(subject.derived(name, point) for point in points)
    measured = tuple(subject.measured(name, point) for point in points)
    sizes = tuple(subject.size(name, point) for point in points)
    largest = max(abs(h - d) for h, d in zip(hand, derived, strict=True))
    if same(hand, derived, sizes, subject.close):
        said = _("{name}: right, at {count} points").format(name=name, count=len(points))
        return Verdict(True, None, said, largest, hand, derived, measured, sizes)
    slip = slip_of(subject, name, points)
    return Verdict(False, slip.kind, f"{name}: {slip.said}", largest, hand, derived, measured, sizes)
