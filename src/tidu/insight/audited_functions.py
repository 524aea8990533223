"""A loss and its gradient as functions of one's own, as the audit examines them (`audited.py`). Called by `audit`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from tidu.eager.transforms import grad
from tidu.errors import SettingError, TiduError
from tidu.insight.audited import CLOSE, MEASURED_CLOSE, Point, central
from tidu.insight.slips_in_functions import Inside, Recorded
from tidu.text import _


def _number(name: str, value: Any) -> float:
    if np.ndim(value):
        raise SettingError(
            _("at names '{name}' with an array; a loss of one array takes it bare: at=[0.5, -0.5]").format(name=name)
        )
    return float(value)


@dataclass(frozen=True)
class OfFunction:
    """A loss and its gradient as functions; `names` are those of the arguments, or of the numbers of the only one."""

    loss: Callable[..., Any]
    gradient: Callable[..., Any]
    names: tuple[str, ...]
    shape: tuple[int, ...] | None  # of the only argument; None where arguments have names
    at: Point | None
    lr: float
    rules: bool = True  # whether derivatives follow from rules; else they are measured
    notes: tuple[str, ...] = ()
    close: float = CLOSE
    rows: int | None = None
    has_half: bool = False
    factors: tuple[str, ...] = ()

    @classmethod
    def of(cls, loss: Callable[..., Any], gradient: object, at: Any, lr: float) -> OfFunction:
        """Checked."""
        if not callable(gradient):
            raise SettingError(
                _("the audit of a function needs your gradient as a function: tidu.audit(loss, gradient)")
            )
        if at is None:
            raise SettingError(_("the audit of a function needs a point: at={'w': 1.0, 'b': 0.0}, or at=1.0"))
        if isinstance(at, Mapping):
            names, shape, numbers = tuple(at), None, [_number(name, value) for name, value in at.items()]
        else:
            array = np.asarray(at, dtype=np.float64)
            shape, numbers = array.shape, array.ravel().tolist()
            names = ("x",) if not shape else tuple(f"x[{', '.join(map(str, k))}]" for k in np.ndindex(shape))
        point = dict(zip(names, numbers, strict=True))
        found = cls(loss, gradient, names, shape, point, lr, factors=names)
        for name in names:
            measured = found.measured(name, point)
            try:
                derived = found.derived(name, point)
            except (TiduError, TypeError, ValueError, AttributeError):
                derived = math.nan
            if not abs(derived - measured) <= MEASURED_CLOSE * max(1.0, abs(measured)):
                note = _("the loss is no function of tidu's tensors: compared with finite differences alone")
                return replace(found, rules=False, notes=(note,), close=MEASURED_CLOSE)
        recorded = found.recorded(point)
        if recorded is None:
            return found
        return replace(found, rows=recorded.rows(), has_half=recorded.has_half())

    @property
    def audited(self) -> tuple[str, ...]:
        """The parameters with a hand gradient."""
        return self.names

    @property
    def parameters(self) -> tuple[str, ...]:
        """All parameters."""
        return self.names

    @property
    def sums(self) -> frozenset[str]:
        """Parameters whose hand gradient has a sum."""
        return frozenset()

    def numbers(self, name: str) -> list[float]:
        """The numbers that stand in a hand gradient."""
        return [0.1, 0.01, 0.001]

    def without_zeros(self) -> Self:
        """The same on data that can be divided by."""
        return self

    def called(self, function: Callable[..., Any], numbers: Any) -> Any:
        """A function at these numbers, an array or a tensor of shape (parameters,)."""
        if self.shape is None:
            return function(**{name: numbers[k] for k, name in enumerate(self.names)})
        return function(numbers.reshape(self.shape) if self.shape else numbers[0])

    def cost(self, point: Point) -> float:
        """The loss as a number."""
        return float(self.called(self.loss, np.array([point[n] for n in self.names])))

    def hand(self, name: str, point: Point) -> float:
        """The hand gradient."""
        told = self.called(self.gradient, np.array([point[n] for n in self.names]))
        if isinstance(told, Mapping):
            return float(told[name]) if name in told else math.nan
        numbers = np.asarray(told, dtype=np.float64).ravel()
        if len(numbers) != len(self.names):
            raise SettingError(_("your gradient has {given} numbers instead of {wanted}").format(
                given=len(numbers), wanted=len(self.names)
            ))  # fmt: skip
        return float(numbers[self.names.index(name)])

    def derived(self, name: str, point: Point) -> float:
        """The derived gradient."""
        if not self.rules:
            return self.measured(name, point)
        told = grad(lambda numbers: self.called(self.loss, numbers))(np.array([point[n] for n in self.names]))
        return float(np.asarray(told)[self.names.index(name)])

    def divided(self, name: str, factor: str, point: Point) -> float:
        """The derived gradient without a factor of each summand."""
        return self.derived(name, point) / point[factor] if point[factor] else math.nan

    def recorded(self, point: Point) -> Recorded | None:
        """The loss with its graph; None where it leaves none."""
        if not self.rules:
            return None
        at = np.array([point[n] for n in self.names])
        return Recorded.of(lambda numbers: self.called(self.loss, numbers), at)

    def inside(self, name: str, point: Point) -> Mapping[str, Inside]:
        """A factor that is forgotten, or taken from the neighbouring row."""
        recorded = self.recorded(point)
        return {} if recorded is None else dict(recorded.slips(self.names.index(name)))

    def measured(self, name: str, point: Point) -> float:
        """The gradient by central differences."""
        return central(self.cost, name, point)

    def size(self, name: str, point: Point) -> float:
        """How large the numbers are that the derived gradient is the mean of."""
        return max(abs(self.derived(name, point)), 1e-3)
