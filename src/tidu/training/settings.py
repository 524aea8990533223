"""`Settings`: everything that the user decides about a training, as plain values, checked when it is made.

A saved model holds its settings; a program is built from them and the names of the columns.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from tidu.content.arguments import written
from tidu.content.declarations import declared
from tidu.content.losses import Loss, loss_named
from tidu.content.methods import AUTO, is_solver
from tidu.content.models import MODELS
from tidu.content.optimizers import OPTIMIZERS, Optimizer, optimizer_named
from tidu.content.schedules import REDUCTION, rate
from tidu.content.starts import finite, generator_of, starting_value
from tidu.copying import FrozenDict
from tidu.data.categories import source_columns
from tidu.engines.program import Program, Regularisation, program_of_model
from tidu.errors import SettingError, closest
from tidu.language.expr import Expr, as_expr, substitute
from tidu.language.formula import Formula, parse_formula
from tidu.language.level_parameters import Combination, Level, for_each_level
from tidu.language.printer import text
from tidu.language.quantities import (
    Conditions,
    Inequality,
    Quantity,
    conditions_of,
    names_given,
    quantities_of,
    with_equalities,
)
from tidu.text import _, language
from tidu.training.constraints import check_column, check_penalty, check_together, sample_weight, with_fixed
from tidu.training.options import TrainingOptions

DEFAULT_EPOCHS = 1000
STAND_IN_RATE = as_expr(0.01)  # of programs whose steps somebody else makes, or that have no rate yet


@functools.lru_cache(maxsize=64)
def _formula_read(
    formula: str,
    columns: tuple[str, ...],
    known: tuple[str, ...],
    outputs: int | None,
    levels: tuple[tuple[str, tuple[Level | Combination, ...]], ...],
    aside: tuple[str, ...],
    _language: str,
) -> Formula:
    """The formula as it was read, with its notes in a language; the last ones are kept."""
    return parse_formula(formula, columns, known, MODELS, outputs, dict(levels), aside)


_PLAIN = (str, int, float, bool, type(None))


@functools.lru_cache(maxsize=64)
def _checked(formula: str, given: tuple[tuple[str, type, Any], ...]) -> Settings:
    """Settings of plain values; the types tell 1 from True."""
    return Settings(formula, **{name: value for name, _type, value in given})


def _parts(text: str) -> list[str]:
    return ["".join(part.split()) for part in text.split(",") if part.strip()]


@dataclass(frozen=True)
class Settings(TrainingOptions):
    """The arguments of `tidu.fit` that decide the result, as `training/options.py` declares them."""

    formula: str
    outputs: int | None = field(default=None, kw_only=True)  # of the model: as many as classes, where there are several
    levels: Mapping[str, tuple[Level | Combination, ...]] = field(default_factory=dict, kw_only=True)  # of categories
    zeros: Mapping[str, str] = field(default_factory=dict, kw_only=True)  # the first date of columns of dates

    @classmethod
    def of(cls, formula: str, given: Mapping[str, Any]) -> Settings:
        """The settings of these options by name; those of plain values are checked once, and the last ones kept."""
        others = {name: value for name, value in given.items() if name != "init"}
        plain = type(formula) is str and all(type(value) in _PLAIN for value in others.values())
        if not plain:
            return cls(formula, **given)
        checked = _checked(formula, tuple((name, type(value), value) for name, value in others.items()))
        init = given.get("init")
        if init is None:
            return checked
        _ready = checked.kept, checked.loss_object  # which both then have
        # No plain setting says anything of single parameters, so whatever start there is goes with those.
        made = object.__new__(cls)
        start = FrozenDict(declared(TrainingOptions)["init"].checked(init))
        vars(made).update(vars(checked), init=start, _given=given)
        return made

    def by(self, optimizer: str) -> Settings:
        """These settings, of `auto`, with the optimizer that was chosen."""
        given = vars(self).get("_given")
        if given is None:
            return replace(self, optimizer=optimizer)
        return Settings.of(self.formula, {**given, "optimizer": optimizer})

    def __post_init__(self) -> None:
        # What is kept is Python's own int and float: a model file holds no NumPy scalars.
        plain = {name: entry.checked(getattr(self, name)) for name, entry in declared(TrainingOptions).items()}
        levels = {name: tuple(tuple(k) if isinstance(k, list) else k for k in found)  # as a file has combinations
                  for name, found in self.levels.items()}  # fmt: skip
        plain |= {"levels": levels, "zeros": dict(self.zeros)}
        for name, value in plain.items():  # equal settings may be one object, so no mapping in them can be changed
            object.__setattr__(self, name, FrozenDict(value) if isinstance(value, dict) else value)
        object.__setattr__(self, "lr", self._checked_rate())
        check_together(self)

    def _checked_rate(self) -> float | str | None:
        """The learning rate, or its formula; None for a solver, and until it is chosen for `auto`."""
        method, lr = self.optimizer, self.lr
        assert not isinstance(lr, Expr)  # its text, by now
        if is_solver(method) or (lr is None and method == AUTO):
            return lr  # which `check_together` refuses, if it is one
        if lr == AUTO or (lr is None and self.scale):
            return AUTO  # until the data are there
        object.__setattr__(self, "_rate_is_default", lr is None)
        default = 0.01 if method == AUTO else optimizer_named(method).default_lr
        expression = rate(default if lr is None else lr)
        object.__setattr__(self, "_rate", expression)  # what `rate` gives: the text is read once
        return expression.value if expression.is_constant else text(expression)

    @property
    def rate_is_default(self) -> bool:
        """Whether the learning rate is the optimizer's own, because nobody gave one."""
        return bool(vars(self).get("_rate_is_default", False))

    @property
    def uses_solver(self) -> bool:
        """Whether a solver runs it, and not a descent with a learning rate."""
        return is_solver(self.optimizer)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        plain = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}
        return {"formula": self.formula, **plain}

    def __getstate__(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in fields(self)}  # without what was derived of it

    @functools.cached_property
    def kept(self) -> dict[tuple[Any, ...], Any]:
        """What was derived for data of other kinds, for a second training; shared by settings that differ in `init`."""
        return {}

    @functools.cached_property
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
        if not isinstance(self.formula, str):
            return parse_formula(self.formula, columns)  # which says what a formula is
        given = [name for name in names_given(tuple(self.where)) if name not in columns]
        known = tuple(dict.fromkeys([*self.init, *self.bounds, *self.fix, *given]))
        levels = tuple((name, tuple(found)) for name, found in self.levels.items())
        aside = tuple(
            name for name in (self.weights, self.sigma, self.counts, *self._columns_of_x()) if name is not None
        )
        return _formula_read(self.formula, tuple(columns), known, outputs, levels, aside, language())

    def with_found(self, **found: Any) -> Settings:
        """These settings with what the data tell; a rate that nobody gave stays one that nobody gave."""
        return replace(self, **found, lr=None if self.rate_is_default else self.lr)

    def with_each_level(self, model: Formula) -> Settings:
        """These settings with what they say of `a`, of which there is one for each level, said of every one."""
        if not model.by_level:
            return self
        spelt: dict[str, Any] = {
            option: for_each_level(getattr(self, option), model.by_level) for option in ("init", "bounds", "fix")
        }
        if self.penalise is not None:
            spelt["penalise"] = tuple(for_each_level(dict.fromkeys(self.penalise), model.by_level))
        return self.with_found(**spelt)

    def columns_of(self, model: Formula) -> list[str]:
        """The columns of the data that a fit of `model` reads."""
        names = [*(c.name for c in (*model.features, *model.columns)), self.weights, self.sigma, self.counts]
        names += self._columns_of_x()
        return source_columns([name for name in names if name is not None], model.derived)

    def _columns_of_x(self) -> list[str]:
        """The columns that `sigma_x` names."""
        return [] if self.sigma_x is None else [part.partition("=")[2] or part for part in _parts(self.sigma_x)]

    def errors_in_x(self, features: Sequence[str]) -> dict[str, str]:
        """The column with the standard deviation of each feature that has one.

        Raises
        ------
        SettingError
            `sigma_x` names no feature of the formula, or does not say of which its column is.
        """
        found = {}
        for part in _parts(self.sigma_x or ""):
            name, equals, column = part.partition("=")
            if not equals and len(features) != 1:
                raise SettingError(
                    _("sigma_x must say which feature '{column}' is of, as in {example}; the formula has {features}")
                    .format(column=part, example=f"{features[0] if features else 'x'}={part}",
                            features=", ".join(features) or _("none"))
                )  # fmt: skip
            feature = name if equals else features[0]
            self._known(features, [feature], "sigma_x")
            found[feature] = column if equals else name
        return found

    def program(self, columns: Sequence[str]) -> Program:
        """The program of these settings on data that has `columns`."""
        return self.program_of(self.model(columns), columns)

    def program_of(self, formula: Formula, columns: Sequence[str]) -> Program:
        """The program of these settings for a model that was read, on data that has `columns`."""
        self.quantities(formula, columns)  # which refuses those that cannot be
        formula = self.reduced(formula, columns)
        names = [p.name for p in formula.parameters]
        if not names:
            raise SettingError(
                _("the formula '{formula}' has no parameter to learn").format(formula=self.formula.strip()[:60])
            )
        of_levels = {name for p in formula.parameters if p.name in formula.by_level
                     for name in formula.by_level[p.name].names}  # fmt: skip
        check_penalty(self, formula)
        self._known(names, [name for name in self.init if name not in of_levels], "init")
        self._known(names, self.penalise or (), "penalise")
        self._known(names, self.bounds, "bounds")
        for name in self._columns_of_x():
            check_column("sigma_x", name, columns)
        return self._program_of(formula, sample_weight(self, columns))

    def conditions(self, formula: Formula, columns: Sequence[str]) -> Conditions:
        """What `where` says of the parameters of a formula."""
        conditions = conditions_of(tuple(self.where), formula, columns)
        if conditions.inequalities and (not (self.uses_solver or self.optimizer == AUTO) or self.optimizer == "lp"):
            raise SettingError(
                _("the condition '{text}' needs a solver that keeps to it, and {optimizer} does not; use optimizer lm, "
                  "lbfgs, newton or auto").format(text=conditions.inequalities[0].text, optimizer=self.optimizer)
            )  # fmt: skip
        for option, given in (("init", self.init), ("fix", self.fix), ("bounds", self.bounds)):
            for name in given:
                if name in conditions.equalities:
                    raise SettingError(
                        _("{option} names '{name}', which follows from others by where; leave one of the two out")
                        .format(option=option, name=name)
                    )  # fmt: skip
        return conditions

    def reduced(self, formula: Formula, columns: Sequence[str]) -> Formula:
        """A formula without the parameters that `where` and `fix` decide."""
        formula = with_equalities(formula, self.conditions(formula, columns))
        self._known([p.name for p in formula.parameters], self.fix, "fix")
        return with_fixed(formula, self.fix)

    def learned_conditions(self, formula: Formula, columns: Sequence[str]) -> tuple[Inequality, ...]:
        """The inequalities of `where`, in what is learned: with numbers in the place of fixed parameters."""
        numbers = {p: as_expr(self.fix[p.name]) for p in formula.parameters if p.name in self.fix}
        found = self.conditions(formula, columns).inequalities
        return tuple(replace(i, value=substitute(i.value, numbers)) for i in found)

    def quantities(self, formula: Formula, columns: Sequence[str]) -> dict[str, Quantity]:
        """What follows from the parameters: those that `where` gives by others, then what `report` names."""
        if not self.where and not self.report:
            return {}
        conditions = self.conditions(formula, columns)
        return quantities_of(tuple(self.report), conditions, formula, columns, self.fix)

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
            by_level=program.by_level,
        )
        return self._program_of(formula, program.weight)

    @property
    def stepping_optimizer(self) -> Optimizer:
        """The optimizer of the program; gd for what chooses its own steps, or has yet to be chosen."""
        return OPTIMIZERS["gd"] if self.uses_solver or self.optimizer == AUTO else optimizer_named(self.optimizer)

    @property
    def rate(self) -> Expr:
        """The learning rate as an expression; any number where there is none, or none yet."""
        known: Expr = vars(self).get("_rate", STAND_IN_RATE)
        return known * REDUCTION if self.plateau else known

    def _program_of(self, formula: Formula, weight: Expr | None) -> Program:
        penalise = None if self.penalise is None else tuple(self.penalise)
        regularisation = Regularisation(self.l1, self.l2, penalise, self.clip_norm, self.clip_value)
        loss, optimizer = self.loss_object, self.stepping_optimizer
        # What was derived for a formula is kept with it, for a second training of it.
        kept: dict[Any, Program] = vars(formula).setdefault("_programs", {})
        key = (loss.expression, loss.link, *loss.values.items(), regularisation, weight)
        if key not in kept:
            kept[key] = program_of_model(formula, loss, optimizer, self.rate, regularisation, weight)
        return kept[key].with_update(optimizer, self.rate)

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

    def starting_values(self, program: Program, of_data: Mapping[str, float] | None = None) -> list[Any]:
        """The first value of each parameter: as `init` says, else as the data say, else what the model says, else 0.

        Draws come from a stream of the seed.
        """
        said = {**program.starts, **(of_data or {}), **self.init}
        values = [(p, said.get(p.name, 0.0)) for p in program.parameters]
        drawn = any(isinstance(value, str) for _p, value in values)
        generator = generator_of(self.seed) if drawn else None  # `numpy.random` takes a while to import
        found = [starting_value(p.name, value, generator, p.shape) for p, value in values]
        for k, p in enumerate(program.parameters):
            if p.name in program.by_level and p.shape and len(self.init) > 0:
                for place, name in enumerate(program.by_level[p.name].names):
                    if name in self.init:
                        found[k][place] = starting_value(name, self.init[name], generator)
        return found

    def further_starts(self, program: Program) -> list[npt.NDArray[np.float64]]:
        """`starts` - 1 more points to start from: drawn as `init` or a layer says, else within bounds, else nearby."""
        if self.starts == 1:
            return []
        generator = np.random.default_rng([self.seed, 3])
        said = {**program.starts, **self.init}

        def drawn(p: Expr) -> Any:
            if p.shape:
                return np.ravel(starting_value(p.name, said.get(p.name, 0.0), generator, p.shape))
            return [self._another(p.name, generator)]

        return [np.concatenate([drawn(p) for p in program.parameters]) for _k in range(self.starts - 1)]

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
