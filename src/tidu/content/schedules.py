"""Learning rates that change: a rate is an expression of the step `t` (from 0) and the `epoch` (from 0).

A schedule is a factor; factors multiply, so they compose: `0.1 * warmup(100) * cosine(1000)` is a rate, in Python
(`0.1 * tidu.schedules.warmup(100) * ...`) and as text on the command line. Anything else can be written out:
`0.1 / (1 + 0.01*epoch)`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tidu.content.arguments import Option, checked_options, fraction, nonnegative, positive
from tidu.errors import SettingError
from tidu.language import ops
from tidu.language.expr import Expr, ExprLike, as_expr, symbol, symbols
from tidu.language.reader import parse_expression
from tidu.language.simplify import simplify
from tidu.text import _

STEP = symbol("t", "time")
EPOCH = symbol("epoch", "time")
REDUCTION = symbol("reduction", "time", positive=True)  # what a plateau of the loss has left of the rate


@dataclass(frozen=True)
class Schedule:
    """A factor on the learning rate; call it with its options to get the expression."""

    name: str
    factor: Callable[..., Expr]
    options: Mapping[str, Option]

    def __call__(self, *positional: ExprLike, **named: ExprLike) -> Expr:
        """The factor as an expression of t; options in the order of declaration, or by name."""
        if len(positional) > len(self.options):
            raise SettingError(
                _("{owner} takes at most {count} option(s): {names}").format(
                    owner=self.name, count=len(self.options), names=", ".join(self.options)
                )
            )
        given = dict(zip(self.options, positional, strict=False))
        for name in given.keys() & named.keys():
            raise SettingError(_("{owner}: {name} is given twice").format(owner=self.name, name=name))
        given |= named
        values = checked_options(self, {key: _number(value) for key, value in given.items()})
        return self.factor(STEP, **values)


def _number(value: ExprLike) -> object:
    return value.value if isinstance(value, Expr) and value.is_constant else value


SCHEDULES: dict[str, Schedule] = {}


def schedule(**options: Option) -> Callable[[Callable[..., Expr]], Schedule]:
    """Register a schedule under its function's name."""

    def register(factor: Callable[..., Expr]) -> Schedule:
        entry = Schedule(factor.__name__, factor, options)
        SCHEDULES[entry.name] = entry
        return entry

    return register


@schedule()
def constant(t: Expr) -> Expr:
    """Always 1."""
    return as_expr(1.0)


@schedule(every=positive(100), factor=fraction(0.5, low_open=True, high_open=False))
def step(t: Expr, every: float, factor: float) -> Expr:
    """Multiplied by `factor` after every `every` steps."""
    return factor ** ops.floor(t / every)


@schedule(decay=fraction(0.999, low_open=True, high_open=False))
def exponential(t: Expr, decay: float) -> Expr:
    """Multiplied by `decay` at each step."""
    return decay**t


@schedule(steps=positive(1000), floor=fraction(0.0))
def cosine(t: Expr, steps: float, floor: float) -> Expr:
    """Half a cosine from 1 down to `floor` over `steps` steps (Loshchilov & Hutter 2017, without restarts)."""
    return floor + (1 - floor) * (0.5 * (1 + ops.cos(math.pi * ops.minimum(t / steps, 1))))


@schedule(decay=nonnegative(0.01))
def inverse_time(t: Expr, decay: float) -> Expr:
    """1 / (1 + decay·t): falls as Robbins & Monro (1951) ask for convergence under noise."""
    return 1 / (1 + decay * t)


@schedule(steps=positive(100))
def warmup(t: Expr, steps: float) -> Expr:
    """Rises in a straight line to 1 over the first `steps` steps."""
    return ops.minimum((t + 1) / steps, 1)


def is_reduced(rate: Expr) -> bool:
    """Whether a learning rate falls at plateaus of the loss: by how much is then given to the loop."""
    return REDUCTION in symbols([rate], "time")


def rate(lr: float | str | Expr) -> Expr:
    """A learning rate as an expression of t and epoch; a plain number must be above 0."""
    if isinstance(lr, str):
        if lr.strip() == "auto":
            raise SettingError(_("lr='auto' is for tidu fit, which has data to compute it from; give a number here"))
        lr = parse_expression(lr, {"t": STEP, "epoch": EPOCH}, functions=SCHEDULES)
    try:
        expression = simplify(as_expr(lr), {})
    except (TypeError, OverflowError):  # OverflowError: a whole number beyond float64
        raise SettingError(
            _("the learning rate must be a number or a formula of t and epoch, not {value!r}").format(value=lr)
        ) from None
    if expression.is_constant and not 0.0 < expression.value < math.inf:
        raise SettingError(
            _("the learning rate must be a number above 0, not {value:g}").format(value=expression.value)
        )
    strangers = symbols([expression], "parameter", "feature", "target", "hyper", "state")
    if strangers:
        raise SettingError(
            _("the learning rate may depend on t and epoch only, not on {name}").format(name=strangers[0].name)
        )
    return expression
