"""`minimize`: from a point, against the gradient, to the minimum of a plain function. No data."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from tidu.content.arguments import written
from tidu.content.optimizers import optimizer_named
from tidu.content.schedules import rate
from tidu.content.starts import finite
from tidu.engines.mathematics import latex_of
from tidu.engines.program import Program, program_of_function
from tidu.errors import FormulaError, SettingError, TiduError
from tidu.language.calculus import gradient
from tidu.language.expr import ROLES, Expr, as_expr, evaluate, symbol, symbols
from tidu.language.printer import text
from tidu.language.reader import parse_expression
from tidu.text import _
from tidu.training.as_json import HISTORY_IN_JSON
from tidu.training.callbacks import Callback, Listeners
from tidu.training.descent import descend
from tidu.training.history import History
from tidu.training.judging.undefined import undefined_at
from tidu.training.problem import Problem
from tidu.training.settings import Settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DEFAULT_STEPS = 1000
Point = Mapping[str, float]


@dataclass(frozen=True)
class Minimum:
    """What `tidu.minimize` returns.

    Attributes
    ----------
    params : where it ended; `x` is the same, a number for a number, an array for a sequence.
    value, gradient : of the function there.
    start, start_value, start_gradient : where it began, and the function there.
    history : a row for each step: the value and the gradient before it, the point after it.
    stopped : `steps`, `converged`, `diverged` or `interrupted`.
    """

    function: str
    params: Point
    value: float
    gradient: Point
    start: Point
    start_value: float
    start_gradient: Point
    lr: float | str
    optimizer: str
    history: History
    stopped: str
    steps: int
    seconds: float
    source: str
    program: Program
    scalar: bool = False
    engine: str = "python"

    @property
    def x(self) -> Any:
        """Where it ended, in the form in which the start was given."""
        return next(iter(self.params.values())) if self.scalar else np.array(list(self.params.values()))

    @property
    def path(self) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        """Every point on the way, the start first, of shape (steps + 1, parameters)."""
        way = np.tile(list(self.start.values()), (len(self.history) + 1, 1))
        for k, name in enumerate(self.start):
            if name in self.history.parameters:  # the function does not depend on the others
                way[1:, k] = self.history[name]
        return way

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What a person should know about how it ended, in sentences."""
        if not self.diverged:
            return ()
        parameters = [self.params[name] for name in self.program.parameter_names]
        undefined = undefined_at(self.program, (), parameters)
        if undefined is not None:
            sentence = _("step {step} is not finite: {where}; start elsewhere").format(
                step=self.steps + 1, where=undefined
            )
        else:
            sentence = _(
                "step {step} is not finite; the point is the one before it. Try a smaller learning rate than {lr}"
            ).format(step=self.steps + 1, lr=self.lr)
        return (sentence,)

    @property
    def diverged(self) -> bool:
        """Whether it ended at a step that was not finite."""
        return self.stopped == "diverged"

    def plot(self, path: str | os.PathLike[str] | None = None) -> Figure:
        """The value over the steps and the way down, over the curve or the contours of one or two variables."""
        from tidu.pictures.descents import descent_picture
        from tidu.pictures.figure import save

        figure = descent_picture(self.function, self.history.loss, list(self.params), self.path, self._value_at)
        if path is not None:
            save(figure, path)
        return figure

    def _value_at(self, *point: float) -> float:
        at = dict(zip(self.params, point, strict=True))
        return evaluate(self.program.loss, {p: at[p.name] for p in self.program.parameters})

    def latex(self) -> str:
        """The function, its partial derivatives and the update as one LaTeX `aligned` block."""
        return latex_of(self.program)

    def __repr__(self) -> str:
        values = ", ".join(f"{n}={v:.8g}" for n, v in self.params.items())
        return f"<Minimum of '{self.function}': {values}; value {self.value:.6g}; stopped: {self.stopped}>"

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values: what the command line prints for `--json`."""
        return {
            "function": self.function,
            "params": dict(self.params),
            "value": self.value,
            "loss": self.value,
            "gradient": dict(self.gradient),
            "start": dict(self.start),
            "start_value": self.start_value,
            "first_gradient": dict(self.start_gradient),
            "epochs": self.steps,
            "steps": self.steps,
            "stopped": self.stopped,
            "engine": self.engine,
            "lr": self.lr,
            "optimizer": self.optimizer,
            "seconds": self.seconds,
            "notes": list(self.notes),
            "history": self.history.thinned(HISTORY_IN_JSON).to_dict(),
        }


def minimize(
    function: str | Expr | Callable[[Any], Any],
    x0: float | Sequence[float] | Point,
    *,
    lr: float | str | Expr = 0.1,
    optimizer: str = "gd",
    steps: int = DEFAULT_STEPS,
    tol: float | None = None,
    callbacks: Callback | Sequence[Callback] = (),
) -> Minimum:
    """Walk down a function of one or several variables.

    Parameters
    ----------
    function : a formula (`"3*x1**2 + 4*x2**2"`), or a Python function of tidu's operations. It gets the variable
        itself where `x0` is a number, a tuple of variables where it is a sequence, a dict where it is a dict.
    x0 : the start; a dict names the variables of a formula.
    lr, optimizer : as in `tidu.fit`; the default rate here is 0.1.
    steps : how many steps at most.
    tol : stop once no variable moves by more than this in a step.

    Examples
    --------
    >>> import tidu
    >>> tidu.minimize(lambda x: 3 * x**2, x0=1.0, lr=0.1, steps=200).value < 1e-30
    True
    """
    start = _start(x0)
    value, shown = _expression(function, x0, start)
    checked = Settings("y = 0", steps=steps, tol=tol)
    chosen, schedule = optimizer_named(optimizer), rate(lr)
    variables = [symbol(name, "parameter") for name in start]
    named = symbols([value], *ROLES)
    strangers = [s.name for s in named if s not in variables]
    if strangers:
        raise FormulaError(
            _("the function '{function}' names '{name}', and the start does not; it names: {names}").format(
                function=shown, name=strangers[0], names=", ".join(start)
            )
        )
    if not named:
        raise FormulaError(
            _("the function '{function}' does not depend on any of its variables").format(function=shown)
        )
    program = program_of_function(value, [v for v in variables if v in named], chosen, schedule)
    names = program.parameter_names
    settings = replace(checked, steps=checked.steps or DEFAULT_STEPS, record="step")
    problem = Problem.of_function(program, [start[n] for n in names], settings)
    descent = descend(problem, listeners=Listeners(callbacks))
    params = start | dict(zip(names, descent.state.parameters, strict=True))
    return Minimum(
        shown,
        params,
        *_value_and_gradient(value, variables, params),
        start,
        *_value_and_gradient(value, variables, start),
        schedule.value if schedule.is_constant else text(schedule),
        written(chosen.name, chosen.values),
        descent.history,
        descent.stopped,
        descent.state.step,
        descent.seconds,
        descent.source,
        program,
        isinstance(x0, (int, float, np.number)),
        descent.engine.name,
    )


def _start(x0: object) -> dict[str, float]:
    if isinstance(x0, Mapping):
        start = {str(k): v for k, v in x0.items()}
    elif isinstance(x0, (int, float, np.number)):
        start = {"x": x0}
    elif isinstance(x0, (Sequence, np.ndarray)) and not isinstance(x0, str):
        start = {f"x{k}": v for k, v in enumerate(np.atleast_1d(np.asarray(x0, dtype=object)), 1)}
    else:
        raise SettingError(
            _("the start must be a number, a sequence or a dict of numbers, not {value!r}").format(value=x0)
        )
    if not start:
        raise SettingError(_("the start names no variable"))
    numbers = {name: finite(value) for name, value in start.items()}
    for name, number in numbers.items():
        if number is None:
            raise SettingError(
                _("the starting value of {name} must be a finite number, not {value}").format(
                    name=name, value=start[name]
                )
            )
    return {name: number for name, number in numbers.items() if number is not None}


def _expression(function: Any, x0: object, start: Mapping[str, float]) -> tuple[Expr, str]:
    variables = {name: symbol(name, "parameter") for name in start}
    if isinstance(function, str):
        return parse_expression(function, variables), function.strip()
    if isinstance(function, Expr):
        return function, text(function)
    argument: Any = variables
    if isinstance(x0, (int, float, np.number)):
        argument = variables["x"]
    elif not isinstance(x0, Mapping):
        argument = tuple(variables.values())
    try:
        value = as_expr(function(argument))
    except TiduError:
        raise
    except (TypeError, ValueError) as error:
        raise FormulaError(
            _("the function cannot be recorded: {reason}; use tidu's operations (tidu.sin, tidu.where, ...)").format(
                reason=error
            )
        ) from error
    return value, text(value)


def _value_and_gradient(value: Expr, variables: Sequence[Expr], at: Point) -> tuple[float, dict[str, float]]:
    point = {v: at[v.name] for v in variables}
    slopes = gradient(value, variables)
    return evaluate(value, point), {v.name: evaluate(g, point) for v, g in zip(variables, slopes, strict=True)}
