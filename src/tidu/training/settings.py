"""`Settings`: everything that the user decides about a training, as plain values, checked when it is made.

A saved model holds its settings; a program is built from them and the names of the columns.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from tidu.content.losses import Loss, loss_named
from tidu.content.models import MODELS
from tidu.content.optimizers import optimizer_named
from tidu.content.options import written
from tidu.content.schedules import rate
from tidu.engines.program import Program, Regularisation, program_of_model
from tidu.errors import SettingError, closest
from tidu.language.formula import parse_formula
from tidu.language.printer import text
from tidu.text import _

Start = float | str  # a number, or a distribution: "normal(0, 0.01)"
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
    outputs: int | None = None  # of the model: the number of classes, where the loss has several

    def __post_init__(self) -> None:
        # What is kept is Python's own int and float: a model file holds no NumPy scalars.
        plain: dict[str, Any] = {}
        for name, least in (("batch_size", 1), ("epochs", 1), ("steps", 1), ("seed", 0)):
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
        optimizer = optimizer_named(self.optimizer)
        loss_named(self.loss)
        rate_text = optimizer.default_lr if self.lr is None else self.lr
        expression = rate(rate_text)
        plain["lr"] = expression.value if expression.is_constant else text(expression)
        for name, value in plain.items():
            object.__setattr__(self, name, value)

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
        chosen = optimizer_named(self.optimizer)
        return written(chosen.name, chosen.values)

    @property
    def limit(self) -> tuple[int | None, int | None]:
        """Epochs and steps; 1000 epochs where neither was given."""
        return (DEFAULT_EPOCHS, None) if self.epochs is None and self.steps is None else (self.epochs, self.steps)

    def program(self, columns: Sequence[str]) -> Program:
        """The program of these settings on data that has `columns`."""
        outputs = 1 if not self.loss_object.of_classes else self.outputs or 2
        formula = parse_formula(self.formula, columns, self.init, MODELS, outputs)
        names = [p.name for p in formula.parameters]
        if not names:
            raise SettingError(
                _("the formula '{formula}' has no parameter to learn").format(formula=self.formula.strip()[:60])
            )
        self._known(names, self.init, "init")
        self._known(names, self.penalise or (), "penalise")
        return program_of_model(
            formula,
            self.loss_object,
            optimizer_named(self.optimizer),
            rate(self.lr if self.lr is not None else 0.01),
            Regularisation(self.l1, self.l2, self.penalise, self.clip_norm, self.clip_value),
        )

    @staticmethod
    def _known(names: Sequence[str], given: Mapping[str, Start] | Sequence[str], option: str) -> None:
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
        generator = np.random.default_rng([self.seed, 2])
        said = {**program.starts, **self.init}
        return [starting_value(p.name, said.get(p.name, 0.0), generator, p.shape) for p in program.parameters]


def starting_value(name: str, start: Start, generator: np.random.Generator, shape: tuple[int, ...] = ()) -> Any:
    """A number, or a draw from `normal(mean, deviation)` or `uniform(low, high)`; of a `shape`, one for each place."""
    value: Any = start
    drawn = None
    if isinstance(start, str):
        try:
            tree = ast.parse(start.strip(), mode="eval").body
            if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and not tree.keywords:
                a, b = (float(ast.literal_eval(x)) for x in tree.args)
                draws: dict[str, Callable[..., Any]]
                draws = {"normal": generator.normal, "uniform": generator.uniform}
                drawn = draws[tree.func.id](a, b, shape) if shape else None
                value = draws[tree.func.id](a, b) if drawn is None else a
            else:
                value = float(ast.literal_eval(tree))
        except (SyntaxError, ValueError, KeyError, TypeError, RecursionError, MemoryError, OverflowError):
            raise SettingError(
                _("the starting value of {name} must be a number, normal(mean, deviation) or uniform(low, high), "
                  "not {value}").format(name=name, value=str(start)[:40])
            ) from None  # fmt: skip
    number = finite(value)
    if number is None:
        raise SettingError(
            _("the starting value of {name} must be a finite number, not {value}").format(name=name, value=start)
        )
    if not shape:
        return number
    return np.full(shape, number) if drawn is None else drawn


def finite(value: object) -> float | None:
    """`value` as a float, if it is a real number that a float64 can hold."""
    if not isinstance(value, (int, float, np.integer, np.floating)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


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
