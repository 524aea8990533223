"""`Settings`: everything that the user decides about a training, as plain values, checked when it is made.

A saved model holds its settings; a program is built from them and the names of the columns.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from tidu.content.arguments import written
from tidu.content.losses import Loss, loss_named
from tidu.content.methods import AUTO, check_method, is_solver
from tidu.content.models import MODELS
from tidu.content.optimizers import OPTIMIZERS, optimizer_named
from tidu.content.schedules import rate
from tidu.content.starts import Start, finite, generator_of, starting_value
from tidu.engines.program import Program, Regularisation, program_of_model
from tidu.errors import SettingError, closest
from tidu.language.expr import Expr
from tidu.language.formula import Formula, parse_formula
from tidu.language.printer import text
from tidu.text import _
from tidu.training.constraints import check_together, checked_bounds, sample_weight, with_fixed

DEFAULT_EPOCHS = 1000
DTYPES = ("float64", "float32")


@dataclass(frozen=True)
class Settings:
    """The arguments of `tidu.fit` that decide the result; see there."""

    formula: str
    loss: str = "squared"
    optimizer: str = "gd"
    lr: float | str | None = None  # None is the optimizer's own default
    batch_size: int | None = None
    epochs: int | None = None
    steps: int | None = None
    until_loss: float | None = None
    tol: float | None = None
    init: Mapping[str, Start] = field(default_factory=dict)
    shuffle: bool = True
    seed: int = 0
    record: str = "epoch"
    l1: float = 0.0
    l2: float = 0.0
    penalise: tuple[str, ...] | None = None
    clip_norm: float | None = None
    clip_value: float | None = None
    dtype: str = "float64"
    fast: bool = False
    bounds: Mapping[str, tuple[float | None, float | None]] = field(default_factory=dict)
    fix: Mapping[str, float] = field(default_factory=dict)
    weights: str | None = None
    sigma: str | None = None
    starts: int = 1
    scale: bool = False
    outputs: int | None = None  # of the model: the number of classes, where the loss has several

    def __post_init__(self) -> None:
        # What is kept is Python's own int and float: a model file holds no NumPy scalars.
        plain: dict[str, Any] = {}
        for name, least in (("batch_size", 1), ("epochs", 1), ("steps", 1), ("seed", 0), ("starts", 1)):
            plain[name] = _whole(name, getattr(self, name), least)
        for name in ("l1", "l2", "tol"):
            plain[name] = _number(name, getattr(self, name), at_least=0.0)
        for name in ("clip_norm", "clip_value"):
            plain[name] = _number(name, getattr(self, name), above=0.0)
        plain["until_loss"] = _number("until_loss", self.until_loss)
        plain["init"] = {n: v.item() if isinstance(v, np.number) else v for n, v in self.init.items()}
        if self.dtype not in DTYPES:
            raise SettingError(
                _("dtype must be one of {names}, not {value!r}").format(names=", ".join(DTYPES), value=self.dtype)
            )
        if not isinstance(self.fast, bool):
            raise SettingError(_("fast must be True or False, not {value!r}").format(value=self.fast))
        if self.record not in ("epoch", "step"):
            raise SettingError(_("record must be epoch or step, not {value!r}").format(value=self.record))
        loss_named(self.loss)
        check_method(self.optimizer)
        plain["optimizer"] = self.optimizer.strip()
        plain["bounds"] = {name: checked_bounds(name, pair) for name, pair in self.bounds.items()}
        plain["fix"] = {name: _number(f"fix {name}", value) for name, value in self.fix.items()}
        plain["lr"] = self._checked_rate()
        for name, value in plain.items():
            object.__setattr__(self, name, value)
        check_together(self)

    def _checked_rate(self) -> float | str | None:
        """The learning rate, or its formula; None for a solver, and until it is chosen for `auto`."""
        method = self.optimizer.strip()
        if is_solver(method) or (self.lr is None and method == AUTO):
            return self.lr  # which `check_together` refuses, if it is one
        if self.lr == AUTO or (self.lr is None and self.scale):
            return AUTO  # until the data are there
        default = 0.01 if method == AUTO else optimizer_named(method).default_lr
        expression = rate(default if self.lr is None else self.lr)
        return expression.value if expression.is_constant else text(expression)

    @property
    def uses_solver(self) -> bool:
        """Whether a solver runs it, and not a descent with a learning rate."""
        return is_solver(self.optimizer)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)

    @property
    def loss_object(self) -> Loss:
        """The loss with its options."""
        return loss_named(self.loss)

    @property
    def optimizer_in_full(self) -> str:
        """The optimizer with all its options written out."""
        if self.uses_solver:
            return self.optimizer
        chosen = optimizer_named(self.optimizer)
        return written(chosen.name, chosen.values)

    @property
    def limit(self) -> tuple[int | None, int | None]:
        """Epochs and steps; 1000 epochs where neither was given."""
        return (DEFAULT_EPOCHS, None) if self.epochs is None and self.steps is None else (self.epochs, self.steps)

    def model(self, columns: Sequence[str]) -> Formula:
        """The formula on data that has `columns`."""
        outputs = self.outputs if self.loss_object.of_classes else 1
        return parse_formula(self.formula, columns, {**self.init, **self.bounds, **self.fix}, MODELS, outputs)

    def program(self, columns: Sequence[str]) -> Program:
        """The program of these settings on data that has `columns`."""
        formula = self.model(columns)
        self._known([p.name for p in formula.parameters], self.fix, "fix")
        formula = with_fixed(formula, self.fix)
        names = [p.name for p in formula.parameters]
        if not names:
            raise SettingError(
                _("the formula '{formula}' has no parameter to learn").format(formula=self.formula.strip()[:60])
            )
        self._known(names, self.init, "init")
        self._known(names, self.penalise or (), "penalise")
        self._known(names, self.bounds, "bounds")
        return self._program_of(formula, sample_weight(self, columns))

    def program_like(
        self, program: Program, score: Expr | None = None, parameters: tuple[Expr, ...] | None = None
    ) -> Program:
        """The program of these settings on the model of `program`, or on that model in other parameters."""
        assert program.target is not None
        formula = Formula(
            self.formula,
            program.target,
            program.score if score is None else score,
            program.parameters if parameters is None else parameters,
            tuple(c for c in program.columns if c.role == "feature"),
            tuple(c for c in program.columns if c.role == "target"),
            masks=program.masks,
        )
        return self._program_of(formula, program.weight)

    def _program_of(self, formula: Formula, weight: Expr | None) -> Program:
        # What chooses its own steps, or has yet to be chosen, reads the derivatives alone.
        stands_in = self.uses_solver or self.optimizer == AUTO
        return program_of_model(
            formula,
            self.loss_object,
            OPTIMIZERS["gd"] if stands_in else optimizer_named(self.optimizer),
            rate(0.01 if self.lr is None or self.lr == AUTO else self.lr),
            Regularisation(self.l1, self.l2, self.penalise, self.clip_norm, self.clip_value),
            weight,
        )

    @staticmethod
    def _known(names: Sequence[str], given: Iterable[str], option: str) -> None:
        for name in given:
            if name not in names:
                near = closest(name, names)
                hint = _(" (did you mean '{near}'?)").format(near=near) if near else ""
                raise SettingError(
                    _(
                        "{option} names '{name}', which is not a parameter of the formula{hint}; there are: {names}"
                    ).format(option=option, name=name, hint=hint, names=", ".join(names))
                )

    def starting_values(self, program: Program) -> list[Any]:
        """The first value of each parameter: as `init` says, else what the model says, else 0.

        Draws come from a stream of the seed.
        """
        generator = generator_of(self.seed)
        said = {**program.starts, **self.init}
        return [starting_value(p.name, said.get(p.name, 0.0), generator, p.shape) for p in program.parameters]

    def further_starts(self, parameters: Sequence[Expr]) -> list[npt.NDArray[np.float64]]:
        """`starts` - 1 other starting points: drawn as `init` says, else between the bounds, else around the first."""
        generator = np.random.default_rng([self.seed, 3])
        return [
            np.array([self._another(p.name, generator) for p in parameters], dtype=np.float64)
            for _k in range(self.starts - 1)
        ]

    def _another(self, name: str, generator: np.random.Generator) -> float:
        start = self.init.get(name, 0.0)
        low, high = self.bounds.get(name, (None, None))
        number = finite(start)
        if number is None:
            return float(starting_value(name, start, generator))
        if low is not None and high is not None:
            return float(generator.uniform(low, high))
        # A log-normal factor keeps the sign and the order of magnitude; from 0, a step of about 1.
        return float(generator.normal()) if number == 0.0 else number * float(np.exp(generator.normal()))


def _whole(name: str, value: object, least: int) -> int | None:
    if value is None and name != "seed":
        return None
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise SettingError(
            _("{name} must be a whole number of at least {least}, not {value}").format(
                name=name, least=least, value=value
            )
        )
    return int(value)


def _number(name: str, value: object, at_least: float = -math.inf, above: float = -math.inf) -> float | None:
    if value is None:
        return None
    number = None if isinstance(value, bool) else finite(value)
    if number is None:
        raise SettingError(_("{name} must be a finite number, not {value}").format(name=name, value=value))
    if number < at_least or number <= above:
        bound = (
            _("at least {low:g}").format(low=at_least) if above == -math.inf else _("above {low:g}").format(low=above)
        )
        raise SettingError(_("{name} must be {range}, not {value}").format(name=name, range=bound, value=value))
    return number
